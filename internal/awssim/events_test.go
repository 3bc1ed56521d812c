package awssim

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	et "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	st "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// TestReadsLeaveTheDigest: a first look into a region makes nothing there, be it the
// default bus that every region has.
func TestReadsLeaveTheDigest(t *testing.T) {
	c, cfg := realCloud(t, Config{})
	ctx, before := t.Context(), c.Digest()
	cfg.Region = "eu-west-1"
	must(eventbridge.NewFromConfig(cfg).ListRules(ctx, &eventbridge.ListRulesInput{}))(t)
	must(sqs.NewFromConfig(cfg).ListQueues(ctx, &sqs.ListQueuesInput{}))(t)
	must(cloudwatchlogs.NewFromConfig(cfg).DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{}))(t)
	trails := cloudtrail.NewFromConfig(cfg)
	must(trails.DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{}))(t)
	must(trails.ListPublicKeys(ctx, &cloudtrail.ListPublicKeysInput{}))(t)
	must(trails.LookupEvents(ctx, &cloudtrail.LookupEventsInput{}))(t)
	if c.Digest() != before {
		t.Errorf("reading changed the account: %v", sortedNames(c.Objects()))
	}
}

// TestNamesThatNest: names with slashes are no parts of others.
func TestNamesThatNest(t *testing.T) {
	c, cfg := realCloud(t, Config{})
	ctx, logs, events := t.Context(), cloudwatchlogs.NewFromConfig(cfg), eventbridge.NewFromConfig(cfg)
	for _, g := range []string{"/g", "/g/s"} {
		must(logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String(g)}))(t)
	}
	must(logs.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: aws.String("/g"), LogStreamName: aws.String("s")}))(t)
	must(events.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: aws.String("default/x")}))(t)
	must(events.PutRule(ctx, &eventbridge.PutRuleInput{Name: aws.String("x"), ScheduleExpression: aws.String("rate(1 hour)")}))(t)
	if n := len(c.Objects()); n < 5 {
		t.Errorf("%d objects", n)
	}
}

// TestManagedRules: what a service made, the account's own users change only by Force.
func TestManagedRules(t *testing.T) {
	c, cfg := realCloud(t, Config{})
	ctx, events, name := t.Context(), eventbridge.NewFromConfig(cfg), aws.String("managed")
	c.StageManagedRule(c.AccountID(), c.Region(), *name, "autoscaling.amazonaws.com", et.Target{Id: aws.String("1"), Arn: aws.String("arn:aws:sqs:eu-west-1:111122223333:q")})
	if by := must(events.DescribeRule(ctx, &eventbridge.DescribeRuleInput{Name: name}))(t).ManagedBy; aws.ToString(by) != "autoscaling.amazonaws.com" {
		t.Errorf("managed by %q", aws.ToString(by))
	}
	for what, call := range map[string]func() error{
		"disable": func() error { _, err := events.DisableRule(ctx, &eventbridge.DisableRuleInput{Name: name}); return err },
		"enable":  func() error { _, err := events.EnableRule(ctx, &eventbridge.EnableRuleInput{Name: name}); return err },
		"put": func() error {
			_, err := events.PutRule(ctx, &eventbridge.PutRuleInput{Name: name, ScheduleExpression: aws.String("rate(1 hour)")})
			return err
		},
		"add": func() error {
			_, err := events.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: name, Targets: []et.Target{{Id: aws.String("2"), Arn: aws.String("arn:aws:sqs:eu-west-1:111122223333:q")}}})
			return err
		},
		"remove": func() error {
			_, err := events.RemoveTargets(ctx, &eventbridge.RemoveTargetsInput{Rule: name, Ids: []string{"1"}})
			return err
		},
		"delete": func() error { _, err := events.DeleteRule(ctx, &eventbridge.DeleteRuleInput{Name: name}); return err },
	} {
		if err := call(); codeOf(err) != "ManagedRuleException" {
			t.Errorf("%s: %v", what, err)
		}
	}
	must(events.RemoveTargets(ctx, &eventbridge.RemoveTargetsInput{Rule: name, Ids: []string{"1"}, Force: true}))(t)
	must(events.DeleteRule(ctx, &eventbridge.DeleteRuleInput{Name: name, Force: true}))(t)
}

// TestScheduleHasBegun: an update cannot restate a start that is past, and does without it.
func TestScheduleHasBegun(t *testing.T) {
	c, cfg := realCloud(t, Config{})
	ctx, cl, name := t.Context(), scheduler.NewFromConfig(cfg), aws.String("s")
	in := &scheduler.UpdateScheduleInput{Name: name, ScheduleExpression: aws.String("rate(1 hour)"), FlexibleTimeWindow: &st.FlexibleTimeWindow{Mode: st.FlexibleTimeWindowModeOff},
		Target: &st.Target{Arn: aws.String("arn:aws:sqs:eu-west-1:111122223333:q"), RoleArn: aws.String("arn:aws:iam::" + c.AccountID() + ":role/r")}}
	must(cl.CreateSchedule(ctx, &scheduler.CreateScheduleInput{Name: name, ScheduleExpression: in.ScheduleExpression, FlexibleTimeWindow: in.FlexibleTimeWindow, Target: in.Target}))(t)
	in.StartDate = aws.Time(c.Now().Add(-time.Hour))
	if _, err := cl.UpdateSchedule(ctx, in); codeOf(err) != "ValidationException" {
		t.Errorf("a start that is past: %v", err)
	}
	in.StartDate = nil
	must(cl.UpdateSchedule(ctx, in))(t)
}
