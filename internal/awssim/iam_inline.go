package awssim

import (
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// Inline and attached policies of roles and users.

func putInline(p *principal, kind string, limit int, name, doc *string) error {
	if err := checkPolicy(doc); err != nil {
		return err
	}
	if inlineSize(p.inline, *name, *doc) > limit {
		return &apiError{Code: "LimitExceeded", Status: 409, Message: "Maximum policy size of " + strconv.Itoa(limit) + " bytes exceeded for " + kind + " " + p.name}
	}
	p.inline[*name] = *doc
	return nil
}

func noInline(kind, name string) error {
	return fail("NoSuchEntity", "The %s policy with name %s cannot be found.", kind, name)
}

func putRolePolicy(c *call, in *iam.PutRolePolicyInput) (*iam.PutRolePolicyOutput, error) {
	r, err := c.role("PutRolePolicy", in.RoleName)
	if err != nil {
		return nil, err
	}
	if err := r.unmodifiable(); err != nil {
		return nil, err
	}
	if err := putInline(&r.principal, "role", maxInlineRole, in.PolicyName, in.PolicyDocument); err != nil {
		return nil, err
	}
	c.changedRole(r)
	return nil, nil
}

func getRolePolicy(c *call, in *iam.GetRolePolicyInput) (*iam.GetRolePolicyOutput, error) {
	r, err := c.role("GetRolePolicy", in.RoleName)
	if err != nil {
		return nil, err
	}
	doc, ok := r.inline[*in.PolicyName]
	if !ok {
		return nil, noInline("role", *in.PolicyName)
	}
	return &iam.GetRolePolicyOutput{RoleName: in.RoleName, PolicyName: in.PolicyName, PolicyDocument: aws.String(encodePolicy(doc))}, nil
}

func listRolePolicies(c *call, in *iam.ListRolePoliciesInput) (*iam.ListRolePoliciesOutput, error) {
	r, err := c.role("ListRolePolicies", in.RoleName)
	if err != nil {
		return nil, err
	}
	page, next, err := paginate(sortedNames(r.inline), in.Marker, in.MaxItems, 100)
	return &iam.ListRolePoliciesOutput{PolicyNames: orEmpty(page), Marker: next, IsTruncated: next != nil}, err
}

func deleteRolePolicy(c *call, in *iam.DeleteRolePolicyInput) (*iam.DeleteRolePolicyOutput, error) {
	r, err := c.role("DeleteRolePolicy", in.RoleName)
	if err != nil {
		return nil, err
	}
	if err := r.unmodifiable(); err != nil {
		return nil, err
	}
	if _, ok := r.inline[*in.PolicyName]; !ok {
		return nil, noInline("role", *in.PolicyName)
	}
	delete(r.inline, *in.PolicyName)
	c.changedRole(r)
	return nil, nil
}

func (c *call) attach(p *principal, arn string) error {
	if _, ok := c.account(c.accountID).document(arn); !ok {
		return noPolicy(arn)
	}
	if slices.Contains(p.attached, arn) {
		return nil
	}
	if len(p.attached) >= 10 {
		return &apiError{Code: "LimitExceeded", Status: 409, Message: "Cannot exceed quota for PoliciesPerRole: 10"}
	}
	p.attached = append(p.attached, arn)
	return nil
}

func (c *call) detach(p *principal, arn string) error {
	i := slices.Index(p.attached, arn)
	if i < 0 {
		return fail("NoSuchEntity", "Policy %s was not found.", arn)
	}
	p.attached = slices.Delete(slices.Clone(p.attached), i, i+1)
	return nil
}

func attachedList(p *principal) []iamtypes.AttachedPolicy {
	out := []iamtypes.AttachedPolicy{}
	for _, arn := range p.attached {
		out = append(out, iamtypes.AttachedPolicy{PolicyArn: aws.String(arn), PolicyName: aws.String(lastPart(arn))})
	}
	return out
}

func attachRolePolicy(c *call, in *iam.AttachRolePolicyInput) (*iam.AttachRolePolicyOutput, error) {
	r, err := c.role("AttachRolePolicy", in.RoleName, withCondition("iam:PolicyARN", aws.ToString(in.PolicyArn)))
	if err != nil {
		return nil, err
	}
	if err := r.unmodifiable(); err != nil {
		return nil, err
	}
	if err := c.attach(&r.principal, *in.PolicyArn); err != nil {
		return nil, err
	}
	c.changedRole(r)
	return nil, nil
}

func detachRolePolicy(c *call, in *iam.DetachRolePolicyInput) (*iam.DetachRolePolicyOutput, error) {
	r, err := c.role("DetachRolePolicy", in.RoleName, withCondition("iam:PolicyARN", aws.ToString(in.PolicyArn)))
	if err != nil {
		return nil, err
	}
	if err := r.unmodifiable(); err != nil {
		return nil, err
	}
	if err := c.detach(&r.principal, *in.PolicyArn); err != nil {
		return nil, err
	}
	c.changedRole(r)
	return nil, nil
}

func listAttachedRolePolicies(c *call, in *iam.ListAttachedRolePoliciesInput) (*iam.ListAttachedRolePoliciesOutput, error) {
	r, err := c.role("ListAttachedRolePolicies", in.RoleName)
	if err != nil {
		return nil, err
	}
	page, next, err := paginate(attachedList(&r.principal), in.Marker, in.MaxItems, 100)
	return &iam.ListAttachedRolePoliciesOutput{AttachedPolicies: orEmpty(page), Marker: next, IsTruncated: next != nil}, err
}

func putUserPolicy(c *call, in *iam.PutUserPolicyInput) (*iam.PutUserPolicyOutput, error) {
	u, err := c.user("PutUserPolicy", in.UserName)
	if err != nil {
		return nil, err
	}
	if err := putInline(&u.principal, "user", maxInlineUser, in.PolicyName, in.PolicyDocument); err != nil {
		return nil, err
	}
	c.changedUser(u)
	return nil, nil
}

func getUserPolicy(c *call, in *iam.GetUserPolicyInput) (*iam.GetUserPolicyOutput, error) {
	u, err := c.user("GetUserPolicy", in.UserName)
	if err != nil {
		return nil, err
	}
	doc, ok := u.inline[*in.PolicyName]
	if !ok {
		return nil, noInline("user", *in.PolicyName)
	}
	return &iam.GetUserPolicyOutput{UserName: in.UserName, PolicyName: in.PolicyName, PolicyDocument: aws.String(encodePolicy(doc))}, nil
}

func listUserPolicies(c *call, in *iam.ListUserPoliciesInput) (*iam.ListUserPoliciesOutput, error) {
	u, err := c.user("ListUserPolicies", in.UserName)
	if err != nil {
		return nil, err
	}
	page, next, err := paginate(sortedNames(u.inline), in.Marker, in.MaxItems, 100)
	return &iam.ListUserPoliciesOutput{PolicyNames: orEmpty(page), Marker: next, IsTruncated: next != nil}, err
}

func deleteUserPolicy(c *call, in *iam.DeleteUserPolicyInput) (*iam.DeleteUserPolicyOutput, error) {
	u, err := c.user("DeleteUserPolicy", in.UserName)
	if err != nil {
		return nil, err
	}
	if _, ok := u.inline[*in.PolicyName]; !ok {
		return nil, noInline("user", *in.PolicyName)
	}
	delete(u.inline, *in.PolicyName)
	c.changedUser(u)
	return nil, nil
}

func attachUserPolicy(c *call, in *iam.AttachUserPolicyInput) (*iam.AttachUserPolicyOutput, error) {
	u, err := c.user("AttachUserPolicy", in.UserName, withCondition("iam:PolicyARN", aws.ToString(in.PolicyArn)))
	if err != nil {
		return nil, err
	}
	if err := c.attach(&u.principal, *in.PolicyArn); err != nil {
		return nil, err
	}
	c.changedUser(u)
	return nil, nil
}

func detachUserPolicy(c *call, in *iam.DetachUserPolicyInput) (*iam.DetachUserPolicyOutput, error) {
	u, err := c.user("DetachUserPolicy", in.UserName, withCondition("iam:PolicyARN", aws.ToString(in.PolicyArn)))
	if err != nil {
		return nil, err
	}
	if err := c.detach(&u.principal, *in.PolicyArn); err != nil {
		return nil, err
	}
	c.changedUser(u)
	return nil, nil
}

func listAttachedUserPolicies(c *call, in *iam.ListAttachedUserPoliciesInput) (*iam.ListAttachedUserPoliciesOutput, error) {
	u, err := c.user("ListAttachedUserPolicies", in.UserName)
	if err != nil {
		return nil, err
	}
	page, next, err := paginate(attachedList(&u.principal), in.Marker, in.MaxItems, 100)
	return &iam.ListAttachedUserPoliciesOutput{AttachedPolicies: orEmpty(page), Marker: next, IsTruncated: next != nil}, err
}
