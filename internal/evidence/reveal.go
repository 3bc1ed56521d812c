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
	_, err := c.reveal(ctx, b, it, actor, reason, out, ids...)
	return err
}

// Recall is Reveal with the case's SecretIdentities, for what is put back into the account:
// the plaintext in memory, and the key of the bag's MACs.
func (c *Case) Recall(ctx context.Context, b *Bag, it Item, actor, reason string) (plain, macKey []byte, err error) {
	if len(c.SecretIdentities) == 0 {
		return nil, nil, fmt.Errorf("reveal %s: %w", it.Path, ErrNoIdentity)
	}
	if it.Size > maxRecalled {
		return nil, nil, fmt.Errorf("reveal %s: larger than %d bytes", it.Path, maxRecalled)
	}
	var out bytes.Buffer
	macKey, err = c.reveal(ctx, b, it, actor, reason, &out, c.SecretIdentities...)
	return out.Bytes(), macKey, err
}

// maxRecalled bounds what is opened in memory: an environment has 4 KB.
const maxRecalled = 1 << 20

// ErrNoIdentity: nothing here opens what is sealed.
var ErrNoIdentity = errors.New("no identity opens it")

// Enclose seals a few bytes for a place of their own in a journal; Disclose opens them.
func (c *Case) Enclose(plain []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := c.Sealer(&out)
	if err == nil {
		_, err = w.Write(plain)
		err = errors.Join(err, w.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return out.Bytes(), nil
}

// Disclose opens what Enclose sealed, and is recorded first: data says what it is.
func (c *Case) Disclose(ctx context.Context, sealed []byte, actor, reason string, data map[string]string) ([]byte, error) {
	if len(c.SecretIdentities) == 0 {
		return nil, ErrNoIdentity
	}
	r, err := age.Decrypt(bytes.NewReader(sealed), c.SecretIdentities...)
	if err != nil {
		return nil, fmt.Errorf("unseal: %w", err)
	}
	if err := c.Record(ctx, Event{Type: EventAccess, Actor: actor, Reason: reason, Data: data}); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, maxRecalled))
}

func (c *Case) reveal(ctx context.Context, b *Bag, it Item, actor, reason string, out io.Writer, ids ...age.Identity) (key []byte, err error) {
	if !it.Ciphertext() {
		return nil, fmt.Errorf("reveal %s: it is not sealed", it.Path)
	}
	r, err := b.c.vault.Open(ctx, b.prefix()+it.Path)
	if err != nil {
		return nil, fmt.Errorf("reveal %s: %w", it.Path, err)
	}
	defer r.Close()
	stored := &checked{r: r, tally: newTally(io.Discard), want: it.SHA256, name: b.prefix() + it.Path}
	plain, key, err := Unseal(stored, ids...)
	if err != nil {
		return nil, fmt.Errorf("reveal %s: %w", it.Path, err)
	}
	err = c.Record(ctx, Event{Type: EventAccess, Actor: actor, Reason: reason, Data: map[string]string{"bag": b.id, "item": it.ID, "artefact": it.Artefact}})
	if err != nil {
		return nil, fmt.Errorf("reveal %s: %w", it.Path, err)
	}
	mac := hmac.New(sha256.New, key)
	if _, err := io.Copy(io.MultiWriter(out, mac), plain); err != nil {
		return nil, fmt.Errorf("reveal %s: %w", it.Path, err)
	}
	want, err := hex.DecodeString(it.HMAC)
	if err != nil || !bytes.Equal(mac.Sum(nil), want) {
		return nil, fmt.Errorf("reveal %s: %w: the plaintext is not what was sealed", it.Path, ErrDamaged)
	}
	return key, nil
}
