// Package brief says on one screen, from the case alone, what the responder needs who is
// woken in the middle of an incident, and the one who takes over: what happened, who did it,
// what is contained and what is open, which evidence expires when, and what to run next.
//
// It is a selection, and no verdict: what looks hostile is what the records show, and every
// deadline names the artefact that it rests on.
package brief

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

// Input is a case, and what its reader cannot find in it without code that knows AWS.
type Input struct {
	Case     *evidence.Case
	Function string    // name or ARN; "" is every function of the case, maxStories of them
	Acts     []Act     // how acts of containment stand, by the case's journals
	ActsErr  string    // why not all acts are known; "" if they are
	Now      time.Time // what deadlines are counted from
	// Stories are asked for once, of the functions that are told about; nil reads the case for each.
	Stories func(ctx context.Context, functions []string) ([]timeline.Story, error)
}

// Act is how one act of containment stands on one resource.
type Act struct {
	Act      string    `json:"act"`
	Kind     string    `json:"kind"`
	State    string    `json:"state"`
	Function string    `json:"function"` // ARN of its target: a function, or a role, a user, another resource
	Resource string    `json:"resource"`
	Since    time.Time `json:"since"`
}

// InForce is the state of an act that holds, as far as the journals know.
const InForce = "in force"

// Brief is the screen, as data.
type Brief struct {
	Schema    string     `json:"schema"`
	Case      string     `json:"case"`
	ID        string     `json:"id"`
	Title     string     `json:"title"`
	AsOf      time.Time  `json:"as_of"`
	Functions []string   `json:"functions"`                       // told about
	Untold    []string   `json:"functions_not_told,omitempty"`    // further ones of the case
	Collected time.Time  `json:"collected,omitzero"`              // end of the newest collection
	RecordsTo time.Time  `json:"cloudtrail_complete_to,omitzero"` // what came later may be missing
	Happened  []Turn     `json:"happened"`
	MoreTurns int        `json:"more_turns,omitempty"`
	Who       []Actor    `json:"who"`
	MoreWho   int        `json:"more_who,omitempty"`
	Contained []Act      `json:"contained"`
	ActsErr   string     `json:"contained_not_all_known,omitempty"`
	Open      []Open     `json:"open"`
	Handled   []Open     `json:"handled"` // seen open before an act, in force now, that closes such
	Gaps      int        `json:"gaps"`
	Missing   []Missing  `json:"missing"`
	Deadlines []Deadline `json:"deadlines"`
	Notes     []Note     `json:"notes"`
	Unread    []string   `json:"not_read"` // what is in the case and could not be read
	Next      []Command  `json:"next"`
}

// Note is what a person recorded.
type Note struct {
	At   time.Time `json:"at"`
	Who  string    `json:"who"`
	Kind string    `json:"kind"` // detect, declare, decide, handover, note
	Text string    `json:"text"`
}

// Command is what to run, and why.
type Command struct {
	Run string `json:"run"`
	Why string `json:"why"`
}

const (
	maxStories = 8 // a story is a pass over all evidence of the case
	maxTurns   = 8
	maxActors  = 4
	maxNotes   = 2
)

