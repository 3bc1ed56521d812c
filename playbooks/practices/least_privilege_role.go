package practices

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

func everything(resources []string) bool { return slices.Contains(resources, "*") }

// roleStatement is a fail of a statement of a role's policy.
func roleStatement(r Role, p RolePolicy, s iampolicy.Statement, what string, values ...string) *Finding {
	x := fail(r.ARN, p.At, "policy %s: "+what, append([]string{p.Name}, values...)...).fix(fixPolicy(p))
	if s.Sid != "" {
		x.Seen = append(x.Seen, say(" (statement %s)", s.Sid)...)
	}
	return &x
}

func isAdmin(s iampolicy.Statement) bool {
	return s.Effect == "Allow" && everything(s.Resource) && slices.ContainsFunc(s.Action, func(a string) bool { return a == "*" || a == "*:*" })
}

func adminRole(f *Facts) []Finding {
	return f.eachRoleStatement(func(r Role, p RolePolicy, s iampolicy.Statement) *Finding {
		if !isAdmin(s) {
			return nil
		}
		return roleStatement(r, p, s, "every action on every resource")
	}, "none of its policies allows everything")
}

func serviceWildcard(f *Facts) []Finding {
	return f.eachRoleStatement(func(r Role, p RolePolicy, s iampolicy.Statement) *Finding {
		if s.Effect != "Allow" || isAdmin(s) {
			return nil
		}
		var all []string
		for _, a := range s.Action {
			if service, verb, ok := strings.Cut(a, ":"); ok && strings.Trim(verb, "*") == "" && service != "*" {
				all = append(all, a)
			}
		}
		if len(all) == 0 {
			return nil
		}
		return roleStatement(r, p, s, "all actions of a service: %s", join(all))
	}, "its policies name the actions that they allow")
}

func notAction(f *Facts) []Finding {
	return f.eachRoleStatement(func(r Role, p RolePolicy, s iampolicy.Statement) *Finding {
		if s.Effect != "Allow" || len(s.NotAction) == 0 {
			return nil
		}
		return roleStatement(r, p, s, "everything but %s", join(s.NotAction))
	}, "none of its policies allows all but a list")
}

// named says whether a resource is one role by name; a path or name of wildcards alone is not.
func namedRole(resource string) bool {
	return strings.Trim(nameOf(resource), "*?") != "" && resource != "*"
}

// limits says whether a condition binds a key to values that are not wildcards.
func limits(s iampolicy.Statement, key string) bool {
	return slices.ContainsFunc(s.Condition, func(c iampolicy.Condition) bool {
		return strings.EqualFold(c.Key, key) && !strings.Contains(c.Operator, "Not") && !strings.HasSuffix(c.Operator, "IfExists") &&
			!strings.HasPrefix(c.Operator, "ForAllValues") && !slices.ContainsFunc(c.Values, func(v string) bool { return strings.Trim(v, "*") == "" })
	})
}

// broad are the resources of an Allow of an action that name no one role, where the action is
// named: what also allows all of IAM or everything is another check's.
func broad(s iampolicy.Statement, action string) []string {
	service, _, _ := strings.Cut(action, ":")
	byName := slices.ContainsFunc(s.Action, func(a string) bool { return a != "*" && a != "*:*" && !strings.EqualFold(a, service+":*") })
	if s.Effect != "Allow" || !byName || !s.Acts(action) {
		return nil
	}
	if len(s.NotRes) > 0 {
		return []string{"all but " + join(s.NotRes)}
	}
	return slices.DeleteFunc(slices.Clone(s.Resource), namedRole)
}

func passRoleAny(f *Facts) []Finding {
	return f.eachRoleStatement(func(r Role, p RolePolicy, s iampolicy.Statement) *Finding {
		wide := broad(s, "iam:PassRole")
		if len(wide) == 0 || limits(s, "iam:PassedToService") {
			return nil
		}
		return roleStatement(r, p, s, "iam:PassRole on %s, to any service", join(wide))
	}, "no iam:PassRole on any role, to any service")
}

