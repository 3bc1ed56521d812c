package collect

import (
	"context"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// Function is a function of a region, as ListFunctions tells it; both are ARNs.
type Function struct{ ARN, Role string }

// ListNeeds is the call by which functions are looked for.
func ListNeeds() []awsapi.Need {
	return []awsapi.Need{{Call: "Lambda:ListFunctions", IAM: []awsapi.Grant{{Action: "lambda:ListFunctions", Resource: "*"}}, When: "an alert names a role and no function"}}
}

// Functions lists the functions of a region. An error is the last that it yields: what came before
// is not the whole.
func Functions(ctx context.Context, s *awsapi.Session, region string) iter.Seq2[Function, error] {
	return func(yield func(Function, error) bool) {
		for x, err := range functionsOf(ctx, s.ReadOnly().Config(region, ListNeeds()), region) {
			if !yield(Function{aws.ToString(x.FunctionArn), aws.ToString(x.Role)}, err) {
				return
			}
		}
	}
}

// functionsOf lists a region's functions, page by page.
func functionsOf(ctx context.Context, cfg aws.Config, region string) iter.Seq2[lambdatypes.FunctionConfiguration, error] {
	return func(yield func(lambdatypes.FunctionConfiguration, error) bool) {
		c := lambda.NewFromConfig(cfg, func(o *lambda.Options) { o.Region = region })
		in := &lambda.ListFunctionsInput{}
		var seen tokens
		for read := 0; ; read++ {
			out, err := c.ListFunctions(ctx, in)
			if err == nil && aws.ToString(out.NextMarker) != "" && seen.repeats(*out.NextMarker) {
				err = errLoop
			}
			if err = afterPages(read, err); err != nil {
				yield(lambdatypes.FunctionConfiguration{}, err)
				return
			}
			for _, x := range out.Functions {
				if !yield(x, nil) {
					return
				}
			}
			if in.Marker = out.NextMarker; aws.ToString(in.Marker) == "" {
				return
			}
		}
	}
}
