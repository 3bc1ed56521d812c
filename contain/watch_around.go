package contain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	trailtypes "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	watchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// WatchNeeds are the calls of a watch beyond those that re-read documents.
func WatchNeeds() []awsapi.Need {
	return []awsapi.Need{
		when(on("CloudWatch:GetMetricData", "*", false), "watching"),
		when(on("CloudTrail:LookupEvents", "*", false), "watching"),
	}
}

// Pace and bounds of a look around: LookupEvents takes two a second.
const (
	lookupPace   = 600 * time.Millisecond
	lookupPages  = 4
	trailLate    = 20 * time.Minute // records come late: each look reads back that far
	metricPeriod = time.Minute
)

// around looks at what documents do not show: runs, the role's calls, and who changed what.
func (w *watching) around(ctx context.Context, all []Standing) {
	w.own = nil // another run may have begun since the last look
	var functions, roles []string
	for _, s := range all {
		switch {
		case strings.Contains(s.Function, ":function:") && !slices.Contains(functions, s.Function):
			functions = append(functions, s.Function)
		}
		if strings.Contains(s.Resource, ":role/") && !slices.Contains(roles, s.Resource) {
			roles = append(roles, s.Resource)
		}
	}
	for _, f := range functions {
		w.metrics(ctx, f)
		w.records(ctx, regionOf(f), "lambda.amazonaws.com", f)
		w.used(ctx, f, roles)
	}
	for _, r := range roles {
		w.records(ctx, globalRegion(r), "iam.amazonaws.com", r)
	}
	w.since = w.in.Clock.Now().UTC()
}

// globalRegion is where a partition's IAM writes its records.
func globalRegion(arn string) string {
	switch partitionOf(arn) {
	case "aws-cn":
		return "cn-north-1"
	case "aws-us-gov":
		return "us-gov-west-1"
	}
	return "us-east-1"
}

// metrics of the minutes since the last look, the last one again: it may have gone on.
func (w *watching) metrics(ctx context.Context, function string) {
	name := function[strings.LastIndex(function, ":")+1:]
	var queries []watchtypes.MetricDataQuery
	for _, metric := range []string{"Invocations", "Throttles"} {
		queries = append(queries, watchtypes.MetricDataQuery{Id: aws.String(strings.ToLower(metric)), MetricStat: &watchtypes.MetricStat{
			Stat: aws.String("Sum"), Period: aws.Int32(int32(metricPeriod / time.Second)), Metric: &watchtypes.Metric{
				Namespace: aws.String("AWS/Lambda"), MetricName: aws.String(metric),
				Dimensions: []watchtypes.Dimension{{Name: aws.String("FunctionName"), Value: aws.String(name)}},
			}}})
	}
	from := w.since.Truncate(metricPeriod)
	if from.Before(w.out.From) { // the minute in which watching began belongs to what was before
		from = w.out.From.Truncate(metricPeriod).Add(metricPeriod)
	}
	to := w.in.Clock.Now().UTC().Truncate(metricPeriod).Add(metricPeriod)
	if !from.Before(to) {
		return
	}
	out, err := cloudwatch.NewFromConfig(w.in.Session.Config(regionOf(function), WatchNeeds())).GetMetricData(ctx, &cloudwatch.GetMetricDataInput{
		StartTime: &from, EndTime: &to, MetricDataQueries: queries,
	})
	if err != nil {
		w.blind(ctx, function, "its metrics: "+err.Error())
		return
	}
	for _, r := range out.MetricDataResults {
		what := SightRuns
		if aws.ToString(r.Id) == "throttles" {
			what = SightThrottle
		}
		for i := range min(len(r.Values), len(r.Timestamps)) {
			if r.Values[i] > 0 {
				w.tell(Sighting{What: what, Resource: function, Detail: fmt.Sprintf("%.0f in the minute of %s", r.Values[i], r.Timestamps[i].UTC().Format("15:04Z"))})
			}
		}
	}
}

func (w *watching) blind(ctx context.Context, resource, what string) {
	if ctx.Err() == nil {
		w.tell(Sighting{What: SightGap, Resource: resource, Detail: what})
	}
}

