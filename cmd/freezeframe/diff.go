package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/changes"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

func (p *program) diffCommand() *cli.Command {
	return &cli.Command{
		Name: "diff", Usage: "what differs between two deployments of a function, from the case alone",
		Description: "freezeframe diff --function payments\nfreezeframe diff --function payments --from 3 --to '$LATEST'\nfreezeframe diff --function payments --from '$LATEST@01J...' --to '$LATEST'   (across collections)\nfreezeframe diff --function payments --history\n\n" +
			"A deployment is VERSION or VERSION@BAG, BAG being the end of a bag's id. Without flags: $LATEST of the newest bag, and the last one before it that had other code. Values of the environment are never shown.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "function", Usage: "name or ARN; may be left out if the case has one function"},
			&cli.StringFlag{Name: "from", Usage: "the earlier deployment"},
			&cli.StringFlag{Name: "to", Usage: "the later one"},
			&cli.BoolFlag{Name: "history", Usage: "every deployment that the case has, and who brought its code in, by CloudTrail"},
		},
		Action: p.diff,
	}
}

// differences is what `diff` answers.
type differences struct {
	Schema string `json:"schema"`
	*changes.Report
}

func (p *program) diff(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	opened, err := p.openCase(c)
	if err != nil {
		return err
	}
	if c.Bool("history") {
		if c.String("from")+c.String("to") != "" {
			return ui.UsageHint("freezeframe diff --history", "--history shows all deployments: --from and --to do not go with it")
		}
		return p.history(c, opened)
	}
	r, err := changes.Compare(c.Context, opened, changes.Options{Function: c.String("function"), From: c.String("from"), To: c.String("to")})
	if errors.Is(err, changes.ErrNoSide) {
		return ui.UsageHint("freezeframe diff --history, which lists what can be compared", "%w", err)
	}
	if err != nil {
		return err
	}
	return p.s.Show(differences{"freezeframe/diff/v1", r}, func(t *ui.Printer) { showDiff(t, r) })
}

func showDiff(t *ui.Printer, r *changes.Report) {
	t.Line("%s", r.Function)
	for _, s := range []struct {
		name string
		side changes.Side
	}{{"from", r.From}, {"to", r.To}} {
		t.Line("%s %s, last modified %s, code %s", s.name, s.side.String(), s.side.Modified, s.side.CodeSha256)
	}
	if r.SameCode {
		t.Line("code: the same, by CodeSha256")
	} else {
		t.Line("code: %s", ui.Plural(len(r.Files), "file"))
	}
	for _, f := range r.Files {
		note := ""
		if f.Note != "" {
			note = " (" + f.Note + ")"
		}
		t.Line("  %s %s, %s, %d to %d bytes%s", string(f.What), f.Path, f.Kind, f.Size[0], f.Size[1], note)
		for line := range strings.Lines(f.Diff) {
			t.Line("    %s", strings.TrimSuffix(line, "\n"))
		}
	}
	for _, odd := range r.Odd {
		t.Line("%s %s", t.Bad("!"), odd)
	}
	showFields(t, "configuration", r.Config)
	showFields(t, "environment key", r.Environment)
	for _, d := range r.Documents {
		t.Line("%s %s %s %s", d.Artefact, d.Resource, d.Qualifier, string(d.What))
		showFields(t, " ", d.Fields)
	}
	for _, m := range r.Missing {
		t.Line("not compared: %s", m)
	}
	if len(r.Files)+len(r.Config)+len(r.Environment)+len(r.Documents) == 0 && r.SameCode {
		t.Line("no difference")
	}
}

func showFields(t *ui.Printer, what string, all []changes.FieldChange) {
	for _, f := range all {
		switch {
		case f.From+f.To == "":
			t.Line("%s %s %s", what, f.Field, string(f.What))
		case f.From == "":
			t.Line("%s %s %s: %s", what, f.Field, string(f.What), f.To)
		case f.To == "":
			t.Line("%s %s %s: %s", what, f.Field, string(f.What), f.From)
		default:
			t.Line("%s %s %s: %s -> %s", what, f.Field, string(f.What), f.From, f.To)
		}
	}
}

// deployments is what `diff --history` answers.
type deployments struct {
	Schema      string       `json:"schema"`
	Deployments []deployment `json:"deployments"`
}

type deployment struct {
	changes.Side
	By []introduction `json:"introduced_by"` // calls after which the function had this code, oldest first
}

type introduction struct {
	Time    string `json:"time"`
	Who     string `json:"who"`
	Address string `json:"address,omitempty"`
	Call    string `json:"call"`
	EventID string `json:"event_id"`
}

func (p *program) history(c *cli.Context, opened *evidence.Case) error {
	sides, err := changes.Sides(c.Context, opened, c.String("function"))
	if errors.Is(err, changes.ErrNoSide) {
		return ui.UsageHint("freezeframe collect --function NAME", "%w", err)
	}
	if err != nil {
		return err
	}
	by, err := introductions(c, opened)
	if err != nil {
		return err
	}
	out := deployments{Schema: "freezeframe/deployments/v1", Deployments: []deployment{}}
	for _, s := range sides {
		out.Deployments = append(out.Deployments, deployment{s, append([]introduction{}, by[s.CodeSha256]...)})
	}
	return p.s.Show(out, func(t *ui.Printer) {
		rows := make([][]string, 0, len(out.Deployments))
		for _, d := range out.Deployments {
			who := "not in the case's CloudTrail"
			if len(d.By) > 0 {
				who = fmt.Sprintf("%s by %s from %s, %s", d.By[0].Call, d.By[0].Who, d.By[0].Address, d.By[0].Time)
			}
			rows = append(rows, []string{d.Bag, d.Version, d.Modified, d.CodeSha256, who})
		}
		t.Table([]string{"BAG", "VERSION", "LAST MODIFIED", "CODE SHA-256", "CODE FIRST SEEN WITH"}, rows)
	})
}

// introductions are the calls that left a function with a hash of its code, by that hash.
func introductions(c *cli.Context, opened *evidence.Case) (map[string][]introduction, error) {
	out := map[string][]introduction{}
	o := timeline.Options{Filter: timeline.Filter{Function: c.String("function")}}
	_, err := timeline.Events(c.Context, o, timeline.Input{Case: opened}, func(e *timeline.Event) error {
		if e.Kind != timeline.KindCloudTrail || e.Change.CodeHash == "" || e.Outcome != timeline.Success || e.ReadOnly {
			return nil
		}
		out[e.Change.CodeHash] = append(out[e.Change.CodeHash], introduction{
			Time: e.Time.Format("2006-01-02T15:04:05Z07:00"), Who: e.Principal.String(), Address: e.Address, Call: e.Action, EventID: e.ID,
		})
		return nil
	})
	return out, err
}
