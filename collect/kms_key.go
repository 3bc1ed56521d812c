package collect

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// keys says who may open the function's environment, and whether its key is about to be
// deleted: then what it encrypted is gone.
func keys() Collector {
	return Collector{
		Name: "kms.key", About: "KMS key of the function's environment: state, policy, grants, rotation",
		Needs: []awsapi.Need{
			need("KMS:DescribeKey", "kms:DescribeKey", "key ARN"),
			need("KMS:GetKeyPolicy", "kms:GetKeyPolicy", "key ARN"),
			need("KMS:ListGrants", "kms:ListGrants", "key ARN"),
			need("KMS:GetKeyRotationStatus", "kms:GetKeyRotationStatus", "key ARN"),
		},
		Collect: collectKeys,
	}
}

func collectKeys(ctx context.Context, j *Job) {
	none := j.want("kms.key", "", "KMS:DescribeKey")
	f := j.facts.latest.get(ctx)
	if f == nil {
		if ctx.Err() == nil {
			j.skip(none, "key unknown: lambda.configuration $LATEST could not be had")
		}
		return
	}
	arn := aws.ToString(f.KMSKeyArn)
	if arn == "" {
		j.none(none, stamp{}, "the environment is under Lambda's own key")
		return
	}
	if !j.run.claim("key " + arn) {
		j.planned.Store(true)
		return
	}
	region := arnPart(arn, 3)
	if region == "" {
		region = j.Target.Region
	}
	of := func(artefact, call string) want { return j.of(artefact, arn, "", region, call) }
	c := kms.NewFromConfig(j.config(region))
	both(
		func() {
			fetch(ctx, j, of("kms.key", "KMS:DescribeKey"), c.DescribeKey, &kms.DescribeKeyInput{KeyId: &arn})
		},
		func() { // "default" is the only name that a key policy has
			fetch(ctx, j, of("kms.key.policy", "KMS:GetKeyPolicy"), c.GetKeyPolicy, &kms.GetKeyPolicyInput{KeyId: &arn, PolicyName: aws.String("default")})
		},
		func() {
			fetch(ctx, j, of("kms.key.rotation", "KMS:GetKeyRotationStatus"), c.GetKeyRotationStatus, &kms.GetKeyRotationStatusInput{KeyId: &arn})
		},
		func() {
			listing(ctx, j, of("kms.key.grants", "KMS:ListGrants"), pager[kms.ListGrantsInput, kms.ListGrantsOutput, kms.Options]{
				call: c.ListGrants, in: &kms.ListGrantsInput{KeyId: &arn},
				next: func(in *kms.ListGrantsInput, out *kms.ListGrantsOutput) string {
					if in.Marker = out.NextMarker; !out.Truncated {
						return ""
					}
					return aws.ToString(in.Marker)
				},
			}, "Grants", func(o *kms.ListGrantsOutput) any { return o.Grants })
		},
	)
}
