package timeline

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

// maxLines is how many steps the text shows; the data has all.
const maxLines = 20

// Text writes the story for people: a line a step, each with the id of the first event
// that it rests on. Lines are cut to width columns, but for the id; 0 is unbounded.
func (s Story) Text(w io.Writer, width int) error {
	var b strings.Builder
	fmt.Fprintf(&b, "What the records show about %s (times are UTC)\n", safetext.Escape(s.Function))
	s.unseen(&b)
	shown := s.shown()
	if len(shown) == 0 {
		b.WriteString("  no change to it, no use of its credentials without Lambda's marker\n")
	}
	for _, i := range shown {
		s.Steps[i].line(&b, width)
	}
	if left := len(s.Steps) - len(shown); left > 0 || s.Left > 0 {
		fmt.Fprintf(&b, "  and %d more, in the JSON form\n", left+s.Left)
	}
	s.limits(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// shown picks the steps of the text: all, or the weightiest, in order of time.
func (s Story) shown() []int {
	all := make([]int, len(s.Steps))
	for i := range all {
		all[i] = i
	}
	if len(all) <= maxLines {
		return all
	}
	slices.SortStableFunc(all, func(a, b int) int { return s.Steps[a].weight() - s.Steps[b].weight() })
	all = all[:maxLines]
	slices.Sort(all)
	return all
}

// weight is smaller for what must not be missed.
func (s Step) weight() int {
	w := slices.Index([]Sort{StepCode, StepCredentials, StepClaimed, StepContained, StepURL, StepGrant, StepRole, StepDenied, StepConfig, StepCase}, s.Sort)
	if slices.Contains(s.Tags, TagPublicGrant) {
		return 0
	}
	return w
}

func (s Step) line(b *strings.Builder, width int) {
	text := s.Text
	if s.Sort == StepCredentials && s.Agent != "" {
		text += " with " + cut(s.Agent, 60)
	}
	if s.To.Sub(s.From) >= time.Second {
		text += ", until " + s.To.Format("15:04:05")
	}
	cite := ""
	if len(s.Events) > 0 {
		cite = "  [" + safetext.Escape(cut(s.Events[0], 64))
		if s.Count > 1 {
			cite += fmt.Sprintf(" +%d", s.Count-1)
		}
		cite += "]"
	}
	head := fmt.Sprintf("  %s  %-11s  ", s.From.Format("2006-01-02 15:04:05"), s.Sort)
	text = safetext.Escape(text)
	if width > 0 {
		text = fit(text, max(40, width-len(head)-utf8.RuneCountInString(cite)))
	}
	b.WriteString(head + text + cite + "\n")
}

// limits says what the story cannot know.
func (s Story) limits(b *strings.Builder) {
	if to := s.Summary.CloudTrailTo; !to.IsZero() {
		fmt.Fprintf(b, "CloudTrail's records are complete to %s; what came later may be missing.\n", to.Format("2006-01-02 15:04:05"))
	}
	for _, g := range s.Summary.Gaps[:min(len(s.Summary.Gaps), 3)] {
		fmt.Fprintf(b, "Missing: %s %s (%s) %s\n", safetext.Escape(g.Artefact), safetext.Escape(g.Source), safetext.Escape(g.State), safetext.Escape(cut(g.Why, 120)))
	}
	if n := len(s.Summary.Gaps) - 3; n > 0 {
		fmt.Fprintf(b, "Missing: %d more, in the JSON form.\n", n)
	}
	if n := s.Summary.Skips; n > 0 {
		fmt.Fprintf(b, "Not readable: %d records or files, listed in the JSON form.\n", n)
	}
}
