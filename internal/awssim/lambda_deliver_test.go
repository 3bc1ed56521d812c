package awssim

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// TestDeliver: a service is let in by the policy, for its source alone, and not at concurrency 0.
func TestDeliver(t *testing.T) {
	a := newLambdaAccount(t, 0)
	rule := "arn:aws:events:us-east-1:" + acct + ":rule/nightly"
	deliver := func(service, source string) (string, error) {
		return a.c.Deliver(service, source, functionARN, []byte("{}"))
	}
	refused := func(what string, err error, code string) {
		t.Helper()
		if e, ok := errors.AsType[*apiError](err); !ok || e.Code != code {
			t.Errorf("%s: %v, want %s", what, err, code)
		}
	}
	_, err := deliver("events.amazonaws.com", rule)
	refused("no grant", err, "AccessDeniedException")
	must(a.lambda.AddPermission(a.ctx, &lambda.AddPermissionInput{FunctionName: aws.String("pay"), StatementId: aws.String("r"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("events.amazonaws.com"), SourceArn: &rule}))(t)
	if v, err := deliver("events.amazonaws.com", rule); err != nil || v != "$LATEST" {
		t.Errorf("granted: %q %v", v, err)
	}
	_, err = deliver("events.amazonaws.com", rule+"2")
	refused("another source", err, "AccessDeniedException")
	_, err = deliver("s3.amazonaws.com", rule)
	refused("another service", err, "AccessDeniedException")
	must(a.lambda.PutFunctionConcurrency(a.ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("pay"), ReservedConcurrentExecutions: aws.Int32(0)}))(t)
	_, err = deliver("events.amazonaws.com", rule)
	refused("frozen", err, "TooManyRequestsException")
}
