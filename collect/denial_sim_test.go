package collect

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
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
const shortShare = 40

type policyDoc struct {
	Version   string
	Statement []policyStatement
}

type policyStatement struct {
	Sid, Effect      string
	Action, Resource []string
}

// without is the policy without the actions that the denials take away.
func (d policyDoc) without(all []denial) policyDoc {
	statements := d.Statement
	d.Statement = nil
	for i, s := range statements {
		s.Action = slices.DeleteFunc(slices.Clone(s.Action), func(x string) bool {
			return slices.ContainsFunc(all, func(o denial) bool { return !o.inject && o.statement == i && o.action == x })
		})
		if len(s.Action) > 0 {
			d.Statement = append(d.Statement, s)
		}
	}
	return d
}

// denial is one refusal for the whole of a collection: an action is missing in the policy, or,
// where that would refuse several calls at once, one call is refused by a fault.
type denial struct {
	what      string
	statement int    // of the policy, which loses the action
	action    string // or "", where a fault refuses the call
	call      string // that is refused; "" if the action serves others, or only helps
	inject    bool
	function  string
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
			d := denial{what: "without " + action, statement: i, action: action, function: bench.Occasion(action)}
			if calls := serves[action]; len(calls) == 1 && first(calls[0]) == action {
				d.call = calls[0]
				refused[d.call] = true
			}
			all = append(all, d)
		}
	}
	for _, n := range Needs(All) {
		if n.Call != downloadCall && !refused[n.Call] {
			all = append(all, denial{what: n.Call + " refused", call: n.Call, inject: true, function: bench.Occasion(n.Call)})
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
	groups, alone := atOnce(run), 0
	const together = 40
	for i, part := range slices.Collect(slices.Chunk(groups, together)) {
		t.Run(fmt.Sprint("part", i+1), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newDisturber(t, awssim.Config{}, false)
				for _, group := range part {
					if len(group) > 1 && len(r.refused(t, doc, group)) == 0 {
						continue
					}
					for _, d := range group { // one hides another, or there is something to tell
						alone++
						for _, problem := range r.refused(t, doc, []denial{d}) {
							t.Errorf("%s: %s", d.what, problem)
						}
					}
				}
			})
		})
	}
	injected := 0
	for _, d := range run {
		if d.inject {
			injected++
		}
	}
	t.Logf("%d actions taken away and %d calls refused by themselves, of %d and each needed; %d groups, %d by itself; 0 skipped", len(run)-injected, injected, len(all), len(groups), alone)
}

// atOnce puts refusals together that one collection can show: what each refused call gives is
// told apart by the call that its gaps name. Neighbours, which are of one service and may need
// each other's answers, come into different groups. FREEZEFRAME_DENIALS=all tries each by itself.
func atOnce(run []denial) (groups [][]denial) {
	const most = 8
	of := map[string][]denial{}
	for _, d := range run {
		if d.call == "" || os.Getenv("FREEZEFRAME_DENIALS") == "all" {
			groups = append(groups, []denial{d})
		} else {
			of[d.function] = append(of[d.function], d)
		}
	}
	for _, function := range slices.Sorted(maps.Keys(of)) {
		apart := make([][]denial, (len(of[function])+most-1)/most)
		for i, d := range of[function] {
			apart[i%len(apart)] = append(apart[i%len(apart)], d)
		}
		groups = append(groups, apart...)
	}
	return groups
}

// refused collects under refusals, and says what they do not explain.
func (r *disturber) refused(t *testing.T, doc policyDoc, group []denial) []string {
	for _, d := range group {
		if d.inject {
			r.a.Cloud.Inject(awssim.Fault{Op: d.call, Fail: awssim.Fail{Denied: true}})
		}
	}
	return beyond(r.collectWith(t, doc.without(group), group[0].function), group)
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

// beyond says what refused calls do not explain: nothing is denied of one of them, or other
// rows than they give are gaps.
func beyond(c *collected, group []denial) (out []string) {
	if c.sum.Complete {
		return []string{"complete all the same"}
	}
	if group[0].call == "" {
		return nil // which rows are gaps hangs on what else the action serves
	}
	given := map[string]int{} // denied rows of a call
	direct, dependent := []string{}, []string{}
	for k, r := range c.rows {
		if r.State.Complete() {
			continue
		}
		cell := faultCell{fault: matrixFault{name: faultDenied, fail: awssim.Fail{Denied: true}}}
		for _, d := range group {
			if cell.call = d.call; isDirect(cell, r) && r.State == evidence.Denied {
				given[d.call]++
				direct = append(direct, k)
				if wrong := wrongGap(cell, r); wrong != "" {
					out = append(out, fmt.Sprintf("%s: %s: %s", k, wrong, r))
				}
			}
		}
		if !slices.Contains(direct, k) {
			dependent = append(dependent, k)
		}
	}
	for _, d := range group {
		if given[d.call] == 0 && (len(group) > 1 || c.sum.States[evidence.Denied] == 0) {
			out = append(out, fmt.Sprintf("nothing is denied: %v", c.sum.States))
		}
	}
	for _, k := range dependent {
		if !c.explained(k, direct, dependent) {
			out = append(out, fmt.Sprintf("%s is a gap too: %s", k, c.rows[k]))
		}
	}
	return out
}
