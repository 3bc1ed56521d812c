package collect

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

func runtimeConfig() Collector {
	return Collector{
		Name: "lambda.runtime", About: "runtime management of every version",
		Needs: []awsapi.Need{need("Lambda:GetRuntimeManagementConfig", "lambda:GetRuntimeManagementConfig", "function ARN")},
		Collect: func(ctx context.Context, j *Job) {
			const call = "Lambda:GetRuntimeManagementConfig"
			c := j.lambda()
			j.eachVersion(ctx, "lambda.runtime", call, func(w want, v versionFact) {
				fetch(ctx, j, w, c.GetRuntimeManagementConfig, &lambda.GetRuntimeManagementConfigInput{
					FunctionName: aws.String(j.Target.Function), Qualifier: aws.String(v.version),
				})
			})
		},
	}
}

// eachVersion plans an artefact for $LATEST and every published version, then
// works through them. Where the listing failed, the versions that may be missing
// are a gap.
func (j *Job) eachVersion(ctx context.Context, artefact, call string, f func(want, versionFact)) {
	versions := j.facts.versions.get(ctx)
	for _, v := range versions.all {
		j.plan(j.want(artefact, v.version, call))
	}
	if !versions.known && len(versions.all) > 0 {
		j.skip(j.want(artefact, "*", call), "versions unknown: lambda.configuration.versions is not whole")
	}
	each(versions.all, callsAtOnce, func(v versionFact) { f(j.want(artefact, v.version, call), v) })
}
