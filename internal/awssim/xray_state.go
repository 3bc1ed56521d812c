package awssim

import (
	"cmp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	xt "github.com/aws/aws-sdk-go-v2/service/xray/types"
)

// xrayState is X-Ray in one account and region.
type xrayState struct{ traces map[string]*trace }

func newXRayState() *xrayState { return &xrayState{traces: map[string]*trace{}} }

type trace struct {
	id       string
	segments []*segment // by id
	revision int32
}

// segment is a segment document, and what of it summaries are made of.
type segment struct {
	doc string

	ID          string  `json:"id"`
	TraceID     string  `json:"trace_id"`
	ParentID    string  `json:"parent_id"`
	Name        string  `json:"name"`
	Type        string  `json:"type"`
	Origin      string  `json:"origin"`
	ResourceARN string  `json:"resource_arn"`
	Start       float64 `json:"start_time"`
	End         float64 `json:"end_time"`
	InProgress  bool    `json:"in_progress"`
	Error       bool    `json:"error"`
	Fault       bool    `json:"fault"`
	Throttle    bool    `json:"throttle"`
	HTTP        *struct {
		Request struct {
			Method    string `json:"method"`
			URL       string `json:"url"`
			UserAgent string `json:"user_agent"`
			ClientIP  string `json:"client_ip"`
		} `json:"request"`
		Response struct {
			Status int32 `json:"status"`
		} `json:"response"`
	} `json:"http"`
}

// add takes a segment, or its newer form.
func (s *xrayState) add(seg *segment) {
	t := s.traces[seg.TraceID]
	if t == nil {
		t = &trace{id: seg.TraceID}
		s.traces[seg.TraceID] = t
	}
	t.revision++
	i, had := slices.BinarySearchFunc(t.segments, seg.ID, func(e *segment, id string) int { return cmp.Compare(e.ID, id) })
	if had {
		t.segments[i] = seg
		return
	}
	t.segments = slices.Insert(slices.Clone(t.segments), i, seg)
}

func (s *xrayState) newestFirst(now time.Time) []*trace {
	var out []*trace
	for _, id := range sortedNames(s.traces) {
		if t := s.traces[id]; !t.began().Before(now.Add(-traceKept)) {
			out = append(out, t)
		}
	}
	slices.SortStableFunc(out, func(a, b *trace) int { return b.began().Compare(a.began()) })
	return out
}

func (t *trace) span() (from, to float64) {
	from, to = t.segments[0].Start, 0
	for _, s := range t.segments {
		from, to = min(from, s.Start), max(to, s.Start, s.End)
	}
	return from, to
}

func (t *trace) began() time.Time {
	from, _ := t.span()
	return epochTime(from)
}

// root is the segment that no other called.
func (t *trace) root() *segment {
	for _, s := range t.segments {
		if s.ParentID == "" {
			return s
		}
	}
	return t.segments[0]
}

func (t *trace) summary(account string) xt.TraceSummary {
	from, to := t.span()
	root := t.root()
	id := func(s *segment) xt.ServiceId {
		return xt.ServiceId{Name: aws.String(s.Name), Names: []string{s.Name}, AccountId: aws.String(account), Type: aws.String(s.Origin)}
	}
	entry := id(root)
	out := xt.TraceSummary{
		Id: aws.String(t.id), StartTime: aws.Time(t.began()), Duration: aws.Float64(to - from), ResponseTime: aws.Float64(max(0, root.End-root.Start)),
		EntryPoint: &entry, Revision: t.revision, Annotations: map[string][]xt.ValueWithServiceIds{}, Users: []xt.TraceUser{},
	}
	var partial, failed, faulty, throttled bool
	for _, s := range t.segments {
		partial, failed, faulty, throttled = partial || s.InProgress, failed || s.Error, faulty || s.Fault, throttled || s.Throttle
		out.ServiceIds = append(out.ServiceIds, id(s))
		if s.ResourceARN != "" {
			out.ResourceARNs = append(out.ResourceARNs, xt.ResourceARNDetail{ARN: aws.String(s.ResourceARN)})
		}
	}
	out.IsPartial, out.HasError, out.HasFault, out.HasThrottle = &partial, &failed, &faulty, &throttled
	if h := root.HTTP; h != nil {
		out.Http = &xt.Http{HttpMethod: aws.String(h.Request.Method), HttpURL: aws.String(h.Request.URL), UserAgent: aws.String(h.Request.UserAgent),
			ClientIp: aws.String(h.Request.ClientIP), HttpStatus: aws.Int32(h.Response.Status)}
	}
	return out
}

// whole is a trace with its documents, as they came.
func (t *trace) whole() xt.Trace {
	from, to := t.span()
	out := xt.Trace{Id: aws.String(t.id), Duration: aws.Float64(to - from), LimitExceeded: aws.Bool(false)}
	for _, s := range t.segments {
		out.Segments = append(out.Segments, xt.Segment{Id: aws.String(s.ID), Document: aws.String(s.doc)})
	}
	return out
}

func (s *xrayState) objects(account, region string, put putObject) {
	for id, t := range s.traces {
		docs := []string{}
		for _, seg := range t.segments {
			docs = append(docs, seg.doc)
		}
		put("xray/"+account+"/"+region+"/"+id, docs, t.revision)
	}
}
