package awssim

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// maxInline is what all inline policies of a role may have together, white space left out
// (AWS: IAM and STS quotas; users have 2048).
const (
	maxInlineRole = 10240
	maxInlineUser = 2048
)

func noSuch(kind, name string) error {
	return fail("NoSuchEntity", "The %s with name %s cannot be found.", kind, name)
}

// role finds a role that the caller may act on.
func (c *call) role(action string, name *string, opts ...authOption) (*iamRole, error) {
	r := c.account(c.accountID).roles[aws.ToString(name)]
	arn := c.arn("iam", "role/"+aws.ToString(name))
	if r != nil {
		arn = r.arn
	}
	if err := c.allow("iam:"+action, arn, opts...); err != nil {
		return nil, err
	}
	if r == nil {
		return nil, noSuch("role", aws.ToString(name))
	}
	return r, nil
}

// unmodifiable: service-linked and Identity Center roles belong to AWS.
func (r *iamRole) unmodifiable() error {
	if strings.HasPrefix(r.path, "/aws-service-role/") || strings.HasPrefix(r.name, "AWSReservedSSO_") {
		return fail("UnmodifiableEntity", "Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", r.name)
	}
	return nil
}

// changed makes a change of a principal's policies decide from IAMDelay on.
func (c *call) changedRole(r *iamRole) {
	c.account(c.accountID).refresh(&r.principal, r.trust, c.now.Add(c.cfg.IAMDelay))
}

func (c *call) changedUser(u *iamUser) {
	c.account(c.accountID).refresh(&u.principal, "", c.now.Add(c.cfg.IAMDelay))
}

