package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/internal/vault/archive"
	"github.com/freezeframe-ir/freezeframe/timeline"
	"github.com/freezeframe-ir/freezeframe/timeline/lineage"
)

func (p *program) timelineCommand() *cli.Command {
	filter := []cli.Flag{
		&cli.StringFlag{Name: "since", Usage: "first moment, RFC 3339, or a duration back from now (72h)"},
		&cli.StringFlag{Name: "until", Usage: "moment after the last, RFC 3339, or a duration back from now"},
		&cli.StringFlag{Name: "function", Usage: "name or ARN: what concerns this function, its role and its keys"},
	}
	return &cli.Command{
		Name: "timeline", Usage: "who did what, from the case alone (no AWS)",
		Subcommands: []*cli.Command{
			{
				Name: "build", Usage: "print the timeline: sorted, deduplicated, normalised",
				ArgsUsage:   "[PATH...]",
				Description: "freezeframe timeline build --function payments --since 72h\nfreezeframe timeline build --format timesketch > case.jsonl\nfreezeframe timeline build ./cloudtrail-files   (without a case)",
				Flags:       append([]cli.Flag{&cli.StringFlag{Name: "format", Usage: "table, jsonl or timesketch", Value: "table"}}, filter...),
				Action:      p.buildTimeline,
			},
			{
				Name: "story", Usage: "one function: its changes, who is suspected and why, how they got in, what its credentials did, what is left",
				ArgsUsage:   "[PATH...]",
				Description: "freezeframe timeline story --function payments\nPATH... are CloudTrail files; with --case the case is read too, and code is looked up in it.\n\"Suspected\" is said by rules, each shown with its weight and the ids of its records.",
				Flags:       filter,
				Action:      p.tellStory,
			},
			p.lineageCommand(),
		},
	}
}

func (p *program) buildTimeline(c *cli.Context) error {
	o, in, err := p.timelineInput(c)
	if err != nil {
		return err
	}
	o.Format, o.Width = c.String("format"), 0
	if p.s.OutTTY {
		o.Width = p.s.Width
	}
	if p.s.JSON {
		o.Format = "jsonl"
	}
	sum, err := timeline.Build(c.Context, o, in, p.s.Out)
	if err != nil {
		return err
	}
	return p.timelineEnd(c, in, o, sum)
}

func (p *program) tellStory(c *cli.Context) error {
	o, in, err := p.timelineInput(c)
	if err != nil {
		return err
	}
	if o.Function == "" {
		return ui.UsageHint("freezeframe timeline story --function NAME", "a story is that of one function")
	}
	if err := p.caseToo(c, &in); err != nil {
		return err
	}
	story, err := lineage.Tell(c.Context, o, in)
	if errors.Is(err, lineage.ErrAmbiguous) {
		return ui.Usage("%w", err)
	}
	if err != nil {
		return err
	}
	if p.s.JSON {
		if err := p.s.Show(story, nil); err != nil {
			return err
		}
	} else if err := story.Text(p.s.Out, p.s.Width); err != nil {
		return err
	}
	return p.timelineEnd(c, in, o, story.Summary)
}

func (p *program) timelineInput(c *cli.Context) (timeline.Options, timeline.Input, error) {
	now := time.Now()
	o := timeline.Options{Filter: timeline.Filter{Function: c.String("function")}}
	var err error
	if o.Since, err = moment(c.String("since"), now); err != nil {
		return o, timeline.Input{}, ui.Usage("--since %w", err)
	}
	if o.Until, err = moment(c.String("until"), now); err != nil {
		return o, timeline.Input{}, ui.Usage("--until %w", err)
	}
	progress := p.s.Progress("reading")
	o.Progress = func(x timeline.Progress) { progress.Update(int(x.Events), 0, x.Bytes, "") }
	in := timeline.Input{Paths: c.Args().Slice()}
	if len(in.Paths) == 0 {
		if in.Case, err = p.openCase(c); err != nil {
			return o, in, err
		}
	}
	return o, in, nil
}

// moment reads RFC 3339, a date, or a duration back from now; "" is the zero time.
func moment(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(form, s); err == nil {
			return t, nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(-d.Abs()), nil
	}
	return time.Time{}, fmt.Errorf("%q is neither RFC 3339 (2026-01-31T03:00:00Z), a date, nor a duration (72h)", s)
}

// timelineEnd says on stderr what the timeline does not show, and records in the case that it was read.
func (p *program) timelineEnd(c *cli.Context, in timeline.Input, o timeline.Options, sum timeline.Summary) error {
	if in.Case != nil {
		err := in.Case.Record(c.Context, evidence.Event{Type: evidence.EventAnalyse, Actor: localUser(), Reason: "timeline printed",
			Data: map[string]string{"format": o.Format, "function": o.Function, "events": fmt.Sprint(sum.Events)}})
		switch {
		case errors.Is(err, archive.ErrReadOnly):
			p.s.Warn("that it was read is not recorded: an exported case takes no events (freezeframe case import)")
		case err != nil:
			return fmt.Errorf("recording the analysis in the ledger: %w", err)
		}
	}
	if !p.s.Quiet {
		fmt.Fprintf(p.s.Err, "%s, %s read, %s dropped\n", ui.Plural(int(sum.Events), "event"), ui.Plural(int(sum.Read), "record"), ui.Plural(int(sum.Duplicates), "duplicate"))
	}
	p.tellMissing(sum)
	if sum.Skips > 0 {
		return ui.Incomplete("", "%s could not be read", ui.Plural(int(sum.Skips), "record"))
	}
	if len(sum.Gaps) > 0 {
		return ui.Incomplete("freezeframe collect --function NAME", "%s in what the case holds", ui.Plural(len(sum.Gaps), "gap"))
	}
	return nil
}

func (p *program) tellMissing(sum timeline.Summary) {
	for _, s := range sum.Skipped {
		p.s.Warn("not read: %s:%d: %s", s.Path, s.Line, s.Reason)
	}
	for _, g := range sum.Gaps {
		p.s.Warn("not in the case: %s %s: %s %s", g.Artefact, g.Source, g.State, g.Why)
	}
}
