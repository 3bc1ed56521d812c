package evidence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/journal"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// Kinds of journal entries that a resumed collection reads.
const (
	itemKind   = "item"
	gapKind    = "gap"
	resumeKind = "resume"
)

var (
	// ErrNothingToResume: the case has no unfinished collection.
	ErrNothingToResume = errors.New("no unfinished collection")
	// ErrSealed: the bag is sealed already.
	ErrSealed = errors.New("bag is sealed")
)

// itemNote announces an artefact in the journal: written before it gets its name.
type itemNote struct {
	Item  Item      `json:"item"`
	State State     `json:"state"`
	Twin  *twinNote `json:"twin,omitempty"`
}

// twinNote is the redacted counterpart of a sealed artefact, bytes and all: it is made again
// from here, for it cannot be made from the ciphertext.
type twinNote struct {
	Item Item   `json:"item"`
	Data []byte `json:"data"`
}

// Session is one stretch of work on a bag that was resumed.
type Session struct {
	Operator  string    `json:"operator"`
	Principal string    `json:"principal"`
	Host      string    `json:"host"`
	Tool      Tool      `json:"tool"`
	Started   time.Time `json:"started"`
}

type keptKey struct {
	artefact string
	source   Source
}

// kept is what a resumed bag had before.
type kept struct {
	entries map[keptKey]Entry
	gaps    []Gap           // asked for and not had: to be asked for again
	cut     map[keptKey]int // truncated artefacts, by their place in Writer.entries
	bag     string          // where they lie, if not in the bag being written: a prefix
}

// Unfinished yields the bags that were begun and neither sealed nor given up, newest first.
func (c *Case) Unfinished(ctx context.Context) ([]*Bag, error) {
	var out []*Bag
	for b, err := range c.Bags(ctx) {
		if err != nil {
			return nil, err
		}
		if b.Sealed() || b.header.Schema == "" { // without a first entry in its journal nothing was begun
			continue
		}
		abandoned := false
		for e, err := range b.Journal(ctx) {
			if err != nil {
				return nil, err
			}
			abandoned = abandoned || e.Kind == "abandon"
		}
		if !abandoned {
			out = append(out, b)
		}
	}
	slices.Reverse(out)
	return out, nil
}

// Tidy clears what killed processes left half written: files that never got a name, and
// what was waiting on its way to a bucket. What a living process is writing stays.
func (c *Case) Tidy(ctx context.Context) error {
	if sw, ok := c.vault.(vault.Sweeper); ok {
		if err := sw.Sweep(ctx); err != nil {
			return fmt.Errorf("clear what interrupted runs left half written: %w", err)
		}
	}
	return sweepSpools()
}

// Resume goes on with an unfinished bag: what lies in it, and is what its journal announced,
// is kept; the rest is for the caller to ask for again (Kept). The new session is recorded
// in the journal, in collection.json and in the ledger. Nobody else may be writing the bag.
func (c *Case) Resume(ctx context.Context, b *Bag, s Session) (*Writer, error) {
	if b.Sealed() {
		return nil, fmt.Errorf("resume bag %s: %w", b.id, ErrSealed)
	}
	if s.Started.IsZero() {
		s.Started = c.Now()
	}
	s.Started = s.Started.UTC()
	h := b.header
	h.Status, h.Resumed = StatusPartial, append(slices.Clone(h.Resumed), s)
	w := c.newWriter(h)
	w.kept = &kept{entries: map[keptKey]Entry{}, cut: map[keptKey]int{}}
	last, err := w.readBack(ctx, b)
	if err != nil {
		return nil, fmt.Errorf("resume bag %s: %w", b.id, err)
	}
	w.log = journal.Continue(c.Now, w.storeSegment, last)
	if err := w.log.Append(ctx, resumeKind, s); err != nil {
		return nil, fmt.Errorf("resume bag %s: %w", b.id, err)
	}
	_, err = c.append(ctx, Event{Type: EventResume, Actor: s.Operator, Data: map[string]string{
		"bag": b.id, "principal": s.Principal, "kept": fmt.Sprint(len(w.payload)),
	}})
	if err != nil && !errors.Is(err, ErrNotSigned) { // sealing will sign what is not signed now
		return nil, fmt.Errorf("resume bag %s: %w", b.id, err)
	}
	return w, nil
}

