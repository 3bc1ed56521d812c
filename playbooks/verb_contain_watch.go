package playbooks

import (
	"context"
	"fmt"
	"time"

	"github.com/freezeframe-ir/freezeframe/contain"
)

// containWatchVerb looks whether the containment holds.
func containWatchVerb() Verb {
	return Verb{
		Name: "contain.watch", About: "look for a while whether every act stays in force, and whether anybody still gets in",
		Class: Reads, Timeout: 25 * time.Hour,
		With: []Param{
			{Name: "function", Type: Text, About: "a target; none: every one of this case"},
			{Name: "for", Type: Duration, Required: true, About: "how long"},
		},
		Gives: []Param{
			{Name: "reversed", Type: Number, About: "how often an act was found no longer in force"},
			{Name: "broken", Type: Number, About: "acts that are not in force at the end"},
			{Name: "ways", Type: Texts, About: "by which somebody still comes in, as far as was seen"},
			{Name: "verdict", Type: Text, About: "what can be said, and what not"},
		},
		Check: inTime,
		Needs: contain.WatchNeeds,
		Run:   runContainWatch,
	}
}

func runContainWatch(ctx context.Context, env *Env, a Args) (Result, error) {
	w, err := contain.Watch(ctx, contain.WatchInput{
		Session: env.Session, Case: env.Case, Function: arg[string](a, "function"), For: arg[time.Duration](a, "for"), Clock: env.clock(),
	})
	if err != nil {
		return Result{}, err
	}
	reversed, broken := 0, 0
	for _, s := range w.Sightings {
		if s.What == contain.SightReversed {
			reversed++
		}
	}
	for _, s := range w.Standings {
		if s.State == contain.Drifted || s.State == contain.NoAnswer || s.State == contain.Pending {
			broken++
		}
	}
	return Result{
		Values:  map[string]any{"reversed": reversed, "broken": broken, "ways": append([]string{}, w.Ways...), "verdict": w.Verdict},
		Gaps:    broken + len(w.Ways),
		Summary: fmt.Sprintf("%d looks: %s", w.Looks, w.Verdict),
	}, nil
}

// containReleaseVerb lifts isolation, and nothing that was removed as hostile.
func containReleaseVerb() Verb {
	return Verb{
		Name: "contain.release", About: "lift the isolation; what was removed as hostile stays away",
		Class: Changes, Timeout: time.Hour,
		With: []Param{
			{Name: "function", Type: Text, Required: true, About: "a target of this case"},
		},
		Gives: []Param{{Name: "bag", Type: Text, About: "id of the run's bag"}},
		Needs: contain.Needs,
		Run:   runContainRelease,
	}
}

func runContainRelease(ctx context.Context, env *Env, a Args) (Result, error) {
	if err := env.sameExercise(); err != nil {
		return Result{}, err
	}
	run, err := contain.Release(ctx, contain.LiftInput{
		Session: env.Session, Case: env.Case, Function: arg[string](a, "function"), Reason: "playbook " + a.Playbook + ", step " + a.Step,
		Operator: env.Operator, Tool: env.Tool, Clock: env.clock(), Progress: env.progress(),
	})
	if run == nil {
		return Result{}, err
	}
	res := Result{Values: map[string]any{"bag": run.Bag}, Summary: fmt.Sprintf("%d acts lifted; run recorded in %s", len(run.Acts), run.Bag)}
	if err == nil && !run.Status().OK() {
		err = fmt.Errorf("release ended as %s: %w", run.Status(), errIncomplete)
	}
	return res, err
}
