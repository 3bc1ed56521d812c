package fleetjob

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/queue"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// State is how a job ended.
type State string

// States.
const (
	Collected State = "collected" // its bag is sealed
	Known     State = "known"     // its bag was sealed before: the message came again
	Left      State = "left"      // it is to come again
)

// Outcome is what became of one message.
type Outcome struct {
	Job     *Job // nil: it could not be read
	Bag     string
	State   State
	Resumed bool // what somebody else had begun was gone on with
	Summary collect.Summary
	Err     error
}

// Handler does jobs. Its fields are set before use.
type Handler struct {
	Where string // a job's case lies under it: a folder, or s3://bucket/prefix
	Role  string // by which this worker enters accounts, as it was written; "" enters none but its own
	Board *board.Board
	Cases *Cases // what stays open between messages
	// Open opens a case, and Session enters an account to read for it.
	Open    func(ctx context.Context, where string) (*evidence.Case, error)
	Session func(ctx context.Context, of *evidence.Case, account string) (*awsapi.Session, error)
	Header  evidence.Header // who collects, with what
	Collect collect.Options // what the worker decides, not the job: pace, networks
	Now     func() time.Time
	Tell    func(Outcome) // nil: nobody listens
}

// Cases holds the case of the last message open: the next is mostly of the same. The zero value
// holds none. Safe for concurrent use.
type Cases struct {
	mu    sync.Mutex
	where string
	at    time.Time
	c     *evidence.Case
}

// openFor is how long a case stays open: how long what is stored is to be kept is counted from then.
const openFor = time.Hour

// releasing is how long letting go of an account may take.
const releasing = 5 * time.Second

// Takes says whether a message is a job.
func (h *Handler) Takes(body string) bool { return Is(body) }

// Handle does what a message asks for. It is settled when the job's bag is sealed. A message that is
// none of ours, or of a case or role that is not this worker's, is an error each time it comes, so
// that the queue gives it to people in the end.
func (h *Handler) Handle(ctx context.Context, m *queue.Message) (settled bool, err error) {
	out := Outcome{State: Left}
	out.Job, out.Err = Parse(m.Body, h.Now())
	if out.Err == nil {
		out.Err = h.mine(out.Job)
	}
	if out.Err == nil {
		out.Bag = out.Job.Bag()
		h.do(ctx, &out)
	}
	if h.Tell != nil {
		h.Tell(out)
	}
	if out.Err != nil && out.Job != nil {
		out.Err = fmt.Errorf("job %s, account %s, %s: %w", out.Job.ID, out.Job.Account, out.Job.Region, out.Err)
	}
	return out.State != Left, out.Err
}

// mine says whether a job is this worker's to do.
func (h *Handler) mine(j *Job) error {
	switch {
	case !Under(h.Where, j.Case):
		return fmt.Errorf("%w: %.200q is not under %s", ErrElsewhere, j.Case, h.Where)
	case j.Role != h.Role:
		return fmt.Errorf("%w: %.200q, and this worker's is %q", ErrRole, j.Role, h.Role)
	}
	return nil
}

// Under says whether a case lies where cases lie: below, and not on the board.
func Under(cases, where string) bool {
	base, sep := strings.TrimRight(cases, "/")+"/", "/"
	if !strings.Contains(cases, "://") {
		abs, err := filepath.Abs(cases)
		if err != nil || where != filepath.Clean(where) {
			return false
		}
		sep = string(filepath.Separator)
		base = strings.TrimRight(abs, sep) + sep
	}
	rest, ok := strings.CutPrefix(where, base)
	rest = strings.ReplaceAll(rest, sep, "/")
	first, _, _ := strings.Cut(rest, "/")
	return ok && first != "board" && vault.CheckName(rest) == nil
}

// caseOf opens the job's case, and makes sure that it is the one that the job means.
func (h *Handler) caseOf(ctx context.Context, j *Job) (*evidence.Case, error) {
	o := h.Cases
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.where != j.Case || h.Now().Sub(o.at) > openFor {
		c, err := h.Open(ctx, j.Case)
		if err != nil {
			return nil, err
		}
		o.where, o.at, o.c = j.Case, h.Now(), c
	}
	if o.c.ID == j.CaseID {
		return o.c, nil
	}
	return nil, fmt.Errorf("%w: at %s lies case %s, and the job is of %s", ErrElsewhere, j.Case, o.c.ID, j.CaseID)
}

// do does a job that is this worker's.
func (h *Handler) do(ctx context.Context, out *Outcome) {
	c, err := h.caseOf(ctx, out.Job)
	if err != nil {
		out.Err = err
		return
	}
	if known, err := h.known(ctx, c, out.Job.Bag()); known || err != nil {
		out.ends(Known, known, err)
		return
	}
	// The account's quotas, and its bags, are one worker's: who comes second waits, for it could do
	// nothing there in the meantime that AWS would let it.
	claim, err := h.Board.Claim(ctx, "collect-"+out.Job.Account, true)
	if err != nil {
		out.Err = fmt.Errorf("claiming the account: %w", err)
		return
	}
	held, stop := claim.Keep(ctx)
	defer func() {
		stop()
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), releasing)
		defer cancel()
		out.Err = errors.Join(out.Err, claim.Release(ending))
	}()
	if known, err := h.known(held, c, out.Job.Bag()); known || err != nil { // while this one waited
		out.ends(Known, known, err)
		return
	}
	h.collect(held, c, out)
}

