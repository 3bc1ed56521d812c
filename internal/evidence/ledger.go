package evidence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

const (
	eventSchema = "freezeframe.event/1"
	ledgerDir   = "ledger/"
	// maxContention bounds how often one append reads on because others wrote first.
	maxContention = 1000
)

var eventTypes = []EventType{
	EventOpen, EventCollect, EventResume, EventSeal, EventTransfer, EventAccess, EventAnalyse, EventContain,
	EventApprove, EventOverride, EventDecide, EventNote, EventImport, EventExport, EventUndo, EventRekey,
}

// errEventType: Record was given a type that is not in the list.
var errEventType = errors.New("unknown type of ledger event")

// ledgerName is the object of event seq.
func ledgerName(seq int64) string { return fmt.Sprintf("%s%08d.json", ledgerDir, seq) }

// maxEvents is what eight digits number.
const maxEvents = 100_000_000

// tail is how far the ledger was read: the last event, the hash of its file, and how
// often the keys had changed by then.
type tail struct {
	seq   int64
	hash  string
	epoch int64
}

func (t *tail) take(e Event, file []byte) {
	*t = tail{seq: e.Seq, hash: hashBytes(file), epoch: e.Epoch}
}

func emptyTail() tail { return tail{seq: -1} }

// Record appends an event to the ledger and signs a head over it. After ErrNotSigned the
// event is there; SignTail makes up for the signature.
func (c *Case) Record(ctx context.Context, e Event) error {
	if e.Type == EventOpen {
		return fmt.Errorf("%w: a case is opened once", errEventType)
	}
	if _, err := c.append(ctx, e); err != nil {
		return fmt.Errorf("record %s event: %w", e.Type, err)
	}
	return nil
}

// append writes an event behind the last one. Writers do not coordinate: whoever creates
// the next object first has it, and the others read on from there. An event keeps its ID,
// so that after a lost answer it is recognised instead of written twice.
func (c *Case) append(ctx context.Context, e Event) (Event, error) {
	if !slices.Contains(eventTypes, e.Type) {
		return e, fmt.Errorf("%w %.60q", errEventType, e.Type)
	}
	c.ledger.Lock()
	defer c.ledger.Unlock()
	e = c.fill(e)
	if e.Type != EventOpen && c.tail.seq < 0 {
		if err := c.findTail(ctx); err != nil {
			return e, err
		}
	}
	covers := e.Covers
	for range maxContention {
		heads, err := c.tailHeads(ctx)
		if err != nil {
			return e, err
		}
		e.Covers = slices.Concat(covers, heads)
		done, err := c.tryAppend(ctx, &e)
		if err != nil {
			return e, err
		}
		if done {
			return e, c.signTail(ctx)
		}
	}
	return e, fmt.Errorf("%s: others wrote first %d times in a row", c.vault, maxContention)
}

func (c *Case) fill(e Event) Event {
	e.Schema, e.Case = eventSchema, c.ID
	if e.ID == "" {
		e.ID = c.newID()
	}
	if e.Clock.IsZero() {
		e.Clock = c.Now()
	}
	if e.Actor == "" {
		e.Actor = c.Operator
	}
	e.Clock = e.Clock.UTC()
	return e
}

// tryAppend creates the next event: done, or somebody else has that place (false, nil).
func (c *Case) tryAppend(ctx context.Context, e *Event) (bool, error) {
	e.Seq, e.PrevHash, e.Epoch = c.tail.seq+1, c.tail.hash, epochAfter(c.tail.epoch, e.Type)
	body, err := encodeJSON(e)
	if err != nil {
		return false, fmt.Errorf("encode ledger event: %w", err)
	}
	sum := sha256.Sum256(body)
	_, err = c.vault.Create(ctx, ledgerName(e.Seq), bytes.NewReader(body), int64(len(body)), sum)
	if err != nil {
		there, again := readFile(ctx, c.vault, ledgerName(e.Seq), maxSmallFile)
		switch {
		case again == nil && bytes.Equal(there, body): // ours: only the answer was lost
		case again == nil && errors.Is(err, vault.ErrExists):
			return false, c.readOn(ctx)
		default:
			return false, err // the vault says what and where
		}
	}
	c.tail.take(*e, body)
	return true, nil
}

// epochAfter counts the changes of keys.
func epochAfter(epoch int64, t EventType) int64 {
	if t == EventRekey {
		return epoch + 1
	}
	return epoch
}

