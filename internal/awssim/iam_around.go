package awssim

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// What stands around principals: who uses a policy, when a key was used, roles of AWS's
// services, identity providers, instance profiles. Groups and MFA devices are not
// simulated: their lists are empty.

func listEntitiesForPolicy(c *call, in *iam.ListEntitiesForPolicyInput) (*iam.ListEntitiesForPolicyOutput, error) {
	p, err := c.managed("ListEntitiesForPolicy", in.PolicyArn)
	if err != nil {
		return nil, err
	}
	uses := func(of *principal) bool {
		attached, bound := slices.Contains(of.attached, p.arn), of.boundary == p.arn
		switch in.PolicyUsageFilter {
		case iamtypes.PolicyUsageTypePermissionsPolicy:
			return attached
		case iamtypes.PolicyUsageTypePermissionsBoundary:
			return bound
		}
		return attached || bound
	}
	s, all := c.account(c.accountID), []any{}
	if in.EntityFilter == "" || in.EntityFilter == iamtypes.EntityTypeRole {
		for _, name := range sortedNames(s.roles) {
			if r := s.roles[name]; uses(&r.principal) && strings.HasPrefix(r.path, pathOf(in.PathPrefix)) {
				all = append(all, iamtypes.PolicyRole{RoleName: aws.String(r.name), RoleId: aws.String(r.id)})
			}
		}
	}
	if in.EntityFilter == "" || in.EntityFilter == iamtypes.EntityTypeUser {
		for _, name := range sortedNames(s.users) {
			if u := s.users[name]; uses(&u.principal) && strings.HasPrefix(u.path, pathOf(in.PathPrefix)) {
				all = append(all, iamtypes.PolicyUser{UserName: aws.String(u.name), UserId: aws.String(u.id)})
			}
		}
	}
	page, next, err := paginate(all, in.Marker, in.MaxItems, 100)
	out := &iam.ListEntitiesForPolicyOutput{PolicyGroups: []iamtypes.PolicyGroup{}, PolicyRoles: []iamtypes.PolicyRole{}, PolicyUsers: []iamtypes.PolicyUser{}, Marker: next, IsTruncated: next != nil}
	for _, e := range page {
		switch e := e.(type) {
		case iamtypes.PolicyRole:
			out.PolicyRoles = append(out.PolicyRoles, e)
		case iamtypes.PolicyUser:
			out.PolicyUsers = append(out.PolicyUsers, e)
		}
	}
	return out, err
}

// getAccessKeyLastUsed says N/A for a key never used, as IAM does.
func getAccessKeyLastUsed(c *call, in *iam.GetAccessKeyLastUsedInput) (*iam.GetAccessKeyLastUsedOutput, error) {
	s := c.account(c.accountID)
	k := s.keys[aws.ToString(in.AccessKeyId)]
	arn := "*"
	if k != nil {
		arn = s.users[k.user].arn
	}
	if err := c.allow("iam:GetAccessKeyLastUsed", arn); err != nil {
		return nil, err
	}
	if k == nil {
		return nil, &apiError{Code: "AccessDenied", Status: 403, Message: "Access denied for operation GetAccessKeyLastUsed"} // a key of nobody or of another account
	}
	used := &iamtypes.AccessKeyLastUsed{Region: aws.String("N/A"), ServiceName: aws.String("N/A")}
	if k.used != nil {
		used = &iamtypes.AccessKeyLastUsed{Region: aws.String(k.used.region), ServiceName: aws.String(k.used.service), LastUsedDate: aws.Time(k.used.at)}
	}
	return &iam.GetAccessKeyLastUsedOutput{UserName: aws.String(k.user), AccessKeyLastUsed: used}, nil
}

