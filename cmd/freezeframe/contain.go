package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/durable"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

func (p *program) containCommand() *cli.Command {
	reason := &cli.StringFlag{Name: "reason", Usage: "why, for the ledger"}
	dry := &cli.BoolFlag{Name: "dry-run", Usage: "read and check everything, change nothing"}
	operator := &cli.StringFlag{Name: "operator", Usage: "the human at the keyboard, if not the one who opened the case"}
	function := &cli.StringFlag{Name: "function", Usage: "name or ARN; without it every function contained in this case"}
	return &cli.Command{
		Name: "contain", Usage: "cut a function off, reversibly: plan, apply, status, release, undo",
		Subcommands: []*cli.Command{
			{
				Name: "plan", Usage: "write a plan: the exact calls, and what they break (reads only)",
				Description: "freezeframe contain plan --function payments --out plan.json",
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "function", Usage: "name or ARN", Required: true},
					&cli.StringSliceFlag{Name: "act", Usage: "only this act (may be repeated); without it the default acts"},
					&cli.StringFlag{Name: "out", Usage: "plan file to write; refused if it exists", Value: "plan.json"},
					&cli.BoolFlag{Name: "exfiltration", Usage: "data is leaving now: concurrency to zero before anything else"},
					&cli.BoolFlag{Name: "service-grants", Usage: "also remove grants to services that name no source"},
					&cli.StringFlag{Name: "organization", Usage: "id of your own organization (o-...): its grants stay"},
					&cli.StringSliceFlag{Name: "protect", Usage: "ARN, with wildcards, never to be contained (may be repeated)"},
				},
				Action: p.planContainment,
			},
			{
				Name: "apply", Usage: "apply a plan, act by act, each read back",
				ArgsUsage:   "PLAN",
				Description: "freezeframe contain apply plan.json\n\nRefuses (exit code 4) where what would be overwritten is not sealed in the case, where the account is no longer as planned, and on your own principal.",
				Flags: []cli.Flag{dry, operator,
					&cli.StringFlag{Name: "override", Usage: "reason for acting although something is not sealed"},
					&cli.StringSliceFlag{Name: "protect", Usage: "ARN, with wildcards, never to be contained (may be repeated)"},
				},
				Action: p.applyContainment,
			},
			{
				Name: "status", Usage: "what is in force, what somebody changed back",
				Description: "freezeframe contain status",
				Flags:       []cli.Flag{function, &cli.BoolFlag{Name: "offline", Usage: "by the case alone, without reading the account"}},
				Action:      p.containmentStatus,
			},
			{
				Name: "release", Usage: "lift isolation; what was removed as hostile stays removed",
				Description: "freezeframe contain release --function payments --reason 'clean version deployed'",
				Flags:       []cli.Flag{function, reason, dry, operator},
				Action:      func(c *cli.Context) error { return p.lift(c, contain.Release, nil, false) },
			},
			{
				Name: "undo", Usage: "take acts back: by name, or --all for a false alarm",
				ArgsUsage:   "[ACT...]",
				Description: "freezeframe contain undo url-iam --reason 'the URL is the shop'\nfreezeframe contain undo --all --reason 'false alarm, ticket 4711'\nfreezeframe contain undo --all revoke-sessions --reason ...   (also the revocation of sessions that may still live)",
				Flags: []cli.Flag{function, reason, dry, operator,
					&cli.BoolFlag{Name: "all", Usage: "every act of this case"},
					&cli.BoolFlag{Name: "force", Usage: "also where somebody changed the document since (acts by name only)"},
				},
				Action: p.undoContainment,
			},
		},
	}
}

func (p *program) planContainment(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	out := c.String("out")
	if _, err := os.Lstat(out); err == nil {
		return ui.UsageHint("freezeframe contain plan --out ANOTHER", "plan file %s exists already", out)
	}
	opened, err := p.openCase(c)
	if err != nil {
		return err
	}
	s, err := p.connect(c, nil, true)
	if err != nil {
		return err
	}
	in := contain.PlanInput{
		Session: s, Case: opened, Function: c.String("function"), Acts: c.StringSlice("act"), ServiceGrants: c.Bool("service-grants"),
		Organization: c.String("organization"), Protected: c.StringSlice("protect"), Chain: chain(c),
	}
	if c.Bool("exfiltration") {
		in.Order = contain.ConcurrencyFirst
	}
	plan, err := contain.NewPlan(c.Context, in)
	if err != nil {
		return err
	}
	if err := writePlan(out, plan); err != nil {
		return err
	}
	if err := p.s.Show(plan, func(t *ui.Printer) { showPlan(t, plan, out) }); err != nil {
		return err
	}
	if len(plan.Unplanned) > 0 {
		return ui.Incomplete("", "%s could not be planned", ui.Plural(len(plan.Unplanned), "act"))
	}
	return nil
}

