package timeline

import (
	"bufio"
	"io"
	"strings"
)

// timesketchFormat writes what Timesketch imports as .jsonl: message, datetime,
// timestamp in microseconds, timestamp_desc, a few flat fields, tag as a list. Names that
// Timesketch keeps for itself (_id, _type, _index, _source, __ts_timeline_id) are never
// written, and no field is so long that it would fall out of its keyword index.
func timesketchFormat() Format {
	return Format{Name: "timesketch", About: "for Timesketch: name the file .jsonl",
		New: func(w io.Writer, _ Options) EventWriter {
			return &timesketchWriter{w: bufio.NewWriterSize(w, 64<<10), m: members{limit: maxTimesketch}}
		}}
}

// maxTimesketch is OpenSearch's limit on keywords, in bytes of UTF-8. What is no UTF-8
// grows to three bytes a byte, so a third is kept.
const maxTimesketch = 32766 / 3

type timesketchWriter struct {
	w *bufio.Writer
	m members
}

func (t *timesketchWriter) Close() error { return t.w.Flush() }

func (t *timesketchWriter) Event(e *Event) error {
	m := &t.m
	m.open()
	message := e.Message
	if message == "" {
		message = "(empty)" // the field is mandatory
	}
	m.text("message", message)
	m.time("datetime", "2006-01-02T15:04:05.000000+00:00", e.Time)
	m.name("timestamp")
	m.b = appendInt(m.b, e.Time.UnixMicro())
	m.text("timestamp_desc", e.TimestampDesc)
	m.text("data_type", dataType(e.Kind))
	m.text("user", e.Principal.String())
	m.text("user_arn", e.Principal.ARN)
	m.text("access_key", e.AccessKey)
	m.text("src_ip", e.Address)
	m.text("user_agent", e.UserAgent)
	m.text("service", e.Service)
	m.text("action", e.Action)
	m.text("outcome", string(e.Outcome))
	m.text("error_code", e.ErrorCode)
	m.text("function", e.Function)
	m.text("function_version", e.Qualifier)
	m.text("issued_to_function", e.Principal.Function)
	m.text("resource", strings.Join(e.Resources[:min(len(e.Resources), 4)], " "))
	m.text("code_sha256", e.Change.CodeHash)
	m.text("granted_to", e.Change.Grantee)
	m.text("aws_region", e.Region)
	m.text("aws_account", e.Account)
	m.text("event_id", e.ID)
	m.text("request_id", e.RequestID)
	m.text("evidence", place(e.Raw))
	m.list("tag", e.Tags)
	m.list("rule", e.ruleNames())
	_, err := t.w.Write(m.close())
	return err
}

func dataType(k Kind) string {
	switch k {
	case KindCloudTrail:
		return "aws:cloudtrail:entry" // plaso's name
	case KindLog:
		return "aws:lambda:log"
	case KindState:
		return "aws:lambda:configuration"
	case KindRule:
		return "sigma:correlation"
	}
	return "freezeframe:responder"
}

// place is where the record stands, for a person.
func place(r Raw) string {
	var b []byte
	b = append(b, r.Path...)
	if r.Line > 0 {
		b = append(appendInt(append(b, ':'), r.Line), '@')
		b = appendInt(b, r.Offset)
	}
	return string(b)
}
