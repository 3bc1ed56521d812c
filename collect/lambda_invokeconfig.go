package collect

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

func invokeConfig() Collector {
	return Collector{
		Name: "lambda.invoke-config", About: "destinations, age and retries of asynchronous events, all qualifiers", Small: true,
		Needs: []awsapi.Need{need("Lambda:ListFunctionEventInvokeConfigs", "lambda:ListFunctionEventInvokeConfigs", "function ARN")},
		Collect: func(ctx context.Context, j *Job) {
			var to nameList
			to.known = listing(ctx, j, j.want("lambda.invoke-config", "", "Lambda:ListFunctionEventInvokeConfigs"),
				pager[lambda.ListFunctionEventInvokeConfigsInput, lambda.ListFunctionEventInvokeConfigsOutput, lambda.Options]{
					call: j.lambda().ListFunctionEventInvokeConfigs,
					in:   &lambda.ListFunctionEventInvokeConfigsInput{FunctionName: aws.String(j.Target.Function)},
					next: func(in *lambda.ListFunctionEventInvokeConfigsInput, out *lambda.ListFunctionEventInvokeConfigsOutput) string {
						in.Marker = out.NextMarker
						return aws.ToString(in.Marker)
					},
				}, "FunctionEventInvokeConfigs", func(o *lambda.ListFunctionEventInvokeConfigsOutput) any {
					for _, c := range o.FunctionEventInvokeConfigs {
						to.names = append(to.names, destinationsOf(c.DestinationConfig)...)
					}
					return o.FunctionEventInvokeConfigs
				})
			j.facts.destinations.keep(to)
		},
	}
}

func destinationsOf(c *lambdatypes.DestinationConfig) []string {
	var arns []string
	if c != nil && c.OnFailure != nil {
		arns = append(arns, aws.ToString(c.OnFailure.Destination))
	}
	if c != nil && c.OnSuccess != nil {
		arns = append(arns, aws.ToString(c.OnSuccess.Destination))
	}
	return arns
}
