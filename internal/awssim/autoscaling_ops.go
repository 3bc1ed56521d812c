package awssim

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	aas "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	at "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
)

const aasService = "application-autoscaling"

// autoscalingOps is what is simulated of Application Auto Scaling. Nothing is scaled.
func autoscalingOps() []operation {
	return []operation{
		op(aasService, "RegisterScalableTarget", registerTarget), op(aasService, "DescribeScalableTargets", describeTargets), op(aasService, "DeregisterScalableTarget", deregisterTarget),
		op(aasService, "PutScheduledAction", putScheduledAction), op(aasService, "DescribeScheduledActions", describeScheduledActions), op(aasService, "DeleteScheduledAction", deleteScheduledAction),
		op(aasService, "PutScalingPolicy", putScalingPolicy), op(aasService, "DescribeScalingPolicies", describeScalingPolicies),
	}
}

// autoscalingState is Application Auto Scaling in one account and region. Keys are
// NAMESPACE|RESOURCE|DIMENSION, with |NAME for actions and policies.
type autoscalingState struct {
	targets  map[string]*at.ScalableTarget
	actions  map[string]at.ScheduledAction
	policies map[string]at.ScalingPolicy
}

func newAutoscalingState() *autoscalingState {
	return &autoscalingState{targets: map[string]*at.ScalableTarget{}, actions: map[string]at.ScheduledAction{}, policies: map[string]at.ScalingPolicy{}}
}

func (s *autoscalingState) objects(account, region string, put putObject) {
	in := "application-autoscaling/" + account + "/" + region
	for k, t := range s.targets {
		put(in+"/target/"+k, map[string]any{"min": t.MinCapacity, "max": t.MaxCapacity, "role": t.RoleARN, "suspended": t.SuspendedState}, nil)
	}
	for k, a := range s.actions {
		a.CreationTime = nil
		put(in+"/action/"+k, a, nil)
	}
	for k, p := range s.policies {
		p.CreationTime = nil
		put(in+"/policy/"+k, p, nil)
	}
}

func (c *call) scaling() *autoscalingState {
	return c.autoscaling.at(c.accountID, c.region, newAutoscalingState)
}

// scalable asks for the permission. The ARN of a target is known only once it is registered:
// until then the permission is asked for all of them.
func (c *call) scalable(action string, ns at.ServiceNamespace, resource *string, dim at.ScalableDimension) (string, *at.ScalableTarget, error) {
	key := strings.Join([]string{string(ns), aws.ToString(resource), string(dim)}, "|")
	t := c.scaling().targets[key]
	arn := c.arn(aasService, "scalable-target/*")
	if t != nil {
		arn = *t.ScalableTargetARN
	}
	return key, t, c.allow(aasService+":"+action, arn)
}

func noScalable(ns at.ServiceNamespace, resource *string, dim at.ScalableDimension) error {
	return fail("ObjectNotFoundException", "No scalable target found for service namespace: %s, resource ID: %s, scalable dimension: %s", ns, aws.ToString(resource), dim)
}

