package collect

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// rulesAtOnce are questions to one bus.
const rulesAtOnce = 16

// rules finds the EventBridge rules that call the function: a rule on an account's own
// events is a way to come back (ATT&CK T1546). The reverse look-up is asked on every bus,
// for the function and each of its versions and aliases.
func rules() Collector {
	return Collector{
		Name: "events.rules", About: "EventBridge rules on all buses that call the function, any version or alias, with their targets",
		Needs: []awsapi.Need{
			need("EventBridge:ListEventBuses", "events:ListEventBuses", "*"),
			need("EventBridge:ListRuleNamesByTarget", "events:ListRuleNamesByTarget", "*"),
			need("EventBridge:DescribeRule", "events:DescribeRule", "rule ARN"),
			need("EventBridge:ListTargetsByRule", "events:ListTargetsByRule", "rule ARN"),
		},
		Collect: collectRules,
	}
}

func collectRules(ctx context.Context, j *Job) {
	w := j.want("events.rules", "", "EventBridge:ListRuleNamesByTarget")
	c := eventbridge.NewFromConfig(j.config(j.Target.Region))
	listed := j.buses(ctx, c) // evidence by itself, whatever is known of the rules
	rest := j.want("events.rules", "*", w.call)
	if doc, had := recall[rulesDocument](ctx, j, w); had {
		if doc != nil {
			for bus, names := range doc.Rules {
				each(names, callsAtOnce, func(name string) { j.rule(ctx, c, bus, name) })
			}
		}
		if !j.wasGap(rest) {
			return
		}
		w = rest // not every version and alias was asked for then
	}
	j.plan(w)
	buses := listed.get(ctx)
	if !buses.known {
		j.skip(w, "buses unknown: events.buses is not whole")
		return
	}
	aliases, versions := j.facts.aliases.get(ctx), j.facts.versions.get(ctx)
	if !aliases.known || !versions.known {
		j.skip(rest, "aliases or versions unknown: lambda.aliases or lambda.configuration.versions is not whole")
	}
	arns := []string{j.Target.ARN}
	for _, q := range append(versions.names(), aliases.names...) {
		arns = append(arns, j.Target.ARN+":"+q)
	}
	doc, whole := rulesDocument{Buses: buses.names, TargetArns: arns, Rules: map[string][]string{}}, true
	var mu sync.Mutex
	each(buses.names, targetsAtOnce, func(bus string) {
		names, ok := j.rulesOfBus(ctx, c, bus, arns)
		mu.Lock()
		defer mu.Unlock()
		whole = whole && ok
		if len(names) > 0 {
			doc.Rules[bus] = names
		}
	})
	switch {
	case ctx.Err() != nil:
		return // close records it
	case !whole:
		j.skip(w, "not every bus could be asked: events.rules.bus says which")
		return
	case len(doc.Rules) == 0 && w.src.Qualifier != "":
		j.mended(w)
		return
	case w.src.Qualifier != "" && (!aliases.known || !versions.known):
		return // said above
	case len(doc.Rules) == 0:
		j.none(w, stamp{}, "no rule of any bus calls it")
		return
	}
	j.putJSON(ctx, w, stamp{started: j.now(), ended: j.now()}, doc)
}

// rulesDocument is what was asked and which rules answered, by bus.
type rulesDocument struct {
	Buses, TargetArns []string
	Rules             map[string][]string
}

// buses lists the region's buses, once for all targets.
func (j *Job) buses(ctx context.Context, c *eventbridge.Client) *promise[nameList] {
	r := j.run
	r.mu.Lock()
	p, ours := r.busLists[j.Target.Region], false
	if p == nil {
		p, ours = newPromise[nameList](), true
		r.busLists[j.Target.Region] = p
	}
	r.mu.Unlock()
	if !ours {
		return p
	}
	var l nameList
	w := j.of("events.buses", "", "", j.Target.Region, "EventBridge:ListEventBuses")
	w.name = "events." + j.Target.Region + ".buses.json"
	l.known = listing(ctx, j, w, pager[eventbridge.ListEventBusesInput, eventbridge.ListEventBusesOutput, eventbridge.Options]{
		call: c.ListEventBuses, in: &eventbridge.ListEventBusesInput{},
		next: func(in *eventbridge.ListEventBusesInput, out *eventbridge.ListEventBusesOutput) string {
			in.NextToken = out.NextToken
			return aws.ToString(in.NextToken)
		},
	}, "EventBuses", func(o *eventbridge.ListEventBusesOutput) any {
		for _, b := range o.EventBuses {
			l.names = append(l.names, aws.ToString(b.Name))
		}
		return o.EventBuses
	})
	p.keep(l)
	return p
}

