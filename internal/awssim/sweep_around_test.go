package awssim

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	aas "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	at "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/pipes"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	st "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	mt "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	nt "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	pst "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

const functionF = "arn:aws:lambda:us-east-1:111122223333:function:f"

// refused says that an error has that code.
func refused(t *testing.T, err error, code string) {
	t.Helper()
	if codeOf(err) != code {
		t.Errorf("refused with %v, want %s", err, code)
	}
}

func TestSweepTopics(t *testing.T) {
	ctx, c, cfg := sweeping(t)
	cl := sns.NewFromConfig(cfg)
	arn := must(cl.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String("orders"), Tags: []nt.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}))(t).TopicArn
	must(cl.ListTopics(ctx, &sns.ListTopicsInput{}))(t)
	must(cl.SetTopicAttributes(ctx, &sns.SetTopicAttributesInput{TopicArn: arn, AttributeName: aws.String("DisplayName"), AttributeValue: aws.String("Orders")}))(t)
	sub := must(cl.Subscribe(ctx, &sns.SubscribeInput{TopicArn: arn, Protocol: aws.String("lambda"), Endpoint: aws.String(functionF)}))(t).SubscriptionArn
	if again := must(cl.Subscribe(ctx, &sns.SubscribeInput{TopicArn: arn, Protocol: aws.String("lambda"), Endpoint: aws.String(functionF)}))(t).SubscriptionArn; *again != *sub {
		t.Errorf("the same subscription again is %s", *again)
	}
	if mail := must(cl.Subscribe(ctx, &sns.SubscribeInput{TopicArn: arn, Protocol: aws.String("email"), Endpoint: aws.String("a@example.com")}))(t).SubscriptionArn; *mail != "pending confirmation" {
		t.Errorf("an address that nobody confirmed: %s", *mail)
	}
	if a := must(cl.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: arn}))(t).Attributes; a["DisplayName"] != "Orders" || a["SubscriptionsConfirmed"] != "1" || a["SubscriptionsPending"] != "1" {
		t.Errorf("attributes: %v", a)
	}
	for i := range 100 {
		must(cl.Subscribe(ctx, &sns.SubscribeInput{TopicArn: arn, Protocol: aws.String("lambda"), Endpoint: aws.String(fmt.Sprint(functionF, i))}))(t)
	}
	first := must(cl.ListSubscriptionsByTopic(ctx, &sns.ListSubscriptionsByTopicInput{TopicArn: arn}))(t)
	if rest := must(cl.ListSubscriptionsByTopic(ctx, &sns.ListSubscriptionsByTopicInput{TopicArn: arn, NextToken: first.NextToken}))(t); len(first.Subscriptions) != 100 || len(rest.Subscriptions) != 2 || rest.NextToken != nil {
		t.Errorf("%d and %d subscriptions", len(first.Subscriptions), len(rest.Subscriptions))
	}
	if n := len(must(cl.ListSubscriptions(ctx, &sns.ListSubscriptionsInput{}))(t).Subscriptions); n != 100 {
		t.Errorf("%d on the first page", n)
	}
	must(cl.SetSubscriptionAttributes(ctx, &sns.SetSubscriptionAttributesInput{SubscriptionArn: sub, AttributeName: aws.String("FilterPolicy"), AttributeValue: aws.String(`{"a":["b"]}`)}))(t)
	if a := must(cl.GetSubscriptionAttributes(ctx, &sns.GetSubscriptionAttributesInput{SubscriptionArn: sub}))(t).Attributes; a["FilterPolicy"] == "" || a["Endpoint"] != functionF {
		t.Errorf("subscription: %v", a)
	}
	must(cl.TagResource(ctx, &sns.TagResourceInput{ResourceArn: arn, Tags: []nt.Tag{{Key: aws.String("c"), Value: aws.String("d")}}}))(t)
	must(cl.UntagResource(ctx, &sns.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"a"}}))(t)
	if tags := must(cl.ListTagsForResource(ctx, &sns.ListTagsForResourceInput{ResourceArn: arn}))(t).Tags; len(tags) != 1 || *tags[0].Key != "c" {
		t.Errorf("tags: %v", tags)
	}
	must(cl.Publish(ctx, &sns.PublishInput{TopicArn: arn, Subject: aws.String("an order"), Message: aws.String("one more")}))(t)
	for _, bad := range []sns.PublishInput{{TopicArn: arn, Message: aws.String("")}, {TopicArn: arn, Message: aws.String("x"), Subject: aws.String("two\nlines")},
		{TopicArn: arn, Message: aws.String(strings.Repeat("x", 256<<10+1))}, {Message: aws.String("to nobody")}} {
		_, err := cl.Publish(ctx, &bad)
		refused(t, err, "InvalidParameter")
	}
	if got := c.Published(*arn); len(got) != 1 || got[0].Message != "one more" || got[0].Subject != "an order" {
		t.Errorf("published: %+v", got)
	}
	must(cl.Unsubscribe(ctx, &sns.UnsubscribeInput{SubscriptionArn: sub}))(t)
	_, err := cl.GetSubscriptionAttributes(ctx, &sns.GetSubscriptionAttributesInput{SubscriptionArn: sub})
	refused(t, err, "NotFound")
	must(cl.DeleteTopic(ctx, &sns.DeleteTopicInput{TopicArn: arn}))(t)
	_, err = cl.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: arn})
	refused(t, err, "NotFound")
	_, err = cl.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: aws.String("orders")})
	refused(t, err, "InvalidParameter")
	_, err = cl.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String("or ders")})
	refused(t, err, "InvalidParameter")
}

