package contain

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

// mishap is a fault, and whether a run has to come to its end in spite of it where it
// strikes a call that changes something.
type mishap struct {
	name     string
	fault    awssim.Fault
	survived bool
}

// mishaps are the faults of the matrix; kill -9 is the one that needs a process of its own
// (test/kill).
func mishaps(call string) []mishap {
	conflict := awssim.Fail{Code: "ResourceConflictException", Status: 409}
	if strings.HasPrefix(call, "IAM:") {
		conflict.Code = "ConcurrentModification"
	}
	internal, drop := awssim.Fail{Code: "ServiceException", Status: 500}, awssim.Fail{Drop: true}
	all := []mishap{
		{"error before", awssim.Fault{Nth: 1, Fail: internal}, true},
		{"error after effect", awssim.Fault{Nth: 1, AfterEffect: true, Fail: internal}, true},
		{"dropped before", awssim.Fault{Nth: 1, Fail: drop}, true},
		{"reply lost", awssim.Fault{Nth: 1, AfterEffect: true, Fail: drop}, true},
		{"throttled", awssim.Fault{Nth: 1, Fail: awssim.Fail{Throttled: true}}, true},
		{"conflict", awssim.Fault{Nth: 1, Fail: conflict}, true},
		{"denied for good", awssim.Fault{Fail: awssim.Fail{Denied: true, Code: "AccessDeniedException", Status: 403}}, false},
		{"dropped for good", awssim.Fault{Fail: drop}, false},
		{"every reply lost", awssim.Fault{AfterEffect: true, Fail: drop}, false},
	}
	for i := range all {
		all[i].fault.Op = call
	}
	return all
}

// clean is what a run without faults showed of an act.
type clean struct {
	plan, apply, undo []string // calls
	before            map[string]json.RawMessage
}

// TestMatrix applies, lifts and takes back every act on the simulated account, then once
// more for each call that this made and each fault: in the end the account is as before,
// but for what the act declares as lost, and no run says what is not so. Every act and call is
// tried; of the cells a share is, unless FREEZEFRAME_CONTAIN_CELLS=all, as in .ci/long.
func TestMatrix(t *testing.T) {
	share := 8
	switch {
	case testing.Short():
		share = 20
	case os.Getenv("FREEZEFRAME_CONTAIN_CELLS") == "all":
		share = 1
	}
	cells, left, acts, calls := 0, 0, 0, 0
	surveyed := map[string]bool{} // reads of planning that are the same for all acts
	for i, act := range All() {
		if testing.Short() && i%12 != 2 { // for the race detector some do
			continue
		}
		acts++
		t.Run(act.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newField(t)
				p := f.plan(t, act)
				c := f.undisturbed(t, act, p)
				var planning []string
				for _, call := range c.plan {
					if !surveyed[call] {
						planning = append(planning, call)
					}
					surveyed[call] = true
				}
				for phase, made := range map[string][]string{"plan": planning, "apply": c.apply, "undo": c.undo} {
					for _, call := range made {
						calls++
						for _, m := range mishaps(call) {
							if cells++; cells%share != 0 {
								left++
								continue
							}
							if act.Stays { // an undo does not bring the fixture back: each cell has its own
								f = newField(t)
								c.before = f.fields()
							}
							if !f.disturbed(t, act, p, &c, phase, m) {
								return
							}
						}
					}
				}
			})
		})
	}
	t.Logf("%d acts x %d calls x %d faults = %d cells, of which %d were to be tried, 0 skipped", acts, calls, len(mishaps("")), cells, cells-left)
	if cells != calls*len(mishaps("")) && !t.Failed() {
		t.Errorf("%d calls x %d faults are not %d cells", calls, len(mishaps("")), cells)
	}
}

// undisturbed runs the act without a fault, and judges all that such a run must show.
func (f *field) undisturbed(t *testing.T, act Act, p *Plan) clean {
	t.Helper()
	c := clean{plan: f.made(), before: f.fields()}
	f.newCase(t, p)
	digest := f.cloud.Digest()
	dry, err := Apply(t.Context(), ApplyInput{Session: f.session, Case: f.kase, Plan: p, DryRun: true})
	must(t, err)
	if f.cloud.Digest() != digest || dry.Status() != StatusDone {
		t.Errorf("dry run: %s, account changed: %v", dry.Status(), f.cloud.Digest() != digest)
	}
	f.made()
	run, err := Apply(t.Context(), ApplyInput{Session: f.session, Case: f.kase, Plan: p})
	must(t, err)
	c.apply = f.made()
	if run.Status() != StatusDone {
		t.Fatalf("applied: %+v", run.Acts)
	}
	if f.cloud.Digest() == digest || len(lost(c.before, f.fields())) == 0 {
		t.Error("applied, and nothing changed")
	}
	if !f.inForce(t, p, act) {
		t.Error("applied, and not in force")
	}
	f.unchanged(t, "asking how acts stand", func() { _, err = Standings(t.Context(), StatusInput{Session: f.session, Case: f.kase}) })
	must(t, err)
	plannedCalls(t, p, run)
	f.made()
	f.lifted(t, act)
	c.undo = f.made()
	if told := f.tells(t, p); len(told) > 0 {
		t.Errorf("a secret stands in the clear in %s", strings.Join(told, ", "))
	}
	after := f.fields()
	if odd := undeclared(act, c.before, after); len(odd) > 0 {
		t.Errorf("undone, and not as before:\n%s", strings.Join(odd, "\n"))
	}
	for _, pattern := range act.LosesState {
		if !slices.ContainsFunc(sortedKeys(lost(c.before, after)), func(field string) bool { return wild(pattern, field) }) {
			t.Errorf("declared as lost, and it came back: %s", pattern)
		}
	}
	if (len(act.LosesState) > 0) && act.Lossy == "" {
		t.Error("it loses state, and has no words for it")
	}
	f.declared(t, act, append(append([]string(nil), c.apply...), c.undo...))
	c.before = after
	return c
}

