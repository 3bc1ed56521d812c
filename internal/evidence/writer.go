package evidence

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/freezeframe-ir/freezeframe/internal/journal"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

const (
	collectionsDir = "collections/"
	headerSchema   = "freezeframe.collection/1"
	beginKind      = "begin" // the journal's first entry: the header, for a bag that is never sealed
)

// Writer fills a bag. Its methods are safe for many goroutines.
type Writer struct {
	c      *Case
	id     string // the bag's ULID
	prefix string // collections/<ulid>/
	macKey []byte // of the MACs of secrets; stored inside each seal and nowhere else
	names  *nameTable
	spool  spool
	log    *journal.Log
	batch  batch

	mu       sync.Mutex // guards what follows
	header   Header
	closed   bool
	active   int // artefacts and notes being written
	segments int
	entries  []Entry
	payload  map[string]string // path in the bag -> hash
	octets   int64
	tags     map[string]string
	plan     *sealPlan
	kept     *kept             // what a resumed bag had; nil in one that was begun here
	sealing  map[string][]byte // lists of an interrupted sealing, by path; nil if there was none
}

// Begin starts a bag. Bag, Case, Schema, Status are filled in, and Operator, Kind and Started where empty.
func (c *Case) Begin(ctx context.Context, h Header) (*Writer, error) {
	h.Bag = c.newID()
	return c.begin(ctx, h)
}

func (c *Case) begin(ctx context.Context, h Header) (*Writer, error) {
	h.Schema, h.Case, h.Status = headerSchema, c.ID, StatusPartial
	if h.Started.IsZero() {
		h.Started = c.Now()
	}
	if h.Operator == "" {
		h.Operator = c.Operator
	}
	if h.Kind == "" {
		h.Kind = KindCollection
	}
	h.Started = h.Started.UTC()
	w := c.newWriter(h)
	w.log = journal.New(c.Now, w.storeSegment)
	if err := w.log.Append(ctx, beginKind, h); err != nil {
		return nil, fmt.Errorf("begin bag %s: %w", h.Bag, err)
	}
	return w, nil
}

func (c *Case) newWriter(h Header) *Writer {
	w := &Writer{
		c: c, id: h.Bag, prefix: collectionsDir + h.Bag + "/", macKey: make([]byte, 32), names: newNameTable(), header: h,
		payload: map[string]string{}, tags: map[string]string{},
	}
	rand.Read(w.macKey) // a key: never from c.Rand, which tests make predictable
	return w
}

// Bag is the ULID of the bag being written.
func (w *Writer) Bag() string { return w.id }

// SetHeader changes the header before it is sealed (clock skew, principal, params learned on the way).
// Bag, Case, Schema and Status are not the caller's. Once sealing has begun it does nothing.
func (w *Writer) SetHeader(change func(*Header)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	h := w.header
	change(&h)
	h.Schema, h.Bag, h.Case, h.Status = w.header.Schema, w.header.Bag, w.header.Case, w.header.Status
	w.header = h
}

// enter counts an artefact or a note in, so that Seal can refuse while one is being written.
func (w *Writer) enter() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return fmt.Errorf("bag %s: %w", w.id, ErrClosed)
	}
	w.active++
	return nil
}

func (w *Writer) leave() {
	w.mu.Lock()
	w.active--
	w.mu.Unlock()
}

// Put stores an artefact: hashed while written, sealed with age when m.Sensitive, compared with
// m.Declared while written (a difference is coverage state mismatch, not an error).
// When write fails nothing is kept (but see ErrTruncated), and the caller records the gap.
//
// In a folder artefacts become durable together: with Flush, Note or Seal, when enough have
// gathered, and after a second at the latest. One that cannot be stored then is a gap, and
// the next Put or Flush says so.
func (w *Writer) Put(ctx context.Context, m Meta, write func(io.Writer) error) (Item, error) {
	if err := w.enter(); err != nil {
		return Item{}, err
	}
	defer w.leave()
	d, err := w.draft(ctx, w.c.newID(), m, write)
	if err == nil {
		err = w.store(ctx, &parcel{main: d})
	}
	if err != nil {
		return Item{}, fmt.Errorf("store %s: %w", m.Artefact, err)
	}
	return d.item, nil
}

