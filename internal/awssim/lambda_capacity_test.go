package awssim

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// TestSweepCapacity: a provider is shared by versions of several functions, and each version
// has its own scaling.
func TestSweepCapacity(t *testing.T) {
	ctx, c, cfg := sweeping(t)
	cl, role := lambda.NewFromConfig(cfg), aws.String("arn:aws:iam::"+c.AccountID()+":role/r")
	arn := must(cl.CreateCapacityProvider(ctx, &lambda.CreateCapacityProviderInput{CapacityProviderName: aws.String("pool"), PermissionsConfig: &lt.CapacityProviderPermissionsConfig{CapacityProviderOperatorRoleArn: role},
		VpcConfig: &lt.CapacityProviderVpcConfig{SubnetIds: []string{"subnet-0123456789abcdef0"}, SecurityGroupIds: []string{"sg-0123456789abcdef0"}}}))(t).CapacityProvider.CapacityProviderArn
	managed := func(provider string) *lt.CapacityProviderConfig {
		return &lt.CapacityProviderConfig{LambdaManagedInstancesCapacityProviderConfig: &lt.LambdaManagedInstancesCapacityProviderConfig{CapacityProviderArn: &provider}}
	}
	create := func(name, provider string) error {
		_, err := cl.CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: &name, Role: role, Runtime: lt.RuntimePython313, Handler: aws.String("a.b"), Publish: true, Code: &lt.FunctionCode{ZipFile: packageOf(t, name)}, CapacityProviderConfig: managed(provider)})
		return err
	}
	wantCode(t, "no such provider", create("m", *arn+"2"), "ResourceNotFoundException")
	for i := range 60 {
		wantCode(t, "created", create(fmt.Sprint("m", i), *arn), "")
	}
	if p := must(cl.GetCapacityProvider(ctx, &lambda.GetCapacityProviderInput{CapacityProviderName: arn}))(t).CapacityProvider; p.State != lt.CapacityProviderStateActive || len(p.VpcConfig.SubnetIds) != 1 {
		t.Errorf("%+v", p)
	}
	first := must(cl.ListFunctionVersionsByCapacityProvider(ctx, &lambda.ListFunctionVersionsByCapacityProviderInput{CapacityProviderName: aws.String("pool")}))(t)
	rest := must(cl.ListFunctionVersionsByCapacityProvider(ctx, &lambda.ListFunctionVersionsByCapacityProviderInput{CapacityProviderName: aws.String("pool"), Marker: first.NextMarker}))(t)
	if len(first.FunctionVersions) != 50 || len(rest.FunctionVersions) != 10 || *first.FunctionVersions[0].FunctionArn != "arn:aws:lambda:us-east-1:111122223333:function:m0:1" {
		t.Errorf("%d and %d", len(first.FunctionVersions), len(rest.FunctionVersions))
	}
	must(cl.PutFunctionScalingConfig(ctx, &lambda.PutFunctionScalingConfigInput{FunctionName: aws.String("m0"), Qualifier: aws.String("1"), FunctionScalingConfig: &lt.FunctionScalingConfig{MinExecutionEnvironments: aws.Int32(3), MaxExecutionEnvironments: aws.Int32(9)}}))(t)
	if s := must(cl.GetFunctionScalingConfig(ctx, &lambda.GetFunctionScalingConfigInput{FunctionName: aws.String("m0"), Qualifier: aws.String("1")}))(t); *s.RequestedFunctionScalingConfig.MaxExecutionEnvironments != 9 {
		t.Errorf("%+v", s)
	}
	for qualifier, name := range map[string]string{"$LATEST": "m0", "1": "f"} {
		_, err := cl.GetFunctionScalingConfig(ctx, &lambda.GetFunctionScalingConfigInput{FunctionName: &name, Qualifier: &qualifier})
		if codeOf(err) != "InvalidParameterValueException" && codeOf(err) != "ValidationException" {
			t.Errorf("%s of %s: %v", qualifier, name, err)
		}
	}
	_, err := cl.GetCapacityProvider(ctx, &lambda.GetCapacityProviderInput{CapacityProviderName: aws.String("none")})
	wantCode(t, "another", err, "ResourceNotFoundException")
}
