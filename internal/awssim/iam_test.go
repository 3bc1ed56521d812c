package awssim

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
)

const (
	acct        = "111122223333"
	lambdaTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	rootTrust   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + acct + `:root"},"Action":"sts:AssumeRole"}]}`
)

// account is a simulated account seen by its administrator.
type account struct {
	t     *testing.T
	ctx   context.Context
	c     *Cloud
	cfg   aws.Config
	iam   *iam.Client
	clock *frozen
}

func newAccount(t *testing.T, cfg Config) *account {
	clock := &frozen{time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}
	cfg.Clock = clock
	c, admin := realCloud(t, cfg)
	return &account{t, context.Background(), c, admin, iam.NewFromConfig(admin), clock}
}

func (a *account) role(name, trust string, inline ...string) {
	a.t.Helper()
	must(a.iam.CreateRole(a.ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust}))(a.t)
	for i, doc := range inline {
		a.put(name, fmt.Sprint("p", i), doc)
	}
}

func (a *account) put(role, name, doc string) {
	a.t.Helper()
	must(a.iam.PutRolePolicy(a.ctx, &iam.PutRolePolicyInput{RoleName: &role, PolicyName: &name, PolicyDocument: &doc}))(a.t)
}

// session is a session of a role as Lambda's service makes them.
func (a *account) session(role, name string) aws.Config {
	a.t.Helper()
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	creds := must(a.c.issueRoleSession(acct, role, session{name: name, expires: a.clock.at.Add(12 * time.Hour)}, a.clock.at))(a.t)
	return clientConfig(a.c, creds)
}

func callLambda(cfg aws.Config) error {
	_, err := lambda.NewFromConfig(cfg).ListFunctions(context.Background(), &lambda.ListFunctionsInput{})
	return err
}

func whoami(cfg aws.Config) (string, error) {
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", err
	}
	return *out.Arn, nil
}

// TestQuarantineDenyNotAction: the deny that containment writes leaves a role its logs and nothing else.
func TestQuarantineDenyNotAction(t *testing.T) {
	a := newAccount(t, Config{})
	a.role("app", lambdaTrust, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	stolen := a.session("app", "pay")
	wantCode(t, "before", callLambda(stolen), "")
	a.put("app", "quarantine", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","NotAction":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]}`)
	err := callLambda(stolen)
	wantCode(t, "after", err, "AccessDeniedException")
	if !strings.Contains(err.Error(), "User: arn:aws:sts::"+acct+":assumed-role/app/pay is not authorized to perform: lambda:ListFunctions on resource: * with an explicit deny in an identity-based policy") {
		t.Errorf("in these words: %v", err)
	}
	if _, err := whoami(stolen); err != nil {
		t.Errorf("GetCallerIdentity is never denied: %v", err)
	}
	must(a.iam.DeleteRolePolicy(a.ctx, &iam.DeleteRolePolicyInput{RoleName: aws.String("app"), PolicyName: aws.String("quarantine")}))(t)
	wantCode(t, "lifted", callLambda(stolen), "")
}

// TestRevokedSessions: what IAM's console writes for 'Revoke active sessions' hits the
// sessions from before and spares those from after.
func TestRevokedSessions(t *testing.T) {
	a := newAccount(t, Config{})
	a.role("app", lambdaTrust, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:*","Resource":"*"}]}`)
	old := a.session("app", "pay")
	a.clock.at = a.clock.at.Add(time.Minute)
	a.put("app", "AWSRevokeOlderSessions", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],"Condition":{"DateLessThan":{"aws:TokenIssueTime":"`+a.clock.at.Format(time.RFC3339)+`"}}}]}`)
	wantCode(t, "the old session", callLambda(old), "AccessDeniedException")
	wantCode(t, "a new session", callLambda(a.session("app", "pay")), "")
}

// TestChangesDecideAfterTheDelay: IAM shows a change at once and obeys it later.
func TestChangesDecideAfterTheDelay(t *testing.T) {
	a := newAccount(t, Config{IAMDelay: 10 * time.Second})
	a.role("app", lambdaTrust, allowAll)
	s := a.session("app", "pay")
	wantCode(t, "a role just made", callLambda(s), "AccessDeniedException")
	a.clock.at = a.clock.at.Add(10 * time.Second)
	wantCode(t, "after the delay", callLambda(s), "")
	a.put("app", "quarantine", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`)
	if names := must(a.iam.ListRolePolicies(a.ctx, &iam.ListRolePoliciesInput{RoleName: aws.String("app")}))(t).PolicyNames; len(names) != 2 {
		t.Errorf("not shown at once: %v", names)
	}
	a.clock.at = a.clock.at.Add(9 * time.Second)
	wantCode(t, "nine seconds later", callLambda(s), "")
	a.clock.at = a.clock.at.Add(time.Second)
	wantCode(t, "ten seconds later", callLambda(s), "AccessDeniedException")

	must(a.iam.CreateUser(a.ctx, &iam.CreateUserInput{UserName: aws.String("bob")}))(t)
	key := must(a.iam.CreateAccessKey(a.ctx, &iam.CreateAccessKeyInput{UserName: aws.String("bob")}))(t).AccessKey
	bob := clientConfig(a.c, Credentials{*key.AccessKeyId, *key.SecretAccessKey, ""})
	steps := []struct {
		change func() error
		before string
		after  string
	}{
		{func() error { return nil }, "InvalidClientTokenId", ""},
		{func() error {
			_, err := a.iam.UpdateAccessKey(a.ctx, &iam.UpdateAccessKeyInput{UserName: aws.String("bob"), AccessKeyId: key.AccessKeyId, Status: iamtypes.StatusTypeInactive})
			return err
		}, "", "InvalidClientTokenId"},
		{func() error {
			_, err := a.iam.UpdateAccessKey(a.ctx, &iam.UpdateAccessKeyInput{UserName: aws.String("bob"), AccessKeyId: key.AccessKeyId, Status: iamtypes.StatusTypeActive})
			return err
		}, "InvalidClientTokenId", ""},
		{func() error {
			_, err := a.iam.DeleteAccessKey(a.ctx, &iam.DeleteAccessKeyInput{UserName: aws.String("bob"), AccessKeyId: key.AccessKeyId})
			return err
		}, "", "InvalidClientTokenId"},
	}
	for i, step := range steps {
		if err := step.change(); err != nil {
			t.Fatal(err)
		}
		_, err := whoami(bob)
		wantCode(t, fmt.Sprint("key, step ", i, " at once"), err, step.before)
		a.clock.at = a.clock.at.Add(10 * time.Second)
		_, err = whoami(bob)
		wantCode(t, fmt.Sprint("key, step ", i, " later"), err, step.after)
	}
}

