package awssim

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// user finds a user that the caller may act on; no name is the caller itself.
func (c *call) user(action string, name *string, opts ...authOption) (*iamUser, error) {
	n := aws.ToString(name)
	if name == nil {
		n = c.caller.name
	}
	u := c.account(c.accountID).users[n]
	arn := c.arn("iam", "user/"+n)
	if u != nil {
		arn = u.arn
	}
	if err := c.allow("iam:"+action, arn, opts...); err != nil {
		return nil, err
	}
	if u == nil {
		return nil, fail("NoSuchEntity", "The user with name %s cannot be found.", n)
	}
	return u, nil
}

func (u *iamUser) view(get bool) *iamtypes.User {
	out := &iamtypes.User{UserName: aws.String(u.name), Path: aws.String(u.path), UserId: aws.String(u.id), Arn: aws.String(u.arn), CreateDate: aws.Time(u.created)}
	if get && u.boundary != "" {
		out.PermissionsBoundary = &iamtypes.AttachedPermissionsBoundary{PermissionsBoundaryArn: aws.String(u.boundary), PermissionsBoundaryType: iamtypes.PermissionsBoundaryAttachmentTypePolicy}
	}
	if get && len(u.tags) > 0 {
		out.Tags = tagList(u.tags)
	}
	return out
}

func createUser(c *call, in *iam.CreateUserInput) (*iam.CreateUserOutput, error) {
	name := aws.ToString(in.UserName)
	arn := c.arn("iam", "user"+pathOf(in.Path)+name)
	if err := c.allow("iam:CreateUser", arn); err != nil {
		return nil, err
	}
	s := c.account(c.accountID)
	if s.users[name] != nil {
		return nil, fail("EntityAlreadyExists", "User with name %s already exists.", name)
	}
	u := &iamUser{principal: principal{name: name, path: pathOf(in.Path), id: c.id("AIDA"), arn: arn, created: c.now.Truncate(time.Second), inline: map[string]string{}, tags: iamTags(in.Tags)}}
	if in.PermissionsBoundary != nil {
		if _, ok := s.document(*in.PermissionsBoundary); !ok {
			return nil, noPolicy(*in.PermissionsBoundary)
		}
		u.boundary = *in.PermissionsBoundary
	}
	s.users[name] = u
	c.changedUser(u)
	return &iam.CreateUserOutput{User: u.view(true)}, nil
}

func getUser(c *call, in *iam.GetUserInput) (*iam.GetUserOutput, error) {
	u, err := c.user("GetUser", in.UserName)
	if err != nil {
		return nil, err
	}
	return &iam.GetUserOutput{User: u.view(true)}, nil
}

func listUsers(c *call, in *iam.ListUsersInput) (*iam.ListUsersOutput, error) {
	if err := c.allow("iam:ListUsers", c.arn("iam", "user"+pathOf(in.PathPrefix))); err != nil {
		return nil, err
	}
	var all []iamtypes.User
	s := c.account(c.accountID)
	for _, name := range sortedNames(s.users) {
		if u := s.users[name]; strings.HasPrefix(u.path, pathOf(in.PathPrefix)) {
			all = append(all, *u.view(false))
		}
	}
	page, next, err := paginate(all, in.Marker, in.MaxItems, 100)
	return &iam.ListUsersOutput{Users: orEmpty(page), Marker: next, IsTruncated: next != nil}, err
}

func deleteUser(c *call, in *iam.DeleteUserInput) (*iam.DeleteUserOutput, error) {
	u, err := c.user("DeleteUser", in.UserName)
	if err != nil {
		return nil, err
	}
	s := c.account(c.accountID)
	for _, k := range s.keys {
		if k.user == u.name {
			return nil, fail("DeleteConflict", "Cannot delete entity, must delete access keys first.")
		}
	}
	if len(u.inline)+len(u.attached) > 0 || u.login != nil {
		return nil, fail("DeleteConflict", "Cannot delete entity, must remove policies and the login profile first.")
	}
	delete(s.users, u.name)
	return nil, nil
}

func createAccessKey(c *call, in *iam.CreateAccessKeyInput) (*iam.CreateAccessKeyOutput, error) {
	u, err := c.user("CreateAccessKey", in.UserName)
	if err != nil {
		return nil, err
	}
	s := c.account(c.accountID)
	if len(s.keysOf(u.name)) >= 2 {
		return nil, &apiError{Code: "LimitExceeded", Status: 409, Message: "Cannot exceed quota for AccessKeysPerUser: 2"}
	}
	k := &iamKey{id: c.id("AKIA"), secret: c.id("secret"), user: u.name, created: c.now.Truncate(time.Second)}
	k.change(true, c.now, c.cfg.IAMDelay)
	s.keys[k.id] = k
	return &iam.CreateAccessKeyOutput{AccessKey: &iamtypes.AccessKey{
		UserName: aws.String(u.name), AccessKeyId: aws.String(k.id), SecretAccessKey: aws.String(k.secret), Status: iamtypes.StatusTypeActive, CreateDate: aws.Time(k.created)}}, nil
}

