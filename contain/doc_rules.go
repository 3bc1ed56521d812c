package contain

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// ruleState is whether an EventBridge rule (Place.Key is its ARN) matches. There are three
// states: one that is enabled for all management events of CloudTrail is not what
// EnableRule makes.
type ruleState struct {
	State string `json:"state"`
}

const (
	docRule      = "events.rule"
	ruleDisabled = string(eventtypes.RuleStateDisabled)
)

func ruleActs() []Act {
	put := does("EventBridge:PutRule", "events:PutRule", "rule ARN", true)
	put.IAM = append(put.IAM, awsapi.Grant{Action: "iam:PassRole", Resource: "the rule's role, if it has one"})
	return Define(Doc[ruleState]{
		Name: docRule,
		Needs: []awsapi.Need{
			does("EventBridge:DescribeRule", "events:DescribeRule", "rule ARN", false),
			does("EventBridge:DisableRule", "events:DisableRule", "rule ARN", true),
			when(does("EventBridge:EnableRule", "events:EnableRule", "rule ARN", true), "lifting"),
			when(put, "lifting, where it matched all management events of CloudTrail"),
		},
		Resource: func(p Place) string { return p.Key },
		Read:     readRule,
		Steps:    ruleSteps,
	}, forGood(ruleEdit(), actRulesEvict, "keep a hostile EventBridge rule disabled for good; it stays in the account, as evidence, with its targets",
		Fixture{Resource: "arn:aws:events:eu-central-1:123456789012:rule/new-users"})...)
}

func ruleEdit() Edit[ruleState] {
	return Edit[ruleState]{
		Name:  actRules,
		About: "disable EventBridge rules, on every bus, that call nothing but the function",
		Lossy: "events that the rule would have matched meanwhile are not delivered later; it may still match briefly after the call",
		Kind:  Isolate, Level: LevelIsolate, Attack: []string{"T1546"},
		Answers: []Answer{{Kind: "rule"}},
		On:      []TargetKind{OnFunction, OnResource},
		Keys: func(s *Survey) []string {
			if s.Kind == OnResource {
				return ruleOnly(s.ARN)
			}
			var keys []string
			for _, r := range Found[[]calledByRule](s, partRules) {
				if r.Others == 0 && r.ManagedBy == "" {
					keys = append(keys, r.ARN)
				}
			}
			return keys
		},
		Parts: []string{partRules}, Looks: []Part{ruleLook()},
		Apply: func(Place, ruleState, Params) (ruleState, error) { return ruleState{ruleDisabled}, nil },
		Destroys: func(p Place, _ ruleState) []Artefact {
			if p.Kind == OnResource {
				return nil // a rule by itself is collected with no function
			}
			return []Artefact{{Name: "events.rule", ARN: p.Key}}
		},
		Breaks: func(_ *Survey, before map[string]ruleState) []Impact {
			var all []Impact
			for _, key := range sortedKeys(before) {
				all = append(all, Impact{What: "trigger", Resource: key, Detail: "the rule matches no more (it was " + before[key].State + ")"})
			}
			return all
		},
		Worth: func(s *Survey) []string {
			var all []string
			for _, r := range Found[[]calledByRule](s, partRules) {
				if r.ManagedBy != "" {
					all = append(all, fmt.Sprintf("rule %s stays: it is managed by %s, and only that service may change it", r.ARN, r.ManagedBy))
				}
			}
			if s.Kind == OnResource {
				all = append(all, "PutRule changes rules too that were there before: look whether "+s.ARN+" was the owner's")
			}
			return all
		},
	}
}

// ruleOnly is the key of a target that is a rule, or none.
func ruleOnly(arn string) []string {
	if _, name := ruleOf(arn); name != "" && !strings.HasPrefix(name, parkedPrefix) {
		return []string{arn}
	}
	return nil
}

// ruleOf reads bus and name out of a rule's ARN: the default bus is not named there, and a
// partner's bus has slashes in its name.
func ruleOf(arn string) (bus, name string) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[2] != "events" {
		return "", ""
	}
	rest, ok := strings.CutPrefix(parts[5], "rule/")
	if !ok {
		return "", ""
	}
	if i := strings.LastIndexByte(rest, '/'); i >= 0 {
		return rest[:i], rest[i+1:]
	}
	return "default", rest
}

func eventsClient(cfg aws.Config) *eventbridge.Client { return eventbridge.NewFromConfig(cfg) }

// readRule gives as token all that PutRule has to restate, since it replaces the whole rule
// but for its tags and targets.
func readRule(ctx context.Context, cfg aws.Config, p Place) (ruleState, Token, error) {
	bus, name := ruleOf(p.Key)
	out, err := eventsClient(cfg).DescribeRule(ctx, &eventbridge.DescribeRuleInput{EventBusName: &bus, Name: &name})
	if err != nil {
		return ruleState{}, "", err
	}
	whole, err := json.Marshal(eventbridge.PutRuleInput{Description: out.Description, EventPattern: out.EventPattern, RoleArn: out.RoleArn, ScheduleExpression: out.ScheduleExpression})
	return ruleState{string(out.State)}, Token(whole), err
}

func ruleSteps(p Place, _, to ruleState, tok Token) []Step {
	bus, name := ruleOf(p.Key)
	switch to.State {
	case ruleDisabled:
		in := &eventbridge.DisableRuleInput{EventBusName: &bus, Name: &name}
		return []Step{{"EventBridge:DisableRule", in, func(ctx context.Context, cfg aws.Config) error {
			_, err := eventsClient(cfg).DisableRule(ctx, in)
			return err
		}}}
	case string(eventtypes.RuleStateEnabled):
		in := &eventbridge.EnableRuleInput{EventBusName: &bus, Name: &name}
		return []Step{{"EventBridge:EnableRule", in, func(ctx context.Context, cfg aws.Config) error {
			_, err := eventsClient(cfg).EnableRule(ctx, in)
			return err
		}}}
	}
	in := &eventbridge.PutRuleInput{}
	if tok != "" && json.Unmarshal([]byte(tok), in) != nil {
		return nil
	}
	in.EventBusName, in.Name, in.State = &bus, &name, eventtypes.RuleState(to.State)
	return []Step{{"EventBridge:PutRule", in, func(ctx context.Context, cfg aws.Config) error {
		_, err := eventsClient(cfg).PutRule(ctx, in)
		return err
	}}}
}

// foundTargets are the ARNs that findings say a rule was given as targets.
func foundTargets(all []finding.Finding) []string {
	var out []string
	for _, f := range all {
		if to, ok := strings.CutPrefix(f.Detail, "to "); ok && f.Kind == "rule-target" {
			out = append(out, strings.Split(to, ", ")...)
		}
	}
	return out
}
