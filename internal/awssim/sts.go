package awssim

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// stsOps is every simulated operation of STS.
func stsOps() []operation {
	return []operation{
		op("sts", "GetCallerIdentity", getCallerIdentity), op("sts", "AssumeRole", assumeRole),
		op("sts", "GetSessionToken", getSessionToken), op("sts", "GetFederationToken", getFederationToken),
		op("sts", "GetAccessKeyInfo", getAccessKeyInfo),
	}
}

// getCallerIdentity needs no permission: AWS answers even under an explicit deny.
func getCallerIdentity(c *call, _ *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
	c.authorized = true
	c.used("sts:GetCallerIdentity")
	return &sts.GetCallerIdentityOutput{Account: aws.String(c.caller.account), Arn: aws.String(c.caller.arn), UserId: aws.String(c.caller.principalID)}, nil
}

func assumeRole(c *call, in *sts.AssumeRoleInput) (*sts.AssumeRoleOutput, error) {
	arn := aws.ToString(in.RoleArn)
	a, ok := parseARN(arn)
	if !ok || !strings.HasPrefix(a.resource, "role/") {
		c.authorized = true
		return nil, &apiError{Code: "ValidationError", Status: 400, Message: arn + " is invalid"}
	}
	c.trail.resources = []trailResource{{arn, "AWS::IAM::Role"}}
	role := c.account(a.account).roles[lastPart(a.resource)]
	if role != nil && role.arn != arn {
		role = nil
	}
	s := session{name: aws.ToString(in.RoleSessionName), policy: aws.ToString(in.Policy), source: aws.ToString(in.SourceIdentity), tags: sessionTags(in.Tags)}
	if c.caller.session != nil && c.caller.session.source != "" {
		s.source = c.caller.session.source // it stays with all that the session assumes
	}
	if err := c.mayAssume(in, role, arn, a.account, s); err != nil {
		return nil, err
	}
	if in.SerialNumber != nil || in.TokenCode != nil {
		return nil, noMFA()
	}
	seconds, err := c.duration(in, role)
	if err != nil {
		return nil, err
	}
	s.expires = c.now.Add(time.Duration(seconds) * time.Second)
	if s.managed, err = c.sessionDocuments(a.account, s.policy, in.PolicyArns); err != nil {
		return nil, err
	}
	creds, err := c.issueRoleSession(a.account, role.name, s, c.now)
	if err != nil {
		return nil, err
	}
	out := &sts.AssumeRoleOutput{
		Credentials:     stsCredentials(creds, s.expires),
		AssumedRoleUser: &ststypes.AssumedRoleUser{Arn: aws.String("arn:aws:sts::" + a.account + ":assumed-role/" + role.name + "/" + s.name), AssumedRoleId: aws.String(role.id + ":" + s.name)},
	}
	if s.source != "" {
		out.SourceIdentity = aws.String(s.source)
	}
	if s.policy != "" || len(s.managed)+len(s.tags) > 0 {
		//lint:ignore SA1019 AWS still answers with it
		out.PackedPolicySize = aws.Int32(packedSize(s))
	}
	return out, nil
}

// mayAssume asks for the role and for what the session is to carry.
func (c *call) mayAssume(in *sts.AssumeRoleInput, role *iamRole, arn, account string, s session) error {
	opts := []authOption{c.trustOf(role, account), withCondition("sts:RoleSessionName", s.name)}
	if in.ExternalId != nil {
		opts = append(opts, withCondition("sts:ExternalId", *in.ExternalId))
	}
	if s.source != "" {
		opts = append(opts, withCondition("sts:SourceIdentity", s.source))
	}
	if role != nil {
		for k, v := range role.tags {
			opts = append(opts, withCondition("aws:ResourceTag/"+k, v))
		}
	}
	for k, v := range s.tags {
		opts = append(opts, withCondition("aws:RequestTag/"+k, v))
	}
	if len(s.tags) > 0 {
		opts = append(opts, withCondition("aws:TagKeys", sortedNames(s.tags)...))
	}
	actions := []string{"sts:AssumeRole"}
	if s.source != "" { // of the chain, too
		actions = append(actions, "sts:SetSourceIdentity")
	}
	if len(s.tags) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	for _, action := range actions {
		if err := c.allow(action, arn, opts...); err != nil {
			return err
		}
	}
	if role == nil { // looks like one that may not be assumed
		return c.denied("sts:AssumeRole", arn, iampolicy.Result{Decision: iampolicy.ImplicitDeny, Kind: iampolicy.KindIdentity})
	}
	return nil
}

