package contain

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// Standings says how each act of this case stands on each document, reading the
// documents again. Without a session it tells what the journals say.
func Standings(ctx context.Context, in StatusInput) ([]Standing, error) {
	return standings(ctx, in, in.Session != nil)
}

// standings are those of this case's acts, and with others what somebody else contained.
func standings(ctx context.Context, in StatusInput, others bool) ([]Standing, error) {
	ctx = withCase(ctx, in.Case)
	past, err := load(ctx, in.Case)
	if err != nil {
		return nil, err
	}
	match := matching(in.Session, in.Function)
	files := past.of(match)
	rows := make([][]Standing, len(files))
	var g errgroup.Group
	g.SetLimit(parallelReads)
	for i, f := range files {
		g.Go(func() error { rows[i] = f.stand(ctx, in.Session, match); return nil })
	}
	_ = g.Wait() // what cannot be read is a row of its own
	all := slices.Concat(rows...)
	if others {
		found, err := beforeUs(ctx, in, files, slices.DeleteFunc(past.targets, func(t Target) bool { return !match(t) }))
		if err != nil {
			past.damaged = append(past.damaged, err.Error())
		}
		all = append(all, found...)
	}
	sort.SliceStable(all, func(i, j int) bool {
		return cmp.Or(all[i].Since.Compare(all[j].Since), strings.Compare(all[i].Act+all[i].Key, all[j].Act+all[j].Key)) < 0
	})
	if len(past.damaged) > 0 {
		return all, fmt.Errorf("not all is known: %s", strings.Join(past.damaged, "; "))
	}
	return all, ctx.Err()
}

func (f *file) stand(ctx context.Context, s *awsapi.Session, match func(Target) bool) []Standing {
	var all []Standing
	for _, h := range f.lifted {
		again := func(x held) bool { return x.Act == h.Act && x.place.ARN == h.place.ARN }
		if match(h.place.Target) && !slices.ContainsFunc(f.held, again) {
			all = append(all, f.standing(h, h.state, ""))
		}
	}
	inForce := slices.DeleteFunc(slices.Clone(f.held), func(h held) bool { return !match(h.place.Target) })
	if len(inForce) == 0 {
		return all
	}
	if s == nil {
		for _, h := range inForce {
			all = append(all, f.standing(h, h.state, "by the journal"))
		}
		return all
	}
	now, _, err := f.doc.read(withLike(ctx, f.last), s.ReadOnly().Config(f.doc.region(inForce[0].place), f.doc.needs), inForce[0].place)
	for _, h := range inForce {
		if err != nil {
			all = append(all, f.standing(h, NoAnswer, err.Error()))
			continue
		}
		all = append(all, f.compare(h, now))
	}
	return all
}

// compare: an act is in force where its edit would change nothing.
func (f *file) compare(h held, now []byte) Standing {
	next, err := fold(now, []placed{{h.PlannedEdit, h.place}}, "")
	switch {
	case err != nil:
		return f.standing(h, NoAnswer, err.Error())
	case f.doc.equal(now, next) && !f.doc.settled(now):
		return f.standing(h, Pending, "AWS is still at it")
	case f.doc.equal(now, next) && !f.doc.equal(now, f.last):
		return f.standing(h, InForce, "the document was changed since, the act still holds: now "+short(now))
	case f.doc.equal(now, next):
		return f.standing(h, InForce, "")
	case f.doc.equal(now, f.base):
		return f.standing(h, Drifted, "it is as it was before the act")
	}
	return f.standing(h, Drifted, "now "+short(now))
}

func (f *file) standing(h held, s State, detail string) Standing {
	return Standing{
		Act: h.Act, Kind: h.kind, Doc: f.doc.name, Key: f.key, Function: h.place.ARN, Resource: f.resource,
		State: s, Since: h.since, Bag: h.bag, Detail: detail,
	}
}
