package bench

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
)

// addMoreSchedules has one in a group of its own that has begun already, with everything
// set that an update forgets, and one that is off.
func (a *Account) addMoreSchedules(ctx context.Context) error {
	c := scheduler.NewFromConfig(a.cfg)
	if _, err := c.CreateScheduleGroup(ctx, &scheduler.CreateScheduleGroupInput{Name: aws.String("billing")}); err != nil {
		return err
	}
	begun := a.Cloud.Now().UTC().Truncate(time.Second).Add(-3 * time.Minute)
	window := &schedulertypes.FlexibleTimeWindow{Mode: schedulertypes.FlexibleTimeWindowModeFlexible, MaximumWindowInMinutes: aws.Int32(7)}
	if _, err := c.CreateSchedule(ctx, &scheduler.CreateScheduleInput{Name: aws.String("monthly"), GroupName: aws.String("billing"), ScheduleExpression: aws.String("cron(0 6 1 * ? *)"),
		ScheduleExpressionTimezone: aws.String("Europe/Berlin"), StartDate: &begun, EndDate: aws.Time(begun.AddDate(5, 0, 0)), Description: aws.String("bills"), FlexibleTimeWindow: window,
		ActionAfterCompletion: schedulertypes.ActionAfterCompletionDelete,
		Target: &schedulertypes.Target{Arn: aws.String(functionARN() + ":live"), RoleArn: &a.role, Input: aws.String(`{"password":"` + Secret + `"}`),
			RetryPolicy: &schedulertypes.RetryPolicy{MaximumRetryAttempts: aws.Int32(2), MaximumEventAgeInSeconds: aws.Int32(600)}}}); err != nil {
		return err
	}
	_, err := c.CreateSchedule(ctx, &scheduler.CreateScheduleInput{Name: aws.String("idle"), ScheduleExpression: aws.String("rate(1 hour)"), State: schedulertypes.ScheduleStateDisabled, FlexibleTimeWindow: window,
		Target: &schedulertypes.Target{Arn: aws.String(functionARN()), RoleArn: &a.role}})
	return err
}