// linkedNames are service-linked roles by service; AWS has some two hundred, these meet Lambda.
func linkedNames() map[string]string {
	return map[string]string{
		"replicator.lambda.amazonaws.com": "AWSServiceRoleForLambdaReplicator", "lambda.amazonaws.com": "AWSServiceRoleForLambda",
		"access-analyzer.amazonaws.com": "AWSServiceRoleForAccessAnalyzer", "guardduty.amazonaws.com": "AWSServiceRoleForAmazonGuardDuty",
		"cloudtrail.amazonaws.com": "AWSServiceRoleForCloudTrail", "apidestinations.events.amazonaws.com": "AWSServiceRoleForAmazonEventBridgeApiDestinations",
	}
}

// createServiceLinkedRole makes a role that only AWS may change.
func createServiceLinkedRole(c *call, in *iam.CreateServiceLinkedRoleInput) (*iam.CreateServiceLinkedRoleOutput, error) {
	service := aws.ToString(in.AWSServiceName)
	name := linkedNames()[service]
	path := "/aws-service-role/" + service + "/"
	arn := c.arn("iam", "role"+path+name)
	if err := c.allow("iam:CreateServiceLinkedRole", arn, withCondition("iam:AWSServiceName", service)); err != nil {
		return nil, err
	}
	if name == "" {
		return nil, fail("InvalidInput", "Service role not found for %s", service)
	}
	s := c.account(c.accountID)
	if s.roles[name] != nil {
		return nil, &apiError{Code: "InvalidInput", Status: 400, Message: "Service role name " + name + " has been taken in this account, please try a different suffix."}
	}
	r := &iamRole{principal: principal{name: name, path: path, id: c.id("AROA"), arn: arn, created: c.now.Truncate(time.Second), inline: map[string]string{}, tags: map[string]string{}},
		trust:       `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["` + service + `"]},"Action":["sts:AssumeRole"]}]}`,
		description: aws.ToString(in.Description), maxSession: 3600}
	s.roles[name] = r
	c.changedRole(r)
	return &iam.CreateServiceLinkedRoleOutput{Role: r.view(false)}, nil
}

type openIDProvider struct {
	arn, url            string
	clients, thumbprint []string
	tags                map[string]string
	created             time.Time
}

func (p *openIDProvider) logical() map[string]any {
	return map[string]any{"url": p.url, "clients": p.clients, "thumbprints": p.thumbprint, "tags": p.tags}
}

func createOpenIDProvider(c *call, in *iam.CreateOpenIDConnectProviderInput) (*iam.CreateOpenIDConnectProviderOutput, error) {
	url, secure := strings.CutPrefix(aws.ToString(in.Url), "https://")
	arn := c.arn("iam", "oidc-provider/"+url)
	if err := c.allow("iam:CreateOpenIDConnectProvider", arn); err != nil {
		return nil, err
	}
	s := c.account(c.accountID)
	switch {
	case !secure:
		return nil, fail("ValidationError", "Invalid Open ID Connect Provider URL")
	case s.openID[arn] != nil:
		return nil, fail("EntityAlreadyExists", "Provider with url %s already exists.", *in.Url)
	}
	s.openID[arn] = &openIDProvider{arn, url, orEmpty(in.ClientIDList), orEmpty(in.ThumbprintList), iamTags(in.Tags), c.now.Truncate(time.Second)}
	return &iam.CreateOpenIDConnectProviderOutput{OpenIDConnectProviderArn: aws.String(arn)}, nil
}

func (c *call) provider(action string, arn *string) (*openIDProvider, error) {
	if err := c.allow("iam:"+action, aws.ToString(arn)); err != nil {
		return nil, err
	}
	p := c.account(c.accountID).openID[aws.ToString(arn)]
	if p == nil {
		return nil, fail("NoSuchEntity", "OpenIDConnect Provider not found for arn %s", aws.ToString(arn))
	}
	return p, nil
}

