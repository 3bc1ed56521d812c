package awssim

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// logsOps is every simulated operation of CloudWatch Logs.
func logsOps() []operation {
	return []operation{
		op("logs", "CreateLogGroup", createLogGroup), op("logs", "DeleteLogGroup", deleteLogGroup), op("logs", "DescribeLogGroups", describeLogGroups),
		op("logs", "CreateLogStream", createLogStream), op("logs", "DeleteLogStream", deleteLogStream), op("logs", "DescribeLogStreams", describeLogStreams),
		op("logs", "PutLogEvents", putLogEvents), op("logs", "GetLogEvents", getLogEvents), op("logs", "FilterLogEvents", filterLogEvents),
		op("logs", "StartQuery", startQuery), op("logs", "GetQueryResults", getQueryResults),
		op("logs", "PutRetentionPolicy", putRetention), op("logs", "DeleteRetentionPolicy", deleteRetention), op("logs", "PutLogGroupDeletionProtection", putGroupProtection),
		op("logs", "AssociateKmsKey", associateKey),
		op("logs", "PutSubscriptionFilter", putSubscription), op("logs", "DescribeSubscriptionFilters", describeSubscriptions), op("logs", "DeleteSubscriptionFilter", deleteSubscription),
	}
}

func createLogGroup(c *call, in *cloudwatchlogs.CreateLogGroupInput) (*cloudwatchlogs.CreateLogGroupOutput, error) {
	name := aws.ToString(in.LogGroupName)
	if err := c.allow("logs:CreateLogGroup", groupARN(c.accountID, c.region, name)); err != nil {
		return nil, err
	}
	s := c.logs.at(c.accountID, c.region, newLogsState)
	if s.groups[name] != nil {
		return nil, fail("ResourceAlreadyExistsException", "The specified log group already exists")
	}
	g := newLogGroup(name, c.now)
	if in.LogGroupClass != "" {
		g.class = in.LogGroupClass
	}
	g.kms, g.protected = aws.ToString(in.KmsKeyId), aws.ToBool(in.DeletionProtectionEnabled)
	for k, v := range in.Tags {
		g.tags[k] = v
	}
	s.groups[name] = g
	return nil, nil
}

func deleteLogGroup(c *call, in *cloudwatchlogs.DeleteLogGroupInput) (*cloudwatchlogs.DeleteLogGroupOutput, error) {
	s, g, err := c.group("DeleteLogGroup", in.LogGroupName)
	if err != nil {
		return nil, err
	}
	if g.protected {
		return nil, fail("ValidationException", "The log group is protected from deletion.")
	}
	delete(s.groups, g.name)
	return nil, nil
}

func (g *logGroup) view(account, region string) cw.LogGroup {
	out := cw.LogGroup{
		LogGroupName: aws.String(g.name), LogGroupArn: aws.String(groupARN(account, region, g.name)), Arn: aws.String(groupARN(account, region, g.name) + ":*"),
		CreationTime: aws.Int64(g.created.UnixMilli()), LogGroupClass: g.class, RetentionInDays: g.retention, MetricFilterCount: aws.Int32(0), StoredBytes: aws.Int64(0),
		DeletionProtectionEnabled: aws.Bool(g.protected),
	}
	if g.kms != "" {
		out.KmsKeyId = aws.String(g.kms)
	}
	return out
}

