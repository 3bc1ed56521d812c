package awssim

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	ct "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	et "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	qt "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func TestSweepLogs(t *testing.T) {
	ctx, _, cfg := sweeping(t)
	cl, g, s := cloudwatchlogs.NewFromConfig(cfg), aws.String("/g"), aws.String("s")
	must(cl.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: g}))(t)
	must(cl.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: g, LogStreamName: s}))(t)
	now := time.Now().UnixMilli()
	must(cl.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: g, LogStreamName: s, LogEvents: []cw.InputLogEvent{
		{Timestamp: aws.Int64(now - 2), Message: aws.String("one error")}, {Timestamp: aws.Int64(now - 1), Message: aws.String("two")}, {Timestamp: aws.Int64(now), Message: aws.String("three error")}}}))(t)
	if f := must(cl.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: g, FilterPattern: aws.String("error")}))(t); len(f.Events) != 2 {
		t.Errorf("%d events match", len(f.Events))
	}
	// Forward to the end, where the token comes back as it was given.
	in := &cloudwatchlogs.GetLogEventsInput{LogGroupName: g, LogStreamName: s, StartFromHead: aws.Bool(true), Limit: aws.Int32(2)}
	seen := 0
	for range 5 {
		out := must(cl.GetLogEvents(ctx, in))(t)
		seen += len(out.Events)
		if in.NextToken != nil && *in.NextToken == *out.NextForwardToken {
			break
		}
		in.NextToken = out.NextForwardToken
	}
	if seen != 3 {
		t.Errorf("paging forward saw %d events", seen)
	}
	if _, err := cl.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: g, FilterPattern: aws.String("{ $.a = 1 }")}); codeOf(err) != "InvalidParameterException" {
		t.Errorf("a pattern that is not simulated: %v", err)
	}
	query := must(cl.StartQuery(ctx, &cloudwatchlogs.StartQueryInput{LogGroupName: g, StartTime: aws.Int64(now/1000 - 1), EndTime: aws.Int64(now/1000 + 1), QueryString: aws.String("fields @timestamp, @message | sort @timestamp desc")}))(t)
	found := must(cl.GetQueryResults(ctx, &cloudwatchlogs.GetQueryResultsInput{QueryId: query.QueryId}))(t)
	if len(found.Results) != 3 || *found.Results[0][1].Value != "three error" || *found.Results[0][2].Field != "@ptr" {
		t.Errorf("%s: %v", found.Status, found.Results)
	}
	must(cl.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{}))(t)
	must(cl.DescribeLogStreams(ctx, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: g}))(t)
	must(cl.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: g, RetentionInDays: aws.Int32(7)}))(t)
	must(cl.DeleteRetentionPolicy(ctx, &cloudwatchlogs.DeleteRetentionPolicyInput{LogGroupName: g}))(t)
	must(cl.PutLogGroupDeletionProtection(ctx, &cloudwatchlogs.PutLogGroupDeletionProtectionInput{LogGroupIdentifier: g, DeletionProtectionEnabled: aws.Bool(true)}))(t)
	if _, err := cl.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: g}); codeOf(err) != "ValidationException" {
		t.Errorf("deleting a group that is protected: %v", err)
	}
	must(cl.PutLogGroupDeletionProtection(ctx, &cloudwatchlogs.PutLogGroupDeletionProtectionInput{LogGroupIdentifier: g, DeletionProtectionEnabled: aws.Bool(false)}))(t)
	must(cl.PutSubscriptionFilter(ctx, &cloudwatchlogs.PutSubscriptionFilterInput{LogGroupName: g, FilterName: aws.String("f"), FilterPattern: aws.String(""), DestinationArn: aws.String("arn:aws:lambda:us-east-1:111122223333:function:f")}))(t)
	must(cl.DescribeSubscriptionFilters(ctx, &cloudwatchlogs.DescribeSubscriptionFiltersInput{LogGroupName: g}))(t)
	must(cl.DeleteSubscriptionFilter(ctx, &cloudwatchlogs.DeleteSubscriptionFilterInput{LogGroupName: g, FilterName: aws.String("f")}))(t)
	must(cl.DeleteLogStream(ctx, &cloudwatchlogs.DeleteLogStreamInput{LogGroupName: g, LogStreamName: s}))(t)
	must(cl.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: g}))(t)
}

