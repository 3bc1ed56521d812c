package act

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/mandate"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
)

// Options are what somebody who acts works with.
type Options struct {
	Board *board.Board // shared with everybody who acts on the same cases
	// Mandate is read for each alert: one that was taken away, or replaced, counts at once.
	Mandate func(ctx context.Context) (*mandate.Held, error)
	// Case opens the case of an alert, which is there.
	Case func(ctx context.Context, id string) (*evidence.Case, error)
	// Session enters an account to read, and Contain to change it, for a case.
	Session func(ctx context.Context, of *evidence.Case, account string) (*awsapi.Session, error)
	Contain func(ctx context.Context, of *evidence.Case, account string) (*awsapi.Session, error)
	// Env is what playbooks work with, but for session and case.
	Env func() *playbooks.Env
	// Regions are all in which functions are: those that have a role are counted there. None: nobody
	// knows how many have it.
	Regions []string
	// Protected is never contained: ARNs or names, * and ? allowed.
	Protected []string
	// Notify tells people; nil is allowed.
	Notify func(ctx context.Context, n Notice)
	Now    func() time.Time
}

// What a Notice tells of.
const (
	Contained    = "contained"
	NotContained = "not-contained" // it was to be, and did not come to its end
	Waits        = "waits"         // for approvals
	Released     = "released"
	Extended     = "extended"     // it ran out, and the attacker's way is open
	NotReleased  = "not-released" // it ran out, and could not be lifted
)

// Notice is what people are told.
type Notice struct {
	What     string    `json:"what"`
	Case     string    `json:"case"` // id
	Function string    `json:"function"`
	Why      string    `json:"why,omitempty"`
	Until    time.Time `json:"until,omitzero"`
	At       time.Time `json:"at"`
}

// Actor decides and acts. Safe for concurrent use.
type Actor struct{ o Options }

// New is an Actor.
func New(o Options) *Actor {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Actor{o}
}

func (x *Actor) notify(ctx context.Context, n Notice) {
	if n.At = x.o.Now().UTC(); x.o.Notify != nil {
		x.o.Notify(ctx, n)
	}
}

// Act is respond's: it decides about an alert, and acts if it may.
func (x *Actor) Act(ctx context.Context, env *playbooks.Env, a *alert.Alert) (*respond.Acted, error) {
	w := &work{Actor: x, env: env, a: a, out: &respond.Acted{At: x.o.Now().UTC()}}
	err := w.decide(ctx)
	if err == nil {
		err = w.record(ctx)
	}
	if err != nil {
		return w.out, fmt.Errorf("deciding whether to act: %w", err)
	}
	switch d := &w.out.Decision; {
	case d.Outcome == mandate.DoAct && !w.out.Standing:
		return w.out, w.act(ctx)
	case d.Request != nil:
		return w.out, w.ask(ctx)
	}
	return w.out, nil
}

// work is one alert that is decided about.
type work struct {
	*Actor
	env  *playbooks.Env // with the session that reads
	a    *alert.Alert
	held *mandate.Held
	out  *respond.Acted
	due  *due // of what is to be done

	goesOn bool // somebody had begun with it
}

// decide looks at what costs nothing first: most alerts come where nothing is allowed at all.
func (w *work) decide(ctx context.Context) (err error) {
	if w.held, err = w.o.Mandate(ctx); err != nil {
		return err
	}
	f := mandate.Facts{AWSTime: w.o.Now()}
	if f.Halted, err = w.halted(ctx); err != nil {
		return err
	}
	if w.out.Decision = mandate.Decide(w.held, w.a, f, w.o.Now()); !w.undecided() {
		return nil
	}
	if f, err = w.facts(ctx); err != nil {
		return err
	}
	if w.out.Decision = mandate.Decide(w.held, w.a, f, w.o.Now()); !w.wanted() {
		return nil
	}
	return w.reserve(ctx, f)
}

// undecided: nothing but what was not looked up yet speaks against it.
func (w *work) undecided() bool {
	r := w.out.Decision.Reasons
	return len(r) == 0 || r[0].ID == mandate.NotAtSource.ID
}

// wanted says whether what was done so far can still make a difference: limits and approvals are read
// under the claim.
func (w *work) wanted() bool {
	d := &w.out.Decision
	return d.Outcome == mandate.DoAct || d.Request != nil
}

func (x *Actor) halted(ctx context.Context) (bool, error) {
	h, err := x.o.Board.Halted(ctx)
	return h != nil && h.Halted, err
}

// errHalted: the switch was turned between the decision and the act.
var errHalted = errors.New("everything unattended is halted")

// record puts the decision into the case, also that nothing is done.
func (w *work) record(ctx context.Context) error {
	d := &w.out.Decision
	data := map[string]string{"alert": w.a.Case, "message_sha256": w.a.Message.SHA256, "decision": string(d.Outcome)}
	set := func(key, value string) {
		if value != "" {
			data[key] = value
		}
	}
	reason := "decided without people: " + string(d.Outcome)
	for _, r := range d.Reasons {
		set("reason", r.ID)
		reason += ", " + r.Sentence
	}
	set("rule", d.Rule)
	if w.held != nil && w.held.Mandate != nil {
		set("mandate", w.held.Mandate.Name.Value)
		set("mandate_sha256", w.held.Mandate.SHA256)
		set("mandate_signed_by", join(w.held.By))
	}
	set("acts", join(d.Acts))
	set("approved_by", join(d.By))
	if w.a.Target != nil {
		set("function", w.a.Target.ARN)
	}
	if !d.Expires.IsZero() {
		set("expires", d.Expires.Format(time.RFC3339))
	}
	set("due", w.out.Due)
	if w.out.Standing {
		set("standing", "the acts are in force since an earlier message")
	}
	return write(ctx, w.env, reason, data)
}

// write appends to the case's ledger. Whoever has no key leaves it unsigned, as every command does.
func write(ctx context.Context, env *playbooks.Env, reason string, data map[string]string) error {
	err := env.Case.Record(ctx, evidence.Event{Type: evidence.EventDecide, Actor: env.Operator, Reason: reason, Data: data})
	if err != nil && !errors.Is(err, evidence.ErrNotSigned) {
		return fmt.Errorf("recording it in the case: %w", err)
	}
	return nil
}

// Acts are those that a mandate can name.
func Acts() []mandate.Act {
	var all []mandate.Act
	for _, a := range contain.All() {
		all = append(all, mandate.Act{Name: a.Name, Kind: string(a.Kind), Level: string(a.Level)})
	}
	return all
}
