package contain

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// TestSmallCollectionIsEnough: the command that a refusal names collects what it says
// is missing, under the same names.
func TestSmallCollectionIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		p := s.bench.plan(t)
		_, err := Apply(t.Context(), ApplyInput{Session: s.bench.s, Case: s.bench.c, Plan: p})
		refused, ok := errors.AsType[*NotPreservedError](err)
		if !ok || refused.Hint() != "freezeframe collect --function payments --scope containment" {
			t.Fatal(err)
		}
		w, err := s.bench.c.Begin(t.Context(), evidence.Header{Kind: evidence.KindCollection})
		must(t, err)
		target, err := collect.ParseTarget(simAccount, simRegion, "payments")
		must(t, err)
		in := collect.Inputs{Connect: s.bench.s.ReadOnly().ConfigRecorded, HTTP: s.bench.s.HTTPClient(), Endpoint: s.bench.s.Endpoint}
		sum, err := collect.Run(t.Context(), in, []collect.Target{target}, w, collect.Options{Scope: collect.Containment})
		must(t, err)
		_, err = w.Seal(t.Context(), sum.Status())
		must(t, err)
		run, err := Apply(t.Context(), ApplyInput{Session: s.bench.s, Case: s.bench.c, Plan: p})
		if err != nil || run.Status() != StatusDone {
			t.Errorf("after the small collection: %v %+v", err, run)
		}
	})
}