// readBack takes over what the journal announced and the bag holds; it returns the number
// of the journal's last entry.
func (w *Writer) readBack(ctx context.Context, b *Bag) (last int64, err error) {
	there, err := w.listed(ctx)
	if err != nil {
		return 0, err
	}
	var items []itemNote
	for e, err := range b.Journal(ctx) {
		if err != nil {
			return 0, fmt.Errorf("read its journal: %w", err)
		}
		last = e.Seq
		switch e.Kind {
		case itemKind:
			var n itemNote
			if err := decodeStrict(e.Value, &n); err != nil {
				return 0, fmt.Errorf("%w: journal entry %d: %w", ErrDamaged, e.Seq, err)
			}
			items = append(items, n)
		case gapKind:
			var g Gap
			if err := decodeStrict(e.Value, &g); err != nil {
				return 0, fmt.Errorf("%w: journal entry %d: %w", ErrDamaged, e.Seq, err)
			}
			w.readGap(g)
		case resumeKind:
			var s Session
			if err := decodeStrict(e.Value, &s); err != nil {
				return 0, fmt.Errorf("%w: journal entry %d: %w", ErrDamaged, e.Seq, err)
			}
			w.header.Resumed = slices.Insert(w.header.Resumed, len(w.header.Resumed)-1, s)
		}
	}
	if err := w.readItems(ctx, items, there); err != nil {
		return 0, err
	}
	if _, ok := there[emptyFile]; ok {
		w.payload[emptyFile], w.octets = hashBytes([]byte(emptyText)), w.octets+int64(len(emptyText))
	}
	if _, ok := there[coverageFile]; ok {
		if err := w.readSealing(ctx, there); err != nil {
			return 0, err
		}
	}
	return last, w.readSegments(ctx)
}

// readSealing takes over a bag whose sealing was interrupted: nothing is asked for any more,
// and what of the lists is written stays as it is.
func (w *Writer) readSealing(ctx context.Context, there map[string]vault.Entry) error {
	w.sealing = map[string][]byte{}
	for _, path := range []string{coverageFile, headerFile} {
		if _, ok := there[path]; !ok {
			continue
		}
		data, err := readFile(ctx, w.c.vault, w.prefix+path, maxTagFile)
		if err != nil {
			return err
		}
		w.sealing[path] = data
	}
	var c coverage
	if err := decodeStrict(w.sealing[coverageFile], &c); err != nil || c.Bag != w.id {
		return fmt.Errorf("%s%s: %w: %w", w.prefix, coverageFile, ErrDamaged, err)
	}
	for _, e := range c.Entries {
		if e.Item != nil && w.payload[e.Item.Path] != e.Item.SHA256 {
			return fmt.Errorf("%s%s: %w: it lists %s, which is not what the journal announced", w.prefix, coverageFile, ErrDamaged, e.Item.Path)
		}
	}
	w.entries = c.Entries
	if data := w.sealing[headerFile]; data != nil {
		if err := decodeStrict(data, &w.header); err != nil {
			return fmt.Errorf("%s%s: %w: %w", w.prefix, headerFile, ErrDamaged, err)
		}
	}
	return nil
}

// Sealing says whether the bag was being sealed when its writer stopped: then Seal is all
// that is left to do.
func (w *Writer) Sealing() bool { return w.sealing != nil }

// listed is what lies in the bag, and reserves its names.
func (w *Writer) listed(ctx context.Context) (map[string]vault.Entry, error) {
	there := map[string]vault.Entry{}
	for e, err := range w.c.vault.List(ctx, w.prefix) {
		if err != nil {
			return nil, fmt.Errorf("list what is there: %w", err)
		}
		path := strings.TrimPrefix(e.Name, w.prefix)
		if _, again := there[path]; again || e.Odd != "" || e.Marker {
			continue // for verification to report
		}
		there[path] = e
		if isPayload(path) {
			w.names.take(path[strings.LastIndexByte(path, '/')+1:])
		}
	}
	return there, nil
}

