package report

import (
	"slices"
	"time"

	"github.com/freezeframe-ir/freezeframe/timeline"
)

// Lane is who is at work in a row of the picture.
type Lane string

// Lanes, from top to bottom.
const (
	LaneSuspect   Lane = "suspected"
	LaneFunction  Lane = "function"
	LaneRole      Lane = "roles and people"
	LaneWatcher   Lane = "detections"
	LaneResponder Lane = "responder"
)

// Lanes lists them, each with what it holds.
func lanes() []LaneRow {
	return []LaneRow{
		{Lane: LaneSuspect, About: "calls with credentials that rules speak against"},
		{Lane: LaneFunction, About: "what the function did with its own credentials, logged and left in traces"},
		{Lane: LaneRole, About: "calls of everybody else"},
		{Lane: LaneWatcher, About: "what GuardDuty and others concluded, and Sigma rules"},
		{Lane: LaneResponder, About: "what the investigation did"},
	}
}

// Picture is the timeline as it is drawn.
type Picture struct {
	Whole   Bins  `json:"whole"`
	Focus   *Bins `json:"focus,omitempty"` // the stretch of the incident, in finer bins
	Earlier int64 `json:"earlier"`         // what documents say of moments before the records begin
}

// Bins counts events by lane and stretch of time.
type Bins struct {
	From  time.Time `json:"from"`
	Step  int64     `json:"step"` // of a bin, in milliseconds
	N     int       `json:"n"`
	Lanes []LaneRow `json:"lanes"`
}

// To is the end of the last bin.
func (b *Bins) To() time.Time {
	return b.From.Add(time.Duration(b.Step) * time.Duration(b.N) * time.Millisecond)
}

// LaneRow is one lane of some bins.
type LaneRow struct {
	Lane   Lane   `json:"lane"`
	About  string `json:"about"`
	Total  int64  `json:"total"`
	Counts []int  `json:"counts"`
	Denied []int  `json:"denied"` // of them, what was refused
}

// maxBins bounds one row. When events go beyond the last bin, bins are joined two by two.
const maxBins = 2048

// growing are bins of events that come in order, without knowing when the last one comes.
type growing struct {
	bins Bins
	end  time.Time // of what is counted; zero: it grows
}

func newGrowing() *growing {
	return &growing{bins: Bins{Step: 1000, Lanes: lanes()}}
}

// newFixed counts from one moment to another, and nothing else.
func newFixed(from, to time.Time) *growing {
	step := max(to.Sub(from).Milliseconds()/maxBins+1, 50)
	g := newGrowing()
	g.bins.From, g.bins.Step, g.end = from, step, to
	g.bins.N = int(to.Sub(from).Milliseconds()/step) + 1
	for i := range g.bins.Lanes {
		g.bins.Lanes[i].Counts, g.bins.Lanes[i].Denied = make([]int, g.bins.N), make([]int, g.bins.N)
	}
	return g
}

func (g *growing) add(at time.Time, l Lane, denied bool) {
	b := &g.bins
	if b.From.IsZero() {
		b.From = at.Truncate(time.Second)
	}
	if at.Before(b.From) || !g.end.IsZero() && !at.Before(g.end) {
		return
	}
	i := int(at.Sub(b.From).Milliseconds() / b.Step)
	for i >= maxBins {
		g.halve()
		i = int(at.Sub(b.From).Milliseconds() / b.Step)
	}
	for x := range b.Lanes {
		r := &b.Lanes[x]
		for len(r.Counts) <= i {
			r.Counts, r.Denied = append(r.Counts, 0), append(r.Denied, 0)
		}
		if r.Lane == l {
			r.Total++
			r.Counts[i]++
			if denied {
				r.Denied[i]++
			}
		}
	}
	b.N = max(b.N, i+1)
}

// halve joins bins two by two.
func (g *growing) halve() {
	b := &g.bins
	b.Step *= 2
	b.N = (b.N + 1) / 2
	for x := range b.Lanes {
		b.Lanes[x].Counts, b.Lanes[x].Denied = joined(b.Lanes[x].Counts), joined(b.Lanes[x].Denied)
	}
}

func joined(counts []int) []int {
	n := (len(counts) + 1) / 2
	for i := range n {
		sum := counts[2*i]
		if 2*i+1 < len(counts) {
			sum += counts[2*i+1]
		}
		counts[i] = sum
	}
	return counts[:n]
}

// use is credentials at work from one place, as suspicion goes by.
type use struct{ node, address string }

// laner says in which lane an event belongs.
type laner struct {
	suspects map[use]bool
	same     []func(string) bool // the functions of the report
}

func (l *laner) lane(e *timeline.Event, node string) Lane {
	switch {
	case e.Kind == timeline.KindResponder, slices.Contains(e.Tags, timeline.TagOwn):
		return LaneResponder
	case e.Kind == timeline.KindFinding, e.Kind == timeline.KindRule:
		return LaneWatcher
	case e.Kind == timeline.KindLog, e.Kind == timeline.KindTrace, e.Kind == timeline.KindState:
		return LaneFunction
	case node != "" && l.suspects[use{node, e.Address}]:
		return LaneSuspect
	case e.InLambda && slices.ContainsFunc(l.same, func(is func(string) bool) bool { return is(e.Principal.Function) }):
		return LaneFunction
	}
	return LaneRole
}

// ofTurn is the lane of a step of a story.
func (l *laner) ofTurn(s timeline.Step, suspected bool) Lane {
	switch {
	case s.Sort == timeline.StepContained, s.Sort == timeline.StepCase, slices.Contains(s.Tags, timeline.TagOwn):
		return LaneResponder
	case suspected:
		return LaneSuspect
	}
	return LaneRole
}
