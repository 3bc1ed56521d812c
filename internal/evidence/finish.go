package evidence

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Kinds of bags.
const (
	KindCollection  = "collection"
	KindContainment = "containment"
	KindPlaybook    = "playbook" // the record of a run, unfinished while it goes on
	KindAlert       = "alert"    // a message that arrived, and what was read of it
)

const (
	coverageFile    = "coverage.json"
	headerFile      = "collection.json"
	manifestFile    = "manifest-sha256.txt"
	tagManifestFile = "tagmanifest-sha256.txt"
	bagitFile       = "bagit.txt"
	bagInfoFile     = "bag-info.txt"
	emptyFile       = "data/EMPTY.txt"
	coverageSchema  = "freezeframe.coverage/1"

	bagitText = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
	emptyText = "Nothing was collected into this bag. What was wanted stands in coverage.json.\n"
)

// errBusy: Seal was called while an artefact or a note was still being written.
var errBusy = errors.New("something is still being written to it")

// coverage is coverage.json.
type coverage struct {
	Schema  string  `json:"schema"`
	Bag     string  `json:"bag"`
	Entries []Entry `json:"entries"`
}

// sealPlan is what Seal will write, fixed at the first try so that a second one writes the same bytes.
type sealPlan struct {
	files []planFile // in order; the tagmanifest is last
	event Event
	bag   *Bag // what Seal returns: known without reading it back

	recorded bool // the event is in the ledger
}

type planFile struct {
	path string
	data []byte
}

// Seal finishes the bag and records it in the ledger. After an error it may be called again;
// ErrNotSigned comes with the bag.
// With StatusComplete, a bag that has gaps is sealed as StatusPartial.
//
// The order makes it safe: what is listed is durable before the list is, the tagmanifest
// comes last, and the ledger only cites what is whole.
func (w *Writer) Seal(ctx context.Context, status Status) (*Bag, error) {
	plan, err := w.prepare(ctx, status)
	if err != nil {
		return nil, fmt.Errorf("seal bag %s: %w", w.id, err)
	}
	for _, f := range plan.files {
		e, err := putExact(ctx, w.c.vault, w.prefix+f.path, f.data)
		if err != nil {
			return nil, fmt.Errorf("seal bag %s: %w", w.id, err)
		}
		if f.path == tagManifestFile && e.Version != "" {
			plan.event.Covers[0].VersionID = e.Version
		}
	}
	if !plan.recorded {
		_, err := w.c.append(ctx, plan.event)
		if err != nil && !errors.Is(err, ErrNotSigned) {
			return nil, fmt.Errorf("bag %s is sealed, but not in the ledger: %w", w.id, err)
		}
		plan.recorded = true
		if err != nil {
			return plan.bag, fmt.Errorf("bag %s is sealed: %w", w.id, err)
		}
	} else if _, err := w.c.SignTail(ctx); err != nil {
		return plan.bag, fmt.Errorf("bag %s is sealed: %w", w.id, err)
	}
	w.mu.Lock()
	w.plan = nil // from here on Abandon does nothing
	w.mu.Unlock()
	return plan.bag, w.spool.remove()
}

// prepare closes the bag and fixes what will be written.
func (w *Writer) prepare(ctx context.Context, status Status) (*sealPlan, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.plan != nil:
		return w.plan, nil
	case w.active > 0:
		return nil, fmt.Errorf("%w (%d)", errBusy, w.active)
	}
	wasClosed := w.closed
	w.closed = true
	w.mu.Unlock() // the journal and the vault take their time, and closed keeps others out
	plan, err := w.makePlan(ctx, status, wasClosed)
	w.mu.Lock()
	if err != nil {
		w.closed = wasClosed
		return nil, err
	}
	w.plan = plan
	return plan, nil
}

func (w *Writer) makePlan(ctx context.Context, status Status, closed bool) (*sealPlan, error) {
	if closed {
		return nil, ErrClosed
	}
	w.flush(ctx) // what fails there is a gap
	if err := w.adoptOrphans(ctx); err != nil {
		return nil, err
	}
	if len(w.payload) == 0 {
		// RFC 8493 wants a payload folder, and sha256sum refuses an empty manifest.
		if _, err := putExact(ctx, w.c.vault, w.prefix+emptyFile, []byte(emptyText)); err != nil {
			return nil, err
		}
		w.payload[emptyFile], w.octets = hashBytes([]byte(emptyText)), int64(len(emptyText))
	}
	h := w.header
	if w.sealing[headerFile] == nil {
		h.Ended, h.Status = w.c.Now().UTC(), w.status(status)
	}
	if err := w.log.Append(ctx, "seal", map[string]any{"status": h.Status, "entries": len(w.entries)}); err != nil {
		return nil, err
	}
	return w.planFiles(h)
}

