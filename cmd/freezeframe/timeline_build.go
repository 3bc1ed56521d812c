package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/durable"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/timeline"
	"github.com/freezeframe-ir/freezeframe/timeline/lineage"
)

func timelineFlags() []cli.Flag {
	var names []string
	for _, f := range timeline.Formats() {
		names = append(names, f.Name)
	}
	return []cli.Flag{
		&cli.StringFlag{Name: "format", Usage: strings.Join(names, ", "), Value: names[0]},
		&cli.StringFlag{Name: "out", Usage: "write to this new file (private, 0600) instead of stdout"},
		&cli.StringFlag{Name: "where", Usage: "keep the events that fit: 'action ~ ^Update and not principal in (olive, \"ci bot\")'"},
		&cli.StringFlag{Name: "columns", Usage: "fields to show, separated by commas; for table, csv and jsonl"},
		&cli.BoolFlag{Name: "collapse", Usage: "one line for calls that repeat each other, with their number; by itself every event has its line"},
		&cli.DurationFlag{Name: "collapse-window", Usage: "how long such a line may last (implies --collapse)", Value: timeline.CollapseWindow},
		&cli.StringFlag{Name: "baseline-until", Usage: "tag what a principal does for the first time since this moment: first-seen-action, -address, -agent, -region (RFC 3339, or a duration back from now)"},
		&cli.DurationFlag{Name: "baseline", Usage: "the same, held against the first part of the records, as long as this (168h)"},
		&cli.BoolFlag{Name: "local", Usage: "local times, for table; files are in UTC"},
	}
}

func timelineHelp() string {
	var b strings.Builder
	b.WriteString("freezeframe timeline build --function payments --since 72h\n" +
		"freezeframe timeline build --where 'outcome = denied and not tags = own-call' --columns time,principal,action\n" +
		"freezeframe timeline build --format timesketch --out case.jsonl\n" +
		"freezeframe timeline build ./cloudtrail-files   (without a case)\n" +
		"freezeframe timeline build --source athena --table audit.cloudtrail --output-location s3://BUCKET/PREFIX --function payments   (records are asked for there, and land in the case)\n\nFormats:\n")
	for _, f := range timeline.Formats() {
		fmt.Fprintf(&b, "  %-15s %s\n", f.Name, f.About)
	}
	b.WriteString("\nFilter: FIELD = VALUE, != VALUE, ~ REGEXP, in (VALUE, ...), joined by and, or, not and parentheses.\nFields, of filter and columns (docs/timeline.md says what they are):\n ")
	line := 0
	for _, f := range timeline.Fields() {
		if line += len(f.Name) + 1; line > 100 {
			b.WriteString("\n ")
			line = len(f.Name) + 1
		}
		b.WriteString(" " + f.Name)
	}
	return b.String()
}

// timelineFile is a timeline that was written to a file.
type timelineFile struct {
	Schema  string           `json:"schema"`
	Path    string           `json:"path"`
	Format  string           `json:"format"`
	SHA256  string           `json:"sha256"`
	Summary timeline.Summary `json:"summary"`
}

func (p *program) buildTimeline(c *cli.Context) error {
	view, err := p.timelineView(c)
	if err != nil {
		return err
	}
	if done, err := p.askEngine(c); done || err != nil {
		return err
	}
	o, in, err := p.timelineInput(c)
	if err != nil {
		return err
	}
	o.Format, o.Where, o.Columns, o.Local, o.Width = view.Format, view.Where, view.Columns, view.Local, view.Width
	o.Collapse, o.Baseline, o.BaselineUntil = view.Collapse, view.Baseline, view.BaselineUntil
	if o.Told, err = toldFor(c, o, in); err != nil {
		return err
	}
	if c.String("out") == "" {
		sum, err := timeline.Build(c.Context, o, in, p.s.Out)
		if err != nil {
			return err
		}
		return p.timelineEnd(c, in, o, sum, nil)
	}
	done, err := writeTimeline(c, o, in)
	if err != nil {
		return err
	}
	if err := p.s.Show(done, func(t *ui.Printer) { t.Line("%s: %s, sha256 %s", done.Path, done.Format, done.SHA256) }); err != nil {
		return err
	}
	return p.timelineEnd(c, in, o, done.Summary, done)
}

// toldFor is the function's story, for a format that has a place for it: the records are
// read twice then.
func toldFor(c *cli.Context, o timeline.Options, in timeline.Input) (*timeline.Told, error) {
	f, err := timeline.FormatNamed(o.Format)
	if err != nil || !f.Story || o.Function == "" {
		return nil, err
	}
	o.Where, o.Columns = "", nil // what the view leaves out is part of the story
	story, err := lineage.Tell(c.Context, o, in)
	if errors.Is(err, lineage.ErrAmbiguous) {
		return nil, ui.Usage("%w", err)
	}
	if err != nil {
		return nil, err
	}
	return story.Told(), nil
}

