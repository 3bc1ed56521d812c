package contain

import (
	"encoding/json"
	"strings"
	"testing"
)

const own = "111122223333"

func TestGrantsRemoved(t *testing.T) {
	for _, c := range []struct {
		name, principal, condition string
		params                     Params
		gone                       bool
	}{
		{name: "everybody", principal: `"*"`, gone: true},
		{name: "everybody as AWS", principal: `{"AWS":"*"}`, gone: true},
		{name: "everybody through a URL", principal: `"*"`, condition: `{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}`, gone: true},
		{name: "own account number", principal: `{"AWS":"111122223333"}`},
		{name: "own root", principal: `{"AWS":"arn:aws:iam::111122223333:root"}`},
		{name: "foreign root", principal: `{"AWS":"arn:aws:iam::999988887777:root"}`, gone: true},
		{name: "foreign number", principal: `{"AWS":["999988887777"]}`, gone: true},
		{name: "left over id", principal: `{"AWS":"AROAJ6EXAMPLE7EXAMPLE"}`},
		{name: "everybody of the own organization", principal: `"*"`, condition: `{"StringEquals":{"aws:PrincipalOrgID":"o-own"}}`, params: Params{"organization": "o-own"}},
		{name: "everybody of an unknown organization", principal: `"*"`, condition: `{"StringEquals":{"aws:PrincipalOrgID":"o-own"}}`, gone: true},
		{name: "everybody of another organization", principal: `"*"`, condition: `{"StringEquals":{"aws:PrincipalOrgID":"o-x"}}`, params: Params{"organization": "o-own"}, gone: true},
		{name: "own or other organization", principal: `"*"`, condition: `{"StringEquals":{"aws:PrincipalOrgID":["o-own","o-x"]}}`, params: Params{"organization": "o-own"}, gone: true},
		{name: "organization if it exists", principal: `"*"`, condition: `{"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-own"}}`, params: Params{"organization": "o-own"}, gone: true},
		{name: "organization for all values", principal: `"*"`, condition: `{"ForAllValues:StringEquals":{"aws:PrincipalOrgID":"o-own"}}`, params: Params{"organization": "o-own"}, gone: true},
		{name: "not that organization", principal: `"*"`, condition: `{"StringNotEquals":{"aws:PrincipalOrgID":"o-own"}}`, params: Params{"organization": "o-own"}, gone: true},
		{name: "everybody of the own account", principal: `"*"`, condition: `{"StringEquals":{"AWS:PrincipalAccount":"111122223333"}}`},
		{name: "service with source", principal: `{"Service":"events.amazonaws.com"}`, condition: `{"ArnLike":{"AWS:SourceArn":"arn:aws:events:us-east-1:111122223333:rule/r"}}`},
		{name: "service with source account", principal: `{"Service":"s3.amazonaws.com"}`, condition: `{"StringEquals":{"aws:SourceAccount":"111122223333"}}`},
		{name: "bucket without account", principal: `{"Service":"s3.amazonaws.com"}`, condition: `{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::bucket"}}`},
		{name: "service for a foreign account", principal: `{"Service":"sns.amazonaws.com"}`, condition: `{"ArnLike":{"aws:SourceArn":"arn:aws:sns:us-east-1:999988887777:t"}}`, gone: true},
		{name: "service for anybody", principal: `{"Service":"apigateway.amazonaws.com"}`},
		{name: "service for any ARN", principal: `{"Service":"apigateway.amazonaws.com"}`, condition: `{"ArnLike":{"aws:SourceArn":"*"}}`},
		{name: "service for anybody, asked for", principal: `{"Service":"apigateway.amazonaws.com"}`, params: Params{"service_grants": "remove"}, gone: true},
		{name: "service with source, asked for", principal: `{"Service":"s3.amazonaws.com"}`, condition: `{"StringEquals":{"aws:SourceAccount":"111122223333"}}`, params: Params{"service_grants": "remove"}},
		{name: "canonical user", principal: `{"CanonicalUser":"79a5"}`, gone: true},
		{name: "foreign federation", principal: `{"Federated":"arn:aws:iam::999988887777:saml-provider/x"}`, gone: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			params := Params{"account": own}
			for k, v := range c.params {
				params[k] = v
			}
			cond := ""
			if c.condition != "" {
				cond = `,"Condition":` + c.condition
			}
			allow := `{"Sid":"s","Effect":"Allow","Principal":` + c.principal + `,"Action":"lambda:InvokeFunction","Resource":"*"` + cond + `}`
			before := resourcePolicy{`{"Version":"2012-10-17","Statement":[` + allow + `]}`}
			after, err := removeGrants(Place{}, before, params)
			if err != nil || (after.Policy == "") != c.gone {
				t.Fatalf("gone %v, want %v (%v)", after.Policy == "", c.gone, err)
			}
			if !c.gone && after != before {
				t.Error("a kept document was rewritten")
			}
			if again, err := removeGrants(Place{}, after, params); err != nil || again != after {
				t.Errorf("not idempotent: %v %v", again, err)
			}
			deny := resourcePolicy{strings.Replace(before.Policy, "Allow", "Deny", 1)}
			if kept, err := removeGrants(Place{}, deny, params); err != nil || kept != deny {
				t.Errorf("a Deny was removed (%v)", err)
			}
		})
	}
}

