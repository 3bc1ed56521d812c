package contain

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// ErrShared: an act on a whole role that others use needs to be asked for.
var errShared = errors.New("others use this role too: accept that by --accept-shared-role")

// guard refuses what must not be contained, act by act and target by target, and puts a
// narrower act in the place of one that would hit others.
func (d *draft) guard() {
	for _, s := range d.known {
		shared := d.sharing(s)
		for _, a := range catalogue() {
			if !d.touches(a, s) {
				continue
			}
			if err := guardTarget(a, s.Target, d.session.Identity.ARN, d.in.Chain, d.in.Protected); err != nil {
				d.unplanned(a.Name, string(s.Kind)+" "+s.called(), err)
				d.blocked[pairOf(a.Name, s.ARN)] = true
				d.text(s.Target)
				continue
			}
			if a.roleWide && a.onRole() && shared != nil && !d.in.AcceptSharedRole {
				d.unplanned(a.Name, "role "+roleName(s.Role), fmt.Errorf("%w (%s)", errShared, strings.Join(append(names(shared.Functions), shared.Trusted...), ", ")))
				d.blocked[pairOf(a.Name, s.ARN)], d.sharedOut[pairOf(a.Name, s.ARN)] = true, true
			}
		}
	}
}

// sharing is who else uses the role of a target, nil if nobody is known to. It goes into
// the plan once for each role that acts of the plan touch.
func (d *draft) sharing(s *Survey) *Shared {
	if s.Role == "" || !slices.ContainsFunc(catalogue(), func(a Act) bool { return a.onRole() && d.touches(a, s) }) {
		return nil
	}
	out := Shared{Role: s.Role, Trusted: trusted(s), Accepted: d.in.AcceptSharedRole}
	for _, f := range s.Sharing {
		if !slices.ContainsFunc(d.known, func(o *Survey) bool { return o.given && o.ARN == f }) {
			out.Functions = append(out.Functions, f)
		}
	}
	if s.Kind == OnRole { // a role that was named: whoever uses it is meant
		return nil
	}
	if len(out.Functions) > 0 || len(out.Trusted) > 0 {
		if !slices.ContainsFunc(d.plan.Shared, func(o Shared) bool { return o.Role == out.Role }) {
			d.plan.Shared = append(d.plan.Shared, out)
		}
	}
	// Principals that may assume it are told, and do not keep a thief's role from being
	// denied: a thief would only have to let himself in.
	if len(out.Functions) > 0 || slices.ContainsFunc(out.Trusted, func(t string) bool { return strings.HasSuffix(t, ".amazonaws.com") }) {
		return &out
	}
	return nil
}

func names(arns []string) []string {
	var all []string
	for _, a := range arns {
		all = append(all, "function "+a[strings.LastIndex(a, ":")+1:])
	}
	return all
}

// trusted are those that a role's trust policy lets in beside Lambda.
func trusted(s *Survey) []string {
	if s.Trust == "" {
		return nil
	}
	doc, err := iampolicy.Parse(s.Trust)
	if err != nil {
		return []string{"(a trust policy that cannot be read)"}
	}
	var all []string
	add := func(who string) {
		if who != "lambda.amazonaws.com" && !slices.Contains(all, who) {
			all = append(all, who)
		}
	}
	for _, st := range doc.Statements {
		switch {
		case st.Effect != "Allow":
		case st.NotPrin != nil:
			add("everybody (NotPrincipal)")
		case st.Principal != nil && st.Principal.Any:
			add("*")
		case st.Principal != nil:
			for _, k := range kinds(*st.Principal) {
				for _, n := range k.names {
					add(n)
				}
			}
		}
	}
	return all
}

// text adds what the management account has to do about a principal that this one cannot edit.
func (d *draft) text(t Target) {
	reserved := t.Kind == OnRole && strings.HasPrefix(roleName(t.ARN), "AWSReservedSSO_")
	if t.Kind == OnFunction {
		return
	}
	if !reserved || slices.ContainsFunc(d.plan.Texts, func(x Text) bool { return x.For == t.ARN }) {
		return
	}
	user, where := d.in.IdentityUser, "service control policy on this account, or inline policy of the permission set; pasted in the management account, or by the delegated administrator of Identity Center"
	if user == "" {
		user = "IDENTITY-STORE-USER-ID"
		where += "; the user's id is in CloudTrail's userIdentity.onBehalfOf.userId, or: aws identitystore get-user-id --identity-store-id d-... --alternate-identifier 'UniqueAttribute={AttributePath=userName,AttributeValue=NAME}'"
	}
	body, err := json.Marshal(statements(map[string]any{
		"Sid": "FreezeframeContain", "Effect": "Deny", "Action": "*", "Resource": "*",
		"Condition": map[string]any{"StringEquals": map[string]any{"identitystore:userId": user}},
	}))
	if err != nil {
		d.unplanned("", "text for "+t.ARN, err)
		return
	}
	d.plan.Texts = append(d.plan.Texts, Text{For: t.ARN, Where: where, Body: body})
}

// usersOf says who loses what with a role that was named itself, such as the one that a
// pipeline deploys through.
func usersOf(s *Survey) string {
	const all = "whoever and whatever uses it loses every permission"
	who := trusted(s)
	if len(who) == 0 {
		return all
	}
	return all + ": " + strings.Join(who, ", ") + " may take it, so where that is your CI, deployments fail until this is lifted"
}