func assumeAnyRole(f *Facts) []Finding {
	return f.eachRoleStatement(func(r Role, p RolePolicy, s iampolicy.Statement) *Finding {
		wide := broad(s, "sts:AssumeRole")
		if len(wide) == 0 {
			return nil
		}
		return roleStatement(r, p, s, "sts:AssumeRole on %s", join(wide))
	}, "no sts:AssumeRole on any role")
}

// path is a way from some permissions to more. All its actions have to be allowed.
type path struct {
	actions []string
	service string // that a role is passed to
}

// paths are known ways to more: AWS's documentation of what each call does, and the lists of
// Rhino Security Labs and of Prowler's privilege escalation checks.
func paths() []path {
	one := func(actions ...string) (out []path) {
		for _, a := range actions {
			out = append(out, path{actions: []string{a}})
		}
		return out
	}
	to := func(service string, actions ...string) path {
		return path{append([]string{"iam:PassRole"}, actions...), service + ".amazonaws.com"}
	}
	return append(one("iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion", "iam:AttachRolePolicy", "iam:AttachUserPolicy", "iam:AttachGroupPolicy", "iam:PutRolePolicy", "iam:PutUserPolicy",
		"iam:PutGroupPolicy", "iam:AddUserToGroup", "iam:UpdateAssumeRolePolicy", "iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:UpdateLoginProfile", "iam:DeleteRolePermissionsBoundary",
		"iam:PutRolePermissionsBoundary", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "lambda:UpdateFunctionCode", "ssm:SendCommand"),
		to("lambda", "lambda:CreateFunction", "lambda:InvokeFunction"), to("lambda", "lambda:CreateFunction", "lambda:CreateEventSourceMapping"), to("lambda", "lambda:CreateFunction", "lambda:AddPermission"),
		to("ec2", "ec2:RunInstances"), to("cloudformation", "cloudformation:CreateStack"), to("glue", "glue:CreateDevEndpoint"), to("ecs-tasks", "ecs:RegisterTaskDefinition", "ecs:RunTask"),
		to("codebuild", "codebuild:CreateProject", "codebuild:StartBuild"), to("states", "states:CreateStateMachine", "states:StartExecution"), to("sagemaker", "sagemaker:CreateNotebookInstance", "sagemaker:CreatePresignedNotebookInstanceUrl"))
}

// escalation looks for paths that the policies allow within the boundary. A condition other than
// on iam:PassedToService counts as not met.
func escalation(f *Facts) []Finding {
	return f.eachRole(func(r Role) []Finding {
		policies, out := f.rolePolicies(r.ARN)
		limit, gap := f.boundaryOf(r)
		if gap != nil {
			out = append(out, unknown(r.ARN, gap))
		}
		if len(out) > 0 && gap != nil {
			return out // what an unknown boundary takes away is unknown
		}
		var at []Origin
		for _, p := range policies {
			at = append(at, p.At)
		}
		var found []string
		var by *RolePolicy
		for _, p := range paths() {
			if from := f.open(r, policies, limit, p); from != nil {
				found, by = append(found, strings.Join(p.actions, " + ")), cmp.Or(by, from)
			}
		}
		if len(found) > 0 {
			return append(out, fail(r.ARN, Origin{}, "it can give itself more by %s", join(found)).also(at...).fix(fixPolicy(*by)))
		}
		if len(out) == 0 {
			out = append(out, pass(r.ARN, Origin{}, fmt.Sprintf("none of %d known paths is open", len(paths()))).also(at...))
		}
		return out
	})
}

// boundaryOf is the role's permissions boundary: nil is none.
func (f *Facts) boundaryOf(r Role) (*RolePolicy, *Gap) {
	if !r.Has {
		return nil, orNone(r.Gap, r.Origin)
	}
	b := r.V.Role.PermissionsBoundary
	if b == nil || b.PermissionsBoundaryArn == "" {
		return nil, nil
	}
	p, gap := f.managed(b.PermissionsBoundaryArn)
	return &p, gap
}

