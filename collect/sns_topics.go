package collect

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

const snsService = "sns.amazonaws.com"

// topics reads which topics call the function and which it sends to, and who else listens
// there: an endpoint nobody knows is a way out.
func topics() Collector {
	return Collector{
		Name: "sns.subscriptions", About: "SNS subscriptions of the function, its topics and who else is subscribed to them",
		Needs: []awsapi.Need{
			need("SNS:ListSubscriptions", "sns:ListSubscriptions", "*"),
			need("SNS:GetSubscriptionAttributes", "sns:GetSubscriptionAttributes", "topic ARN"),
			need("SNS:GetTopicAttributes", "sns:GetTopicAttributes", "topic ARN"),
			need("SNS:ListSubscriptionsByTopic", "sns:ListSubscriptionsByTopic", "topic ARN"),
		},
		Collect: collectTopics,
	}
}

func collectTopics(ctx context.Context, j *Job) {
	w := j.want("sns.subscriptions", "", "SNS:ListSubscriptions")
	c := sns.NewFromConfig(j.config(j.Target.Region))
	s, had := sweepFor(ctx, j, w, "sns", pager[sns.ListSubscriptionsInput, sns.ListSubscriptionsOutput, sns.Options]{
		call: c.ListSubscriptions, in: &sns.ListSubscriptionsInput{},
		next: func(in *sns.ListSubscriptionsInput, out *sns.ListSubscriptionsOutput) string {
			in.NextToken = out.NextToken
			return aws.ToString(in.NextToken)
		},
	}, func(o *sns.ListSubscriptionsOutput) []any { return anys(o.Subscriptions) })
	var mine []any
	var arns []string
	for _, f := range s.found {
		if sub := f.(snstypes.Subscription); j.Target.calls(aws.ToString(sub.Endpoint)) {
			mine = append(mine, sub)
			arns = append(arns, aws.ToString(sub.TopicArn))
			j.subscription(ctx, aws.ToString(sub.SubscriptionArn))
		}
	}
	if !had {
		j.swept(ctx, w, s, "Subscriptions", mine, "no subscription of this account and region calls it")
	}
	each(j.topicsNamed(ctx, arns), callsAtOnce, func(arn string) { j.topic(ctx, arn) })
}

// topicsNamed adds to the subscribed topics those that policies admit and those that the
// function's failures and results go to.
func (j *Job) topicsNamed(ctx context.Context, arns []string) []string {
	grants, sources, destinations, f := j.facts.grants.get(ctx), j.facts.sources.get(ctx), j.facts.destinations.get(ctx), j.facts.latest.get(ctx)
	if ctx.Err() != nil {
		return arns
	}
	granted, open := grants.of(snsService)
	rest := j.want("sns.topic", "*", "SNS:GetTopicAttributes")
	switch {
	case !grants.known:
		j.skip(rest, "topics beyond those named unknown: lambda.policy, lambda.policy.resource, lambda.aliases or lambda.configuration.versions is not whole")
	case !sources.known || !destinations.known || f == nil:
		j.skip(rest, "topics beyond those named unknown: lambda.mappings, lambda.mappings.sweep, lambda.invoke-config or lambda.configuration is not whole")
	case open:
		j.gap(rest, stamp{}, evidence.NotCovered, "", "a grant to "+snsService+" names no topic: one of another account may be a trigger, and cannot be looked up")
	}
	named := slices.Concat(granted, sources.names, destinations.names)
	if f != nil && f.DeadLetterConfig != nil {
		named = append(named, aws.ToString(f.DeadLetterConfig.TargetArn))
	}
	for _, arn := range named {
		if arnPart(arn, 2) == "sns" && !slices.Contains(arns, arn) {
			arns = append(arns, arn)
		}
	}
	slices.Sort(arns)
	return slices.Compact(arns)
}

func (j *Job) subscription(ctx context.Context, arn string) {
	if !strings.HasPrefix(arn, "arn:") || !j.run.claim("subscription "+arn) {
		return // not confirmed yet: there is nothing to ask for
	}
	region := arnPart(arn, 3)
	c := sns.NewFromConfig(j.config(region))
	fetch(ctx, j, j.of("sns.subscription", arn, "", region, "SNS:GetSubscriptionAttributes"), c.GetSubscriptionAttributes, &sns.GetSubscriptionAttributesInput{SubscriptionArn: &arn})
}

func (j *Job) topic(ctx context.Context, arn string) {
	w := j.of("sns.topic", arn, "", arnPart(arn, 3), "SNS:GetTopicAttributes")
	if strings.ContainsAny(arn, "*?") {
		j.gap(w, stamp{}, evidence.NotCovered, "", "a pattern, not a topic: which topics it stands for cannot be looked up")
		return
	}
	if !j.run.claim("topic " + arn) {
		return
	}
	subs := j.of("sns.topic.subscriptions", arn, "", arnPart(arn, 3), "SNS:ListSubscriptionsByTopic")
	j.plan(w, subs)
	c := sns.NewFromConfig(j.config(arnPart(arn, 3)))
	both(
		func() { fetch(ctx, j, w, c.GetTopicAttributes, &sns.GetTopicAttributesInput{TopicArn: &arn}) },
		func() {
			listing(ctx, j, subs, pager[sns.ListSubscriptionsByTopicInput, sns.ListSubscriptionsByTopicOutput, sns.Options]{
				call: c.ListSubscriptionsByTopic, in: &sns.ListSubscriptionsByTopicInput{TopicArn: &arn},
				next: func(in *sns.ListSubscriptionsByTopicInput, out *sns.ListSubscriptionsByTopicOutput) string {
					in.NextToken = out.NextToken
					return aws.ToString(in.NextToken)
				},
			}, "Subscriptions", func(o *sns.ListSubscriptionsByTopicOutput) any { return o.Subscriptions })
		})
}
