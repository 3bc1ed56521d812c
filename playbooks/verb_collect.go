package playbooks

import (
	"context"
	"fmt"
	"time"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// collectVerb seals the evidence of a function.
func collectVerb() Verb {
	return Verb{
		Name: "collect", About: "snapshot a function into a sealed bag of the case",
		Class: Reads, Preserves: true,
		With: []Param{
			{Name: "function", Type: Text, Required: true, About: "name or ARN"},
			{Name: "since", Type: Duration, About: "how far back CloudTrail and logs are read"},
			{Name: "scope", Type: Text, About: "all, or containment"},
		},
		Gives: []Param{{Name: "bag", Type: Text, About: "id of the sealed bag"}},
		Run:   runCollect,
	}
}

func runCollect(ctx context.Context, env *Env, a Args) (Result, error) {
	cfg := env.Session.ReadOnly().Config("", collect.ResolveNeeds())
	t, err := collect.ResolveTarget(ctx, cfg, env.Session.Identity.Account, env.Session.Region, arg[string](a, "function"))
	if err != nil {
		return Result{}, err
	}
	o := collect.Options{Scope: collect.Scope(arg[string](a, "scope")), Since: arg[time.Duration](a, "since"), Now: env.Now}
	if env.Doing != nil {
		o.Progress = func(p collect.Progress) { env.Doing(p.Done, p.Planned, p.Bytes, p.Last) }
	}
	bag, sum, err := collect.Into(ctx, env.Session, env.Case, env.header(), []collect.Target{t}, o)
	if err != nil {
		return Result{}, err
	}
	gaps, err := gapsOf(ctx, bag)
	return Result{
		Values:  map[string]any{"bag": bag.ID()},
		Gaps:    gaps,
		Summary: fmt.Sprintf("sealed %s: %d artefacts, %d bytes, %d gaps", bag.ID(), sum.Items, sum.Bytes, gaps),
	}, err
}

func gapsOf(ctx context.Context, bag *evidence.Bag) (int, error) {
	entries, err := bag.Coverage(ctx)
	gaps := 0
	for _, e := range entries {
		if !e.State.Complete() {
			gaps++
		}
	}
	return gaps, err
}

func (env *Env) header() evidence.Header {
	return evidence.Header{Operator: env.Operator, Host: env.Host, Tool: env.Tool}
}
