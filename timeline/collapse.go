package timeline

import (
	"fmt"
	"slices"
	"time"
)

// collapser makes one line of events that repeat each other, where it was asked for. It holds
// back what is younger than its window, so that lines stay in the order of their first event;
// what it holds is bounded, and where that is not enough fewer events are collapsed.
type collapser struct {
	window time.Duration
	out    func(*Event) error

	held      []*line // in order
	open      map[actor]*line
	bytes     int
	collapsed int64
}

// CollapseWindow is the usual length of what is collapsed into one line.
const CollapseWindow = 5 * time.Minute

const (
	maxHeldLines = 8192
	maxHeldBytes = 32 << 20
)

// actor is who repeats: another's calls may stand between, another call of the same actor ends it.
type actor struct{ principal, key, address, agent string }

// line is an event that is held back, and what has been collapsed into it.
type line struct {
	Event
	actor  actor
	open   bool
	others bool // some repeats are about other resources
	size   int
}

func newCollapser(window time.Duration, out func(*Event) error) *collapser {
	return &collapser{window: window, out: out, open: map[actor]*line{}}
}

// event takes the next event. Its strings must last.
func (c *collapser) event(e *Event) error {
	who := actor{e.Principal.String() + "\x00" + e.Principal.ARN, e.AccessKey, e.Address, e.UserAgent}
	repeats := e.repeatable()
	if l := c.open[who]; repeats && l != nil {
		if e.Time.Sub(l.Time) <= c.window && l.alike(e) {
			l.take(e)
			c.collapsed++
			return c.drain(e.Time)
		}
		l.open = false
	}
	l := &line{Event: *e, actor: who, open: repeats, size: e.size()}
	l.Resources, l.Tags, l.Named, l.Cites, l.Rules = slices.Clone(e.Resources), slices.Clone(e.Tags), slices.Clone(e.Named), slices.Clone(e.Cites), slices.Clone(e.Rules)
	c.held = append(c.held, l)
	c.bytes += l.size
	if repeats {
		c.open[who] = l
	}
	return c.drain(e.Time)
}

// drain gives out, from the oldest on, what nothing can be added to any more.
func (c *collapser) drain(now time.Time) error {
	n := 0
	for ; n < len(c.held); n++ {
		l := c.held[n]
		tooMany := len(c.held)-n > maxHeldLines || c.bytes > maxHeldBytes
		if l.open && now.Sub(l.Time) <= c.window && !tooMany {
			break
		}
		if err := c.give(l); err != nil {
			return err
		}
		c.held[n] = nil
	}
	c.held = c.held[n:]
	return nil
}

// end gives out the rest.
func (c *collapser) end() error {
	for _, l := range c.held {
		if err := c.give(l); err != nil {
			return err
		}
	}
	c.held = nil
	return nil
}

func (c *collapser) give(l *line) error {
	if c.open[l.actor] == l {
		delete(c.open, l.actor)
	}
	c.bytes -= l.size
	if l.Repeats > 0 {
		note := fmt.Sprintf(" [%d alike until %s", l.Repeats+1, l.Until.Format(time.RFC3339))
		if l.others {
			note += ", on other resources too"
		}
		l.Message = cut(l.Message, MaxField-len(note)-1) + note + "]"
	}
	return c.out(&l.Event)
}

// repeatable says whether an event is one of a sort that is collapsed: a call, or a line of a
// log. What documents tell, what the responder did and what rules say stands alone.
func (e *Event) repeatable() bool {
	return (e.Kind == KindCloudTrail || e.Kind == KindLog) && e.LinkedTo == "" && !e.Tagged(TagConflict)
}

// alike says whether e repeats l: all that is compared here is the same, so that a line with a
// count says it of each. Times, ids, resources and the words of an error are those of the first.
func (l *line) alike(e *Event) bool {
	return l.Kind == e.Kind && l.Source == e.Source && l.Category == e.Category && l.Service == e.Service && l.Action == e.Action && l.RawAction == e.RawAction &&
		l.Outcome == e.Outcome && l.ErrorCode == e.ErrorCode && l.ReadOnly == e.ReadOnly && l.InLambda == e.InLambda && l.Region == e.Region && l.Account == e.Account &&
		l.VPCE == e.VPCE && l.Function == e.Function && l.Qualifier == e.Qualifier && l.Principal == e.Principal && l.Change == e.Change && l.Beside == e.Beside &&
		slices.Equal(l.Tags, e.Tags) && slices.EqualFunc(l.Rules, e.Rules, RuleHit.same) && (e.Kind != KindLog || l.Message == e.Message)
}

func (l *line) take(e *Event) {
	l.Repeats++
	l.AlsoSeen += e.AlsoSeen
	l.Until, l.LastID, l.LastRaw = e.Time, e.ID, e.Raw
	l.others = l.others || !slices.Equal(l.Resources, e.Resources)
}

// size is about what an event holds in memory.
func (e *Event) size() int {
	p, c := &e.Principal, &e.Change
	n := 2048
	for _, s := range [...]string{
		e.Message, e.UserAgent, e.ErrorText, e.ErrorCode, e.Action, e.RawAction, e.Function, e.Qualifier, e.Address, e.AccessKey, e.ID, e.RequestID, e.SharedID,
		p.Name, p.Session, p.ARN, p.ID, p.Role, p.Function, p.SignIn, p.Identity,
		c.CodeHash, c.Version, c.Role, c.Layers, c.Grantee, c.Allows, c.Sid, c.URL, c.NewKey, c.Policy, c.Setting,
	} {
		n += len(s)
	}
	for _, r := range e.Resources {
		n += len(r)
	}
	return n
}