// PutSecret seals secret and stores twin, its redacted counterpart, in clear; each names the other.
func (w *Writer) PutSecret(ctx context.Context, m Meta, secret, twin []byte) (sealed, redacted Item, err error) {
	if err := w.enter(); err != nil {
		return Item{}, Item{}, err
	}
	defer w.leave()
	sealedID, twinID := w.c.newID(), w.c.newID()
	sm := m
	sm.Sensitive, sm.Twin = true, twinID
	d, err := w.draft(ctx, sealedID, sm, copyOf(secret))
	if err != nil {
		return Item{}, Item{}, fmt.Errorf("seal %s: %w", m.Artefact, err)
	}
	m.Sensitive, m.Twin, m.Declared = false, sealedID, nil
	t, err := w.draft(ctx, twinID, m, copyOf(twin))
	if err != nil {
		return Item{}, Item{}, errors.Join(fmt.Errorf("store the redacted %s: %w", m.Artefact, err), d.staged.Discard())
	}
	p := &parcel{main: d, twin: t, note: &twinNote{Item: t.item, Data: twin}}
	if w.c.SealAll {
		p.note.Data = nil // the journal is in clear
	}
	if err := w.store(ctx, p); err != nil {
		return d.item, Item{}, fmt.Errorf("seal %s: %w", m.Artefact, err)
	}
	return d.item, t.item, nil
}

func copyOf(data []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(data))
		return err
	}
}

// draft is an artefact whose bytes are written and hashed, and which has no name yet.
type draft struct {
	staged vault.Staged
	item   Item
	state  State
}

func (w *Writer) draft(ctx context.Context, id string, m Meta, write func(io.Writer) error) (*draft, error) {
	it := Item{ID: id, Meta: keepName(m), Sealed: w.c.SealAll && !m.Sensitive}
	it.Path = w.path(it)
	if it.Started.IsZero() {
		it.Started = w.c.Now().UTC()
	}
	staged, err := w.stage(ctx, w.prefix+it.Path)
	if err != nil {
		return nil, err
	}
	out := newTally(staged)
	state, err := w.fill(out, &it, write)
	if err != nil {
		w.names.free(it.Path[strings.LastIndexByte(it.Path, '/')+1:]) // the next try gets the same name
		return nil, errors.Join(err, staged.Discard())
	}
	if it.Size, it.SHA256 = out.size, out.sum(); it.Ended.IsZero() {
		it.Ended = w.c.Now().UTC()
	}
	return &draft{staged, it, state}, nil
}

// stored says whether an item is there although its write was reported failed: the
// work may be done and only the answer lost.
func (w *Writer) stored(ctx context.Context, it Item) bool {
	sum, size, err := hashFile(ctx, w.c.vault, w.prefix+it.Path)
	return err == nil && sum == it.SHA256 && size == it.Size
}

func (w *Writer) path(it Item) string {
	if it.Ciphertext() {
		return "data/sealed/" + w.names.take(it.ID+".age")
	}
	return "data/" + w.names.take(it.Name)
}

// fill lets the caller write, through the seal if the artefact is sensitive.
func (w *Writer) fill(out *tally, it *Item, write func(io.Writer) error) (State, error) {
	var seal *sealing
	plain := out // where the artefact's own bytes are hashed: what is stored, unless it is sealed
	if it.Ciphertext() {
		var err error
		if seal, err = w.seal(out); err != nil {
			return "", err
		}
		plain = newTally(seal)
	}
	err := write(plain)
	truncated := errors.Is(err, ErrTruncated)
	if err != nil && !truncated {
		return "", err
	}
	if seal != nil {
		if err := seal.close(); err != nil {
			return "", fmt.Errorf("seal: %w", err)
		}
		it.HMAC = seal.sum()
	}
	it.Declared = compare(it.Declared, plain.hash.Sum(nil), it.Sensitive)
	switch {
	case truncated:
		return Truncated, nil
	case it.Declared != nil && !it.Declared.Matches:
		return Mismatch, nil
	}
	return Collected, nil
}

// compare is a copy of what AWS declared with Matches set. The declared hash of a secret is
// a plain hash, and not kept. An algorithm other than sha256 cannot match: nobody compared.
func compare(declared *Declared, sum []byte, secret bool) *Declared {
	if declared == nil {
		return nil
	}
	out := *declared
	out.Matches = out.Algorithm == "sha256" &&
		(out.Value == base64.StdEncoding.EncodeToString(sum) || out.Value == hex.EncodeToString(sum))
	if secret {
		out.Value = ""
	}
	return &out
}

