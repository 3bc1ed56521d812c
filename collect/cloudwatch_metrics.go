package collect

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	watchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

const (
	metricPeriod  = 5 * time.Minute
	metricsFine   = 63 * day // CloudWatch keeps five minutes' data for so long, and hours' longer
	metricsCoarse = time.Hour
	maxPoints     = 2_000_000
	maxAlarms     = 5_000
)

// functionMetrics are AWS/Lambda's of a function, each with the statistics that say something.
func functionMetrics() map[string][]string {
	sum, most := []string{"Sum"}, []string{"Maximum"}
	return map[string][]string{
		"Invocations": sum, "Errors": sum, "Throttles": sum, "Duration": {"Sum", "Maximum"}, "ConcurrentExecutions": most,
		"DeadLetterErrors": sum, "DestinationDeliveryFailures": sum, "AsyncEventsReceived": sum, "AsyncEventsDropped": sum, "AsyncEventAge": most,
		"RecursiveInvocationsDropped": sum, "IteratorAge": most, "OffsetLag": most, "UrlRequestCount": sum, "Url4xxCount": sum, "Url5xxCount": sum,
		"ProvisionedConcurrencyInvocations": sum, "ProvisionedConcurrencySpilloverInvocations": sum, "SignatureValidationErrors": sum,
	}
}

// metrics show when the function ran, failed or was throttled, also where its logs are gone.
func metrics() Collector {
	return Collector{
		Name: "cloudwatch.metrics", About: "CloudWatch metrics of the function in the window: calls, errors, throttles, duration, lost events",
		Needs:   []awsapi.Need{need("CloudWatch:GetMetricData", "cloudwatch:GetMetricData", "*")},
		Collect: collectMetrics,
	}
}

// alarms are those that look at the function: who would have been told, and whether
// somebody switched that off.
func alarms() Collector {
	return Collector{
		Name: "cloudwatch.alarms", About: "CloudWatch alarms on metrics of the function, and composite ones that name these",
		Needs:   []awsapi.Need{need("CloudWatch:DescribeAlarms", "cloudwatch:DescribeAlarms", "alarm ARN")},
		Collect: collectAlarms,
	}
}

// metricRange is a part of the window that is asked for in one period.
type metricRange struct {
	from, to time.Time
	period   time.Duration
}

// metricRanges are the window's, whose edges are widened to whole periods, the one in which
// it ends included: the newest in five minutes, and what is too old for that in hours.
func (r *runner) metricRanges() []metricRange {
	after := func(t time.Time, p time.Duration) time.Time { return t.Truncate(p).Add(p) }
	edge := after(r.o.Now().UTC().Add(-metricsFine), metricsCoarse)
	if !r.since.Before(edge) {
		return []metricRange{{r.since.Truncate(metricPeriod), after(r.until, metricPeriod), metricPeriod}}
	}
	old := metricRange{r.since.Truncate(metricsCoarse), after(r.until, metricsCoarse), metricsCoarse}
	if !r.until.After(edge) {
		return []metricRange{old}
	}
	old.to = edge
	return []metricRange{{edge, after(r.until, metricPeriod), metricPeriod}, old}
}

func collectMetrics(ctx context.Context, j *Job) {
	c := cloudwatch.NewFromConfig(j.config(j.Target.Region))
	for _, r := range j.run.metricRanges() {
		w := j.want("cloudwatch.metrics", fmt.Sprintf("%ds", int(r.period.Seconds())), "CloudWatch:GetMetricData")
		w.params = map[string]string{"Namespace": "AWS/Lambda", "FunctionName": j.Target.Function, "Period": fmt.Sprint(int(r.period.Seconds())),
			"StartTime": r.from.Format(time.RFC3339), "EndTime": r.to.Format(time.RFC3339)}
		j.plan(w)
		j.metricsOf(ctx, c, w, r)
	}
}

// metricQueries are ids such as duration_maximum: the id says metric and statistic.
func metricQueries(function string, period time.Duration) []watchtypes.MetricDataQuery {
	var out []watchtypes.MetricDataQuery
	for name, stats := range functionMetrics() {
		for _, stat := range stats {
			out = append(out, watchtypes.MetricDataQuery{
				Id: aws.String(strings.ToLower(name[:1]) + name[1:] + "_" + strings.ToLower(stat)), Label: aws.String(name + " " + stat),
				MetricStat: &watchtypes.MetricStat{Stat: aws.String(stat), Period: aws.Int32(int32(period.Seconds())), Metric: &watchtypes.Metric{
					Namespace: aws.String("AWS/Lambda"), MetricName: aws.String(name),
					Dimensions: []watchtypes.Dimension{{Name: aws.String("FunctionName"), Value: &function}},
				}},
			})
		}
	}
	slices.SortFunc(out, func(a, b watchtypes.MetricDataQuery) int { return strings.Compare(*a.Id, *b.Id) })
	return out
}

