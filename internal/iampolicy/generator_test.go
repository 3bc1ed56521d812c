package iampolicy

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

type generator struct{ *rand.Rand }

func (g *generator) one(from ...string) string { return from[g.IntN(len(from))] }
func (g *generator) chance(p float64) bool     { return g.Float64() < p }

const (
	home   = "111111111111"
	abroad = "222222222222"
)

// question is a request of one of the shapes that the product asks about.
func (g *generator) question() (action, resource, owner string) {
	owner = home
	switch g.IntN(6) {
	case 0:
		if g.chance(0.3) {
			owner = abroad
		}
		return g.one("s3:GetObject", "s3:PutObject", "s3:DeleteObject"), "arn:aws:s3:::" + g.one("alpha", "beta") + "/" + g.one("a.txt", "team/x.csv", "ann/1"), owner
	case 1:
		if g.chance(0.3) {
			owner = abroad
		}
		return g.one("lambda:InvokeFunction", "lambda:GetFunction", "lambda:UpdateFunctionCode"), "arn:aws:lambda:eu-west-1:" + owner + ":function:" + g.one("pay", "pay-report", "mail"), owner
	case 3:
		if g.chance(0.3) {
			owner = abroad
		}
		return g.one("kms:Decrypt", "kms:Encrypt", "kms:CreateGrant"), "arn:aws:kms:eu-west-1:" + owner + ":key/1234abcd-12ab-34cd-56ef-1234567890ab", owner
	case 4:
		if g.chance(0.3) {
			owner = abroad
		}
		return "sts:AssumeRole", "arn:aws:iam::" + owner + ":role/" + g.one("app", "ops"), owner
	case 2:
		if g.chance(0.3) {
			owner = abroad
		}
		return g.one("sqs:SendMessage", "sqs:ReceiveMessage"), "arn:aws:sqs:eu-west-1:" + owner + ":" + g.one("orders", "dead"), owner
	}
	return g.one("iam:GetRole", "iam:PutRolePolicy", "iam:DeleteRole"), "arn:aws:iam::" + home + ":role/" + g.one("app", "ops"), home
}

func (g *generator) oracleCase(t *testing.T) oracleCase {
	action, resource, owner := g.question()
	session := g.chance(0.4)
	principal, role := "arn:aws:iam::"+home+":user/"+g.one("ann", "bob"), ""
	if g.chance(0.15) {
		principal = "arn:aws:iam::" + home + ":user/team/" + g.one("ann", "bob")
	}
	if session {
		principal, role = "arn:aws:sts::"+home+":assumed-role/app/"+g.one("s1", "s2"), "arn:aws:iam::"+home+":role/app"
	}
	ctx := g.context(principal, role)
	sim := map[string]any{"request": map[string]any{"principal": principal, "action": action, "resource": map[string]any{"resource": resource, "accountId": owner}, "contextVariables": flat(ctx)}}
	c := oracleCase{sim: sim, req: Request{PrincipalARN: principal, RoleARN: role, PrincipalAccount: home, Action: action, Resource: resource, ResourceAccount: owner, Context: ctx}}
	var named []map[string]any
	c.pols.Identity = []Document{}
	for i := range 1 + g.IntN(2) {
		doc, parsed := g.policy(t, action, resource, nil)
		named = append(named, map[string]any{"name": fmt.Sprint("p", i), "policy": doc})
		c.pols.Identity = append(c.pols.Identity, parsed)
	}
	sim["identityPolicies"] = named
	if g.chance(0.2) {
		doc, parsed := g.policy(t, action, resource, nil)
		sim["permissionBoundaryPolicies"] = []map[string]any{{"name": "b", "policy": doc}}
		c.pols.Boundary = []Document{parsed}
	}
	if session && g.chance(0.2) {
		doc, parsed := g.policy(t, action, resource, nil)
		sim["sessionPolicy"] = doc
		c.pols.Session = []Document{parsed}
	}
	c.pols.ResourceDecides = strings.HasPrefix(action, "kms:") || action == "sts:AssumeRole"
	if action[:4] != "iam:" && (c.pols.ResourceDecides || g.chance(0.6)) {
		doc, parsed := g.policy(t, action, resource, func() any { return g.principal(principal, role) })
		sim["resourcePolicy"] = doc
		c.pols.Resource = &parsed
	}
	return c
}

