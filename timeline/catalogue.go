package timeline

import (
	"context"
	"fmt"
	"io"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
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
	}
}

// Format writes events.
type Format struct {
	Name, About string
	New         func(w io.Writer, o Options) EventWriter
}

// EventWriter takes events in order. Close writes what is buffered; it does not close the underlying writer.
type EventWriter interface {
	Event(*Event) error
	Close() error
}

// Formats lists all formats; the first is the default.
func Formats() []Format {
	return []Format{tableFormat(), jsonlFormat(), timesketchFormat()}
}

func formatByName(name string) (Format, error) {
	all := Formats()
	if name == "" {
		return all[0], nil
	}
	for _, f := range all {
		if f.Name == name {
			return f, nil
		}
	}
	return Format{}, fmt.Errorf("%w: %q (there are table, jsonl and timesketch)", ErrFormat, name)
}
