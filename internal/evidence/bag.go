package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/freezeframe-ir/freezeframe/internal/journal"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// JournalEntry is one line of a bag's journal.
type JournalEntry = journal.Entry

// Bag is a bag of the case, sealed or unfinished.
type Bag struct {
	c        *Case
	id       string
	header   Header
	tags     map[string]string // tag file -> hash, from the tagmanifest; nil if unsealed
	inLedger bool

	tagManifest string // hash of the tagmanifest's bytes
}

// ID is the bag's ULID.
func (b *Bag) ID() string { return b.id }

// Header is collection.json; of an unfinished bag what its journal begins with.
func (b *Bag) Header() Header { return b.header }

// Sealed says whether the bag has its tagmanifest.
func (b *Bag) Sealed() bool { return b.tags != nil }

// InLedger says whether a ledger event covers the bag as it is.
func (b *Bag) InLedger() bool { return b.inLedger }

// Ref cites an item of the bag.
func (b *Bag) Ref(it Item) Ref {
	return Ref{Bag: b.id, Item: it.ID, Path: b.prefix() + it.Path, SHA256: it.SHA256}
}

// CoverageRef points at the bag's coverage: what somebody cites who says that AWS had none of
// something. It names no item.
func (b *Bag) CoverageRef() Ref {
	return Ref{Bag: b.id, Path: b.prefix() + coverageFile, SHA256: b.tags[coverageFile]}
}

func (b *Bag) prefix() string { return collectionsDir + b.id + "/" }

// Bags yields all bags, oldest first, the unfinished too. An error stands beside the bag it is about.
func (c *Case) Bags(ctx context.Context) iter.Seq2[*Bag, error] {
	return func(yield func(*Bag, error) bool) {
		stubs, err := c.bagIDs(ctx)
		if err == nil {
			c.load(ctx, stubs, yield)
			return
		}
		yield(&Bag{c: c}, err)
	}
}

type bagStub struct {
	id     string
	sealed bool
}

func (c *Case) load(ctx context.Context, stubs []bagStub, yield func(*Bag, error) bool) {
	covers, err := c.covered(ctx)
	if err != nil {
		yield(&Bag{c: c}, err)
		return
	}
	for _, s := range stubs {
		if !yield(c.loadBag(ctx, s.id, s.sealed, covers)) {
			return
		}
	}
}

// bagIDs lists the bags by their ULIDs, which is by the time they were begun.
func (c *Case) bagIDs(ctx context.Context) ([]bagStub, error) {
	var out []bagStub
	for e, err := range c.vault.List(ctx, collectionsDir) {
		if err != nil {
			return nil, fmt.Errorf("list bags of %s: %w", c.vault, err)
		}
		id, file, ok := strings.Cut(strings.TrimPrefix(e.Name, collectionsDir), "/")
		if _, err := ulid.ParseStrict(id); !ok || err != nil {
			continue // not a bag: verification reports it
		}
		if len(out) == 0 || out[len(out)-1].id != id {
			out = append(out, bagStub{id: id})
		}
		if file == tagManifestFile && e.Odd == "" && !e.Marker {
			out[len(out)-1].sealed = true
		}
	}
	return out, nil
}

// loadBag reads a bag's tagmanifest and header. The bag is never nil.
func (c *Case) loadBag(ctx context.Context, id string, sealed bool, covers map[string]string) (*Bag, error) {
	b := &Bag{c: c, id: id, header: Header{Bag: id, Case: c.ID}}
	if !sealed {
		return b, b.loadBeginning(ctx)
	}
	name := b.prefix() + tagManifestFile
	data, err := readFile(ctx, c.vault, name, maxTagFile)
	if err != nil {
		return b, err
	}
	b.tagManifest = hashBytes(data)
	if want, ok := covers[name]; ok {
		if want != b.tagManifest {
			return b, fmt.Errorf("%s: %w: the ledger has another hash for it", name, ErrDamaged)
		}
		b.inLedger = true
	}
	tags := map[string]string{}
	for line, err := range parseManifest(bytes.NewReader(data)) {
		if err != nil {
			return b, fmt.Errorf("%s: %w: %w", name, ErrDamaged, err)
		}
		tags[line.path] = line.hash
	}
	b.tags = tags
	return b, b.readTag(ctx, headerFile, &b.header)
}

// loadBeginning takes the header of an unfinished bag from its journal.
func (b *Bag) loadBeginning(ctx context.Context) error {
	for e, err := range b.Journal(ctx) {
		if err != nil {
			return err
		}
		if e.Kind == beginKind {
			if err := decodeStrict(e.Value, &b.header); err != nil {
				return fmt.Errorf("journal of bag %s: %w: %w", b.id, ErrDamaged, err)
			}
		}
		return nil
	}
	return nil
}

// readTag reads a tag file that the tagmanifest vouches for.
func (b *Bag) readTag(ctx context.Context, path string, v any) error {
	if b.tags == nil {
		return fmt.Errorf("%s of bag %s: %w", path, b.id, ErrUnsealed)
	}
	data, err := readFile(ctx, b.c.vault, b.prefix()+path, maxTagFile)
	if err != nil {
		return err
	}
	if b.tags[path] != hashBytes(data) {
		return fmt.Errorf("%s of bag %s: %w: not the bytes it was sealed with", path, b.id, ErrDamaged)
	}
	if err := decodeStrict(data, v); err != nil {
		return fmt.Errorf("%s of bag %s: %w: %w", path, b.id, ErrDamaged, err)
	}
	return nil
}

