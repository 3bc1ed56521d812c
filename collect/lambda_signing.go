package collect

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

func signing() Collector {
	return Collector{
		Name: "lambda.signing", About: "code signing: publishers, and whether it warns or enforces",
		Needs: []awsapi.Need{
			need("Lambda:GetFunctionCodeSigningConfig", "lambda:GetFunctionCodeSigningConfig", "function ARN"),
			need("Lambda:GetCodeSigningConfig", "lambda:GetCodeSigningConfig", "code signing config ARN"),
		},
		Collect: collectSigning,
	}
}

func collectSigning(ctx context.Context, j *Job) {
	w := j.want("lambda.signing", "", "Lambda:GetFunctionCodeSigningConfig")
	w.none = true
	j.plan(w)
	c := j.lambda()
	out, had := recall[lambda.GetFunctionCodeSigningConfigOutput](ctx, j, w)
	if had && out == nil {
		return // there is none
	}
	var s stamp
	if !had {
		var err error
		out, s, err = ask(ctx, j, c.GetFunctionCodeSigningConfig, &lambda.GetFunctionCodeSigningConfigInput{FunctionName: aws.String(j.Target.Function)})
		if err != nil {
			j.refused(w, s, err)
			return
		}
	}
	arn := aws.ToString(out.CodeSigningConfigArn)
	if arn == "" {
		j.none(w, s, "no code signing configuration")
		return
	}
	if !had {
		j.putJSON(ctx, w, s, out)
	}
	if !j.run.claim("code signing " + arn) {
		return // another target of this run shares it
	}
	fetch(ctx, j, j.of("lambda.signing.config", arn, "", j.Target.Region, "Lambda:GetCodeSigningConfig"),
		c.GetCodeSigningConfig, &lambda.GetCodeSigningConfigInput{CodeSigningConfigArn: aws.String(arn)})
}
