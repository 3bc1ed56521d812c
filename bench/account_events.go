package bench

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

// addRules lets a rule of the default bus call the alias, with a secret as its input, and one
// of another bus the function itself.
func (a *Account) addRules(ctx context.Context) error {
	c := eventbridge.NewFromConfig(a.cfg)
	if _, err := c.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: aws.String("shop")}); err != nil {
		return err
	}
	function := "arn:aws:lambda:" + Region + ":" + AccountID + ":function:" + Function
	for _, r := range []struct {
		bus, name string
		target    eventtypes.Target
	}{
		{"default", "new-users", eventtypes.Target{Id: aws.String("1"), Arn: aws.String(function + ":live"), Input: aws.String(`{"password":"` + Secret + `"}`)}},
		{"shop", "orders", eventtypes.Target{Id: aws.String("1"), Arn: aws.String(function)}},
	} {
		if _, err := c.PutRule(ctx, &eventbridge.PutRuleInput{Name: &r.name, EventBusName: &r.bus, EventPattern: aws.String(`{"source":["aws.iam"]}`)}); err != nil {
			return err
		}
		if _, err := c.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: &r.name, EventBusName: &r.bus, Targets: []eventtypes.Target{r.target}}); err != nil {
			return err
		}
	}
	return nil
}