// rulesOfBus asks for each ARN which rules have it as a target, and collects those. It
// returns their names, and whether all answered; a refusal is a gap of that bus.
func (j *Job) rulesOfBus(ctx context.Context, c *eventbridge.Client, bus string, arns []string) (names []string, whole bool) {
	var mu sync.Mutex
	var failed error // the first; what is asked for after it would be refused too
	seen := map[string]bool{}
	each(arns, rulesAtOnce, func(arn string) {
		mu.Lock()
		stop := failed != nil
		mu.Unlock()
		if stop {
			return
		}
		found, err := j.rulesOf(ctx, c, bus, arn)
		mu.Lock()
		defer mu.Unlock()
		for _, name := range found {
			seen[name] = true
		}
		if err == nil && len(seen) > maxSwept {
			err = errSwept
		}
		if failed == nil {
			failed = err
		}
	})
	w := j.want("events.rules.bus", bus, "EventBridge:ListRuleNamesByTarget")
	if failed != nil {
		j.refused(w, stamp{id: requestIDOf(failed)}, failed)
	} else {
		j.mended(w)
	}
	names = slices.Sorted(maps.Keys(seen))
	each(names, callsAtOnce, func(name string) { j.rule(ctx, c, bus, name) })
	return names, failed == nil
}

// rulesOf are the names of a bus's rules that have an ARN as their target, as far as they came.
func (j *Job) rulesOf(ctx context.Context, c *eventbridge.Client, bus, arn string) (names []string, err error) {
	p := pager[eventbridge.ListRuleNamesByTargetInput, eventbridge.ListRuleNamesByTargetOutput, eventbridge.Options]{
		call: c.ListRuleNamesByTarget, in: &eventbridge.ListRuleNamesByTargetInput{EventBusName: &bus, TargetArn: aws.String(arn)},
		next: func(in *eventbridge.ListRuleNamesByTargetInput, out *eventbridge.ListRuleNamesByTargetOutput) string {
			in.NextToken = out.NextToken
			return aws.ToString(in.NextToken)
		},
	}
	err = p.each(ctx, j, nil, func(o *eventbridge.ListRuleNamesByTargetOutput) error {
		if names = append(names, o.RuleNames...); len(names) > maxSwept {
			return errSwept
		}
		return nil
	})
	return names, err
}

func (j *Job) rule(ctx context.Context, c *eventbridge.Client, bus, name string) {
	arn := strings.Replace(strings.TrimSuffix(j.Target.ARN, "function:"+j.Target.Function), ":lambda:", ":events:", 1) + "rule/"
	if bus != "default" {
		arn += bus + "/"
	}
	arn += name
	if !j.run.claim("rule " + arn) {
		return // it calls another target of this run too
	}
	w, targets := j.of("events.rule", arn, "", j.Target.Region, "EventBridge:DescribeRule"), j.of("events.rule.targets", arn, "", j.Target.Region, "EventBridge:ListTargetsByRule")
	j.plan(w, targets)
	both(
		func() {
			fetch(ctx, j, w, c.DescribeRule, &eventbridge.DescribeRuleInput{EventBusName: &bus, Name: &name})
		},
		func() { j.ruleTargets(ctx, c, targets, bus, name) })
}

const maxRuleTargets = 1_000 // AWS's quota is 5, and can be raised

// ruleTargets keeps all targets of a rule, the other ones too: what an owner's rule also
// calls. What they are given may hold secrets.
func (j *Job) ruleTargets(ctx context.Context, c *eventbridge.Client, w want, bus, name string) {
	gathered[eventbridge.ListTargetsByRuleInput, eventbridge.ListTargetsByRuleOutput, eventbridge.Options, eventtypes.Target]{
		pager: pager[eventbridge.ListTargetsByRuleInput, eventbridge.ListTargetsByRuleOutput, eventbridge.Options]{
			call: c.ListTargetsByRule, in: &eventbridge.ListTargetsByRuleInput{EventBusName: &bus, Rule: &name},
			next: func(in *eventbridge.ListTargetsByRuleInput, out *eventbridge.ListTargetsByRuleOutput) string {
				in.NextToken = out.NextToken
				return aws.ToString(in.NextToken)
			},
		},
		member: "Targets", items: func(o *eventbridge.ListTargetsByRuleOutput) []eventtypes.Target { return o.Targets },
		none: "the rule has no targets any more", most: maxRuleTargets,
	}.redacted(ctx, j, w, "Input", "InputTemplate", "HeaderParameters", "QueryStringParameters", "PathParameterValues", "InputPathsMap")
}
