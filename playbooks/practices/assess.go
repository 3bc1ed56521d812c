package practices

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Schema of reports.
const Schema = "freezeframe.assessment/1"

// ErrNoFunction: the case has no collection of the function that was named.
var ErrNoFunction = errors.New("not in the case")

// Use is what is asked of the case's records: which of these calls were made on the target, or by it.
type Use struct {
	Function, Target string
	Calls            []string
}

// Uses says whether the case's records show that what fails was used; an answer for each that is
// asked, in one go, because records are many. It is handed in, because they are read elsewhere.
type Uses func(ctx context.Context, asked []Use) ([]*Used, error)

// Used is what the case's records have of a target.
type Used struct {
	Events  int       `json:"events"`
	First   time.Time `json:"first,omitzero"`
	Last    time.Time `json:"last,omitzero"`
	Calls   []string  `json:"calls,omitempty"`
	Cites   []string  `json:"event_ids,omitempty"` // the first of them
	Partial bool      `json:"partial,omitempty"`   // records could not be read: there may be more
}

// Options say what to assess, and as of when.
type Options struct {
	Functions    []string // names or ARNs; empty: all of the case
	Now          time.Time
	Suppressions []Suppression
	Checks       []Check // empty: Catalogue
	Uses         Uses    // nil: nobody is asked, and Result.Used stays nil
}

// Result is the finding of a check at one target of one function.
type Result struct {
	Check      string      `json:"check"`
	Area       Area        `json:"area"`
	Title      string      `json:"title"`
	Severity   Severity    `json:"severity"`
	References []Reference `json:"references"`
	Function   string      `json:"function"`
	Finding
	Used       *Used        `json:"used,omitempty"` // nil: the records were not asked
	Suppressed *Suppression `json:"suppressed,omitempty"`
}

// Summary counts results of an area, suppressed ones apart.
type Summary struct {
	Area          Area `json:"area"`
	Checks        int  `json:"checks"`
	Pass          int  `json:"pass"`
	Fail          int  `json:"fail"`
	Unknown       int  `json:"unknown"`
	NotApplicable int  `json:"not_applicable"`
	Suppressed    int  `json:"suppressed"`
}

// Report is an assessment. Its results are ordered by function, area, check and target: the
// same case and time give the same report.
type Report struct {
	Schema       string             `json:"schema"`
	Case         string             `json:"case"`
	At           time.Time          `json:"at"` // what "today" is for checks of age
	Functions    []string           `json:"functions"`
	Collected    []Collection       `json:"collections"` // what it rests on
	Areas        []Summary          `json:"areas"`
	Results      []Result           `json:"results"`
	Suppressions []SuppressionState `json:"suppressions"`
}

// Collection is a sealed bag that results or gaps come from.
type Collection struct {
	Bag     string    `json:"bag"`
	Started time.Time `json:"started"`
}

// Assess runs the checks over the case's functions. The error is one of the store; what the
// case lacks is an unknown verdict.
func Assess(ctx context.Context, c *evidence.Case, o Options) (*Report, error) {
	checks := o.Checks
	if len(checks) == 0 {
		checks = Catalogue()
	}
	reads := map[string]bool{}
	for _, k := range checks {
		for _, a := range k.Reads {
			reads[a] = true
		}
	}
	x, err := read(ctx, c, reads)
	if err != nil {
		return nil, err
	}
	functions, err := x.functions(o.Functions)
	if err != nil {
		return nil, err
	}
	r := &Report{Schema: Schema, Case: c.ID, At: o.Now.UTC(), Functions: append([]string{}, functions...), Results: []Result{}, Suppressions: []SuppressionState{}}
	for _, arn := range functions {
		f := &Facts{Function: arn, Name: nameOf(arn), Account: part(arn, 4), Region: part(arn, 3), Now: o.Now, ctx: ctx, x: x, kept: &kept{bytes: map[string][]byte{}}}
		if err := r.function(f, checks); err != nil {
			return nil, err
		}
	}
	if err := r.used(ctx, o, checks); err != nil {
		return nil, err
	}
	r.suppress(o)
	r.order(checks)
	r.summarize(checks)
	r.collections(x)
	return r, nil
}