// TestWhoMayAssume: table of the STS documentation of AssumeRole and of IAM's "Policy
// evaluation logic": the trust policy always has its word; naming the account leaves it
// to identity policies, naming the principal does not.
func TestWhoMayAssume(t *testing.T) {
	a := newAccount(t, Config{})
	may := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}`
	nothing := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}]}`
	trust := func(principal, more string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole"` + more + `}]}`
	}
	bob := `{"AWS":"arn:aws:iam::` + acct + `:user/bob"}`
	for i, tc := range []struct {
		name, trust, identity, from string
		in                          sts.AssumeRoleInput
		want                        string
	}{
		{"the account, with permission", rootTrust, may, acct, sts.AssumeRoleInput{}, ""},
		{"the account, without", rootTrust, nothing, acct, sts.AssumeRoleInput{}, "AccessDenied"},
		{"himself, without", trust(bob, ""), nothing, acct, sts.AssumeRoleInput{}, ""},
		{"a service only, with permission", lambdaTrust, may, acct, sts.AssumeRoleInput{}, "AccessDenied"},
		{"external id missing", trust(bob, `,"Condition":{"StringEquals":{"sts:ExternalId":"x-1"}}`), may, acct, sts.AssumeRoleInput{}, "AccessDenied"},
		{"external id wrong", trust(bob, `,"Condition":{"StringEquals":{"sts:ExternalId":"x-1"}}`), may, acct, sts.AssumeRoleInput{ExternalId: aws.String("x-2")}, "AccessDenied"},
		{"external id", trust(bob, `,"Condition":{"StringEquals":{"sts:ExternalId":"x-1"}}`), may, acct, sts.AssumeRoleInput{ExternalId: aws.String("x-1")}, ""},
		{"from another account, both say so", trust(`{"AWS":"444455556666"}`, ""), may, "444455556666", sts.AssumeRoleInput{}, ""},
		{"from another account, theirs does not", trust(`{"AWS":"444455556666"}`, ""), nothing, "444455556666", sts.AssumeRoleInput{}, "AccessDenied"},
		{"from another account, ours does not", rootTrust, may, "444455556666", sts.AssumeRoleInput{}, "AccessDenied"},
		{"longer than the role allows", rootTrust, may, acct, sts.AssumeRoleInput{DurationSeconds: aws.Int32(7200)}, "ValidationError"},
		{"tags without sts:TagSession", trust(bob, ""), may, acct, sts.AssumeRoleInput{Tags: []ststypes.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}, "AccessDenied"},
		{"a session policy that is none", rootTrust, may, acct, sts.AssumeRoleInput{Policy: aws.String("{}")}, "MalformedPolicyDocument"},
		{"a device nobody has", rootTrust, may, acct, sts.AssumeRoleInput{SerialNumber: aws.String("arn:aws:iam::" + acct + ":mfa/bob"), TokenCode: aws.String("123456")}, "AccessDenied"},
	} {
		role := fmt.Sprint("r", i)
		a.role(role, tc.trust)
		cfg := clientConfig(a.c, a.c.Bootstrap(tc.from, "bob", tc.identity))
		tc.in.RoleArn, tc.in.RoleSessionName = aws.String("arn:aws:iam::"+acct+":role/"+role), aws.String("ses")
		out, err := sts.NewFromConfig(cfg).AssumeRole(a.ctx, &tc.in)
		wantCode(t, tc.name, err, tc.want)
		if err == nil {
			arn := must(whoami(clientConfig(a.c, Credentials{*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken})))(t)
			if arn != "arn:aws:sts::"+acct+":assumed-role/"+role+"/ses" {
				t.Errorf("%s: became %s", tc.name, arn)
			}
		}
	}
	_, err := sts.NewFromConfig(user(a.c, "bob", may)).AssumeRole(a.ctx, &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::" + acct + ":role/none"), RoleSessionName: aws.String("ses")})
	wantCode(t, "a role that is not there", err, "AccessDenied")
	if err != nil && !strings.HasSuffix(err.Error(), "User: arn:aws:iam::"+acct+":user/bob is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::"+acct+":role/none") {
		t.Errorf("in the words of real records: %v", err)
	}
}

