package bench

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

// What every account made here has.
const (
	AccountID = "123456789012"
	Region    = "eu-central-1"
	Endpoint  = "http://aws.invalid" // answered in process
	Function  = "payments"
	Secret    = "hunter2-SECRET-value" // of the function's environment
)

const admin = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// Account is a simulated account with one function that has everything: versions,
// alias, layer, policies on every qualifier, URL, mapping, destinations, reserved
// and provisioned concurrency, code signing, a role with all kinds of policies, logs.
type Account struct {
	Cloud *awssim.Cloud
	Keys  awssim.Credentials // of an administrator

	Enforcing string            // ARN of a code-signing configuration that enforces, once AddContainables has made it
	Named     map[string]string // ARNs of what acts find that AWS gives its name: "mapping", "subscription"; as above

	cfg  aws.Config
	role string
	key  string
}

// NewAccount makes one whose function has that many published versions, each with
// a package of its own of the given size that does not compress.
func NewAccount(ctx context.Context, c awssim.Config, versions, codeSize int) (*Account, error) {
	a := emptyAccount(c)
	for _, step := range []func(context.Context) error{
		a.makeRole,
		a.makeKey,
		func(ctx context.Context) error { return a.makeFunction(ctx, versions, codeSize) },
		a.addTriggers,
		a.addSettings,
		a.addSigning,
		a.writeLogs,
		a.addTrail,
		a.addRules,
		a.addBucket,
		a.addCallers,
		a.addScaling,
		a.addSecrets,
		a.addWatchers,
		a.addNetwork,
		a.addMount,
		a.addGateways,
		a.addBalancers,
		a.addImages,
		a.addReferences,
		a.addDeliveries,
		a.addFronts,
		a.addDurable,
		a.addCapacity,
	} {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("making the account: %w", err)
		}
	}
	return a, nil
}

func emptyAccount(c awssim.Config) *Account {
	c.AccountID, c.Region = AccountID, Region
	cloud := awssim.New(c)
	a := &Account{Cloud: cloud, Keys: cloud.Bootstrap(AccountID, "olivia", admin)}
	a.cfg = aws.Config{
		Region: Region, BaseEndpoint: aws.String(Endpoint), HTTPClient: cloud.Client(),
		Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, ""),
	}
	return a
}

func (a *Account) makeRole(ctx context.Context) error {
	c := iam.NewFromConfig(a.cfg)
	policy := func(name, doc string) (string, error) {
		out, err := c.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String(name), PolicyDocument: aws.String(doc)})
		if err != nil {
			return "", err
		}
		return aws.ToString(out.Policy.Arn), nil
	}
	edge, err := policy("edge", admin)
	if err != nil {
		return err
	}
	app, err := policy("app", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","sqs:*"],"Resource":"*"}]}`)
	if err != nil {
		return err
	}
	out, err := c.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: aws.String("payments-role"), Path: aws.String("/service/"), PermissionsBoundary: aws.String(edge),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`),
	})
	if err != nil {
		return err
	}
	a.role = aws.ToString(out.Role.Arn)
	if _, err := c.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: out.Role.RoleName, PolicyArn: aws.String(app)}); err != nil {
		return err
	}
	_, err = c.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: out.Role.RoleName, PolicyName: aws.String("inline"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:*","Resource":"*"}]}`)})
	return err
}

func (a *Account) makeFunction(ctx context.Context, versions, codeSize int) error {
	c := lambda.NewFromConfig(a.cfg)
	layer, err := c.PublishLayerVersion(ctx, &lambda.PublishLayerVersionInput{
		LayerName: aws.String("tracing"), Content: &lambdatypes.LayerVersionContentInput{ZipFile: Pack("layer", 64<<10)},
	})
	if err != nil {
		return err
	}
	if _, err := c.AddLayerVersionPermission(ctx, &lambda.AddLayerVersionPermissionInput{LayerName: aws.String("tracing"), VersionNumber: aws.Int64(layer.Version), StatementId: aws.String("partner"),
		Action: aws.String("lambda:GetLayerVersion"), Principal: aws.String("210987654325")}); err != nil {
		return err
	}
	if _, err := c.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: aws.String(Function), Role: aws.String(a.role), Runtime: lambdatypes.RuntimePython313, Handler: aws.String("index.handler"),
		Code: &lambdatypes.FunctionCode{ZipFile: Pack("1", codeSize)}, Layers: []string{aws.ToString(layer.LayerVersionArn)}, Publish: true,
		Environment: &lambdatypes.Environment{Variables: map[string]string{"STAGE": "prod", "DB_PASSWORD": Secret, "KEY_PARAMETER": "arn:aws:ssm:" + Region + ":" + AccountID + ":parameter/pay/key"}}, Tags: map[string]string{"team": "pay"},
		KMSKeyArn: aws.String(a.key),
	}); err != nil {
		return err
	}
	for v := 2; v <= versions; v++ {
		if _, err := c.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{
			FunctionName: aws.String(Function), ZipFile: Pack(fmt.Sprint(v), codeSize), Publish: true,
		}); err != nil {
			return err
		}
	}
	for _, alias := range [][2]string{{"live", "1"}, {"next", fmt.Sprint(versions)}} {
		if _, err := c.CreateAlias(ctx, &lambda.CreateAliasInput{FunctionName: aws.String(Function), Name: &alias[0], FunctionVersion: &alias[1]}); err != nil {
			return err
		}
	}
	return nil
}

