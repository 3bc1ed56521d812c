package evidence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/tsa"
)

// Stamp is a time stamp over a head, as verification saw it.
type Stamp struct {
	Event   int64     `json:"event"` // number of the last event under the head
	Time    time.Time `json:"time"`
	TSA     string    `json:"tsa"` // who says so, by the certificate in the stamp: text from outside
	Trusted bool      `json:"trusted"`
}

const maxStamp = 64 << 10

func stampName(seq int64) string { return fmt.Sprintf("%s%08d.tsr", headsDir, seq) }

// TimeStamp signs what is not signed yet, has the last head stamped by ask (which gets its
// SHA-256 and gives an RFC 3161 response), and keeps the answer beside it. It gives the
// name of the stamp. A head that has a stamp keeps it.
func (c *Case) TimeStamp(ctx context.Context, ask func(ctx context.Context, digest [32]byte) ([]byte, error)) (string, error) {
	if _, err := c.SignTail(ctx); err != nil {
		return "", err
	}
	c.ledger.Lock()
	defer c.ledger.Unlock()
	name := stampName(c.tail.seq)
	text, err := readFile(ctx, c.vault, headName(c.tail.seq), maxHead)
	if err != nil {
		return "", err
	}
	if _, _, err := hashFile(ctx, c.vault, name); err == nil {
		return name, nil
	}
	digest := sha256.Sum256(text)
	stamp, err := ask(ctx, digest)
	if err != nil {
		return "", fmt.Errorf("time stamp over %s: %w", headName(c.tail.seq), err)
	}
	if _, err := tsa.Verify(stamp, digest, nil); err != nil {
		return "", fmt.Errorf("time stamp over %s: %w", headName(c.tail.seq), err)
	}
	_, err = c.vault.Create(ctx, name, bytes.NewReader(stamp), int64(len(stamp)), sha256.Sum256(stamp))
	return name, err
}

// stamp checks the time stamp of a head.
func (k *checker) stamp(seq int64, text []byte) {
	name := stampName(seq)
	data, err := readFile(k.ctx, k.v, name, maxStamp)
	if err != nil {
		k.fail(name, err)
		return
	}
	info, err := tsa.Verify(data, sha256.Sum256(text), k.o.TSARoots)
	if err != nil {
		k.problem(Problem{Path: name, What: "the time stamp does not hold", Got: err.Error()})
		return
	}
	k.report.Stamps = append(k.report.Stamps, Stamp{seq, info.Time, info.TSA, info.Trusted})
}

// ParseRoots reads certificates in PEM that time stamps have to lead to.
func ParseRoots(data []byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%w: no certificate in PEM", ErrKey)
	}
	return pool, nil
}
