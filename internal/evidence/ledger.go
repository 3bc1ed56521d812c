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

// tail is how far the ledger was read: the last event and the hash of its file.
type tail struct {
	seq  int64
	hash string
}

func emptyTail() tail { return tail{seq: -1} }

// Record appends an event to the ledger.
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
		if err := c.readOn(ctx); err != nil {
			return e, err
		}
	}
	for range maxContention {
		done, err := c.tryAppend(ctx, &e)
		if done || err != nil {
			return e, err
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
	e.Seq, e.PrevHash = c.tail.seq+1, c.tail.hash
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
	c.tail = tail{seq: e.Seq, hash: hashBytes(body)}
	return true, nil
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
			*t = tail{seq: e.Seq, hash: hashBytes(data)}
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

// Adopt covers with one seal event the sealed bags that the ledger does not know: their
// writers stopped after the last file and before the event. It returns their ids. A bag is
// loaded, and so checked against its tagmanifest, before it is covered.
func (c *Case) Adopt(ctx context.Context, actor string) ([]string, error) {
	e := Event{Type: EventSeal, Actor: actor, Reason: "adopted: sealed before, and not in the ledger"}
	var ids []string
	for b, err := range c.Bags(ctx) {
		if err != nil {
			return nil, fmt.Errorf("adopt bags: %w", err)
		}
		if !b.Sealed() || b.InLedger() {
			continue
		}
		ids = append(ids, b.id)
		e.Covers = append(e.Covers, Digest{Path: b.prefix() + tagManifestFile, SHA256: b.tagManifest})
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return ids, c.Record(ctx, e)
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
