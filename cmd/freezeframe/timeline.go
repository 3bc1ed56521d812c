package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/internal/vault/archive"
	"github.com/freezeframe-ir/freezeframe/timeline"
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
				Description: timelineHelp(),
				Flags:       append(timelineFlags(), filter...),
				Action:      p.buildTimeline,
			},
			{
				Name: "story", Usage: "what was changed about one function, by whom, and what its credentials did",
				ArgsUsage:   "[PATH...]",
				Description: "freezeframe timeline story --function payments",
				Flags:       filter,
				Action:      p.tellStory,
			},
		},
	}
}

func (p *program) tellStory(c *cli.Context) error {
	o, in, err := p.timelineInput(c)
	if err != nil {
		return err
	}
	if o.Function == "" {
		return ui.UsageHint("freezeframe timeline story --function NAME", "a story is that of one function")
	}
	story, err := timeline.Tell(c.Context, o, in)
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
	return p.timelineEnd(c, in, o, story.Summary, nil)
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
func (p *program) timelineEnd(c *cli.Context, in timeline.Input, o timeline.Options, sum timeline.Summary, file *timelineFile) error {
	if in.Case != nil {
		err := in.Case.Record(c.Context, timelineRecord(o, sum, file))
		switch {
		case errors.Is(err, archive.ErrReadOnly):
			p.s.Warn("that it was read is not recorded: an exported case takes no events (freezeframe case import)")
		case err != nil:
			return fmt.Errorf("recording the analysis in the ledger: %w", err)
		}
	}
	if !p.s.Quiet {
		left := ""
		if sum.LeftOut > 0 {
			left = fmt.Sprintf(", %d left out by the filter", sum.LeftOut)
		}
		fmt.Fprintf(p.s.Err, "%s, %s read, %s dropped%s\n", ui.Plural(int(sum.Events), "event"), ui.Plural(int(sum.Read), "record"), ui.Plural(int(sum.Duplicates), "duplicate"), left)
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
