package collect

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// urlLife is how long a code address is used before a new one is asked for: AWS
// says 10 minutes.
const urlLife = 9 * time.Minute

func code() Collector {
	again := need("Lambda:GetFunction", "lambda:GetFunction", "function ARN")
	again.When = "the code's address has expired"
	return Collector{
		Name: "lambda.code", About: "deployment package of every version, compared with CodeSha256",
		Needs:   []awsapi.Need{again, {Call: downloadCall, When: "zip packages"}, needObject()},
		Collect: collectCode,
	}
}

func collectCode(ctx context.Context, j *Job) {
	c := j.lambda()
	j.eachVersion(ctx, "lambda.code", downloadCall, func(w want, v versionFact) {
		if d := j.facts.deployed(v.version).get(ctx); d.asked {
			j.code(ctx, c, w, d)
		}
	})
}

// code stores one version's package, or says why there is none.
func (j *Job) code(ctx context.Context, c *lambda.Client, w want, d deployed) {
	w.name = j.fileName(w, "zip")
	if j.have(w) {
		return
	}
	switch {
	case d.err != nil:
		j.skip(w, "depends on lambda.configuration "+w.src.Qualifier+", which could not be had")
		return
	case d.config == nil || d.code == nil:
		j.gap(w, d.stamp, evidence.Failed, "", "GetFunction named no code")
		return
	case d.code.Error != nil:
		j.gap(w, d.stamp, evidence.Unreadable, clip(aws.ToString(d.code.Error.ErrorCode)+": "+aws.ToString(d.code.Error.Message)), "Lambda could not give the code out")
		return
	case d.config.PackageType == lambdatypes.PackageTypeImage:
		j.none(w, d.stamp, "a container image, no package: ecr.image says which, "+clip(aws.ToString(d.code.ResolvedImageUri)))
		return
	case d.code.Location == nil && d.code.ResolvedS3Object != nil:
		j.s3Reference(ctx, w, d.code.ResolvedS3Object, pack{declared: aws.ToString(d.config.CodeSha256), size: d.config.CodeSize})
		return
	}
	j.download(ctx, w, pack{
		declared: aws.ToString(d.config.CodeSha256), size: d.config.CodeSize,
		location: aws.ToString(d.code.Location), at: d.at,
		again: func(ctx context.Context) (string, error) { return j.newLocation(ctx, c, w.src.Qualifier) },
	})
}

func (j *Job) newLocation(ctx context.Context, c *lambda.Client, version string) (string, error) {
	out, _, err := ask(ctx, j, c.GetFunction, &lambda.GetFunctionInput{FunctionName: aws.String(j.Target.Function), Qualifier: aws.String(version)})
	if err != nil || out.Code == nil {
		return "", err
	}
	return aws.ToString(out.Code.Location), nil
}
