package collect

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"runtime/metrics"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// TestRoundTripsOverlap: in the fake time of a bubble only answers take time, so
// the run's length is its longest chain of calls that wait for each other.
func TestRoundTripsOverlap(t *testing.T) {
	for _, c := range []struct {
		scope Scope
		most  int
	}{
		// The listing, GetFunction of every version, 22 downloads by 8 at a time; as long
		// as that: GetFunction, two pages of LookupEvents, those by access key.
		{All, 5},
		// GetFunction, ListAttachedRolePolicies, GetPolicy, GetPolicyVersion.
		{Containment, 4},
	} {
		synctest.Test(t, func(t *testing.T) {
			const latency = 50 * time.Millisecond
			f := newFake()
			f.versions, f.latency = 20, latency
			var l ledger
			start := time.Now()
			_, sum := collectFrom(t, f, Options{Scope: c.scope, Unpaced: true, Record: l.record})
			took := time.Since(start) - latency // of the session's own GetCallerIdentity
			t.Logf("%s: %d calls in %d sequential round trips", c.scope, len(l.calls), chain(l.calls))
			if !sum.Complete || took > time.Duration(c.most)*latency || chain(l.calls) > c.most {
				t.Errorf("%s: %s for %d calls, a chain of %d; %d wanted", c.scope, took, len(l.calls), chain(l.calls), c.most)
			}
		})
	}
}

// ledger keeps what was called when.
type ledger struct {
	mu    sync.Mutex
	calls []awsapi.Exchange
}

func (l *ledger) record(_ string, x awsapi.Exchange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, x)
}

// chain is the largest number of calls of which each began after the one before
// had ended.
func chain(calls []awsapi.Exchange) int {
	calls = slices.Clone(calls)
	slices.SortFunc(calls, func(a, b awsapi.Exchange) int { return a.Ended.Compare(b.Ended) })
	n := 0
	var end time.Time
	for _, x := range calls {
		if !x.Started.Before(end) {
			n, end = n+1, x.Ended
		}
	}
	return n
}

// BenchmarkCollect20Versions collects 20 versions of 10 MB, 50 ms to each answer,
// into a case on disk, beside a bare loop that only downloads the same packages.
func BenchmarkCollect20Versions(b *testing.B) {
	f := newFake()
	f.versions, f.codeSize, f.latency = 20, 10<<20, 50*time.Millisecond
	packages := []string{"$LATEST", "layer"}
	for i := range f.versions {
		packages = append(packages, fmt.Sprint(i+1))
	}
	for _, p := range packages {
		f.sum(p)
	}
	in, _ := f.session(b)
	for b.Loop() {
		bare := bareLoop(b, in.HTTP.(*http.Client), packages)
		w := benchBag(b)
		var l ledger
		peak := watchHeap()
		start := time.Now()
		sum, err := Run(b.Context(), in, []Target{payments}, w, Options{Unpaced: true, Record: l.record})
		if err != nil || !sum.Complete {
			b.Fatal(err, sum)
		}
		if _, err := w.Seal(b.Context(), sum.Status()); err != nil {
			b.Fatal(err)
		}
		took := time.Since(start)
		b.ReportMetric(took.Seconds(), "s/run")
		b.ReportMetric(took.Seconds()/bare.Seconds(), "x-bare-loop")
		b.ReportMetric(float64(peak())/(1<<20), "peak-MiB")
		b.ReportMetric(float64(len(l.calls)), "calls")
		b.ReportMetric(float64(chain(l.calls)), "round-trips")
	}
}

func benchBag(b *testing.B) *evidence.Writer {
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
	return w
}

// bareLoop downloads one after the other and throws away.
func bareLoop(b *testing.B, c *http.Client, packages []string) time.Duration {
	start := time.Now()
	for _, p := range packages {
		resp, err := c.Get(fakeEndpoint + "/code/" + p)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			b.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(start)
}

// watchHeap samples the live heap until the returned function is called, which
// gives the peak above the start.
func watchHeap() func() uint64 {
	live := func() uint64 {
		s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	before, stop, done := live(), make(chan struct{}), make(chan uint64)
	go func() {
		most := before
		for {
			most = max(most, live())
			select {
			case <-stop:
				done <- most - before
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	return func() uint64 { close(stop); return <-done }
}
