package collect

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	aas "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	aastypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// autoscaling reads what puts provisioned concurrency back by itself: containment that does
// not know it is undone by it.
func autoscaling() Collector {
	return Collector{
		Name: "autoscaling.targets", About: "Application Auto Scaling of the function's provisioned concurrency: targets, scheduled actions, policies", Small: true,
		Needs: []awsapi.Need{
			need("ApplicationAutoScaling:DescribeScalableTargets", "application-autoscaling:DescribeScalableTargets", "*"),
			need("ApplicationAutoScaling:DescribeScheduledActions", "application-autoscaling:DescribeScheduledActions", "*"),
			need("ApplicationAutoScaling:DescribeScalingPolicies", "application-autoscaling:DescribeScalingPolicies", "*"),
		},
		Collect: collectAutoscaling,
	}
}

func collectAutoscaling(ctx context.Context, j *Job) {
	c := aas.NewFromConfig(j.config(j.Target.Region))
	of := func(artefact, op string) want {
		return j.want(artefact, "", "ApplicationAutoScaling:"+op)
	}
	targets, actions, policies := of("autoscaling.targets", "DescribeScalableTargets"), of("autoscaling.actions", "DescribeScheduledActions"), of("autoscaling.policies", "DescribeScalingPolicies")
	j.plan(targets, actions, policies)
	ns := aastypes.ServiceNamespaceLambda
	both(
		func() {
			s, had := sweepFor(ctx, j, targets, "autoscaling targets", pager[aas.DescribeScalableTargetsInput, aas.DescribeScalableTargetsOutput, aas.Options]{
				call: c.DescribeScalableTargets, in: &aas.DescribeScalableTargetsInput{ServiceNamespace: ns},
				next: func(in *aas.DescribeScalableTargetsInput, out *aas.DescribeScalableTargetsOutput) string {
					in.NextToken = out.NextToken
					return aws.ToString(in.NextToken)
				},
			}, func(o *aas.DescribeScalableTargetsOutput) []any { return anys(o.ScalableTargets) })
			if !had {
				j.scaled(ctx, targets, s, "ScalableTargets", func(v any) *string { return v.(aastypes.ScalableTarget).ResourceId })
			}
		},
		func() {
			s, had := sweepFor(ctx, j, actions, "autoscaling actions", pager[aas.DescribeScheduledActionsInput, aas.DescribeScheduledActionsOutput, aas.Options]{
				call: c.DescribeScheduledActions, in: &aas.DescribeScheduledActionsInput{ServiceNamespace: ns},
				next: func(in *aas.DescribeScheduledActionsInput, out *aas.DescribeScheduledActionsOutput) string {
					in.NextToken = out.NextToken
					return aws.ToString(in.NextToken)
				},
			}, func(o *aas.DescribeScheduledActionsOutput) []any { return anys(o.ScheduledActions) })
			if !had {
				j.scaled(ctx, actions, s, "ScheduledActions", func(v any) *string { return v.(aastypes.ScheduledAction).ResourceId })
			}
		},
		func() {
			s, had := sweepFor(ctx, j, policies, "autoscaling policies", pager[aas.DescribeScalingPoliciesInput, aas.DescribeScalingPoliciesOutput, aas.Options]{
				call: c.DescribeScalingPolicies, in: &aas.DescribeScalingPoliciesInput{ServiceNamespace: ns},
				next: func(in *aas.DescribeScalingPoliciesInput, out *aas.DescribeScalingPoliciesOutput) string {
					in.NextToken = out.NextToken
					return aws.ToString(in.NextToken)
				},
			}, func(o *aas.DescribeScalingPoliciesOutput) []any { return anys(o.ScalingPolicies) })
			if !had {
				j.scaled(ctx, policies, s, "ScalingPolicies", func(v any) *string { return v.(aastypes.ScalingPolicy).ResourceId })
			}
		})
}

// scaled keeps of a sweep what is the target's: function:NAME:QUALIFIER.
func (j *Job) scaled(ctx context.Context, w want, s sweep, member string, resource func(any) *string) {
	var mine []any
	for _, v := range s.found {
		if strings.HasPrefix(aws.ToString(resource(v))+":", "function:"+j.Target.Function+":") {
			mine = append(mine, v)
		}
	}
	j.swept(ctx, w, s, member, mine, "no auto scaling of its provisioned concurrency")
}
