package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/durable"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks/tabletop"
)

func (p *program) tabletopCommand() *cli.Command {
	seed := &cli.Uint64Flag{Name: "seed", Usage: "another seed, other ids", Value: 1}
	return &cli.Command{
		Name: "tabletop", Usage: "practise on a simulated account: no AWS, no credentials",
		Subcommands: append([]*cli.Command{
			{Name: "list", Usage: "the scenarios", Action: p.listScenarios},
			{
				Name: "show", Usage: "a scenario as responders get it; with --facilitator everything", ArgsUsage: "SCENARIO|FILE",
				Description: "freezeframe tabletop show code-overwrite",
				Flags:       []cli.Flag{&cli.BoolFlag{Name: "facilitator", Usage: "with the answers: injects, the attacker's script, points, a solution"}},
				Action:      p.showScenario,
			},
			{
				Name: "run", Usage: "play an attack, respond by the reference solution, and try the attacker's calls again", ArgsUsage: "SCENARIO|FILE",
				Description: "freezeframe tabletop run code-overwrite --yes\nfreezeframe tabletop run code-overwrite --yes --speed 60\nfreezeframe tabletop run self-healing --solo --speed 10\n\nThe case stays on disk: in --case, or in a new folder here.",
				Flags: []cli.Flag{seed, &cli.BoolFlag{Name: "yes", Usage: "answer the approval gate with yes"},
					&cli.BoolFlag{Name: "solo", Usage: "respond yourself, at a prompt, with a clock that can be sped up, held and rewound"},
					&cli.StringFlag{Name: "playbook", Usage: "respond by this playbook instead of the reference solution"},
					&cli.Float64Flag{Name: "speed", Usage: "so many times faster than the wall clock; 0 is as fast as it goes, and with --solo a clock that stands"},
					&cli.StringFlag{Name: "report", Usage: "new folder for situation manual, evaluator guide, after-action report and score"}},
				Action: p.runTabletop,
			},
			{
				Name: "serve", Usage: "serve the account after the attack on 127.0.0.1, for this binary and the AWS CLI", ArgsUsage: "SCENARIO|FILE",
				Description: "freezeframe tabletop serve code-overwrite --port 4510\n\nThe attacker goes on, and injects come, until the time is over. --control names a new file with what leading it needs: status, inject, pause, resume, note and score; keep it from responders, since it gives answers away. Its record goes beside it. --players names one for responders, who ask for status, decide, hint and hotwash with it.",
				Flags: []cli.Flag{seed, &cli.IntFlag{Name: "port", Usage: "TCP port; 0 takes a free one", Value: 0},
					&cli.StringFlag{Name: "control", Usage: "new file for the facilitator's address and token; without it nobody leads the exercise"},
					&cli.StringFlag{Name: "players", Usage: "new file for the players' address and token; the printed environment names it"}},
				Action: p.serveTabletop,
			},
			{
				Name: "lint", Usage: "check a scenario: spelling, that it can be won, and that nothing is won by doing nothing", ArgsUsage: "SCENARIO|FILE",
				Description: "freezeframe tabletop lint mine.yaml", Action: p.lintScenario,
			},
			p.tabletopReportCommand(),
			{Name: "schema", Usage: "the JSON Schema of scenarios, for editors", Description: "freezeframe tabletop schema > scenario.schema.json", Action: p.scenarioSchema},
			{Name: "new", Usage: "write a scenario to begin with", ArgsUsage: "NAME", Description: "freezeframe tabletop new my-scenario", Action: p.newScenario},
		}, p.controlCommands()...),
	}
}

// loadScenario finds a built-in one by name, anything else as a file.
func loadScenario(name string) (*tabletop.Scenario, error) {
	s, err := tabletop.Find(name)
	if err == nil || !errors.Is(err, tabletop.ErrUnknown) || !strings.HasSuffix(name, ".yaml") {
		return s, err
	}
	data, readErr := os.ReadFile(name)
	if readErr != nil {
		return nil, ui.UsageHint("freezeframe tabletop list", "%w, and no file of that name", err)
	}
	return tabletop.Parse(name, data)
}

func (p *program) scenarioOf(c *cli.Context) (*tabletop.Scenario, error) {
	name, err := oneArgument(c, "scenario")
	if err != nil {
		return nil, err
	}
	return loadScenario(name)
}

