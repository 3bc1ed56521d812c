package awssim

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
)

func noPolicy(arn string) error {
	return fail("NoSuchEntity", "Policy %s does not exist or is not attachable.", arn)
}

func lastPart(s string) string { return s[strings.LastIndex(s, "/")+1:] }

// managed finds a managed policy, the customer's or AWS's.
func (c *call) managed(action string, arn *string) (*iamPolicy, error) {
	if err := c.allow("iam:"+action, aws.ToString(arn)); err != nil {
		return nil, err
	}
	if p := c.account(c.accountID).policies[aws.ToString(arn)]; p != nil {
		return p, nil
	}
	if p := c.awsPolicy(aws.ToString(arn)); p != nil {
		return p, nil
	}
	return nil, noPolicyFound(aws.ToString(arn))
}

// awsPolicy is one of AWS's own. Dates, ids and version numbers are made up.
func (c *call) awsPolicy(arn string) *iamPolicy {
	doc, ok := awsManaged()[arn]
	if !ok {
		return nil
	}
	made := time.Date(2015, 4, 10, 15, 3, 43, 0, time.UTC)
	_, path, _ := strings.Cut(arn, ":policy")
	return &iamPolicy{name: lastPart(arn), path: strings.TrimSuffix(path, lastPart(arn)), id: c.idFrom("ANPA", arn), arn: arn, created: made, updated: made,
		versions: []*iamPolicyVersion{{"v1", doc, true, made}}}
}

func noPolicyFound(arn string) error { return fail("NoSuchEntity", "Policy %s was not found.", arn) }

// own is managed for changes: AWS's own policies cannot be changed.
func (c *call) own(action string, arn *string) (*iamPolicy, error) {
	p, err := c.managed(action, arn)
	if err == nil && c.account(c.accountID).policies[*arn] == nil {
		return nil, &apiError{Code: "AccessDenied", Status: 403, Message: "AWS managed policies cannot be changed."}
	}
	return p, err
}

func (s *iamState) attachments(arn string) (attached, boundaries int32) {
	count := func(p *principal) {
		if slices.Contains(p.attached, arn) {
			attached++
		}
		if p.boundary == arn {
			boundaries++
		}
	}
	for _, u := range s.users {
		count(&u.principal)
	}
	for _, r := range s.roles {
		count(&r.principal)
	}
	return attached, boundaries
}

func (c *call) policyView(p *iamPolicy, get bool) *iamtypes.Policy {
	n, b := c.account(c.accountID).attachments(p.arn)
	out := &iamtypes.Policy{
		PolicyName: aws.String(p.name), PolicyId: aws.String(p.id), Arn: aws.String(p.arn), Path: aws.String(p.path),
		DefaultVersionId: aws.String(p.defaultVersion().id), AttachmentCount: aws.Int32(n), PermissionsBoundaryUsageCount: aws.Int32(b),
		IsAttachable: true, CreateDate: aws.Time(p.created), UpdateDate: aws.Time(p.updated),
	}
	if get && p.description != "" {
		out.Description = aws.String(p.description)
	}
	if get {
		out.Tags = tagList(p.tags)
	}
	return out
}

func createPolicy(c *call, in *iam.CreatePolicyInput) (*iam.CreatePolicyOutput, error) {
	name := aws.ToString(in.PolicyName)
	arn := c.arn("iam", "policy"+pathOf(in.Path)+name)
	if err := c.allow("iam:CreatePolicy", arn); err != nil {
		return nil, err
	}
	s := c.account(c.accountID)
	if s.policies[arn] != nil {
		return nil, fail("EntityAlreadyExists", "A policy called %s already exists. Duplicate names are not allowed.", name)
	}
	if err := checkPolicy(in.PolicyDocument); err != nil {
		return nil, err
	}
	now := c.now.Truncate(time.Second)
	p := &iamPolicy{name: name, path: pathOf(in.Path), id: c.id("ANPA"), arn: arn, description: aws.ToString(in.Description), created: now, updated: now, tags: iamTags(in.Tags), next: 2,
		versions: []*iamPolicyVersion{{"v1", *in.PolicyDocument, true, now}}}
	s.policies[arn] = p
	return &iam.CreatePolicyOutput{Policy: c.policyView(p, false)}, nil
}

func getPolicyIAM(c *call, in *iam.GetPolicyInput) (*iam.GetPolicyOutput, error) {
	p, err := c.managed("GetPolicy", in.PolicyArn)
	if err != nil {
		return nil, err
	}
	return &iam.GetPolicyOutput{Policy: c.policyView(p, true)}, nil
}

func listPolicies(c *call, in *iam.ListPoliciesInput) (*iam.ListPoliciesOutput, error) {
	if err := c.allow("iam:ListPolicies", "*"); err != nil {
		return nil, err
	}
	var all []iamtypes.Policy
	s := c.account(c.accountID)
	add := func(p *iamPolicy) {
		attached, boundaries := s.attachments(p.arn)
		used := attached > 0
		if in.PolicyUsageFilter == iamtypes.PolicyUsageTypePermissionsBoundary {
			used = boundaries > 0
		}
		if (!in.OnlyAttached || used) && strings.HasPrefix(p.path, pathOf(in.PathPrefix)) {
			all = append(all, *c.policyView(p, false))
		}
	}
	if in.Scope != iamtypes.PolicyScopeTypeAws {
		for _, arn := range sortedNames(s.policies) {
			add(s.policies[arn])
		}
	}
	if in.Scope != iamtypes.PolicyScopeTypeLocal {
		for _, arn := range sortedNames(awsManaged()) {
			add(c.awsPolicy(arn))
		}
	}
	page, next, err := paginate(all, in.Marker, in.MaxItems, 100)
	return &iam.ListPoliciesOutput{Policies: orEmpty(page), Marker: next, IsTruncated: next != nil}, err
}

