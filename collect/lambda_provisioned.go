package collect

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

func provisioned() Collector {
	return Collector{
		Name: "lambda.provisioned", About: "provisioned concurrency of aliases and versions", Small: true,
		Needs: []awsapi.Need{need("Lambda:ListProvisionedConcurrencyConfigs", "lambda:ListProvisionedConcurrencyConfigs", "function ARN")},
		Collect: func(ctx context.Context, j *Job) {
			listing(ctx, j, j.want("lambda.provisioned", "", "Lambda:ListProvisionedConcurrencyConfigs"),
				pager[lambda.ListProvisionedConcurrencyConfigsInput, lambda.ListProvisionedConcurrencyConfigsOutput, lambda.Options]{
					call: j.lambda().ListProvisionedConcurrencyConfigs,
					in:   &lambda.ListProvisionedConcurrencyConfigsInput{FunctionName: aws.String(j.Target.Function)},
					next: func(in *lambda.ListProvisionedConcurrencyConfigsInput, out *lambda.ListProvisionedConcurrencyConfigsOutput) string {
						in.Marker = out.NextMarker
						return aws.ToString(in.Marker)
					},
				}, "ProvisionedConcurrencyConfigs", func(o *lambda.ListProvisionedConcurrencyConfigsOutput) any {
					return o.ProvisionedConcurrencyConfigs
				})
		},
	}
}