func describeLogGroups(c *call, in *cloudwatchlogs.DescribeLogGroupsInput) (*cloudwatchlogs.DescribeLogGroupsOutput, error) {
	if err := c.allow("logs:DescribeLogGroups", groupARN(c.accountID, c.region, "")+":*"); err != nil {
		return nil, err
	}
	s := c.logs.at(c.accountID, c.region, newLogsState)
	all := []cw.LogGroup{}
	for _, name := range sortedNames(s.groups) {
		g := s.groups[name]
		wanted := strings.HasPrefix(name, aws.ToString(in.LogGroupNamePrefix)) && strings.Contains(name, aws.ToString(in.LogGroupNamePattern)) && (in.LogGroupClass == "" || in.LogGroupClass == g.class)
		if len(in.LogGroupIdentifiers) > 0 {
			wanted = wanted && slices.ContainsFunc(in.LogGroupIdentifiers, func(id string) bool { return groupName(id) == name })
		}
		if wanted {
			all = append(all, g.view(c.accountID, c.region))
		}
	}
	page, next, err := paginate(all, in.NextToken, in.Limit, 50)
	return &cloudwatchlogs.DescribeLogGroupsOutput{LogGroups: orEmpty(page), NextToken: next}, err
}

func createLogStream(c *call, in *cloudwatchlogs.CreateLogStreamInput) (*cloudwatchlogs.CreateLogStreamOutput, error) {
	_, g, err := c.group("CreateLogStream", in.LogGroupName)
	if err != nil {
		return nil, err
	}
	name := aws.ToString(in.LogStreamName)
	if g.streams[name] != nil {
		return nil, fail("ResourceAlreadyExistsException", "The specified log stream already exists")
	}
	g.streams[name] = &logStream{name: name, created: c.now}
	return nil, nil
}

func deleteLogStream(c *call, in *cloudwatchlogs.DeleteLogStreamInput) (*cloudwatchlogs.DeleteLogStreamOutput, error) {
	_, g, err := c.group("DeleteLogStream", in.LogGroupName)
	if err != nil {
		return nil, err
	}
	st, err := g.stream(in.LogStreamName)
	if err != nil {
		return nil, err
	}
	delete(g.streams, st.name)
	return nil, nil
}

// lastEventLag: AWS updates lastEventTimestamp an hour or more after the event.
const lastEventLag = time.Hour

func describeLogStreams(c *call, in *cloudwatchlogs.DescribeLogStreamsInput) (*cloudwatchlogs.DescribeLogStreamsOutput, error) {
	_, g, err := c.group("DescribeLogStreams", named(in.LogGroupName, in.LogGroupIdentifier))
	if err != nil {
		return nil, err
	}
	names := slices.DeleteFunc(sortedNames(g.streams), func(n string) bool { return !strings.HasPrefix(n, aws.ToString(in.LogStreamNamePrefix)) })
	if in.OrderBy == cw.OrderByLastEventTime {
		at := map[string]int64{}
		for _, n := range names {
			at[n] = aws.ToInt64(c.describedStream(g, n).LastEventTimestamp)
		}
		slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(at[a], at[b]) })
	}
	if aws.ToBool(in.Descending) {
		slices.Reverse(names)
	}
	names, next, err := paginate(names, in.NextToken, in.Limit, 50)
	page := []cw.LogStream{}
	for _, n := range names {
		page = append(page, c.describedStream(g, n))
	}
	return &cloudwatchlogs.DescribeLogStreamsOutput{LogStreams: page, NextToken: next}, err
}

func (c *call) describedStream(g *logGroup, name string) cw.LogStream {
	st := g.streams[name]
	//lint:ignore SA1019 AWS still answers with storedBytes, 0 for streams
	v := cw.LogStream{LogStreamName: aws.String(name), CreationTime: aws.Int64(st.created.UnixMilli()), StoredBytes: aws.Int64(0), Arn: aws.String(groupARN(c.accountID, c.region, g.name) + ":log-stream:" + name)}
	if n := len(st.events); n > 0 {
		v.FirstEventTimestamp, v.LastIngestionTime = aws.Int64(st.events[0].at.UnixMilli()), aws.Int64(st.events[n-1].ingested.UnixMilli())
	}
	for _, e := range slices.Backward(st.events) {
		if !e.ingested.Add(lastEventLag).After(c.now) {
			v.LastEventTimestamp = aws.Int64(e.at.UnixMilli())
			break
		}
	}
	return v
}

