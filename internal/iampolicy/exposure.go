package iampolicy

import (
	"slices"
	"strings"
)

// Reach says who beyond the owner a statement of a resource policy lets in.
type Reach string

// Reaches, from nobody to everybody.
const (
	OwnerOnly            Reach = "owner"
	ServiceWithSource    Reach = "service"                // an AWS service, limited to a source of the owner
	ServiceWithoutSource Reach = "service-without-source" // an AWS service on anybody's behalf
	CrossAccount         Reach = "cross-account"
	Public               Reach = "public"
)

// Exposure is a statement's reach and the foreign accounts it names.
type Exposure struct {
	Reach    Reach
	Accounts []string // 12 digits each, or the principal as written where it names none
}

// limiting are condition keys that bind "*" to somebody.
var limiting = []string{"aws:principalorgid", "aws:principalorgpaths", "aws:principalaccount", "aws:principalarn", "aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceowner", "aws:sourcevpce", "aws:sourcevpc"}

// Expose looks at an Allow statement of a resource that belongs to owner.
func (s Statement) Expose(owner string) Exposure {
	if s.Effect != "Allow" {
		return Exposure{Reach: OwnerOnly}
	}
	bound := s.boundTo()
	if s.NotPrin != nil || s.Principal != nil && (s.Principal.Any || slices.Contains(s.Principal.AWS, "*")) {
		return anyoneExposure(bound, owner)
	}
	if s.Principal == nil {
		return Exposure{Reach: OwnerOnly}
	}
	e := Exposure{Reach: OwnerOnly}
	if len(s.Principal.Service) > 0 {
		e.Reach = ServiceWithoutSource
		if len(bound) > 0 {
			e.Reach = ServiceWithSource
			for _, v := range bound {
				if a := accountOf(v); a != "" && a != owner {
					e.Reach, e.Accounts = CrossAccount, append(e.Accounts, a)
				}
			}
		}
	}
	for _, p := range append(slices.Clone(s.Principal.AWS), append(s.Principal.Federated, s.Principal.Canonical...)...) {
		a := accountOf(p)
		if a == "" {
			a = p // a deleted principal's id, an identity provider: foreign until shown otherwise
		}
		if a != owner {
			e.Reach, e.Accounts = CrossAccount, append(e.Accounts, a)
		}
	}
	return e
}

func anyoneExposure(bound []string, owner string) Exposure {
	if len(bound) == 0 {
		return Exposure{Reach: Public}
	}
	e := Exposure{Reach: OwnerOnly}
	for _, v := range bound {
		switch a := accountOf(v); {
		case strings.Trim(v, "*") == "":
			return Exposure{Reach: Public}
		case a == owner:
		case a != "":
			e.Reach, e.Accounts = CrossAccount, append(e.Accounts, a)
		default: // an organization, a VPC endpoint: somebody, not everybody
			e.Reach, e.Accounts = CrossAccount, append(e.Accounts, v)
		}
	}
	return e
}

// boundTo are the values of conditions that bind a statement to a source or principal.
// Negated operators and ...IfExists bind nobody: the key may be absent.
func (s Statement) boundTo() []string {
	var out []string
	for _, c := range s.Condition {
		op, ok := parseOperator(c.Operator)
		if !ok || op.negated || op.ifExists || op.base == "Null" || op.set == "ForAllValues" {
			continue
		}
		if slices.Contains(limiting, strings.ToLower(c.Key)) {
			out = append(out, c.Values...)
		}
	}
	return out
}

// accountOf is the account that a value names: 12 digits, or an ARN's fifth part; "" if none.
func accountOf(v string) string {
	if parts := strings.SplitN(v, ":", 6); len(parts) == 6 {
		v = parts[4]
		if v == "" && parts[2] == "s3" {
			return "" // bucket ARNs name no account
		}
	}
	if len(v) == 12 && strings.Trim(v, "0123456789") == "" {
		return v
	}
	return ""
}

// Acts says whether a statement is about an action ("iam:PassRole"), whatever its effect: by
// Action, or by not being in NotAction.
func (s Statement) Acts(action string) bool {
	if len(s.NotAction) > 0 {
		return !matchAction(s.NotAction, action)
	}
	return matchAction(s.Action, action)
}
