package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/durable"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/glance"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

// listedBag is one bag in what `case list` answers.
type listedBag struct {
	ID       string           `json:"id"`
	Kind     string           `json:"kind"`
	Status   evidence.Status  `json:"status"`
	Sealed   bool             `json:"sealed"`
	InLedger bool             `json:"in_ledger"`
	Operator string           `json:"operator"`
	Started  time.Time        `json:"started"`
	Targets  []string         `json:"targets"`
	Items    []evidence.Entry `json:"items,omitempty"`
	Hidden   int              `json:"names_that_hide,omitempty"` // of the items: control, direction or invisible characters
}

type caseList struct {
	Schema string      `json:"schema"`
	Case   string      `json:"case"`
	ID     string      `json:"id"`
	Title  string      `json:"title"`
	Bags   []listedBag `json:"bags"`
}

func (p *program) caseListCommand() *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list the bags of the case, and with --items what is in them",
		Flags:  []cli.Flag{&cli.BoolFlag{Name: "items", Usage: "list every artefact and gap"}},
		Action: p.caseList,
	}
}

func (p *program) caseList(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	opened, err := p.openCase(c)
	if err != nil {
		return err
	}
	out := caseList{Schema: "freezeframe/case-list/v1", Case: opened.Vault().String(), ID: opened.ID, Title: opened.Title, Bags: []listedBag{}}
	for b, err := range opened.Bags(c.Context) {
		if err != nil {
			return err
		}
		h := b.Header()
		one := listedBag{ID: b.ID(), Kind: h.Kind, Status: h.Status, Sealed: b.Sealed(), InLedger: b.InLedger(), Operator: h.Operator, Started: h.Started, Targets: h.Targets}
		if c.Bool("items") && b.Sealed() {
			if one.Items, err = b.Coverage(c.Context); err != nil {
				return err
			}
			for _, e := range one.Items {
				if glance.HidesName(e) {
					one.Hidden++
				}
			}
		}
		out.Bags = append(out.Bags, one)
	}
	return p.s.Show(out, func(t *ui.Printer) { showList(t, out) })
}

func showList(t *ui.Printer, out caseList) {
	t.Line("case %s: %s", out.ID, out.Title)
	for _, b := range out.Bags {
		state := string(b.Status)
		if !b.Sealed {
			state = "unfinished"
		}
		t.Line("%s %s %s by %s, %s", b.ID, b.Kind, state, b.Operator, b.Started.Format(time.RFC3339))
		for _, e := range b.Items {
			if e.Item != nil {
				t.Line("  %s %s %s %s %s", e.Item.ID, e.Artefact, shortSource(e.Source), e.Item.Path, ui.Bytes(e.Item.Size))
			} else {
				t.Line("  - %s %s: %s", e.Artefact, shortSource(e.Source), string(e.State))
			}
		}
		if b.Hidden > 0 {
			t.Line("  %s %s with control, direction or invisible characters, shown escaped", t.Bad("!"), ui.Plural(b.Hidden, "name"))
		}
	}
}

// revealed is what `case reveal` answers.
type revealed struct {
	Schema   string `json:"schema"`
	Item     string `json:"item"`
	Artefact string `json:"artefact"`
	File     string `json:"file"`
}

func (p *program) caseRevealCommand() *cli.Command {
	return &cli.Command{
		Name: "reveal", Usage: "write the plaintext of a sealed artefact to a new file; the access is recorded in the ledger",
		ArgsUsage:   "ITEM",
		Description: "freezeframe case reveal 01J... --out env.json --reason 'which credentials have to be rotated'\n\nITEM is an id or path of `freezeframe case list --items`.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", Usage: "new file for the plaintext (0600)", Required: true},
			&cli.StringFlag{Name: "reason", Usage: "why, for the ledger", Required: true},
			&cli.StringFlag{Name: "identity", Usage: "age identity or ssh private key; without it the identity that was made for the case here"},
		},
		Action: p.caseReveal,
	}
}

