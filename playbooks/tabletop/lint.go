package tabletop

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// Trial is a scenario played by somebody whose score is known beforehand.
type Trial struct {
	Name   string `json:"name"`
	Score  int    `json:"score"`
	Wanted string `json:"wanted"`
	Fair   bool   `json:"fair"`
	Result *Score `json:"-"`
	Err    error  `json:"-"` // of a move: the score says what it came to
}

// lintMoment is when exercises of lint are played: any moment would do.
func lintMoment() time.Time { return time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC) }

// Lint plays a scenario and says whether it is fair: the reference solution scores 100, doing
// nothing next to nothing, and containing before anything is sealed less than the reference. Cases
// are written below dir.
func Lint(ctx context.Context, s *Scenario, dir string) ([]Trial, error) {
	spelled := s.spelling()
	if len(spelled) > 0 {
		return nil, &InvalidError{spelled}
	}
	var out []Trial
	for _, t := range []struct {
		name, wanted string
		moves        []Move
		fair         func(int) bool
	}{
		{"the reference solution", "100", s.Solution, func(n int) bool { return n == 100 }},
		{"doing nothing", "at most 10", nil, func(n int) bool { return n <= 10 }},
		{"containing before collecting", "below 100", append(s.hasty(), s.Solution...), func(n int) bool { return n < 100 }},
	} {
		score, err := s.Attempt(ctx, 1, lintMoment(), t.moves, filepath.Join(dir, fmt.Sprint(len(out))))
		if score == nil {
			return out, fmt.Errorf("%s of %s: %w", t.name, s.Name, err)
		}
		out = append(out, Trial{Name: t.name, Score: score.Score, Wanted: t.wanted, Fair: t.fair(score.Score), Result: score, Err: err})
	}
	return out, nil
}

// hasty is what somebody does who contains first: as the solution does, or if it leaves that to a
// playbook or contains nothing, the function that the alarm is about.
func (s *Scenario) hasty() []Move {
	var out []Move
	for _, m := range s.Solution {
		if m.Contain != nil {
			contain := *m.Contain
			contain.Override = "there is no time"
			out = append(out, Move{ID: "hasty-" + m.ID, Contain: &contain, Takes: time.Minute})
		}
	}
	if len(out) > 0 {
		return out
	}
	return []Move{{ID: "hasty", Contain: &ContainMove{Functions: []string{s.Function}, AcceptSharedRole: true, Override: "there is no time"}}}
}

// Attempt plays the scenario with somebody who makes these moves, from its beginning to its end,
// in a case of its own in dir. Without a score the error is one of the scenario or the case;
// beside one it is of moves that failed.
func (s *Scenario) Attempt(ctx context.Context, seed uint64, now time.Time, moves []Move, dir string) (*Score, error) {
	w, err := Play(ctx, s, Options{Seed: seed, Now: now})
	if err != nil {
		return nil, err
	}
	before := w.Probe(ctx)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("a folder for the case: %w", err)
	}
	v, err := vault.NewFolder(filepath.Join(dir, "case"))
	if err != nil {
		return nil, err
	}
	c, err := evidence.CreateCase(ctx, v, w.CaseOptions("responder", filepath.Join(dir, "home")))
	if err != nil {
		return nil, err
	}
	r, err := w.Respond(ctx, c, "responder")
	if err != nil {
		return nil, err
	}
	failed := r.Do(ctx, moves)
	if err := w.Finish(ctx); err != nil {
		return nil, errors.Join(failed, err)
	}
	score, err := w.Score(ctx, c, before)
	return score, errors.Join(failed, err)
}

// Finish lets the rest of the exercise's time pass on a clock that stands.
func (w *World) Finish(ctx context.Context) error {
	if left := w.start.Add(w.Scenario.Lasts).Sub(w.Now()); left > 0 {
		return w.Wait(ctx, left)
	}
	return nil
}

// CaseOptions are those of a case of this exercise.
func (w *World) CaseOptions(operator, home string) evidence.CaseOptions {
	return evidence.CaseOptions{
		Title: "EXERCISE: " + w.Scenario.Title, Authority: "exercise", Operator: operator, Home: home, Exercise: w.ID, Now: w.Now,
	}
}

// spelling holds every call of a scenario against the API's shapes, those too that no trial makes.
func (s *Scenario) spelling() []Problem {
	cloud := awssim.New(awssim.Config{})
	w := &World{Scenario: s, facts: map[string]string{}}
	var out []Problem
	var check func(steps []Step)
	check = func(steps []Step) {
		for _, st := range steps {
			check(st.Steps)
			if st.Call == "" {
				continue
			}
			with, err := w.input(w.unsaved(st.With))
			if err == nil {
				err = cloud.CheckAct(awssim.Act{Call: st.Call, With: with})
			}
			if err != nil {
				out = append(out, Problem{File: s.File, Line: st.At.Line, Column: st.At.Column, What: err.Error()})
			}
		}
	}
	check(s.Stage)
	check(s.Attack)
	for _, r := range append(slices.Clone(s.Live), s.Decoys...) {
		check(r.Steps)
	}
	for _, p := range s.Probes {
		check([]Step{p.Do})
	}
	for _, r := range s.Open {
		check([]Step{r.Still})
	}
	for _, m := range s.Solution {
		check(m.Do)
	}
	return out
}

// unsaved is a value whose references are only text: what they will stand for is not known yet.
func (w *World) unsaved(v any) any {
	switch v := v.(type) {
	case string:
		return reference.ReplaceAllString(v, "x")
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = w.unsaved(e)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			out[reference.ReplaceAllString(k, "x")] = w.unsaved(v[k])
		}
		return out
	}
	return v
}
