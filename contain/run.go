package contain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sort"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// runner carries out the tasks of one apply, release or undo, and writes its bag.
type runner struct {
	session  *awsapi.Session
	kase     *evidence.Case
	clock    Clock
	deadline time.Duration
	progress func(Outcome)

	run    *Run
	missed []Unplanned
	w      *evidence.Writer
	move   mover

	mu      sync.Mutex
	intents int
	calls   []awsapi.Exchange // made and not yet in the journal
	err     error             // of the case's store
}

// defaultDeadline is how long a change gets to show: AWS says a few minutes at most.
const defaultDeadline = 2 * time.Minute

func newRunner(action string, s *awsapi.Session, c *evidence.Case, clock Clock, deadline time.Duration, progress func(Outcome)) *runner {
	if deadline <= 0 {
		deadline = defaultDeadline
	}
	r := &runner{session: s, kase: c, clock: clock, deadline: deadline, progress: progress,
		run: &Run{Action: action, Started: clock.Now().UTC(), Acts: []ActResult{}, Outcomes: []Outcome{}}}
	r.move = mover{session: s, kase: c, clock: clock, deadline: deadline, also: r.called, note: r.durable, id: r.nextIntent}
	return r
}

// header of the run's bag.
func (r *runner) header(tool evidence.Tool, operator string, targets []string, params map[string]string) evidence.Header {
	if tool.Go == "" {
		tool.Go = runtime.Version()
	}
	return evidence.Header{
		Kind: evidence.KindContainment, Operator: operator, Principal: r.session.Identity.ARN, Account: r.session.Identity.Account,
		Targets: targets, Endpoint: r.session.Endpoint, Tool: tool, Params: params,
	}
}

// begin opens the bag. Nothing is written to the account before it is there.
func (r *runner) begin(ctx context.Context, h evidence.Header, note RunNote) error {
	w, err := r.kase.Begin(ctx, h)
	if err != nil {
		return fmt.Errorf("starting the record of the run: %w", err)
	}
	r.w, r.run.Bag = w, w.Bag()
	return r.durable(ctx, noteRun, note)
}

// durable appends to the journal, and returns when it lies on disk. It goes on when the
// run is cancelled: what was done is recorded.
func (r *runner) durable(ctx context.Context, kind string, v any) error {
	if r.w == nil {
		return errors.New("the run has no record")
	}
	ctx = context.WithoutCancel(ctx)
	r.mu.Lock()
	made := append(r.session.Loose(), r.calls...)
	r.calls = nil
	r.mu.Unlock()
	for _, x := range made {
		r.keep(r.w.Jot(ctx, noteCall, x))
	}
	err := r.w.Note(ctx, kind, v)
	r.keep(err)
	return err
}

func (r *runner) keep(err error) {
	if err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = errors.Join(r.err, fmt.Errorf("recording the run: %w", err))
}

// called takes note of a call made to the account, for the journal's next entry.
func (r *runner) called(x awsapi.Exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, x)
}

func (r *runner) nextIntent() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.intents++
	return fmt.Sprintf("%s/%d", r.run.Bag, r.intents)
}

// prefetch reads all documents at once: the readings serve the check for drift, and
// the first stage's moves.
func (r *runner) prefetch(ctx context.Context, tasks []*task) {
	var g errgroup.Group
	g.SetLimit(parallelReads)
	for _, t := range tasks {
		g.Go(func() error {
			now := r.move.read(ctx, t)
			t.first = &now
			return nil
		})
	}
	_ = g.Wait() // errors stand in the readings
}

// drifted are the documents that are neither as planned nor as wanted.
func drifted(tasks []*task) error {
	var all []error
	for _, t := range tasks {
		if t.first == nil || t.first.err != nil {
			continue
		}
		done, err := t.wanted(t.first.state)
		if err != nil {
			return err
		}
		if !done && !t.expected(t.first.state) {
			all = append(all, t.stale(t.first.state))
		}
	}
	return errors.Join(all...)
}

// parallelMoves bounds the writes that are under way at once: with 16, thirty triggers and
// all else of isolation are in force after 12 answers (bench, TestContainmentTrips).
const parallelMoves = 16

// execute runs stage after stage. A stage is over when its writes were accepted; what
// must show first (task.holds) is waited for.
func (r *runner) execute(ctx context.Context, tasks []*task) {
	sort.SliceStable(tasks, func(i, j int) bool { return tasks[i].stage < tasks[j].stage })
	var all sync.WaitGroup
	slots := make(chan struct{}, parallelMoves)
	for i := 0; i < len(tasks); {
		var stage sync.WaitGroup
		for s := tasks[i].stage; i < len(tasks) && tasks[i].stage == s; i++ {
			t := tasks[i]
			if why := r.blocked(ctx, t); why != "" {
				o := t.outcome()
				o.Status, o.Note = StatusSkipped, why
				r.finish(ctx, o)
				continue
			}
			slots <- struct{}{}
			stage.Add(1)
			proceed := sync.OnceFunc(func() { <-slots; stage.Done() })
			all.Add(1)
			go func() {
				defer all.Done()
				defer proceed()
				accepted := proceed
				if t.holds {
					accepted = func() {}
				}
				r.finish(ctx, r.move.move(ctx, t, accepted))
			}()
		}
		stage.Wait()
	}
	all.Wait()
}

