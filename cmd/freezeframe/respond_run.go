package main

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/tell"
)

func respondFlags() []cli.Flag {
	return append([]cli.Flag{&cli.StringFlag{Name: "alert", Usage: "file with one message; - is the standard input"}}, answerFlags()...)
}

// answerFlags are how alerts are answered, by respond and by worker.
func answerFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "cases", Usage: "where cases lie, each in a folder or under a prefix of its own: a folder or s3://bucket/prefix", EnvVars: []string{"FREEZEFRAME_CASES"}},
		&cli.StringFlag{Name: "authority", Usage: "who ordered that alerts are answered, under which ticket or mandate: it stands in each case"},
		&cli.StringFlag{Name: "operator", Usage: "who answers for what runs here; default: the user of this process"},
		&cli.StringFlag{Name: "assume-role", Usage: "role to assume in the alert's account, such as 'arn:aws:iam::{account}:role/freezeframe-read'"},
		&cli.StringSliceFlag{Name: "in-region", Usage: "region in which the functions of a role are looked for (may be repeated); default: the session's and the alert's"},
	}, slices.Concat(actFlags(), notifyFlags(), keepingFlags())...)
}

// responded is what `respond --alert` answers: one message can hold several alerts.
type responded struct {
	Schema   string            `json:"schema"`
	Outcomes []respond.Outcome `json:"outcomes"`
}

func (p *program) respond(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	if c.String("alert") == "" {
		return ui.UsageHint(commandHelp(c), "no alert: --alert FILE, or - for the standard input")
	}
	if err := answerUsage(c, "freezeframe respond --alert FILE --cases s3://BUCKET/PREFIX --authority 'CISO, mandate 12'"); err != nil {
		return err
	}
	in, closed, err := p.alertSource(c)
	if err != nil {
		return err
	}
	defer closed()
	o := p.respondOptions(c)
	if o.Board, err = p.board(c); err != nil {
		return err
	}
	if err := p.prepare(c, o.Board); err != nil {
		return err
	}
	o.Act = p.actor(c, o.Board).Act
	out, err := respond.Respond(c.Context, in, o)
	if err != nil {
		return ui.UsageHint(commandHelp(c), "--alert: %w", err)
	}
	p.warnUntold(c.Context)
	if err := p.s.Show(responded{respond.Schema, out}, func(t *ui.Printer) {
		for i := range out {
			showOutcome(t, &out[i])
		}
	}); err != nil {
		return err
	}
	return respondEnd(c, out)
}

func answerUsage(c *cli.Context, whole string) error {
	switch {
	case c.String("cases") == "":
		return ui.UsageHint(whole, "no place for cases: --cases and FREEZEFRAME_CASES are empty")
	case c.String("authority") == "":
		return ui.UsageHint(whole, "no --authority: each case says by whose order it was opened")
	}
	return actUsage(c)
}

func (p *program) respondOptions(c *cli.Context) respond.Options {
	return respond.Options{
		Case: func(_ context.Context, id, title string) (*evidence.Case, error) { return p.alertCase(c, id, title) },
		Session: func(_ context.Context, of *evidence.Case, account string) (*awsapi.Session, error) {
			s, err := p.connectToChange(c, of, true) // reads only, but an exercise's alert is not looked up in production
			if err != nil {
				return nil, err
			}
			return sessionIn(c, s, account)
		},
		Env:     func() *playbooks.Env { return p.playbookEnv(false, cmp.Or(c.String("operator"), localUser())) },
		Regions: c.StringSlice("in-region"), Now: time.Now, Notify: p.tellPeople, Playbook: p.choose,
	}
}

// caseOf is where the case of an id lies.
func caseOf(c *cli.Context, id string) string {
	return tell.PlaceOf(c.String("cases"), id)
}

// alertCase opens the case of an alert, and makes it if it is the first to come.
func (p *program) alertCase(c *cli.Context, id, title string) (*evidence.Case, error) {
	where := caseOf(c, id)
	n, err := p.planCase(c, where, title, cmp.Or(c.String("operator"), localUser()))
	if err != nil {
		return nil, err
	}
	n.options.AnyTitle = true // the same finding by another way has another
	opened, made, err := respond.OpenCase(c.Context, n.v, n.options)
	if err != nil {
		return nil, err
	}
	if err := n.noteSigner(opened); err != nil {
		return nil, err
	}
	if made {
		if err := p.warnUnversioned(c, n.v); err != nil {
			return nil, err
		}
	}
	return p.openCaseAt(c, where) // as every command does: with its identity and signer, kept as it says
}

func showOutcome(t *ui.Printer, o *respond.Outcome) {
	t.Line("%s %s", t.Bold(string(o.State)+":"), cmp.Or(o.Title, string(o.Kind)))
	for _, row := range [][2]string{{"case", o.Case}, {"function", o.Function}, {"run", o.Run}, {"why", o.Why}} {
		if row[1] != "" {
			t.Line("  %s: %s", row[0], row[1])
		}
	}
	showActed(t, o)
	if o.Function != "" && o.Case != "" {
		t.Line("  next: freezeframe --case %s report", o.Case)
	}
}

// respondEnd: the worst of the outcomes says how the command ends.
func respondEnd(c *cli.Context, all []respond.Outcome) error {
	for i := range all {
		o := &all[i]
		if o.State == respond.Failed {
			return o.Err
		}
	}
	for i := range all {
		switch o := &all[i]; o.State {
		case respond.Collected, respond.Known:
		case respond.Busy, respond.CutOff:
			return ui.Incomplete("the same command again: it goes on", "alert %s: %s", o.Alert, string(o.State))
		default:
			return ui.Incomplete(commandHelp(c), "alert %s: %s", o.Alert, cmp.Or(o.Why, string(o.State)))
		}
	}
	return nil
}
