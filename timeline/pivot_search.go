package timeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// needle is what is looked for.
type needle struct {
	value []byte
	// plain: JSON writes it as it stands, but for escapes that nobody needs. Otherwise it holds a
	// quote, a backslash, a control character, or what encoders like to escape.
	plain  bool
	hiding [][]byte // escapes that a text must not have for the value to be seen in it
	rare   int      // place in value of the byte that texts have least of; -1: not looked yet
}

func newNeedle(value string) needle {
	n := needle{value: []byte(value), plain: true, rare: -1, hiding: [][]byte{[]byte(`\u`)}}
	for _, c := range n.value {
		switch {
		case c == '"' || c == '\\' || c < 0x20:
			n.plain = false
		case c == '/':
			n.hiding = append(n.hiding, []byte(`\/`))
		}
	}
	return n
}

// visible says whether the value, if a text holds it, stands there as it is.
func (n *needle) visible(text []byte, escapes bool) bool {
	if !n.plain {
		return false
	}
	if !escapes { // most files of a trail have none
		return true
	}
	for _, h := range n.hiding {
		if bytes.Contains(text, h) {
			return false
		}
	}
	return true
}

// find is where in text the value begins first, -1 where it does not. It looks for the byte of the
// value that is rarest, by the first text that it sees: looking for one byte is many times as
// fast as for several.
func (n *needle) find(text []byte) int {
	if n.rare < 0 {
		n.rare = rarest(n.value, text[:min(len(text), 64<<10)])
	}
	c := n.value[n.rare]
	for i := n.rare; ; i++ {
		next := bytes.IndexByte(text[min(i, len(text)):], c)
		if next < 0 {
			return -1
		}
		i += next
		if at := i - n.rare; bytes.HasPrefix(text[at:], n.value) {
			return at
		}
	}
}

func rarest(value, text []byte) int {
	var often [256]int
	for _, c := range text {
		often[c]++
	}
	at := 0
	for i, c := range value {
		if often[c] < often[value[at]] {
			at = i
		}
	}
	return at
}

// in says whether a decoded string holds the value as a whole word.
func (n *needle) in(s []byte) bool {
	for from := 0; ; {
		i := bytes.Index(s[from:], n.value)
		if i < 0 {
			return false
		}
		i += from
		if (i == 0 || !inWord(s[i-1]) || !inWord(n.value[0])) &&
			(i+len(n.value) == len(s) || !inWord(s[i+len(n.value)]) || !inWord(n.value[len(n.value)-1])) {
			return true
		}
		from = i + 1
	}
}

// inWord says whether names of functions, roles and keys go on over c.
func inWord(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '-' || c == '_' || c >= 0x80
}

// searcher looks through one file after the other.
type searcher struct {
	*pivot
	sink   *Sink
	needle needle // the searcher's own: it learns

	text    []byte // of the file, inflated
	buffer  []byte // for text that is not in memory
	escapes bool   // the text has some
	hidden  bool   // escapes in text may hide the value
	next    int    // where the value stands next in text, as it is; len(text) where it does not
	usual   int    // length of the record before
	decoded []byte
	out     []byte

	bytes, files, named, records int64
}

const (
	maxWhole = 32 << 20 // a file that inflates to more is read in a window
	outChunk = 1 << 20
)

// one searches a file and gives what it finds to its turn.
func (f *searcher) one(ctx context.Context, t turn) error {
	defer close(t.found)
	raw, err := t.open(ctx)
	if err != nil {
		f.sink.Skip(t.raw, 0, 0, fmt.Sprintf("cannot be opened: %v", err))
		return ctx.Err()
	}
	f.files++
	before := f.records
	f.out = f.out[:0]
	from := f.sink.bytes
	err = f.sink.texts(ctx, t.task, raw, func(at Raw, text *countingReader) error {
		inside := t
		if inside.raw = at; at != t.raw {
			f.cover(at.Path)
		}
		if err := f.search(ctx, inside, text); err != nil || len(f.out) < outChunk {
			return err
		}
		return f.flush(ctx, t)
	})
	f.bytes += f.sink.bytes - from
	if f.records > before {
		f.named++
	}
	if err != nil {
		return err
	}
	return f.flush(ctx, t)
}

func (f *searcher) flush(ctx context.Context, t turn) error {
	if len(f.out) == 0 {
		return nil
	}
	select {
	case t.found <- f.out:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case f.out = <-f.free:
	default:
		f.out = make([]byte, 0, 64<<10)
	}
	return nil
}

// search reads the whole file if it is not too large, and parses it only if the value is in it,
// or could be without being seen.
func (f *searcher) search(ctx context.Context, t turn, r *countingReader) error {
	var err error
	before := len(f.out) // of an archive's other files
	if all, ok := r.rest(); ok {
		f.text = all
	} else {
		f.buffer, err = readInto(f.buffer[:0], r, maxWhole)
		f.text = f.buffer
	}
	switch {
	case err != nil:
		// What came before the damage is searched all the same.
	case len(f.text) == maxWhole:
		return f.parse(ctx, t, io.MultiReader(bytes.NewReader(f.text), r))
	}
	f.escapes = bytes.IndexByte(f.text, '\\') >= 0
	f.hidden = !f.needle.visible(f.text, f.escapes)
	if f.next = f.after(0); (f.hidden || f.next < len(f.text)) && !f.split() {
		f.out = f.out[:before]
		return errors.Join(f.parse(ctx, t, bytes.NewReader(f.text)), err)
	}
	return err
}

