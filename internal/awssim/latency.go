package awssim

import (
	"context"
	"time"
)

// linger keeps an answer back, without the lock.
func (c *Cloud) linger(ctx context.Context, delay time.Duration) {
	if wait := time.Duration(c.latency.Load()) + delay; wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// SetLatency changes Config.Latency: an account is made without it and then served with it.
func (c *Cloud) SetLatency(d time.Duration) { c.latency.Store(int64(d)) }

// SetQuotas changes Config.Quotas. No request may be under way.
func (c *Cloud) SetQuotas(on bool) { c.cfg.Quotas = on }
