package attackers

import (
	"archive/zip"
	"bytes"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

const (
	home     = "111122223333" // the account of the incident
	vendor   = "999988887777" // whose build robot deploys, and whose key was stolen
	away     = "777766665555" // the attacker's own account
	region   = "eu-west-1"
	function = "payments"
	endpoint = "http://attackers.invalid"

	functionARN = "arn:aws:lambda:" + region + ":" + home + ":function:" + function
	roleARN     = "arn:aws:iam::" + home + ":role/payments-role"
	readerARN   = "arn:aws:iam::" + home + ":role/data-reader"
	deployARN   = "arn:aws:iam::" + home + ":role/ci-deploy"
	awayQueue   = "arn:aws:sqs:" + region + ":" + away + ":loot"

	everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	subnet     = "subnet-0123456789abcdef0"
	group      = "sg-0123456789abcdef0"
	lambdaOnly = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
)

// world is the account of one incident. Time is that of a bubble of synctest.
type world struct {
	t         *testing.T
	cloud     *awssim.Cloud
	responder *awsapi.Session
	kase      *evidence.Case

	owner, app, foreign, robot aws.Config // robot: the vendor's key, which its thief holds too
	appKeys                    awssim.Credentials
	ci                         aws.Config // the thief's session of the deploy role
	stolen, chained            aws.Config // taken out of the function before anybody noticed

	hostile  func(*lambda.GetFunctionConfigurationOutput) bool // is that the attacker's code?
	warm     bool                                              // an environment is the attacker's, whatever its code
	inFlight bool                                              // runs begun before concurrency 0 are still there
	begun    time.Time                                         // when the break-in was
	notes    map[string]string
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) config(c awssim.Credentials) aws.Config {
	return aws.Config{Region: region, BaseEndpoint: aws.String(endpoint), HTTPClient: w.cloud.Client(), Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken)}
}