// blocked says why a task is not to be tried, or "".
func (r *runner) blocked(ctx context.Context, t *task) string {
	if ctx.Err() != nil {
		return "the run was stopped"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return "the run cannot be recorded any more"
	}
	for _, o := range r.run.Outcomes {
		for _, act := range o.Acts {
			for _, need := range t.requires {
				if act == need && !o.Status.OK() && o.Status != StatusUnknown {
					return fmt.Sprintf("%s on %s came to nothing: %s", act, o.Resource, o.Status)
				}
			}
		}
	}
	return ""
}

func (r *runner) finish(ctx context.Context, o Outcome) {
	if r.w != nil {
		shown := o
		shown.Calls = nil // they stand in the intent
		_ = r.durable(ctx, noteOutcome, shown)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.run.Outcomes = append(r.run.Outcomes, o)
	if r.progress != nil {
		r.progress(o)
	}
}

// rehearse is execute without writes: what would be called.
func (r *runner) rehearse(ctx context.Context, tasks []*task) {
	for _, t := range tasks {
		o := t.outcome()
		switch {
		case t.first.err != nil:
			o = o.fail(StatusFailed, t.first.err)
		default:
			o.Now, o.Status = t.first.state, StatusWould
			done, err := t.wanted(t.first.state)
			if done {
				o.Status = StatusAlready
			}
			var steps []Step
			if err == nil && !done {
				if steps, err = t.doc.steps(t.place, t.first.state, t.after, ""); err == nil {
					o.Calls, err = calls(steps)
				}
			}
			if err != nil {
				o = o.fail(StatusFailed, err)
			}
		}
		r.finish(ctx, o)
	}
}

// conclude sums up, stores the documents and seals the bag, whatever happened.
func (r *runner) conclude(ctx context.Context, acts []string) (*Run, error) {
	ctx = context.WithoutCancel(ctx)
	r.run.Acts = results(acts, r.run.Outcomes)
	r.run.unplanned(r.missed)
	r.run.Ended = r.clock.Now().UTC()
	if r.w == nil {
		return r.run, r.err
	}
	r.documents(ctx)
	status := evidence.StatusComplete
	if !r.run.Status().OK() {
		status = evidence.StatusPartial
	}
	_ = r.durable(ctx, noteEnd, EndNote{Status: r.run.Status()})
	if _, err := r.w.Seal(ctx, status); err != nil {
		r.keep(fmt.Errorf("sealing: %w", err))
		return r.run, r.err
	}
	r.run.Sealed = true
	return r.run, r.err
}

// documents stores each written document before and after.
func (r *runner) documents(ctx context.Context) {
	for _, o := range r.run.Outcomes {
		if o.Intent == "" {
			continue
		}
		r.document(ctx, o, "before", o.before)
		r.document(ctx, o, "after", o.Now)
	}
}

// document stores one side; one that could not be read again is a gap.
func (r *runner) document(ctx context.Context, o Outcome, side string, state []byte) {
	artefact := "contain." + side
	source := evidence.Source{ARN: o.Resource, Qualifier: name(o.Doc, o.Key), Region: first(regionOf(o.Resource), r.session.Region), Account: r.session.Identity.Account}
	if state == nil {
		r.keep(r.w.Gap(evidence.Gap{Artefact: artefact, Source: source, State: evidence.Unreadable, Error: o.Error, At: r.run.Ended}))
		return
	}
	_, err := r.w.Put(ctx, evidence.Meta{
		Artefact: artefact, Name: name(o.Doc, o.Key) + "." + side + ".json", Source: source,
		Started: o.Started, Ended: r.run.Ended, Note: o.Action + ", " + string(o.Status),
	}, writes(state))
	r.keep(err)
}

func writes(b []byte) func(io.Writer) error {
	return func(w io.Writer) error { _, err := w.Write(b); return err }
}

// NotPlanned begins the note of an act that was wanted and could not be planned.
const NotPlanned = "not planned: "

// unplanned marks acts that were wanted, and not or not wholly planned: a run in which
// they are missing is not done.
func (r *Run) unplanned(all []Unplanned) {
	for _, u := range all {
		i := slices.IndexFunc(r.Acts, func(a ActResult) bool { return a.Act == u.Act })
		if i < 0 {
			r.Acts = append(r.Acts, ActResult{Act: u.Act, Status: StatusAlready})
			i = len(r.Acts) - 1
		}
		if a := &r.Acts[i]; worse(a.Status, StatusSkipped) == StatusSkipped {
			a.Status, a.Note = StatusSkipped, NotPlanned+u.What+": "+u.Error
		}
	}
}

// results is each act's worst outcome. An act without moves had nothing to do.
func results(acts []string, outcomes []Outcome) []ActResult {
	all := []ActResult{}
	for _, act := range acts {
		res := ActResult{Act: act, Status: StatusAlready, Note: NothingToDo}
		for _, o := range outcomes {
			for _, a := range o.Acts {
				if a != act {
					continue
				}
				res.Note = ""
				res.Status = worse(res.Status, o.Status)
			}
		}
		for _, o := range outcomes {
			for _, a := range o.Acts {
				if a == act && o.Status == res.Status && !o.Status.OK() && res.Note == "" {
					res.Note = first(o.Error, o.Note)
				}
			}
		}
		all = append(all, res)
	}
	return all
}

func first(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}
