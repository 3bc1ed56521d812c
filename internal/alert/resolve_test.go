package alert

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
)

func listOf(fail error, all ...Function) List {
	return func(context.Context, string) iter.Seq2[Function, error] {
		return func(yield func(Function, error) bool) {
			for _, f := range all {
				if !yield(f, nil) {
					return
				}
			}
			if fail != nil {
				yield(Function{}, fail)
			}
		}
	}
}

// TestResolve: by the role alone, by the session among several, and otherwise not.
func TestResolve(t *testing.T) {
	const role, other = "arn:aws:iam::111122223333:role/service/payments-role", "arn:aws:iam::111122223333:role/orders-role"
	f := func(name, role string) Function {
		return Function{"arn:aws:lambda:us-east-1:111122223333:function:" + name, role}
	}
	foreign := Function{"arn:aws:lambda:us-east-1:444455556666:function:payments", "arn:aws:iam::444455556666:role/payments-role"}
	for _, c := range []struct {
		name  string
		list  List
		by    Basis
		named string
		says  string
	}{
		{"the only one", listOf(nil, f("orders", other), f("billing", role), foreign), ByRole, "billing", ""},
		{"the session's", listOf(nil, f("billing", role), f("payments", role)), BySession, "payments", ""},
		{"neither", listOf(nil, f("billing", role), f("orders", role)), "", "", "2 functions have role payments-role"},
		{"in two regions", listOf(nil, f("payments", role), Function{payments, role}), "", "", "2 functions have role payments-role"},
		{"none", listOf(nil, f("orders", other), foreign), "", "", "no function of account 111122223333"},
		{"half a list", listOf(errors.New("denied"), f("payments", role)), "", "", "could not be looked up: denied"},
		{"hostile", listOf(nil, Function{"arn:aws:lambda:us-east-1:111122223333:function:\x1b[31m", role}, Function{"", role}), "", "", "no function of account"},
		{"another account's role", listOf(nil, f("payments", strings.Replace(role, "111122223333", "444455556666", 1))), "", "", "no function of account"},
	} {
		for _, sample := range []string{"guardduty-accesskey", "guardduty-accesskey-asff", "guardduty-accesskey-ocsf", "cloudtrail-role"} {
			a := first(t, sample).Resolve(t.Context(), c.list)
			why := ""
			for _, g := range a.Unresolved {
				why += g.Why
			}
			if a.Basis != c.by || (a.Target != nil) != (c.named != "") || a.Target != nil && a.Target.Name != c.named || !strings.Contains(why, c.says) || (c.says == "") != (why == "") {
				t.Errorf("%s, %s: %v by %q, %q; want %q by %q, %q", sample, c.name, a.Target, a.Basis, why, c.named, c.by, c.says)
			}
		}
	}
	// A call from another account is of that account's role: one of the same name here is another.
	foreignCall := Parse([]byte(strings.Replace(string(sample(t, "cloudtrail-role")), "arn:aws:sts::111122223333", "arn:aws:sts::444455556666", 1)))[0]
	asked := ""
	got := foreignCall.Resolve(t.Context(), func(ctx context.Context, account string) iter.Seq2[Function, error] {
		asked = account
		return listOf(nil, f("payments", role), foreign)(ctx, account)
	})
	if asked != "444455556666" || got.Target == nil || got.Target.Account != "444455556666" || got.Account != "111122223333" {
		t.Errorf("account %s was asked, and the function is %+v", asked, got.Target)
	}
	never := func(context.Context, string) iter.Seq2[Function, error] {
		t.Error("asked, though there is nothing to look up")
		return nil
	}
	for _, sample := range []string{"guardduty-lambda", "guardduty-user", "guardduty-bucket", "alarm-event", "securityhub-two-functions"} {
		first(t, sample).Resolve(t.Context(), never)
	}
	refused := Parse([]byte("{"))[0]
	refused.Resolve(t.Context(), never)
}
