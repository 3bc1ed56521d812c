package bench

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

// addBalancers lets a load balancer call the alias for who knows a header, and another one
// another function.
func (a *Account) addBalancers(ctx context.Context) error {
	group := func(name, function string) string {
		return a.Cloud.StageTargetGroup(AccountID, Region, elbtypes.TargetGroup{TargetGroupName: &name, TargetType: elbtypes.TargetTypeEnumLambda}, elbtypes.TargetDescription{Id: &function})
	}
	mine, others := group("checkout", functionARN()+":live"), group("billing", functionARN()+"2")
	for _, b := range [][2]string{{"web", mine}, {"back", others}} {
		name, to := b[0], b[1]
		a.Cloud.StageLoadBalancer(AccountID, Region, name, awssim.StagedListener{
			Listener: elbtypes.Listener{Port: aws.Int32(443), Protocol: elbtypes.ProtocolEnumHttps, SslPolicy: aws.String("ELBSecurityPolicy-TLS13-1-2-2021-06"),
				DefaultActions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumFixedResponse, FixedResponseConfig: &elbtypes.FixedResponseActionConfig{StatusCode: aws.String("404")}}}},
			Rules: []elbtypes.Rule{{Priority: aws.String("1"), Actions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, TargetGroupArn: &to}},
				Conditions: []elbtypes.RuleCondition{{Field: aws.String("http-header"), HttpHeaderConfig: &elbtypes.HttpHeaderConditionConfig{HttpHeaderName: aws.String("x-origin-verify"), Values: []string{Secret}}}}}},
		})
	}
	_, err := lambda.NewFromConfig(a.cfg).AddPermission(ctx, &lambda.AddPermissionInput{FunctionName: aws.String(Function), Qualifier: aws.String("live"), StatementId: aws.String("balancer"), Action: aws.String("lambda:InvokeFunction"),
		Principal: aws.String("elasticloadbalancing.amazonaws.com"), SourceArn: &mine})
	return err
}
