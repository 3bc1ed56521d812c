package practices

import "testing"

// TestCompare: each pair of standings. A gap in place of an answer is never better.
func TestCompare(t *testing.T) {
	of := func(verdicts ...Verdict) *Report {
		r := &Report{Case: "c"}
		for _, v := range verdicts {
			r.Results = append(r.Results, Result{Check: "a/b", Function: "f", Finding: Finding{Verdict: v, Target: "t"}})
		}
		return r
	}
	for _, c := range []struct {
		before, after []Verdict
		want          Change
	}{
		{[]Verdict{Fail}, []Verdict{Pass}, Better},
		{[]Verdict{Unknown}, []Verdict{Pass}, Better},
		{[]Verdict{Fail, Fail}, []Verdict{Fail, Pass}, Better},
		{[]Verdict{Fail}, []Verdict{NotApplicable}, Better},
		{[]Verdict{Pass}, []Verdict{Fail}, Worse},
		{[]Verdict{NotApplicable}, []Verdict{Fail}, Worse},
		{[]Verdict{Unknown}, []Verdict{Fail}, Worse},
		{[]Verdict{Fail}, []Verdict{Fail, Fail}, Worse},
		{[]Verdict{Fail}, []Verdict{Unknown}, Unclear},
		{[]Verdict{Pass}, []Verdict{Unknown, Pass}, Unclear},
		{[]Verdict{Pass}, []Verdict{NotApplicable}, Unchanged},
		{[]Verdict{Unknown}, []Verdict{Unknown}, Unchanged},
		{[]Verdict{Fail, Pass}, []Verdict{Fail}, Unchanged},
		{nil, []Verdict{Fail}, New},
		{[]Verdict{Fail}, nil, Gone},
	} {
		got := Compare(of(c.before...), of(c.after...))
		if len(got.Results) != 1 || got.Results[0].Change != c.want || got.Count(c.want) != 1 || (len(got.Changed()) == 0) != (c.want == Unchanged) {
			t.Errorf("%v, then %v: %+v, want %s", c.before, c.after, got.Results, c.want)
		}
	}
}
