package awssim

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	xt "github.com/aws/aws-sdk-go-v2/service/xray/types"
)

// xrayOps is every simulated operation of X-Ray. Its permissions know no resource
// (Service Authorization Reference, "AWS X-Ray").
func xrayOps() []operation {
	return []operation{
		op("xray", "PutTraceSegments", putTraceSegments), op("xray", "GetTraceSummaries", getTraceSummaries),
		op("xray", "BatchGetTraces", batchGetTraces), op("xray", "GetEncryptionConfig", getEncryptionConfig),
	}
}

const (
	// X-Ray publishes neither: a page that large makes clients page, and six hours is
	// the longest range that its console asks for at once.
	tracePage  = 100
	traceRange = 6 * time.Hour

	tracesABatch = 5                   // X-Ray API reference, BatchGetTraces
	traceKept    = 30 * 24 * time.Hour // X-Ray FAQ: traces are kept for 30 days
)

func (c *call) traces() *xrayState { return c.xray.at(c.accountID, c.region, newXRayState) }

// putTraceSegments takes segment documents as services and daemons send them. The fields
// that it wants are those of the API reference.
func putTraceSegments(c *call, in *xray.PutTraceSegmentsInput) (*xray.PutTraceSegmentsOutput, error) {
	if err := c.allow("xray:PutTraceSegments", "*"); err != nil {
		return nil, err
	}
	var all []*segment
	for _, doc := range in.TraceSegmentDocuments {
		s, err := readSegment(doc)
		if err != nil {
			// which codes AWS puts into UnprocessedTraceSegments is not published
			return nil, fail("InvalidRequestException", "freezeframe simulator: a segment is not taken: %v", err)
		}
		all = append(all, s)
	}
	for _, s := range all {
		c.traces().add(s)
	}
	return &xray.PutTraceSegmentsOutput{UnprocessedTraceSegments: []xt.UnprocessedTraceSegment{}}, nil
}

// serviceFilter is the one filter expression that is understood here.
var serviceFilter = regexp.MustCompile(`^service\("([^"\\]+)"\)$`)

func getTraceSummaries(c *call, in *xray.GetTraceSummariesInput) (*xray.GetTraceSummariesOutput, error) {
	if err := c.allow("xray:GetTraceSummaries", "*"); err != nil {
		return nil, err
	}
	name, from, to := "", aws.ToTime(in.StartTime), aws.ToTime(in.EndTime)
	switch f := serviceFilter.FindStringSubmatch(aws.ToString(in.FilterExpression)); {
	case f != nil:
		name = f[1]
	case aws.ToString(in.FilterExpression) != "":
		return nil, fail("InvalidRequestException", "freezeframe simulator: the filter expression %q is not simulated", *in.FilterExpression)
	}
	switch {
	case in.SamplingStrategy != nil, aws.ToBool(in.Sampling), in.TimeRangeType != "" && in.TimeRangeType != xt.TimeRangeTypeTraceId:
		return nil, fail("InvalidRequestException", "freezeframe simulator: sampling, and ranges of other times than that of the trace, are not simulated")
	case to.Before(from):
		return nil, fail("InvalidRequestException", "freezeframe simulator: the range ends before it begins")
	case to.Sub(from) > traceRange:
		return nil, fail("InvalidRequestException", "freezeframe simulator: a range of more than %v is not answered", traceRange)
	}
	all, processed := []xt.TraceSummary{}, int64(0)
	for _, t := range c.traces().newestFirst(c.now) {
		if began := t.began(); began.Before(from) || began.After(to) {
			continue
		}
		processed++
		if name == "" || slices.ContainsFunc(t.segments, func(s *segment) bool { return s.Name == name }) {
			all = append(all, t.summary(c.accountID))
		}
	}
	page, next, err := paginate(all, in.NextToken, nil, tracePage)
	return &xray.GetTraceSummariesOutput{TraceSummaries: page, NextToken: next, TracesProcessedCount: &processed, ApproximateTime: aws.Time(from)}, err
}

func batchGetTraces(c *call, in *xray.BatchGetTracesInput) (*xray.BatchGetTracesOutput, error) {
	if err := c.allow("xray:BatchGetTraces", "*"); err != nil {
		return nil, err
	}
	if len(in.TraceIds) > tracesABatch {
		return nil, fail("InvalidRequestException", "freezeframe simulator: %d trace ids, and %d are the most", len(in.TraceIds), tracesABatch)
	}
	out := &xray.BatchGetTracesOutput{Traces: []xt.Trace{}, UnprocessedTraceIds: []string{}}
	for _, id := range in.TraceIds {
		t := c.traces().traces[id]
		if t == nil || t.began().Before(c.now.Add(-traceKept)) {
			out.UnprocessedTraceIds = append(out.UnprocessedTraceIds, id)
			continue
		}
		out.Traces = append(out.Traces, t.whole())
	}
	return out, nil
}

// getEncryptionConfig: what an account has that never changed it.
func getEncryptionConfig(c *call, _ *xray.GetEncryptionConfigInput) (*xray.GetEncryptionConfigOutput, error) {
	if err := c.allow("xray:GetEncryptionConfig", "*"); err != nil {
		return nil, err
	}
	return &xray.GetEncryptionConfigOutput{EncryptionConfig: &xt.EncryptionConfig{Type: xt.EncryptionTypeNone, Status: xt.EncryptionStatusActive}}, nil
}

// readSegment reads a segment document.
func readSegment(doc string) (*segment, error) {
	s := &segment{doc: doc}
	if err := json.Unmarshal([]byte(doc), s); err != nil {
		return nil, err
	}
	switch {
	case !segmentID.MatchString(s.ID):
		return nil, fail("InvalidRequestException", "id %q", s.ID)
	case !traceID.MatchString(s.TraceID):
		return nil, fail("InvalidRequestException", "trace_id %q", s.TraceID)
	case strings.TrimSpace(s.Name) == "" && s.Type != "subsegment", s.Start <= 0:
		return nil, fail("InvalidRequestException", "name or start_time is missing")
	case s.End == 0 && !s.InProgress:
		return nil, fail("InvalidRequestException", "neither end_time nor in_progress")
	}
	return s, nil
}

var (
	segmentID = regexp.MustCompile(`^[0-9a-f]{16}$`)
	traceID   = regexp.MustCompile(`^1-[0-9a-f]{8}-[0-9a-f]{24}$`)
)
