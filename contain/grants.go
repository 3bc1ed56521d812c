package contain

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// policyText is a resource policy taken apart as far as acts need: its statements.
type policyText struct {
	whole      map[string]json.RawMessage // Version, Id and what else is there
	statements []grant
}

// grant is one statement, raw, and what of it is looked at.
type grant struct {
	raw          json.RawMessage
	key          string // canonical: statements are compared by value
	Sid          string
	Effect       string
	Principal    json.RawMessage
	NotPrincipal json.RawMessage
	Condition    map[string]map[string]oneOrMany
}

// oneOrMany is a value that IAM lets stand alone or in a list.
type oneOrMany []string

// UnmarshalJSON takes a string, a boolean or number (as text), or a list of these.
func (o *oneOrMany) UnmarshalJSON(b []byte) error {
	var many []any
	if json.Unmarshal(b, &many) != nil {
		var one any
		if err := json.Unmarshal(b, &one); err != nil {
			return err
		}
		many = []any{one}
	}
	for _, v := range many {
		*o = append(*o, fmt.Sprint(v))
	}
	return nil
}

func parsePolicy(text string) (*policyText, error) {
	p := &policyText{}
	if text == "" {
		return p, nil
	}
	if err := json.Unmarshal([]byte(text), &p.whole); err != nil {
		return nil, fmt.Errorf("reading a resource policy: %w", err)
	}
	var raws []json.RawMessage
	if err := json.Unmarshal(p.whole["Statement"], &raws); err != nil {
		raws = []json.RawMessage{p.whole["Statement"]}
	}
	for _, raw := range raws {
		g, err := parseGrant(raw)
		if err != nil {
			return nil, err
		}
		p.statements = append(p.statements, g)
	}
	return p, nil
}

func parseGrant(raw json.RawMessage) (grant, error) {
	var g struct {
		Sid, Effect             string
		Principal, NotPrincipal json.RawMessage
		Condition               map[string]map[string]oneOrMany
	}
	if err := json.Unmarshal(raw, &g); err != nil {
		return grant{}, fmt.Errorf("reading a statement of a resource policy: %w", err)
	}
	key, err := canonical(raw)
	return grant{raw, string(key), g.Sid, g.Effect, g.Principal, g.NotPrincipal, g.Condition}, err
}

// minus are the statements of p that o lacks.
func (p *policyText) minus(o *policyText) []grant {
	left := map[string]int{}
	for _, s := range o.statements {
		left[s.key]++
	}
	var all []grant
	for _, s := range p.statements {
		if left[s.key]--; left[s.key] < 0 {
			all = append(all, s)
		}
	}
	return all
}

// allBySid says whether each of these statements can be named by a Sid that no other has.
func (p *policyText) allBySid(some []grant) bool {
	count := map[string]int{}
	for _, s := range p.statements {
		count[s.Sid]++
	}
	for _, s := range some {
		if s.Sid == "" || count[s.Sid] != 1 {
			return false
		}
	}
	return true
}

// with is the document with other statements.
func (p *policyText) with(statements []grant) (string, error) {
	raws := make([]json.RawMessage, 0, len(statements))
	for _, s := range statements {
		raws = append(raws, s.raw)
	}
	list, err := canonical(raws)
	if err != nil {
		return "", err
	}
	whole := map[string]json.RawMessage{}
	for k, v := range p.whole {
		whole[k] = v
	}
	whole["Statement"] = list
	b, err := canonical(whole)
	return string(b), err
}

// principal is one entry of Principal: Kind is "AWS", "Service", "Federated", "CanonicalUser" or "*".
type principal struct{ Kind, Name string }

// who lists the principals; false if it cannot be read, or is a NotPrincipal, which
// allows everybody but the named.
func (g grant) who() ([]principal, bool) {
	var star string
	if json.Unmarshal(g.Principal, &star) == nil && star != "" {
		return []principal{{"AWS", star}}, true
	}
	var by map[string]oneOrMany
	if json.Unmarshal(g.Principal, &by) != nil || len(by) == 0 {
		return nil, false
	}
	var all []principal
	for _, kind := range sortedKeys(by) {
		for _, n := range by[kind] {
			all = append(all, principal{kind, n})
		}
	}
	return all, true
}

