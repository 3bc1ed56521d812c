package evidence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// Copy is a private copy of an artefact that can be read at any place. Close removes it.
type Copy struct {
	file *os.File
	Size int64
}

// OpenCopy copies an artefact to a private file (0600), comparing it with its hash on the
// way: an archive's directory stands at its end, and a vault reads from the beginning.
func (b *Bag) OpenCopy(ctx context.Context, it Item) (*Copy, error) {
	body, err := b.Open(ctx, it)
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp("", "freezeframe-copy-*")
	if err != nil {
		return nil, errors.Join(err, body.Close())
	}
	n, err := io.Copy(f, contextReader{ctx, body})
	if err = errors.Join(err, body.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s of bag %s: %w", it.Path, b.id, err), f.Close(), os.Remove(f.Name()))
	}
	return &Copy{f, n}, nil
}

// ReadAt implements io.ReaderAt.
func (c *Copy) ReadAt(p []byte, off int64) (int, error) { return c.file.ReadAt(p, off) }

// Close removes the copy.
func (c *Copy) Close() error { return errors.Join(c.file.Close(), os.Remove(c.file.Name())) }
