package contain

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// ruleTarget is one target of a rule (Place.Key: RULE-ARN:target/ID). What a target hands
// over may hold secrets, and must come back as it was: so it is neither in the state nor in
// a plan, but parked in the account, as the target of a rule that never matches.
type ruleTarget struct {
	ARN    string `json:"arn,omitempty"`    // whom it calls; "": it is not in the rule
	Parked string `json:"parked,omitempty"` // whom its copy would call
	Rule   bool   `json:"rule,omitempty"`   // the rule that it is parked in is there
}

const (
	docRuleTarget = "events.rule.target"
	targetMark    = ":target/"
	parkedPrefix  = "freezeframe-parked-"
)

func targetKey(rule, id string) string { return rule + targetMark + id }

func ruleTargetActs() []Act {
	put := does("EventBridge:PutTargets", "events:PutTargets", "rule ARN, also of "+parkedPrefix+"*", true)
	put.IAM = append(put.IAM, awsapi.Grant{Action: "iam:PassRole", Resource: "the target's role, if it has one"})
	return Define(Doc[ruleTarget]{
		Name: docRuleTarget,
		Needs: []awsapi.Need{
			does("EventBridge:ListTargetsByRule", "events:ListTargetsByRule", "rule ARN", false),
			does("EventBridge:PutRule", "events:PutRule", "rule ARN of "+parkedPrefix+"*", true),
			put,
			does("EventBridge:RemoveTargets", "events:RemoveTargets", "rule ARN, also of "+parkedPrefix+"*", true),
			when(does("EventBridge:DeleteRule", "events:DeleteRule", "rule ARN of "+parkedPrefix+"*", true), "lifting"),
		},
		Resource: func(p Place) string { rule, _, _ := strings.Cut(p.Key, targetMark); return rule },
		Read:     readRuleTarget,
		Between:  betweenRuleTargets,
		Steps:    ruleTargetSteps,
	}, forGood(ruleTargetEdit(), actRuleTargetsEvict,
		"take hostile targets out of an EventBridge rule for good; they are parked as evidence in a rule that never matches ("+parkedPrefix+"*), and the rule's other targets stay",
		Fixture{Finding: &finding.Finding{Kind: "rule-target", Change: "created", Action: "events:PutTargets", Name: "rule/paid/targets", ARN: "arn:aws:events:eu-central-1:123456789012:rule/shop/paid",
			Detail: "to arn:aws:lambda:eu-central-1:123456789012:function:payments:live", Account: "123456789012", Region: "eu-central-1", By: "key", Who: "mallory", Event: "e1", At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), State: finding.Standing}})...)
}

func ruleTargetEdit() Edit[ruleTarget] {
	return Edit[ruleTarget]{
		Name:  actRuleTargets,
		About: "take the function out of EventBridge rules that call others too: its target is parked in a rule that never matches (" + parkedPrefix + "*)",
		Lossy: "events that the rule matches meanwhile are not delivered to the function later",
		Kind:  Isolate, Level: LevelIsolate, Attack: []string{"T1546"},
		Answers: []Answer{{Kind: "rule-target"}},
		On:      []TargetKind{OnFunction, OnResource},
		Keys:    ruleTargetKeys,
		Parts:   []string{partRules, partTargets}, Looks: []Part{ruleLook(), targetLook()},
		Apply: func(_ Place, s ruleTarget, _ Params) (ruleTarget, error) {
			if s.ARN == "" {
				return s, nil // gone already, or parked
			}
			return ruleTarget{Parked: s.ARN, Rule: true}, nil
		},
		Destroys: func(p Place, _ ruleTarget) []Artefact {
			if p.Kind == OnResource {
				return nil
			}
			rule, _, _ := strings.Cut(p.Key, targetMark)
			return []Artefact{{Name: "events.rule.targets", ARN: rule}}
		},
		Breaks: func(_ *Survey, before map[string]ruleTarget) []Impact {
			var all []Impact
			for _, key := range sortedKeys(before) {
				rule, id, _ := strings.Cut(key, targetMark)
				all = append(all, Impact{What: "trigger", Resource: rule, Detail: "target " + id + " no longer calls " + before[key].ARN + "; the others stay"})
			}
			return all
		},
	}
}

