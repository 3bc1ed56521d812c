package awssim

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// TestFunctionNames: every form that the pattern of FunctionName admits (AWS: Lambda API reference).
func TestFunctionNames(t *testing.T) {
	for in, want := range map[string]functionName{
		"pay":                            {name: "pay"},
		"pay:live":                       {name: "pay", qualifier: "live"},
		"pay:$LATEST":                    {name: "pay", qualifier: "$LATEST"},
		"function:pay":                   {name: "pay"},
		acct + ":function:pay":           {account: acct, name: "pay"},
		acct + ":function:pay:7":         {account: acct, name: "pay", qualifier: "7"},
		acct + ":pay":                    {account: acct, name: "pay"},
		"us-gov-east-1:" + acct + ":pay": {region: "us-gov-east-1", account: acct, name: "pay"},
		functionARN:                      {region: "us-east-1", account: acct, name: "pay"},
		functionARN + ":live":            {region: "us-east-1", account: acct, name: "pay", qualifier: "live"},
		"arn:aws-cn:lambda:cn-north-1:" + acct + ":function:a_b-c": {region: "cn-north-1", account: acct, name: "a_b-c"},
	} {
		if got := parseFunctionName(in); got != want {
			t.Errorf("%s: %+v, want %+v", in, got, want)
		}
	}
	l := newLambdaAccount(t, 0)
	l.publish()
	_, err := l.lambda.GetFunction(l.ctx, &lambda.GetFunctionInput{FunctionName: aws.String("arn:aws:lambda:eu-west-1:" + acct + ":function:pay")})
	wantError(t, "another region", err, "ResourceNotFoundException", "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')")
	_, err = l.lambda.GetFunction(l.ctx, &lambda.GetFunctionInput{FunctionName: aws.String("pay:1"), Qualifier: aws.String("2")})
	wantError(t, "two qualifiers", err, "InvalidParameterValueException", "The derived qualifier from the function name does not match the specified qualifier.")
	_, err = l.lambda.PutFunctionConcurrency(l.ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String(functionARN + ":1"), ReservedConcurrentExecutions: aws.Int32(0)})
	wantError(t, "a version", err, "InvalidParameterValueException", "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.")
}

// TestRevisions follows LocalStack's test_function_revisions_basic, _version_and_alias and
// _permissions, which AWS passed.
func TestRevisions(t *testing.T) {
	l := newLambdaAccount(t, time.Minute)
	seen := map[string]string{}
	fresh := func(what string) {
		t.Helper()
		rev := *l.get("pay", "").Configuration.RevisionId
		if was, twice := seen[rev]; twice {
			t.Errorf("%s: the revision of %s", what, was)
		}
		seen[rev] = what
	}
	fresh("active")
	up := must(l.lambda.UpdateFunctionCode(l.ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("pay"), ZipFile: zipOf(t, "two"), RevisionId: l.get("pay", "").Configuration.RevisionId}))(t)
	seen[*up.RevisionId] = "updating"
	l.wait()
	fresh("updated")
	_, err := l.lambda.UpdateFunctionConfiguration(l.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("pay"), Timeout: aws.Int32(5), RevisionId: up.RevisionId})
	wantCode(t, "the revision from before settling", err, "PreconditionFailedException")
	v := l.publish()
	fresh("published")
	if *l.get("pay", "1").Configuration.RevisionId != *v.RevisionId {
		t.Error("settling changed the revision of a version")
	}
	l.alias("live", "1")
	if rev := *l.get("pay", "").Configuration.RevisionId; seen[rev] != "published" {
		t.Error("an alias changed the revision of the function")
	}
	add := func(rev string) error {
		_, err := l.lambda.AddPermission(l.ctx, &lambda.AddPermissionInput{FunctionName: aws.String("pay"), StatementId: aws.String("s"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("s3.amazonaws.com"), RevisionId: &rev})
		return err
	}
	wantCode(t, "a wrong revision", add("wrong"), "PreconditionFailedException")
	wantCode(t, "the function's", add(*l.get("pay", "").Configuration.RevisionId), "")
	fresh("granted")
	p := must(l.lambda.GetPolicy(l.ctx, &lambda.GetPolicyInput{FunctionName: aws.String("pay")}))(t)
	if *p.RevisionId != *l.get("pay", "").Configuration.RevisionId {
		t.Error("the policy has another revision than the function")
	}
	must(l.lambda.RemovePermission(l.ctx, &lambda.RemovePermissionInput{FunctionName: aws.String("pay"), StatementId: aws.String("s"), RevisionId: p.RevisionId}))(t)
	fresh("taken back")
}

