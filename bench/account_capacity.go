package bench

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// ManagedFunction is a function of the account that runs on managed instances.
const ManagedFunction = "render"

// addCapacity makes two functions that share a capacity provider, and a provider that neither has.
func (a *Account) addCapacity(ctx context.Context) error {
	c := lambda.NewFromConfig(a.cfg)
	var arn *string
	for _, name := range []string{"spare", "pool"} {
		out, err := c.CreateCapacityProvider(ctx, &lambda.CreateCapacityProviderInput{CapacityProviderName: &name, PermissionsConfig: &lambdatypes.CapacityProviderPermissionsConfig{CapacityProviderOperatorRoleArn: &a.role},
			VpcConfig: &lambdatypes.CapacityProviderVpcConfig{SubnetIds: []string{"subnet-0123456789abcdef0"}, SecurityGroupIds: []string{"sg-0123456789abcdef0"}}})
		if err != nil {
			return err
		}
		arn = out.CapacityProvider.CapacityProviderArn
	}
	for _, name := range []string{ManagedFunction, "stranger"} {
		if _, err := c.CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: &name, Role: &a.role, Runtime: lambdatypes.RuntimePython313, Handler: aws.String("index.handler"), Publish: true,
			Code:                   &lambdatypes.FunctionCode{ZipFile: Pack(name, 8<<10)},
			CapacityProviderConfig: &lambdatypes.CapacityProviderConfig{LambdaManagedInstancesCapacityProviderConfig: &lambdatypes.LambdaManagedInstancesCapacityProviderConfig{CapacityProviderArn: arn}}}); err != nil {
			return err
		}
	}
	_, err := c.PutFunctionScalingConfig(ctx, &lambda.PutFunctionScalingConfigInput{FunctionName: aws.String(ManagedFunction), Qualifier: aws.String("1"),
		FunctionScalingConfig: &lambdatypes.FunctionScalingConfig{MinExecutionEnvironments: aws.Int32(2), MaxExecutionEnvironments: aws.Int32(6)}})
	return err
}
