package respond_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
)

// boardOf gives a desk a board, which lies elsewhere.
func boardOf(t *testing.T, d *desk) *board.Board {
	t.Helper()
	v, err := vault.NewFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	d.o.Board = board.On(v, "one")
	return d.o.Board
}

// TestTogether: one finding, in three forms, at the same moment, by as many responders who know
// nothing of each other: one case, one run, and whoever was not the first hears that it is known.
func TestTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		b := boardOf(t, d)
		d.w.Cloud.SetLatency(100 * time.Millisecond)
		var all sync.WaitGroup
		var mu sync.Mutex
		states := map[respond.State]int{}
		for i, name := range []string{"guardduty-lambda", "guardduty-lambda-asff", "guardduty-lambda-ocsf"} {
			message, o := sample(t, name, 0), d.o
			o.Board = b.As(fmt.Sprintf("responder %d", i))
			all.Go(func() {
				for {
					out, err := respond.Respond(t.Context(), bytes.NewReader(message), o)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					states[out[0].State]++
					mu.Unlock()
					if out[0].State.Settled() {
						return
					}
					time.Sleep(time.Minute)
				}
			})
		}
		all.Wait()
		if states[respond.Collected] != 1 || states[respond.Known] != 2 || len(states) > 3 {
			t.Errorf("%v", states)
		}
		if len(d.made) != 1 || d.count(t, evidence.KindPlaybook) != 1 || d.count(t, evidence.KindAlert) != 3 {
			t.Errorf("%d cases, %d runs, %d messages", len(d.made), d.count(t, evidence.KindPlaybook), d.count(t, evidence.KindAlert))
		}
		d.intact(t)
	})
}

// TestTakenOver: what was cut off is gone on with by the next who has the claim, at once where it was
// given back, and where its holder died when that has been silent for long enough.
func TestTakenOver(t *testing.T) {
	for _, died := range []bool{false, true} {
		t.Run(fmt.Sprintf("died=%t", died), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t)
				b := boardOf(t, d)
				message := sample(t, "guardduty-lambda", 0)
				ctx, stop := context.WithCancel(t.Context())
				d.tell = func(r playbooks.StepReport) {
					if r.ID == "collect" && r.Status == playbooks.Running {
						stop()
					}
				}
				all, err := respond.Respond(ctx, bytes.NewReader(message), d.o)
				if err != nil || all[0].State != respond.CutOff {
					t.Fatalf("%v %v", all, err)
				}
				d.tell = nil
				id := alert.Parse(message)[0].Case
				if died { // who took it after that never let go
					if _, err := b.As("the dead").Claim(t.Context(), respond.Claimed(id), false); err != nil {
						t.Fatal(err)
					}
				}
				began := time.Now()
				out := d.one(t, message)
				if out.State != respond.Collected && out.State != respond.WithGaps || out.Run != all[0].Run {
					t.Errorf("%s %q, run %s; %s was cut off", out.State, out.Why, out.Run, all[0].Run)
				}
				if waited := time.Since(began); died != (waited >= board.Silence) {
					t.Errorf("it waited %s", waited)
				}
				if h, err := b.HeldBy(t.Context(), respond.Claimed(id)); h != nil || err != nil {
					t.Errorf("it is still held: %v %v", h, err)
				}
				d.intact(t)
			})
		})
	}
}

// TestClaimLost: who has lost the case to somebody else stops, and says so.
func TestClaimLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		b := boardOf(t, d)
		message := sample(t, "guardduty-lambda", 0)
		name := "claims/" + respond.Claimed(alert.Parse(message)[0].Case) + "/"
		d.tell = func(r playbooks.StepReport) {
			if r.ID != "first" || r.Status != playbooks.Running {
				return
			}
			links, err := b.Names(t.Context(), name)
			if err != nil {
				t.Error(err)
			}
			if err := b.Put(t.Context(), fmt.Sprintf("%s%08d", name, len(links)+1), map[string]any{"what": "taken", "who": "another"}); err != nil {
				t.Error(err)
			}
			time.Sleep(board.Silence)
		}
		out := d.one(t, message)
		if out.State != respond.CutOff || !bytes.Contains([]byte(out.Why), []byte("taken over: another")) {
			t.Errorf("%s %q", out.State, out.Why)
		}
		d.tell = nil
		if out := d.one(t, message); out.State != respond.Collected && out.State != respond.WithGaps {
			t.Errorf("afterwards: %s %q", out.State, out.Why)
		}
		d.intact(t)
	})
}

// TestStoppedWithin: a process that is told to stop in the midst of a collection seals what it has;
// whoever goes on asks for the rest.
func TestStoppedWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		boardOf(t, d)
		message := sample(t, "guardduty-lambda", 0)
		ctx, stop := context.WithCancel(t.Context())
		plain := d.o.Env
		d.o.Env = func() *playbooks.Env {
			env := plain()
			env.Doing = func(done, _ int, _ int64, _ string) {
				if done == 15 {
					stop()
				}
			}
			return env
		}
		all, err := respond.Respond(ctx, bytes.NewReader(message), d.o)
		if err != nil || all[0].State != respond.CutOff {
			t.Fatalf("%v %v", all, err)
		}
		out := d.one(t, message)
		if out.State != respond.Collected && out.State != respond.WithGaps || out.Run != all[0].Run {
			t.Fatalf("%s %q, run %s; %s was cut off", out.State, out.Why, out.Run, all[0].Run)
		}
		for _, s := range out.Ran().Steps {
			// A detail of a mapping whose list was cut off stays a gap of the quick bag; the whole one has it.
			if s.Verb == "collect" && s.Gaps > 1 || s.ID == "collect" && s.Gaps > 0 {
				t.Errorf("%+v", s)
			}
		}
		d.intact(t)
	})
}

// TestPatience: who comes by a queue waits in hand for who is at the case, and goes back to the queue
// only when that lasts.
func TestPatience(t *testing.T) {
	for _, c := range []struct {
		others, patience time.Duration
		want             respond.State
	}{{90 * time.Second, 2 * time.Minute, respond.Collected}, {time.Hour, 2 * time.Minute, respond.Busy}, {90 * time.Second, 0, respond.Busy}} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t)
			b := boardOf(t, d)
			message := sample(t, "guardduty-lambda", 0)
			claim, err := b.As("another").Claim(t.Context(), respond.Claimed(alert.Parse(message)[0].Case), false)
			if err != nil {
				t.Fatal(err)
			}
			_, stop := claim.Keep(t.Context())
			defer stop()
			release := time.AfterFunc(c.others, func() { stop(); _ = claim.Release(context.Background()) })
			defer release.Stop()
			o := d.o
			o.Board, o.Patience = b.As("who waits"), c.patience
			out, err := respond.Respond(t.Context(), bytes.NewReader(message), o)
			if err != nil || out[0].State != c.want {
				t.Errorf("others are at it for %s, patience %s: %s, want %s (%v, %s)", c.others, c.patience, out[0].State, c.want, err, out[0].Why)
			}
		})
	}
}
