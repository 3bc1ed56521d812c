package collect

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// concurrency keeps the difference between unset (absent) and 0.
func concurrency() Collector {
	return Collector{
		Name: "lambda.concurrency", About: "reserved concurrency", Small: true,
		Needs: []awsapi.Need{need("Lambda:GetFunctionConcurrency", "lambda:GetFunctionConcurrency", "function ARN")},
		Collect: func(ctx context.Context, j *Job) {
			fetchUnless(ctx, j, j.want("lambda.concurrency", "", "Lambda:GetFunctionConcurrency"),
				j.lambda().GetFunctionConcurrency, &lambda.GetFunctionConcurrencyInput{FunctionName: aws.String(j.Target.Function)},
				func(o *lambda.GetFunctionConcurrencyOutput) string {
					if o.ReservedConcurrentExecutions == nil {
						return "none is reserved: the function shares what the account has"
					}
					return ""
				})
		},
	}
}