// timelineView is how the timeline is to look, checked before anything is read.
func (p *program) timelineView(c *cli.Context) (timeline.Options, error) {
	o := timeline.Options{Format: c.String("format"), Where: c.String("where")}
	out := c.String("out")
	if p.s.JSON && out == "" { // with --out, the summary is what is printed
		if c.IsSet("format") && o.Format != "jsonl" {
			return o, ui.UsageHint("freezeframe timeline build --format "+o.Format+" --out FILE --json", "--json prints jsonl; another format goes into a file")
		}
		o.Format = "jsonl"
	}
	if c.IsSet("columns") {
		for name := range strings.SplitSeq(c.String("columns"), ",") {
			o.Columns = append(o.Columns, strings.TrimSpace(name))
		}
	}
	if c.Bool("local") {
		o.Local = time.Local
	}
	if err := collapseAndBaseline(c, &o); err != nil {
		return o, err
	}
	if p.s.OutTTY && out == "" {
		o.Width = p.s.Width
	}
	if err := o.Check(); err != nil {
		return o, err
	}
	f, err := timeline.FormatNamed(o.Format)
	switch {
	case err != nil:
		return o, err
	case f.Binary && out == "" && p.s.OutTTY:
		return o, ui.UsageHint("freezeframe timeline build --format "+f.Name+" --out FILE"+f.Ext, "%s is no text; it is not written to a terminal", f.Name)
	case f.ByExt && out != "" && !strings.HasSuffix(out, f.Ext):
		return o, ui.UsageHint("freezeframe timeline build --format "+f.Name+" --out FILE"+f.Ext, "--out %s: whoever imports %s goes by the ending %s", out, f.Name, f.Ext)
	}
	if out == "" {
		return o, nil
	}
	if _, err := os.Lstat(out); err == nil { // Commit would refuse it too, after all has been read
		return o, ui.UsageHint("freezeframe timeline build --out ANOTHER", "--out %s: there is something of that name already", out)
	}
	return o, nil
}

func collapseAndBaseline(c *cli.Context, o *timeline.Options) error {
	if c.Bool("collapse") || c.IsSet("collapse-window") {
		if o.Collapse = c.Duration("collapse-window"); o.Collapse <= 0 {
			return ui.UsageHint("freezeframe timeline build --collapse-window 5m", "--collapse-window %s: a line lasts for some time", o.Collapse)
		}
	}
	if o.Baseline = c.Duration("baseline"); c.IsSet("baseline") && o.Baseline <= 0 {
		return ui.UsageHint("freezeframe timeline build --baseline 168h", "--baseline %s: a baseline lasts for some time", o.Baseline)
	}
	var err error
	if o.BaselineUntil, err = moment(c.String("baseline-until"), time.Now()); err != nil {
		return ui.Usage("--baseline-until %w", err)
	}
	if o.Baseline > 0 && !o.BaselineUntil.IsZero() {
		return ui.UsageHint("freezeframe timeline build --baseline 168h", "--baseline and --baseline-until are two ways to say when the baseline ends: give one")
	}
	return nil
}

// writeTimeline makes a new, private file that is there only when it is whole.
func writeTimeline(c *cli.Context, o timeline.Options, in timeline.Input) (*timelineFile, error) {
	path, err := filepath.Abs(c.String("out"))
	if err != nil {
		return nil, fmt.Errorf("--out: %w", err)
	}
	file, err := durable.Create(path, 0o600)
	if err != nil {
		return nil, ui.Usage("--out: %w", err)
	}
	defer file.Discard() //nolint:errcheck // after Commit it does nothing; before, the error is told already
	hash := sha256.New()
	sum, err := timeline.Build(c.Context, o, in, io.MultiWriter(file, hash))
	if err != nil {
		return nil, err
	}
	if err := file.Commit(); err != nil {
		return nil, ui.UsageHint("freezeframe timeline build --out ANOTHER", "--out %s: %w", path, err)
	}
	return &timelineFile{"freezeframe/timeline/v1", path, o.Format, hex.EncodeToString(hash.Sum(nil)), sum}, nil
}

// timelineRecord is what the ledger keeps of an analysis: what was looked for, and what came out.
func timelineRecord(o timeline.Options, sum timeline.Summary, file *timelineFile) evidence.Event {
	e := evidence.Event{Type: evidence.EventAnalyse, Actor: localUser(), Reason: "timeline printed",
		Data: map[string]string{"format": o.Format, "function": o.Function, "events": fmt.Sprint(sum.Events)}}
	if o.Where != "" {
		e.Data["where"] = o.Where
	}
	if file != nil {
		e.Reason = "timeline written to a file"
		e.Data["sha256"] = file.SHA256
	}
	return e
}
