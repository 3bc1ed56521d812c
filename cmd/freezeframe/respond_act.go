package main

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/mandate"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/act"
)

// actFlags say what may be done without people. Without them nothing is.
func actFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "mandate", Usage: "signed file that says what may be done without people; without it nothing in an account is changed"},
		&cli.StringSliceFlag{Name: "trust", Usage: "public key, in PEM, whose signature makes the mandate count (may be repeated)"},
		&cli.StringFlag{Name: "contain-role", Usage: "role to assume in the alert's account to contain, such as 'arn:aws:iam::{account}:role/freezeframe-contain'"},
		&cli.StringSliceFlag{Name: "protect", Usage: "ARN or name, with wildcards, never to be contained (may be repeated)"},
	}
}

// trusted are the keys of --trust.
func trusted(c *cli.Context) ([]*ecdsa.PublicKey, error) {
	var all []*ecdsa.PublicKey
	for _, path := range c.StringSlice("trust") {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, ui.UsageHint(commandHelp(c), "--trust: %w", err)
		}
		keys, err := evidence.ParsePublicKeys(data)
		if err != nil {
			return nil, ui.UsageHint("openssl ec -in KEY.pem -pubout", "--trust %s: %w", path, err)
		}
		all = append(all, keys...)
	}
	return all, nil
}

// actUsage reads the mandate once before anything is begun: a mistake in it is told while somebody is
// there.
func actUsage(c *cli.Context) error {
	if c.String("mandate") == "" {
		if len(c.StringSlice("trust")) > 0 || c.String("contain-role") != "" {
			return ui.UsageHint(commandHelp(c), "--trust and --contain-role are for a --mandate, and there is none")
		}
		return nil
	}
	if _, err := os.Stat(c.String("mandate")); err != nil {
		return ui.UsageHint(commandHelp(c), "--mandate: %w", err)
	}
	keys, err := trusted(c)
	if err != nil {
		return err
	}
	if _, err := mandate.Load(c.String("mandate"), act.Acts(), keys); err != nil {
		return ui.UsageHint("freezeframe respond mandate check "+c.String("mandate"), "--mandate: %w", err)
	}
	return nil
}

// actor decides and acts, for those who answer alerts. The mandate is read for each alert anew.
func (p *program) actor(c *cli.Context, b *board.Board) *act.Actor {
	o := p.actorOptions(c, b)
	o.Mandate = func(context.Context) (*mandate.Held, error) {
		if c.String("mandate") == "" {
			return nil, nil
		}
		keys, err := trusted(c)
		if err != nil {
			return nil, err
		}
		return mandate.Load(c.String("mandate"), act.Acts(), keys)
	}
	o.Session = func(ctx context.Context, of *evidence.Case, account string) (*awsapi.Session, error) {
		return p.enterFor(withContext(c, ctx), of, account, "assume-role", true)
	}
	o.Contain = func(ctx context.Context, of *evidence.Case, account string) (*awsapi.Session, error) {
		role := "assume-role"
		if c.String("contain-role") != "" {
			role = "contain-role"
		}
		return p.enterFor(withContext(c, ctx), of, account, role, false)
	}
	o.Regions, o.Protected = c.StringSlice("in-region"), protected(c)
	return act.New(o)
}

// protected are what --protect names, and the roles through which this works itself.
func protected(c *cli.Context) []string {
	all := slices.Clone(c.StringSlice("protect"))
	for _, role := range []string{c.String("assume-role"), c.String("contain-role"), c.String("role-arn")} {
		if role != "" {
			all = append(all, strings.ReplaceAll(role, "{account}", "*"))
		}
	}
	return all
}

// actorOptions are what it takes to read the board, and cases.
func (p *program) actorOptions(c *cli.Context, b *board.Board) act.Options {
	return act.Options{
		Board: b, Now: time.Now, Notify: p.tellOfAct,
		Case: func(ctx context.Context, id string) (*evidence.Case, error) {
			return p.openCaseAt(withContext(c, ctx), caseOf(c, id))
		},
		Env: func() *playbooks.Env { return p.playbookEnv(false, cmp.Or(c.String("operator"), localUser())) },
	}
}

// withContext is a command's context that ends with another.
func withContext(c *cli.Context, ctx context.Context) *cli.Context {
	other := *c
	other.Context = ctx
	return &other
}

// enterFor is a session in an account for a case, by the role that a flag names.
func (p *program) enterFor(c *cli.Context, of *evidence.Case, account, flag string, readOnly bool) (*awsapi.Session, error) {
	s, err := p.connectToChange(c, of, readOnly)
	if err != nil {
		return nil, err
	}
	return sessionAs(c, s, account, flag)
}

// showActed tells what was decided, and what came of it.
func showActed(t *ui.Printer, o *respond.Outcome) {
	a := o.Acted
	if a == nil {
		return
	}
	d := &a.Decision
	row := func(what, text string) {
		if text != "" {
			t.Line("  %s: %s", what, text)
		}
	}
	switch {
	case a.Standing:
		row("acting", "contained since an earlier message")
	case d.Outcome == mandate.DoAct:
		row("acting", "by rule "+d.Rule+": "+strings.Join(d.Acts, ", "))
	default:
		for _, r := range d.Reasons {
			row("not acting", r.ID+": "+r.Sentence)
		}
	}
	row("approved by", strings.Join(d.By, ", "))
	if a.Bag != "" {
		t.Line("  contained: %s in force, %d not, recorded in %s", ui.Plural(a.InForce, "act"), a.NotInForce, a.Bag)
	}
	if d.Outcome == mandate.DoAct && !d.Expires.IsZero() {
		t.Line("  ends by itself: %s, unless somebody confirms it: freezeframe respond confirm --case-id %s", ui.Clock(d.Expires), o.Alert)
	}
	if d.Request != nil {
		t.Line("  to approve: freezeframe respond approve --case-id %s --key FILE", o.Alert)
	}
	if d.Playbook != "" {
		t.Line("  the mandate names: freezeframe --case %s playbook run %s", o.Case, d.Playbook)
	}
	row("went wrong", a.Error)
}
