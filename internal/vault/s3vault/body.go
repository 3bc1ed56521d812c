package s3vault

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// body reads one version of an object, and goes on where a connection broke off: the
// version is pinned, so that the bytes are the same.
type body struct {
	ctx context.Context
	v   *Vault
	in  *s3.GetObjectInput
	r   io.ReadCloser
	at  int64
	n   int // times it broke off without a byte in between
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.at += int64(n); n > 0 {
		b.n = 0
	}
	if err == nil || errors.Is(err, io.EOF) || b.ctx.Err() != nil || b.in.VersionId == nil {
		return n, err
	}
	if n > 0 {
		return n, nil // the next call finds the break again
	}
	if b.n++; b.n > maxConflicts {
		return 0, err
	}
	if waited := b.v.o.Wait(b.ctx, b.n); waited != nil {
		return 0, waited
	}
	in := *b.in
	part := fmt.Sprintf("bytes=%d-", b.at)
	in.Range = &part
	out, again := b.v.s3.GetObject(b.ctx, &in)
	if again != nil {
		if isTransient(again) {
			return 0, nil
		}
		return 0, errors.Join(err, again)
	}
	_ = b.r.Close() // it is broken
	b.r = out.Body
	return 0, nil
}

func (b *body) Close() error { return b.r.Close() }
