package awssim

import (
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// Tags, boundaries and settings of roles and users.

const maxTags = 50 // AWS: IAM and STS quotas

func (p *principal) tag(tags []iamtypes.Tag) error {
	all := maps.Clone(p.tags)
	maps.Copy(all, iamTags(tags))
	if len(all) > maxTags {
		return &apiError{Code: "LimitExceeded", Status: 409, Message: "The number of tags has reached the maximum limit."}
	}
	p.tags = all
	return nil
}

func (p *principal) untag(keys []string) {
	for _, k := range keys {
		delete(p.tags, k)
	}
}

func tagRole(c *call, in *iam.TagRoleInput) (*iam.TagRoleOutput, error) {
	r, err := c.changeRole("TagRole", in.RoleName)
	if err != nil {
		return nil, err
	}
	return nil, r.tag(in.Tags)
}

func untagRole(c *call, in *iam.UntagRoleInput) (*iam.UntagRoleOutput, error) {
	r, err := c.changeRole("UntagRole", in.RoleName)
	if err != nil {
		return nil, err
	}
	r.untag(in.TagKeys)
	return nil, nil
}

func listRoleTags(c *call, in *iam.ListRoleTagsInput) (*iam.ListRoleTagsOutput, error) {
	r, err := c.role("ListRoleTags", in.RoleName)
	if err != nil {
		return nil, err
	}
	page, next, err := paginate(tagList(r.tags), in.Marker, in.MaxItems, 100)
	return &iam.ListRoleTagsOutput{Tags: orEmpty(page), Marker: next, IsTruncated: next != nil}, err
}

func tagUser(c *call, in *iam.TagUserInput) (*iam.TagUserOutput, error) {
	u, err := c.user("TagUser", in.UserName)
	if err != nil {
		return nil, err
	}
	return nil, u.tag(in.Tags)
}

func untagUser(c *call, in *iam.UntagUserInput) (*iam.UntagUserOutput, error) {
	u, err := c.user("UntagUser", in.UserName)
	if err != nil {
		return nil, err
	}
	u.untag(in.TagKeys)
	return nil, nil
}

func listUserTags(c *call, in *iam.ListUserTagsInput) (*iam.ListUserTagsOutput, error) {
	u, err := c.user("ListUserTags", in.UserName)
	if err != nil {
		return nil, err
	}
	page, next, err := paginate(tagList(u.tags), in.Marker, in.MaxItems, 100)
	return &iam.ListUserTagsOutput{Tags: orEmpty(page), Marker: next, IsTruncated: next != nil}, err
}

// changeRole finds a role that is the account's own to change.
func (c *call) changeRole(action string, name *string) (*iamRole, error) {
	r, err := c.role(action, name)
	if err != nil {
		return nil, err
	}
	return r, r.unmodifiable()
}

func updateRole(c *call, in *iam.UpdateRoleInput) (*iam.UpdateRoleOutput, error) {
	r, err := c.changeRole("UpdateRole", in.RoleName)
	if err != nil {
		return nil, err
	}
	if in.Description != nil {
		r.description = *in.Description
	}
	if in.MaxSessionDuration != nil {
		r.maxSession = *in.MaxSessionDuration
	}
	return &iam.UpdateRoleOutput{}, nil
}

func updateRoleDescription(c *call, in *iam.UpdateRoleDescriptionInput) (*iam.UpdateRoleDescriptionOutput, error) {
	r, err := c.changeRole("UpdateRoleDescription", in.RoleName)
	if err != nil {
		return nil, err
	}
	r.description = aws.ToString(in.Description)
	return &iam.UpdateRoleDescriptionOutput{Role: r.view(false)}, nil
}

func putUserBoundary(c *call, in *iam.PutUserPermissionsBoundaryInput) (*iam.PutUserPermissionsBoundaryOutput, error) {
	u, err := c.user("PutUserPermissionsBoundary", in.UserName)
	if err != nil {
		return nil, err
	}
	if _, ok := c.account(c.accountID).document(aws.ToString(in.PermissionsBoundary)); !ok {
		return nil, noPolicy(aws.ToString(in.PermissionsBoundary))
	}
	u.boundary = *in.PermissionsBoundary
	c.changedUser(u)
	return nil, nil
}

func deleteUserBoundary(c *call, in *iam.DeleteUserPermissionsBoundaryInput) (*iam.DeleteUserPermissionsBoundaryOutput, error) {
	u, err := c.user("DeleteUserPermissionsBoundary", in.UserName)
	if err != nil {
		return nil, err
	}
	if u.boundary == "" {
		return nil, noSuch("user", u.name)
	}
	u.boundary = ""
	c.changedUser(u)
	return nil, nil
}
