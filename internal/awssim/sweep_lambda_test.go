package awssim

import (
	"archive/zip"
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// The sweeps call what the other tests do not, so that every simulated operation answers
// under the eyes of the judge of shapes; what they assert is that AWS's own client and the
// judge accept the answer, and the few values named.

func packageOf(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f := must(z.Create("app.py"))(t)
	must(f.Write([]byte(text)))(t)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sweeping is an account with an administrator, a role and a function f with version 1.
func sweeping(t *testing.T) (context.Context, *Cloud, aws.Config) {
	t.Helper()
	c := New(Config{})
	cfg := checked(t, c, clientConfig(c, c.Bootstrap(c.AccountID(), "admin", allowAll)))
	ctx := t.Context()
	must(iam.NewFromConfig(cfg).CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("r"), AssumeRolePolicyDocument: aws.String(lambdaTrust)}))(t)
	cl := lambda.NewFromConfig(cfg)
	must(cl.CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: aws.String("f"), Role: aws.String("arn:aws:iam::" + c.AccountID() + ":role/r"),
		Runtime: lt.RuntimePython312, Handler: aws.String("app.handler"), Code: &lt.FunctionCode{ZipFile: packageOf(t, "one")}, Tags: map[string]string{"a": "b"}}))(t)
	must(cl.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: aws.String("f")}))(t)
	return ctx, c, cfg
}

func TestSweepFunction(t *testing.T) {
	ctx, c, cfg := sweeping(t)
	cl, f := lambda.NewFromConfig(cfg), aws.String("f")
	arn := aws.String("arn:aws:lambda:" + c.Region() + ":" + c.AccountID() + ":function:f")
	must(cl.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: f}))(t)
	must(cl.CreateAlias(ctx, &lambda.CreateAliasInput{FunctionName: f, Name: aws.String("live"), FunctionVersion: aws.String("1")}))(t)
	must(cl.UpdateAlias(ctx, &lambda.UpdateAliasInput{FunctionName: f, Name: aws.String("live"), Description: aws.String("d")}))(t)
	if a := must(cl.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: f, Name: aws.String("live")}))(t); *a.Description != "d" {
		t.Errorf("the alias says %q", *a.Description)
	}
	must(cl.ListAliases(ctx, &lambda.ListAliasesInput{FunctionName: f}))(t)
	must(cl.TagResource(ctx, &lambda.TagResourceInput{Resource: arn, Tags: map[string]string{"c": "d"}}))(t)
	must(cl.UntagResource(ctx, &lambda.UntagResourceInput{Resource: arn, TagKeys: []string{"a"}}))(t)
	if tags := must(cl.ListTags(ctx, &lambda.ListTagsInput{Resource: arn}))(t).Tags; len(tags) != 1 || tags["c"] != "d" {
		t.Errorf("tags are %v", tags)
	}
	must(cl.PutProvisionedConcurrencyConfig(ctx, &lambda.PutProvisionedConcurrencyConfigInput{FunctionName: f, Qualifier: aws.String("live"), ProvisionedConcurrentExecutions: aws.Int32(2)}))(t)
	must(cl.GetProvisionedConcurrencyConfig(ctx, &lambda.GetProvisionedConcurrencyConfigInput{FunctionName: f, Qualifier: aws.String("live")}))(t)
	must(cl.ListProvisionedConcurrencyConfigs(ctx, &lambda.ListProvisionedConcurrencyConfigsInput{FunctionName: f}))(t)
	if _, err := cl.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: f, ReservedConcurrentExecutions: aws.Int32(0)}); codeOf(err) != "InvalidParameterValueException" {
		t.Errorf("a reservation below the provisioned total: %v", err)
	}
	must(cl.DeleteProvisionedConcurrencyConfig(ctx, &lambda.DeleteProvisionedConcurrencyConfigInput{FunctionName: f, Qualifier: aws.String("live")}))(t)
	must(cl.PutRuntimeManagementConfig(ctx, &lambda.PutRuntimeManagementConfigInput{FunctionName: f, UpdateRuntimeOn: lt.UpdateRuntimeOnFunctionUpdate}))(t)
	if r := must(cl.GetRuntimeManagementConfig(ctx, &lambda.GetRuntimeManagementConfigInput{FunctionName: f}))(t); r.UpdateRuntimeOn != lt.UpdateRuntimeOnFunctionUpdate {
		t.Errorf("runtime updates on %s", r.UpdateRuntimeOn)
	}
	must(cl.PutFunctionRecursionConfig(ctx, &lambda.PutFunctionRecursionConfigInput{FunctionName: f, RecursiveLoop: lt.RecursiveLoopAllow}))(t)
	must(cl.GetFunctionRecursionConfig(ctx, &lambda.GetFunctionRecursionConfigInput{FunctionName: f}))(t)
	must(cl.ListDurableExecutionsByFunction(ctx, &lambda.ListDurableExecutionsByFunctionInput{FunctionName: f}))(t)
	must(cl.DeleteAlias(ctx, &lambda.DeleteAliasInput{FunctionName: f, Name: aws.String("live")}))(t)
	must(cl.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: f}))(t)
	if _, err := cl.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: f}); codeOf(err) != "ResourceNotFoundException" {
		t.Errorf("a deleted function: %v", err)
	}
}

