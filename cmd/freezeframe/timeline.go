package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/finding"
	"github.com/freezeframe-ir/freezeframe/internal/safetext"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/timeline"
	"github.com/freezeframe-ir/freezeframe/timeline/lineage"
)

func (p *program) timelineCommand() *cli.Command {
	filter := []cli.Flag{
		&cli.StringFlag{Name: "since", Usage: "first moment, RFC 3339, or a duration back from now (72h)"},
		&cli.StringFlag{Name: "until", Usage: "moment after the last, RFC 3339, or a duration back from now"},
		&cli.BoolFlag{Name: "no-validation", Usage: "do not hold CloudTrail's log files in the case against its digests (they are read once more for it)"},
		&cli.StringFlag{Name: "function", Usage: "name or ARN: what concerns this function, its role and its keys"},
		&cli.StringSliceFlag{Name: "rules", Usage: "folder or file of Sigma rules, or 'builtin' (may be repeated): they annotate the events that they hit, and leave none out"},
		placeholdersFlag(),
	}
	return &cli.Command{
		Name: "timeline", Usage: "who did what, from the case alone (no AWS)",
		Subcommands: []*cli.Command{
			{
				Name: "build", Usage: "print the timeline: sorted, deduplicated, normalised",
				ArgsUsage:   "[PATH...]   (files, folders, zip and tar archives)",
				Description: timelineHelp(),
				Flags:       slices.Concat(timelineFlags(), filter, queryFlags()),
				Action:      p.buildTimeline,
			},
			{
				Name: "pivot", Usage: "print the CloudTrail records that name a function, role, key or address, as they were logged",
				ArgsUsage:   "VALUE [PATH...]",
				Description: "freezeframe timeline pivot AKIAIOSFODNN7EXAMPLE ./trail-bucket > key.jsonl\nfreezeframe timeline build key.jsonl   (their timeline)\n\nFiles that do not hold the value are inflated, not parsed: malformed records in them are reported by timeline build alone.",
				Action:      p.pivot,
			},
			{
				Name: "story", Usage: "one function: its changes, who is suspected and why, how they got in, what its credentials did, what is left",
				ArgsUsage:   "[PATH...]",
				Description: "freezeframe timeline story --function payments\nPATH... are CloudTrail files; with --case the case is read too, and code is looked up in it.\n\"Suspected\" is said by rules, each shown with its weight and the ids of its records.",
				Flags:       append([]cli.Flag{findingsFlag()}, filter...),
				Action:      p.tellStory,
			},
			p.lineageCommand(),
			p.validateTimelineCommand(),
		},
	}
}

func (p *program) pivot(c *cli.Context) error {
	if c.NArg() == 0 {
		return ui.UsageHint("freezeframe timeline pivot VALUE [PATH...]", "the value to look for is missing: the name of a function or role, an ARN, an access key, an address")
	}
	in := timeline.Input{Paths: c.Args().Tail()}
	if len(in.Paths) == 0 {
		var err error
		if in.Case, err = p.openCase(c); err != nil {
			return err
		}
	}
	sum, err := timeline.Pivot(c.Context, timeline.Options{}, in, c.Args().First(), safetext.JSON(p.s.Out))
	if err != nil {
		return err
	}
	if err := p.recordAnalysis(c, in.Case, "timeline printed", map[string]string{"pivot": c.Args().First(), "records": fmt.Sprint(sum.Records)}); err != nil {
		return err
	}
	if !p.s.Quiet {
		fmt.Fprintf(p.s.Err, "%s in %d of %s\n", ui.Plural(int(sum.Records), "record"), sum.Named, ui.Plural(int(sum.Files), "file"))
		for _, x := range sum.Covered {
			fmt.Fprintf(p.s.Err, "read: %s %s, %s delivered from %s to %s\n", x.Account, x.Region, ui.Plural(x.Files, "file"), x.From.Format(time.RFC3339), x.To.Format(time.RFC3339))
		}
	}
	for _, s := range sum.Skipped {
		p.s.Warn("not read: %s:%d: %s", s.Path, s.Line, s.Reason)
	}
	if sum.Skips > 0 {
		return ui.Incomplete("", "%s could not be read", ui.Plural(int(sum.Skips), "file or record"))
	}
	return nil
}

