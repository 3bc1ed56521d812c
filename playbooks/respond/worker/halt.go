package worker

import (
	"context"
	"fmt"
	"time"
)

// haltLooks is how often the switch is looked at that stops everything unattended.
const haltLooks = 15 * time.Second

// halted says whether somebody has turned the switch, and tells it once. Where the board cannot be
// read it is as it was.
func (l *loop) halted(ctx context.Context) bool {
	if l.Board == nil {
		return false
	}
	h, err := l.Board.Halted(ctx)
	l.mu.Lock()
	was := l.stopped
	if err == nil {
		l.stopped = h != nil && h.Halted
	}
	now := l.stopped
	l.mu.Unlock()
	switch {
	case now && !was:
		l.warn(fmt.Sprintf("halted by %s at %s: %s; no message is taken until the switch is turned back (freezeframe respond halt --lift)", h.By, h.At.UTC().Format(time.RFC3339), h.Why))
	case was && !now:
		l.warn("the switch is turned back: messages are taken again")
	}
	return now
}
