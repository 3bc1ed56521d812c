package report

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Verdict is what came of one check of an assessment.
type Verdict string

// Verdicts.
const (
	Pass          Verdict = "pass"
	Fail          Verdict = "fail"
	Unknown       Verdict = "unknown"
	NotApplicable Verdict = "not applicable"
)

// Check is one result of an assessment of practices.
type Check struct {
	ID       string  `json:"id"`
	Area     string  `json:"area"`
	Title    string  `json:"title,omitempty"`
	Severity string  `json:"severity"`
	Verdict  Verdict `json:"verdict"`
	Target   string  `json:"target,omitempty"`
	Seen     string  `json:"seen,omitempty"`     // what was seen
	Evidence string  `json:"evidence,omitempty"` // path in the case
	// Repair is how to make it pass: AWS CLI commands, and comments behind #, a line each.
	Repair []string `json:"repair,omitempty"`
}

// Practices is the matrix of an assessment: areas by verdict, and what failed with its repair.
type Practices struct {
	Assessed time.Time `json:"assessed,omitzero"`
	Areas    []Area    `json:"areas"`
	Failing  []Check   `json:"failing"`
	Left     int       `json:"failing_left_out,omitempty"`
}

// Area is one row of the matrix.
type Area struct {
	Name          string `json:"name"`
	Pass          int    `json:"pass"`
	Fail          int    `json:"fail"`
	Unknown       int    `json:"unknown"`
	NotApplicable int    `json:"not_applicable"`
}

// maxFailing bounds the checks that are listed one by one.
const maxFailing = 200

// NewPractices counts the results of an assessment; areas stand in the order in which they
// first come. A verdict that is none of ours counts as unknown: it does not pass.
func NewPractices(assessed time.Time, results []Check) *Practices {
	p := &Practices{Assessed: assessed.UTC(), Areas: []Area{}, Failing: []Check{}}
	for _, r := range results {
		i := slices.IndexFunc(p.Areas, func(a Area) bool { return a.Name == r.Area })
		if i < 0 {
			i = len(p.Areas)
			p.Areas = append(p.Areas, Area{Name: r.Area})
		}
		a := &p.Areas[i]
		switch r.Verdict {
		case Pass:
			a.Pass++
		case Fail:
			a.Fail++
			p.Failing = append(p.Failing, r)
		case NotApplicable:
			a.NotApplicable++
		default:
			a.Unknown++
		}
	}
	order := []string{"critical", "high", "medium", "low"}
	rank := func(severity string) int {
		if i := slices.Index(order, strings.ToLower(severity)); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(p.Failing, func(a, b Check) int {
		return cmp.Or(rank(a.Severity)-rank(b.Severity), strings.Compare(a.Area, b.Area), strings.Compare(a.ID, b.ID), strings.Compare(a.Target, b.Target))
	})
	if p.Left = max(0, len(p.Failing)-maxFailing); p.Left > 0 {
		p.Failing = p.Failing[:maxFailing]
	}
	return p
}
