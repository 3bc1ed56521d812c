package practices

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

const readyRole = "ready-role"

// readyFixture makes one item fail, by one setting, and says which refusal leaves it unknown.
type readyFixture struct {
	function string // "" is till
	traffic  string // of the flow log
	fail     func(*world)
	denied   string
	also     string // items that cannot but change with it
}

func (w *world) eachTrail(do func(name string)) {
	list, _ := w.do("CloudTrail:DescribeTrails", obj{})["trailList"].([]any)
	if len(list) == 0 {
		w.t.Fatal("no trail")
	}
	for _, x := range list {
		do(text(x.(obj), "Name")) //nolint:forcetypeassert // a test
	}
}

func (w *world) selects(events ...obj) {
	w.eachTrail(func(name string) {
		w.do("CloudTrail:PutEventSelectors", obj{"TrailName": name, "EventSelectors": events})
	})
}

func readyEvents(kind, value string) obj {
	return obj{"ReadWriteType": "All", "IncludeManagementEvents": true, "DataResources": []obj{{"Type": kind, "Values": []string{value}}}}
}

// readyWorld makes everything of the account ready for till.
func readyWorld(w *world) {
	w.do("S3:CreateBucket", obj{"Bucket": "evidence-trail", "CreateBucketConfiguration": obj{"LocationConstraint": region}})
	w.do("CloudTrail:CreateTrail", obj{"Name": "evidence", "S3BucketName": "evidence-trail", "IsMultiRegionTrail": true, "EnableLogFileValidation": true})
	w.do("CloudTrail:StartLogging", obj{"Name": "evidence"})
	w.selects(readyEvents("AWS::Lambda::Function", "arn:aws:lambda"), readyEvents("AWS::S3::Object", "arn:aws:s3"))
	w.ids["ready-key"] = text(w.do("KMS:CreateKey", obj{}), "KeyMetadata.Arn")
	w.cloud.StageNetwork(account, region, awssim.Network{
		Subnets:  []ec2types.Subnet{{SubnetId: aws.String("subnet-0aaaaaaaaaaaaaaaa"), VpcId: aws.String("vpc-1"), CidrBlock: aws.String("10.1.0.0/24"), AvailabilityZone: aws.String(region + "a")}},
		Groups:   []ec2types.SecurityGroup{{GroupId: aws.String("sg-0aaaaaaaaaaaaaaaa"), GroupName: aws.String("till"), VpcId: aws.String("vpc-1"), Description: aws.String("till")}},
		FlowLogs: []ec2types.FlowLog{{FlowLogId: aws.String("fl-1"), ResourceId: aws.String("vpc-1"), TrafficType: ec2types.TrafficType(w.ids["traffic"]), FlowLogStatus: aws.String("ACTIVE")}},
	})
	w.do("IAM:CreateRole", obj{"RoleName": readyRole, "AssumeRolePolicyDocument": policy(`{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`)})
	w.do("IAM:PutRolePolicy", obj{"RoleName": readyRole, "PolicyName": "all", "PolicyDocument": allowAll})
	w.do("CloudWatchLogs:CreateLogGroup", obj{"logGroupName": "/aws/lambda/" + till})
	w.do("CloudWatchLogs:PutRetentionPolicy", obj{"logGroupName": "/aws/lambda/" + till, "retentionInDays": 400})
	w.do("Lambda:CreateFunction", obj{"FunctionName": till, "Role": roleARN(readyRole), "Runtime": "python3.13", "Handler": "index.handler", "Code": obj{"ZipFile": zipped("1")}, "Publish": true,
		"TracingConfig": obj{"Mode": "Active"}, "KMSKeyArn": w.ids["ready-key"], "Environment": obj{"Variables": obj{"STAGE": "prod"}},
		"VpcConfig": obj{"SubnetIds": []string{"subnet-0aaaaaaaaaaaaaaaa"}, "SecurityGroupIds": []string{"sg-0aaaaaaaaaaaaaaaa"}}})
	w.do("ConfigService:PutConfigurationRecorder", obj{"ConfigurationRecorder": obj{"name": "default", "roleARN": roleARN(readyRole), "recordingGroup": obj{"allSupported": true}}})
	w.do("ConfigService:StartConfigurationRecorder", obj{"ConfigurationRecorderName": "default"})
	w.ids["detector"] = text(w.do("GuardDuty:CreateDetector", obj{"Enable": true, "Features": []obj{{"Name": "LAMBDA_NETWORK_LOGS", "Status": "ENABLED"}}}), "DetectorId")
}

