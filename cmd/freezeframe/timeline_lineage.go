package main

import (
	"errors"

	"github.com/urfave/cli/v2"

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
		},
		Action: p.showLineage,
	}
}

func (p *program) showLineage(c *cli.Context) error {
	s := lineage.Subject{Key: c.String("key"), Principal: c.String("principal")}
	if (s.Key == "") == (s.Principal == "") {
		return ui.UsageHint("freezeframe timeline lineage --key AKIA...", "a lineage is that of one --key or one --principal")
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
