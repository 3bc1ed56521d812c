package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks/practices"
)

func (p *program) assessCommand() *cli.Command {
	return &cli.Command{
		Name: "assess", Usage: "how functions stand in the nine areas of AWS's security practices for Lambda, from the case; with --collect, collected first", ArgsUsage: "[CASE]",
		Description: "freezeframe assess --function payments\nfreezeframe assess --function payments /cases/2026-11\nfreezeframe assess --fail-on medium --suppressions accepted.yaml --json\nfreezeframe assess --format sarif > assessment.sarif\nfreezeframe assess --readiness --baseline /cases/2026-10\nfreezeframe assess --collect --function payments   (into the case, then assess)\nfreezeframe assess --collect --match '*' --title 'practices' --authority 'CISO' --operator 'Alice Example' ./new-case\n\n" +
			"Every failing check names the document that shows it and how to repair it; contain first, a repair overwrites evidence. What could not be collected is unknown, never absent.\n\n" +
			"Exit codes: 0 nothing fails at or above --fail-on and nothing is unknown, 7 something fails, 3 something is unknown or --collect left gaps, 2 the command line or the file of suppressions is wrong.",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringSliceFlag{Name: "function", Usage: "name or ARN, may be given again; without it all functions of the case"},
			&cli.StringFlag{Name: "fail-on", Value: string(practices.High), Usage: "the lowest severity that counts for the exit code: low, medium, high, critical"},
			&cli.StringFlag{Name: "suppressions", Usage: "a YAML file of findings that somebody accepts: check, target, owner, reason, expires"},
			&cli.BoolFlag{Name: "all", Usage: "show also what passes and what does not apply"},
		}, assessFormFlags(), collectFirstFlags()),
		Action: p.assess,
	}
}

func (p *program) assess(c *cli.Context) error {
	o, failOn, err := p.assessOptions(c)
	if err != nil {
		return err
	}
	if err := collectFirstUsage(c); err != nil {
		return err
	}
	var opened *evidence.Case
	var collected []collect.Collected
	if c.Bool("collect") {
		opened, collected, err = p.collectFirst(c, &o)
	} else {
		opened, err = p.caseToAssess(c)
	}
	if err != nil {
		return err
	}
	d, err := p.assessment(c, opened, o)
	if errors.Is(err, practices.ErrNoFunction) {
		return ui.UsageHint("freezeframe collect --function NAME", "%w", err)
	}
	if err != nil {
		return err
	}
	r := d.Report
	if len(r.Functions) == 0 {
		return ui.UsageHint("freezeframe collect --function NAME", "the case holds no function to assess")
	}
	if err := p.showDoc(c, d); err != nil {
		return err
	}
	// An account that failed is an error, whatever the others show; what fails weighs more than a gap.
	if err := failedOf(collected); err != nil {
		return err
	}
	if err := verdictOf(r, failOn); err != nil {
		return err
	}
	return incomplete(collected)
}

// verdictOf is how the command ends: what fails weighs more than what is unknown.
func verdictOf(r *practices.Report, failOn practices.Severity) error {
	if n := r.Failed(failOn); n > 0 {
		return ui.Findings("%s at or above severity %s", ui.Plural(n, "finding"), string(failOn))
	}
	if n := r.Unknowns(); n > 0 {
		return ui.Incomplete("freezeframe collect --resume", "%s unknown: the evidence has gaps", ui.Plural(n, "result"))
	}
	return nil
}

