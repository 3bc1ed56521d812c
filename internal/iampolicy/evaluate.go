package iampolicy

import (
	"fmt"
	"strings"
)

// Result is a decision and the statement it rests on.
type Result struct {
	Decision Decision
	By       string // "identity policy, statement 1 (Sid)"; for an implicit deny what was missing
	Kind     Kind   // of the policy that decided
}

// Kind of policy that decided, as AWS's messages name them.
type Kind string

// Kinds.
const (
	KindIdentity Kind = "identity-based policy"
	KindResource Kind = "resource-based policy"
	KindBoundary Kind = "permissions boundary"
	KindSession  Kind = "session policy"
)

// Evaluate decides a request as IAM documents it ("Policy evaluation logic"): any
// deny wins; then, within one account, a resource policy may grant by itself (to
// a session's own ARN even past boundary and session policies), otherwise identity,
// boundary and session policies have all to allow; across accounts both sides have to.
func Evaluate(r Request, p Policies) Result {
	if r.ResourceAccount == "" {
		r.ResourceAccount = r.PrincipalAccount
	}
	for _, set := range []struct {
		kind Kind
		docs []Document
	}{{KindIdentity, p.Identity}, {KindBoundary, p.Boundary}, {KindSession, p.Session}} {
		if by, ok := find(set.docs, "Deny", r); ok {
			return Result{ExplicitDeny, string(set.kind) + ", " + by, set.kind}
		}
	}
	grant := resourceGrant(p.Resource, r, p.Boundary != nil)
	if grant.denied {
		return Result{ExplicitDeny, string(KindResource) + ", " + grant.by, KindResource}
	}
	if r.Service != "" {
		return serviceResult(grant)
	}
	if r.ResourceAccount != r.PrincipalAccount {
		return crossAccount(r, p, grant)
	}
	return sameAccount(r, p, grant)
}

func serviceResult(g grant) Result {
	if g.level > none {
		return Result{Allow, string(KindResource) + ", " + g.by, KindResource}
	}
	return Result{ImplicitDeny, "no resource-based policy allows it", KindResource}
}

func sameAccount(r Request, p Policies, g grant) Result {
	if p.ResourceDecides && g.level == none {
		return Result{ImplicitDeny, "no resource-based policy allows it", KindResource}
	}
	// A grant to the session itself, to the user itself, or to everybody needs nobody
	// else's word: implicit denies of boundary and session policies do not limit it (IAM
	// User Guide, "AWS JSON policy elements: Principal").
	if g.level == exact || g.level == anyone {
		return Result{Allow, string(KindResource) + ", " + g.by, KindResource}
	}
	identity, ok := "", r.Root && p.Identity == nil
	if !ok {
		identity, ok = find(p.Identity, "Allow", r)
	}
	kind := KindIdentity
	if !ok && g.level > none {
		// To the account alone is no grant within the account: its own policies decide.
		if g.level == role {
			identity, ok, kind = g.by, true, KindResource
		}
	}
	if !ok {
		return Result{ImplicitDeny, "no identity-based policy allows it", KindIdentity}
	}
	if res, limited := limits(r, p); limited {
		return res
	}
	return Result{Allow, string(kind) + ", " + identity, kind}
}

func crossAccount(r Request, p Policies, g grant) Result {
	if g.level == none {
		return Result{ImplicitDeny, "no resource-based policy allows it", KindResource}
	}
	if _, ok := find(p.Identity, "Allow", r); !ok && !r.Root {
		return Result{ImplicitDeny, "no identity-based policy allows it", KindIdentity}
	}
	if res, limited := limits(r, p); limited {
		return res
	}
	return Result{Allow, string(KindResource) + ", " + g.by, KindResource}
}

