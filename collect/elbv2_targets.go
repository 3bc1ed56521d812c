package collect

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

const (
	elbService      = "elasticloadbalancing.amazonaws.com"
	maxLambdaGroups = 5_000 // AWS's quota is 3,000 target groups in a region
	maxListeners    = 1_000 // of a load balancer, and rules of a listener
	maxBalancers    = 1_000 // that lead to one function
)

// targetGroups finds the application load balancers that call the function. A target group
// takes functions of its own account and region only, and one each (Application Load
// Balancers guide, "Use Lambda functions as targets of an Application Load Balancer").
func targetGroups() Collector {
	return Collector{
		Name: "elbv2.target-groups", About: "target groups whose target is the function, any version or alias, their load balancers, listeners and rules",
		Needs: []awsapi.Need{
			need("ElasticLoadBalancingv2:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetGroups", "*"),
			need("ElasticLoadBalancingv2:DescribeTargetHealth", "elasticloadbalancing:DescribeTargetHealth", "*"),
			need("ElasticLoadBalancingv2:DescribeLoadBalancers", "elasticloadbalancing:DescribeLoadBalancers", "*"),
			need("ElasticLoadBalancingv2:DescribeListeners", "elasticloadbalancing:DescribeListeners", "*"),
			need("ElasticLoadBalancingv2:DescribeRules", "elasticloadbalancing:DescribeRules", "*"),
		},
		Collect: collectTargetGroups,
	}
}

// lambdaGroup is what a sweep keeps of a target group of functions.
type lambdaGroup struct {
	about   elbtypes.TargetGroup
	targets []string
	failed  bool // they could not be read: a gap says why
}

func collectTargetGroups(ctx context.Context, j *Job) {
	w := j.want("elbv2.target-groups", "", "ElasticLoadBalancingv2:DescribeTargetGroups")
	j.plan(w)
	c := elb.NewFromConfig(j.config(j.Target.Region))
	groups := j.groupsOf(ctx, c, w)
	var balancers []string
	for _, g := range groups {
		balancers = append(balancers, g.LoadBalancerARNs...)
	}
	slices.Sort(balancers)
	if balancers = slices.Compact(balancers); len(balancers) > maxBalancers {
		balancers = balancers[:maxBalancers]
		j.gap(j.want("elbv2.load-balancer", "*", "ElasticLoadBalancingv2:DescribeLoadBalancers"), stamp{}, evidence.Truncated, tooMany(maxBalancers).Error(), "")
	}
	both(
		func() {
			each(groups, gatewaysAtOnce, func(g groupFact) { j.groupTargets(ctx, c, g.TargetGroupARN) })
		},
		func() {
			each(balancers, gatewaysAtOnce, func(arn string) { j.loadBalancer(ctx, c, arn) })
		})
}

// groupFact is of a target group what others need.
type groupFact struct {
	TargetGroupARN   string
	LoadBalancerARNs []string
}

// groupsOf stores which groups call the target.
func (j *Job) groupsOf(ctx context.Context, c *elb.Client, w want) (mine []groupFact) {
	if had, ok := recall[struct{ TargetGroups []groupFact }](ctx, j, w); ok {
		if had != nil {
			mine = had.TargetGroups
		}
		return mine
	}
	s, whole := j.sweepGroups(ctx, c), true
	var found []any
	for _, f := range s.found {
		g := f.(*lambdaGroup)
		whole = whole && !g.failed
		if slices.ContainsFunc(g.targets, j.Target.calls) {
			found = append(found, g.about)
			mine = append(mine, groupFact{aws.ToString(g.about.TargetGroupArn), g.about.LoadBalancerArns})
		}
	}
	if !whole && s.err == nil {
		j.skip(w, "not every target group could be read: elbv2.targets says which")
	} else {
		j.swept(ctx, w, s, "TargetGroups", found, "no target group of this account and region has it as a target")
	}
	return mine
}

