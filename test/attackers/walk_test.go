package attackers

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

// path is one road; try gives nil where the attacker gets through.
type path struct {
	name string
	try  func(w *world) error
}

// errShut: nothing hostile is reached this way.
var errShut = errors.New("nothing hostile there")

// Names of roads that rows refer to.
const (
	sessionBefore, sessionAfter, chainedSession = "session before", "session after", "chained session"
	actorBefore, actorAfter                     = "actor's session before", "actor's session after"
	anonymousURL, foreignRole                   = "anonymous URL", "foreign role"
	queueTrigger, ruleTrigger                   = "service trigger: queue", "service trigger: rule"
	aliasLive, aliasCanary, latest              = "alias live", "alias canary", "$LATEST"
)

// paths are the roads of every row: sessions, doors, triggers, each alias, each version.
func (w *world) paths() []path {
	all := []path{
		{anonymousURL, (*world).tryURLs},
		{foreignRole, (*world).tryForeign},
		{queueTrigger, (*world).tryMappings},
		{ruleTrigger, (*world).tryRules},
		{aliasLive, func(w *world) error { return w.tryInvoke("live") }},
		{aliasCanary, func(w *world) error { return w.tryInvoke("canary") }},
		{latest, func(w *world) error { return w.tryInvoke("$LATEST") }},
	}
	for _, v := range w.versions() {
		all = append(all, path{"version " + v, func(w *world) error { return w.tryInvoke(v) }})
	}
	return append(all,
		path{sessionBefore, func(w *world) error { return w.buckets(w.stolen) }},
		path{chainedSession, func(w *world) error { return w.buckets(w.chained) }},
		path{actorBefore, func(w *world) error { return w.looks(w.ci) }},
		path{actorAfter, (*world).tryActorAgain},
	)
}

// walk tries everything, and last whether new credentials of the role can be had: where
// hostile code still runs, or the role lets the attacker in.
func (w *world) walk(extra []path) map[string]string {
	got, runs := map[string]string{}, w.inFlight
	for _, p := range append(w.paths(), extra...) {
		err := p.try(w)
		got[p.name] = said(err)
		runs = runs || err == nil && !strings.Contains(p.name, "session")
	}
	got[sessionAfter] = said(w.tryFresh(runs))
	return got
}

func said(err error) string {
	var api smithy.APIError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &api):
		return api.ErrorCode()
	}
	return err.Error()
}