func TestSweepSchedules(t *testing.T) {
	ctx, c, cfg := sweeping(t)
	cl := scheduler.NewFromConfig(cfg)
	target := &st.Target{Arn: aws.String(functionF), RoleArn: aws.String("arn:aws:iam::" + c.AccountID() + ":role/r"), Input: aws.String("{}")}
	off := &st.FlexibleTimeWindow{Mode: st.FlexibleTimeWindowModeOff}
	name, group := aws.String("nightly"), aws.String("ops")
	must(cl.CreateScheduleGroup(ctx, &scheduler.CreateScheduleGroupInput{Name: group}))(t)
	must(cl.GetScheduleGroup(ctx, &scheduler.GetScheduleGroupInput{Name: group}))(t)
	if n := len(must(cl.ListScheduleGroups(ctx, &scheduler.ListScheduleGroupsInput{}))(t).ScheduleGroups); n != 2 {
		t.Errorf("%d groups, the default one among them", n)
	}
	in := &scheduler.CreateScheduleInput{Name: name, GroupName: group, ScheduleExpression: aws.String("rate(1 hour)"), FlexibleTimeWindow: off, Target: target, Description: aws.String("d")}
	must(cl.CreateSchedule(ctx, in))(t)
	_, err := cl.CreateSchedule(ctx, in)
	refused(t, err, "ConflictException")
	in.Name, in.GroupName = aws.String("other"), nil
	must(cl.CreateSchedule(ctx, in))(t)
	if s := must(cl.GetSchedule(ctx, &scheduler.GetScheduleInput{Name: name, GroupName: group}))(t); s.State != st.ScheduleStateEnabled || *s.Target.RetryPolicy.MaximumRetryAttempts != 185 {
		t.Errorf("%+v", s)
	}
	_, err = cl.GetSchedule(ctx, &scheduler.GetScheduleInput{Name: name})
	refused(t, err, "ResourceNotFoundException")
	must(cl.UpdateSchedule(ctx, &scheduler.UpdateScheduleInput{Name: name, GroupName: group, ScheduleExpression: aws.String("rate(2 hours)"), FlexibleTimeWindow: off, Target: target, State: st.ScheduleStateDisabled}))(t)
	if s := must(cl.GetSchedule(ctx, &scheduler.GetScheduleInput{Name: name, GroupName: group}))(t); s.Description != nil || s.State != st.ScheduleStateDisabled {
		t.Errorf("what the update leaves out stays: %+v", s)
	}
	first := must(cl.ListSchedules(ctx, &scheduler.ListSchedulesInput{MaxResults: aws.Int32(1)}))(t)
	if rest := must(cl.ListSchedules(ctx, &scheduler.ListSchedulesInput{NextToken: first.NextToken}))(t); len(first.Schedules)+len(rest.Schedules) != 2 {
		t.Errorf("%d schedules, then %d", len(first.Schedules), len(rest.Schedules))
	}
	if one := must(cl.ListSchedules(ctx, &scheduler.ListSchedulesInput{GroupName: group, State: st.ScheduleStateDisabled}))(t).Schedules; len(one) != 1 || *one[0].Target.Arn != functionF {
		t.Errorf("%+v", one)
	}
	must(cl.DeleteSchedule(ctx, &scheduler.DeleteScheduleInput{Name: aws.String("other")}))(t)
	must(cl.DeleteScheduleGroup(ctx, &scheduler.DeleteScheduleGroupInput{Name: group}))(t)
	if n := len(must(cl.ListSchedules(ctx, &scheduler.ListSchedulesInput{}))(t).Schedules); n != 0 {
		t.Errorf("%d schedules outlive their group", n)
	}
}

