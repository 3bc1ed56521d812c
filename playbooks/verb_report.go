package playbooks

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/safetext"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

// reportVerb writes what happened, what was done and what is still open.
func reportVerb() Verb {
	return Verb{
		Name: "report", About: "write down what happened, what was done, and what is still open",
		Class: Offline,
		With:  []Param{{Name: "function", Type: Text, Required: true, About: "name or ARN"}},
		Gives: []Param{{Name: "path", Type: Text, About: "where in the case it lies"}},
		Run:   runReport,
	}
}

func runReport(ctx context.Context, env *Env, a Args) (Result, error) {
	function := arg[string](a, "function")
	story, err := timeline.Tell(ctx, timeline.Options{Filter: timeline.Filter{Function: function}}, timeline.Input{Case: env.Case})
	if err != nil {
		return Result{}, fmt.Errorf("telling the story of %s: %w", function, err)
	}
	standing, err := contain.Standings(ctx, contain.StatusInput{Case: env.Case})
	if err != nil {
		return Result{}, fmt.Errorf("reading the state of containment: %w", err)
	}
	text, err := report(ctx, env, function, story, standing)
	if err != nil {
		return Result{}, err
	}
	d, err := env.Case.Derive(ctx, evidence.Derived{Kind: "report", Actor: env.Operator, Inputs: story.Summary.Inputs, Params: map[string]string{"function": function}},
		evidence.File{Name: "report.md", Write: func(w io.Writer) error { _, err := w.Write(text); return err }})
	if err != nil {
		return Result{}, fmt.Errorf("keeping the report: %w", err)
	}
	return Result{Values: map[string]any{"path": d.Files[0].Path}, Gaps: len(story.Summary.Gaps) + int(story.Summary.Skips), Summary: d.Files[0].Path}, nil
}

func report(ctx context.Context, env *Env, function string, story timeline.Story, standing []contain.Standing) ([]byte, error) {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	if env.Exercise != "" {
		line("**EXERCISE %s**\n", markdown(env.Exercise))
	}
	line("# %s", markdown(env.Case.Title))
	line("\nCase %s, authority: %s, operator: %s.", env.Case.ID, markdown(env.Case.Authority), markdown(env.Operator))
	line("\n## What happened to %s\n", markdown(function))
	for _, s := range story.Steps {
		line("- %s %s (events %s)", s.From.UTC().Format("2006-01-02 15:04:05Z"), markdown(s.Text), markdown(strings.Join(s.Events, ", ")))
	}
	if story.Left > 0 {
		line("- %d further steps: see the timeline", story.Left)
	}
	line("\n## What was done\n")
	for _, s := range standing {
		line("- %s on %s: %s since %s", s.Act, markdown(s.Resource), s.State, s.Since.UTC().Format("2006-01-02 15:04:05Z"))
	}
	line("\n## What this case does not hold\n")
	gaps := len(story.Summary.Gaps)
	for _, g := range story.Summary.Gaps {
		line("- not told above: %s", markdown(strings.Join([]string{g.Artefact, g.Source, g.State, g.Why}, " ")))
	}
	if n := story.Summary.Skips; n > 0 {
		gaps++
		line("- not told above: %d records could not be read", n)
	}
	for bag, err := range env.Case.Bags(ctx) {
		if err == nil && bag.Header().Kind == evidence.KindPlaybook {
			continue // it holds what was done, not what was seen
		}
		if err != nil || !bag.Sealed() {
			line("- %s: unfinished or unreadable", bag.ID())
			continue
		}
		entries, err := bag.Coverage(ctx)
		if err != nil {
			return nil, fmt.Errorf("reading the coverage of %s: %w", bag.ID(), err)
		}
		for _, e := range entries {
			if !e.State.Complete() {
				gaps++
				line("- %s of %s: %s", e.Artefact, markdown(e.Source.ARN+" "+e.Source.Qualifier), e.State)
			}
		}
	}
	if gaps == 0 {
		line("- no gaps: everything that was asked for was collected")
	}
	return b.Bytes(), nil
}

// markdown keeps text from the account from being read as Markdown or HTML, or by a terminal,
// and an address in it from becoming a link by itself.
func markdown(s string) string {
	var b strings.Builder
	text := safetext.Escape(s)
	for i, r := range text {
		links := r == ':' && strings.HasPrefix(text[i:], "://") || r == '.' && i >= 3 && strings.EqualFold(text[i-3:i], "www")
		if links || strings.ContainsRune("\\`*_{}[]()<>#+!|&~", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
