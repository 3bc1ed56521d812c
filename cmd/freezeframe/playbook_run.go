package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks"
)

func (p *program) runPlaybook(c *cli.Context) error {
	pb, inputs, err := playbookOf(c)
	if err != nil {
		return err
	}
	opened, err := p.openCaseToContain(c)
	if err != nil {
		return err
	}
	s, err := p.connectToChange(c, opened, false)
	if err != nil {
		return err
	}
	env := p.playbookEnv(c.Bool("yes"), operatorOf(c, opened))
	env.Session, env.Case, env.Webhooks, env.Exercise = s, opened, c.StringSlice("webhook"), opened.Exercise
	run, err := playbooks.Execute(c.Context, pb, inputs, env)
	if err != nil {
		return err
	}
	return p.endPlaybook(run)
}

func (p *program) playbookEnv(yes bool, operator string) *playbooks.Env {
	h := header(operator)
	env := &playbooks.Env{Operator: operator, Tool: h.Tool, Host: h.Host, Now: time.Now, Tell: p.tellStep}
	env.Say = func(line string) { p.s.Person(func(t *ui.Printer) { t.Line("  %s", t.Bold(line)) }) }
	switch {
	case yes:
		env.Ask = func(_ context.Context, q playbooks.Question) (playbooks.Answer, error) {
			p.showQuestion(q)
			if q.Kind == playbooks.AskManual { // nobody can say so for somebody
				return playbooks.Answer{Who: operator, Reason: "--yes answers approvals, and does not do what people have to do"}, nil
			}
			return playbooks.Answer{Approved: true, Who: operator, Reason: "--yes"}, nil
		}
	case p.s.InTTY:
		in := newKeyboard(p.s.In)
		env.Ask = func(ctx context.Context, q playbooks.Question) (playbooks.Answer, error) {
			return p.ask(ctx, in, q, operator)
		}
	}
	var progress *ui.Progress
	env.Doing = func(done, all int, bytes int64, at string) {
		if progress == nil {
			progress = p.s.Progress("working")
		}
		progress.Update(done, all, bytes, at)
	}
	return env
}

func (p *program) tellStep(r playbooks.StepReport) {
	p.s.Person(func(t *ui.Printer) {
		switch r.Status {
		case playbooks.Running:
			t.Line("%s %s", t.Bold("> "+r.ID), r.Summary)
		case playbooks.Succeeded:
			if r.Parts { // what its parts did stands above
				return
			}
			t.Line("  %s %s", t.Good("done:"), r.Summary)
		case playbooks.Skipped:
			t.Line("%s %s", t.Bold("- "+r.ID), shortened(r.Summary, 100))
		default:
			t.Line("  %s %s %s", t.Bad(string(r.Status)+":"), r.Summary, r.Error)
		}
	})
}

// shortened is a text in at most so many characters.
func shortened(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

func (p *program) showQuestion(q playbooks.Question) {
	p.s.Person(func(t *ui.Printer) { printQuestion(t, q) })
}

func printQuestion(t *ui.Printer, q playbooks.Question) {
	for _, line := range q.Detail {
		t.Line("    %s", line)
	}
	t.Line("  %s", t.Bold(q.Text))
	if len(q.Of) > 0 {
		t.Line("  for %s", strings.Join(q.Of, ", "))
	}
	if q.Need > 1 {
		t.Line("  %d people have to say yes", q.Need)
	}
	if !q.Until.IsZero() {
		t.Line("  until %s", q.Until.Format(time.RFC3339))
	}
}

func (p *program) ask(ctx context.Context, in *keyboard, q playbooks.Question, operator string) (playbooks.Answer, error) {
	if err := in.take(ctx); err != nil {
		return playbooks.Answer{}, err
	}
	defer in.give()
	p.showQuestion(q)
	elsewhere := ""
	if !q.Until.IsZero() {
		elsewhere = ", or wait: somebody answers from another terminal (freezeframe playbook approve)"
	}
	switch q.Kind {
	case playbooks.AskManual:
		fmt.Fprintf(p.s.Err, "  type yes when it is done%s: ", elsewhere)
	default:
		fmt.Fprintf(p.s.Err, "  type yes to go on%s: ", elsewhere)
	}
	typed, err := in.line(ctx)
	if err != nil {
		fmt.Fprintln(p.s.Err)
		return playbooks.Answer{}, err
	}
	if typed.err != nil && typed.text == "" {
		return playbooks.Answer{Who: operator, Reason: "no answer at the prompt"}, nil
	}
	answer := strings.TrimSpace(typed.text)
	if answer == "wait" && elsewhere != "" {
		return playbooks.Answer{Pass: true}, nil
	}
	return playbooks.Answer{Approved: answer == "yes", Who: operator, Reason: "answered at the prompt: " + answer}, nil
}

// inputsOf reads --set NAME=VALUE by the types that the playbook declares.
func inputsOf(pb *playbooks.Playbook, set []string) (map[string]any, error) {
	types := map[string]playbooks.Type{}
	for _, in := range pb.Inputs {
		types[in.Name] = in.Type
	}
	out := map[string]any{}
	for _, s := range set {
		name, text, ok := strings.Cut(s, "=")
		if !ok {
			return nil, ui.Usage("--set %q is not NAME=VALUE", s)
		}
		t, known := types[name]
		if !known {
			t = playbooks.Text // Execute names what is known
		}
		v, err := playbooks.ParseLiteral(t, text)
		if err != nil {
			return nil, ui.Usage("--set %s: %w", name, err)
		}
		out[name] = v
	}
	return out, nil
}

func (p *program) endPlaybook(run *playbooks.Run) error {
	if err := p.s.Show(run, func(t *ui.Printer) {
		t.Line("playbook %s: %s (run %s)", run.Playbook, string(run.Status), run.ID)
		for _, l := range run.Left {
			t.Line("  left to people: %s", l)
		}
	}); err != nil {
		return err
	}
	switch run.Status {
	case playbooks.Succeeded:
		return nil
	case playbooks.WithGaps:
		return ui.Incomplete("", "playbook %s succeeded with gaps", run.Playbook)
	case playbooks.Interrupted:
		return ui.Incomplete("freezeframe playbook resume "+run.ID, "playbook %s was cut off", run.Playbook)
	case playbooks.Aborted:
		return &ui.Error{Code: ui.ExitRefused, Err: fmt.Errorf("playbook %s was aborted: %w", run.Playbook, run.Err())}
	default:
		return run.Err()
	}
}