// lifted takes the act back by the road that is its kind's, and shows that the other is closed.
func (f *field) lifted(t *testing.T, act Act) {
	t.Helper()
	in := LiftInput{Session: f.session, Case: f.kase}
	if act.Kind == Isolate {
		run, err := Release(t.Context(), in)
		must(t, err)
		if run.Status() != StatusDone {
			t.Fatalf("released: %+v", run.Acts)
		}
		return
	}
	if _, err := Release(t.Context(), in); !errors.Is(err, ErrNothing) {
		t.Errorf("release lifted what only undo may: %v", err)
	}
	in.Acts, in.Reason = []string{act.Name}, "test"
	run, err := Undo(t.Context(), in)
	if act.revives {
		if !errors.Is(err, ErrSessionsLive) {
			t.Fatalf("credentials that may be stolen came back without a word: %v", err)
		}
		in.AcceptRisk = "test"
		run, err = Undo(t.Context(), in)
	}
	must(t, err)
	if run.Status() != StatusDone {
		t.Fatalf("undone: %+v", run.Acts)
	}
}

// declared: every call is declared (the guard sees to that), and what is declared without
// a condition is made.
func (f *field) declared(t *testing.T, act Act, made []string) {
	t.Helper()
	for _, n := range act.Needs {
		if (n.When == "" || n.When == "lifting") && !slices.Contains(made, n.Call) {
			t.Errorf("%s declares %s and never makes it", act.Name, n.Call)
		}
		if awsapi.Mutating(n.Call) != n.Mutates || len(n.IAM) == 0 {
			t.Errorf("%s declares %s wrongly", act.Name, n.Call)
		}
	}
}

// disturbed runs the act with one fault in one phase, and says whether the account can be
// used for the next cell.
func (f *field) disturbed(t *testing.T, act Act, p *Plan, c *clean, phase string, m mishap) bool {
	t.Helper()
	cell := fmt.Sprintf("%s/%s/%s: ", phase, m.fault.Op, m.name)
	if phase == "plan" {
		f.cloud.Inject(m.fault)
		_, err := NewPlan(t.Context(), f.fixture(act)) // may say that it cannot; may not change anything
		f.cloud.ClearFaults()
		if err == nil && len(lost(c.before, f.fields())) > 0 {
			t.Error(cell + "planning changed the account")
			return false
		}
		return true
	}
	f.newCase(t, p)
	survives := m.survived && awsapi.Mutating(m.fault.Op)
	if phase == "apply" {
		f.cloud.Inject(m.fault)
	}
	run, err := Apply(t.Context(), ApplyInput{Session: f.session, Case: f.kase, Plan: p})
	f.cloud.ClearFaults()
	if err != nil {
		t.Errorf("%sapplying: %v", cell, err)
		return false
	}
	if survives && phase == "apply" && run.Status() != StatusDone {
		t.Errorf("%sapply ended as %s: %+v", cell, run.Status(), run.Acts)
	}
	// Acts that go along may come to nothing by themselves.
	if really, said := f.inForce(t, p, act), statusOf(run, act.Name); really != said.OK() && said != StatusUnknown {
		t.Errorf("%sthe run says %s, in force: %v", cell, said, really)
	}
	return f.takenBack(t, act, c, cell, phase, m, survives)
}

// statusOf is what a run says of one act.
func statusOf(run *Run, act string) Status {
	for _, a := range run.Acts {
		if a.Act == act {
			return a.Status
		}
	}
	return run.Status()
}

func (f *field) takenBack(t *testing.T, act Act, c *clean, cell, phase string, m mishap, survives bool) bool {
	t.Helper()
	var left map[string]json.RawMessage
	if act.Stays {
		left = f.fields()
	}
	undo := LiftInput{Session: f.session, Case: f.kase, All: true, Reason: "test", AcceptRisk: "test"}
	if phase == "undo" {
		f.cloud.Inject(m.fault)
		run, err := Undo(t.Context(), undo)
		f.cloud.ClearFaults()
		if survives && (err != nil || run.Status() != StatusDone) {
			t.Errorf("%sundo ended as %v: %+v", cell, err, run)
		}
	}
	if _, err := Undo(t.Context(), undo); err != nil && !errors.Is(err, ErrNothing) {
		t.Errorf("%sundone again without fault: %v", cell, err)
	}
	after := f.fields()
	odd := undeclared(act, c.before, after)
	if act.Stays { // an undo that changes nothing
		odd = sortedKeys(lost(left, after))
	}
	c.before = after
	if len(odd) > 0 {
		t.Errorf("%sundone, and not as before:\n%s", cell, strings.Join(odd, "\n"))
	}
	return len(odd) == 0
}