func open(got map[string]string) []string {
	var all []string
	for name, answer := range got {
		if answer == "" {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

func (w *world) buckets(cfg aws.Config) error {
	_, err := s3.NewFromConfig(cfg).ListBuckets(w.t.Context(), &s3.ListBucketsInput{})
	return err
}

// looks is what the actor does first of all, and what tells that it still can.
func (w *world) looks(cfg aws.Config) error {
	_, err := lambda.NewFromConfig(cfg).GetFunction(w.t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String(function)})
	return err
}

func (w *world) tryActorAgain() error {
	again, err := w.assume(w.robot, deployARN)
	if err != nil {
		return err
	}
	return w.looks(again)
}

// tryFresh: code that runs gets new credentials when its own run out.
func (w *world) tryFresh(runs bool) error {
	if cfg, err := w.assume(w.foreign, roleARN); err == nil {
		return w.buckets(cfg)
	}
	if !runs {
		return errShut
	}
	cfg, err := w.environment(functionARN)
	if err != nil {
		return err
	}
	return w.buckets(cfg)
}

func (w *world) versions() []string {
	w.t.Helper()
	out, err := lambda.NewFromConfig(w.owner).ListVersionsByFunction(w.t.Context(), &lambda.ListVersionsByFunctionInput{FunctionName: aws.String(function)})
	must(w.t, err)
	var all []string
	for _, v := range out.Versions {
		if n := aws.ToString(v.Version); n != "$LATEST" {
			all = append(all, n)
		}
	}
	return all
}

// bad says whether a call of the qualifier can reach what is hostile.
func (w *world) bad(qualifier string) bool {
	w.t.Helper()
	if w.warm {
		return true
	}
	c, reached := lambda.NewFromConfig(w.owner), []string{qualifier}
	if a, err := c.GetAlias(w.t.Context(), &lambda.GetAliasInput{FunctionName: aws.String(function), Name: &qualifier}); err == nil {
		reached = []string{aws.ToString(a.FunctionVersion)}
		if a.RoutingConfig != nil {
			for v, weight := range a.RoutingConfig.AdditionalVersionWeights {
				if weight > 0 {
					reached = append(reached, v)
				}
			}
		}
	}
	return slices.ContainsFunc(reached, func(v string) bool {
		cfg, err := c.GetFunctionConfiguration(w.t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(function), Qualifier: &v})
		must(w.t, err)
		return w.hostile(cfg)
	})
}

// tryInvoke is an ordinary call of the owner's application, which reaches what is hostile or not.
func (w *world) tryInvoke(qualifier string) error {
	if err := w.invoke(w.app, qualifier); err != nil {
		return err
	}
	if !w.bad(qualifier) {
		return errShut
	}
	return nil
}

func (w *world) invoke(cfg aws.Config, qualifier string) error {
	_, err := lambda.NewFromConfig(cfg).Invoke(w.t.Context(), &lambda.InvokeInput{FunctionName: aws.String(functionARN), Qualifier: &qualifier})
	return err
}

// tryForeign: somebody of the attacker's account calls, by every name that the function has.
func (w *world) tryForeign() error {
	var last error
	for _, q := range append([]string{"", "live", "canary"}, w.versions()...) {
		in := &lambda.InvokeInput{FunctionName: aws.String(functionARN)}
		if q != "" {
			in.Qualifier = &q
		}
		if _, last = lambda.NewFromConfig(w.foreign).Invoke(w.t.Context(), in); last == nil {
			return nil
		}
	}
	return last
}

func (w *world) tryURLs() error {
	w.t.Helper()
	out, err := lambda.NewFromConfig(w.owner).ListFunctionUrlConfigs(w.t.Context(), &lambda.ListFunctionUrlConfigsInput{FunctionName: aws.String(function)})
	must(w.t, err)
	last := errShut
	for _, u := range out.FunctionUrlConfigs {
		status := w.cloud.RequestURL(aws.ToString(u.FunctionUrl), nil)
		if status == 200 {
			return nil
		}
		last = fmt.Errorf("HTTP %d", status)
	}
	return last
}

// tryMappings: a mapping polls with the role, and calls what is hostile or takes from the
// attacker's queue.
func (w *world) tryMappings() error {
	w.t.Helper()
	out, err := lambda.NewFromConfig(w.owner).ListEventSourceMappings(w.t.Context(), &lambda.ListEventSourceMappingsInput{}) // by name those of aliases are left out
	must(w.t, err)
	last := errShut
	for _, m := range out.EventSourceMappings {
		q := qualifierOf(aws.ToString(m.FunctionArn))
		switch theirs := strings.Contains(aws.ToString(m.EventSourceArn), away); {
		case !theirs && !w.bad(q):
		case aws.ToString(m.State) != "Enabled":
			last = errors.New("mapping " + aws.ToString(m.State))
		default:
			if last = w.invoke(w.app, q); last == nil {
				return nil
			}
		}
	}
	return last
}

// tryRules: EventBridge calls for every enabled rule, and is let in or not.
func (w *world) tryRules() error {
	w.t.Helper()
	c, ctx := eventbridge.NewFromConfig(w.owner), w.t.Context()
	rules, err := c.ListRules(ctx, &eventbridge.ListRulesInput{})
	must(w.t, err)
	last := errShut
	for _, r := range rules.Rules {
		targets, err := c.ListTargetsByRule(ctx, &eventbridge.ListTargetsByRuleInput{Rule: r.Name})
		must(w.t, err)
		for _, target := range targets.Targets {
			q := qualifierOf(aws.ToString(target.Arn))
			switch theirs := strings.HasPrefix(aws.ToString(r.Name), "evil"); {
			case !theirs && !w.bad(q):
			case r.State == eventtypes.RuleStateDisabled:
				last = errors.New("rule DISABLED")
			default:
				if _, last = w.cloud.Deliver("events.amazonaws.com", aws.ToString(r.Arn), aws.ToString(target.Arn), []byte("{}")); last == nil {
					return nil
				}
			}
		}
	}
	return last
}

func qualifierOf(arn string) string {
	if parts := strings.Split(arn, ":"); len(parts) == 8 {
		return parts[7]
	}
	return "$LATEST"
}

// ownersTraffic is what has to work when all is over.
func (w *world) ownersTraffic() map[string]error {
	c, ctx := lambda.NewFromConfig(w.owner), w.t.Context()
	all := map[string]error{
		"application calls live": w.invoke(w.app, "live"), "application calls canary": w.invoke(w.app, "canary"),
		"robot deploys": w.tryActorAgain(),
	}
	_, all["nightly rule"] = w.cloud.Deliver("events.amazonaws.com", "arn:aws:events:"+region+":"+home+":rule/nightly", functionARN+":live", []byte("{}"))
	if status := w.cloud.RequestURL(w.notes["url"], &w.appKeys); status != 200 {
		all["signed URL"] = fmt.Errorf("HTTP %d", status)
	}
	env, err := w.environment(functionARN + ":live")
	if err == nil {
		err = w.buckets(env)
	}
	all["function at work"] = err
	maps, err := c.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{})
	must(w.t, err)
	if len(maps.EventSourceMappings) == 0 {
		all["orders queue"] = errors.New("no mapping")
	}
	for _, m := range maps.EventSourceMappings {
		if aws.ToString(m.State) != "Enabled" {
			all["orders queue"] = errors.New(aws.ToString(m.State))
		}
	}
	rule, err := eventbridge.NewFromConfig(w.owner).DescribeRule(ctx, &eventbridge.DescribeRuleInput{Name: aws.String("nightly")})
	must(w.t, err)
	if rule.State != eventtypes.RuleStateEnabled {
		all["nightly rule"] = errors.New(string(rule.State))
	}
	return all
}
