package awssim

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	et "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// elbv2Ops is what is simulated of Elastic Load Balancing: what one can ask of load balancers
// that were staged. They carry no traffic.
func elbv2Ops() []operation {
	return []operation{
		op("elbv2", "DescribeTargetGroups", describeTargetGroups), op("elbv2", "DescribeTargetHealth", describeTargetHealth),
		op("elbv2", "DescribeLoadBalancers", describeLoadBalancers), op("elbv2", "DescribeListeners", describeListeners), op("elbv2", "DescribeRules", describeRules),
	}
}

// elbPage is the widest page, and the one that comes where no size is asked for.
const elbPage = 400

func elbPaged[T any](all []T, marker *string, size *int32) ([]T, *string, error) {
	page, next, err := paginate(all, marker, size, elbPage)
	if err != nil {
		return nil, nil, fail("ValidationError", "The marker '%s' is not valid", aws.ToString(marker))
	}
	return page, next, nil
}

// allowELB: the reads of this service know no resource (Service Authorization Reference).
func (c *call) allowELB(action string) (*elbState, error) {
	if err := c.allow("elasticloadbalancing:"+action, "*"); err != nil {
		return nil, err
	}
	return c.elb.at(c.accountID, c.region, newELBState), nil
}

// picked are the things that have one of the wanted names, all of them where none is wanted;
// one that is not there is an error.
func picked[T any](all []T, name func(T) string, wanted []string, code, kind string) ([]T, error) {
	if len(wanted) == 0 {
		return all, nil
	}
	var out []T
	for _, w := range wanted {
		i := slices.IndexFunc(all, func(x T) bool { return name(x) == w })
		if i < 0 {
			return nil, fail(code, "%s '%s' not found", kind, w)
		}
		out = append(out, all[i])
	}
	return out, nil
}

func describeTargetGroups(c *call, in *elb.DescribeTargetGroupsInput) (*elb.DescribeTargetGroupsOutput, error) {
	s, err := c.allowELB("DescribeTargetGroups")
	if err != nil {
		return nil, err
	}
	var all []et.TargetGroup
	for _, g := range s.groups {
		shown := g.about
		shown.LoadBalancerArns = s.balancersOf(*shown.TargetGroupArn)
		all = append(all, shown)
	}
	all, err = picked(all, func(g et.TargetGroup) string { return *g.TargetGroupArn }, in.TargetGroupArns, "TargetGroupNotFound", "Target groups")
	if err != nil {
		return nil, err
	}
	if all, err = picked(all, func(g et.TargetGroup) string { return *g.TargetGroupName }, in.Names, "TargetGroupNotFound", "Target groups"); err != nil {
		return nil, err
	}
	if in.LoadBalancerArn != nil {
		if s.balancer(*in.LoadBalancerArn) == nil {
			return nil, fail("LoadBalancerNotFound", "Load balancer '%s' not found", *in.LoadBalancerArn)
		}
		all = slices.DeleteFunc(slices.Clone(all), func(g et.TargetGroup) bool { return !slices.Contains(g.LoadBalancerArns, *in.LoadBalancerArn) })
	}
	page, next, err := elbPaged(all, in.Marker, in.PageSize)
	return &elb.DescribeTargetGroupsOutput{TargetGroups: page, NextMarker: next}, err
}

// describeTargetHealth: a group that no load balancer uses has unused targets; functions are
// not looked at unless health checks are switched on (Application Load Balancers guide,
// "Target health status").
func describeTargetHealth(c *call, in *elb.DescribeTargetHealthInput) (*elb.DescribeTargetHealthOutput, error) {
	s, err := c.allowELB("DescribeTargetHealth")
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(s.groups, func(g *targetGroup) bool { return *g.about.TargetGroupArn == aws.ToString(in.TargetGroupArn) })
	if i < 0 {
		return nil, fail("TargetGroupNotFound", "Target groups '%s' not found", aws.ToString(in.TargetGroupArn))
	}
	if len(in.Targets) > 0 || len(in.Include) > 0 {
		return nil, fail("ValidationError", "freezeframe simulator: Targets and Include are not simulated")
	}
	health := &et.TargetHealth{State: et.TargetHealthStateEnumHealthy}
	switch g := s.groups[i]; {
	case len(s.balancersOf(*in.TargetGroupArn)) == 0:
		health = &et.TargetHealth{State: et.TargetHealthStateEnumUnused, Reason: et.TargetHealthReasonEnumNotInUse, Description: aws.String("Target group is not configured to receive traffic from the load balancer")}
	case !aws.ToBool(g.about.HealthCheckEnabled):
		health = &et.TargetHealth{State: et.TargetHealthStateEnumUnavailable, Reason: et.TargetHealthReasonEnumHealthCheckDisabled, Description: aws.String("Health checks are not enabled for this target")}
	}
	out := &elb.DescribeTargetHealthOutput{TargetHealthDescriptions: []et.TargetHealthDescription{}}
	for _, t := range s.groups[i].targets {
		out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, et.TargetHealthDescription{Target: &t, TargetHealth: health})
	}
	return out, nil
}

