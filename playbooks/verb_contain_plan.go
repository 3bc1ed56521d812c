package playbooks

import (
	"context"
	"fmt"
	"strings"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// containPlanVerb plans the containment: reads only.
func containPlanVerb() Verb {
	return Verb{
		Name: "contain.plan", About: "plan the containment: the exact calls, and what they break",
		Class: Reads,
		With: []Param{
			{Name: "function", Type: Text, About: "name or ARN"},
			{Name: "functions", Type: Texts, About: "several of them, of one account"},
			{Name: "level", Type: Text, About: "stop, isolate or evict", Values: []string{string(contain.LevelStop), string(contain.LevelIsolate), string(contain.LevelEvict)}},
			{Name: "acts", Type: Texts, About: "acts added to those of the level; neither: isolate", Values: actNames()},
			{Name: "preserve", Type: Bool, About: "add the acts that preserve evidence"},
			{Name: "findings", Type: FindingsType, About: "what still stands: each is answered by the acts that can"},
			{Name: "actors", Type: Texts, About: "ARNs of users, roles and sessions on the actor's side"},
			{Name: "good_version", Type: Texts, About: "published version that is vouched for, or ALIAS=VERSION"},
			{Name: "accept_shared_role", Type: Bool, About: "act on the whole role although others use it"},
			{Name: "exfiltration", Type: Bool, About: "concurrency to zero before anything else"},
			{Name: "resources", Type: Texts, About: "ARNs of what else is acted on: rules, keys, secrets, trails, log groups"},
			{Name: "bad_version", Type: Texts, About: "published version whose code is known to be bad"},
			{Name: "quarantine_group", Type: Text, About: "security group that lets nothing out, for network-quarantine"},
			{Name: "signing_config", Type: Text, About: "ARN of a code-signing configuration that enforces, for code-signing-enforce"},
			{Name: "organization", Type: Text, About: "id of one's own organization (o-...): grants limited to it stay"},
			{Name: "protect", Type: Texts, About: "ARNs or names, * and ? allowed, that are never acted on: break-glass principals"},
		},
		Gives: []Param{
			{Name: "plan", Type: PlanType, About: "the plan"},
			{Name: "acts", Type: Texts, About: "acts that have something to do"},
			{Name: "calls", Type: Number, About: "calls that change the account"},
			{Name: "unanswered", Type: Number, About: "findings that no act answers: work by hand"},
			{Name: "shared", Type: Bool, About: "others use the function's role"},
		},
		Check: func(s *Step) string {
			for _, n := range []string{"function", "functions", "actors", "resources"} {
				if _, ok := s.With[n]; ok {
					return ""
				}
			}
			return s.Verb.Name + " needs one of the arguments function, functions, actors, resources"
		},
		Needs: func() []awsapi.Need { return append(contain.Needs(), contain.VerifyNeeds()...) },
		Run:   runContainPlan,
	}
}

func actNames() []string {
	var out []string
	for _, a := range contain.All() {
		out = append(out, a.Name)
	}
	return out
}

func runContainPlan(ctx context.Context, env *Env, a Args) (Result, error) {
	in := contain.PlanInput{
		Session: env.Session, Case: env.Case, Functions: functionsOf(a), Level: contain.Level(arg[string](a, "level")), Acts: arg[[]string](a, "acts"),
		Preserve: arg[bool](a, "preserve"), Findings: arg[[]finding.Finding](a, "findings"), Actors: arg[[]string](a, "actors"),
		GoodVersion: arg[[]string](a, "good_version"), AcceptSharedRole: arg[bool](a, "accept_shared_role"), Clock: env.clock(),
		Resources: arg[[]string](a, "resources"), Bad: arg[[]string](a, "bad_version"), QuarantineGroup: arg[string](a, "quarantine_group"),
		SigningConfig: arg[string](a, "signing_config"), Organization: arg[string](a, "organization"), Protected: arg[[]string](a, "protect"),
	}
	if arg[bool](a, "exfiltration") {
		in.Order = contain.ConcurrencyFirst
	}
	p, err := contain.NewPlan(ctx, in)
	if err != nil {
		return Result{}, err
	}
	calls, busy := 0, []string{}
	for _, m := range p.Moves {
		calls += len(m.Calls)
	}
	for _, act := range p.Acts {
		if len(act.Moves) > 0 {
			busy = append(busy, act.Act)
		}
	}
	return Result{
		Values:  map[string]any{"plan": p, "acts": busy, "calls": calls, "unanswered": len(p.Unanswered), "shared": len(p.Shared) > 0},
		Gaps:    len(p.Unplanned),
		Summary: fmt.Sprintf("%d acts, %d calls that change the account", len(busy), calls) + idleLine(len(p.Acts)-len(busy)),
		Left:    leftOf(p),
	}, nil
}

// leftOf is what a plan leaves to people, by name.
func leftOf(p *contain.Plan) []string {
	var left []string
	for _, u := range p.Unplanned {
		left = append(left, fmt.Sprintf("%s could not be planned: %s: %s", u.Act, u.What, u.Error))
	}
	for _, u := range p.Unanswered {
		left = append(left, fmt.Sprintf("no act answers %s %s (%s): %s", u.Finding.Kind, u.Finding.Name, u.Why, u.Do))
	}
	for _, r := range p.Rotate {
		what := r.Kind + " " + r.Resource
		if len(r.Names) > 0 {
			what += " (" + strings.Join(r.Names, ", ") + ")"
		}
		left = append(left, fmt.Sprintf("rotate %s; before that: %s", what, r.Wait))
	}
	for _, t := range p.Texts {
		left = append(left, fmt.Sprintf("for %s, %s: the text is in the plan", t.For, t.Where))
	}
	return left
}

func (env *Env) clock() contain.Clock { return contain.Clock{Now: env.Now, Sleep: env.Sleep} }

// planLines are what an approver reads: each act, its calls, what it breaks.
func planLines(p *contain.Plan) []string {
	var out []string
	for _, a := range p.Acts {
		if len(a.Moves) == 0 {
			continue
		}
		out = append(out, fmt.Sprintf("%s (%s): %s", a.Act, a.Kind, a.About))
		for _, i := range a.Moves {
			for _, c := range p.Moves[i].Calls {
				out = append(out, fmt.Sprintf("  calls   %s on %s", c.Call, p.Moves[i].Resource))
			}
		}
		for _, b := range a.Breaks {
			out = append(out, fmt.Sprintf("  breaks  %s %s: %s", b.What, b.Resource, b.Detail))
		}
		if a.Lossy != "" {
			out = append(out, "  lost    "+a.Lossy)
		}
	}
	for _, w := range p.Warnings {
		out = append(out, "warning: "+w)
	}
	return out
}
