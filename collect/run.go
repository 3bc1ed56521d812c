package collect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/errgroup"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

const (
	targetsAtOnce = 16 // functions of one account
	callsAtOnce   = 32 // of one collector; the pacer holds them back where AWS would
	day           = 24 * time.Hour
	maxSince      = 90 * day // what CloudTrail keeps in its event history
)

// runner is one Run.
type runner struct {
	in    Inputs
	o     Options
	w     Artefacts
	pacer *Pacer
	enc   encoder
	stop  context.CancelCauseFunc
	book  *book
	since time.Time // the window, fixed at the start
	until time.Time
	slots chan struct{} // downloads at once, over all targets
	calls chan struct{} // calls under way at once; nil: any number
	// streams are artefacts of log events read at once, over all targets: apart from slots,
	// because a long log must not keep a package waiting whose address expires.
	streams chan struct{}
	mu      sync.Mutex
	claims  map[string]bool
	sweeps  map[string]*promise[keysOfRoles] // by region
	// busLists are the EventBridge buses, by region.
	busLists map[string]*promise[nameList]
	listings map[string]*promise[sweep]    // of whole regions
	lists    map[string]*promise[nameList] // further listings that targets share: see shared
	kept     keeper                        // nil: nothing was there before
	several  bool                          // targets: what is of a whole region is asked for once
}

// Run collects from the targets into w. It does not seal: the caller does, with
// Summary.Status, also when ctx was cancelled (what had not been asked for by then
// is in the coverage as not_attempted). The error is one of the store, or of the
// context; what AWS refused is a gap, and Summary.Complete is false.
func Run(ctx context.Context, in Inputs, targets []Target, w Artefacts, o Options) (Summary, error) {
	if len(targets)+len(o.Found) == 0 {
		return Summary{}, errors.New("no function to collect from")
	}
	inner, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r := newRunner(in, w, o, stop)
	r.kept, _ = w.(keeper)
	r.several = len(targets) > 1
	for _, g := range o.Found {
		w := want{artefact: g.Artefact, src: g.Source, call: g.Call}
		r.book.plan(w)
		r.book.gap(w, g)
	}
	var all errgroup.Group
	all.SetLimit(targetsAtOnce)
	for _, t := range targets {
		all.Go(func() error { r.target(inner, t); return nil })
	}
	_ = all.Wait() // targets report through the book
	r.keepGaps(inner.Err() == nil)
	if f, ok := w.(flusher); ok {
		if err := f.Flush(context.WithoutCancel(ctx)); err != nil {
			r.book.fail(err)
		}
	}
	sum := r.book.close(r.o.Now())
	sum.Started, sum.Ended = r.until, r.o.Now()
	if ctx.Err() != nil {
		return sum, fmt.Errorf("collecting: %w", ctx.Err())
	}
	return sum, r.book.storeError()
}

// flusher stores artefacts together, after it took them: what could not be stored it says then.
type flusher interface {
	Flush(ctx context.Context) error
}

func newRunner(in Inputs, w Artefacts, o Options, stop context.CancelCauseFunc) *runner {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Scope == "" {
		o.Scope = All
	}
	o.Since = orDefault(min(o.Since, maxSince), 7*day)
	o.Parallel = orDefault(o.Parallel, 8)
	o.MaxLogBytes = orDefault(o.MaxLogBytes, 256<<20)
	o.MaxTrailBytes = orDefault(o.MaxTrailBytes, 1<<30)
	o.MaxKeys = orDefault(o.MaxKeys, 50)
	o.MaxPages = orDefault(o.MaxPages, 100_000)
	if o.Pacer == nil {
		o.Pacer = NewPacer(nil, nil)
	}
	until := o.Until.UTC()
	if o.Until.IsZero() {
		until = o.Now().UTC().Truncate(time.Second)
	}
	return &runner{
		in: in, o: o, w: w, pacer: o.Pacer, stop: stop,
		enc:   encoder{redact: func(v string) string { return sealedMark + w.MAC([]byte(v)) + "]" }},
		book:  newBook(w, o.Progress, stop),
		since: until.Add(-o.Since),
		until: until,
		slots: make(chan struct{}, o.Parallel),
		calls: callSlots(o.Calls),

		streams: make(chan struct{}, streamsAtOnce),

		claims: map[string]bool{},
		sweeps: map[string]*promise[keysOfRoles]{},

		busLists: map[string]*promise[nameList]{},
		listings: map[string]*promise[sweep]{},
		lists:    map[string]*promise[nameList]{},
	}
}

