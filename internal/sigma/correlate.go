package sigma

import (
	"errors"
	"fmt"
	"time"
)

// ErrOrder: events did not come in order of time.
var ErrOrder = errors.New("events out of order")

// Alert is a correlation that held at a moment.
type Alert struct {
	Correlation int // of Engine.Correlations
	Start, End  time.Time
	Group       []string // the values of the correlation's GroupBy
	Metric      float64  // what was counted or reckoned; of temporal kinds the number of rules seen
	Events      []string // ids of the events in the span, the last MaxEvidence of them, oldest first
	Total       int      // of events in the span
}

// MaxEvidence bounds Alert.Events.
const MaxEvidence = 100

// Loss is what a correlation could not take into account.
type Loss struct {
	Correlation int
	Ungrouped   int64 // events that lack a field of group-by, and so are in no group
	Dropped     int64 // events that were let go before their span was over, for memory
}

// Correlator evaluates correlations over a stream of events in order of time. Its memory
// is bounded: what it had to let go is counted.
type Correlator struct {
	e      *Engine
	states []*state
	at     map[*Correlation]*state
	byRule map[int][]use

	now     time.Time
	started bool
	serial  int64 // of events and alerts
}

// use is a correlation that a rule's hits go to.
type use struct {
	s   *state
	ref int
}

// DefaultEntries is how many hits a correlator keeps, all correlations together.
const DefaultEntries = 1 << 18

// NewCorrelator makes a correlator that keeps at most entries hits (0: DefaultEntries).
func (e *Engine) NewCorrelator(entries int) *Correlator {
	if entries <= 0 {
		entries = DefaultEntries
	}
	c := &Correlator{e: e, at: map[*Correlation]*state{}, byRule: map[int][]use{}}
	place := map[*Rule]int{}
	for i, r := range e.rules {
		place[r] = i
	}
	for i, corr := range e.correlations {
		s := newState(corr, i, max(entries/len(e.correlations), 64))
		c.states, c.at[corr] = append(c.states, s), s
		for j, ref := range corr.refs {
			if ref.rule != nil {
				n := place[ref.rule]
				c.byRule[n] = append(c.byRule[n], use{s, j})
			}
		}
	}
	return c
}

// Uses says whether a correlation wants to know of one of the hits. Where none does, Add needs
// no id.
func (c *Correlator) Uses(hits []Hit) bool {
	for i := range hits {
		if len(c.byRule[hits[i].Rule]) > 0 {
			return true
		}
	}
	return false
}

// Add takes an event with its hits, which may be none. Alerts of earlier moments are
// given to emit first: a moment is over when a later event comes.
func (c *Correlator) Add(at time.Time, id string, hits []Hit, emit func(Alert) error) error {
	if c.started && at.Before(c.now) {
		return fmt.Errorf("%w: %s comes after %s", ErrOrder, at.Format(time.RFC3339Nano), c.now.Format(time.RFC3339Nano))
	}
	if len(c.states) == 0 {
		return nil
	}
	if c.started && at.After(c.now) {
		if err := c.Flush(emit); err != nil {
			return err
		}
	}
	c.now, c.started = at, true
	c.serial++
	for _, h := range hits {
		for _, u := range c.byRule[h.Rule] {
			ref := u.s.c.refs[u.ref]
			values := make([][]string, len(ref.pick))
			for i, p := range ref.pick {
				values[i] = h.Values[p]
			}
			u.s.add(entry{at: at, ref: u.ref, serial: c.serial, id: id, total: 1}, values)
		}
	}
	return nil
}

// Flush ends the moment of the last event. Call it at the end of the stream.
func (c *Correlator) Flush(emit func(Alert) error) error {
	for _, s := range c.states { // those they refer to stand before
		s.expire(c.now.Add(-s.c.Span))
		touched := s.touched
		s.touched = nil
		for _, g := range touched {
			g.touched = false
			metric, ok := s.holds(g)
			if !ok {
				continue
			}
			a := g.alert(s, metric, c.now)
			if s.c.Shown {
				if err := emit(a); err != nil {
					return err
				}
			}
			c.serial++
			for _, p := range s.c.parents {
				c.rise(s, g, a, p)
			}
		}
	}
	return nil
}

// maxRise bounds the events behind an alert that are looked at for what a parent needs.
const maxRise = 256

// rise hands an alert to a correlation that refers to it. What that one needs and the
// group does not say is taken from the events behind the alert: it then counts in the
// group of each of them.
func (c *Correlator) rise(s *state, g *group, a Alert, p parent) {
	ref := p.c.refs[p.ref]
	up := c.at[p.c]
	e := entry{at: c.now, ref: p.ref, serial: c.serial, ids: a.Events, total: a.Total}
	extra := false
	values := make([][]string, len(ref.fields))
	places := make([]int, len(ref.fields)) // in s.c.wants, where the group does not say
	for i, f := range ref.fields {
		places[i] = -1
		for j, by := range s.c.GroupBy {
			if by == f {
				values[i] = g.show[j : j+1]
			}
		}
		if values[i] == nil {
			extra = true
			for j, w := range s.c.wants {
				if w == f {
					places[i] = j
				}
			}
		}
	}
	if !extra {
		up.add(e, values)
		return
	}
	first := max(0, g.entries.len()-maxRise)
	up.dropped += int64(first)
	for i := first; i < g.entries.len(); i++ {
		from := g.entries.get(i)
		v := append([][]string(nil), values...)
		for j, place := range places {
			if place >= 0 && place < len(from.values) {
				v[j] = from.values[place]
			}
		}
		up.add(e, v)
	}
}

// Losses lists what was not taken into account, of the correlations that lost something.
func (c *Correlator) Losses() []Loss {
	var all []Loss
	for i, s := range c.states {
		if s.ungrouped+s.dropped > 0 {
			all = append(all, Loss{i, s.ungrouped, s.dropped})
		}
	}
	return all
}
