package collect

import (
	"fmt"
	"path/filepath"
	"runtime/metrics"
	"sync"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

func BenchmarkRun20Versions(b *testing.B) {
	f := newFake()
	f.versions, f.codeSize, f.latency = 20, 10<<20, 50*time.Millisecond
	for i := range f.versions {
		f.sum(fmt.Sprint(i + 1))
	}
	f.sum("$LATEST")
	f.sum("layer")
	in, _ := f.session(b)
	for b.Loop() {
		v, err := vault.NewFolder(filepath.Join(b.TempDir(), "case"))
		if err != nil {
			b.Fatal(err)
		}
		c, err := evidence.CreateCase(b.Context(), v, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "o", Home: b.TempDir()})
		if err != nil {
			b.Fatal(err)
		}
		w, err := c.Begin(b.Context(), evidence.Header{})
		if err != nil {
			b.Fatal(err)
		}
		var mu sync.Mutex
		var xs []awsapi.Exchange
		stop := make(chan struct{})
		peak := make(chan uint64)
		go func() {
			s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
			var most uint64
			for {
				metrics.Read(s)
				most = max(most, s[0].Value.Uint64())
				select {
				case <-stop:
					peak <- most
					return
				case <-time.After(2 * time.Millisecond):
				}
			}
		}()
		start := time.Now()
		sum, err := Run(b.Context(), in, []Target{payments}, w, Options{Unpaced: true, Record: func(_ string, x awsapi.Exchange) { mu.Lock(); xs = append(xs, x); mu.Unlock() }})
		ran := time.Since(start)
		if err != nil || !sum.Complete {
			b.Fatal(err, sum)
		}
		if _, err := w.Seal(b.Context(), sum.Status()); err != nil {
			b.Fatal(err)
		}
		close(stop)
		b.ReportMetric(ran.Seconds(), "run-s")
		b.ReportMetric(time.Since(start).Seconds(), "run+seal-s")
		b.ReportMetric(float64(<-peak)/(1<<20), "peak-MiB")
		b.ReportMetric(float64(len(xs)), "calls")
	}
}
