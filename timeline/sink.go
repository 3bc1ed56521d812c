package timeline

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/sigma"
)

// Sink takes what one reader finds. Every reader has its own; they are joined when all
// have ended, in a way that does not depend on who read what.
type Sink struct {
	o         *Options
	spool     *spool
	origins   *origins
	at        numbered // where the last event was read
	arena     arena
	runs      []string
	window    []byte
	inflaters [1 + maxInside]inflater // of a file, of what lies in it, and of what lies in that
	member    int64                   // of the archive that is read, from 1
	facts     facts
	skips     skipList
	sources   tally // of events
	read      int64
	left      int64 // out, by time
	bytes     int64
	digests   int64
	tick      func(events int64)
	matcher   *sigma.Matcher // of Options.Rules, made when it is needed
	seen      acquaintances
	tracks    tracks   // of records
	clocks    [2]clock // of events, and of sessions' beginnings
}

// numbered is an origin and its number.
type numbered struct {
	origin
	n uint32
}

func newSink(o *Options, s *spool, p *origins) *Sink {
	return &Sink{o: o, spool: s, origins: p, arena: arena{limit: o.RunEvents, bytes: max(allArenas/max(o.Workers, 1), 4<<20)}, facts: newFacts(),
		skips: skipList{max: o.MaxSkips}}
}

// Emit takes an event. The event may be reused afterwards.
func (s *Sink) Emit(e *Event) error {
	s.read++
	s.sources.add(e.Source)
	s.facts.learn(e)
	if s.tick != nil && s.read%4096 == 0 {
		s.tick(s.read)
	}
	if !s.wanted(e) && !s.o.baselined(e) {
		s.left++
		return nil
	}
	source := e.Source
	if source == findingFile {
		source = fileSource
	}
	if at := originOf(e.Raw, source); at != s.at.origin {
		s.at = numbered{at, s.origins.add(at)}
	}
	e.Raw.Offset |= s.member << memberShift
	s.arena.add(e, s.at.n)
	e.Raw.Offset &= memberMask
	if !s.arena.full() {
		return nil
	}
	name, err := s.arena.spill(s.spool)
	if err == nil {
		s.runs = append(s.runs, name)
	}
	return err
}

// wanted drops early what the filter would drop late. Events that tell a code hash stay:
// the next one is compared with them.
func (s *Sink) wanted(e *Event) bool {
	return s.o.Beside || e.Change.CodeHash != "" || s.o.inTime(e.Time)
}

func (f Filter) inTime(t time.Time) bool {
	return (f.Since.IsZero() || !t.Before(f.Since)) && (f.Until.IsZero() || t.Before(f.Until))
}

// Skip reports something that could not be read.
func (s *Sink) Skip(at Raw, line, offset int64, reason string) {
	s.skips.add(Skip{Path: at.Path, Line: line, Offset: offset, Reason: cut(reason, 512)})
}

func (s *Sink) skipper(at Raw) func(line, offset int64, reason string) {
	return func(line, offset int64, reason string) { s.Skip(at, line, offset, reason) }
}

// buffer is the read window, kept from file to file.
func (s *Sink) buffer() []byte {
	if s.window == nil {
		s.window = make([]byte, 512<<10)
	}
	return s.window
}

// skipList counts all skips and keeps the first by place, not by time of discovery:
// many readers give the same list as one.
type skipList struct {
	max  int
	n    int64
	kept []Skip
}

func (l *skipList) add(s Skip) {
	l.n++
	l.kept = append(l.kept, s)
	if len(l.kept) >= 2*l.max+16 {
		l.trim()
	}
}

func (l *skipList) trim() []Skip {
	slices.SortStableFunc(l.kept, func(a, b Skip) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Line, b.Line), strings.Compare(a.Reason, b.Reason))
	})
	l.kept = l.kept[:min(len(l.kept), l.max)]
	return l.kept
}

func (l *skipList) join(other *skipList) {
	l.n += other.n
	l.kept = append(l.kept, other.kept...)
	l.trim()
}
