package contain

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/finding"
	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// parsePolicy reads a resource policy; "" is one without statements.
func parsePolicy(text string) (iampolicy.Document, error) {
	if text == "" {
		return iampolicy.Document{}, nil
	}
	d, err := iampolicy.Parse(text)
	if err != nil {
		return d, fmt.Errorf("reading a resource policy: %w", err)
	}
	return d, nil
}

// sameAs is a statement's value: order of members and spaces do not matter.
func sameAs(s iampolicy.Statement) string {
	b, err := canonical(s.Raw)
	if err != nil {
		return string(s.Raw)
	}
	return string(b)
}

// minus are the statements of d that o lacks.
func minus(d, o iampolicy.Document) []iampolicy.Statement {
	left := map[string]int{}
	for _, s := range o.Statements {
		left[sameAs(s)]++
	}
	var all []iampolicy.Statement
	for _, s := range d.Statements {
		if left[sameAs(s)]--; left[sameAs(s)] < 0 {
			all = append(all, s)
		}
	}
	return all
}

// allBySid says whether each of these statements has a Sid that no other has.
func allBySid(d iampolicy.Document, some []iampolicy.Statement) bool {
	count := map[string]int{}
	for _, s := range d.Statements {
		count[s.Sid]++
	}
	return !slices.ContainsFunc(some, func(s iampolicy.Statement) bool { return s.Sid == "" || count[s.Sid] != 1 })
}

// removeGrants takes out the hostile statements, and of a statement that names both
// one's own and others the others alone.
func removeGrants(p Place, before resourcePolicy, params Params) (resourcePolicy, error) {
	d, err := parsePolicy(before.Policy)
	if err != nil {
		return resourcePolicy{}, err
	}
	var kept []iampolicy.Statement
	changed := false
	for _, s := range d.Statements {
		if s.Sid != "" && slices.Contains(strings.Split(params["found"], "\n"), foundGrant(p.Key, s.Sid)) {
			changed = true
			continue
		}
		left, exposed, err := stripped(s, params)
		if err != nil {
			return resourcePolicy{}, err
		}
		changed = changed || exposed
		if left != nil {
			kept = append(kept, *left)
		}
	}
	switch {
	case !changed:
		return before, nil
	case len(kept) == 0:
		return resourcePolicy{}, nil
	}
	d.Statements = kept
	return resourcePolicy{d.String()}, nil
}

// foundGrant names a statement that a finding names, whomever it lets in.
func foundGrant(qualifier, sid string) string { return qualifier + "/" + sid }

// foundGrants are those of the findings, of names such as "function/ARN/statement/SID/QUALIFIER".
func foundGrants(all []finding.Finding) string {
	var out []string
	for _, f := range all {
		if parts := strings.Split(f.Name, "/"); f.Kind == "function-permission" && len(parts) == 5 {
			out = append(out, foundGrant(parts[4], parts[3]))
		}
	}
	return strings.Join(out, "\n")
}

// stripped is the statement without hostile principals, nil if none is left.
func stripped(s iampolicy.Statement, params Params) (left *iampolicy.Statement, exposed bool, err error) {
	if !hostile(s, params) {
		return &s, false, nil
	}
	kept := map[string][]string{}
	if s.Principal != nil && !s.Principal.Any {
		for _, kind := range kinds(*s.Principal) {
			for _, name := range kind.names {
				one := s
				one.Principal = kind.alone(name)
				if !hostile(one, params) {
					kept[kind.name] = append(kept[kind.name], name)
				}
			}
		}
	}
	if len(kept) == 0 {
		return nil, true, nil
	}
	left, err = withPrincipals(s, kept)
	return left, true, err
}

// principals of one kind.
type kind struct {
	name  string
	names []string
	alone func(name string) *iampolicy.Principals
}

func kinds(p iampolicy.Principals) []kind {
	return []kind{
		{"AWS", p.AWS, func(n string) *iampolicy.Principals { return &iampolicy.Principals{AWS: []string{n}} }},
		{"Service", p.Service, func(n string) *iampolicy.Principals { return &iampolicy.Principals{Service: []string{n}} }},
		{"Federated", p.Federated, func(n string) *iampolicy.Principals { return &iampolicy.Principals{Federated: []string{n}} }},
		{"CanonicalUser", p.Canonical, func(n string) *iampolicy.Principals { return &iampolicy.Principals{Canonical: []string{n}} }},
	}
}

func withPrincipals(s iampolicy.Statement, kept map[string][]string) (*iampolicy.Statement, error) {
	var whole map[string]json.RawMessage
	if err := json.Unmarshal(s.Raw, &whole); err != nil {
		return nil, fmt.Errorf("reading a statement: %w", err)
	}
	var err error
	if whole["Principal"], err = canonical(kept); err != nil {
		return nil, err
	}
	raw, err := canonical(whole)
	if err != nil {
		return nil, err
	}
	d, err := iampolicy.Document{Version: "2012-10-17"}.With(raw)
	if err != nil {
		return nil, fmt.Errorf("taking principals out of a statement: %w", err)
	}
	return &d.Statements[len(d.Statements)-1], nil
}

// deleted is the id that stays in a policy when its principal is deleted: of no use to
// anyone, and AWS would not take it back on undo.
var deleted = regexp.MustCompile(`^A[A-Z]{3}[A-Z0-9]{12,}$`)

// hostile says whether a statement reaches beyond the account. params: account, and
// perhaps organization (one's own) and service_grants.
func hostile(s iampolicy.Statement, params Params) bool {
	e := s.Expose(params["account"])
	switch e.Reach {
	case iampolicy.Public:
		return true
	case iampolicy.ServiceWithoutSource:
		return params["service_grants"] == "remove"
	case iampolicy.CrossAccount:
		return slices.ContainsFunc(e.Accounts, func(a string) bool {
			return (a != params["organization"] || a == "") && !deleted.MatchString(a)
		})
	}
	return anySource(s) && params["service_grants"] == "remove"
}

// anySource says whether a service may call on anybody's behalf.
func anySource(s iampolicy.Statement) bool {
	if s.Effect != "Allow" || s.Principal == nil || len(s.Principal.Service) == 0 {
		return false
	}
	e := s.Expose("")
	if e.Reach == iampolicy.ServiceWithoutSource {
		return true
	}
	for _, c := range s.Condition { // a source that is only a star is none
		if slices.ContainsFunc(c.Values, func(v string) bool { return strings.Trim(v, "*") == "" }) {
			return true
		}
	}
	return false
}

// principals names whom a statement lets in.
func principals(s iampolicy.Statement) string {
	switch {
	case s.NotPrin != nil:
		return "everybody (NotPrincipal)"
	case s.Principal == nil:
		return "nobody"
	case s.Principal.Any:
		return "*"
	}
	var names []string
	for _, k := range kinds(*s.Principal) {
		names = append(names, k.names...)
	}
	return strings.Join(names, ", ")
}