func registerTarget(c *call, in *aas.RegisterScalableTargetInput) (*aas.RegisterScalableTargetOutput, error) {
	key, t, err := c.scalable("RegisterScalableTarget", in.ServiceNamespace, in.ResourceId, in.ScalableDimension)
	if err != nil {
		return nil, err
	}
	if t == nil {
		if in.MinCapacity == nil || in.MaxCapacity == nil {
			return nil, fail("ValidationException", "MinCapacity and MaxCapacity are required to register a scalable target")
		}
		role := arnOf("iam", "", c.accountID, "role/aws-service-role/lambda.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_LambdaConcurrency")
		if in.ServiceNamespace != at.ServiceNamespaceLambda {
			return nil, fail("ValidationException", "freezeframe simulator: only the namespace lambda is simulated")
		}
		off := aws.Bool(false)
		t = &at.ScalableTarget{ScalableTargetARN: aws.String(c.arn(aasService, "scalable-target/"+c.id("hex:28", key))), CreationTime: aws.Time(c.now), ResourceId: in.ResourceId, ServiceNamespace: in.ServiceNamespace, ScalableDimension: in.ScalableDimension,
			RoleARN: &role, SuspendedState: &at.SuspendedState{DynamicScalingInSuspended: off, DynamicScalingOutSuspended: off, ScheduledScalingSuspended: off}}
		c.scaling().targets[key] = t
	}
	t.MinCapacity, t.MaxCapacity = orElse(in.MinCapacity, t.MinCapacity), orElse(in.MaxCapacity, t.MaxCapacity)
	if s := in.SuspendedState; s != nil {
		had := t.SuspendedState
		t.SuspendedState = &at.SuspendedState{DynamicScalingInSuspended: orElse(s.DynamicScalingInSuspended, had.DynamicScalingInSuspended),
			DynamicScalingOutSuspended: orElse(s.DynamicScalingOutSuspended, had.DynamicScalingOutSuspended), ScheduledScalingSuspended: orElse(s.ScheduledScalingSuspended, had.ScheduledScalingSuspended)}
	}
	return &aas.RegisterScalableTargetOutput{ScalableTargetARN: t.ScalableTargetARN}, nil
}

// orElse is what was given, or what was there.
func orElse[T any](given, had *T) *T {
	if given != nil {
		return given
	}
	return had
}

func describeTargets(c *call, in *aas.DescribeScalableTargetsInput) (*aas.DescribeScalableTargetsOutput, error) {
	if err := c.allow(aasService+":DescribeScalableTargets", "*"); err != nil {
		return nil, err
	}
	all := []at.ScalableTarget{}
	for _, k := range sortedNames(c.scaling().targets) {
		t := *c.scaling().targets[k]
		if t.ServiceNamespace == in.ServiceNamespace && (len(in.ResourceIds) == 0 || slices.Contains(in.ResourceIds, *t.ResourceId)) && (in.ScalableDimension == "" || in.ScalableDimension == t.ScalableDimension) {
			all = append(all, t)
		}
	}
	page, next, err := paginate(all, in.NextToken, in.MaxResults, 50)
	return &aas.DescribeScalableTargetsOutput{ScalableTargets: page, NextToken: next}, err
}

// deregisterTarget takes the target's policies and actions with it.
func deregisterTarget(c *call, in *aas.DeregisterScalableTargetInput) (*aas.DeregisterScalableTargetOutput, error) {
	key, t, err := c.scalable("DeregisterScalableTarget", in.ServiceNamespace, in.ResourceId, in.ScalableDimension)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, noScalable(in.ServiceNamespace, in.ResourceId, in.ScalableDimension)
	}
	s := c.scaling()
	delete(s.targets, key)
	for k := range s.actions {
		if strings.HasPrefix(k, key+"|") {
			delete(s.actions, k)
		}
	}
	for k := range s.policies {
		if strings.HasPrefix(k, key+"|") {
			delete(s.policies, k)
		}
	}
	return nil, nil
}

func putScheduledAction(c *call, in *aas.PutScheduledActionInput) (*aas.PutScheduledActionOutput, error) {
	key, t, err := c.scalable("PutScheduledAction", in.ServiceNamespace, in.ResourceId, in.ScalableDimension)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, noScalable(in.ServiceNamespace, in.ResourceId, in.ScalableDimension)
	}
	name := aws.ToString(in.ScheduledActionName)
	arn := c.arn("autoscaling", "scheduledAction:"+c.id("uuid", key, name)+":resource/"+string(in.ServiceNamespace)+"/"+*in.ResourceId+":scheduledActionName/"+name)
	c.scaling().actions[key+"|"+name] = at.ScheduledAction{ScheduledActionARN: &arn, ScheduledActionName: &name, CreationTime: aws.Time(c.now.Truncate(time.Millisecond)), ResourceId: in.ResourceId, ServiceNamespace: in.ServiceNamespace, ScalableDimension: in.ScalableDimension,
		Schedule: in.Schedule, StartTime: in.StartTime, EndTime: in.EndTime, Timezone: in.Timezone, ScalableTargetAction: in.ScalableTargetAction}
	return nil, nil
}

