package timeline

import (
	"context"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// logSource reads what a function logged. The function writes its own log, so an
// attacker who has the function does too: platform lines can be imitated, and nothing
// in here is more than a claim.
func logSource() Source {
	return Source{
		Name:  "logs",
		About: "CloudWatch log events of a function: START, END, REPORT, faults and its own lines",
		Reads: func(it evidence.Item) bool { return it.Artefact == "logs.events" },
		Events: func(ctx context.Context, in Stream, out *Sink) error {
			l := logReader{in: in, out: out}
			l.function, l.region, l.account = functionOfGroup(in.Item.Source.ARN)
			if p := strings.SplitN(in.Item.Source.ARN, ":", 6); len(p) == 6 {
				l.arn = p[0] + ":" + p[1] + ":lambda:" + p[3] + ":" + p[4] + ":function:"
			}
			r := records{w: newWindow(in.R, out.buffer()), parse: l.parse, skip: out.skipper(in.Raw)}
			r.done = func(line, offset int64) error {
				if err := ctx.Err(); err != nil {
					return err
				}
				return l.done(line, offset)
			}
			return r.run()
		},
	}
}

type logReader struct {
	t   trailReader // for its ways to read strings
	in  Stream
	out *Sink

	function, region, account string
	arn                       string // of a function that shares the group, without its name
	id, message, stream       string
	millis                    int64
}

// functionOfGroup gives the function whose default log group this is.
func functionOfGroup(arn string) (function, region, account string) {
	p := strings.SplitN(arn, ":", 8)
	if len(p) < 7 || p[2] != "logs" {
		return "", "", ""
	}
	name, found := strings.CutPrefix(p[6], "/aws/lambda/")
	if !found || name == "" {
		return "", p[3], p[4]
	}
	return "arn:" + p[1] + ":lambda:" + p[3] + ":" + p[4] + ":function:" + name, p[3], p[4]
}

func (l *logReader) parse(s *scan) error {
	l.id, l.message, l.stream, l.millis, l.t.decoded = "", "", "", -1, l.t.decoded[:0]
	return s.objectOr(func(key []byte) error {
		switch string(key) {
		case "eventId":
			return l.t.text(s, &l.id)
		case "message":
			return l.t.text(s, &l.message)
		case "logStreamName":
			return l.t.text(s, &l.stream)
		case "timestamp":
			if c := s.peek(); c < '0' || c > '9' {
				return s.skip()
			}
			n, err := s.number()
			if err == nil && digits(string(n)) && len(n) <= 13 {
				l.millis = int64(atoi(string(n)))
			}
			return err
		}
		return s.skip()
	})
}

func (l *logReader) done(line, offset int64) error {
	if l.millis < 0 || l.millis > 7258118400000 { // year 2200
		l.out.Skip(l.in.Raw, line, offset, "a log event without a readable timestamp")
		return nil
	}
	e := Event{
		Time: time.UnixMilli(l.millis).UTC(), TimestampDesc: "Log Event Time",
		Kind: KindLog, Source: l.in.Name, Service: "logs", Action: "Line",
		Principal: Principal{Type: "Function", Name: functionName(l.function), Function: l.function},
		Function:  l.function, Region: l.region, Account: l.account, ID: l.id, Raw: l.in.Raw,
	}
	e.Raw.Line, e.Raw.Offset = line, offset
	e.Qualifier = versionOfStream(l.stream)
	if name := functionOfStream(l.stream); l.function == "" && name != "" && l.arn != "" {
		e.Function = l.arn + name
		e.Principal.Name, e.Principal.Function = name, e.Function
	}
	if l.stream != "" {
		e.Resources = []string{l.stream}
	}
	text := strings.TrimRight(l.message, "\r\n\t ")
	platform(&e, text)
	if e.RequestID == "" {
		e.RequestID = requestID(text)
	}
	e.RawAction = e.Action
	e.Message = text
	return l.out.Emit(&e)
}

// functionOfStream is the function that a stream of a group with another name than Lambda's
// default is named for: "2024/08/01/payments[$LATEST]0f1e...". Groups can be shared.
func functionOfStream(stream string) string {
	before, _, found := strings.Cut(stream, "[")
	if !found {
		return ""
	}
	name := before[strings.LastIndexByte(before, '/')+1:]
	if len(name) > 64 {
		return ""
	}
	return name
}

// versionOfStream: "2024/08/01/[3]0f1e..." or "2024/08/01/payments[$LATEST]0f1e...".
func versionOfStream(stream string) string {
	_, rest, found := strings.Cut(stream, "[")
	if !found {
		return ""
	}
	v, _, found := strings.Cut(rest, "]")
	if !found || len(v) > 64 {
		return ""
	}
	return v
}

// platform recognises the lines that Lambda itself writes, in text and in JSON format.
func platform(e *Event, text string) {
	word, _, _ := strings.Cut(text, " ")
	switch {
	case word == "START" && strings.Contains(text, "RequestId: "):
		e.Action = "Start"
		if v := field(text, "Version: "); v != "" {
			e.Qualifier = v
		}
	case word == "END" && strings.Contains(text, "RequestId: "):
		e.Action = "End"
	case word == "REPORT" && strings.Contains(text, "RequestId: "):
		e.Action, e.Outcome = "Report", Success
		if st := field(text, "Status: "); st == "timeout" || st == "error" {
			e.Outcome, e.ErrorCode = Failed, st
			e.Tag(TagFault)
		}
	case word == "INIT_START":
		e.Action = "InitStart"
	case word == "EXTENSION":
		e.Action = "Extension" // an extension was started: a layer can bring one
	case strings.Contains(text, "Task timed out after "), strings.HasPrefix(text, "[ERROR]"), strings.Contains(text, "Runtime exited"):
		e.Action = "Fault"
		e.Tag(TagFault)
	case strings.HasPrefix(text, `{`) && strings.Contains(text, `"type":"platform.`):
		_, rest, _ := strings.Cut(text, `"type":"platform.`)
		kind, _, _ := strings.Cut(rest, `"`)
		e.Action = "Platform." + cut(kind, 40)
	}
}

// field is the word behind a label.
func field(text, label string) string {
	_, rest, found := strings.Cut(text, label)
	if !found {
		return ""
	}
	if i := strings.IndexAny(rest, " \t\r\n"); i >= 0 {
		rest = rest[:i]
	}
	return cut(rest, 128)
}

// requestID finds the first UUID near the beginning of a line: all of Lambda's formats have it there.
func requestID(text string) string {
	text = text[:min(len(text), 300)]
	for i := 0; i+36 <= len(text); i++ {
		if isUUID(text[i : i+36]) {
			return text[i : i+36]
		}
	}
	return ""
}

func isUUID(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