// readItems keeps what was announced and is there. One name can have been announced several times: by
// a session that was cut off before it could give it, and by the next one, which asked again and
// may have got other bytes. What lies there has to be what one of them announced.
func (w *Writer) readItems(ctx context.Context, items []itemNote, there map[string]vault.Entry) error {
	sums := map[string]map[string]bool{}
	for _, n := range items {
		if sums[n.Item.Path] == nil {
			sums[n.Item.Path] = map[string]bool{}
		}
		sums[n.Item.Path][n.Item.SHA256] = true
	}
	for _, n := range items {
		if w.payload[n.Item.Path] != "" {
			continue // announced twice, with the same bytes
		}
		if err := w.readItem(ctx, n, there, sums[n.Item.Path]); err != nil {
			return err
		}
	}
	return nil
}

// readItem keeps an artefact if its bytes are what was announced; sums are of all that was announced
// under its name.
func (w *Writer) readItem(ctx context.Context, n itemNote, there map[string]vault.Entry, sums map[string]bool) error {
	e, ok := there[n.Item.Path]
	if !ok || e.Size != n.Item.Size {
		return nil
	}
	sum, _, err := hashFile(ctx, w.c.vault, w.prefix+n.Item.Path)
	if err != nil {
		return err
	}
	switch {
	case sum == n.Item.SHA256:
	case sums[sum]:
		return nil // another announcement's
	default:
		return fmt.Errorf("%s%s: %w: not what its journal announced", w.prefix, n.Item.Path, ErrDamaged)
	}
	n.Item.VersionID = e.Version
	if n.Twin != nil {
		if _, ok := there[n.Twin.Item.Path]; !ok && n.Twin.Data == nil {
			return nil // a case that seals all has no copy in clear: both are made anew
		}
		if err := w.remakeTwin(ctx, n.Twin, there); err != nil {
			return err
		}
	}
	key := keptKey{n.Item.Artefact, n.Item.Source}
	w.take(n.Item, n.State)
	cut := len(w.entries) - 1
	if n.Twin != nil {
		w.take(n.Twin.Item, Collected)
	}
	if n.State == Truncated {
		w.kept.cut[key] = cut // more of it is asked for again
	} else {
		w.kept.entries[key] = w.entries[len(w.entries)-1] // of a secret its twin: what can be read back
	}
	return nil
}

func (w *Writer) remakeTwin(ctx context.Context, t *twinNote, there map[string]vault.Entry) error {
	if e, ok := there[t.Item.Path]; ok && t.Data == nil {
		sum, _, err := hashFile(ctx, w.c.vault, w.prefix+t.Item.Path)
		if err != nil {
			return err
		}
		if sum != t.Item.SHA256 {
			return fmt.Errorf("%s%s: %w: not what its journal announced", w.prefix, t.Item.Path, ErrDamaged)
		}
		t.Item.VersionID = e.Version
		return nil
	}
	if hashBytes(t.Data) != t.Item.SHA256 {
		return fmt.Errorf("%s%s: %w: its copy in the journal is another", w.prefix, t.Item.Path, ErrDamaged)
	}
	e, ok := there[t.Item.Path]
	if !ok {
		w.names.take(t.Item.Path[strings.LastIndexByte(t.Item.Path, '/')+1:])
	}
	put, err := putExact(ctx, w.c.vault, w.prefix+t.Item.Path, t.Data)
	if err != nil {
		return err
	}
	if t.Item.VersionID = e.Version; !ok {
		t.Item.VersionID = put.Version
	}
	return nil
}

