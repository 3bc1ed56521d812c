package collect

import (
	"context"
	"fmt"
	"io"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// gathered is a listing that is wanted whole before anything is stored: nothing in it
// means that there is none, and others go on from its items.
type gathered[I, O, T, E any] struct {
	pager[I, O, T]
	member string       // of the document, as the SDK's output calls it
	items  func(*O) []E // of a page, and of the document when it is recalled
	none   string       // the note where there is none
	most   int          // items kept; what an attacker can multiply has an end
	// permission is named where the first page is denied; "" where the call's name says it.
	permission string
}

// get asks for all pages, stores {member: [...]} and says whether it came whole. Where a
// page failed, what came before it is kept, cut short.
func (g gathered[I, O, T, E]) get(ctx context.Context, j *Job, w want) ([]E, bool) {
	if out, had := recall[O](ctx, j, w); had {
		if out == nil {
			return nil, true
		}
		return g.items(out), true
	}
	all, s, cut := g.read(ctx, j, w)
	if len(all) > 0 {
		j.putList(ctx, w, s, g.member, all, cut)
	}
	return all, cut == nil
}

// redacted does the same for items some of whose members may be secret: see putRedacted.
// What is sealed cannot say itself that it was cut short: a gap of ARTEFACT.rest does.
func (g gathered[I, O, T, E]) redacted(ctx context.Context, j *Job, w want, members ...string) ([]E, bool) {
	if out, had := recall[O](ctx, j, w); had {
		if out == nil {
			return nil, true
		}
		return g.items(out), true
	}
	all, s, cut := g.read(ctx, j, w)
	if len(all) == 0 {
		return nil, cut == nil
	}
	j.putRedacted(ctx, w, s, map[string]any{g.member: all}, members...)
	if cut != nil {
		rest := w
		rest.artefact += ".rest"
		_, text := classify(cut)
		j.gap(rest, s, evidence.Truncated, text, w.artefact+" has the first ones only")
	}
	return all, cut == nil
}

// read asks for all pages; with nothing to be stored it records why.
func (g gathered[I, O, T, E]) read(ctx context.Context, j *Job, w want) (all []E, s stamp, cut error) {
	j.plan(w)
	first, s, err := ask(ctx, j, g.call, g.in)
	if err != nil {
		j.permit(w, s, err, g.permission)
		return nil, s, err
	}
	cut = g.each(ctx, j, first, func(o *O) error {
		for _, e := range g.items(o) {
			if len(all) == g.most {
				return tooMany(g.most)
			}
			all = append(all, e)
		}
		return nil
	})
	switch {
	case cut != nil && len(all) == 0:
		j.refused(w, s, cut)
	case len(all) == 0:
		j.none(w, s, g.none)
	}
	return all, s, cut
}

// tooMany says that a listing was cut where its cap is.
func tooMany(most int) error {
	return fmt.Errorf("there are more, and %d are collected at most", most)
}

// shared is a list that one collector finds out for all targets of the run, and whether
// the caller is that one: it keeps the promise whatever happens.
func (r *runner) shared(what string) (p *promise[nameList], ours bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p = r.lists[what]; p == nil {
		p, ours = newPromise[nameList](), true
		r.lists[what] = p
	}
	return p, ours
}

// arnOf is the ARN of another resource in the target's account and region.
func (j *Job) arnOf(service, resource string) string {
	t := j.Target
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", partitionOf(t.Region), service, t.Region, t.Account, resource)
}

// putList stores {member: [...]}, in state truncated if cut says why it ends.
func (j *Job) putList(ctx context.Context, w want, s stamp, member string, items any, cut error) {
	err := j.put(ctx, w, s, func(out io.Writer) error {
		doc := &listWriter{out: out, enc: j.run.enc}
		if err := doc.begin(member); err != nil {
			return err
		}
		if err := doc.add(items); err != nil {
			return err
		}
		if err := doc.end(); err != nil {
			return err
		}
		if cut != nil {
			return truncated(cut)
		}
		return nil
	})
	if err != nil {
		j.refused(w, s, err)
	}
}
