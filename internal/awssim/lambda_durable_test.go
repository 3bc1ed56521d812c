package awssim

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// TestSweepDurable: executions are listed by version, newest first; each is read on its own
// ARN, and its history by pages.
func TestSweepDurable(t *testing.T) {
	ctx, c, cfg := sweeping(t)
	cl := lambda.NewFromConfig(cfg)
	must(cl.CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: aws.String("d"), Role: aws.String("arn:aws:iam::" + c.AccountID() + ":role/r"), Publish: true,
		Runtime: lt.RuntimePython313, Handler: aws.String("app.handler"), Code: &lt.FunctionCode{ZipFile: packageOf(t, "durable")}, DurableConfig: &lt.DurableConfig{ExecutionTimeout: aws.Int32(3600), RetentionPeriodInDays: aws.Int32(7)}}))(t)
	f := "arn:aws:lambda:us-east-1:" + c.AccountID() + ":function:d"
	if _, err := c.StageDurableExecution("arn:aws:lambda:us-east-1:"+c.AccountID()+":function:f", lambda.GetDurableExecutionOutput{}); err == nil {
		t.Error("a function without DurableConfig has one")
	}
	at := time.Now().Add(-time.Hour).Truncate(time.Second)
	for i := range 120 {
		must(c.StageDurableExecution(f+":1", lambda.GetDurableExecutionOutput{DurableExecutionName: aws.String(fmt.Sprint("n", i)), StartTimestamp: aws.Time(at.Add(time.Duration(i) * time.Second)), Status: lt.ExecutionStatusSucceeded, Result: aws.String("{}")}))(t)
	}
	var events []lt.Event
	for i := range 130 {
		events = append(events, lt.Event{EventType: lt.EventTypeStepSucceeded, Name: aws.String(fmt.Sprint("step", i)), StepSucceededDetails: &lt.StepSucceededDetails{Result: &lt.EventResult{Payload: aws.String("{}"), Truncated: aws.Bool(false)}, RetryDetails: &lt.RetryDetails{}}})
	}
	running := must(c.StageDurableExecution(f+":$LATEST", lambda.GetDurableExecutionOutput{InputPayload: aws.String(`{"a":1}`)}, events...))(t)

	first := must(cl.ListDurableExecutionsByFunction(ctx, &lambda.ListDurableExecutionsByFunctionInput{FunctionName: aws.String("d"), Qualifier: aws.String("1")}))(t)
	rest := must(cl.ListDurableExecutionsByFunction(ctx, &lambda.ListDurableExecutionsByFunctionInput{FunctionName: aws.String("d"), Qualifier: aws.String("1"), Marker: first.NextMarker}))(t)
	if len(first.DurableExecutions) != 100 || len(rest.DurableExecutions) != 20 || *first.DurableExecutions[0].DurableExecutionName != "n119" {
		t.Errorf("%d and %d", len(first.DurableExecutions), len(rest.DurableExecutions))
	}
	live := must(cl.ListDurableExecutionsByFunction(ctx, &lambda.ListDurableExecutionsByFunctionInput{FunctionName: aws.String("d"), Statuses: []lt.ExecutionStatus{lt.ExecutionStatusRunning}, MaxItems: 1000}))(t).DurableExecutions
	if len(live) != 1 || *live[0].DurableExecutionArn != running {
		t.Errorf("%+v", live)
	}
	if d := must(cl.GetDurableExecution(ctx, &lambda.GetDurableExecutionInput{DurableExecutionArn: &running}))(t); *d.InputPayload != `{"a":1}` || *d.Version != "$LATEST" || *d.DurableConfig.ExecutionTimeout != 3600 {
		t.Errorf("%+v", d)
	}
	if d := must(cl.GetDurableExecution(ctx, &lambda.GetDurableExecutionInput{DurableExecutionArn: &running, IncludeExecutionData: aws.Bool(false)}))(t); d.InputPayload != nil {
		t.Errorf("%+v", d)
	}
	h := must(cl.GetDurableExecutionHistory(ctx, &lambda.GetDurableExecutionHistoryInput{DurableExecutionArn: &running}))(t)
	more := must(cl.GetDurableExecutionHistory(ctx, &lambda.GetDurableExecutionHistoryInput{DurableExecutionArn: &running, Marker: h.NextMarker}))(t)
	if len(h.Events) != 100 || len(more.Events) != 31 || *h.Events[0].ExecutionStartedDetails.Input.Payload != `{"a":1}` || *more.Events[30].EventId != 131 {
		t.Errorf("%d and %d events", len(h.Events), len(more.Events))
	}
	stop := &lambda.StopDurableExecutionInput{DurableExecutionArn: &running, Error: &lt.ErrorObject{ErrorMessage: aws.String("enough")}}
	when := must(cl.StopDurableExecution(ctx, stop))(t).StopTimestamp
	again := must(cl.StopDurableExecution(ctx, &lambda.StopDurableExecutionInput{DurableExecutionArn: &running}))(t).StopTimestamp
	if d := must(cl.GetDurableExecution(ctx, &lambda.GetDurableExecutionInput{DurableExecutionArn: &running}))(t); d.Status != lt.ExecutionStatusStopped || !d.EndTimestamp.Equal(*when) || !again.Equal(*when) || *d.Error.ErrorMessage != "enough" {
		t.Errorf("stopped: %+v", d)
	}
	last := must(cl.GetDurableExecutionHistory(ctx, &lambda.GetDurableExecutionHistoryInput{DurableExecutionArn: &running, ReverseOrder: aws.Bool(true)}))(t).Events[0]
	if last.EventType != lt.EventTypeExecutionStopped || *last.EventId != 132 {
		t.Errorf("its last event: %+v", last)
	}
	_, err := cl.GetDurableExecution(ctx, &lambda.GetDurableExecutionInput{DurableExecutionArn: aws.String(running + "0")})
	wantCode(t, "another", err, "ResourceNotFoundException")
	less := lambda.NewFromConfig(clientConfig(c, c.Bootstrap(c.AccountID(), "less", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"`+f+`"}]}`)))
	_, err = less.GetDurableExecution(ctx, &lambda.GetDurableExecutionInput{DurableExecutionArn: &running})
	wantCode(t, "with the function's ARN alone", err, "AccessDeniedException")
}
