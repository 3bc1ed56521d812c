package playbooks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/notice"
	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

// notifyVerb tells somebody: on the terminal, in a file, or at an address that the operator allowed.
func notifyVerb() Verb {
	return Verb{
		Name: "notify", About: "tell somebody: on the terminal, in a file, or at an address on the operator's list",
		Class: Tells,
		With: []Param{
			{Name: "text", Type: Text, Required: true, About: "what is told"},
			{Name: "to", Type: Text, Required: true, About: `"stdout", a file, which is appended to, or an https address (freezeframe playbook run --webhook)`},
			{Name: "also", Type: Texts, About: "names that are told with it, such as those of functions"},
		},
		Run: notify,
	}
}

// message is what is told. It holds no evidence: whoever reads it opens the case.
func (env *Env) message(a Args) string {
	text := arg[string](a, "text")
	if also := arg[[]string](a, "also"); len(also) > 0 {
		text += ": " + strings.Join(also, ", ")
	}
	if env.Exercise != "" {
		text = "EXERCISE: " + text
	}
	return fmt.Sprintf("%s (case %s, playbook %s, run %s, step %s)", safetext.Escape(text), env.Case.ID, a.Playbook, a.Run, a.Step)
}

func notify(ctx context.Context, env *Env, a Args) (Result, error) {
	to, text := arg[string](a, "to"), env.message(a)
	if a.Again {
		text += " (perhaps for the second time)"
	}
	switch {
	case to == "stdout":
		if env.Say == nil {
			return Result{}, errors.New("there is no terminal to tell it on")
		}
		env.Say(text)
	case strings.Contains(to, "://"):
		if err := env.post(ctx, to, text); err != nil {
			return Result{}, err
		}
	default:
		if err := notice.Append(to, env.Now().UTC().Format(time.RFC3339)+" "+text+"\n"); err != nil {
			return Result{}, fmt.Errorf("telling it in %s: %w", to, err)
		}
	}
	return Result{Summary: "told " + notice.ShownAddress(to)}, nil
}

// ErrNotAllowed: notify is to send to an address that nobody allowed.
var ErrNotAllowed = notice.ErrNotAllowed

// post sends a message in the form that Slack and Teams take: {"text": "..."}. What it tells of may
// be an attacker's: nothing in it is markup there, or an address to follow.
func (env *Env) post(ctx context.Context, to, text string) error {
	if !notice.Allowed(env.Webhooks, to) {
		return fmt.Errorf("%s: %w", notice.ShownAddress(to), ErrNotAllowed)
	}
	body, err := notice.Plain(text)
	if err != nil {
		return err
	}
	_, err = notice.Post(ctx, to, body)
	return err
}
