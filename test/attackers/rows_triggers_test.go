package attackers

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

const (
	plantedTarget   = "target in the owner's rule"
	plantedSchedule = "schedule of the attacker's"

	evilRule     = "arn:aws:events:" + region + ":" + home + ":rule/evil-created-users"
	nightlyRule  = "arn:aws:events:" + region + ":" + home + ":rule/nightly"
	evilSchedule = "arn:aws:scheduler:" + region + ":" + home + ":schedule/default/evil-hourly"
)

// plant makes a rule and a schedule of the attacker's, and adds a target to a rule of the owner's.
func (w *world) plant() {
	ctx := w.t.Context()
	w.rule(w.ci, "evil-created-users", functionARN, "")
	_, err := eventbridge.NewFromConfig(w.ci).PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: aws.String("nightly"), Targets: []eventtypes.Target{{Id: aws.String("planted"), Arn: aws.String(functionARN), Input: aws.String(`{"do":"evil"}`)}}})
	must(w.t, err)
	_, err = w.lambda(w.ci).AddPermission(ctx, &lambda.AddPermissionInput{FunctionName: aws.String(function), StatementId: aws.String("planted"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("events.amazonaws.com"), SourceArn: aws.String(nightlyRule)})
	must(w.t, err)
	_, err = scheduler.NewFromConfig(w.ci).CreateSchedule(ctx, &scheduler.CreateScheduleInput{Name: aws.String("evil-hourly"), ScheduleExpression: aws.String("rate(1 hour)"),
		FlexibleTimeWindow: &schedulertypes.FlexibleTimeWindow{Mode: schedulertypes.FlexibleTimeWindowModeOff},
		Target:             &schedulertypes.Target{Arn: aws.String(functionARN), RoleArn: aws.String(roleARN), Input: aws.String(`{"do":"evil"}`)}})
	must(w.t, err)
}

// plantedFindings are what the timeline makes of those calls.
func plantedFindings(_ *world, in *contain.PlanInput) {
	target, planted := found("rule-target", "created", evilRule, "rule/evil-created-users/targets"), found("rule-target", "created", nightlyRule, "rule/nightly/targets")
	target.Detail, planted.Detail = "to "+functionARN, "to "+functionARN
	target.Event, planted.Event = "event-target", "event-planted"
	in.Findings = []finding.Finding{found("rule", "created", evilRule, "rule/evil-created-users"), target, planted, found("schedule", "created", evilSchedule, "schedule/default/evil-hourly")}
}

// tryPlanted: the owner's rule delivers to whatever targets it has, while it is enabled.
func (w *world) tryPlanted() error {
	c, ctx := eventbridge.NewFromConfig(w.owner), w.t.Context()
	rule, err := c.DescribeRule(ctx, &eventbridge.DescribeRuleInput{Name: aws.String("nightly")})
	must(w.t, err)
	targets, err := c.ListTargetsByRule(ctx, &eventbridge.ListTargetsByRuleInput{Rule: aws.String("nightly")})
	must(w.t, err)
	for _, x := range targets.Targets {
		if aws.ToString(x.Input) != `{"do":"evil"}` {
			continue
		}
		if rule.State == eventtypes.RuleStateDisabled {
			return errors.New("rule DISABLED")
		}
		_, err = w.cloud.Deliver("events.amazonaws.com", nightlyRule, aws.ToString(x.Arn), []byte(aws.ToString(x.Input)))
		return err
	}
	return errors.New("no such target")
}

// trySchedule: a schedule calls with a role that it was given, while it is enabled.
func (w *world) trySchedule() error {
	out, err := scheduler.NewFromConfig(w.owner).GetSchedule(w.t.Context(), &scheduler.GetScheduleInput{Name: aws.String("evil-hourly")})
	must(w.t, err)
	if out.State == schedulertypes.ScheduleStateDisabled {
		return errors.New("schedule DISABLED")
	}
	return w.invoke(w.app, "$LATEST")
}
