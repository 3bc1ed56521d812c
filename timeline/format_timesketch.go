package timeline

import (
	"bufio"
	"io"
)

// timesketchFormat writes what Timesketch imports as .jsonl: message, datetime,
// timestamp in microseconds, timestamp_desc, a few flat fields, tag as a list. Names that
// Timesketch keeps for itself (_id, _type, _index, _source, __ts_timeline_id) are never
// written, and no field is so long that it would fall out of its keyword index.
func timesketchFormat() Format {
	return Format{Name: "timesketch", About: "for Timesketch, as .jsonl", Ext: ".jsonl", ByExt: true,
		New: func(w io.Writer, _ Options) EventWriter {
			return &timesketchWriter{w: bufio.NewWriterSize(w, 64<<10), m: members{limit: maxTimesketch}, fields: timesketchFields()}
		}}
}

// maxTimesketch is OpenSearch's limit on keywords, in bytes of UTF-8. What is no UTF-8
// grows to three bytes a byte, so a third is kept.
const maxTimesketch = 32766 / 3

type timesketchWriter struct {
	w      *bufio.Writer
	m      members
	fields []timesketchField
}

func (t *timesketchWriter) Close() error { return t.w.Flush() }

func (t *timesketchWriter) Event(e *Event) error {
	m := &t.m
	m.open()
	for _, f := range t.fields {
		if f.name == "timestamp" {
			m.name(f.name)
			m.b = append(m.b, f.of(e)...)
			continue
		}
		m.text(f.name, f.of(e))
	}
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
	case KindFinding:
		return "aws:finding"
	case KindTrace:
		return "aws:xray:trace"
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