const partTargets = "targets of the rule"

// targetLook lists the targets of a rule that is a target itself: what a finding says was
// added is among them.
func targetLook() Part {
	return Look(Part{Name: partTargets, On: []TargetKind{OnResource}, Needs: []awsapi.Need{
		does("EventBridge:ListTargetsByRule", "events:ListTargetsByRule", "rule ARN", false),
	}}, func(ctx context.Context, cfg aws.Config, s *Survey) (map[string]string, error) {
		found := map[string]string{}
		bus, name := ruleOf(s.ARN)
		if name == "" {
			return found, nil
		}
		targets, err := targetsOf(ctx, eventsClient(cfg), bus, name)
		for _, t := range targets {
			found[aws.ToString(t.Id)] = aws.ToString(t.Arn)
		}
		return found, err
	}, nil)
}

// ruleTargetKeys are those of the function in the rules that it shares, and of a rule those
// that findings name.
func ruleTargetKeys(s *Survey) []string {
	var keys []string
	if s.Kind == OnResource {
		there := Found[map[string]string](s, partTargets)
		for _, id := range sortedKeys(there) {
			if slices.Contains(foundTargets(s.Findings), there[id]) {
				keys = append(keys, targetKey(s.ARN, id))
			}
		}
		return keys
	}
	for _, r := range Found[[]calledByRule](s, partRules) {
		if r.Others == 0 || r.ManagedBy != "" {
			continue
		}
		for _, id := range sortedKeys(r.Targets) {
			keys = append(keys, targetKey(r.ARN, id))
		}
	}
	return keys
}

func targetsOf(ctx context.Context, c *eventbridge.Client, bus, rule string) (all []eventtypes.Target, err error) {
	err = pages(func(m *string) (*string, error) {
		out, err := c.ListTargetsByRule(ctx, &eventbridge.ListTargetsByRuleInput{EventBusName: &bus, Rule: &rule, NextToken: m})
		if err != nil {
			return nil, err
		}
		all = append(all, out.Targets...)
		return out.NextToken, nil
	})
	return all, err
}

// parkedAs names the rule that a target is parked in: one for each, so that none waits for another.
func parkedAs(key string) string { return parkedPrefix + digest([]byte(key))[:24] }

// readRuleTarget gives the target itself as token, from wherever it is.
func readRuleTarget(ctx context.Context, cfg aws.Config, p Place) (ruleTarget, Token, error) {
	rule, id, _ := strings.Cut(p.Key, targetMark)
	bus, name := ruleOf(rule)
	var s ruleTarget
	var whole eventtypes.Target
	c := eventsClient(cfg)
	parked, err := targetsOf(ctx, c, bus, parkedAs(p.Key))
	if err != nil && !isCode(err, "ResourceNotFoundException") {
		return s, "", err
	}
	s.Rule = err == nil
	for _, t := range parked {
		s.Parked, whole = aws.ToString(t.Arn), t
	}
	there, err := targetsOf(ctx, c, bus, name)
	if err != nil {
		return s, "", err
	}
	for _, t := range there {
		if aws.ToString(t.Id) == id {
			s.ARN, whole = aws.ToString(t.Arn), t
		}
	}
	b, err := json.Marshal(whole)
	return s, Token(b), err
}

// betweenRuleTargets: it is in one of the two places at every moment, or in both.
func betweenRuleTargets(from, now, to ruleTarget) bool {
	either := func(is, was, will string) bool { return is == was || is == will }
	return (now.ARN != "" || now.Parked != "") && either(now.ARN, from.ARN, to.ARN) && either(now.Parked, from.Parked, to.Parked) && (from.Rule || to.Rule || !now.Rule)
}

