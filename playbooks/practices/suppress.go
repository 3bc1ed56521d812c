package practices

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/strictyaml"
)

// Suppression accepts a finding: somebody owns that, says why, and until when.
type Suppression struct {
	Check   string `json:"check"`
	Target  string `json:"target"` // as the result has it
	Owner   string `json:"owner"`
	Reason  string `json:"reason"`
	Expires string `json:"expires"` // a day, YYYY-MM-DD: the last on which it holds
}

// written is a suppression as a file has it. A day may stand with or without quotes.
type written struct {
	Check   string `yaml:"check,required"`
	Target  string `yaml:"target,required"`
	Owner   string `yaml:"owner,required"`
	Reason  string `yaml:"reason,required"`
	Expires any    `yaml:"expires,required"`
	At      strictyaml.Position
}

// SuppressionState is a suppression and what it does.
type SuppressionState struct {
	Suppression
	Matches int  `json:"matches"` // results that it holds back; 0: it matches nothing
	Expired bool `json:"expired"` // it holds nothing back any more
}

// ReadSuppressions reads a file of them, and says all that is wrong with it.
func ReadSuppressions(file string, data []byte) ([]Suppression, []strictyaml.Problem) {
	var doc struct {
		Suppressions []written `yaml:"suppressions,required"`
	}
	problems := strictyaml.Decode(file, data, &doc)
	known := map[string]bool{}
	for _, k := range Catalogue() {
		known[k.ID] = true
	}
	var out []Suppression
	for _, w := range doc.Suppressions {
		expires, _ := w.Expires.(string)
		s := Suppression{Check: w.Check, Target: w.Target, Owner: w.Owner, Reason: w.Reason, Expires: expires}
		for _, what := range s.problems(known, out) {
			problems = append(problems, strictyaml.Problem{File: file, Line: w.At.Line, Column: w.At.Column, What: what})
		}
		out = append(out, s)
	}
	return out, problems
}

// problems are what is wrong with one of them.
func (s Suppression) problems(known map[string]bool, before []Suppression) (out []string) {
	if s.Check != "" && !known[s.Check] {
		out = append(out, fmt.Sprintf("no check has the id %q", s.Check))
	}
	if _, err := time.Parse(time.DateOnly, s.Expires); err != nil {
		out = append(out, fmt.Sprintf("expires: a day such as 2027-03-31 is wanted, not %q", s.Expires))
	}
	if slices.ContainsFunc([]string{s.Owner, s.Reason, s.Target}, func(text string) bool { return strings.TrimSpace(text) == "" }) {
		out = append(out, "target, owner and reason may not be empty")
	}
	if slices.ContainsFunc(before, func(o Suppression) bool { return o.Check == s.Check && o.Target == s.Target }) {
		out = append(out, s.Check+" is suppressed twice for that target")
	}
	return out
}

// ended says whether its last day is over.
func (s Suppression) ended(now time.Time) bool {
	last, err := time.Parse(time.DateOnly, s.Expires)
	return err != nil || !now.UTC().Before(last.AddDate(0, 0, 1))
}

// suppress marks what is accepted. Only what fails is: a gap is not accepted by accepting a risk.
func (r *Report) suppress(o Options) {
	for _, s := range o.Suppressions {
		state := SuppressionState{Suppression: s, Expired: s.ended(o.Now)}
		for i := range r.Results {
			x := &r.Results[i]
			if x.Verdict != Fail || x.Check != s.Check || x.Target != s.Target {
				continue
			}
			state.Matches++
			if !state.Expired {
				x.Suppressed = &s
			}
		}
		r.Suppressions = append(r.Suppressions, state)
	}
}
