package playbooks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// containApplyVerb applies a plan. Cut off and run again it looks first: what is in force already
// is not written again.
func containApplyVerb() Verb {
	return Verb{
		Name: "contain.apply", About: "apply a plan; every act is read back",
		Class: Changes, Timeout: time.Hour,
		With: []Param{
			{Name: "plan", Type: PlanType, Required: true, About: "what contain.plan gave"},
			{Name: "fast", Type: Bool, About: "acts of level stop first and together, all else after them"},
		},
		Gives: []Param{
			{Name: "bag", Type: Text, About: "id of the run's bag"},
			{Name: "in_force", Type: Number, About: "acts that are in force"},
			{Name: "not_in_force", Type: Number, About: "acts that are not"},
		},
		Needs: contain.Needs,
		Run:   runContainApply,
		Undo:  undoContainApply,
	}
}

func runContainApply(ctx context.Context, env *Env, a Args) (Result, error) {
	plan := arg[*contain.Plan](a, "plan")
	if err := env.sameExercise(); err != nil {
		return Result{}, err
	}
	if a.Again {
		if err := env.sealCutOff(ctx, func(h evidence.Header) bool { return h.Params["plan"] == plan.Hash }); err != nil {
			return Result{}, err
		}
	}
	run, err := contain.Apply(ctx, contain.ApplyInput{
		Session: env.Session, Case: env.Case, Plan: plan, Operator: env.Operator, Tool: env.Tool, Clock: env.clock(),
		Fast: arg[bool](a, "fast"), Override: a.Override, Progress: env.progress(),
	})
	if run == nil {
		return Result{}, err
	}
	done, idle, unplanned := 0, 0, 0
	for _, act := range run.Acts {
		switch {
		case act.Status == contain.StatusSkipped && strings.HasPrefix(act.Note, contain.NotPlanned):
			unplanned++ // the plan said so, and people have approved it as it is
		case act.Status == contain.StatusAlready && act.Note == contain.NothingToDo:
			idle++ // which is not in force
		case act.Status.OK():
			done++
		}
	}
	res := Result{
		Values:  map[string]any{"bag": run.Bag, "in_force": done, "not_in_force": len(run.Acts) - idle - done},
		Gaps:    unplanned,
		Summary: fmt.Sprintf("%d of %d acts in force%s; run recorded in %s", done, len(run.Acts)-idle, idleLine(idle), run.Bag),
	}
	if err == nil && done+idle+unplanned < len(run.Acts) {
		err = fmt.Errorf("containment ended as %s: %w", run.Status(), errIncomplete)
	}
	return res, err
}

// sealCutOff seals the records of containment that were cut off and are ours: their intents tell how
// far it came, and nobody is going to add to them.
func (env *Env) sealCutOff(ctx context.Context, ours func(evidence.Header) bool) error {
	open, err := env.Case.Unfinished(ctx)
	if err != nil {
		return fmt.Errorf("looking for what was cut off: %w", err)
	}
	for _, b := range open {
		if h := b.Header(); h.Kind != evidence.KindContainment || !ours(h) {
			continue
		}
		w, err := env.Case.Resume(ctx, b, evidence.Session{Operator: env.Operator, Principal: env.Session.Identity.ARN, Host: env.Host, Tool: env.Tool, Started: env.Now().UTC()})
		if err == nil {
			_, err = w.Seal(ctx, evidence.StatusPartial)
		}
		if err != nil && !errors.Is(err, evidence.ErrNotSigned) {
			return fmt.Errorf("sealing what was cut off: %w", err)
		}
	}
	return nil
}

func (env *Env) progress() func(contain.Outcome) {
	return func(o contain.Outcome) {
		if env.Doing != nil {
			env.Doing(0, 0, 0, o.Doc+" "+string(o.Status))
		}
	}
}

var errIncomplete = errors.New("not every act is in force")

// undoContainApply takes the plan's acts back, one by one and on the plan's targets alone: what
// cannot be taken back without a risk that a person has to name stays, and is an error.
func undoContainApply(ctx context.Context, env *Env, a Args, reason string) error {
	plan := arg[*contain.Plan](a, "plan")
	var all error
	for i := len(plan.Acts) - 1; i >= 0; i-- {
		if len(plan.Acts[i].Moves) == 0 {
			continue
		}
		for _, t := range plan.Targets {
			all = errors.Join(all, env.undoAct(ctx, plan.Acts[i].Act, t.ARN, reason))
		}
	}
	return all
}

func (env *Env) undoAct(ctx context.Context, act, target, reason string) error {
	run, err := contain.Undo(ctx, contain.LiftInput{
		Session: env.Session, Case: env.Case, Function: target, Acts: []string{act}, Reason: reason, Operator: env.Operator, Tool: env.Tool, Clock: env.clock(),
	})
	switch {
	case errors.Is(err, contain.ErrNothing): // it never came to be in force there
		return nil
	case err != nil:
		return fmt.Errorf("%s on %s: %w", act, target, err)
	case !run.Status().OK():
		return fmt.Errorf("%s on %s: ended as %s", act, target, run.Status())
	}
	return nil
}

// idleLine counts acts that find nothing to act on.
func idleLine(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %d with nothing to do", n)
}