// newReadyWorld is an account of its own: what the nine areas need of theirs is no matter here.
func newReadyWorld(t *testing.T, traffic string) *world {
	t.Helper()
	time.Sleep(time.Until(today().AddDate(0, 0, -60)))
	w := &world{t: t, ids: map[string]string{"traffic": traffic}, cloud: awssim.New(awssim.Config{AccountID: account, Region: region})}
	w.keys = w.cloud.Bootstrap(account, "olivia", allowAll)
	readyWorld(w)
	time.Sleep(time.Until(today().Add(-2 * time.Hour)))
	return w
}

func (w *world) readiness(function string) (*Readiness, *memory) {
	w.t.Helper()
	m := &memory{own: map[string][]byte{}}
	c := newCase(w.t, m)
	s, err := awsapi.Connect(w.t.Context(), awsapi.Options{Region: region, EndpointURL: endpoint, HTTPClient: w.cloud.Client(), ReadOnly: true,
		Credentials: credentials.NewStaticCredentialsProvider(w.keys.AccessKeyID, w.keys.SecretAccessKey, "")})
	if err != nil {
		w.t.Fatal(err)
	}
	target, err := collect.ParseTarget(account, region, function)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, _, err := collect.Into(w.t.Context(), s, c, evidence.Header{Operator: "o"}, []collect.Target{target}, collect.Options{Unpaced: true, TrailBuckets: []string{collect.AutoTrailBucket}}); err != nil {
		w.t.Fatal(err)
	}
	r, err := AssessReadiness(w.t.Context(), reopened(w.t, m), Options{Now: today()})
	if err != nil {
		w.t.Fatal(err)
	}
	return r, m
}

func (r *Readiness) of(item string) ReadinessResult {
	for _, x := range r.Items {
		if x.ID == string(ForensicReadiness)+"/"+item {
			return x
		}
	}
	return ReadinessResult{}
}