func TestSweepTriggers(t *testing.T) {
	ctx, c, cfg := sweeping(t)
	cl, f := lambda.NewFromConfig(cfg), aws.String("f")
	must(cl.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{FunctionName: f, AuthType: lt.FunctionUrlAuthTypeNone}))(t)
	must(cl.UpdateFunctionUrlConfig(ctx, &lambda.UpdateFunctionUrlConfigInput{FunctionName: f, AuthType: lt.FunctionUrlAuthTypeAwsIam}))(t)
	if u := must(cl.GetFunctionUrlConfig(ctx, &lambda.GetFunctionUrlConfigInput{FunctionName: f}))(t); u.AuthType != lt.FunctionUrlAuthTypeAwsIam {
		t.Errorf("the URL is of type %s", u.AuthType)
	}
	must(cl.ListFunctionUrlConfigs(ctx, &lambda.ListFunctionUrlConfigsInput{FunctionName: f}))(t)
	must(cl.DeleteFunctionUrlConfig(ctx, &lambda.DeleteFunctionUrlConfigInput{FunctionName: f}))(t)

	queue := aws.String("arn:aws:sqs:" + c.Region() + ":" + c.AccountID() + ":q")
	m := must(cl.CreateEventSourceMapping(ctx, &lambda.CreateEventSourceMappingInput{FunctionName: f, EventSourceArn: queue}))(t)
	time.Sleep(time.Millisecond)
	must(cl.UpdateEventSourceMapping(ctx, &lambda.UpdateEventSourceMappingInput{UUID: m.UUID, Enabled: aws.Bool(false)}))(t)
	if g := must(cl.GetEventSourceMapping(ctx, &lambda.GetEventSourceMappingInput{UUID: m.UUID}))(t); *g.State != "Disabled" {
		t.Errorf("the mapping is %s", *g.State)
	}
	must(cl.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{FunctionName: f}))(t)
	must(cl.DeleteEventSourceMapping(ctx, &lambda.DeleteEventSourceMappingInput{UUID: m.UUID}))(t)

	must(cl.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{FunctionName: f, MaximumRetryAttempts: aws.Int32(1)}))(t)
	must(cl.UpdateFunctionEventInvokeConfig(ctx, &lambda.UpdateFunctionEventInvokeConfigInput{FunctionName: f, MaximumEventAgeInSeconds: aws.Int32(60)}))(t)
	if i := must(cl.GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: f}))(t); *i.MaximumRetryAttempts != 1 || *i.MaximumEventAgeInSeconds != 60 {
		t.Errorf("an update drops what it does not name: %+v", i)
	}
	must(cl.ListFunctionEventInvokeConfigs(ctx, &lambda.ListFunctionEventInvokeConfigsInput{FunctionName: f}))(t)
	must(cl.DeleteFunctionEventInvokeConfig(ctx, &lambda.DeleteFunctionEventInvokeConfigInput{FunctionName: f}))(t)
}

