package awssim

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	cttypes "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
)

const trustEC2 = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com","AWS":"*"},"Action":"sts:AssumeRole"}]}`

// realScript makes, on the simulator, the calls that the published records show.
type realScript struct {
	t   *testing.T
	ctx context.Context
	c   *Cloud
	cfg aws.Config
	at  *frozen
}

// settle lets what is under way end.
func (s realScript) settle() { s.at.at = s.at.at.Add(2 * time.Minute) }

// try makes a call that the comparison wants; whether it works shows there.
func try[T any](s realScript, what string, v T, err error) T {
	if err != nil {
		s.t.Logf("%s: %v", what, err)
	}
	return v
}

func (s realScript) iam() {
	cl := iam.NewFromConfig(s.cfg)
	user, role := aws.String("malicious"), aws.String("role")
	_, err := cl.CreateUser(s.ctx, &iam.CreateUserInput{UserName: user, Tags: []iamtypes.Tag{{Key: aws.String("StratusRedTeam"), Value: aws.String("true")}}})
	try(s, "CreateUser", 0, err)
	_, err = cl.AttachUserPolicy(s.ctx, &iam.AttachUserPolicyInput{UserName: user, PolicyArn: aws.String("arn:aws:iam::aws:policy/AdministratorAccess")})
	try(s, "AttachUserPolicy", 0, err)
	_, err = cl.CreateAccessKey(s.ctx, &iam.CreateAccessKeyInput{UserName: user})
	try(s, "CreateAccessKey", 0, err)
	_, err = cl.CreateLoginProfile(s.ctx, &iam.CreateLoginProfileInput{UserName: user, Password: aws.String("S3cret-Passw0rd!")})
	try(s, "CreateLoginProfile", 0, err)
	_, err = cl.UpdateLoginProfile(s.ctx, &iam.UpdateLoginProfileInput{UserName: user, Password: aws.String("S3cret-Passw1rd!")})
	try(s, "UpdateLoginProfile", 0, err)
	_, err = cl.CreateRole(s.ctx, &iam.CreateRoleInput{RoleName: role, AssumeRolePolicyDocument: aws.String(trustEC2),
		PermissionsBoundary: aws.String("arn:aws:iam::aws:policy/AdministratorAccess")})
	try(s, "CreateRole", 0, err)
	_, err = cl.AttachRolePolicy(s.ctx, &iam.AttachRolePolicyInput{RoleName: role, PolicyArn: aws.String("arn:aws:iam::aws:policy/AdministratorAccess")})
	try(s, "AttachRolePolicy", 0, err)
	_, err = cl.UpdateAssumeRolePolicy(s.ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: role, PolicyDocument: aws.String(trustEC2)})
	try(s, "UpdateAssumeRolePolicy", 0, err)
}

