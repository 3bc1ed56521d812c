package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/durable"
	"github.com/freezeframe-ir/freezeframe/internal/mandate"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/act"
)

// respondPeople are the commands by which people rule over what is done without them.
func (p *program) respondPeople() []*cli.Command {
	cases := func() cli.Flag {
		return &cli.StringFlag{Name: "cases", Usage: "where cases lie, as respond and worker name it", EnvVars: []string{"FREEZEFRAME_CASES"}}
	}
	by := func() cli.Flag {
		return &cli.StringFlag{Name: "by", Usage: "who says so; default: the user of this process"}
	}
	why := func() cli.Flag { return &cli.StringFlag{Name: "why", Usage: "why, for the record"} }
	id := func() cli.Flag {
		return &cli.StringFlag{Name: "case-id", Usage: "id of the alert's case, such as alert-1ab92989..."}
	}
	return []*cli.Command{
		{
			Name: "halt", Usage: "the switch that stops everything unattended: every worker obeys within a minute",
			Description: "freezeframe respond halt --cases s3://evidence/alerts --why 'false alarms'\nfreezeframe respond halt --cases s3://evidence/alerts --lift --why 'mandate mended'\n\nWhile it is turned no message is taken, nothing is contained, and nothing that ran out is lifted. What reads goes on to its end.",
			Flags:       []cli.Flag{cases(), by(), why(), &cli.BoolFlag{Name: "lift", Usage: "turn it back"}}, Action: p.halt,
		},
		{
			Name: "approve", Usage: "sign what waits for approval; without --case-id: what waits",
			Description: "freezeframe respond approve --cases s3://evidence/alerts\nfreezeframe respond approve --cases s3://evidence/alerts --case-id alert-1ab92989... --key olive.pem\n\nThe key is one that the mandate names for an approver: in a file, or in KMS. An approval is of one decision, and counts for an hour. Any worker's next look decides again.",
			Flags:       []cli.Flag{cases(), by(), id(), &cli.StringFlag{Name: "key", Usage: "private key of the approver: a file (.age with a passphrase), or the ARN of a KMS key"}}, Action: p.approveAct,
		},
		{
			Name: "confirm", Usage: "take a containment over: it does not end by itself any more",
			Description: "freezeframe respond confirm --cases s3://evidence/alerts --case-id alert-1ab92989... --why 'it is real, ticket 4711'\n\nTo end it then: freezeframe contain release.",
			Flags:       []cli.Flag{cases(), by(), why(), id()}, Action: p.confirmAct,
		},
		{
			Name: "mandate", Usage: "sign a mandate, or check one",
			Subcommands: []*cli.Command{
				{
					Name: "sign", Usage: "sign a mandate: the signature lies beside it", ArgsUsage: "FILE",
					Description: "freezeframe respond mandate sign night.yaml --key boss.pem",
					Flags:       []cli.Flag{&cli.StringFlag{Name: "key", Usage: "private key: a file (.age with a passphrase), or the ARN of a KMS key"}}, Action: p.signMandate,
				},
				{
					Name: "check", Usage: "what a mandate says, what is wrong with it, and whether its signatures count", ArgsUsage: "FILE",
					Description: "freezeframe respond mandate check night.yaml --trust boss.pub.pem\n\nExit codes: 0 it counts, 6 it does not, 2 it cannot be read.",
					Flags:       []cli.Flag{&cli.StringSliceFlag{Name: "trust", Usage: "public key, in PEM, whose signature counts (may be repeated)"}}, Action: p.checkMandate,
				},
			},
		},
	}
}

// onBoard opens the board that --cases names.
func (p *program) onBoard(c *cli.Context) (*board.Board, error) {
	if err := noArguments(c); err != nil {
		return nil, err
	}
	if c.String("cases") == "" {
		return nil, ui.UsageHint(commandHelp(c), "no place for cases: --cases and FREEZEFRAME_CASES are empty")
	}
	return p.board(c)
}

func said(c *cli.Context) string {
	if by := c.String("by"); by != "" {
		return by
	}
	return localUser()
}

// haltTurned is what `respond halt` answers.
type haltTurned struct {
	Schema string `json:"schema"`
	board.Halt
}

func (p *program) halt(c *cli.Context) error {
	b, err := p.onBoard(c)
	if err != nil {
		return err
	}
	if strings.TrimSpace(c.String("why")) == "" {
		return ui.UsageHint(commandHelp(c), "no --why: the record says why all was halted, and why it goes on")
	}
	h := board.Halt{Halted: !c.Bool("lift"), By: said(c), Why: c.String("why"), At: time.Now().UTC()}
	if err := b.SetHalt(c.Context, h); err != nil {
		return err
	}
	return p.s.Show(haltTurned{"freezeframe/halt/v1", h}, func(t *ui.Printer) {
		if h.Halted {
			t.Line("halted: within a minute no worker takes a message, contains or lifts anything")
			t.Line("  to go on: freezeframe respond halt --lift --why ...")
			return
		}
		t.Line("the switch is turned back: workers go on within a minute")
	})
}

