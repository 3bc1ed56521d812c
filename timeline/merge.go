package timeline

import (
	"bytes"
	"context"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"
)

// Frames in order become events in three steps that run beside each other, a batch at a time:
// copies are dropped, events are decoded and annotated, events are given out.

// batchEvents is how many events pass at once; batches is how many are under way.
const (
	batchEvents = 512
	batches     = 6
)

// batch is a stretch of frames, and then of events. The events' strings lie in buf, their messages
// in text.
type batch struct {
	buf    []byte
	text   []byte
	spans  []stretch
	events []Event
	out    []*Event // those of events that come out, and what correlations put between them
}

// stretch is a frame in a batch.
type stretch struct {
	at, end  int
	copies   int  // how often it was seen besides
	conflict bool // there is another record of its id that says something else
}

func (b *batch) frame(s stretch) frame { return frame(b.buf[s.at:s.end]) }

func (b *batch) empty() { b.buf, b.spans = b.buf[:0], b.spans[:0] }

// pipeline carries batches from step to step, and back.
type pipeline struct {
	run                     *run
	free, grouped, annotate chan *batch
}

// pipe gives out every event of m.
func (r *run) pipe(ctx context.Context, m *merger, notes *annotator, each func(*Event) error) error {
	p := pipeline{run: r, free: make(chan *batch, batches+1), grouped: make(chan *batch, batches), annotate: make(chan *batch, batches)}
	for range batches {
		p.free <- &batch{}
	}
	d := newDecoder(r.origins.all)
	if r.keeps {
		d.words = newWords()
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(p.grouped)
		return p.group(ctx, m)
	})
	g.Go(func() error {
		defer close(p.annotate)
		return p.decode(ctx, &d, notes)
	})
	g.Go(func() error { return p.give(ctx, each) })
	return g.Wait()
}

// pass hands a batch on.
func pass(ctx context.Context, to chan<- *batch, b *batch) error {
	select {
	case to <- b:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// group takes frames in order and passes each event once. Records of one event id and time are
// neighbours: equal ones are copies (a trail and a lookup, two lookups), and where two differ
// both come out, tagged, because one of them was altered.
func (p *pipeline) group(ctx context.Context, m *merger) error {
	b, err := p.next(ctx)
	if err != nil {
		return err
	}
	first := 0 // of the group, in b.spans
	for {
		f, err := m.next()
		if err == io.EOF {
			return pass(ctx, p.grouped, b)
		}
		if err != nil {
			return err
		}
		held := b.spans[first:]
		if len(held) > 0 && (!f.hasID() || len(held) == maxVariants || !bytes.Equal(f.ident(), b.frame(held[0]).ident())) {
			if first = len(b.spans); first >= batchEvents {
				if err := pass(ctx, p.grouped, b); err != nil {
					return err
				}
				if b, err = p.next(ctx); err != nil {
					return err
				}
				first = 0
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

// next is an empty batch.
func (p *pipeline) next(ctx context.Context) (*batch, error) {
	select {
	case b := <-p.free:
		b.empty()
		return b, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// decode makes events of frames, and annotates them in order.
func (p *pipeline) decode(ctx context.Context, d *decoder, notes *annotator) error {
	for b := range p.grouped {
		if n := len(b.spans) - len(b.events); n > 0 {
			b.events = append(b.events, make([]Event, n)...)
		}
		b.out = b.out[:0]
		notes.text, notes.keeps = b.text[:0], p.run.keeps
		for i, s := range b.spans {
			e := &b.events[i]
			if err := d.decode(b.frame(s), e); err != nil {
				return err
			}
			e.AlsoSeen = s.copies
			if s.conflict {
				e.Tag(TagConflict)
			}
			keep := notes.event(e) && p.run.o.where.match(e)
			if notes.rules != nil {
				if err := notes.rules.correlate(e, keep, b.between); err != nil {
					return err
				}
			}
			if keep {
				b.out = append(b.out, e)
			} else {
				p.run.sum.LeftOut++
			}
		}
		b.text = notes.text
		if err := pass(ctx, p.annotate, b); err != nil {
			return err
		}
	}
	if notes.rules == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	last := &batch{}
	err := notes.rules.end(last.between)
	p.run.sum.RuleLosses, p.run.sum.RuleRepeats = notes.rules.losses(), notes.rules.repeats
	if err != nil {
		return err
	}
	return pass(ctx, p.annotate, last)
}

// between puts what a correlation says where it held.
func (b *batch) between(e *Event) error {
	one := *e
	b.out = append(b.out, &one)
	return nil
}

// give counts events and gives them out.
func (p *pipeline) give(ctx context.Context, each func(*Event) error) error {
	for b := range p.annotate {
		for _, e := range b.out {
			p.run.count(e)
			if err := each(e); err != nil {
				return err
			}
		}
		if err := pass(ctx, p.free, b); err != nil {
			return err
		}
	}
	return ctx.Err()
}
