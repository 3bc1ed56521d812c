package bench

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

// BareFunction is that of an account which has nothing else.
const BareFunction = "bare"

// NewBareAccount makes an account with one function that has only what no function lacks: code,
// a configuration, a role. Nothing calls it, and it never ran.
func NewBareAccount(ctx context.Context, c awssim.Config) (*Account, error) {
	a := emptyAccount(c)
	role, err := iam.NewFromConfig(a.cfg).CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("bare-role"),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)})
	if err != nil {
		return nil, err
	}
	_, err = lambda.NewFromConfig(a.cfg).CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: aws.String(BareFunction), Role: role.Role.Arn, Runtime: lambdatypes.RuntimePython313, Handler: aws.String("index.handler"),
		Code: &lambdatypes.FunctionCode{ZipFile: Pack("bare", 1<<10)},
	})
	return a, err
}