func describeScheduledActions(c *call, in *aas.DescribeScheduledActionsInput) (*aas.DescribeScheduledActionsOutput, error) {
	if err := c.allow(aasService+":DescribeScheduledActions", "*"); err != nil {
		return nil, err
	}
	all := []at.ScheduledAction{}
	for _, k := range sortedNames(c.scaling().actions) {
		a := c.scaling().actions[k]
		if a.ServiceNamespace == in.ServiceNamespace && (in.ResourceId == nil || *in.ResourceId == *a.ResourceId) && (in.ScalableDimension == "" || in.ScalableDimension == a.ScalableDimension) &&
			(len(in.ScheduledActionNames) == 0 || slices.Contains(in.ScheduledActionNames, *a.ScheduledActionName)) {
			all = append(all, a)
		}
	}
	page, next, err := paginate(all, in.NextToken, in.MaxResults, 50)
	return &aas.DescribeScheduledActionsOutput{ScheduledActions: page, NextToken: next}, err
}

func deleteScheduledAction(c *call, in *aas.DeleteScheduledActionInput) (*aas.DeleteScheduledActionOutput, error) {
	key, _, err := c.scalable("DeleteScheduledAction", in.ServiceNamespace, in.ResourceId, in.ScalableDimension)
	if err != nil {
		return nil, err
	}
	key += "|" + aws.ToString(in.ScheduledActionName)
	if _, ok := c.scaling().actions[key]; !ok {
		return nil, fail("ObjectNotFoundException", "No scheduled action found named %s", aws.ToString(in.ScheduledActionName))
	}
	delete(c.scaling().actions, key)
	return nil, nil
}

// putScalingPolicy keeps the policy and makes no alarms for it.
func putScalingPolicy(c *call, in *aas.PutScalingPolicyInput) (*aas.PutScalingPolicyOutput, error) {
	key, t, err := c.scalable("PutScalingPolicy", in.ServiceNamespace, in.ResourceId, in.ScalableDimension)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, noScalable(in.ServiceNamespace, in.ResourceId, in.ScalableDimension)
	}
	name := aws.ToString(in.PolicyName)
	arn := c.arn("autoscaling", "scalingPolicy:"+c.id("uuid", key, name)+":resource/"+string(in.ServiceNamespace)+"/"+*in.ResourceId+":policyName/"+name)
	c.scaling().policies[key+"|"+name] = at.ScalingPolicy{PolicyARN: &arn, PolicyName: &name, PolicyType: in.PolicyType, CreationTime: aws.Time(c.now.Truncate(time.Millisecond)), ResourceId: in.ResourceId, ServiceNamespace: in.ServiceNamespace, ScalableDimension: in.ScalableDimension,
		StepScalingPolicyConfiguration: in.StepScalingPolicyConfiguration, TargetTrackingScalingPolicyConfiguration: in.TargetTrackingScalingPolicyConfiguration}
	return &aas.PutScalingPolicyOutput{PolicyARN: &arn}, nil
}

func describeScalingPolicies(c *call, in *aas.DescribeScalingPoliciesInput) (*aas.DescribeScalingPoliciesOutput, error) {
	if err := c.allow(aasService+":DescribeScalingPolicies", "*"); err != nil {
		return nil, err
	}
	all := []at.ScalingPolicy{}
	for _, k := range sortedNames(c.scaling().policies) {
		p := c.scaling().policies[k]
		if p.ServiceNamespace == in.ServiceNamespace && (in.ResourceId == nil || *in.ResourceId == *p.ResourceId) && (in.ScalableDimension == "" || in.ScalableDimension == p.ScalableDimension) &&
			(len(in.PolicyNames) == 0 || slices.Contains(in.PolicyNames, *p.PolicyName)) {
			all = append(all, p)
		}
	}
	page, next, err := paginate(all, in.NextToken, in.MaxResults, 50)
	return &aas.DescribeScalingPoliciesOutput{ScalingPolicies: page, NextToken: next}, err
}