func (s realScript) sts() {
	cl := sts.NewFromConfig(s.cfg)
	as, err := cl.AssumeRole(s.ctx, &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::" + s.c.AccountID() + ":role/role"), RoleSessionName: aws.String("go-sdk"), DurationSeconds: aws.Int32(900)})
	try(s, "AssumeRole", 0, err)
	_, err = cl.AssumeRole(s.ctx, &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::" + s.c.AccountID() + ":role/missing"), RoleSessionName: aws.String("go-sdk")})
	try(s, "AssumeRole of a role that is not there", 0, err)
	fed, err := cl.GetFederationToken(s.ctx, &sts.GetFederationTokenInput{Name: aws.String("fed"), Policy: aws.String(allowAll)})
	try(s, "GetFederationToken", 0, err)
	s.whoami(s.cfg)
	if as != nil {
		s.whoami(s.session(as.Credentials))
	}
	if fed != nil {
		s.whoami(s.session(fed.Credentials))
	}
}

func (s realScript) session(c *ststypes.Credentials) aws.Config {
	return clientConfig(s.c, Credentials{*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken})
}

func (s realScript) whoami(cfg aws.Config) {
	_, err := sts.NewFromConfig(cfg).GetCallerIdentity(s.ctx, &sts.GetCallerIdentityInput{})
	try(s, "GetCallerIdentity", 0, err)
}

func (s realScript) lambda() {
	cl := lambda.NewFromConfig(s.cfg)
	layer, err := cl.PublishLayerVersion(s.ctx, &lambda.PublishLayerVersionInput{LayerName: aws.String("ext"), Content: &lambdatypes.LayerVersionContentInput{ZipFile: tinyZip(s.t)}})
	try(s, "PublishLayerVersion", 0, err)
	_, err = cl.CreateFunction(s.ctx, &lambda.CreateFunctionInput{FunctionName: aws.String("f"), Runtime: lambdatypes.RuntimePython310, Handler: aws.String("f.handler"),
		Role: aws.String("arn:aws:iam::" + s.c.AccountID() + ":role/role"), Code: &lambdatypes.FunctionCode{ZipFile: tinyZip(s.t)}})
	try(s, "CreateFunction", 0, err)
	s.settle()
	arn := aws.String("arn:aws:lambda:us-east-1:" + s.c.AccountID() + ":function:f")
	_, err = cl.UpdateFunctionCode(s.ctx, &lambda.UpdateFunctionCodeInput{FunctionName: arn, ZipFile: tinyZip(s.t), Publish: true})
	try(s, "UpdateFunctionCode", 0, err)
	s.settle()
	in := &lambda.UpdateFunctionConfigurationInput{FunctionName: arn}
	if layer != nil {
		in.Layers = []string{*layer.LayerVersionArn}
	}
	_, err = cl.UpdateFunctionConfiguration(s.ctx, in)
	try(s, "UpdateFunctionConfiguration", 0, err)
	_, err = cl.AddPermission(s.ctx, &lambda.AddPermissionInput{FunctionName: aws.String("f"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("*"), StatementId: aws.String("backdoor")})
	try(s, "AddPermission", 0, err)
}

func (s realScript) cloudtrail() {
	_, err := s3.NewFromConfig(s.cfg).CreateBucket(s.ctx, &s3.CreateBucketInput{Bucket: aws.String("trail-bucket")})
	try(s, "CreateBucket", 0, err)
	_, err = s3.NewFromConfig(s.cfg).PutBucketPolicy(s.ctx, &s3.PutBucketPolicyInput{Bucket: aws.String("trail-bucket"), Policy: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":["s3:GetBucketAcl","s3:PutObject"],"Resource":["arn:aws:s3:::trail-bucket","arn:aws:s3:::trail-bucket/*"]}]}`)})
	try(s, "PutBucketPolicy", 0, err)
	cl := cloudtrail.NewFromConfig(s.cfg)
	name := aws.String("trail")
	_, err = cl.CreateTrail(s.ctx, &cloudtrail.CreateTrailInput{Name: name, S3BucketName: aws.String("trail-bucket")})
	try(s, "CreateTrail", 0, err)
	_, err = cl.PutEventSelectors(s.ctx, &cloudtrail.PutEventSelectorsInput{TrailName: name, EventSelectors: []cttypes.EventSelector{{
		ReadWriteType: cttypes.ReadWriteTypeReadOnly, IncludeManagementEvents: aws.Bool(false), ExcludeManagementEventSources: []string{},
		DataResources: []cttypes.DataResource{{Type: aws.String("AWS::S3::Object"), Values: []string{}}, {Type: aws.String("AWS::Lambda::Function"), Values: []string{}}}}}})
	try(s, "PutEventSelectors", 0, err)
	_, err = cl.StopLogging(s.ctx, &cloudtrail.StopLoggingInput{Name: name})
	try(s, "StopLogging", 0, err)
	_, err = cl.DeleteTrail(s.ctx, &cloudtrail.DeleteTrailInput{Name: name})
	try(s, "DeleteTrail", 0, err)
}

// trailSample is a record with what it is grouped by.
type trailSample struct {
	EventSource, EventName, ErrorCode string
	UserIdentity                      struct{ Type string }
	raw                               map[string]any
}

// group: records of one event name, told apart by whether they failed and by
// the kind of principal.
func (r trailSample) group() string {
	outcome := "done"
	if isDenied(r.ErrorCode) {
		outcome = "denied"
	} else if r.ErrorCode != "" {
		outcome = "failed"
	}
	return strings.Join([]string{r.EventSource, r.EventName, outcome, r.UserIdentity.Type}, " ")
}

func readRecord(t *testing.T, raw []byte) trailSample {
	t.Helper()
	var r trailSample
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &r.raw); err != nil {
		t.Fatal(err)
	}
	return r
}

func realRecords(t *testing.T) map[string][]trailSample {
	files := must(filepath.Glob(filepath.Join(sharedData(t, "data/cloudtrail/stratus"), "*.json")))(t)
	out := map[string][]trailSample{}
	for _, f := range files {
		var all []json.RawMessage
		if err := json.Unmarshal(must(os.ReadFile(f))(t), &all); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		for _, raw := range all {
			r := readRecord(t, raw)
			out[r.group()] = append(out[r.group()], r)
		}
	}
	return out
}

// paths are the key paths of a record: a.b for objects, a[].b for lists. An
// empty object or list is a path of its own.
func paths(at string, v any, out map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			paths(at+"."+k, e, out)
		}
	case []any:
		for _, e := range v {
			paths(at+"[]", e, out)
		}
		if len(v) == 0 {
			out[at+"[]"] = true
		}
		return
	}
	out[at] = true
}

// excused are paths in which ours may differ, with the reason.
func excused(group, path string) string {
	switch {
	case strings.HasPrefix(path, ".userIdentity.sessionContext.ec2RoleDelivery"):
		return "the published session is an EC2 instance's"
	case path == ".requestParameters.durationSeconds" || path == ".requestParameters.policy":
		return "as the caller asked"
	case strings.HasPrefix(group, "lambda.") && slices.Contains([]string{".responseElements.configSha256"}, path):
		return "in records since 2025"
	}
	return ""
}

// TestRecordsLikeRealOnes compares the key paths of simulated records with those
// of real ones, for every event name that both have.
func TestRecordsLikeRealOnes(t *testing.T) {
	real := realRecords(t)
	clock := &frozen{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	c := New(Config{Settle: time.Minute, Clock: clock})
	cfg := clientConfig(c, c.Bootstrap(c.AccountID(), "christophe", allowAll))
	s := realScript{t, context.Background(), c, checked(t, c, cfg), clock}
	s.iam()
	s.sts()
	s.lambda()
	s.cloudtrail()
	compared := 0
	for _, raw := range c.Records() {
		ours := readRecord(t, raw)
		theirs := real[ours.group()]
		if len(theirs) == 0 {
			continue
		}
		compared++
		comparePaths(t, ours, theirs)
		delete(real, ours.group())
	}
	for _, group := range slices.Sorted(maps.Keys(real)) {
		why, ours := c.whyNotCompared(group)
		switch {
		case ours && why == "":
			t.Errorf("no simulated record to hold against: %s", group)
		case ours:
			t.Logf("not compared: %s: %s", group, why)
		}
	}
	if compared < 15 {
		t.Errorf("only %d kinds of record compared", compared)
	}
	t.Logf("%d kinds of record compared", compared)
}

// whyNotCompared is the reason that a kind of real record has no simulated one;
// ours says whether its service is simulated at all.
func (c *Cloud) whyNotCompared(group string) (why string, ours bool) {
	p := strings.Split(group, " ")
	service, _, _ := strings.Cut(p[0], ".")
	if !slices.Contains([]string{"iam", "sts", "lambda", "cloudtrail"}, service) {
		return "", false
	}
	switch group {
	case "iam.amazonaws.com DeleteLoginProfile failed IAMUser":
		return "IAM was still creating the profile", true
	}
	for k := range c.core.ops {
		if k.service == service && eventName(service, k.name) == p[1] {
			return "", true
		}
	}
	return "not simulated yet", true
}

func comparePaths(t *testing.T, ours trailSample, theirs []trailSample) {
	have, want, any1 := map[string]bool{}, map[string]bool{}, map[string]bool{}
	paths("", ours.raw, have)
	paths("", theirs[0].raw, want)
	for _, r := range theirs {
		paths("", r.raw, any1)
	}
	for _, p := range slices.Sorted(maps.Keys(want)) {
		if !have[p] && excused(ours.group(), p) == "" {
			t.Errorf("%s: %s is missing", ours.group(), p)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(have)) {
		if !any1[p] && excused(ours.group(), p) == "" {
			t.Errorf("%s: %s is in no real record", ours.group(), p)
		}
	}
}
