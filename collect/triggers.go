package collect

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

const logsService = "logs.amazonaws.com"

// explained are the services whose grants some collector follows to what calls the function.
func explained() []string {
	return []string{s3Service, snsService, logsService, "events.amazonaws.com", gatewayService, elbService, edgeService, replicatorService}
}

// unresolved says which services a policy admits whose triggers nobody here can look up: a
// trigger that is not named is one that nobody closes.
func unresolved() Collector {
	return Collector{
		Name: "trigger.unresolved", About: "services that a policy of the function admits and that no collector explains",
		Needs:   []awsapi.Need{},
		Collect: collectUnresolved,
	}
}

func collectUnresolved(ctx context.Context, j *Job) {
	own := j.want("trigger.unresolved", "", "")
	grants := j.facts.grants.get(ctx)
	if ctx.Err() != nil {
		return // close records it
	}
	found := false
	for _, g := range grants.all {
		for _, service := range g.services {
			if slices.Contains(explained(), service) || !j.run.claim("unresolved "+j.Target.ARN+" "+service) {
				continue
			}
			found = true
			from := "from anywhere in that service"
			if sources, open := grants.of(service); !open {
				from = "from " + strings.Join(sources, ", ")
			}
			j.gap(j.want("trigger.unresolved", service, ""), stamp{}, evidence.NotCovered, "", "a policy lets "+service+" call the function "+from+": look there for what does")
		}
	}
	switch {
	case !grants.known:
		j.skip(own, "services beyond those named unknown: lambda.policy, lambda.policy.resource, lambda.aliases or lambda.configuration.versions is not whole")
	case !found:
		j.none(own, stamp{}, "every service that a policy admits is followed by a collector")
	}
}

// logCallers reads the subscription filters of the log groups that a policy admits: what is
// written there is sent to the function.
func logCallers() Collector {
	return Collector{
		Name: "logs.callers", About: "subscription filters of the log groups that may call the function",
		Needs: []awsapi.Need{{Call: "CloudWatchLogs:DescribeSubscriptionFilters", When: "a policy admits log groups",
			IAM: []awsapi.Grant{{Action: "logs:DescribeSubscriptionFilters", Resource: "log group ARN"}}}},
		Collect: collectLogCallers,
	}
}

func collectLogCallers(ctx context.Context, j *Job) {
	own := j.want("logs.callers", "", "CloudWatchLogs:DescribeSubscriptionFilters")
	grants := j.facts.grants.get(ctx)
	groups, open := grants.of(logsService)
	switch {
	case ctx.Err() != nil:
		return // close records it
	case !grants.known:
		j.skip(own, "log groups beyond those named unknown: lambda.policy, lambda.policy.resource, lambda.aliases or lambda.configuration.versions is not whole")
	case open:
		j.gap(own, stamp{}, evidence.NotCovered, "", "a grant to "+logsService+" names no log group: any of this account may be a trigger")
	case len(groups) == 0:
		j.none(own, stamp{}, "no policy admits CloudWatch Logs")
	}
	each(groups, callsAtOnce, func(arn string) { j.logCaller(ctx, arn) })
}

func (j *Job) logCaller(ctx context.Context, arn string) {
	name := strings.TrimSuffix(strings.TrimPrefix(arnPart(arn, 5), "log-group:"), ":*")
	region := arnPart(arn, 3)
	w := j.of("logs.caller.subscriptions", strings.TrimSuffix(arn, ":*"), "", region, "CloudWatchLogs:DescribeSubscriptionFilters")
	w.none = true // the group may be gone, its grant left over
	if strings.ContainsAny(name, "*?") || name == "" || region == "" {
		j.gap(w, stamp{}, evidence.NotCovered, "", "a pattern, not a log group: which groups it stands for is not looked up")
		return
	}
	if !j.run.claim("log caller " + arn) {
		j.planned.Store(true)
		return
	}
	c := cloudwatchlogs.NewFromConfig(j.config(region))
	listing(ctx, j, w, pager[cloudwatchlogs.DescribeSubscriptionFiltersInput, cloudwatchlogs.DescribeSubscriptionFiltersOutput, cloudwatchlogs.Options]{
		call: c.DescribeSubscriptionFilters, in: &cloudwatchlogs.DescribeSubscriptionFiltersInput{LogGroupName: &name},
		next: func(in *cloudwatchlogs.DescribeSubscriptionFiltersInput, out *cloudwatchlogs.DescribeSubscriptionFiltersOutput) string {
			in.NextToken = out.NextToken
			return aws.ToString(in.NextToken)
		},
	}, "subscriptionFilters", func(o *cloudwatchlogs.DescribeSubscriptionFiltersOutput) any { return o.SubscriptionFilters })
}