// metricsOf merges the pages: a result that goes on over the end of one is one again.
func (j *Job) metricsOf(ctx context.Context, c *cloudwatch.Client, w want, r metricRange) {
	if j.have(w) {
		return
	}
	in := &cloudwatch.GetMetricDataInput{StartTime: &r.from, EndTime: &r.to, ScanBy: watchtypes.ScanByTimestampDescending, MetricDataQueries: metricQueries(j.Target.Function, r.period)}
	first, s, err := ask(ctx, j, c.GetMetricData, in)
	if err != nil {
		j.refused(w, s, err)
		return
	}
	byID, points := map[string]*watchtypes.MetricDataResult{}, 0
	var all []*watchtypes.MetricDataResult
	cut := pager[cloudwatch.GetMetricDataInput, cloudwatch.GetMetricDataOutput, cloudwatch.Options]{
		call: c.GetMetricData, in: in,
		next: func(in *cloudwatch.GetMetricDataInput, out *cloudwatch.GetMetricDataOutput) string {
			in.NextToken = out.NextToken
			return aws.ToString(in.NextToken)
		},
	}.each(ctx, j, first, func(o *cloudwatch.GetMetricDataOutput) error {
		for _, part := range o.MetricDataResults {
			if points += len(part.Values); points > maxPoints {
				return tooMany(maxPoints)
			}
			whole := byID[aws.ToString(part.Id)]
			if whole == nil {
				byID[aws.ToString(part.Id)] = &part
				all = append(all, &part)
				continue
			}
			whole.Timestamps, whole.Values = append(whole.Timestamps, part.Timestamps...), append(whole.Values, part.Values...)
			whole.Messages, whole.StatusCode = append(whole.Messages, part.Messages...), part.StatusCode
		}
		return nil
	})
	for _, m := range all {
		if m.StatusCode != watchtypes.StatusCodeComplete && cut == nil {
			cut = fmt.Errorf("CloudWatch says %s of %s", m.StatusCode, aws.ToString(m.Id))
		}
	}
	switch {
	case points == 0 && cut != nil:
		j.refused(w, s, cut)
	case points == 0:
		j.none(w, s, "no data: it was not called in the window")
	default:
		slices.SortFunc(all, func(a, b *watchtypes.MetricDataResult) int {
			return strings.Compare(aws.ToString(a.Id), aws.ToString(b.Id))
		})
		j.putList(ctx, w, s, "MetricDataResults", all, cut)
	}
}

func collectAlarms(ctx context.Context, j *Job) {
	w := j.want("cloudwatch.alarms", "", "CloudWatch:DescribeAlarms")
	if j.have(w) {
		return
	}
	j.plan(w)
	c := cloudwatch.NewFromConfig(j.config(j.Target.Region))
	swept := sweepOnce(ctx, j, "alarms", func(ctx context.Context) ([]any, stamp, error) { return j.allAlarms(ctx, c) })
	s, cut := swept.at, swept.err
	var found []watchtypes.MetricAlarm
	for _, a := range swept.found {
		if m, ok := a.(watchtypes.MetricAlarm); ok && looksAt(&m, j.Target.Function) {
			found = append(found, m)
		}
	}
	all := anys(found)
	for _, a := range swept.found {
		if m, ok := a.(watchtypes.CompositeAlarm); ok && slices.ContainsFunc(found, func(a watchtypes.MetricAlarm) bool { return ruleNames(&m, &a) }) {
			all = append(all, m)
		}
	}
	switch {
	case ctx.Err() != nil && s.started.IsZero():
		return // close records it
	case len(all) == 0 && cut != nil:
		j.refused(w, s, cut)
	case len(all) == 0:
		j.none(w, s, fmt.Sprintf("none of %d alarms of the region looks at it", len(swept.found)))
	default:
		j.putList(ctx, w, s, "Alarms", all, cut)
	}
}

// allAlarms are those of the region.
func (j *Job) allAlarms(ctx context.Context, c *cloudwatch.Client) (all []any, s stamp, err error) {
	in := &cloudwatch.DescribeAlarmsInput{AlarmTypes: []watchtypes.AlarmType{watchtypes.AlarmTypeMetricAlarm, watchtypes.AlarmTypeCompositeAlarm}, MaxRecords: aws.Int32(100)}
	first, s, err := ask(ctx, j, c.DescribeAlarms, in)
	if err != nil {
		return nil, s, err
	}
	err = pager[cloudwatch.DescribeAlarmsInput, cloudwatch.DescribeAlarmsOutput, cloudwatch.Options]{
		call: c.DescribeAlarms, in: in,
		next: func(in *cloudwatch.DescribeAlarmsInput, out *cloudwatch.DescribeAlarmsOutput) string {
			in.NextToken = out.NextToken
			return aws.ToString(in.NextToken)
		},
	}.each(ctx, j, first, func(o *cloudwatch.DescribeAlarmsOutput) error {
		if len(all)+len(o.MetricAlarms)+len(o.CompositeAlarms) > maxAlarms {
			return tooMany(maxAlarms)
		}
		all = append(append(all, anys(o.MetricAlarms)...), anys(o.CompositeAlarms)...)
		return nil
	})
	return all, s, err
}

// looksAt: the alarm, or a query of it, is on a metric of the function, of a version or an alias.
func looksAt(a *watchtypes.MetricAlarm, function string) bool {
	lists := [][]watchtypes.Dimension{a.Dimensions}
	for _, q := range a.Metrics {
		if q.MetricStat != nil && q.MetricStat.Metric != nil {
			lists = append(lists, q.MetricStat.Metric.Dimensions)
		}
	}
	for _, d := range slices.Concat(lists...) {
		v := aws.ToString(d.Value)
		switch aws.ToString(d.Name) {
		case "FunctionName":
			if v == function {
				return true
			}
		case "Resource":
			if v == function || strings.HasPrefix(v, function+":") {
				return true
			}
		}
	}
	return false
}

// ruleNames: the rule of a composite alarm names the other by name or ARN.
func ruleNames(c *watchtypes.CompositeAlarm, a *watchtypes.MetricAlarm) bool {
	rule := aws.ToString(c.AlarmRule)
	for _, name := range []*string{a.AlarmName, a.AlarmArn} {
		for _, quote := range []string{`"`, `'`, ``} {
			if strings.Contains(rule, "("+quote+aws.ToString(name)+quote+")") {
				return true
			}
		}
	}
	return false
}
