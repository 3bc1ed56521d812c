package contain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// reading is a document as it was at one moment.
type reading struct {
	state json.RawMessage
	token Token
	at    time.Time
	err   error
}

// task is one document's change in a run.
type task struct {
	action string
	acts   []string
	edits  []placed
	lifts  []string // ids of the edits taken back
	doc    *document
	place  Place
	stage  int
	holds  bool
	from   json.RawMessage // as planned, or as the act left it
	after  json.RawMessage // wanted
	// settledAt says whether a state needs no change; nil: it equals after.
	inForce  func(now json.RawMessage) (bool, error)
	requires []string
	also     []json.RawMessage // further states to start from, where a run was cut off
	force    bool              // go on from any state
	joins    bool              // as wanted by another act of the case: recorded, so that lifting that one leaves it
	first    *reading
}

func (t *task) outcome() Outcome {
	o := Outcome{Action: t.action, Acts: t.acts, Lifts: t.lifts, Doc: t.doc.name, Key: t.place.Key, Resource: t.doc.resource(t.place)}
	for _, e := range t.edits {
		o.userID = first(o.userID, e.Params["user_id"])
	}
	return o
}

// intent is what the journal holds before the first call.
func (t *task) intent(o Outcome, from json.RawMessage) Intent {
	i := Intent{ID: o.Intent, Action: t.action, Acts: t.acts, Doc: o.Doc, Key: o.Key, Resource: o.Resource,
		Place: t.place, Calls: o.Calls, From: from, To: t.after}
	for _, e := range t.edits {
		i.Edits = append(i.Edits, e.PlannedEdit)
		if e.place.ARN != t.place.ARN && !slices.Contains(i.Also, e.place.Target) {
			i.Also = append(i.Also, e.place.Target)
		}
	}
	return i
}

// wanted says whether nothing is to be called.
func (t *task) wanted(now json.RawMessage) (bool, error) {
	if t.inForce != nil {
		return t.inForce(now)
	}
	return t.doc.equal(now, t.after), nil
}

// expected says whether now is a state that the task may start from.
func (t *task) expected(now json.RawMessage) bool {
	return t.force || t.doc.equal(now, t.from) || t.equalAny(now, t.also) || t.doc.between(t.from, now, t.after)
}

func (t *task) stale(now json.RawMessage) error {
	return &StaleError{Doc: t.doc.name, Key: t.place.Key, Resource: t.doc.resource(t.place), Planned: t.from, Now: now, Lifting: len(t.lifts) > 0}
}

// mover makes the moves of a run.
type mover struct {
	session  *awsapi.Session
	kase     *evidence.Case
	also     awsapi.Recorder
	clock    Clock
	deadline time.Duration
	note     func(ctx context.Context, kind string, v any) error
	id       func() string // next intent id
}

func (m *mover) config(t *task) aws.Config {
	return m.session.ConfigRecorded(t.doc.region(t.place), t.doc.needs, m.also)
}

func (m *mover) read(ctx context.Context, t *task) reading {
	state, tok, err := t.doc.read(withLike(ctx, t.after), m.config(t), t.place)
	return reading{state, tok, m.clock.Now(), err}
}

// freshFor is how long a reading made at the start of a run counts as the read before
// a write: it keeps the chain of calls to concurrency 0 short.
const freshFor = 5 * time.Second

// move brings one document to where the task wants it. accepted is called once the
// last write was taken, or nothing more will be written.
func (m *mover) move(ctx context.Context, t *task, accepted func()) Outcome {
	defer accepted()
	o := t.outcome()
	o.Started = m.clock.Now().UTC()
	now := t.first
	if now == nil || now.err != nil || m.clock.Now().Sub(now.at) > freshFor {
		r := m.read(ctx, t)
		now = &r
	}
	if now.err != nil {
		return o.fail(StatusFailed, now.err)
	}
	o.Now = now.state
	done, err := t.wanted(now.state)
	switch {
	case err != nil:
		return o.fail(StatusFailed, err)
	case done && t.joins:
		o.Intent, o.Calls, o.before = m.id(), []Call{}, now.state
		o.Note = "held by another act of this case: it stays when that one is lifted"
		i := t.intent(o, now.state)
		i.To, i.Joins = now.state, true
		if err := m.note(ctx, noteIntent, i); err != nil {
			return o.fail(StatusFailed, fmt.Errorf("the intent could not be recorded: %w", err))
		}
		accepted()
		return m.settle(ctx, t, o, StatusAlready, *now)
	case done && t.doc.settled(now.state):
		o.Status, o.Seen = StatusAlready, m.clock.Now().UTC()
		return o
	case done:
		accepted()
		return m.settle(ctx, t, o, StatusAlready, *now)
	case !t.expected(now.state):
		return o.fail(StatusStale, t.stale(now.state))
	}
	return m.write(ctx, t, *now, o, accepted)
}

