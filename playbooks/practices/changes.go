package practices

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Change is how a target stands by a check, against another assessment.
type Change string

// Changes. Where a gap took the place of an answer, nothing got better: that is unclear.
const (
	Better    Change = "better"
	Worse     Change = "worse"
	Unclear   Change = "unclear" // it was known, and is not any more
	New       Change = "new"     // the other assessment has nothing of it
	Gone      Change = "gone"    // this one has nothing of it any more
	Unchanged Change = "unchanged"
)

// Standing is what an assessment says of one target by one check: its worst verdict, and how
// many results fail. What is accepted still fails.
type Standing struct {
	Verdict Verdict `json:"verdict,omitempty"` // "" where there is nothing of it
	Failing int     `json:"failing"`
}

// ChangedResult is one target by one check, before and after.
type ChangedResult struct {
	Change   Change   `json:"change"`
	Check    string   `json:"check"`
	Severity Severity `json:"severity"`
	Function string   `json:"function"`
	Target   string   `json:"target"`
	Before   Standing `json:"before"`
	After    Standing `json:"after"`
}

// Sentence says the change in words of our own.
func (c ChangedResult) Sentence() string {
	switch {
	case c.Change == New:
		return "new: " + c.After.String()
	case c.Change == Gone:
		return "gone: was " + c.Before.String()
	}
	return c.Before.String() + ", now " + c.After.String()
}

func (s Standing) String() string {
	verdict := strings.ReplaceAll(string(s.Verdict), "_", " ")
	if s.Failing > 1 {
		return fmt.Sprintf("%s (%d times)", verdict, s.Failing)
	}
	return verdict
}

// Changes is an assessment held against another, by check, function and target.
type Changes struct {
	Against string          `json:"against"` // the other case
	AsOf    time.Time       `json:"as_of"`
	Results []ChangedResult `json:"results"` // all of them, the gravest change first
}

type place struct{ check, function, target string }

// Compare holds a report against an earlier one. Both are to be made by the same checks.
func Compare(before, after *Report) *Changes {
	was, is := standings(before), standings(after)
	c := &Changes{Against: before.Case, AsOf: before.At, Results: []ChangedResult{}}
	seen := map[place]bool{}
	for _, r := range slices.Concat(after.Results, before.Results) {
		p := place{r.Check, r.Function, r.Target}
		if seen[p] {
			continue
		}
		seen[p] = true
		x := ChangedResult{Check: r.Check, Severity: r.Severity, Function: r.Function, Target: r.Target, Before: was[p], After: is[p]}
		x.Change = x.change()
		c.Results = append(c.Results, x)
	}
	rank := []Change{Worse, New, Unclear, Better, Gone, Unchanged}
	slices.SortStableFunc(c.Results, func(a, b ChangedResult) int {
		return cmp.Or(cmp.Compare(slices.Index(rank, a.Change), slices.Index(rank, b.Change)), strings.Compare(a.Function, b.Function))
	})
	return c
}

func standings(r *Report) map[place]Standing {
	out := map[place]Standing{}
	for _, x := range r.Results {
		p := place{x.Check, x.Function, x.Target}
		s := out[p]
		if s.Verdict == "" || slices.Index(worstFirst(), x.Verdict) < slices.Index(worstFirst(), s.Verdict) {
			s.Verdict = x.Verdict
		}
		if x.Verdict == Fail {
			s.Failing++
		}
		out[p] = s
	}
	return out
}

// worstFirst are the verdicts, the worst first.
func worstFirst() []Verdict { return []Verdict{Fail, Unknown, Pass, NotApplicable} }

func (c ChangedResult) change() Change {
	b, a := c.Before, c.After
	good := func(v Verdict) bool { return v == Pass || v == NotApplicable }
	switch {
	case b.Verdict == "":
		return New
	case a.Verdict == "":
		return Gone
	case a == b || good(a.Verdict) && good(b.Verdict):
		return Unchanged
	case a.Verdict == Unknown:
		return Unclear
	case good(a.Verdict) || a.Verdict == Fail && b.Verdict == Fail && a.Failing < b.Failing:
		return Better
	}
	return Worse
}

// Count of one kind of change.
func (c *Changes) Count(kind Change) (n int) {
	for _, x := range c.Results {
		if x.Change == kind {
			n++
		}
	}
	return n
}

// Changed are all but those that are unchanged, the gravest first.
func (c *Changes) Changed() []ChangedResult {
	return slices.DeleteFunc(slices.Clone(c.Results), func(x ChangedResult) bool { return x.Change == Unchanged })
}

// Of is the change that a result of the later report is part of.
func (c *Changes) Of(r Result) Change {
	for _, x := range c.Results {
		if x.Check == r.Check && x.Function == r.Function && x.Target == r.Target {
			return x.Change
		}
	}
	return New
}