// record is what is looked at of a CloudTrail record.
type record struct {
	Request  string `json:"requestID"`
	Error    string `json:"errorCode"`
	Identity struct {
		ARN     string `json:"arn"`
		Session struct {
			Issuer struct {
				ARN string `json:"arn"`
			} `json:"sessionIssuer"`
		} `json:"sessionContext"`
	} `json:"userIdentity"`
	Address string `json:"sourceIPAddress"`
}

// records tells the calls of one service that change what is watched, and name it.
func (w *watching) records(ctx context.Context, region, source, resource string) {
	about := roleName(resource)
	if i := strings.LastIndex(about, ":"); i >= 0 {
		about = about[i+1:]
	}
	w.events(ctx, region, trailtypes.LookupAttributeKeyEventSource, source, resource, func(e trailtypes.Event, r record) {
		if aws.ToString(e.ReadOnly) != "false" || r.Error != "" || !strings.Contains(aws.ToString(e.CloudTrailEvent), about) || w.ours(ctx, r.Request) {
			return
		}
		w.tell(Sighting{At: aws.ToTime(e.EventTime).UTC(), What: SightChange, Resource: resource, Who: first(r.Identity.ARN, aws.ToString(e.Username), "unknown") + " from " + first(r.Address, "an unknown address"),
			Event: aws.ToString(e.EventId), Detail: aws.ToString(e.EventName)})
	})
}

// ours says whether a call is one that this case's own runs made: by its request id, which
// nobody can copy. What the case cannot say is told as anybody's.
func (w *watching) ours(ctx context.Context, request string) bool {
	if w.own == nil {
		past, err := load(ctx, w.in.Case)
		if err != nil {
			return false
		}
		w.own = past.own
	}
	return w.own[request]
}

// used tells the calls of sessions that Lambda names after the function, where their role is one of these.
func (w *watching) used(ctx context.Context, function string, roles []string) {
	name := function[strings.LastIndex(function, ":")+1:]
	w.events(ctx, regionOf(function), trailtypes.LookupAttributeKeyUsername, name, function, func(e trailtypes.Event, r record) {
		issuer := r.Identity.Session.Issuer.ARN
		if len(roles) > 0 && !slices.Contains(roles, issuer) {
			return
		}
		s := Sighting{At: aws.ToTime(e.EventTime).UTC(), What: SightCalls, Resource: first(issuer, function), Who: first(r.Identity.ARN, name) + " from " + first(r.Address, "an unknown address"),
			Event: aws.ToString(e.EventId), Detail: aws.ToString(e.EventName)}
		if r.Error != "" {
			s.What, s.Detail = SightDenied, s.Detail+": "+r.Error
		}
		w.tell(s)
	})
}

// events of one attribute since watching began, as far as records may still come.
func (w *watching) events(ctx context.Context, region string, key trailtypes.LookupAttributeKey, value, resource string, take func(trailtypes.Event, record)) {
	c := cloudtrail.NewFromConfig(w.in.Session.Config(region, WatchNeeds()))
	from := w.since.Add(-trailLate)
	if from.Before(w.out.From) {
		from = w.out.From
	}
	from = from.Truncate(time.Second) // as records are dated: one of the same second is not before it
	in := &cloudtrail.LookupEventsInput{StartTime: &from, EndTime: aws.Time(w.in.Clock.Now().UTC()), MaxResults: aws.Int32(50),
		LookupAttributes: []trailtypes.LookupAttribute{{AttributeKey: key, AttributeValue: aws.String(value)}}}
	if !in.StartTime.Before(*in.EndTime) {
		return
	}
	for page := 0; ; page++ {
		if w.in.Clock.Sleep(ctx, lookupPace) != nil {
			return
		}
		out, err := c.LookupEvents(ctx, in)
		if err == nil && page == lookupPages && out.NextToken != nil {
			err = errors.New("more records than are read at once")
		}
		if err != nil {
			w.blind(ctx, resource, fmt.Sprintf("CloudTrail in %s by %s %s: %v", region, key, value, err))
			return
		}
		for _, e := range out.Events {
			var r record
			if json.Unmarshal([]byte(aws.ToString(e.CloudTrailEvent)), &r) != nil {
				w.blind(ctx, resource, "a record that is no JSON: "+aws.ToString(e.EventId))
				continue
			}
			if aws.ToTime(e.EventTime).Before(w.out.From.Truncate(time.Second)) {
				continue
			}
			take(e, r)
		}
		if out.NextToken == nil {
			return
		}
		in.NextToken = out.NextToken
	}
}
