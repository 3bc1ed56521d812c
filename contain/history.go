package contain

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// history is what this case's runs did, by their journals: those of unfinished bags too.
type history struct {
	files   map[string]*file // by resource, document, key
	damaged []string         // bags that could not be read
	own     map[string]bool  // request ids of the changing calls that they made
	roads   map[string]Check // to bad code, as the last run found them
	targets []Target         // of plans that were applied, also where all was done already by somebody else
}

// file is one document's history.
type file struct {
	doc      *document
	resource string
	key      string
	base     json.RawMessage   // the state before the first edit that is in force
	last     json.RawMessage   // as our last run left it
	also     []json.RawMessage // what it may be instead, where a run was cut off
	held     []held            // edits in force, oldest first
	lifted   []held            // and those taken back, with State
}

// held is one edit and where it came from.
type held struct {
	PlannedEdit
	place   Place
	kind    Kind
	bag     string
	intent  string
	since   time.Time
	state   State // InForce, Pending; lifted: Released, Undone
	outcome Status
}

// load reads the journals of all containment bags, oldest first.
func load(ctx context.Context, c *evidence.Case) (*history, error) {
	h := &history{files: map[string]*file{}, own: map[string]bool{}, roads: map[string]Check{}}
	for b, err := range c.Bags(ctx) {
		if err != nil {
			if b == nil {
				return nil, fmt.Errorf("reading the case's bags: %w", err)
			}
			h.damaged = append(h.damaged, fmt.Sprintf("bag %s cannot be read (%v): what it did is not known here", b.ID(), err))
			continue
		}
		if b.Header().Kind != evidence.KindContainment {
			continue
		}
		for e, err := range b.Journal(ctx) {
			if err == nil {
				err = h.take(b.ID(), e)
			}
			if err != nil {
				h.damaged = append(h.damaged, fmt.Sprintf("the journal of bag %s cannot be read to its end (%v)", b.ID(), err))
				break
			}
		}
	}
	return h, ctx.Err()
}

func (h *history) take(bag string, e evidence.JournalEntry) error {
	switch e.Kind {
	case noteRun:
		var n RunNote
		if err := json.Unmarshal(e.Value, &n); err != nil {
			return fmt.Errorf("reading what the run was to do: %w", err)
		}
		if n.Document != nil {
			h.targets = append(h.targets, n.Document.Targets...)
		}
	case noteIntent:
		var i Intent
		if err := json.Unmarshal(e.Value, &i); err != nil {
			return fmt.Errorf("reading an intent: %w", err)
		}
		return h.intent(bag, e.At, i)
	case noteOutcome:
		var o Outcome
		if err := json.Unmarshal(e.Value, &o); err != nil {
			return fmt.Errorf("reading an outcome: %w", err)
		}
		if f := h.files[fileKey(o.Resource, o.Doc, o.Key)]; f != nil {
			f.outcome(bag, e.At, o)
		}
	case noteVerified:
		return h.verified(e.Value)
	case noteCall:
		var x awsapi.Exchange // one that cannot be read is nobody's, and so is told
		if json.Unmarshal(e.Value, &x) == nil && x.RequestID != "" && awsapi.Mutating(x.Call) {
			h.own[x.RequestID] = true
		}
	}
	return nil
}

func fileKey(resource, doc, key string) string { return resource + "\x00" + doc + "\x00" + key }

func (h *history) intent(bag string, at time.Time, i Intent) error {
	doc, err := documentNamed(i.Doc)
	if err != nil {
		return err
	}
	id := fileKey(i.Resource, i.Doc, i.Key)
	f := h.files[id]
	if f == nil {
		f = &file{doc: doc, resource: i.Resource, key: i.Key}
		h.files[id] = f
	}
	if i.Action == "apply" {
		return f.applied(bag, at, i)
	}
	f.also = append(f.also, i.To) // until its outcome says more, either may be there
	return nil
}

// applied adds an apply's edits. What they stand on is the state before, unless they
// stand on edits of ours: then it is still the state before those. One that only
// joins what others of ours hold changes nothing of what is known.
func (f *file) applied(bag string, at time.Time, i Intent) error {
	again := f.retried(i)
	if !again && !i.Joins && (len(f.held) == 0 || !f.known(i.From)) {
		f.base, f.held = i.From, nil
	}
	for _, e := range i.Edits {
		act, err := actNamed(e.Act)
		if err != nil {
			return err
		}
		f.held = append(f.held, held{PlannedEdit: e, place: i.placeOf(e), kind: act.Kind, bag: bag, intent: i.ID, since: at, state: Pending})
	}
	if !i.Joins {
		f.last, f.also = i.To, []json.RawMessage{i.From}
	}
	return nil
}

