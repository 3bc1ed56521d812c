package evidence

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"strings"
)

// Rekey says who may sign from here on: add brings a key in, retire (a key id) takes one
// out; either may be missing. The event stands under a head by the case's present signer,
// which is what makes the new key count: a key that only lies in the case counts for nothing.
func (c *Case) Rekey(ctx context.Context, actor, reason string, add *ecdsa.PublicKey, retire string) error {
	if c.Signer == nil {
		return fmt.Errorf("%w: only who signs now can say who signs next", ErrNotSigned)
	}
	if add == nil && retire == "" {
		return errors.New("rekey: neither a key to add nor one to retire")
	}
	e := Event{Type: EventRekey, Actor: actor, Reason: reason, Data: map[string]string{}}
	if add != nil {
		name, data, err := keyFile(add)
		if err != nil {
			return err
		}
		put, err := putExact(ctx, c.vault, name, data)
		if err != nil {
			return fmt.Errorf("store the new key: %w", err)
		}
		e.Covers = append(e.Covers, Digest{Path: name, SHA256: hashBytes(data), VersionID: put.Version})
	}
	if retire != "" {
		e.Data[RetireKey] = retire
	}
	return c.Record(ctx, e)
}

// Signers are the keys that signed heads of the case, and how far, as its files say: it
// takes verification to know whether the signatures hold.
func (c *Case) Signers(ctx context.Context) ([]Signed, error) {
	var r Report
	for e, err := range c.vault.List(ctx, headsDir) {
		if err != nil {
			return nil, fmt.Errorf("list signatures of %s: %w", c.vault, err)
		}
		seq, ok := headSeq(e.Name)
		name, isSig := strings.CutSuffix(e.Name, ".sig")
		if ok && isSig {
			r.signer(name[len(name)-32:], seq)
		}
	}
	return r.Signers, nil
}
