package alert

import (
	"context"
	"fmt"
	"iter"
)

// Function is a function of an account, as ListFunctions tells it.
type Function struct{ ARN, Role string } // both ARNs

// List yields the functions of an account, of every region that is looked at: a role's credentials
// are often used in another region than the one in which the function is.
type List func(ctx context.Context, account string) iter.Seq2[Function, error]

// Resolve looks up the function of an alert that names a role's credentials alone. One function
// with the role is the target; of several the one whose name is the session's, which Lambda sets;
// otherwise they all are candidates. What went wrong stands in Unresolved: half a list resolves
// nothing. The role is compared by name and account, for that is what alerts tell.
func (a Alert) Resolve(ctx context.Context, list List) Alert {
	if a.Kind == Unknown || a.Target != nil || !a.RoleUsed || a.Role == "" || len(a.Candidates) > 0 {
		return a
	}
	account := a.Account
	if a.RoleAccount != "" {
		account = a.RoleAccount
	}
	if !accountForm.MatchString(account) {
		return a.unresolved("role %s is of no account that could be asked", a.Role)
	}
	var with []Target
	for f, err := range list(ctx, account) {
		if err != nil {
			return a.unresolved("the functions with role %s could not be looked up: %v", a.Role, err)
		}
		t, ok := functionARN(f.ARN)
		name, _, isRole := roleOf(f.Role)
		if !ok || !isRole || name != a.Role || t.Account != account {
			continue
		}
		if own, ok := parseARN(f.Role); !ok || own.account != account {
			continue
		}
		if with = append(with, t); len(with) > maxList {
			return a.unresolved("more than %d functions have role %s", maxList, a.Role)
		}
	}
	var named []Target
	for _, t := range with {
		if t.Name == a.Session {
			named = append(named, t)
		}
	}
	switch {
	case len(with) == 0:
		return a.unresolved("no function of account %s has role %s", account, a.Role)
	case len(with) == 1:
		return a.resolved(with[0], ByRole)
	case len(named) == 1:
		a.Candidates = with
		return a.resolved(named[0], BySession)
	}
	a.Candidates = with
	return a.unresolved("%d functions have role %s, and the session's name is not the name of one of them", len(with), a.Role)
}

func (a Alert) resolved(t Target, by Basis) Alert {
	a.Target, a.Basis = &t, by
	a.Unresolved = a.without("function")
	return a
}

func (a Alert) unresolved(format string, args ...any) Alert {
	a.Unresolved = append(a.without("function"), Gap{"function", cut(fmt.Sprintf(format, args...), maxRefusal)})
	return a
}

func (a Alert) without(what string) []Gap {
	var rest []Gap
	for _, g := range a.Unresolved {
		if g.What != what {
			rest = append(rest, g)
		}
	}
	return rest
}
