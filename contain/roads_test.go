package contain

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezeframe-ir/freezeframe/bench"
)

// TestRoadsAreChecked: a run says of each road to bad code whether it is closed. One that an
// act does not close is open, one that it does is closed until the act is lifted, and a watch
// tells of both.
func TestRoadsAreChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newField(t)
		apply := func(bad string, acts ...string) *Run {
			p, err := NewPlan(t.Context(), PlanInput{Session: f.session, Functions: []string{bench.Function}, Acts: acts, Bad: []string{bad}, AcceptSharedRole: true})
			must(t, err)
			f.newCase(t, p)
			run, err := Apply(t.Context(), ApplyInput{Session: f.session, Case: f.kase, Plan: p})
			must(t, err)
			return run
		}
		watch := func(function string) *Watched {
			w, err := Watch(t.Context(), WatchInput{Session: f.session, Case: f.kase, Function: function, For: time.Second})
			must(t, err)
			return w
		}
		run := apply("1", actURL)
		open := slices.DeleteFunc(slices.Clone(run.Checks), func(c Check) bool { return c.How != howRoad || c.OK })
		if len(open) < 5 || !slices.ContainsFunc(open, func(c Check) bool {
			return strings.HasPrefix(c.Note, "target group") && c.Result == "open to version 1"
		}) {
			t.Errorf("checks %+v", run.Checks)
		}
		if w := watch(bench.Function); len(w.Roads) != len(open) || !strings.Contains(w.Verdict, "roads to bad code stand open") || len(watch("").Roads) != len(open) {
			t.Errorf("%s: %q", w.Verdict, w.Roads)
		}
		_, err := Undo(t.Context(), LiftInput{Session: f.session, Case: f.kase, All: true, Reason: "test"})
		must(t, err)

		run = apply("1", actConcurrency)
		if len(run.Checks) == 0 || slices.ContainsFunc(run.Checks, func(c Check) bool { return c.How == howRoad && !c.OK }) {
			t.Errorf("concurrency 0 leaves open: %+v", run.Checks)
		}
		if w := watch(""); len(w.Roads) != 0 || strings.Contains(w.Verdict, "roads") {
			t.Errorf("%s: %q", w.Verdict, w.Roads)
		}
		_, err = Release(t.Context(), LiftInput{Session: f.session, Case: f.kase})
		must(t, err)
		if w := watch(""); len(w.Roads) == 0 || !strings.HasSuffix(w.Roads[0], actConcurrency+" was lifted since") {
			t.Errorf("released: %s: %q", w.Verdict, w.Roads)
		}
		if run = apply("99", actURL); slices.ContainsFunc(run.Checks, func(c Check) bool { return c.How == howRoad }) {
			t.Errorf("nothing is reached, and checked: %+v", run.Checks)
		}
	})
}
