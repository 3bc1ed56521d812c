package bench

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// addEnforcing adds a code-signing configuration that enforces, and that another function uses.
func (a *Account) addEnforcing(ctx context.Context) error {
	c := lambda.NewFromConfig(a.cfg)
	out, err := c.CreateCodeSigningConfig(ctx, &lambda.CreateCodeSigningConfigInput{
		AllowedPublishers: &lambdatypes.AllowedPublishers{
			SigningProfileVersionArns: []string{"arn:aws:signer:" + Region + ":" + AccountID + ":/signing-profiles/shop/abcdefghij"},
		},
		CodeSigningPolicies: &lambdatypes.CodeSigningPolicies{UntrustedArtifactOnDeployment: lambdatypes.CodeSigningPolicyEnforce},
	})
	if err != nil {
		return err
	}
	a.Enforcing = aws.ToString(out.CodeSigningConfig.CodeSigningConfigArn)
	_, err = c.PutFunctionCodeSigningConfig(ctx, &lambda.PutFunctionCodeSigningConfigInput{FunctionName: aws.String("neighbour"), CodeSigningConfigArn: out.CodeSigningConfig.CodeSigningConfigArn})
	return err
}
