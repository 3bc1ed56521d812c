package alert

import (
	"regexp"
	"strings"
)

// dated is what Lambda's API puts behind the names of its older operations in records.
var dated = regexp.MustCompile(`20[0-9]{6}(v[0-9]+)?$`)

// readCloudTrail reads one record. It can be about two functions: the one that a call was made on,
// and the one whose credentials made it. If both are told and are not the same, neither is taken.
func readCloudTrail(l *look, n *node) {
	a := &l.a
	a.Kind = APICall
	a.Region = l.region(n.get("awsRegion"), "awsRegion")
	if n.get("recipientAccountId") != nil {
		a.Account = l.account(n.get("recipientAccountId"), "recipientAccountId")
	} else { // old records have the caller's alone
		a.Account = l.account(n.get("userIdentity", "accountId"), "userIdentity.accountId")
	}
	l.identify("aws/cloudtrail", l.must(n.get("eventID"), "eventID"), a.Region)
	source, action := l.must(n.get("eventSource"), "eventSource"), l.must(n.get("eventName"), "eventName")
	logged := strings.TrimSuffix(source, ".amazonaws.com") + ":" + action
	a.Type, a.Types = logged, []string{logged}
	if source == "lambda.amazonaws.com" {
		a.Type = dated.ReplaceAllString(logged, "")
	}
	a.Title = cut(a.Type, maxProse)
	if code := l.prose(n.get("errorCode")); code != "" {
		a.Title += ": " + cut(code, 100)
	}
	a.First = l.when(n.get("eventTime"), "eventTime")
	a.Last, a.Updated, a.Count = a.First, a.First, 1
	if ip := l.prose(n.get("sourceIPAddress")); ip != "" {
		a.Remote = []string{cut(ip, 256)}
	}
	l.caller(n.get("userIdentity"))
	if source == "lambda.amazonaws.com" {
		l.called(n)
	}
}

func (l *look) caller(u *node) {
	a := &l.a
	own := l.name(u.get("arn"), "userIdentity.arn")
	l.arn(own)
	a.AccessKey, a.Principal = l.name(u.get("accessKeyId"), "accessKeyId"), l.name(u.get("principalId"), "principalId")
	a.PrincipalType = l.name(u.get("type"), "userIdentity.type")
	if a.PrincipalType == "AssumedRole" && l.assumed(own) {
		if issuer := l.name(u.get("sessionContext", "sessionIssuer", "arn"), "sessionIssuer.arn"); issuer != "" {
			if by, _, ok := roleOf(issuer); ok && by == a.Role {
				a.RoleARN = issuer
			}
		}
	}
	scope := u.get("inScopeOf")
	if l.name(scope.get("issuerType"), "issuerType") != "AWS::Lambda::Function" {
		return
	}
	to := l.name(scope.get("credentialsIssuedTo"), "credentialsIssuedTo")
	if t, ok := functionARN(to); ok {
		l.arn(to)
		l.function(t)
	}
}

// called notes the function that a call of Lambda's API was made on.
func (l *look) called(n *node) {
	before := len(l.functions)
	for _, v := range []*node{n.get("requestParameters", "functionName"), n.get("responseElements", "functionArn"), n.get("requestParameters", "resource")} {
		s := l.name(v, "functionName")
		if s == "" {
			continue
		}
		if t, ok := functionNamed(s, l.a.Account, l.a.Region); ok {
			l.arn(s)
			l.function(t)
		} else if len(l.functions) == before {
			l.gap("function", "the call names none that could be read: "+cut(s, 100))
		}
	}
	for _, r := range n.get("resources").list() {
		own := l.name(r.get("ARN"), "resources.ARN")
		if t, ok := functionARN(own); ok {
			l.arn(own)
			l.function(t)
		}
	}
}