func (p *program) listScenarios(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	all, err := tabletop.Scenarios()
	if err != nil {
		return err
	}
	type row struct{ Name, Title, Function string }
	rows := []row{}
	for _, s := range all {
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

// shownScenario is what `tabletop show` answers; the second part only for facilitators.
type shownScenario struct {
	Schema     string               `json:"schema"`
	Banner     string               `json:"banner"`
	Name       string               `json:"scenario"`
	Title      string               `json:"title"`
	About      string               `json:"about"`
	Account    string               `json:"account"`
	Region     string               `json:"region"`
	Function   string               `json:"function"`
	Lasts      time.Duration        `json:"lasts_ns"`
	Objectives []tabletop.Objective `json:"objectives"`
	Manual     string               `json:"situation_manual"`
	Guide      string               `json:"evaluator_guide,omitempty"`
}

func (p *program) showScenario(c *cli.Context) error {
	s, err := p.scenarioOf(c)
	if err != nil {
		return err
	}
	out := shownScenario{"freezeframe/tabletop-scenario/v1", "EXERCISE", s.Name, s.Title, s.About, s.Account, s.Region, s.Function, s.Lasts, s.Objectives, s.SituationManual().Markdown(), ""}
	if c.Bool("facilitator") {
		if err := p.notForPlayers("the facilitator's view"); err != nil {
			return err
		}
		out.Guide = s.EvaluatorGuide().Markdown()
	}
	return p.s.Show(out, func(t *ui.Printer) {
		t.Block("", out.Manual)
		if out.Guide != "" {
			t.Block("", out.Guide)
		}
	})
}

// linted is what `tabletop lint` answers.
type linted struct {
	Schema   string             `json:"schema"`
	Scenario string             `json:"scenario"`
	Problems []tabletop.Problem `json:"problems"`
	Trials   []tabletop.Trial   `json:"trials"`
}

func (p *program) lintScenario(c *cli.Context) error {
	if err := p.notForPlayers("what is missed in a trial"); err != nil {
		return err
	}
	name, err := oneArgument(c, "scenario")
	if err != nil {
		return err
	}
	out := linted{Schema: "freezeframe/tabletop-lint/v1", Scenario: name, Problems: []tabletop.Problem{}, Trials: []tabletop.Trial{}}
	dir, err := os.MkdirTemp("", "freezeframe-lint-")
	if err != nil {
		return fmt.Errorf("a folder for the trials: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	s, err := loadScenario(name)
	if err == nil {
		out.Trials, err = tabletop.Lint(c.Context, s, dir)
	}
	if bad, ok := errors.AsType[*tabletop.InvalidError](err); ok {
		out.Problems, err = bad.Problems, nil
	}
	if err != nil {
		return err
	}
	if err := p.s.Show(out, func(t *ui.Printer) { showLint(t, out) }); err != nil {
		return err
	}
	unfair := 0
	for _, trial := range out.Trials {
		if !trial.Fair {
			unfair++
		}
	}
	if n := len(out.Problems) + unfair; n > 0 {
		return ui.Usage("%s: %s", name, ui.Plural(n, "problem"))
	}
	return nil
}

func showLint(t *ui.Printer, out linted) {
	for _, pr := range out.Problems {
		t.Line("%s", pr)
	}
	for _, trial := range out.Trials {
		t.Line("%s scores %d (%s)", trial.Name, trial.Score, trial.Wanted)
		if trial.Fair {
			continue
		}
		for _, e := range trial.Result.Earned {
			if e.Got < e.Points {
				t.Line("  missed: %s, %d points: %s", e.ID, e.Points, e.Text)
			}
		}
		for _, c := range trial.Result.Costs {
			t.Line("  cost: %s, %d points: %s", c.ID, c.Points, c.Text)
		}
		if trial.Err != nil {
			t.Line("  what failed: %s", trial.Err)
		}
	}
}

func (p *program) newScenario(c *cli.Context) error {
	name, err := oneArgument(c, "name")
	if err != nil {
		return err
	}
	text, err := tabletop.Template(name)
	if err != nil {
		return ui.Usage("%w", err)
	}
	path, err := filepath.Abs(name + ".yaml")
	if err != nil {
		return fmt.Errorf("scenario %s: %w", name, err)
	}
	if err := durable.WriteNew(path, text, 0o644); err != nil {
		return err
	}
	return p.s.Show(map[string]string{"schema": "freezeframe/tabletop-new/v1", "file": path}, func(t *ui.Printer) {
		t.Line("%s", path)
		t.Line("  %s tabletop lint %s.yaml", self(), name)
	})
}

func (p *program) scenarioSchema(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	data, err := json.MarshalIndent(tabletop.Schema(), "", "  ")
	if err != nil {
		return fmt.Errorf("the schema: %w", err)
	}
	_, err = fmt.Fprintln(p.s.Out, string(data))
	return err
}
