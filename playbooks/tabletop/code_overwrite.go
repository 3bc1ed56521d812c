package tabletop

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

// The cast of code-overwrite. Addresses are those reserved for documentation.
const (
	shop   = "123456789012"
	vendor = "999988887777" // the build vendor's account, outside

	shopRegion = "eu-west-1"
)

var (
	owner    = actor{"owner", "198.51.100.20", "aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/macos#25.1.0 md/arch#arm64 lang/python#3.13.7"}
	ci       = actor{"ci", "198.51.100.77", "aws-sdk-go-v2/1.48.0 ua/2.1 os/linux lang/go#1.26 md/GOOS#linux api/lambda#1.114.3"}
	runtime  = actor{"payments", "3.248.10.4", "Boto3/1.40.4 md/Botocore#1.40.4 ua/2.1 os/linux lang/python#3.12.11 exec-env/AWS_Lambda_python3.12"}
	mallory  = actor{"mallory", "203.0.113.66", "aws-cli/2.27.0 ua/2.1 os/linux#6.12-kali md/arch#x86_64 lang/python#3.13.2"}
	deployer = actor{"mallory-deployer", mallory.address, mallory.agent} // the role assumed with the vendor's stolen key
	thief    = actor{"stolen-role", mallory.address, mallory.agent}      // the execution role's credentials, used from outside
)

// environment is what payments is configured with. Tests look for its values where they
// must not be.
func environment() map[string]string {
	return map[string]string{
		"DB_PASSWORD":    "correct-horse/battery+staple=42",
		"STRIPE_API_KEY": "sk_live_51HxExampleExampleExample0Qz",
		"TABLE":          "payments-prod",
	}
}

// Secrets are the values in the environment of the exercise's functions that nobody may
// read outside the sealed part of a case.
func Secrets() []string {
	env := environment()
	return []string{env["DB_PASSWORD"], env["STRIPE_API_KEY"]}
}

func codeOverwrite() Scenario {
	return Scenario{
		Name:  "code-overwrite",
		Title: "a build vendor's stolen key overwrites the code of payments",
		About: "The vendor's build robot may deploy payments. Its key was stolen: somebody assumed the deploy role from\n" +
			"another address, replaced the code, opened the function to an outside account and to the world, and took\n" +
			"the execution role's credentials out of it.",
		Account: shop, Region: shopRegion, Function: "payments", Past: 6 * time.Hour,
		Stage:  stageShop,
		Attack: overwriteCode,
		Probes: []Probe{
			{"stolen role credentials list the shop's buckets from " + thief.address, true, func(ctx context.Context, w *World) (string, error) { return listBuckets(ctx, w, thief) }},
			{"anybody calls the function URL", true, callURL},
			{"the outside account invokes payments", true, func(ctx context.Context, w *World) (string, error) { return invoke(ctx, w, mallory, arn("payments")) }},
			{"invoices, a clean function, still answers", false, func(ctx context.Context, w *World) (string, error) { return invoke(ctx, w, owner, "invoices") }},
		},
		Open: []Remark{{
			What:    "the vendor's stolen key can still assume the deploy role and overwrite payments again",
			Command: "aws iam update-assume-role-policy --role-name ci-deploy --policy-document file://trust-without-vendor.json",
			Still: func(ctx context.Context, w *World) bool {
				_, err := assumeDeploy(ctx, w, mallory, "mallory-probe")
				return err == nil
			},
		}},
	}
}

func arn(function string) string {
	return "arn:aws:lambda:" + shopRegion + ":" + shop + ":function:" + function
}

