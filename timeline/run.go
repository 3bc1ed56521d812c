package timeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// run is one pass of the engine: all inputs are read into sorted runs, then the runs are merged.
type run struct {
	o     Options
	in    Input
	spool spool
	sum   Summary
	blind blind
	lines lineWriter          // who gets events, if it takes lines of them; nil: it does not
	begin func(Summary) error // told before the first event; may be nil

	origins origins
	keeps   bool // what events say is kept by who gets them

	outcomes, tags, rules tally // of the events that came out

	mu       sync.Mutex // guards what follows, and calls of Progress
	progress Progress
	refs     []evidence.Ref
	own      ownCalls
	gaps     []Gap
	packages packages
}

func newRun(o Options, in Input) *run {
	o.RunEvents = cmp.Or(o.RunEvents, defaultRunEvents)
	o.Workers = cmp.Or(o.Workers, min(runtime.NumCPU(), 8))
	o.MaxSkips = cmp.Or(o.MaxSkips, 100)
	return &run{o: o, in: in, blind: newBlind(), spool: spool{parent: o.TempDir}, sum: Summary{
		BySource: map[string]int{}, ByOutcome: map[string]int{}, ByTag: map[string]int{}}, own: ownCalls{ids: map[string]bool{}}}
}

// do reads everything and calls each with every event in order.
func (r *run) do(ctx context.Context, each func(*Event) error) (err error) {
	defer func() { err = errors.Join(err, r.spool.remove()) }()
	if r.in.Case == nil && len(r.in.Paths) == 0 {
		return fmt.Errorf("%w: neither a case nor CloudTrail files were given", ErrNoInput)
	}
	sinks, err := r.read(ctx)
	defer func() {
		for _, s := range sinks {
			s.arena.free()
		}
	}()
	all := r.join(sinks)
	if err == nil {
		err = r.unseen(ctx, all)
	}
	if err == nil && r.begin != nil {
		err = r.begin(r.sum)
	}
	if err != nil {
		return err
	}
	return r.merge(ctx, sinks, all, each)
}

// task is one artefact or file to read.
type task struct {
	source Source
	raw    Raw
	item   evidence.Item
	name   string // of the source, for events
	origin uint32 // raw and name, numbered in the order of the listing
	open   func(ctx context.Context) (io.ReadCloser, error)
}