func (o Outcome) fail(s Status, err error) Outcome {
	o.Status, o.Err = s, err
	if err != nil {
		o.Error = err.Error()
	}
	return o
}

// write journals the intent and drives the document to the wanted state.
func (m *mover) write(ctx context.Context, t *task, now reading, o Outcome, accepted func()) Outcome {
	o.Intent, o.before, o.Now = m.id(), now.state, nil // Now is what a re-read shows, and nothing else
	steps, err := t.doc.steps(t.place, now.state, t.after, now.token)
	if err == nil && len(steps) == 0 {
		err = fmt.Errorf("%s of %s cannot be brought to the wanted state", name(t.doc.name, t.place.Key), o.Resource)
	}
	if err == nil {
		o.Calls, err = calls(steps)
	}
	if err != nil {
		return o.fail(StatusFailed, err)
	}
	i := t.intent(o, now.state)
	if t.doc.hidden != nil { // sealed beside the intent: its journal is enough to take the write back
		plain, err := t.doc.hidden(now.token)
		if err == nil {
			i.Sealed, err = m.kase.Enclose(plain)
		}
		if err != nil {
			return o.fail(StatusFailed, fmt.Errorf("not touched, what is replaced could not be sealed: %w", err))
		}
	}
	if err := m.note(ctx, noteIntent, i); err != nil {
		return o.fail(StatusFailed, fmt.Errorf("not touched, the intent could not be recorded: %w", err))
	}
	return m.drive(ctx, t, now, o, accepted)
}

// maxLost is how many replies in a row may get lost before the outcome is unknown.
const maxLost = 3

// drive makes the next step, looks, and goes on until the document is as wanted. It
// never writes after a lost reply without having looked first.
func (m *mover) drive(ctx context.Context, t *task, now reading, o Outcome, accepted func()) Outcome {
	until, lost := m.clock.Now().Add(m.deadline), 0
	for tries := 0; ; tries++ {
		steps, err := t.doc.steps(t.place, now.state, t.after, now.token)
		if err != nil || len(steps) == 0 {
			return o.fail(StatusFailed, errors.Join(err, errors.New("no call leads on to the wanted state")))
		}
		o.Writes++
		err = m.call(ctx, t, steps[0])
		kind := judge(err)
		if kind == writeTaken {
			o.Written = m.clock.Now().UTC()
			if len(steps) == 1 {
				accepted()
			}
		}
		if lost++; kind != writeLost {
			lost = 0
		}
		next, seen := m.look(ctx, t, now.state, kind, until, tries)
		if seen {
			o.Now = next.state
		}
		switch verdict, verr := m.verdict(t, next, seen, kind, now.state); verdict {
		case reached:
			if o.Written.IsZero() {
				o.Written, o.Note = m.clock.Now().UTC(), "the reply was lost; a re-read shows the change"
			}
			accepted()
			return m.settle(ctx, t, o, StatusDone, next)
		case stuck:
			return o.fail(StatusUnknown, errors.Join(verr, wrapCall(steps[0].Call, o.Resource, err)))
		case refused:
			return o.fail(StatusFailed, errors.Join(verr, wrapCall(steps[0].Call, o.Resource, err)))
		}
		if lost >= maxLost {
			return o.fail(StatusUnknown, fmt.Errorf("%d replies lost: %w", lost, wrapCall(steps[0].Call, o.Resource, err)))
		}
		if !m.clock.Now().Before(until) {
			return o.fail(StatusFailed, fmt.Errorf("gave up after %d writes: %w", o.Writes, wrapCall(steps[0].Call, o.Resource, err)))
		}
		now = next
	}
}

func (m *mover) call(ctx context.Context, t *task, s Step) error {
	return s.Do(withCase(ctx, m.kase), m.config(t))
}

func wrapCall(call, resource string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("calling %s on %s: %w", call, resource, err)
}

// How a write was answered.
type answer int

const (
	writeTaken   answer = iota
	writeAgain          // not taken: conflict, stale token, still in use, throttled
	writeLost           // nobody knows whether it was taken
	writeRefused        // not taken, and would not be
)