func describeLoadBalancers(c *call, in *elb.DescribeLoadBalancersInput) (*elb.DescribeLoadBalancersOutput, error) {
	s, err := c.allowELB("DescribeLoadBalancers")
	if err != nil {
		return nil, err
	}
	var all []et.LoadBalancer
	for _, b := range s.balancers {
		all = append(all, b.about)
	}
	if len(in.LoadBalancerArns) > 20 {
		return nil, fail("ValidationError", "Up to 20 load balancers can be described in one call")
	}
	all, err = picked(all, func(b et.LoadBalancer) string { return *b.LoadBalancerArn }, in.LoadBalancerArns, "LoadBalancerNotFound", "Load balancer")
	if err != nil {
		return nil, err
	}
	if all, err = picked(all, func(b et.LoadBalancer) string { return *b.LoadBalancerName }, in.Names, "LoadBalancerNotFound", "Load balancer"); err != nil {
		return nil, err
	}
	page, next, err := elbPaged(all, in.Marker, in.PageSize)
	return &elb.DescribeLoadBalancersOutput{LoadBalancers: page, NextMarker: next}, err
}

func describeListeners(c *call, in *elb.DescribeListenersInput) (*elb.DescribeListenersOutput, error) {
	s, err := c.allowELB("DescribeListeners")
	if err != nil {
		return nil, err
	}
	var all []et.Listener
	switch {
	case (in.LoadBalancerArn == nil) == (len(in.ListenerArns) == 0):
		return nil, fail("ValidationError", "You must specify either listener ARNs or a load balancer ARN")
	case in.LoadBalancerArn != nil:
		b := s.balancer(*in.LoadBalancerArn)
		if b == nil {
			return nil, fail("LoadBalancerNotFound", "Load balancer '%s' not found", *in.LoadBalancerArn)
		}
		for _, l := range b.listeners {
			all = append(all, l.Listener)
		}
	default:
		for _, arn := range in.ListenerArns {
			l := s.listener(arn)
			if l == nil {
				return nil, fail("ListenerNotFound", "One or more listeners not found")
			}
			all = append(all, l.Listener)
		}
	}
	page, next, err := elbPaged(all, in.Marker, in.PageSize)
	return &elb.DescribeListenersOutput{Listeners: page, NextMarker: next}, err
}

func describeRules(c *call, in *elb.DescribeRulesInput) (*elb.DescribeRulesOutput, error) {
	s, err := c.allowELB("DescribeRules")
	if err != nil {
		return nil, err
	}
	if in.ListenerArn == nil || len(in.RuleArns) > 0 {
		return nil, fail("ValidationError", "freezeframe simulator: rules are found by their listener")
	}
	l := s.listener(*in.ListenerArn)
	if l == nil {
		return nil, fail("ListenerNotFound", "One or more listeners not found")
	}
	page, next, err := elbPaged(l.Rules, in.Marker, in.PageSize)
	return &elb.DescribeRulesOutput{Rules: page, NextMarker: next}, err
}

// elbState is Elastic Load Balancing in one account and region, in the order of making.
type elbState struct {
	groups    []*targetGroup
	balancers []*balancer
}

func newELBState() *elbState { return &elbState{} }

type targetGroup struct {
	about   et.TargetGroup
	targets []et.TargetDescription
}

type balancer struct {
	about     et.LoadBalancer
	listeners []*StagedListener
}

// StagedListener is a listener with its rules; the default one is made of its default actions.
type StagedListener struct {
	Listener et.Listener
	Rules    []et.Rule
}

func (s *elbState) objects(account, region string, put putObject) {
	in := "elasticloadbalancing/" + account + "/" + region
	for _, g := range s.groups {
		put(in+"/"+*g.about.TargetGroupArn, map[string]any{"about": g.about, "targets": g.targets}, nil)
	}
	for _, b := range s.balancers {
		put(in+"/"+*b.about.LoadBalancerArn, map[string]any{"about": b.about, "listeners": b.listeners}, nil)
	}
}

func (s *elbState) balancer(arn string) *balancer {
	for _, b := range s.balancers {
		if *b.about.LoadBalancerArn == arn {
			return b
		}
	}
	return nil
}

