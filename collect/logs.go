package collect

import (
	"context"
	"fmt"
	"io"

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

// logEvents reads by event time, never by stream: a stream's last event time lags
// an hour or more.
func logEvents() Collector {
	return Collector{
		Name: "logs.events", About: "log events of the window",
		Needs:   []awsapi.Need{need("CloudWatchLogs:FilterLogEvents", "logs:FilterLogEvents", "log group ARN")},
		Collect: collectLogEvents,
	}
}

// logGroupName is what the configuration says, or Lambda's default.
func (j *Job) logGroupName(ctx context.Context) string {
	f := j.facts.latest.get(ctx)
	if f != nil && f.LoggingConfig != nil && aws.ToString(f.LoggingConfig.LogGroup) != "" {
		return *f.LoggingConfig.LogGroup
	}
	return "/aws/lambda/" + j.Target.Function
}

func (j *Job) logWant(artefact, region, group, call string) want {
	t := j.Target
	w := j.of(artefact, fmt.Sprintf("arn:%s:logs:%s:%s:log-group:%s", partitionOf(region), region, t.Account, group), "", region, call)
	w.params = map[string]string{"logGroupName": group}
	w.name = t.Function + "." + artefact + ".json"
	w.none = true // a function that never ran has no log group
	return w
}

func collectLogGroup(ctx context.Context, j *Job) {
	j.logGroupIn(ctx, j.Target.Region, j.logGroupName(ctx))
	j.edgeLogGroups(ctx)
}

// logGroupIn keeps a log group and says whether it is there, and whether that is known.
func (j *Job) logGroupIn(ctx context.Context, region, group string) (found, known bool) {
	if !j.run.claim("log group " + region + " " + group) {
		j.planned.Store(true)
		return false, true
	}
	w, subs := j.logWant("logs.group", region, group, "CloudWatchLogs:DescribeLogGroups"), j.logWant("logs.group.subscriptions", region, group, "CloudWatchLogs:DescribeSubscriptionFilters")
	j.plan(w)
	c := cloudwatchlogs.NewFromConfig(j.config(region))
	describe := func() { found, known = j.describeGroup(ctx, c, w, group) }
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

// describeGroup finds the one group among those that begin with its name.
func (j *Job) describeGroup(ctx context.Context, c *cloudwatchlogs.Client, w want, group string) (there, known bool) {
	if e, ok := j.keptEntry(w); ok {
		return e.Item != nil, j.have(w)
	}
	in := &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String(group)}
	first, s, err := ask(ctx, j, c.DescribeLogGroups, in)
	if err != nil {
		j.refused(w, s, err)
		return false, false
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
			}
		}
		return nil
	})
	switch {
	case len(found) > 0:
		j.putJSON(ctx, w, s, map[string]any{"logGroups": found})
	case err != nil:
		j.refused(w, s, err)
		return false, false
	default:
		j.none(w, s, "no log group "+group)
	}
	return len(found) > 0, true
}

func collectLogEvents(ctx context.Context, j *Job) {
	j.logEventsIn(ctx, j.Target.Region, j.logGroupName(ctx))
	j.edgeLogEvents(ctx)
}

func (j *Job) logEventsIn(ctx context.Context, region, group string) {
	if !j.run.claim("log events of " + region + " " + group) {
		j.planned.Store(true)
		return
	}
	w := j.logWant("logs.events", region, group, "CloudWatchLogs:FilterLogEvents")
	w.name = j.Target.Function + ".logs.events.ndjson"
	if j.have(w) {
		return
	}
	j.plan(w)
	c := cloudwatchlogs.NewFromConfig(j.config(region))
	in := &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: aws.String(group),
		StartTime:    aws.Int64(j.run.since.UnixMilli()), EndTime: aws.Int64(j.run.until.UnixMilli()),
	}
	first, s, err := ask(ctx, j, c.FilterLogEvents, in)
	if err != nil {
		// Groups of class INFREQUENT_ACCESS refuse this call: the error says so.
		j.refused(w, s, err)
		return
	}
	p := pager[cloudwatchlogs.FilterLogEventsInput, cloudwatchlogs.FilterLogEventsOutput, cloudwatchlogs.Options]{
		call: c.FilterLogEvents, in: in,
		next: func(in *cloudwatchlogs.FilterLogEventsInput, out *cloudwatchlogs.FilterLogEventsOutput) string {
			in.NextToken = out.NextToken
			return aws.ToString(in.NextToken)
		},
	}
	err = j.put(ctx, w, s, func(out io.Writer) error {
		capped := &cappedWriter{w: out, left: j.run.o.MaxLogBytes}
		cut := p.each(ctx, j, first, func(o *cloudwatchlogs.FilterLogEventsOutput) error { return j.writeEvents(capped, o.Events) })
		if cut != nil {
			return truncated(cut)
		}
		return nil
	})
	if err != nil {
		j.refused(w, s, err)
	}
}

func (j *Job) writeEvents(out io.Writer, events []types.FilteredLogEvent) error {
	for i := range events {
		doc, err := j.run.enc.document(&events[i])
		if err != nil {
			return err
		}
		if _, err := out.Write(doc); err != nil {
			return err
		}
	}
	return nil
}

// cappedWriter refuses the write that would go over the cap, so that lines stay whole.
type cappedWriter struct {
	w    io.Writer
	left int64
}

func (c *cappedWriter) Write(p []byte) (int, error) {
	if int64(len(p)) > c.left {
		return 0, fmt.Errorf("the cap on log bytes is met: raise --max-log-bytes")
	}
	n, err := c.w.Write(p)
	c.left -= int64(n)
	return n, err
}