func (out *Outcome) ends(s State, done bool, err error) {
	if out.Err = err; done {
		out.State = s
	}
}

// known says whether the bag is sealed, and sees to it that the ledger knows it.
func (h *Handler) known(ctx context.Context, c *evidence.Case, id string) (bool, error) {
	b, err := c.Bag(ctx, id)
	switch {
	case errors.Is(err, evidence.ErrNoBag):
		return false, nil
	case err != nil:
		return false, err
	case !b.Sealed():
		return false, nil
	}
	return h.enter(ctx, c, b)
}

// enter brings a sealed bag into the ledger, and the ledger's end under a signature: either may be
// what its writer died before.
func (h *Handler) enter(ctx context.Context, c *evidence.Case, b *evidence.Bag) (bool, error) {
	err := c.Enter(ctx, b, h.Header.Operator)
	return err == nil || errors.Is(err, evidence.ErrNotSigned), err
}

// collect fills the job's bag, after what it shares with others is there.
func (h *Handler) collect(ctx context.Context, c *evidence.Case, out *Outcome) {
	j := out.Job
	s, err := h.Session(ctx, c, j.Account)
	if err != nil {
		out.Err = fmt.Errorf("entering account %s: %w", j.Account, err)
		return
	}
	hdr := h.Header
	hdr.Operator, hdr.Params = j.Operator, map[string]string{"job": j.ID}
	o := j.options(h.Collect)
	if j.Sweeps() {
		if o.Swept, err = h.swept(ctx, c, s, j, hdr); err != nil {
			out.Err = fmt.Errorf("what CloudTrail has of %s: %w", j.Region, err)
			return
		}
	}
	w := work{c: c, id: out.Bag, o: o}
	bag, err := w.bag(ctx, func(ctx context.Context, o collect.Options) (*evidence.Bag, collect.Summary, error) {
		return collect.Into(ctx, s, c, hdr, j.Targets(), o)
	}, func(ctx context.Context, b *evidence.Bag, o collect.Options) (*evidence.Bag, collect.Summary, error) {
		return collect.Resume(ctx, s, c, b, hdr, o)
	})
	out.Resumed, out.Summary = w.resumed, w.sum
	out.ends(Collected, bag != nil && bag.Sealed(), err)
}

// swept is the bag with the sweep of the job's region, made if nobody has made it yet.
func (h *Handler) swept(ctx context.Context, c *evidence.Case, s *awsapi.Session, j *Job, hdr evidence.Header) (*evidence.Bag, error) {
	id := j.SweepBag()
	b, err := c.Bag(ctx, id)
	switch {
	case err == nil && b.Sealed():
		_, err = h.enter(ctx, c, b)
		return b, err
	case err != nil && !errors.Is(err, evidence.ErrNoBag):
		return nil, err
	}
	hdr.Params = map[string]string{"sweep": j.Region}
	w := work{c: c, id: id, o: j.options(h.Collect)}
	return w.bag(ctx, func(ctx context.Context, o collect.Options) (*evidence.Bag, collect.Summary, error) {
		return collect.SweepInto(ctx, s, c, hdr, j.Region, o)
	}, func(ctx context.Context, b *evidence.Bag, o collect.Options) (*evidence.Bag, collect.Summary, error) {
		return collect.SweepOn(ctx, s, c, b, hdr, j.Region, o)
	})
}

// work is one bag to be filled.
type work struct {
	c  *evidence.Case
	id string
	o  collect.Options

	resumed bool
	sum     collect.Summary
}

// bag begins the bag, or goes on with what was begun. A bag comes back when it is sealed.
func (w *work) bag(ctx context.Context, begin func(context.Context, collect.Options) (*evidence.Bag, collect.Summary, error),
	goOn func(context.Context, *evidence.Bag, collect.Options) (*evidence.Bag, collect.Summary, error)) (b *evidence.Bag, err error) {
	there, err := w.c.Bag(ctx, w.id)
	begun := err == nil && there.Header().Schema != "" // without the first entry of its journal nothing was begun
	if err != nil && !errors.Is(err, evidence.ErrNoBag) {
		return nil, err
	}
	if !begun {
		w.o.Bag = w.id
		b, w.sum, err = begin(ctx, w.o)
		return b, err
	}
	w.resumed = true
	if err := w.c.Tidy(ctx); err != nil {
		return nil, err
	}
	b, w.sum, err = goOn(ctx, there, w.o)
	return b, err
}