func sessionOf(a *account, cfg aws.Config, in *sts.AssumeRoleInput) aws.Config {
	a.t.Helper()
	c := must(sts.NewFromConfig(cfg).AssumeRole(a.ctx, in))(a.t).Credentials
	return clientConfig(a.c, Credentials{*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken})
}

func TestSessions(t *testing.T) {
	a := newAccount(t, Config{})
	a.role("app", strings.Replace(rootTrust, `"sts:AssumeRole"`, `["sts:AssumeRole","sts:SetSourceIdentity"]`, 1), allowAll)
	in := func(more func(*sts.AssumeRoleInput)) *sts.AssumeRoleInput {
		in := &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::" + acct + ":role/app"), RoleSessionName: aws.String("ses")}
		if more != nil {
			more(in)
		}
		return in
	}
	plain := sessionOf(a, a.cfg, in(nil))
	wantCode(t, "a session", callLambda(plain), "")
	narrow := sessionOf(a, a.cfg, in(func(in *sts.AssumeRoleInput) {
		in.Policy = aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"}]}`)
	}))
	err := callLambda(narrow)
	wantCode(t, "beyond its session policy", err, "AccessDeniedException")
	if !strings.Contains(fmt.Sprint(err), "because no session policy allows the lambda:ListFunctions action") {
		t.Errorf("in these words: %v", err)
	}
	none := sessionOf(a, a.cfg, in(func(in *sts.AssumeRoleInput) {
		in.PolicyArns = []ststypes.PolicyDescriptorType{{Arn: aws.String("arn:aws:iam::aws:policy/AWSDenyAll")}}
	}))
	wantCode(t, "a managed session policy", callLambda(none), "AccessDeniedException")

	must(a.iam.UpdateRole(a.ctx, &iam.UpdateRoleInput{RoleName: aws.String("app"), MaxSessionDuration: aws.Int32(7200)}))(t)
	must(sts.NewFromConfig(a.cfg).AssumeRole(a.ctx, in(func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(7200) })))(t)
	_, err = sts.NewFromConfig(plain).AssumeRole(a.ctx, in(func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(7200) }))
	wantCode(t, "chained for more than an hour", err, "ValidationError")
	sourced := sessionOf(a, a.cfg, in(func(in *sts.AssumeRoleInput) { in.SourceIdentity = aws.String("carol") }))
	if out := must(sts.NewFromConfig(sourced).AssumeRole(a.ctx, in(nil)))(t); aws.ToString(out.SourceIdentity) != "carol" {
		t.Errorf("the source identity was lost in the chain: %v", out.SourceIdentity)
	}
	if records := a.c.Records(); !strings.Contains(string(records[len(records)-1]), `"sourceIdentity":"carol"`) {
		t.Errorf("the trail does not name the source identity: %s", records[len(records)-1])
	}

	a.clock.at = a.clock.at.Add(time.Hour)
	wantCode(t, "an hour later", callLambda(plain), "ExpiredTokenException")

	old := a.session("app", "old")
	must(a.iam.DeleteRolePolicy(a.ctx, &iam.DeleteRolePolicyInput{RoleName: aws.String("app"), PolicyName: aws.String("p0")}))(t)
	must(a.iam.DeleteRole(a.ctx, &iam.DeleteRoleInput{RoleName: aws.String("app")}))(t)
	a.clock.at = a.clock.at.Add(time.Second)
	a.role("app", rootTrust, allowAll)
	wantCode(t, "a session of the role that had the name before", callLambda(old), "AccessDeniedException")
	wantCode(t, "a session of the role that has it now", callLambda(a.session("app", "new")), "")
}

