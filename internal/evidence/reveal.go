package evidence

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
)

// ErrNoItem: the case has no artefact of that id or path.
var ErrNoItem = errors.New("no such artefact")

// FindItem looks an artefact up by its id, its path in the bag, or its path from the case's root.
func (c *Case) FindItem(ctx context.Context, name string) (*Bag, Item, error) {
	found := Found{}
	for f, err := range c.Find(ctx, func(e Entry) bool { return e.Item != nil }) {
		if err != nil {
			return nil, Item{}, err
		}
		it := f.Entry.Item
		if it.ID == name || it.Path == name || f.Bag.prefix()+it.Path == name {
			if found.Bag != nil {
				return nil, Item{}, fmt.Errorf("%w: %.120q names several: give the id, or the path from the case's root", ErrNoItem, name)
			}
			found = f
		}
	}
	if found.Bag == nil {
		return nil, Item{}, fmt.Errorf("%w: %.120q", ErrNoItem, name)
	}
	return found.Bag, *found.Entry.Item, nil
}

// Reveal writes the plaintext of a sealed artefact to out. That somebody looks is recorded
// first, so that no reading goes without its event; the bytes are compared with the
// MAC that was taken when they were sealed.
func (c *Case) Reveal(ctx context.Context, b *Bag, it Item, actor, reason string, out io.Writer, ids ...age.Identity) error {
	if !it.Ciphertext() {
		return fmt.Errorf("reveal %s: it is not sealed", it.Path)
	}
	r, err := b.c.vault.Open(ctx, b.prefix()+it.Path)
	if err != nil {
		return fmt.Errorf("reveal %s: %w", it.Path, err)
	}
	defer r.Close()
	stored := &checked{r: r, tally: newTally(io.Discard), want: it.SHA256, name: b.prefix() + it.Path}
	plain, key, err := Unseal(stored, ids...)
	if err != nil {
		return fmt.Errorf("reveal %s: %w", it.Path, err)
	}
	err = c.Record(ctx, Event{Type: EventAccess, Actor: actor, Reason: reason, Data: map[string]string{"bag": b.id, "item": it.ID, "artefact": it.Artefact}})
	if err != nil {
		return fmt.Errorf("reveal %s: %w", it.Path, err)
	}
	mac := hmac.New(sha256.New, key)
	if _, err := io.Copy(io.MultiWriter(out, mac), plain); err != nil {
		return fmt.Errorf("reveal %s: %w", it.Path, err)
	}
	want, err := hex.DecodeString(it.HMAC)
	if err != nil || !bytes.Equal(mac.Sum(nil), want) {
		return fmt.Errorf("reveal %s: %w: the plaintext is not what was sealed", it.Path, ErrDamaged)
	}
	return nil
}