// judge reads an answer. Server errors count as lost: AWS may have done it.
func judge(err error) answer {
	c := code(err)
	switch {
	case err == nil:
		return writeTaken
	case awsapi.IsRefused(err), errors.Is(err, errNotKept), errors.Is(err, errUnsafe), errors.As(err, new(smithy.InvalidParamsError)):
		return writeRefused
	case c == "":
		return writeLost
	case isCode(err, "ResourceConflictException", "ResourceInUseException", "PreconditionFailedException", "PreconditionFailed", "ConcurrentModification",
		"ConcurrentModificationException", "OperationAbortedException", "ConflictException", "TooManyRequestsException", "Throttling", "ThrottlingException", "RequestLimitExceeded",
		"ResourceNotFoundException", "NoSuchEntity", "NoSuchEntityException", "ProvisionedConcurrencyConfigNotFoundException"):
		return writeAgain
	case serverFault(err), strings.HasPrefix(c, "Service"), strings.HasPrefix(c, "Internal"):
		return writeLost
	}
	return writeRefused
}

func serverFault(err error) bool {
	re, ok := errors.AsType[interface {
		error
		HTTPStatusCode() int
	}](err)
	return ok && re.HTTPStatusCode() >= 500
}

// probe is how long a write whose reply was lost gets to show before it is made again.
const probe = 10 * time.Second

// look re-reads until the state is another than before, or until it is time to stop.
// After a write that was not taken, one look is enough, later each time.
func (m *mover) look(ctx context.Context, t *task, before json.RawMessage, kind answer, until time.Time, tries int) (reading, bool) {
	if kind == writeLost {
		until = earlier(until, m.clock.Now().Add(probe))
	}
	var last reading
	seen := false
	for n := 0; ; n++ {
		if n > 0 || kind == writeAgain {
			if m.clock.Sleep(ctx, backoff(n+tries)) != nil {
				return last, seen
			}
		}
		r := m.read(ctx, t)
		if r.err == nil {
			last, seen = r, true
			if kind == writeAgain || kind == writeRefused || !t.doc.equal(r.state, before) {
				return last, true
			}
		}
		if !m.clock.Now().Before(until) || ctx.Err() != nil {
			if !seen {
				last = r
			}
			return last, seen
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

type verdict int

const (
	again   verdict = iota // on the way: the next step
	reached                // as wanted
	stuck                  // nobody knows
	refused                // not as wanted, and it stays so
)

// verdict says what to do after a look. Progress is made only from states that are
// ours: what somebody else wrote meanwhile is not overwritten.
func (m *mover) verdict(t *task, next reading, seen bool, kind answer, before json.RawMessage) (verdict, error) {
	switch {
	case !seen:
		if kind == writeRefused {
			return refused, next.err
		}
		return stuck, fmt.Errorf("the change cannot be seen: %w", next.err)
	case t.doc.equal(next.state, t.after):
		return reached, nil
	case kind == writeRefused:
		return refused, nil
	case t.doc.equal(next.state, before):
		if kind == writeTaken {
			return stuck, errors.New("the write was accepted and does not show")
		}
		return again, nil
	case t.doc.between(before, next.state, t.after):
		return again, nil
	}
	return refused, t.stale(next.state)
}

// settle waits until AWS is done with a change that shows already, in r.
func (m *mover) settle(ctx context.Context, t *task, o Outcome, done Status, r reading) Outcome {
	until := m.clock.Now().Add(m.deadline)
	for n := 0; ; n++ {
		if r.err == nil {
			o.Now = r.state
			if ok, err := t.settledAs(r.state); err != nil || !ok {
				return o.fail(StatusFailed, errors.Join(err, t.stale(r.state)))
			}
			if t.doc.settled(r.state) {
				o.Status, o.Seen = done, m.clock.Now().UTC()
				return o
			}
		}
		if !m.clock.Now().Before(until) {
			return o.fail(StatusUnknown, errors.Join(r.err, errors.New("accepted, and AWS was not done with it before the deadline")))
		}
		if err := m.clock.Sleep(ctx, backoff(n)); err != nil {
			return o.fail(StatusUnknown, fmt.Errorf("stopped while waiting for AWS to finish: %w", err))
		}
		r = m.read(ctx, t)
	}
}

// settledAs says whether a state is the wanted one, finished or not.
func (t *task) settledAs(now json.RawMessage) (bool, error) {
	if t.doc.equal(now, t.after) {
		return true, nil
	}
	return t.wanted(now)
}
