package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

// noteKinds are the moments of an incident that a report is asked for later: when it was
// noticed, called an incident, decided on, handed over (NIST SP 800-61r3 RS.MA, RS.CO).
func noteKinds() []string { return []string{"detect", "declare", "decide", "handover", "note"} }

func (p *program) caseNoteCommand() *cli.Command {
	return &cli.Command{
		Name: "note", Usage: "record who noticed, declared, decided or handed over what, when, and on what evidence",
		ArgsUsage: "TEXT",
		Description: "freezeframe case note --kind detect 'alert 4711: calls from an unknown address'\nfreezeframe case note --kind decide 'cut it off; the shop stays up' --evidence 01J... --by 'Carol Example, duty manager'\n" +
			"freezeframe case note --kind handover 'night shift ends' --to 'Dave Example' --at 2026-01-31T06:00:00Z",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "kind", Usage: strings.Join(noteKinds(), ", "), Value: "note"},
			&cli.StringFlag{Name: "by", Usage: "who; without it the user of this machine"},
			&cli.StringFlag{Name: "at", Usage: "when it happened, RFC 3339 or a duration back from now; without it now"},
			&cli.StringFlag{Name: "to", Usage: "to whom it was handed over"},
			&cli.StringSliceFlag{Name: "evidence", Usage: "id or path of an artefact it rests on, as `case list --items` shows it (may be repeated)"},
		},
		Action: p.caseNote,
	}
}

// noted is what `case note` answers.
type noted struct {
	Schema   string         `json:"schema"`
	Case     string         `json:"case"`
	Kind     string         `json:"kind"`
	At       time.Time      `json:"at"`
	Evidence []evidence.Ref `json:"evidence"`
}

func (p *program) caseNote(c *cli.Context) error {
	text, err := oneArgument(c, "text")
	if err != nil {
		return err
	}
	kind, now := c.String("kind"), time.Now().UTC().Truncate(time.Second)
	if !slices.Contains(noteKinds(), kind) {
		return ui.UsageHint("freezeframe case note --help", "--kind is %q; one of %s is wanted", kind, strings.Join(noteKinds(), ", "))
	}
	if (kind == "handover") != (c.String("to") != "") {
		return ui.UsageHint("freezeframe case note --kind handover TEXT --to 'Dave Example'", "a handover is to somebody, and nothing else is: --to")
	}
	at, err := moment(c.String("at"), now)
	if err != nil {
		return ui.Usage("--at %w", err)
	}
	if at.IsZero() {
		at = now
	}
	if at.After(now.Add(time.Minute)) {
		return ui.Usage("--at %s lies in the future", at.Format(time.RFC3339))
	}
	opened, err := p.openCase(c)
	if err != nil {
		return err
	}
	out := noted{Schema: "freezeframe/noted/v1", Case: opened.Vault().String(), Kind: kind, At: at.UTC(), Evidence: []evidence.Ref{}}
	e := evidence.Event{Type: evidence.EventNote, Actor: c.String("by"), Reason: text, Data: map[string]string{"kind": kind, "at": out.At.Format(time.RFC3339)}}
	if kind == "decide" {
		e.Type = evidence.EventDecide
	}
	if to := c.String("to"); to != "" {
		e.Data["to"] = to
	}
	for i, name := range c.StringSlice("evidence") {
		bag, item, err := opened.FindItem(c.Context, name)
		if err != nil {
			return ui.UsageHint("freezeframe case list --items", "--evidence %q: %w", name, err)
		}
		r := bag.Ref(item)
		out.Evidence = append(out.Evidence, r)
		e.Data[fmt.Sprintf("evidence.%d", i+1)] = r.Path + " sha256:" + r.SHA256
	}
	if e.Actor == "" {
		e.Actor = localUser()
	}
	if err := opened.Record(c.Context, e); err != nil {
		return err
	}
	return p.s.Show(out, func(t *ui.Printer) {
		t.Line("recorded in the ledger of %s: %s, %s", out.Case, kind, out.At.Format(time.RFC3339))
	})
}
