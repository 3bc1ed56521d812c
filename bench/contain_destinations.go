package bench

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// addForeignDestinations lets failures, results and dead letters go to another account.
func (a *Account) addForeignDestinations(ctx context.Context) error {
	c, name := lambda.NewFromConfig(a.cfg), aws.String(Function)
	theirs := aws.String("arn:aws:sqs:" + Region + ":210987654329:theirs")
	own := aws.String("arn:aws:sqs:" + Region + ":" + AccountID + ":orders")
	if _, err := c.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{FunctionName: name, Qualifier: aws.String("live"), MaximumRetryAttempts: aws.Int32(1),
		DestinationConfig: &lambdatypes.DestinationConfig{OnSuccess: &lambdatypes.OnSuccess{Destination: theirs}, OnFailure: &lambdatypes.OnFailure{Destination: own}}}); err != nil {
		return err
	}
	if _, err := c.UpdateFunctionEventInvokeConfig(ctx, &lambda.UpdateFunctionEventInvokeConfigInput{FunctionName: name,
		DestinationConfig: &lambdatypes.DestinationConfig{OnFailure: &lambdatypes.OnFailure{Destination: theirs}}}); err != nil {
		return err
	}
	_, err := c.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: name, DeadLetterConfig: &lambdatypes.DeadLetterConfig{TargetArn: theirs}})
	return err
}
