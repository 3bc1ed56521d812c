package playbooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/playbooks/practices"
	"github.com/freezeframe-ir/freezeframe/playbooks/practices/forms"
)

// assessVerb says how functions stand in the nine practice areas, and whether another incident
// could be investigated, and keeps that in the case.
func assessVerb() Verb {
	severities := make([]string, 0, len(practices.Severities()))
	for _, s := range practices.Severities() {
		severities = append(severities, string(s))
	}
	return Verb{
		Name: "assess", About: "judge functions by the nine practice areas and their forensic readiness, from the case alone, and keep it there",
		Class: Offline, Timeout: 2 * time.Hour,
		With: []Param{
			{Name: "function", Type: Text, About: "name or ARN"},
			{Name: "functions", Type: Texts, About: "several of them"},
			{Name: "fail_on", Type: Text, About: "the lowest severity that counts as failed; high, if it is not said", Values: severities},
		},
		Gives: []Param{
			{Name: "failed", Type: Number, About: "results that fail at or above fail_on"},
			{Name: "unknown", Type: Number, About: "results that a gap of the evidence kept from an answer"},
			{Name: "score", Type: Number, About: "forensic readiness, 0 to 100"},
			{Name: "path", Type: Text, About: "where in the case the report lies"},
		},
		Check: func(s *Step) string { return oneOf(s, "function", "functions") },
		Run:   runAssess,
	}
}

func runAssess(ctx context.Context, env *Env, a Args) (Result, error) {
	failOn := practices.Severity(arg[string](a, "fail_on"))
	if failOn == "" {
		failOn = practices.High
	}
	d, derived, err := KeepAssessment(ctx, env.Case, env.Operator, env.Tool.Version, practices.Options{Functions: functionsOf(a), Now: env.Now()})
	if err != nil {
		return Result{}, err
	}
	damaged := 0
	for _, x := range d.Report.Results {
		if g := x.Gap; g != nil && (g.State == evidence.Mismatch || g.State == evidence.Unreadable || g.State == evidence.TooLarge) {
			damaged++ // what the case lacks is a gap of who collected it; this the case has, and it cannot be read
		}
		if x.Used != nil && x.Used.Partial {
			damaged++
		}
	}
	failed, open := d.Report.Failed(failOn), d.Report.Unknowns()
	return Result{
		Values:  map[string]any{"failed": failed, "unknown": open, "score": d.Readiness.Score, "path": derived.Files[0].Path},
		Gaps:    damaged,
		Summary: fmt.Sprintf("%d fail at or above %s, %d unknown, readiness %d of 100: %s", failed, failOn, open, d.Readiness.Score, derived.Files[0].Path),
	}, nil
}

// KeepAssessment assesses functions, with what the case's records say of the use of what fails,
// and stores that under derived/, citing the documents that it rests on.
func KeepAssessment(ctx context.Context, c *evidence.Case, actor, version string, o practices.Options) (forms.Doc, evidence.Derived, error) {
	o.Uses = CaseUses(c)
	r, err := practices.Assess(ctx, c, o)
	if err != nil {
		return forms.Doc{}, evidence.Derived{}, fmt.Errorf("assessing the practices: %w", err)
	}
	ready, err := practices.AssessReadiness(ctx, c, o)
	if err != nil {
		return forms.Doc{}, evidence.Derived{}, fmt.Errorf("assessing the readiness: %w", err)
	}
	d := forms.Doc{Report: r, Readiness: ready, Version: version}
	var files []evidence.File
	for _, f := range forms.Formats() {
		if slices.Contains([]string{"json", "markdown", "sarif"}, f.Name) {
			files = append(files, evidence.File{Name: "assessment" + f.Ext, Write: func(w io.Writer) error { return forms.WriteAs(w, f.Name, d) }})
		}
	}
	derived, err := c.Derive(ctx, evidence.Derived{Kind: "assessment", Actor: actor, Inputs: citedBy(d), Params: map[string]string{"as_of": r.At.Format(time.RFC3339)}}, files...)
	if err != nil && !errors.Is(err, evidence.ErrNotSigned) {
		return d, derived, fmt.Errorf("keeping the assessment: %w", err)
	}
	return d, derived, nil
}

// citedBy are the documents that an assessment rests on, each once.
func citedBy(d forms.Doc) []evidence.Ref {
	out := []evidence.Ref{}
	seen := map[string]bool{}
	add := func(all []evidence.Ref) {
		for _, ref := range all {
			if !seen[ref.Path] {
				seen[ref.Path] = true
				out = append(out, ref)
			}
		}
	}
	for _, x := range d.Report.Results {
		add(x.Evidence)
	}
	for _, x := range d.Readiness.Items {
		add(x.Evidence)
	}
	return out
}
