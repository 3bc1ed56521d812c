package timeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Listings that services answered lie in a case as one document, {"Findings":[...]}, and may hold
// thousands of elements: they are read one by one, so that memory holds one.

// listSource reads the elements of a listing. each is called with one decoded element; what it
// emits gets its place from emit. Members are matched whatever their case, as AWS's own forms
// differ: GuardDuty spells Findings in its API, and findings in its events.
func listSource[D any](name, about, artefact, member string, kind Kind, each func(d D, emit func(Event))) Source {
	return Source{
		Name: name, About: about,
		Reads: func(it evidence.Item) bool { return it.Artefact == artefact },
		Events: func(ctx context.Context, in Stream, out *Sink) error {
			p := placer{in: in, out: out, kind: kind}
			return elements(ctx, in, out, member, func(raw json.RawMessage) error {
				var d D
				if read(raw, &d, &p) {
					each(d, p.emit)
				}
				return p.err
			}, &p)
		},
	}
}

// read decodes an element, and reports what it cannot. A member of another type than AWS's is left
// out, and reported; the rest of the element is told.
func read(raw json.RawMessage, into any, p *placer) bool {
	err := json.Unmarshal(raw, into)
	if err == nil {
		return true
	}
	p.out.Skip(p.in.Raw, p.line, p.offset, "malformed element: "+err.Error())
	_, mistyped := errors.AsType[*json.UnmarshalTypeError](err)
	return mistyped
}

// placer says of the events of an element where it stands.
type placer struct {
	in           Stream
	out          *Sink
	kind         Kind
	line, offset int64
	err          error
}

func (p *placer) emit(e Event) { p.emitAt(e, p.line, p.offset) }

func (p *placer) emitAt(e Event, line, offset int64) {
	if p.err != nil {
		return
	}
	if e.Time.IsZero() {
		p.out.Skip(p.in.Raw, line, offset, "a fact without a readable time: "+e.ID)
		return
	}
	e.Kind, e.Source, e.Raw = p.kind, p.in.Name, p.in.Raw
	e.Raw.Line, e.Raw.Offset = line, offset
	if e.Account == "" {
		e.Account = p.in.Item.Source.Account
	}
	if e.Region == "" {
		e.Region = p.in.Item.Source.Region
	}
	e.RawAction = e.Action
	bound(&e)
	p.err = p.out.Emit(&e)
}

// elements gives the elements of the array under member, one by one: line is the number of the
// element, from 1, as these documents have one line. Malformed JSON ends the reading, and what
// came before counts.
func elements(ctx context.Context, in Stream, out *Sink, member string, each func(json.RawMessage) error, p *placer) error {
	broken := &countingReader{r: io.LimitReader(in.R, maxDocument)}
	dec := json.NewDecoder(broken)
	bad := func(err error) error {
		if broken.err != nil {
			return broken.err // the stream's, not the document's
		}
		if broken.n >= maxDocument {
			err = fmt.Errorf("a document of more than %d bytes", maxDocument)
		}
		out.Skip(in.Raw, p.line, dec.InputOffset(), "malformed document: "+err.Error())
		return nil
	}
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return bad(orNot(err, "not an object"))
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return bad(err)
		}
		if name, _ := key.(string); !strings.EqualFold(name, member) {
			var other json.RawMessage
			if err := dec.Decode(&other); err != nil {
				return bad(err)
			}
			continue
		}
		if t, err := dec.Token(); err != nil || t != json.Delim('[') {
			return bad(orNot(err, member+" is no list"))
		}
		for dec.More() {
			if err := ctx.Err(); err != nil {
				return err
			}
			var raw json.RawMessage
			if err := dec.Decode(&raw); err != nil {
				return bad(err)
			}
			p.line++
			p.offset = dec.InputOffset() - int64(len(raw))
			if err := each(raw); err != nil {
				return err
			}
		}
		if _, err := dec.Token(); err != nil {
			return bad(err)
		}
	}
	if _, err := dec.Token(); err != nil {
		return bad(err)
	}
	return nil
}

func orNot(err error, why string) error {
	if err == nil || err == io.EOF {
		return errors.New(why)
	}
	return err
}
