package bench

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
)

// addMoreTopics subscribes the function to a second topic, with a filter and a queue for
// what cannot be delivered.
func (a *Account) addMoreTopics(ctx context.Context) error {
	c := sns.NewFromConfig(a.cfg)
	topic, err := c.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String("refunds")})
	if err != nil {
		return err
	}
	_, err = c.Subscribe(ctx, &sns.SubscribeInput{TopicArn: topic.TopicArn, Protocol: aws.String("lambda"), Endpoint: aws.String(functionARN()), Attributes: map[string]string{
		"FilterPolicy": `{"shop":["north"]}`, "FilterPolicyScope": "MessageBody", "RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:` + Region + `:` + AccountID + `:orders"}`}})
	return err
}
