package playbooks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// defaultTimeout bounds a step that says nothing of it.
const defaultTimeout = 30 * time.Minute

// lateError is why a context ended: a step was not done within its time. It fails then, which is
// an ending, where a run that is cut off from outside can go on.
type lateError struct {
	step  string
	limit time.Duration
}

func (e *lateError) Error() string {
	return fmt.Sprintf("step %s was not done after %s", e.step, e.limit)
}

// of says it of a step: its own time was over, or that of one around it.
func (e *lateError) of(step string) string {
	if e.step == step {
		return fmt.Sprintf("not done after %s", e.limit)
	}
	return fmt.Sprintf("not done when step %s, which it is a part of, had taken %s", e.step, e.limit)
}

// late is whose time was over where that is why the context ended; nil where it has not, or was
// cut off.
func late(ctx context.Context) *lateError {
	e, _ := errors.AsType[*lateError](context.Cause(ctx))
	return e
}

// timed bounds a step that is made of steps. One that was late before an interruption has no time
// left: what it had done is taken from the record, and nothing else of it begins.
func (f *frame) timed(ctx context.Context, s *Step) (context.Context, context.CancelFunc) {
	over := &lateError{f.prefix + s.ID, s.Timeout}
	if past := f.run.past; past != nil && s.Timeout > 0 {
		if _, was := past.results[over.step]; was {
			inner, cancel := context.WithCancelCause(ctx)
			cancel(over)
			return inner, func() {}
		}
	}
	if s.Timeout == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, s.Timeout, over)
}

// noteLate keeps that a step made of steps was late: it is not gone on with later.
func (r *Run) noteLate(ctx context.Context, rep StepReport) {
	if r.past != nil {
		if _, was := r.past.results[rep.ID]; was {
			return
		}
	}
	n := resultNote{Step: rep.ID, Status: rep.Status, Summary: rep.Summary, Error: rep.Error, Started: rep.Started, Ended: rep.Ended}
	if err := r.note(ctx, noteResult, n); err != nil {
		r.fatal(err)
	}
}

// heldBefore says of a step whose time is over whether the record has a result of it, or of a part
// of it, from before an interruption.
func (f *frame) heldBefore(ctx context.Context, s *Step) bool {
	past := f.run.past
	if past == nil || late(ctx) == nil {
		return false
	}
	id := f.prefix + s.ID
	for done := range past.results {
		if done == id || strings.HasPrefix(done, id+"/") || strings.HasPrefix(done, id+"[") {
			return true
		}
	}
	for _, list := range s.lists() {
		for i := range list {
			if f.heldBefore(ctx, &list[i]) {
				return true
			}
		}
	}
	return false
}

// tries runs a verb within its time, and again as often as the step allows: each try has that time,
// and before each one the pause is twice as long. A try that was cut off is made again, and counts once.
func (f *frame) tries(ctx context.Context, s *Step, a Args) (Result, error) {
	attempt := 1
	if past := f.run.past; past != nil {
		attempt = max(1, past.intents[a.Step].Attempt)
	}
	for {
		a.Retry = attempt > 1
		if err := f.run.note(ctx, noteIntent, f.intent(s, a, attempt)); err != nil {
			f.run.fatal(err)
			return Result{}, err
		}
		res, err := f.try(ctx, s, a)
		switch {
		case err == nil && attempt > 1:
			res.Summary += fmt.Sprintf(" (at try %d)", attempt)
			return res, nil
		case err == nil || ctx.Err() != nil || s.Retries == 0 || !repeatable(err):
			return res, err
		case attempt > s.Retries:
			return res, fmt.Errorf("given up after %d tries: %w", attempt, err)
		}
		pause := time.Second << attempt
		f.run.tell(StepReport{ID: a.Step, Verb: s.Verb.Name, Status: Running, Summary: fmt.Sprintf("try %d of %d failed, again in %s: %v", attempt, s.Retries+1, pause, err)})
		if f.run.env.sleep(ctx, pause) != nil {
			return res, err
		}
		attempt++
		a.Again = true
	}
}

// intent is what is noted before a try.
func (f *frame) intent(s *Step, a Args, attempt int) intentNote {
	n := intentNote{Step: a.Step, Does: s.Verb.Name, Args: map[string]string{}, Again: a.Again}
	if attempt > 1 {
		n.Attempt = attempt
	}
	for name, v := range a.values {
		n.Args[name] = shown(v)
	}
	return n
}

// limit is how long a verb may take.
func (s *Step) limit() time.Duration {
	if s.Timeout == 0 {
		return max(s.Verb.Timeout, defaultTimeout)
	}
	return s.Timeout
}

// try runs a verb once.
func (f *frame) try(ctx context.Context, s *Step, a Args) (Result, error) {
	limit := s.limit()
	inner, cancel := context.WithTimeoutCause(ctx, limit, &lateError{a.Step, limit})
	defer cancel()
	res, err := s.Verb.Run(inner, f.run.env, a)
	if over := late(inner); err != nil && over != nil && !errors.Is(err, ErrDeclined) {
		err = fmt.Errorf("%s: %w", over.of(a.Step), err)
	}
	return res, err
}

// repeatable says whether a failure may be none the next time: what is refused is refused again.
func repeatable(err error) bool {
	for _, refusal := range []error{ErrDeclined, ErrInput, ErrNotAllowed, evidence.ErrDamaged} {
		if errors.Is(err, refusal) {
			return false
		}
	}
	return !contain.Refused(err)
}
