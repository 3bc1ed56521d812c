package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

// How much of each list a ticket gets: the page has the rest.
const (
	ticketTurns = 60
	ticketGaps  = 40
)

// Markdown writes the report for a ticket.
func (d *Data) Markdown(w io.Writer) error {
	m := &ticket{}
	if d.Case.Exercise != "" {
		m.line("**EXERCISE %s**: nothing in this report is real\n", safetext.Markdown(d.Case.Exercise))
	}
	m.line("# %s\n", safetext.Markdown(d.Case.Title))
	m.line("Case %s, authority: %s, operator: %s. As of %s, made by %s.", safetext.Markdown(d.Case.ID), safetext.Markdown(d.Case.Authority), safetext.Markdown(d.Case.Operator), stamp(d.AsOf), safetext.Markdown(d.Tool))
	m.line("\n## Summary\n")
	for _, l := range d.Summary.Lines {
		m.line("- %s", safetext.Markdown(l))
	}
	m.line("")
	for _, x := range d.Measures {
		m.line("- **%s** %s: %s (%s)", safetext.Markdown(x.Name), safetext.Markdown(x.Value), safetext.Markdown(x.About), safetext.Markdown(x.Basis))
	}
	m.people(d)
	m.turns(d)
	m.state(d)
	m.missing(d)
	m.practices(d.Practices)
	if _, err := w.Write(m.b.Bytes()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

type ticket struct{ b bytes.Buffer }

func (m *ticket) line(format string, args ...any) { fmt.Fprintf(&m.b, format+"\n", args...) }

func (m *ticket) people(d *Data) {
	if len(d.Suspects) == 0 {
		return
	}
	m.line("\n## Who, and how they got in\n")
	for _, s := range d.Suspects {
		m.line("- suspected: %s from %s, keys %s, %d calls from %s to %s, on %s", safetext.Markdown(s.Who), safetext.Markdown(s.Address), safetext.Markdown(strings.Join(s.Keys, ", ")), s.Calls, stamp(s.First), stamp(s.Last), safetext.Markdown(s.Function))
		for _, r := range s.Reasons {
			m.line("  - %s (%s, weight %d; records %s)", safetext.Markdown(r.Text), safetext.Markdown(r.Rule), r.Weight, safetext.Markdown(strings.Join(r.Events, ", ")))
		}
	}
	for _, e := range d.Entries {
		m.line("- how they got in: %s", safetext.Markdown(e.Text))
	}
	for _, f := range d.Standing {
		state := "still there"
		if f.By != "" {
			state = "closed by " + safetext.Markdown(f.By)
		}
		m.line("- %s: %s, by %s, %s (record %s)", state, safetext.Markdown(f.What), safetext.Markdown(f.Who), stamp(f.At), safetext.Markdown(f.Event))
	}
}

func (m *ticket) turns(d *Data) {
	m.line("\n## What happened\n")
	turns, left := d.Turns, d.TurnsLeft
	if over := len(turns) - ticketTurns; over > 0 {
		turns, left = turns[:ticketTurns], left+over
	}
	for _, t := range turns {
		sign := ""
		if t.Sign {
			sign = "**looks hostile** "
		}
		m.line("- %s %s%s (events %s)", stamp(t.From), sign, safetext.Markdown(t.Text), safetext.Markdown(strings.Join(t.Events, ", ")))
	}
	if left > 0 {
		m.line("- %d further steps: see the timeline", left)
	}
	if len(turns) == 0 {
		m.line("- the case holds no change to a function, and no use of its credentials elsewhere")
	}
}

func (m *ticket) state(d *Data) {
	m.line("\n## What was done, and what is open\n")
	for _, a := range d.acts {
		m.line("- %s on %s: %s since %s", safetext.Markdown(a.Act), safetext.Markdown(a.Resource), safetext.Markdown(a.State), stamp(a.Since))
	}
	if len(d.acts) == 0 {
		m.line("- nothing is contained")
	}
	if d.Brief.ActsErr != "" {
		m.line("- not all is known: %s", safetext.Markdown(d.Brief.ActsErr))
	}
	for _, o := range d.Brief.Open {
		m.line("- open: %s", safetext.Markdown(o.What))
	}
	for _, x := range d.Brief.Deadlines {
		if !x.Held && !x.Passed && !x.At.IsZero() {
			m.line("- expires %s: %s (%s)", stamp(x.At), safetext.Markdown(x.What), safetext.Markdown(x.Basis))
		}
	}
}

func (m *ticket) missing(d *Data) {
	m.line("\n## What this case does not hold\n")
	v := d.Coverage
	for _, s := range v.Unread {
		m.line("- not told above: %s", safetext.Markdown(s))
	}
	if v.Skips > 0 {
		m.line("- not told above: %d records could not be read", v.Skips)
	}
	for _, b := range d.Bags {
		if b.Status == "unfinished" && b.Kind != "playbook" { // that one holds what was done, and may go on
			m.line("- %s: unfinished", safetext.Markdown(b.ID))
		}
	}
	for _, g := range v.Gaps[:min(len(v.Gaps), ticketGaps)] {
		m.line("- %s of %s: %s %s", safetext.Markdown(g.Artefact), safetext.Markdown(g.Source), safetext.Markdown(g.State), safetext.Markdown(g.Why))
	}
	if n := d.Gaps - min(len(v.Gaps), ticketGaps); n > 0 {
		m.line("- %d further gaps", n)
	}
	for _, s := range v.CannotSee {
		m.line("- %s", safetext.Markdown(s))
	}
	for _, s := range v.Limits {
		m.line("- %s", safetext.Markdown(s))
	}
	if d.Gaps == 0 && v.Skips == 0 && len(v.Unread) == 0 {
		m.line("- no gaps: everything that was asked for was collected")
	}
}

func (m *ticket) practices(p *Practices) {
	m.line("\n## Practices\n")
	if p == nil {
		m.line("Not assessed.")
		return
	}
	m.line("| area | pass | fail | unknown | not applicable |\n|---|---|---|---|---|")
	for _, a := range p.Areas {
		m.line("| %s | %d | %d | %d | %d |", safetext.Markdown(a.Name), a.Pass, a.Fail, a.Unknown, a.NotApplicable)
	}
	m.line("")
	for _, c := range p.Failing {
		m.line("- %s (%s) %s: %s", safetext.Markdown(c.ID), safetext.Markdown(c.Severity), safetext.Markdown(c.Target), safetext.Markdown(c.Seen))
		for _, r := range c.Repair {
			m.line("  - %s", safetext.Markdown(r))
		}
	}
}