func orDefault[T int | int64 | time.Duration](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}

// target runs the collectors of one function: started in the catalogue's order of
// volatility, overlapping, each waiting only for the facts it needs.
func (r *runner) target(ctx context.Context, t Target) {
	f := newFacts()
	var wg sync.WaitGroup
	all := r.o.catalogue
	if all == nil {
		all = Catalogue()
	}
	for _, c := range all {
		if r.o.Scope == Containment && !c.Small || !r.runs(c.Name) {
			f.release(c.Name)
			continue
		}
		j := &Job{Target: t, c: c, run: r, facts: f}
		wg.Go(func() {
			defer f.release(c.Name)
			c.Collect(ctx, j)
			if !j.planned.Load() && ctx.Err() != nil {
				j.skip(j.want(c.Name, "", ""), "the collection was stopped before it was known what to ask for")
			}
		})
	}
	wg.Wait()
}

// runs says whether a collector was asked for.
func (r *runner) runs(name string) bool {
	return len(r.o.Only) == 0 || slices.Contains(r.o.Only, name)
}

// claim says whether the caller is the first to want something that several
// targets share: a role, a layer.
func (r *runner) claim(what string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := !r.claims[what]
	r.claims[what] = true
	return first
}

// config is a client configuration for a region, limited to the collector's calls,
// paced and recorded.
func (j *Job) config(region string) aws.Config {
	var rec awsapi.Recorder
	if j.run.o.Record != nil {
		rec = func(x awsapi.Exchange) { j.run.o.Record(j.c.Name, x) }
	}
	cfg := j.run.in.Connect(region, j.c.Needs, rec)
	if j.run.calls != nil {
		cfg = limited(cfg, j.run.calls)
	}
	if j.run.o.Unpaced {
		return cfg
	}
	return j.run.pacer.pace(cfg, j.Target.Account)
}

// each runs f for all of the list, some at once, and waits for them.
func each[T any](list []T, atOnce int, f func(T)) {
	var g errgroup.Group
	g.SetLimit(atOnce)
	for _, v := range list {
		g.Go(func() error { f(v); return nil })
	}
	_ = g.Wait() // f records its own failures
}

// numbers are 0 to n-1: a list's places, for each.
func numbers(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// both runs the functions at once and waits for them.
func both(fs ...func()) {
	each(fs, len(fs), func(f func()) { f() })
}

// watched counts what is written, and remembers the store's own error apart from
// those of the source.
type watched struct {
	w     io.Writer
	count func(int)
	err   error
}

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	w.count(n)
	if err != nil {
		w.err = err
	}
	return n, err
}

// truncated keeps what was written: the artefact is stored in state truncated.
func truncated(why error) error {
	_, text := classify(why)
	return &cutError{text, why}
}

// cutError is evidence.ErrTruncated and why: which call it was, its text does not say.
type cutError struct {
	text string
	why  error
}

func (e *cutError) Error() string { return evidence.ErrTruncated.Error() + ": " + e.text }

func (e *cutError) Unwrap() []error { return []error{evidence.ErrTruncated, e.why} }

// cappedWriter refuses the write that would go over the cap, so that lines stay whole.
type cappedWriter struct {
	w    io.Writer
	left int64
}

func (c *cappedWriter) Write(p []byte) (int, error) {
	if int64(len(p)) > c.left {
		return 0, errLogCap
	}
	n, err := c.w.Write(p)
	c.left -= int64(n)
	return n, err
}