func (p *program) caseReveal(c *cli.Context) error {
	name, err := oneArgument(c, "item")
	if err != nil {
		return err
	}
	opened, err := p.openCase(c)
	if err != nil {
		return err
	}
	bag, item, err := opened.FindItem(c.Context, name)
	if err != nil {
		return err
	}
	path, err := p.identityFile(c, opened.ID)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return ui.UsageHint("freezeframe case reveal ITEM --identity FILE", "--identity: %w", err)
	}
	ids, err := evidence.ParseIdentities(data)
	if err != nil {
		return ui.UsageHint("freezeframe case reveal ITEM --identity FILE", "--identity %s: %w", path, err)
	}
	out, err := filepath.Abs(c.String("out"))
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	file, err := durable.Create(out, 0o600)
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	defer file.Discard() //nolint:errcheck // after Commit it does nothing; before, the error is told already
	if err := opened.Reveal(c.Context, bag, item, localUser(), c.String("reason"), file, ids...); err != nil {
		return err
	}
	if err := file.Commit(); err != nil {
		return ui.UsageHint("freezeframe case reveal ITEM --out ANOTHER", "--out %s: %w", out, err)
	}
	done := revealed{"freezeframe/revealed/v1", item.ID, item.Artefact, out}
	return p.s.Show(done, func(t *ui.Printer) {
		t.Line("%s of %s written to %s (0600); the access is in the ledger", item.Artefact, shortSource(item.Source), out)
	})
}

func (p *program) identityFile(c *cli.Context, caseID string) (string, error) {
	if path := c.String("identity"); path != "" {
		return path, nil
	}
	home, err := p.home()
	if err != nil {
		return "", err
	}
	if path := evidence.IdentityPath(home, caseID); path != "" {
		return path, nil
	}
	return "", ui.UsageHint("freezeframe case reveal ITEM --identity FILE", "no identity for case %s in FREEZEFRAME_HOME", caseID)
}

// recorded is what the commands answer that only write a custody event.
type recorded struct {
	Schema string             `json:"schema"`
	Case   string             `json:"case"`
	Type   evidence.EventType `json:"type"`
}

func (p *program) record(c *cli.Context, e evidence.Event) error {
	if err := noArguments(c); err != nil {
		return err
	}
	opened, err := p.openCase(c)
	if err != nil {
		return err
	}
	if e.Actor = c.String("by"); e.Actor == "" {
		e.Actor = localUser()
	}
	e.Reason = c.String("reason")
	if err := opened.Record(c.Context, e); err != nil {
		return err
	}
	out := recorded{"freezeframe/recorded/v1", opened.Vault().String(), e.Type}
	return p.s.Show(out, func(t *ui.Printer) { t.Line("recorded in the ledger of %s: %s", out.Case, string(out.Type)) })
}

func custodyFlags(more ...cli.Flag) []cli.Flag {
	return append(more,
		&cli.StringFlag{Name: "by", Usage: "who; without it the user of this machine"},
		&cli.StringFlag{Name: "reason", Usage: "why, for the ledger", Required: true})
}

func (p *program) caseTransferCommand() *cli.Command {
	return &cli.Command{
		Name: "transfer", Usage: "record that the case was handed to somebody else (chain of custody)",
		Description: "freezeframe case transfer --to 'Bob Example, forensics' --reason 'analysis, ticket 4711'",
		Flags:       custodyFlags(&cli.StringFlag{Name: "to", Usage: "who has it from here on", Required: true}, &cli.StringFlag{Name: "how", Usage: "by which means: a disk with its serial number, a bucket"}),
		Action: func(c *cli.Context) error {
			data := map[string]string{"to": c.String("to")}
			if how := c.String("how"); how != "" {
				data["how"] = how
			}
			return p.record(c, evidence.Event{Type: evidence.EventTransfer, Data: data})
		},
	}
}

func (p *program) caseAccessCommand() *cli.Command {
	return &cli.Command{
		Name: "access", Usage: "record that somebody looked at the evidence by other means than this tool (chain of custody)",
		Description: "freezeframe case access --what 'code of version 7, in a disassembler' --reason 'looking for the loader'",
		Flags:       custodyFlags(&cli.StringFlag{Name: "what", Usage: "what was looked at", Required: true}),
		Action: func(c *cli.Context) error {
			return p.record(c, evidence.Event{Type: evidence.EventAccess, Data: map[string]string{"what": c.String("what")}})
		},
	}
}
