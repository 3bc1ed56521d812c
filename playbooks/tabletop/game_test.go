package tabletop

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// newGame opens a case per staging in a folder of the test.
func newGame(t *testing.T, name string, watch func(Event)) *Game {
	t.Helper()
	s, err := Find(name)
	if err != nil {
		t.Fatal(err)
	}
	dir, n := t.TempDir(), 0
	open := func(ctx context.Context, w *World) (*Response, error) {
		n++
		v, err := vault.NewFolder(filepath.Join(dir, fmt.Sprint("case-", n)))
		if err != nil {
			return nil, err
		}
		c, err := evidence.CreateCase(ctx, v, w.CaseOptions("o", filepath.Join(dir, "home")))
		if err != nil {
			return nil, err
		}
		return w.Respond(ctx, c, "o")
	}
	g, err := NewGame(t.Context(), s, Options{Seed: 1, Now: lintMoment()}, open, watch)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestRewind: who takes the key first loses the exercise of the key that comes back; rewound to
// before that it is as if it had never been, and the right order wins. What was kept happens
// again as it did, and is told nobody twice.
func TestRewind(t *testing.T) {
	var told []EventKind
	g := newGame(t, "self-healing", func(e Event) { told = append(told, e.Kind) })
	solution := g.scenario.Solution
	do := func(ids ...string) {
		t.Helper()
		for _, id := range ids {
			i := slices.IndexFunc(solution, func(m Move) bool { return m.ID == id })
			if err := g.Do(t.Context(), solution[i]); err != nil {
				t.Fatalf("%s: %v", id, err)
			}
		}
	}
	do("notice", "collect", "declare")
	before, seen, at, first := g.World.Cloud.Digest(), g.World.changes(), g.Elapsed(), g.Response.Case
	do("key")
	if g.World.Cloud.Digest() == before {
		t.Fatal("the wrong move changes nothing")
	}
	n := len(told)
	if err := g.Rewind(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	if g.World.Cloud.Digest() != before || !slices.Equal(g.World.changes(), seen) || g.Elapsed() != at {
		t.Errorf("after rewinding to %s the account at %s is another", at, g.Elapsed())
	}
	if len(told) != n {
		t.Errorf("told %d times more of what happened again", len(told)-n)
	}
	if g.Response.Case.ID == first.ID {
		t.Error("the case is still that of before")
	}
	if err := g.Rewind(t.Context(), at+time.Minute); !errors.Is(err, ErrFuture) {
		t.Errorf("into the future: %v", err)
	}
	do("rule", "stop", "key")
	score, err := g.End(t.Context())
	if err != nil || score.Score != 100 || score.Rewinds != 1 {
		t.Errorf("scores %d after %d rewinds, %v; lost: %s", score.Score, score.Rewinds, err, lost(score))
	}
	if bad := slices.Collect(func(yield func(error) bool) {
		for _, err := range first.Verify(t.Context()) {
			yield(err)
		}
	}); len(bad) > 0 {
		t.Errorf("the case of before: %v", bad)
	}
}

// TestRewindIntoAMove: a move that was not over by then is not there, hints and decisions that
// were are.
func TestRewindIntoAMove(t *testing.T) {
	g := newGame(t, "cryptominer", nil)
	if _, err := g.Hint(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := g.Wait(t.Context(), 6*time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := g.Do(t.Context(), Move{ID: "d", Decide: &DecideMove{"D1", "keep", "lead", "r"}, Takes: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Call(t.Context(), "Lambda:PutFunctionConcurrency", map[string]any{"FunctionName": "payments-cache", "ReservedConcurrentExecutions": 0}); err != nil {
		t.Fatal(err)
	}
	if out, err := g.Call(t.Context(), "Lambda:ListFunctions", nil); err != nil || !strings.Contains(string(out), "payments-cache") {
		t.Errorf("answers %s, %v", out, err)
	}
	if err := g.Rewind(t.Context(), 7*time.Minute+30*time.Second); err != nil {
		t.Fatal(err)
	}
	s := g.World.State()
	if len(s.Changes) != 0 || len(s.Decisions) != 1 || s.Hints != len(g.scenario.Hints)-1 || g.Elapsed() != 7*time.Minute+30*time.Second {
		t.Errorf("at %s: changes %v, decisions %v, %d hints left", g.Elapsed(), s.Changes, s.Decisions, s.Hints)
	}
	if len(g.Checkpoints()) != 2 {
		t.Errorf("checkpoints %v", g.Checkpoints())
	}
}
