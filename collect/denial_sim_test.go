package collect

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// shortShare is the share of the denials that are tried under -short: for the race detector
// some do.
const shortShare = 8

type policyDoc struct {
	Version   string
	Statement []policyStatement
}

type policyStatement struct {
	Sid, Effect      string
	Action, Resource []string
}

// without is the policy without one action of one statement.
func (d policyDoc) without(statement int, action string) policyDoc {
	d.Statement = slices.Clone(d.Statement)
	s := &d.Statement[statement]
	s.Action = slices.DeleteFunc(slices.Clone(s.Action), func(x string) bool { return x == action })
	if len(s.Action) == 0 {
		d.Statement = slices.Delete(d.Statement, statement, statement+1)
	}
	return d
}

// denial is one refusal for the whole of a collection: an action is missing in the policy, or,
// where that would refuse several calls at once, one call is refused by a fault.
type denial struct {
	what     string
	policy   policyDoc
	call     string // that is refused; "" if the action serves others, or only helps
	inject   bool
	function string
}

// denials are one for each action of the policy, and one for each call that these do not
// refuse by itself.
func denials(t *testing.T, doc policyDoc) (all []denial) {
	t.Helper()
	// Only asked when a function is not found, which is not the case here.
	idle := []string{"lambda:ListFunctions"}
	serves, refused := map[string][]string{}, map[string]bool{}
	for _, n := range Needs(All) {
		for _, g := range n.IAM {
			if !slices.Contains(serves[g.Action], n.Call) {
				serves[g.Action] = append(serves[g.Action], n.Call)
			}
		}
	}
	for i, s := range doc.Statement {
		for _, action := range s.Action {
			if s.Effect != "Allow" || slices.Contains(idle, action) {
				continue
			}
			d := denial{what: "without " + action, policy: doc.without(i, action), function: bench.Occasion(action)}
			if calls := serves[action]; len(calls) == 1 && first(calls[0]) == action {
				d.call = calls[0]
				refused[d.call] = true
			}
			all = append(all, d)
		}
	}
	for _, n := range Needs(All) {
		if n.Call != downloadCall && !refused[n.Call] {
			all = append(all, denial{what: n.Call + " refused", policy: doc, call: n.Call, inject: true, function: bench.Occasion(n.Call)})
		}
	}
	return all
}

// first is the action that a call needs before all others.
func first(call string) string {
	for _, n := range Needs(All) {
		if n.Call == call && len(n.IAM) > 0 {
			return n.IAM[0].Action
		}
	}
	return ""
}

// TestPolicyIsSufficientAndMinimal: with the printed policy a collection is complete. Without
// any one of its actions it is not, and then exactly what the refused call gives is denied,
// and not attempted what names it.
func TestPolicyIsSufficientAndMinimal(t *testing.T) {
	text, err := Policy(All, simTarget)
	if err != nil {
		t.Fatal(err)
	}
	var doc policyDoc
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	if n := awsapi.PolicySize(text); n > awsapi.MaxInlinePolicy {
		t.Errorf("%d characters: a role's inline policies take %d", n, awsapi.MaxInlinePolicy)
	}
	synctest.Test(t, func(t *testing.T) {
		r := newDisturber(t, awssim.Config{}, false)
		for _, function := range bench.Functions() {
			c := r.collectWith(t, doc, function)
			for k, row := range c.rows {
				if !row.State.Complete() && !c.sum.Complete {
					t.Errorf("%s: %s", k, row)
				}
			}
		}
	})
	all := denials(t, doc)
	run := slices.DeleteFunc(slices.Clone(all), func(d denial) bool {
		return testing.Short() && slices.IndexFunc(all, func(o denial) bool { return o.what == d.what })%shortShare != 0
	})
	injected := 0
	const together = 40
	for i, part := range slices.Collect(slices.Chunk(run, together)) {
		t.Run(fmt.Sprint("part", i+1), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newDisturber(t, awssim.Config{}, false)
				for _, d := range part {
					if d.inject {
						injected++
						r.a.Cloud.Inject(awssim.Fault{Op: d.call, Fail: awssim.Fail{Denied: true}})
					}
					for _, problem := range beyond(r.collectWith(t, d.policy, d.function), d.call) {
						t.Errorf("%s: %s", d.what, problem)
					}
				}
			})
		})
	}
	t.Logf("%d actions taken away and %d calls refused by themselves, of %d and each needed; 0 skipped", len(run)-injected, injected, len(all))
}

// collectWith collects with a policy that was made for the account's first function.
func (r *disturber) collectWith(t *testing.T, doc policyDoc, function string) *collected {
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	r.s = sessionAs(t, r.a, "less", strings.ReplaceAll(string(text), ":function:"+bench.Function, ":function:"+function))
	return r.collect(t, function)
}

// beyond says what a refused call does not explain: nothing is denied then, or other rows
// than it gives are gaps.
func beyond(c *collected, call string) (out []string) {
	if c.sum.Complete {
		return []string{"complete all the same"}
	}
	if call == "" {
		return nil // which rows are gaps hangs on what else the action serves
	}
	if c.sum.States[evidence.Denied] == 0 {
		out = append(out, fmt.Sprintf("nothing is denied: %v", c.sum.States))
	}
	cell := faultCell{call: call, fault: matrixFault{name: faultDenied, fail: awssim.Fail{Denied: true}}}
	direct, dependent := []string{}, []string{}
	for k, r := range c.rows {
		switch {
		case r.State.Complete():
		case isDirect(cell, r) && r.State == evidence.Denied:
			direct = append(direct, k)
			if wrong := wrongGap(cell, r); wrong != "" {
				out = append(out, fmt.Sprintf("%s: %s: %s", k, wrong, r))
			}
		default:
			dependent = append(dependent, k)
		}
	}
	for _, k := range dependent {
		if !c.explained(k, direct, dependent) {
			out = append(out, fmt.Sprintf("%s is a gap too: %s", k, c.rows[k]))
		}
	}
	return out
}
