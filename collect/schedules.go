package collect

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// universalLambda begins the targets by which a schedule makes any call of Lambda's API: the
// function then stands in the input.
const universalLambda = ":scheduler:::aws-sdk:lambda:"

// schedules finds the schedules that call the function: they are persistence that needs no
// grant on the function (ATT&CK T1053), for the schedule's own role calls it.
func schedules() Collector {
	return Collector{
		Name: "scheduler.schedules", About: "EventBridge Scheduler schedules of all groups that call the function, any version or alias",
		Needs: []awsapi.Need{
			need("Scheduler:ListSchedules", "scheduler:ListSchedules", "*"),
			need("Scheduler:GetSchedule", "scheduler:GetSchedule", "schedule ARN"),
		},
		Collect: collectSchedules,
	}
}

func collectSchedules(ctx context.Context, j *Job) {
	w := j.want("scheduler.schedules", "", "Scheduler:ListSchedules")
	c := scheduler.NewFromConfig(j.config(j.Target.Region))
	s, had := sweepFor(ctx, j, w, "scheduler", pager[scheduler.ListSchedulesInput, scheduler.ListSchedulesOutput, scheduler.Options]{
		call: c.ListSchedules, in: &scheduler.ListSchedulesInput{},
		next: func(in *scheduler.ListSchedulesInput, out *scheduler.ListSchedulesOutput) string {
			in.NextToken = out.NextToken
			return aws.ToString(in.NextToken)
		},
	}, func(o *scheduler.ListSchedulesOutput) []any { return anys(o.Schedules) })
	keep := make([]bool, len(s.found))
	each(numbers(len(s.found)), callsAtOnce, func(i int) { keep[i] = j.schedule(ctx, c, s.found[i].(schedulertypes.ScheduleSummary)) })
	var mine []any
	for i, f := range s.found {
		if keep[i] {
			mine = append(mine, f)
		}
	}
	if !had {
		j.swept(ctx, w, s, "Schedules", mine, "no schedule calls it")
	}
}

// schedule says whether a schedule calls the target, and keeps it if so. What it hands over
// may hold secrets.
func (j *Job) schedule(ctx context.Context, c *scheduler.Client, x schedulertypes.ScheduleSummary) bool {
	to := ""
	if x.Target != nil {
		to = aws.ToString(x.Target.Arn)
	}
	universal := strings.Contains(to, universalLambda)
	if !universal && !j.Target.calls(to) {
		return false
	}
	w := j.of("scheduler.schedule", aws.ToString(x.Arn), "", j.Target.Region, "Scheduler:GetSchedule")
	if j.have(w) {
		return true
	}
	got := sweepOnce(ctx, j, "schedule "+w.src.ARN, func(ctx context.Context) ([]any, stamp, error) {
		out, s, err := ask(ctx, j, c.GetSchedule, &scheduler.GetScheduleInput{GroupName: x.GroupName, Name: x.Name})
		return []any{out}, s, err
	})
	if ctx.Err() != nil && got.at.started.IsZero() {
		return true // close records it
	}
	s, err := got.at, got.err
	var out *scheduler.GetScheduleOutput
	if err == nil {
		out = got.found[0].(*scheduler.GetScheduleOutput)
	}
	switch {
	case universal && err == nil && !strings.Contains(aws.ToString(out.Target.Input), j.Target.Function):
		j.mended(w)
		return false // it calls Lambda, and another function
	case !j.run.claim("schedule " + w.src.ARN):
	case err != nil:
		j.refused(w, s, err) // with a universal target it may not be this function's: it is not known
	default:
		j.putRedacted(ctx, w, s, out, "Input", "MessageGroupId")
	}
	return true
}