func (s *elbState) listener(arn string) *StagedListener {
	for _, b := range s.balancers {
		for _, l := range b.listeners {
			if *l.Listener.ListenerArn == arn {
				return l
			}
		}
	}
	return nil
}

// balancersOf are the load balancers one of whose rules forwards to a group.
func (s *elbState) balancersOf(group string) []string {
	forwards := func(a et.Action) bool {
		return aws.ToString(a.TargetGroupArn) == group || a.ForwardConfig != nil &&
			slices.ContainsFunc(a.ForwardConfig.TargetGroups, func(t et.TargetGroupTuple) bool { return aws.ToString(t.TargetGroupArn) == group })
	}
	out := []string{}
	for _, b := range s.balancers {
		for _, l := range b.listeners {
			for _, r := range l.Rules {
				if slices.ContainsFunc(r.Actions, forwards) && !slices.Contains(out, *b.about.LoadBalancerArn) {
					out = append(out, *b.about.LoadBalancerArn)
				}
			}
		}
	}
	return out
}

// StageTargetGroup makes a target group and returns its ARN; what a group of functions has by
// default and g lacks is filled in.
func (c *Cloud) StageTargetGroup(account, region string, g et.TargetGroup, targets ...et.TargetDescription) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	arn := arnOf("elasticloadbalancing", region, account, "targetgroup/"+*g.TargetGroupName+"/"+c.idFrom("hex:16", "target group", account, region, *g.TargetGroupName))
	g.TargetGroupArn = &arn
	if g.TargetType == et.TargetTypeEnumLambda { // CreateTargetGroup, API reference
		g.HealthCheckEnabled = orElse(g.HealthCheckEnabled, aws.Bool(false))
		g.HealthCheckIntervalSeconds, g.HealthCheckTimeoutSeconds = orElse(g.HealthCheckIntervalSeconds, aws.Int32(35)), orElse(g.HealthCheckTimeoutSeconds, aws.Int32(30))
		g.HealthyThresholdCount, g.UnhealthyThresholdCount = orElse(g.HealthyThresholdCount, aws.Int32(5)), orElse(g.UnhealthyThresholdCount, aws.Int32(2))
		g.HealthCheckPath, g.Matcher = orElse(g.HealthCheckPath, aws.String("/")), orElse(g.Matcher, &et.Matcher{HttpCode: aws.String("200")})
		for i := range targets {
			targets[i].AvailabilityZone = orElse(targets[i].AvailabilityZone, aws.String("all"))
		}
	}
	if g.IpAddressType == "" {
		g.IpAddressType = et.TargetGroupIpAddressTypeEnumIpv4
	}
	s := c.elb.at(account, region, newELBState)
	s.groups = append(s.groups, &targetGroup{g, targets})
	return arn
}

// StageLoadBalancer makes an application load balancer with its listeners and returns its ARN.
func (c *Cloud) StageLoadBalancer(account, region, name string, listeners ...StagedListener) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	path := "app/" + name + "/" + c.idFrom("hex:16", "load balancer", account, region, name)
	arn := arnOf("elasticloadbalancing", region, account, "loadbalancer/"+path)
	b := &balancer{about: et.LoadBalancer{LoadBalancerArn: &arn, LoadBalancerName: &name, Type: et.LoadBalancerTypeEnumApplication, Scheme: et.LoadBalancerSchemeEnumInternetFacing, State: &et.LoadBalancerState{Code: et.LoadBalancerStateEnumActive},
		CreatedTime: aws.Time(c.cfg.Clock.Now()), DNSName: aws.String(name + "-1." + region + ".elb.amazonaws.com"), IpAddressType: et.IpAddressTypeIpv4, VpcId: aws.String("vpc-0a1b2c3d")}}
	for i, l := range listeners {
		below := path + "/" + c.idFrom("hex:16", "listener", arn, fmt.Sprint(i))
		l.Listener.LoadBalancerArn, l.Listener.ListenerArn = &arn, aws.String(arnOf("elasticloadbalancing", region, account, "listener/"+below))
		rules := append(slices.Clone(l.Rules), et.Rule{IsDefault: aws.Bool(true), Priority: aws.String("default"), Conditions: []et.RuleCondition{}, Actions: l.Listener.DefaultActions})
		for n := range rules {
			rules[n].RuleArn, rules[n].IsDefault = aws.String(arnOf("elasticloadbalancing", region, account, "listener-rule/"+below+"/"+c.idFrom("hex:16", "rule", below, fmt.Sprint(n)))), orElse(rules[n].IsDefault, aws.Bool(false))
		}
		l.Rules = rules
		b.listeners = append(b.listeners, &l)
	}
	s := c.elb.at(account, region, newELBState)
	s.balancers = append(s.balancers, b)
	return arn
}