// Of makes the brief of a case.
func Of(ctx context.Context, in Input) (*Brief, error) {
	c := in.Case
	b := &Brief{
		Schema: "freezeframe/brief/v1", Case: c.Vault().String(), ID: c.ID, Title: c.Title, AsOf: in.Now.UTC(), ActsErr: in.ActsErr,
		Functions: []string{}, Happened: []Turn{}, Who: []Actor{}, Contained: []Act{}, Open: []Open{}, Handled: []Open{},
		Missing: []Missing{}, Deadlines: []Deadline{}, Notes: []Note{}, Unread: []string{}, Next: []Command{},
	}
	h, err := read(ctx, c, in.Function)
	if err != nil {
		return nil, err
	}
	contained := func(f string) bool { return slices.ContainsFunc(in.Acts, func(a Act) bool { return a.Function == f }) }
	slices.SortStableFunc(h.functions, func(x, y string) int { // those that somebody acted on first
		if contained(x) == contained(y) {
			return 0
		}
		if contained(x) {
			return -1
		}
		return 1
	})
	n := min(len(h.functions), maxStories)
	b.Functions, b.Untold, b.Collected = h.functions[:n], h.functions[n:], h.collected
	t, err := b.tell(ctx, in, h)
	if err != nil {
		return nil, err
	}
	seen, err := h.trace(ctx, t.keys(), t.firstEvent())
	if err != nil {
		return nil, err
	}
	if err := b.stand(ctx, h, t, seen, of(in.Acts, b.Functions)); err != nil {
		return nil, err
	}
	b.Gaps, b.Missing = h.missing()
	if b.Deadlines, err = h.deadlines(ctx, b, t, seen); err != nil {
		return nil, err
	}
	if b.Notes, err = notes(ctx, c); err != nil {
		return nil, err
	}
	slices.Sort(h.unread)
	b.Unread = append(b.Unread, h.unread...)
	b.Next = b.next(h, t)
	return b, nil
}

// tell reads the story of each function, and picks the turns that matter most.
func (b *Brief) tell(ctx context.Context, in Input, h *holdings) (turns, error) {
	var all turns
	if in.Stories == nil {
		in.Stories = in.each
	}
	stories, err := in.Stories(ctx, b.Functions)
	if err != nil {
		return nil, err
	}
	for i, story := range stories {
		f := b.Functions[i]
		if to := story.Summary.CloudTrailTo; to.After(b.RecordsTo) {
			b.RecordsTo = to
		}
		if from := story.Summary.CloudTrailFrom; h.recordsFrom.IsZero() || from.Before(h.recordsFrom) {
			h.recordsFrom = from
		}
		if story.Summary.Skips > 0 && len(b.Unread) == 0 { // every story reads all of the case
			b.Unread = append(b.Unread, fmt.Sprintf("%d records or files, which freezeframe timeline build names", story.Summary.Skips))
		}
		all = append(all, turnsOf(f, story)...)
		b.MoreTurns += story.Left
	}
	all = all.judged()
	b.Happened = all.weightiest(maxTurns)
	b.MoreTurns += len(all) - len(b.Happened)
	b.Who = all.actors()
	if more := len(b.Who) - maxActors; more > 0 {
		b.MoreWho, b.Who = more, b.Who[:maxActors]
	}
	return all, nil
}

// each reads the case for each story.
func (in Input) each(ctx context.Context, functions []string) ([]timeline.Story, error) {
	var out []timeline.Story
	for _, f := range functions {
		story, err := timeline.Tell(ctx, timeline.Options{Filter: timeline.Filter{Function: f}}, timeline.Input{Case: in.Case})
		if err != nil {
			return nil, fmt.Errorf("telling the story of %s: %w", f, err)
		}
		out = append(out, story)
	}
	return out, nil
}

// notes are the newest that people recorded, oldest of them first.
func notes(ctx context.Context, c *evidence.Case) ([]Note, error) {
	all := []Note{}
	for e, err := range c.Ledger(ctx) {
		if err != nil {
			return nil, fmt.Errorf("reading the ledger: %w", err)
		}
		if e.Type != evidence.EventNote && e.Type != evidence.EventDecide || e.Data["kind"] == "" {
			continue
		}
		n := Note{At: e.Clock, Who: e.Actor, Kind: e.Data["kind"], Text: e.Reason}
		if at, err := time.Parse(time.RFC3339, e.Data["at"]); err == nil {
			n.At = at
		}
		if to := e.Data["to"]; to != "" {
			n.Text = "to " + to + ": " + n.Text
		}
		if all = append(all, n); len(all) > maxNotes {
			all = all[1:]
		}
	}
	return all, nil
}
