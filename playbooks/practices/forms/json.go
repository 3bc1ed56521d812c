package forms

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

// member is one of a document's members.
type member struct {
	name  string
	value any
	each  func(yield func(any) bool) // of a list that is long; nil: value
	n     int                        // of each
}

// members are those of JSON, in its order: a test holds the two to the same bytes.
func (d Doc) members() []member {
	r := d.Report
	all := []member{
		{name: "schema", value: r.Schema}, {name: "case", value: r.Case}, {name: "at", value: r.At}, {name: "functions", value: r.Functions},
		{name: "collections", value: r.Collected}, {name: "areas", value: r.Areas}, {name: "results", each: each(r.Results), n: len(r.Results), value: r.Results}, {name: "suppressions", value: r.Suppressions},
	}
	if d.Changes != nil {
		all = append(all, member{name: "changes", value: d.Changes})
	}
	if d.Readiness != nil {
		all = append(all, member{name: "readiness", value: d.Readiness})
	}
	return all
}

func each[T any](list []T) func(yield func(any) bool) {
	return func(yield func(any) bool) {
		for i := range list {
			if !yield(&list[i]) {
				return
			}
		}
	}
}

// writeJSON writes what JSON says, result by result: as one value the text of a fleet's results
// would lie in memory several times over, as it is encoded and as it is indented.
func writeJSON(w io.Writer, d Doc) error {
	out := &pieces{w: safetext.JSON(w)}
	out.text("{")
	for i, m := range d.members() {
		if i > 0 {
			out.text(",")
		}
		out.text(fmt.Sprintf("\n  %q: ", m.name))
		if m.n == 0 {
			out.value("  ", m.value)
			continue
		}
		at := 0
		for v := range m.each {
			out.text(map[bool]string{true: "[\n    ", false: ",\n    "}[at == 0])
			out.value("    ", v)
			at++
		}
		out.text("\n  ]")
	}
	out.text("\n}\n")
	return out.err
}

// pieces writes a document piece by piece, until it fails.
type pieces struct {
	w   io.Writer
	buf bytes.Buffer
	err error
}

func (p *pieces) text(s string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, s)
	}
}

// value writes a value whose lines after the first begin with prefix.
func (p *pieces) value(prefix string, v any) {
	if p.err != nil {
		return
	}
	p.buf.Reset()
	e := json.NewEncoder(&p.buf)
	e.SetEscapeHTML(false)
	e.SetIndent(prefix, "  ")
	if p.err = e.Encode(v); p.err == nil {
		_, p.err = p.w.Write(bytes.TrimSuffix(p.buf.Bytes(), []byte("\n")))
	}
}