func TestSweepLayersAndSigning(t *testing.T) {
	ctx, _, cfg := sweeping(t)
	cl, f := lambda.NewFromConfig(cfg), aws.String("f")
	l := must(cl.PublishLayerVersion(ctx, &lambda.PublishLayerVersionInput{LayerName: aws.String("l"), Content: &lt.LayerVersionContentInput{ZipFile: packageOf(t, "layer")}}))(t)
	must(cl.GetLayerVersion(ctx, &lambda.GetLayerVersionInput{LayerName: aws.String("l"), VersionNumber: aws.Int64(1)}))(t)
	must(cl.GetLayerVersionByArn(ctx, &lambda.GetLayerVersionByArnInput{Arn: l.LayerVersionArn}))(t)
	must(cl.AddLayerVersionPermission(ctx, &lambda.AddLayerVersionPermissionInput{LayerName: aws.String("l"), VersionNumber: aws.Int64(1), StatementId: aws.String("s"), Action: aws.String("lambda:GetLayerVersion"), Principal: aws.String("*")}))(t)
	must(cl.GetLayerVersionPolicy(ctx, &lambda.GetLayerVersionPolicyInput{LayerName: aws.String("l"), VersionNumber: aws.Int64(1)}))(t)
	must(cl.RemoveLayerVersionPermission(ctx, &lambda.RemoveLayerVersionPermissionInput{LayerName: aws.String("l"), VersionNumber: aws.Int64(1), StatementId: aws.String("s")}))(t)
	must(cl.ListLayers(ctx, &lambda.ListLayersInput{}))(t)
	must(cl.ListLayerVersions(ctx, &lambda.ListLayerVersionsInput{LayerName: aws.String("l")}))(t)
	must(cl.DeleteLayerVersion(ctx, &lambda.DeleteLayerVersionInput{LayerName: aws.String("l"), VersionNumber: aws.Int64(1)}))(t)

	k := must(cl.CreateCodeSigningConfig(ctx, &lambda.CreateCodeSigningConfigInput{AllowedPublishers: &lt.AllowedPublishers{SigningProfileVersionArns: []string{"arn:aws:signer:us-east-1:111122223333:/signing-profiles/p/abcdefghij"}}}))(t)
	arn := k.CodeSigningConfig.CodeSigningConfigArn
	if p := k.CodeSigningConfig.CodeSigningPolicies.UntrustedArtifactOnDeployment; p != lt.CodeSigningPolicyWarn {
		t.Errorf("a new configuration says %s", p)
	}
	must(cl.UpdateCodeSigningConfig(ctx, &lambda.UpdateCodeSigningConfigInput{CodeSigningConfigArn: arn, Description: aws.String("d")}))(t)
	must(cl.GetCodeSigningConfig(ctx, &lambda.GetCodeSigningConfigInput{CodeSigningConfigArn: arn}))(t)
	must(cl.ListCodeSigningConfigs(ctx, &lambda.ListCodeSigningConfigsInput{}))(t)
	must(cl.PutFunctionCodeSigningConfig(ctx, &lambda.PutFunctionCodeSigningConfigInput{FunctionName: f, CodeSigningConfigArn: arn}))(t)
	must(cl.ListFunctionsByCodeSigningConfig(ctx, &lambda.ListFunctionsByCodeSigningConfigInput{CodeSigningConfigArn: arn}))(t)
	must(cl.GetFunctionCodeSigningConfig(ctx, &lambda.GetFunctionCodeSigningConfigInput{FunctionName: f}))(t)
	must(cl.DeleteFunctionCodeSigningConfig(ctx, &lambda.DeleteFunctionCodeSigningConfigInput{FunctionName: f}))(t)
	if g := must(cl.GetFunctionCodeSigningConfig(ctx, &lambda.GetFunctionCodeSigningConfigInput{FunctionName: f}))(t); g.CodeSigningConfigArn != nil {
		t.Errorf("without code signing the ARN is %q", *g.CodeSigningConfigArn)
	}
	must(cl.DeleteCodeSigningConfig(ctx, &lambda.DeleteCodeSigningConfigInput{CodeSigningConfigArn: arn}))(t)
}
