package collect

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
)

// stamp is when a call was made and how AWS names it.
type stamp struct {
	id             string
	started, ended time.Time
}

// ask makes one call. The optional functions of an SDK operation differ by
// service: T is its Options.
func ask[I, O, T any](ctx context.Context, j *Job, call func(context.Context, *I, ...func(*T)) (*O, error), in *I) (*O, stamp, error) {
	s := stamp{started: j.now()}
	out, err := call(ctx, in)
	s.ended = j.now()
	if err == nil && out == nil {
		err = errors.New("no answer and no error")
	}
	if err != nil {
		s.id = requestIDOf(err)
		return nil, s, err
	}
	if meta, ok := reflect.ValueOf(out).Elem().FieldByName("ResultMetadata").Interface().(middleware.Metadata); ok {
		s.id, _ = awsmiddleware.GetRequestIDMetadata(meta)
	}
	return out, s, nil
}

func requestIDOf(err error) string {
	if re, ok := errors.AsType[interface {
		error
		ServiceRequestID() string
	}](err); ok {
		return re.ServiceRequestID()
	}
	return ""
}

// fetch makes one call and stores its answer as the wanted document, or records
// the gap and returns nil.
func fetch[I, O, T any](ctx context.Context, j *Job, w want, call func(context.Context, *I, ...func(*T)) (*O, error), in *I) *O {
	return fetchUnless(ctx, j, w, call, in, nil)
}

// fetchUnless is fetch of what AWS answers emptily where there is none: none says so in words.
func fetchUnless[I, O, T any](ctx context.Context, j *Job, w want, call func(context.Context, *I, ...func(*T)) (*O, error), in *I, none func(*O) string) *O {
	if out, had := recall[O](ctx, j, w); had {
		if out == nil && none != nil {
			out = new(O) // absent: as empty as it was
		}
		return out
	}
	j.plan(w)
	out, s, err := ask(ctx, j, call, in)
	if err != nil {
		j.refused(w, s, err)
		return nil
	}
	if none != nil {
		if note := none(out); note != "" {
			j.none(w, s, note)
			return out
		}
	}
	j.putJSON(ctx, w, s, out)
	return out
}

// noneOf is the note of what has no parts.
func noneOf(parts int, note string) string {
	if parts == 0 {
		return note
	}
	return ""
}

// errLoop is a listing whose token does not move: an emulator's habit.
var errLoop = errors.New("the listing repeats its page token")

// maxToken bounds a page token: it travels in a URL often enough, and AWS's are far shorter.
const maxToken = 64 << 10

// goesOn says why a listing is not read further after some pages: none of AWS's has as many.
func (j *Job) goesOn(pages int, token string) error {
	if pages >= j.run.o.MaxPages {
		return fmt.Errorf("there are more than %d pages: the listing does not end", pages)
	}
	if len(token) > maxToken {
		return fmt.Errorf("a page token of %d bytes is none", len(token))
	}
	return nil
}

// pageError is why a listing ended early, and how far it had come.
type pageError struct {
	after int // pages that were read
	err   error
}

func (e *pageError) Error() string { return fmt.Sprintf("%v (after %s)", e.err, e.came()) }

func (e *pageError) Unwrap() error { return e.err }

func (e *pageError) came() string {
	if e.after == 1 {
		return "1 page"
	}
	return fmt.Sprint(e.after, " pages")
}

// afterPages says of an error how many pages were read before; before the first it says nothing.
func afterPages(n int, err error) error {
	if n == 0 || err == nil {
		return err
	}
	return &pageError{n, err}
}

// pager reads the pages of one listing. Token loops of our own: the SDK's
// paginators put its clients into interfaces (see docs/architecture.md).
type pager[I, O, T any] struct {
	call func(context.Context, *I, ...func(*T)) (*O, error)
	in   *I
	next func(in *I, out *O) string // moves the token from out to in and returns it; "" ends
}

// each calls page for every page: first the one that was read already, if any.
func (p pager[I, O, T]) each(ctx context.Context, j *Job, first *O, page func(*O) error) error {
	var seen tokens
	out := first
	for read := 0; ; {
		if out == nil {
			var err error
			if out, _, err = ask(ctx, j, p.call, p.in); err != nil {
				return afterPages(read, err)
			}
		}
		read++
		if err := page(out); err != nil {
			return err
		}
		token := p.next(p.in, out)
		if token == "" {
			return nil
		}
		if seen.repeats(token) {
			return afterPages(read, errLoop)
		}
		if err := j.goesOn(read, token); err != nil {
			return afterPages(read, err)
		}
		out = nil
	}
}

// tokens finds out that a listing goes in a circle, whatever its length, and remembers two
// tokens (Brent's algorithm).
type tokens struct {
	last, mark string
	left, span int
}

func (t *tokens) repeats(token string) bool {
	again := token == t.last || token == t.mark
	if t.left--; t.left < 0 {
		t.span = max(1, 2*t.span)
		t.left, t.mark = t.span, token
	}
	t.last = token
	return again
}

// ofCall is a refusal of another call than the artefact names.
type ofCall struct {
	error
	call string
}

func (e *ofCall) Unwrap() error { return e.error }

// callOf is the call that was refused.
func callOf(err error, otherwise string) string {
	if other, ok := errors.AsType[*ofCall](err); ok {
		return other.call
	}
	return otherwise
}
