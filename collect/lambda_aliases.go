package collect

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

func aliases() Collector {
	return Collector{
		Name: "lambda.aliases", About: "aliases, the versions they point at and their weights", Small: true,
		Needs:   []awsapi.Need{need("Lambda:ListAliases", "lambda:ListAliases", "function ARN")},
		Collect: collectAliases,
	}
}

func collectAliases(ctx context.Context, j *Job) {
	var found nameList
	found.known = listing(ctx, j, j.want("lambda.aliases", "", "Lambda:ListAliases"),
		pager[lambda.ListAliasesInput, lambda.ListAliasesOutput, lambda.Options]{
			call: j.lambda().ListAliases,
			in:   &lambda.ListAliasesInput{FunctionName: aws.String(j.Target.Function)},
			next: func(in *lambda.ListAliasesInput, out *lambda.ListAliasesOutput) string {
				in.Marker = out.NextMarker
				return aws.ToString(in.Marker)
			},
		}, "Aliases", func(o *lambda.ListAliasesOutput) any {
			for _, a := range o.Aliases {
				found.names = append(found.names, aws.ToString(a.Name))
			}
			return o.Aliases
		})
	j.facts.aliases.keep(found)
}
