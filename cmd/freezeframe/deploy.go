package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/deploy"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

func (p *program) deployCommand() *cli.Command {
	return &cli.Command{
		Name: "deploy", Usage: "templates of what answers alerts without people: vault, queue, workers, roles (docs/deploy.md)",
		Subcommands: []*cli.Command{{
			Name: "print", Usage: "print a template for your own tools; nothing is created",
			Description: "freezeframe deploy print --for security > security.yaml\nfreezeframe deploy print --for member > member.yaml\n\n" +
				"security: one stack in the account that keeps the evidence. member: a StackSet over the accounts under watch. What people decide is a parameter; --parameter gives one a default. Roles allow what the code declares that it calls, and nothing else.\n\n" +
				"The templates were checked by cfn-lint and their roles tried on a simulated AWS. They have never run on AWS itself.",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "format", Usage: "cloudformation", Value: deploy.CloudFormation},
				&cli.StringFlag{Name: "for", Usage: "security or member", Value: deploy.Security},
				&cli.StringSliceFlag{Name: "parameter", Usage: "NAME=VALUE: a default for a parameter of the template (may be repeated)"},
			},
			Action: p.printDeployment,
		}},
	}
}

func (p *program) printDeployment(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	o := deploy.Options{Format: c.String("format"), For: c.String("for"), Parameters: map[string]string{}}
	for _, text := range c.StringSlice("parameter") {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return ui.UsageHint("freezeframe deploy print --parameter RetentionDays=730", "--parameter %q is not NAME=VALUE", text)
		}
		o.Parameters[name] = value
	}
	text, err := deploy.Print(o)
	switch {
	case errors.Is(err, deploy.ErrFor), errors.Is(err, deploy.ErrFormat), errors.Is(err, deploy.ErrParameter):
		return ui.UsageHint("freezeframe deploy print --help", "%w", err)
	case err != nil:
		return err
	}
	if _, err := fmt.Fprint(p.s.Out, text); err != nil {
		return fmt.Errorf("printing the template: %w", err)
	}
	return nil
}
