package timeline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxRecord bounds one record. CloudTrail's own limit is 256 KB, a LookupEvents element
// holds that once more escaped; a page of a listing may be longer.
const maxRecord = 4 << 20

// errWrapper: the object being parsed is none itself, it wraps an array of records,
// whose '[' comes next.
var errWrapper = errors.New("wrapper of records")

// records splits a stream into records and hands each to parse, in one pass: whatever
// the file's form ({"Records":[...]}, {"Events":[...]}, a bare array, one object, one
// object a line, or all of these one after another).
type records struct {
	w     window
	stack []byte // ']' inside an array, '}' inside a wrapper object
	loose int64  // bytes spent on looking for the ends of malformed objects
	scan  scan   // of the value under way

	// parse consumes one value. It may be called again for the same value when more
	// bytes have come. errWrapper asks to descend.
	parse func(s *scan) error
	// done is called once the value is consumed.
	done func(line, offset int64) error
	skip func(line, offset int64, reason string)
}

// run reads to the end. Malformed and oversize records are skipped; an error is one of
// the reader or of done.
func (r *records) run() error {
	for {
		c, more := r.w.peek()
		if !more {
			if len(r.stack) > 0 && r.w.err == nil {
				r.skip(r.w.line, r.w.offset(), "the file ends in the middle: "+errShort.Error())
			}
			return r.w.err
		}
		if err := r.step(c); err != nil {
			return err
		}
	}
}

// step consumes one token of structure, or one record.
func (r *records) step(c byte) error {
	inside := byte(0)
	if n := len(r.stack); n > 0 {
		inside = r.stack[n-1]
	}
	switch {
	case c == ',' && inside != 0:
		r.w.advance(1)
	case inside != 0 && c == inside:
		r.w.advance(1)
		r.stack = r.stack[:len(r.stack)-1]
	case c == '[' && inside == 0:
		r.w.advance(1)
		r.stack = append(r.stack, ']')
	case c == '"' && inside == '}':
		return r.member()
	default:
		return r.record()
	}
	return nil
}

// record parses one value and reports it.
func (r *records) record() error {
	line, offset := r.w.line, r.w.offset()
	n, err := r.try(r.parse)
	if errors.Is(err, errWrapper) && len(r.stack) < 4 {
		r.w.advance(n + 1) // behind the '['
		r.stack = append(r.stack, '}', ']')
		return nil
	}
	if err == nil {
		r.w.advance(n)
		return r.done(line, offset)
	}
	return r.lost(line, offset, err)
}

// member consumes what else a wrapper holds: NextToken, ResponseMetadata, a second list.
func (r *records) member() error {
	line, offset := r.w.line, r.w.offset()
	n, err := r.try(func(s *scan) error {
		key, err := s.key()
		if err != nil {
			return err
		}
		if (string(key) == "Records" || string(key) == "Events") && s.peek() == '[' {
			return errWrapper
		}
		return s.skip()
	})
	switch {
	case errors.Is(err, errWrapper):
		r.w.advance(n + 1)
		r.stack = append(r.stack, ']')
		return nil
	case err == nil:
		r.w.advance(n)
		return nil
	}
	return r.lost(line, offset, err)
}

// try runs a parser at the window's start, with more and more bytes as long as it is
// short of them. n is how far it came.
func (r *records) try(parse func(*scan) error) (n int, err error) {
	for {
		r.scan = scan{b: r.w.bytes()}
		s := &r.scan
		err := parse(s)
		if !errors.Is(err, errShort) {
			return s.i, err
		}
		if r.w.eof && r.w.err != nil {
			return s.i, readError{r.w.err}
		}
		if r.w.eof {
			return s.i, fmt.Errorf("the file ends in the middle: %w", err)
		}
		if r.w.full() {
			return s.i, fmt.Errorf("a record of more than %d bytes, or malformed JSON", maxRecord)
		}
		r.w.fill()
	}
}

// readError is an error of the stream, as against one of its content.
type readError struct{ error }

func (e readError) Unwrap() error { return e.error }

// lost reports a value that could not be parsed and finds the next one.
func (r *records) lost(line, offset int64, why error) error {
	var broken readError
	if errors.As(why, &broken) {
		return broken.error
	}
	if r.resume() {
		r.skip(line, offset, fmt.Sprintf("%v; reading goes on at line %d, byte %d", why, r.w.line, r.w.offset()))
	} else {
		r.skip(line, offset, fmt.Sprintf("%v; nothing readable follows in the file", why))
	}
	return nil
}

