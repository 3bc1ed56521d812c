package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks"
)

func (p *program) playbookCommand() *cli.Command {
	return &cli.Command{
		Name: "playbook", Usage: "procedures in the right order, with approval gates",
		Subcommands: []*cli.Command{
			{Name: "list", Usage: "the built-in playbooks", Action: p.listPlaybooks},
			{Name: "show", Usage: "the steps of a playbook", ArgsUsage: "NAME|FILE", Description: "freezeframe playbook show lambda-compromise", Action: p.showPlaybook},
			{Name: "lint", Usage: "check a playbook file", ArgsUsage: "FILE", Description: "freezeframe playbook lint mine.yaml", Action: p.lintPlaybook},
			{
				Name: "run", Usage: "run a playbook on the case and the account", ArgsUsage: "NAME|FILE",
				Description: "freezeframe playbook run lambda-compromise --set function=payments",
				Flags: []cli.Flag{
					&cli.StringSliceFlag{Name: "set", Usage: "an input, NAME=VALUE (may be repeated)"},
					&cli.BoolFlag{Name: "yes", Usage: "answer every approval gate with yes, in the operator's name"},
					&cli.StringFlag{Name: "operator", Usage: "the human at the keyboard, if not the one who opened the case"},
				},
				Action: p.runPlaybook,
			},
		},
	}
}

func (p *program) listPlaybooks(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	all, err := playbooks.BuiltIn()
	if err != nil {
		return err
	}
	return p.s.Show(all, func(t *ui.Printer) {
		var rows [][]string
		for _, pb := range all {
			rows = append(rows, []string{pb.Name, pb.Title})
		}
		t.Table([]string{"NAME", "FOR"}, rows)
	})
}

// loadPlaybook finds a built-in one by name, anything else as a file.
func loadPlaybook(name string) (*playbooks.Playbook, error) {
	pb, err := playbooks.Find(name)
	if err == nil || !errors.Is(err, playbooks.ErrUnknown) {
		return pb, err
	}
	data, readErr := os.ReadFile(name)
	if os.IsNotExist(readErr) {
		return nil, ui.UsageHint("freezeframe playbook list", "%w, and no file of that name", err)
	}
	if readErr != nil {
		return nil, fmt.Errorf("reading the playbook: %w", readErr)
	}
	return playbooks.Parse(name, data)
}

func (p *program) showPlaybook(c *cli.Context) error {
	name, err := oneArgument(c, "playbook")
	if err != nil {
		return err
	}
	pb, err := loadPlaybook(name)
	if err != nil {
		return err
	}
	return p.s.Show(pb, func(t *ui.Printer) {
		t.Line("%s  %s", t.Bold(pb.Name), pb.Title)
		t.Block("  ", pb.About)
		for _, in := range pb.Inputs {
			t.Line("input %s (%s): %s", in.Name, string(in.Type), in.About)
		}
		for i, s := range pb.Steps {
			t.Line("%d. %s  %s (%s): %s", i+1, s.ID, s.Verb.Name, string(s.Verb.Class), s.About)
		}
		t.Line("sha256 %s", pb.SHA256)
	})
}

func (p *program) lintPlaybook(c *cli.Context) error {
	name, err := oneArgument(c, "playbook file")
	if err != nil {
		return err
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return ui.UsageHint("freezeframe playbook list", "reading the playbook: %w", err)
	}
	problems := []playbooks.Problem{}
	_, err = playbooks.Parse(name, data)
	if bad, ok := errors.AsType[*playbooks.InvalidError](err); ok {
		problems = bad.Problems
	}
	if err := p.s.Show(problems, func(t *ui.Printer) {
		for _, pr := range problems {
			t.Line("%s", pr)
		}
		if len(problems) == 0 {
			t.Line("%s: no problems", name)
		}
	}); err != nil {
		return err
	}
	if len(problems) > 0 {
		return ui.Usage("%s: %s", name, ui.Plural(len(problems), "problem"))
	}
	return nil
}

func (p *program) runPlaybook(c *cli.Context) error {
	name, err := oneArgument(c, "playbook")
	if err != nil {
		return err
	}
	pb, err := loadPlaybook(name)
	if err != nil {
		return err
	}
	inputs, err := inputsOf(pb, c.StringSlice("set"))
	if err != nil {
		return err
	}
	opened, err := p.openCaseToContain(c)
	if err != nil {
		return err
	}
	s, err := p.connect(c, opened, false)
	if err != nil {
		return err
	}
	env := p.playbookEnv(c.Bool("yes"), operatorOf(c, opened))
	env.Session, env.Case = s, opened
	run, err := playbooks.Execute(c.Context, pb, inputs, env)
	if err != nil {
		return err
	}
	return p.endPlaybook(run)
}

func (p *program) playbookEnv(yes bool, operator string) *playbooks.Env {
	h := header(operator)
	env := &playbooks.Env{Operator: operator, Tool: h.Tool, Host: h.Host, Now: time.Now, Tell: p.tellStep}
	switch {
	case yes:
		env.Ask = func(_ context.Context, q playbooks.Question) (playbooks.Answer, error) {
			p.showQuestion(q)
			return playbooks.Answer{Approved: true, Who: operator, Reason: "--yes"}, nil
		}
	case p.s.InTTY:
		env.Ask = func(ctx context.Context, q playbooks.Question) (playbooks.Answer, error) { return p.ask(q, operator) }
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
			t.Line("  %s %s", t.Good("done:"), r.Summary)
		default:
			t.Line("  %s %s %s", t.Bad(string(r.Status)+":"), r.Summary, r.Error)
		}
	})
}

func (p *program) showQuestion(q playbooks.Question) {
	p.s.Person(func(t *ui.Printer) {
		for _, line := range q.Detail {
			t.Line("    %s", line)
		}
		t.Line("  %s", t.Bold(q.Text))
	})
}

func (p *program) ask(q playbooks.Question, operator string) (playbooks.Answer, error) {
	p.showQuestion(q)
	fmt.Fprint(p.s.Err, "  type yes to go on: ")
	line, err := bufio.NewReader(p.s.In).ReadString('\n')
	if err != nil && line == "" {
		return playbooks.Answer{Who: operator, Reason: "no answer at the prompt"}, nil
	}
	answer := strings.TrimSpace(line)
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
	if err := p.s.Show(run, func(t *ui.Printer) { t.Line("playbook %s: %s", run.Playbook, string(run.Status)) }); err != nil {
		return err
	}
	switch run.Status {
	case playbooks.Succeeded:
		return nil
	case playbooks.WithGaps:
		return ui.Incomplete("", "playbook %s succeeded with gaps", run.Playbook)
	case playbooks.Aborted:
		return &ui.Error{Code: ui.ExitRefused, Err: fmt.Errorf("playbook %s was aborted: %w", run.Playbook, run.Err())}
	default:
		return run.Err()
	}
}
