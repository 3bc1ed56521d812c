package awssim

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	mt "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// cloudwatchState is CloudWatch in one account and region.
type cloudwatchState struct {
	metrics map[string]*metric // by namespace, name and dimensions
	alarms  map[string]*alarm
}

func newCloudWatchState() *cloudwatchState {
	return &cloudwatchState{metrics: map[string]*metric{}, alarms: map[string]*alarm{}}
}

type metric struct {
	namespace, name string
	dimensions      []mt.Dimension // sorted
	points          []point        // oldest first
}

// point is what was reported for one time: a value, or several in sum.
type point struct {
	at                   time.Time
	count, sum, min, max float64
	unit                 mt.StandardUnit
}

func metricKey(namespace, name string, dimensions []mt.Dimension) string {
	parts := []string{namespace, name}
	for _, d := range sortedDimensions(dimensions) {
		parts = append(parts, aws.ToString(d.Name)+"="+aws.ToString(d.Value))
	}
	return strings.Join(parts, "\x00")
}

// add takes a datum. Data may be two weeks old and two hours ahead (API reference,
// PutMetricData); what is staged may be of any time.
func (s *cloudwatchState) add(namespace string, d mt.MetricDatum, now time.Time, staged bool) error {
	p := point{at: now, unit: d.Unit}
	if d.Timestamp != nil {
		p.at = *d.Timestamp
	}
	switch {
	case !staged && (p.at.Before(now.Add(-14*24*time.Hour)) || p.at.After(now.Add(2*time.Hour))):
		return badMetric("The parameter MetricData.member.1.Timestamp must specify a time no more than two weeks in the past, and two hours ahead.")
	case d.StatisticValues != nil:
		v := d.StatisticValues
		p.count, p.sum, p.min, p.max = aws.ToFloat64(v.SampleCount), aws.ToFloat64(v.Sum), aws.ToFloat64(v.Minimum), aws.ToFloat64(v.Maximum)
	case d.Value != nil:
		p.count, p.sum, p.min, p.max = 1, *d.Value, *d.Value, *d.Value
	case len(d.Values) > 0:
		if len(d.Counts) > 0 && len(d.Counts) != len(d.Values) {
			return badMetric("The parameters MetricData.member.1.Values and MetricData.member.1.Counts must be of the same size.")
		}
		for i, v := range d.Values {
			n := 1.0
			if len(d.Counts) > 0 {
				n = d.Counts[i]
			}
			p.count, p.sum = p.count+n, p.sum+n*v
		}
		p.min, p.max = slices.Min(d.Values), slices.Max(d.Values)
	default:
		return fail("MissingRequiredParameterException", "At least one of the parameters must be specified.")
	}
	key := metricKey(namespace, aws.ToString(d.MetricName), d.Dimensions)
	m := s.metrics[key]
	if m == nil {
		m = &metric{namespace: namespace, name: aws.ToString(d.MetricName), dimensions: sortedDimensions(d.Dimensions)}
		s.metrics[key] = m
	}
	i, _ := slices.BinarySearchFunc(m.points, p.at, func(e point, at time.Time) int { return e.at.Compare(at) })
	m.points = slices.Insert(m.points, i, p)
	return nil
}

// has: each filter is met by a dimension, with any value or with the one named.
func (m *metric) has(filters []mt.DimensionFilter) bool {
	for _, f := range filters {
		if !slices.ContainsFunc(m.dimensions, func(d mt.Dimension) bool {
			return aws.ToString(d.Name) == aws.ToString(f.Name) && (f.Value == nil || *f.Value == aws.ToString(d.Value))
		}) {
			return false
		}
	}
	return true
}

// result answers one query with the points of [from, to), a period each.
func (s *cloudwatchState) result(q mt.MetricDataQuery, from, to time.Time, newestFirst bool) (mt.MetricDataResult, error) {
	r := mt.MetricDataResult{Id: q.Id, Label: q.Label, StatusCode: mt.StatusCodeComplete}
	if q.MetricStat == nil || q.Expression != nil || q.AccountId != nil || q.Period != nil {
		return r, fail("ValidationException", "freezeframe simulator: only queries of one metric of the account are simulated")
	}
	m, stat := q.MetricStat.Metric, aws.ToString(q.MetricStat.Stat)
	period := time.Duration(aws.ToInt32(q.MetricStat.Period)) * time.Second
	switch {
	case !slices.Contains([]string{"Sum", "Average", "Minimum", "Maximum", "SampleCount"}, stat):
		return r, fail("ValidationException", "freezeframe simulator: the statistic %q is not simulated", stat)
	case period < time.Minute || period%time.Minute != 0:
		return r, fail("ValidationException", "freezeframe simulator: a period of %v is not simulated", period)
	case from.Truncate(period) != from || to.Truncate(period) != to:
		return r, fail("ValidationException", "freezeframe simulator: times that are no multiple of the period are not simulated")
	}
	if r.Label == nil {
		r.Label = m.MetricName
	}
	found := s.metrics[metricKey(aws.ToString(m.Namespace), aws.ToString(m.MetricName), m.Dimensions)]
	if found == nil {
		return r, nil
	}
	var sum point
	flush := func() {
		if sum.count > 0 {
			r.Timestamps, r.Values = append(r.Timestamps, sum.at), append(r.Values, sum.value(stat))
		}
	}
	for _, p := range found.points {
		at := p.at.Truncate(period)
		if at.Before(from) || !at.Before(to) || q.MetricStat.Unit != "" && p.unit != q.MetricStat.Unit {
			continue
		}
		if sum.count > 0 && sum.at.Equal(at) {
			sum.count, sum.sum, sum.min, sum.max = sum.count+p.count, sum.sum+p.sum, min(sum.min, p.min), max(sum.max, p.max)
			continue
		}
		flush()
		sum, sum.at = p, at
	}
	if flush(); newestFirst {
		slices.Reverse(r.Timestamps)
		slices.Reverse(r.Values)
	}
	return r, nil
}

func (p point) value(stat string) float64 {
	switch stat {
	case "Sum":
		return p.sum
	case "Average":
		return p.sum / p.count
	case "Minimum":
		return p.min
	case "Maximum":
		return p.max
	}
	return p.count
}

func (s *cloudwatchState) objects(account, region string, put putObject) {
	at := "cloudwatch/" + account + "/" + region + "/"
	for key, m := range s.metrics {
		points := [][]any{}
		for _, p := range m.points {
			points = append(points, []any{p.at.UTC(), p.count, p.sum, p.min, p.max, p.unit})
		}
		put(at+"metric/"+strings.ReplaceAll(key, "\x00", "/"), points, nil)
	}
	for name, a := range s.alarms {
		put(at+"alarm/"+name, map[string]any{"alarm": a.logical(), "tags": a.tags}, a.MetricAlarm.AlarmConfigurationUpdatedTimestamp)
	}
}
