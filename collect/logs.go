package collect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

func logGroup() Collector {
	return Collector{
		Name: "logs.group", About: "log group of the function: class, retention, subscription filters",
		Needs: []awsapi.Need{
			need("CloudWatchLogs:DescribeLogGroups", "logs:DescribeLogGroups", "*"),
			need("CloudWatchLogs:DescribeSubscriptionFilters", "logs:DescribeSubscriptionFilters", "log group ARN"),
		},
		Collect: collectLogGroup,
	}
}

// logGroups are those that any version of the function writes to, and Lambda's default,
// where it wrote before somebody pointed it elsewhere. known is false where a version may
// name another.
func (j *Job) logGroups(ctx context.Context) (names []string, known bool) {
	latest, versions := j.facts.latest.get(ctx), j.facts.versions.get(ctx)
	names = []string{"/aws/lambda/" + j.Target.Function}
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if latest != nil && latest.LoggingConfig != nil {
		add(aws.ToString(latest.LoggingConfig.LogGroup))
	}
	for _, v := range versions.all {
		add(v.logGroup)
	}
	return names, versions.known && latest != nil
}

const otherGroups = "log groups that other versions name unknown: lambda.configuration or lambda.configuration.versions is not whole"

// eachLogGroup runs f for every log group of the function that no other function of the run
// has claimed. What a log group holds is collected whole: who shares it is for the timeline.
func (j *Job) eachLogGroup(ctx context.Context, artefact, call string, f func(group string)) {
	groups, known := j.logGroups(ctx)
	if ctx.Err() != nil {
		return // close records it
	}
	if !known {
		j.skip(j.want(artefact, "*", call), otherGroups)
	}
	each(groups, targetsAtOnce, func(group string) {
		if !j.run.claim(artefact + " of " + group + " in " + j.Target.Region) {
			j.planned.Store(true)
			return
		}
		f(group)
	})
}

func (j *Job) logWant(artefact, region, group, call string) want {
	w := j.of(artefact, fmt.Sprintf("arn:%s:logs:%s:%s:log-group:%s", partitionOf(region), region, j.Target.Account, group), "", region, call)
	w.params = map[string]string{"logGroupName": group}
	w.name = strings.Trim(strings.ReplaceAll(group, "/", "."), ".") + "." + artefact + ".json"
	w.none = true // a function that never ran has no log group
	return w
}

func collectLogGroup(ctx context.Context, j *Job) {
	j.eachLogGroup(ctx, "logs.group", "CloudWatchLogs:DescribeLogGroups", func(group string) { j.logGroupIn(ctx, j.Target.Region, group) })
	j.edgeLogGroups(ctx)
}

// logGroupIn keeps a log group and says whether it is there, and whether that is known.
func (j *Job) logGroupIn(ctx context.Context, region, group string) (found, known bool) {
	w, subs := j.logWant("logs.group", region, group, "CloudWatchLogs:DescribeLogGroups"), j.logWant("logs.group.subscriptions", region, group, "CloudWatchLogs:DescribeSubscriptionFilters")
	j.plan(w)
	c := cloudwatchlogs.NewFromConfig(j.config(region))
	describe := func() {
		var class []string
		class, known = j.describeGroup(ctx, c, w, group)
		found = len(class) > 0
		p, _ := j.run.shared("class of log group " + group + " in " + region)
		if known && !found {
			class = []string{""} // none: nothing refuses
		}
		p.keep(nameList{names: class, known: true})
	}
	filters := func() {
		listing(ctx, j, subs, pager[cloudwatchlogs.DescribeSubscriptionFiltersInput, cloudwatchlogs.DescribeSubscriptionFiltersOutput, cloudwatchlogs.Options]{
			call: c.DescribeSubscriptionFilters,
			in:   &cloudwatchlogs.DescribeSubscriptionFiltersInput{LogGroupName: aws.String(group)},
			next: func(in *cloudwatchlogs.DescribeSubscriptionFiltersInput, out *cloudwatchlogs.DescribeSubscriptionFiltersOutput) string {
				in.NextToken = out.NextToken
				return aws.ToString(in.NextToken)
			},
		}, "subscriptionFilters", func(o *cloudwatchlogs.DescribeSubscriptionFiltersOutput) any { return o.SubscriptionFilters })
	}
	if region == j.Target.Region {
		j.plan(subs)
		both(describe, filters)
		return found, known
	}
	if describe(); found { // at the edge most regions have none
		filters()
	}
	return found, known
}

var errFound = errors.New("what was looked for is found")

// describeGroup finds the one group among those that begin with its name, and gives its class:
// nothing where there is none, or where that is not known.
func (j *Job) describeGroup(ctx context.Context, c *cloudwatchlogs.Client, w want, group string) (class []string, known bool) {
	if out, had := recall[cloudwatchlogs.DescribeLogGroupsOutput](ctx, j, w); had {
		if out == nil || len(out.LogGroups) == 0 {
			return nil, true
		}
		return []string{string(out.LogGroups[0].LogGroupClass)}, true
	}
	in := &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String(group)}
	first, s, err := ask(ctx, j, c.DescribeLogGroups, in)
	if err != nil {
		j.refused(w, s, err)
		return nil, false
	}
	p := pager[cloudwatchlogs.DescribeLogGroupsInput, cloudwatchlogs.DescribeLogGroupsOutput, cloudwatchlogs.Options]{
		call: c.DescribeLogGroups, in: in,
		next: func(in *cloudwatchlogs.DescribeLogGroupsInput, out *cloudwatchlogs.DescribeLogGroupsOutput) string {
			in.NextToken = out.NextToken
			return aws.ToString(in.NextToken)
		},
	}
	var found []types.LogGroup
	err = p.each(ctx, j, first, func(o *cloudwatchlogs.DescribeLogGroupsOutput) error {
		for _, g := range o.LogGroups {
			if aws.ToString(g.LogGroupName) == group {
				found = append(found, g)
				return errFound // no other has its name
			}
		}
		return nil
	})
	switch {
	case len(found) > 0: // whatever came after
		w.note = groupNote(&found[0])
		j.putJSON(ctx, w, s, map[string]any{"logGroups": found})
		return []string{string(found[0].LogGroupClass)}, true
	case err != nil:
		j.refused(w, s, err)
		return nil, false
	}
	j.none(w, s, "no log group "+group)
	return nil, true
}

// groupNote says what of the group's events can never be had, or not by this tool.
func groupNote(g *types.LogGroup) string {
	var notes []string
	if n := classNote(string(g.LogGroupClass)); n != "" {
		notes = append(notes, n)
	}
	if g.DataProtectionStatus == types.DataProtectionStatusActivated {
		notes = append(notes, "a data protection policy masks what it calls sensitive: events are collected masked, logs:Unmask is not used")
	}
	return strings.Join(notes, "; ")
}

// classNote says what a class of log groups does to collecting. Source: CloudWatch Logs user
// guide, "Log classes".
func classNote(class string) string {
	switch types.LogGroupClass(class) {
	case types.LogGroupClassInfrequentAccess:
		return "the group's class is INFREQUENT_ACCESS, which refuses FilterLogEvents: read by Logs Insights (StartQuery, GetQueryResults), whose results have no eventId and cost the account what they scan"
	case types.LogGroupClassDelivery:
		return "the group's class is DELIVERY: events are kept for a day, and go on to S3 or Firehose by the group's delivery, where they are to be looked for"
	}
	return ""
}
