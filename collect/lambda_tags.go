package collect

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

func tags() Collector {
	return Collector{
		Name: "lambda.tags", About: "tags of the function",
		Needs: []awsapi.Need{need("Lambda:ListTags", "lambda:ListTags", "function ARN")},
		Collect: func(ctx context.Context, j *Job) {
			fetchUnless(ctx, j, j.want("lambda.tags", "", "Lambda:ListTags"),
				j.lambda().ListTags, &lambda.ListTagsInput{Resource: aws.String(j.Target.ARN)},
				func(o *lambda.ListTagsOutput) string { return noneOf(len(o.Tags), "no tags") })
		},
	}
}
