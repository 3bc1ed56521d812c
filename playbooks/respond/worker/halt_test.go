package worker_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/queue"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/worker"
)

// TestHalted: while all is halted no message is taken, so that none wears out on its way to the
// dead-letter queue; within a minute after the switch is turned, either way, every worker obeys.
func TestHalted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 5)
		var at []time.Duration
		began := time.Now()
		o := w.options(hands{"", func(context.Context, *queue.Message) (bool, error) {
			at = append(at, time.Since(began))
			return true, nil
		}})
		ctx, stop := context.WithTimeout(t.Context(), 4*time.Hour)
		defer stop()
		turn := func(on bool) {
			if err := w.b.SetHalt(t.Context(), board.Halt{Halted: on, By: "olive", Why: "a false alarm", At: time.Now()}); err != nil {
				t.Error(err)
			}
		}
		time.AfterFunc(time.Hour, func() { turn(true) })
		time.AfterFunc(time.Hour+time.Minute, func() { w.send(t, "1", "2") })
		time.AfterFunc(3*time.Hour, func() { turn(false) })
		tally, err := worker.Run(ctx, o)
		if err != nil || tally.Settled != 2 || len(at) != 2 || at[0] < 3*time.Hour || at[1] > 3*time.Hour+time.Minute {
			t.Errorf("%+v %v, taken after %v", tally, err, at)
		}
		if len(w.warned) != 2 || !strings.Contains(w.warned[0], "halted by olive") {
			t.Errorf("warned: %q", w.warned)
		}
	})
}
