package timeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// ErrNeedle: what is looked for cannot be.
var ErrNeedle = errors.New("nothing to look for")

// Pivoted is what a pivot came to.
type Pivoted struct {
	Files   int64    `json:"files"`             // read
	Named   int64    `json:"files_that_name"`   // of them, those with records that name the value
	Records int64    `json:"records"`           // written; copies that were delivered twice are among them
	Bytes   int64    `json:"bytes"`             // of inflated text
	Covered []Period `json:"covered,omitempty"` // by the names of the files
	Skips   int64    `json:"skips"`
	Skipped []Skip   `json:"skipped,omitempty"` // files that are cut, or have bytes behind their end; single malformed records are Build's to report
}

// Complete says whether every file could be read.
func (p Pivoted) Complete() bool { return p.Skips == 0 }

// Period is what the names of a trail's files say of one account and region: deliveries from
// the first to the last.
type Period struct {
	Account string    `json:"account"`
	Region  string    `json:"region"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Files   int       `json:"files"`
}

// Pivot writes every CloudTrail record of the input that names value, as it was logged, one a
// line, in the order of the files: the function, role, key or address that an investigation
// turns on. A record names it if one of its strings, at any depth, holds it as a whole word: not
// as a part of a longer run of letters, digits, '-' and '_'. It reads at nearly the speed of
// inflating, because files that do not hold the value are not parsed.
func Pivot(ctx context.Context, o Options, in Input, value string, out io.Writer) (Pivoted, error) {
	if value == "" {
		return Pivoted{}, ErrNeedle
	}
	p := pivot{run: newRun(o, in), needle: newNeedle(value), free: make(chan []byte, 16), periods: map[[2]string]*Period{}}
	err := p.do(ctx, out)
	p.sum.Covered = p.covered()
	return p.sum, err
}

type pivot struct {
	run    *run
	needle needle
	free   chan []byte // buffers that are written

	mu      sync.Mutex
	sum     Pivoted
	periods map[[2]string]*Period
}

// turn is a file whose records are due in its turn.
type turn struct {
	task
	found chan []byte
}

func (p *pivot) do(ctx context.Context, out io.Writer) error {
	if p.run.in.Case == nil && len(p.run.in.Paths) == 0 {
		return fmt.Errorf("%w: neither a case nor CloudTrail files were given", ErrNoInput)
	}
	g, ctx := errgroup.WithContext(ctx)
	tasks, order := make(chan turn), make(chan turn, 4*p.run.o.Workers)
	first := newSink(&p.run.o, &p.run.spool, &p.run.origins)
	g.Go(func() error {
		defer close(tasks)
		defer close(order)
		return p.list(ctx, first, tasks, order)
	})
	sinks := []*Sink{first}
	for range p.run.o.Workers {
		s := newSink(&p.run.o, &p.run.spool, &p.run.origins)
		sinks = append(sinks, s)
		g.Go(func() error {
			f := searcher{pivot: p, sink: s, needle: p.needle}
			for t := range tasks {
				if err := f.one(ctx, t); err != nil {
					return err
				}
			}
			p.add(func(sum *Pivoted) {
				sum.Bytes, sum.Files, sum.Named, sum.Records = sum.Bytes+f.bytes, sum.Files+f.files, sum.Named+f.named, sum.Records+f.records
			})
			return nil
		})
	}
	g.Go(func() error { return p.inOrder(ctx, order, out) })
	err := g.Wait()
	skips := skipList{max: p.run.o.MaxSkips}
	for _, s := range sinks {
		skips.join(&s.skips)
	}
	p.sum.Skips, p.sum.Skipped = skips.n, skips.trim()
	return err
}

// list gives the files that hold CloudTrail's records to the searchers, and their turns.
func (p *pivot) list(ctx context.Context, s *Sink, tasks, order chan<- turn) error {
	trail := cloudTrailSource().Name
	give := func(t task) error {
		if t.source.Name != trail {
			return nil
		}
		p.cover(t.raw.Path)
		due := turn{t, make(chan []byte, 1)}
		for _, to := range []chan<- turn{order, tasks} {
			select {
			case to <- due:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	}
	return p.run.listAll(ctx, s, give)
}

// inOrder writes what was found, file by file.
func (p *pivot) inOrder(ctx context.Context, order <-chan turn, out io.Writer) error {
	for t := range order {
		for open := true; open; {
			var b []byte
			select {
			case b, open = <-t.found:
			case <-ctx.Done():
				return ctx.Err()
			}
			if len(b) == 0 {
				continue
			}
			if _, err := out.Write(b); err != nil {
				return fmt.Errorf("writing records: %w", err)
			}
			select {
			case p.free <- b[:0]:
			default: // enough of them lie there
			}
		}
	}
	return ctx.Err()
}

func (p *pivot) add(f func(*Pivoted)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.sum)
}

// trailFile is how CloudTrail names its files.
var trailFile = regexp.MustCompile(`^(\d{12})_CloudTrail_([a-z0-9-]+)_(\d{8}T\d{4}Z)_`)

// cover books what a file's name says.
func (p *pivot) cover(path string) {
	at := strings.LastIndex(path, "_CloudTrail_")
	if at < 12 {
		return
	}
	m := trailFile.FindStringSubmatch(path[at-12:])
	if m == nil {
		return
	}
	when, err := time.Parse("20060102T1504Z", m[3])
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	key := [2]string{m[1], m[2]}
	x := p.periods[key]
	if x == nil {
		x = &Period{Account: m[1], Region: m[2], From: when, To: when}
		p.periods[key] = x
	}
	x.Files++
	if when.Before(x.From) {
		x.From = when
	}
	if when.After(x.To) {
		x.To = when
	}
}

func (p *pivot) covered() []Period {
	var all []Period
	for _, x := range p.periods {
		all = append(all, *x)
	}
	sort.Slice(all, func(i, j int) bool {
		return all[i].Account+" "+all[i].Region < all[j].Account+" "+all[j].Region
	})
	return all
}
