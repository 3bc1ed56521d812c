package collect

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
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
