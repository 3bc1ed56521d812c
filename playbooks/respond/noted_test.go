package respond_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
)

// TestNoted: what became of each alert stands on the board, in order, with the times that people ask
// for, and then people are told.
func TestNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		v, err := vault.NewFolder(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		d.o.Board = board.On(v, "worker-1")
		arrived := time.Now().Add(-time.Minute)
		d.o.Arrived = arrived
		var told []respond.State
		d.o.Notify = func(ctx context.Context, out *respond.Outcome) {
			names, err := d.o.Board.Names(ctx, respond.NotedPrefix)
			if err != nil || len(names) != len(told)+1 {
				t.Errorf("told before it was noted: %q %v", names, err)
			}
			told = append(told, out.State)
		}
		message := sample(t, "guardduty-lambda", 0)
		first := d.one(t, message)
		if second := d.one(t, message); first.State != respond.Collected || second.State != respond.Known {
			t.Fatal(first.State, first.Err, second.State)
		}
		d.o.Session = nil // nothing gets so far
		if bad := d.one(t, []byte("no alert")); bad.State != respond.Unreadable {
			t.Fatal(bad.State)
		}
		if !slices.Equal(told, []respond.State{respond.Collected, respond.Known, respond.Unreadable}) {
			t.Error(told)
		}
		at := respond.NotedPrefix + first.Alert + "/" + first.Message[:16]
		var one, two respond.Noted
		if err := errors.Join(d.o.Board.Get(t.Context(), at+"-1", &one), d.o.Board.Get(t.Context(), at+"-2", &two)); err != nil {
			t.Fatal(err)
		}
		if one.State != respond.Collected || !one.Arrived.Equal(arrived) || one.Sealed.Before(one.Began) || one.Sealed.After(one.Ended) || one.Sealed.IsZero() || !one.Contained.IsZero() || one.Function != first.Function || one.By != "worker-1" {
			t.Errorf("%+v", one)
		}
		if two.State != respond.Known || !two.Sealed.IsZero() || two.Message != first.Message {
			t.Errorf("%+v", two)
		}
	})
}

// TestNotNoted: an outcome that cannot be noted comes again, and the evidence is sealed all the same.
func TestNotNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		dir := t.TempDir()
		v, err := vault.NewFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		d.o.Board = board.On(refusing{v}, "worker-1")
		out := d.one(t, sample(t, "guardduty-lambda", 0))
		if out.State != respond.Failed || !strings.Contains(out.Why, "noting what became of the alert") || out.Ran() == nil {
			t.Errorf("%s %s", out.State, out.Why)
		}
		d.intact(t)
		d.o.Board = board.On(v, "worker-1")
		if again := d.one(t, sample(t, "guardduty-lambda", 0)); again.State != respond.Known {
			t.Error(again.State, again.Err)
		}
		if names, err := filepath.Glob(filepath.Join(dir, "board", "outcomes", "*", "*-1")); err != nil || len(names) != 1 {
			t.Error(names, err)
		}
	})
}

// refusing is a vault that takes no outcomes.
type refusing struct{ vault.Vault }

func (r refusing) Create(ctx context.Context, name string, body io.ReadSeeker, size int64, sum [32]byte) (vault.Entry, error) {
	if strings.Contains(name, "/outcomes/") {
		return vault.Entry{}, errors.New("no space left")
	}
	return r.Vault.Create(ctx, name, body, size, sum)
}