func sessionTags(tags []ststypes.Tag) map[string]string {
	out := map[string]string{}
	for _, t := range tags {
		out[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return out
}

// sessionDocuments checks a session's inline policy and finds its managed ones.
func (c *call) sessionDocuments(account, inline string, arns []ststypes.PolicyDescriptorType) ([]string, error) {
	if inline != "" {
		d, err := iampolicy.Parse(inline)
		if err != nil || slices.ContainsFunc(d.Statements, func(s iampolicy.Statement) bool { return s.Principal != nil || s.NotPrin != nil }) {
			return nil, &apiError{Code: "MalformedPolicyDocument", Status: 400, Message: "This policy contains invalid Json"}
		}
	}
	var out []string
	for _, a := range arns {
		doc, ok := c.account(account).document(aws.ToString(a.Arn))
		if !ok {
			return nil, &apiError{Code: "ValidationError", Status: 400, Message: "ARN " + aws.ToString(a.Arn) + " is not valid."}
		}
		out = append(out, doc)
	}
	return out, nil
}

// packedSize is a percentage, of AWS's own packed form that nobody outside knows: here
// the share of the characters that the session may have (2,048, and 50 tags of 384).
func packedSize(s session) int32 {
	n := len(s.policy)
	for k, v := range s.tags {
		n += len(k) + len(v)
	}
	return int32(min(100, 1+n*100/4096))
}

// trustOf is the role's trust policy as the resource policy of the role, as it decides now.
func (c *call) trustOf(role *iamRole, account string) authOption {
	return func(q *question) {
		q.owner, q.decides = account, true
		if role == nil {
			return
		}
		trust := role.viewAt(c.now).trust
		if trust == nil {
			trust = &iampolicy.Document{}
		}
		q.resource = trust
	}
}

// duration: an hour unless asked otherwise, at most what the role allows, and an hour
// for a session that assumes another role (role chaining).
func (c *call) duration(in *sts.AssumeRoleInput, role *iamRole) (int32, error) {
	seconds := int32(3600)
	if in.DurationSeconds != nil {
		seconds = *in.DurationSeconds
	}
	switch {
	case c.caller.session != nil && c.caller.session.roleName != "" && seconds > 3600:
		return 0, &apiError{Code: "ValidationError", Status: 400, Message: "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"}
	case seconds > role.maxSession:
		return 0, &apiError{Code: "ValidationError", Status: 400, Message: "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."}
	}
	return seconds, nil
}

func stsCredentials(c Credentials, expires time.Time) *ststypes.Credentials {
	return &ststypes.Credentials{
		AccessKeyId: aws.String(c.AccessKeyID), SecretAccessKey: aws.String(c.SecretAccessKey), SessionToken: aws.String(c.SessionToken),
		Expiration: aws.Time(expires.UTC().Truncate(time.Second)),
	}
}

// userSession makes temporary credentials for who they say; nobody has asked yet for how long.
func (c *call) userSession(id identity, s session, seconds *int32) *ststypes.Credentials {
	length := int32(12 * 3600)
	if seconds != nil {
		length = *seconds
	}
	s.issued, s.expires = c.now.Truncate(time.Second), c.now.Add(time.Duration(length)*time.Second)
	id.session, id.keyID = &s, c.id("ASIA")
	issued := &iamSession{id: id, secret: c.id("secret"), token: c.id("token")}
	c.account(c.accountID).sessions[id.keyID] = issued
	return stsCredentials(Credentials{id.keyID, issued.secret, issued.token}, s.expires)
}

// noMFA: no simulated user has a device.
func noMFA() error {
	return &apiError{Code: "AccessDenied", Status: 403, Message: "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user."}
}

func getSessionToken(c *call, in *sts.GetSessionTokenInput) (*sts.GetSessionTokenOutput, error) {
	c.authorized = true // no policy governs it
	switch {
	case c.caller.session != nil:
		return nil, &apiError{Code: "AccessDenied", Status: 403, Message: "Cannot call GetSessionToken with session credentials"}
	case in.SerialNumber != nil || in.TokenCode != nil:
		return nil, noMFA()
	}
	return &sts.GetSessionTokenOutput{Credentials: c.userSession(c.caller, session{}, in.DurationSeconds)}, nil
}

// getFederationToken gives a session of its own name that has at most what both the
// calling user and the session policies allow.
func getFederationToken(c *call, in *sts.GetFederationTokenInput) (*sts.GetFederationTokenOutput, error) {
	name := aws.ToString(in.Name)
	arn := c.arn("sts", "federated-user/"+name)
	if err := c.allow("sts:GetFederationToken", arn); err != nil {
		return nil, err
	}
	s := session{name: name, policy: aws.ToString(in.Policy), roleARN: c.caller.arn, roleID: c.caller.principalID, roleName: c.caller.name, tags: sessionTags(in.Tags)}
	var err error
	if s.managed, err = c.sessionDocuments(c.accountID, s.policy, in.PolicyArns); err != nil {
		return nil, err
	}
	id := identity{kind: "FederatedUser", account: c.accountID, arn: arn, principalID: c.accountID + ":" + name}
	creds := c.userSession(id, s, in.DurationSeconds)
	user := &ststypes.FederatedUser{Arn: aws.String(arn), FederatedUserId: aws.String(id.principalID)}
	out := &sts.GetFederationTokenOutput{Credentials: creds, FederatedUser: user}
	//lint:ignore SA1019 AWS still answers with it
	out.PackedPolicySize = aws.Int32(packedSize(s))
	return out, nil
}

func getAccessKeyInfo(c *call, in *sts.GetAccessKeyInfoInput) (*sts.GetAccessKeyInfoOutput, error) {
	if err := c.allow("sts:GetAccessKeyInfo", "*"); err != nil {
		return nil, err
	}
	id, _, _, ok := c.lookupKey(aws.ToString(in.AccessKeyId))
	if !ok {
		return nil, &apiError{Code: "ValidationError", Status: 400, Message: "Invalid access key: " + aws.ToString(in.AccessKeyId)}
	}
	return &sts.GetAccessKeyInfoOutput{Account: aws.String(id.account)}, nil
}
