package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/glance"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

// fleetCollected is what `collect` answers for several accounts.
type fleetCollected struct {
	Schema   string         `json:"schema"`
	Case     string         `json:"case"`
	Accounts []accountState `json:"accounts"`
	Bags     []collected    `json:"bags"`
}

type accountState struct {
	Account   string `json:"account"`
	Bag       string `json:"bag,omitempty"`
	Functions int    `json:"functions"`
	Items     int    `json:"items"`
	Bytes     int64  `json:"bytes"`
	Gaps      int    `json:"gaps"`
	Error     string `json:"error,omitempty"` // of the session or the store
}

// showAll shows one collection in full, several as a table.
func (p *program) showAll(c *cli.Context, opened *evidence.Case, all []collect.Collected) error {
	out := fleetCollected{Schema: "freezeframe/fleet/v1", Case: opened.Vault().String(), Accounts: []accountState{}, Bags: []collected{}}
	var errs []error
	for _, x := range all {
		state := accountState{Account: x.Account, Gaps: gapsIn(x)}
		if x.Err != nil {
			state.Error = x.Err.Error()
			errs = append(errs, fmt.Errorf("account %s: %w", x.Account, x.Err))
		}
		if x.Bag != nil {
			one, err := p.collectedOf(c.Context, opened, x.Bag, x.Summary)
			if err != nil {
				return errors.Join(append(errs, err)...)
			}
			out.Bags = append(out.Bags, one)
			state.Bag, state.Functions, state.Items, state.Bytes, state.Gaps = one.Bag, len(one.Targets), one.Summary.Items, one.Summary.Bytes, len(one.Gaps)
		}
		out.Accounts = append(out.Accounts, state)
	}
	switch {
	case len(all) == 0:
		return nil
	case len(all) == 1 && len(errs) > 0:
		return all[0].Err
	case len(all) == 1 && len(out.Bags) == 1:
		one := out.Bags[0]
		return p.s.Show(one, func(t *ui.Printer) { showCollected(t, one) })
	}
	return errors.Join(append(errs, p.s.Show(out, func(t *ui.Printer) { showFleet(t, out) }))...)
}

func gapsIn(x collect.Collected) (gaps int) {
	for state, n := range x.Summary.States {
		if !state.Complete() {
			gaps += n
		}
	}
	if x.Bag != nil && !x.Summary.Complete {
		gaps = max(gaps, 1) // something that was there a moment ago was gone
	}
	return gaps
}

// incomplete is the error of collections that have gaps.
func incomplete(all []collect.Collected) error {
	gaps := 0
	for _, x := range all {
		gaps += gapsIn(x)
	}
	if gaps > 0 {
		return ui.Incomplete("freezeframe collect --resume, once what refused is mended", "collected with %s", ui.Plural(gaps, "gap"))
	}
	return nil
}

func (p *program) collectedOf(ctx context.Context, opened *evidence.Case, bag *evidence.Bag, sum collect.Summary) (collected, error) {
	out := collected{Schema: "freezeframe/collected/v1", Case: opened.Vault().String(), Bag: bag.ID(), Path: "collections/" + bag.ID(), Targets: bag.Header().Targets, Summary: sum, Gaps: []evidence.Entry{}}
	entries, err := bag.Coverage(ctx)
	for _, e := range entries {
		if !e.State.Complete() {
			out.Gaps = append(out.Gaps, e)
		}
	}
	if err == nil {
		out.Glance, err = glance.Look(ctx, bag)
	}
	return out, err
}

func showCollected(t *ui.Printer, out collected) {
	for _, e := range out.Gaps {
		showGap(t, e)
	}
	for _, s := range out.Glance.Signs {
		showSign(t, s)
	}
	t.Line("sealed %s: %s of %s, %s, %s", out.Path, ui.Plural(out.Summary.Items, "artefact"), ui.Plural(out.Glance.Versions, "version"), ui.Bytes(out.Summary.Bytes), ui.Plural(len(out.Gaps), "gap"))
	t.Line("next: freezeframe timeline build")
	if len(out.Targets) > 0 {
		t.Line("      freezeframe contain plan --function %s", out.Targets[0])
	}
}

func showGap(t *ui.Printer, e evidence.Entry) {
	why := ""
	if e.Gap != nil {
		why = strings.TrimSpace(e.Gap.Error + " " + e.Gap.Note)
	}
	t.Line("%s %s %s %s: %s", t.Bad("gap:"), e.Artefact, shortSource(e.Source), string(e.State), why)
}

func showSign(t *ui.Printer, s glance.Sign) {
	function := s.Function[strings.LastIndexByte(s.Function, ':')+1:]
	if s.Qualifier != "" {
		function += ":" + s.Qualifier
	}
	t.Line("%s %s %s: %s", t.Bad("!"), s.Kind, function, s.What)
}

// maxShownGaps of one account stand in the fleet's table; coverage.json has them all.
const maxShownGaps = 5

func showFleet(t *ui.Printer, out fleetCollected) {
	for _, one := range out.Bags {
		for i, e := range one.Gaps {
			if i == maxShownGaps {
				t.Line("%s and %s more: %s/coverage.json", t.Bad("gap:"), fmt.Sprint(len(one.Gaps)-i), one.Path)
				break
			}
			showGap(t, e)
		}
		for _, s := range one.Glance.Signs {
			showSign(t, s)
		}
	}
	for _, a := range out.Accounts {
		state := t.Good("complete")
		if a.Gaps > 0 || a.Error != "" {
			state = t.Bad(ui.Plural(a.Gaps, "gap"))
		}
		t.Line("account %s: %s, %s, %s, %s, bag %s", a.Account, ui.Plural(a.Functions, "function"), ui.Plural(a.Items, "artefact"), ui.Bytes(a.Bytes), state, a.Bag)
	}
	t.Line("next: freezeframe timeline build")
}

func shortSource(s evidence.Source) string {
	if s.Qualifier == "" {
		return s.ARN
	}
	return s.ARN + " (" + s.Qualifier + ")"
}
