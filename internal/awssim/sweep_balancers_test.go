package awssim

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	et "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// TestSweepBalancers: groups page and say which load balancers use them; what is not there
// is refused in the codes of the wire.
func TestSweepBalancers(t *testing.T) {
	ctx, c, cfg := sweeping(t)
	cl := elb.NewFromConfig(cfg)
	group := c.StageTargetGroup(c.AccountID(), c.Region(), et.TargetGroup{TargetGroupName: aws.String("f"), TargetType: et.TargetTypeEnumLambda}, et.TargetDescription{Id: aws.String(functionF + ":live")})
	idle := c.StageTargetGroup(c.AccountID(), c.Region(), et.TargetGroup{TargetGroupName: aws.String("idle"), TargetType: et.TargetTypeEnumLambda}, et.TargetDescription{Id: aws.String(functionF)})
	for i := range 3 {
		c.StageTargetGroup(c.AccountID(), c.Region(), et.TargetGroup{TargetGroupName: aws.String(fmt.Sprint("more", i)), TargetType: et.TargetTypeEnumInstance, Port: aws.Int32(80), Protocol: et.ProtocolEnumHttp, VpcId: aws.String("vpc-0a1b2c3d")})
	}
	arn := c.StageLoadBalancer(c.AccountID(), c.Region(), "web", StagedListener{
		Listener: et.Listener{Port: aws.Int32(443), Protocol: et.ProtocolEnumHttps, DefaultActions: []et.Action{{Type: et.ActionTypeEnumFixedResponse, FixedResponseConfig: &et.FixedResponseActionConfig{StatusCode: aws.String("404")}}}},
		Rules: []et.Rule{{Priority: aws.String("1"), Conditions: []et.RuleCondition{{Field: aws.String("http-header"), HttpHeaderConfig: &et.HttpHeaderConditionConfig{HttpHeaderName: aws.String("x-origin"), Values: []string{"s"}}}},
			Actions: []et.Action{{Type: et.ActionTypeEnumForward, ForwardConfig: &et.ForwardActionConfig{TargetGroups: []et.TargetGroupTuple{{TargetGroupArn: &group, Weight: aws.Int32(1)}}}}}}},
	})
	first := must(cl.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{PageSize: aws.Int32(4)}))(t)
	rest := must(cl.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{Marker: first.NextMarker}))(t)
	if len(first.TargetGroups) != 4 || len(rest.TargetGroups) != 1 || rest.NextMarker != nil || first.TargetGroups[0].LoadBalancerArns[0] != arn || len(first.TargetGroups[1].LoadBalancerArns) != 0 || *first.TargetGroups[0].HealthCheckIntervalSeconds != 35 {
		t.Errorf("%+v, then %+v", first.TargetGroups, rest.TargetGroups)
	}
	if g := must(cl.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{LoadBalancerArn: &arn}))(t).TargetGroups; len(g) != 1 || *g[0].TargetGroupArn != group {
		t.Errorf("groups of the balancer: %+v", g)
	}
	if g := must(cl.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{Names: []string{"idle"}}))(t).TargetGroups; len(g) != 1 || *g[0].TargetGroupArn != idle {
		t.Errorf("groups by name: %+v", g)
	}
	for of, want := range map[string]et.TargetHealthStateEnum{group: et.TargetHealthStateEnumUnavailable, idle: et.TargetHealthStateEnumUnused} {
		if h := must(cl.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: &of}))(t).TargetHealthDescriptions; len(h) != 1 || h[0].TargetHealth.State != want || *h[0].Target.AvailabilityZone != "all" {
			t.Errorf("%s: %+v", of, h)
		}
	}
	if b := must(cl.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{arn}}))(t).LoadBalancers; len(b) != 1 || *b[0].LoadBalancerName != "web" {
		t.Errorf("balancers: %+v", b)
	}
	l := must(cl.DescribeListeners(ctx, &elb.DescribeListenersInput{LoadBalancerArn: &arn}))(t).Listeners
	if len(l) != 1 || *l[0].Port != 443 || len(must(cl.DescribeListeners(ctx, &elb.DescribeListenersInput{ListenerArns: []string{*l[0].ListenerArn}}))(t).Listeners) != 1 {
		t.Fatalf("listeners: %+v", l)
	}
	one := must(cl.DescribeRules(ctx, &elb.DescribeRulesInput{ListenerArn: l[0].ListenerArn, PageSize: aws.Int32(1)}))(t)
	two := must(cl.DescribeRules(ctx, &elb.DescribeRulesInput{ListenerArn: l[0].ListenerArn, Marker: one.NextMarker}))(t)
	if len(one.Rules) != 1 || *one.Rules[0].IsDefault || len(two.Rules) != 1 || !*two.Rules[0].IsDefault || *two.Rules[0].Priority != "default" {
		t.Errorf("rules %+v, then %+v", one.Rules, two.Rules)
	}
	none := aws.String(arn + "x")
	_, a := cl.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: none})
	_, b := cl.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{Names: []string{"none"}})
	_, d := cl.DescribeListeners(ctx, &elb.DescribeListenersInput{})
	_, e := cl.DescribeRules(ctx, &elb.DescribeRulesInput{ListenerArn: none})
	_, f := cl.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{Marker: aws.String("x")})
	_, g := cl.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerArns: make([]string, 21)})
	for err, code := range map[error]string{a: "TargetGroupNotFound", b: "LoadBalancerNotFound", d: "ValidationError", e: "ListenerNotFound", f: "ValidationError", g: "ValidationError"} {
		refused(t, err, code)
	}
}
