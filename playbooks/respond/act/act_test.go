package act_test

import (
	"testing"
	"testing/synctest"

	"github.com/freezeframe-ir/freezeframe/internal/mandate"
)

// TestActs: what the mandate allows is done, and the state before is sealed first.
func TestActs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.stageFinding()
		n := len(s.w.Cloud.Calls())
		out, err := s.acting(t.Context(), nil)
		if err != nil || out.Decision.Outcome != mandate.DoAct {
			t.Fatalf("%+v %v", out, err)
		}
		if !s.stopped() {
			t.Error("payments goes on")
		}
		t.Logf("%+v %v", out, s.changes(n))
		s.intact()
	})
}
