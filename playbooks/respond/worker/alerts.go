package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/queue"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
)

// Alerts takes every message: what is none is an alert that cannot be read, which is kept.
type Alerts struct {
	// Options are for one message, whose work ends with ctx.
	Options func(ctx context.Context) respond.Options
	Tell    func(respond.Outcome) // from several messages at once; nil: nobody listens
}

// Takes says yes.
func (*Alerts) Takes(string) bool { return true }

// Handle answers each alert of a message. It is settled when all are.
func (a *Alerts) Handle(ctx context.Context, m *queue.Message) (settled bool, err error) {
	all, err := respond.Respond(ctx, strings.NewReader(m.Body), a.Options(ctx))
	if err != nil {
		return false, err
	}
	settled = true
	var why []error
	for i := range all {
		out := &all[i]
		if a.Tell != nil {
			a.Tell(*out)
		}
		if !out.State.Settled() {
			settled = false
			why = append(why, fmt.Errorf("alert %s: %s: %w", out.Alert, out.State, out.Err))
		}
	}
	return settled, errors.Join(why...)
}
