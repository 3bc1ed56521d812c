package playbooks

import (
	"context"
	"errors"
	"time"
)

// manualVerb is what no API can do: a person does it, says so by name, and may attach a proof.
func manualVerb() Verb {
	return Verb{
		Name: "manual", About: "have a person do what no API can; who did it, and the hash of what they attach, enter the ledger",
		Class: Asks, Timeout: maxTimeout,
		With: []Param{
			{Name: "do", Type: Text, Required: true, About: "what is to be done, and how one sees that it is"},
			{Name: "of", Type: Texts, About: "who has to do it; nobody named: anybody"},
			{Name: "within", Type: Duration, About: "how long an answer from another terminal is waited for"},
			{Name: "later", Type: Bool, About: "does not hold the run up: it is on the list of what is left to people"},
		},
		Gives: []Param{{Name: "who", Type: Text, About: "who did it"}, {Name: "attached", Type: Text, About: "SHA-256 of what was attached"}},
		Run:   manual,
	}
}

var errUndone = errors.New("nobody has done it")

func manual(ctx context.Context, env *Env, a Args) (Result, error) {
	do := arg[string](a, "do")
	if arg[bool](a, "later") {
		return Result{Summary: "left to people: " + do, Left: []string{do}}, nil
	}
	got, err := env.gather(ctx, a, Question{Kind: AskManual, Text: do, Of: arg[[]string](a, "of"), Need: 1}, arg[time.Duration](a, "within"))
	if errors.Is(err, ErrDeclined) {
		// Not having done it is no veto: the run says what is open, and cannot end as plainly succeeded.
		return Result{Summary: "not done: " + do, Gaps: 1, Left: []string{do}}, nil
	}
	if err != nil {
		return Result{}, err
	}
	if len(got) == 0 {
		return Result{}, errUndone
	}
	return Result{Values: map[string]any{"who": got[0].Who, "attached": got[0].Attached}, Summary: "done by " + rests(got[:1])}, nil
}
