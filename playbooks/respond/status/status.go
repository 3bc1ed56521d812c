package status

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/notice"
	"github.com/freezeframe-ir/freezeframe/internal/queue"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
)

// Schema names the shape of a Status as JSON.
const Schema = "freezeframe.status/1"

// Status is how things stand.
type Status struct {
	Schema string      `json:"schema"`
	At     time.Time   `json:"at"`
	Halted *board.Halt `json:"halted,omitempty"` // all unattended is halted

	Queue      *Counted `json:"queue,omitempty"`
	DeadLetter *Counted `json:"dead_letter,omitempty"`

	Cases    int                   `json:"cases"`  // of alerts that were answered, or that somebody is at
	States   map[respond.State]int `json:"states"` // cases, by what became of them last
	Outcomes map[respond.State]int `json:"outcomes"`
	Done     int                   `json:"done"`
	Gaps     int                   `json:"with_gaps"`
	Failed   []Case                `json:"failed"` // dealing with it did not come to an end: it comes again, or a person has to look
	Busy     []Claim               `json:"busy"`

	Waiting  []Ask              `json:"waiting_for_approval"`
	Due      []Due              `json:"due"`
	Poisoned []Poisoned         `json:"poisoned"`
	Notices  notice.Undelivered `json:"notices"`

	ToEvidence    Times `json:"seconds_to_first_evidence"`
	ToContainment Times `json:"seconds_to_containment"`

	// Gaps of this answer: what could not be looked at.
	Unseen []string `json:"unseen"`
}

// Counted is a queue with its messages.
type Counted struct {
	ARN string `json:"arn,omitempty"`
	queue.Counts
}

// Case is one that needs a look.
type Case struct {
	Alert    string        `json:"alert"`
	State    respond.State `json:"state"`
	Why      string        `json:"why,omitempty"`
	Function string        `json:"function,omitempty"`
	At       time.Time     `json:"at"`
}

// Claim is who is at what.
type Claim struct {
	What  string    `json:"what"`
	Who   string    `json:"who"`
	Since time.Time `json:"heard_of"` // the last word, by the holder's clock
	Quiet bool      `json:"quiet"`    // no word for longer than a holder may be silent: whoever wants it can take it
}

// Options are where to look.
type Options struct {
	Board *board.Board
	Queue *queue.Queue // nil: no queue is looked at
	// Dead is the dead-letter queue of the queue; nil: it has none.
	Dead *queue.Queue
	// Most is how many dead letters are looked at.
	Most int
	Now  func() time.Time
}

// Read looks. What cannot be looked at is in Unseen, and no error; the board is.
func Read(ctx context.Context, o Options) (*Status, error) {
	s := &Status{Schema: Schema, At: o.Now().UTC(), States: map[respond.State]int{}, Outcomes: map[respond.State]int{}, Failed: []Case{}, Busy: []Claim{}, Waiting: []Ask{}, Due: []Due{}, Poisoned: []Poisoned{}, Unseen: []string{}}
	for _, read := range []func(context.Context, Options) error{s.halt, s.claims, s.outcomes, s.due, s.asks, s.refused, s.notices} {
		if err := read(ctx, o); err != nil {
			return nil, err
		}
	}
	s.queues(ctx, o)
	return s, nil
}

func (s *Status) halt(ctx context.Context, o Options) error {
	h, err := o.Board.Halted(ctx)
	if h != nil && h.Halted {
		s.Halted = h
	}
	return err
}

func (s *Status) notices(ctx context.Context, o Options) (err error) {
	s.Notices, err = notice.Count(ctx, o.Board)
	return err
}

func (s *Status) claims(ctx context.Context, o Options) error {
	held, err := o.Board.Holders(ctx)
	if err != nil {
		return err
	}
	for _, h := range held {
		s.Busy = append(s.Busy, Claim{h.What, h.Who, h.Since, s.At.Sub(h.Since) > h.Silence})
	}
	return nil
}

// outcomes reads what was noted of each alert. The last word of a case is its newest outcome; that an
// alert came again says nothing new of it, unless nothing else was said.
func (s *Status) outcomes(ctx context.Context, o Options) error {
	names, err := o.Board.Names(ctx, respond.NotedPrefix)
	if err != nil {
		return err
	}
	notes, err := board.All[respond.Noted](ctx, o.Board, respond.NotedPrefix, names)
	if err != nil {
		return err
	}
	last := map[string]*respond.Noted{}
	var evidence, containment, order = map[string]time.Duration{}, map[string]time.Duration{}, []string{}
	for i := range notes {
		n := &notes[i]
		if id, _, _ := strings.Cut(names[i], "/"); n.Alert != id {
			return errors.New("the board's " + respond.NotedPrefix + names[i] + " is of another alert than its name says")
		}
		s.Outcomes[n.State]++
		was := last[n.Alert]
		switch {
		case was == nil:
			order = append(order, n.Alert)
			last[n.Alert] = n
		case was.State == respond.Known && n.State != respond.Known, (n.State != respond.Known || was.State == respond.Known) && !n.Ended.Before(was.Ended):
			last[n.Alert] = n
		}
		soonest(evidence, n.Alert, n.Arrived, n.Sealed)
		soonest(containment, n.Alert, n.Arrived, n.Contained)
	}
	for _, id := range order {
		n := last[id]
		s.States[n.State]++
		switch {
		case n.State == respond.Collected || n.State == respond.Known:
			s.Done++
		case n.State == respond.WithGaps:
			s.Gaps++
		case n.State != respond.CutOff:
			s.Failed = append(s.Failed, Case{n.Alert, n.State, n.Why, n.Function, n.Ended})
		}
	}
	s.Cases = len(order)
	for _, c := range s.Busy { // of those that nothing was said of yet
		if id, ok := strings.CutPrefix(c.What, respond.Claimed("")); ok && last[id] == nil {
			s.Cases++
		}
	}
	s.ToEvidence, s.ToContainment = timesOf(evidence), timesOf(containment)
	return nil
}

// soonest keeps the shortest time from a message's arrival: of several messages about one finding,
// each is answered, and the first that something came of counts.
func soonest(into map[string]time.Duration, id string, from, to time.Time) {
	if to.IsZero() || from.IsZero() {
		return
	}
	d := max(to.Sub(from), 0) // clocks that are off make no time negative
	if was, ok := into[id]; !ok || d < was {
		into[id] = d
	}
}

// Times are how long something took, in seconds, over the cases in which it happened.
type Times struct {
	Count  int     `json:"count"`
	Median float64 `json:"median"`
	P95    float64 `json:"p95"`
	Max    float64 `json:"max"`
	Sum    float64 `json:"sum"`
}

func timesOf(m map[string]time.Duration) Times {
	all := make([]time.Duration, 0, len(m))
	var sum time.Duration
	for _, d := range m {
		all, sum = append(all, d), sum+d
	}
	if len(all) == 0 {
		return Times{}
	}
	slices.Sort(all)
	return Times{len(all), rank(all, 50).Seconds(), rank(all, 95).Seconds(), all[len(all)-1].Seconds(), sum.Seconds()}
}

// rank is the nearest-rank percentile: the least value that so many of a hundred do not exceed.
func rank(sorted []time.Duration, percent int) time.Duration {
	return sorted[(len(sorted)*percent+99)/100-1]
}