// TestCredentialsOfUsers: IAM User Guide, "Compare AWS STS credentials".
func TestCredentialsOfUsers(t *testing.T) {
	a := newAccount(t, Config{})
	cl := sts.NewFromConfig(a.cfg)
	cfgOf := func(c *ststypes.Credentials) aws.Config {
		return clientConfig(a.c, Credentials{*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken})
	}
	usersOf := func(cfg aws.Config) error {
		_, err := iam.NewFromConfig(cfg).ListUsers(a.ctx, &iam.ListUsersInput{})
		return err
	}
	token := cfgOf(must(cl.GetSessionToken(a.ctx, &sts.GetSessionTokenInput{}))(t).Credentials)
	wantCode(t, "GetSessionToken, Lambda", callLambda(token), "")
	wantCode(t, "GetSessionToken without MFA, IAM", usersOf(token), "InvalidClientTokenId")
	_, err := sts.NewFromConfig(token).GetSessionToken(a.ctx, &sts.GetSessionTokenInput{})
	wantCode(t, "GetSessionToken by session", err, "AccessDenied")

	fed := must(cl.GetFederationToken(a.ctx, &sts.GetFederationTokenInput{Name: aws.String("fed")}))(t)
	wantCode(t, "federated without a policy", callLambda(cfgOf(fed.Credentials)), "AccessDeniedException")
	fed = must(cl.GetFederationToken(a.ctx, &sts.GetFederationTokenInput{Name: aws.String("fed"), Policy: aws.String(allowAll)}))(t)
	wantCode(t, "federated with one", callLambda(cfgOf(fed.Credentials)), "")
	wantCode(t, "federated, IAM", usersOf(cfgOf(fed.Credentials)), "InvalidClientTokenId")
	if arn := must(whoami(cfgOf(fed.Credentials)))(t); arn != "arn:aws:sts::"+acct+":federated-user/fed" {
		t.Errorf("federated as %s", arn)
	}
	eve := user(a.c, "eve", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:*","Resource":"*"}]}`)
	fed = must(sts.NewFromConfig(eve).GetFederationToken(a.ctx, &sts.GetFederationTokenInput{Name: aws.String("fed"), Policy: aws.String(allowAll)}))(t)
	wantCode(t, "federated beyond its user", callLambda(cfgOf(fed.Credentials)), "AccessDeniedException")
}

func TestErrorsOfIAM(t *testing.T) {
	a := newAccount(t, Config{})
	a.role("app", lambdaTrust)
	name, doc := aws.String("app"), aws.String(allowAll)
	must(a.iam.CreateServiceLinkedRole(a.ctx, &iam.CreateServiceLinkedRoleInput{AWSServiceName: aws.String("lambda.amazonaws.com")}))(t)
	must(a.iam.CreatePolicy(a.ctx, &iam.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: doc}))(t)
	policy := aws.String("arn:aws:iam::" + acct + ":policy/p")
	must(a.iam.AttachRolePolicy(a.ctx, &iam.AttachRolePolicyInput{RoleName: name, PolicyArn: policy}))(t)
	big := aws.String(`{"Version":"2012-10-17","Statement":[{"Sid":"` + strings.Repeat("x", 10300) + `","Effect":"Allow","Action":"*","Resource":"*"}]}`)
	wide := aws.String(strings.Repeat(" ", 11000) + allowAll)
	try := func(what, code string, f func() error) { t.Helper(); wantCode(t, what, f(), code) }
	try("role twice", "EntityAlreadyExists", func() error {
		_, err := a.iam.CreateRole(a.ctx, &iam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: aws.String(lambdaTrust)})
		return err
	})
	try("trust without principal", "MalformedPolicyDocument", func() error {
		_, err := a.iam.UpdateAssumeRolePolicy(a.ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: name, PolicyDocument: doc})
		return err
	})
	put := func(role, policy, doc *string) func() error {
		return func() error {
			_, err := a.iam.PutRolePolicy(a.ctx, &iam.PutRolePolicyInput{RoleName: role, PolicyName: policy, PolicyDocument: doc})
			return err
		}
	}
	try("no such role", "NoSuchEntity", put(aws.String("none"), aws.String("p"), doc))
	try("not a policy", "MalformedPolicyDocument", put(name, aws.String("p"), aws.String(`{"Statement":1}`)))
	try("too large", "LimitExceeded", put(name, aws.String("p"), big))
	try("large, but of white space", "", put(name, aws.String("p"), wide))
	try("a role of AWS", "UnmodifiableEntity", put(aws.String("AWSServiceRoleForLambda"), aws.String("p"), doc))
	try("role with policies", "DeleteConflict", func() error {
		_, err := a.iam.DeleteRole(a.ctx, &iam.DeleteRoleInput{RoleName: name})
		return err
	})
	try("policy in use", "DeleteConflict", func() error {
		_, err := a.iam.DeletePolicy(a.ctx, &iam.DeletePolicyInput{PolicyArn: policy})
		return err
	})
	try("no such policy", "NoSuchEntity", func() error {
		_, err := a.iam.GetRolePolicy(a.ctx, &iam.GetRolePolicyInput{RoleName: name, PolicyName: aws.String("none")})
		return err
	})
	for i := range 5 {
		want := ""
		if i == 4 {
			want = "LimitExceeded"
		}
		try(fmt.Sprint("version ", i+2), want, func() error {
			_, err := a.iam.CreatePolicyVersion(a.ctx, &iam.CreatePolicyVersionInput{PolicyArn: policy, PolicyDocument: doc})
			return err
		})
	}
	try("the default version", "DeleteConflict", func() error {
		_, err := a.iam.DeletePolicyVersion(a.ctx, &iam.DeletePolicyVersionInput{PolicyArn: policy, VersionId: aws.String("v1")})
		return err
	})
	got := must(a.iam.GetRole(a.ctx, &iam.GetRoleInput{RoleName: name}))(t)
	if text, err := url.QueryUnescape(*got.Role.AssumeRolePolicyDocument); err != nil || text != lambdaTrust || *got.Role.AssumeRolePolicyDocument == lambdaTrust {
		t.Errorf("trust policy came as %s", *got.Role.AssumeRolePolicyDocument)
	}
	users := must(a.iam.ListEntitiesForPolicy(a.ctx, &iam.ListEntitiesForPolicyInput{PolicyArn: policy}))(t)
	if len(users.PolicyRoles) != 1 || *users.PolicyRoles[0].RoleName != "app" {
		t.Errorf("users of the policy: %+v", users)
	}
}