func deletePolicyIAM(c *call, in *iam.DeletePolicyInput) (*iam.DeletePolicyOutput, error) {
	p, err := c.own("DeletePolicy", in.PolicyArn)
	if err != nil {
		return nil, err
	}
	s := c.account(c.accountID)
	if n, b := s.attachments(p.arn); n+b > 0 {
		return nil, fail("DeleteConflict", "Cannot delete a policy attached to entities.")
	}
	if len(p.versions) > 1 {
		return nil, fail("DeleteConflict", "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
	}
	delete(s.policies, p.arn)
	return nil, nil
}

func (v *iamPolicyVersion) view(document bool) iamtypes.PolicyVersion {
	out := iamtypes.PolicyVersion{VersionId: aws.String(v.id), IsDefaultVersion: v.isDefault, CreateDate: aws.Time(v.created)}
	if document {
		out.Document = aws.String(encodePolicy(v.document))
	}
	return out
}

func (p *iamPolicy) version(id *string) (*iamPolicyVersion, error) {
	for _, v := range p.versions {
		if v.id == aws.ToString(id) {
			return v, nil
		}
	}
	return nil, fail("NoSuchEntity", "Policy %s version %s does not exist or is not attachable.", p.arn, aws.ToString(id))
}

func createPolicyVersion(c *call, in *iam.CreatePolicyVersionInput) (*iam.CreatePolicyVersionOutput, error) {
	p, err := c.own("CreatePolicyVersion", in.PolicyArn)
	if err != nil {
		return nil, err
	}
	if err := checkPolicy(in.PolicyDocument); err != nil {
		return nil, err
	}
	if len(p.versions) >= 5 {
		return nil, &apiError{Code: "LimitExceeded", Status: 409, Message: "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version."}
	}
	v := &iamPolicyVersion{id: "v" + strconv.Itoa(p.next), document: *in.PolicyDocument, created: c.now.Truncate(time.Second)}
	p.next++
	p.versions = append(p.versions, v)
	if in.SetAsDefault {
		c.setDefault(p, v)
	}
	out := v.view(false)
	return &iam.CreatePolicyVersionOutput{PolicyVersion: &out}, nil
}

func (c *call) setDefault(p *iamPolicy, v *iamPolicyVersion) {
	for _, o := range p.versions {
		o.isDefault = o == v
	}
	p.updated = c.now.Truncate(time.Second)
	c.account(c.accountID).refreshPolicy(p.arn, c.now.Add(c.cfg.IAMDelay))
}

func getPolicyVersion(c *call, in *iam.GetPolicyVersionInput) (*iam.GetPolicyVersionOutput, error) {
	p, err := c.managed("GetPolicyVersion", in.PolicyArn)
	if err != nil {
		return nil, err
	}
	v, err := p.version(in.VersionId)
	if err != nil {
		return nil, err
	}
	out := v.view(true)
	return &iam.GetPolicyVersionOutput{PolicyVersion: &out}, nil
}

func listPolicyVersions(c *call, in *iam.ListPolicyVersionsInput) (*iam.ListPolicyVersionsOutput, error) {
	p, err := c.managed("ListPolicyVersions", in.PolicyArn)
	if err != nil {
		return nil, err
	}
	var all []iamtypes.PolicyVersion
	for _, v := range slices.Backward(p.versions) {
		all = append(all, v.view(false))
	}
	page, next, err := paginate(all, in.Marker, in.MaxItems, 100)
	return &iam.ListPolicyVersionsOutput{Versions: orEmpty(page), Marker: next, IsTruncated: next != nil}, err
}

func deletePolicyVersion(c *call, in *iam.DeletePolicyVersionInput) (*iam.DeletePolicyVersionOutput, error) {
	p, err := c.own("DeletePolicyVersion", in.PolicyArn)
	if err != nil {
		return nil, err
	}
	v, err := p.version(in.VersionId)
	if err != nil {
		return nil, err
	}
	if v.isDefault {
		return nil, fail("DeleteConflict", "Cannot delete the default version of a policy.")
	}
	p.versions = slices.DeleteFunc(p.versions, func(o *iamPolicyVersion) bool { return o == v })
	return nil, nil
}

func setDefaultPolicyVersion(c *call, in *iam.SetDefaultPolicyVersionInput) (*iam.SetDefaultPolicyVersionOutput, error) {
	p, err := c.own("SetDefaultPolicyVersion", in.PolicyArn)
	if err != nil {
		return nil, err
	}
	v, err := p.version(in.VersionId)
	if err != nil {
		return nil, err
	}
	c.setDefault(p, v)
	return nil, nil
}

// principal finds a user or role by ARN.
func (s *iamState) principal(arn string) *principal {
	for _, u := range s.users {
		if u.arn == arn {
			return &u.principal
		}
	}
	for _, r := range s.roles {
		if r.arn == arn {
			return &r.principal
		}
	}
	return nil
}
