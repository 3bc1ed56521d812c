package awssim

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// Of Logs Insights one form of query is simulated: fields, sorted by @timestamp.
// A query takes Config.Settle.

type insightsQuery struct {
	group      string
	start, end time.Time
	fields     []string
	descending bool
	limit      int
	at         time.Time
}

const (
	insightsTime  = "2006-01-02 15:04:05.000"
	insightsPage  = 10_000  // of one GetQueryResults (API reference)
	insightsLimit = 100_000 // of one query
)

func startQuery(c *call, in *cloudwatchlogs.StartQueryInput) (*cloudwatchlogs.StartQueryOutput, error) {
	names := append(slices.Clone(in.LogGroupNames), in.LogGroupIdentifiers...)
	if in.LogGroupName != nil {
		names = append(names, *in.LogGroupName)
	}
	if len(names) != 1 {
		return nil, fail("InvalidParameterException", "freezeframe simulator: a query of %d log groups is not simulated, of one is", len(names))
	}
	s, g, err := c.group("StartQuery", &names[0])
	switch {
	case err != nil:
		return nil, err
	case g.class == cw.LogGroupClassDelivery:
		return nil, fail("InvalidParameterException", "Logs Insights is not supported for log groups of class %s.", g.class)
	case *in.EndTime < *in.StartTime:
		return nil, fail("InvalidParameterException", "Query's end date and time is before its start date and time.")
	}
	q := &insightsQuery{group: g.name, start: time.Unix(*in.StartTime, 0), end: time.Unix(*in.EndTime, 0), limit: insightsPage, at: c.now}
	if in.Limit != nil {
		q.limit = min(int(*in.Limit), insightsLimit)
	}
	if err := q.parse(aws.ToString(in.QueryString)); err != nil {
		return nil, err
	}
	id := c.id("uuid", "query", g.name)
	if s.queries == nil {
		s.queries = map[string]*insightsQuery{}
	}
	s.queries[id] = q
	return &cloudwatchlogs.StartQueryOutput{QueryId: &id}, nil
}

func (q *insightsQuery) parse(text string) error {
	for part := range strings.SplitSeq(text, "|") {
		verb, rest, _ := strings.Cut(strings.TrimSpace(part), " ")
		switch rest = strings.TrimSpace(rest); {
		case verb == "fields":
			for f := range strings.SplitSeq(rest, ",") {
				q.fields = append(q.fields, strings.TrimSpace(f))
			}
		case verb == "sort" && (rest == "@timestamp asc" || rest == "@timestamp desc"):
			q.descending = rest == "@timestamp desc"
		default:
			return fail("MalformedQueryException", "freezeframe simulator: %q is not simulated", part)
		}
	}
	return nil
}

func getQueryResults(c *call, in *cloudwatchlogs.GetQueryResultsInput) (*cloudwatchlogs.GetQueryResultsOutput, error) {
	if err := c.allow("logs:GetQueryResults", "*"); err != nil {
		return nil, err
	}
	s := c.logs.at(c.accountID, c.region, newLogsState)
	q := s.queries[aws.ToString(in.QueryId)]
	if q == nil {
		return nil, fail("ResourceNotFoundException", "Query %s does not exist", aws.ToString(in.QueryId))
	}
	out := &cloudwatchlogs.GetQueryResultsOutput{Results: [][]cw.ResultField{}, Status: cw.QueryStatusRunning, QueryLanguage: cw.QueryLanguageCwli, Statistics: &cw.QueryStatistics{}}
	if c.now.Before(q.at.Add(c.cfg.Settle)) {
		return out, nil
	}
	rows := c.insights(s.groups[q.group], q)
	out.Status, out.Statistics = cw.QueryStatusComplete, &cw.QueryStatistics{RecordsMatched: float64(len(rows)), RecordsScanned: float64(len(rows))}
	page, next, err := paginate(rows[:min(len(rows), q.limit)], in.NextToken, in.MaxItems, insightsPage)
	out.Results, out.NextToken = orEmpty(page), next
	return out, err
}

func (c *call) insights(g *logGroup, q *insightsQuery) [][]cw.ResultField {
	if g == nil {
		return nil
	}
	type row struct {
		at     time.Time
		fields []cw.ResultField
	}
	var rows []row
	for _, name := range sortedNames(g.streams) {
		for _, e := range g.kept(g.streams[name], c.now) {
			if e.at.Before(q.start) || e.at.After(q.end) {
				continue
			}
			values := map[string]string{"@timestamp": e.at.UTC().Format(insightsTime), "@ingestionTime": e.ingested.UTC().Format(insightsTime), "@message": e.message, "@logStream": name}
			r := row{at: e.at}
			for _, f := range append(slices.Clone(q.fields), "@ptr") {
				values["@ptr"] = base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s %s %d", g.name, name, e.n))
				if v, ok := values[f]; ok {
					r.fields = append(r.fields, cw.ResultField{Field: aws.String(f), Value: aws.String(v)})
				}
			}
			rows = append(rows, r)
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		if q.descending {
			a, b = b, a
		}
		return a.at.Compare(b.at)
	})
	out := make([][]cw.ResultField, len(rows))
	for i, r := range rows {
		out[i] = r.fields
	}
	return out
}
