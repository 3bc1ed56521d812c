package collect

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestPacerKeepsTheQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(nil, nil)
		q, ok := quotaOf("CloudTrail:LookupEvents")
		if !ok {
			t.Fatal("LookupEvents has no quota")
		}
		start := time.Now()
		var mu sync.Mutex
		var at []time.Duration
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := p.take(t.Context(), "1", "us-east-1", q); err != nil {
					t.Error(err)
				}
				mu.Lock()
				at = append(at, time.Since(start))
				mu.Unlock()
			})
		}
		wg.Wait()
		for i := range at {
			in := 0
			for _, o := range at {
				if d := o - at[i]; d >= 0 && d < time.Second {
					in++
				}
			}
			if in > 2 {
				t.Errorf("%d calls in the second from %s", in, at[i])
			}
		}
		// 20 calls at 2/s are 9.5 s after the first; within 1.2 of that.
		if got := time.Since(start); got > 11400*time.Millisecond || got < 9500*time.Millisecond {
			t.Errorf("20 calls took %s", got)
		}
	})
}

func TestPacerBucketsAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, start := NewPacer(nil, nil), time.Now()
		q, _ := quotaOf("CloudTrail:LookupEvents")
		for _, region := range []string{"us-east-1", "eu-west-1"} {
			for _, account := range []string{"1", "2"} {
				if _, err := p.take(t.Context(), account, region, q); err != nil {
					t.Fatal(err)
				}
			}
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("four buckets waited for each other: %s", d)
		}
	})
}

func TestPacerSlowsDownAndRecovers(t *testing.T) {
	p := NewPacer(nil, nil)
	q, _ := quotaOf("Lambda:GetPolicy")
	b := p.bucket("1", "r", q)
	for range 10 {
		p.report("1", "r", q, p.now(), true)
	}
	p.report("1", "r", q, b.slow.Add(-1), true)
	if b.pace != 8*q.every || b.slack != 0 {
		t.Errorf("after throttling: pace %s, slack %s", b.pace, b.slack)
	}
	for range 200 {
		p.report("1", "r", q, p.now(), false)
	}
	if b.pace != q.every {
		t.Errorf("pace %s never came back to %s", b.pace, q.every)
	}
}

func TestPacerStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p := NewPacer(nil, nil)
		q, _ := quotaOf("CloudTrail:LookupEvents")
		_, _ = p.take(ctx, "1", "r", q)
		cancel()
		if _, err := p.take(ctx, "1", "r", q); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}

func TestPacerOnAForeignClock(t *testing.T) {
	now := time.Unix(0, 0)
	p := NewPacer(func() time.Time { return now }, func(_ context.Context, d time.Duration) error { now = now.Add(d); return nil })
	q, _ := quotaOf("CloudTrail:LookupEvents")
	for range 11 {
		if _, err := p.take(t.Context(), "1", "r", q); err != nil {
			t.Fatal(err)
		}
	}
	if got := now.Sub(time.Unix(0, 0)); got < 5*time.Second || got > 6*time.Second {
		t.Errorf("11 calls at 2/s took %s of that clock", got)
	}
}

// TestPacerAfterAStandstill: calls that all slept too long do not go out together.
func TestPacerAfterAStandstill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer(nil, func(ctx context.Context, d time.Duration) error {
			time.Sleep((d + 3*time.Second).Truncate(3 * time.Second))
			return ctx.Err()
		})
		q, _ := quotaOf("CloudTrail:LookupEvents")
		var mu sync.Mutex
		let := map[time.Time]int{}
		var wg sync.WaitGroup
		for range 12 {
			wg.Go(func() {
				at, err := p.take(t.Context(), "1", "us-east-1", q)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				let[at.Truncate(time.Second)]++
			})
		}
		wg.Wait()
		for at, n := range let {
			if n > 2 {
				t.Errorf("%d calls in the second from %s", n, at)
			}
		}
	})
}

// TestPacerSlowsDownOnce: several calls that were throttled together are one sign.
func TestPacerSlowsDownOnce(t *testing.T) {
	p := NewPacer(nil, nil)
	q, _ := quotaOf("Lambda:GetPolicy")
	let := p.now()
	for range 5 {
		p.report("1", "r", q, let, true)
	}
	if b := p.bucket("1", "r", q); b.pace != 2*q.every {
		t.Errorf("pace %s, want twice %s", b.pace, q.every)
	}
}
