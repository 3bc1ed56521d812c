package collect

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/inspector2"
	inspectortypes "github.com/aws/aws-sdk-go-v2/service/inspector2/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

const maxInspectorFindings = 5_000

// inspectorFindings are the known holes in the function's packages and code, any version.
// No findings mean something only where Inspector looks: inspector2.status says whether.
func inspectorFindings() Collector {
	return Collector{
		Name: "inspector2.findings", About: "Inspector: whether it is on, and its findings of the function's packages and code",
		Needs: []awsapi.Need{
			need("Inspector2:BatchGetAccountStatus", "inspector2:BatchGetAccountStatus", "*"),
			need("Inspector2:ListFindings", "inspector2:ListFindings", "*"),
		},
		Collect: collectInspectorFindings,
	}
}

func collectInspectorFindings(ctx context.Context, j *Job) {
	t := j.Target
	w := j.want("inspector2.findings", "", "Inspector2:ListFindings")
	w.params = map[string]string{"lambdaFunctionName": t.Function, "awsAccountId": t.Account}
	j.plan(w)
	c := inspector2.NewFromConfig(j.config(t.Region))
	if j.run.claim("inspector2 status in " + t.Region) {
		status := j.of("inspector2.status", "", "", t.Region, "Inspector2:BatchGetAccountStatus")
		status.name = "inspector2." + t.Region + ".status.json"
		fetch(ctx, j, status, c.BatchGetAccountStatus, &inspector2.BatchGetAccountStatusInput{})
	}
	// A delegated administrator sees other accounts' functions of that name too.
	is := func(v string) []inspectortypes.StringFilter {
		return []inspectortypes.StringFilter{{Comparison: inspectortypes.StringComparisonEquals, Value: &v}}
	}
	gathered[inspector2.ListFindingsInput, inspector2.ListFindingsOutput, inspector2.Options, inspectortypes.Finding]{
		pager: pager[inspector2.ListFindingsInput, inspector2.ListFindingsOutput, inspector2.Options]{
			call: c.ListFindings,
			in:   &inspector2.ListFindingsInput{FilterCriteria: &inspectortypes.FilterCriteria{LambdaFunctionName: is(t.Function), AwsAccountId: is(t.Account)}},
			next: func(in *inspector2.ListFindingsInput, out *inspector2.ListFindingsOutput) string {
				in.NextToken = out.NextToken
				return aws.ToString(in.NextToken)
			},
		},
		member: "findings", items: func(o *inspector2.ListFindingsOutput) []inspectortypes.Finding { return o.Findings },
		most: maxInspectorFindings, none: "no findings; inspector2.status says whether it looks",
	}.get(ctx, j, w)
}
