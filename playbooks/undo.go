package playbooks

import (
	"context"
	"fmt"
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
		if r.past != nil {
			if res, done := r.past.results[id]; done {
				r.worse(res.Status, nil)
				r.report(res.report("undo"))
				continue
			}
		}
		if err := r.note(ctx, noteIntent, intentNote{Step: id, Does: "undo"}); err != nil {
			r.fatal(err)
			return
		}
		if err := c.verb.Undo(ctx, r.env, c.args, reason); err != nil {
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
