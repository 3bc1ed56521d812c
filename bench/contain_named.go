package bench

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sns"
)

// nameThings notes the ARNs of a mapping and of a subscription of the function's, which no
// fixture can know.
func (a *Account) nameThings(ctx context.Context) error {
	a.Named = map[string]string{}
	mappings, err := lambda.NewFromConfig(a.cfg).ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{})
	if err != nil {
		return err
	}
	for _, m := range mappings.EventSourceMappings {
		a.Named["mapping"] = "arn:aws:lambda:" + Region + ":" + AccountID + ":event-source-mapping:" + aws.ToString(m.UUID)
	}
	topics, err := sns.NewFromConfig(a.cfg).ListSubscriptions(ctx, &sns.ListSubscriptionsInput{})
	if err != nil {
		return err
	}
	for _, s := range topics.Subscriptions {
		if aws.ToString(s.Protocol) == "lambda" {
			a.Named["subscription"] = aws.ToString(s.SubscriptionArn)
		}
	}
	return nil
}