// placeOf an edit: that of the intent, or of another target that shares the document.
func (i Intent) placeOf(e PlannedEdit) Place {
	for _, t := range i.Also {
		if t.ARN == e.On {
			return Place{t, i.Key}
		}
	}
	return i.Place
}

// retried drops edits of a run that was cut off or failed, and is now made again: the
// state before is the one it had, even if the first try had left it halfway.
func (f *file) retried(i Intent) bool {
	n := len(f.held)
	f.held = slices.DeleteFunc(f.held, func(h held) bool {
		same := slices.ContainsFunc(i.Edits, func(e PlannedEdit) bool { return e.Act == h.Act && e.On == h.On }) // another target's edit is another edit
		return h.state == Pending && same && (f.known(i.From) || f.doc.between(f.base, i.From, i.To))
	})
	return len(f.held) < n
}

// known says whether a state is one that our runs may have left.
func (f *file) known(state json.RawMessage) bool {
	for _, s := range append([]json.RawMessage{f.last}, f.also...) {
		if s != nil && f.doc.equal(s, state) {
			return true
		}
	}
	return false
}

func (f *file) outcome(bag string, at time.Time, o Outcome) {
	if o.Action != "apply" {
		if o.Status == StatusDone || o.Status == StatusAlready {
			f.lift(bag, at, o)
		}
		return
	}
	for i := range f.held {
		h := &f.held[i]
		if h.intent == "" || h.intent != o.Intent {
			continue
		}
		h.outcome = o.Status
		if o.Status == StatusDone || o.Status == StatusAlready { // already: it joined what another act holds
			h.state, f.also = InForce, nil
			if !o.Seen.IsZero() {
				h.since = o.Seen
			}
		}
	}
	if o.Status == StatusFailed && o.Now != nil && len(f.also) == 1 && f.doc.equal(o.Now, f.also[0]) {
		// Seen not to have taken effect: it is not in force, and leaves nothing to undo.
		f.held = slices.DeleteFunc(f.held, func(h held) bool { return h.intent == o.Intent })
		f.last, f.also = o.Now, nil
	}
}

// id names one edit of one run.
func (h held) id() string {
	if h.On == "" {
		return h.intent + " " + h.Act
	}
	return h.intent + " " + h.Act + " " + h.On
}

// lift moves the edits that a release or undo took back.
func (f *file) lift(bag string, at time.Time, o Outcome) {
	state := Released
	if o.Action == "undo" {
		state = Undone
	}
	f.held = slices.DeleteFunc(f.held, func(h held) bool {
		if !slices.Contains(o.Lifts, h.id()) {
			return false
		}
		h.state, h.bag, h.since = state, bag, at
		f.lifted = append(f.lifted, h)
		return true
	})
	f.also = nil
	if o.Now != nil {
		f.last = o.Now
	}
}

// without is the document with some edits taken back: the others folded again over the
// state before.
func (f *file) without(take func(held) bool) (to json.RawMessage, gone []held, err error) {
	to = f.base
	for _, h := range f.held {
		if take(h) {
			gone = append(gone, h)
			continue
		}
		if to, err = fold(to, []placed{{h.PlannedEdit, h.place}}, ""); err != nil {
			return nil, nil, err
		}
	}
	return to, gone, nil
}

// sorted are the documents in a stable order.
func (h *history) sorted() []*file {
	var all []*file
	for _, k := range sortedKeys(h.files) {
		all = append(all, h.files[k])
	}
	return all
}

// of are the documents where something is or was in force for such a target.
func (h *history) of(match func(Target) bool) []*file {
	return slices.DeleteFunc(h.sorted(), func(f *file) bool {
		return !slices.ContainsFunc(slices.Concat(f.held, f.lifted), func(x held) bool { return match(x.place.Target) })
	})
}

// stageOf is where a document stands in the order of acts.
func stageOf(hs []held) int {
	var all []int
	for _, h := range hs {
		if act, err := actNamed(h.Act); err == nil {
			all = append(all, act.rank(RoleFirst))
		}
	}
	sort.Ints(all)
	if len(all) == 0 {
		return 0
	}
	return all[0]
}
