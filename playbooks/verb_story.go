package playbooks

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/finding"
	"github.com/freezeframe-ir/freezeframe/timeline"
	"github.com/freezeframe-ir/freezeframe/timeline/lineage"
)

// storyVerb asks the case who is suspected, how they got in, and what still stands: what branches
// decide on and containment answers.
func storyVerb() Verb {
	return Verb{
		Name: "timeline.story", About: "ask the case alone who is suspected, how they got in, and what they made that still stands",
		Class: Offline, Timeout: 2 * time.Hour,
		With: []Param{
			{Name: "function", Type: Text, Required: true, About: "name or ARN"},
			{Name: "since", Type: Duration, About: "how far back"},
		},
		Gives: []Param{
			{Name: "suspects", Type: Texts, About: "who is suspected, by rules that the story shows"},
			{Name: "actors", Type: Texts, About: "ARNs of those of them that containment can act on: users, roles and sessions, and whom they came from; not the function's own credentials, which are cut off with it"},
			{Name: "outsiders", Type: Texts, About: "ARNs of those of other accounts: their owners have to act"},
			{Name: "entry", Type: Text, About: "how the first of them got in: long-term key, console, stolen function credentials, ..., unknown"},
			{Name: "changed", Type: Texts, About: "what of the function suspects changed: code, configuration, policy, url, trigger, ..."},
			{Name: "kinds", Type: Texts, About: "kinds of what they made or changed and nobody took back: function-code, access-key, rule, ..."},
			{Name: "outside", Type: Number, About: "calls with the function's credentials from outside of Lambda"},
			{Name: "deleted", Type: Bool, About: "the records show that the function was deleted"},
			{Name: "findings", Type: FindingsType, About: "what still stands, for contain.plan"},
			{Name: "standing", Type: Number, About: "how many findings"},
		},
		Run: runStory,
	}
}

func runStory(ctx context.Context, env *Env, a Args) (Result, error) {
	o := timeline.Options{Filter: timeline.Filter{Function: arg[string](a, "function")}}
	if since := arg[time.Duration](a, "since"); since > 0 {
		o.Since = env.Now().Add(-since)
	}
	s, err := lineage.Tell(ctx, o, timeline.Input{Case: env.Case})
	if err != nil {
		return Result{}, fmt.Errorf("telling the story of %s: %w", o.Function, err)
	}
	v := map[string]any{
		"suspects": []string{}, "actors": []string{}, "outsiders": []string{}, "entry": lineage.EntryUnknown, "changed": []string{}, "kinds": []string{},
		"outside": 0, "deleted": false, "findings": orNone(s.Standing), "standing": len(s.Standing),
	}
	if s.Entry != nil {
		v["entry"] = s.Entry.Kind
	}
	// The function's own credentials are cut off with the function. Named as an actor, its role
	// would be denied whoever else uses it, for who is named is meant.
	blamed, own := map[string]bool{}, map[string]bool{}
	for _, c := range slices.Concat(s.Inside, s.Outside) {
		own[c.Node] = true
	}
	for _, x := range s.Suspects {
		blamed[x.Node] = true
		v["suspects"] = add(v["suspects"], x.Who)
		if !own[x.Node] {
			env.principal(v, x.ARN)
		}
		for _, h := range x.Lineage {
			if !own[h.Node] {
				env.principal(v, roleARN(h.Role))
			}
		}
	}
	for _, c := range s.History {
		if blamed[c.By] {
			v["changed"] = add(v["changed"], c.What)
		}
		if c.Action == "lambda:DeleteFunction" && c.What == "deleted" {
			v["deleted"] = true
		}
	}
	for _, f := range s.Standing {
		v["kinds"] = add(v["kinds"], f.Kind)
	}
	outside := 0
	for _, c := range s.Outside {
		outside += c.Calls
	}
	v["outside"] = outside
	suspects := v["suspects"].([]string) //nolint:forcetypeassert // set above
	summary := "nobody is suspected by the rules"
	if len(suspects) > 0 {
		summary = fmt.Sprintf("suspected: %s; entry: %s; %d things they made still stand", strings.Join(suspects, ", "), v["entry"], len(s.Standing))
	}
	return Result{Values: v, Gaps: len(s.Summary.Gaps) + int(s.Summary.Skips), Summary: summary}, nil
}

// principal puts an ARN among those that containment can act on, or, of another account, among
// those that only their owner can.
func (env *Env) principal(v map[string]any, arn string) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) == 6 && env.Session != nil && parts[4] != env.Session.Identity.Account {
		v["outsiders"] = add(v["outsiders"], arn)
		return
	}
	v["actors"] = add(v["actors"], arn)
}

func orNone(all []finding.Finding) []finding.Finding {
	if all == nil {
		return []finding.Finding{}
	}
	return all
}

// add puts a text into a list once; "" is none.
func add(list any, s string) []string {
	all, _ := list.([]string)
	if s == "" || slices.Contains(all, s) {
		return all
	}
	return append(all, s)
}

// roleARN keeps what is an ARN.
func roleARN(s string) string {
	if strings.HasPrefix(s, "arn:") {
		return s
	}
	return ""
}
