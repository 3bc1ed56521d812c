package act_test

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/act"
)

// TestSoon: with answers of 50 ms it is less than 2 s from the alert to concurrency 0, by the clock of
// the simulation, the state before sealed first.
func TestSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.stageFinding()
		s.w.Cloud.SetLatency(50 * time.Millisecond)
		calls, began := len(s.w.Cloud.Calls()), time.Now()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		o := s.respondOptions()
		o.Env = func() *playbooks.Env { // with the pace that keeps below AWS's quotas
			env := s.env()
			env.Unpaced = false
			env.Tell = func(playbooks.StepReport) { stop() } // the rest is not what is measured
			return env
		}
		all, err := respond.Respond(ctx, bytes.NewReader(s.message), o)
		if err != nil || len(all) != 1 || all[0].Acted == nil {
			t.Fatalf("%+v %v", all, err)
		}
		s.w.Cloud.SetLatency(0)
		for _, c := range s.w.Cloud.Calls()[calls:] {
			if c.Operation != "PutFunctionConcurrency" {
				continue
			}
			d := c.Time.Sub(began)
			t.Logf("%s from the alert to concurrency 0; all acts shown after %s", d, all[0].Acted.Contained.Sub(began))
			if d > 2*time.Second {
				t.Errorf("%s from the alert to concurrency 0", d)
			}
			s.before(all[0])
			return
		}
		t.Errorf("never contained: %+v", all[0].Acted)
	})
}

// TestTwoCases: where two alerts have the same function contained, the end of the first does not lift
// what the second still holds; after the last of them nothing is in force.
func TestTwoCases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.swap("per_function: 1", "per_function: 2")
		s.stageFinding()
		if out, err := s.acting(t.Context(), nil); err != nil || !s.stopped() {
			t.Fatalf("%+v %v", out, err)
		}
		time.Sleep(2 * time.Hour)
		id := *s.finding.Id
		other := id[:30] + "ff"
		s.finding.Id, s.finding.Arn = &other, nil
		s.stageFinding()
		s.message = bytes.ReplaceAll(s.message, []byte(id), []byte(other))
		if out, err := s.acting(t.Context(), nil); err != nil || out.Due == "" {
			t.Fatalf("%+v %v", out, err)
		}
		time.Sleep(2*time.Hour + time.Minute)
		s.sweep()
		if !s.stopped() || len(s.heard(act.Extended)) != 1 {
			t.Errorf("the second case holds it still: %v", s.told)
		}
		for range 3 {
			time.Sleep(time.Hour)
			s.sweep()
		}
		if s.stopped() || s.denied() || len(s.heard(act.Released)) != 2 {
			t.Errorf("it stays in force: %v", s.told)
		}
		s.intact()
	})
}