type approvals struct {
	Schema string    `json:"schema"`
	Waits  []act.Ask `json:"waits"`
	Signed *act.Ask  `json:"signed,omitempty"`
}

func (p *program) approveAct(c *cli.Context) error {
	b, err := p.onBoard(c)
	if err != nil {
		return err
	}
	x := act.New(p.actorOptions(c, b))
	if c.String("case-id") == "" {
		waits, err := x.Asked(c.Context, "")
		if err != nil {
			return err
		}
		return p.s.Show(approvals{Schema: "freezeframe/approvals/v1", Waits: waits}, func(t *ui.Printer) {
			for i := range waits {
				showAsk(t, &waits[i])
			}
			if len(waits) == 0 {
				t.Line("nothing waits for approval")
			}
		})
	}
	if c.String("key") == "" {
		return ui.UsageHint(commandHelp(c), "no --key: an approval is a signature")
	}
	key, err := p.signer(c, c.String("key"))
	if err != nil {
		return ui.UsageHint(commandHelp(c), "--key: %w", err)
	}
	a, err := x.Approve(c.Context, c.String("case-id"), key, said(c))
	if err != nil {
		if errors.Is(err, act.ErrNoAsk) {
			return ui.UsageHint("freezeframe respond approve --cases "+c.String("cases"), "%w", err)
		}
		return err
	}
	return p.s.Show(approvals{Schema: "freezeframe/approvals/v1", Waits: []act.Ask{}, Signed: &a}, func(t *ui.Printer) {
		showAsk(t, &a)
		t.Line("signed by %s: the next look of a worker decides again, within a minute", said(c))
	})
}

func showAsk(t *ui.Printer, a *act.Ask) {
	t.Line("%s %s", t.Bold(a.Request.Case), a.Title)
	t.Line("  function: %s", a.Request.Function)
	t.Line("  rule %s, acts: %s", a.Request.Rule, strings.Join(a.Request.Acts, ", "))
	t.Line("  since %s; %s wanted", ui.Clock(a.At), ui.Plural(a.Wanted, "approval"))
}

type confirmed struct {
	Schema    string   `json:"schema"`
	Case      string   `json:"case"`
	Functions []string `json:"functions"`
	By        string   `json:"by"`
	Why       string   `json:"why"`
}

func (p *program) confirmAct(c *cli.Context) error {
	b, err := p.onBoard(c)
	if err != nil {
		return err
	}
	if c.String("case-id") == "" || strings.TrimSpace(c.String("why")) == "" {
		return ui.UsageHint(commandHelp(c), "--case-id and --why are needed")
	}
	functions, err := act.New(p.actorOptions(c, b)).Confirm(c.Context, c.String("case-id"), said(c), c.String("why"))
	if err != nil {
		if errors.Is(err, act.ErrNoDue) {
			return ui.UsageHint("freezeframe respond status", "%w", err)
		}
		return err
	}
	return p.s.Show(confirmed{"freezeframe/confirmed/v1", c.String("case-id"), functions, said(c), c.String("why")}, func(t *ui.Printer) {
		t.Line("%s: %s stays contained until somebody lifts it", c.String("case-id"), strings.Join(functions, ", "))
		t.Line("  to lift: freezeframe --case %s contain release --reason ...", caseOf(c, c.String("case-id")))
	})
}

type mandateSigned struct {
	Schema    string `json:"schema"`
	Mandate   string `json:"mandate"`
	Signature string `json:"signature"`
	KeyID     string `json:"key_id"`
}

func (p *program) signMandate(c *cli.Context) error {
	path, err := oneArgument(c, "mandate")
	if err != nil {
		return err
	}
	if c.String("key") == "" {
		return ui.UsageHint(commandHelp(c), "no --key: who answers for the mandate signs it")
	}
	data, err := os.ReadFile(path)
	if err == nil {
		_, err = mandate.Read(path, data, act.Acts())
	}
	if err != nil {
		return ui.UsageHint(commandHelp(c), "%w", err)
	}
	key, err := p.signer(c, c.String("key"))
	if err != nil {
		return ui.UsageHint(commandHelp(c), "--key: %w", err)
	}
	sig, err := mandate.Sign(c.Context, key, data)
	if err != nil {
		return err
	}
	beside := mandate.SigName(path, sig.KeyID)
	if err := durable.WriteFile(absolute(beside), sig.DER, 0o644); err != nil {
		return fmt.Errorf("signature %s: %w", beside, err)
	}
	return p.s.Show(mandateSigned{"freezeframe/mandate-signed/v1", path, beside, sig.KeyID}, func(t *ui.Printer) {
		t.Line("signed: %s", beside)
		t.Line("  next: freezeframe respond mandate check %s --trust PUBLIC.pem", path)
	})
}