// stageShop is five hours of ordinary life.
func stageShop(ctx context.Context, w *World) error {
	w.keep("owner", w.Cloud.Bootstrap(shop, "olivia", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`))
	robot := w.Cloud.Bootstrap(vendor, "build-robot", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:AssumeRole","lambda:InvokeFunction"],"Resource":"*"}]}`)
	w.keep("robot", robot)
	w.keep("mallory", robot) // the same key, in other hands
	return do(ctx, w.roles, w.stores, w.functions, w.firstDeployment, w.ordinaryRuns)
}

const lambdaTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

func (w *World) roles(ctx context.Context) error {
	c := iam.NewFromConfig(w.as(owner))
	for _, r := range []struct{ name, trust, policy string }{
		{"payments-role", lambdaTrust, `{"Version":"2012-10-17","Statement":[` +
			`{"Effect":"Allow","Action":["s3:ListAllMyBuckets","s3:GetObject","s3:ListBucket"],"Resource":"*"},` +
			`{"Effect":"Allow","Action":["sqs:ReceiveMessage","sqs:DeleteMessage","sqs:GetQueueAttributes","sqs:ListQueues"],"Resource":"*"},` +
			`{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]}`},
		{"invoices-role", lambdaTrust, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]}`},
		{"ci-deploy", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + vendor + `:user/build-robot"},"Action":"sts:AssumeRole"}]}`,
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:*","Resource":"arn:aws:lambda:*:` + shop + `:function:payments*"},` +
				`{"Effect":"Allow","Action":"lambda:ListFunctions","Resource":"*"},` +
				`{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::` + shop + `:role/payments-role"}]}`},
	} {
		if _, err := c.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String(r.name), AssumeRolePolicyDocument: aws.String(r.trust)}); err != nil {
			return fmt.Errorf("creating role %s: %w", r.name, err)
		}
		w.clock.Advance(7 * time.Second)
		if _, err := c.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String(r.name), PolicyName: aws.String("work"), PolicyDocument: aws.String(r.policy)}); err != nil {
			return fmt.Errorf("writing the policy of role %s: %w", r.name, err)
		}
		w.clock.Advance(20 * time.Second)
	}
	return nil
}

func (w *World) stores(ctx context.Context) error {
	bucket := s3.NewFromConfig(w.as(owner), func(o *s3.Options) { o.UsePathStyle = true })
	_, err := bucket.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("shop-customers"),
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(shopRegion)}})
	if err != nil {
		return fmt.Errorf("creating the bucket: %w", err)
	}
	_, err = bucket.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("shop-customers"), Key: aws.String("2026/customers.csv"), Body: strings.NewReader("id,name\n1,Ada\n2,Grace\n")})
	if err != nil {
		return fmt.Errorf("storing the customers: %w", err)
	}
	queue, err := sqs.NewFromConfig(w.as(owner)).CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("orders")})
	if err != nil {
		return fmt.Errorf("creating the queue: %w", err)
	}
	w.note("queue", aws.ToString(queue.QueueUrl))
	w.clock.Advance(time.Minute)
	return nil
}

func (w *World) functions(ctx context.Context) error {
	c := lambda.NewFromConfig(w.as(owner))
	for _, f := range []struct{ name, role, code string }{
		{"payments", "payments-role", paymentsCode(1)},
		{"payments-report", "payments-role", "def handler(event, context):\n    return 'report'\n"},
		{"invoices", "invoices-role", "def handler(event, context):\n    return 'invoice'\n"},
	} {
		code, err := archive("app.py", f.code)
		if err != nil {
			return err
		}
		in := &lambda.CreateFunctionInput{
			FunctionName: aws.String(f.name), Role: aws.String("arn:aws:iam::" + shop + ":role/" + f.role),
			Runtime: lambdatypes.RuntimePython312, Handler: aws.String("app.handler"), Timeout: aws.Int32(30),
			Code: &lambdatypes.FunctionCode{ZipFile: code}, Tags: map[string]string{"team": "shop"},
		}
		if f.name == "payments" {
			in.Environment = &lambdatypes.Environment{Variables: environment()}
		}
		if _, err := c.CreateFunction(ctx, in); err != nil {
			return fmt.Errorf("creating function %s: %w", f.name, err)
		}
		w.clock.Advance(30 * time.Second)
	}
	_, err := c.CreateEventSourceMapping(ctx, &lambda.CreateEventSourceMappingInput{
		FunctionName: aws.String("payments"), EventSourceArn: aws.String("arn:aws:sqs:" + shopRegion + ":" + shop + ":orders"), BatchSize: aws.Int32(10)})
	if err != nil {
		return fmt.Errorf("mapping the queue: %w", err)
	}
	w.clock.Advance(time.Minute)
	return w.release(ctx, c, "1", true)
}

