package playbooks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// collectVerb seals the evidence of functions.
func collectVerb() Verb {
	return Verb{
		Name: "collect", About: "snapshot functions into a sealed bag of the case",
		Class: Reads, Preserves: true, Timeout: 4 * time.Hour,
		With: []Param{
			{Name: "function", Type: Text, About: "name or ARN"},
			{Name: "functions", Type: Texts, About: "several of them"},
			{Name: "since", Type: Duration, About: "how far back CloudTrail and logs are read"},
			{Name: "scope", Type: Text, About: "all, or containment: what the acts overwrite, in seconds", Values: []string{string(collect.All), string(collect.Containment)}},
			{Name: "deleted", Type: Bool, About: "the function may be gone: what is left of it, its records and its log group, is collected"},
			{Name: "max_age", Type: Duration, About: "a bag of the same functions and scope that is not older does, whoever sealed it"},
		},
		Gives: []Param{
			{Name: "bag", Type: Text, About: "id of the sealed bag"},
			{Name: "gaps", Type: Number, About: "what was wanted and not had"},
			{Name: "functions", Type: Texts, About: "ARNs of what was collected"},
		},
		Check: func(s *Step) string { return oneOf(s, "function", "functions") },
		Needs: func() []awsapi.Need { return append(collect.ResolveNeeds(), collect.Needs(collect.All)...) },
		Run:   runCollect,
	}
}

// oneOf wants exactly one of some arguments.
func oneOf(s *Step, names ...string) string {
	there := 0
	for _, n := range names {
		if _, ok := s.With[n]; ok {
			there++
		}
	}
	if there != 1 {
		return fmt.Sprintf("%s needs one of the arguments %s", s.Verb.Name, strings.Join(names, ", "))
	}
	return ""
}

// functionsOf are the functions that a step is about.
func functionsOf(a Args) []string {
	out := slices.Clone(arg[[]string](a, "functions"))
	if f := arg[string](a, "function"); f != "" {
		out = append(out, f)
	}
	return out
}

func runCollect(ctx context.Context, env *Env, a Args) (Result, error) {
	targets, err := env.targets(ctx, functionsOf(a), arg[bool](a, "deleted"))
	if err != nil {
		return Result{}, err
	}
	o := collect.Options{Scope: collect.Scope(arg[string](a, "scope")), Since: arg[time.Duration](a, "since"), Now: env.Now, Unpaced: env.Unpaced}
	if env.Sleep != nil {
		o.Pacer = collect.NewPacer(env.Now, env.Sleep)
	}
	if env.Doing != nil {
		o.Progress = func(p collect.Progress) { env.Doing(p.Done, p.Planned, p.Bytes, p.Last) }
	}
	h := env.header()
	h.Params = map[string]string{"playbook_run": a.Run, "playbook_step": a.Step}
	before, err := env.collected(ctx, a, targets)
	switch {
	case err != nil:
		return Result{}, err
	case before != nil && before.Sealed() && !lacking(a, before):
		return collected(ctx, before, "taken: ")
	}
	var bag *evidence.Bag
	if before != nil { // what it has is kept; a sealed one is gone on with in a bag of its own
		bag, _, err = collect.Resume(ctx, env.Session, env.Case, before, h, o)
	} else {
		bag, _, err = collect.Into(ctx, env.Session, env.Case, h, targets, o)
	}
	if err != nil && !errors.Is(err, evidence.ErrNotSigned) {
		return Result{}, err
	}
	return collected(ctx, bag, "sealed ")
}

// lacking says of a sealed bag that it is what a failed try of this step left, or one that was told to
// stop, for that is sealed too: its gaps are asked for again.
func lacking(a Args, b *evidence.Bag) bool {
	return (a.Retry || a.Again) && ofStep(a, b.Header()) && b.Header().Status == evidence.StatusPartial
}

// ofStep says whether a bag was begun by this step of this run.
func ofStep(a Args, h evidence.Header) bool {
	return h.Params["playbook_run"] == a.Run && h.Params["playbook_step"] == a.Step
}

// targets are the functions of those names. One that is not there is an error, in most cases a
// slip of the pen, unless it was said that it may be gone.
func (env *Env) targets(ctx context.Context, names []string, gone bool) ([]collect.Target, error) {
	cfg := env.Session.ReadOnly().Config("", collect.ResolveNeeds())
	var out []collect.Target
	for _, name := range names {
		t, err := collect.ResolveTarget(ctx, cfg, env.Session.Identity.Account, env.Session.Region, name)
		if _, absent := errors.AsType[*collect.NoFunctionError](err); absent && gone {
			t, err = collect.ParseTarget(env.Session.Identity.Account, env.Session.Region, name)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: no function is named", ErrInput)
	}
	return out, nil
}

// collected looks for a bag that does instead of a new one: what this step had begun before an
// interruption, or a sealed one that is not older than the step wants.
func (env *Env) collected(ctx context.Context, a Args, targets []collect.Target) (*evidence.Bag, error) {
	age := arg[time.Duration](a, "max_age")
	if !a.Again && age == 0 {
		return nil, nil
	}
	want := make([]string, 0, len(targets))
	for _, t := range targets {
		want = append(want, t.ARN)
	}
	slices.Sort(want)
	var found *evidence.Bag
	for b, err := range env.Case.Bags(ctx) {
		if err != nil {
			if b == nil {
				return nil, fmt.Errorf("looking for what was collected: %w", err)
			}
			continue // one that cannot be read does for nothing
		}
		h := b.Header()
		if h.Kind != evidence.KindCollection {
			continue
		}
		ours := a.Again && ofStep(a, h)
		recent := age > 0 && b.Sealed() && h.Ended.After(env.Now().Add(-age)) && slices.Equal(slices.Sorted(slices.Values(h.Targets)), want) &&
			(h.Params["scope"] == string(collect.All) || h.Params["scope"] == arg[string](a, "scope"))
		if ours || recent {
			found = b
		}
	}
	return found, nil
}

func collected(ctx context.Context, bag *evidence.Bag, how string) (Result, error) {
	entries, err := bag.Coverage(ctx)
	if err != nil {
		return Result{}, fmt.Errorf("reading the coverage of %s: %w", bag.ID(), err)
	}
	gaps, items := 0, 0
	for _, e := range entries {
		if !e.State.Complete() {
			gaps++
		}
		if e.Item != nil {
			items++
		}
	}
	return Result{
		Values:  map[string]any{"bag": bag.ID(), "gaps": gaps, "functions": bag.Header().Targets},
		Gaps:    gaps,
		Summary: fmt.Sprintf("%s%s: %d artefacts, %d gaps", how, bag.ID(), items, gaps),
	}, nil
}

func (env *Env) header() evidence.Header {
	return evidence.Header{Operator: env.Operator, Host: env.Host, Tool: env.Tool}
}