// limits are what boundary and session policies leave.
func limits(r Request, p Policies) (Result, bool) {
	if p.Boundary != nil {
		if _, ok := find(p.Boundary, "Allow", r); !ok {
			return Result{ImplicitDeny, "no permissions boundary allows it", KindBoundary}, true
		}
	}
	if p.Session != nil {
		if _, ok := find(p.Session, "Allow", r); !ok {
			return Result{ImplicitDeny, "no session policy allows it", KindSession}, true
		}
	}
	return Result{}, false
}

// level says how closely a resource policy names the principal.
type level int

const (
	none    level = iota
	account       // the account, or its root
	role          // the role of the session
	anyone        // "*"
	exact         // the user, the session, or the service itself
)

type grant struct {
	level  level
	by     string
	denied bool
}

// bounded: the principal has a permissions boundary. A Deny with NotPrincipal denies it
// always, whomever NotPrincipal names (IAM User Guide, "AWS JSON policy elements: NotPrincipal").
func resourceGrant(d *Document, r Request, bounded bool) grant {
	if d == nil {
		return grant{}
	}
	var best grant
	for i, s := range d.Statements {
		l := s.principal(r)
		if bounded && s.NotPrin != nil && s.Effect == "Deny" {
			l = anyone
		}
		if l == none || !s.matches(*d, r) {
			continue
		}
		by := name(i, s)
		if s.Effect == "Deny" {
			return grant{denied: true, by: by}
		}
		if l > best.level {
			best = grant{level: l, by: by}
		}
	}
	return best
}

// principal says how closely the statement's principal element names the requester.
func (s Statement) principal(r Request) level {
	if s.NotPrin != nil {
		if s.NotPrin.level(r) > none {
			return none
		}
		return anyone
	}
	if s.Principal == nil {
		return none
	}
	return s.Principal.level(r)
}

func (p Principals) level(r Request) level {
	best := none
	if p.Any {
		best = anyone
	}
	if r.Service != "" {
		for _, s := range p.Service {
			if s == r.Service {
				return exact
			}
		}
		return best
	}
	for _, a := range p.AWS {
		best = max(best, names(a, r))
	}
	return best
}

func names(principal string, r Request) level {
	switch {
	case principal == "*":
		return anyone
	case principal == r.PrincipalARN:
		return exact
	case r.RoleARN != "" && principal == r.RoleARN:
		return role
	case principal == r.PrincipalAccount:
		return account
	}
	if parts := strings.SplitN(principal, ":", 6); len(parts) == 6 && parts[5] == "root" && parts[4] == r.PrincipalAccount {
		return account
	}
	return none
}

// find is the first statement of that effect which matches.
func find(docs []Document, effect string, r Request) (string, bool) {
	for di, d := range docs {
		for i, s := range d.Statements {
			if s.Effect == effect && s.matches(d, r) {
				if len(docs) > 1 {
					return fmt.Sprintf("document %d, %s", di+1, name(i, s)), true
				}
				return name(i, s), true
			}
		}
	}
	return "", false
}

func name(i int, s Statement) string {
	if s.Sid != "" {
		return fmt.Sprintf("statement %d (%s)", i+1, s.Sid)
	}
	return fmt.Sprintf("statement %d", i+1)
}

// matches says whether action, resource and conditions fit; the principal is the caller's business.
func (s Statement) matches(d Document, r Request) bool {
	if len(s.Action) > 0 && !matchAction(s.Action, r.Action) || len(s.NotAction) > 0 && matchAction(s.NotAction, r.Action) {
		return false
	}
	// Variables are a feature of the 2012 version; before it they are plain text.
	variables := d.Version == "2012-10-17"
	fill := func(p string) (string, bool) {
		if !variables {
			return p, true
		}
		return expandResource(p, r)
	}
	if len(s.Resource) > 0 && !matchAny(s.Resource, literal(r.Resource), fill) {
		return false
	}
	if len(s.NotRes) > 0 && (unsettled(s.NotRes, r.Resource, fill) || matchAny(s.NotRes, literal(r.Resource), fill)) {
		return false
	}
	return s.holds(r, variables)
}
