package timeline

import (
	"bytes"
	"context"
	"io"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Frames in order become events in four steps, a batch at a time: copies are dropped, events are
// decoded, annotated, and given out. A worker takes its batch through all of them, because what
// another processor has written is far away. Where the order counts it waits for its turn.

// batchEvents is how many events pass at once: as many as stay close to a processor. maxMergers
// bounds the workers: two of the steps are for one at a time.
const (
	batchEvents = 96
	maxMergers  = 4
)

// batch is a stretch of frames, and then of events. The events' strings lie in buf, their messages
// in text.
type batch struct {
	buf    []byte
	text   []byte
	spans  []stretch
	events []Event
	out    []*Event // those of events that come out, and what correlations put between them
	lines  members  // of out, where they are written so
}

// stretch is a frame in a batch.
type stretch struct {
	at, end  int
	copies   int  // how often it was seen besides
	conflict bool // there is another record of its id that says something else
}

func (b *batch) frame(s stretch) frame { return frame(b.buf[s.at:s.end]) }

// lineWriter is a writer whose lines do not depend on each other.
type lineWriter interface {
	line(m *members, e *Event) // safe for concurrent use
	lines([]byte) error
}

// pipeline carries batches from step to step.
type pipeline struct {
	run   *run
	notes *annotator
	each  func(*Event) error

	mu      sync.Mutex // guards the first step
	m       *merger
	pending frame // of the merger, of the next batch; nil: none
	ended   bool
	batches int

	annotating, giving turns
}

// turns lets workers into a step in the order of their batches.
type turns struct {
	mu   sync.Mutex
	cond *sync.Cond
	next int
	over bool // a worker has failed, and its turn will not end
}

// enter waits for a batch's turn; false: it will not come.
func (t *turns) enter(n int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.next != n && !t.over {
		t.cond.Wait()
	}
	return !t.over
}

func (t *turns) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next++
	t.cond.Broadcast()
}

func (t *turns) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	t.cond.Broadcast()
}

// pipe gives out every event of m.
func (r *run) pipe(ctx context.Context, m *merger, notes *annotator, each func(*Event) error) error {
	p := &pipeline{run: r, m: m, notes: notes, each: each}
	p.annotating.cond, p.giving.cond = sync.NewCond(&p.annotating.mu), sync.NewCond(&p.giving.mu)
	shared := newDecoder(r.origins.all)
	g, ctx := errgroup.WithContext(ctx)
	for range min(max(r.o.Workers, 1), maxMergers) {
		d := shared
		if d.few = newWords(); r.keeps {
			d.words = newWords()
		}
		g.Go(func() error {
			err := p.work(ctx, &d)
			if err != nil {
				p.annotating.end()
				p.giving.end()
			}
			return err
		})
	}
	if err := g.Wait(); err != nil || notes.rules == nil {
		return err
	}
	last := &batch{}
	err := notes.rules.end(last.between)
	r.sum.RuleLosses, r.sum.RuleRepeats = notes.rules.losses(), notes.rules.repeats
	if err != nil {
		return err
	}
	p.render(last)
	return p.give(last)
}

// work takes one batch after the other through the steps.
func (p *pipeline) work(ctx context.Context, d *decoder) error {
	b := &batch{}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, more, err := p.take(b)
		if err != nil || !more {
			return err
		}
		if err := b.decode(d); err != nil {
			return err
		}
		if !p.annotating.enter(n) {
			return nil
		}
		if err := p.annotate(b); err != nil {
			return err
		}
		p.annotating.leave()
		p.render(b)
		if !p.giving.enter(n) {
			return nil
		}
		if err := p.give(b); err != nil {
			return err
		}
		p.giving.leave()
	}
}

// take fills a batch, and says which one it is; false: there are no more.
func (p *pipeline) take(b *batch) (n int, more bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return 0, false, nil
	}
	p.batches++
	return p.batches - 1, true, p.group(b)
}