func (p *program) assessOptions(c *cli.Context) (o practices.Options, failOn practices.Severity, err error) {
	if c.NArg() > 1 {
		return o, "", ui.UsageHint(commandHelp(c), "unexpected argument %q", c.Args().Get(1))
	}
	failOn = practices.Severity(c.String("fail-on"))
	if !slices.Contains(practices.Severities(), failOn) {
		return o, "", ui.UsageHint("freezeframe assess --fail-on high", "--fail-on %q: one of low, medium, high, critical", string(failOn))
	}
	o = practices.Options{Functions: c.StringSlice("function"), Now: time.Now()}
	if f := c.String("format"); f != "" && !slices.Contains(assessForms(), f) {
		return o, "", ui.UsageHint("freezeframe assess --format sarif", "--format %q: one of %s", f, strings.Join(assessForms(), ", "))
	}
	file := c.String("suppressions")
	if file == "" {
		return o, failOn, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return o, "", ui.Usage("--suppressions: %w", err)
	}
	all, problems := practices.ReadSuppressions(file, data)
	if len(problems) > 0 {
		lines := make([]string, len(problems))
		for i, x := range problems {
			lines[i] = x.String()
		}
		return o, "", ui.Usage("--suppressions: %s", strings.Join(lines, "; "))
	}
	o.Suppressions = all
	return o, failOn, nil
}

func (p *program) caseToAssess(c *cli.Context) (*evidence.Case, error) {
	if c.NArg() == 1 {
		return p.openCaseAt(c, c.Args().First())
	}
	return p.openCase(c)
}

func showAssessment(t *ui.Printer, r *practices.Report, all bool) {
	for _, f := range r.Functions {
		t.Line("%s", f)
	}
	rows := make([][]string, 0, len(r.Areas))
	for _, a := range r.Areas {
		if a.Checks > 0 {
			rows = append(rows, []string{string(a.Area), fmt.Sprint(a.Checks), fmt.Sprint(a.Fail), fmt.Sprint(a.Unknown), fmt.Sprint(a.Pass), fmt.Sprint(a.NotApplicable), fmt.Sprint(a.Suppressed)})
		}
	}
	t.Table([]string{"AREA", "CHECKS", "FAIL", "UNKNOWN", "PASS", "NOT APPLICABLE", "ACCEPTED"}, rows)
	for _, v := range []practices.Verdict{practices.Fail, practices.Unknown, practices.Pass, practices.NotApplicable} {
		for _, x := range r.Results {
			if x.Verdict == v && (all || v == practices.Fail || v == practices.Unknown) {
				showResult(t, x)
			}
		}
	}
	for _, s := range r.Suppressions {
		switch {
		case s.Expired:
			t.Line("%s the acceptance of %s at %s by %s expired on %s", t.Bad("!"), s.Check, s.Target, s.Owner, s.Expires)
		case s.Matches == 0:
			t.Line("%s the acceptance of %s at %s by %s matches nothing that fails", t.Bad("!"), s.Check, s.Target, s.Owner)
		}
	}
}

func showResult(t *ui.Printer, x practices.Result) {
	switch {
	case x.Suppressed != nil:
		t.Line("accepted %s %s: %s", x.Check, x.Target, x.Seen)
		t.Line("    by %s until %s: %s", x.Suppressed.Owner, x.Suppressed.Expires, x.Suppressed.Reason)
		return
	case x.Verdict == practices.Fail:
		t.Line("%s %s %s: %s", t.Bad("FAIL "+string(x.Severity)), x.Check, x.Target, x.Seen)
	case x.Verdict == practices.Unknown:
		t.Line("%s %s %s: %s", t.Bold("UNKNOWN"), x.Check, x.Target, x.Seen)
		t.Line("    %s", strings.Join(slices.DeleteFunc([]string{x.Gap.Call, x.Gap.Error, x.Gap.Note}, func(s string) bool { return s == "" }), ": "))
		return
	default:
		t.Line("%s %s %s: %s", string(x.Verdict), x.Check, x.Target, x.Seen)
		return
	}
	if x.Used != nil && x.Used.Events > 0 {
		t.Line("    used: %s, %s to %s", ui.Plural(x.Used.Events, "record"), ui.Clock(x.Used.First), ui.Clock(x.Used.Last))
	}
	for _, ref := range x.Evidence {
		t.Line("    %s %s", t.Dim(ref.SHA256), ref.Path)
	}
	if x.Repair != nil {
		t.Block("    $ ", x.Repair.CLI)
	}
}