// open is a policy that allows the path's last action, if all of them are allowed on something.
// Admin alone is another check's: a role that may do everything needs no path.
func (f *Facts) open(r Role, policies []RolePolicy, limit *RolePolicy, p path) (by *RolePolicy) {
	for _, action := range p.actions {
		by = nil
		for i, rp := range policies {
			for _, s := range rp.Document.Statements {
				if s.Effect == "Allow" && !isAdmin(s) && s.Acts(action) && f.anywhere(r, policies, limit, s, action, p.service) {
					by = &policies[i]
				}
			}
		}
		if by == nil {
			return nil
		}
	}
	return by
}

// anywhere says whether an action is allowed on any resource that a statement names.
func (f *Facts) anywhere(r Role, policies []RolePolicy, limit *RolePolicy, s iampolicy.Statement, action, service string) bool {
	resources := s.Resource
	if len(resources) == 0 {
		resources = []string{"*"} // NotResource: all but some
	}
	return slices.ContainsFunc(resources, func(resource string) bool {
		if resource == "*" {
			resource = f.probe(action)
		}
		return allows(r.ARN, f.Account, policies, limit, action, strings.NewReplacer("*", "x", "?", "x").Replace(resource), service)
	})
}

// probe is a resource that an action could be about, where a policy says "*".
func (f *Facts) probe(action string) string {
	service, verb, _ := strings.Cut(action, ":")
	kind := "role"
	switch {
	case service == "lambda":
		return "arn:" + part(f.Function, 1) + ":lambda:" + f.Region + ":" + f.Account + ":function:x"
	case service != "iam":
		return "*"
	case strings.Contains(verb, "PolicyVersion"):
		kind = "policy"
	case strings.Contains(verb, "User") || strings.Contains(verb, "AccessKey") || strings.Contains(verb, "LoginProfile"):
		kind = "user"
	case strings.Contains(verb, "Group"):
		kind = "group"
	}
	return "arn:" + part(f.Function, 1) + ":iam::" + f.Account + ":" + kind + "/x"
}

func boundary(f *Facts) []Finding {
	return f.eachRole(func(r Role) []Finding {
		switch {
		case !r.Has:
			return []Finding{unknown(r.ARN, orNone(r.Gap, r.Origin))}
		case r.V.Role.PermissionsBoundary == nil:
			return []Finding{fail(r.ARN, r.Origin, "it has no permissions boundary").fix(
				run(shell(`aws iam put-role-permissions-boundary --role-name %s --permissions-boundary "$BOUNDARY_ARN"`, r.Name)).
					ask("BOUNDARY_ARN", "the ARN of a policy that allows at least what the function needs. What it does not allow is refused from then on, whatever other policies say").String(),
				hcl("resource \"aws_iam_role\" \"execution\" {\n  name                 = %s\n  permissions_boundary = \"POLICY-ARN\"\n}", r.Name))}
		}
		return []Finding{pass(r.ARN, r.Origin, "its boundary is %s", r.V.Role.PermissionsBoundary.PermissionsBoundaryArn)}
	})
}

// eachTrust judges the Allow statements of roles' trust policies.
func (f *Facts) eachTrust(bad func(s iampolicy.Statement) []string, what, good string) []Finding {
	return f.eachRole(func(r Role) []Finding {
		trust, gap := parsed(r.Origin, r.Has, r.Gap, r.V.Role.AssumeRolePolicyDocument)
		if gap != nil {
			return []Finding{unknown(r.ARN, gap)}
		}
		var found []string
		for _, s := range trust.Statements {
			if s.Effect == "Allow" {
				found = append(found, bad(s)...)
			}
		}
		if len(found) == 0 {
			return []Finding{pass(r.ARN, r.Origin, good)}
		}
		rest := trustWithout(trust, func(s iampolicy.Statement) bool { return s.Effect == "Allow" && len(bad(s)) > 0 })
		return []Finding{fail(r.ARN, r.Origin, what+": %s", join(found)).fix(
			run(shell("aws iam update-assume-role-policy --role-name %s --policy-document %s", r.Name, rest)).
				note("who else assumes it "+refusedFromThenOn+". Sessions that they have stay good until they run out (freezeframe contain plan)").String(),
			hcl("resource \"aws_iam_role\" \"execution\" {\n  name               = %s\n  assume_role_policy = %s\n}", r.Name, rest))}
	})
}