func (a *Account) addTriggers(ctx context.Context) error {
	c := lambda.NewFromConfig(a.cfg)
	// Each qualifier has a policy of its own.
	for i, q := range []*string{nil, aws.String("live"), aws.String("1"), aws.String("next")} {
		if _, err := c.AddPermission(ctx, &lambda.AddPermissionInput{
			FunctionName: aws.String(Function), Qualifier: q, StatementId: aws.String("partner"),
			Action: aws.String("lambda:InvokeFunction"), Principal: aws.String(fmt.Sprintf("21098765432%d", 1+i)),
		}); err != nil {
			return err
		}
	}
	if _, err := c.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{
		FunctionName: aws.String(Function), AuthType: lambdatypes.FunctionUrlAuthTypeAwsIam,
	}); err != nil {
		return err
	}
	if _, err := sqs.NewFromConfig(a.cfg).CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("orders")}); err != nil {
		return err
	}
	queue := aws.String("arn:aws:sqs:" + Region + ":" + AccountID + ":orders")
	for _, name := range []string{Function, Function + ":live"} {
		if _, err := c.CreateEventSourceMapping(ctx, &lambda.CreateEventSourceMappingInput{FunctionName: aws.String(name), EventSourceArn: queue}); err != nil {
			return err
		}
	}
	_, err := c.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{
		FunctionName: aws.String(Function), MaximumRetryAttempts: aws.Int32(0),
	})
	return err
}

func (a *Account) addSettings(ctx context.Context) error {
	c := lambda.NewFromConfig(a.cfg)
	if _, err := c.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String(Function), ReservedConcurrentExecutions: aws.Int32(10)}); err != nil {
		return err
	}
	if _, err := c.PutProvisionedConcurrencyConfig(ctx, &lambda.PutProvisionedConcurrencyConfigInput{
		FunctionName: aws.String(Function), Qualifier: aws.String("live"), ProvisionedConcurrentExecutions: aws.Int32(2),
	}); err != nil {
		return err
	}
	_, err := c.PutFunctionRecursionConfig(ctx, &lambda.PutFunctionRecursionConfigInput{FunctionName: aws.String(Function), RecursiveLoop: lambdatypes.RecursiveLoopAllow})
	return err
}

func (a *Account) addSigning(ctx context.Context) error {
	c := lambda.NewFromConfig(a.cfg)
	out, err := c.CreateCodeSigningConfig(ctx, &lambda.CreateCodeSigningConfigInput{AllowedPublishers: &lambdatypes.AllowedPublishers{
		SigningProfileVersionArns: []string{"arn:aws:signer:" + Region + ":" + AccountID + ":/signing-profiles/shop/abcdefghij"},
	}})
	if err != nil {
		return err
	}
	_, err = c.PutFunctionCodeSigningConfig(ctx, &lambda.PutFunctionCodeSigningConfigInput{
		FunctionName: aws.String(Function), CodeSigningConfigArn: out.CodeSigningConfig.CodeSigningConfigArn,
	})
	return err
}

// addTrail keeps management events, and those of data of one bucket only.
func (a *Account) addTrail(ctx context.Context) error {
	c := cloudtrail.NewFromConfig(a.cfg)
	name := aws.String("audit")
	if _, err := c.CreateTrail(ctx, &cloudtrail.CreateTrailInput{Name: name, S3BucketName: aws.String("audit-logs"), IsMultiRegionTrail: aws.Bool(true)}); err != nil {
		return err
	}
	_, err := c.StartLogging(ctx, &cloudtrail.StartLoggingInput{Name: name})
	return err
}

func (a *Account) writeLogs(ctx context.Context) error {
	c := cloudwatchlogs.NewFromConfig(a.cfg)
	group, stream := aws.String("/aws/lambda/"+Function), aws.String("2026/11/23/[$LATEST]0123456789abcdef")
	if _, err := c.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group}); err != nil {
		return err
	}
	if _, err := c.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream}); err != nil {
		return err
	}
	var events []logstypes.InputLogEvent
	now := a.Cloud.Now().Add(-time.Minute).UnixMilli()
	for i := range 100 {
		events = append(events, logstypes.InputLogEvent{Timestamp: aws.Int64(now + int64(i)), Message: aws.String(fmt.Sprintf("request %d served", i))})
	}
	if _, err := c.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: group, LogStreamName: stream, LogEvents: events}); err != nil {
		return err
	}
	_, err := c.PutSubscriptionFilter(ctx, &cloudwatchlogs.PutSubscriptionFilterInput{LogGroupName: group, FilterName: aws.String("archive"), FilterPattern: aws.String(""),
		DestinationArn: aws.String("arn:aws:firehose:" + Region + ":" + AccountID + ":deliverystream/archive"), RoleArn: aws.String(a.role)})
	return err
}

// Pack is a deployment package of about that size: one stored file of seeded
// bytes that no compressor makes smaller.
func Pack(seed string, size int) []byte {
	var b bytes.Buffer
	b.Grow(size + 1024)
	z := zip.NewWriter(&b)
	f, err := z.CreateHeader(&zip.FileHeader{Name: "index.py", Method: zip.Store, Modified: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err == nil {
		_, err = io.CopyN(f, rand.NewChaCha8(sha256.Sum256([]byte(seed))), int64(size))
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		panic(err) // a buffer does not fail
	}
	return b.Bytes()
}