// TestBoundaryLimits: a boundary grants nothing and limits everything.
func TestBoundaryLimits(t *testing.T) {
	a := newAccount(t, Config{})
	a.role("app", lambdaTrust, allowAll)
	s := a.session("app", "s")
	must(a.iam.PutRolePermissionsBoundary(a.ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: aws.String("app"), PermissionsBoundary: aws.String("arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")}))(t)
	err := callLambda(s)
	wantCode(t, "outside the boundary", err, "AccessDeniedException")
	if !strings.Contains(fmt.Sprint(err), "because no permissions boundary allows the lambda:ListFunctions action") {
		t.Errorf("in these words: %v", err)
	}
	must(a.iam.DeleteRolePermissionsBoundary(a.ctx, &iam.DeleteRolePermissionsBoundaryInput{RoleName: aws.String("app")}))(t)
	wantCode(t, "without it", callLambda(s), "")
	must(a.iam.CreatePolicy(a.ctx, &iam.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: aws.String(allowAll)}))(t)
	policy := aws.String("arn:aws:iam::" + acct + ":policy/p")
	must(a.iam.PutRolePermissionsBoundary(a.ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: aws.String("app"), PermissionsBoundary: policy}))(t)
	wantCode(t, "a wide boundary", callLambda(s), "")
	must(a.iam.CreatePolicyVersion(a.ctx, &iam.CreatePolicyVersionInput{PolicyArn: policy, SetAsDefault: true, PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`)}))(t)
	wantCode(t, "its new version", callLambda(s), "AccessDeniedException")
}

// TestReadingIAMChangesNothing: nothing that a collector asks moves the digest, and undoing
// every change brings back the objects.
func TestReadingIAMChangesNothing(t *testing.T) {
	a := newAccount(t, Config{})
	a.role("app", lambdaTrust, allowAll)
	objects, digest := a.c.Objects(), a.c.Digest()
	must(a.iam.GetRole(a.ctx, &iam.GetRoleInput{RoleName: aws.String("app")}))(t)
	must(a.iam.ListRoles(a.ctx, &iam.ListRolesInput{}))(t)
	must(a.iam.ListUsers(a.ctx, &iam.ListUsersInput{}))(t)
	must(a.iam.ListPolicies(a.ctx, &iam.ListPoliciesInput{}))(t)
	must(a.iam.ListAccessKeys(a.ctx, &iam.ListAccessKeysInput{UserName: aws.String("admin")}))(t)
	must(a.iam.ListAttachedRolePolicies(a.ctx, &iam.ListAttachedRolePoliciesInput{RoleName: aws.String("app")}))(t)
	must(a.iam.ListInstanceProfilesForRole(a.ctx, &iam.ListInstanceProfilesForRoleInput{RoleName: aws.String("app")}))(t)
	must(sts.NewFromConfig(a.cfg).GetSessionToken(a.ctx, &sts.GetSessionTokenInput{}))(t)
	wantCode(t, "used by a session", callLambda(a.session("app", "s")), "")
	if a.c.Digest() != digest {
		t.Error("reading changed the account")
	}
	if used := must(a.iam.GetRole(a.ctx, &iam.GetRoleInput{RoleName: aws.String("app")}))(t).Role.RoleLastUsed; used == nil || used.LastUsedDate == nil || !used.LastUsedDate.Equal(a.clock.at) {
		t.Errorf("last used %+v", used)
	}
	a.put("app", "quarantine", allowAll)
	if a.c.Digest() == digest {
		t.Error("a policy more, and the same digest")
	}
	must(a.iam.DeleteRolePolicy(a.ctx, &iam.DeleteRolePolicyInput{RoleName: aws.String("app"), PolicyName: aws.String("quarantine")}))(t)
	if !maps.EqualFunc(a.c.Objects(), objects, func(x, y json.RawMessage) bool { return string(x) == string(y) }) {
		t.Error("the objects are not what they were")
	}
	for key, v := range a.c.Objects() {
		if strings.Contains(string(v), "secret") || strings.Contains(key, "secret") {
			t.Errorf("%s shows a secret", key)
		}
	}
}

// TestSimulation: SimulatePrincipalPolicy answers by the same evaluator.
func TestSimulation(t *testing.T) {
	a := newAccount(t, Config{IAMDelay: time.Hour})
	a.role("app", lambdaTrust, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::data/*"},{"Effect":"Deny","Action":"s3:Delete*","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":"us-east-1"}}}]}`)
	out := must(a.iam.SimulatePrincipalPolicy(a.ctx, &iam.SimulatePrincipalPolicyInput{PolicySourceArn: aws.String("arn:aws:iam::" + acct + ":role/app"),
		ActionNames: []string{"s3:GetObject", "s3:DeleteObject", "lambda:GetFunction"}, ResourceArns: []string{"arn:aws:s3:::data/x"},
		PermissionsBoundaryPolicyInputList: []string{allowAll}}))(t)
	got := ""
	for _, r := range out.EvaluationResults {
		got += fmt.Sprint(*r.EvalActionName, " ", r.EvalDecision, " ", r.MissingContextValues, " ", r.PermissionsBoundaryDecisionDetail.AllowedByPermissionsBoundary, "; ")
	}
	if want := "s3:GetObject allowed [aws:RequestedRegion] true; s3:DeleteObject explicitDeny [aws:RequestedRegion] true; lambda:GetFunction implicitDeny [aws:RequestedRegion] true; "; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	_, err := a.iam.SimulatePrincipalPolicy(a.ctx, &iam.SimulatePrincipalPolicyInput{PolicySourceArn: aws.String("arn:aws:iam::" + acct + ":role/none"), ActionNames: []string{"s3:GetObject"}})
	wantCode(t, "nobody", err, "NoSuchEntity")
}

// TestPolicyValidation: IAM User Guide, "Grammar of the IAM JSON policy language", and the
// words that IAM answers.
func TestPolicyValidation(t *testing.T) {
	a := newAccount(t, Config{})
	a.role("app", lambdaTrust)
	for statement, want := range map[string]string{
		`"Action":"s3:*","Resource":"*"`:                                   "",
		`"Sid":"a1","NotAction":["s3:*"],"NotResource":["arn:aws:s3:::b"]`: "",
		`"Action":"s3:*"`:                                                                                     "Policy statement must contain resources.",
		`"Action":"s3:*","Resource":"b"`:                                                                      "must be in ARN format",
		`"Action":"everything","Resource":"*"`:                                                                "must be prefaced by a vendor",
		`"Sid":"a-1","Action":"s3:*","Resource":"*"`:                                                          "must be alpha-numeric",
		`"Principal":"*","Action":"s3:*","Resource":"*"`:                                                      "should not specify a principal",
		`"Action":"s3:*","Resource":"*"},{"Sid":"a","Effect":"Allow"`:                                         "Syntax errors",
		`"Action":"s3:*","Resource":"*","Condition":{"StringSame":{"aws:a":"b"}}`:                             "Syntax errors",
		`"Sid":"a","Action":"s3:*","Resource":"*"},{"Sid":"a","Effect":"Deny","Action":"s3:*","Resource":"*"`: "must be unique",
	} {
		_, err := a.iam.PutRolePolicy(a.ctx, &iam.PutRolePolicyInput{RoleName: aws.String("app"), PolicyName: aws.String("p"),
			PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + statement + `}]}`)})
		if want == "" && err != nil || want != "" && (codeOf(err) != "MalformedPolicyDocument" || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", statement, err, want)
		}
	}
}

