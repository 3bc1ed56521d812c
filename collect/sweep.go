package collect

import (
	"context"
	"errors"
	"strings"
)

// maxSwept bounds what a listing of a region may hold in memory: an attacker can make many.
const maxSwept = 100_000

var errSwept = errors.New("the listing has more than 100,000 entries")

// sweep is a listing of a whole region that several functions of a run share: what calls a
// function cannot always be looked up from the function.
type sweep struct {
	found []any // summaries of the SDK's type
	at    stamp
	err   error // why it ended early
}

// sweepFor is what a sweep has for a target. Where an earlier session has stored the target's
// part of it whole, that part is the answer (had), and the region is not listed again for it.
func sweepFor[I, O, T any](ctx context.Context, j *Job, w want, what string, p pager[I, O, T], items func(*O) []any) (s sweep, had bool) {
	if out, had := recall[O](ctx, j, w); had {
		if out != nil {
			s.found = items(out)
		}
		return s, true
	}
	j.plan(w)
	return sweepOnce(ctx, j, what, func(ctx context.Context) ([]any, stamp, error) { return pages(ctx, j, p, items) }), false
}

// sweepOnce lists once for all targets of an account and region. Who comes later waits.
func sweepOnce(ctx context.Context, j *Job, what string, list func(context.Context) ([]any, stamp, error)) sweep {
	r := j.run
	key := what + " " + j.Target.Account + " " + j.Target.Region
	r.mu.Lock()
	p, ours := r.listings[key], false
	if p == nil {
		p, ours = newPromise[sweep](), true
		r.listings[key] = p
	}
	r.mu.Unlock()
	if !ours {
		return p.get(ctx)
	}
	var s sweep
	s.found, s.at, s.err = list(ctx)
	p.keep(s)
	return s
}

// pages reads a whole listing into memory, at most maxSwept entries: for summaries that are
// small, and of which few are kept.
func pages[I, O, T any](ctx context.Context, j *Job, p pager[I, O, T], items func(*O) []any) ([]any, stamp, error) {
	first, s, err := ask(ctx, j, p.call, p.in)
	if err != nil {
		return nil, s, err
	}
	var all []any
	err = p.each(ctx, j, first, func(o *O) error {
		if all = append(all, items(o)...); len(all) > maxSwept {
			return errSwept
		}
		return nil
	})
	return all, s, err
}

// anys is a slice as pages wants it.
func anys[E any](list []E) []any {
	out := make([]any, len(list))
	for i := range list {
		out[i] = list[i]
	}
	return out
}

// calls says whether an ARN is the target's function, or a version or alias of it.
func (t Target) calls(arn string) bool {
	return arn == t.ARN || strings.HasPrefix(arn, t.ARN+":")
}

// swept stores what a sweep found of a target as one document {member: [...]}, says that
// there is none, or records why it is not known.
func (j *Job) swept(ctx context.Context, w want, s sweep, member string, mine []any, none string) {
	switch {
	case ctx.Err() != nil && s.at.started.IsZero():
		return // close records it
	case s.err != nil && len(mine) == 0:
		j.refused(w, s.at, s.err)
	case s.err != nil:
		j.putCut(ctx, w, s.at, map[string]any{member: mine}, s.err)
	case len(mine) == 0:
		j.none(w, s.at, none)
	default:
		j.putJSON(ctx, w, s.at, map[string]any{member: mine})
	}
}
