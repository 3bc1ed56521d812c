package attackers

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// openRows are rows whose own act is not in the catalogue yet: only isolation holds them, so
// that what lifts it brings them back, or not even that does. A row whose roads are shut has
// to leave this list, and so has one for which an act appears: by the name that is expected
// (row.own), or by answering its finding.
var openRows = map[int]string{}

// early are the acts that were there when openRows was written: that one of these answers a
// finding shuts no row of it.
var early = []string{"mappings-off", "provisioned-delete", "role-quarantine", "role-quarantine-scoped", "revoke-sessions", "concurrency-zero", "grants-remove", "url-iam",
	"configuration-back", "rules-off", "rule-targets-park", "schedules-off", "autoscaling-suspend", "instances-zero", "recursion-end"}

// TestThreatMatrix lets the attacker of each row try every road: at least one is open
// before, none after apply, none of the row's own after release, and after undo the owner's
// traffic goes on.
func TestThreatMatrix(t *testing.T) {
	all := rows()
	slices.SortFunc(all, func(a, b row) int { return a.n - b.n })
	walked, none, cells, skipped := 0, 0, 0, 0
	for i, r := range all {
		if r.n != i+1 {
			t.Fatalf("row %d stands where row %d should", r.n, i+1)
		}
		if r.none != "" {
			none++
			t.Logf("row %d %s: no containment: %s", r.n, r.threat, r.none)
			if r.n != 26 && r.n != 27 {
				t.Errorf("row %d may not be without containment", r.n)
			}
			continue
		}
		if testing.Short() && i%6 != 1 {
			skipped++
			continue
		}
		walked++
		t.Run(fmt.Sprintf("%02d %s", r.n, strings.ReplaceAll(r.threat, "/", " or ")), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { cells += r.walked(t) })
		})
	}
	if len(all) != 28 {
		t.Errorf("the matrix has 28 rows, here are %d", len(all))
	}
	t.Logf("%d rows x their paths = %d cells, %d skipped; %d rows without containment, %d open", walked, cells, skipped, none, len(openRows))
}

// walked plays one row, and says how many cells that were: a path at a moment.
func (r row) walked(t *testing.T) int {
	w := newWorld(t)
	w.breakIn()
	r.attack(w)
	settle()
	var extra []path
	if r.extra != nil {
		extra = r.extra(w)
	}
	before := w.walk(extra)
	for _, p := range r.through {
		if before[p] != "" {
			t.Errorf("the attack does not open %s: %s", p, before[p])
		}
	}
	if len(open(before)) == 0 {
		t.Error("before containment no road is open")
	}
	in := w.contained(r)
	w.inFlight = true
	after := w.walk(extra)
	w.inFlight, w.warm = false, r.n == 28 // an exploit needs no environment to wait in
	if _, err := contain.Release(t.Context(), contain.LiftInput{Session: w.responder, Case: w.kase}); err != nil {
		t.Errorf("release: %v", err)
	}
	settle()
	released := w.walk(extra)
	r.judge(t, in, open(after), open(released))
	w.undone()
	for name, err := range w.ownersTraffic() {
		if err != nil {
			t.Errorf("after undo the owner is hurt: %s: %v", name, err)
		}
	}
	r.print(t, before, after, released)
	return 3*len(before) + len(w.ownersTraffic())
}

// contained plans with all there is, and applies.
func (w *world) contained(r row) contain.PlanInput {
	w.t.Helper()
	in := contain.PlanInput{Session: w.responder, Case: w.kase, Functions: []string{function}, Actors: []string{deployARN, readerARN}, Level: contain.LevelEvict, AcceptSharedRole: true, GoodVersion: []string{"2"}}
	if r.plan != nil {
		r.plan(w, &in)
	}
	w.collected() // what is overwritten has to be there to come back
	p, err := contain.NewPlan(w.t.Context(), in)
	must(w.t, err)
	for _, u := range p.Unplanned {
		w.t.Errorf("not planned: %+v", u)
	}
	run, err := contain.Apply(w.t.Context(), contain.ApplyInput{Session: w.responder, Case: w.kase, Plan: p, Operator: "rita", Override: "evidence is not what is judged here"})
	must(w.t, err)
	if !run.Status().OK() {
		w.t.Errorf("applied: %s: %+v", run.Status(), run.Acts)
	}
	settle()
	return in
}

func (w *world) undone() {
	w.t.Helper()
	run, err := contain.Undo(w.t.Context(), contain.LiftInput{Session: w.responder, Case: w.kase, All: true, Reason: "the test is over", AcceptRisk: "nobody is there"})
	must(w.t, err)
	if !run.Status().OK() {
		w.t.Errorf("undone: %s: %+v", run.Status(), run.Acts)
	}
	settle()
}

// judge holds what is still open against what is known to be.
func (r row) judge(t *testing.T, in contain.PlanInput, after, released []string) {
	t.Helper()
	var back []string
	for _, p := range r.through {
		if slices.Contains(released, p) {
			back = append(back, p)
		}
	}
	expected, listed := openRows[r.n]
	isOpen := len(after) > 0 || len(back) > 0 && r.passing == ""
	switch {
	case isOpen && !listed:
		t.Errorf("OPEN: after apply %q; after release %q", after, back)
	case !isOpen && listed:
		t.Errorf("listed as open for want of %s, and it is shut: take it from the list", expected)
	case listed:
		t.Logf("OPEN: no act yet (%s): after apply %q, after release %q", expected, after, back)
	}
	for _, a := range contain.All() {
		answers := slices.ContainsFunc(a.Answers, func(n contain.Answer) bool {
			return slices.ContainsFunc(in.Findings, func(f finding.Finding) bool { return f.Kind == n.Kind })
		})
		if listed && (slices.Contains(r.own, a.Name) || answers && !slices.Contains(early, a.Name)) {
			t.Errorf("listed as open for want of %s, and there is %s: walk it, and take the row from the list", expected, a.Name)
		}
	}
}

func (r row) print(t *testing.T, before, after, released map[string]string) {
	t.Helper()
	var names []string
	for name := range before {
		names = append(names, name)
	}
	slices.Sort(names)
	mark := func(answer string) string {
		if answer == "" {
			return "IN"
		}
		return answer
	}
	for _, name := range names {
		t.Logf("%-36s before: %-26s after: %-28s released: %s", name, mark(before[name]), mark(after[name]), mark(released[name]))
	}
}
