package tabletop

import (
	"sync"
	"time"
)

// Clock is the exercise's time: it stands still while history is played, moves by
// Advance and Set, and after Run goes on at the wall clock's speed.
type Clock struct {
	mu   sync.Mutex
	at   time.Time
	from time.Time // wall clock when Run was called; zero while it stands
}

// NewClock stands at that moment.
func NewClock(at time.Time) *Clock { return &Clock{at: at} }

// Now is the exercise's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.from.IsZero() {
		return c.at
	}
	return c.at.Add(time.Since(c.from))
}

// Advance moves the clock on. A running clock moves by itself alone.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.from.IsZero() {
		c.at = c.at.Add(d)
	}
}

// Set moves the clock to a moment.
func (c *Clock) Set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

// Until moves a standing clock forward to a moment, never back.
func (c *Clock) Until(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.from.IsZero() && at.After(c.at) {
		c.at = at
	}
}

// Run lets it go.
func (c *Clock) Run() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.from = time.Now()
}
