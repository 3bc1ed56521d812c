package contain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// maxKept bounds a document of the case that planning reads: what is in a case came from
// the account, and is as hostile as any.
const maxKept = 16 << 20

// errNotKept: the case does not hold it.
var errNotKept = errors.New("the case does not hold it")

// firstChange is the time of the first finding on a function: what was collected before
// it was not yet of the intruder's making. The zero time is that there is none.
func firstChange(all []finding.Finding, function string) time.Time {
	var at time.Time
	for _, f := range all {
		if unqualified((Answer{}).target(f)) == function && (at.IsZero() || f.At.Before(at)) {
			at = f.At
		}
	}
	return at
}

// kept reads the newest collected artefact that ok accepts into v. A collection that was
// never sealed counts for nothing.
func kept(ctx context.Context, c *evidence.Case, a Artefact, ok func(evidence.Item) bool, v any) (evidence.Ref, error) {
	if c == nil {
		return evidence.Ref{}, errNotKept
	}
	want := func(e evidence.Entry) bool {
		return e.Item != nil && e.State == evidence.Collected && artefactOf(e) == a && ok(*e.Item)
	}
	for f, err := range c.Find(ctx, want) {
		if err != nil {
			return evidence.Ref{}, fmt.Errorf("looking for %s in the case: %w", a.Name, err)
		}
		return f.Bag.Ref(*f.Entry.Item), readKept(ctx, f, v)
	}
	return evidence.Ref{}, errNotKept
}

func readKept(ctx context.Context, f evidence.Found, v any) (err error) {
	r, err := f.Bag.Open(ctx, *f.Entry.Item)
	if err != nil {
		return fmt.Errorf("reading %s of the case: %w", f.Entry.Artefact, err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	b, err := io.ReadAll(io.LimitReader(r, maxKept+1))
	switch {
	case err != nil:
		return fmt.Errorf("reading %s of the case: %w", f.Entry.Artefact, err)
	case len(b) > maxKept:
		return fmt.Errorf("%s of the case is larger than %d bytes", f.Entry.Artefact, maxKept)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s of the case is not what it should be: %w", f.Entry.Artefact, err)
	}
	return nil
}