// findTail looks up the last event without reading those before it: opening a case costs
// the same however long its ledger is. Verification reads them all.
func (c *Case) findTail(ctx context.Context) error {
	last := int64(-1)
	for e, err := range c.vault.List(ctx, ledgerDir+"0") { // the events and not the heads, up to ten millions
		if err != nil {
			return fmt.Errorf("look for the end of the ledger: %w", err)
		}
		if seq, ok := ledgerSeq(e.Name); ok && !e.Marker && e.Odd == "" {
			last = max(last, seq)
		}
	}
	if last < 0 {
		return fmt.Errorf("%s: %w: %s is missing", c.vault, ErrNotCase, ledgerName(0))
	}
	name := ledgerName(last)
	data, err := readFile(ctx, c.vault, name, maxSmallFile)
	if err != nil {
		return err
	}
	var e Event
	if err := decodeStrict(data, &e); err != nil {
		return fmt.Errorf("%s in %s: %w: %w", name, c.vault, ErrDamaged, err)
	}
	if what := checkEvent(data, &e, last, e.PrevHash, c.ID); what != "" {
		return fmt.Errorf("%s in %s: %w: %s", name, c.vault, ErrDamaged, what)
	}
	c.tail.take(e, data)
	return nil
}

// ledgerSeq is the number of the event that an object holds.
func ledgerSeq(name string) (int64, bool) {
	var seq int64
	_, err := fmt.Sscanf(name, ledgerDir+"%d.json", &seq)
	return seq, err == nil && ledgerName(seq) == name
}

// readOn moves the tail to the last event there is.
func (c *Case) readOn(ctx context.Context) error {
	for _, err := range c.walk(ctx, &c.tail) {
		if err != nil {
			return err
		}
	}
	if c.tail.seq < 0 {
		return fmt.Errorf("%s: %w: %s is missing", c.vault, ErrNotCase, ledgerName(0))
	}
	return nil
}

// walk yields the events behind t and moves it along. It stops at the first that does not fit.
func (c *Case) walk(ctx context.Context, t *tail) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			name := ledgerName(t.seq + 1)
			data, err := readFile(ctx, c.vault, name, maxSmallFile)
			if errors.Is(err, vault.ErrNotFound) {
				return
			}
			if err != nil {
				yield(Event{}, err)
				return
			}
			var e Event
			if what := checkEvent(data, &e, t.seq+1, t.hash, c.ID); what != "" {
				yield(e, fmt.Errorf("%s in %s: %w: %s", name, c.vault, ErrDamaged, what))
				return
			}
			if e.Epoch != epochAfter(t.epoch, e.Type) {
				yield(e, fmt.Errorf("%s in %s: %w: key epoch %d", name, c.vault, ErrDamaged, e.Epoch))
				return
			}
			t.take(e, data)
			if !yield(e, nil) {
				return
			}
		}
	}
}

// checkEvent decodes an event's file and says what is wrong with it in its place, "" if nothing.
func checkEvent(data []byte, e *Event, seq int64, prev, caseID string) string {
	if err := decodeStrict(data, e); err != nil {
		return "unreadable: " + err.Error()
	}
	switch {
	case e.Schema != eventSchema:
		return fmt.Sprintf("schema %.60q, want %q", e.Schema, eventSchema)
	case e.Seq != seq:
		return fmt.Sprintf("carries number %d", e.Seq)
	case e.Case != caseID:
		return fmt.Sprintf("belongs to case %.60q", e.Case)
	case e.PrevHash != prev:
		return "does not follow the event before it"
	case !slices.Contains(eventTypes, e.Type):
		return fmt.Sprintf("unknown type %.60q", e.Type)
	}
	return ""
}

// Ledger yields the events in order, checking the chain as it goes (ErrDamaged).
func (c *Case) Ledger(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		from := emptyTail() // each ranging starts anew
		c.walk(ctx, &from)(yield)
	}
}

// covered is what the ledger says of each path it covers.
func (c *Case) covered(ctx context.Context) (map[string]string, error) {
	out := map[string]string{}
	for e, err := range c.Ledger(ctx) {
		if err != nil {
			return nil, err
		}
		for _, d := range e.Covers {
			out[d.Path] = d.SHA256
		}
	}
	return out, nil
}
