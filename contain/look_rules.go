package contain

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"golang.org/x/sync/errgroup"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

const partRules = "event rules"

// calledByRule is one EventBridge rule that has the function, or a qualifier of it, as a target.
type calledByRule struct {
	ARN, State, ManagedBy string
	Targets               map[string]string // those that are the function's: id -> qualifier
	Others                int               // targets that are somebody else's
}

// ruleLook finds the rules of every bus. The reverse look-up of EventBridge knows only
// exact ARNs: it is asked for each qualifier.
func ruleLook() Part {
	return Look(Part{Name: partRules, Needs: []awsapi.Need{
		does("EventBridge:ListEventBuses", "events:ListEventBuses", "*", false),
		does("EventBridge:ListRuleNamesByTarget", "events:ListRuleNamesByTarget", "*", false),
		does("EventBridge:DescribeRule", "events:DescribeRule", "rule ARN", false),
		does("EventBridge:ListTargetsByRule", "events:ListTargetsByRule", "rule ARN", false),
	}}, lookForRules, func(_ *Survey, found []calledByRule) []Caller {
		var all []Caller
		for _, r := range found {
			for _, id := range sortedKeys(r.Targets) {
				c := Caller{Kind: "rule", Name: r.ARN, Qualifier: r.Targets[id], Detail: "target " + id + ", " + r.State, Doc: docRule, Key: r.ARN}
				switch {
				case r.State == ruleDisabled:
					c.Closed = "the rule is disabled"
				case r.ManagedBy != "":
					c.Detail, c.Doc, c.Key = c.Detail+", managed by "+r.ManagedBy, "", ""
				case r.Others > 0:
					c.Doc, c.Key = docRuleTarget, targetKey(r.ARN, id)
				}
				all = append(all, c)
			}
		}
		return all
	})
}

// arns are all names by which others call the function.
func (v *Survey) arns() []string {
	all := []string{v.ARN + ":$LATEST"}
	for _, q := range v.qualifiers() {
		all = append(all, qualified(v.Target, q))
	}
	return all
}

// calledAs says whether an ARN is the function's, and by which qualifier.
func (v *Survey) calledAs(arn string) (qualifier string, yes bool) {
	if arn == v.ARN {
		return "", true
	}
	qualifier, yes = strings.CutPrefix(arn, v.ARN+":")
	return qualifier, yes && qualifier != ""
}

func lookForRules(ctx context.Context, cfg aws.Config, s *Survey) ([]calledByRule, error) {
	c := eventbridge.NewFromConfig(cfg)
	buses, err := eventBuses(ctx, c)
	if err != nil {
		return nil, err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelReads)
	var mu sync.Mutex
	names := map[[2]string]bool{}
	for _, bus := range buses {
		for _, arn := range s.arns() {
			g.Go(func() error {
				found, err := rulesOf(gctx, c, bus, arn)
				mu.Lock()
				defer mu.Unlock()
				for _, n := range found {
					names[[2]string{bus, n}] = true
				}
				return err
			})
		}
	}
	failed := g.Wait() // what was found is told all the same
	var all []calledByRule
	g, gctx = errgroup.WithContext(ctx)
	g.SetLimit(parallelReads)
	for n := range names {
		g.Go(func() error {
			r, err := describeRule(gctx, c, s, n[0], n[1])
			mu.Lock()
			defer mu.Unlock()
			if err == nil && len(r.Targets) > 0 {
				all = append(all, r)
			}
			return err
		})
	}
	if err := g.Wait(); failed == nil {
		failed = err
	}
	slices.SortFunc(all, func(a, b calledByRule) int { return strings.Compare(a.ARN, b.ARN) })
	return all, failed
}

func eventBuses(ctx context.Context, c *eventbridge.Client) (names []string, err error) {
	err = pages(func(m *string) (*string, error) {
		out, err := c.ListEventBuses(ctx, &eventbridge.ListEventBusesInput{NextToken: m})
		if err != nil {
			return nil, err
		}
		for _, b := range out.EventBuses {
			names = append(names, aws.ToString(b.Name))
		}
		return out.NextToken, nil
	})
	return names, err
}

func rulesOf(ctx context.Context, c *eventbridge.Client, bus, arn string) (names []string, err error) {
	err = pages(func(m *string) (*string, error) {
		out, err := c.ListRuleNamesByTarget(ctx, &eventbridge.ListRuleNamesByTargetInput{EventBusName: &bus, TargetArn: &arn, NextToken: m})
		if err != nil {
			return nil, err
		}
		names = append(names, out.RuleNames...)
		return out.NextToken, nil
	})
	return names, err
}

func describeRule(ctx context.Context, c *eventbridge.Client, s *Survey, bus, name string) (calledByRule, error) {
	r := calledByRule{Targets: map[string]string{}}
	about, err := c.DescribeRule(ctx, &eventbridge.DescribeRuleInput{EventBusName: &bus, Name: &name})
	if err != nil {
		return r, fmt.Errorf("rule %s of bus %s: %w", name, bus, err)
	}
	r.ARN, r.State, r.ManagedBy = aws.ToString(about.Arn), string(about.State), aws.ToString(about.ManagedBy)
	targets, err := targetsOf(ctx, c, bus, name)
	if err != nil {
		return r, fmt.Errorf("targets of rule %s of bus %s: %w", name, bus, err)
	}
	for _, t := range targets {
		if q, ours := s.calledAs(aws.ToString(t.Arn)); ours {
			r.Targets[aws.ToString(t.Id)] = q
		} else {
			r.Others++
		}
	}
	return r, nil
}
