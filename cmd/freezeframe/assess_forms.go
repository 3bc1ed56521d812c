package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/practices"
	"github.com/freezeframe-ir/freezeframe/playbooks/practices/forms"
)

// assessFormFlags are those of what an assessment is written as, and held against.
func assessFormFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "format", Usage: "write it as " + strings.Join(assessForms(), ", ") + " instead of a table"},
		&cli.StringFlag{Name: "baseline", Usage: "another case: what is better, worse, new or gone since"},
		&cli.BoolFlag{Name: "readiness", Usage: "also whether an incident of tomorrow could be investigated: a score of 100, and what to do first"},
	}
}

func assessForms() []string {
	var out []string
	for _, f := range forms.Formats() {
		out = append(out, f.Name)
	}
	return out
}

// assessment makes the report with all that was asked for beside it.
func (p *program) assessment(c *cli.Context, opened *evidence.Case, o practices.Options) (forms.Doc, error) {
	d := forms.Doc{Version: version(), All: c.Bool("all")}
	o.Uses = playbooks.CaseUses(opened)
	var err error
	if d.Report, err = practices.Assess(c.Context, opened, o); err != nil {
		return d, err
	}
	if c.Bool("readiness") {
		if d.Readiness, err = practices.AssessReadiness(c.Context, opened, o); err != nil {
			return d, err
		}
	}
	where := c.String("baseline")
	if where == "" {
		return d, nil
	}
	other, err := p.openCaseAt(c, where)
	if err != nil {
		return d, fmt.Errorf("opening --baseline: %w", err)
	}
	o.Uses, o.Suppressions = nil, nil
	before, err := practices.Assess(c.Context, other, o)
	if errors.Is(err, practices.ErrNoFunction) {
		return d, ui.Usage("--baseline: %w", err)
	}
	if err != nil {
		return d, fmt.Errorf("assessing --baseline: %w", err)
	}
	d.Changes = practices.Compare(before, d.Report)
	return d, nil
}

// showDoc writes it as was asked for: a form, or the table.
func (p *program) showDoc(c *cli.Context, d forms.Doc) error {
	f := c.String("format")
	if f == "" && p.s.JSON {
		f = "json" // which is written as it is encoded
	}
	if f != "" {
		return forms.WriteAs(p.s.Out, f, d)
	}
	return p.s.Show(nil, func(t *ui.Printer) {
		showAssessment(t, d.Report, d.All)
		if d.Changes != nil {
			showChanges(t, d.Changes)
		}
		if d.Readiness != nil {
			showReadiness(t, d.Readiness)
		}
	})
}

func showChanges(t *ui.Printer, c *practices.Changes) {
	t.Line("")
	t.Line("against case %s, as of %s", c.Against, ui.Clock(c.AsOf))
	kinds := []practices.Change{practices.Worse, practices.Better, practices.Unclear, practices.New, practices.Gone, practices.Unchanged}
	heads, row := make([]string, len(kinds)), make([]string, len(kinds))
	for i, k := range kinds {
		heads[i], row[i] = strings.ToUpper(string(k)), fmt.Sprint(c.Count(k))
	}
	t.Table(heads, [][]string{row})
	for _, x := range c.Changed() {
		t.Line("%s %s %s: %s", string(x.Change), x.Check, x.Target, x.Sentence())
	}
}

func showReadiness(t *ui.Printer, r *practices.Readiness) {
	t.Line("")
	t.Line("could we investigate this tomorrow? %s of 100", fmt.Sprint(r.Score))
	if r.Reach != r.Score {
		t.Line("up to %s, were all that is not known in order", fmt.Sprint(r.Reach))
	}
	rows := make([][]string, 0, len(r.Items))
	for _, x := range r.Items {
		rows = append(rows, []string{string(x.Verdict), fmt.Sprint(x.Weight), x.Title, x.Seen.String()})
	}
	t.Table([]string{"VERDICT", "WEIGHT", "ITEM", "SEEN"}, rows)
	for i, do := range r.First {
		t.Line("%s. %s", fmt.Sprint(i+1), do)
	}
}