// resume moves to where the next record may begin.
func (r *records) resume() (found bool) {
	if len(r.stack) == 0 {
		return r.w.seek([]byte("\n{"), []byte("\n["))
	}
	if n := r.looseEnd(); n > 0 {
		if c := follows(r.w.bytes()[n:]); c == ',' || c == ']' || c == 0 {
			r.w.advance(n)
			return true
		}
	}
	// Where structure is lost, the first member that AWS writes tells where the next
	// record begins.
	return r.w.seek([]byte(`{"eventVersion"`), []byte(`{"EventId"`), []byte("\n{"))
}

// follows is the first byte that is no white space, 0 if there is none.
func follows(b []byte) byte {
	s := scan{b: b}
	return s.peek()
}

// looseEnd finds the end of the malformed object at the window's start. What it may cost
// grows with the bytes read, so that a file of nothing but broken objects takes linear time.
// An end that lies beyond the window, or that has nothing behind it there, is looked for in
// a larger one: what is lost does not depend on where a record lies in the window.
func (r *records) looseEnd() int {
	for {
		b := r.w.bytes()
		budget := 4*(r.w.offset()+1<<20) - r.loose
		b = b[:min(int64(len(b)), max(budget, 0))]
		n := looseEnd(b)
		if n < 0 {
			r.loose += int64(len(b))
		} else {
			r.loose += int64(n)
		}
		if n >= 0 && follows(r.w.bytes()[n:]) != 0 || budget <= int64(len(b)) || r.w.eof || r.w.full() {
			return n
		}
		r.w.fill()
	}
}

// looseEnd finds the end of an object by its brackets, -1 where they do not close.
func looseEnd(b []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth <= 0 {
				return i + 1
			}
		}
	}
	return -1
}

// window is the part of a stream that is in memory.
type window struct {
	r          io.Reader
	buf        []byte
	start, end int
	base       int64 // offset of buf[0] in the stream
	line       int64 // of buf[start], from 1
	eof        bool
	err        error // that ended the stream, nil for its proper end
}

func newWindow(r io.Reader, buf []byte) window {
	if c, ok := r.(*countingReader); ok {
		if all, ok := c.rest(); ok {
			return window{r: r, buf: all, end: len(all), line: 1, eof: true}
		}
	}
	return window{r: r, buf: buf, line: 1}
}

func (w *window) bytes() []byte { return w.buf[w.start:w.end] }
func (w *window) offset() int64 { return w.base + int64(w.start) }
func (w *window) full() bool    { return w.end-w.start >= maxRecord }

func (w *window) advance(n int) {
	w.line += int64(bytes.Count(w.buf[w.start:w.start+n], []byte{'\n'}))
	w.start += n
}

// fill reads until the buffer is full or the stream ends, growing it if need be.
func (w *window) fill() {
	if w.start > 0 {
		copy(w.buf, w.buf[w.start:w.end])
		w.base += int64(w.start)
		w.end -= w.start
		w.start = 0
	}
	if w.end > len(w.buf)/2 {
		w.buf = append(make([]byte, 0, 2*len(w.buf)), w.buf[:w.end]...)[:2*len(w.buf)]
	}
	for w.end < len(w.buf) {
		// Not io.ReadFull: its ErrUnexpectedEOF would hide that of a cut gzip stream.
		n, err := w.r.Read(w.buf[w.end:])
		w.end += n
		if err == io.EOF {
			w.eof = true
			return
		}
		if err != nil { // what was read before counts; the error comes at the end
			w.eof, w.err = true, err
			return
		}
	}
}

// peek gives the next byte that is no white space and no byte order mark.
func (w *window) peek() (c byte, more bool) {
	for {
		b := w.bytes()
		i := 0
		for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
			i++
		}
		w.advance(i)
		switch {
		case w.offset() == 0 && bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
			w.advance(3)
		case i < len(b):
			return b[i], true
		case w.eof:
			return 0, false
		default:
			w.fill()
		}
	}
}

// seek moves from behind the window's first byte to the nearest of the marks (one that
// begins with a line feed is entered behind it), or to the end where there is none.
func (w *window) seek(marks ...[]byte) (found bool) {
	const longest = 16
	if w.end > w.start {
		w.advance(1)
	}
	for {
		if at := nearest(w.bytes(), marks); at >= 0 {
			w.advance(at)
			return true
		}
		if w.eof {
			w.advance(w.end - w.start)
			return false
		}
		w.advance(max(0, w.end-w.start-longest))
		w.fill()
	}
}

// nearest looks at each bracket in turn, so that its cost is the distance it moves,
// however rare one of the marks is.
func nearest(b []byte, marks [][]byte) int {
	for i := 0; i < len(b); i++ {
		n := bytes.IndexAny(b[i:], "{[")
		if n < 0 {
			return -1
		}
		i += n
		for _, m := range marks {
			if m[0] != '\n' && bytes.HasPrefix(b[i:], m) || m[0] == '\n' && m[1] == b[i] && i > 0 && b[i-1] == '\n' {
				return i
			}
		}
	}
	return -1
}
