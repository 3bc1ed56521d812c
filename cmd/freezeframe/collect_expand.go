package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

func expandFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "expand", Usage: "then propose functions that share role, layer, events or the attacker's hand, and access keys of that hand; ask, and collect them too (one round)"},
		&cli.IntFlag{Name: "expand-max", Usage: "functions that are proposed at most", Value: collect.DefaultExpandMax},
		&cli.BoolFlag{Name: "yes", Usage: "answer the question of --expand with yes, in the operator's name"},
	}
}

// expandUsage refuses what does not go with an expansion.
func expandUsage(c *cli.Context) error {
	switch {
	case !c.Bool("expand") && (c.IsSet("expand-max") || c.Bool("yes")):
		return ui.UsageHint("freezeframe collect --function NAME --expand", "--expand-max and --yes are for --expand")
	case c.Bool("expand") && (c.Bool("resume") || c.Bool("settle")):
		return ui.UsageHint("freezeframe collect --function NAME --expand", "--expand begins with functions: --function")
	case c.Bool("expand") && (c.String("accounts-file") != "" || c.String("functions-file") != "" || len(c.StringSlice("match")) > 0):
		return ui.UsageHint("freezeframe collect --function NAME --expand", "--expand begins with functions of one account, each named by --function")
	case c.Int("expand-max") < 1 || c.Int("expand-max") > 200:
		return ui.UsageHint("freezeframe collect --help", "--expand-max is %d; 1 to 200 is wanted", c.Int("expand-max"))
	}
	return nil
}

// expanded is what `collect --expand` answers.
type expanded struct {
	collected
	Expansion *collect.Expansion `json:"expansion"`
	Answer    string             `json:"answer"`            // yes, no, "nobody to ask", "nothing to ask"
	Further   *collected         `json:"further,omitempty"` // what was collected then
}

// collectFurther goes on after a sealed collection: it proposes, asks, and collects what was
// agreed to into a bag of its own.
func (p *program) collectFurther(c *cli.Context, s *awsapi.Session, opened *evidence.Case, bag *evidence.Bag, first collected, o collect.Options) error {
	p.expandText(func(t *ui.Printer) { showCollected(t, first) })
	x, err := p.lookFurther(c, bag)
	if err != nil {
		return err
	}
	out := expanded{collected: first, Expansion: x}
	p.s.Person(func(t *ui.Printer) { showExpansion(t, x) })
	var why string
	if out.Answer, why, err = p.askExpand(c, x); err != nil {
		return err
	}
	if !x.Empty() {
		if err := recordExpansion(c, opened, x, out.Answer, why); err != nil {
			return err
		}
	}
	if out.Answer == "yes" {
		if err := p.collectProposed(c, s, opened, bag, o, &out); err != nil {
			return err
		}
	}
	if p.s.JSON {
		if err := p.s.Show(out, nil); err != nil {
			return err
		}
	}
	if opened.Signer != nil {
		if _, err := p.timeStamp(c, opened); err != nil {
			return err
		}
	}
	return endExpand(out)
}

// lookFurther asks in a session of its own, without the case's marker: the listing enters no
// bag's journal, and would look like a call of somebody who only claims to be us.
func (p *program) lookFurther(c *cli.Context, bag *evidence.Bag) (*collect.Expansion, error) {
	s, err := p.connect(c, nil, true)
	if err != nil {
		return nil, err
	}
	x, err := collect.Expand(c.Context, s, bag, c.Int("expand-max"))
	if err != nil {
		return nil, fmt.Errorf("looking for further functions: %w", err)
	}
	return x, nil
}

// expandText is for people only: with --json everything is one value at the end.
func (p *program) expandText(human func(*ui.Printer)) {
	if !p.s.JSON {
		p.s.Person(human)
	}
}

func showExpansion(t *ui.Printer, x *collect.Expansion) {
	if x.Empty() {
		t.Line("nothing further: no other function or key stands out in %s", x.From)
	} else {
		t.Line("%s", t.Bold("the collection points to:"))
	}
	for _, f := range x.Functions {
		t.Line("  %s", t.Bold(f.Name))
		for _, r := range f.Reasons {
			t.Line("    %s: %s", string(r.Kind), r.Detail)
		}
	}
	for _, k := range x.Keys {
		t.Line("  access key %s", t.Bold(k.Name))
		for _, r := range k.Reasons {
			t.Line("    %s: %s", string(r.Kind), r.Detail)
		}
	}
	if n := len(x.LeftOut); n > 0 {
		const most = 20
		more := ""
		if n > most {
			more = fmt.Sprintf(" and %d more: --json", n-most)
		}
		t.Line("  left out, beyond the bound (--expand-max): %s%s", strings.Join(x.LeftOut[:min(n, most)], ", "), more)
	}
	for _, n := range x.Notes {
		t.Line("  %s %s", t.Bad("note:"), n)
	}
}

