package board

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"
)

const (
	// Silence is how long a holder may write nothing before it counts as dead, if it says nothing else.
	Silence = 60 * time.Second
	// Least is the shortest time that a holder can be given: it writes four times in it.
	Least = 2 * time.Second
	most  = time.Hour // what another's record can make us wait
)

// silence is how long the writer of a record may write nothing.
func (l *link) silence() time.Duration {
	if l.Within <= 0 {
		return Silence
	}
	return min(max(time.Duration(l.Within*float64(time.Second)), Least), most)
}

// link is one record of a claim's chain.
type link struct {
	What string    `json:"what"` // taken, kept, released
	Who  string    `json:"who"`
	At   time.Time `json:"at"` // by the writer's clock: for people
	// Within is for how many seconds the writer may be silent.
	Within float64 `json:"within"`
}

func (b *Board) link(what string) link {
	return link{what, b.who, time.Now().UTC(), b.silence.Seconds()}
}

const (
	taken    = "taken"
	kept     = "kept"
	released = "released"
)

// Claim is the right to work on something alone.
type Claim struct {
	b    *Board
	what string

	mu   sync.Mutex
	last int // number of the newest record of the chain, as far as this holder knows
	done bool
}

// Holder is who has a claim.
type Holder struct {
	Who   string
	Since time.Time // of its newest record, by its clock
	// Silence is how long it may write nothing.
	Silence time.Duration
}

// Claim takes a claim. Where somebody has it, Claim watches for as long as a holder may be silent: if
// the holder lets go of it or is silent throughout, the claim is taken; if the holder is alive it is
// ErrHeld. With wait it goes on watching until the claim is free or ctx ends.
func (b *Board) Claim(ctx context.Context, what string, wait bool) (*Claim, error) {
	seen, silent := -1, time.Duration(0)
	for {
		last, l, err := b.newest(ctx, what)
		if err != nil {
			return nil, err
		}
		if last == 0 || l.What == released || last == seen && silent >= l.silence() {
			c, err := b.take(ctx, what, last+1)
			if !errors.Is(err, ErrTaken) {
				return c, err
			}
			seen, silent = last+1, 0 // somebody was quicker, and is alive
		} else if last != seen {
			if seen != -1 && !wait && l.What == kept {
				return nil, fmt.Errorf("%w: %s", ErrHeld, l.Who)
			}
			seen, silent = last, 0
		}
		looks := l.silence() / 20
		if err := sleep(ctx, looks); err != nil {
			return nil, err
		}
		silent += looks
	}
}

// TryClaim takes a claim that is free; ErrHeld at once where it is not.
func (b *Board) TryClaim(ctx context.Context, what string) (*Claim, error) {
	last, l, err := b.newest(ctx, what)
	switch {
	case err != nil:
		return nil, err
	case last > 0 && l.What != released:
		return nil, fmt.Errorf("%w: %s", ErrHeld, l.Who)
	}
	c, err := b.take(ctx, what, last+1)
	if errors.Is(err, ErrTaken) {
		return nil, fmt.Errorf("%w: %s was taken this moment", ErrHeld, what)
	}
	return c, err
}

// HeldBy says who has a claim; nil: nobody.
func (b *Board) HeldBy(ctx context.Context, what string) (*Holder, error) {
	last, l, err := b.newest(ctx, what)
	if err != nil || last == 0 || l.What == released {
		return nil, err
	}
	return &Holder{l.Who, l.At, l.silence()}, nil
}

func (b *Board) take(ctx context.Context, what string, n int) (*Claim, error) {
	err := b.Put(ctx, linkName(what, n), b.link(taken))
	if errors.Is(err, ErrTaken) { // by ourselves, where a write whose answer was lost was repeated
		var l link
		if getErr := b.Get(ctx, linkName(what, n), &l); getErr != nil {
			return nil, getErr
		}
		if l.Who == b.who && l.What == taken {
			err = nil
		}
	}
	if err != nil {
		return nil, err
	}
	return &Claim{b: b, what: what, last: n}, nil
}

func linkName(what string, n int) string { return fmt.Sprintf("claims/%s/%08d", what, n) }

// newest is the last record of a claim's chain; 0: nobody ever took it.
func (b *Board) newest(ctx context.Context, what string) (n int, l link, err error) {
	names, err := b.Names(ctx, "claims/"+what+"/")
	if err != nil || len(names) == 0 {
		return 0, l, err
	}
	name := names[len(names)-1]
	if n, err = strconv.Atoi(name); err != nil || n < 1 {
		return 0, l, fmt.Errorf("claims/%s/%s on the board is none of ours", what, name)
	}
	return n, l, b.Get(ctx, linkName(what, n), &l)
}

// Held says that this holder is there, and whether it still is the holder: ErrLost.
func (c *Claim) Held(ctx context.Context) error { return c.add(ctx, kept) }

// Release lets go of it. A claim that is lost needs no release: nil.
func (c *Claim) Release(ctx context.Context) error {
	if err := c.add(ctx, released); err != nil && !errors.Is(err, ErrLost) {
		return err
	}
	return nil
}

func (c *Claim) add(ctx context.Context, what string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done {
		return ErrLost
	}
	err := c.b.Put(ctx, linkName(c.what, c.last+1), c.b.link(what))
	switch {
	case errors.Is(err, ErrTaken):
		// A write whose answer was lost has come through, and the SDK repeated it: then it is our own.
		var l link
		if getErr := c.b.Get(ctx, linkName(c.what, c.last+1), &l); getErr != nil {
			return getErr
		}
		if l.Who != c.b.who || l.What != what {
			c.done = true
			return fmt.Errorf("%w: %s", ErrLost, l.Who)
		}
	case err != nil:
		return err
	}
	c.last++
	c.done = what == released
	return nil
}

// Keep says now and then that the holder is there, until stop. The context that it gives ends, with
// ErrLost as its cause, when the claim is lost, or cannot be kept for as long as a holder may be
// silent.
func (c *Claim) Keep(ctx context.Context) (held context.Context, stop func()) {
	held, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		since := time.Now()
		for sleep(held, c.b.silence/4) == nil {
			err := c.Held(held)
			switch {
			case err == nil:
				since = time.Now()
			case errors.Is(err, ErrLost):
				cancel(err)
			case time.Since(since) > c.b.silence*3/4:
				cancel(fmt.Errorf("%w, or will: for %s the claim could not be kept: %w", ErrLost, time.Since(since).Round(time.Second), err))
			}
		}
	}()
	return held, func() { cancel(context.Canceled); <-done }
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
