package evidence

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// HeadSigners says of events by which keys the head is signed that ends with them: whoever appends
// an event signs that head and no other, so that its signature tells an event's author, as far as
// keys do. (A later head covers the event too, and its signer vouches for what others wrote.)
// Keys count as in verification that pins none: those of event 0, and those that a rekey event
// under a signed head brought in. An event without an entry is under no such signature.
func (c *Case) HeadSigners(ctx context.Context, events ...int64) (map[int64][]string, error) {
	var failed error
	k := &checker{ctx: ctx, v: c.vault, caseID: c.ID, covers: map[string]listed{}, report: &Report{}, yield: func(_ Problem, err error) bool {
		failed = err // a finding is verification's to report: what does not check does not count
		return err == nil
	}}
	k.chain()
	if !k.loadKeys() || failed != nil {
		return nil, fmt.Errorf("looking for who signed events: %w", failed)
	}
	k.trust.advance(0)
	k.signedTo = -1
	names, ok := k.headNames()
	if !ok {
		return nil, fmt.Errorf("looking for who signed events: %w", failed)
	}
	out := map[int64][]string{}
	for _, seq := range slices.Sorted(maps.Keys(names)) {
		wanted := slices.Contains(events, seq)
		if !wanted && len(k.trust.changes) == 0 {
			continue // nothing hangs on it
		}
		k.report = &Report{}
		k.head(seq, names[seq])
		if failed != nil {
			return nil, fmt.Errorf("looking for who signed event %d: %w", seq, failed)
		}
		for _, s := range k.report.Signers {
			if wanted {
				out[seq] = append(out[seq], s.KeyID)
			}
		}
	}
	return out, nil
}
