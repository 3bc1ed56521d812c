package bench

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

// addMoreRules has one that matches all management events, one that somebody added the
// function to, with a secret as its input, one that is off, and one of an AWS service.
func (a *Account) addMoreRules(ctx context.Context) error {
	c := eventbridge.NewFromConfig(a.cfg)
	function := "arn:aws:lambda:" + Region + ":" + AccountID + ":function:" + Function
	owner := eventtypes.Target{Id: aws.String("owner"), Arn: aws.String("arn:aws:sqs:" + Region + ":" + AccountID + ":orders")}
	for _, r := range []struct {
		bus, name string
		state     eventtypes.RuleState
		targets   []eventtypes.Target
	}{
		{"default", "every-call", eventtypes.RuleStateEnabledWithAllCloudtrailManagementEvents, []eventtypes.Target{{Id: aws.String("1"), Arn: aws.String(function + ":next")}}},
		{"shop", "paid", eventtypes.RuleStateEnabled, []eventtypes.Target{owner, {Id: aws.String("copy"), Arn: aws.String(function + ":live"), Input: aws.String(`{"password":"` + Secret + `"}`),
			RetryPolicy: &eventtypes.RetryPolicy{MaximumRetryAttempts: aws.Int32(3)}}}},
		{"default", "idle", eventtypes.RuleStateDisabled, []eventtypes.Target{{Id: aws.String("1"), Arn: aws.String(function + ":$LATEST")}}},
	} {
		if _, err := c.PutRule(ctx, &eventbridge.PutRuleInput{Name: &r.name, EventBusName: &r.bus, State: r.state, Description: aws.String("of the shop"),
			EventPattern: aws.String(`{"detail-type":["AWS API Call via CloudTrail"]}`)}); err != nil {
			return err
		}
		if _, err := c.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: &r.name, EventBusName: &r.bus, Targets: r.targets}); err != nil {
			return err
		}
	}
	a.Cloud.StageManagedRule(AccountID, Region, "AutoScalingManagedRule", "autoscaling.amazonaws.com", eventtypes.Target{Id: aws.String("1"), Arn: aws.String(function)})
	return nil
}
