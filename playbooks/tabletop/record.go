package tabletop

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

// The exercise's own record: what happened in it, as it happens, and what people observed.

// EventKind says what sort of thing happened.
type EventKind string

// What happens in an exercise.
const (
	EventInject   EventKind = "inject"
	EventAttacker EventKind = "attacker"
	EventOther    EventKind = "others"
	EventDecision EventKind = "decision"
	EventHint     EventKind = "hint"
	EventPause    EventKind = "pause"
	EventResume   EventKind = "resume"
	EventNote     EventKind = "note"
	EventHotWash  EventKind = "hotwash"
)

// Event is something that happened in an exercise since responders came in.
type Event struct {
	When    time.Time     `json:"when"`
	After   time.Duration `json:"after_ns"`
	Kind    EventKind     `json:"kind"`
	Who     string        `json:"who,omitempty"`
	What    string        `json:"what,omitempty"`
	Refused string        `json:"refused,omitempty"` // why it did not succeed
}

// Clock is the moment for people, counted from when responders came in.
func (e Event) Clock() string { return clockText(e.After) }

// OnEvent has f hear of everything that happens from now on, one after the other. f must not ask
// anything of the exercise.
func (w *World) OnEvent(f func(Event)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tell = f
}

// happened is told with the lock held.
func (w *World) happened(e Event) {
	if w.tell == nil {
		return
	}
	e.When = w.clock.Now().UTC()
	e.After = e.When.Sub(w.start)
	w.tell(e)
}

func refusal(err error) string {
	if api, ok := errors.AsType[*awssim.ActError](err); ok {
		return api.Code
	}
	return ""
}

// give tells responders an inject.
func (w *World) give(in Inject, now time.Time) Told {
	t := Told{in, now}
	w.live.told = append(w.live.told, t)
	w.happened(Event{Kind: EventInject, Who: in.From, What: in.ID + ", by " + in.Channel + ": " + in.Content})
	return t
}

// ObservationKind says of whom an observation is, and what it is about.
type ObservationKind string

// Notes are the facilitator's own; the others are said in the hot wash, right after the exercise.
const (
	Private  ObservationKind = "note"
	Strength ObservationKind = "strength"
	Gap      ObservationKind = "gap"
)

// Observation is something that people who were there say. Nothing is scored by it.
type Observation struct {
	After time.Duration   `json:"after_ns"`
	Kind  ObservationKind `json:"kind"`
	By    string          `json:"by"`
	Text  string          `json:"text"`
	Owner string          `json:"owner,omitempty"` // of a gap: who closes it
	Due   string          `json:"due,omitempty"`   // and by when, 2006-01-02
}

// ErrObservation: it cannot be kept as it is.
var ErrObservation = errors.New("no such observation")

// Observe keeps an observation with the clock.
func (w *World) Observe(o Observation) (Observation, error) {
	if !slices.Contains([]ObservationKind{Private, Strength, Gap}, o.Kind) {
		return o, fmt.Errorf("%w: kind %q is none of note, strength, gap", ErrObservation, o.Kind)
	}
	if o.Text == "" || o.Kind != Gap && o.Owner+o.Due != "" {
		return o, fmt.Errorf("%w: a text is wanted, and an owner and a due date have gaps alone", ErrObservation)
	}
	if _, err := time.Parse(time.DateOnly, o.Due); o.Due != "" && err != nil {
		return o, fmt.Errorf("%w: due %q is no date such as 2026-12-31", ErrObservation, o.Due)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	o.After = w.clock.Now().Sub(w.start).Truncate(time.Second)
	w.observed = append(w.observed, o)
	kind := EventHotWash
	if o.Kind == Private {
		kind = EventNote
	}
	w.happened(Event{Kind: kind, Who: o.By, What: o.Text})
	return o, nil
}

// said puts into a score what people decided and observed.
func (w *World) said(s *Score) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.decided {
		s.Decided = append(s.Decided, DecidedLine{d.Choice, d.Text, d.When.Sub(w.start).Truncate(time.Second), d.Refused})
	}
	s.Observed = append(s.Observed, w.observed...)
}
