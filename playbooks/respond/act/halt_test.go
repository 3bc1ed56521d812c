package act_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/mandate"
)

// TestHaltedMeanwhile: the switch is obeyed also by who is in the midst of it: what is under way comes
// to its end, nothing further begins, and it is gone on with when the switch is turned back.
func TestHaltedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.swap("level: stop", "level: isolate")
		s.stageFinding()
		s.w.Cloud.SetLatency(10 * time.Second)
		calls := len(s.w.Cloud.Calls())
		go func() {
			for !slices.Contains(s.changes(calls), "PutFunctionConcurrency") {
				time.Sleep(time.Second)
			}
			s.halt()
		}()
		out, err := s.acting(t.Context(), nil)
		if err == nil || out.Decision.Outcome != mandate.DoAct || slices.Contains(s.changes(calls), "UpdateFunctionUrlConfig") {
			t.Errorf("%+v %v: %v", out, err, s.changes(calls))
		}
		s.w.Cloud.SetLatency(0)
		if out, err := s.acting(t.Context(), nil); err != nil || out.Decision.Reasons[0].ID != mandate.Halted.ID {
			t.Errorf("%+v %v", out, err)
		}
		s.must(nil, s.board.SetHalt(t.Context(), haltLifted))
		if out, err := s.acting(t.Context(), nil); err != nil || out.NotInForce > 0 || !slices.Contains(s.changes(calls), "UpdateFunctionUrlConfig") || len(s.names("acted/")) != 1 {
			t.Errorf("turned back: %+v %v: %v", out, err, s.changes(calls))
		}
		s.intact()
	})
}