func getOpenIDProvider(c *call, in *iam.GetOpenIDConnectProviderInput) (*iam.GetOpenIDConnectProviderOutput, error) {
	p, err := c.provider("GetOpenIDConnectProvider", in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	return &iam.GetOpenIDConnectProviderOutput{Url: aws.String(p.url), ClientIDList: p.clients, ThumbprintList: p.thumbprint, CreateDate: aws.Time(p.created), Tags: tagList(p.tags)}, nil
}

func deleteOpenIDProvider(c *call, in *iam.DeleteOpenIDConnectProviderInput) (*iam.DeleteOpenIDConnectProviderOutput, error) {
	p, err := c.provider("DeleteOpenIDConnectProvider", in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	delete(c.account(c.accountID).openID, p.arn)
	return nil, nil
}

func listOpenIDProviders(c *call, _ *iam.ListOpenIDConnectProvidersInput) (*iam.ListOpenIDConnectProvidersOutput, error) {
	if err := c.allow("iam:ListOpenIDConnectProviders", c.arn("iam", "oidc-provider/*")); err != nil {
		return nil, err
	}
	out := &iam.ListOpenIDConnectProvidersOutput{OpenIDConnectProviderList: []iamtypes.OpenIDConnectProviderListEntry{}}
	for _, arn := range sortedNames(c.account(c.accountID).openID) {
		out.OpenIDConnectProviderList = append(out.OpenIDConnectProviderList, iamtypes.OpenIDConnectProviderListEntry{Arn: aws.String(arn)})
	}
	return out, nil
}

type instanceProfile struct {
	name, path, id, arn, role string
	created                   time.Time
}

func (c *call) profileView(p *instanceProfile) iamtypes.InstanceProfile {
	out := iamtypes.InstanceProfile{InstanceProfileName: aws.String(p.name), Path: aws.String(p.path), InstanceProfileId: aws.String(p.id), Arn: aws.String(p.arn), CreateDate: aws.Time(p.created), Roles: []iamtypes.Role{}}
	if r := c.account(c.accountID).roles[p.role]; r != nil {
		out.Roles = append(out.Roles, *r.view(false))
	}
	return out
}

func createInstanceProfile(c *call, in *iam.CreateInstanceProfileInput) (*iam.CreateInstanceProfileOutput, error) {
	name, path := aws.ToString(in.InstanceProfileName), pathOf(in.Path)
	arn := c.arn("iam", "instance-profile"+path+name)
	if err := c.allow("iam:CreateInstanceProfile", arn); err != nil {
		return nil, err
	}
	s := c.account(c.accountID)
	if s.profiles[name] != nil {
		return nil, fail("EntityAlreadyExists", "Instance Profile %s already exists.", name)
	}
	p := &instanceProfile{name: name, path: path, id: c.id("AIPA"), arn: arn, created: c.now.Truncate(time.Second)}
	s.profiles[name] = p
	view := c.profileView(p)
	return &iam.CreateInstanceProfileOutput{InstanceProfile: &view}, nil
}

func (c *call) profile(action string, name *string) (*instanceProfile, error) {
	p := c.account(c.accountID).profiles[aws.ToString(name)]
	arn := c.arn("iam", "instance-profile/"+aws.ToString(name))
	if p != nil {
		arn = p.arn
	}
	if err := c.allow("iam:"+action, arn); err != nil {
		return nil, err
	}
	if p == nil {
		return nil, fail("NoSuchEntity", "Instance Profile %s cannot be found.", aws.ToString(name))
	}
	return p, nil
}

func getInstanceProfile(c *call, in *iam.GetInstanceProfileInput) (*iam.GetInstanceProfileOutput, error) {
	p, err := c.profile("GetInstanceProfile", in.InstanceProfileName)
	if err != nil {
		return nil, err
	}
	view := c.profileView(p)
	return &iam.GetInstanceProfileOutput{InstanceProfile: &view}, nil
}

func deleteInstanceProfile(c *call, in *iam.DeleteInstanceProfileInput) (*iam.DeleteInstanceProfileOutput, error) {
	p, err := c.profile("DeleteInstanceProfile", in.InstanceProfileName)
	if err != nil {
		return nil, err
	}
	if p.role != "" {
		return nil, fail("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
	}
	delete(c.account(c.accountID).profiles, p.name)
	return nil, nil
}

func addRoleToProfile(c *call, in *iam.AddRoleToInstanceProfileInput) (*iam.AddRoleToInstanceProfileOutput, error) {
	p, err := c.profile("AddRoleToInstanceProfile", in.InstanceProfileName)
	if err != nil {
		return nil, err
	}
	r := c.account(c.accountID).roles[aws.ToString(in.RoleName)]
	switch {
	case r == nil:
		return nil, noSuch("role", aws.ToString(in.RoleName))
	case p.role != "":
		return nil, &apiError{Code: "LimitExceeded", Status: 409, Message: "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"}
	}
	if err := c.allow("iam:PassRole", r.arn); err != nil {
		return nil, err
	}
	p.role = r.name
	return nil, nil
}

func removeRoleFromProfile(c *call, in *iam.RemoveRoleFromInstanceProfileInput) (*iam.RemoveRoleFromInstanceProfileOutput, error) {
	p, err := c.profile("RemoveRoleFromInstanceProfile", in.InstanceProfileName)
	if err != nil {
		return nil, err
	}
	if p.role == "" || p.role != aws.ToString(in.RoleName) {
		return nil, noSuch("role", aws.ToString(in.RoleName))
	}
	p.role = ""
	return nil, nil
}

// profilesOf lists instance profiles, all or those of one role.
func (c *call) profilesOf(want func(*instanceProfile) bool) []iamtypes.InstanceProfile {
	s, all := c.account(c.accountID), []iamtypes.InstanceProfile{}
	for _, name := range sortedNames(s.profiles) {
		if p := s.profiles[name]; want(p) {
			all = append(all, c.profileView(p))
		}
	}
	return all
}

func listInstanceProfiles(c *call, in *iam.ListInstanceProfilesInput) (*iam.ListInstanceProfilesOutput, error) {
	if err := c.allow("iam:ListInstanceProfiles", c.arn("iam", "instance-profile"+pathOf(in.PathPrefix))); err != nil {
		return nil, err
	}
	all := c.profilesOf(func(p *instanceProfile) bool { return strings.HasPrefix(p.path, pathOf(in.PathPrefix)) })
	page, next, err := paginate(all, in.Marker, in.MaxItems, 100)
	return &iam.ListInstanceProfilesOutput{InstanceProfiles: orEmpty(page), Marker: next, IsTruncated: next != nil}, err
}

func listProfilesForRole(c *call, in *iam.ListInstanceProfilesForRoleInput) (*iam.ListInstanceProfilesForRoleOutput, error) {
	r, err := c.role("ListInstanceProfilesForRole", in.RoleName)
	if err != nil {
		return nil, err
	}
	page, next, err := paginate(c.profilesOf(func(p *instanceProfile) bool { return p.role == r.name }), in.Marker, in.MaxItems, 100)
	return &iam.ListInstanceProfilesForRoleOutput{InstanceProfiles: orEmpty(page), Marker: next, IsTruncated: next != nil}, err
}

func listGroupsForUser(c *call, in *iam.ListGroupsForUserInput) (*iam.ListGroupsForUserOutput, error) {
	if _, err := c.user("ListGroupsForUser", in.UserName); err != nil {
		return nil, err
	}
	return &iam.ListGroupsForUserOutput{Groups: []iamtypes.Group{}}, nil
}

func listMFADevices(c *call, in *iam.ListMFADevicesInput) (*iam.ListMFADevicesOutput, error) {
	if _, err := c.user("ListMFADevices", in.UserName); err != nil {
		return nil, err
	}
	return &iam.ListMFADevicesOutput{MFADevices: []iamtypes.MFADevice{}}, nil
}