func TestGrantsKeepTheOwnersPart(t *testing.T) {
	before := resourcePolicy{`{"Version":"2012-10-17","Id":"x","Statement":[
		{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:role/a","arn:aws:iam::999988887777:root"],"Service":"x.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"*"},
		{"Effect":"Allow","NotPrincipal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"lambda:*","Resource":"*"}]}`}
	after, err := removeGrants(Place{}, before, Params{"account": own})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(after.Policy, "9999") || strings.Contains(after.Policy, "NotPrincipal") {
		t.Error("left:", after.Policy)
	}
	for _, keep := range []string{"role/a", "x.amazonaws.com", `"Id":"x"`} {
		if !strings.Contains(after.Policy, keep) {
			t.Errorf("lost %s: %s", keep, after.Policy)
		}
	}
	steps := policySteps(Place{Target: Target{ARN: "arn:f"}}, before, after, "rev")
	if len(steps) != 1 || steps[0].Call != "Lambda:PutResourcePolicy" {
		t.Errorf("steps %+v", steps)
	}
}

func TestPolicySteps(t *testing.T) {
	doc := func(sids ...string) resourcePolicy {
		var all []string
		for i, sid := range sids {
			s := `"Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunction","Resource":"r` + string(rune('0'+i)) + `"`
			if sid != "" {
				s = `"Sid":"` + sid + `",` + s
			}
			all = append(all, "{"+s+"}")
		}
		if len(all) == 0 {
			return resourcePolicy{}
		}
		return resourcePolicy{`{"Version":"2012-10-17","Statement":[` + strings.Join(all, ",") + `]}`}
	}
	for _, c := range []struct {
		name     string
		now, to  resourcePolicy
		want     string
		tokenFor bool
	}{
		{"by Sid", doc("a", "b"), doc("a"), "RemovePermission", true},
		{"each by Sid", doc("a", "b", "c"), doc("a"), "RemovePermission RemovePermission", true},
		{"last by Sid", doc("a"), doc(), "RemovePermission", true},
		{"no Sid", doc("a", ""), doc("a"), "PutResourcePolicy", true},
		{"Sid twice", doc("a", "b", "b"), doc("a"), "PutResourcePolicy", true},
		{"last without Sid", doc(""), doc(), "DeleteResourcePolicy", true},
		{"put back", doc(), doc("a", "b"), "PutResourcePolicy", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			steps := policySteps(Place{Target: Target{ARN: "arn:f", Function: "f"}}, c.now, c.to, "rev-1")
			for _, s := range steps {
				got = append(got, strings.TrimPrefix(s.Call, "Lambda:"))
				b, err := json.Marshal(s.Input)
				if err != nil || !strings.Contains(string(b), `"RevisionId":"rev-1"`) {
					t.Errorf("no token in %s (%v)", b, err)
				}
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("got %v, want %s", got, c.want)
			}
			shown, err := calls(steps)
			if err != nil || strings.Contains(string(shown[0].Params), "rev-1") || strings.Contains(string(shown[0].Params), "null") {
				t.Errorf("shown as %s (%v)", shown[0].Params, err)
			}
		})
	}
	if !samePolicy(doc("a", "b"), resourcePolicy{reversed(t, doc("a", "b").Policy)}) {
		t.Error("order of statements matters")
	}
}

func reversed(t *testing.T, text string) string {
	t.Helper()
	p, err := parsePolicy(text)
	if err != nil {
		t.Fatal(err)
	}
	p.Statements[0], p.Statements[1] = p.Statements[1], p.Statements[0]
	return p.String()
}

func FuzzGrants(f *testing.F) {
	f.Add(`{"Statement":{"Effect":"Allow","Principal":{"AWS":["*",1]},"Condition":{"StringEquals":{"aws:PrincipalOrgID":true}}}}`)
	f.Add(`{"Statement":[null,{"Effect":"Allow"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		after, err := removeGrants(Place{}, resourcePolicy{text}, Params{"account": own})
		if err != nil {
			return
		}
		again, err := removeGrants(Place{}, after, Params{"account": own})
		if err != nil || again != after {
			t.Errorf("not idempotent: %q then %q (%v)", after.Policy, again.Policy, err)
		}
	})
}
