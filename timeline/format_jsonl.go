package timeline

import (
	"io"
	"slices"
)

// Schema names the shape of a jsonl line. A reader that meets another one should stop.
const Schema = "freezeframe.timeline.event/1"

// jsonlFormat writes one event a line with everything that is known of it, and where it
// can be read again. It is the authoritative form; the others are views. What an event
// lacks is left out of its line, and with chosen columns what was not chosen: the schema
// always stands first.
func jsonlFormat() Format {
	return Format{Name: "jsonl", About: "one JSON object a line, everything, for programs", Ext: ".jsonl", Columns: true,
		New: func(w io.Writer, o Options) EventWriter {
			fields := slices.DeleteFunc(slices.Clone(o.fields), func(f Field) bool { return f.Name == "schema" })
			return &jsonlWriter{w: w, fields: fields}
		}}
}

// jsonlWriter collects lines in m, and writes many at once.
type jsonlWriter struct {
	w      io.Writer
	m      members
	fields []Field
}

const manyLines = 64 << 10

func (j *jsonlWriter) Close() error { return j.flush() }

func (j *jsonlWriter) flush() error {
	_, err := j.w.Write(j.m.b)
	j.m.b = j.m.b[:0]
	return err
}

func (j *jsonlWriter) Event(e *Event) error {
	if j.line(&j.m, e); len(j.m.b) < manyLines {
		return nil
	}
	return j.flush()
}

// line appends the line of an event.
func (j *jsonlWriter) line(m *members, e *Event) {
	m.b = append(m.b, '{')
	m.text("schema", Schema)
	m.followAll(j.fields, e)
	m.close()
}

// lines writes lines that were made apart.
func (j *jsonlWriter) lines(b []byte) error {
	_, err := j.w.Write(b)
	return err
}
