package collect

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

func runtimeConfig() Collector {
	return Collector{
		Name: "lambda.runtime", About: "runtime management of every version",
		Needs:   []awsapi.Need{need("Lambda:GetRuntimeManagementConfig", "lambda:GetRuntimeManagementConfig", "function ARN")},
		Collect: collectRuntimes,
	}
}

func collectRuntimes(ctx context.Context, j *Job) {
	c := j.lambda()
	j.eachVersion(ctx, "lambda.runtime", "Lambda:GetRuntimeManagementConfig", func(w want, v versionFact) {
		if j.have(w) {
			return
		}
		out, s, err := ask(ctx, j, c.GetRuntimeManagementConfig, &lambda.GetRuntimeManagementConfigInput{
			FunctionName: aws.String(j.Target.Function), Qualifier: aws.String(v.version),
		})
		_, invalid := errors.AsType[*lambdatypes.InvalidParameterValueException](err)
		switch {
		case err == nil:
			j.putJSON(ctx, w, s, out)
		case v.image && invalid:
			j.none(w, s, "a container image has no managed runtime")
		default:
			j.refused(w, s, err)
		}
	})
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
