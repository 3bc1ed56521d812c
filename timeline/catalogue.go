package timeline

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	spelling "github.com/freezeframe-ir/freezeframe/internal/nearest"
)

// Source turns one kind of artefact into events.
type Source struct {
	Name, About string
	// Reads says whether the source reads an artefact.
	Reads func(it evidence.Item) bool
	// Events reads a stream and emits what it finds. What it cannot read it reports
	// through out.Skip and goes on; an error is one of the stream or of the sink.
	Events func(ctx context.Context, in Stream, out *Sink) error
}

// Stream is one opened artefact or file.
type Stream struct {
	R    io.Reader
	Raw  Raw
	Item evidence.Item // zero for a plain file
	Name string        // of the source as events give it
}

// Sources lists all sources. An artefact is read by the first that wants it.
func Sources() []Source {
	return []Source{
		cloudTrailSource(),
		logSource(),
		configurationSource(),
		versionsSource(),
		urlSource(),
		mappingSource(),
		roleSource(),
		configSource(),
		guardDutySource(),
		inspectorSource(),
		accessAnalyzerSource(),
		traceSummarySource(),
		traceSource(),
	}
}

// Format writes events.
type Format struct {
	Name, About string
	Ext         string // what its files end in
	ByExt       bool   // whoever imports the file goes by its ending
	Binary      bool   // not for a terminal
	Columns     bool   // Options.Columns chooses what is written
	Local       bool   // Options.Local has a say
	Document    bool   // one JSON document, in which an event is more than a line
	Story       bool   // Options.Told is written too
	New         func(w io.Writer, o Options) EventWriter
}

// EventWriter takes events in order. Close writes what is buffered; it does not close the underlying writer.
type EventWriter interface {
	Event(*Event) error
	Close() error
}

// Formats lists all formats; the first is the default.
func Formats() []Format {
	return []Format{
		tableFormat(),
		jsonlFormat(),
		csvFormat(),
		timesketchFormat(),
		timesketchCSVFormat(),
		l2tcsvFormat(),
		ocsfFormat(),
		parquetFormat(),
		caseFormat(),
		stixFormat(),
	}
}

// FormatNamed finds a format; "" is the default.
func FormatNamed(name string) (Format, error) {
	all := Formats()
	if name == "" {
		return all[0], nil
	}
	var names []string
	for _, f := range all {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	if near := spelling.Word(name, names); near != "" {
		return Format{}, fmt.Errorf("%w: %q (did you mean %s?)", ErrFormat, name, near)
	}
	return Format{}, fmt.Errorf("%w: %q (there are %s)", ErrFormat, name, strings.Join(names, ", "))
}