func (w *Writer) readGap(g Gap) {
	if !g.State.Complete() {
		w.kept.gaps = append(w.kept.gaps, g)
		return
	}
	e := Entry{Artefact: g.Artefact, Source: g.Source, State: g.State, Gap: &g}
	w.kept.entries[keptKey{g.Artefact, g.Source}] = e
	w.entries = append(w.entries, e)
}

// readSegments takes the journal's own files over.
func (w *Writer) readSegments(ctx context.Context) error {
	for {
		name := segmentName(w.segments + 1)
		data, err := readFile(ctx, w.c.vault, w.prefix+name, maxTagFile)
		if errors.Is(err, vault.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		w.tookSegment(name, data)
	}
}

// Continue begins a bag that asks for what a sealed one could not get: credentials had
// expired, the network was gone. What the sealed one has is Kept, and stays where it is.
func (c *Case) Continue(ctx context.Context, b *Bag, s Session) (*Writer, error) {
	if !b.Sealed() {
		return nil, fmt.Errorf("continue bag %s: %w", b.id, ErrUnsealed)
	}
	h := b.header
	h.Bag, h.Started, h.Ended, h.Resumed = "", s.Started, time.Time{}, nil
	h.Operator, h.Principal, h.Host, h.Tool, h.Continues = s.Operator, s.Principal, s.Host, s.Tool, b.id
	w, err := c.Begin(ctx, h)
	if err != nil {
		return nil, err
	}
	entries, err := b.Coverage(ctx)
	if err != nil {
		return nil, err
	}
	w.kept = &kept{entries: map[keptKey]Entry{}, cut: map[keptKey]int{}, bag: b.prefix()}
	for _, e := range entries {
		switch {
		case e.State.Complete() || e.State == Mismatch:
			key := keptKey{e.Artefact, e.Source}
			if _, twin := w.kept.entries[key]; twin && e.Item != nil && e.Item.Sensitive {
				continue // of a secret, what can be read back
			}
			w.kept.entries[key] = e
		case e.Gap != nil:
			w.kept.gaps = append(w.kept.gaps, *e.Gap)
		}
	}
	return w, nil
}

// Kept is what a resumed bag already has of an artefact: an item, or the answer that there is
// none. Of a secret it is the redacted twin.
func (w *Writer) Kept(artefact string, source Source) (Entry, bool) {
	if w.kept == nil {
		return Entry{}, false
	}
	e, ok := w.kept.entries[keptKey{artefact, source}]
	if ok && e.Item != nil && e.Item.Sealed && len(w.c.Identities) == 0 {
		return Entry{}, false // nobody here can read it back
	}
	return e, ok
}

// KeptGaps are the gaps that a resumed bag had. Whoever does not ask again records them again.
func (w *Writer) KeptGaps() []Gap {
	if w.kept == nil {
		return nil
	}
	return slices.Clone(w.kept.gaps)
}

// OpenKept reads a kept artefact.
func (w *Writer) OpenKept(ctx context.Context, it Item) (io.ReadCloser, error) {
	prefix := w.prefix
	if w.kept != nil && w.kept.bag != "" {
		prefix = w.kept.bag
	}
	return w.c.open(ctx, prefix, it)
}

// answered says whether a resumed bag lists this very answer already: what follows from other answers,
// such as that a function without a network has no subnets, is found again each time. The caller
// holds w.mu.
func (w *Writer) answered(g Gap) bool {
	if w.kept == nil || w.kept.bag != "" || !g.State.Complete() {
		return false
	}
	e, ok := w.kept.entries[keptKey{g.Artefact, g.Source}]
	return ok && e.Item == nil && e.State == g.State
}

// supersede notes that a truncated artefact of before was collected whole. The caller holds w.mu.
func (w *Writer) supersede(it Item, state State) {
	if w.kept == nil || state != Collected {
		return
	}
	if i, ok := w.kept.cut[keptKey{it.Artefact, it.Source}]; ok {
		old := *w.entries[i].Item
		old.Note = strings.TrimSpace(old.Note + " truncated; collected whole after the collection was resumed")
		w.entries[i].State, w.entries[i].Item = Collected, &old
	}
}
