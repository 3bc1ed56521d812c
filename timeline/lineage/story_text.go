package lineage

import (
	"fmt"
	"io"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/finding"
	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

const (
	clock    = "2006-01-02 15:04:05"
	maxLines = 20 // of each part of the text; the data has all
)

// Text writes the story for people. Every line that claims something names a record.
func (s Story) Text(w io.Writer, width int) error {
	if err := s.Story.Text(w, width); err != nil {
		return err
	}
	var b strings.Builder
	s.suspectText(&b)
	s.historyText(&b)
	callsText(&b, "Its credentials at work inside Lambda", s.Inside)
	callsText(&b, "Its credentials at work outside of Lambda", s.Outside)
	madeText(&b, "Made or changed by the suspected, and still there by the records", s.Standing)
	madeText(&b, "Made or changed by the suspected, and taken back or replaced", s.Undone)
	for _, l := range s.Limits {
		line(&b, 0, "Limit: %s", l)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// line writes one escaped line.
func line(b *strings.Builder, deep int, text string, args ...any) {
	b.WriteString(strings.Repeat("  ", deep) + safetext.Escape(fmt.Sprintf(text, args...)) + "\n")
}

func more(b *strings.Builder, n int) {
	if n > 0 {
		line(b, 1, "and %d more, in the JSON form", n)
	}
}

func citation(events []string) string {
	if len(events) == 0 {
		return ""
	}
	if len(events) == 1 {
		return "  [" + events[0] + "]"
	}
	return fmt.Sprintf("  [%s +%d]", events[0], len(events)-1)
}

func (s Story) suspectText(b *strings.Builder) {
	b.WriteString("\n")
	if len(s.Suspects) == 0 {
		line(b, 0, "Suspected: nobody; no use of credentials that concerns the function meets enough of the rules")
	}
	for i, p := range s.Suspects[:min(len(s.Suspects), maxLines)] {
		line(b, 0, "Suspected %d: %s from %s, %s to %s, %d calls, weight %d", i+1, p.Who, p.Address, p.First.Format(clock), p.Last.Format(clock), p.Calls, p.Score)
		if p.CodeHash != "" {
			line(b, 1, "produced code %s%s", p.CodeHash, versions(p.Versions))
		}
		for _, r := range p.Reasons {
			line(b, 1, "%d  %-26s %s%s", r.Weight, r.Rule, r.Text, citation(r.Events))
		}
		for _, h := range p.Lineage[1:] {
			line(b, 1, "<- %s %s from %s: %s (%s)%s", h.Kind, h.Who, orUnknown(h.Address), h.How, h.Sure, citation(h.Events))
		}
	}
	more(b, len(s.Suspects)-maxLines)
	if e := s.Entry; e != nil {
		line(b, 0, "Entry of the first (%s): %s%s", strings.TrimSuffix(e.Kind+", "+string(e.Sure), ", "), e.Text, citation(e.Events))
		for _, t := range e.Traces {
			line(b, 1, "trace: %s %s %s%s", t.Kind, t.Who, t.How, citation(t.Events))
		}
	}
	for _, p := range s.Cleared[:min(len(s.Cleared), maxLines)] {
		var rules []string
		for _, r := range p.Reasons {
			rules = append(rules, fmt.Sprintf("%s (%d)", r.Rule, r.Weight))
		}
		line(b, 0, "Not suspected: %s from %s, weight %d: %s", p.Who, p.Address, p.Score, strings.Join(rules, ", "))
	}
	more(b, len(s.Cleared)-maxLines)
}

func orUnknown(s string) string {
	if s == "" {
		return "an unknown address"
	}
	return s
}

func versions(v []string) string {
	if len(v) == 0 {
		return ", not published as a version"
	}
	return ", published as version " + strings.Join(v, ", ")
}

func (s Story) historyText(b *strings.Builder) {
	line(b, 0, "History of the function:")
	from := max(0, len(s.History)-2*maxLines)
	if from > 0 {
		line(b, 1, "%d earlier ones are in the JSON form", from)
	}
	for _, c := range s.History[from:] {
		text := c.Text
		if len(c.Versions) > 0 && c.What != "version" {
			text += versions(c.Versions)
		}
		if c.Who != "" {
			text += ", by " + c.Who + " from " + orUnknown(c.From)
		}
		switch {
		case c.Code != nil:
			text += "; its code is " + c.Code.Path
		case c.CodeNote != "":
			text += "; its code: " + c.CodeNote
		}
		line(b, 1, "%s  %-13s %s%s", c.At.Format(clock), c.What, text, citation(one(c.Event)))
	}
}

func one(id string) []string {
	if id == "" {
		return nil
	}
	return []string{id}
}

func callsText(b *strings.Builder, title string, all []Calls) {
	line(b, 0, "%s: %d", title, len(all))
	for _, c := range all[:min(len(all), maxLines)] {
		names := c.Actions.Names()
		line(b, 1, "%s  key %s from %s: %d calls (%d refused): %s%s", c.First.Format(clock), c.Key, c.Address, c.Calls, c.Denied,
			strings.Join(names[:min(len(names), 6)], ", "), citation(c.Events))
		line(b, 2, "%s", strings.Join(c.Signs, "; "))
	}
	more(b, len(all)-maxLines)
}

func madeText(b *strings.Builder, title string, all []finding.Finding) {
	if len(all) == 0 {
		return
	}
	line(b, 0, "%s: %d", title, len(all))
	for _, f := range all[:min(len(all), 2*maxLines)] {
		line(b, 1, "%s", madeLine(f))
	}
	more(b, len(all)-2*maxLines)
}

func madeLine(f finding.Finding) string {
	text := fmt.Sprintf("%s  %-8s %s %s", f.At.Format(clock), f.State, f.Kind, f.Name)
	if f.Detail != "" {
		text += " (" + f.Detail + ")"
	}
	if len(f.Admits) > 0 {
		text += ", admits " + strings.Join(f.Admits, ", ")
	}
	text += ", " + f.Change + " by " + f.Who + " from " + f.From + citation(one(f.Event))
	if f.UndoneE != "" {
		text += ", then " + string(f.State) + " by " + f.UndoneW + citation(one(f.UndoneE))
	}
	return text
}