// TestGrants: statements as AWS builds them, and what it does not take.
func TestGrants(t *testing.T) {
	l := newLambdaAccount(t, 0)
	l.publish()
	for want, in := range map[string]*lambda.AddPermissionInput{
		`"Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"` + functionARN + `","Condition":{"StringEquals":{"AWS:SourceAccount":"` + acct + `"},"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::b"}}}`: {Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("s3.amazonaws.com"), SourceAccount: aws.String(acct), SourceArn: aws.String("arn:aws:s3:::b")},
		`"Principal":"*","Action":"lambda:InvokeFunctionUrl","Resource":"` + functionARN + `","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}}`:                                                                     {Action: aws.String("lambda:InvokeFunctionUrl"), Principal: aws.String("*"), FunctionUrlAuthType: lt.FunctionUrlAuthTypeNone},
		`"Principal":"*","Action":"lambda:InvokeFunction","Resource":"` + functionARN + `","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}}`:                                                                              {Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("*"), InvokedViaFunctionUrl: aws.Bool(true)},
	} {
		in.FunctionName, in.StatementId = aws.String("pay"), aws.String("s")
		out := must(l.lambda.AddPermission(l.ctx, in))(t)
		if got := strings.TrimPrefix(*out.Statement, `{"Sid":"s","Effect":"Allow",`); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		must(l.lambda.RemovePermission(l.ctx, &lambda.RemovePermissionInput{FunctionName: aws.String("pay"), StatementId: aws.String("s")}))(t)
	}
	refused := func(what, text string, edit func(*lambda.AddPermissionInput)) {
		t.Helper()
		in := &lambda.AddPermissionInput{FunctionName: aws.String("pay"), StatementId: aws.String("s"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("*")}
		edit(in)
		_, err := l.lambda.AddPermission(l.ctx, in)
		code := "InvalidParameterValueException"
		if strings.HasPrefix(text, "Cannot find") {
			code = "ResourceNotFoundException"
		}
		wantError(t, what, err, code, text)
	}
	refused("$LATEST", "We currently do not support adding policies for $LATEST.", func(in *lambda.AddPermissionInput) { in.Qualifier = aws.String("$LATEST") })
	refused("no alias", "Cannot find alias arn: "+functionARN+":live", func(in *lambda.AddPermissionInput) { in.Qualifier = aws.String("live") })
	refused("no principal", "The provided principal was invalid. Please check the principal and try again.", func(in *lambda.AddPermissionInput) { in.Principal = aws.String("arn:aws:iam::" + acct + ":role/gone") })
}

// TestDeletions (LocalStack's snapshots of AWS: a version that is not there is deleted
// already; $LATEST goes with its function only).
func TestDeletions(t *testing.T) {
	l := newLambdaAccount(t, 0)
	l.publish()
	l.alias("live", "1")
	del := func(q string) error {
		in := &lambda.DeleteFunctionInput{FunctionName: aws.String("pay")}
		if q != "" {
			in.Qualifier = &q
		}
		_, err := l.lambda.DeleteFunction(l.ctx, in)
		return err
	}
	wantError(t, "$LATEST", del("$LATEST"), "InvalidParameterValueException", "$LATEST version cannot be deleted without deleting the function.")
	wantCode(t, "a version in use", del("1"), "ResourceConflictException")
	must(l.lambda.PutFunctionEventInvokeConfig(l.ctx, &lambda.PutFunctionEventInvokeConfigInput{FunctionName: aws.String("pay:live"), MaximumRetryAttempts: aws.Int32(0)}))(t)
	must(l.lambda.DeleteAlias(l.ctx, &lambda.DeleteAliasInput{FunctionName: aws.String("pay"), Name: aws.String("live")}))(t)
	if all := must(l.lambda.ListFunctionEventInvokeConfigs(l.ctx, &lambda.ListFunctionEventInvokeConfigsInput{FunctionName: aws.String("pay")}))(t); len(all.FunctionEventInvokeConfigs) != 0 {
		t.Error("an alias left its configuration behind")
	}
	wantCode(t, "free now", del("1"), "")
	wantCode(t, "again", del("1"), "")
	l.overwrite("two")
	if v := l.publish(); *v.Version != "2" {
		t.Errorf("a number was used twice: %s", *v.Version)
	}
	wantCode(t, "the function", del(""), "")
	wantCode(t, "no function", del(""), "ResourceNotFoundException")
}

// TestRouting (texts: LocalStack's snapshots of AWS).
func TestRouting(t *testing.T) {
	l := newLambdaAccount(t, 0)
	l.publish()
	l.overwrite("two")
	l.publish()
	l.alias("live", "1")
	l.alias("head", "$LATEST")
	update := func(name string, weights map[string]float64) (*lambda.UpdateAliasOutput, error) {
		return l.lambda.UpdateAlias(l.ctx, &lambda.UpdateAliasInput{FunctionName: aws.String("pay"), Name: &name, RoutingConfig: &lt.AliasRoutingConfiguration{AdditionalVersionWeights: weights}})
	}
	_, err := update("live", map[string]float64{"1": 0.1})
	wantError(t, "itself", err, "InvalidParameterValueException", "Invalid function version 1. Function version 1 is already included in routing configuration.")
	_, err = update("live", map[string]float64{"2": 0.1, "3": 0.1})
	wantError(t, "two", err, "InvalidParameterValueException", "Number of items in AdditionalVersionWeights cannot be greater than 1")
	_, err = update("live", map[string]float64{"7": 0.1})
	wantError(t, "no version", err, "ResourceNotFoundException", "Function not found: "+functionARN+":7")
	_, err = update("head", map[string]float64{"2": 0.1})
	wantError(t, "$LATEST", err, "InvalidParameterValueException", "$LATEST is not supported for an alias pointing to more than 1 version")
	if out := must(update("live", map[string]float64{"2": 0.1}))(t); out.RoutingConfig.AdditionalVersionWeights["2"] != 0.1 {
		t.Errorf("weights %v", out.RoutingConfig)
	}
	if out := must(update("live", map[string]float64{}))(t); out.RoutingConfig != nil {
		t.Errorf("not cleared: %v", out.RoutingConfig)
	}
}

// TestProvisioned (texts: LocalStack's snapshots of AWS; provisioned against reserved: Lambda
// developer guide, "Configuring provisioned concurrency").
func TestProvisioned(t *testing.T) {
	l := newLambdaAccount(t, time.Minute)
	l.publish()
	l.alias("live", "1")
	l.alias("head", "$LATEST")
	put := func(q string, n int32) error {
		_, err := l.lambda.PutProvisionedConcurrencyConfig(l.ctx, &lambda.PutProvisionedConcurrencyConfigInput{FunctionName: aws.String("pay"), Qualifier: &q, ProvisionedConcurrentExecutions: &n})
		return err
	}
	wantError(t, "$LATEST", put("$LATEST", 1), "InvalidParameterValueException", "Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
	wantCode(t, "an alias of $LATEST", put("head", 1), "InvalidParameterValueException")
	wantError(t, "no alias", put("gone", 1), "ResourceNotFoundException", "Cannot find alias arn: "+functionARN+":gone")
	wantCode(t, "an alias", put("live", 5), "")
	wantError(t, "its version", put("1", 1), "ResourceConflictException", "Version is pointed by a Provisioned Concurrency alias")
	wantError(t, "too many", put("live", 901), "InvalidParameterValueException", "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].")
	in := &lambda.GetProvisionedConcurrencyConfigInput{FunctionName: aws.String("pay"), Qualifier: aws.String("live")}
	if got := must(l.lambda.GetProvisionedConcurrencyConfig(l.ctx, in))(t); got.Status != lt.ProvisionedConcurrencyStatusEnumInProgress || *got.AllocatedProvisionedConcurrentExecutions != 0 {
		t.Errorf("at once %s %d", got.Status, *got.AllocatedProvisionedConcurrentExecutions)
	}
	l.wait()
	if got := must(l.lambda.GetProvisionedConcurrencyConfig(l.ctx, in))(t); got.Status != lt.ProvisionedConcurrencyStatusEnumReady || *got.AvailableProvisionedConcurrentExecutions != 5 {
		t.Errorf("then %s %d", got.Status, *got.AvailableProvisionedConcurrentExecutions)
	}
	_, err := l.lambda.PutFunctionConcurrency(l.ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("pay"), ReservedConcurrentExecutions: aws.Int32(0)})
	wantError(t, "a reservation below it", err, "InvalidParameterValueException", " ReservedConcurrentExecutions  0 should not be lower than function's total provisioned concurrency [5].")
	for range 2 { // AWS answers 204 to the second as well
		must(l.lambda.DeleteProvisionedConcurrencyConfig(l.ctx, &lambda.DeleteProvisionedConcurrencyConfigInput{FunctionName: aws.String("pay"), Qualifier: aws.String("live")}))(t)
	}
	must(l.lambda.PutFunctionConcurrency(l.ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("pay"), ReservedConcurrentExecutions: aws.Int32(3)}))(t)
	wantError(t, "above the reservation", put("live", 4), "InvalidParameterValueException", "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function")
}