// release publishes the code as it is and points the alias to it.
func (w *World) release(ctx context.Context, c *lambda.Client, version string, first bool) error {
	if _, err := c.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: aws.String("payments")}); err != nil {
		return fmt.Errorf("publishing version %s: %w", version, err)
	}
	w.clock.Advance(10 * time.Second)
	var err error
	if first {
		_, err = c.CreateAlias(ctx, &lambda.CreateAliasInput{FunctionName: aws.String("payments"), Name: aws.String("live"), FunctionVersion: aws.String(version)})
	} else {
		_, err = c.UpdateAlias(ctx, &lambda.UpdateAliasInput{FunctionName: aws.String("payments"), Name: aws.String("live"), FunctionVersion: aws.String(version)})
	}
	if err != nil {
		return fmt.Errorf("pointing the alias to version %s: %w", version, err)
	}
	w.clock.Advance(time.Minute)
	return nil
}

// firstDeployment is the vendor's robot at its work, from its own address.
func (w *World) firstDeployment(ctx context.Context) error {
	w.clock.Advance(90 * time.Minute)
	robot := ci
	robot.who = "robot"
	c, err := assumeDeploy(ctx, w, robot, "build-1841")
	if err != nil {
		return fmt.Errorf("the robot's deployment: %w", err)
	}
	w.keep("ci", c)
	w.clock.Advance(5 * time.Second)
	client := lambda.NewFromConfig(w.as(ci))
	if err := w.update(ctx, client, paymentsCode(2)); err != nil {
		return err
	}
	return w.release(ctx, client, "2", false)
}

func (w *World) update(ctx context.Context, c *lambda.Client, source string) error {
	code, err := archive("app.py", source)
	if err != nil {
		return err
	}
	if _, err := c.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("payments"), ZipFile: code}); err != nil {
		return fmt.Errorf("updating the code: %w", err)
	}
	w.clock.Advance(20 * time.Second)
	return nil
}

// ordinaryRuns are what payments does all day, with its role's credentials, inside.
func (w *World) ordinaryRuns(ctx context.Context) error {
	for range 3 {
		w.clock.Advance(20 * time.Minute)
		if _, err := invoke(ctx, w, owner, "payments"); err != nil {
			return err
		}
		c, err := w.Cloud.ExecutionCredentials(arn("payments"))
		if err != nil {
			return fmt.Errorf("credentials of payments: %w", err)
		}
		w.keep("payments", c)
		if _, err := listBuckets(ctx, w, runtime); err != nil {
			return fmt.Errorf("payments at work: %w", err)
		}
	}
	return nil
}

// overwriteCode is the attack: some forty minutes, an hour ago.
func overwriteCode(ctx context.Context, w *World) error {
	w.clock.Set(w.clock.Now().Add(45 * time.Minute))
	session, err := assumeDeploy(ctx, w, mallory, "build-1842")
	if err != nil {
		return fmt.Errorf("assuming the deploy role: %w", err)
	}
	w.keep(deployer.who, session)
	w.clock.Advance(40 * time.Second)
	return do(ctx, w.lookAround, w.plantBackdoor, w.openDoors, w.stealCredentials)
}

func (w *World) lookAround(ctx context.Context) error {
	if _, err := sts.NewFromConfig(w.as(deployer)).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}); err != nil {
		return err
	}
	w.clock.Advance(15 * time.Second)
	c := lambda.NewFromConfig(w.as(deployer))
	if _, err := c.ListFunctions(ctx, &lambda.ListFunctionsInput{}); err != nil {
		return err
	}
	w.clock.Advance(30 * time.Second)
	if _, err := c.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String("payments")}); err != nil {
		return err
	}
	w.clock.Advance(25 * time.Second)
	// Not allowed: the attempts stand in CloudTrail as denied.
	if _, err := c.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String("invoices")}); err == nil {
		return fmt.Errorf("the deploy role could read invoices: the exercise's policies are wrong")
	}
	if _, err := iam.NewFromConfig(w.as(deployer)).ListRoles(ctx, &iam.ListRolesInput{}); err == nil {
		return fmt.Errorf("the deploy role could list roles: the exercise's policies are wrong")
	}
	w.clock.Advance(4 * time.Minute)
	return nil
}

