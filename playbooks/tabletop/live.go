package tabletop

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

// What goes on while responders work: the attacker's script, others' ordinary work, and what
// responders are told. It is driven from outside: by Wait on a clock that stands, by Tick on one
// that runs.

// poll is how often a rule that waits for something looks.
const poll = 30 * time.Second

// Told is an inject that was given to responders.
type Told struct {
	Inject
	When time.Time `json:"when"`
}

type liveState struct {
	rules   []*ruleState
	injects []*injectState
	paused  bool
	since   time.Time // of the pause
	told    []Told
}

type ruleState struct {
	Rule
	kind EventKind
	next time.Time // zero: it is over
}

type injectState struct {
	Inject
	next time.Time
}

func newLiveState(w *World) *liveState {
	l := &liveState{}
	for _, r := range w.Scenario.Live {
		l.rules = append(l.rules, &ruleState{r, EventAttacker, w.start.Add(r.Begin)})
	}
	for _, r := range w.Scenario.Decoys {
		l.rules = append(l.rules, &ruleState{r, EventOther, w.start.Add(r.Begin)})
	}
	for _, in := range w.Scenario.Injects {
		l.injects = append(l.injects, &injectState{in, w.start.Add(in.Begin)})
	}
	return l
}

// next is when something is due, zero for never.
func (l *liveState) next() time.Time {
	var first time.Time
	sooner := func(t time.Time) {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	for _, r := range l.rules {
		sooner(r.next)
	}
	for _, in := range l.injects {
		sooner(in.next)
	}
	return first
}

// Wait lets time pass on a clock that stands, with everything that happens in it.
func (w *World) Wait(ctx context.Context, d time.Duration) error {
	end := w.clock.Now().Add(d)
	for {
		w.mu.Lock()
		at := w.live.next()
		if at.IsZero() || at.After(end) {
			w.mu.Unlock()
			w.clock.Until(end)
			return ctx.Err()
		}
		w.clock.Until(at)
		err := w.due(ctx)
		w.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

// Tick does everything that is due by now.
func (w *World) Tick(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.live.paused {
		return nil
	}
	return w.due(ctx)
}

func (w *World) due(ctx context.Context) error {
	now := w.clock.Now()
	for _, in := range w.live.injects {
		if in.next.IsZero() || in.next.After(now) {
			continue
		}
		if in.When != nil && !w.holds(ctx, *in.When) {
			in.next = now.Add(poll)
			continue
		}
		in.next = time.Time{}
		w.give(in.Inject, now)
	}
	for _, r := range w.live.rules {
		if r.next.IsZero() || r.next.After(now) {
			continue
		}
		if err := w.runRule(ctx, r, now); err != nil {
			return err
		}
	}
	return nil
}

// runRule does one turn. What is refused is part of the exercise, not an error of it.
func (w *World) runRule(ctx context.Context, r *ruleState, now time.Time) error {
	if r.When != nil && !w.holds(ctx, *r.When) {
		r.next = now.Add(poll)
		return nil
	}
	refused := false
	for _, s := range r.Steps {
		w.clock.Advance(s.After)
		_, err := w.step(s)
		if _, api := errors.AsType[*awssim.ActError](err); err != nil && !api {
			return w.asExpected(s, err)
		}
		w.happened(Event{Kind: r.kind, Who: s.By, What: s.what(), Refused: refusal(err)})
		if err != nil {
			refused = true
			break
		}
	}
	switch {
	case r.Every == 0, refused && r.Until == "denied":
		r.next = time.Time{}
	default:
		r.next = now.Add(r.Every)
	}
	return nil
}

// holds asks a condition of the account alone: the attacker does not see the case.
func (w *World) holds(_ context.Context, c Check) bool {
	j := &judge{w: w, calls: w.Cloud.Calls(), choices: w.decided, live: true}
	return j.holds(c)
}

// Pause holds the attacker, the others and the injects; what was due meanwhile comes later by as much.
func (w *World) Pause() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.live.paused {
		w.live.paused, w.live.since = true, w.clock.Now()
		w.happened(Event{Kind: EventPause})
	}
}

// Resume lets them go on.
func (w *World) Resume() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.live.paused {
		return
	}
	held := w.clock.Now().Sub(w.live.since)
	w.live.paused = false
	w.happened(Event{Kind: EventResume})
	for _, r := range w.live.rules {
		if !r.next.IsZero() {
			r.next = r.next.Add(held)
		}
	}
	for _, in := range w.live.injects {
		if !in.next.IsZero() {
			in.next = in.next.Add(held)
		}
	}
}

// Paused says whether the exercise is held.
func (w *World) Paused() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.live.paused
}

// ErrNoInject: no inject or hint of that name is left.
var ErrNoInject = errors.New("no such inject or hint is left")

// InjectNow gives an inject before its time.
func (w *World) InjectNow(id string) (Told, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, in := range w.live.injects {
		if in.ID == id && !in.next.IsZero() {
			in.next = time.Time{}
			return w.give(in.Inject, w.clock.Now()), nil
		}
	}
	return Told{}, ErrNoInject
}

// Hint gives the next hint; it costs points.
func (w *World) Hint() (Hint, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.hints); n < len(w.Scenario.Hints) {
		h := w.Scenario.Hints[n]
		w.hints = append(w.hints, h.ID)
		w.happened(Event{Kind: EventHint, Who: responder, What: h.ID})
		return h, nil
	}
	return Hint{}, ErrNoInject
}

// Heard is what responders were told so far.
func (w *World) Heard() []Told {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.live.told)
}