func (s *iamState) keysOf(user string) []*iamKey {
	var out []*iamKey
	for _, id := range sortedNames(s.keys) {
		if s.keys[id].user == user {
			out = append(out, s.keys[id])
		}
	}
	return out
}

func (k *iamKey) status() iamtypes.StatusType {
	if k.active {
		return iamtypes.StatusTypeActive
	}
	return iamtypes.StatusTypeInactive
}

func listAccessKeys(c *call, in *iam.ListAccessKeysInput) (*iam.ListAccessKeysOutput, error) {
	u, err := c.user("ListAccessKeys", in.UserName)
	if err != nil {
		return nil, err
	}
	var all []iamtypes.AccessKeyMetadata
	for _, k := range c.account(c.accountID).keysOf(u.name) {
		all = append(all, iamtypes.AccessKeyMetadata{UserName: aws.String(u.name), AccessKeyId: aws.String(k.id), Status: k.status(), CreateDate: aws.Time(k.created)})
	}
	page, next, err := paginate(all, in.Marker, in.MaxItems, 100)
	return &iam.ListAccessKeysOutput{AccessKeyMetadata: orEmpty(page), Marker: next, IsTruncated: next != nil}, err
}

// key finds a key of a user.
func (c *call) key(action string, user, id *string) (*iamKey, error) {
	u, err := c.user(action, user)
	if err != nil {
		return nil, err
	}
	k := c.account(c.accountID).keys[aws.ToString(id)]
	if k == nil || k.user != u.name {
		return nil, fail("NoSuchEntity", "The Access Key with id %s cannot be found.", aws.ToString(id))
	}
	return k, nil
}

func updateAccessKey(c *call, in *iam.UpdateAccessKeyInput) (*iam.UpdateAccessKeyOutput, error) {
	k, err := c.key("UpdateAccessKey", in.UserName, in.AccessKeyId)
	if err != nil {
		return nil, err
	}
	k.change(in.Status == iamtypes.StatusTypeActive, c.now, c.cfg.IAMDelay)
	return nil, nil
}

func deleteAccessKey(c *call, in *iam.DeleteAccessKeyInput) (*iam.DeleteAccessKeyOutput, error) {
	k, err := c.key("DeleteAccessKey", in.UserName, in.AccessKeyId)
	if err != nil {
		return nil, err
	}
	k.change(false, c.now, c.cfg.IAMDelay)
	s := c.account(c.accountID)
	delete(s.keys, k.id)
	s.deleted[k.id] = k
	return nil, nil
}

func createLoginProfile(c *call, in *iam.CreateLoginProfileInput) (*iam.CreateLoginProfileOutput, error) {
	u, err := c.user("CreateLoginProfile", in.UserName)
	if err != nil {
		return nil, err
	}
	if u.login != nil {
		return nil, fail("EntityAlreadyExists", "Login Profile for user %s already exists.", u.name)
	}
	u.login = &iamLogin{c.now.Truncate(time.Second), in.PasswordResetRequired}
	return &iam.CreateLoginProfileOutput{LoginProfile: u.profile()}, nil
}

func (u *iamUser) profile() *iamtypes.LoginProfile {
	return &iamtypes.LoginProfile{UserName: aws.String(u.name), CreateDate: aws.Time(u.login.created), PasswordResetRequired: u.login.reset}
}

// login finds the login profile of a user.
func (c *call) login(action string, name *string) (*iamUser, error) {
	u, err := c.user(action, name)
	if err != nil {
		return nil, err
	}
	if u.login == nil {
		return nil, fail("NoSuchEntity", "Login Profile for User %s cannot be found.", u.name)
	}
	return u, nil
}

func getLoginProfile(c *call, in *iam.GetLoginProfileInput) (*iam.GetLoginProfileOutput, error) {
	u, err := c.login("GetLoginProfile", in.UserName)
	if err != nil {
		return nil, err
	}
	return &iam.GetLoginProfileOutput{LoginProfile: u.profile()}, nil
}

func updateLoginProfile(c *call, in *iam.UpdateLoginProfileInput) (*iam.UpdateLoginProfileOutput, error) {
	u, err := c.login("UpdateLoginProfile", in.UserName)
	if err != nil {
		return nil, err
	}
	if in.PasswordResetRequired != nil {
		u.login.reset = *in.PasswordResetRequired
	}
	return nil, nil
}

func deleteLoginProfile(c *call, in *iam.DeleteLoginProfileInput) (*iam.DeleteLoginProfileOutput, error) {
	u, err := c.login("DeleteLoginProfile", in.UserName)
	if err != nil {
		return nil, err
	}
	u.login = nil
	return nil, nil
}
