package playbooks

import (
	"context"
	"errors"
	"fmt"

	"github.com/freezeframe-ir/freezeframe/contain"
)

// containApplyVerb applies a plan.
func containApplyVerb() Verb {
	return Verb{
		Name: "contain.apply", About: "apply a plan; every act is read back",
		Class: Changes,
		With:  []Param{{Name: "plan", Type: PlanType, Required: true, About: "what contain.plan gave"}},
		Gives: []Param{{Name: "bag", Type: Text, About: "id of the run's bag"}},
		Run:   runContainApply,
	}
}

func runContainApply(ctx context.Context, env *Env, a Args) (Result, error) {
	run, err := contain.Apply(ctx, contain.ApplyInput{
		Session: env.Session, Case: env.Case, Plan: arg[*contain.Plan](a, "plan"), Operator: env.Operator, Tool: env.Tool, Clock: env.clock(),
		Progress: func(o contain.Outcome) {
			if env.Doing != nil {
				env.Doing(0, 0, 0, o.Doc+" "+string(o.Status))
			}
		},
	})
	if run == nil {
		return Result{}, err
	}
	res := Result{Values: map[string]any{"bag": run.Bag}, Summary: fmt.Sprintf("%s; run recorded in %s", runLine(run), run.Bag)}
	if err == nil && !run.Status().OK() {
		err = fmt.Errorf("containment ended as %s: %w", run.Status(), errIncomplete)
	}
	return res, err
}

var errIncomplete = errors.New("not every act is in force")

func runLine(r *contain.Run) string {
	done, idle := 0, 0
	for _, a := range r.Acts {
		switch {
		case a.Status == contain.StatusAlready && a.Note == contain.NothingToDo:
			idle++ // which is not in force
		case a.Status.OK():
			done++
		}
	}
	return fmt.Sprintf("%d of %d acts in force", done, len(r.Acts)-idle) + idleLine(idle)
}

// idleLine counts acts that find nothing to act on.
func idleLine(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %d with nothing to do", n)
}
