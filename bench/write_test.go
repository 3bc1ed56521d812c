package bench

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// BenchmarkWrite stores artefacts, eight at once as a collection does, beside a copy that
// hashes, syncs each file and its directory, and does no more: x-copy is the share of that speed.
func BenchmarkWrite(b *testing.B) {
	for _, c := range []struct{ files, size int }{{256, 1 << 20}, {512, 16 << 10}} {
		b.Run(fmt.Sprintf("%dx%dKiB", c.files, c.size>>10), func(b *testing.B) {
			body := make([]byte, c.size)
			var ours, plain time.Duration
			for b.Loop() {
				plain += timed(b, c.files, copyInto(b.TempDir(), body))
				ours += timed(b, c.files, putInto(b, body))
			}
			b.ReportMetric(float64(plain)/float64(ours), "x-copy")
			b.ReportMetric(float64(c.files*c.size*b.N)/ours.Seconds()/1e6, "MB/s")
		})
	}
}

func timed(b *testing.B, n int, write func(i int) error) time.Duration {
	b.Helper()
	start := time.Now()
	var all errgroup.Group
	all.SetLimit(8)
	for i := range n {
		all.Go(func() error { return write(i) })
	}
	if err := all.Wait(); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

func copyInto(dir string, body []byte) func(i int) error {
	return func(i int) error {
		f, err := os.OpenFile(filepath.Join(dir, fmt.Sprint(i)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		h := sha256.New()
		if err := inPieces(io.MultiWriter(f, h), body); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
		d, err := os.Open(dir)
		if err != nil {
			return err
		}
		if err := d.Sync(); err != nil {
			return err
		}
		return d.Close()
	}
}

func putInto(b *testing.B, body []byte) func(i int) error {
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
	return func(i int) error {
		_, err := w.Put(ctx, evidence.Meta{Artefact: "lambda.code", Name: fmt.Sprintf("%d.zip", i)}, func(out io.Writer) error { return inPieces(out, body) })
		return err
	}
}
