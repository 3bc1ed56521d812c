package awssim

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	mt "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// alarm is a metric alarm, which stays at INSUFFICIENT_DATA here.
type alarm struct {
	mt.MetricAlarm
	tags []mt.Tag
}

// logical is the alarm without the times of its changes.
func (a *alarm) logical() mt.MetricAlarm {
	m := a.MetricAlarm
	m.AlarmConfigurationUpdatedTimestamp, m.StateUpdatedTimestamp, m.StateTransitionedTimestamp = nil, nil, nil
	return m
}

func (c *call) alarmARN(name string) string { return c.arn("cloudwatch", "alarm:"+name) }

func putMetricAlarm(c *call, in *cloudwatch.PutMetricAlarmInput) (*cloudwatch.PutMetricAlarmOutput, error) {
	name := aws.ToString(in.AlarmName)
	if err := c.allow("cloudwatch:PutMetricAlarm", c.alarmARN(name)); err != nil {
		return nil, err
	}
	switch {
	case in.EvaluationCriteria != nil || in.ThresholdMetricId != nil || in.EvaluationInterval != nil || in.EvaluationWindow != nil || in.WarmUpConfiguration != nil || in.ActionConfiguration != nil:
		return nil, fail("ValidationException", "freezeframe simulator: alarms other than on a metric or metrics are not simulated")
	case (in.MetricName == nil) == (len(in.Metrics) == 0):
		return nil, fail("ValidationException", "freezeframe simulator: either MetricName or Metrics is wanted")
	case in.ComparisonOperator == "" || in.EvaluationPeriods == nil || in.Threshold == nil:
		return nil, fail("MissingRequiredParameterException", "The parameters ComparisonOperator, EvaluationPeriods and Threshold are required.")
	case in.MetricName != nil && (in.Namespace == nil || in.Period == nil || in.Statistic == "" && in.ExtendedStatistic == nil):
		return nil, fail("MissingRequiredParameterException", "The parameters Namespace, Period and Statistic are required.")
	}
	s := c.watch()
	a := s.alarms[name]
	if a == nil {
		a = &alarm{tags: in.Tags}
		a.StateValue, a.StateReason, a.StateUpdatedTimestamp = mt.StateValueInsufficientData, aws.String("Unchecked: Initial alarm creation"), aws.Time(c.now)
		a.StateTransitionedTimestamp = a.StateUpdatedTimestamp
		s.alarms[name] = a
	}
	on := true
	if in.ActionsEnabled != nil {
		on = *in.ActionsEnabled
	}
	a.MetricAlarm = mt.MetricAlarm{
		AlarmName: &name, AlarmArn: aws.String(c.alarmARN(name)), AlarmDescription: in.AlarmDescription, ActionsEnabled: &on,
		AlarmActions: orNone(in.AlarmActions), OKActions: orNone(in.OKActions), InsufficientDataActions: orNone(in.InsufficientDataActions),
		MetricName: in.MetricName, Namespace: in.Namespace, Dimensions: in.Dimensions, Metrics: in.Metrics, Period: in.Period, Unit: in.Unit,
		Statistic: in.Statistic, ExtendedStatistic: in.ExtendedStatistic, ComparisonOperator: in.ComparisonOperator, Threshold: in.Threshold,
		EvaluationPeriods: in.EvaluationPeriods, DatapointsToAlarm: in.DatapointsToAlarm, TreatMissingData: in.TreatMissingData, EvaluateLowSampleCountPercentile: in.EvaluateLowSampleCountPercentile,
		AlarmConfigurationUpdatedTimestamp: aws.Time(c.now), StateValue: a.StateValue, StateReason: a.StateReason,
		StateUpdatedTimestamp: a.StateUpdatedTimestamp, StateTransitionedTimestamp: a.StateTransitionedTimestamp,
	}
	return nil, nil
}

// orNone: AWS answers with empty lists where there are no actions.
func orNone(l []string) []string {
	if l == nil {
		return []string{}
	}
	return l
}

// setAlarmState is the API's own way to try what an alarm does. AWS's next evaluation would set it back,
// here nothing evaluates; what the state was before decides whether it is a transition.
func setAlarmState(c *call, in *cloudwatch.SetAlarmStateInput) (*cloudwatch.SetAlarmStateOutput, error) {
	name := aws.ToString(in.AlarmName)
	if err := c.allow("cloudwatch:SetAlarmState", c.alarmARN(name)); err != nil {
		return nil, err
	}
	a := c.watch().alarms[name]
	if a == nil {
		return nil, fail("ResourceNotFound", "Unknown alarm: %s", name)
	}
	if a.StateValue != in.StateValue {
		a.StateTransitionedTimestamp = aws.Time(c.now)
	}
	a.StateValue, a.StateReason, a.StateReasonData, a.StateUpdatedTimestamp = in.StateValue, in.StateReason, in.StateReasonData, aws.Time(c.now)
	return nil, nil
}