func TestSweepEvents(t *testing.T) {
	ctx, _, cfg := sweeping(t)
	cl, r := eventbridge.NewFromConfig(cfg), aws.String("r")
	must(cl.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: aws.String("b")}))(t)
	must(cl.DescribeEventBus(ctx, &eventbridge.DescribeEventBusInput{Name: aws.String("b")}))(t)
	must(cl.ListEventBuses(ctx, &eventbridge.ListEventBusesInput{}))(t)
	must(cl.DeleteEventBus(ctx, &eventbridge.DeleteEventBusInput{Name: aws.String("b")}))(t)
	must(cl.PutRule(ctx, &eventbridge.PutRuleInput{Name: r, EventPattern: aws.String(`{"source":["aws.iam"]}`), State: et.RuleStateEnabledWithAllCloudtrailManagementEvents}))(t)
	target := aws.String("arn:aws:lambda:us-east-1:111122223333:function:f")
	must(cl.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: r, Targets: []et.Target{{Id: aws.String("1"), Arn: target}}}))(t)
	if n := must(cl.ListRuleNamesByTarget(ctx, &eventbridge.ListRuleNamesByTargetInput{TargetArn: target}))(t).RuleNames; len(n) != 1 {
		t.Errorf("rules of the target: %v", n)
	}
	must(cl.ListTargetsByRule(ctx, &eventbridge.ListTargetsByRuleInput{Rule: r}))(t)
	must(cl.DisableRule(ctx, &eventbridge.DisableRuleInput{Name: r}))(t)
	must(cl.EnableRule(ctx, &eventbridge.EnableRuleInput{Name: r}))(t)
	if d := must(cl.DescribeRule(ctx, &eventbridge.DescribeRuleInput{Name: r}))(t); d.State != et.RuleStateEnabled {
		t.Errorf("enabling gives back %s", d.State)
	}
	must(cl.ListRules(ctx, &eventbridge.ListRulesInput{}))(t)
	if _, err := cl.DeleteRule(ctx, &eventbridge.DeleteRuleInput{Name: r}); codeOf(err) != "ValidationException" {
		t.Errorf("deleting a rule with targets: %v", err)
	}
	must(cl.RemoveTargets(ctx, &eventbridge.RemoveTargetsInput{Rule: r, Ids: []string{"1"}}))(t)
	must(cl.DeleteRule(ctx, &eventbridge.DeleteRuleInput{Name: r}))(t)
}

func TestSweepTrails(t *testing.T) {
	ctx, _, cfg := sweeping(t)
	cl, n := cloudtrail.NewFromConfig(cfg), aws.String("trail")
	arn := must(cl.CreateTrail(ctx, &cloudtrail.CreateTrailInput{Name: n, S3BucketName: aws.String("logs-bucket")}))(t).TrailARN
	must(cl.UpdateTrail(ctx, &cloudtrail.UpdateTrailInput{Name: n, IsMultiRegionTrail: aws.Bool(true)}))(t)
	must(cl.StartLogging(ctx, &cloudtrail.StartLoggingInput{Name: n}))(t)
	if s := must(cl.GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: n}))(t); !*s.IsLogging {
		t.Error("a started trail does not log")
	}
	must(cl.DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{}))(t)
	must(cl.GetTrail(ctx, &cloudtrail.GetTrailInput{Name: n}))(t)
	must(cl.ListTrails(ctx, &cloudtrail.ListTrailsInput{}))(t)
	must(cl.GetEventSelectors(ctx, &cloudtrail.GetEventSelectorsInput{TrailName: n}))(t)
	must(cl.ListTags(ctx, &cloudtrail.ListTagsInput{ResourceIdList: []string{*arn}}))(t)
	must(cl.ListPublicKeys(ctx, &cloudtrail.ListPublicKeysInput{}))(t)
	must(cl.StopLogging(ctx, &cloudtrail.StopLoggingInput{Name: n}))(t)
	must(cl.DeleteTrail(ctx, &cloudtrail.DeleteTrailInput{Name: n}))(t)
}

