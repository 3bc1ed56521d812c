package bench

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/playbooks/report"
	"github.com/freezeframe-ir/freezeframe/test/reportcase"
)

// opens counts what is opened of a case, and how often its records are.
type opens struct {
	vault.Vault
	all, records *atomic.Int64
}

func (o opens) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	r, err := o.Vault.Open(ctx, name)
	if err == nil {
		o.all.Add(1)
		if strings.Contains(name, "cloudtrail.lookup") {
			o.records.Add(1)
		}
	}
	return r, err
}

// BenchmarkReport makes the page of a case with 100,000 events, of one function and of eight:
// what it opens, how often the records, and how large the page is.
func BenchmarkReport(b *testing.B) {
	for _, functions := range []int{1, 8} {
		b.Run(fmt.Sprintf("functions=%d", functions), func(b *testing.B) {
			dir := b.TempDir()
			c, err := reportcase.Write(b.Context(), filepath.Join(dir, "case"), filepath.Join(dir, "home"), 100_000)
			if err != nil {
				b.Fatal(err)
			}
			targets := []string{reportcase.Function}
			for i := range functions - 1 {
				targets = append(targets, fmt.Sprintf("%s-%d", reportcase.Function, i))
			}
			w, err := c.Begin(b.Context(), evidence.Header{Kind: evidence.KindCollection, Targets: targets, Operator: "o"})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := w.Seal(b.Context(), evidence.StatusComplete); err != nil {
				b.Fatal(err)
			}
			o := opens{c.Vault(), &atomic.Int64{}, &atomic.Int64{}}
			if c, err = evidence.OpenCase(b.Context(), o); err != nil {
				b.Fatal(err)
			}
			o.all.Store(0)
			b.ReportAllocs()
			var size counted
			for b.Loop() {
				d, err := report.Gather(b.Context(), report.Input{Case: c, Now: reportcase.Begun.Add(96 * time.Hour)})
				if err != nil {
					b.Fatal(err)
				}
				size = 0
				if err := d.HTML(&size); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(o.all.Load())/float64(b.N), "opens/op")
			b.ReportMetric(float64(o.records.Load())/float64(b.N), "opens-of-records/op")
			b.ReportMetric(float64(size), "page-bytes")
		})
	}
}

// counted is how much was written.
type counted int64

func (c *counted) Write(p []byte) (int, error) {
	*c += counted(len(p))
	return len(p), nil
}
