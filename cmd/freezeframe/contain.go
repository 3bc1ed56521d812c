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
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

func (p *program) containCommand() *cli.Command {
	reason := &cli.StringFlag{Name: "reason", Usage: "why, for the ledger"}
	dry := &cli.BoolFlag{Name: "dry-run", Usage: "read and check everything, change nothing"}
	operator := &cli.StringFlag{Name: "operator", Usage: "the human at the keyboard, if not the one who opened the case"}
	identity := identityFlag()
	function := &cli.StringFlag{Name: "function", Usage: "name or ARN; without it every function contained in this case"}
	return &cli.Command{
		Name: "contain", Usage: "cut a function off, reversibly: plan, apply, status, watch, release, undo",
		Subcommands: []*cli.Command{
			{
				Name: "plan", Usage: "write a plan: the exact calls, and what they break (reads only)",
				Description: planHelp,
				Flags:       planFlags(),
				Action:      p.planContainment,
			},
			{
				Name: "apply", Usage: "apply a plan, act by act, each read back",
				ArgsUsage:   "PLAN",
				Description: "freezeframe contain apply plan.json\n\nRefuses (exit code 4) where what would be overwritten is not sealed in the case, where the account is no longer as planned, and on your own principal.",
				Flags: []cli.Flag{dry, operator, identity,
					&cli.BoolFlag{Name: "fast", Usage: "concurrency 0 and the role's deny first, side by side; everything else after them"},
					&cli.StringFlag{Name: "override", Usage: "reason for acting although something is not sealed"},
					&cli.StringSliceFlag{Name: "protect", Usage: "ARN, with wildcards, never to be contained (may be repeated)"},
				},
				Action: p.applyContainment,
			},
			{
				Name: "status", Usage: "what is in force, what somebody changed back, what was contained before us",
				Description: "freezeframe contain status",
				Flags:       []cli.Flag{function, identity, &cli.BoolFlag{Name: "offline", Usage: "by the case alone, without reading the account"}},
				Action:      p.containmentStatus,
			},
			p.watchCommand(function),
			{
				Name: "release", Usage: "lift isolation; what was removed as hostile stays removed",
				Description: "freezeframe contain release --function payments --reason 'clean version deployed'",
				Flags:       []cli.Flag{function, reason, dry, operator, identity},
				Action:      func(c *cli.Context) error { return p.lift(c, contain.Release, nil, false) },
			},
			{
				Name: "undo", Usage: "take acts back: by name, or --all for a false alarm",
				ArgsUsage:   "[ACT...]",
				Description: "freezeframe contain undo url-iam --reason 'the URL is the shop'\nfreezeframe contain undo --all --reason 'false alarm, ticket 4711'\n\nRevoked sessions and deactivated keys may be stolen and alive: they come back when every session has run out (36 hours at most), or with --accept-risk WHY.",
				Flags: []cli.Flag{function, reason, dry, operator, identity,
					&cli.BoolFlag{Name: "all", Usage: "every act of this case"},
					&cli.BoolFlag{Name: "force-over-drift", Aliases: []string{"force"}, Usage: "also where somebody changed the document since (acts by name only)"},
					&cli.StringFlag{Name: "accept-risk", Usage: "why credentials that may be stolen may work again"},
				},
				Action: p.undoContainment,
			},
		},
	}
}

func identityFlag() cli.Flag {
	return &cli.StringFlag{Name: "identity", Usage: "age identity or ssh private key that opens an environment which is put back; without it the one that was made for the case here"}
}

// openCaseToContain is the case with the identity that opens its secrets, if there is one
// here: each that is opened is recorded in the ledger first.
func (p *program) openCaseToContain(c *cli.Context) (*evidence.Case, error) {
	opened, err := p.openCase(c)
	if err != nil {
		return nil, err
	}
	path := c.String("identity")
	if path == "" {
		home, err := p.home()
		if err != nil {
			return nil, err
		}
		if path = evidence.IdentityPath(home, opened.ID); path == "" {
			return opened, nil
		}
	}
	data, err := os.ReadFile(path)
	if err == nil {
		opened.SecretIdentities, err = evidence.ParseIdentities(data)
	}
	if err != nil {
		return nil, ui.UsageHint("freezeframe contain plan --identity FILE", "--identity %s: %w", path, err)
	}
	return opened, nil
}

func planFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "function", Usage: "name or ARN (may be repeated, also of several regions)"},
		&cli.StringSliceFlag{Name: "actor", Usage: "ARN of a role, a role's session or a user: who did it, and each role chained from there (may be repeated)"},
		&cli.StringSliceFlag{Name: "resource", Usage: "ARN of anything else to act on (may be repeated)"},
		&cli.StringFlag{Name: "level", Usage: "stop, isolate or evict; without a level, an act and a finding: isolate"},
		&cli.StringSliceFlag{Name: "act", Usage: "this act too, or alone without a level (may be repeated)"},
		&cli.BoolFlag{Name: "preserve", Usage: "also the acts that keep evidence from being destroyed"},
		&cli.StringFlag{Name: "from-timeline", Usage: "file of findings: each that stands is answered by the acts that can, the others are listed"},
		&cli.BoolFlag{Name: "accept-shared-role", Usage: "act on the whole role although others use it"},
		&cli.StringSliceFlag{Name: "bad-version", Usage: "version whose code is bad: what still reaches it is said (may be repeated)"},
		&cli.StringSliceFlag{Name: "good-version", Usage: "published version to go back to, or ALIAS=VERSION (may be repeated)"},
		&cli.StringFlag{Name: "quarantine-group", Usage: "security group that lets nothing out, for network-quarantine"},
		&cli.StringFlag{Name: "signing-config", Usage: "ARN of a code-signing configuration that enforces, for code-signing-enforce"},
		&cli.BoolFlag{Name: "rotate-secrets", Usage: "have secrets rotated that the function could read; refused while anybody of the plan can read one, or its rotation function is in scope"},
		&cli.StringFlag{Name: "identity-user", Usage: "Identity Center id of the user behind an AWSReservedSSO_ role, for the text to be pasted elsewhere"},
		identityFlag(),
		&cli.StringFlag{Name: "out", Usage: "plan file to write; refused if it exists", Value: "plan.json"},
		&cli.BoolFlag{Name: "exfiltration", Usage: "data is leaving now: concurrency to zero before anything else"},
		&cli.BoolFlag{Name: "stop-durable", Usage: "also stop durable executions that run; AWS cannot resume them: there is no undo"},
		&cli.BoolFlag{Name: "service-grants", Usage: "also remove grants to services that name no source"},
		&cli.StringFlag{Name: "organization", Usage: "id of your own organization (o-...): its grants stay"},
		&cli.StringSliceFlag{Name: "protect", Usage: "ARN, with wildcards, never to be contained (may be repeated)"},
	}
}

const planHelp = `freezeframe contain plan --function payments --out plan.json
freezeframe contain plan --level stop --function payments --function refunds
freezeframe contain plan --level evict --function payments --actor arn:aws:iam::111122223333:user/mallory
freezeframe contain plan --from-timeline findings.json

Levels: stop (concurrency 0 and a deny on the role: back in seconds), isolate (and mappings, triggers, URLs, grants, sessions), evict (and what is hostile: the actor, aliases, configuration, code). docs/containment.md lists the acts.`

func (p *program) planContainment(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	out := c.String("out")
	if _, err := os.Lstat(out); err == nil {
		return ui.UsageHint("freezeframe contain plan --out ANOTHER", "plan file %s exists already", out)
	}
	opened, err := p.openCaseToContain(c)
	if err != nil {
		return err
	}
	s, err := p.connect(c, nil, true)
	if err != nil {
		return err
	}
	in := contain.PlanInput{
		Session: s, Case: opened, Functions: c.StringSlice("function"), Actors: c.StringSlice("actor"), Resources: c.StringSlice("resource"),
		Level: contain.Level(c.String("level")), Acts: c.StringSlice("act"), Preserve: c.Bool("preserve"), ServiceGrants: c.Bool("service-grants"), StopDurable: c.Bool("stop-durable"),
		GoodVersion: c.StringSlice("good-version"), QuarantineGroup: c.String("quarantine-group"), SigningConfig: c.String("signing-config"),
		Organization: c.String("organization"), Protected: c.StringSlice("protect"), Chain: chain(c),
		AcceptSharedRole: c.Bool("accept-shared-role"), Bad: c.StringSlice("bad-version"), IdentityUser: c.String("identity-user"),
		RotateSecrets: c.Bool("rotate-secrets"),
	}
	if in.Findings, err = readFindings(c.String("from-timeline")); err != nil {
		return err
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
	if n := len(plan.Unplanned); n > 0 {
		return ui.Incomplete("", "%s could not be planned", ui.Plural(n, "act"))
	}
	if n := len(plan.Unanswered); n > 0 {
		return ui.Incomplete("", "%s answered by no act: by hand", ui.Plural(n, "finding"))
	}
	return nil
}

// readFindings reads what analysis found, "" is nothing.
func readFindings(path string) ([]finding.Finding, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, ui.UsageHint("freezeframe timeline lineage --findings FILE", "reading the findings: %w", err)
	}
	defer f.Close()
	file, err := finding.Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file.Findings, nil
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
	opened, err := p.openCaseToContain(c)
	if err != nil {
		return err
	}
	s, err := p.connectToChange(c, opened, c.Bool("dry-run"))
	if err != nil {
		return err
	}
	progress := p.s.Progress("containing")
	n := 0
	run, err := contain.Apply(c.Context, contain.ApplyInput{
		Session: s, Case: opened, Plan: plan, Operator: operatorOf(c, opened), Tool: tool(), DryRun: c.Bool("dry-run"),
		Fast: c.Bool("fast"), Override: c.String("override"), Protected: c.StringSlice("protect"), Chain: chain(c),
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
		return ui.Incomplete(run.Mend(), "%s ended as %s: not every act came to its end", run.Action, run.Status())
	}
	if err == nil && len(run.Open) > 0 && !run.DryRun {
		return ui.Incomplete("freezeframe contain plan --level evict --bad-version BAD --good-version GOOD --function NAME --out NEW.json", "what was done is not enough: %s to bad code still open", ui.Plural(len(run.Open), "road"))
	}
	return err
}

func (p *program) containmentStatus(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	opened, err := p.openCaseToContain(c)
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
	opened, err := p.openCaseToContain(c)
	if err != nil {
		return err
	}
	s, err := p.connectToChange(c, opened, c.Bool("dry-run"))
	if err != nil {
		return err
	}
	run, err := do(c.Context, contain.LiftInput{
		Session: s, Case: opened, Function: c.String("function"), Acts: acts, All: all, Reason: c.String("reason"),
		Operator: operatorOf(c, opened), Tool: tool(), DryRun: c.Bool("dry-run"), Force: c.Bool("force-over-drift"), AcceptRisk: c.String("accept-risk"),
	})
	return p.endRun(run, err)
}
