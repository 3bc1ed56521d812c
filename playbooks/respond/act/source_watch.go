package act

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	trailtypes "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	watchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

func watchNeeds() []awsapi.Need {
	return []awsapi.Need{
		{Call: "CloudTrail:LookupEvents", IAM: []awsapi.Grant{{Action: "cloudtrail:LookupEvents", Resource: "*"}}, When: "before something is done without people, for a record of CloudTrail"},
		{Call: "CloudWatch:DescribeAlarms", IAM: []awsapi.Grant{{Action: "cloudwatch:DescribeAlarms", Resource: "alarm ARN"}}, When: "before something is done without people, for an alarm"},
	}
}

// inCloudTrail looks the record up in the event history, also that of a line which a rule marked.
// There are management events of 90 days; a record is there some minutes after the call, while
// EventBridge can be quicker: until then it is not found.
func (w *work) inCloudTrail(ctx context.Context, c *clock) *alert.Alert {
	client := cloudtrail.NewFromConfig(c.watched(w.env.Session.ReadOnly().Config(w.a.Region, watchNeeds())))
	out, err := client.LookupEvents(ctx, &cloudtrail.LookupEventsInput{
		LookupAttributes: []trailtypes.LookupAttribute{{AttributeKey: trailtypes.LookupAttributeKeyEventId, AttributeValue: aws.String(w.a.Origin)}}})
	if err != nil {
		return nil
	}
	for _, e := range out.Events {
		if aws.ToString(e.EventId) == w.a.Origin {
			return w.read([]byte(aws.ToString(e.CloudTrailEvent)))
		}
	}
	return nil
}

// alarmTime is how EventBridge writes the moment of a change.
const alarmTime = "2006-01-02T15:04:05.000-0700"

// inCloudWatch asks for the alarm as it stands. One that has changed since is another alert, and one
// that is not in alarm any more is resolved.
func (w *work) inCloudWatch(ctx context.Context, c *clock) *alert.Alert {
	client := cloudwatch.NewFromConfig(c.watched(w.env.Session.ReadOnly().Config(w.a.Region, watchNeeds())))
	out, err := client.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{w.a.Type}, AlarmTypes: []watchtypes.AlarmType{watchtypes.AlarmTypeMetricAlarm}})
	if err != nil {
		return nil
	}
	for i := range out.MetricAlarms {
		m := &out.MetricAlarms[i]
		if own := aws.ToString(m.AlarmArn); own != "" && m.StateTransitionedTimestamp != nil && strings.HasPrefix(w.a.Origin, own+" ") {
			return w.parsed(alarmEvent(m))
		}
	}
	return nil
}

// alarmEvent is what EventBridge says when an alarm changes.
func alarmEvent(m *watchtypes.MetricAlarm) any {
	var metrics []any
	add := func(namespace *string, dimensions []watchtypes.Dimension, of *string) {
		d := map[string]string{}
		for _, x := range dimensions {
			d[aws.ToString(x.Name)] = aws.ToString(x.Value)
		}
		one := map[string]any{"metricStat": map[string]any{"metric": map[string]any{"namespace": aws.ToString(namespace), "dimensions": d}}}
		if of != nil {
			one["accountId"] = *of
		}
		metrics = append(metrics, one)
	}
	if m.MetricName != nil {
		add(m.Namespace, m.Dimensions, nil)
	}
	for _, q := range m.Metrics {
		if q.MetricStat != nil && q.MetricStat.Metric != nil {
			add(q.MetricStat.Metric.Namespace, q.MetricStat.Metric.Dimensions, q.AccountId)
		}
	}
	return map[string]any{
		"version": "0", "detail-type": "CloudWatch Alarm State Change", "source": "aws.cloudwatch", "resources": []string{aws.ToString(m.AlarmArn)},
		"time": m.StateTransitionedTimestamp.UTC().Format(time.RFC3339),
		"detail": map[string]any{"alarmName": aws.ToString(m.AlarmName), "configuration": map[string]any{"metrics": metrics},
			"state": map[string]any{"value": string(m.StateValue), "reason": aws.ToString(m.StateReason), "timestamp": m.StateTransitionedTimestamp.UTC().Format(alarmTime)}},
	}
}