// context: single values go over as strings.
func (g *generator) context(principal, role string) map[string][]string {
	arn := principal
	if role != "" {
		arn = role
	}
	m := map[string][]string{"aws:PrincipalArn": {arn}, "aws:PrincipalAccount": {home}, "aws:SecureTransport": {g.one("true", "false")}, "aws:CurrentTime": {"2026-11-23T10:00:00Z"}}
	maybe := func(key string, values ...string) {
		if g.chance(0.6) {
			m[key] = values
		}
	}
	maybe("aws:SourceIp", g.one("203.0.113.7", "198.51.100.9"))
	maybe("aws:PrincipalOrgID", g.one("o-aaaaaaaaaa", "o-bbbbbbbbbb"))
	maybe("aws:PrincipalTag/team", g.one("red", "blue"))
	maybe("aws:TokenIssueTime", g.one("2026-11-23T08:00:00Z", "2026-11-23T09:59:00Z"))
	maybe("aws:MultiFactorAuthAge", g.one("10", "4000"))
	maybe("aws:SourceArn", g.one("arn:aws:sns:eu-west-1:"+home+":t", "arn:aws:sns:eu-west-1:"+abroad+":t"))
	if role == "" {
		maybe("aws:username", principal[len(principal)-3:])
	}
	maybe("aws:RequestedRegion", "eu-west-1")
	if g.chance(0.5) {
		m["aws:TagKeys"] = [][]string{{"team", "cost"}, {"team"}, {"secret"}}[g.IntN(3)]
	}
	return m
}

func flat(ctx map[string][]string) map[string]any {
	out := map[string]any{}
	for k, v := range ctx {
		if k == "aws:TagKeys" {
			out[k] = v
			continue
		}
		out[k] = v[0]
	}
	return out
}

func (g *generator) policy(t *testing.T, action, resource string, principal func() any) (map[string]any, Document) {
	t.Helper()
	var statements []any
	for range 1 + g.IntN(3) {
		s := map[string]any{"Effect": g.one("Allow", "Allow", "Allow", "Deny")}
		service := action[:len(action)-len(after(action))]
		actions := []any{action, service + "*", service + "Get*", "*", []string{service + "Put*", action}, g.one("s3:ListBucket", "ec2:RunInstances"),
			strings.ToUpper(service) + strings.ToLower(after(action)), service + "?" + after(action)[1:]}
		g.put(s, "Action", "NotAction", actions[g.IntN(len(actions))])
		resources := []any{resource, "*", resource[:len(resource)-1] + "?", resource[:len(resource)-2] + "*", "arn:aws:s3:::alpha/${aws:username}/*", "arn:aws:s3:::${aws:PrincipalTag/team, 'beta'}/*", []string{"arn:aws:sqs:*:*:dead", resource},
			resource + "${*}", "arn:aws:*:*:${aws:PrincipalAccount}:*", "arn:aws:s3:::*${aws:PrincipalTag/none, '1'}*", strings.Replace(resource, "eu-west-1", "${aws:requestedregion}", 1), strings.ToUpper(resource)}
		if principal == nil || action != "sts:AssumeRole" { // trust policies have no resources
			g.put(s, "Resource", "NotResource", resources[g.IntN(len(resources))])
		}
		if principal != nil {
			who := principal()
			// NotPrincipal: with Deny only, not in trust policies, and never "*" (IAM User Guide).
			if text := fmt.Sprint(who); s["Effect"] == "Deny" && action != "sts:AssumeRole" && !strings.Contains(text, "*") && g.chance(0.3) {
				s["NotPrincipal"] = who
			} else {
				s["Principal"] = who
			}
		}
		if g.chance(0.5) {
			s["Condition"] = g.conditions()
		}
		statements = append(statements, s)
	}
	doc := map[string]any{"Version": "2012-10-17", "Statement": statements}
	if g.chance(0.1) && !strings.Contains(fmt.Sprint(statements), "${") { // see TestWhereTheJudgeDiffers
		doc["Version"] = "2008-10-17"
	}
	if len(statements) == 1 && g.chance(0.3) {
		doc["Statement"] = statements[0]
	}
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := Parse(string(text))
	if err != nil {
		t.Fatalf("our own policy does not parse: %v\n%s", err, text)
	}
	return doc, parsed
}

func after(action string) string {
	for i := range action {
		if action[i] == ':' {
			return action[i+1:]
		}
	}
	return action
}

func (g *generator) put(s map[string]any, name, negated string, v any) {
	if g.chance(0.12) {
		name = negated
	}
	s[name] = v
}

func (g *generator) principal(principal, role string) any {
	choices := []any{"*", map[string]any{"AWS": "*"}, map[string]any{"AWS": home}, map[string]any{"AWS": "arn:aws:iam::" + home + ":root"}, map[string]any{"AWS": principal},
		map[string]any{"AWS": []string{"arn:aws:iam::" + abroad + ":root", principal}}, map[string]any{"Service": "lambda.amazonaws.com"}, map[string]any{"Federated": "cognito-identity.amazonaws.com"}, map[string]any{"AWS": []string{home, "arn:aws:iam::" + home + ":role/app"}}, map[string]any{"AWS": "arn:aws:iam::" + abroad + ":user/eve"}}
	if role != "" {
		choices = append(choices, map[string]any{"AWS": role})
	}
	return choices[g.IntN(len(choices))]
}