// Coverage reads coverage.json (ErrUnsealed if there is none).
func (b *Bag) Coverage(ctx context.Context) ([]Entry, error) {
	var c coverage
	if err := b.readTag(ctx, coverageFile, &c); err != nil {
		return nil, err
	}
	return c.Entries, nil
}

// Items yields what was collected.
func (b *Bag) Items(ctx context.Context) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		entries, err := b.Coverage(ctx)
		if err != nil {
			yield(Item{}, err)
			return
		}
		for _, e := range entries {
			if e.Item != nil && !yield(*e.Item, nil) {
				return
			}
		}
	}
}

// Open reads an artefact's stored bytes; at the end of a changed one it gives ErrDamaged instead
// of io.EOF. What is sealed without being a secret is opened with the case's identities, if it has some.
func (b *Bag) Open(ctx context.Context, it Item) (io.ReadCloser, error) {
	return b.c.open(ctx, b.prefix(), it)
}

func (c *Case) open(ctx context.Context, prefix string, it Item) (io.ReadCloser, error) {
	r, err := c.vault.Open(ctx, prefix+it.Path)
	if err != nil {
		return nil, fmt.Errorf("open %s%s: %w", prefix, it.Path, err)
	}
	stored := &checked{r: r, tally: newTally(io.Discard), want: it.SHA256, name: prefix + it.Path}
	if !it.Sealed || len(c.Identities) == 0 {
		return stored, nil
	}
	plain, _, err := Unseal(stored, c.Identities...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s%s: %w", prefix, it.Path, err), r.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{plain, stored}, nil
}

type checked struct {
	r          io.ReadCloser
	tally      *tally
	want, name string
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	_, _ = c.tally.Write(p[:n]) // to io.Discard
	if errors.Is(err, io.EOF) && c.tally.sum() != c.want {
		return n, fmt.Errorf("%s: %w: not the bytes it was sealed with", c.name, ErrDamaged)
	}
	return n, err
}

func (c *checked) Close() error { return c.r.Close() }

// Verify yields every problem of this bag, offline: its lists, its bytes, and in reverse what lies in it.
func (b *Bag) Verify(ctx context.Context) iter.Seq2[Problem, error] {
	return func(yield func(Problem, error) bool) {
		covers, err := b.c.covered(ctx)
		if err != nil {
			yield(Problem{Path: ledgerDir}, err)
			return
		}
		k := &checker{ctx: ctx, v: b.c.vault, yield: yield, caseID: b.c.ID, covers: map[string]listed{}, report: &Report{}}
		for path, sum := range covers {
			k.covers[path] = listed{name: path, want: sum}
		}
		k.only(b.prefix())
	}
}

// Journal yields the bag's journal in order.
func (b *Bag) Journal(ctx context.Context) iter.Seq2[JournalEntry, error] {
	return func(yield func(JournalEntry, error) bool) {
		for n := 1; ; n++ {
			data, err := readFile(ctx, b.c.vault, b.prefix()+segmentName(n), maxTagFile)
			if errors.Is(err, vault.ErrNotFound) {
				if err := b.noMoreSegments(ctx, n); err != nil {
					yield(JournalEntry{}, err)
				}
				return
			}
			if err != nil {
				yield(JournalEntry{}, err)
				return
			}
			if b.tags != nil && b.tags[segmentName(n)] != hashBytes(data) {
				yield(JournalEntry{}, fmt.Errorf("%s of bag %s: %w", segmentName(n), b.id, ErrDamaged))
				return
			}
			for e, err := range journal.Read(bytes.NewReader(data)) {
				if err != nil {
					err = fmt.Errorf("%s of bag %s: %w: %w", segmentName(n), b.id, ErrDamaged, err)
				}
				if !yield(e, err) {
					return
				}
			}
		}
	}
}

// noMoreSegments: the journal ends before segment n, unless somebody took that one away.
func (b *Bag) noMoreSegments(ctx context.Context, n int) error {
	for e, err := range b.c.vault.List(ctx, b.prefix()+"journal/") {
		if err != nil {
			return err
		}
		if e.Odd == "" && e.Name > b.prefix()+segmentName(n) {
			return fmt.Errorf("%s of bag %s: %w: it is missing, and later ones are there", segmentName(n), b.id, ErrDamaged)
		}
	}
	return nil
}

// Find yields the wanted coverage entries of sealed bags, newest bag first.
func (c *Case) Find(ctx context.Context, want func(Entry) bool) iter.Seq2[Found, error] {
	return func(yield func(Found, error) bool) {
		stubs, err := c.bagIDs(ctx)
		if err != nil {
			yield(Found{Bag: &Bag{c: c}}, err)
			return
		}
		stubs = slices.DeleteFunc(stubs, func(s bagStub) bool { return !s.sealed })
		slices.Reverse(stubs)
		c.load(ctx, stubs, func(b *Bag, err error) bool { return b.find(ctx, err, want, yield) })
	}
}

func (b *Bag) find(ctx context.Context, err error, want func(Entry) bool, yield func(Found, error) bool) bool {
	var entries []Entry
	if err == nil {
		entries, err = b.Coverage(ctx)
	}
	if err != nil {
		return yield(Found{Bag: b}, err)
	}
	for _, e := range entries {
		if want(e) && !yield(Found{Bag: b, Entry: e}, nil) {
			return false
		}
	}
	return true
}
