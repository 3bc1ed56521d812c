package contain

import "strings"

// guardTarget refuses an act on a target that must never be contained.
func guardTarget(a Act, t Target, self string, chain, protected []string) error {
	switch {
	case t.Kind == OnUser:
		return guardUser(a.Name, t, self, chain, protected)
	case a.onRole() && t.Kind != OnResource:
		return guardRole(a.Name, t.Role, self, chain, protected)
	}
	return guardConfigured(a.Name, t.ARN, t.called(), protected)
}

// guardUser refuses the operator's own user, and configured ones.
func guardUser(act string, t Target, self string, chain, protected []string) error {
	for _, principal := range append([]string{self}, chain...) {
		if strings.Contains(principal, ":user/") && roleName(principal) == roleName(t.ARN) && accountOf(principal) == t.Account {
			return &ProtectedError{Act: act, Resource: t.ARN, Why: "the operator acts through it"}
		}
	}
	return guardConfigured(act, t.ARN, t.called(), protected)
}

// guardRole refuses roles that must never be contained: the operator's own, those it
// came through, configured ones, and those that AWS itself does not let anyone edit.
func guardRole(act, role, self string, chain, protected []string) error {
	name := roleName(role)
	refuse := func(why string) error { return &ProtectedError{Act: act, Resource: role, Why: why} }
	switch {
	case role == "":
		return refuse("the function has no role")
	case strings.Contains(role, ":role/aws-service-role/"):
		return refuse("a service-linked role cannot be edited")
	case strings.HasPrefix(name, "AWSReservedSSO_"):
		return refuse("Identity Center owns this role: deny identitystore:userId by Identity Center or a service control policy, in the management account")
	}
	for _, principal := range append([]string{self}, chain...) {
		if roleOf(principal) == name && accountOf(principal) == accountOf(role) {
			return refuse("the operator acts through it")
		}
	}
	return guardConfigured(act, role, name, protected)
}

// guardConfigured compares with the configured principals: ARNs or names, * and ?.
func guardConfigured(act, resource, name string, protected []string) error {
	for _, p := range protected {
		if wild(p, resource) || wild(p, name) {
			return &ProtectedError{Act: act, Resource: resource, Why: "it is configured as protected (" + p + ")"}
		}
	}
	return nil
}

// wild matches as IAM does: * is any text, ? one character, nothing else is special.
func wild(pattern, s string) bool {
	star, mark, i, j := -1, 0, 0, 0
	for j < len(s) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, mark = i, j
			i++
		case i < len(pattern) && (pattern[i] == '?' || pattern[i] == s[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}

// roleOf is the role name in the ARN of a role or of its session, or "".
func roleOf(arn string) string {
	_, rest, ok := strings.Cut(arn, ":assumed-role/")
	if ok {
		role, _, _ := strings.Cut(rest, "/")
		return role
	}
	if strings.Contains(arn, ":role/") {
		return roleName(arn)
	}
	return ""
}

func accountOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	return parts[4]
}
