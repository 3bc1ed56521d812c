package contain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// beforeUs tells what is contained without an act of this case.
func beforeUs(ctx context.Context, in StatusInput, files []*file, planned []Target) ([]Standing, error) {
	s := in.Session.ReadOnly()
	known, err := inQuestion(ctx, in, files, planned)
	if err != nil {
		return nil, err
	}
	var all []Standing
	var unread []error
	seen := map[string]bool{}
	for _, v := range known {
		for _, a := range catalogue() {
			if !a.hangsOn(v.Kind) || !a.tells {
				continue
			}
			for _, key := range a.keys(v) {
				p := Place{v.Target, key}
				id := fileKey(a.doc.resource(p), a.Doc, key)
				ours := slices.ContainsFunc(files, func(f *file) bool { return len(f.held) > 0 && fileKey(f.resource, f.doc.name, f.key) == id })
				if ours || seen[id] {
					continue
				}
				seen[id] = true
				state, _, err := a.doc.read(ctx, s.Config(a.doc.region(p), a.doc.needs), p)
				if err != nil {
					unread = append(unread, fmt.Errorf("whether it was contained before: %w", err))
					continue
				}
				if how := a.contained(state); how != "" {
					all = append(all, Standing{Act: a.Name, Kind: a.Kind, Doc: a.Doc, Key: key, Function: v.ARN, Resource: a.doc.resource(p), State: Before, Detail: how})
				}
			}
		}
	}
	return all, errors.Join(unread...)
}

// inQuestion are the targets that status is about, as they are now: those that were named, acted
// on, or planned for, where somebody else had done it all.
func inQuestion(ctx context.Context, in StatusInput, files []*file, planned []Target) ([]*Survey, error) {
	var all []aim
	named := slices.ContainsFunc(files, func(f *file) bool {
		return slices.ContainsFunc(slices.Concat(f.held, f.lifted), func(h held) bool { return h.place.called() == in.Function })
	})
	if in.Function != "" && !named { // one that this case has not acted on yet
		a := aim{kind: OnFunction, name: unqualified(in.Function)}
		if strings.HasPrefix(in.Function, "arn:") {
			a = aimAt(in.Function)
		}
		all = append(all, a)
	}
	for _, f := range files {
		for _, h := range slices.Concat(f.held, f.lifted) {
			planned = append(planned, h.place.Target)
		}
	}
	for _, t := range planned {
		a := aimAt(t.ARN)
		if !slices.ContainsFunc(all, func(o aim) bool { return o.name == a.name || a.kind == OnFunction && o.name == t.Function }) {
			all = append(all, a)
		}
	}
	known, failed, err := surveys(ctx, in.Session.ReadOnly(), all, PlanInput{Case: in.Case}, looks(func(Act) bool { return false }))
	return known, errors.Join(err, errors.Join(failed...))
}
