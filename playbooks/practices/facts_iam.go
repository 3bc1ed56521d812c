package practices

import (
	"encoding/json"
	"slices"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// Role is an execution role as the evidence has it.
type Role struct {
	ARN  string
	Name string
	Doc[GetRole]
	Of []string // versions that run with it
}

// GetRole is the document iam.role.
type GetRole struct {
	Role struct {
		RoleName, Arn, Path, CreateDate string
		AssumeRolePolicyDocument        json.RawMessage
		PermissionsBoundary             *struct{ PermissionsBoundaryArn string }
	}
}

// RolePolicy is a policy of a role, or its boundary.
type RolePolicy struct {
	Role     string // ARN
	Name     string
	ARN      string // of an attached one; "" is inline
	Document iampolicy.Document
	At       Origin
}

// readsRoles is what reading roles and their policies takes.
func readsRoles(more ...string) []string {
	return readsDeployments(append([]string{"iam.role", "iam.role.inline", "iam.role.inline.document", "iam.role.attached", "iam.policy", "iam.policy.document"}, more...)...)
}

// roles are the execution roles of all versions: a published version keeps the role that it was
// published with. Collections read the role of $LATEST; another one is a gap.
func (f *Facts) roles() (known []Role, gaps []Finding) {
	deployments, gaps := f.deployments()
	for _, d := range deployments {
		arn := d.Config.Role
		i := slices.IndexFunc(known, func(r Role) bool { return r.ARN == arn })
		if i < 0 {
			i = len(known)
			known = append(known, Role{ARN: arn, Name: nameOf(arn)})
		}
		known[i].Of = append(known[i].Of, d.Qualifier)
	}
	return known, gaps
}

// eachRole judges every execution role by itself.
func (f *Facts) eachRole(judge func(r Role) []Finding) []Finding {
	known, out := f.roles()
	for _, r := range known {
		if slices.Contains(f.check.Reads, "iam.role") {
			r.Doc = doc[GetRole](f, "iam.role", r.ARN, "")
		}
		out = append(out, judge(r)...)
	}
	return out
}

// rolePolicies are a role's inline and attached policies. Those that could not be had are gaps.
func (f *Facts) rolePolicies(role string) (known []RolePolicy, gaps []Finding) {
	inline := doc[struct{ PolicyNames []string }](f, "iam.role.inline", role, "")
	if inline.Gap != nil {
		gaps = append(gaps, unknown(role, inline.Gap))
	}
	for _, name := range inline.V.PolicyNames {
		d := doc[struct{ PolicyDocument json.RawMessage }](f, "iam.role.inline.document", role, name)
		p, gap := parsed(d.Origin, d.Has, d.Gap, d.V.PolicyDocument)
		if gap != nil {
			gaps = append(gaps, unknown(role, gap))
			continue
		}
		known = append(known, RolePolicy{Role: role, Name: name, Document: p, At: d.Origin})
	}
	attached := doc[struct {
		AttachedPolicies []struct{ PolicyName, PolicyArn string }
	}](f, "iam.role.attached", role, "")
	if attached.Gap != nil {
		gaps = append(gaps, unknown(role, attached.Gap))
	}
	for _, a := range attached.V.AttachedPolicies {
		p, gap := f.managed(a.PolicyArn)
		if gap != nil {
			gaps = append(gaps, unknown(role, gap))
			continue
		}
		p.Role, p.Name = role, a.PolicyName
		known = append(known, p)
	}
	return known, gaps
}

// managed reads the document in force of a managed policy.
func (f *Facts) managed(arn string) (RolePolicy, *Gap) {
	about := doc[struct {
		Policy struct{ DefaultVersionId string } //nolint:revive // the API's name
	}](f, "iam.policy", arn, "")
	if !about.Has {
		return RolePolicy{}, orNone(about.Gap, about.Origin)
	}
	d := doc[struct {
		PolicyVersion struct{ Document json.RawMessage }
	}](f, "iam.policy.document", arn, about.V.Policy.DefaultVersionId)
	if !d.Has {
		if older := doc[struct{}](f, "iam.policy.document", arn, "default"); older.Gap != nil && d.Gap != nil && d.Gap.Call == "" {
			d.Gap = older.Gap
		}
	}
	p, gap := parsed(d.Origin, d.Has, d.Gap, d.V.PolicyVersion.Document)
	return RolePolicy{ARN: arn, Name: nameOf(arn), Document: p, At: d.Origin}, gap
}

func parsed(o Origin, has bool, gap *Gap, raw json.RawMessage) (iampolicy.Document, *Gap) {
	if !has || gap != nil {
		return iampolicy.Document{}, orNone(gap, o)
	}
	p, err := iampolicy.Parse(policyText(raw))
	if err != nil {
		return p, malformed(o)
	}
	return p, nil
}

// policyText is a policy that a document has as JSON, or as JSON text.
func policyText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// eachRoleStatement judges the statements of all policies of all roles: those that bad picks
// fail, and a role of which none does passes, if all of its policies are known.
func (f *Facts) eachRoleStatement(bad func(r Role, p RolePolicy, s iampolicy.Statement) *Finding, good string) []Finding {
	return f.eachRole(func(r Role) []Finding {
		policies, out := f.rolePolicies(r.ARN)
		gaps, failed, at := len(out), false, []Origin{}
		for _, p := range policies {
			at = append(at, p.At)
			for _, s := range p.Document.Statements {
				if x := bad(r, p, s); x != nil {
					failed = true
					out = append(out, *x)
				}
			}
		}
		if !failed && gaps == 0 {
			out = append(out, pass(r.ARN, Origin{}, good).also(at...))
		}
		return out
	})
}

// fixPolicy is how a policy of a role is replaced by a narrower one.
func fixPolicy(p RolePolicy) (cli, terraform string) {
	s := run().note("what is left out is refused from then on: look first at what the function used (aws iam generate-service-last-accessed-details)").
		ask("POLICY", "a file with the policy as it is to be. The evidence that the finding cites has it as it is")
	switch {
	case part(p.ARN, 4) == "aws": // nobody but AWS makes versions of it
		return s.then(shell(`aws iam put-role-policy --role-name %s --policy-name narrower --policy-document "file://$POLICY"`, nameOf(p.Role)),
				shell("aws iam detach-role-policy --role-name %s --policy-arn %s", nameOf(p.Role), p.ARN)).String(),
			hcl("resource \"aws_iam_role_policy\" \"narrower\" {\n  role   = %s\n  name   = \"narrower\"\n  policy = file(\"narrower.json\")\n}", nameOf(p.Role))
	case p.ARN != "":
		return s.note("everybody that the policy is attached to is bound by it; AWS keeps five versions, and the oldest may have to go first").
				then(shell(`aws iam create-policy-version --policy-arn %s --set-as-default --policy-document "file://$POLICY"`, p.ARN)).String(),
			hcl("resource \"aws_iam_policy\" \"narrower\" {\n  name   = %s\n  policy = file(\"narrower.json\")\n}", p.Name)
	}
	return s.then(shell(`aws iam put-role-policy --role-name %s --policy-name %s --policy-document "file://$POLICY"`, nameOf(p.Role), p.Name)).String(),
		hcl("resource \"aws_iam_role_policy\" \"narrower\" {\n  role   = %s\n  name   = %s\n  policy = file(\"narrower.json\")\n}", nameOf(p.Role), p.Name)
}

// allows says whether a role's policies, within its boundary, allow an action on a resource.
// A boundary that is not known is taken for none.
func allows(role, account string, identity []RolePolicy, boundary *RolePolicy, action, resource, passedTo string) bool {
	p := iampolicy.Policies{}
	for _, d := range identity {
		p.Identity = append(p.Identity, d.Document)
	}
	if boundary != nil {
		p.Boundary = []iampolicy.Document{boundary.Document}
	}
	r := iampolicy.Request{PrincipalARN: "arn:aws:sts::" + account + ":assumed-role/" + nameOf(role) + "/assessed", RoleARN: role, PrincipalAccount: account, Action: action, Resource: resource}
	if passedTo != "" {
		r.Context = map[string][]string{"iam:PassedToService": {passedTo}}
	}
	return iampolicy.Evaluate(r, p).Decision == iampolicy.Allow
}