// checkPolicy is what IAM refuses in an identity policy, in its words.
func checkPolicy(doc *string) error {
	d, err := iampolicy.Parse(aws.ToString(doc))
	if err != nil {
		return malformedPolicy("Syntax errors in policy.")
	}
	seen := map[string]bool{}
	for _, s := range d.Statements {
		switch {
		case s.Principal != nil || s.NotPrin != nil:
			return malformedPolicy("Policy document should not specify a principal.")
		case len(s.Resource)+len(s.NotRes) == 0:
			return malformedPolicy("Policy statement must contain resources.")
		case !sidForm.MatchString(s.Sid):
			return malformedPolicy("Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*")
		case s.Sid != "" && seen[s.Sid]:
			return malformedPolicy("Statement IDs (SID) in a single policy must be unique.")
		}
		seen[s.Sid] = true
		for _, a := range slices.Concat(s.Action, s.NotAction) {
			if a != "*" && !strings.Contains(a, ":") {
				return malformedPolicy("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
			}
		}
		for _, res := range slices.Concat(s.Resource, s.NotRes) {
			if res != "*" && strings.Count(res, ":") < 5 {
				return malformedPolicy("Resource " + res + " must be in ARN format or \"*\".")
			}
		}
	}
	return nil
}

var sidForm = regexp.MustCompile(`^[0-9A-Za-z]*$`)

func malformedPolicy(why string) error {
	return &apiError{Code: "MalformedPolicyDocument", Message: why, Status: 400}
}

var space = regexp.MustCompile(`\s+`)

func inlineSize(inline map[string]string, name, doc string) int {
	n := len(space.ReplaceAllString(doc, ""))
	for k, v := range inline {
		if k != name {
			n += len(space.ReplaceAllString(v, ""))
		}
	}
	return n
}

func pathOf(p *string) string {
	if p == nil {
		return "/"
	}
	return *p
}

func createRole(c *call, in *iam.CreateRoleInput) (*iam.CreateRoleOutput, error) {
	name, path := aws.ToString(in.RoleName), pathOf(in.Path)
	arn := c.arn("iam", "role"+path+name)
	if err := c.allow("iam:CreateRole", arn); err != nil {
		return nil, err
	}
	s := c.account(c.accountID)
	if s.roles[name] != nil {
		return nil, fail("EntityAlreadyExists", "Role with name %s already exists.", name)
	}
	if err := checkTrust(in.AssumeRolePolicyDocument); err != nil {
		return nil, err
	}
	r := &iamRole{
		principal: principal{name: name, path: path, id: c.id("AROA"), arn: arn, created: c.now.Truncate(time.Second), inline: map[string]string{}, tags: iamTags(in.Tags)},
		trust:     aws.ToString(in.AssumeRolePolicyDocument), description: aws.ToString(in.Description), maxSession: 3600,
	}
	if in.MaxSessionDuration != nil {
		r.maxSession = *in.MaxSessionDuration
	}
	if in.PermissionsBoundary != nil {
		if _, ok := s.document(*in.PermissionsBoundary); !ok {
			return nil, noPolicy(*in.PermissionsBoundary)
		}
		r.boundary = *in.PermissionsBoundary
	}
	s.roles[name] = r
	c.changedRole(r)
	c.trail.resources = []trailResource{{arn, "AWS::IAM::Role"}}
	return &iam.CreateRoleOutput{Role: r.view(false)}, nil
}

// checkTrust: a trust policy must name principals and no resources.
func checkTrust(doc *string) error {
	d, err := iampolicy.Parse(aws.ToString(doc))
	if err != nil {
		return &apiError{Code: "MalformedPolicyDocument", Message: "This policy contains invalid Json", Status: 400}
	}
	for _, s := range d.Statements {
		if s.Principal == nil && s.NotPrin == nil {
			return &apiError{Code: "MalformedPolicyDocument", Message: "AssumeRole policy must contain principals", Status: 400}
		}
		if s.NotPrin != nil {
			return &apiError{Code: "MalformedPolicyDocument", Message: "Has prohibited field NotPrincipal", Status: 400}
		}
		if len(s.Resource)+len(s.NotRes) > 0 {
			return &apiError{Code: "MalformedPolicyDocument", Message: "Has prohibited field Resource", Status: 400}
		}
	}
	return nil
}

// view is the role as the API shows it; get also shows what lists leave out.
func (r *iamRole) view(get bool) *iamtypes.Role {
	out := &iamtypes.Role{
		RoleName: aws.String(r.name), Path: aws.String(r.path), RoleId: aws.String(r.id), Arn: aws.String(r.arn), CreateDate: aws.Time(r.created),
	}
	out.AssumeRolePolicyDocument = aws.String(encodePolicy(r.trust))
	if r.description != "" {
		out.Description = aws.String(r.description)
	}
	if r.boundary != "" {
		out.PermissionsBoundary = &iamtypes.AttachedPermissionsBoundary{PermissionsBoundaryArn: aws.String(r.boundary), PermissionsBoundaryType: iamtypes.PermissionsBoundaryAttachmentTypePolicy}
	}
	if !get {
		return out
	}
	out.MaxSessionDuration = aws.Int32(r.maxSession)
	out.RoleLastUsed = &iamtypes.RoleLastUsed{}
	if r.used != nil {
		out.RoleLastUsed = &iamtypes.RoleLastUsed{LastUsedDate: aws.Time(r.used.at), Region: aws.String(r.used.region)}
	}
	if len(r.tags) > 0 {
		out.Tags = tagList(r.tags)
	}
	return out
}

// encodePolicy is RFC 3986 percent encoding, as IAM returns documents.
func encodePolicy(doc string) string {
	return strings.ReplaceAll(url.QueryEscape(doc), "+", "%20")
}

func iamTags(tags []iamtypes.Tag) map[string]string {
	out := map[string]string{}
	for _, t := range tags {
		out[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return out
}

func tagList(tags map[string]string) []iamtypes.Tag {
	out := []iamtypes.Tag{}
	for _, k := range sortedNames(tags) {
		out = append(out, iamtypes.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
	}
	return out
}

func getRole(c *call, in *iam.GetRoleInput) (*iam.GetRoleOutput, error) {
	r, err := c.role("GetRole", in.RoleName)
	if err != nil {
		return nil, err
	}
	return &iam.GetRoleOutput{Role: r.view(true)}, nil
}

func listRoles(c *call, in *iam.ListRolesInput) (*iam.ListRolesOutput, error) {
	if err := c.allow("iam:ListRoles", c.arn("iam", "role"+pathOf(in.PathPrefix))); err != nil {
		return nil, err
	}
	var all []iamtypes.Role
	s := c.account(c.accountID)
	for _, name := range sortedNames(s.roles) {
		if r := s.roles[name]; strings.HasPrefix(r.path, pathOf(in.PathPrefix)) {
			v := r.view(false)
			v.MaxSessionDuration = aws.Int32(r.maxSession)
			v.PermissionsBoundary = nil // not in a list, says its documentation: GetRole has it
			all = append(all, *v)
		}
	}
	page, next, err := paginate(all, in.Marker, in.MaxItems, 100)
	return &iam.ListRolesOutput{Roles: orEmpty(page), Marker: next, IsTruncated: next != nil}, err
}

// orEmpty keeps an empty list in the answer.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func updateAssumeRolePolicy(c *call, in *iam.UpdateAssumeRolePolicyInput) (*iam.UpdateAssumeRolePolicyOutput, error) {
	r, err := c.role("UpdateAssumeRolePolicy", in.RoleName)
	if err != nil {
		return nil, err
	}
	if err := r.unmodifiable(); err != nil {
		return nil, err
	}
	if err := checkTrust(in.PolicyDocument); err != nil {
		return nil, err
	}
	r.trust = *in.PolicyDocument
	c.changedRole(r)
	return nil, nil
}

func deleteRole(c *call, in *iam.DeleteRoleInput) (*iam.DeleteRoleOutput, error) {
	r, err := c.role("DeleteRole", in.RoleName)
	if err != nil {
		return nil, err
	}
	if err := r.unmodifiable(); err != nil {
		return nil, err
	}
	if len(r.inline) > 0 {
		return nil, fail("DeleteConflict", "Cannot delete entity, must delete policies first.")
	}
	if len(r.attached) > 0 {
		return nil, fail("DeleteConflict", "Cannot delete entity, must detach all policies first.")
	}
	for _, p := range c.account(c.accountID).profiles {
		if p.role == r.name {
			return nil, fail("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
		}
	}
	delete(c.account(c.accountID).roles, r.name)
	return nil, nil
}

func putRoleBoundary(c *call, in *iam.PutRolePermissionsBoundaryInput) (*iam.PutRolePermissionsBoundaryOutput, error) {
	r, err := c.role("PutRolePermissionsBoundary", in.RoleName)
	if err != nil {
		return nil, err
	}
	if err := r.unmodifiable(); err != nil {
		return nil, err
	}
	if _, ok := c.account(c.accountID).document(aws.ToString(in.PermissionsBoundary)); !ok {
		return nil, noPolicy(aws.ToString(in.PermissionsBoundary))
	}
	r.boundary = *in.PermissionsBoundary
	c.changedRole(r)
	return nil, nil
}

func deleteRoleBoundary(c *call, in *iam.DeleteRolePermissionsBoundaryInput) (*iam.DeleteRolePermissionsBoundaryOutput, error) {
	r, err := c.role("DeleteRolePermissionsBoundary", in.RoleName)
	if err != nil {
		return nil, err
	}
	if err := r.unmodifiable(); err != nil {
		return nil, err
	}
	if r.boundary == "" {
		return nil, noSuch("role", r.name)
	}
	r.boundary = ""
	c.changedRole(r)
	return nil, nil
}
