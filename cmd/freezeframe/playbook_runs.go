package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/tabletop"
)

// records are the runs of a case, oldest first.
func records(c *cli.Context, opened *evidence.Case) ([]*playbooks.Record, map[string]*evidence.Bag, error) {
	var out []*playbooks.Record
	bags := map[string]*evidence.Bag{}
	for b, err := range opened.Bags(c.Context) {
		if err != nil {
			return nil, nil, err
		}
		if b.Header().Kind != evidence.KindPlaybook {
			continue
		}
		rec, err := playbooks.ReadRecord(c.Context, b)
		if err != nil {
			return nil, nil, err
		}
		out, bags[rec.Bag] = append(out, rec), b
	}
	return out, bags, nil
}

// oneRun is the run that was named, or the newest that want fits.
func oneRun(c *cli.Context, all []*playbooks.Record, want func(*playbooks.Record) bool, what string) (*playbooks.Record, error) {
	if c.NArg() > 1 {
		return nil, ui.UsageHint(commandHelp(c), "unexpected argument %q: one run is enough", c.Args().Get(1))
	}
	name := c.Args().First()
	for _, r := range slices.Backward(all) {
		if name == r.Bag || name == "" && want(r) {
			return r, nil
		}
	}
	if name != "" {
		return nil, ui.UsageHint("freezeframe playbook status", "this case has no run %q", name)
	}
	return nil, ui.UsageHint("freezeframe playbook status", "no run of this case %s", what)
}

func (p *program) resumePlaybook(c *cli.Context) error {
	opened, err := p.openCaseToContain(c)
	if err != nil {
		return err
	}
	all, bags, err := records(c, opened)
	if err != nil {
		return err
	}
	cut, err := playbooks.Cut(c.Context, opened, all)
	if err != nil {
		return err
	}
	rec, err := oneRun(c, all, func(r *playbooks.Record) bool { return cut[r.Bag] }, "was cut off")
	if err != nil {
		return err
	}
	s, err := p.connectToChange(c, opened, false)
	if err != nil {
		return err
	}
	env := p.playbookEnv(c.Bool("yes"), operatorOf(c, opened))
	env.Session, env.Case, env.Webhooks, env.Exercise = s, opened, c.StringSlice("webhook"), opened.Exercise
	run, err := playbooks.Resume(c.Context, bags[rec.Bag], env)
	if errors.Is(err, playbooks.ErrNoRun) {
		return ui.UsageHint("freezeframe playbook status "+rec.Bag, "%w", err)
	}
	if err != nil {
		return err
	}
	return p.endPlaybook(run)
}

func (p *program) playbookStatus(c *cli.Context) error {
	opened, err := p.openCase(c)
	if err != nil {
		return err
	}
	all, _, err := records(c, opened)
	if err != nil {
		return err
	}
	if c.NArg() > 0 {
		rec, err := oneRun(c, all, nil, "")
		if err != nil {
			return err
		}
		run := rec.Run()
		return p.s.Show(run, func(t *ui.Printer) { showSteppedRun(t, run, rec.Waiting()) })
	}
	runs := []*playbooks.Run{}
	for _, r := range all {
		runs = append(runs, r.Run())
	}
	return p.s.Show(runs, func(t *ui.Printer) {
		var rows [][]string
		for i, r := range runs {
			at := ""
			for _, q := range all[i].Waiting() {
				at = "waits for an answer to " + q.Step
			}
			if n := len(r.Steps); at == "" && n > 0 {
				at = r.Steps[n-1].ID
			}
			rows = append(rows, []string{r.ID, r.Playbook, string(r.Status), r.Started.UTC().Format(time.RFC3339), at})
		}
		t.Table([]string{"RUN", "PLAYBOOK", "STATUS", "STARTED", "AT"}, rows)
	})
}

