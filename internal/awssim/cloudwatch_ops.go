package awssim

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	mt "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// cloudwatchOps is every simulated operation of CloudWatch: metrics, and alarms on one
// metric. Alarms are not evaluated.
func cloudwatchOps() []operation {
	return []operation{
		op("cloudwatch", "PutMetricData", putMetricData), op("cloudwatch", "GetMetricData", getMetricData), op("cloudwatch", "ListMetrics", listMetrics),
		op("cloudwatch", "PutMetricAlarm", putMetricAlarm), op("cloudwatch", "SetAlarmState", setAlarmState), op("cloudwatch", "DescribeAlarms", describeAlarms), op("cloudwatch", "DescribeAlarmsForMetric", describeAlarmsForMetric),
		op("cloudwatch", "DeleteAlarms", deleteAlarms), op("cloudwatch", "EnableAlarmActions", enableAlarmActions), op("cloudwatch", "DisableAlarmActions", disableAlarmActions),
		op("cloudwatch", "ListTagsForResource", listAlarmTags),
	}
}

// Limits of the API reference: GetMetricData, ListMetrics.
const (
	maxQueries    = 500
	maxDatapoints = 100_800
	metricsPage   = 500
)

func (c *call) watch() *cloudwatchState {
	return c.cloudwatch.at(c.accountID, c.region, newCloudWatchState)
}

func badMetric(format string, args ...any) error {
	return fail("InvalidParameterValueException", format, args...)
}

func putMetricData(c *call, in *cloudwatch.PutMetricDataInput) (*cloudwatch.PutMetricDataOutput, error) {
	if err := c.allow("cloudwatch:PutMetricData", "*", withCondition("cloudwatch:namespace", aws.ToString(in.Namespace))); err != nil {
		return nil, err
	}
	switch {
	case strings.HasPrefix(aws.ToString(in.Namespace), "AWS/"):
		return nil, badMetric("The value AWS/ for parameter Namespace is invalid.")
	case len(in.EntityMetricData) > 0 || in.StrictEntityValidation != nil:
		return nil, badMetric("freezeframe simulator: data of entities is not simulated")
	case len(in.MetricData) == 0:
		return nil, fail("MissingRequiredParameterException", "The parameter MetricData is required.")
	}
	for _, d := range in.MetricData {
		if err := c.watch().add(aws.ToString(in.Namespace), d, c.now, false); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// getMetricData gives the points of all queries one after the other, in pages of
// MaxDatapoints; a query that goes on over the end of a page is PartialData on it.
func getMetricData(c *call, in *cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error) {
	if err := c.allow("cloudwatch:GetMetricData", "*"); err != nil {
		return nil, err
	}
	from, to := aws.ToTime(in.StartTime), aws.ToTime(in.EndTime)
	switch {
	case in.LabelOptions != nil:
		return nil, fail("ValidationException", "freezeframe simulator: label options are not simulated")
	case len(in.MetricDataQueries) > maxQueries:
		return nil, fail("ValidationException", "The collection MetricDataQueries must not have a size greater than %d.", maxQueries)
	case !from.Before(to):
		return nil, fail("ValidationException", "The parameter StartTime must be less than the parameter EndTime.")
	}
	var results []mt.MetricDataResult
	type place struct{ query, point int }
	var all []place
	seen := map[string]bool{}
	for _, q := range in.MetricDataQueries {
		if seen[aws.ToString(q.Id)] {
			return nil, fail("ValidationException", "The values for parameter id in MetricDataQueries are not unique.")
		}
		seen[aws.ToString(q.Id)] = true
		r, err := c.watch().result(q, from, to, in.ScanBy != mt.ScanByTimestampAscending)
		if err != nil {
			return nil, err
		}
		if q.ReturnData != nil && !*q.ReturnData {
			continue
		}
		for i := range r.Values {
			all = append(all, place{len(results), i})
		}
		results = append(results, r)
	}
	page, next, err := paginate(all, in.NextToken, in.MaxDatapoints, maxDatapoints)
	if err != nil {
		return nil, err
	}
	out := &cloudwatch.GetMetricDataOutput{MetricDataResults: []mt.MetricDataResult{}, Messages: []mt.MessageData{}, NextToken: next}
	on := map[int][]int{}
	for _, p := range page {
		on[p.query] = append(on[p.query], p.point)
	}
	for i, r := range results {
		points := on[i]
		if len(points) == 0 && (len(r.Values) > 0 || aws.ToString(in.NextToken) != "") {
			continue // on another page
		}
		part := mt.MetricDataResult{Id: r.Id, Label: r.Label, StatusCode: mt.StatusCodeComplete, Timestamps: []time.Time{}, Values: []float64{}}
		for _, p := range points {
			part.Timestamps, part.Values = append(part.Timestamps, r.Timestamps[p]), append(part.Values, r.Values[p])
		}
		if len(points) > 0 && points[len(points)-1] < len(r.Values)-1 {
			part.StatusCode = mt.StatusCodePartialData
		}
		out.MetricDataResults = append(out.MetricDataResults, part)
	}
	return out, nil
}

func listMetrics(c *call, in *cloudwatch.ListMetricsInput) (*cloudwatch.ListMetricsOutput, error) {
	if err := c.allow("cloudwatch:ListMetrics", "*"); err != nil {
		return nil, err
	}
	if aws.ToBool(in.IncludeLinkedAccounts) || in.OwningAccount != nil {
		return nil, badMetric("freezeframe simulator: metrics of linked accounts are not simulated")
	}
	past := 14 * 24 * time.Hour // what ListMetrics knows of, by the API reference
	if in.RecentlyActive != "" {
		past = 3 * time.Hour
	}
	all := []mt.Metric{}
	for _, key := range sortedNames(c.watch().metrics) {
		m := c.watch().metrics[key]
		if last := m.points[len(m.points)-1].at; last.Before(c.now.Add(-past)) || in.Namespace != nil && *in.Namespace != m.namespace ||
			in.MetricName != nil && *in.MetricName != m.name || !m.has(in.Dimensions) {
			continue
		}
		all = append(all, mt.Metric{Namespace: aws.String(m.namespace), MetricName: aws.String(m.name), Dimensions: m.dimensions})
	}
	page, next, err := paginate(all, in.NextToken, nil, metricsPage)
	return &cloudwatch.ListMetricsOutput{Metrics: page, NextToken: next}, err
}

// StageMetric lets a service of AWS have reported data of its own, such as AWS/Lambda,
// which PutMetricData refuses. A datum without a time is of now.
func (c *Cloud) StageMetric(account, region, namespace string, data ...mt.MetricDatum) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range data {
		if err := c.cloudwatch.at(account, region, newCloudWatchState).add(namespace, d, c.cfg.Clock.Now().UTC(), true); err != nil {
			panic("awssim: a metric that cannot be: " + err.Error())
		}
	}
}

// sortedDimensions: two metrics are one if they have the same dimensions in any order.
func sortedDimensions(d []mt.Dimension) []mt.Dimension {
	return slices.SortedFunc(slices.Values(d), func(a, b mt.Dimension) int {
		return cmp.Or(cmp.Compare(aws.ToString(a.Name), aws.ToString(b.Name)), cmp.Compare(aws.ToString(a.Value), aws.ToString(b.Value)))
	})
}