// TestURLs: who gets in (AWS: Lambda developer guide, "Control access to Lambda function
// URLs": AuthType NONE looks at no signature, and since October 2025 both actions are needed).
func TestURLs(t *testing.T) {
	l := newLambdaAccount(t, 0)
	u := must(l.lambda.CreateFunctionUrlConfig(l.ctx, &lambda.CreateFunctionUrlConfigInput{FunctionName: aws.String("pay"), AuthType: lt.FunctionUrlAuthTypeNone}))(t)
	l.role("caller", rootTrust, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:Invoke*","Resource":"*"}]}`)
	l.c.mu.Lock()
	creds := must(l.c.issueRoleSession(acct, "caller", session{name: "s", expires: l.clock.at.Add(time.Hour)}, l.clock.at))(t)
	l.c.mu.Unlock()
	forged := creds
	forged.SecretAccessKey = "guess"
	want := func(what string, nobody, signed int) {
		t.Helper()
		if a, b := l.c.RequestURL(*u.FunctionUrl, nil), l.c.RequestURL(*u.FunctionUrl, &creds); a != nobody || b != signed {
			t.Errorf("%s: nobody %d, signed %d; want %d, %d", what, a, b, nobody, signed)
		}
	}
	want("no grant", 403, 403)
	must(l.lambda.AddPermission(l.ctx, &lambda.AddPermissionInput{FunctionName: aws.String("pay"), StatementId: aws.String("url"), Action: aws.String("lambda:InvokeFunctionUrl"), Principal: aws.String("*"), FunctionUrlAuthType: lt.FunctionUrlAuthTypeNone}))(t)
	want("one of two grants", 403, 403)
	must(l.lambda.AddPermission(l.ctx, &lambda.AddPermissionInput{FunctionName: aws.String("pay"), StatementId: aws.String("fn"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("*"), InvokedViaFunctionUrl: aws.Bool(true)}))(t)
	want("public", 200, 200)
	must(l.lambda.UpdateFunctionUrlConfig(l.ctx, &lambda.UpdateFunctionUrlConfigInput{FunctionName: aws.String("pay"), AuthType: lt.FunctionUrlAuthTypeAwsIam}))(t)
	want("closed", 403, 200)
	if s := l.c.RequestURL(*u.FunctionUrl, &forged); s != 403 {
		t.Errorf("a guessed secret: %d", s)
	}
	l.put("caller", "AWSRevokeOlderSessions", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:TokenIssueTime":"2026-11-24T00:00:00Z"}}}]}`)
	want("revoked", 403, 403)
	must(l.iam.DeleteRolePolicy(l.ctx, &iam.DeleteRolePolicyInput{RoleName: aws.String("caller"), PolicyName: aws.String("AWSRevokeOlderSessions")}))(t)
	must(l.lambda.PutFunctionConcurrency(l.ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("pay"), ReservedConcurrentExecutions: aws.Int32(0)}))(t)
	want("at concurrency 0", 403, 429)
	l.clock.at = l.clock.at.Add(2 * time.Hour)
	want("a session that is over", 403, 403)
	must(l.lambda.DeleteFunctionUrlConfig(l.ctx, &lambda.DeleteFunctionUrlConfigInput{FunctionName: aws.String("pay")}))(t)
	want("gone", 404, 404)
}

// TestEncryptedEnvironment (AWS: API reference, EnvironmentResponse, Error).
func TestEncryptedEnvironment(t *testing.T) {
	l := newLambdaAccount(t, 0)
	key := newKey(t, kms.NewFromConfig(l.cfg), kmstypes.KeySpecSymmetricDefault, kmstypes.KeyUsageTypeEncryptDecrypt)
	must(l.lambda.UpdateFunctionConfiguration(l.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("pay"), KMSKeyArn: &key}))(t)
	if env := l.get("pay", "").Configuration.Environment; env.Variables["KEY"] != "v" || env.Error != nil {
		t.Errorf("the administrator sees %+v", env)
	}
	reader := lambda.NewFromConfig(user(l.c, "reader", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:*","Resource":"*"}]}`))
	one := must(reader.GetFunctionConfiguration(l.ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("pay")}))(t)
	list := must(reader.ListFunctions(l.ctx, &lambda.ListFunctionsInput{}))(t)
	for _, env := range []*lt.EnvironmentResponse{one.Environment, list.Functions[0].Environment} {
		if env == nil || env.Error == nil || *env.Error.ErrorCode != "AccessDeniedException" || env.Variables != nil {
			t.Errorf("who may not decrypt sees %+v", env)
		}
	}
	_, err := l.lambda.UpdateFunctionConfiguration(l.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("pay"), Environment: &lt.Environment{Variables: map[string]string{"AWS_REGION": "x"}}})
	wantCode(t, "a reserved name", err, "InvalidParameterValueException")
	big := strings.Repeat("s", 4096)
	_, err = l.lambda.UpdateFunctionConfiguration(l.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("pay"), Environment: &lt.Environment{Variables: map[string]string{"BIG": big}}})
	wantCode(t, "too large", err, "InvalidParameterValueException")
	if strings.Contains(err.Error(), big) {
		t.Error("the error repeats the environment")
	}
}