func (w *Writer) status(asked Status) Status {
	gap := func(e Entry) bool { return !e.State.Complete() }
	if asked == StatusComplete && slices.ContainsFunc(w.entries, gap) {
		return StatusPartial
	}
	return asked
}

// adoptOrphans compares the bag with what was written to it. An object that is there
// although its write was reported failed is listed as it is, with a gap that says so;
// an object that is missing stops the sealing.
func (w *Writer) adoptOrphans(ctx context.Context) error {
	missing := len(w.payload) + len(w.tags)
	for e, err := range w.c.vault.List(ctx, w.prefix) {
		if err != nil {
			return fmt.Errorf("list the bag: %w", err)
		}
		path := strings.TrimPrefix(e.Name, w.prefix)
		known := w.payload[path] != "" || w.tags[path] != ""
		switch {
		case known:
			missing--
		case e.Odd != "" || e.Marker:
		default:
			if err := w.adopt(ctx, path); err != nil {
				return err
			}
		}
	}
	if missing > 0 {
		return fmt.Errorf("%w: %d of the files written to it are gone", ErrDamaged, missing)
	}
	return nil
}

func (w *Writer) adopt(ctx context.Context, path string) error {
	sum, size, err := hashFile(ctx, w.c.vault, w.prefix+path)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(path, "data/") {
		w.tags[path] = sum
		return nil
	}
	w.payload[path] = sum
	w.octets += size
	w.entries = append(w.entries, Entry{Artefact: "orphan", State: Failed, Gap: &Gap{
		Artefact: "orphan", State: Failed, At: w.c.Now().UTC(),
		Note: "the vault reported that writing " + path + " failed, but it is there",
	}})
	return nil
}

func (w *Writer) planFiles(h Header) (*sealPlan, error) {
	slices.SortStableFunc(w.entries, compareEntries)
	cov, err := w.list(coverageFile, coverage{Schema: coverageSchema, Bag: h.Bag, Entries: w.entries})
	if err != nil {
		return nil, err
	}
	head, err := w.list(headerFile, h)
	if err != nil {
		return nil, err
	}
	files := []planFile{
		{coverageFile, cov},
		{headerFile, head},
		{manifestFile, formatManifest(w.payload)},
		{bagitFile, []byte(bagitText)},
		{bagInfoFile, []byte(w.bagInfo(h))},
	}
	for _, f := range files {
		w.tags[f.path] = hashBytes(f.data)
	}
	tagManifest := formatManifest(w.tags)
	sum := hashBytes(tagManifest)
	return &sealPlan{
		files: append(files, planFile{tagManifestFile, tagManifest}),
		event: w.sealEvent(h, sum),
		bag:   &Bag{c: w.c, id: w.id, header: h, tags: maps.Clone(w.tags), inLedger: true, tagManifest: sum},
	}, nil
}

// list is a tag file: as an interrupted sealing wrote it, or new.
func (w *Writer) list(path string, v any) ([]byte, error) {
	if old := w.sealing[path]; old != nil {
		return old, nil
	}
	data, err := encodeJSON(v)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", path, err)
	}
	return data, nil
}

// sealEvent covers the bag; its id and clock are fixed here, so that a retry is the same event.
func (w *Writer) sealEvent(h Header, tagManifest string) Event {
	kinds := map[string]EventType{KindCollection: EventCollect, KindContainment: EventContain}
	return Event{
		ID: w.c.newID(), Type: cmp.Or(kinds[h.Kind], EventSeal), Clock: h.Ended, Actor: h.Operator,
		Covers: []Digest{{Path: w.prefix + tagManifestFile, SHA256: tagManifest}},
		Data:   map[string]string{"bag": h.Bag, "kind": h.Kind, "status": string(h.Status), "principal": h.Principal},
	}
}

func (w *Writer) bagInfo(h Header) string {
	var b strings.Builder
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, oneLine(value))
		}
	}
	field("Bag-Software-Agent", strings.TrimSpace(h.Tool.Name+" "+h.Tool.Version))
	field("Bagging-Date", h.Ended.Format(time.DateOnly))
	field("Payload-Oxum", fmt.Sprintf("%d.%d", w.octets, len(w.payload)))
	field("External-Identifier", h.Bag)
	field("Bag-Group-Identifier", h.Case)
	field("Contact-Name", h.Operator)
	field("External-Description", h.Kind+", "+string(h.Status))
	return b.String()
}

// oneLine keeps a value from becoming a second line of a tag file.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
	}), " ")
}

func compareEntries(a, b Entry) int {
	return cmp.Or(
		strings.Compare(a.Artefact, b.Artefact),
		strings.Compare(a.Source.ARN, b.Source.ARN),
		strings.Compare(a.Source.Qualifier, b.Source.Qualifier),
		strings.Compare(a.Source.Region, b.Source.Region),
	)
}
