package collect

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// queues reads the queues that feed the function or take what it fails on: their policy says
// who may put events there, their retention when the evidence in them goes.
func queues() Collector {
	return Collector{
		Name: "sqs.queue", About: "SQS queues that the function reads from or that its failures and results go to",
		Needs: []awsapi.Need{
			need("SQS:GetQueueUrl", "sqs:GetQueueUrl", "queue ARN"),
			need("SQS:GetQueueAttributes", "sqs:GetQueueAttributes", "queue ARN"),
		},
		Collect: collectQueues,
	}
}

func collectQueues(ctx context.Context, j *Job) {
	sources, destinations, f := j.facts.sources.get(ctx), j.facts.destinations.get(ctx), j.facts.latest.get(ctx)
	if ctx.Err() != nil {
		return // close records it
	}
	named := slices.Concat(sources.names, destinations.names)
	if f != nil && f.DeadLetterConfig != nil {
		named = append(named, aws.ToString(f.DeadLetterConfig.TargetArn))
	}
	var arns []string
	for _, arn := range named {
		if arnPart(arn, 2) == "sqs" && !slices.Contains(arns, arn) {
			arns = append(arns, arn)
		}
	}
	own := j.want("sqs.queue", "", "SQS:GetQueueAttributes")
	switch {
	case !sources.known || !destinations.known || f == nil:
		j.skip(own, "queues beyond those named unknown: lambda.mappings, lambda.mappings.sweep, lambda.invoke-config or lambda.configuration is not whole")
	case len(arns) == 0:
		j.none(own, stamp{}, "no queue feeds it or takes its failures")
	}
	each(arns, callsAtOnce, func(arn string) { j.queue(ctx, arn, true) })
}

// queue keeps a queue's attributes, and those of its dead-letter queue.
func (j *Job) queue(ctx context.Context, arn string, follow bool) {
	if !j.run.claim("queue " + arn) {
		j.planned.Store(true)
		return
	}
	region := arnPart(arn, 3)
	w := j.of("sqs.queue", arn, "", region, "SQS:GetQueueAttributes")
	c := sqs.NewFromConfig(j.config(region))
	out, had := recall[sqs.GetQueueAttributesOutput](ctx, j, w)
	if !had {
		w.call = "SQS:GetQueueUrl"
		j.plan(w)
		at, s, err := ask(ctx, j, c.GetQueueUrl, &sqs.GetQueueUrlInput{QueueName: aws.String(arnPart(arn, 5)), QueueOwnerAWSAccountId: aws.String(arnPart(arn, 4))})
		if err != nil {
			j.refused(w, s, err)
			return
		}
		w.call = "SQS:GetQueueAttributes"
		out = fetch(ctx, j, w, c.GetQueueAttributes, &sqs.GetQueueAttributesInput{QueueUrl: at.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll}})
	}
	if out == nil || !follow {
		return
	}
	var redrive struct {
		DeadLetterTargetArn string `json:"deadLetterTargetArn"`
	}
	if json.Unmarshal([]byte(out.Attributes["RedrivePolicy"]), &redrive) == nil && arnPart(redrive.DeadLetterTargetArn, 2) == "sqs" {
		j.queue(ctx, redrive.DeadLetterTargetArn, false)
	}
}
