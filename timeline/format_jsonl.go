package timeline

import (
	"bufio"
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
			return &jsonlWriter{w: bufio.NewWriterSize(w, 64<<10), fields: fields}
		}}
}

type jsonlWriter struct {
	w      *bufio.Writer
	m      members
	fields []Field
}

func (j *jsonlWriter) Close() error { return j.w.Flush() }

func (j *jsonlWriter) Event(e *Event) error {
	m := &j.m
	m.open()
	m.text("schema", Schema)
	for i := range j.fields {
		j.fields[i].follow(m, e)
	}
	_, err := j.w.Write(m.close())
	return err
}
