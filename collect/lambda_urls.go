package collect

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

func urls() Collector {
	return Collector{
		Name: "lambda.urls", About: "function URLs of the function and its aliases", Small: true,
		Needs: []awsapi.Need{need("Lambda:ListFunctionUrlConfigs", "lambda:ListFunctionUrlConfigs", "function ARN")},
		Collect: func(ctx context.Context, j *Job) {
			listing(ctx, j, j.want("lambda.urls", "", "Lambda:ListFunctionUrlConfigs"),
				pager[lambda.ListFunctionUrlConfigsInput, lambda.ListFunctionUrlConfigsOutput, lambda.Options]{
					call: j.lambda().ListFunctionUrlConfigs,
					in:   &lambda.ListFunctionUrlConfigsInput{FunctionName: aws.String(j.Target.Function)},
					next: func(in *lambda.ListFunctionUrlConfigsInput, out *lambda.ListFunctionUrlConfigsOutput) string {
						in.Marker = out.NextMarker
						return aws.ToString(in.Marker)
					},
				}, "FunctionUrlConfigs", func(o *lambda.ListFunctionUrlConfigsOutput) any { return o.FunctionUrlConfigs })
		},
	}
}
