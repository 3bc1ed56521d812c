package awssim

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// authOption adds to a question: the resource's own policy, further context keys.
type authOption func(*question)

type question struct {
	context  map[string][]string
	resource *iampolicy.Document
	owner    string
	decides  bool // see withDecidingResource
	granted  bool // see grantedByOther
	err      error
}

// withResourcePolicy adds the resource's policy ("" is none) and the account that owns it.
func withResourcePolicy(doc, resourceAccount string) authOption {
	return func(q *question) {
		q.owner = resourceAccount
		if doc == "" {
			return
		}
		d, err := iampolicy.Parse(doc)
		if err != nil {
			q.err = err
			return
		}
		q.resource = &d
	}
}

// withCondition adds a context key.
func withCondition(key string, values ...string) authOption {
	return func(q *question) { q.context[key] = values }
}

// withDecidingResource: the resource's own policy has to have its word even within one
// account, as the trust policy of a role and the policy of a KMS key.
func withDecidingResource() authOption {
	return func(q *question) { q.decides = true }
}

// grantedByOther: something that is no policy allows it, as a grant of a KMS key does.
// It makes up for what no policy says, never for an explicit deny.
func grantedByOther() authOption {
	return func(q *question) { q.granted = true }
}

// allow asks the IAM evaluator whether the caller may do action on resource (an ARN;
// "*" where AWS knows no resource). It returns the service's own access-denied error
// with AWS's own text. Every operation asks before it does anything.
func (c *call) allow(action, resource string, opts ...authOption) error {
	c.authorized = true
	c.used(action)
	if err := c.asked(action, resource); err != nil {
		return err
	}
	if c.faulty(func(f Fail) bool { return f.Denied }) {
		return c.denied(action, resource, iampolicy.Result{Decision: iampolicy.ImplicitDeny, Kind: iampolicy.KindIdentity})
	}
	if err := c.beyond(action); err != nil {
		return err
	}
	res, err := c.decide(action, resource, opts...)
	if err != nil {
		return err
	}
	if res.Decision == iampolicy.Allow {
		return nil
	}
	return c.denied(action, resource, res)
}

// beyond: what temporary credentials of users are refused whatever policies say
// (IAM User Guide, "Compare AWS STS credentials").
func (c *call) beyond(action string) error {
	s := c.caller.session
	if s == nil || c.caller.kind == "AssumedRole" {
		return nil
	}
	federated := c.caller.kind == "FederatedUser"
	switch {
	case c.op.service == "iam" && (federated || !s.mfa):
		return &apiError{Code: "InvalidClientTokenId", Status: 403, Message: badTokenText}
	case c.op.service == "sts" && (federated || action != "sts:AssumeRole"):
		return &apiError{Code: "AccessDenied", Status: 403, Message: "Cannot call " + strings.TrimPrefix(action, "sts:") + " with session credentials"}
	}
	return nil
}

// used notes when key and role were used last, and what for. It is no part of the account's
// state: looking at an account leaves its digest as it was.
func (c *call) used(action string) {
	at := &lastUsed{c.now.Truncate(time.Second), c.region, c.op.service}
	state := c.account(c.caller.account)
	if k := state.keys[c.caller.keyID]; k != nil {
		k.used = at
		if u := state.users[k.user]; u != nil {
			u.turnedTo(action, *at)
		}
	}
	if s := c.caller.session; s != nil && state.roles[s.roleName] != nil && state.roles[s.roleName].id == s.roleID {
		state.roles[s.roleName].used = at
		state.roles[s.roleName].turnedTo(action, *at)
	}
}

// allowed is allow without an error to show: may the caller?
func (c *call) allowed(action, resource string, opts ...authOption) bool {
	res, err := c.decide(action, resource, opts...)
	return err == nil && res.Decision == iampolicy.Allow
}

func (c *call) decide(action, resource string, opts ...authOption) (iampolicy.Result, error) {
	q := &question{context: c.context()}
	if a, ok := parseARN(resource); ok && a.account != "aws" { // AWS's own policies are everybody's to read
		q.owner = a.account // a bucket's ARN names none: its owner comes with the policy
	}
	for _, o := range opts {
		o(q)
	}
	if q.err != nil {
		return iampolicy.Result{}, fmt.Errorf("reading the policy of %s: %w", resource, q.err)
	}
	r, p := c.Cloud.asking(c.caller, c.now)
	r.Action, r.Resource, r.ResourceAccount, r.Context = action, resource, q.owner, q.context
	if q.owner != "" {
		q.context["aws:ResourceAccount"] = []string{q.owner}
	}
	p.Resource, p.ResourceDecides = q.resource, q.decides
	res := iampolicy.Evaluate(r, p)
	if q.granted && res.Decision == iampolicy.ImplicitDeny {
		return iampolicy.Result{Decision: iampolicy.Allow, By: "a grant", Kind: iampolicy.KindResource}, nil
	}
	return res, nil
}

