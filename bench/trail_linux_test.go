package bench

import (
	"bufio"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/sync/errgroup"

	"github.com/freezeframe-ir/freezeframe/internal/sigma"
	"github.com/freezeframe-ir/freezeframe/internal/sigma/builtin"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

// parallelGunzip inflates all files and throws the text away, a reader a processor: the
// least that reading them can cost.
func parallelGunzip(tb testing.TB, dir string) int64 {
	tb.Helper()
	names := make(chan string)
	totals := make([]int64, runtime.NumCPU())
	var g errgroup.Group
	for i := range totals {
		g.Go(func() error {
			var z gzip.Reader
			in := bufio.NewReaderSize(nil, 256<<10)
			buf := make([]byte, 256<<10)
			for name := range names {
				f, err := os.Open(name)
				if err != nil {
					return err
				}
				in.Reset(f)
				if err := z.Reset(in); err != nil {
					return err
				}
				n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{&z}, buf)
				if err != nil {
					return err
				}
				totals[i] += n
				if err := f.Close(); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			names <- p
		}
		return err
	})
	close(names)
	if err2 := g.Wait(); err != nil || err2 != nil {
		tb.Fatal(err, err2)
	}
	var sum int64
	for _, n := range totals {
		sum += n
	}
	return sum
}

// cost is time by the clock and by the processors.
type cost struct{ wall, cpu time.Duration }

func measure(tb testing.TB, f func()) cost {
	tb.Helper()
	cpu := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			tb.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	runtime.GC()
	began, used := time.Now(), cpu()
	f()
	return cost{time.Since(began), cpu() - used}
}

// BenchmarkTimelineBucket builds the whole timeline of a trail bucket as JSONL: every event
// normalised, deduplicated, sorted, without rules and with the published ones and our own.
// x_gunzip is how many times as long it took as inflating the files with the same library, a
// reader a processor, in the same run.
func BenchmarkTimelineBucket(b *testing.B) {
	dir := b.TempDir()
	packed, inflated := bucketCorpus().write(b, dir)
	b.Logf("%d MB packed, %d MB inflated, ratio %.1f", packed>>20, inflated>>20, float64(inflated)/float64(packed))
	for _, c := range []struct {
		name  string
		rules func(testing.TB) *sigma.Engine
	}{{"NoRules", func(testing.TB) *sigma.Engine { return nil }}, {"Rules", allRules}} {
		b.Run(c.name, func(b *testing.B) {
			o := timeline.Options{Format: "jsonl", TempDir: b.TempDir(), Rules: c.rules(b)}
			b.SetBytes(inflated)
			var limit, built cost
			hits := 0
			for b.Loop() {
				l := measure(b, func() { parallelGunzip(b, dir) })
				var sum timeline.Summary
				t := measure(b, func() {
					var err error
					if sum, err = timeline.Build(context.Background(), o, timeline.Input{Paths: []string{dir}}, io.Discard); err != nil {
						b.Fatal(err)
					}
				})
				if sum.Skips != 0 || sum.Read != int64(bucketCorpus().files*bucketCorpus().perFile) || sum.Duplicates == 0 {
					b.Fatalf("%+v", sum)
				}
				for _, n := range sum.ByRule {
					hits += n
				}
				limit.wall, limit.cpu, built.wall, built.cpu = limit.wall+l.wall, limit.cpu+l.cpu, built.wall+t.wall, built.cpu+t.cpu
			}
			b.ReportMetric(built.wall.Seconds()/limit.wall.Seconds(), "x_gunzip")
			b.ReportMetric(built.cpu.Seconds()/limit.cpu.Seconds(), "x_gunzip_cpu")
			b.ReportMetric(limit.cpu.Seconds()/float64(b.N), "gunzip_cpu_s")
			b.ReportMetric(float64(inflated)*float64(b.N)/limit.wall.Seconds()/1e6, "gunzip_MB/s")
			b.ReportMetric(float64(hits)/float64(b.N), "hits")
		})
	}
}

// allRules are the published rules and the project's own.
func allRules(tb testing.TB) *sigma.Engine {
	tb.Helper()
	own, err := builtin.Rules()
	if err != nil {
		tb.Fatal(err)
	}
	return sigma.NewEngine(sigma.Merge(&sigma.Set{Rules: published(tb).Rules()}, own))
}