// TestCodeFromS3: with the caller's permission on the object; by reference there is no URL,
// and an update that does not say so again is a copy (AWS: API reference, FunctionCode).
func TestCodeFromS3(t *testing.T) {
	l := newLambdaAccount(t, 0)
	store := s3.NewFromConfig(l.cfg, func(o *s3.Options) { o.UsePathStyle = true })
	must(store.CreateBucket(l.ctx, &s3.CreateBucketInput{Bucket: aws.String("code-bucket")}))(t)
	code := zipOf(t, "from s3")
	must(store.PutObject(l.ctx, &s3.PutObjectInput{Bucket: aws.String("code-bucket"), Key: aws.String("f.zip"), Body: strings.NewReader(string(code))}))(t)
	in := &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("pay"), S3Bucket: aws.String("code-bucket"), S3Key: aws.String("f.zip"), S3ObjectStorageMode: lt.S3ObjectStorageModeReference}
	if out := must(l.lambda.UpdateFunctionCode(l.ctx, in))(t); *out.CodeSha256 != hashOf(code) {
		t.Error("another hash")
	}
	if c := l.get("pay", "").Code; c.Location != nil || c.ResolvedS3Object == nil || *c.ResolvedS3Object.S3Key != "f.zip" {
		t.Errorf("by reference: %+v", c)
	}
	in.S3ObjectStorageMode = ""
	must(l.lambda.UpdateFunctionCode(l.ctx, in))(t)
	if c := l.get("pay", "").Code; c.Location == nil || c.ResolvedS3Object != nil {
		t.Errorf("by copy: %+v", c)
	}
	dev := lambda.NewFromConfig(user(l.c, "dev", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:*","Resource":"*"}]}`))
	_, err := dev.UpdateFunctionCode(l.ctx, in)
	wantCode(t, "who may not read the object", err, "AccessDeniedException")
	in.S3Key = aws.String("none")
	_, err = l.lambda.UpdateFunctionCode(l.ctx, in)
	wantError(t, "no object", err, "InvalidParameterValueException", "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.")
	_, err = l.lambda.UpdateFunctionCode(l.ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("pay"), ImageUri: aws.String(acct + ".dkr.ecr.us-east-1.amazonaws.com/r:t")})
	wantError(t, "an image", err, "InvalidParameterValueException", "Please don't provide ImageUri when updating a function with packageType Zip.")
}

