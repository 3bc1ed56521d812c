package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/durable"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
	"github.com/freezeframe-ir/freezeframe/internal/safetext"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/timeline"
	"github.com/freezeframe-ir/freezeframe/timeline/lineage"
)

func (p *program) lineageCommand() *cli.Command {
	return &cli.Command{
		Name: "lineage", Usage: "where credentials came from, what came of them, and what they made that is still there",
		ArgsUsage: "[PATH...]",
		Description: "freezeframe timeline lineage --key AKIAIOSFODNN7EXAMPLE\n" +
			"freezeframe timeline lineage --principal arn:aws:iam::123456789012:role/deploy ./cloudtrail-files\n" +
			"Each step says how it is established (a record that names both ends, a session's id and moment, a name) and how surely.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "key", Usage: "access key id"},
			&cli.StringFlag{Name: "principal", Usage: "ARN or name of a user, role or session"},
			findingsFlag(),
		},
		Action: p.showLineage,
	}
}

func (p *program) showLineage(c *cli.Context) error {
	s := lineage.Subject{Key: c.String("key"), Principal: c.String("principal")}
	if (s.Key == "") == (s.Principal == "") {
		return ui.UsageHint("freezeframe timeline lineage --key AKIA...", "a lineage is that of one --key or one --principal")
	}
	if err := findingsFree(c); err != nil {
		return err
	}
	o, in, err := p.timelineInput(c)
	if err != nil {
		return err
	}
	if err := p.caseToo(c, &in); err != nil {
		return err
	}
	g, err := lineage.Trace(c.Context, o, in)
	if err != nil {
		return err
	}
	tree, err := g.Of(s)
	if errors.Is(err, lineage.ErrNotSeen) {
		return errors.Join(ui.Incomplete("freezeframe timeline build", "%w", err), p.timelineEnd(c, in, o, g.Summary, nil))
	}
	if err != nil {
		return err
	}
	if err := p.writeFindings(c, in, finding.File{Of: cmp.Or(s.Key, s.Principal), LeftOut: g.Left.Made, Findings: tree.Made}); err != nil {
		return err
	}
	if p.s.JSON {
		err = p.s.Show(tree, nil)
	} else {
		err = tree.Text(p.s.Out)
	}
	if err != nil {
		return err
	}
	return p.timelineEnd(c, in, o, g.Summary, nil)
}

// caseToo reads the case beside the files that were named, if one is named too: the files
// have the records of calls, the case has the code and the configurations.
func (p *program) caseToo(c *cli.Context, in *timeline.Input) error {
	if in.Case != nil || c.String("case") == "" {
		return nil
	}
	var err error
	in.Case, err = p.openCase(c)
	return err
}

func findingsFlag() cli.Flag {
	return &cli.StringFlag{Name: "findings", Usage: "also write what was made and what became of it to this new file (private, 0600), for whoever plans containment (docs/findings.md)"}
}

// findingsFree refuses a file that is there, before anything is read.
func findingsFree(c *cli.Context) error {
	path := c.String("findings")
	if path == "" {
		return nil
	}
	if _, err := os.Lstat(path); err == nil {
		return ui.UsageHint("freezeframe "+c.Command.FullName()+" --findings ANOTHER", "--findings %s: there is something of that name already", path)
	}
	return nil
}

// writeFindings makes the file, if one is asked for. It is there only when it is whole.
func (p *program) writeFindings(c *cli.Context, in timeline.Input, f finding.File) error {
	if c.String("findings") == "" {
		return nil
	}
	path, err := filepath.Abs(c.String("findings"))
	if err != nil {
		return fmt.Errorf("--findings: %w", err)
	}
	if in.Case != nil {
		f.Case = in.Case.ID
	}
	file, err := durable.Create(path, 0o600)
	if err != nil {
		return ui.Usage("--findings: %w", err)
	}
	defer file.Discard() //nolint:errcheck // after Commit it does nothing; before, the error is told already
	if err := finding.Write(safetext.JSON(file), f); err != nil {
		return err
	}
	if err := file.Commit(); err != nil {
		return ui.UsageHint("freezeframe timeline lineage --findings ANOTHER", "--findings %s: %w", path, err)
	}
	if !p.s.Quiet {
		fmt.Fprintf(p.s.Err, "%s written to %s\n", ui.Plural(len(f.Findings), "finding"), path)
	}
	return nil
}
