package awssim

import (
	"context"
	"time"
)

// linger keeps an answer back, without the lock.
func (c *Cloud) linger(ctx context.Context, delay time.Duration) {
	if wait := c.cfg.Latency + delay; wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// SetLatency changes Config.Latency: an account is made without it and then served with it.
// No request may be under way.
func (c *Cloud) SetLatency(d time.Duration) { c.cfg.Latency = d }

// SetQuotas changes Config.Quotas. No request may be under way.
func (c *Cloud) SetQuotas(on bool) { c.cfg.Quotas = on }