// lambdaMay lets Lambda assume a role, for one function if one is named.
func lambdaMay(function string) string {
	condition := ""
	if function != "" {
		condition = fmt.Sprintf(`,"Condition":{"ArnEquals":{"aws:SourceArn":%q}}`, function)
	}
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"` + condition + `}]}`
}

// trustWithout is a trust policy less some statements: what it says of Lambda stays, and where
// one of them was Lambda's too, Lambda alone takes its place.
func trustWithout(trust iampolicy.Document, gone func(iampolicy.Statement) bool) string {
	rest := trust.Without(gone)
	if !slices.ContainsFunc(rest.Statements, func(s iampolicy.Statement) bool {
		return s.Effect == "Allow" && s.Principal != nil && slices.Contains(s.Principal.Service, "lambda.amazonaws.com")
	}) {
		return lambdaMay("")
	}
	return compact(rest)
}

func principalsOf(s iampolicy.Statement) (out []string) {
	if p := s.Principal; p != nil {
		out = slices.Concat(p.AWS, p.Service, p.Federated, p.Canonical)
		if p.Any {
			out = append(out, "*")
		}
	}
	return out
}

func trustOnlyLambda(f *Facts) []Finding {
	return f.eachTrust(func(s iampolicy.Statement) []string {
		if r := s.Expose(f.Account).Reach; r == iampolicy.CrossAccount || r == iampolicy.Public {
			return nil // the check of foreign trust says it
		}
		return slices.DeleteFunc(principalsOf(s), func(p string) bool { return p == "lambda.amazonaws.com" })
	}, "it may also be assumed by", "only Lambda may assume it, of this account")
}

func trustForeign(f *Facts) []Finding {
	return f.eachTrust(func(s iampolicy.Statement) []string {
		switch e := s.Expose(f.Account); e.Reach {
		case iampolicy.Public:
			return []string{"everybody"}
		case iampolicy.CrossAccount:
			return e.Accounts
		}
		return nil
	}, "others may assume it", "nobody outside the account may assume it")
}

// sharedRole: the case knows the functions that were collected into it. That no other one has
// the role is known where the trust admits this function alone.
func sharedRole(f *Facts) []Finding {
	return f.eachRole(func(r Role) []Finding {
		var others []string
		var at []Origin
		for _, arn := range f.x.targets {
			if arn == f.Function {
				continue
			}
			if use := f.roleUse(arn); use.role == r.ARN && r.ARN != "" {
				others, at = append(others, arn), append(at, use.at)
			}
		}
		if len(others) > 0 {
			return []Finding{fail(r.ARN, Origin{}, "%s has it too", join(others)).also(at...).fix(f.ownRole(r, others))}
		}
		trust, gap := parsed(r.Origin, r.Has, r.Gap, r.V.Role.AssumeRolePolicyDocument)
		if gap != nil {
			return []Finding{unknown(r.ARN, gap)}
		}
		if slices.ContainsFunc(trust.Statements, func(s iampolicy.Statement) bool { return s.Effect == "Allow" && !f.thisAlone(s) }) {
			return []Finding{unknown(r.ARN, &Gap{Artefact: "lambda.configuration", Source: r.Source, State: "not_covered", Note: "no other function of the case has it; functions that were not collected may (freezeframe collect --match '*'), and its trust does not name this function alone"})}
		}
		return []Finding{pass(r.ARN, r.Origin, "its trust admits this function alone")}
	})
}