func (p *program) tellStory(c *cli.Context) error {
	o, in, err := p.timelineInput(c)
	if err != nil {
		return err
	}
	if o.Function == "" {
		return ui.UsageHint("freezeframe timeline story --function NAME", "a story is that of one function")
	}
	if err := findingsFree(c); err != nil {
		return err
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
	found := finding.File{Of: story.Function, LeftOut: story.MadeLeft, Findings: append(slices.Clone(story.Standing), story.Undone...)}
	slices.SortStableFunc(found.Findings, func(a, b finding.Finding) int { return a.At.Compare(b.At) })
	if err := p.writeFindings(c, in, found); err != nil {
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
	err := p.timelineRules(c, &o)
	if err != nil {
		return o, timeline.Input{}, err
	}
	if o.Since, err = moment(c.String("since"), now); err != nil {
		return o, timeline.Input{}, ui.Usage("--since %w", err)
	}
	if o.Until, err = moment(c.String("until"), now); err != nil {
		return o, timeline.Input{}, ui.Usage("--until %w", err)
	}
	o.Validate = !c.Bool("no-validation")
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
	e := timelineRecord(o, sum, file)
	if err := p.recordAnalysis(c, in.Case, e.Reason, e.Data); err != nil {
		return err
	}
	if !p.s.Quiet {
		left := ""
		if sum.LeftOut > 0 {
			left = fmt.Sprintf(", %d left out by the filter", sum.LeftOut)
		}
		if sum.Collapsed > 0 {
			left += fmt.Sprintf(", %d collapsed into the lines of others", sum.Collapsed)
		}
		fmt.Fprintf(p.s.Err, "%s, %s read, %s dropped%s\n", ui.Plural(int(sum.Events), "event"), ui.Plural(int(sum.Read), "record"), ui.Plural(int(sum.Duplicates), "duplicate"), left)
	}
	p.tellBaseline(sum.Baseline)
	if sum.RuleRepeats > 0 {
		p.s.Warn("correlations went on holding at %s that have no line of their own: a line comes once a span", ui.Plural(int(sum.RuleRepeats), "moment"))
	}
	if o.Format != "" && o.Format != "table" { // table and story begin with it
		for _, u := range sum.Unseen {
			p.s.Warn("%s", u.Text)
		}
	}
	p.tellMissing(sum)
	if p.rulesRefused > 0 {
		return ui.Incomplete("freezeframe sigma lint "+c.StringSlice("rules")[0], "%s refused: what they would have hit is not marked", ui.Plural(p.rulesRefused, "rule"))
	}
	if sum.Skips > 0 {
		return ui.Incomplete("", "%s could not be read", ui.Plural(int(sum.Skips), "record"))
	}
	if sum.DamagedFiles > 0 {
		return ui.Incomplete("freezeframe timeline validate", "%s of CloudTrail's files damaged", ui.Plural(sum.DamagedFiles, "problem"))
	}
	if len(sum.Gaps) > 0 {
		return ui.Incomplete("freezeframe collect --function NAME", "%s in what the case holds", ui.Plural(len(sum.Gaps), "gap"))
	}
	return nil
}

// tellBaseline says what calls were held against: a tag means nothing without it.
func (p *program) tellBaseline(b *timeline.Baseline) {
	switch {
	case b == nil:
	case b.Events == 0:
		p.s.Warn("the baseline holds no call: everything would be first-seen, so nothing is tagged")
	case !p.s.Quiet:
		fmt.Fprintf(p.s.Err, "baseline: %s in %.1f hours, from %s until %s\n", ui.Plural(int(b.Events), "call"), b.Until.Sub(b.From).Hours(), b.From.Format(time.RFC3339), b.Until.Format(time.RFC3339))
	}
	if b != nil && !b.FullAt.IsZero() {
		p.s.Warn("from %s on nothing is tagged first-seen: more pairs of principal and action, address, user agent or region than the %d that are kept", b.FullAt.Format(time.RFC3339), b.Seen)
	}
}

func (p *program) tellMissing(sum timeline.Summary) {
	for _, s := range sum.Skipped {
		p.s.Warn("not read: %s:%d: %s", s.Path, s.Line, s.Reason)
	}
	if len(sum.HiddenAt) > 0 {
		at := sum.HiddenAt[0].Path
		if line := sum.HiddenAt[0].Line; line > 0 {
			at += fmt.Sprintf(":%d", line)
		}
		p.s.Warn("%s with control, direction or invisible characters, shown escaped; the first is from %s", ui.Plural(int(sum.Hidden), "event"), at)
	}
	for _, g := range sum.Gaps {
		p.s.Warn("not in the case: %s %s: %s %s", g.Artefact, g.Source, g.State, g.Why)
	}
	for _, l := range sum.RuleLosses {
		p.s.Warn("correlation %s: %s without a field of group-by, %s let go for memory before their time was over", l.Rule, ui.Plural(int(l.Ungrouped), "event"), ui.Plural(int(l.Dropped), "event"))
	}
}