func readyFixtures() map[string]readyFixture {
	return map[string]readyFixture{
		"trail": {fail: func(w *world) { w.do("CloudTrail:StopLogging", obj{"Name": "evidence"}) }, denied: "CloudTrail:DescribeTrails", also: "lambda-data-events s3-data-events trail-digests trail-bucket"},
		"lambda-data-events": {fail: func(w *world) {
			w.selects(readyEvents("AWS::Lambda::Function", functionARN("other")), readyEvents("AWS::S3::Object", "arn:aws:s3"))
		}, denied: "CloudTrail:GetEventSelectors"},
		"s3-data-events": {fail: func(w *world) {
			w.selects(readyEvents("AWS::Lambda::Function", functionARN(till)), readyEvents("AWS::S3::Object", "arn:aws:s3:::one/"))
		}, denied: "CloudTrail:GetEventSelectors"},
		"trail-digests": {fail: func(w *world) {
			w.do("CloudTrail:UpdateTrail", obj{"Name": "evidence", "EnableLogFileValidation": false})
		}, denied: "CloudTrail:GetTrailStatus"},
		"trail-bucket": {denied: "S3:HeadBucket"},
		"log-group":    {fail: func(w *world) { w.do("CloudWatchLogs:DeleteLogGroup", obj{"logGroupName": "/aws/lambda/" + till}) }, denied: "CloudWatchLogs:DescribeLogGroups", also: "log-retention"},
		"log-retention": {fail: func(w *world) {
			w.do("CloudWatchLogs:PutRetentionPolicy", obj{"logGroupName": "/aws/lambda/" + till, "retentionInDays": 30})
		}, denied: "CloudWatchLogs:DescribeLogGroups"},
		"versions": {fail: func(w *world) { w.ids["function"] = "bare"; w.do("Lambda:CreateFunction", bareFunction()) }, denied: "Lambda:ListVersionsByFunction"},
		"reader": {fail: func(w *world) {
			w.cloud.Inject(awssim.Fault{Op: "Lambda:GetFunctionRecursionConfig", Fail: awssim.Fail{Denied: true}})
		}},
		"xray": {fail: configure(obj{"TracingConfig": obj{"Mode": "PassThrough"}}), denied: "Lambda:GetFunction"},
		"config": {fail: func(w *world) {
			w.do("ConfigService:StopConfigurationRecorder", obj{"ConfigurationRecorderName": "default"})
		}, denied: "ConfigService:DescribeConfigurationRecorderStatus"},
		"guardduty": {fail: func(w *world) {
			w.do("GuardDuty:UpdateDetector", obj{"DetectorId": w.ids["detector"], "Features": []obj{{"Name": "LAMBDA_NETWORK_LOGS", "Status": "DISABLED"}}})
		}, denied: "GuardDuty:GetDetector"},
		"keys": {fail: func(w *world) {
			w.do("KMS:ScheduleKeyDeletion", obj{"KeyId": w.ids["ready-key"], "PendingWindowInDays": 7})
		}, denied: "KMS:DescribeKey"},
		"image-tags": {function: image, fail: func(*world) {}, denied: "ECR:DescribeRepositories"},
		"flow-logs":  {traffic: "REJECT", fail: func(*world) {}, denied: "EC2:DescribeFlowLogs"},
	}
}

func bareFunction() obj {
	return obj{"FunctionName": "bare", "Role": roleARN(readyRole), "Runtime": "python3.13", "Handler": "index.handler", "Code": obj{"ZipFile": zipped("bare")}}
}

// TestReadinessItems: each item passes where all is ready, fails without what it asks for, and is
// unknown where the call that would tell is refused; the score moves by its weight.
func TestReadinessItems(t *testing.T) {
	var ready *Readiness
	synctest.Test(t, func(t *testing.T) { ready, _ = newReadyWorld(t, "ALL").readiness(till) })
	sum := 0
	for _, k := range ReadinessItems() {
		sum += k.Weight
		if v := ready.of(strings.TrimPrefix(k.ID, "forensic-readiness/")).Verdict; v != Pass && k.ID != "forensic-readiness/image-tags" {
			t.Errorf("where all is ready, %s is %q: %+v", k.ID, v, ready.of(strings.TrimPrefix(k.ID, "forensic-readiness/")))
		}
	}
	if sum != 100 || ready.Score != 100 || ready.Reach != 100 || len(ready.First) != 0 {
		t.Errorf("weights of %d, a score of %d, reach %d, to do: %q", sum, ready.Score, ready.Reach, ready.First)
	}
	synctest.Test(t, func(t *testing.T) {
		w := newReadyWorld(t, "ALL")
		w.images("IMMUTABLE")
		if r, _ := w.readiness(image); r.of("image-tags").Verdict != Pass {
			t.Errorf("tags that stay: %+v", r.of("image-tags"))
		}
	})
	cells, skipped, i := 0, 0, 0
	for _, k := range ReadinessItems() {
		name := strings.TrimPrefix(k.ID, "forensic-readiness/")
		x, known := readyFixtures()[name]
		if i++; testing.Short() && i%5 != 0 {
			skipped++
			continue
		}
		if !known || x.fail == nil && x.denied == "" {
			t.Errorf("%s has no fixture", name)
		}
		if x.fail != nil {
			cells++
			synctest.Test(t, func(t *testing.T) { x.cell(t, name, k, Fail) })
		}
		if x.denied != "" {
			cells++
			synctest.Test(t, func(t *testing.T) { x.cell(t, name, k, Unknown) })
		}
	}
	t.Logf("%d items, %d cells, %d skipped", i, cells, skipped)
}

