package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// DurableFunction is a function of the account with durable executions.
const DurableFunction = "orderflow"

// addDurable lets one execution run and two have ended, with a secret in what they were given
// and gave back, beside one of another function.
func (a *Account) addDurable(ctx context.Context) error {
	c := lambda.NewFromConfig(a.cfg)
	for _, name := range []string{DurableFunction, DurableFunction + "2"} {
		if _, err := c.CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: &name, Role: &a.role, Runtime: lambdatypes.RuntimePython313, Handler: aws.String("index.handler"), Publish: true,
			Code: &lambdatypes.FunctionCode{ZipFile: Pack(name, 8<<10)}, DurableConfig: &lambdatypes.DurableConfig{ExecutionTimeout: aws.Int32(86400), RetentionPeriodInDays: aws.Int32(14)}}); err != nil {
			return err
		}
	}
	hour := func(n int) *time.Time {
		return aws.Time(a.Cloud.Now().UTC().Truncate(time.Second).Add(-time.Duration(n) * time.Hour))
	}
	payload := aws.String(`{"card":"` + Secret + `"}`)
	var steps []lambdatypes.Event
	for i := range 120 {
		steps = append(steps, lambdatypes.Event{EventType: lambdatypes.EventTypeStepSucceeded, Name: aws.String(fmt.Sprint("step-", i)), EventTimestamp: hour(47),
			StepSucceededDetails: &lambdatypes.StepSucceededDetails{Result: &lambdatypes.EventResult{Payload: payload, Truncated: aws.Bool(false)}, RetryDetails: &lambdatypes.RetryDetails{}}})
	}
	failure := &lambdatypes.ErrorObject{ErrorType: aws.String("Refused"), ErrorMessage: aws.String("card " + Secret)}
	for _, x := range []struct {
		function string
		about    lambda.GetDurableExecutionOutput
		events   []lambdatypes.Event
	}{
		{DurableFunction + ":1", lambda.GetDurableExecutionOutput{DurableExecutionName: aws.String("old-and-running"), StartTimestamp: hour(48), InputPayload: payload}, steps},
		{DurableFunction + ":1", lambda.GetDurableExecutionOutput{DurableExecutionName: aws.String("done"), StartTimestamp: hour(3), EndTimestamp: hour(2), Status: lambdatypes.ExecutionStatusSucceeded, InputPayload: payload, Result: payload}, nil},
		{DurableFunction + ":$LATEST", lambda.GetDurableExecutionOutput{DurableExecutionName: aws.String("failed"), StartTimestamp: hour(2), EndTimestamp: hour(1), Status: lambdatypes.ExecutionStatusFailed, Error: failure},
			[]lambdatypes.Event{{EventType: lambdatypes.EventTypeExecutionFailed, ExecutionFailedDetails: &lambdatypes.ExecutionFailedDetails{Error: &lambdatypes.EventError{Payload: failure, Truncated: aws.Bool(false)}}}}},
		{DurableFunction + "2:1", lambda.GetDurableExecutionOutput{DurableExecutionName: aws.String("others")}, nil},
	} {
		if _, err := a.Cloud.StageDurableExecution("arn:aws:lambda:"+Region+":"+AccountID+":function:"+x.function, x.about, x.events...); err != nil {
			return err
		}
	}
	return nil
}
