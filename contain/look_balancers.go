package contain

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"golang.org/x/sync/errgroup"
)

const partBalancers = "load balancers"

// calledByBalancer is a target group whose target is the function, or a qualifier of it. A
// group holds one function, of its own account and region, and calls it by a grant alone.
type calledByBalancer struct {
	Group, Qualifier string
	Balancers        []string // that use the group
}

func balancerLook() Part {
	needs := append(admittedNeeds(),
		when(does("ElasticLoadBalancingv2:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetGroups", "*", false), "a policy admits load balancers"),
		when(does("ElasticLoadBalancingv2:DescribeTargetHealth", "elasticloadbalancing:DescribeTargetHealth", "*", false), "a policy admits load balancers"))
	return Look(Part{Name: partBalancers, Needs: needs}, lookForBalancers, func(_ *Survey, found []calledByBalancer) []Caller {
		var all []Caller
		for _, g := range found {
			c := Caller{Kind: "target group", Name: g.Group, Qualifier: g.Qualifier, Detail: "of " + strings.Join(g.Balancers, ", ")}
			if len(g.Balancers) == 0 {
				c.Detail, c.Closed = "of no load balancer", "no load balancer uses the group"
			}
			all = append(all, c)
		}
		return all
	})
}

// lookForBalancers reads the groups that the policies admit; where a grant names none, all
// groups of functions that the region has.
func lookForBalancers(ctx context.Context, cfg aws.Config, s *Survey) ([]calledByBalancer, error) {
	arns, open, err := s.sourcesOf(ctx, cfg, "elasticloadbalancing.amazonaws.com")
	if len(arns) == 0 && !open {
		return nil, err
	}
	c := elb.NewFromConfig(cfg)
	groups, failed := lambdaGroups(ctx, c)
	if err == nil {
		err = failed
	}
	var mu sync.Mutex
	var all []calledByBalancer
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelReads)
	for _, group := range groups {
		arn := aws.ToString(group.TargetGroupArn)
		if !open && !slices.Contains(arns, arn) {
			continue
		}
		g.Go(func() error {
			out, err := c.DescribeTargetHealth(gctx, &elb.DescribeTargetHealthInput{TargetGroupArn: &arn})
			if isCode(err, "TargetGroupNotFound") {
				return nil
			}
			if err != nil {
				return fmt.Errorf("targets of %s: %w", arn, err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, t := range out.TargetHealthDescriptions {
				if t.Target == nil {
					continue
				}
				if q, ours := s.calledAs(aws.ToString(t.Target.Id)); ours {
					all = append(all, calledByBalancer{arn, q, group.LoadBalancerArns})
				}
			}
			return nil
		})
	}
	if failed := g.Wait(); err == nil {
		err = failed
	}
	slices.SortFunc(all, func(a, b calledByBalancer) int { return strings.Compare(a.Group+a.Qualifier, b.Group+b.Qualifier) })
	return all, err
}

// lambdaGroups are the region's target groups of functions. Asked for by ARN, one that is
// gone would take the others' answer along.
func lambdaGroups(ctx context.Context, c *elb.Client) (all []elbtypes.TargetGroup, err error) {
	err = pages(func(m *string) (*string, error) {
		out, err := c.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{PageSize: aws.Int32(400), Marker: m})
		if err != nil {
			return nil, err
		}
		for _, g := range out.TargetGroups {
			if g.TargetType == elbtypes.TargetTypeEnumLambda {
				all = append(all, g)
			}
		}
		return out.NextMarker, nil
	})
	return all, err
}
