package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks/cacao"
)

func (p *program) exportPlaybook(c *cli.Context) error {
	name, err := oneArgument(c, "playbook")
	if err != nil {
		return err
	}
	if format := c.String("format"); format != "cacao" {
		return ui.UsageHint(commandHelp(c), "--format is %q; cacao is wanted", format)
	}
	pb, err := loadPlaybook(name)
	if err != nil {
		return err
	}
	return cacao.Export(safetext.JSON(p.s.Out), pb, time.Now())
}

func (p *program) importPlaybook(c *cli.Context) error {
	name, err := oneArgument(c, "file")
	if err != nil {
		return err
	}
	f, err := os.Open(name)
	if err != nil {
		return ui.Usage("the playbook: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was read only
	draft, err := cacao.Import(f)
	if refused, ok := errors.AsType[*cacao.RefusedError](err); ok {
		return ui.Usage("%s: %w", name, refused)
	}
	if err != nil {
		return ui.Usage("%s: %w", name, err)
	}
	_, err = fmt.Fprintf(p.s.Out, "%s", draft)
	return err
}
