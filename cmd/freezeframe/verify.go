package main

import (
	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

func (p *program) verifyCommand() *cli.Command {
	return &cli.Command{
		Name: "verify", Usage: "check every byte of a case against its manifests and ledger, offline",
		ArgsUsage:   "[CASE]",
		Description: "freezeframe verify ./case-4711\n\nAll damage is listed, not the first. Exit code 5 is damage, 3 is an unfinished bag. Signatures come with later work: until then nobody has signed the ledger.",
		Action:      p.verify,
	}
}

// verified is what `verify` answers.
type verified struct {
	Schema   string             `json:"schema"`
	Case     string             `json:"case"`
	Bags     int                `json:"bags"`
	Events   int                `json:"ledger_events"`
	Intact   bool               `json:"intact"`
	Problems []evidence.Problem `json:"problems"`
}

func (p *program) verify(c *cli.Context) error {
	where := c.String("case")
	if c.NArg() > 0 {
		var err error
		if where, err = oneArgument(c, "case"); err != nil {
			return err
		}
	}
	if where == "" {
		return ui.UsageHint("freezeframe verify DIR", "no case: name it, or set FREEZEFRAME_CASE")
	}
	v, err := p.vaultAt(c, where, false)
	if err != nil {
		return err
	}
	out := verified{Schema: "freezeframe/verified/v1", Case: v.String(), Intact: true, Problems: []evidence.Problem{}}
	progress := p.s.Progress("verifying")
	unfinished := 0
	for problem, err := range evidence.Verify(c.Context, v) {
		if err != nil {
			return err
		}
		progress.Update(len(out.Problems), 0, 0, problem.Path)
		out.Problems = append(out.Problems, problem)
		if problem.Damage() {
			out.Intact = false
		} else {
			unfinished++
		}
	}
	progress.Done()
	if opened, err := evidence.OpenCase(c.Context, v); err == nil {
		out.Bags, out.Events = count(c, opened)
	} else if out.Intact {
		return err
	}
	if err := p.s.Show(out, func(t *ui.Printer) { showVerified(t, out) }); err != nil {
		return err
	}
	switch {
	case !out.Intact:
		return ui.Damaged("the case is damaged: %s", ui.Plural(len(out.Problems)-unfinished, "problem"))
	case unfinished > 0:
		return ui.Incomplete("freezeframe collect --function NAME, for a whole bag", "intact, but %s unfinished", ui.Plural(unfinished, "bag"))
	}
	return nil
}

func count(c *cli.Context, opened *evidence.Case) (bags, events int) {
	for _, err := range opened.Bags(c.Context) {
		if err == nil {
			bags++
		}
	}
	for _, err := range opened.Ledger(c.Context) {
		if err == nil {
			events++
		}
	}
	return bags, events
}

func showVerified(t *ui.Printer, out verified) {
	for _, pr := range out.Problems {
		t.Line("%s %s: %s", t.Bad("!"), pr.Path, pr.What)
	}
	if out.Intact {
		t.Line("%s %s, %s: every byte is what was sealed", t.Good("intact:"), ui.Plural(out.Bags, "bag"), ui.Plural(out.Events, "ledger event"))
		t.Line("not signed: this shows that the case agrees with itself, not who made it")
	}
}