// askExpand asks a person, if there is one, and says what was answered and by whom.
func (p *program) askExpand(c *cli.Context, x *collect.Expansion) (answer, why string, err error) {
	switch {
	case x.Empty():
		return "nothing to ask", "", nil
	case c.Bool("yes"):
		return "yes", "--yes", nil
	case !p.s.InTTY:
		return "nobody to ask", "no terminal, and no --yes", nil
	}
	fmt.Fprintf(p.s.Err, "  collect %s and look up %s? type yes to go on: ", ui.Plural(len(x.Functions), "function"), ui.Plural(len(x.Keys), "access key"))
	line, err := bufio.NewReader(p.s.In).ReadString('\n')
	if err != nil && line == "" {
		return "no", "no answer at the prompt", nil
	}
	if line = strings.TrimSpace(line); line == "yes" {
		return "yes", "answered at the prompt", nil
	}
	return "no", "answered at the prompt: " + line, nil
}

// recordExpansion enters the decision with its reasons, before anything is done by it.
func recordExpansion(c *cli.Context, opened *evidence.Case, x *collect.Expansion, answer, why string) error {
	e := evidence.Event{Type: evidence.EventDecide, Actor: operatorOf(c, opened), Data: map[string]string{
		"kind": "decide", "at": time.Now().UTC().Format(time.RFC3339), "expanded_from": x.From, "answer": answer + " (" + why + ")",
	}}
	var names []string
	for _, f := range x.Functions {
		names = append(names, f.Name+" ("+string(f.Reasons[0].Kind)+")")
		e.Data["why."+f.Name] = f.Why()
	}
	for _, k := range x.Keys {
		names = append(names, k.Name+" ("+string(k.Reasons[0].Kind)+")")
		e.Data["why.key."+k.Name] = k.Why()
	}
	verb := "not expanded to"
	if answer == "yes" {
		verb = "expanded to"
	}
	e.Reason = "collection " + x.From + " " + verb + " " + strings.Join(names, ", ")
	if err := opened.Record(c.Context, e); err != nil {
		return fmt.Errorf("recording the expansion in the ledger: %w", err)
	}
	return nil
}

func (p *program) collectProposed(c *cli.Context, s *awsapi.Session, opened *evidence.Case, from *evidence.Bag, o collect.Options, out *expanded) error {
	progress := p.s.Progress("collecting further")
	o.Progress = func(x collect.Progress) { progress.Update(x.Done, x.Planned, x.Bytes, x.Last) }
	bag, sum, err := collect.ExpandInto(c.Context, s, opened, header(operatorOf(c, opened)), from, out.Expansion, o)
	progress.Done()
	if bag == nil {
		return err
	}
	further, err := p.further(c.Context, opened, bag, sum, err)
	if err != nil {
		return err
	}
	out.Further = &further
	p.expandText(func(t *ui.Printer) {
		showCollected(t, further)
		t.Line("this was one round; another may find more: freezeframe collect --expand --function %s", further.Targets[0])
	})
	return nil
}

func (p *program) further(ctx context.Context, opened *evidence.Case, bag *evidence.Bag, sum collect.Summary, before error) (collected, error) {
	out, err := p.collectedOf(ctx, opened, bag, sum)
	return out, errors.Join(before, err)
}

// endExpand is the exit code: what was not asked for, or not had, is incomplete.
func endExpand(out expanded) error {
	gaps := len(out.Gaps)
	complete := out.Summary.Complete
	if out.Further != nil {
		gaps += len(out.Further.Gaps)
		complete = complete && out.Further.Summary.Complete
	}
	switch {
	case out.Answer == "nobody to ask":
		hint := "the same command with --expand --yes"
		if len(out.Expansion.Functions) > 0 {
			hint = "freezeframe collect"
			for _, f := range out.Expansion.Functions {
				hint += " --function " + f.Name
			}
			hint += ", or " + "the same command with --yes"
		}
		return ui.Incomplete(hint, "not expanded: there is nobody to ask, and no --yes")
	case !complete:
		return ui.Incomplete("freezeframe collect --resume, once what refused is mended", "collected with %s", ui.Plural(gaps, "gap"))
	}
	return nil
}