// newWorld is the account at peace: a function in two versions behind two aliases, called by
// an application, a queue, a rule and a signed URL, and deployed by a vendor's robot.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, notes: map[string]string{}, hostile: func(*lambda.GetFunctionConfigurationOutput) bool { return false }}
	w.cloud = awssim.New(awssim.Config{AccountID: home, Region: region, Seed: 11, Settle: 2 * time.Second, IAMDelay: 3 * time.Second, TrailDelay: time.Minute})
	w.owner = w.config(w.cloud.Bootstrap(home, "olivia", everything))
	w.appKeys = w.cloud.Bootstrap(home, "shop", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["lambda:InvokeFunction","lambda:InvokeFunctionUrl"],"Resource":"*"}]}`)
	w.app = w.config(w.appKeys)
	w.robot = w.config(w.cloud.Bootstrap(vendor, "build-robot", everything))
	w.foreign = w.config(w.cloud.Bootstrap(away, "mallory", everything))
	w.cloud.StageNetwork(home, region, awssim.Network{
		Subnets: []ec2types.Subnet{{SubnetId: aws.String(subnet), VpcId: aws.String("vpc-0123456789abcdef0"), CidrBlock: aws.String("10.0.0.0/24"), State: ec2types.SubnetStateAvailable, AvailabilityZone: aws.String(region + "a")}},
		Groups:  []ec2types.SecurityGroup{{GroupId: aws.String(group), VpcId: aws.String("vpc-0123456789abcdef0"), GroupName: aws.String("payments"), Description: aws.String("payments")}},
	})
	w.roles()
	w.stores()
	settle()
	w.functions()
	w.callers()
	settle()
	w.responder = w.session(w.cloud.Bootstrap(home, "responder", containPolicy(t, function)))
	v, err := vault.NewFolder(t.TempDir())
	must(t, err)
	w.kase, err = evidence.CreateCase(t.Context(), v, evidence.CaseOptions{Title: "attackers", Authority: "a test", Operator: "rita", Home: t.TempDir()})
	must(t, err)
	identity, err := os.ReadFile(w.kase.IdentityPath)
	must(t, err)
	w.kase.SecretIdentities, err = evidence.ParseIdentities(identity)
	must(t, err)
	w.collected()
	return w
}

// collected is what the case holds from before the attack: the state that acts go back to.
func (w *world) collected() {
	w.t.Helper()
	target, err := collect.ParseTarget(home, region, function)
	must(w.t, err)
	reader := w.session(w.cloud.Bootstrap(home, "collector", everything))
	_, _, err = collect.Into(w.t.Context(), reader.ReadOnly(), w.kase, evidence.Header{Operator: "rita"}, []collect.Target{target},
		collect.Options{Unpaced: true, Only: []string{"lambda.configuration", "lambda.aliases", "lambda.code", "lambda.environment", "iam.role"}})
	must(w.t, err)
	settle()
}

// settle lets everything that is on its way arrive.
func settle() { time.Sleep(time.Minute) }

// containPolicy is what `doctor --policy contain` prints, for these functions.
func containPolicy(t *testing.T, functions ...string) string {
	t.Helper()
	doc, err := contain.Policy(func(template string) []string {
		var all []string
		for _, f := range functions {
			target, err := collect.ParseTarget(home, region, f)
			must(t, err)
			for _, r := range collect.Resources(target)(template) {
				if !slices.Contains(all, r) {
					all = append(all, r)
				}
			}
		}
		return all
	})
	must(t, err)
	return string(doc)
}

func (w *world) session(c awssim.Credentials) *awsapi.Session {
	w.t.Helper()
	s, err := awsapi.Connect(w.t.Context(), awsapi.Options{Region: region, EndpointURL: endpoint, HTTPClient: w.cloud.Client(),
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken)})
	must(w.t, err)
	return s
}

func (w *world) roles() {
	w.t.Helper()
	c := iam.NewFromConfig(w.owner)
	for _, r := range []struct{ name, trust, policy string }{
		{"payments-role", lambdaOnly, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:ListAllMyBuckets","sqs:*","logs:*","ec2:CreateNetworkInterface","ec2:DescribeNetworkInterfaces","ec2:DeleteNetworkInterface"],"Resource":"*"},` +
			`{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"` + readerARN + `"},` +
			`{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"security"}}}]}`},
		{"data-reader", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + roleARN + `"},"Action":"sts:AssumeRole"}]}`,
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`},
		{"ci-deploy", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + vendor + `:user/build-robot"},"Action":"sts:AssumeRole"}]}`, everything},
	} {
		_, err := c.CreateRole(w.t.Context(), &iam.CreateRoleInput{RoleName: &r.name, AssumeRolePolicyDocument: &r.trust})
		must(w.t, err)
		_, err = c.PutRolePolicy(w.t.Context(), &iam.PutRolePolicyInput{RoleName: &r.name, PolicyName: aws.String("work"), PolicyDocument: &r.policy})
		must(w.t, err)
		settle()
	}
}

func (w *world) stores() {
	w.t.Helper()
	_, err := bucketsOf(w.owner).CreateBucket(w.t.Context(), &s3.CreateBucketInput{Bucket: aws.String("artefacts"),
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(region)}})
	must(w.t, err)
	for _, q := range []string{"orders", "dead"} {
		_, err := sqs.NewFromConfig(w.owner).CreateQueue(w.t.Context(), &sqs.CreateQueueInput{QueueName: &q})
		must(w.t, err)
	}
	_, err = sqs.NewFromConfig(w.foreign).CreateQueue(w.t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("loot"),
		Attributes: map[string]string{"Policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"` + awayQueue + `"}]}`}})
	must(w.t, err)
}

func bucketsOf(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
}

func (w *world) functions() {
	w.t.Helper()
	c, ctx, name := lambda.NewFromConfig(w.owner), w.t.Context(), aws.String(function)
	_, err := c.CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: name, Role: aws.String(roleARN), Runtime: lt.RuntimePython313, Handler: aws.String("app.handler"),
		Code: &lt.FunctionCode{ZipFile: pack(w.t, "good 1")}, Environment: &lt.Environment{Variables: map[string]string{"TABLE": "prod"}}, Publish: true, Tags: map[string]string{"team": "pay"},
		VpcConfig: &lt.VpcConfig{SubnetIds: []string{subnet}, SecurityGroupIds: []string{group}}})
	must(w.t, err)
	settle()
	_, err = c.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: name, ZipFile: pack(w.t, "good 2"), Publish: true})
	must(w.t, err)
	settle()
	for alias, v := range map[string]string{"live": "2", "canary": "1"} {
		_, err = c.CreateAlias(ctx, &lambda.CreateAliasInput{FunctionName: name, Name: aws.String(alias), FunctionVersion: aws.String(v)})
		must(w.t, err)
	}
}

