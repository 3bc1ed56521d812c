package iampolicy

import (
	"strings"
	"testing"
)

// What IAM's documentation says, row by row; the source stands with each group. Statements
// are given without braces; "" is no policy.
func TestEvaluate(t *testing.T) {
	const (
		acct    = "111111111111"
		user    = "arn:aws:iam::111111111111:user/ann"
		session = "arn:aws:sts::111111111111:assumed-role/app/s1"
		role    = "arn:aws:iam::111111111111:role/app"
		yes     = `"Effect":"Allow","Action":"*","Resource":"*"`
		no      = `"Effect":"Deny","Action":"*","Resource":"*"`
		other   = `"Effect":"Allow","Action":"ec2:*","Resource":"*"`
	)
	grant := func(principal string) string {
		return `"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":"s3:GetObject","Resource":"*"`
	}
	cond := func(c string) string { return yes + `,"Condition":{` + c + `}` }
	type row struct {
		name                                 string
		who                                  string // user unless set
		identity, boundary, session, onThing string
		abroad, decides                      bool
		context                              map[string][]string
		want                                 Decision
	}
	groups := map[string][]row{
		"IAM User Guide, Policy evaluation logic": {
			{name: "nothing said", want: ImplicitDeny},
			{name: "identity allows", identity: yes, want: Allow},
			{name: "deny wins over allow", identity: yes, onThing: `"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"`, want: ExplicitDeny},
			{name: "resource policy alone, same account", onThing: grant(user), want: Allow},
			{name: "resource policy for the account alone", onThing: grant(acct), want: ImplicitDeny},
			{name: "resource policy for the account, and identity", identity: yes, onThing: grant(acct), want: Allow},
			{name: "boundary grants nothing", boundary: yes, want: ImplicitDeny},
			{name: "boundary is silent", identity: yes, boundary: other, want: ImplicitDeny},
			{name: "boundary denies", identity: yes, boundary: no, want: ExplicitDeny},
			{name: "user named by the resource, boundary silent", boundary: other, onThing: grant(user), want: Allow},
			{name: "role named by the resource", who: session, onThing: grant(role), want: Allow},
			{name: "role named by the resource, boundary silent", who: session, boundary: other, onThing: grant(role), want: ImplicitDeny},
			{name: "session named by the resource, boundary silent", who: session, boundary: other, onThing: grant(session), want: Allow},
			{name: "session policy silent", who: session, identity: yes, session: other, want: ImplicitDeny},
			{name: "session named, session policy silent", who: session, session: other, onThing: grant(session), want: Allow},
			{name: "session policy denies what the resource grants", who: session, session: no, onThing: grant(session), want: ExplicitDeny},
		},
		"IAM User Guide, Cross-account policy evaluation logic": {
			{name: "identity only", identity: yes, abroad: true, want: ImplicitDeny},
			{name: "resource only", onThing: grant(user), abroad: true, want: ImplicitDeny},
			{name: "both", identity: yes, onThing: grant(user), abroad: true, want: Allow},
			{name: "both, for the account", identity: yes, onThing: grant(acct), abroad: true, want: Allow},
			{name: "both, and a silent boundary", identity: yes, boundary: other, onThing: grant(user), abroad: true, want: ImplicitDeny},
		},
		"KMS Developer Guide, Key policies; STS, AssumeRole: the resource's policy always has its word": {
			{name: "identity only", identity: yes, decides: true, want: ImplicitDeny},
			{name: "account and identity", identity: yes, onThing: grant("arn:aws:iam::111111111111:root"), decides: true, want: Allow},
			{name: "account only", onThing: grant("arn:aws:iam::111111111111:root"), decides: true, want: ImplicitDeny},
			{name: "the user itself", onThing: grant(user), decides: true, want: Allow},
		},
		"IAM User Guide, NotPrincipal": {
			{name: "named", identity: yes, onThing: `"Effect":"Deny","NotPrincipal":{"AWS":["` + user + `","` + acct + `"]},"Action":"*","Resource":"*"`, want: Allow},
			{name: "not named", identity: yes, onThing: `"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::111111111111:user/bob"},"Action":"*","Resource":"*"`, want: ExplicitDeny},
			{name: "named, with a boundary", identity: yes, boundary: yes, onThing: `"Effect":"Deny","NotPrincipal":{"AWS":"` + user + `"},"Action":"*","Resource":"*"`, want: ExplicitDeny},
		},
		"IAM User Guide, Action, Resource, NotAction, NotResource": {
			{name: "action without case", identity: `"Effect":"Allow","Action":"S3:getobject","Resource":"*"`, want: Allow},
			{name: "resource with case", identity: `"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::Alpha/a.txt"`, want: ImplicitDeny},
			{name: "wildcards", identity: `"Effect":"Allow","Action":"s3:?et*","Resource":"arn:aws:s3:::al?ha/*"`, want: Allow},
			{name: "NotAction", identity: yes + `},{"Effect":"Deny","NotAction":"logs:*","Resource":"*"`, want: ExplicitDeny},
			{name: "NotAction of it", identity: yes + `},{"Effect":"Deny","NotAction":"s3:*","Resource":"*"`, want: Allow},
			{name: "NotResource", identity: `"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::beta/*"`, want: Allow},
		},
		"IAM User Guide, Policy variables": {
			{name: "filled in", identity: `"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:PrincipalTag/b}/a.txt"`, context: map[string][]string{"aws:PrincipalTag/b": {"alpha"}}, want: Allow},
			{name: "no value", identity: `"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:PrincipalTag/b}/a.txt"`, want: ImplicitDeny},
			{name: "default", identity: `"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:PrincipalTag/b, 'alpha'}/a.txt"`, want: Allow},
			{name: "a value is text", identity: `"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:PrincipalTag/b}/a.txt"`, context: map[string][]string{"aws:PrincipalTag/b": {"*"}}, want: ImplicitDeny},
			{name: "a star that is one", identity: `"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::alpha/${*}"`, want: ImplicitDeny},
			{name: "before the fifth colon", identity: `"Effect":"Allow","Action":"*","Resource":"arn:${x:y, 'aws'}:s3:::alpha/a.txt"`, want: ImplicitDeny},
		},
		"IAM User Guide, Condition operators": {
			{name: "missing key", identity: cond(`"StringEquals":{"aws:a":"x"}`), want: ImplicitDeny},
			{name: "missing key, IfExists", identity: cond(`"StringEqualsIfExists":{"aws:a":"x"}`), want: Allow},
			{name: "missing key, negated", identity: cond(`"StringNotEquals":{"aws:a":"x"}`), want: Allow},
			{name: "ForAllValues of nothing", identity: cond(`"ForAllValues:StringEquals":{"aws:a":"x"}`), want: Allow},
			{name: "ForAnyValue of nothing", identity: cond(`"ForAnyValue:StringEquals":{"aws:a":"x"}`), want: ImplicitDeny},
			{name: "ForAllValues", identity: cond(`"ForAllValues:StringLike":{"aws:a":["x*","y"]}`), context: map[string][]string{"aws:a": {"x1", "z"}}, want: ImplicitDeny},
			{name: "ForAnyValue", identity: cond(`"ForAnyValue:StringLike":{"aws:a":["x*","y"]}`), context: map[string][]string{"aws:a": {"x1", "z"}}, want: Allow},
			{name: "keys without case", identity: cond(`"StringEquals":{"AWS:A":"x"}`), context: map[string][]string{"aws:a": {"x"}}, want: Allow},
			{name: "values with case", identity: cond(`"StringEquals":{"aws:a":"X"}`), context: map[string][]string{"aws:a": {"x"}}, want: ImplicitDeny},
			{name: "values are joined by or, keys by and", identity: cond(`"StringEquals":{"aws:a":["y","x"],"aws:b":"z"}`), context: map[string][]string{"aws:a": {"x"}, "aws:b": {"q"}}, want: ImplicitDeny},
			{name: "negated values are joined by nor", identity: cond(`"StringNotEquals":{"aws:a":["y","x"]}`), context: map[string][]string{"aws:a": {"x"}}, want: ImplicitDeny},
			{name: "Null of a missing key", identity: cond(`"Null":{"aws:a":"true"}`), want: Allow},
			{name: "Null of a key that is there", identity: cond(`"Null":{"aws:a":true}`), context: map[string][]string{"aws:a": {"x"}}, want: ImplicitDeny},
			{name: "numbers, not text", identity: cond(`"NumericLessThan":{"aws:a":"9"}`), context: map[string][]string{"aws:a": {"10"}}, want: ImplicitDeny},
			{name: "dates of other zones", identity: cond(`"DateEquals":{"aws:a":"2026-11-23T12:00:00+02:00"}`), context: map[string][]string{"aws:a": {"2026-11-23T10:00:00Z"}}, want: Allow},
			{name: "epoch", identity: cond(`"DateLessThan":{"aws:a":"1800000000"}`), context: map[string][]string{"aws:a": {"2026-11-23T10:00:00Z"}}, want: Allow},
			{name: "the same second is not before it", identity: cond(`"DateLessThan":{"aws:a":"2026-11-23T10:00:00Z"}`), context: map[string][]string{"aws:a": {"2026-11-23T10:00:00Z"}}, want: ImplicitDeny},
			{name: "binary", identity: cond(`"BinaryEquals":{"aws:a":"QmluYXJ5"}`), context: map[string][]string{"aws:a": {"QmluYXJ5"}}, want: Allow},
			{name: "network", identity: cond(`"IpAddress":{"aws:a":"203.0.113.0/24"}`), context: map[string][]string{"aws:a": {"203.0.113.7"}}, want: Allow},
			{name: "network, version 6", identity: cond(`"IpAddress":{"aws:a":"2001:db8::/32"}`), context: map[string][]string{"aws:a": {"2001:db8:1::7"}}, want: Allow},
			{name: "outside the network", identity: cond(`"NotIpAddress":{"aws:a":"203.0.113.0/24"}`), context: map[string][]string{"aws:a": {"203.0.114.7"}}, want: Allow},
			{name: "parts of an ARN", identity: cond(`"ArnLike":{"aws:a":"arn:aws:sns:*:111111111111:*"}`), context: map[string][]string{"aws:a": {"arn:aws:sns:eu-west-1:222222222222:111111111111:t"}}, want: ImplicitDeny},
			{name: "ArnEquals takes wildcards", identity: cond(`"ArnEquals":{"aws:a":"arn:aws:sns:*:111111111111:*"}`), context: map[string][]string{"aws:a": {"arn:aws:sns:eu-west-1:111111111111:t"}}, want: Allow},
			{name: "Bool", identity: cond(`"Bool":{"aws:a":"true"}`), context: map[string][]string{"aws:a": {"true"}}, want: Allow},
		},
	}
	docs := func(statement string) []Document {
		if statement == "" {
			return nil
		}
		d, err := Parse(`{"Version":"2012-10-17","Statement":[{` + statement + `}]}`)
		if err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		return []Document{d}
	}
	for source, rows := range groups {
		for _, c := range rows {
			r := Request{PrincipalARN: user, PrincipalAccount: acct, Action: "s3:GetObject", Resource: "arn:aws:s3:::alpha/a.txt", Context: c.context}
			if c.who == session {
				r.PrincipalARN, r.RoleARN = session, role
			}
			if c.abroad {
				r.ResourceAccount = "222222222222"
			}
			p := Policies{Identity: append([]Document{}, docs(c.identity)...), Boundary: docs(c.boundary), Session: docs(c.session), ResourceDecides: c.decides}
			if d := docs(c.onThing); d != nil {
				p.Resource = &d[0]
			}
			got := Evaluate(r, p)
			if got.Decision != c.want || got.By == "" || got.Kind == "" {
				t.Errorf("%s: %s: %s (by %q), want %s", source, c.name, got.Decision, got.By, c.want)
			}
			if (got.Decision == ImplicitDeny) == strings.Contains(got.By, "statement") {
				t.Errorf("%s: %s is %s by %q", source, c.name, got.Decision, got.By)
			}
		}
	}
}

// TestServicesAsk: a service needs a word for itself, and the condition on whose behalf.
func TestServicesAsk(t *testing.T) {
	d, err := Parse(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"*","Condition":{"StringEquals":{"AWS:SourceAccount":"111111111111"}}}]}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		service, account string
		want             Decision
	}{{"s3.amazonaws.com", "111111111111", Allow}, {"s3.amazonaws.com", "222222222222", ImplicitDeny}, {"sns.amazonaws.com", "111111111111", ImplicitDeny}} {
		r := Request{Service: c.service, Action: "lambda:InvokeFunction", Resource: "arn:aws:lambda:eu-west-1:111111111111:function:f", ResourceAccount: "111111111111",
			Context: map[string][]string{"aws:SourceAccount": {c.account}}}
		if got := Evaluate(r, Policies{Resource: &d}); got.Decision != c.want {
			t.Errorf("%s for %s: %s (%s)", c.service, c.account, got.Decision, got.By)
		}
	}
}
