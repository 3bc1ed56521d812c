package act

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/mandate"
)

// What waits for people lies on the board too.
//
//	asks/CASE/N/asked    Ask: what is to be approved
//	asks/CASE/N/yes-K    Yes: somebody approves it
//	asks/CASE/N/tried-K  it was decided again with K approvals
//	asks/CASE/N/closed   it is done, or nobody wants it any more
const asksRoot = "asks/"

// askAge is how long what waits is looked at again. An approval counts for an hour.
const askAge = 24 * time.Hour

// Errors that callers branch on.
var (
	// ErrNoAsk: nothing waits for approval.
	ErrNoAsk = errors.New("nothing waits for approval")
	// ErrNoDue: nothing of the case is in force that would end by itself.
	ErrNoDue = errors.New("nothing that would end by itself")
)

// Ask is a decision that waits for approvals.
type Ask struct {
	ID      string          `json:"id"` // CASE/N
	Request mandate.Request `json:"request"`
	Wanted  int             `json:"wanted"` // approvals, of those that the mandate names
	Alert   json.RawMessage `json:"alert"`  // as it was read, to decide again
	Title   string          `json:"title"`
	At      time.Time       `json:"at"`
	By      string          `json:"by"` // the process

	yes, tried int
	closed     bool
}

// Yes is an approval on the board.
type Yes struct {
	At    time.Time `json:"at"`
	KeyID string    `json:"key_id"`
	DER   []byte    `json:"signature"`
	By    string    `json:"by"` // as whoever approved called themselves: the key counts
}

// asks are those of a case, or with "" of all cases, that are not closed.
func (x *Actor) asks(ctx context.Context, kase string) ([]*Ask, error) {
	ids, parts, err := x.parts(ctx, asksRoot, kase)
	if err != nil {
		return nil, err
	}
	var order []*Ask
	for _, id := range ids {
		a := &Ask{ID: id}
		for _, p := range parts[id] {
			switch part, number, _ := strings.Cut(p, "-"); part {
			case "yes":
				a.yes++
			case "tried":
				_, _ = fmt.Sscanf(number, "%d", &a.tried) // in order: the last counts
			case "closed":
				a.closed = true
			}
		}
		order = append(order, a)
	}
	order = slices.DeleteFunc(order, func(a *Ask) bool { return a.closed })
	for _, a := range order {
		id := a.ID
		if err := x.o.Board.Get(ctx, asksRoot+id+"/asked", a); err != nil {
			return nil, err
		}
		a.ID = id
	}
	return order, nil
}

// yeses are the approvals of an ask.
func (x *Actor) yeses(ctx context.Context, a *Ask) ([]Yes, error) {
	var all []Yes
	for n := 1; n <= a.yes; n++ {
		var y Yes
		if err := x.o.Board.Get(ctx, fmt.Sprintf("%s%s/yes-%04d", asksRoot, a.ID, n), &y); err != nil {
			return nil, err
		}
		all = append(all, y)
	}
	return all, nil
}

// approvals are those of what this case waits for.
func (w *work) approvals(ctx context.Context) ([]mandate.Approval, error) {
	open, err := w.asks(ctx, w.a.Case)
	if err != nil {
		return nil, err
	}
	var all []mandate.Approval
	for _, a := range open {
		said, err := w.yeses(ctx, a)
		if err != nil {
			return nil, err
		}
		for _, y := range said {
			all = append(all, mandate.Approval{At: y.At, Signature: mandate.Signature{KeyID: y.KeyID, DER: y.DER}})
		}
	}
	return all, nil
}

// ask puts what is to be approved on the board, once. What was asked before and is another decision
// now (another mandate, other acts) is closed: a yes to it would count for nothing.
func (w *work) ask(ctx context.Context) error {
	r := *w.out.Decision.Request
	open, err := w.asks(ctx, w.a.Case)
	if err != nil {
		return err
	}
	for _, a := range open {
		if same(a.Request, r) {
			return nil
		}
		if err := w.closeAsk(ctx, a, "another decision is to be approved now"); err != nil {
			return err
		}
	}
	reading, err := json.Marshal(w.a)
	if err != nil {
		return err
	}
	record := Ask{Request: r, Wanted: w.out.Decision.Approvals, Alert: reading, Title: w.a.Title, At: w.o.Now().UTC(), By: w.o.Board.Who()}
	for n := 1; ; n++ {
		record.ID = fmt.Sprintf("%s/%04d", w.a.Case, n)
		err := w.o.Board.Put(ctx, asksRoot+record.ID+"/asked", record)
		if errors.Is(err, board.ErrTaken) {
			continue
		}
		if err == nil {
			w.notify(ctx, Notice{What: Waits, Case: w.a.Case, Function: r.Function, Why: plural(record.Wanted, "approval") + " wanted for " + strings.Join(r.Acts, ", ")})
		}
		return err
	}
}

func same(a, b mandate.Request) bool {
	return a.Case == b.Case && a.Mandate == b.Mandate && a.Rule == b.Rule && a.Function == b.Function && slices.Equal(a.Acts, b.Acts)
}

func (x *Actor) closeAsk(ctx context.Context, a *Ask, why string) error {
	err := x.o.Board.Put(ctx, asksRoot+a.ID+"/closed", word{By: x.o.Board.Who(), Why: why, At: x.o.Now().UTC()})
	if errors.Is(err, board.ErrTaken) {
		return nil
	}
	return err
}

// Asked is what waits for approval in a case, or with "" in all.
func (x *Actor) Asked(ctx context.Context, kase string) ([]Ask, error) {
	open, err := x.asks(ctx, kase)
	if err != nil {
		return nil, err
	}
	out := []Ask{}
	for _, a := range open {
		out = append(out, *a)
	}
	return out, nil
}

// Approve signs what waits in a case. The next look of any worker, or the next message, decides again.
func (x *Actor) Approve(ctx context.Context, kase string, s evidence.Signer, by string) (Ask, error) {
	open, err := x.asks(ctx, kase)
	if err != nil {
		return Ask{}, err
	}
	if len(open) == 0 {
		return Ask{}, fmt.Errorf("%w in case %s", ErrNoAsk, kase)
	}
	a := open[len(open)-1]
	yes, err := a.Request.Approve(ctx, s, x.o.Now())
	if err != nil {
		return *a, err
	}
	record := Yes{At: yes.At, KeyID: yes.Signature.KeyID, DER: yes.Signature.DER, By: by}
	for n := a.yes + 1; ; n++ {
		err := x.o.Board.Put(ctx, fmt.Sprintf("%s%s/yes-%04d", asksRoot, a.ID, n), record)
		if !errors.Is(err, board.ErrTaken) {
			return *a, err
		}
	}
}

// answered closes what was asked: it is acted on.
func (w *work) answered(ctx context.Context) error {
	open, err := w.asks(ctx, w.a.Case)
	if err != nil {
		return err
	}
	for _, a := range open {
		if a.Request.Function != w.a.Target.ARN {
			continue
		}
		if err := w.closeAsk(ctx, a, "approved, and acted on: "+w.due.id); err != nil {
			return err
		}
	}
	return nil
}
