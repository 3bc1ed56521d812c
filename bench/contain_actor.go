package bench

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// addActor makes who did it: mallory, a user with a password, an active and an inactive key,
// and crammed, whose inline policies leave no room for another.
func (a *Account) addActor(ctx context.Context) error {
	c, name := iam.NewFromConfig(a.cfg), aws.String("mallory")
	if _, err := c.CreateUser(ctx, &iam.CreateUserInput{UserName: name, Path: aws.String("/staff/")}); err != nil {
		return err
	}
	if _, err := c.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: name}); err != nil {
		return err
	}
	old, err := c.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: name})
	if err != nil {
		return err
	}
	if _, err := c.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{UserName: name, AccessKeyId: old.AccessKey.AccessKeyId, Status: iamtypes.StatusTypeInactive}); err != nil {
		return err
	}
	if _, err := c.CreateLoginProfile(ctx, &iam.CreateLoginProfileInput{UserName: name, Password: aws.String("Correct-horse-1")}); err != nil {
		return err
	}
	if _, err := c.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("crammed")}); err != nil {
		return err
	}
	full := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::` + strings.Repeat("x", 1900) + `"}]}`
	_, err = c.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: aws.String("crammed"), PolicyName: aws.String("full"), PolicyDocument: &full})
	return err
}

// addTrust makes roles that others may take: one of another account and one of a provider,
// each beside its owner's own.
func (a *Account) addTrust(ctx context.Context) error {
	c := iam.NewFromConfig(a.cfg)
	if _, err := c.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://token.evil.example"), ClientIDList: []string{"c"}, ThumbprintList: []string{strings.Repeat("0", 40)}}); err != nil {
		return err
	}
	for name, trust := range map[string]string{
		"lent": `{"Version":"2012-10-17","Statement":[{"Sid":"own","Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"},` +
			`{"Sid":"mixed","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::` + AccountID + `:root","arn:aws:iam::999988887777:root"]},"Action":"sts:AssumeRole"}]}`,
		"federated": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::` + AccountID + `:oidc-provider/token.evil.example"},"Action":"sts:AssumeRoleWithWebIdentity"}]}`,
	} {
		if _, err := c.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String(name), AssumeRolePolicyDocument: aws.String(trust)}); err != nil {
			return err
		}
	}
	return nil
}
