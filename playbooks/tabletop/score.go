package tabletop

import (
	"context"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// ScoreSchema names the form of a Score.
const ScoreSchema = "freezeframe/tabletop-score/v1"

// Score is how an exercise ended. Two runs of one scenario with one seed give the same bytes, but
// for what RandomByNature names.
type Score struct {
	Schema   string        `json:"schema"`
	Banner   string        `json:"banner"` // EXERCISE, so that nobody takes it for the real thing
	Exercise string        `json:"exercise"`
	Scenario string        `json:"scenario"`
	Title    string        `json:"title"`
	Seed     uint64        `json:"seed"`
	Case     string        `json:"case,omitempty"` // its id
	Score    int           `json:"score"`          // of 100, never below 0
	Earned   []Earned      `json:"expected"`
	Costs    []Charged     `json:"costs"`
	Hints    []string      `json:"hints"`
	Goals    []Rated       `json:"objectives"`
	Metrics  Metrics       `json:"metrics"`
	Before   []Try         `json:"tries_before"`
	After    []Try         `json:"tries_after"`
	Open     []string      `json:"still_open"`
	Told     []ToldLine    `json:"injects"`
	Decided  []DecidedLine `json:"decisions"`
	Observed []Observation `json:"observations"` // the facilitator's notes, which are private, and the hot wash
	Rewinds  int           `json:"rewinds"`
	Lasted   time.Duration `json:"lasted_ns"`
}

// RandomByNature are the members of a Score that differ from run to run: the case's id, and the
// exercise's, which has the moment it began.
func RandomByNature() []string { return []string{"case", "exercise"} }

// Earned is an expected action and what it earned.
type Earned struct {
	ID        string `json:"id"`
	Text      string `json:"text"`
	Objective string `json:"objective"`
	Points    int    `json:"points"`
	Got       int    `json:"got"`
	Advice    string `json:"advice,omitempty"`
}

// Charged is a cost that was incurred.
type Charged struct {
	ID     string `json:"id"`
	Text   string `json:"text"`
	Points int    `json:"points"`
}

// Rating of an objective, as HSEEP has it.
type Rating string

// Ratings: performed without challenges, with some, with major ones, unable to perform.
const (
	Performed Rating = "P"
	Some      Rating = "S"
	Major     Rating = "M"
	Unable    Rating = "U"
)

// Rated is an objective with its rating.
type Rated struct {
	Objective
	Rating Rating `json:"rating"`
	Got    int    `json:"got"`
	Of     int    `json:"of"`
}

// ToldLine is an inject that was given, and how long after the beginning.
type ToldLine struct {
	ID    string        `json:"id"`
	After time.Duration `json:"after_ns"`
}

// Metrics of the response. Durations are from the moment responders came in, in whole minutes;
// -1 is never.
type Metrics struct {
	Detect       int      `json:"minutes_to_detect"`  // the first note of that kind
	Declare      int      `json:"minutes_to_declare"` // the first note of that kind
	FirstSealed  int      `json:"minutes_to_first_sealed_evidence"`
	Contained    int      `json:"minutes_to_containment"`   // the last call that changed the account, if every hostile try fails at the end
	Evidence     int      `json:"evidence_percent"`         // of what the collections asked for, what they have or know to be absent
	OrderBroken  int      `json:"order_violations"`         // changes before anything was sealed
	Changes      int      `json:"changes_to_the_account"`   // calls by responders
	AttackerLeft []string `json:"attacker_access_left"`     // hostile tries that still work
	Collateral   []string `json:"collateral"`               // others' tries that do not work any more
	Custody      bool     `json:"custody_verifies"`         // there is sealed evidence, and all of the case verifies
	AttackerDid  int      `json:"attacker_calls_meanwhile"` // calls of the scenario's rules that succeeded
}

// Score judges what is there now. before is what was tried when responders came in, c the case they
// leave, or nil.
func (w *World) Score(ctx context.Context, c *evidence.Case, before []Try) (*Score, error) {
	calls := w.Cloud.Calls() // the tries below are nobody's doing
	after := w.Probe(ctx)
	j, err := newJudge(ctx, w, c, calls, after)
	if err != nil {
		return nil, err
	}
	s := &Score{Schema: ScoreSchema, Banner: "EXERCISE", Exercise: w.ID, Scenario: w.Scenario.Name, Title: w.Scenario.Title, Seed: w.seed,
		Earned: []Earned{}, Costs: []Charged{}, Hints: append([]string{}, w.hints...), Before: before, After: after, Open: []string{}, Told: []ToldLine{},
		Decided: []DecidedLine{}, Observed: []Observation{}, Rewinds: w.rewinds, Metrics: j.metrics(), Lasted: w.clock.Now().Sub(w.start).Truncate(time.Minute)}
	if c != nil {
		s.Case = c.ID
	}
	for _, r := range w.StillOpen(ctx) {
		s.Open = append(s.Open, r.What+": "+r.Command)
	}
	for _, t := range w.Heard() {
		s.Told = append(s.Told, ToldLine{t.ID, t.When.Sub(w.start).Truncate(time.Second)})
	}
	w.said(s)
	j.award(s)
	return s, nil
}

// award gives and takes points, and rates the objectives.
func (j *judge) award(s *Score) {
	met := map[string]bool{}
	for _, e := range j.w.Scenario.Expected {
		so := j.holds(e.Check)
		for _, r := range e.Requires {
			so = so && met[r]
		}
		met[e.ID] = so
		row := Earned{ID: e.ID, Text: e.Text, Objective: e.Objective, Points: e.Points}
		if so {
			row.Got = e.Points
		} else {
			row.Advice = e.Advice
		}
		s.Score += row.Got
		s.Earned = append(s.Earned, row)
	}
	for _, c := range j.w.Scenario.Costs {
		if j.holds(c.Check) {
			s.Costs = append(s.Costs, Charged{c.ID, c.Text, c.Points})
			s.Score -= c.Points
		}
	}
	for _, h := range j.w.Scenario.Hints {
		for _, asked := range s.Hints {
			if asked == h.ID {
				s.Score -= h.Cost
			}
		}
	}
	s.Score = max(0, s.Score)
	for _, o := range j.w.Scenario.Objectives {
		s.Goals = append(s.Goals, rate(o, s.Earned))
	}
}

func rate(o Objective, earned []Earned) Rated {
	r := Rated{Objective: o, Rating: Unable}
	for _, e := range earned {
		if e.Objective == o.ID {
			r.Got, r.Of = r.Got+e.Got, r.Of+e.Points
		}
	}
	switch {
	case r.Got == r.Of:
		r.Rating = Performed
	case r.Got*3 >= r.Of*2:
		r.Rating = Some
	case r.Got > 0:
		r.Rating = Major
	}
	return r
}

func (j *judge) metrics() Metrics {
	m := Metrics{Detect: -1, Declare: -1, FirstSealed: -1, Contained: -1, AttackerLeft: []string{}, Collateral: []string{},
		OrderBroken: j.tooEarly(), Custody: j.whole && j.bags > 0}
	minutes := func(at time.Time) int { return int(at.Sub(j.w.start) / time.Minute) }
	for kind, into := range map[string]*int{"detect": &m.Detect, "declare": &m.Declare} {
		if n := j.noted(&NotedCheck{Kind: kind}); n != nil {
			*into = minutes(n.at)
		}
	}
	if at := j.sealedFirst(); !at.IsZero() {
		m.FirstSealed = minutes(at)
	}
	if j.entries > 0 {
		m.Evidence = j.have * 100 / j.entries
	}
	for _, c := range j.calls {
		if j.matches(c, CallCheck{}) {
			m.Changes++
			m.Contained = minutes(c.Time)
		}
	}
	for _, p := range j.w.Scenario.Probes { // in the scenario's order
		switch t := j.tries[p.Name]; {
		case t.Hostile && t.Worked:
			m.AttackerLeft = append(m.AttackerLeft, t.Name)
		case !t.Hostile && !t.Worked:
			m.Collateral = append(m.Collateral, t.Name)
		}
	}
	if len(m.AttackerLeft) > 0 {
		m.Contained = -1
	}
	m.AttackerDid = j.attackerCalls()
	return m
}

// attackerCalls are those that succeeded since responders came in, by whom the live script names.
func (j *judge) attackerCalls() int {
	keys := map[string]bool{}
	for _, r := range j.w.Scenario.Live {
		for _, s := range r.Steps {
			if id := j.w.known[s.By].AccessKeyID; id != "" {
				keys[id] = true
			}
		}
	}
	n := 0
	for _, c := range j.calls {
		if keys[c.KeyID] && c.ErrorCode == "" && !c.Time.Before(j.w.start) {
			n++
		}
	}
	return n
}
