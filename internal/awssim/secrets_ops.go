package awssim

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	mt "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// secretsOps is what is simulated of Secrets Manager.
func secretsOps() []operation {
	return []operation{
		op("secretsmanager", "CreateSecret", createSecret), op("secretsmanager", "DescribeSecret", describeSecret), op("secretsmanager", "GetSecretValue", getSecretValue), op("secretsmanager", "PutSecretValue", putSecretValue),
		op("secretsmanager", "DeleteSecret", deleteSecret), op("secretsmanager", "RestoreSecret", restoreSecret), op("secretsmanager", "ListSecretVersionIds", listSecretVersionIDs),
		op("secretsmanager", "RotateSecret", rotateSecret), op("secretsmanager", "CancelRotateSecret", cancelRotateSecret),
		op("secretsmanager", "ListSecrets", listSecrets), op("secretsmanager", "GetResourcePolicy", getSecretPolicy), op("secretsmanager", "PutResourcePolicy", putSecretPolicy),
	}
}

// secretsState is Secrets Manager in one account and region.
type secretsState struct{ secrets map[string]*secret } // by name

func newSecretsState() *secretsState { return &secretsState{secrets: map[string]*secret{}} }

type secret struct {
	about    secretsmanager.DescribeSecretOutput // without the stages
	policy   string
	versions []*secretVersion
	rotating *rotating // nil: nothing is under way
}

type secretVersion struct {
	id      string
	text    *string
	binary  []byte
	created time.Time
	stages  []string
}

func (s *secretsState) objects(account, region string, put putObject) {
	for n, x := range s.secrets {
		logical := x.about
		logical.LastChangedDate, logical.LastAccessedDate = nil, nil
		var versions []map[string]any
		for _, v := range x.versions {
			versions = append(versions, map[string]any{"id": v.id, "text": v.text, "binary": v.binary, "stages": v.stages})
		}
		put("secretsmanager/"+account+"/"+region+"/"+n, map[string]any{"about": logical, "policy": x.policy, "versions": versions}, map[string]any{"changed": x.about.LastChangedDate})
	}
}