func (w *Writer) record(it Item, state State) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.take(it, state)
}

// take lists an item. The caller holds w.mu.
func (w *Writer) take(it Item, state State) {
	w.supersede(it, state)
	w.payload[it.Path] = it.SHA256
	w.octets += it.Size
	w.entries = append(w.entries, Entry{Artefact: it.Artefact, Source: it.Source, State: state, Item: &it})
}

// maxGapText bounds what AWS, or an attacker through it, can put into a gap.
const maxGapText = 4096

// Gap records what was wanted and not had.
func (w *Writer) Gap(g Gap) error {
	if err := w.enter(); err != nil {
		return fmt.Errorf("gap of %s: %w", g.Artefact, err)
	}
	defer w.leave()
	if g.At.IsZero() {
		g.At = w.c.Now()
	}
	w.addGap(g)
	return nil
}

func (w *Writer) addGap(g Gap) {
	g.At = g.At.UTC()
	g.Error = g.Error[:min(len(g.Error), maxGapText)]
	g.Note = g.Note[:min(len(g.Note), maxGapText)]
	w.mu.Lock()
	known := w.answered(g)
	if !known {
		w.entries = append(w.entries, Entry{Artefact: g.Artefact, Source: g.Source, State: g.State, Gap: &g})
	}
	w.mu.Unlock()
	if known {
		return
	}
	// For a resumed collection; durable with the next artefact. One that cannot be written shows there.
	_ = w.log.Add(context.Background(), gapKind, g)
}

// Note appends to the bag's journal: durable when it returns nil, with all that was put before.
func (w *Writer) Note(ctx context.Context, kind string, v any) error {
	if err := w.enter(); err != nil {
		return err
	}
	defer w.leave()
	w.flush(ctx) // what fails there is a gap, and the next Put's to say
	return w.log.Append(ctx, kind, v)
}

// Jot appends to the bag's journal without waiting: durable with the next Note or Seal.
func (w *Writer) Jot(ctx context.Context, kind string, v any) error {
	if err := w.enter(); err != nil {
		return err
	}
	defer w.leave()
	return w.log.Add(ctx, kind, v)
}

// storeSegment makes journal lines durable as the next segment. If a segment of that
// number is there, it is from a write of ours whose answer was lost: what it holds is not written again.
func (w *Writer) storeSegment(ctx context.Context, lines []byte) error {
	for {
		w.mu.Lock()
		name := segmentName(w.segments + 1)
		w.mu.Unlock()
		_, err := w.c.vault.Create(ctx, w.prefix+name, bytes.NewReader(lines), int64(len(lines)), sha256.Sum256(lines))
		if err == nil {
			w.tookSegment(name, lines)
			return nil
		}
		there, again := readFile(ctx, w.c.vault, w.prefix+name, maxTagFile)
		if again != nil || len(there) == 0 || !bytes.HasPrefix(lines, there) {
			return err
		}
		w.tookSegment(name, there)
		if lines = lines[len(there):]; len(lines) == 0 {
			return nil
		}
		if !errors.Is(err, vault.ErrExists) {
			return err
		}
	}
}

func (w *Writer) tookSegment(name string, data []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.segments++
	w.tags[name] = hashBytes(data)
}

func segmentName(n int) string { return fmt.Sprintf("journal/%05d.ndjson", n) }

// Abandon gives the bag up: it stays unfinished, with the reason in its journal. After Seal it does nothing.
func (w *Writer) Abandon(ctx context.Context, reason string) error {
	w.mu.Lock()
	if w.closed && w.plan == nil {
		w.mu.Unlock()
		return nil
	}
	w.closed, w.plan = true, nil
	w.mu.Unlock()
	w.flush(ctx)
	err := w.log.Append(ctx, "abandon", map[string]string{"reason": reason})
	return errors.Join(err, w.spool.remove())
}

// Leave stops writing a bag that somebody is to go on with (Resume): what was put is durable, and why
// it was left is in its journal.
func (w *Writer) Leave(ctx context.Context, why string) error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return fmt.Errorf("bag %s: %w", w.id, ErrClosed)
	}
	w.closed = true
	w.mu.Unlock()
	w.flush(ctx)
	err := w.log.Append(ctx, "left", map[string]string{"reason": why})
	return errors.Join(err, w.spool.remove())
}