func (g *generator) conditions() map[string]any {
	out := map[string]any{}
	for range 1 + g.IntN(2) {
		op, key, value := g.condition()
		if m, ok := out[op].(map[string]any); ok {
			m[key] = value
			continue
		}
		out[op] = map[string]any{key: value}
	}
	return out
}

func (g *generator) condition() (op, key string, value any) {
	suffix := g.one("", "", "IfExists")
	switch g.IntN(16) {
	case 9:
		return g.one("StringNotEqualsIgnoreCase", "StringEqualsIgnoreCase") + suffix, g.one("aws:PrincipalOrgID", "AWS:principalorgid"), g.one("O-AAAAAAAAAA", "o-b")
	case 10:
		return "Null", g.one("aws:TagKeys", "aws:PrincipalTag/team", "AWS:sourceip"), g.one("true", "false")
	case 11:
		return g.one("ForAnyValue:", "ForAllValues:") + g.one("StringLike", "StringNotLike", "StringEqualsIgnoreCase", "StringEquals"), "aws:TagKeys", [][]string{{"TEAM"}, {"t*", "cost"}, {"secret"}}[g.IntN(3)]
	case 12:
		return g.one("StringLike", "StringEquals") + suffix, "AWS:PrincipalTag/Team", g.one("${aws:PrincipalTag/team}", "${aws:username, 'red'}", "re${?}", "r${*}", "${aws:nothing}", "${aws:username}*")
	case 13:
		return g.one("DateEquals", "DateLessThan", "DateGreaterThan") + suffix, g.one("aws:CurrentTime", "aws:TokenIssueTime"), g.one("2026-11-23T10:00:00Z", "2026-11-23", "2026-11-23T12:00:00+02:00")
	case 14:
		if g.chance(0.3) {
			return g.one("StringLike", "StringNotLike") + suffix, "aws:PrincipalArn", "*"
		}
		return g.one("ArnLike", "ArnEquals", "ArnNotLike", "StringLike", "StringEquals") + suffix, "aws:PrincipalArn", g.one("arn:aws:iam::"+home+":role/app", "arn:aws:iam::"+home+":user/*", "arn:aws:*::"+home+":*", "arn:aws:iam::*:role/*")
	case 15:
		return g.one("NumericLessThanEquals", "NumericGreaterThan", "NumericEquals") + suffix, "aws:MultiFactorAuthAge", g.one("10.0", "10.5", "-1")
	case 0:
		return g.one("IpAddress", "NotIpAddress") + suffix, "aws:SourceIp", g.one("203.0.113.0/24", "198.51.100.9/32", "10.0.0.0/8")
	case 1:
		return g.one("StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase") + suffix, "aws:PrincipalOrgID", []string{g.one("o-aaaaaaaaaa", "O-AAAAAAAAAA", "o-a*")}
	case 2:
		return g.one("StringEquals", "StringLike", "StringNotLike") + suffix, "aws:PrincipalTag/team", g.one("red", "r*", "?lue", "green")
	case 3:
		return g.one("DateLessThan", "DateGreaterThan", "DateLessThanEquals", "DateNotEquals") + suffix, "aws:TokenIssueTime", g.one("2026-11-23T09:00:00Z", "2026-11-23T08:00:00Z")
	case 4:
		return g.one("NumericLessThan", "NumericGreaterThanEquals", "NumericNotEquals", "NumericEquals") + suffix, "aws:MultiFactorAuthAge", g.one("10", "3600")
	case 5:
		return g.one("ArnLike", "ArnEquals", "ArnNotLike", "ArnNotEquals") + suffix, "aws:SourceArn", g.one("arn:aws:sns:*:"+home+":*", "arn:aws:sns:eu-west-1:"+abroad+":t")
	case 6:
		return "Bool" + suffix, "aws:SecureTransport", g.one("true", "false")
	case 7:
		return "Null", g.one("aws:TokenIssueTime", "aws:username", "aws:SourceArn"), g.one("true", "false")
	case 8:
		return g.one("ForAnyValue:", "ForAllValues:") + g.one("StringEquals", "StringLike", "StringNotEquals"), "aws:TagKeys", [][]string{{"team"}, {"team", "cost"}, {"s*"}}[g.IntN(3)]
	}
	return g.one("StringEquals", "StringLike"), "aws:username", g.one("ann", "b*", "${aws:username}")
}