// read runs the readers over all tasks.
func (r *run) read(ctx context.Context) ([]*Sink, error) {
	g, ctx := errgroup.WithContext(ctx)
	tasks := make(chan task, 4*r.o.Workers) // so that nobody waits for the lister
	first := newSink(&r.o, &r.spool, &r.origins)
	g.Go(func() error {
		defer close(tasks)
		return r.list(ctx, first, tasks)
	})
	sinks := []*Sink{first}
	for range r.o.Workers {
		s := newSink(&r.o, &r.spool, &r.origins)
		s.tick, s.facts.reader = r.tick(), int64(len(sinks))
		sinks = append(sinks, s)
		g.Go(func() error {
			for t := range tasks {
				if err := r.one(ctx, t, s); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return sinks, g.Wait()
}

// list finds the tasks, and reads what is small and stands in no artefact: journals and ledger.
func (r *run) list(ctx context.Context, s *Sink, tasks chan<- task) error {
	give := func(t task) error {
		t.origin = r.origins.add(originOf(t.raw, t.name))
		select {
		case tasks <- t:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return r.listAll(ctx, s, give)
}

func (r *run) listAll(ctx context.Context, s *Sink, give func(task) error) error {
	if r.in.Case != nil {
		if err := r.listCase(ctx, s, give); err != nil {
			return err
		}
	}
	for _, p := range r.in.Paths {
		if err := listPath(p, s, give); err != nil {
			return err
		}
	}
	return nil
}

// one reads one artefact. A damaged or unreadable one is a skip: the rest goes on.
func (r *run) one(ctx context.Context, t task, s *Sink) error {
	raw, err := t.open(ctx)
	if err != nil {
		s.Skip(t.raw, 0, 0, fmt.Sprintf("cannot be opened: %v", err))
		return ctx.Err()
	}
	before := s.bytes
	err = s.texts(ctx, t, raw, func(at Raw, text *countingReader) error {
		return t.source.Events(ctx, Stream{R: text, Raw: at, Item: t.item, Name: t.name}, s)
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress.Inputs++
	r.progress.Bytes += s.bytes - before
	if t.raw.Item != "" {
		r.refs = append(r.refs, evidence.Ref{Bag: t.raw.Bag, Item: t.raw.Item, Path: t.raw.Path, SHA256: t.raw.SHA256})
	}
	return err
}

// judge tells errors of one input, which are skips, from those that end the run.
func (s *Sink) judge(ctx context.Context, at Raw, c *countingReader, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case c.err != nil || c.r == nil || errors.Is(err, evidence.ErrDamaged):
		s.Skip(at, 0, c.n, fmt.Sprintf("cannot be read to its end: %v", err))
		return nil
	}
	return err
}

// tick makes a reader's progress function.
func (r *run) tick() func(int64) {
	if r.o.Progress == nil {
		return nil
	}
	var before int64
	return func(events int64) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.progress.Events += events - before
		before = events
		r.o.Progress(r.progress)
	}
}

// join sums up what the readers found.
func (r *run) join(sinks []*Sink) *facts {
	all, skips := newFacts(), skipList{max: r.o.MaxSkips}
	for _, s := range sinks {
		all.join(s.facts)
		skips.join(&s.skips)
		for name, n := range s.sources.sum() {
			r.sum.BySource[name] += n
		}
		r.sum.Read += s.read
		r.sum.LeftOut += s.left
		r.sum.Bytes += s.bytes
		r.sum.Digests += s.digests
		r.sum.Runs += len(s.runs)
	}
	all.joined(sinks)
	r.sum.Skips, r.sum.Skipped, r.sum.KeysUntracked = skips.n, skips.trim(), all.untracked
	slices.SortFunc(r.refs, func(a, b evidence.Ref) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Item, b.Item))
	})
	slices.SortStableFunc(r.gaps, func(a, b Gap) int {
		return cmp.Or(strings.Compare(a.Artefact, b.Artefact), strings.Compare(a.Source, b.Source), strings.Compare(a.Why, b.Why))
	})
	r.sum.Inputs, r.sum.Gaps = r.refs, slices.Compact(r.gaps)
	return &all
}

// merge brings the runs together, drops copies, annotates, filters.
func (r *run) merge(ctx context.Context, sinks []*Sink, f *facts, each func(*Event) error) error {
	var runs []string
	var cursors []*cursor
	var g errgroup.Group
	for _, s := range sinks {
		runs = append(runs, s.runs...)
		c := &cursor{}
		cursors = append(cursors, c)
		g.Go(func() error {
			*c = *s.arena.cursor()
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	runs, err := fewer(&r.spool, runs)
	if err != nil {
		return err
	}
	files, err := openRuns(runs)
	if err != nil {
		return err
	}
	m, err := newMerger(append(cursors, files...))
	if err == nil {
		notes := newAnnotator(r.o, f, &r.own)
		if r.in.Case != nil {
			notes.packages = &r.packages
		}
		err = r.pipe(ctx, m, notes, each)
		if notes.firsts != nil {
			notes.firsts.Seen = len(notes.firsts.seen)
			r.sum.Baseline = &notes.firsts.Baseline
		}
	}
	r.counted()
	return errors.Join(err, m.close())
}

// count books an event that is written.
func (r *run) count(e *Event) {
	if e.Beside {
		return
	}
	if r.sum.Events == 0 {
		r.sum.First = e.Time
	}
	r.sum.Last = e.Time
	r.sum.Events++
	if e.Outcome != NotApplicable {
		r.outcomes.add(string(e.Outcome))
	}
	for _, t := range e.Tags {
		r.tags.add(t)
	}
	if !e.plain && e.hides() {
		if r.sum.Hidden++; len(r.sum.HiddenAt) < maxHiddenAt {
			r.sum.HiddenAt = append(r.sum.HiddenAt, e.Raw)
		}
	}
	for i := range e.Rules {
		r.rules.add(cmp.Or(e.Rules[i].ID, e.Rules[i].Title))
	}
}

// counted sums up what was counted.
func (r *run) counted() {
	r.sum.ByOutcome, r.sum.ByTag, r.sum.ByRule = r.outcomes.sum(), r.tags.sum(), r.rules.sum()
	if len(r.sum.ByRule) == 0 {
		r.sum.ByRule = nil
	}
}

// tally counts names, of which the same one often comes many times running.
type tally struct {
	n    map[string]int
	last string
	run  int
}

func (t *tally) add(name string) {
	if name != t.last {
		t.flush()
		t.last = name
	}
	t.run++
}

func (t *tally) flush() {
	if t.run == 0 {
		return
	}
	if t.n == nil {
		t.n = map[string]int{}
	}
	t.n[t.last] += t.run
	t.run = 0
}

func (t *tally) sum() map[string]int {
	t.flush()
	if t.n == nil {
		return map[string]int{}
	}
	return t.n
}

// countingReader counts, and remembers the reader's error apart from its content's.
type countingReader struct {
	r   io.Reader
	n   int64
	err error
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// late is how far CloudTrail's events lag behind, as AWS says (not guaranteed).
const late = 15 * time.Minute