func (j *Job) sweepGroups(ctx context.Context, c *elb.Client) sweep {
	return sweepOnce(ctx, j, "elbv2", func(ctx context.Context) ([]any, stamp, error) {
		all, s, err := pages(ctx, j, pager[elb.DescribeTargetGroupsInput, elb.DescribeTargetGroupsOutput, elb.Options]{
			call: c.DescribeTargetGroups, in: &elb.DescribeTargetGroupsInput{PageSize: aws.Int32(400)},
			next: func(in *elb.DescribeTargetGroupsInput, out *elb.DescribeTargetGroupsOutput) string {
				in.Marker = out.NextMarker
				return aws.ToString(in.Marker)
			},
		}, func(o *elb.DescribeTargetGroupsOutput) []any {
			var page []any
			for _, g := range o.TargetGroups {
				if g.TargetType == elbtypes.TargetTypeEnumLambda {
					page = append(page, &lambdaGroup{about: g})
				}
			}
			return page
		})
		if len(all) > maxLambdaGroups {
			all, err = all[:maxLambdaGroups], tooMany(maxLambdaGroups)
		}
		each(all, gatewaysAtOnce, func(a any) {
			g := a.(*lambdaGroup)
			w := j.elbWant("targets", aws.ToString(g.about.TargetGroupArn), "DescribeTargetHealth")
			out, at, err := ask(ctx, j, c.DescribeTargetHealth, &elb.DescribeTargetHealthInput{TargetGroupArn: g.about.TargetGroupArn})
			if err == nil {
				j.mended(w)
				for _, t := range out.TargetHealthDescriptions {
					if t.Target != nil {
						g.targets = append(g.targets, aws.ToString(t.Target.Id))
					}
				}
				return
			}
			if state, _ := classify(err); state != evidence.Absent { // one that went away meanwhile calls nobody
				g.failed = true
				j.refused(w, at, err)
			}
		})
		return all, s, err
	})
}

func (j *Job) elbWant(part, arn, call string) want {
	return j.of("elbv2."+part, arn, "", j.Target.Region, "ElasticLoadBalancingv2:"+call)
}

func (j *Job) groupTargets(ctx context.Context, c *elb.Client, arn string) {
	if w := j.elbWant("targets", arn, "DescribeTargetHealth"); j.run.claim("targets of " + arn) {
		fetch(ctx, j, w, c.DescribeTargetHealth, &elb.DescribeTargetHealthInput{TargetGroupArn: &arn})
	}
}

// loadBalancer keeps a load balancer with its listeners and rules: what is compared in a header
// is often what lets in only those who know it.
func (j *Job) loadBalancer(ctx context.Context, c *elb.Client, arn string) {
	if !j.run.claim("load balancer " + arn) {
		return
	}
	about, listeners := j.elbWant("load-balancer", arn, "DescribeLoadBalancers"), j.elbWant("listeners", arn, "DescribeListeners")
	j.plan(about, listeners)
	both(
		func() {
			fetch(ctx, j, about, c.DescribeLoadBalancers, &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{arn}})
		},
		func() {
			all, whole := gathered[elb.DescribeListenersInput, elb.DescribeListenersOutput, elb.Options, elbtypes.Listener]{
				pager: pager[elb.DescribeListenersInput, elb.DescribeListenersOutput, elb.Options]{
					call: c.DescribeListeners, in: &elb.DescribeListenersInput{LoadBalancerArn: &arn},
					next: func(in *elb.DescribeListenersInput, out *elb.DescribeListenersOutput) string {
						in.Marker = out.NextMarker
						return aws.ToString(in.Marker)
					},
				},
				member: "Listeners", items: func(o *elb.DescribeListenersOutput) []elbtypes.Listener { return o.Listeners }, most: maxListeners, none: "no listeners",
			}.redacted(ctx, j, listeners, "ClientSecret", "AuthenticationRequestExtraParams")
			if !whole {
				j.skip(j.elbWant("rules", arn, "DescribeRules"), "listeners beyond those named unknown: elbv2.listeners is not whole")
			}
			var arns []string
			for _, l := range all {
				arns = addOnce(arns, aws.ToString(l.ListenerArn))
			}
			each(arns, gatewaysAtOnce, func(arn string) { j.listenerRules(ctx, c, arn) })
		})
}

func (j *Job) listenerRules(ctx context.Context, c *elb.Client, arn string) {
	gathered[elb.DescribeRulesInput, elb.DescribeRulesOutput, elb.Options, elbtypes.Rule]{
		pager: pager[elb.DescribeRulesInput, elb.DescribeRulesOutput, elb.Options]{
			call: c.DescribeRules, in: &elb.DescribeRulesInput{ListenerArn: &arn},
			next: func(in *elb.DescribeRulesInput, out *elb.DescribeRulesOutput) string {
				in.Marker = out.NextMarker
				return aws.ToString(in.Marker)
			},
		},
		member: "Rules", items: func(o *elb.DescribeRulesOutput) []elbtypes.Rule { return o.Rules }, most: maxListeners, none: "no rules",
	}.redacted(ctx, j, j.elbWant("rules", arn, "DescribeRules"), "HttpHeaderConfig", "QueryStringConfig", "ClientSecret", "AuthenticationRequestExtraParams")
}