func describeAlarms(c *call, in *cloudwatch.DescribeAlarmsInput) (*cloudwatch.DescribeAlarmsOutput, error) {
	if err := c.allow("cloudwatch:DescribeAlarms", c.alarmARN("*")); err != nil {
		return nil, err
	}
	switch {
	case in.ChildrenOfAlarmName != nil || in.ParentsOfAlarmName != nil:
		return nil, fail("ValidationException", "freezeframe simulator: composite alarms are not simulated")
	case in.AlarmNamePrefix != nil && len(in.AlarmNames) > 0:
		return nil, fail("ValidationException", "AlarmNamePrefix and AlarmNames cannot both be specified.")
	}
	all := []mt.MetricAlarm{}
	for _, name := range sortedNames(c.watch().alarms) {
		a := c.watch().alarms[name]
		if len(in.AlarmTypes) > 0 && !slices.Contains(in.AlarmTypes, mt.AlarmTypeMetricAlarm) || !strings.HasPrefix(name, aws.ToString(in.AlarmNamePrefix)) ||
			len(in.AlarmNames) > 0 && !slices.Contains(in.AlarmNames, name) || in.StateValue != "" && in.StateValue != a.StateValue ||
			in.ActionPrefix != nil && !slices.ContainsFunc(slices.Concat(a.AlarmActions, a.OKActions, a.InsufficientDataActions), func(arn string) bool { return strings.HasPrefix(arn, *in.ActionPrefix) }) {
			continue
		}
		all = append(all, a.MetricAlarm)
	}
	size := in.MaxRecords
	if size == nil {
		size = aws.Int32(50) // the default of the CLI's reference
	}
	page, next, err := paginate(all, in.NextToken, size, 100)
	return &cloudwatch.DescribeAlarmsOutput{MetricAlarms: page, CompositeAlarms: []mt.CompositeAlarm{}, NextToken: next}, err
}

// describeAlarmsForMetric wants the metric's dimensions exactly.
func describeAlarmsForMetric(c *call, in *cloudwatch.DescribeAlarmsForMetricInput) (*cloudwatch.DescribeAlarmsForMetricOutput, error) {
	if err := c.allow("cloudwatch:DescribeAlarmsForMetric", c.alarmARN("*")); err != nil {
		return nil, err
	}
	out := &cloudwatch.DescribeAlarmsForMetricOutput{MetricAlarms: []mt.MetricAlarm{}}
	want := metricKey(aws.ToString(in.Namespace), aws.ToString(in.MetricName), in.Dimensions)
	for _, name := range sortedNames(c.watch().alarms) {
		a := c.watch().alarms[name]
		if metricKey(aws.ToString(a.Namespace), aws.ToString(a.MetricName), a.Dimensions) != want || in.Statistic != "" && in.Statistic != a.Statistic ||
			in.ExtendedStatistic != nil && *in.ExtendedStatistic != aws.ToString(a.ExtendedStatistic) || in.Period != nil && *in.Period != aws.ToInt32(a.Period) || in.Unit != "" && in.Unit != a.Unit {
			continue
		}
		out.MetricAlarms = append(out.MetricAlarms, a.MetricAlarm)
	}
	return out, nil
}

func deleteAlarms(c *call, in *cloudwatch.DeleteAlarmsInput) (*cloudwatch.DeleteAlarmsOutput, error) {
	for _, name := range in.AlarmNames {
		if err := c.allow("cloudwatch:DeleteAlarms", c.alarmARN(name)); err != nil {
			return nil, err
		}
	}
	for _, name := range in.AlarmNames { // "If you specify any incorrect alarm names, no alarms are deleted."
		if c.watch().alarms[name] == nil {
			return nil, fail("ResourceNotFound", "Alarm %s does not exist", name)
		}
	}
	for _, name := range in.AlarmNames {
		delete(c.watch().alarms, name)
	}
	c.authorized = true // also where no alarm was named
	return nil, nil
}

// switchActions: names that are unknown are left alone.
func (c *call) switchActions(action string, names []string, on bool) error {
	for _, name := range names {
		if err := c.allow("cloudwatch:"+action, c.alarmARN(name)); err != nil {
			return err
		}
	}
	c.authorized = true // also where no alarm was named
	for _, name := range names {
		if a := c.watch().alarms[name]; a != nil {
			a.ActionsEnabled = aws.Bool(on)
			a.AlarmConfigurationUpdatedTimestamp = aws.Time(c.now)
		}
	}
	return nil
}

func enableAlarmActions(c *call, in *cloudwatch.EnableAlarmActionsInput) (*cloudwatch.EnableAlarmActionsOutput, error) {
	return nil, c.switchActions("EnableAlarmActions", in.AlarmNames, true)
}

func disableAlarmActions(c *call, in *cloudwatch.DisableAlarmActionsInput) (*cloudwatch.DisableAlarmActionsOutput, error) {
	return nil, c.switchActions("DisableAlarmActions", in.AlarmNames, false)
}

func listAlarmTags(c *call, in *cloudwatch.ListTagsForResourceInput) (*cloudwatch.ListTagsForResourceOutput, error) {
	if err := c.allow("cloudwatch:ListTagsForResource", aws.ToString(in.ResourceARN)); err != nil {
		return nil, err
	}
	for name, a := range c.watch().alarms {
		if c.alarmARN(name) == aws.ToString(in.ResourceARN) {
			return &cloudwatch.ListTagsForResourceOutput{Tags: append([]mt.Tag{}, a.tags...)}, nil
		}
	}
	return nil, fail("ResourceNotFoundException", "%s does not exist", aws.ToString(in.ResourceARN))
}
