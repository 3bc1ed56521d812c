package collect

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

func recursion() Collector {
	return Collector{
		Name: "lambda.recursion", About: "whether Lambda stops recursive loops", Small: true,
		Needs: []awsapi.Need{need("Lambda:GetFunctionRecursionConfig", "lambda:GetFunctionRecursionConfig", "function ARN")},
		Collect: func(ctx context.Context, j *Job) {
			fetch(ctx, j, j.want("lambda.recursion", "", "Lambda:GetFunctionRecursionConfig"),
				j.lambda().GetFunctionRecursionConfig, &lambda.GetFunctionRecursionConfigInput{FunctionName: aws.String(j.Target.Function)})
		},
	}
}