func (g grant) principals() string {
	all, ok := g.who()
	if !ok {
		return "everybody (NotPrincipal)"
	}
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

// stripped is the statement without hostile principals, nil if none is left.
func (g grant) stripped(params Params) (left *grant, exposed bool) {
	if g.Effect != "Allow" {
		return &g, false
	}
	all, ok := g.who()
	if !ok {
		return nil, true
	}
	kept := map[string][]string{}
	for _, p := range all {
		if g.hostile(p, params) {
			exposed = true
			continue
		}
		kept[p.Kind] = append(kept[p.Kind], p.Name)
	}
	if !exposed {
		return &g, false
	}
	if len(kept) == 0 {
		return nil, true
	}
	return g.withPrincipals(kept), true
}

func (g grant) withPrincipals(kept map[string][]string) *grant {
	var whole map[string]json.RawMessage
	b, err := canonical(kept)
	if err != nil || json.Unmarshal(g.raw, &whole) != nil {
		return nil
	}
	whole["Principal"] = b
	raw, err := canonical(whole)
	if err != nil {
		return nil
	}
	out, err := parseGrant(raw)
	if err != nil {
		return nil
	}
	return &out
}

// hostile says whether a grant to p reaches beyond the account. params: account, and
// perhaps organization and service_grants.
func (g grant) hostile(p principal, params Params) bool {
	own := params["account"]
	switch p.Kind {
	case "Service":
		accounts, sourced := g.sources()
		if !sourced {
			return params["service_grants"] == "remove"
		}
		return slices.ContainsFunc(accounts, func(a string) bool { return a != own })
	case "AWS":
		if strings.Contains(p.Name, "*") {
			return !g.limited(own, params["organization"])
		}
		if account := first(accountOf(p.Name), p.Name); len(account) == 12 && strings.Trim(account, "0123456789") == "" {
			return account != own
		}
		return false // AIDA..., AROA...: the id that is left of a deleted principal, of no use to anyone
	case "Federated":
		return accountOf(p.Name) != own
	}
	return true
}

// unsourced says whether the statement lets a service call on behalf of anybody.
func (g grant) unsourced() bool {
	all, ok := g.who()
	_, sourced := g.sources()
	return g.Effect == "Allow" && ok && !sourced && slices.ContainsFunc(all, func(p principal) bool { return p.Kind == "Service" })
}

// limits are the values that a positive condition demands for one of the keys. The
// ...IfExists and ForAllValues forms let a request without the key pass: no limit.
func (g grant) limits(keys ...string) []string {
	var all []string
	for op, conds := range g.Condition {
		op = strings.ToLower(strings.TrimPrefix(op, "ForAnyValue:"))
		if !slices.Contains([]string{"stringequals", "stringlike", "stringequalsignorecase", "arnequals", "arnlike"}, op) {
			continue
		}
		for key, values := range conds {
			if slices.ContainsFunc(keys, func(k string) bool { return strings.EqualFold(k, key) }) {
				all = append(all, values...)
			}
		}
	}
	return all
}

// sources are the accounts that a service may act for, and whether there is a limit at
// all. S3's ARNs name no account: such a bucket counts as named, of an unknown account.
func (g grant) sources() (accounts []string, sourced bool) {
	for _, v := range g.limits("aws:SourceAccount") {
		if !strings.Contains(v, "*") {
			accounts, sourced = append(accounts, v), true
		}
	}
	for _, v := range g.limits("aws:SourceArn") {
		account := accountOf(v)
		if strings.Trim(v, "*") == "" || strings.Contains(account, "*") {
			continue
		}
		if sourced = true; account != "" {
			accounts = append(accounts, account)
		}
	}
	return accounts, sourced
}

// limited says whether a grant to everybody is limited to one's own account or
// organization. An organization nobody vouched for is not one's own.
func (g grant) limited(account, organization string) bool {
	within := func(values []string, own string) bool {
		return own != "" && len(values) > 0 && !slices.ContainsFunc(values, func(v string) bool { return v != own })
	}
	if within(g.limits("aws:PrincipalAccount"), account) || within(g.limits("aws:PrincipalOrgID"), organization) {
		return true
	}
	accounts, sourced := g.sources()
	return sourced && within(accounts, account)
}
