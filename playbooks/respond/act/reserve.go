package act

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/mandate"
)

// reserve decides under the claim, and notes what is going to be done: first when it ends, then that
// it counts. Whoever has lost the claim meanwhile does nothing: its note counts all the same.
func (w *work) reserve(ctx context.Context, f mandate.Facts) (err error) {
	claim, err := w.o.Board.Claim(ctx, limits, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, claim.Release(context.WithoutCancel(ctx))) }()
	own, err := w.dues(ctx, w.a.Case)
	if err != nil {
		return err
	}
	note := ""
	for _, d := range own {
		if d.Function != w.a.Target.ARN {
			continue
		}
		if w.due = d; !d.has("done") {
			note = d.Note // begun by somebody who did not come to its end: it is gone on with, and counts once
		}
	}
	if f.Halted, err = w.halted(ctx); err != nil {
		return err
	}
	if f.Acted, err = w.acted(ctx, note); err != nil {
		return err
	}
	if f.Approvals, err = w.approvals(ctx); err != nil {
		return err
	}
	if w.due != nil && w.due.has("done") {
		return w.standing(f)
	}
	w.out.Decision = mandate.Decide(w.held, w.a, f, w.o.Now())
	if w.out.Decision.Outcome != mandate.DoAct {
		return nil
	}
	if err := w.set(ctx); err != nil {
		return err
	}
	w.out.Due = w.due.id
	return claim.Held(ctx)
}

// standing: what this case has done is in force. The decision is told without the limits, which it
// has used itself, and nothing is done anew.
func (w *work) standing(f mandate.Facts) error {
	f.Acted = nil
	d := mandate.Decide(w.held, w.a, f, w.o.Now())
	d.Expires = w.due.until
	d.Request = nil // nobody has to approve what is in force
	w.out.Decision, w.out.Standing, w.out.Due = d, true, w.due.id
	return nil
}

// set writes the record of the end, and the note.
func (w *work) set(ctx context.Context) error {
	d, now := &w.out.Decision, w.o.Now().UTC()
	if w.due != nil {
		w.goesOn = true
		if err := w.next(ctx, w.due, "until", later{d.Expires, "gone on with", w.o.Board.Who(), now}); err != nil {
			return err
		}
		return w.note(ctx)
	}
	reading, err := json.Marshal(w.a)
	if err != nil {
		return err
	}
	t := w.a.Target
	record := Due{Alert: reading, Case: w.a.Case, Function: t.ARN, Account: t.Account, Rule: d.Rule, Mandate: w.held.Mandate.SHA256,
		Acts: d.Acts, Releases: d.Releases, Stays: d.Stays, At: now, Until: d.Expires, By: w.o.Board.Who()}
	for n := 1; ; n++ {
		w.due = &due{id: fmt.Sprintf("%s/%04d", w.a.Case, n), Due: record, parts: map[string]bool{}, until: d.Expires}
		w.due.Note = fmt.Sprintf("%s%s/%s-%s-%04d", actedRoot, d.Rule, now.Format(stampForm), w.a.Case, n)
		if ok, err := w.put(ctx, w.due, "set", w.due.Due); err != nil {
			return err
		} else if ok {
			return w.note(ctx)
		}
	}
}

func (w *work) note(ctx context.Context) error {
	err := w.o.Board.Put(ctx, w.due.Note, actedNote{w.due.Rule, w.due.Function, w.due.Case, w.due.At})
	if errors.Is(err, board.ErrTaken) { // whoever began has written it
		return nil
	}
	return err
}

// stay is how long an end is put off: as long as the containment was to last, an hour at most.
func (d *due) stay() time.Duration { return min(max(d.Until.Sub(d.At), 10*time.Minute), time.Hour) }
