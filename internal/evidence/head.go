package evidence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

const (
	headsDir   = "ledger/heads/"
	keysDir    = "keys/"
	headSchema = "freezeframe.head/1"
	maxHead    = 4096 // what KMS Sign takes
	maxSig     = 128  // a DER signature on P-256 has at most 72 bytes
)

// Head is ledger/heads/<seq>.txt: how far the ledger reached. It is plain text, so that
// sha256sum, grep and openssl are enough to check it, and names neither key nor signer:
// several may sign one head.
type Head struct {
	Case   string    `json:"case"`
	Events int64     `json:"events"` // how many; the last one's number is one less
	SHA256 string    `json:"sha256"` // hex, of the last event's file
	Epoch  int64     `json:"epoch"`  // how often the keys have changed
	Time   time.Time `json:"time"`
}

func (h Head) text() []byte {
	return fmt.Appendf(nil, "%s\ncase: %s\nevents: %d\nlast: %s\nsha256: %s\nepoch: %d\ntime: %s\n",
		headSchema, h.Case, h.Events, ledgerName(h.Events-1), h.SHA256, h.Epoch, h.Time.UTC().Format(time.RFC3339))
}

// parseHead takes exactly the form that text writes.
func parseHead(data []byte) (Head, error) {
	var h Head
	if len(data) > maxHead {
		return h, fmt.Errorf("larger than %d bytes", maxHead)
	}
	lines := strings.Split(string(data), "\n")
	if len(lines) != 8 {
		return h, fmt.Errorf("%d lines", len(lines))
	}
	value := func(i int, key string) string {
		v, _ := strings.CutPrefix(lines[i], key+": ")
		return v
	}
	var err error
	h.Case, h.SHA256 = value(1, "case"), value(4, "sha256")
	if h.Events, err = strconv.ParseInt(value(2, "events"), 10, 64); err != nil || h.Events < 1 || h.Events > maxEvents {
		return h, errors.New("no number of events")
	}
	if h.Epoch, err = strconv.ParseInt(value(5, "epoch"), 10, 64); err != nil || h.Epoch < 0 {
		return h, errors.New("no key epoch")
	}
	if h.Time, err = time.Parse(time.RFC3339, value(6, "time")); err != nil {
		return h, errors.New("no time")
	}
	if !isHash(h.SHA256) || !bytes.Equal(h.text(), data) {
		return h, errors.New("not in the form that is signed")
	}
	return h, nil
}

func headName(seq int64) string { return fmt.Sprintf("%s%08d.txt", headsDir, seq) }

func sigName(seq int64, kid string) string { return fmt.Sprintf("%s%08d.%s.sig", headsDir, seq, kid) }

// signTail signs a head over the ledger as far as this process knows it. If others have
// written that head, it must say the same, and what they wrote is signed. The caller holds c.ledger.
func (c *Case) signTail(ctx context.Context) error {
	if c.Signer == nil || c.tail.seq < 0 || c.signed == c.tail.seq {
		return nil
	}
	if err := c.sign(ctx, c.tail); err != nil {
		return fmt.Errorf("%w: %w", ErrNotSigned, err)
	}
	c.signed = c.tail.seq
	return nil
}

func (c *Case) sign(ctx context.Context, t tail) error {
	kid, err := KeyID(c.Signer.Public())
	if err != nil {
		return err
	}
	text := Head{Case: c.ID, Events: t.seq + 1, SHA256: t.hash, Epoch: t.epoch, Time: c.Now()}.text()
	_, err = c.vault.Create(ctx, headName(t.seq), bytes.NewReader(text), int64(len(text)), sha256.Sum256(text))
	if err != nil {
		there, again := readFile(ctx, c.vault, headName(t.seq), maxHead)
		if again != nil {
			return err
		}
		h, bad := parseHead(there)
		if bad != nil || h.Case != c.ID || h.Events != t.seq+1 || h.SHA256 != t.hash || h.Epoch != t.epoch {
			return fmt.Errorf("%s in %s: %w: not a head over this ledger", headName(t.seq), c.vault, ErrDamaged)
		}
		text = there
	}
	sig, err := c.Signer.Sign(ctx, text)
	if err != nil {
		return fmt.Errorf("sign %s: %w", headName(t.seq), err)
	}
	if !verifySignature(c.Signer.Public(), text, sig) {
		return fmt.Errorf("sign %s: the signature does not fit its key", headName(t.seq))
	}
	_, err = c.vault.Create(ctx, sigName(t.seq, kid), bytes.NewReader(sig), int64(len(sig)), sha256.Sum256(sig))
	if errors.Is(err, vault.ErrExists) {
		return nil // ours of another process, or of a write whose answer was lost: verify looks at it
	}
	return err
}

// tailHeads are the files of the head over the last event known: the next event covers
// them, so that no signature in the middle can be taken away unseen.
func (c *Case) tailHeads(ctx context.Context) ([]Digest, error) {
	if c.tail.seq < 0 {
		return nil, nil
	}
	var out []Digest
	for e, err := range c.vault.List(ctx, fmt.Sprintf("%s%08d.", headsDir, c.tail.seq)) {
		if err != nil {
			return nil, fmt.Errorf("look for signatures: %w", err)
		}
		if seq, ok := headSeq(e.Name); !ok || seq != c.tail.seq || e.Marker || e.Odd != "" || len(out) > 0 && out[len(out)-1].Path == e.Name {
			continue // reported by verification
		}
		sum, _, err := hashFile(ctx, c.vault, e.Name)
		if err != nil {
			return nil, err
		}
		out = append(out, Digest{Path: e.Name, SHA256: sum})
	}
	return out, nil
}

// SignTail signs what others, or this user without a key, have added to the ledger
// without signing it. It says how many events the ledger has.
func (c *Case) SignTail(ctx context.Context) (int64, error) {
	c.ledger.Lock()
	defer c.ledger.Unlock()
	if c.Signer == nil {
		return 0, fmt.Errorf("%w: no key", ErrNotSigned)
	}
	if c.tail.seq < 0 {
		if err := c.findTail(ctx); err != nil {
			return 0, err
		}
	}
	if err := c.readOn(ctx); err != nil {
		return 0, err
	}
	return c.tail.seq + 1, c.signTail(ctx)
}
