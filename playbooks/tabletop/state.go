package tabletop

import (
	"slices"
	"strings"
	"time"
)

// State is how an exercise stands, for whoever leads it: with all that is hidden from players.
type State struct {
	Schema    string        `json:"schema"`
	Banner    string        `json:"banner"`
	Exercise  string        `json:"exercise"`
	Scenario  string        `json:"scenario"`
	Now       time.Time     `json:"now"`
	Minutes   int           `json:"minutes"` // since responders came in
	Of        int           `json:"of"`
	Paused    bool          `json:"paused"`
	Told      []Told        `json:"told"`
	Calls     int           `json:"calls_by_responders"`
	Changes   []string      `json:"changes_by_responders"` // calls that changed the account
	Attacker  int           `json:"attacker_calls"`        // that succeeded since responders came in
	Pending   []Pending     `json:"pending"`
	Decisions []Decided     `json:"decisions"`
	Observed  []Observation `json:"observations"`
	Hints     int           `json:"hints_left"`
}

// Pending is what has yet to happen.
type Pending struct {
	Kind      EventKind `json:"kind"`
	ID        string    `json:"id"`
	Minute    int       `json:"minute"`    // when it is due
	Condition bool      `json:"condition"` // and only if something holds then
	What      string    `json:"what"`
}

// Seen is how an exercise stands, for players: what they were told, and nothing else.
type Seen struct {
	Schema   string      `json:"schema"`
	Banner   string      `json:"banner"`
	Exercise string      `json:"exercise"`
	Now      time.Time   `json:"now"`
	Minutes  int         `json:"minutes"`
	Of       int         `json:"of"`
	Paused   bool        `json:"paused"`
	Roles    []Role      `json:"roles"`
	Heard    []HeardLine `json:"heard"`
	Hints    int         `json:"hints_left"`
}

// HeardLine is an inject as players hear it: what is expected of them is no part of it.
type HeardLine struct {
	ID      string        `json:"id"`
	After   time.Duration `json:"after_ns"`
	Channel string        `json:"channel"`
	From    string        `json:"from"`
	To      string        `json:"to"`
	Content string        `json:"content"`
	Options []HeardOption `json:"options,omitempty"` // where it asks for a decision
	Decided string        `json:"decided,omitempty"` // the option, once it was
	By      string        `json:"by,omitempty"`      // the role
	Outcome string        `json:"outcome,omitempty"` // of what was decided
}

// HeardOption is an answer that can be given.
type HeardOption struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// Clock is when it was heard.
func (h HeardLine) Clock() string { return clockText(h.After) }

// Seen is what players may know by now.
func (w *World) Seen() Seen {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock.Now()
	out := Seen{Schema: "freezeframe/tabletop-seen/v1", Banner: "EXERCISE", Exercise: w.ID, Now: now.UTC(), Minutes: w.minute(now), Of: w.minute(w.start.Add(w.Scenario.Lasts)),
		Paused: w.live.paused, Roles: append([]Role{}, w.Scenario.Roles...), Heard: []HeardLine{}, Hints: len(w.Scenario.Hints) - len(w.hints)}
	for _, t := range w.live.told {
		line := HeardLine{ID: t.ID, After: t.When.Sub(w.start).Truncate(time.Second), Channel: t.Channel, From: t.From, To: t.To, Content: t.Content}
		if t.Decide != nil {
			for _, o := range t.Decide.Options {
				line.Options = append(line.Options, HeardOption{o.ID, o.Text})
			}
		}
		if d := w.chosen(t.ID); d != nil {
			line.Decided, line.By, line.Outcome = d.Option, d.Role, d.Outcome
		}
		out.Heard = append(out.Heard, line)
	}
	return out
}

func (w *World) minute(at time.Time) int { return int(at.Sub(w.start) / time.Minute) }

// State is how it stands by now, with all that is hidden.
func (w *World) State() State {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock.Now()
	out := State{Schema: "freezeframe/tabletop-status/v1", Banner: "EXERCISE", Exercise: w.ID, Scenario: w.Scenario.Name, Now: now.UTC(), Minutes: w.minute(now),
		Of: w.minute(w.start.Add(w.Scenario.Lasts)), Paused: w.live.paused, Told: append([]Told{}, w.live.told...), Changes: []string{}, Pending: w.pending(now),
		Decisions: append([]Decided{}, w.decided...), Observed: append([]Observation{}, w.observed...), Hints: len(w.Scenario.Hints) - len(w.hints)}
	calls := w.Cloud.Calls()
	j := &judge{w: w, calls: calls, choices: w.decided, live: true}
	for _, c := range calls {
		if c.KeyID == w.Responder.AccessKeyID {
			out.Calls++
		}
		if j.matches(c, CallCheck{}) {
			out.Changes = append(out.Changes, clockText(c.Time.Sub(w.start))+" "+c.API+" "+c.Resource)
		}
	}
	out.Attacker = j.attackerCalls()
	return out
}

// pending is in the order in which it is due; while the exercise is held, all of it comes later.
func (w *World) pending(now time.Time) []Pending {
	held := 0
	if w.live.paused {
		held = int(now.Sub(w.live.since) / time.Minute)
	}
	out := []Pending{}
	for _, in := range w.live.injects {
		if !in.next.IsZero() {
			out = append(out, Pending{EventInject, in.ID, w.minute(in.next) + held, in.When != nil, in.Content})
		}
	}
	for _, r := range w.live.rules {
		if r.next.IsZero() {
			continue
		}
		var does []string
		for _, s := range r.Steps {
			does = append(does, s.what())
		}
		out = append(out, Pending{r.kind, r.ID, w.minute(r.next) + held, r.When != nil, strings.Join(does, "; ")})
	}
	slices.SortStableFunc(out, func(a, b Pending) int { return a.Minute - b.Minute })
	return out
}
