package evidence

import (
	"context"
	"errors"
	"fmt"

	"github.com/oklog/ulid/v2"
)

// ErrNoBag: the case has no bag of that id.
var ErrNoBag = errors.New("no such bag")

// BeginAs starts a bag whose id is known beforehand, as that of a piece of work that may come to
// several: it is found again without a search, and of two who begin it at once only one does, for
// the journal's first segment is created once.
func (c *Case) BeginAs(ctx context.Context, id string, h Header) (*Writer, error) {
	if _, err := ulid.ParseStrict(id); err != nil {
		return nil, fmt.Errorf("begin bag %.60q: %w", id, err)
	}
	h.Bag = id
	return c.begin(ctx, h)
}

// Bag is one bag of the case, sealed or unfinished; ErrNoBag. The ledger is read only for a sealed one.
func (c *Case) Bag(ctx context.Context, id string) (*Bag, error) {
	if _, err := ulid.ParseStrict(id); err != nil {
		return nil, fmt.Errorf("bag %.60q: %w", id, err)
	}
	there, sealed := false, false
	for e, err := range c.vault.List(ctx, collectionsDir+id+"/") {
		if err != nil {
			return nil, fmt.Errorf("look for bag %s: %w", id, err)
		}
		if e.Odd != "" || e.Marker {
			continue
		}
		there, sealed = true, sealed || e.Name == collectionsDir+id+"/"+tagManifestFile
	}
	if !there {
		return nil, fmt.Errorf("%w: %s", ErrNoBag, id)
	}
	if !sealed {
		return c.loadBag(ctx, id, false, nil)
	}
	c.reading.Lock()
	defer c.reading.Unlock()
	if err := c.readCovers(ctx); err != nil {
		return nil, err
	}
	return c.loadBag(ctx, id, true, c.covers)
}

// readCovers reads on in the ledger from where it was read last: who asks for one bag after another
// does not walk the whole of it each time. The caller holds c.reading.
func (c *Case) readCovers(ctx context.Context) error {
	if c.covers == nil {
		c.covers, c.coversTo = map[string]string{}, emptyTail()
	}
	for e, err := range c.walk(ctx, &c.coversTo) {
		if err != nil {
			return err
		}
		for _, d := range e.Covers {
			c.covers[d.Path] = d.SHA256
		}
	}
	return nil
}

// SealedBags are the ids of the bags that have their last list, by one listing.
func (c *Case) SealedBags(ctx context.Context) (map[string]bool, error) {
	stubs, err := c.bagIDs(ctx)
	out := map[string]bool{}
	for _, s := range stubs {
		if s.sealed {
			out[s.id] = true
		}
	}
	return out, err
}

// ErrNoResult: the case has no result of that kind.
var ErrNoResult = errors.New("no such result")

// NewestResult is the last result of a kind that entered the ledger, with its files held to their
// hashes; ErrNoResult.
func (c *Case) NewestResult(ctx context.Context, kind string) (Derived, error) {
	id := ""
	for e, err := range c.Ledger(ctx) {
		if err != nil {
			return Derived{}, err
		}
		if e.Type == EventAnalyse && e.Data["kind"] == kind && e.Data["derived"] != "" {
			id = e.Data["derived"]
		}
	}
	if id == "" {
		return Derived{}, fmt.Errorf("%w: %s", ErrNoResult, kind)
	}
	d, _, err := c.readResult(ctx, id)
	return d, err
}

// Enter brings a sealed bag into the ledger, and the ledger's end under a signature: either may be
// what its writer died before. It does what Adopt does, for one bag: with many writers, those of the
// others are theirs to enter.
func (c *Case) Enter(ctx context.Context, b *Bag, actor string) error {
	if !b.Sealed() {
		return fmt.Errorf("enter bag %s: %w", b.id, ErrUnsealed)
	}
	if !b.inLedger {
		err := c.Record(ctx, Event{Type: EventSeal, Actor: actor, Reason: adopted, Covers: []Digest{{Path: b.prefix() + tagManifestFile, SHA256: b.tagManifest}}})
		if b.inLedger = err == nil || errors.Is(err, ErrNotSigned); err != nil {
			return err
		}
	}
	if c.Signer == nil {
		return nil
	}
	_, err := c.SignTail(ctx)
	return err
}