func putLogEvents(c *call, in *cloudwatchlogs.PutLogEventsInput) (*cloudwatchlogs.PutLogEventsOutput, error) {
	name := aws.ToString(in.LogGroupName)
	if err := c.allow("logs:PutLogEvents", groupARN(c.accountID, c.region, name)+":log-stream:"+aws.ToString(in.LogStreamName)); err != nil {
		return nil, err
	}
	g := c.logs.at(c.accountID, c.region, newLogsState).groups[name]
	if g == nil {
		return nil, fail("ResourceNotFoundException", "The specified log group does not exist.")
	}
	st, err := g.stream(in.LogStreamName)
	if err != nil {
		return nil, err
	}
	last := int64(-1)
	for _, e := range in.LogEvents {
		if *e.Timestamp < last {
			return nil, fail("InvalidParameterException", "Log events in a single PutLogEvents request must be in chronological order.")
		}
		last = *e.Timestamp
		st.add(time.UnixMilli(*e.Timestamp).UTC(), c.now, aws.ToString(e.Message))
	}
	return &cloudwatchlogs.PutLogEventsOutput{NextSequenceToken: aws.String(strconv.FormatInt(st.next, 10))}, nil
}

// between says whether an event lies in a range of epoch milliseconds (start inclusive).
func between(e logEvent, start, end *int64, endInclusive bool) bool {
	ms := e.at.UnixMilli()
	if start != nil && ms < *start {
		return false
	}
	return end == nil || ms < *end || endInclusive && ms == *end
}

// getLogEvents pages in both directions; at the end the token comes back as it was given.
func getLogEvents(c *call, in *cloudwatchlogs.GetLogEventsInput) (*cloudwatchlogs.GetLogEventsOutput, error) {
	_, g, err := c.group("GetLogEvents", named(in.LogGroupName, in.LogGroupIdentifier))
	if err != nil {
		return nil, err
	}
	st, err := g.stream(in.LogStreamName)
	if err != nil {
		return nil, err
	}
	var all []logEvent
	for _, e := range g.kept(st, c.now) {
		if between(e, in.StartTime, in.EndTime, false) {
			all = append(all, e)
		}
	}
	size := 10000
	if in.Limit != nil {
		size = int(*in.Limit)
	}
	from := 0
	if !aws.ToBool(in.StartFromHead) {
		from = max(0, len(all)-size)
	}
	to := min(from+size, len(all))
	if in.NextToken != nil {
		n, convErr := strconv.Atoi(strings.TrimLeft(*in.NextToken, "fb/"))
		if convErr != nil || n < 0 {
			return nil, fail("InvalidParameterException", "The specified nextToken is invalid.")
		}
		if strings.HasPrefix(*in.NextToken, "f/") {
			from, to = min(n, len(all)), min(n+size, len(all))
		} else {
			from, to = max(0, min(n, len(all))-size), min(n, len(all))
		}
	}
	out := &cloudwatchlogs.GetLogEventsOutput{Events: []cw.OutputLogEvent{}, NextForwardToken: aws.String(fmt.Sprintf("f/%056d", to)), NextBackwardToken: aws.String(fmt.Sprintf("b/%056d", from))}
	for _, e := range all[from:to] {
		out.Events = append(out.Events, cw.OutputLogEvent{Timestamp: aws.Int64(e.at.UnixMilli()), IngestionTime: aws.Int64(e.ingested.UnixMilli()), Message: aws.String(e.message)})
	}
	return out, nil
}

// retentionDays are the values that AWS takes (API reference, PutRetentionPolicy).
var retentionDays = [...]int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

func putRetention(c *call, in *cloudwatchlogs.PutRetentionPolicyInput) (*cloudwatchlogs.PutRetentionPolicyOutput, error) {
	_, g, err := c.group("PutRetentionPolicy", in.LogGroupName)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(retentionDays[:], aws.ToInt32(in.RetentionInDays)) {
		return nil, fail("InvalidParameterException", "1 validation error detected: Value '%d' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: %v", aws.ToInt32(in.RetentionInDays), retentionDays)
	}
	g.retention = in.RetentionInDays
	return nil, nil
}