func (w *World) plantBackdoor(ctx context.Context) error {
	return w.update(ctx, lambda.NewFromConfig(w.as(deployer)), backdoorCode)
}

func (w *World) openDoors(ctx context.Context) error {
	c := lambda.NewFromConfig(w.as(deployer))
	grants := []*lambda.AddPermissionInput{
		{StatementId: aws.String("partner-integration"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String(vendor)},
		{StatementId: aws.String("FunctionURLAllowPublicAccess"), Action: aws.String("lambda:InvokeFunctionUrl"), Principal: aws.String("*"), FunctionUrlAuthType: lambdatypes.FunctionUrlAuthTypeNone},
		{StatementId: aws.String("FunctionURLAllowPublicInvoke"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("*"), InvokedViaFunctionUrl: aws.Bool(true)},
	}
	for _, g := range grants {
		g.FunctionName = aws.String("payments")
		if _, err := c.AddPermission(ctx, g); err != nil {
			return fmt.Errorf("adding the grant %s: %w", aws.ToString(g.StatementId), err)
		}
		w.clock.Advance(35 * time.Second)
	}
	url, err := c.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{FunctionName: aws.String("payments"), AuthType: lambdatypes.FunctionUrlAuthTypeNone})
	if err != nil {
		return fmt.Errorf("opening the URL: %w", err)
	}
	w.note("url", aws.ToString(url.FunctionUrl))
	w.clock.Advance(3 * time.Minute)
	return nil
}

// stealCredentials: the backdoor hands out its environment; the credentials are used from outside.
func (w *World) stealCredentials(ctx context.Context) error {
	if _, err := callURL(ctx, w); err != nil {
		return err
	}
	c, err := w.Cloud.ExecutionCredentials(arn("payments"))
	if err != nil {
		return fmt.Errorf("credentials of payments: %w", err)
	}
	w.keep("payments", c)
	w.keep(thief.who, c)
	if _, err := listBuckets(ctx, w, runtime); err != nil { // the environment goes on working
		return err
	}
	w.clock.Advance(2 * time.Minute)
	if _, err := sts.NewFromConfig(w.as(thief)).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}); err != nil {
		return err
	}
	w.clock.Advance(20 * time.Second)
	if _, err := listBuckets(ctx, w, thief); err != nil {
		return err
	}
	w.clock.Advance(time.Minute)
	_, err = sqs.NewFromConfig(w.as(thief)).ListQueues(ctx, &sqs.ListQueuesInput{})
	w.clock.Advance(3 * time.Minute)
	if _, denied := iam.NewFromConfig(w.as(thief)).ListUsers(ctx, &iam.ListUsersInput{}); denied == nil {
		return fmt.Errorf("the execution role could list users: the exercise's policies are wrong")
	}
	return err
}

func assumeDeploy(ctx context.Context, w *World, a actor, session string) (awssim.Credentials, error) {
	out, err := sts.NewFromConfig(w.as(a)).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::" + shop + ":role/ci-deploy"), RoleSessionName: aws.String(session)})
	if err != nil {
		return awssim.Credentials{}, err
	}
	c := out.Credentials
	return awssim.Credentials{AccessKeyID: aws.ToString(c.AccessKeyId), SecretAccessKey: aws.ToString(c.SecretAccessKey), SessionToken: aws.ToString(c.SessionToken)}, nil
}

func listBuckets(ctx context.Context, w *World, a actor) (string, error) {
	out, err := s3.NewFromConfig(w.as(a), func(o *s3.Options) { o.UsePathStyle = true }).ListBuckets(ctx, &s3.ListBucketsInput{})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d buckets listed", len(out.Buckets)), nil
}

func callURL(_ context.Context, w *World) (string, error) {
	status := w.Cloud.RequestURL(w.fact("url"), nil)
	if status != 200 {
		return "", fmt.Errorf("HTTP %d", status)
	}
	return "HTTP 200", nil
}

func invoke(ctx context.Context, w *World, a actor, function string) (string, error) {
	out, err := lambda.NewFromConfig(w.as(a)).Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(function)})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("HTTP %d", out.StatusCode), nil
}