// TestEnforcedSigning: with Enforce nothing unsigned is deployed; what is deployed stays.
func TestEnforcedSigning(t *testing.T) {
	l := newLambdaAccount(t, 0)
	k := must(l.lambda.CreateCodeSigningConfig(l.ctx, &lambda.CreateCodeSigningConfigInput{AllowedPublishers: &lt.AllowedPublishers{SigningProfileVersionArns: []string{"arn:aws:signer:us-east-1:" + acct + ":/signing-profiles/p/abcdefghij"}}}))(t).CodeSigningConfig
	must(l.lambda.PutFunctionCodeSigningConfig(l.ctx, &lambda.PutFunctionCodeSigningConfigInput{FunctionName: aws.String("pay"), CodeSigningConfigArn: k.CodeSigningConfigArn}))(t)
	l.overwrite("warned of")
	must(l.lambda.UpdateCodeSigningConfig(l.ctx, &lambda.UpdateCodeSigningConfigInput{CodeSigningConfigArn: k.CodeSigningConfigArn, CodeSigningPolicies: &lt.CodeSigningPolicies{UntrustedArtifactOnDeployment: lt.CodeSigningPolicyEnforce}}))(t)
	_, err := l.lambda.UpdateFunctionCode(l.ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("pay"), ZipFile: zipOf(t, "x")})
	wantCode(t, "enforced", err, "CodeVerificationFailedException")
	if h := *l.get("pay", "").Configuration.CodeSha256; h != hashOf(zipOf(t, "warned of")) {
		t.Error("the refused code is there")
	}
}

