package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/durable"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/internal/vault/archive"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/report"
)

func (p *program) reportCommand() *cli.Command {
	about := &strings.Builder{}
	for _, f := range report.Forms() {
		fmt.Fprintf(about, "  %-6s %s\n", f.Name, f.About)
	}
	flags := []cli.Flag{
		&cli.StringFlag{Name: "function", Usage: "name or ARN; without it the functions of the case"},
		&cli.StringFlag{Name: "now", Usage: "as of this moment (RFC 3339): the same case gives the same bytes; without it now"},
	}
	return &cli.Command{
		Name: "report", Usage: "the case as a page that people look at, as Markdown, STIX or JSON", ArgsUsage: "[CASE]",
		Description: "freezeframe report --out report.html\nfreezeframe report ./case --format md --out ticket.md\nfreezeframe report serve   (a big case: all events, with search)\n\n" +
			"From the case alone: nothing is asked of AWS. A copy is kept in the case, with the hashes of what it was made from. Formats:\n" + about.String(),
		Flags: append(slices.Clone(flags),
			&cli.StringFlag{Name: "out", Usage: "write to this new file (private, 0600); without it, into the case alone"},
			&cli.StringFlag{Name: "format", Usage: "html, md, stix or json", Value: "html"}),
		Action:      p.report,
		Subcommands: []*cli.Command{p.reportServeCommand(flags)},
	}
}

// reported is what `report` answers.
type reported struct {
	Schema string `json:"schema"`
	Case   string `json:"case"`
	Format string `json:"format"`
	Path   string `json:"path,omitempty"`    // of the file that was asked for
	InCase string `json:"in_case,omitempty"` // of the copy, from the case's root
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
	Gaps   int    `json:"gaps"` // in what the report tells of
}

func (p *program) report(c *cli.Context) error {
	form, err := report.FormNamed(c.String("format"))
	if err != nil {
		return ui.UsageHint("freezeframe report --format html", "%w", err)
	}
	path := ""
	if c.String("out") != "" {
		if path, err = filepath.Abs(c.String("out")); err != nil {
			return fmt.Errorf("--out: %w", err)
		}
	}
	opened, d, err := p.gatherReport(c)
	if err != nil {
		return err
	}
	var text bytes.Buffer // it is bounded, and the case and the file get the same bytes
	if err := form.Write(c.Context, d, opened, &text); err != nil {
		return err
	}
	sum := sha256.Sum256(text.Bytes())
	done := reported{Schema: "freezeframe/reported/v1", Case: opened.Vault().String(), Format: form.Name, Path: path, Bytes: text.Len(), SHA256: hex.EncodeToString(sum[:]), Gaps: d.Untold()}
	if path != "" {
		if err := durable.WriteNew(path, text.Bytes(), 0o600); err != nil {
			return ui.UsageHint("freezeframe report --out ANOTHER", "--out %s: %w", path, err)
		}
	}
	if err := p.keepReport(c, opened, d, form, text.Bytes(), &done); err != nil {
		return err
	}
	return p.s.Show(done, func(t *ui.Printer) {
		where := done.Path
		if where == "" {
			where = done.InCase + " in " + done.Case
		}
		t.Line("%s: %s, %s, sha256 %s", where, done.Format, ui.Bytes(int64(done.Bytes)), done.SHA256)
		if done.Gaps > 0 {
			t.Line("%s in the records: the report says which", ui.Plural(done.Gaps, "gap"))
		}
	})
}

// keepReport puts a copy into the case, with the hashes of what it was made from.
func (p *program) keepReport(c *cli.Context, opened *evidence.Case, d *report.Data, form report.Form, text []byte, done *reported) error {
	params := map[string]string{"format": form.Name, "now": d.AsOf.Format(time.RFC3339Nano)}
	if f := c.String("function"); f != "" {
		params["function"] = f
	}
	made, err := opened.Derive(c.Context, evidence.Derived{Kind: report.Kind, Actor: localUser(), Inputs: d.Inputs, Params: params}, report.Kept(form, text))
	switch {
	case errors.Is(err, archive.ErrReadOnly) && done.Path != "":
		p.s.Warn("the report is not kept in the case: an exported case takes nothing more (freezeframe case import)")
		return nil
	case errors.Is(err, archive.ErrReadOnly):
		return ui.UsageHint("freezeframe report --out FILE", "an exported case takes no report: %w", err)
	case err != nil:
		return fmt.Errorf("keeping the report in the case: %w", err)
	}
	done.InCase = made.Files[0].Path
	return nil
}

// gatherReport opens the case that is named, and reads it.
func (p *program) gatherReport(c *cli.Context) (*evidence.Case, *report.Data, error) {
	opened, err := p.reportedCase(c)
	if err != nil {
		return nil, nil, err
	}
	now := time.Now().UTC()
	if at := c.String("now"); at != "" {
		if now, err = time.Parse(time.RFC3339, at); err != nil {
			return nil, nil, ui.UsageHint("freezeframe report --now 2026-01-31T06:00:00Z", "--now: %w", err)
		}
	}
	in := report.Input{Case: opened, Function: c.String("function"), Now: now, Tool: "freezeframe " + version()}
	standing, err := contain.Standings(c.Context, contain.StatusInput{Case: opened})
	if err != nil {
		in.ActsErr = err.Error() // what could be read is shown
	}
	in.Acts = playbooks.ReportActs(standing)
	if in.Practices, err = playbooks.ReportPractices(c.Context, opened, in.Function, now); err != nil {
		if c.Context.Err() != nil {
			return nil, nil, err
		}
		in.Unread = append(in.Unread, err.Error()) // damage of a bag is no reason to tell nothing of the others
	}
	d, err := report.Gather(c.Context, in)
	if err != nil {
		return nil, nil, err
	}
	known := func(t report.Turn) bool { return t.Lane != report.LaneResponder }
	if in.Function != "" && d.Brief.Collected.IsZero() && !slices.ContainsFunc(d.Turns, known) {
		return nil, nil, ui.UsageHint("freezeframe collect --function "+in.Function, "no collection of this case is of function %q", in.Function)
	}
	return opened, d, nil
}

// reportedCase is the one that is named behind the command, or with --case.
func (p *program) reportedCase(c *cli.Context) (*evidence.Case, error) {
	switch c.Args().Len() {
	case 0:
		return p.openCase(c)
	case 1:
		return p.openCaseAt(c, c.Args().First())
	}
	return nil, ui.UsageHint("freezeframe report CASE", "one case is wanted, not %q", c.Args().Slice())
}
