package playbooks

import (
	"context"
	"fmt"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/brief"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/playbooks/report"
)

// reportVerb writes what happened, what was done and what is still open.
func reportVerb() Verb {
	return Verb{
		Name: "report", About: "write down what happened, what was done, and what is still open",
		Class: Offline,
		With:  []Param{{Name: "function", Type: Text, Required: true, About: "name or ARN"}},
		Gives: []Param{
			{Name: "path", Type: Text, About: "where in the case it lies, as Markdown"},
			{Name: "page", Type: Text, About: "and as a page for a browser"},
		},
		Run: runReport,
	}
}

func runReport(ctx context.Context, env *Env, a Args) (Result, error) {
	function := arg[string](a, "function")
	in := report.Input{Case: env.Case, Function: function, Now: env.Now(), Exercise: env.Exercise, Tool: env.Tool.Name + " " + env.Tool.Version}
	standing, err := contain.Standings(ctx, contain.StatusInput{Case: env.Case})
	if err != nil {
		return Result{}, fmt.Errorf("reading the state of containment: %w", err)
	}
	in.Acts = ReportActs(standing)
	if in.Practices, err = ReportPractices(ctx, env.Case, function, in.Now); err != nil {
		return Result{}, err
	}
	d, err := report.Gather(ctx, in)
	if err != nil {
		return Result{}, err
	}
	var files []evidence.File
	for _, name := range []string{"md", "html"} {
		f, err := report.FormNamed(name)
		if err != nil {
			return Result{}, err
		}
		files = append(files, d.File(ctx, env.Case, f))
	}
	made, err := env.Case.Derive(ctx, evidence.Derived{Kind: report.Kind, Actor: env.Operator, Inputs: d.Inputs, Params: map[string]string{"function": function}}, files...)
	if err != nil {
		return Result{}, fmt.Errorf("keeping the report: %w", err)
	}
	values := map[string]any{"path": made.Files[0].Path, "page": made.Files[1].Path}
	return Result{Values: values, Gaps: d.Untold(), Summary: made.Files[1].Path + " to look at, " + made.Files[0].Path + " for tickets"}, nil
}

// ReportActs is how acts stand, as a report and a brief take it.
func ReportActs(standing []contain.Standing) []brief.Act {
	var out []brief.Act
	for _, s := range standing {
		out = append(out, brief.Act{Act: s.Act, Kind: string(s.Kind), State: string(s.State), Function: s.Function, Resource: s.Resource, Since: s.Since})
	}
	return out
}
