package report

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/safetext"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

// ErrForm: no form of that name.
var ErrForm = errors.New("unknown form of a report")

// Form is one way to write a report.
type Form struct {
	Name, Ext, About string
	Write            func(ctx context.Context, d *Data, c *evidence.Case, w io.Writer) error
}

// Forms lists them, the usual one first.
func Forms() []Form {
	return []Form{
		{"html", ".html", "one file for a browser, that needs nothing else", func(_ context.Context, d *Data, _ *evidence.Case, w io.Writer) error { return d.HTML(w) }},
		{"md", ".md", "Markdown, for a ticket", func(_ context.Context, d *Data, _ *evidence.Case, w io.Writer) error { return d.Markdown(w) }},
		{"stix", ".json", "a STIX 2.1 bundle of the suspects' indicators and the records that they rest on", func(ctx context.Context, d *Data, c *evidence.Case, w io.Writer) error { return d.STIX(ctx, c, w) }},
		{"json", ".json", "all that the report says, for programs", func(_ context.Context, d *Data, _ *evidence.Case, w io.Writer) error { return d.JSON(w) }},
	}
}

// FormNamed finds a form; "" is the first.
func FormNamed(name string) (Form, error) {
	all := Forms()
	if name == "" {
		return all[0], nil
	}
	names := make([]string, 0, len(all))
	for _, f := range all {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return Form{}, fmt.Errorf("%w %q: one of %s is wanted", ErrForm, name, strings.Join(names, ", "))
}

// JSON writes the report for programs.
func (d *Data) JSON(w io.Writer) error {
	e := json.NewEncoder(safetext.JSON(w))
	e.SetIndent("", " ")
	if err := e.Encode(d); err != nil {
		return fmt.Errorf("writing the report as JSON: %w", err)
	}
	return nil
}

// maxCitedEvents bounds the records that go into a bundle.
const maxCitedEvents = 500

// STIX writes what rules suspect as indicators, with the records that they rest on and what
// cannot be seen: the timeline's own form of STIX, of those records alone.
func (d *Data) STIX(ctx context.Context, c *evidence.Case, w io.Writer) error {
	told := timeline.Told{}
	var cited []string
	for _, s := range d.stories {
		t := s.Told()
		told.Suspects, told.Standing = append(told.Suspects, t.Suspects...), append(told.Standing, t.Standing...)
		for _, l := range t.Limits {
			if !slices.Contains(told.Limits, l) {
				told.Limits = append(told.Limits, l)
			}
		}
		for _, a := range t.Suspects {
			cited = append(cited, a.Events...)
		}
		for _, f := range t.Standing {
			cited = append(cited, f.Event)
		}
	}
	names := make([]string, 0, len(d.stories))
	for _, s := range d.stories {
		names = append(names, s.Function)
	}
	told.Function = strings.Join(names, ", ")
	slices.Sort(cited)
	// An id that no filter can name is one that CloudTrail does not write.
	cited = slices.DeleteFunc(slices.Compact(cited), func(id string) bool { return id == "" || safetext.Hides(id) || strings.ContainsAny(id, "\n\r\t") })
	if over := len(cited) - maxCitedEvents; over > 0 {
		cited = cited[:maxCitedEvents]
		told.Limits = append(told.Limits, fmt.Sprintf("%d further records that suspicion rests on are not in this bundle: freezeframe timeline build --format stix has all", over))
	}
	masked := &lineMasker{w: w}
	o := timeline.Options{Format: "stix", Where: "event_id in (" + quoted(cited) + ")", Told: &told}
	if _, err := timeline.Build(ctx, o, timeline.Input{Case: c}, safetext.JSON(masked)); err != nil {
		return fmt.Errorf("writing the bundle: %w", err)
	}
	return masked.end()
}

// lineMasker takes out of each line what looks like a secret: a bundle has an object a line.
type lineMasker struct {
	w    io.Writer
	rest []byte
}

func (m *lineMasker) Write(p []byte) (int, error) {
	m.rest = append(m.rest, p...)
	for {
		i := bytes.IndexByte(m.rest, '\n')
		if i < 0 {
			return len(p), nil
		}
		if _, err := io.WriteString(m.w, mask(string(m.rest[:i+1]))); err != nil {
			return 0, err
		}
		m.rest = m.rest[i+1:]
	}
}

func (m *lineMasker) end() error {
	if _, err := io.WriteString(m.w, mask(string(m.rest))); err != nil {
		return fmt.Errorf("writing the bundle: %w", err)
	}
	return nil
}

// quoted is a list of values as a filter takes it; of none, one that no event has.
func quoted(all []string) string {
	if len(all) == 0 {
		return `"none"`
	}
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	out := make([]string, 0, len(all))
	for _, s := range all {
		out = append(out, `"`+escape.Replace(s)+`"`)
	}
	return strings.Join(out, ", ")
}

// File is the report in one form, as the case keeps it.
func (d *Data) File(ctx context.Context, c *evidence.Case, f Form) evidence.File {
	return evidence.File{Name: "report" + f.Ext, Write: func(w io.Writer) error { return f.Write(ctx, d, c, w) }}
}

// Kept is a report that is written already, as the case keeps it.
func Kept(f Form, text []byte) evidence.File {
	return evidence.File{Name: "report" + f.Ext, Write: func(w io.Writer) error { _, err := w.Write(text); return err }}
}
