package bench

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// BenchmarkWrite stores artefacts, eight at once as a collection does, beside a copy that
// hashes, syncs 64 files and then their directory as the writer does, and does no more:
// x-copy is the share of that speed.
func BenchmarkWrite(b *testing.B) {
	for _, c := range []struct{ files, size int }{{256, 1 << 20}, {512, 16 << 10}} {
		b.Run(fmt.Sprintf("%dx%dKiB", c.files, c.size>>10), func(b *testing.B) {
			body := make([]byte, c.size)
			var ours, plain time.Duration
			for b.Loop() {
				to := &batchedCopy{dir: b.TempDir(), body: body}
				plain += timed(b, c.files, to.copy, to.flush)
				put, flush := putInto(b, body)
				ours += timed(b, c.files, put, flush)
			}
			b.ReportMetric(float64(plain)/float64(ours), "x-copy")
			b.ReportMetric(float64(c.files*c.size*b.N)/ours.Seconds()/1e6, "MB/s")
		})
	}
}

func timed(b *testing.B, n int, write func(i int) error, flush func() error) time.Duration {
	b.Helper()
	start := time.Now()
	var all errgroup.Group
	all.SetLimit(8)
	for i := range n {
		all.Go(func() error { return write(i) })
	}
	if err := errors.Join(all.Wait(), flush()); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

// batchedCopy writes and hashes files, and syncs 64 together.
type batchedCopy struct {
	dir  string
	body []byte

	mu   sync.Mutex // guards open
	open []*os.File

	flushing sync.Mutex
}

func (c *batchedCopy) copy(i int) error {
	f, err := os.OpenFile(filepath.Join(c.dir, fmt.Sprint(i)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := inPieces(io.MultiWriter(f, sha256.New()), c.body); err != nil {
		return err
	}
	c.mu.Lock()
	c.open = append(c.open, f)
	full := len(c.open) >= 64
	c.mu.Unlock()
	if full {
		return c.flush()
	}
	return nil
}

func (c *batchedCopy) flush() error {
	c.flushing.Lock()
	defer c.flushing.Unlock()
	c.mu.Lock()
	files := c.open
	c.open = nil
	c.mu.Unlock()
	var all errgroup.Group
	all.SetLimit(8)
	for _, f := range files {
		all.Go(func() error { return errors.Join(f.Sync(), f.Close()) })
	}
	if err := all.Wait(); err != nil {
		return err
	}
	d, err := os.Open(c.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func putInto(b *testing.B, body []byte) (put func(i int) error, flush func() error) {
	b.Helper()
	folder, err := vault.NewFolder(filepath.Join(b.TempDir(), "case"))
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	c, err := evidence.CreateCase(ctx, folder, evidence.CaseOptions{Title: "b", Operator: "b", Home: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	w, err := c.Begin(ctx, evidence.Header{})
	if err != nil {
		b.Fatal(err)
	}
	put = func(i int) error {
		_, err := w.Put(ctx, evidence.Meta{Artefact: "lambda.code", Name: fmt.Sprintf("%d.zip", i)}, func(out io.Writer) error { return inPieces(out, body) })
		return err
	}
	return put, func() error { return w.Flush(ctx) }
}