// TestAWSManagedPolicies are listed, read and attached like others, and cannot be changed.
func TestAWSManagedPolicies(t *testing.T) {
	a := newAccount(t, Config{})
	a.role("app", lambdaTrust)
	basic := aws.String("arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
	must(a.iam.AttachRolePolicy(a.ctx, &iam.AttachRolePolicyInput{RoleName: aws.String("app"), PolicyArn: basic}))(t)
	p := must(a.iam.GetPolicy(a.ctx, &iam.GetPolicyInput{PolicyArn: basic}))(t).Policy
	if *p.Path != "/service-role/" || *p.AttachmentCount != 1 {
		t.Errorf("%s under %s, attached %d times", *p.Arn, *p.Path, *p.AttachmentCount)
	}
	for scope, want := range map[iamtypes.PolicyScopeType]int{iamtypes.PolicyScopeTypeAws: 7, iamtypes.PolicyScopeTypeLocal: 0, iamtypes.PolicyScopeTypeAll: 7} {
		if l := must(a.iam.ListPolicies(a.ctx, &iam.ListPoliciesInput{Scope: scope}))(t); len(l.Policies) != want {
			t.Errorf("%s: %d policies", scope, len(l.Policies))
		}
	}
	_, err := a.iam.CreatePolicyVersion(a.ctx, &iam.CreatePolicyVersionInput{PolicyArn: basic, PolicyDocument: aws.String(allowAll)})
	wantCode(t, "changing AWS's policy", err, "AccessDenied")
	for arn, doc := range awsManaged() {
		if err := checkPolicy(&doc); err != nil {
			t.Errorf("%s: %v", arn, err)
		}
	}
}