func (r *Report) function(f *Facts, checks []Check) error {
	for _, k := range checks {
		if err := f.ctx.Err(); err != nil {
			return fmt.Errorf("assessing %s: %w", f.Function, err)
		}
		f.check = &k
		found := k.Look(f)
		if f.err != nil {
			return fmt.Errorf("assessing %s: %w", f.Function, f.err)
		}
		if len(found) == 0 {
			found = []Finding{notApplicable(f.Function, "nothing that it could be true of")}
		}
		for _, x := range found {
			if x.Evidence == nil {
				x.Evidence = []evidence.Ref{}
			}
			r.Results = append(r.Results, Result{Check: k.ID, Area: k.Area, Title: k.Title, Severity: k.Severity, References: append([]Reference{}, k.References...), Function: f.Function, Finding: x})
		}
	}
	return nil
}

func (r *Report) used(ctx context.Context, o Options, checks []Check) error {
	if o.Uses == nil {
		return nil
	}
	var asked []Use
	var of []int
	for i, x := range r.Results {
		at := slices.IndexFunc(checks, func(k Check) bool { return k.ID == x.Check })
		if x.Verdict == Fail && len(checks[at].Traces) > 0 {
			asked, of = append(asked, Use{x.Function, x.Target, checks[at].Traces}), append(of, i)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	used, err := o.Uses(ctx, asked)
	if err != nil {
		return fmt.Errorf("asking the records what was used: %w", err)
	}
	if len(used) != len(asked) {
		return fmt.Errorf("asking the records what was used: %d answers to %d questions", len(used), len(asked))
	}
	for n, i := range of {
		r.Results[i].Used = used[n]
	}
	return nil
}

// order is by function, then as the catalogue has the checks, then by target; what fails comes
// first.
func (r *Report) order(checks []Check) {
	rank := map[string]int{}
	for i, k := range checks {
		rank[k.ID] = i
	}
	verdicts := []Verdict{Fail, Unknown, Pass, NotApplicable}
	slices.SortStableFunc(r.Results, func(a, b Result) int {
		return cmp.Or(strings.Compare(a.Function, b.Function), cmp.Compare(rank[a.Check], rank[b.Check]),
			cmp.Compare(slices.Index(verdicts, a.Verdict), slices.Index(verdicts, b.Verdict)),
			strings.Compare(a.Target, b.Target), strings.Compare(a.Seen.String(), b.Seen.String()))
	})
}

func (r *Report) summarize(checks []Check) {
	for _, area := range Areas() {
		s := Summary{Area: area}
		for _, k := range checks {
			if k.Area == area {
				s.Checks++
			}
		}
		for _, x := range r.Results {
			if x.Area == area {
				s.add(x)
			}
		}
		r.Areas = append(r.Areas, s)
	}
}

func (s *Summary) add(x Result) {
	switch {
	case x.Suppressed != nil:
		s.Suppressed++
	case x.Verdict == Pass:
		s.Pass++
	case x.Verdict == Fail:
		s.Fail++
	case x.Verdict == Unknown:
		s.Unknown++
	default:
		s.NotApplicable++
	}
}

// collections names the bags that anything of the functions comes from.
func (r *Report) collections(x *index) {
	r.Collected = []Collection{}
	seen := map[string]bool{}
	for _, e := range x.entries {
		if id := e.bag.ID(); !seen[id] {
			seen[id] = true
			r.Collected = append(r.Collected, Collection{id, e.bag.Header().Started.UTC()})
		}
	}
	slices.SortFunc(r.Collected, func(a, b Collection) int { return strings.Compare(a.Bag, b.Bag) })
}

// Failed counts what fails at or above a severity, and Unknowns what is not known, both without
// what is suppressed.
func (r *Report) Failed(at Severity) (n int) {
	for _, x := range r.Results {
		if x.Verdict == Fail && x.Suppressed == nil && x.Severity.AtLeast(at) {
			n++
		}
	}
	return n
}

// Unknowns counts results that a gap kept from an answer.
func (r *Report) Unknowns() (n int) {
	for _, x := range r.Results {
		if x.Verdict == Unknown && x.Suppressed == nil {
			n++
		}
	}
	return n
}