func TestSweepPipes(t *testing.T) {
	ctx, c, cfg := sweeping(t)
	cl, name := pipes.NewFromConfig(cfg), aws.String("p")
	in := &pipes.CreatePipeInput{Name: name, RoleArn: aws.String("arn:aws:iam::" + c.AccountID() + ":role/r"), Source: aws.String("arn:aws:sqs:us-east-1:111122223333:q"), Target: aws.String(functionF), Enrichment: aws.String(functionF + ":live")}
	must(cl.CreatePipe(ctx, in))(t)
	_, err := cl.CreatePipe(ctx, in)
	refused(t, err, "ConflictException")
	if p := must(cl.DescribePipe(ctx, &pipes.DescribePipeInput{Name: name}))(t); p.CurrentState != "RUNNING" || *p.Target != functionF {
		t.Errorf("%+v", p)
	}
	if n := len(must(cl.ListPipes(ctx, &pipes.ListPipesInput{TargetPrefix: aws.String("arn:aws:sqs")}))(t).Pipes); n != 0 {
		t.Errorf("%d pipes to queues", n)
	}
	must(cl.StopPipe(ctx, &pipes.StopPipeInput{Name: name}))(t)
	_, err = cl.StopPipe(ctx, &pipes.StopPipeInput{Name: name})
	refused(t, err, "ConflictException")
	if p := must(cl.ListPipes(ctx, &pipes.ListPipesInput{}))(t).Pipes; len(p) != 1 || p[0].CurrentState != "STOPPED" {
		t.Errorf("%+v", p)
	}
	must(cl.StartPipe(ctx, &pipes.StartPipeInput{Name: name}))(t)
	must(cl.DeletePipe(ctx, &pipes.DeletePipeInput{Name: name}))(t)
	_, err = cl.DescribePipe(ctx, &pipes.DescribePipeInput{Name: name})
	refused(t, err, "NotFoundException")
}

func TestSweepAutoscaling(t *testing.T) {
	ctx, _, cfg := sweeping(t)
	cl := aas.NewFromConfig(cfg)
	ns, dim, id := at.ServiceNamespaceLambda, at.ScalableDimensionLambdaFunctionProvisionedConcurrency, aws.String("function:f:live")
	_, err := cl.PutScheduledAction(ctx, &aas.PutScheduledActionInput{ServiceNamespace: ns, ResourceId: id, ScalableDimension: dim, ScheduledActionName: aws.String("up"), Schedule: aws.String("rate(1 day)")})
	refused(t, err, "ObjectNotFoundException")
	must(cl.RegisterScalableTarget(ctx, &aas.RegisterScalableTargetInput{ServiceNamespace: ns, ResourceId: id, ScalableDimension: dim, MinCapacity: aws.Int32(1), MaxCapacity: aws.Int32(9)}))(t)
	must(cl.RegisterScalableTarget(ctx, &aas.RegisterScalableTargetInput{ServiceNamespace: ns, ResourceId: id, ScalableDimension: dim, SuspendedState: &at.SuspendedState{ScheduledScalingSuspended: aws.Bool(true)}}))(t)
	if x := must(cl.DescribeScalableTargets(ctx, &aas.DescribeScalableTargetsInput{ServiceNamespace: ns}))(t).ScalableTargets; len(x) != 1 || *x[0].MaxCapacity != 9 || !*x[0].SuspendedState.ScheduledScalingSuspended || *x[0].SuspendedState.DynamicScalingInSuspended {
		t.Errorf("%+v", x)
	}
	for _, n := range []string{"up", "down"} {
		must(cl.PutScheduledAction(ctx, &aas.PutScheduledActionInput{ServiceNamespace: ns, ResourceId: id, ScalableDimension: dim, ScheduledActionName: &n, Schedule: aws.String("rate(1 day)"), ScalableTargetAction: &at.ScalableTargetAction{MinCapacity: aws.Int32(5)}}))(t)
	}
	first := must(cl.DescribeScheduledActions(ctx, &aas.DescribeScheduledActionsInput{ServiceNamespace: ns, MaxResults: aws.Int32(1)}))(t)
	if rest := must(cl.DescribeScheduledActions(ctx, &aas.DescribeScheduledActionsInput{ServiceNamespace: ns, NextToken: first.NextToken}))(t); len(first.ScheduledActions) != 1 || len(rest.ScheduledActions) != 1 {
		t.Errorf("%d and %d actions", len(first.ScheduledActions), len(rest.ScheduledActions))
	}
	must(cl.DeleteScheduledAction(ctx, &aas.DeleteScheduledActionInput{ServiceNamespace: ns, ResourceId: id, ScalableDimension: dim, ScheduledActionName: aws.String("up")}))(t)
	must(cl.PutScalingPolicy(ctx, &aas.PutScalingPolicyInput{ServiceNamespace: ns, ResourceId: id, ScalableDimension: dim, PolicyName: aws.String("p"), PolicyType: at.PolicyTypeTargetTrackingScaling,
		TargetTrackingScalingPolicyConfiguration: &at.TargetTrackingScalingPolicyConfiguration{TargetValue: aws.Float64(0.7)}}))(t)
	if p := must(cl.DescribeScalingPolicies(ctx, &aas.DescribeScalingPoliciesInput{ServiceNamespace: ns, ResourceId: id}))(t).ScalingPolicies; len(p) != 1 || *p[0].TargetTrackingScalingPolicyConfiguration.TargetValue != 0.7 {
		t.Errorf("%+v", p)
	}
	must(cl.DeregisterScalableTarget(ctx, &aas.DeregisterScalableTargetInput{ServiceNamespace: ns, ResourceId: id, ScalableDimension: dim}))(t)
	if n := len(must(cl.DescribeScheduledActions(ctx, &aas.DescribeScheduledActionsInput{ServiceNamespace: ns}))(t).ScheduledActions); n != 0 {
		t.Errorf("%d actions outlive their target", n)
	}
}