func ruleTargetSteps(p Place, now, to ruleTarget, tok Token) []Step {
	rule, id, _ := strings.Cut(p.Key, targetMark)
	bus, name := ruleOf(rule)
	parked := parkedAs(p.Key)
	var steps []Step
	if to.Parked != "" {
		if !now.Rule {
			steps = append(steps, parkRule(bus, parked, rule))
		}
		if now.Parked != to.Parked {
			steps = append(steps, putTarget(bus, parked, id, to.Parked, tok))
		}
		if to.ARN == "" && now.ARN != "" {
			steps = append(steps, removeTarget(bus, name, id))
		}
		return steps
	}
	if to.ARN != now.ARN {
		if now.Parked != to.ARN {
			return nil // its copy is gone: nobody knows what it handed over
		}
		steps = append(steps, putTarget(bus, name, id, to.ARN, tok))
	}
	if now.Parked != "" {
		steps = append(steps, removeTarget(bus, parked, id))
	}
	if now.Rule {
		steps = append(steps, dropRule(bus, parked))
	}
	return steps
}

// parkRule makes a rule that is off, and would match nothing if somebody turned it on.
func parkRule(bus, name, of string) Step {
	in := &eventbridge.PutRuleInput{EventBusName: &bus, Name: &name, State: eventtypes.RuleStateDisabled, EventPattern: aws.String(`{"source":["freezeframe.parked"]}`),
		Description: aws.String("Holds a target that was taken out of " + roleName(of) + " to contain an incident. Do not delete: it is moved back from here.")}
	return Step{"EventBridge:PutRule", in, func(ctx context.Context, cfg aws.Config) error {
		_, err := eventsClient(cfg).PutRule(ctx, in)
		return err
	}}
}

func dropRule(bus, name string) Step {
	in := &eventbridge.DeleteRuleInput{EventBusName: &bus, Name: &name}
	return Step{"EventBridge:DeleteRule", in, func(ctx context.Context, cfg aws.Config) error {
		_, err := eventsClient(cfg).DeleteRule(ctx, in)
		return err
	}}
}

// putTarget shows only whom the target calls: the rest may hold secrets.
func putTarget(bus, rule, id, arn string, tok Token) Step {
	in := &eventbridge.PutTargetsInput{EventBusName: &bus, Rule: &rule, Targets: []eventtypes.Target{{Id: &id, Arn: &arn}}}
	return Step{"EventBridge:PutTargets", map[string]any{"EventBusName": bus, "Rule": rule, "Targets": []any{map[string]string{"Id": id, "Arn": arn}}}, func(ctx context.Context, cfg aws.Config) error {
		if err := json.Unmarshal([]byte(tok), &in.Targets[0]); err != nil {
			return fmt.Errorf("reading the target: %w", err)
		}
		out, err := eventsClient(cfg).PutTargets(ctx, in)
		if err == nil && len(out.FailedEntries) > 0 {
			err = failedEntry(out.FailedEntries[0].ErrorCode, out.FailedEntries[0].ErrorMessage)
		}
		return err
	}}
}

func removeTarget(bus, rule, id string) Step {
	in := &eventbridge.RemoveTargetsInput{EventBusName: &bus, Rule: &rule, Ids: []string{id}}
	return Step{"EventBridge:RemoveTargets", in, func(ctx context.Context, cfg aws.Config) error {
		out, err := eventsClient(cfg).RemoveTargets(ctx, in)
		if err == nil && len(out.FailedEntries) > 0 {
			err = failedEntry(out.FailedEntries[0].ErrorCode, out.FailedEntries[0].ErrorMessage)
		}
		return err
	}}
}

// failedEntry is an entry of a batch that AWS refused while it answered 200.
func failedEntry(code, message *string) error {
	return &smithy.GenericAPIError{Code: aws.ToString(code), Message: aws.ToString(message)}
}