// group takes frames in order and passes each event once. Records of one event id and time are
// neighbours: equal ones are copies (a trail and a lookup, two lookups), and where two differ
// both come out, tagged, because one of them was altered.
func (p *pipeline) group(b *batch) error {
	b.buf, b.spans = b.buf[:0], b.spans[:0]
	first := 0 // of the group, in b.spans
	for {
		f, err := p.next()
		if err == io.EOF {
			p.ended = true
			return nil
		}
		if err != nil {
			return err
		}
		held := b.spans[first:]
		if len(held) > 0 && (!f.hasID() || len(held) == maxVariants || !bytes.Equal(f.ident(), b.frame(held[0]).ident())) {
			if first = len(b.spans); first >= batchEvents {
				p.pending = f
				return nil
			}
			held = nil
		}
		if i := copyOf(b, held, f); i >= 0 {
			held[i].copies++
			p.run.sum.Duplicates++
			continue
		}
		at := len(b.buf)
		b.buf = append(b.buf, f...)
		b.spans = append(b.spans, stretch{at: at, end: len(b.buf)})
		if n := len(b.spans) - first; n > 1 {
			b.spans[len(b.spans)-1].conflict = true
			if p.run.sum.Conflicts++; n == 2 {
				b.spans[first].conflict = true
				p.run.sum.Conflicts++
			}
		}
	}
}

// next is the frame that the batch before left, or the merger's next.
func (p *pipeline) next() (frame, error) {
	if f := p.pending; f != nil {
		p.pending = nil
		return f, nil
	}
	return p.m.next()
}

const maxVariants = 8

// copyOf is which of the held frames f is a copy of, -1 if of none.
func copyOf(b *batch, held []stretch, f frame) int {
	if len(held) == 0 {
		return -1
	}
	if f.key()[8] != kindRank(KindCloudTrail) {
		return 0
	}
	return slices.IndexFunc(held, func(s stretch) bool { return bytes.Equal(f.substance(), b.frame(s).substance()) })
}

// decode makes events of frames.
func (b *batch) decode(d *decoder) error {
	if n := len(b.spans) - len(b.events); n > 0 {
		b.events = append(b.events, make([]Event, n)...)
	}
	for i, s := range b.spans {
		e := &b.events[i]
		if err := d.decode(b.frame(s), e); err != nil {
			return err
		}
		e.AlsoSeen = s.copies
		if s.conflict {
			e.Tag(TagConflict)
		}
	}
	return nil
}

// annotate annotates events in order, and decides which come out.
func (p *pipeline) annotate(b *batch) error {
	b.out = b.out[:0]
	p.notes.text, p.notes.keeps = b.text[:0], p.run.keeps
	for i := range b.spans {
		e := &b.events[i]
		keep := p.notes.event(e) && p.run.o.where.match(e)
		if p.notes.rules != nil {
			if err := p.notes.rules.correlate(e, keep, b.between); err != nil {
				return err
			}
		}
		if keep {
			b.out = append(b.out, e)
		} else {
			p.run.sum.LeftOut++
		}
	}
	b.text = p.notes.text
	return nil
}

// between puts what a correlation says where it held.
func (b *batch) between(e *Event) error {
	one := *e
	b.out = append(b.out, &one)
	return nil
}

// render makes the lines of a writer whose lines need not be made in order.
func (p *pipeline) render(b *batch) {
	if b.lines.b = b.lines.b[:0]; p.run.lines == nil {
		return
	}
	for _, e := range b.out {
		p.run.lines.line(&b.lines, e)
	}
}

// give counts events and gives them out.
func (p *pipeline) give(b *batch) error {
	for _, e := range b.out {
		p.run.count(e)
		if p.run.lines != nil {
			continue
		}
		if err := p.each(e); err != nil {
			return err
		}
	}
	if p.run.lines == nil {
		return nil
	}
	return p.run.lines.lines(b.lines.b)
}
