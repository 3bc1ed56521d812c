package respond

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/board"
)

// letGo is how long giving a claim back may take where the process has been told to stop.
const letGo = 3 * time.Second

// Claimed is the name of the claim on the case of an alert.
func Claimed(id string) string { return "case-" + id }

// alone deals with an alert while nobody else is at its case.
func (o *Options) alone(ctx context.Context, a *alert.Alert, message *head) (out Outcome) {
	out = Outcome{Schema: Schema, Alert: a.Case, Kind: a.Kind, Title: a.Title, Message: a.Message.SHA256, Began: o.Now().UTC()}
	defer func() { out.Ended = o.Now().UTC() }()
	if o.Board == nil {
		o.one(ctx, a, message, &out)
		return out
	}
	claim, err := o.claim(ctx, a)
	switch {
	case errors.Is(err, board.ErrHeld):
		return out.ends(Busy, err)
	case ctx.Err() != nil:
		return out.ends(CutOff, context.Cause(ctx))
	case err != nil:
		return out.ends(Failed, fmt.Errorf("claiming the case of the alert: %w", err))
	}
	held, stop := claim.Keep(ctx)
	defer func() {
		stop()
		releasing, cancel := context.WithTimeout(context.WithoutCancel(ctx), letGo)
		defer cancel()
		if err := claim.Release(releasing); err != nil && out.Err == nil {
			out.Err = fmt.Errorf("others wait until they see that nobody is at the case: %w", err)
		}
	}()
	mine := *o
	mine.Resume = true
	mine.one(held, a, message, &out)
	return out
}

// claim takes the case of an alert, and waits for it with as much patience as there is.
func (o *Options) claim(ctx context.Context, a *alert.Alert) (*board.Claim, error) {
	if o.Patience <= 0 {
		return o.Board.Claim(ctx, Claimed(a.Case), false)
	}
	waiting, cancel := context.WithTimeoutCause(ctx, o.Patience, fmt.Errorf("%w, for %s and more", board.ErrHeld, o.Patience))
	defer cancel()
	claim, err := o.Board.Claim(waiting, Claimed(a.Case), true)
	if err != nil && waiting.Err() != nil && ctx.Err() == nil { // whichever call it was that ended with it
		err = context.Cause(waiting)
	}
	return claim, err
}

// cut makes of an outcome that came about because ctx ended what it is: whatever could not be looked
// up by then says nothing about the alert.
func (out *Outcome) cut(ctx context.Context) {
	if ctx.Err() == nil {
		return
	}
	cause := context.Cause(ctx)
	switch out.State {
	case CutOff:
		if !errors.Is(out.Err, cause) {
			out.ends(CutOff, errors.Join(cause, out.Err))
		}
	case Failed, NoEntry, Unresolved:
		out.ends(CutOff, errors.Join(cause, out.Err))
	}
}
