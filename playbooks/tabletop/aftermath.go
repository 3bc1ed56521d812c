package tabletop

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ErrImprovement: the improvement plan has no such item, or it cannot be given like that.
var ErrImprovement = errors.New("no such item of the improvement plan")

// Assigned is who closes an item of the improvement plan, and by when.
type Assigned struct{ Owner, Due string }

// Improvements are what is to be improved: what was missed, what is still open, what people said.
func (s *Score) Improvements() []Improvement {
	var out []Improvement
	for _, e := range s.Earned {
		if e.Got < e.Points {
			what := e.Advice
			if what == "" {
				what = e.Text
			}
			out = append(out, Improvement{ID: e.ID, What: what})
		}
	}
	for _, c := range s.Costs {
		out = append(out, Improvement{ID: "cost-" + c.ID, What: "avoid: " + c.Text})
	}
	for i, o := range s.Open {
		out = append(out, Improvement{ID: fmt.Sprintf("open-%d", i+1), What: o})
	}
	n := 0
	for _, o := range s.Observed {
		if o.Kind == Gap {
			n++
			out = append(out, Improvement{ID: fmt.Sprintf("hotwash-%d", n), What: o.Text, Owner: o.Owner, Due: o.Due})
		}
	}
	return out
}

// AfterAction is the after-action report and improvement plan. assigned gives items an owner and a
// day, by their id.
func (s *Score) AfterAction(assigned map[string]Assigned) (*Paper, error) {
	p := newPaper(AfterAction, "after-action report", s.Exercise+" - "+s.Title)
	p.add(Section{Text: []string{fmt.Sprintf("Score: %d of 100 (seed %d, %s)%s", s.Score, s.Seed, s.Lasted, rewound(s.Rewinds))}})
	goals := p.add(Section{Heading: "Objectives", Text: []string{"P performed without challenges, S with some, M with major ones, U unable to perform."}, Table: &Table{Heads: []string{"objective", "rating", "points"}}})
	for _, g := range s.Goals {
		goals.Table.Rows = append(goals.Table.Rows, []string{g.Text, string(g.Rating), fmt.Sprintf("%d of %d", g.Got, g.Of)})
	}
	p.add(Section{Heading: "Measures", Table: &Table{Heads: []string{"measure", "value"}, Rows: s.Metrics.rows()}})
	s.decisions(p)
	p.add(Section{Heading: "Strengths", Items: s.strengths()})
	p.add(Section{Heading: "Gaps", Items: s.gaps()})
	tried := p.add(Section{Heading: "What was tried", Table: &Table{Heads: []string{"who tries", "before", "after"}}})
	for i, t := range s.After {
		before := ""
		if i < len(s.Before) {
			before = s.Before[i].Answer
		}
		tried.Table.Rows = append(tried.Table.Rows, []string{t.Name, before, t.Answer})
	}
	p.Plan = s.Improvements()
	if err := assign(p.Plan, assigned); err != nil {
		return nil, err
	}
	p.add(Section{Heading: "Improvement plan", Table: p.planned()})
	return p, nil
}

func rewound(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; rewound %d times", n)
}

func assign(plan []Improvement, assigned map[string]Assigned) error {
	for id, a := range assigned {
		i := slices.IndexFunc(plan, func(i Improvement) bool { return i.ID == id })
		if i < 0 {
			ids := make([]string, len(plan))
			for n, item := range plan {
				ids[n] = item.ID
			}
			return fmt.Errorf("%w: %q%s; there are %s", ErrImprovement, id, meant(id, ids), strings.Join(ids, ", "))
		}
		if _, err := time.Parse(time.DateOnly, a.Due); a.Due != "" && err != nil {
			return fmt.Errorf("%w: %s is due %q, and a date such as 2026-12-31 is wanted", ErrImprovement, id, a.Due)
		}
		if a.Owner != "" {
			plan[i].Owner = a.Owner
		}
		if a.Due != "" {
			plan[i].Due = a.Due
		}
	}
	return nil
}

func (s *Score) decisions(p *Paper) {
	if len(s.Decided) == 0 {
		return
	}
	t := &Table{Heads: []string{"id", "when", "by", "decided", "reason", ""}}
	for _, d := range s.Decided {
		refused := ""
		if d.Refused != "" {
			refused = "refused: " + d.Refused
		}
		t.Rows = append(t.Rows, []string{d.Decision, clockText(d.After), d.Role + " (" + d.By + ")", d.Text, d.Reason, refused})
	}
	p.add(Section{Heading: "Decisions", Table: t})
}

func (s *Score) strengths() []string {
	var out []string
	for _, e := range s.Earned {
		if e.Got == e.Points {
			out = append(out, e.Text)
		}
	}
	return append(out, s.washed(Strength)...)
}

func (s *Score) gaps() []string {
	var out []string
	for _, e := range s.Earned {
		if e.Got < e.Points {
			out = append(out, "not seen: "+e.Text)
		}
	}
	for _, c := range s.Costs {
		out = append(out, fmt.Sprintf("%s (%d points)", c.Text, c.Points))
	}
	for _, o := range s.Open {
		out = append(out, "still open: "+o)
	}
	return append(out, s.washed(Gap)...)
}

// washed is what was said in the hot wash.
func (s *Score) washed(kind ObservationKind) []string {
	var out []string
	for _, o := range s.Observed {
		if o.Kind == kind {
			out = append(out, "hot wash, "+o.By+": "+o.Text)
		}
	}
	return out
}

// Notes are the facilitator's private ones, nil if there are none: no part of what others read.
func (s *Score) Notes() *Paper {
	t := &Table{Heads: []string{"when", "by", "note"}}
	for _, o := range s.Observed {
		if o.Kind == Private {
			t.Rows = append(t.Rows, []string{clockText(o.After), o.By, o.Text})
		}
	}
	if len(t.Rows) == 0 {
		return nil
	}
	p := newPaper(FacilitatorNotes, "facilitator's notes", s.Exercise+" - private")
	p.add(Section{Table: t})
	return p
}

func (m Metrics) rows() [][]string {
	minutes := func(n int) string {
		if n < 0 {
			return "never"
		}
		return fmt.Sprintf("%d min", n)
	}
	list := func(names []string) string {
		if len(names) == 0 {
			return "none"
		}
		return strings.Join(names, "; ")
	}
	return [][]string{
		{"time to detect", minutes(m.Detect)}, {"time to declare", minutes(m.Declare)}, {"time to first sealed evidence", minutes(m.FirstSealed)},
		{"time to containment", minutes(m.Contained)}, {"evidence completeness", fmt.Sprintf("%d %%", m.Evidence)},
		{"order violations", fmt.Sprint(m.OrderBroken)}, {"changes to the account", fmt.Sprint(m.Changes)},
		{"attacker's calls meanwhile", fmt.Sprint(m.AttackerDid)}, {"attacker's access left", list(m.AttackerLeft)},
		{"collateral damage", list(m.Collateral)}, {"custody verifies", map[bool]string{true: "yes", false: "no"}[m.Custody]},
	}
}
