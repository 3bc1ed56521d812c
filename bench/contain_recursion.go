package bench

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// allowRecursion lets the function call itself without end.
func (a *Account) allowRecursion(ctx context.Context) error {
	_, err := lambda.NewFromConfig(a.cfg).PutFunctionRecursionConfig(ctx, &lambda.PutFunctionRecursionConfigInput{FunctionName: aws.String(Function), RecursiveLoop: lambdatypes.RecursiveLoopAllow})
	return err
}