// TestLookupEvents: one attribute, newest first, pages bound to their parameters.
func TestLookupEvents(t *testing.T) {
	ctx, _, cfg := sweeping(t)
	cl := cloudtrail.NewFromConfig(cfg)
	by := func(k ct.LookupAttributeKey, v string) *cloudtrail.LookupEventsInput {
		return &cloudtrail.LookupEventsInput{LookupAttributes: []ct.LookupAttribute{{AttributeKey: k, AttributeValue: aws.String(v)}}}
	}
	all := must(cl.LookupEvents(ctx, by(ct.LookupAttributeKeyEventSource, "lambda.amazonaws.com")))(t).Events
	if len(all) != 2 || all[0].EventTime.Before(*all[1].EventTime) {
		t.Fatalf("%d events, or not the newest first", len(all))
	}
	if e := must(cl.LookupEvents(ctx, by(ct.LookupAttributeKeyUsername, "admin")))(t).Events; len(e) < 3 {
		t.Errorf("%d events of admin", len(e))
	}
	in := by(ct.LookupAttributeKeyEventSource, "lambda.amazonaws.com")
	in.MaxResults = aws.Int32(1)
	first := must(cl.LookupEvents(ctx, in))(t)
	in.NextToken = first.NextToken
	if second := must(cl.LookupEvents(ctx, in))(t); *second.Events[0].EventId != *all[1].EventId || second.NextToken != nil {
		t.Errorf("the second page: %+v", second)
	}
	other := by(ct.LookupAttributeKeyUsername, "admin")
	other.NextToken = first.NextToken
	if _, err := cl.LookupEvents(ctx, other); codeOf(err) != "InvalidNextTokenException" {
		t.Errorf("a token of other parameters: %v", err)
	}
	in = by(ct.LookupAttributeKeyEventName, "a")
	in.StartTime, in.EndTime = aws.Time(time.Now()), aws.Time(time.Now().Add(-time.Hour))
	if _, err := cl.LookupEvents(ctx, in); codeOf(err) != "InvalidTimeRangeException" {
		t.Errorf("a range that ends before it begins: %v", err)
	}
}

func TestSweepQueues(t *testing.T) {
	ctx, c, cfg := sweeping(t)
	cl := sqs.NewFromConfig(cfg)
	dead := must(cl.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("dead")}))(t).QueueUrl
	q := must(cl.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("q"), Attributes: map[string]string{
		"VisibilityTimeout": "0", "RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:` + c.Region() + `:` + c.AccountID() + `:dead","maxReceiveCount":1}`}}))(t).QueueUrl
	must(cl.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("q")}))(t)
	must(cl.ListQueues(ctx, &sqs.ListQueuesInput{}))(t)
	must(cl.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: q, Attributes: map[string]string{"DelaySeconds": "0"}}))(t)
	must(cl.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: q, MessageBody: aws.String("body")}))(t)
	m := must(cl.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: q, VisibilityTimeout: 60, MessageSystemAttributeNames: []qt.MessageSystemAttributeName{qt.MessageSystemAttributeNameAll}}))(t).Messages
	if len(m) != 1 || *m[0].Body != "body" {
		t.Fatalf("received %+v", m)
	}
	must(cl.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: q, ReceiptHandle: m[0].ReceiptHandle, VisibilityTimeout: 0}))(t)
	// The second reception is one too many: the message goes to the dead-letter queue.
	if again := must(cl.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: q}))(t).Messages; len(again) != 0 {
		t.Errorf("received again: %+v", again)
	}
	d := must(cl.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: dead}))(t).Messages
	if len(d) != 1 {
		t.Fatalf("the dead-letter queue holds %+v", d)
	}
	must(cl.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: dead, ReceiptHandle: d[0].ReceiptHandle}))(t)
	must(cl.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: q, AttributeNames: []qt.QueueAttributeName{qt.QueueAttributeNameAll}}))(t)
	must(cl.TagQueue(ctx, &sqs.TagQueueInput{QueueUrl: q, Tags: map[string]string{"a": "b"}}))(t)
	must(cl.ListQueueTags(ctx, &sqs.ListQueueTagsInput{QueueUrl: q}))(t)
	must(cl.UntagQueue(ctx, &sqs.UntagQueueInput{QueueUrl: q, TagKeys: []string{"a"}}))(t)
	must(cl.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: q}))(t)
	must(cl.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: q}))(t)
}