// ownRole leaves the role to this function: the others get one of their own first.
func (f *Facts) ownRole(r Role, others []string) (cli, terraform string) {
	s := run().note("published versions of the others keep the role, and stop with the last command: publish them again before, and move what calls them")
	for i, other := range others {
		name := fmt.Sprintf("ROLE_ARN_%d", i+1)
		s = s.ask(name, shell("the ARN of a role for %s, which Lambda may assume, with policies for what that function needs: what they leave out, it is refused", nameOf(other))).
			then(shell(`aws lambda update-function-configuration --region %s --function-name %s --role "$`+name+`"`, part(other, 3), other))
	}
	return s.then(shell("aws iam update-assume-role-policy --role-name %s --policy-document %s", r.Name, lambdaMay(f.Function))).String(),
		hcl("# the others get roles of their own; this one names its function\nresource \"aws_iam_role\" \"execution\" {\n  name               = %s\n  assume_role_policy = %s\n}", r.Name, lambdaMay(f.Function))
}

// roleUse is the role of another function of the case, read once for all of them.
func (f *Facts) roleUse(function string) roleUse {
	use, ok := f.x.roles[function]
	if !ok {
		d := doc[GetFunction](f, "lambda.configuration", function, "$LATEST")
		use = roleUse{d.V.Configuration.Role, d.Origin}
		f.x.roles[function] = use
	}
	return use
}

// thisAlone: AWS's guide of Lambda, on the confused deputy: aws:SourceArn in the trust of an
// execution role names the function.
func (f *Facts) thisAlone(s iampolicy.Statement) bool {
	return slices.ContainsFunc(s.Condition, func(c iampolicy.Condition) bool {
		return strings.EqualFold(c.Key, "aws:SourceArn") && slices.Contains([]string{"StringEquals", "ArnEquals", "ArnLike", "StringLike"}, c.Operator) &&
			!slices.ContainsFunc(c.Values, func(v string) bool { return v != f.Function && !strings.HasPrefix(v, f.Function+":") })
	})
}

// unusedServices: AWS tracks 400 days. A role younger than 30 days may not have come to it yet.
func unusedServices(f *Facts) []Finding {
	const young = 30 * 24 * time.Hour
	return f.eachRole(func(r Role) []Finding {
		d := doc[struct {
			ServicesLastAccessed []struct{ ServiceNamespace, LastAuthenticated string }
		}](f, "iam.last-accessed", r.ARN, "")
		if !d.Has || d.Gap != nil {
			return []Finding{unknown(r.ARN, orNone(d.Gap, d.Origin))}
		}
		var unused []string
		for _, s := range d.V.ServicesLastAccessed {
			if s.LastAuthenticated == "" {
				unused = append(unused, s.ServiceNamespace)
			}
		}
		created, err := time.Parse(time.RFC3339, r.V.Role.CreateDate)
		switch {
		case len(unused) == 0:
			return []Finding{pass(r.ARN, d.Origin, "it used all "+count(len(d.V.ServicesLastAccessed), "service")+" that its policies open")}
		case !r.Has:
			return []Finding{unknown(r.ARN, orNone(r.Gap, r.Origin))}
		case err == nil && f.Now.Sub(created) < young:
			return []Finding{notApplicable(r.ARN, "it is not thirty days old: made %s", r.V.Role.CreateDate)}
		}
		slices.Sort(unused)
		return []Finding{fail(r.ARN, d.Origin, "never used: %s", join(unused)).also(r.Origin).fix(
			run(shell(`aws iam put-role-policy --role-name %s --policy-name "$POLICY_NAME" --policy-document "file://$POLICY"`, r.Name)).
				note(shell("never used, in 400 days at most: %s. What runs once a year is refused when it does", join(unused))).
				note(shell("aws iam list-role-policies --role-name %s names its policies; for one that is attached: aws iam create-policy-version", r.Name)).
				ask("POLICY_NAME", "the policy that opens them").ask("POLICY", "a file with that policy, less them").String(),
			hcl("# take out of the policies of aws_iam_role %s: %s", r.Name, join(unused)))}
	})
}
