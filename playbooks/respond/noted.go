package respond

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/playbooks"
)

// NotedPrefix is where the board keeps what became of alerts, as ALERT/MESSAGE-N: the id of the case,
// the first 16 hexadecimal digits of the message's SHA-256, and which time it was answered.
const NotedPrefix = "outcomes/"

// NotedSchema names the shape of Noted as JSON.
const NotedSchema = "freezeframe.outcome/1"

// Noted is what the board keeps of an Outcome: enough to say how things stand without reading the
// cases.
type Noted struct {
	Schema    string     `json:"schema"`
	Alert     string     `json:"alert"`
	Kind      alert.Kind `json:"kind"`
	State     State      `json:"state"`
	Why       string     `json:"why,omitempty"`
	Function  string     `json:"function,omitempty"`
	Message   string     `json:"message_sha256"`
	Run       string     `json:"run,omitempty"`
	Decision  string     `json:"decision,omitempty"` // what the mandate said
	Arrived   time.Time  `json:"arrived"`
	Began     time.Time  `json:"began"`
	Sealed    time.Time  `json:"sealed,omitzero"`    // the first evidence; zero where this outcome brought none
	Contained time.Time  `json:"contained,omitzero"` // zero where nothing was done
	Ended     time.Time  `json:"ended"`
	By        string     `json:"by"`
}

// maxWhy is what of a reason a note holds: the case has it all.
const maxWhy = 500

// noted is the note of an outcome.
func (o *Options) noted(out *Outcome) Noted {
	n := Noted{Schema: NotedSchema, Alert: out.Alert, Kind: out.Kind, State: out.State, Why: strings.ToValidUTF8(out.Why[:min(len(out.Why), maxWhy)], ""), Function: out.Function, Message: out.Message,
		Run: out.Run, Arrived: o.Arrived.UTC(), Began: out.Began, Sealed: out.sealed(), Ended: out.Ended, By: o.Board.Who()}
	if o.Arrived.IsZero() {
		n.Arrived = out.Began
	}
	if a := out.Acted; a != nil {
		n.Decision = string(a.Decision.Outcome)
		if !a.Standing {
			n.Contained = a.Contained
		}
	}
	return n
}

// sealed is when the first evidence of the alert was: the state before an act, or what the playbook
// collected first. Zero for what this outcome did not bring.
func (out *Outcome) sealed() time.Time {
	var first time.Time
	if out.ran != nil && out.State != Known {
		for _, s := range out.ran.Steps {
			if s.Verb == "collect" && (s.Status == playbooks.Succeeded || s.Status == playbooks.WithGaps) && (first.IsZero() || s.Ended.Before(first)) {
				first = s.Ended
			}
		}
	}
	if a := out.Acted; a != nil && a.Before != "" && !a.Contained.IsZero() && (first.IsZero() || a.Contained.Before(first)) {
		first = a.Contained // nothing is done before it is sealed
	}
	return first.UTC()
}

// tell notes on the board what became of an alert, and tells people. An outcome that cannot be noted
// has to come again: nobody would know of it. That somebody else is at the case is no outcome: the
// claim says it.
func (o *Options) tell(ctx context.Context, out *Outcome) {
	if o.Board != nil && out.State != Busy {
		if err := o.note(ctx, out); err != nil && out.State.Settled() {
			out.ends(Failed, errors.Join(out.Err, err))
		}
	}
	if o.Notify != nil {
		o.Notify(ctx, out)
	}
}

// note writes the note under the next free number, also where the process was told to stop.
func (o *Options) note(ctx context.Context, out *Outcome) error {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), letGo)
		defer cancel()
	}
	message := out.Message[:min(len(out.Message), 16)]
	record := o.noted(out)
	for n := 1; ; n++ {
		err := o.Board.Put(ctx, fmt.Sprintf("%s%s/%s-%d", NotedPrefix, out.Alert, message, n), record)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, board.ErrTaken):
			return fmt.Errorf("noting what became of the alert: %w", err)
		case n == 1: // it came before: how often?
			if n, err = o.times(ctx, out.Alert, message); err != nil {
				return err
			}
		}
	}
}

// times is the highest number that a message's outcomes have.
func (o *Options) times(ctx context.Context, id, message string) (most int, err error) {
	names, err := o.Board.Names(ctx, NotedPrefix+id+"/")
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		var n int
		if rest, ok := strings.CutPrefix(name, message+"-"); ok {
			if _, err := fmt.Sscanf(rest, "%d", &n); err == nil {
				most = max(most, n)
			}
		}
	}
	return most, nil
}
