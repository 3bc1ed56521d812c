package respond

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/mandate"
	"github.com/freezeframe-ir/freezeframe/playbooks"
)

// Act decides about an alert, and acts if it may. The session of env reads; there is none for an alert
// that could not be read. An error means that it did not come to its end: the message has to come
// again. What was decided is told with it, as far as it came.
type Act func(ctx context.Context, env *playbooks.Env, a *alert.Alert) (*Acted, error)

// Acted is what was decided, and what came of it.
type Acted struct {
	Decision mandate.Decision `json:"decision"`
	At       time.Time        `json:"at"`
	// Due names the record on the board that says when it ends; "" where nothing was done.
	Due string `json:"due,omitempty"`
	// Standing: the acts are in force since an earlier message of this case, and nothing was done anew.
	Standing   bool      `json:"standing,omitempty"`
	Before     string    `json:"before,omitempty"` // bag of the state before
	Bag        string    `json:"bag,omitempty"`    // of the containment
	InForce    int       `json:"in_force,omitempty"`
	NotInForce int       `json:"not_in_force,omitempty"`
	Contained  time.Time `json:"contained,omitzero"`
	Error      string    `json:"error,omitempty"`
}

// act has it decided what is done without people. What went wrong stands in the outcome, and the
// evidence is taken all the same.
func (out *Outcome) act(ctx context.Context, o *Options, env *playbooks.Env, a *alert.Alert) error {
	if o.Act == nil {
		return nil
	}
	acted, err := o.Act(ctx, env, a)
	if out.Acted = acted; acted != nil && err != nil {
		acted.Error = err.Error()
	}
	if out.halted() {
		out.ends(CutOff, errors.New(acted.Decision.Reasons[0].Sentence))
	}
	return err
}

// halted: somebody has turned the switch, and nothing is gone on with, collecting neither.
func (out *Outcome) halted() bool {
	return out.Acted != nil && slices.ContainsFunc(out.Acted.Decision.Reasons, func(s mandate.Said) bool { return s.ID == mandate.Halted.ID })
}

// failed: evidence alone is not all that was to be done, so that the message has to come again.
func (out *Outcome) failed(err error) {
	if err != nil && out.State.Settled() {
		out.ends(Failed, err)
	}
}
