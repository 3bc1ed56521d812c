package act

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
)

// Sweep ends what has run out, and decides again where people have approved. Every worker does it
// once a minute; of several who find the same, one does it. While all is halted it does nothing: what
// has run out meanwhile ends when the switch is turned back, or by hand.
func (x *Actor) Sweep(ctx context.Context) error {
	halted, err := x.halted(ctx)
	if err != nil || halted {
		return err
	}
	open, err := x.dues(ctx, "")
	if err != nil {
		return err
	}
	var all error
	for _, d := range open {
		if d.has("confirmed") || x.o.Now().Before(d.until) {
			continue
		}
		all = errors.Join(all, x.alone(ctx, respond.Claimed(d.Case), func(ctx context.Context) error { return x.end(ctx, d) }))
	}
	asks, err := x.asks(ctx, "")
	if err != nil {
		return errors.Join(all, err)
	}
	for _, a := range asks {
		switch {
		case x.o.Now().Sub(a.At) > askAge:
			all = errors.Join(all, x.closeAsk(ctx, a, "nobody approved it in time"))
		case a.yes > a.tried:
			all = errors.Join(all, x.alone(ctx, respond.Claimed(a.Request.Case), func(ctx context.Context) error { return x.again(ctx, a) }))
		}
	}
	return all
}

// alone does something under a claim, or leaves it to whoever has the claim. Where the newest word of
// that one is older than it may be, by its clock, it is watched whether it is alive.
func (x *Actor) alone(ctx context.Context, what string, do func(context.Context) error) error {
	claim, err := x.o.Board.TryClaim(ctx, what)
	if errors.Is(err, board.ErrHeld) {
		var h *board.Holder
		if h, err = x.o.Board.HeldBy(ctx, what); err != nil || h != nil && x.o.Now().Sub(h.Since).Abs() < h.Silence {
			return err
		}
		if claim, err = x.o.Board.Claim(ctx, what, false); errors.Is(err, board.ErrHeld) {
			return nil
		}
	}
	if err != nil {
		return err
	}
	held, stop := claim.Keep(ctx)
	err = do(held)
	stop()
	return errors.Join(err, claim.Release(context.WithoutCancel(ctx)))
}

// enter opens a case and an account, to read and, with change, to change.
func (x *Actor) enter(ctx context.Context, kase, account string, change bool) (*playbooks.Env, error) {
	c, err := x.o.Case(ctx, kase)
	if err != nil {
		return nil, fmt.Errorf("opening case %s: %w", kase, err)
	}
	env := x.o.Env()
	env.Case = c
	enter := x.o.Session
	if change {
		enter = x.o.Contain
	}
	if env.Session, err = enter(ctx, c, account); err != nil {
		return env, fmt.Errorf("entering account %s: %w", account, err)
	}
	return env, nil
}

// again decides again about what waited: somebody has approved.
func (x *Actor) again(ctx context.Context, a *Ask) error {
	var of alert.Alert
	if err := json.Unmarshal(a.Alert, &of); err != nil {
		return fmt.Errorf("reading the alert of ask %s: %w", a.ID, err)
	}
	env, err := x.enter(ctx, of.Case, of.Account, false)
	if err != nil {
		return err
	}
	if _, err := x.Act(ctx, env, &of); err != nil {
		return err
	}
	err = x.o.Board.Put(ctx, fmt.Sprintf("%s%s/tried-%04d", asksRoot, a.ID, a.yes), word{By: x.o.Board.Who(), At: x.o.Now().UTC()})
	if errors.Is(err, board.ErrTaken) {
		return nil
	}
	return err
}

// errClock: whoever would lift too early does not.
var errClock = errors.New("it is not known whether it is time")

// inTime asks AWS what time it is: a clock that is ahead would lift too early.
func (x *Actor) inTime(ctx context.Context, s *awsapi.Session, d *due) (bool, error) {
	t, err := collect.ParseARN(d.Function)
	if err != nil {
		return false, err
	}
	c := &clock{now: x.o.Now}
	cfg := c.watched(s.ReadOnly().Config(t.Region, functionNeeds()))
	_, err = lambda.NewFromConfig(cfg).ListTags(ctx, &lambda.ListTagsInput{Resource: aws.String(d.Function)})
	at := c.time()
	if at.IsZero() {
		return false, fmt.Errorf("%w: nobody knows AWS's: %w", errClock, err)
	}
	return !at.Before(d.until), nil
}
