package timeline

import (
	"context"
	"errors"
	"io"
)

var errStub = errors.New("not built yet")

// Sink takes events and skips from a source.
type Sink struct{}

type run struct{ sum Summary }

func newRun(o Options, in Input) *run                                { return &run{} }
func (r *run) do(ctx context.Context, each func(*Event) error) error { return errStub }
func tell(ctx context.Context, o Options, in Input) (Story, error)   { return Story{}, errStub }

// Text renders the story for people, in lines of at most width columns.
func (s Story) Text(w io.Writer, width int) error { return errStub }

func cloudTrailSource() Source    { return Source{} }
func logSource() Source           { return Source{} }
func configurationSource() Source { return Source{} }
func versionsSource() Source      { return Source{} }
func urlSource() Source           { return Source{} }
func mappingSource() Source       { return Source{} }
func roleSource() Source          { return Source{} }
func tableFormat() Format         { return Format{} }
func jsonlFormat() Format         { return Format{} }
func timesketchFormat() Format    { return Format{} }
