package awssim

import (
	"slices"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// iamState is one account's IAM: global, so its region is "".
type iamState struct {
	users    map[string]*iamUser
	roles    map[string]*iamRole
	policies map[string]*iamPolicy // customer managed, by ARN
	keys     map[string]*iamKey    // by access key id
	deleted  map[string]*iamKey    // keys that are gone, for as long as they still sign
	openID   map[string]*openIDProvider
	profiles map[string]*instanceProfile
	sessions map[string]*iamSession
	reports  map[string]*accessReport // by job
}

func newIAMState() *iamState {
	return &iamState{
		users: map[string]*iamUser{}, roles: map[string]*iamRole{}, policies: map[string]*iamPolicy{},
		keys: map[string]*iamKey{}, deleted: map[string]*iamKey{}, sessions: map[string]*iamSession{},
		openID: map[string]*openIDProvider{}, profiles: map[string]*instanceProfile{},
	}
}

// principal is what users and roles have in common.
type principal struct {
	name, path, id, arn string
	created             time.Time
	inline              map[string]string // policy name -> document as written
	attached            []string          // policy ARNs, in the order of attaching
	boundary            string            // policy ARN
	tags                map[string]string
	views               []policyView
	accessed            map[string]*accessed // by service: see iam_accessed.go
}

// policyView is what decides requests from a moment on: IAM shows a change at once
// and obeys it after Config.IAMDelay.
type policyView struct {
	from     time.Time
	identity []iampolicy.Document
	boundary []iampolicy.Document
	trust    *iampolicy.Document
}

// viewAt is the newest view that is in effect.
func (p *principal) viewAt(now time.Time) policyView {
	for _, v := range slices.Backward(p.views) {
		if !v.from.After(now) {
			return v
		}
	}
	return policyView{}
}

type iamUser struct {
	principal
	login *iamLogin
}

type iamLogin struct {
	created time.Time
	reset   bool
}

type iamRole struct {
	principal
	trust       string
	description string
	maxSession  int32 // seconds
	used        *lastUsed
}

// lastUsed is what IAM tells of the last use of a role or key.
type lastUsed struct {
	at              time.Time
	region, service string
}

type iamKey struct {
	id, secret, user string
	active           bool
	created          time.Time
	used             *lastUsed

	// What the key was before its last change, which decides until since.
	was   bool
	since time.Time
}

// change sets the status that the API shows at once and requests feel from then on.
func (k *iamKey) change(active bool, now time.Time, delay time.Duration) {
	k.was, k.since, k.active = k.signs(now), now.Add(delay), active
}

// signs says whether requests with the key are taken.
func (k *iamKey) signs(now time.Time) bool {
	if now.Before(k.since) {
		return k.was
	}
	return k.active
}

type iamSession struct {
	id            identity
	secret, token string
}

type iamPolicy struct {
	name, path, id, arn, description string
	created, updated                 time.Time
	versions                         []*iamPolicyVersion // oldest first
	tags                             map[string]string
	next                             int
}

type iamPolicyVersion struct {
	id, document string
	isDefault    bool
	created      time.Time
}

func (p *iamPolicy) defaultVersion() *iamPolicyVersion {
	for _, v := range p.versions {
		if v.isDefault {
			return v
		}
	}
	return nil
}

// account is an account's IAM.
func (c *Cloud) account(id string) *iamState { return c.iam.at(id, "", newIAMState) }

// document finds the default version of a managed policy, AWS's own included.
func (s *iamState) document(arn string) (string, bool) {
	if p := s.policies[arn]; p != nil {
		return p.defaultVersion().document, true
	}
	doc, ok := awsManaged()[arn]
	return doc, ok
}

// refresh makes a new view of a principal's policies, in effect from then on.
func (s *iamState) refresh(p *principal, trust string, from time.Time) {
	v := policyView{from: from}
	add := func(into *[]iampolicy.Document, text string) {
		if d, err := iampolicy.Parse(text); err == nil { // checked when written
			*into = append(*into, d)
		}
	}
	for _, name := range sortedNames(p.inline) {
		add(&v.identity, p.inline[name])
	}
	for _, arn := range p.attached {
		if doc, ok := s.document(arn); ok {
			add(&v.identity, doc)
		}
	}
	if doc, ok := s.document(p.boundary); ok {
		v.boundary = []iampolicy.Document{}
		add(&v.boundary, doc)
	}
	if d, err := iampolicy.Parse(trust); trust != "" && err == nil {
		v.trust = &d
	}
	p.views = append(p.views, v)
}

// refreshPolicy renews the views of everybody a managed policy applies to.
func (s *iamState) refreshPolicy(arn string, from time.Time) {
	for _, u := range s.users {
		if slices.Contains(u.attached, arn) || u.boundary == arn {
			s.refresh(&u.principal, "", from)
		}
	}
	for _, r := range s.roles {
		if slices.Contains(r.attached, arn) || r.boundary == arn {
			s.refresh(&r.principal, r.trust, from)
		}
	}
}

func sortedNames[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func (s *iamState) objects(account, _ string, put putObject) {
	at := "iam/" + account + "/"
	for name, u := range s.users {
		put(at+"user/"+name, u.logical(map[string]any{"login": u.login != nil}), u.created)
	}
	for name, r := range s.roles {
		put(at+"role/"+name, r.logical(map[string]any{"trust": r.trust, "description": r.description, "max": r.maxSession}), r.created)
	}
	for arn, p := range s.policies {
		versions := map[string]any{}
		for _, v := range p.versions {
			versions[v.id] = map[string]any{"document": v.document, "default": v.isDefault}
		}
		put(at+"policy/"+arn, map[string]any{"versions": versions, "tags": p.tags}, p.updated)
	}
	for arn, p := range s.openID {
		put(at+"openid/"+arn, p.logical(), p.created)
	}
	for name, p := range s.profiles {
		put(at+"profile/"+name, map[string]any{"arn": p.arn, "id": p.id, "role": p.role}, p.created)
	}
	for id, k := range s.keys {
		put(at+"key/"+id, map[string]any{"user": k.user, "active": k.active}, k.created)
	}
}

func (p *principal) logical(more map[string]any) map[string]any {
	attached := slices.Sorted(slices.Values(p.attached))
	out := map[string]any{"arn": p.arn, "id": p.id, "inline": p.inline, "attached": attached, "boundary": p.boundary, "tags": p.tags}
	for k, v := range more {
		out[k] = v
	}
	return out
}
