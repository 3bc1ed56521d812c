package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/freezeframe-ir/freezeframe/bench"
)

// queued makes queues that have a message each, and no dead-letter queue.
func queued(a *bench.Account, body string, names ...string) error {
	c := sqs.NewFromConfig(aws.Config{Region: bench.Region, BaseEndpoint: aws.String(bench.Endpoint), HTTPClient: a.Cloud.Client(), Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, "")})
	for _, name := range names {
		out, err := c.CreateQueue(context.Background(), &sqs.CreateQueueInput{QueueName: &name})
		if err != nil {
			return err
		}
		if _, err := c.SendMessage(context.Background(), &sqs.SendMessageInput{QueueUrl: out.QueueUrl, MessageBody: &body}); err != nil {
			return err
		}
	}
	return nil
}
