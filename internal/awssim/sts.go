package awssim

import (
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
	return &sts.GetCallerIdentityOutput{Account: aws.String(c.caller.account), Arn: aws.String(c.caller.arn), UserId: aws.String(c.caller.principalID)}, nil
}

func assumeRole(c *call, in *sts.AssumeRoleInput) (*sts.AssumeRoleOutput, error) {
	arn := aws.ToString(in.RoleArn)
	a, ok := parseARN(arn)
	if !ok || !strings.HasPrefix(a.resource, "role/") {
		c.authorized = true
		return nil, &apiError{Code: "ValidationError", Status: 400, Message: "Invalid ARN: " + arn}
	}
	c.trail.resources = []trailResource{{arn, "AWS::IAM::Role"}}
	role := c.account(a.account).roles[lastPart(a.resource)]
	if role != nil && role.arn != arn {
		role = nil
	}
	opts := []authOption{withCondition("sts:RoleSessionName", aws.ToString(in.RoleSessionName))}
	if in.ExternalId != nil {
		opts = append(opts, withCondition("sts:ExternalId", *in.ExternalId))
	}
	if err := c.allow("sts:AssumeRole", arn, append(opts, c.trustOf(role, a.account))...); err != nil {
		return nil, err
	}
	if role == nil { // looks like one that may not be assumed
		return nil, c.denied("sts:AssumeRole", arn, iampolicy.Result{Decision: iampolicy.ImplicitDeny, Kind: iampolicy.KindIdentity})
	}
	seconds, err := c.duration(in, role)
	if err != nil {
		return nil, err
	}
	s := session{name: aws.ToString(in.RoleSessionName), expires: c.now.Add(time.Duration(seconds) * time.Second), policy: aws.ToString(in.Policy)}
	if s.policy != "" {
		if _, err := iampolicy.Parse(s.policy); err != nil {
			return nil, &apiError{Code: "MalformedPolicyDocument", Status: 400, Message: "Syntax errors in policy."}
		}
	}
	creds, err := c.issueRoleSession(a.account, role.name, s, c.now)
	if err != nil {
		return nil, err
	}
	return &sts.AssumeRoleOutput{
		Credentials:     stsCredentials(creds, s.expires),
		AssumedRoleUser: &ststypes.AssumedRoleUser{Arn: aws.String("arn:aws:sts::" + a.account + ":assumed-role/" + role.name + "/" + s.name), AssumedRoleId: aws.String(role.id + ":" + s.name)},
	}, nil
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

// userSession makes temporary credentials of the calling user.
func (c *call) userSession(id identity, seconds *int32, otherwise int32, policy string) (*ststypes.Credentials, error) {
	if seconds != nil {
		otherwise = *seconds
	}
	s := &session{issued: c.now.Truncate(time.Second), expires: c.now.Add(time.Duration(otherwise) * time.Second), policy: policy}
	id.session, id.keyID = s, c.id("ASIA")
	issued := &iamSession{id: id, secret: c.id("secret"), token: c.id("token")}
	c.account(c.accountID).sessions[id.keyID] = issued
	return stsCredentials(Credentials{id.keyID, issued.secret, issued.token}, s.expires), nil
}

func getSessionToken(c *call, in *sts.GetSessionTokenInput) (*sts.GetSessionTokenOutput, error) {
	c.authorized = true // no policy governs it
	if c.caller.session != nil {
		return nil, &apiError{Code: "AccessDenied", Status: 403, Message: "Cannot call GetSessionToken with session credentials"}
	}
	creds, err := c.userSession(c.caller, in.DurationSeconds, 12*3600, "")
	return &sts.GetSessionTokenOutput{Credentials: creds}, err
}

func getFederationToken(c *call, in *sts.GetFederationTokenInput) (*sts.GetFederationTokenOutput, error) {
	name := aws.ToString(in.Name)
	if err := c.allow("sts:GetFederationToken", c.arn("sts", "federated-user/"+name)); err != nil {
		return nil, err
	}
	if c.caller.session != nil {
		return nil, &apiError{Code: "AccessDenied", Status: 403, Message: "Cannot call GetFederationToken with session credentials"}
	}
	creds, err := c.userSession(c.caller, in.DurationSeconds, 12*3600, aws.ToString(in.Policy))
	user := &ststypes.FederatedUser{Arn: aws.String(c.arn("sts", "federated-user/"+name)), FederatedUserId: aws.String(c.accountID + ":" + name)}
	return &sts.GetFederationTokenOutput{Credentials: creds, FederatedUser: user, PackedPolicySize: aws.Int32(0)}, err
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