// TestRoleOfAVersion: a published version runs with the role it was published with.
func TestRoleOfAVersion(t *testing.T) {
	l := newLambdaAccount(t, 0)
	l.publish()
	l.role("next", lambdaTrust)
	must(l.lambda.UpdateFunctionConfiguration(l.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("pay"), Role: aws.String("arn:aws:iam::" + acct + ":role/next")}))(t)
	for q, role := range map[string]string{"": "next", ":1": "app"} {
		creds := must(l.c.ExecutionCredentials(functionARN + q))(t)
		if who := must(whoami(clientConfig(l.c, creds)))(t); who != "arn:aws:sts::"+acct+":assumed-role/"+role+"/pay" {
			t.Errorf("%q runs as %s", q, who)
		}
	}
}

// TestConfigurationDetails: what an update leaves, clears and fills in.
func TestConfigurationDetails(t *testing.T) {
	l := newLambdaAccount(t, 0)
	update := func(in lambda.UpdateFunctionConfigurationInput) *lambda.UpdateFunctionConfigurationOutput {
		t.Helper()
		in.FunctionName = aws.String("pay")
		return must(l.lambda.UpdateFunctionConfiguration(l.ctx, &in))(t)
	}
	out := update(lambda.UpdateFunctionConfigurationInput{LoggingConfig: &lt.LoggingConfig{LogFormat: lt.LogFormatJson}, DeadLetterConfig: &lt.DeadLetterConfig{TargetArn: aws.String("arn:aws:sqs:us-east-1:" + acct + ":dlq")}})
	if g := out.LoggingConfig; g.SystemLogLevel != lt.SystemLogLevelInfo || g.ApplicationLogLevel != lt.ApplicationLogLevelInfo || *g.LogGroup != "/aws/lambda/pay" {
		t.Errorf("JSON logging %+v", g)
	}
	out = update(lambda.UpdateFunctionConfigurationInput{LoggingConfig: &lt.LoggingConfig{LogFormat: lt.LogFormatText}, DeadLetterConfig: &lt.DeadLetterConfig{TargetArn: aws.String("")}})
	if out.LoggingConfig.SystemLogLevel != "" || out.DeadLetterConfig != nil {
		t.Errorf("cleared %+v %+v", out.LoggingConfig, out.DeadLetterConfig)
	}
	if out.Environment.Variables["KEY"] != "v" {
		t.Error("an update lost the environment it did not name")
	}
	if list := must(l.lambda.ListFunctions(l.ctx, &lambda.ListFunctionsInput{FunctionVersion: lt.FunctionVersionAll}))(t).Functions; *list[0].FunctionArn != functionARN+":$LATEST" || list[0].RuntimeVersionConfig != nil {
		t.Errorf("listed %s %+v", *list[0].FunctionArn, list[0].RuntimeVersionConfig)
	}
}

