package contain

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// WatchInput is what it takes to watch over containment.
type WatchInput struct {
	Session  *awsapi.Session // made read-only
	Case     *evidence.Case
	Function string // name or ARN of a target; "" is every one of this case
	For      time.Duration
	Every    time.Duration // between two looks; 0 is 15 seconds
	Clock    Clock
	Tell     func(Sighting) // as it is seen
}

// Kinds of sightings.
const (
	SightReversed = "reversed"    // an act is no longer in force
	SightBack     = "in force"    // it is in force again
	SightChange   = "change"      // somebody's call that changes a target
	SightRuns     = "invocations" // the function was invoked
	SightThrottle = "throttles"   // somebody tries
	SightCalls    = "role calls"  // calls with the role's credentials that were answered
	SightDenied   = "role denied" // and such as were denied
	SightGap      = "not seen"    // what could not be looked at
)

// Sighting is something seen while watching.
type Sighting struct {
	At       time.Time `json:"at"`
	What     string    `json:"what"`
	Act      string    `json:"act,omitempty"`
	Resource string    `json:"resource"`
	Who      string    `json:"who,omitempty"`   // by CloudTrail
	Event    string    `json:"event,omitempty"` // id of its record
	Detail   string    `json:"detail,omitempty"`
}

// Watched is what a watch came to.
type Watched struct {
	From      time.Time  `json:"from"`
	To        time.Time  `json:"to"`
	Looks     int        `json:"looks"`
	Sightings []Sighting `json:"sightings"`
	Standings []Standing `json:"standings"`       // at the end
	Ways      []string   `json:"ways"`            // by which the attacker still comes in, as far as was seen
	Roads     []string   `json:"roads,omitempty"` // to bad code, that the runs of this case left open
	Verdict   string     `json:"verdict"`
}

// watchEvery is the pace: each look re-reads every document.
const watchEvery = 15 * time.Second

// Watch looks again and again at what is contained: whether it still is, who changed it
// back, whether the functions run and their roles are used.
func Watch(ctx context.Context, in WatchInput) (*Watched, error) {
	in.Clock, ctx = in.Clock.orReal(), withCase(ctx, in.Case)
	if in.Every <= 0 {
		in.Every = watchEvery
	}
	in.Session = in.Session.ReadOnly()
	w := &watching{in: in, out: &Watched{From: in.Clock.Now().UTC(), Sightings: []Sighting{}, Ways: []string{}}, state: map[string]State{}, seen: map[string]bool{}}
	w.since = w.out.From
	if past, err := load(ctx, in.Case); err == nil { // what cannot be read, the first look tells
		w.out.Roads = past.openRoads(in.Function)
	}
	for until := w.out.From.Add(in.For); ; {
		if err := w.look(ctx); err != nil {
			return w.conclude(), err
		}
		left := until.Sub(in.Clock.Now())
		if left <= 0 {
			return w.conclude(), nil
		}
		if in.Clock.Sleep(ctx, min(in.Every, left)) != nil {
			return w.conclude(), nil // stopped by hand: what was seen is told
		}
	}
}

// watching is a watch under way.
type watching struct {
	in    WatchInput
	out   *Watched
	since time.Time // until when records and metrics were read
	state map[string]State
	seen  map[string]bool // events and minutes told already
	own   map[string]bool // request ids of this case's own changes; nil: not read in this look
}

func (w *watching) tell(s Sighting) {
	if s.At.IsZero() {
		s.At = w.in.Clock.Now().UTC()
	}
	id := strings.Join([]string{s.What, s.Act, s.Resource, s.Event, s.Detail}, "\x00")
	if s.What != SightReversed && s.What != SightBack && w.seen[id] {
		return
	}
	w.seen[id] = true
	w.out.Sightings = append(w.out.Sightings, s)
	if w.in.Tell != nil {
		w.in.Tell(s)
	}
}

// look is one round.
func (w *watching) look(ctx context.Context) error {
	all, err := standings(ctx, StatusInput{Session: w.in.Session, Case: w.in.Case, Function: w.in.Function}, false)
	if all == nil && err == nil {
		err = fmt.Errorf("%w: there is nothing to watch over in this case", ErrNothing)
	}
	if ctx.Err() != nil {
		return nil
	}
	if all == nil {
		return err
	}
	if err != nil {
		w.tell(Sighting{What: SightGap, Resource: "the case", Detail: err.Error()})
	}
	w.out.Looks++
	for _, s := range all {
		if s.State == NoAnswer {
			w.tell(Sighting{What: SightGap, Act: s.Act, Resource: s.Resource, Detail: s.Detail})
			continue
		}
		id := strings.Join([]string{s.Act, s.Resource, s.Doc, s.Key, s.Function}, "\x00")
		was, known := w.state[id]
		w.state[id] = s.State
		switch {
		case s.State == Drifted && was != Drifted:
			w.tell(Sighting{What: SightReversed, Act: s.Act, Resource: s.Resource, Detail: s.Detail})
		case known && was == Drifted && s.State == InForce:
			w.tell(Sighting{What: SightBack, Act: s.Act, Resource: s.Resource})
		}
	}
	w.out.Standings = all
	w.around(ctx, all)
	return nil
}

// conclude says what is in force and how somebody still comes in. That nothing was seen is
// no proof that nobody is there, and is not said to be.
func (w *watching) conclude() *Watched {
	o := w.out
	o.To = w.in.Clock.Now().UTC()
	add := func(way string) {
		if !slices.Contains(o.Ways, way) {
			o.Ways = append(o.Ways, way)
		}
	}
	for _, s := range o.Standings {
		if s.State == Drifted {
			add(fmt.Sprintf("%s on %s was changed back: %s", s.Act, s.Resource, s.Detail))
		}
	}
	for _, s := range o.Sightings {
		switch s.What {
		case SightRuns:
			add(s.Resource + " was invoked: " + s.Detail)
		case SightCalls:
			add("credentials of " + s.Resource + " are used and answered: " + s.Detail + ", by " + s.Who)
		case SightChange:
			add(fmt.Sprintf("%s changed %s: %s (event %s)", s.Who, s.Resource, s.Detail, s.Event))
		}
	}
	open := ""
	if len(o.Roads) > 0 {
		open = "; roads to bad code stand open: see roads"
	}
	if len(o.Ways) > 0 {
		o.Verdict = "somebody still comes in, or came: see ways" + open
		return o
	}
	o.Verdict = fmt.Sprintf("no sign up to %s; CloudTrail is up to 15 minutes late, and data-plane calls are not visible", o.To.Format("2006-01-02 15:04:05Z")) + open
	if slices.ContainsFunc(o.Sightings, func(s Sighting) bool { return s.What == SightGap }) {
		o.Verdict += "; not everything could be looked at"
	}
	return o
}