// asking is who asks, and which policies apply to it now.
func (c *Cloud) asking(id identity, now time.Time) (iampolicy.Request, iampolicy.Policies) {
	r := iampolicy.Request{PrincipalARN: id.arn, PrincipalAccount: id.account, Service: id.invokedBy}
	var p iampolicy.Policies
	state := c.account(id.account)
	switch {
	case id.kind == "Root":
		r.Root = true
	case id.kind == "FederatedUser": // of the user that made it; see also session policies below
		r.RoleARN = id.session.roleARN
		if u := state.users[id.session.roleName]; u != nil && u.id == id.session.roleID {
			v := u.viewAt(now)
			p.Identity, p.Boundary = v.identity, v.boundary
		}
	case id.session != nil && id.session.roleName != "":
		r.RoleARN = id.session.roleARN
		// A role made again under the same name is another: old sessions have nothing of it.
		if role := state.roles[id.session.roleName]; role != nil && role.id == id.session.roleID {
			v := role.viewAt(now)
			p.Identity, p.Boundary = v.identity, v.boundary
		}
	default:
		if u := state.users[id.name]; u != nil && u.id == id.principalID {
			v := u.viewAt(now)
			p.Identity, p.Boundary = v.identity, v.boundary
		}
	}
	if p.Identity == nil && !r.Root {
		p.Identity = []iampolicy.Document{}
	}
	p.Session = id.sessionPolicies()
	return r, p
}

// sessionPolicies are nil where a session has none: then it is not limited. A federated
// user without any may do nothing by identity policies (STS: GetFederationToken).
func (id identity) sessionPolicies() []iampolicy.Document {
	if id.session == nil || id.session.policy == "" && len(id.session.managed) == 0 && id.kind != "FederatedUser" {
		return nil
	}
	out := []iampolicy.Document{}
	for _, text := range append([]string{id.session.policy}, id.session.managed...) {
		if d, err := iampolicy.Parse(text); err == nil { // checked when the session was made
			out = append(out, d)
		}
	}
	return out
}

// context are the global condition keys of a request.
func (c *call) context() map[string][]string {
	m := map[string][]string{
		"aws:CurrentTime":           {c.now.UTC().Format(time.RFC3339)},
		"aws:EpochTime":             {strconv.FormatInt(c.now.Unix(), 10)},
		"aws:SecureTransport":       {"true"}, // what stands for AWS's endpoint is taken for TLS
		"aws:RequestedRegion":       {c.region},
		"aws:PrincipalArn":          {principalARN(c.caller)},
		"aws:PrincipalAccount":      {c.caller.account},
		"aws:PrincipalType":         {principalType(c.caller)},
		"aws:userid":                {c.caller.principalID},
		"aws:ViaAWSService":         {"false"},
		"aws:PrincipalIsAWSService": {strconv.FormatBool(c.caller.invokedBy != "")},
	}
	if c.http != nil {
		m["aws:SourceIp"] = []string{c.sourceAddress()}
		m["aws:UserAgent"] = []string{c.http.UserAgent()}
	}
	if c.caller.name != "" {
		m["aws:username"] = []string{c.caller.name}
	}
	if s := c.caller.session; s != nil {
		m["aws:TokenIssueTime"] = []string{s.issued.UTC().Format(time.RFC3339)}
		m["aws:MultiFactorAuthPresent"] = []string{strconv.FormatBool(s.mfa)}
		if s.functionARN != "" {
			m["lambda:SourceFunctionArn"] = []string{s.functionARN}
		}
		if s.source != "" {
			m["aws:SourceIdentity"] = []string{s.source}
		}
	}
	for k, v := range c.Cloud.tagsOf(c.caller) {
		m["aws:PrincipalTag/"+k] = []string{v}
	}
	return m
}

func (c *Cloud) tagsOf(id identity) map[string]string {
	state := c.account(id.account)
	of := map[string]string{}
	if u := state.users[id.name]; u != nil {
		maps.Copy(of, u.tags)
	}
	if id.session != nil {
		if r := state.roles[id.session.roleName]; r != nil && id.kind == "AssumedRole" {
			maps.Copy(of, r.tags)
		}
		maps.Copy(of, id.session.tags) // the session's stand above the role's
	}
	return of
}

// principalARN is aws:PrincipalArn: of a session the role's.
func principalARN(id identity) string {
	if id.kind == "AssumedRole" && id.session != nil && id.session.roleARN != "" {
		return id.session.roleARN
	}
	return id.arn
}

func principalType(id identity) string {
	switch id.kind {
	case "IAMUser":
		return "User"
	case "Root":
		return "Account"
	}
	return id.kind
}

// denied is the service's error in AWS's words.
func (c *call) denied(action, resource string, res iampolicy.Result) error {
	kind := string(res.Kind)
	why := fmt.Sprintf("because no %s allows the %s action", kind, action)
	if res.Decision == iampolicy.ExplicitDeny {
		why = fmt.Sprintf("with an explicit deny in %s %s", article(kind), kind)
	}
	on := " on resource: " + resource
	if action == "sts:AssumeRole" && res.Decision == iampolicy.ImplicitDeny {
		// Recorded denials of AssumeRole end here: AWS does not say whose word was missing.
		return &apiError{Code: "AccessDenied", Status: 403, Message: fmt.Sprintf("User: %s is not authorized to perform: %s%s", c.caller.arn, action, on)}
	}
	if c.op.service == "ec2" {
		return ec2Denied(c.caller.arn, action, resource, why)
	}
	code := "AccessDeniedException"
	switch c.op.service {
	case "iam", "sts", "s3", "elbv2", "cloudfront":
		code = "AccessDenied"
	}
	return &apiError{Code: code, Status: 403, Message: fmt.Sprintf("User: %s is not authorized to perform: %s%s %s", c.caller.arn, action, on, why)}
}

func article(kind string) string {
	if strings.HasPrefix(kind, "identity") {
		return "an"
	}
	return "a"
}
