package awssim

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	mt "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

func queryOf(id, namespace, name, stat string, dims ...mt.Dimension) mt.MetricDataQuery {
	return mt.MetricDataQuery{Id: aws.String(id), MetricStat: &mt.MetricStat{Period: aws.Int32(300), Stat: aws.String(stat),
		Metric: &mt.Metric{Namespace: aws.String(namespace), MetricName: aws.String(name), Dimensions: dims}}}
}

// TestSweepMetrics: data is summed by period, pages at the number of points asked for, and
// what AWS reports by itself nobody can put.
func TestSweepMetrics(t *testing.T) {
	ctx, c, cfg := sweeping(t)
	cl, hour := cloudwatch.NewFromConfig(cfg), time.Now().UTC().Truncate(time.Hour)
	dim := mt.Dimension{Name: aws.String("FunctionName"), Value: aws.String("f")}
	var data []mt.MetricDatum
	for i := range 200 { // large enough for the SDK to compress it
		data = append(data, mt.MetricDatum{MetricName: aws.String("Own"), Timestamp: aws.Time(hour.Add(-time.Duration(i) * time.Minute)), Value: aws.Float64(1.5), Dimensions: []mt.Dimension{dim}})
	}
	must(cl.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{Namespace: aws.String("Shop"), MetricData: data}))(t)
	c.StageMetric(c.AccountID(), c.Region(), "AWS/Lambda",
		mt.MetricDatum{MetricName: aws.String("Errors"), Timestamp: aws.Time(hour.Add(-time.Hour)), Values: []float64{1, 0}, Counts: []float64{2, 3}, Dimensions: []mt.Dimension{dim}})
	in := &cloudwatch.GetMetricDataInput{StartTime: aws.Time(hour.Add(-2 * time.Hour)), EndTime: &hour, MaxDatapoints: aws.Int32(30),
		MetricDataQueries: []mt.MetricDataQuery{queryOf("own", "Shop", "Own", "Sum", dim), queryOf("errors", "AWS/Lambda", "Errors", "SampleCount", dim), queryOf("none", "AWS/Lambda", "Throttles", "Sum", dim)}}
	got := map[string][]float64{}
	pages, partial := 0, 0
	for {
		out := must(cl.GetMetricData(ctx, in))(t)
		pages++
		for _, r := range out.MetricDataResults {
			got[*r.Id] = append(got[*r.Id], r.Values...)
			if r.StatusCode == mt.StatusCodePartialData {
				partial++
			}
			for i := 1; i < len(r.Timestamps); i++ {
				if !r.Timestamps[i].Before(r.Timestamps[i-1]) {
					t.Errorf("%s is not newest first", *r.Id)
				}
			}
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
		in.MaxDatapoints = aws.Int32(20)
	}
	if len(got["own"]) != 24 || got["own"][3] != 7.5 || len(got["errors"]) != 1 || got["errors"][0] != 5 || len(got) != 3 || pages != 1 || partial != 0 {
		t.Errorf("in %d pages: %v", pages, got)
	}
	in.MaxDatapoints = aws.Int32(10)
	first := must(cl.GetMetricData(ctx, in))(t)
	if r := first.MetricDataResults; len(r) != 2 || r[0].StatusCode != mt.StatusCodePartialData || len(r[0].Values) != 10 || first.NextToken == nil {
		t.Errorf("the first of pages: %+v", first)
	}
	if m := must(cl.ListMetrics(ctx, &cloudwatch.ListMetricsInput{Namespace: aws.String("AWS/Lambda"), Dimensions: []mt.DimensionFilter{{Name: dim.Name}}}))(t).Metrics; len(m) != 1 || *m[0].MetricName != "Errors" {
		t.Errorf("metrics: %+v", m)
	}
	in.NextToken = aws.String("x")
	_, token := cl.GetMetricData(ctx, in)
	_, reserved := cl.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{Namespace: aws.String("AWS/Lambda"), MetricData: data[:1]})
	_, missing := cl.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{Namespace: aws.String("Shop"), MetricData: []mt.MetricDatum{{MetricName: aws.String("m")}}})
	_, odd := cl.GetMetricData(ctx, &cloudwatch.GetMetricDataInput{StartTime: in.StartTime, EndTime: &hour, MetricDataQueries: []mt.MetricDataQuery{queryOf("a", "n", "m", "p99")}})
	for code, err := range map[string]error{"InvalidNextToken": token, "InvalidParameterValue": reserved, "MissingParameter": missing, "ValidationError": odd} {
		if codeOf(err) != code { // the codes of the query protocol, by its header
			t.Errorf("%v, want %s", err, code)
		}
	}
}

