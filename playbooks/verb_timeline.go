package playbooks

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

// timelineVerb builds the timeline from the case and keeps it there.
func timelineVerb() Verb {
	return Verb{
		Name: "timeline", About: "build the timeline from the case alone, and keep it there",
		Class: Offline,
		With: []Param{
			{Name: "function", Type: Text, About: "limit it to what concerns this function"},
			{Name: "since", Type: Duration, About: "how far back"},
		},
		Gives: []Param{{Name: "path", Type: Text, About: "where in the case it lies"}},
		Run:   runTimeline,
	}
}

func runTimeline(ctx context.Context, env *Env, a Args) (Result, error) {
	o := timeline.Options{Format: "jsonl", Filter: timeline.Filter{Function: arg[string](a, "function")}}
	if since := arg[time.Duration](a, "since"); since > 0 {
		o.Since = env.Now().Add(-since)
	}
	d, sum, err := KeepTimeline(ctx, env.Case, env.Operator, o)
	if err != nil {
		return Result{}, err
	}
	return Result{
		Values:  map[string]any{"path": d.Files[0].Path},
		Gaps:    len(sum.Gaps) + int(sum.Skips),
		Summary: fmt.Sprintf("%d events in %s", sum.Events, d.Files[0].Path),
	}, nil
}

// KeepTimeline builds a timeline as o says and stores it under derived/, citing what it was made from.
func KeepTimeline(ctx context.Context, c *evidence.Case, actor string, o timeline.Options) (evidence.Derived, timeline.Summary, error) {
	f, err := timeline.FormatNamed(o.Format)
	if err != nil {
		return evidence.Derived{}, timeline.Summary{}, err
	}
	// The inputs are cited in derived.json, which is written first: a pass that only counts finds them.
	found, err := timeline.Events(ctx, o, timeline.Input{Case: c}, func(*timeline.Event) error { return nil })
	if err != nil {
		return evidence.Derived{}, found, fmt.Errorf("reading the case for a timeline: %w", err)
	}
	var sum timeline.Summary
	d, err := c.Derive(ctx, evidence.Derived{Kind: "timeline", Actor: actor, Inputs: found.Inputs, Params: map[string]string{"format": o.Format, "function": o.Function}},
		evidence.File{Name: "timeline" + f.Ext, Write: func(w io.Writer) error {
			var err error
			sum, err = timeline.Build(ctx, o, timeline.Input{Case: c}, w)
			return err
		}})
	if err != nil {
		return d, sum, fmt.Errorf("keeping the timeline: %w", err)
	}
	return d, sum, nil
}
