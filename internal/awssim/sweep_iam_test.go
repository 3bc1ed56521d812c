package awssim

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	it "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kt "github.com/aws/aws-sdk-go-v2/service/kms/types"
)

const allowGet = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`

func TestSweepUsers(t *testing.T) {
	ctx, _, cfg := sweeping(t)
	cl, u := iam.NewFromConfig(cfg), aws.String("u")
	must(cl.CreateUser(ctx, &iam.CreateUserInput{UserName: u}))(t)
	must(cl.GetUser(ctx, &iam.GetUserInput{UserName: u}))(t)
	p := must(cl.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: aws.String(allowGet)}))(t).Policy.Arn
	must(cl.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: u, PolicyName: aws.String("i"), PolicyDocument: aws.String(allowGet)}))(t)
	must(cl.GetUserPolicy(ctx, &iam.GetUserPolicyInput{UserName: u, PolicyName: aws.String("i")}))(t)
	must(cl.ListUserPolicies(ctx, &iam.ListUserPoliciesInput{UserName: u}))(t)
	must(cl.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: u, PolicyName: aws.String("i")}))(t)
	must(cl.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: u, PolicyArn: p}))(t)
	must(cl.ListAttachedUserPolicies(ctx, &iam.ListAttachedUserPoliciesInput{UserName: u}))(t)
	must(cl.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: u, PolicyArn: p}))(t)
	must(cl.PutUserPermissionsBoundary(ctx, &iam.PutUserPermissionsBoundaryInput{UserName: u, PermissionsBoundary: p}))(t)
	must(cl.DeleteUserPermissionsBoundary(ctx, &iam.DeleteUserPermissionsBoundaryInput{UserName: u}))(t)
	must(cl.TagUser(ctx, &iam.TagUserInput{UserName: u, Tags: []it.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}))(t)
	must(cl.ListUserTags(ctx, &iam.ListUserTagsInput{UserName: u}))(t)
	must(cl.UntagUser(ctx, &iam.UntagUserInput{UserName: u, TagKeys: []string{"k"}}))(t)
	must(cl.ListGroupsForUser(ctx, &iam.ListGroupsForUserInput{UserName: u}))(t)
	must(cl.ListMFADevices(ctx, &iam.ListMFADevicesInput{UserName: u}))(t)
	must(cl.CreateLoginProfile(ctx, &iam.CreateLoginProfileInput{UserName: u, Password: aws.String("Correct-horse-1")}))(t)
	must(cl.GetLoginProfile(ctx, &iam.GetLoginProfileInput{UserName: u}))(t)
	must(cl.DeleteLoginProfile(ctx, &iam.DeleteLoginProfileInput{UserName: u}))(t)
	k := must(cl.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: u}))(t).AccessKey.AccessKeyId
	must(cl.GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: k}))(t)
	must(cl.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: u, AccessKeyId: k}))(t)
	must(cl.DeleteUser(ctx, &iam.DeleteUserInput{UserName: u}))(t)

	must(cl.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: p, PolicyDocument: aws.String(allowGet)}))(t)
	must(cl.SetDefaultPolicyVersion(ctx, &iam.SetDefaultPolicyVersionInput{PolicyArn: p, VersionId: aws.String("v2")}))(t)
	if v := must(cl.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: p, VersionId: aws.String("v2")}))(t); !v.PolicyVersion.IsDefaultVersion {
		t.Error("version 2 was made the default and is not")
	}
	must(cl.ListPolicyVersions(ctx, &iam.ListPolicyVersionsInput{PolicyArn: p}))(t)
	must(cl.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: p, VersionId: aws.String("v1")}))(t)
	must(cl.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: p}))(t)
}

func TestSweepRoles(t *testing.T) {
	ctx, _, cfg := sweeping(t)
	cl, r := iam.NewFromConfig(cfg), aws.String("r")
	p := must(cl.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: aws.String(allowGet)}))(t).Policy.Arn
	must(cl.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: r, PolicyArn: p}))(t)
	must(cl.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: r, PolicyArn: p}))(t)
	must(cl.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: r, PolicyName: aws.String("i"), PolicyDocument: aws.String(allowGet)}))(t)
	must(cl.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: r, PolicyName: aws.String("i")}))(t)
	must(cl.TagRole(ctx, &iam.TagRoleInput{RoleName: r, Tags: []it.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}))(t)
	must(cl.ListRoleTags(ctx, &iam.ListRoleTagsInput{RoleName: r}))(t)
	must(cl.UntagRole(ctx, &iam.UntagRoleInput{RoleName: r, TagKeys: []string{"k"}}))(t)
	must(cl.UpdateRoleDescription(ctx, &iam.UpdateRoleDescriptionInput{RoleName: r, Description: aws.String("d")}))(t)
	i := aws.String("profile")
	must(cl.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: i}))(t)
	must(cl.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: i, RoleName: r}))(t)
	must(cl.GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: i}))(t)
	must(cl.ListInstanceProfiles(ctx, &iam.ListInstanceProfilesInput{}))(t)
	must(cl.RemoveRoleFromInstanceProfile(ctx, &iam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: i, RoleName: r}))(t)
	must(cl.DeleteInstanceProfile(ctx, &iam.DeleteInstanceProfileInput{InstanceProfileName: i}))(t)
	o := must(cl.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://token.example.com"), ClientIDList: []string{"c"}, ThumbprintList: []string{"0123456789012345678901234567890123456789"}}))(t).OpenIDConnectProviderArn
	must(cl.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: o}))(t)
	must(cl.ListOpenIDConnectProviders(ctx, &iam.ListOpenIDConnectProvidersInput{}))(t)
	must(cl.DeleteOpenIDConnectProvider(ctx, &iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: o}))(t)
}

func TestSweepKeys(t *testing.T) {
	ctx, c, cfg := sweeping(t)
	cl := kms.NewFromConfig(cfg)
	k := must(cl.CreateKey(ctx, &kms.CreateKeyInput{}))(t).KeyMetadata
	other := must(cl.CreateKey(ctx, &kms.CreateKeyInput{}))(t).KeyMetadata
	must(cl.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: aws.String("alias/a"), TargetKeyId: k.KeyId}))(t)
	must(cl.UpdateAlias(ctx, &kms.UpdateAliasInput{AliasName: aws.String("alias/a"), TargetKeyId: other.KeyId}))(t)
	must(cl.DeleteAlias(ctx, &kms.DeleteAliasInput{AliasName: aws.String("alias/a")}))(t)
	must(cl.EnableKeyRotation(ctx, &kms.EnableKeyRotationInput{KeyId: k.KeyId}))(t)
	must(cl.DisableKeyRotation(ctx, &kms.DisableKeyRotationInput{KeyId: k.KeyId}))(t)
	must(cl.GenerateDataKeyWithoutPlaintext(ctx, &kms.GenerateDataKeyWithoutPlaintextInput{KeyId: k.KeyId, KeySpec: kt.DataKeySpecAes256}))(t)
	must(cl.GenerateRandom(ctx, &kms.GenerateRandomInput{NumberOfBytes: aws.Int32(16)}))(t)
	must(cl.ListKeyPolicies(ctx, &kms.ListKeyPoliciesInput{KeyId: k.KeyId}))(t)
	must(cl.TagResource(ctx, &kms.TagResourceInput{KeyId: k.KeyId, Tags: []kt.Tag{{TagKey: aws.String("k"), TagValue: aws.String("v")}}}))(t)
	must(cl.ListResourceTags(ctx, &kms.ListResourceTagsInput{KeyId: k.KeyId}))(t)
	must(cl.UntagResource(ctx, &kms.UntagResourceInput{KeyId: k.KeyId, TagKeys: []string{"k"}}))(t)
	must(cl.UpdateKeyDescription(ctx, &kms.UpdateKeyDescriptionInput{KeyId: k.KeyId, Description: aws.String("d")}))(t)
	who := aws.String("arn:aws:iam::" + c.AccountID() + ":role/r")
	g := must(cl.CreateGrant(ctx, &kms.CreateGrantInput{KeyId: k.KeyId, GranteePrincipal: who, RetiringPrincipal: who, Operations: []kt.GrantOperation{kt.GrantOperationDecrypt}}))(t)
	must(cl.ListRetirableGrants(ctx, &kms.ListRetirableGrantsInput{RetiringPrincipal: who}))(t)
	must(cl.RetireGrant(ctx, &kms.RetireGrantInput{KeyId: k.Arn, GrantId: g.GrantId}))(t)
}

// TestSweepLastAccessed: a report runs for a while, lists what the policies allow, and is for
// its maker alone.
func TestSweepLastAccessed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Config{Settle: time.Minute})
		cfg := checked(t, c, clientConfig(c, c.Bootstrap(c.AccountID(), "admin", allowAll)))
		ctx, cl := t.Context(), iam.NewFromConfig(cfg)
		low := checked(t, c, clientConfig(c, c.Bootstrap(c.AccountID(), "low", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kms:*","s3:Get*","iam:GetUser","iam:GetServiceLastAccessedDetails"],"Resource":"*"},{"Effect":"Deny","Action":"sqs:*","Resource":"*"}]}`)))
		arn := aws.String("arn:aws:iam::" + c.AccountID() + ":user/low")
		must(iam.NewFromConfig(low).GetUser(ctx, &iam.GetUserInput{}))(t)
		_, refused := iam.NewFromConfig(low).ListUsers(ctx, &iam.ListUsersInput{})
		before := c.Digest()
		job := must(cl.GenerateServiceLastAccessedDetails(ctx, &iam.GenerateServiceLastAccessedDetailsInput{Arn: arn, Granularity: it.AccessAdvisorUsageGranularityTypeActionLevel}))(t).JobId
		if out := must(cl.GetServiceLastAccessedDetails(ctx, &iam.GetServiceLastAccessedDetailsInput{JobId: job}))(t); out.JobStatus != it.JobStatusTypeInProgress || out.JobCompletionDate != nil || len(out.ServicesLastAccessed) != 0 {
			t.Errorf("at once: %+v", out)
		}
		time.Sleep(2 * time.Minute)
		first := must(cl.GetServiceLastAccessedDetails(ctx, &iam.GetServiceLastAccessedDetailsInput{JobId: job, MaxItems: aws.Int32(2)}))(t)
		second := must(cl.GetServiceLastAccessedDetails(ctx, &iam.GetServiceLastAccessedDetailsInput{JobId: job, Marker: first.Marker}))(t)
		all := append(first.ServicesLastAccessed, second.ServicesLastAccessed...)
		if first.JobStatus != it.JobStatusTypeCompleted || !first.IsTruncated || second.IsTruncated || len(all) != 3 || c.Digest() != before {
			t.Fatalf("%+v, %+v", first, second)
		}
		own, other := all[0], all[1]
		if *own.ServiceNamespace != "iam" || *own.LastAuthenticatedEntity != *arn || *own.TotalAuthenticatedEntities != 1 || len(own.TrackedActionsLastAccessed) != 2 ||
			*own.TrackedActionsLastAccessed[1].ActionName != "ListUsers" || *other.ServiceNamespace != "kms" || other.LastAuthenticated != nil || codeOf(refused) != "AccessDenied" {
			t.Errorf("%+v, %+v", own, other)
		}
		_, foreign := iam.NewFromConfig(low).GetServiceLastAccessedDetails(ctx, &iam.GetServiceLastAccessedDetailsInput{JobId: job})
		_, nobody := cl.GenerateServiceLastAccessedDetails(ctx, &iam.GenerateServiceLastAccessedDetailsInput{Arn: aws.String("arn:aws:iam::" + c.AccountID() + ":role/nobody")})
		_, odd := cl.GenerateServiceLastAccessedDetails(ctx, &iam.GenerateServiceLastAccessedDetailsInput{Arn: aws.String("arn:aws:s3:::a-very-odd-bucket")})
		for code, errs := range map[string][]error{"NoSuchEntity": {foreign, nobody}, "InvalidInput": {odd}} {
			for _, err := range errs {
				if codeOf(err) != code {
					t.Errorf("%v, want %s", err, code)
				}
			}
		}
	})
}
