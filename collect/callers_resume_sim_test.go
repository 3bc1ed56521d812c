package collect

import (
	"testing"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// TestCallersAreResumed: what was denied is asked for again, and found by the list that lies
// in the bag; the account is not looked through a second time.
func TestCallersAreResumed(t *testing.T) {
	ctx := t.Context()
	c := newCase(t)
	a := simAccount(t, awssim.Config{})
	s := sessionAs(t, a, "resumer", allowAll)
	target, err := ParseTarget(bench.AccountID, bench.Region, bench.Function)
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range []string{"APIGateway:GetRestApi", "ApiGatewayV2:GetApi", "ElasticLoadBalancingv2:DescribeRules", "CloudFront:GetDistributionConfig", "CloudWatchLogs:FilterLogEvents"} {
		a.Cloud.Inject(awssim.Fault{Op: op, Fail: awssim.Fail{Code: "AccessDeniedException", Message: "injected", Status: 403}})
	}
	o := Options{Unpaced: true, Only: append([]string{"elbv2.target-groups", "cloudfront.distributions", "logs.group", "logs.events"}, gatewaysOnly.Only...)}
	_, sum, err := Into(ctx, s, c, evidence.Header{Operator: "o"}, []Target{target}, o)
	if err != nil || sum.States[evidence.Denied] != 7 {
		t.Fatalf("%+v, %v", sum, err)
	}
	a.Cloud.ClearFaults()
	open, err := Resumable(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	before := len(a.Cloud.Calls())
	_, sum, err = Resume(ctx, s, c, open[0], evidence.Header{Operator: "o"}, Options{Unpaced: true})
	if err != nil || !sum.Complete {
		t.Errorf("%+v, %v", sum, err)
	}
	made := map[string]int{}
	for _, call := range a.Cloud.Calls()[before:] {
		made[call.Service+":"+call.Operation]++
	}
	if made["apigateway:GetRestApi"] != 2 || made["apigatewayv2:GetApi"] != 1 || made["elbv2:DescribeRules"] != 1 || made["cloudfront:GetDistributionConfig"] != 1 || made["logs:FilterLogEvents"] != 2 {
		t.Errorf("what was denied is not asked for again: %v", made)
	}
	for _, op := range []string{"apigateway:GetRestApis", "apigateway:GetAuthorizers", "apigateway:GetRequestValidators", "apigatewayv2:GetApis", "apigatewayv2:GetRoutes", "apigatewayv2:GetAuthorizers",
		"elbv2:DescribeTargetGroups", "elbv2:DescribeTargetHealth", "elbv2:DescribeLoadBalancers", "elbv2:DescribeListeners", "cloudfront:ListDistributions", "logs:DescribeLogGroups"} {
		if made[op] > 0 {
			t.Errorf("%s was called again", op)
		}
	}
	for p, err := range c.Verify(ctx) {
		t.Errorf("verify: %+v, %v", p, err)
	}
}
