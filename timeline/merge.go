package timeline

import (
	"bytes"
	"context"
	"io"
	"slices"
)

// grouper takes frames in order and lets each event out once. Records of one event id
// and time are neighbours: equal ones are copies (a trail and a lookup, two lookups), and
// where two differ both come out, tagged, because one of them was altered.
type grouper struct {
	run   *run
	notes *annotator
	words *words
	each  func(*Event) error

	held   []frame // of one ident: one of each substance, at most maxVariants
	copies []int   // how often each was seen besides
	event  Event
}

const maxVariants = 8

func (g *grouper) all(ctx context.Context, m *merger) error {
	for n := 0; ; n++ {
		f, err := m.next()
		if err == io.EOF {
			return g.flush()
		}
		if err != nil {
			return err
		}
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := g.take(f); err != nil {
			return err
		}
	}
}

func (g *grouper) take(f frame) error {
	if len(g.held) > 0 && (!f.hasID() || !bytes.Equal(f.ident(), g.held[0].ident()) || len(g.held) == maxVariants) {
		if err := g.flush(); err != nil {
			return err
		}
	}
	for i, h := range g.held {
		if f.key()[8] != kindRank(KindCloudTrail) || bytes.Equal(f.substance(), h.substance()) {
			g.copies[i]++
			g.run.sum.Duplicates++
			return nil
		}
	}
	if len(g.held) < cap(g.held) {
		g.held = g.held[:len(g.held)+1]
	} else {
		g.held = append(g.held, nil)
	}
	last := len(g.held) - 1
	g.held[last] = append(g.held[last][:0], f...)
	g.copies = append(slices.Grow(g.copies, 1), 0)
	return nil
}

func (g *grouper) flush() error {
	conflict := len(g.held) > 1
	for i, f := range g.held {
		e := &g.event
		if err := decodeFrame(f, e, g.words); err != nil {
			return err
		}
		e.AlsoSeen = g.copies[i]
		if conflict {
			e.Tag(TagConflict)
			g.run.sum.Conflicts++
		}
		if !g.notes.event(e) || !g.run.o.where.match(e) {
			g.run.sum.LeftOut++
			continue
		}
		g.run.count(e)
		if err := g.each(e); err != nil {
			return err
		}
	}
	g.held, g.copies = g.held[:0], g.copies[:0]
	return nil
}
