package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/tabletop"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

func (p *program) tabletopCommand() *cli.Command {
	seed := &cli.Uint64Flag{Name: "seed", Usage: "another seed, other ids", Value: 1}
	return &cli.Command{
		Name: "tabletop", Usage: "practise on a simulated account: no AWS, no credentials",
		Subcommands: []*cli.Command{
			{Name: "list", Usage: "the scenarios", Action: p.listScenarios},
			{
				Name: "run", Usage: "play an attack, respond by playbook, and try the attacker's calls again", ArgsUsage: "SCENARIO",
				Description: "freezeframe tabletop run code-overwrite --yes\n\nThe case stays on disk: in --case, or in a new folder here.",
				Flags:       []cli.Flag{seed, &cli.BoolFlag{Name: "yes", Usage: "answer the approval gate with yes"}},
				Action:      p.runTabletop,
			},
			{
				Name: "serve", Usage: "serve the account after the attack on 127.0.0.1, for this binary and the AWS CLI", ArgsUsage: "SCENARIO",
				Description: "freezeframe tabletop serve code-overwrite --port 4510",
				Flags:       []cli.Flag{seed, &cli.IntFlag{Name: "port", Usage: "TCP port; 0 takes a free one", Value: 0}},
				Action:      p.serveTabletop,
			},
		},
	}
}

func (p *program) listScenarios(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	type row struct{ Name, Title, Function string }
	rows := []row{}
	for _, s := range tabletop.Scenarios() {
		rows = append(rows, row{s.Name, s.Title, s.Function})
	}
	return p.s.Show(rows, func(t *ui.Printer) {
		var cells [][]string
		for _, r := range rows {
			cells = append(cells, []string{r.Name, r.Function, r.Title})
		}
		t.Table([]string{"NAME", "FUNCTION", "WHAT HAPPENS"}, cells)
	})
}

// exercise is what `tabletop run` answers.
type exercise struct {
	Schema    string         `json:"schema"`
	Scenario  string         `json:"scenario"`
	Function  string         `json:"function"`
	Case      string         `json:"case"`
	Before    []tabletop.Try `json:"before"`
	Run       *playbooks.Run `json:"run"`
	After     []tabletop.Try `json:"after"`
	StillOpen []string       `json:"still_open"`
	Contained bool           `json:"contained"`
}

func (p *program) play(c *cli.Context) (*tabletop.World, error) {
	name, err := oneArgument(c, "scenario")
	if err != nil {
		return nil, err
	}
	sc, err := tabletop.Find(name)
	if err != nil {
		return nil, err
	}
	w, err := tabletop.Play(c.Context, sc, tabletop.Options{Seed: c.Uint64("seed"), Now: time.Now()})
	if err != nil {
		return nil, err
	}
	w.Live()
	return w, nil
}

func (p *program) runTabletop(c *cli.Context) error {
	w, err := p.play(c)
	if err != nil {
		return err
	}
	opened, err := p.exerciseCase(c, w.Scenario)
	if err != nil {
		return err
	}
	out := exercise{Schema: "freezeframe/tabletop-run/v1", Scenario: w.Scenario.Name, Function: w.Scenario.Function, Case: opened.Vault().String(), StillOpen: []string{}}
	p.s.Person(func(t *ui.Printer) {
		t.Line("%s %s", t.Bold("scenario"), w.Scenario.Title)
		t.Block("  ", w.Scenario.About)
		t.Line("  account %s (simulated), region %s, function %s", w.Scenario.Account, w.Scenario.Region, w.Scenario.Function)
	})
	out.Before = w.Probe(c.Context)
	if err := p.respondTo(c, w, opened, &out); err != nil {
		return err
	}
	out.After = w.Probe(c.Context)
	out.Contained = contained(out)
	for _, r := range w.StillOpen(c.Context) {
		out.StillOpen = append(out.StillOpen, r.What+": "+r.Command)
	}
	if p.s.JSON {
		if err := p.s.Show(out, nil); err != nil {
			return err
		}
	} else {
		p.s.Person(func(t *ui.Printer) { showExercise(t, out) })
	}
	return endExercise(out)
}

// respondTo runs the playbook with the real commands' code, and prints the story.
func (p *program) respondTo(c *cli.Context, w *tabletop.World, opened *evidence.Case, out *exercise) error {
	s, err := w.Session(c.Context, false, nil)
	if err != nil {
		return err
	}
	pb, err := playbooks.Find("lambda-compromise")
	if err != nil {
		return err
	}
	env := p.playbookEnv(c.Bool("yes"), opened.Operator)
	env.Session, env.Case = s, opened
	env.Tell = func(r playbooks.StepReport) {
		p.tellStep(r)
		if r.ID == "timeline" && r.Status != playbooks.Running && r.Status != playbooks.Failed {
			p.tellStoryOf(c.Context, opened, w.Scenario.Function)
		}
	}
	inputs := map[string]any{}
	tabletop.Fill(pb, inputs, w.Scenario)
	out.Run, err = playbooks.Execute(c.Context, pb, inputs, env)
	return err
}