func TestSweepAlarms(t *testing.T) {
	ctx, _, cfg := sweeping(t)
	cl := cloudwatch.NewFromConfig(cfg)
	dim := []mt.Dimension{{Name: aws.String("FunctionName"), Value: aws.String("f")}}
	for _, name := range []string{"a", "b", "c"} {
		must(cl.PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{AlarmName: &name, Namespace: aws.String("AWS/Lambda"), MetricName: aws.String("Errors"), Dimensions: dim, Statistic: mt.StatisticSum,
			Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(0), ComparisonOperator: mt.ComparisonOperatorGreaterThanThreshold, Tags: []mt.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}))(t)
	}
	one := must(cl.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{MaxRecords: aws.Int32(2)}))(t)
	two := must(cl.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{MaxRecords: aws.Int32(2), NextToken: one.NextToken}))(t)
	if len(one.MetricAlarms) != 2 || len(two.MetricAlarms) != 1 || two.NextToken != nil || *one.MetricAlarms[0].Threshold != 0 {
		t.Errorf("pages of %d and %d", len(one.MetricAlarms), len(two.MetricAlarms))
	}
	if a := must(cl.DescribeAlarmsForMetric(ctx, &cloudwatch.DescribeAlarmsForMetricInput{Namespace: aws.String("AWS/Lambda"), MetricName: aws.String("Errors"), Dimensions: dim}))(t).MetricAlarms; len(a) != 3 {
		t.Errorf("%d alarms of the metric", len(a))
	}
	must(cl.SetAlarmState(ctx, &cloudwatch.SetAlarmStateInput{AlarmName: aws.String("a"), StateValue: mt.StateValueAlarm, StateReason: aws.String("a test")}))(t)
	if a := must(cl.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{"a"}}))(t).MetricAlarms; len(a) != 1 || a[0].StateValue != mt.StateValueAlarm || *a[0].StateReason != "a test" {
		t.Errorf("an alarm that was set off: %+v", a)
	}
	if _, err := cl.SetAlarmState(ctx, &cloudwatch.SetAlarmStateInput{AlarmName: aws.String("none"), StateValue: mt.StateValueAlarm, StateReason: aws.String("a test")}); err == nil {
		t.Error("an alarm that is not there was set off")
	}
	must(cl.DisableAlarmActions(ctx, &cloudwatch.DisableAlarmActionsInput{AlarmNames: []string{"a"}}))(t)
	if a := must(cl.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{"a"}}))(t).MetricAlarms; len(a) != 1 || *a[0].ActionsEnabled {
		t.Errorf("an alarm whose actions are off: %+v", a)
	}
	must(cl.EnableAlarmActions(ctx, &cloudwatch.EnableAlarmActionsInput{AlarmNames: []string{"a"}}))(t)
	if tags := must(cl.ListTagsForResource(ctx, &cloudwatch.ListTagsForResourceInput{ResourceARN: one.MetricAlarms[0].AlarmArn}))(t).Tags; len(tags) != 1 {
		t.Errorf("tags: %+v", tags)
	}
	must(cl.DeleteAlarms(ctx, &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{"a"}}))(t)
	_, gone := cl.DeleteAlarms(ctx, &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{"a", "b"}})
	_, untagged := cl.ListTagsForResource(ctx, &cloudwatch.ListTagsForResourceInput{ResourceARN: one.MetricAlarms[0].AlarmArn})
	_, bare := cl.PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{AlarmName: aws.String("d"), MetricName: aws.String("m")})
	for code, err := range map[string]error{"ResourceNotFound": gone, "ResourceNotFoundException": untagged, "MissingParameter": bare} {
		if codeOf(err) != code {
			t.Errorf("%v, want %s", err, code)
		}
	}
}

// TestCBORIsBounded: neither depth nor size, packed or not, gets through, and a body in
// another form is no request.
func TestCBORIsBounded(t *testing.T) {
	op := facts()["cloudwatch"].ops["PutMetricData"]
	for what, tc := range map[string]struct {
		body []byte
		head http.Header
	}{
		"deep":    {bytes.Repeat([]byte{0x81}, 100_000), nil},
		"tags":    {bytes.Repeat([]byte{0xc1}, 100_000), nil},
		"large":   {bytes.Repeat([]byte{0x40}, maxCBOR+1), nil},
		"claims":  {[]byte{0x9b, 0x7f, 255, 255, 255, 255, 255, 255, 255}, nil},
		"a list":  {[]byte{0x80}, nil},
		"no gzip": {[]byte{0xa0}, http.Header{"Content-Encoding": {"gzip"}}},
		"zstd":    {[]byte{0xa0}, http.Header{"Content-Encoding": {"zstd"}}},
		"JSON":    {[]byte("{}"), http.Header{"Content-Type": {"application/json"}}},
		"other":   {[]byte{0xa0}, http.Header{"Smithy-Protocol": {"rpc-v2-json"}}},
	} {
		r := httptest.NewRequest(http.MethodPost, "/service/GraniteServiceVersion20100801/operation/PutMetricData", nil)
		r.Header.Set("Smithy-Protocol", "rpc-v2-cbor")
		r.Header.Set("Content-Type", cborType)
		for k, v := range tc.head {
			r.Header[k] = v
		}
		if got, err := (rpcCBOR{}).decode(op, &request{http: r, body: tc.body}); err == nil {
			t.Errorf("%s: taken as %v", what, got)
		}
	}
}

// TestCloudWatchInJSON: older clients name the operation in X-Amz-Target.
func TestCloudWatchInJSON(t *testing.T) {
	c := New(Config{})
	cfg := clientConfig(c, c.Bootstrap(c.AccountID(), "admin", allowAll))
	h := http.Header{"X-Amz-Target": {"GraniteServiceVersion20100801.ListMetrics"}}
	body := strings.NewReader("{}")
	req := must(http.NewRequestWithContext(t.Context(), http.MethodPost, "https://monitoring.us-east-1.amazonaws.com/", body))(t)
	req.Header = h
	target := c.aim(req, &signature{service: "monitoring", region: cfg.Region}, nil)
	if _, json := target.protocol.(jsonRPC); !json || target.opName != "ListMetrics" || target.op == nil {
		t.Errorf("%+v", target)
	}
}