func readInto(b []byte, r io.Reader, limit int) ([]byte, error) {
	for len(b) < limit {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):min(cap(b), limit)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
	return b, nil
}

// split takes the records out of a file of the form that CloudTrail delivers, {"Records":[...]},
// by their brackets alone. False: it has another form, or is damaged, and is to be parsed.
func (f *searcher) split() bool {
	records := f.records
	s := scan{b: f.text}
	if s.want('{') != nil {
		return false
	}
	if key, err := s.key(); err != nil || string(key) != "Records" || s.want('[') != nil {
		return false
	}
	for {
		switch s.peek() {
		case ',':
			s.i++
		case '{':
			start := s.i
			if s.i = f.record(start); s.i < 0 {
				f.records = records
				return false
			}
			f.usual = s.i - start
		case ']':
			s.i++
			if s.want('}') == nil && s.peek() == 0 && s.i == len(s.b) {
				return true
			}
			f.records = records
			return false
		default:
			f.records = records
			return false
		}
	}
}

// after is where the value stands next, at or behind i.
func (f *searcher) after(i int) int {
	if n := f.needle.find(f.text[i:]); n >= 0 {
		return i + n
	}
	return len(f.text)
}

// record takes the record at start, and writes it if it names the value. -1: it is damaged. Where
// the value stands further off than the record is likely to end, its brackets are all that is
// looked at.
func (f *searcher) record(start int) (end int) {
	if !f.hidden && f.next >= start+f.usual {
		if f.escapes {
			end = bracketed(f.text, start)
		} else {
			end = bracketedPlain(f.text, start)
		}
		if end < 0 || end <= f.next {
			return end
		}
	}
	named := false
	s := scan{b: f.text, i: start, beyond: f.next}
	if f.hidden {
		s.beyond = start
	}
	s.each = func(from, to int, escaped bool) {
		if named = f.holds(from, to, escaped); named {
			s.beyond = len(f.text)
		} else if !f.hidden {
			s.beyond = f.next
		}
	}
	if s.skip() != nil {
		return -1
	}
	if named {
		f.write(f.text[start:s.i])
	}
	if f.next < s.i {
		f.next = f.after(s.i)
	}
	return s.i
}

// holds says whether the string from start to end does.
func (f *searcher) holds(start, end int, escaped bool) bool {
	if escaped && f.hidden {
		return f.stringNames(f.text[start:end])
	}
	if f.next < start {
		f.next = f.after(start)
	}
	if f.next >= end {
		return false
	}
	yes := f.stringNames(f.text[start:end])
	f.next = f.after(end)
	return yes
}

// quoted is the end of the string whose opening quote is before i; -1 if it does not end.
func quoted(b []byte, i int) int {
	for {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return -1
		}
		end := i + n
		if n == 0 || b[end-1] != '\\' || trailingSlashes(b[i:end])%2 == 0 {
			return end + 1
		}
		i = end + 1
	}
}

func trailingSlashes(b []byte) int {
	n := 0
	for n < len(b) && b[len(b)-1-n] == '\\' {
		n++
	}
	return n
}

// write adds a record as one line.
func (f *searcher) write(record []byte) {
	f.records++
	if bytes.IndexByte(record, '\n') < 0 && bytes.IndexByte(record, '\r') < 0 {
		f.out = append(append(f.out, record...), '\n')
		return
	}
	var line bytes.Buffer
	if json.Compact(&line, record) != nil {
		// Both readers checked its grammar: line ends stand between its parts only.
		line.Reset()
		line.Write(bytes.ReplaceAll(bytes.ReplaceAll(record, []byte("\n"), []byte(" ")), []byte("\r"), []byte(" ")))
	}
	f.out = append(append(f.out, line.Bytes()...), '\n')
}

// names says whether a string of the record, a name of a member too, holds the value.
func (f *searcher) names(record []byte) bool {
	for i := 0; i < len(record); i++ {
		if record[i] != '"' {
			continue
		}
		end := quoted(record, i+1)
		if end < 0 {
			return false
		}
		if f.stringNames(record[i+1 : end-1]) {
			return true
		}
		i = end - 1
	}
	return false
}

func (f *searcher) stringNames(raw []byte) bool {
	if bytes.IndexByte(raw, '\\') < 0 {
		return f.needle.in(raw)
	}
	var err error
	if f.decoded, err = unescape(f.decoded[:0], raw); err != nil {
		return false
	}
	return f.needle.in(f.decoded)
}

// parse reads records one by one, in whatever form they come.
func (f *searcher) parse(ctx context.Context, t turn, in io.Reader) error {
	p := newTrailReader(Stream{Raw: t.raw}, f.sink)
	var record []byte
	r := records{w: newWindow(in, f.sink.buffer()), skip: f.sink.skipper(t.raw)}
	r.parse = func(s *scan) error {
		s.peek()
		start := s.i
		if err := p.parse(s); err != nil {
			return err
		}
		if record = s.b[start:s.i]; p.raw.inner {
			record = bytes.TrimRight(p.nested, "\n")
		}
		return nil
	}
	r.done = func(int64, int64) error {
		if err := ctx.Err(); err != nil || !p.raw.object || p.raw.digest || !f.names(record) {
			return err
		}
		f.write(record)
		if len(f.out) < outChunk {
			return nil
		}
		return f.flush(ctx, t)
	}
	return r.run()
}