func writePlan(path string, plan *contain.Plan) error {
	data, err := plan.Encode()
	if err != nil {
		return err
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("plan file %s: %w", path, err)
	}
	return durable.WriteNew(abs, data, 0o600)
}

func chain(c *cli.Context) []string {
	if r := c.String("role-arn"); r != "" {
		return []string{r}
	}
	return nil
}

func readPlan(path string) (*contain.Plan, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, ui.UsageHint("freezeframe contain plan --function NAME", "reading the plan: %w", err)
	}
	defer f.Close()
	return contain.ReadPlan(f)
}

func (p *program) applyContainment(c *cli.Context) error {
	path, err := oneArgument(c, "plan file")
	if err != nil {
		return err
	}
	plan, err := readPlan(path)
	if err != nil {
		return err
	}
	opened, err := p.openCase(c)
	if err != nil {
		return err
	}
	s, err := p.connect(c, opened, c.Bool("dry-run"))
	if err != nil {
		return err
	}
	progress := p.s.Progress("containing")
	n := 0
	run, err := contain.Apply(c.Context, contain.ApplyInput{
		Session: s, Case: opened, Plan: plan, Operator: operatorOf(c, opened), Tool: tool(), DryRun: c.Bool("dry-run"),
		Override: c.String("override"), Protected: c.StringSlice("protect"), Chain: chain(c),
		Progress: func(o contain.Outcome) { n++; progress.Update(n, len(plan.Moves), 0, o.Doc) },
	})
	progress.Done()
	return p.endRun(run, err)
}

// endRun shows a run and turns its status into an exit code.
func (p *program) endRun(run *contain.Run, err error) error {
	if run == nil {
		return err
	}
	if showErr := p.s.Show(run, func(t *ui.Printer) { showRun(t, run) }); showErr != nil {
		return showErr
	}
	if err == nil && !run.Status().OK() {
		return ui.Incomplete("freezeframe contain status", "%s ended as %s: not every act came to its end", run.Action, run.Status())
	}
	return err
}

func (p *program) containmentStatus(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	opened, err := p.openCase(c)
	if err != nil {
		return err
	}
	in := contain.StatusInput{Case: opened, Function: c.String("function")}
	if !c.Bool("offline") {
		if in.Session, err = p.connect(c, nil, true); err != nil {
			return err
		}
	}
	all, err := contain.Standings(c.Context, in)
	if all == nil {
		all = []contain.Standing{}
	}
	// What could be read is shown also beside an error.
	return errors.Join(p.s.Show(all, func(t *ui.Printer) { showStandings(t, all) }), err)
}

func (p *program) undoContainment(c *cli.Context) error {
	acts, all := c.Args().Slice(), c.Bool("all")
	if !all && len(acts) == 0 {
		return ui.UsageHint("freezeframe contain undo --help", "name the acts to take back, or --all")
	}
	return p.lift(c, contain.Undo, acts, all)
}

func (p *program) lift(c *cli.Context, do func(context.Context, contain.LiftInput) (*contain.Run, error), acts []string, all bool) error {
	if acts == nil {
		if err := noArguments(c); err != nil {
			return err
		}
	}
	opened, err := p.openCase(c)
	if err != nil {
		return err
	}
	s, err := p.connect(c, opened, c.Bool("dry-run"))
	if err != nil {
		return err
	}
	run, err := do(c.Context, contain.LiftInput{
		Session: s, Case: opened, Function: c.String("function"), Acts: acts, All: all, Reason: c.String("reason"),
		Operator: operatorOf(c, opened), Tool: tool(), DryRun: c.Bool("dry-run"), Force: c.Bool("force"),
	})
	return p.endRun(run, err)
}
