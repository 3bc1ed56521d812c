package playbooks

import (
	"context"
	"fmt"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// approveVerb is the gate: a person says yes, by name, and the ledger keeps it.
func approveVerb() Verb {
	return Verb{
		Name: "approve", About: "ask a person before going on; with nobody to ask, the answer is no",
		Class: Asks,
		With: []Param{
			{Name: "question", Type: Text, Required: true, About: "what is asked"},
			{Name: "plan", Type: PlanType, About: "the plan that the answer is about"},
		},
		Gives: []Param{{Name: "who", Type: Text, About: "who approved"}},
		Run:   approve,
	}
}

func approve(ctx context.Context, env *Env, a Args) (Result, error) {
	q := Question{Playbook: a.Playbook, Step: a.Step, Text: arg[string](a, "question")}
	data := map[string]string{"playbook": a.Playbook, "step": a.Step, "question": q.Text}
	if p := arg[*contain.Plan](a, "plan"); p != nil {
		q.Detail = planLines(p)
		data["plan_hash"] = p.Hash
	}
	answer, err := ask(ctx, env, q)
	if err != nil {
		return Result{}, fmt.Errorf("asking for approval: %w", err)
	}
	data["approved"] = fmt.Sprint(answer.Approved)
	err = env.Case.Record(ctx, evidence.Event{Type: evidence.EventApprove, Actor: answer.Who, Reason: answer.Reason, Data: data})
	if err != nil {
		return Result{}, fmt.Errorf("recording the answer in the ledger: %w", err)
	}
	if !answer.Approved {
		return Result{Summary: "declined by " + answer.Who}, ErrDeclined
	}
	return Result{Values: map[string]any{"who": answer.Who}, Summary: "approved by " + answer.Who}, nil
}

func ask(ctx context.Context, env *Env, q Question) (Answer, error) {
	if env.Ask == nil {
		return Answer{Who: "nobody", Reason: "there was nobody to ask"}, nil
	}
	return env.Ask(ctx, q)
}