// callers are those of the owner: a queue, a rule, a URL for whoever may sign.
func (w *world) callers() {
	w.t.Helper()
	c, ctx, name := lambda.NewFromConfig(w.owner), w.t.Context(), aws.String(function)
	_, err := c.CreateEventSourceMapping(ctx, &lambda.CreateEventSourceMappingInput{FunctionName: aws.String(function + ":live"), EventSourceArn: aws.String("arn:aws:sqs:" + region + ":" + home + ":orders")})
	must(w.t, err)
	w.rule(w.owner, "nightly", functionARN+":live", "live")
	url, err := c.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{FunctionName: name, Qualifier: aws.String("live"), AuthType: lt.FunctionUrlAuthTypeAwsIam})
	must(w.t, err)
	w.notes["url"] = aws.ToString(url.FunctionUrl)
}

// rule lets EventBridge call, as whoever makes it.
func (w *world) rule(by aws.Config, name, target, qualifier string) {
	w.t.Helper()
	ctx, events := w.t.Context(), eventbridge.NewFromConfig(by)
	out, err := events.PutRule(ctx, &eventbridge.PutRuleInput{Name: &name, ScheduleExpression: aws.String("rate(5 minutes)")})
	must(w.t, err)
	_, err = events.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: &name, Targets: []eventtypes.Target{{Id: aws.String("1"), Arn: &target}}})
	must(w.t, err)
	in := &lambda.AddPermissionInput{FunctionName: aws.String(function), StatementId: aws.String("rule-" + name), Action: aws.String("lambda:InvokeFunction"),
		Principal: aws.String("events.amazonaws.com"), SourceArn: out.RuleArn}
	if qualifier != "" {
		in.Qualifier = &qualifier
	}
	_, err = lambda.NewFromConfig(by).AddPermission(ctx, in)
	must(w.t, err)
}

func pack(t *testing.T, what string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("app.py")
	must(t, err)
	_, err = f.Write([]byte("# " + what + "\ndef handler(event, context): return 1\n"))
	must(t, err)
	must(t, z.Close())
	return b.Bytes()
}

// assume is a session of a role, as whoever holds cfg.
func (w *world) assume(cfg aws.Config, role string) (aws.Config, error) {
	out, err := sts.NewFromConfig(cfg).AssumeRole(w.t.Context(), &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("build")})
	if err != nil {
		return aws.Config{}, err
	}
	c := out.Credentials
	return w.config(awssim.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken}), nil
}

// environment is what code of a function finds in its environment now.
func (w *world) environment(arn string) (aws.Config, error) {
	c, err := w.cloud.ExecutionCredentials(arn)
	return w.config(c), err
}

// breakIn is how every attack begins: the vendor's key opens the deploy role, and what the
// function was holds credentials that somebody takes out, and goes on from.
func (w *world) breakIn() {
	w.t.Helper()
	w.begun = time.Now()
	var err error
	w.ci, err = w.assume(w.robot, deployARN)
	must(w.t, err)
	w.stolen, err = w.environment(functionARN)
	must(w.t, err)
	w.chained, err = w.assume(w.stolen, readerARN)
	must(w.t, err)
	settle()
}