// TestEventsAtZero: the OnFailure destination gets a record, the dead-letter queue the
// event, both only as far as the execution role reaches; otherwise the event is lost.
func TestEventsAtZero(t *testing.T) {
	l := newLambdaAccount(t, 0)
	must(l.lambda.UpdateFunctionConfiguration(l.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("pay"), DeadLetterConfig: &lt.DeadLetterConfig{TargetArn: aws.String("arn:aws:sqs:us-east-1:" + acct + ":missing")}}))(t)
	must(l.lambda.PutFunctionConcurrency(l.ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("pay"), ReservedConcurrentExecutions: aws.Int32(0)}))(t)
	must(l.lambda.Invoke(l.ctx, &lambda.InvokeInput{FunctionName: aws.String("pay"), InvocationType: lt.InvocationTypeEvent, Payload: []byte(`{"n":1}`)}))(t)
	if l.lost("pay") != 1 {
		t.Errorf("%d lost: there is no such queue", l.lost("pay"))
	}
	put := &lambda.PutFunctionEventInvokeConfigInput{FunctionName: aws.String("pay")}
	_, err := l.lambda.PutFunctionEventInvokeConfig(l.ctx, put)
	wantError(t, "nothing set", err, "InvalidParameterValueException", "You must specify at least one of error handling or destination setting.")
	put.DestinationConfig = &lt.DestinationConfig{OnFailure: &lt.OnFailure{Destination: aws.String(functionARN)}}
	_, err = l.lambda.PutFunctionEventInvokeConfig(l.ctx, put)
	wantError(t, "itself", err, "InvalidParameterValueException", "You can't specify the function as a destination for itself.")
	put.DestinationConfig.OnFailure.Destination = aws.String("arn:aws:sqs:us-east-1:" + acct + ":q")
	out := must(l.lambda.PutFunctionEventInvokeConfig(l.ctx, put))(t)
	if text := string(must(json.Marshal(out.DestinationConfig))(t)); !strings.Contains(text, `"OnSuccess":{`) || *out.FunctionArn != functionARN+":$LATEST" {
		t.Errorf("%s %s", text, *out.FunctionArn)
	}
	_, err = l.lambda.GetFunctionEventInvokeConfig(l.ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: aws.String("pay"), Qualifier: aws.String("7")})
	wantError(t, "none", err, "ResourceNotFoundException", "The function "+functionARN+":7 doesn't have an EventInvokeConfig")
}

// TestDeletedMapping is Deleting until it is gone, and takes no place meanwhile that it
// would have to give back.
func TestDeletedMapping(t *testing.T) {
	l := newLambdaAccount(t, time.Minute)
	source := aws.String("arn:aws:sqs:us-east-1:" + acct + ":q")
	m := must(l.lambda.CreateEventSourceMapping(l.ctx, &lambda.CreateEventSourceMappingInput{FunctionName: aws.String("pay"), EventSourceArn: source}))(t)
	l.wait()
	_, err := l.lambda.CreateEventSourceMapping(l.ctx, &lambda.CreateEventSourceMappingInput{FunctionName: aws.String("pay"), EventSourceArn: source})
	wantError(t, "twice", err, "ResourceConflictException", `An event source mapping with SQS arn (" `+*source+` ") and function (" pay ") already exists. Please update or delete the existing mapping with UUID `+*m.UUID)
	_, err = l.lambda.CreateEventSourceMapping(l.ctx, &lambda.CreateEventSourceMappingInput{FunctionName: aws.String("none"), EventSourceArn: source})
	wantError(t, "no function", err, "InvalidParameterValueException", "Function does not exist")
	_, err = l.lambda.UpdateEventSourceMapping(l.ctx, &lambda.UpdateEventSourceMappingInput{UUID: m.UUID, FunctionName: aws.String("none")})
	wantCode(t, "moved to no function", err, "InvalidParameterValueException")
	if out := must(l.lambda.DeleteEventSourceMapping(l.ctx, &lambda.DeleteEventSourceMappingInput{UUID: m.UUID}))(t); *out.State != "Deleting" {
		t.Errorf("state %s", *out.State)
	}
	if out := must(l.lambda.GetEventSourceMapping(l.ctx, &lambda.GetEventSourceMappingInput{UUID: m.UUID}))(t); *out.State != "Deleting" {
		t.Errorf("state %s", *out.State)
	}
	l.wait()
	_, err = l.lambda.GetEventSourceMapping(l.ctx, &lambda.GetEventSourceMappingInput{UUID: m.UUID})
	wantCode(t, "gone", err, "ResourceNotFoundException")
	if all := must(l.lambda.ListEventSourceMappings(l.ctx, &lambda.ListEventSourceMappingsInput{}))(t); len(all.EventSourceMappings) != 0 {
		t.Errorf("listed %d", len(all.EventSourceMappings))
	}
}
