package playbooks

import (
	"context"
	"time"

	"github.com/freezeframe-ir/freezeframe/contain"
)

// approveVerb is the gate: people say yes, by name, and the ledger keeps it.
func approveVerb() Verb {
	return Verb{
		Name: "approve", About: "ask people before going on; with nobody to ask, the answer is no",
		Class: Asks, Timeout: maxTimeout,
		With: []Param{
			{Name: "question", Type: Text, Required: true, About: "what is asked"},
			{Name: "plan", Type: PlanType, About: "the plan that the answer is about"},
			{Name: "of", Type: Texts, About: "who may answer, by the names that they work under; nobody named: anybody"},
			{Name: "people", Type: Number, About: "how many different people have to say yes; 1"},
			{Name: "within", Type: Duration, About: "how long answers from other terminals are waited for (freezeframe playbook approve); none: only the keyboard is asked"},
		},
		Gives: []Param{{Name: "who", Type: Text, About: "who approved"}},
		Run:   approve,
	}
}

func approve(ctx context.Context, env *Env, a Args) (Result, error) {
	q := Question{Kind: AskApproval, Text: arg[string](a, "question"), Of: arg[[]string](a, "of"), Need: max(1, arg[int](a, "people"))}
	if p := arg[*contain.Plan](a, "plan"); p != nil {
		q.Detail, q.Plan = planLines(p), p.Hash
	}
	got, err := env.gather(ctx, a, q, arg[time.Duration](a, "within"))
	if err != nil {
		return Result{Summary: "not approved"}, err
	}
	return Result{Values: map[string]any{"who": whoAnswered(got)}, Summary: "approved by " + rests(got)}, nil
}
