package playbooks

import (
	"context"
	"fmt"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// undo takes back what the run changed in the account, the last first.
func (r *Run) undo(ctx context.Context, reason string) {
	r.mu.Lock()
	changed := r.changed
	r.changed = nil
	r.mu.Unlock()
	for i := len(changed) - 1; i >= 0; i-- {
		c := changed[i]
		if c.verb.Undo == nil {
			continue
		}
		id := "undo/" + c.args.Step
		n := resultNote{Step: id, Status: Succeeded, Summary: "taken back: " + reason, Started: r.env.Now().UTC()}
		again := false
		if r.past != nil {
			_, again = r.past.intents[id]
			if res, done := r.past.results[id]; done {
				r.worse(res.Status, nil)
				r.report(res.report("undo"))
				continue
			}
		}
		if err := r.note(ctx, noteIntent, intentNote{Step: id, Does: "undo", Again: again}); err != nil {
			r.fatal(err)
			return
		}
		if err := r.takeBack(ctx, c, reason, again); err != nil {
			n.Status, n.Summary, n.Error = Failed, "not taken back", err.Error()
			r.worse(Failed, fmt.Errorf("taking back step %s: %w", c.args.Step, err))
		}
		n.Ended = r.env.Now().UTC()
		if err := r.note(ctx, noteResult, n); err != nil {
			r.fatal(err)
			return
		}
		r.report(n.report("undo"))
	}
}

// takeBack undoes a step. Of one that was cut off while it was being undone the record is sealed
// first; what it had taken back already is no longer there to be taken back.
func (r *Run) takeBack(ctx context.Context, c change, reason string, again bool) error {
	if again {
		err := r.env.sealCutOff(ctx, func(h evidence.Header) bool { return h.Params["action"] == "undo" && !h.Started.Before(r.Started) })
		if err != nil {
			return err
		}
	}
	return c.verb.Undo(ctx, r.env, c.args, reason)
}
