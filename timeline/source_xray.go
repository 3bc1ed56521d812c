package timeline

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// A trace is what the function, and those it called, said of one request. The function's own code
// writes part of it, so that nothing in here is more than a claim.

type traceSummary struct {
	ID                              string
	StartTime                       moment
	Duration                        float64
	HasFault, HasError, HasThrottle bool
	IsPartial                       bool
	HTTP                            struct {
		HTTPURL, HTTPMethod, UserAgent, ClientIP string
		HTTPStatus                               int64
	}
	ServiceIDs []struct{ Name, Type string }
}

func traceSummarySource() Source {
	return Source{
		Name: "xray", About: "X-Ray's summaries: when a request passed through the function, from where, and what came of it",
		Reads: func(it evidence.Item) bool { return it.Artefact == "xray.summaries" },
		Events: func(ctx context.Context, in Stream, out *Sink) error {
			return listSource("", "", "", "TraceSummaries", KindTrace, func(t traceSummary, emit func(Event)) { emit(t.event(in)) }).Events(ctx, in, out)
		},
	}
}

func (t *traceSummary) event(in Stream) Event {
	e := traceEvent(t.ID, in)
	e.Action = "Trace"
	e.ID = "xray|" + cut(t.ID, maxNamedText) + "|summary"
	if !t.StartTime.IsZero() {
		e.Time = t.StartTime.Time
	}
	e.Address, e.UserAgent = t.HTTP.ClientIP, t.HTTP.UserAgent
	e.Outcome = outcomeOfTrace(t.HasFault, t.HasError, t.HasThrottle)
	e.Change.Setting = "duration=" + seconds(t.Duration)
	var through []string
	for _, s := range t.ServiceIDs[:min(len(t.ServiceIDs), maxResources)] {
		through = append(through, strings.TrimSuffix(s.Name+" ("+s.Type+")", " ()"))
		e.addResource(cut(s.Name, MaxField))
	}
	e.Message = fmt.Sprintf("trace %s took %s%s, through %s", t.ID, seconds(t.Duration), flaws(t.HasFault, t.HasError, t.HasThrottle), cmp.Or(strings.Join(through, ", "), "no service that is named"))
	if more := len(t.ServiceIDs) - maxResources; more > 0 {
		e.Message += fmt.Sprintf(" and %d more", more)
	}
	if t.HTTP.HTTPURL != "" {
		e.Message += fmt.Sprintf("; %s %s answered %d", t.HTTP.HTTPMethod, withoutQuery(t.HTTP.HTTPURL), t.HTTP.HTTPStatus)
	}
	if t.IsPartial {
		e.Message += "; X-Ray says that it is not whole"
	}
	return e
}

// withoutQuery leaves off what often holds tokens.
func withoutQuery(url string) string {
	bare, _, _ := strings.Cut(url, "?")
	bare, _, _ = strings.Cut(bare, "#")
	return bare
}

// traceEvent has what every event of a trace has; its time is that of the id: 1-58406520-a006...
func traceEvent(id string, in Stream) Event {
	e := Event{TimestampDesc: "Trace Start", Service: "xray"}
	e.setFunction(in.Item.Source.ARN)
	e.Principal = Principal{Type: "Function", Name: functionName(e.Function), Function: e.Function}
	if p := strings.Split(id, "-"); len(p) == 3 && len(p[1]) == 8 {
		if at, err := strconv.ParseInt(p[1], 16, 64); err == nil {
			e.Time = time.Unix(at, 0).UTC()
		}
	}
	return e
}

func outcomeOfTrace(fault, failed, throttled bool) Outcome {
	switch {
	case throttled:
		return Throttled
	case fault, failed:
		return Failed
	}
	return Success
}

