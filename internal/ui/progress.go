package ui

import (
	"fmt"
	"sync"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

// Progress tells on stderr what a longer piece of work is at: nothing in the
// first second, then a line that is rewritten on a terminal, and a plain line
// every five seconds elsewhere.
type Progress struct {
	s     *Streams
	what  string
	began time.Time
	now   func() time.Time

	mu    sync.Mutex
	last  time.Time
	shown bool
}

// Progress begins. now is the clock; nil is the wall clock.
func (s *Streams) Progress(what string) *Progress {
	return &Progress{s: s, what: what, began: time.Now(), now: time.Now}
}

// Update says how far it is: things done of all (0: unknown), bytes, and the thing at hand.
func (p *Progress) Update(done, all int, bytes int64, at string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	wait := 5 * time.Second
	if p.s.ErrTTY {
		wait = 200 * time.Millisecond
	}
	spent := now.Sub(p.began)
	if p.s.Quiet || spent < time.Second || now.Sub(p.last) < wait {
		return
	}
	p.last, p.shown = now, true
	line := fmt.Sprintf("%s: %d", p.what, done)
	if all > 0 {
		line += fmt.Sprintf(" of %d", all)
	}
	if bytes > 0 {
		line += fmt.Sprintf(", %s, %s/s", Bytes(bytes), Bytes(int64(float64(bytes)/spent.Seconds())))
	}
	if at != "" {
		line += ", " + safetext.Escape(at)
	}
	if p.s.ErrTTY {
		fmt.Fprintf(p.s.Err, "\r\x1b[K%s", line)
		return
	}
	fmt.Fprintln(p.s.Err, line)
}

// Done clears the line.
func (p *Progress) Done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown && p.s.ErrTTY {
		fmt.Fprint(p.s.Err, "\r\x1b[K")
	}
}