func TestSweepSecrets(t *testing.T) {
	ctx, _, cfg := sweeping(t)
	cl, name := secretsmanager.NewFromConfig(cfg), aws.String("db/main")
	arn := must(cl.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: name, SecretString: aws.String("one"), Tags: []mt.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}))(t).ARN
	must(cl.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: arn, SecretString: aws.String("two")}))(t)
	if v := must(cl.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: name}))(t); *v.SecretString != "two" {
		t.Errorf("the current value is %q", *v.SecretString)
	}
	if v := must(cl.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: name, VersionStage: aws.String("AWSPREVIOUS")}))(t); *v.SecretString != "one" {
		t.Errorf("the previous value is %q", *v.SecretString)
	}
	d := must(cl.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: arn}))(t)
	if len(d.VersionIdsToStages) != 2 || *d.Name != "db/main" {
		t.Errorf("%+v", d)
	}
	must(cl.ListSecretVersionIds(ctx, &secretsmanager.ListSecretVersionIdsInput{SecretId: name}))(t)
	must(cl.RotateSecret(ctx, &secretsmanager.RotateSecretInput{SecretId: name, RotateImmediately: aws.Bool(false), RotationLambdaARN: aws.String(functionF), RotationRules: &mt.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)}}))(t)
	_, err := cl.RotateSecret(ctx, &secretsmanager.RotateSecretInput{SecretId: name, RotationLambdaARN: aws.String(functionF + "-none")})
	refused(t, err, "ResourceNotFoundException")
	began := must(cl.RotateSecret(ctx, &secretsmanager.RotateSecretInput{SecretId: name, ClientRequestToken: aws.String("00000000-0000-4000-8000-000000000001")}))(t)
	if again := must(cl.RotateSecret(ctx, &secretsmanager.RotateSecretInput{SecretId: name, ClientRequestToken: began.VersionId}))(t); *again.VersionId != *began.VersionId {
		t.Errorf("a call that was repeated began another rotation: %s and %s", *began.VersionId, *again.VersionId)
	}
	if v := must(cl.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: name}))(t); *v.VersionId != *began.VersionId || *v.SecretString == "two" {
		t.Errorf("rotated, and the value is that of %s", *v.VersionId)
	}
	must(cl.CancelRotateSecret(ctx, &secretsmanager.CancelRotateSecretInput{SecretId: name}))(t)
	must(cl.PutResourcePolicy(ctx, &secretsmanager.PutResourcePolicyInput{SecretId: name, ResourcePolicy: aws.String(`{"Version":"2012-10-17","Statement":[]}`)}))(t)
	if p := must(cl.GetResourcePolicy(ctx, &secretsmanager.GetResourcePolicyInput{SecretId: name}))(t); p.ResourcePolicy == nil {
		t.Error("the policy is gone")
	}
	listed := must(cl.ListSecrets(ctx, &secretsmanager.ListSecretsInput{}))(t).SecretList
	if len(listed) != 1 || *listed[0].ARN != *arn || aws.ToBool(listed[0].RotationEnabled) || len(listed[0].SecretVersionsToStages) == 0 {
		t.Errorf("listed: %+v", listed)
	}
	must(cl.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: name}))(t)
	for planned, want := range map[bool]int{false: 0, true: 1} {
		if all := must(cl.ListSecrets(ctx, &secretsmanager.ListSecretsInput{IncludePlannedDeletion: &planned}))(t).SecretList; len(all) != want {
			t.Errorf("%d secrets are listed where one is about to be deleted (asked for: %v)", len(all), planned)
		}
	}
	_, err = cl.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: name})
	refused(t, err, "InvalidRequestException")
	if d := must(cl.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: name}))(t); d.DeletedDate == nil {
		t.Error("a secret marked for deletion does not say so")
	}
	must(cl.RestoreSecret(ctx, &secretsmanager.RestoreSecretInput{SecretId: name}))(t)
	_, err = cl.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String("none")})
	refused(t, err, "ResourceNotFoundException")
}