func flaws(fault, failed, throttled bool) string {
	var all []string
	for _, x := range []struct {
		is   bool
		name string
	}{{fault, "fault"}, {failed, "error"}, {throttled, "throttled"}} {
		if x.is {
			all = append(all, x.name)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return " (" + strings.Join(all, ", ") + ")"
}

func seconds(s float64) string { return strconv.FormatFloat(s, 'g', 6, 64) + "s" }

// segment is a segment or subsegment, as X-Ray documents it for applications that send them.
type segment struct {
	Name, Namespace, Origin string
	StartTime               float64 `json:"start_time"`
	Fault, Error, Throttle  bool
	AWS                     struct {
		Operation string
		RequestID string `json:"request_id"`
	}
	HTTP        struct{ Request struct{ URL, Method string } }
	Subsegments []segment
}

// traceSource reads whole traces, one a line: what was called on the way, each sort of call once
// with its number.
func traceSource() Source {
	return Source{
		Name: "xray-calls", About: "X-Ray's traces: what the function called while it answered a request",
		Reads: func(it evidence.Item) bool { return it.Artefact == "xray.traces" },
		Events: func(ctx context.Context, in Stream, out *Sink) error {
			p := placer{in: in, out: out, kind: KindTrace}
			var whole []byte
			r := records{w: newWindow(in.R, out.buffer()), skip: out.skipper(in.Raw)}
			r.parse = func(s *scan) error {
				s.peek()
				start := s.i
				if err := s.skip(); err != nil {
					return err
				}
				whole = s.b[start:s.i]
				return nil
			}
			r.done = func(line, offset int64) error {
				if err := ctx.Err(); err != nil {
					return err
				}
				p.line, p.offset = line, offset
				p.trace(whole)
				return p.err
			}
			return r.run()
		},
	}
}

// trace emits one event of a trace.
func (p *placer) trace(whole []byte) {
	var t struct {
		ID       string
		Duration float64
		Segments []struct{ Document string }
	}
	if err := json.Unmarshal(whole, &t); err != nil {
		p.out.Skip(p.in.Raw, p.line, p.offset, "malformed trace: "+err.Error())
		return
	}
	e := traceEvent(t.ID, p.in)
	c := calls{count: map[string]int{}}
	for _, s := range t.Segments {
		var doc segment
		if err := json.Unmarshal([]byte(s.Document), &doc); err != nil {
			p.out.Skip(p.in.Raw, p.line, p.offset, "malformed segment: "+err.Error())
			continue
		}
		if at := doc.StartTime; at > 0 && at < 7258118400 && (c.start == 0 || at < c.start) {
			c.start = at
		}
		c.walk(&doc, 0)
	}
	if c.start > 0 {
		e.Time = time.UnixMicro(int64(c.start * 1e6)).UTC()
	}
	e.Action, e.ID, e.RequestID = "Segments", "xray|"+cut(t.ID, maxNamedText)+"|segments", cut(c.request, maxNamedText)
	e.Outcome = outcomeOfTrace(c.fault, c.failed, c.throttled)
	for _, name := range c.order[:min(len(c.order), maxResources)] {
		e.addResource(cut(name, maxNamedText))
	}
	e.Change.Setting = "duration=" + seconds(t.Duration)
	e.Message = fmt.Sprintf("trace %s%s: %s in %s", t.ID, flaws(c.fault, c.failed, c.throttled), c.text(), plural(len(t.Segments), "segment"))
	p.emitAt(e, p.line, p.offset)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// calls are what a trace's segments called, by name. Bounded: a trace may hold thousands.
type calls struct {
	order                    []string
	count                    map[string]int
	more                     int
	start                    float64
	request                  string
	fault, failed, throttled bool
}

const (
	maxTraceCalls = 64
	maxTraceDeep  = 32
)

func (c *calls) walk(s *segment, deep int) {
	c.fault, c.failed, c.throttled = c.fault || s.Fault, c.failed || s.Error, c.throttled || s.Throttle
	if s.Origin == "AWS::Lambda" && c.request == "" {
		c.request = s.AWS.RequestID
	}
	if s.Namespace == "aws" || s.Namespace == "remote" {
		c.add(s)
	}
	if deep >= maxTraceDeep {
		c.more += len(s.Subsegments)
		return
	}
	for i := range s.Subsegments {
		c.walk(&s.Subsegments[i], deep+1)
	}
}

func (c *calls) add(s *segment) {
	name := s.Name
	switch {
	case s.Namespace == "aws" && s.AWS.Operation != "":
		name += ":" + s.AWS.Operation
	case s.HTTP.Request.URL != "":
		name = strings.TrimSpace(s.HTTP.Request.Method + " " + withoutQuery(s.HTTP.Request.URL))
	}
	name = cut(name, maxNamedText) + flaws(s.Fault, s.Error, s.Throttle)
	if _, known := c.count[name]; !known {
		if len(c.order) >= maxTraceCalls {
			c.more++
			return
		}
		c.order = append(c.order, name)
	}
	c.count[name]++
}

func (c *calls) text() string {
	if len(c.order) == 0 {
		return "no call of others"
	}
	var all []string
	for _, name := range c.order[:min(len(c.order), maxResources)] {
		if n := c.count[name]; n > 1 {
			name += " " + times(n)
		}
		all = append(all, name)
	}
	text := "it called " + strings.Join(all, ", ")
	if more := len(c.order) - len(all) + c.more; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
