package awssim

import (
	"cmp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	mt "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// listSecrets leaves out what is about to be deleted, unless that is asked for too. By when they
// were made, as AWS says; that the newest comes first where no order is asked for is not verified.
// IAM knows no resource for it ("Actions, resources, and
// condition keys for AWS Secrets Manager").
func listSecrets(c *call, in *secretsmanager.ListSecretsInput) (*secretsmanager.ListSecretsOutput, error) {
	if err := c.allow("secretsmanager:ListSecrets", "*"); err != nil {
		return nil, err
	}
	if len(in.Filters) > 0 || in.SortBy != "" && in.SortBy != mt.SortByTypeCreatedDate {
		return nil, fail("NotImplemented", "freezeframe simulator: filters and orders of ListSecrets are not simulated")
	}
	all := []mt.SecretListEntry{}
	for _, s := range c.vaults.at(c.accountID, c.region, newSecretsState).secrets {
		c.rotated(s)
		if s.about.DeletedDate == nil || aws.ToBool(in.IncludePlannedDeletion) {
			all = append(all, listedSecret(s))
		}
	}
	slices.SortFunc(all, func(a, b mt.SecretListEntry) int {
		byTime := a.CreatedDate.Compare(*b.CreatedDate)
		if in.SortOrder != mt.SortOrderTypeAsc {
			byTime = -byTime
		}
		return cmp.Or(byTime, cmp.Compare(*a.ARN, *b.ARN))
	})
	page, next, err := paginate(all, in.NextToken, in.MaxResults, 100)
	return &secretsmanager.ListSecretsOutput{SecretList: page, NextToken: next}, err
}

func listedSecret(s *secret) mt.SecretListEntry {
	a := s.about
	e := mt.SecretListEntry{ARN: a.ARN, Name: a.Name, Description: a.Description, KmsKeyId: a.KmsKeyId, Tags: a.Tags, CreatedDate: a.CreatedDate, LastChangedDate: a.LastChangedDate, LastAccessedDate: a.LastAccessedDate, DeletedDate: a.DeletedDate,
		RotationEnabled: a.RotationEnabled, RotationLambdaARN: a.RotationLambdaARN, RotationRules: a.RotationRules, LastRotatedDate: a.LastRotatedDate, NextRotationDate: a.NextRotationDate, OwningService: a.OwningService, PrimaryRegion: a.PrimaryRegion,
		SecretVersionsToStages: map[string][]string{}}
	for _, v := range s.versions {
		if len(v.stages) > 0 {
			e.SecretVersionsToStages[v.id] = v.stages
		}
	}
	return e
}