func (p *program) tellStoryOf(ctx context.Context, opened *evidence.Case, function string) {
	story, err := timeline.Tell(ctx, timeline.Options{Filter: timeline.Filter{Function: function}}, timeline.Input{Case: opened})
	if err != nil {
		p.s.Warn("no story: %s", err)
		return
	}
	var text strings.Builder
	if err := story.Text(&text, p.s.Width); err != nil {
		p.s.Warn("no story: %s", err)
		return
	}
	p.s.Person(func(t *ui.Printer) { t.Block("    ", text.String()) })
}

// exerciseCase opens --case, or a new case in a folder named after the moment.
func (p *program) exerciseCase(c *cli.Context, sc tabletop.Scenario) (*evidence.Case, error) {
	where := c.String("case")
	if where == "" {
		where = "tabletop-" + sc.Name + "-" + time.Now().UTC().Format("20060102T150405.000Z")
	}
	path, err := filepath.Abs(where)
	if err != nil {
		return nil, fmt.Errorf("case folder %s: %w", where, err)
	}
	home, err := p.home()
	if err != nil {
		return nil, err
	}
	v, err := p.vaultAt(c, path, true)
	if err != nil {
		return nil, err
	}
	return evidence.CreateCase(c.Context, v, evidence.CaseOptions{
		Title: "exercise: " + sc.Title, Authority: "exercise", Operator: localUser(), Home: home,
	})
}

func contained(out exercise) bool {
	for _, t := range out.After {
		if t.Worked == t.Hostile {
			return false
		}
	}
	return true
}

func showExercise(t *ui.Printer, out exercise) {
	t.Line("playbook %s: %s", out.Run.Playbook, string(out.Run.Status))
	rows := make([][]string, 0, len(out.After))
	for i, after := range out.After {
		rows = append(rows, []string{after.Name, out.Before[i].Answer, after.Answer})
	}
	t.Line("")
	t.Table([]string{"TRIED", "BEFORE", "AFTER"}, rows)
	for _, open := range out.StillOpen {
		t.Line("%s %s", t.Bad("still open:"), open)
	}
	t.Line("")
	t.Line("the case: %s", out.Case)
	t.Line("  %s verify %s", self(), out.Case)
	t.Line("  %s timeline story --function %s --case %s", self(), out.Function, out.Case)
	t.Line("  %s contain status --offline --case %s", self(), out.Case)
	if out.Contained {
		t.Line("%s the attacker's calls fail, the clean function works", t.Good("contained:"))
	}
}

// endExercise is the exit code: the exercise succeeded when the attacker is out and nobody else is.
func endExercise(out exercise) error {
	switch out.Run.Status {
	case playbooks.Aborted:
		return &ui.Error{Code: ui.ExitRefused, Err: fmt.Errorf("playbook %s was aborted: %w", out.Run.Playbook, out.Run.Err())}
	case playbooks.Failed:
		return out.Run.Err()
	}
	if !out.Contained {
		return errors.New("containment does not hold: see the table")
	}
	if out.Run.Status == playbooks.WithGaps {
		return ui.Incomplete("", "playbook %s succeeded with gaps", out.Run.Playbook)
	}
	return nil
}

func (p *program) serveTabletop(c *cli.Context) error {
	w, err := p.play(c)
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(c.Context, "tcp", net.JoinHostPort("127.0.0.1", fmt.Sprint(c.Int("port"))))
	if err != nil {
		return fmt.Errorf("listening on 127.0.0.1: %w", err)
	}
	server := &http.Server{Handler: w.Cloud, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	if err := p.showServed(w, "http://"+l.Addr().String()); err != nil {
		return errors.Join(err, server.Close())
	}
	select {
	case err := <-failed:
		return fmt.Errorf("serving the account: %w", err)
	case <-c.Context.Done():
	}
	// The signal came: answers under way get a moment.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context), 3*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stopping: %w", err)
	}
	fmt.Fprintln(p.s.Err, "stopped")
	return nil
}

// served is what `tabletop serve` prints.
type served struct {
	Schema   string            `json:"schema"`
	Scenario string            `json:"scenario"`
	Endpoint string            `json:"endpoint_url"`
	Function string            `json:"function"`
	Env      map[string]string `json:"env"`
}

func (p *program) showServed(w *tabletop.World, endpoint string) error {
	out := served{"freezeframe/tabletop-served/v1", w.Scenario.Name, endpoint, w.Scenario.Function, map[string]string{
		"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": w.Scenario.Region, "AWS_DEFAULT_REGION": w.Scenario.Region,
		"AWS_ACCESS_KEY_ID": w.Responder.AccessKeyID, "AWS_SECRET_ACCESS_KEY": w.Responder.SecretAccessKey,
	}}
	return p.s.Show(out, func(t *ui.Printer) {
		t.Line("# %s: %s", w.Scenario.Name, w.Scenario.Title)
		for _, k := range []string{"AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
			t.Line("export %s=%s", k, out.Env[k])
		}
		t.Line("unset AWS_SESSION_TOKEN AWS_PROFILE")
		t.Line("# then, in another terminal:")
		t.Line("#   freezeframe case open ./exercise --title exercise --authority exercise --operator \"$USER\"")
		t.Line("#   freezeframe collect --case ./exercise --function %s", out.Function)
		t.Line("#   aws lambda get-function --function-name %s", out.Function)
		t.Line("# stop with Ctrl-C")
	})
}