func showSteppedRun(t *ui.Printer, run *playbooks.Run, waiting []playbooks.Question) {
	if run.Exercise != "" {
		t.Line("%s", t.Bold("EXERCISE "+run.Exercise))
	}
	t.Line("run %s of playbook %s: %s", run.ID, run.Playbook, string(run.Status))
	var rows [][]string
	for _, s := range run.Steps {
		what := s.Summary
		if s.Error != "" {
			what += " " + s.Error
		}
		rows = append(rows, []string{s.ID, string(s.Status), what})
	}
	t.Table([]string{"STEP", "STATUS", ""}, rows)
	for _, l := range run.Left {
		t.Line("left to people: %s", l)
	}
	for _, q := range waiting {
		t.Line("")
		t.Line("step %s waits:", q.Step)
		printQuestion(t, q)
	}
}

func (p *program) approvePlaybook(c *cli.Context) error {
	opened, err := p.openCase(c)
	if err != nil {
		return err
	}
	all, _, err := records(c, opened)
	if err != nil {
		return err
	}
	rec, err := oneRun(c, all, func(r *playbooks.Record) bool { return len(r.Waiting()) > 0 }, "waits for an answer")
	if err != nil {
		return err
	}
	var asked []playbooks.Question
	for _, q := range rec.Waiting() {
		if step := c.String("step"); step == "" || step == q.Step {
			asked = append(asked, q)
		}
	}
	switch len(asked) {
	case 0:
		return ui.UsageHint("freezeframe playbook status "+rec.Bag, "run %s does not wait for an answer there", rec.Bag)
	case 1:
	default:
		return ui.UsageHint("freezeframe playbook approve "+rec.Bag+" --step "+asked[0].Step, "run %s waits at several steps: --step says which is meant", rec.Bag)
	}
	a := playbooks.Answer{Approved: !c.Bool("no"), Who: c.String("operator"), Reason: c.String("reason")}
	if a.Who == "" {
		a.Who = localUser()
	}
	if path := c.String("attach"); path != "" {
		if a.Attached, err = sumOf(path); err != nil {
			return ui.Usage("--attach: %w", err)
		}
	}
	if err := playbooks.Give(c.Context, opened, asked[0], a); err != nil {
		if errors.Is(err, playbooks.ErrAnswer) {
			return ui.UsageHint("freezeframe playbook approve --operator NAME", "%w", err)
		}
		return err
	}
	given, err := playbooks.Answers(c.Context, opened, asked[0])
	if err != nil {
		return err
	}
	return p.s.Show(asked[0], func(t *ui.Printer) {
		printQuestion(t, asked[0])
		t.Line("  %s says %s", a.Who, map[bool]string{true: "yes", false: "no"}[a.Approved])
		for _, g := range given {
			t.Line("  counted: %s, %s", g.Who, g.Standing())
		}
	})
}

// testPlaybook runs a playbook on a simulated account, where everybody says yes and does what is
// to be done.
func (p *program) testPlaybook(c *cli.Context) error {
	pb, inputs, err := playbookOf(c)
	if err != nil {
		return err
	}
	sc, err := loadScenario(c.String("scenario"))
	if err != nil {
		return ui.UsageHint("freezeframe tabletop list", "%w", err)
	}
	w, err := tabletop.Play(c.Context, sc, tabletop.Options{Seed: 1, Now: time.Now()})
	if err != nil {
		return err
	}
	w.Live()
	opened, err := p.exerciseCase(c, w, 1)
	if err != nil {
		return err
	}
	env := p.playbookEnv(true, opened.Operator)
	env.Ask = func(context.Context, playbooks.Question) (playbooks.Answer, error) {
		return playbooks.Answer{Approved: true, Who: opened.Operator, Reason: "a test on a simulated account"}, nil
	}
	if env.Session, err = w.Session(c.Context, false, nil); err != nil {
		return err
	}
	env.Case, env.Exercise = opened, w.ID
	tabletop.Fill(pb, inputs, sc)
	run, err := playbooks.Execute(c.Context, pb, inputs, env)
	if err != nil {
		return err
	}
	p.s.Person(func(t *ui.Printer) { t.Line("the case: %s", opened.Vault().String()) })
	return p.endPlaybook(run)
}
