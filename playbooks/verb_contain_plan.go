package playbooks

import (
	"context"
	"fmt"

	"github.com/freezeframe-ir/freezeframe/contain"
)

// containPlanVerb plans the containment: reads only.
func containPlanVerb() Verb {
	return Verb{
		Name: "contain.plan", About: "plan the containment: the exact calls, and what they break",
		Class: Reads,
		With: []Param{
			{Name: "function", Type: Text, Required: true, About: "name or ARN"},
			{Name: "acts", Type: Texts, About: "acts to plan; none: the default ones"},
			{Name: "accept_shared_role", Type: Bool, About: "act on the whole role although others use it"},
			{Name: "exfiltration", Type: Bool, About: "concurrency to zero before anything else"},
		},
		Gives: []Param{{Name: "plan", Type: PlanType, About: "the plan"}},
		Run:   runContainPlan,
	}
}

func runContainPlan(ctx context.Context, env *Env, a Args) (Result, error) {
	in := contain.PlanInput{Session: env.Session, Case: env.Case, Functions: []string{arg[string](a, "function")}, Acts: arg[[]string](a, "acts"),
		AcceptSharedRole: arg[bool](a, "accept_shared_role"), Clock: env.clock()}
	if arg[bool](a, "exfiltration") {
		in.Order = contain.ConcurrencyFirst
	}
	p, err := contain.NewPlan(ctx, in)
	if err != nil {
		return Result{}, err
	}
	calls, idle := 0, 0
	for _, m := range p.Moves {
		calls += len(m.Calls)
	}
	for _, a := range p.Acts {
		if len(a.Moves) == 0 {
			idle++
		}
	}
	return Result{
		Values:  map[string]any{"plan": p},
		Gaps:    len(p.Unplanned),
		Summary: fmt.Sprintf("%d acts, %d calls that change the account", len(p.Acts)-idle, calls) + idleLine(idle),
	}, nil
}

func (env *Env) clock() contain.Clock { return contain.Clock{Now: env.Now} }

// planLines are what an approver reads: each act, its calls, what it breaks.
func planLines(p *contain.Plan) []string {
	var out []string
	for _, a := range p.Acts {
		if len(a.Moves) == 0 {
			continue
		}
		out = append(out, fmt.Sprintf("%s (%s): %s", a.Act, a.Kind, a.About))
		for _, i := range a.Moves {
			for _, c := range p.Moves[i].Calls {
				out = append(out, fmt.Sprintf("  calls   %s on %s", c.Call, p.Moves[i].Resource))
			}
		}
		for _, b := range a.Breaks {
			out = append(out, fmt.Sprintf("  breaks  %s %s: %s", b.What, b.Resource, b.Detail))
		}
		if a.Lossy != "" {
			out = append(out, "  lost    "+a.Lossy)
		}
	}
	for _, w := range p.Warnings {
		out = append(out, "warning: "+w)
	}
	return out
}