// secret finds one by name, ARN, or ARN without the six characters at its end.
func (c *call) secret(action string, id *string) (*secret, error) {
	account, region, name := c.accountID, c.region, aws.ToString(id)
	if a, ok := parseARN(name); ok {
		account, region, name = a.account, a.region, strings.TrimPrefix(a.resource, "secret:")
	}
	all := c.vaults.at(account, region, newSecretsState).secrets
	s := all[name]
	for _, n := range sortedNames(all) {
		if s == nil && strings.HasPrefix(name, n+"-") && *all[n].about.ARN == arnOf("secretsmanager", region, account, "secret:"+name) {
			s = all[n]
		}
	}
	arn, policy := arnOf("secretsmanager", region, account, "secret:"+name), ""
	if s != nil {
		arn, policy = *s.about.ARN, s.policy
	}
	if err := c.allow("secretsmanager:"+action, arn, withResourcePolicy(policy, account)); err != nil {
		return nil, err
	}
	c.trail.resources = []trailResource{{arn, "AWS::SecretsManager::Secret"}}
	if s == nil {
		return nil, fail("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
	}
	c.rotated(s)
	if s.about.DeletedDate != nil && !slices.Contains([]string{"DescribeSecret", "RestoreSecret", "DeleteSecret"}, action) {
		return nil, fail("InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion.")
	}
	return s, nil
}

func createSecret(c *call, in *secretsmanager.CreateSecretInput) (*secretsmanager.CreateSecretOutput, error) {
	name := aws.ToString(in.Name)
	all := c.vaults.at(c.accountID, c.region, newSecretsState).secrets
	arn := c.arn("secretsmanager", "secret:"+name+"-"+c.id("alnum:6", name))
	if err := c.allow("secretsmanager:CreateSecret", arn); err != nil {
		return nil, err
	}
	if all[name] != nil {
		return nil, fail("ResourceExistsException", "The operation failed because the secret %s already exists.", name)
	}
	s := &secret{about: secretsmanager.DescribeSecretOutput{ARN: &arn, Name: in.Name, Description: in.Description, KmsKeyId: in.KmsKeyId, Tags: in.Tags, CreatedDate: aws.Time(c.now), LastChangedDate: aws.Time(c.now)}}
	all[name] = s
	out := &secretsmanager.CreateSecretOutput{ARN: &arn, Name: in.Name}
	if in.SecretString != nil || in.SecretBinary != nil {
		out.VersionId = aws.String(c.addVersion(s, in.ClientRequestToken, in.SecretString, in.SecretBinary).id)
	}
	return out, nil
}

// addVersion makes a version current; the one before becomes the previous one, and what was
// previous loses its label.
func (c *call) addVersion(s *secret, token, text *string, binary []byte) *secretVersion {
	v := &secretVersion{id: aws.ToString(token), text: text, binary: binary, created: c.now, stages: []string{"AWSCURRENT"}}
	if v.id == "" {
		v.id = c.id("uuid", *s.about.ARN)
	}
	for _, had := range s.versions {
		switch {
		case slices.Contains(had.stages, "AWSCURRENT"):
			had.stages = []string{"AWSPREVIOUS"}
		case slices.Contains(had.stages, "AWSPREVIOUS"):
			had.stages = nil
		}
	}
	s.versions = append(s.versions, v)
	s.about.LastChangedDate = aws.Time(c.now)
	return v
}

func describeSecret(c *call, in *secretsmanager.DescribeSecretInput) (*secretsmanager.DescribeSecretOutput, error) {
	s, err := c.secret("DescribeSecret", in.SecretId)
	if err != nil {
		return nil, err
	}
	out := s.about
	out.VersionIdsToStages = map[string][]string{}
	for _, v := range s.versions {
		if len(v.stages) > 0 {
			out.VersionIdsToStages[v.id] = v.stages
		}
	}
	return &out, nil
}

func getSecretValue(c *call, in *secretsmanager.GetSecretValueInput) (*secretsmanager.GetSecretValueOutput, error) {
	s, err := c.secret("GetSecretValue", in.SecretId)
	if err != nil {
		return nil, err
	}
	stage := aws.ToString(in.VersionStage)
	if stage == "" && in.VersionId == nil {
		stage = "AWSCURRENT"
	}
	for _, v := range s.versions {
		if (in.VersionId == nil || v.id == *in.VersionId) && (stage == "" || slices.Contains(v.stages, stage)) {
			return &secretsmanager.GetSecretValueOutput{ARN: s.about.ARN, Name: s.about.Name, SecretString: v.text, SecretBinary: v.binary, VersionId: &v.id, VersionStages: v.stages, CreatedDate: &v.created}, nil
		}
	}
	return nil, fail("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: %s", stage)
}

func putSecretValue(c *call, in *secretsmanager.PutSecretValueInput) (*secretsmanager.PutSecretValueOutput, error) {
	s, err := c.secret("PutSecretValue", in.SecretId)
	if err != nil {
		return nil, err
	}
	if len(in.VersionStages) > 0 {
		return nil, fail("InvalidParameterException", "freezeframe simulator: VersionStages of PutSecretValue is not simulated")
	}
	v := c.addVersion(s, in.ClientRequestToken, in.SecretString, in.SecretBinary)
	return &secretsmanager.PutSecretValueOutput{ARN: s.about.ARN, Name: s.about.Name, VersionId: &v.id, VersionStages: v.stages}, nil
}

func deleteSecret(c *call, in *secretsmanager.DeleteSecretInput) (*secretsmanager.DeleteSecretOutput, error) {
	s, err := c.secret("DeleteSecret", in.SecretId)
	if err != nil {
		return nil, err
	}
	days := int64(30)
	if in.RecoveryWindowInDays != nil {
		days = *in.RecoveryWindowInDays
	}
	force := aws.ToBool(in.ForceDeleteWithoutRecovery)
	if in.RecoveryWindowInDays != nil && (force || days < 7 || days > 30) {
		return nil, fail("InvalidParameterException", "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive), and not beside ForceDeleteWithoutRecovery.")
	}
	at := c.now.AddDate(0, 0, int(days))
	if force {
		at = c.now
		delete(c.vaults.at(c.accountID, c.region, newSecretsState).secrets, *s.about.Name)
	} else {
		s.about.DeletedDate = aws.Time(c.now)
	}
	return &secretsmanager.DeleteSecretOutput{ARN: s.about.ARN, Name: s.about.Name, DeletionDate: &at}, nil
}

func restoreSecret(c *call, in *secretsmanager.RestoreSecretInput) (*secretsmanager.RestoreSecretOutput, error) {
	s, err := c.secret("RestoreSecret", in.SecretId)
	if err != nil {
		return nil, err
	}
	s.about.DeletedDate = nil
	return &secretsmanager.RestoreSecretOutput{ARN: s.about.ARN, Name: s.about.Name}, nil
}

func listSecretVersionIDs(c *call, in *secretsmanager.ListSecretVersionIdsInput) (*secretsmanager.ListSecretVersionIdsOutput, error) {
	s, err := c.secret("ListSecretVersionIds", in.SecretId)
	if err != nil {
		return nil, err
	}
	all := []mt.SecretVersionsListEntry{}
	for _, v := range s.versions {
		if len(v.stages) > 0 || aws.ToBool(in.IncludeDeprecated) {
			all = append(all, mt.SecretVersionsListEntry{VersionId: &v.id, VersionStages: v.stages, CreatedDate: &v.created})
		}
	}
	page, next, err := paginate(all, in.NextToken, in.MaxResults, 100)
	return &secretsmanager.ListSecretVersionIdsOutput{ARN: s.about.ARN, Name: s.about.Name, Versions: page, NextToken: next}, err
}

func cancelRotateSecret(c *call, in *secretsmanager.CancelRotateSecretInput) (*secretsmanager.CancelRotateSecretOutput, error) {
	s, err := c.secret("CancelRotateSecret", in.SecretId)
	if err != nil {
		return nil, err
	}
	s.about.RotationEnabled = aws.Bool(false)
	return &secretsmanager.CancelRotateSecretOutput{ARN: s.about.ARN, Name: s.about.Name}, nil
}

func getSecretPolicy(c *call, in *secretsmanager.GetResourcePolicyInput) (*secretsmanager.GetResourcePolicyOutput, error) {
	s, err := c.secret("GetResourcePolicy", in.SecretId)
	if err != nil {
		return nil, err
	}
	out := &secretsmanager.GetResourcePolicyOutput{ARN: s.about.ARN, Name: s.about.Name}
	if s.policy != "" {
		out.ResourcePolicy = &s.policy
	}
	return out, nil
}

func putSecretPolicy(c *call, in *secretsmanager.PutResourcePolicyInput) (*secretsmanager.PutResourcePolicyOutput, error) {
	s, err := c.secret("PutResourcePolicy", in.SecretId)
	if err != nil {
		return nil, err
	}
	if !json.Valid([]byte(aws.ToString(in.ResourcePolicy))) {
		return nil, fail("MalformedPolicyDocumentException", "This resource policy contains a syntax error.")
	}
	s.policy = *in.ResourcePolicy
	return &secretsmanager.PutResourcePolicyOutput{ARN: s.about.ARN, Name: s.about.Name}, nil
}
