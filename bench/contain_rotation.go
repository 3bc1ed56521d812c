package bench

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// addRotated makes a function whose role could read a secret and is denied everything since,
// and a function of another role that rotates it.
func (a *Account) addRotated(ctx context.Context) error {
	vault, i := secretsmanager.NewFromConfig(a.cfg), iam.NewFromConfig(a.cfg)
	secret, err := vault.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("shop/leaked"), SecretString: aws.String(Secret), ClientRequestToken: aws.String("11111111-2222-4333-8444-555555555555")})
	if err != nil {
		return err
	}
	reads := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"` + aws.ToString(secret.ARN) + `"}]}`
	for _, f := range []struct{ name, denied string }{
		{"leaky", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`}, {"rotator", ""},
	} {
		role, err := i.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String(f.name + "-role"),
			AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)})
		if err != nil {
			return err
		}
		for name, policy := range map[string]string{"work": reads, "contained": f.denied} {
			if policy == "" {
				continue
			}
			if _, err := i.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: role.Role.RoleName, PolicyName: aws.String(name), PolicyDocument: aws.String(policy)}); err != nil {
				return err
			}
		}
		if _, err := lambda.NewFromConfig(a.cfg).CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: aws.String(f.name), Role: role.Role.Arn, Runtime: lambdatypes.RuntimePython313,
			Handler: aws.String("index.handler"), Code: &lambdatypes.FunctionCode{ZipFile: Pack(f.name, 1<<10)}}); err != nil {
			return err
		}
	}
	_, err = vault.RotateSecret(ctx, &secretsmanager.RotateSecretInput{SecretId: secret.ARN, RotateImmediately: aws.Bool(false), RotationLambdaARN: aws.String("arn:aws:lambda:" + Region + ":" + AccountID + ":function:rotator")})
	return err
}