func (x readyFixture) cell(t *testing.T, name string, k ReadinessItem, want Verdict) {
	traffic := "ALL"
	if want == Fail && x.traffic != "" {
		traffic = x.traffic
	}
	w := newReadyWorld(t, traffic)
	w.ids["function"] = till
	if x.function == image {
		w.images(map[Verdict]string{Fail: "MUTABLE", Unknown: "IMMUTABLE"}[want])
	}
	if want == Fail {
		x.fail(w)
	} else {
		w.cloud.Inject(awssim.Fault{Op: x.denied, Fail: awssim.Fail{Denied: true}})
	}
	r, _ := w.readiness(w.ids["function"])
	got := r.of(name)
	if got.Verdict != want {
		t.Fatalf("%s: %q, want %q: %s %+v", name, got.Verdict, want, got.Seen, got.Gap)
	}
	if want == Unknown && (got.Gap == nil || r.Reach <= r.Score) || want == Fail && len(got.Evidence) == 0 {
		t.Errorf("%s: %+v, score %d, reach %d", name, got, r.Score, r.Reach)
	}
	if !slices.ContainsFunc(r.First, func(do string) bool { return strings.HasSuffix(do, k.Do) }) {
		t.Errorf("%s: nobody says %q: %q", name, k.Do, r.First)
	}
	if x.also == "" && want == Fail && w.ids["function"] == till && r.Score != 100*(99-k.Weight)/99 {
		t.Errorf("%s of weight %d fails, and the score is %d", name, k.Weight, r.Score)
	}
}

// images makes a function of an image, in a repository whose tags stay or do not.
func (w *world) images(mutability string) {
	w.do("ECR:CreateRepository", obj{"repositoryName": "till", "imageTagMutability": mutability})
	cfg := aws.Config{Region: region, BaseEndpoint: aws.String(endpoint), HTTPClient: w.cloud.Client(), Credentials: credentials.NewStaticCredentialsProvider(w.keys.AccessKeyID, w.keys.SecretAccessKey, "")}
	if _, err := bench.PushImage(w.t.Context(), cfg, "till", "v1", "till"); err != nil {
		w.t.Fatal(err)
	}
	w.do("Lambda:CreateFunction", obj{"FunctionName": image, "Role": roleARN(readyRole), "PackageType": "Image", "Code": obj{"ImageUri": account + ".dkr.ecr." + region + ".amazonaws.com/till:v1"}})
	w.ids["function"] = image
}

// TestAdvancedSelectors: what narrows a selector keeps it from counting, and what this does not know narrows.
func TestAdvancedSelectors(t *testing.T) {
	category, kind := `{"Field":"eventCategory","Equals":["Data"]}`, `{"Field":"resources.type","Equals":["AWS::Lambda::Function"]}`
	for more, want := range map[string]bool{
		"": true,
		`,{"Field":"resources.ARN","StartsWith":["arn:aws:lambda:eu-central-1:123456789012:function:ti"]}`: true,
		`,{"Field":"resources.ARN","NotEquals":["` + functionARN(till) + `"]}`:                             false,
		`,{"Field":"resources.ARN","Equals":["` + functionARN("other") + `"]}`:                             false,
		`,{"Field":"readOnly","Equals":["true"]}`:                                                          false,
		`,{"Field":"userIdentity.arn","NotStartsWith":["arn:aws:iam::1"]}`:                                 false,
	} {
		var s selectors
		if err := json.Unmarshal([]byte(`{"AdvancedEventSelectors":[{"FieldSelectors":[`+category+`,`+kind+more+`]}]}`), &s); err != nil {
			t.Fatal(err)
		}
		if got := s.calls(functionARN(till)); got != want {
			t.Errorf("%q: %v", more, got)
		}
		if s.advanced("Data", "AWS::S3::Object") || s.advanced("Management", "") {
			t.Errorf("%q counts for what it is not of", more)
		}
	}
}
