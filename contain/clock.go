package contain

import (
	"context"
	"time"
)

// orReal fills in the wall clock.
func (c Clock) orReal() Clock {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Sleep == nil {
		c.Sleep = sleep
	}
	return c
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// backoff is how long to wait before the nth look, from 0: 200 ms, doubling to 5 s.
func backoff(n int) time.Duration {
	d := 200 * time.Millisecond
	for range min(n, 5) {
		d *= 2
	}
	return min(d, 5*time.Second)
}
