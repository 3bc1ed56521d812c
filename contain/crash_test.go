package contain

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// dying is a vault that takes some more objects and then none.
type dying struct {
	*memory
	left int
}

var errDied = errors.New("the disk is gone")

func (d *dying) Create(ctx context.Context, name string, body io.ReadSeeker, size int64, sum [32]byte) (vault.Entry, error) {
	d.mu.Lock()
	d.left--
	dead := d.left < 0
	d.mu.Unlock()
	if dead {
		return vault.Entry{}, errDied
	}
	return d.memory.Create(ctx, name, body, size, sum)
}

// TestStopAtEachWrite stops the record of an apply at each object in turn, and then that
// of the undo: nothing is written to the account that the journal does not announce,
// and what is left can be read, applied again and undone.
func TestStopAtEachWrite(t *testing.T) {
	stopped, step := 0, 1
	if testing.Short() { // for the race detector some do
		step = 5
	}
	for n := 0; ; n += step {
		done := false
		synctest.Test(t, func(t *testing.T) { done = stopAt(t, n) })
		if done || t.Failed() {
			break
		}
		stopped++
	}
	if stopped < 20/step {
		t.Errorf("stopped only %d times: the record has fewer objects than moves", stopped)
	}
}

// stopAt says whether n objects were enough for the whole apply.
func stopAt(t *testing.T, n int) bool {
	f := newFake()
	b := newBench(t, f)
	before := f.state(t)
	p := b.plan(t, actMappings, actConcurrency, actGrants, actQuarantine)
	b.preserve(t, p)
	mem := b.c.Vault().(*memory)
	_, applied := applyOn(t, b, &dying{mem, n}, p)
	written := len(f.written)
	if n == 0 && written > 0 {
		t.Error("wrote to the account before there was a record")
	}
	reopened(t, b, mem)
	all, err := Standings(t.Context(), StatusInput{Session: b.s, Case: b.c})
	if err != nil {
		t.Fatal(err)
	}
	if written > 0 && len(all) == 0 {
		t.Errorf("stopped after %d objects: %v was written, and the journals know nothing", n, f.written)
	}
	if n%3 == 1 { // a part of them is applied again first
		if run, err := Apply(t.Context(), ApplyInput{Session: b.s, Case: b.c, Plan: p}); err != nil || run.Status() != StatusDone {
			t.Errorf("stopped after %d objects, applied again: %v %+v", n, err, run)
		}
	}
	reopened(t, b, &dying{mem, n / 2})
	_, _ = Undo(t.Context(), LiftInput{Session: b.s, Case: b.c, All: true, Reason: "test"}) // may die
	reopened(t, b, mem)
	if _, err := Undo(t.Context(), LiftInput{Session: b.s, Case: b.c, All: true, Reason: "test"}); err != nil && !errors.Is(err, ErrNothing) {
		t.Errorf("stopped after %d objects, undone: %v", n, err)
	}
	if now := f.state(t); now != before {
		t.Errorf("stopped after %d objects, not as before:\n%s\nwant\n%s", n, now, before)
	}
	for problem, err := range b.c.Verify(t.Context()) {
		if err != nil || problem.Damage() {
			t.Errorf("the case: %+v %v", problem, err)
		}
	}
	return applied == nil
}

func applyOn(t *testing.T, b *fakeBench, v vault.Vault, p *Plan) (*Run, error) {
	t.Helper()
	reopened(t, b, v)
	run, err := Apply(t.Context(), ApplyInput{Session: b.s, Case: b.c, Plan: p})
	if err != nil && !errors.Is(err, errDied) {
		t.Errorf("a dead disk gives: %v", err)
	}
	return run, err
}

// reopened is the next process.
func reopened(t *testing.T, b *fakeBench, v vault.Vault) {
	t.Helper()
	var err error
	if b.c, err = evidence.OpenCase(t.Context(), v); err != nil {
		t.Fatal(err)
	}
}