// associateKey: events that are written from now on are under the key (API reference). A key of a
// group; keys of query results are not simulated.
func associateKey(c *call, in *cloudwatchlogs.AssociateKmsKeyInput) (*cloudwatchlogs.AssociateKmsKeyOutput, error) {
	if in.LogGroupName == nil {
		return nil, fail("InvalidParameterException", "freezeframe simulator: a key of anything but a log group by its name is not simulated")
	}
	_, g, err := c.group("AssociateKmsKey", in.LogGroupName)
	if err != nil {
		return nil, err
	}
	g.kms = *in.KmsKeyId
	return nil, nil
}

func deleteRetention(c *call, in *cloudwatchlogs.DeleteRetentionPolicyInput) (*cloudwatchlogs.DeleteRetentionPolicyOutput, error) {
	_, g, err := c.group("DeleteRetentionPolicy", in.LogGroupName)
	if err != nil {
		return nil, err
	}
	g.retention = nil
	return nil, nil
}

// putGroupProtection takes a group's name or ARN (API reference, PutLogGroupDeletionProtection).
func putGroupProtection(c *call, in *cloudwatchlogs.PutLogGroupDeletionProtectionInput) (*cloudwatchlogs.PutLogGroupDeletionProtectionOutput, error) {
	_, g, err := c.group("PutLogGroupDeletionProtection", aws.String(groupName(aws.ToString(in.LogGroupIdentifier))))
	if err != nil {
		return nil, err
	}
	g.protected = aws.ToBool(in.DeletionProtectionEnabled)
	return nil, nil
}

func putSubscription(c *call, in *cloudwatchlogs.PutSubscriptionFilterInput) (*cloudwatchlogs.PutSubscriptionFilterOutput, error) {
	_, g, err := c.group("PutSubscriptionFilter", in.LogGroupName)
	if err != nil {
		return nil, err
	}
	name := aws.ToString(in.FilterName)
	if _, had := g.subscriptions[name]; !had && len(g.subscriptions) >= 2 {
		return nil, fail("LimitExceededException", "Resource limit exceeded.")
	}
	f := *like[cw.SubscriptionFilter](in)
	f.CreationTime = aws.Int64(c.now.UnixMilli())
	if f.Distribution == "" {
		f.Distribution = cw.DistributionByLogStream
	}
	g.subscriptions[name] = f
	return nil, nil
}

func describeSubscriptions(c *call, in *cloudwatchlogs.DescribeSubscriptionFiltersInput) (*cloudwatchlogs.DescribeSubscriptionFiltersOutput, error) {
	_, g, err := c.group("DescribeSubscriptionFilters", in.LogGroupName)
	if err != nil {
		return nil, err
	}
	all := []cw.SubscriptionFilter{}
	for _, n := range sortedNames(g.subscriptions) {
		if strings.HasPrefix(n, aws.ToString(in.FilterNamePrefix)) {
			all = append(all, g.subscriptions[n])
		}
	}
	page, next, err := paginate(all, in.NextToken, in.Limit, 50)
	return &cloudwatchlogs.DescribeSubscriptionFiltersOutput{SubscriptionFilters: orEmpty(page), NextToken: next}, err
}

func deleteSubscription(c *call, in *cloudwatchlogs.DeleteSubscriptionFilterInput) (*cloudwatchlogs.DeleteSubscriptionFilterOutput, error) {
	_, g, err := c.group("DeleteSubscriptionFilter", in.LogGroupName)
	if err != nil {
		return nil, err
	}
	if _, ok := g.subscriptions[aws.ToString(in.FilterName)]; !ok {
		return nil, fail("ResourceNotFoundException", "The specified subscription filter does not exist.")
	}
	delete(g.subscriptions, *in.FilterName)
	return nil, nil
}
