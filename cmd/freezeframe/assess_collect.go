package main

import (
	"cmp"
	"errors"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks/practices"
)

// collectFirstFlags are those of `assess --collect`: collect's own, and what a new case needs.
func collectFirstFlags() []cli.Flag {
	return slices.Concat([]cli.Flag{
		&cli.BoolFlag{Name: "collect", Usage: "collect the functions first (reads only), then assess what was collected"},
		&cli.StringFlag{Name: "title", Usage: "with --collect: open a new case at CASE, about this; with --authority and --operator"},
		&cli.StringFlag{Name: "authority", Usage: "with --title: who ordered it"},
		exerciseFlag(),
	}, whichFlags(), howFlags())
}

// collectFirstUsage refuses flags of collecting where nothing is collected, and half a new case.
func collectFirstUsage(c *cli.Context) error {
	const hint = "freezeframe assess --collect --function NAME"
	if !c.Bool("collect") {
		for _, f := range collectFirstFlags() {
			documented, ok := f.(cli.DocGenerationFlag)
			byEnvironment := ok && len(documented.GetEnvVars()) > 0 // it is set for other commands
			if name := f.Names()[0]; c.IsSet(name) && !byEnvironment {
				return ui.UsageHint(hint, "--%s is for --collect: without it nothing is asked of AWS", name)
			}
		}
		return nil
	}
	if len(c.StringSlice("function"))+len(c.StringSlice("match")) == 0 && c.String("functions-file") == "" {
		return ui.UsageHint(hint, "--collect wants functions: --function, --functions-file or --match")
	}
	if new := c.String("title") != ""; new && (c.NArg() == 0 || c.String("authority") == "" || c.String("operator") == "") || !new && c.String("authority") != "" {
		return ui.UsageHint(hint+" --title T --authority A --operator O DIR", "a new case wants a title, an authority, an operator and its place")
	}
	return nil
}

// collectFirst collects what is to be assessed, into the case that is given or into a new one, and
// narrows the assessment to it. A failed account's error is handed back with what the others have.
func (p *program) collectFirst(c *cli.Context, o *practices.Options) (opened *evidence.Case, all []collect.Collected, err error) {
	how, err := p.collectOptions(c)
	if err != nil {
		return nil, nil, err
	}
	w, err := p.wanted(c) // first: for a name that is not there no case is made
	if err != nil {
		return nil, nil, err
	}
	if c.String("title") != "" {
		made, err := p.makeCase(c, c.Args().First())
		if err != nil {
			return nil, nil, err
		}
		p.s.Aside(func(t *ui.Printer) { showOpened(t, made) })
	}
	if opened, err = p.caseToAssess(c); err != nil {
		return nil, nil, err
	}
	s, err := p.connect(c, opened, true)
	if err != nil {
		return nil, nil, err
	}
	progress := p.s.Progress("collecting")
	how.Progress = func(x collect.Progress) { progress.Update(x.Done, x.Planned, x.Bytes, x.Last) }
	all, err = p.runCollection(c, s, opened, w, how)
	progress.Done()
	if err != nil {
		return nil, nil, err
	}
	if opened.Signer != nil {
		if _, err := p.timeStamp(c, opened); err != nil {
			return nil, nil, err
		}
	}
	o.Functions = nil
	for _, x := range all {
		if x.Bag != nil && x.Err == nil {
			o.Functions = append(o.Functions, x.Bag.Header().Targets...)
			p.s.Aside(func(t *ui.Printer) {
				t.Line("collected %s into bag %s, %s", ui.Plural(len(x.Bag.Header().Targets), "function"), x.Bag.ID(), ui.Plural(gapsIn(x), "gap"))
			})
		}
	}
	if len(o.Functions) == 0 {
		return nil, nil, cmp.Or(failedOf(all), ui.UsageHint("freezeframe collect --help", "no function was collected"))
	}
	return opened, all, nil
}

// failedOf are the errors of accounts that could not be collected.
func failedOf(all []collect.Collected) error {
	var errs []error
	for _, x := range all {
		errs = append(errs, x.Err)
	}
	return errors.Join(errs...)
}