func TestSweepParameters(t *testing.T) {
	ctx, _, cfg := sweeping(t)
	cl := ssm.NewFromConfig(cfg)
	for _, n := range []string{"/prod/db", "/prod/key", "flat"} {
		must(cl.PutParameter(ctx, &ssm.PutParameterInput{Name: &n, Type: pst.ParameterTypeSecureString, Value: aws.String("v")}))(t)
	}
	name := aws.String("/prod/db")
	_, err := cl.PutParameter(ctx, &ssm.PutParameterInput{Name: name, Value: aws.String("w"), Type: pst.ParameterTypeSecureString})
	refused(t, err, "ParameterAlreadyExists")
	if v := must(cl.PutParameter(ctx, &ssm.PutParameterInput{Name: name, Value: aws.String("w"), Overwrite: aws.Bool(true)}))(t).Version; v != 2 {
		t.Errorf("version %d", v)
	}
	by := func(option string, values ...string) []pst.ParameterMetadata {
		return must(cl.DescribeParameters(ctx, &ssm.DescribeParametersInput{ParameterFilters: []pst.ParameterStringFilter{{Key: aws.String("Name"), Option: &option, Values: values}}}))(t).Parameters
	}
	if n := len(by("BeginsWith", "/prod/")); n != 2 {
		t.Errorf("%d below /prod/", n)
	}
	if p := by("Equals", "flat"); len(p) != 1 || *p[0].ARN != "arn:aws:ssm:us-east-1:111122223333:parameter/flat" {
		t.Errorf("%+v", p)
	}
	first := must(cl.DescribeParameters(ctx, &ssm.DescribeParametersInput{MaxResults: aws.Int32(1)}))(t)
	if rest := must(cl.DescribeParameters(ctx, &ssm.DescribeParametersInput{NextToken: first.NextToken}))(t); len(rest.Parameters) != 2 {
		t.Errorf("%d on the next page", len(rest.Parameters))
	}
	if p := must(cl.GetParameter(ctx, &ssm.GetParameterInput{Name: name, WithDecryption: aws.Bool(true)}))(t); *p.Parameter.Value != "w" {
		t.Errorf("%+v", p)
	}
	must(cl.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: name}))(t)
	_, err = cl.GetParameter(ctx, &ssm.GetParameterInput{Name: name})
	refused(t, err, "ParameterNotFound")
}

// TestNoSecretInRecords: what was handed to the stores of secrets is in no record.
func TestNoSecretInRecords(t *testing.T) {
	ctx, c, cfg := sweeping(t)
	must(secretsmanager.NewFromConfig(cfg).CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("n"), SecretString: aws.String("hunter2")}))(t)
	must(ssm.NewFromConfig(cfg).PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String("n"), Type: pst.ParameterTypeSecureString, Value: aws.String("hunter2")}))(t)
	for _, r := range c.Records() {
		if strings.Contains(string(r), "hunter2") {
			t.Errorf("%s", r)
		}
	}
}
