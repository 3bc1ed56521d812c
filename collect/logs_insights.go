package collect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

const (
	startCall   = "CloudWatchLogs:StartQuery"
	resultsCall = "CloudWatchLogs:GetQueryResults"

	insightsQuery = "fields @timestamp, @ingestionTime, @logStream, @message | sort @timestamp asc"
	insightsMost  = 100_000 // results of one query (API reference)
	insightsTime  = "2006-01-02 15:04:05.000"
	queryPolls    = 3900 // a second each: queries time out after 60 minutes
)

// insightsPages reads a log group by Logs Insights, the only road into one of class
// INFREQUENT_ACCESS. A query gives so many results and no more, so that a span of time which
// has more is halved. Results have no event id: in its place is @ptr, which finds the record.
type insightsPages struct {
	j     *Job
	c     *cloudwatchlogs.Client
	group string
	most  int32           // results that a query may have
	spans [][2]int64      // epoch seconds, both included; the last is the next
	edge  map[string]bool // @ptr of events in the last second of the span before: the next has them too
	cut   error           // why something is missing
	asked int             // queries
	at    stamp
	lines []byte // of the last answer
}

func (p *insightsPages) stamp() stamp { return p.at }

// next is the next query's events, whose id is called @ptr there.
func (p *insightsPages) next(ctx context.Context) ([]byte, error) {
	events, err := p.events(ctx)
	if events == nil {
		return nil, err
	}
	p.lines = appendEvents(p.lines[:0], events, "@ptr")
	return p.lines, err
}

func (p *insightsPages) events(ctx context.Context) ([]types.FilteredLogEvent, error) {
	for len(p.spans) > 0 {
		span := p.spans[len(p.spans)-1]
		p.spans = p.spans[:len(p.spans)-1]
		if p.asked++; p.asked > p.j.run.o.MaxPages {
			return nil, fmt.Errorf("more than %d queries of Logs Insights: the group does not end", p.asked-1)
		}
		events, whole, err := p.ask(ctx, span)
		if err != nil && len(events) == 0 {
			return nil, err
		}
		if err != nil { // what came before is kept, and then it is said
			p.spans, p.cut = nil, err
			return p.fresh(events, span[1]), nil
		}
		if middle := span[0] + (span[1]-span[0])/2; !whole && middle > span[0] {
			p.spans = append(p.spans, [2]int64{middle, span[1]}, [2]int64{span[0], middle})
			continue
		}
		if !whole {
			p.cut = fmt.Errorf("more than %d events in the second from %s on: Logs Insights gives no more", p.most, time.Unix(span[0], 0).UTC().Format(time.RFC3339))
		}
		if events = p.fresh(events, span[1]); len(events) > 0 {
			return events, nil
		}
	}
	return nil, p.cut
}

// fresh leaves out what the span before had, for both include the second between them.
func (p *insightsPages) fresh(events []types.FilteredLogEvent, end int64) []types.FilteredLogEvent {
	edge := map[string]bool{}
	out := events[:0]
	for _, e := range events {
		ptr := aws.ToString(e.EventId)
		if aws.ToInt64(e.Timestamp) >= end*1000 {
			edge[ptr] = true
		}
		if !p.edge[ptr] {
			out = append(out, e)
		}
	}
	p.edge = edge
	return out
}

// ask runs one query to its end, and says whether it gave all that matched.
func (p *insightsPages) ask(ctx context.Context, span [2]int64) ([]types.FilteredLogEvent, bool, error) {
	started, at, err := ask(ctx, p.j, p.c.StartQuery, &cloudwatchlogs.StartQueryInput{
		LogGroupName: &p.group, StartTime: &span[0], EndTime: &span[1], QueryString: aws.String(insightsQuery), Limit: aws.Int32(p.most)})
	if p.at.started.IsZero() || err != nil {
		p.at = at
	}
	if err != nil {
		return nil, false, err
	}
	var events []types.FilteredLogEvent
	in := &cloudwatchlogs.GetQueryResultsInput{QueryId: started.QueryId}
	var seen tokens
	read := 0
	for range queryPolls {
		out, at, err := ask(ctx, p.j, p.c.GetQueryResults, in)
		if err != nil {
			p.at = at
			return events, false, &ofCall{afterPages(read, err), resultsCall}
		}
		switch out.Status {
		case types.QueryStatusRunning, types.QueryStatusScheduled:
			if err := wait(ctx, time.Second); err != nil {
				return nil, false, err
			}
			continue
		case types.QueryStatusComplete:
		default:
			return nil, false, fmt.Errorf("the query of Logs Insights ended as %s", out.Status)
		}
		read++
		for _, r := range out.Results {
			events = append(events, insightsEvent(r))
		}
		if len(events) > int(p.most) {
			return nil, false, fmt.Errorf("the query of Logs Insights gave more than the %d events that were asked for", p.most)
		}
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			matched := 0.0
			if out.Statistics != nil {
				matched = out.Statistics.RecordsMatched
			}
			return events, len(events) < int(p.most) && int(matched) <= len(events), nil
		}
		if seen.repeats(*in.NextToken) {
			return events, false, &ofCall{afterPages(read, errLoop), resultsCall}
		}
	}
	return nil, false, errors.New("the query of Logs Insights does not end")
}

// insightsEvent is a result in the form of FilterLogEvents' events.
func insightsEvent(fields []types.ResultField) (e types.FilteredLogEvent) {
	for _, f := range fields {
		switch aws.ToString(f.Field) {
		case "@timestamp":
			e.Timestamp = insightsMillis(f.Value)
		case "@ingestionTime":
			e.IngestionTime = insightsMillis(f.Value)
		case "@logStream":
			e.LogStreamName = f.Value
		case "@message":
			e.Message = f.Value
		case "@ptr":
			e.EventId = f.Value
		}
	}
	return e
}

func insightsMillis(v *string) *int64 {
	t, err := time.Parse(insightsTime, aws.ToString(v))
	if err != nil {
		return nil
	}
	return aws.Int64(t.UnixMilli())
}
