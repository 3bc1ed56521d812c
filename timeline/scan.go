package timeline

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// The JSON of CloudTrail is read with a scanner of our own: it walks a record in
// place, once, checks the grammar on the way, and makes strings only of the members
// that an event keeps. (encoding/json costs several times the gunzip before it.)

var (
	errShort  = errors.New("the record does not end") // more bytes may help
	errSyntax = errors.New("malformed JSON")
	errDeep   = errors.New("nested too deep")
)

// maxDepth bounds nesting; CloudTrail records of real life stay under 20.
const maxDepth = 64

// scan reads JSON from b at i. The methods leave i behind what they read.
type scan struct {
	b []byte
	i int

	each   func(start, end int, escaped bool) // told of every string, names of members too; nil: nobody
	beyond int                                // but only of those that end behind here
}

// peek skips white space and gives the next byte, 0 at the end.
func (s *scan) peek() byte {
	for s.i < len(s.b) {
		c := s.b[s.i]
		if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c
		}
		s.i++
	}
	return 0
}

// want consumes c, the next byte after white space.
func (s *scan) want(c byte) error {
	if s.i < len(s.b) && s.b[s.i] == c { // AWS writes no white space
		s.i++
		return nil
	}
	return s.seek(c)
}

func (s *scan) seek(c byte) error {
	got := s.peek()
	if s.i >= len(s.b) {
		return errShort
	}
	if got != c {
		return errSyntax
	}
	s.i++
	return nil
}

// rawString consumes a string and gives its content as it stands, and whether it has escapes. A
// control character ends it too: a raw line feed in a string means that a quote is missing.
func (s *scan) rawString() (raw []byte, escaped bool, err error) {
	if err := s.want('"'); err != nil {
		return nil, false, err
	}
	b, start := s.b, s.i
	i := start
	// stringEnd, here: a record is made of dozens of short strings, and a call for each costs as
	// much as looking through it.
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		quote, slash := w^('"'*ones), w^('\\'*ones)
		if m := ((quote-ones)&^quote | (slash-ones)&^slash | (w-0x20*ones)&^w) & tops; m != 0 {
			if i += bits.TrailingZeros64(m) >> 3; b[i] == '"' && (s.each == nil || i <= s.beyond) {
				s.i = i + 1
				return b[start:i], false, nil
			}
			break
		}
	}
	return s.stringFrom(start, i)
}

// stringFrom is the rest of rawString, for a string that begins at start and goes on at i.
func (s *scan) stringFrom(start, i int) (raw []byte, escaped bool, err error) {
	b := s.b
	for {
		i += stringEnd(b[i:])
		if i >= len(b) {
			return nil, false, errShort
		}
		switch b[i] {
		case '"':
			if s.i = i + 1; s.each != nil && i > s.beyond {
				s.each(start, i, escaped)
			}
			return b[start:i], escaped, nil
		case '\\':
			if escaped = true; i+1 >= len(b) {
				return nil, false, errShort
			}
			if b[i+1] < 0x20 {
				return nil, false, errSyntax
			}
			i += 2
		default:
			return nil, false, errSyntax
		}
	}
}

// object walks an object; member must consume the value of each key. A null is an empty object.
func (s *scan) object(member func(key []byte) error) error {
	if s.peek() == 'n' {
		return s.literal("null")
	}
	if err := s.want('{'); err != nil {
		return err
	}
	if s.peek() == '}' {
		s.i++
		return nil
	}
	for {
		key, err := s.key()
		if err != nil {
			return err
		}
		if err := member(key); err != nil {
			return err
		}
		if more, err := s.next('}'); !more || err != nil {
			return err
		}
	}
}

// key consumes a member's name and its colon.
func (s *scan) key() ([]byte, error) {
	key, escaped, err := s.rawString()
	if err != nil {
		return nil, err
	}
	if escaped {
		if key, err = unescape(nil, key); err != nil {
			return nil, err
		}
	}
	return key, s.want(':')
}

// next consumes ',' (true) or the closing byte (false).
func (s *scan) next(end byte) (bool, error) {
	if s.i < len(s.b) && s.b[s.i] == ',' {
		s.i++
		return true, nil
	}
	c := s.peek()
	if s.i >= len(s.b) {
		return false, errShort
	}
	s.i++
	switch c {
	case ',':
		return true, nil
	case end:
		return false, nil
	}
	return false, errSyntax
}

// array walks an array; element must consume each value. A null is an empty array.
func (s *scan) array(element func() error) error {
	if s.peek() == 'n' {
		return s.literal("null")
	}
	if err := s.want('['); err != nil {
		return err
	}
	if s.peek() == ']' {
		s.i++
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		if more, err := s.next(']'); !more || err != nil {
			return err
		}
	}
}

// skip consumes one value of any kind.
func (s *scan) skip() error { return s.skipDeep(0) }

func (s *scan) skipDeep(depth int) error {
	if depth > maxDepth {
		return errDeep
	}
	c := s.peek()
	switch {
	case s.i >= len(s.b):
		return errShort
	case c == '"':
		_, _, err := s.rawString()
		return err
	case c == '{':
		return s.skipBody('}', depth)
	case c == '[':
		return s.skipBody(']', depth)
	}
	return s.scalar(c)
}

func (s *scan) skipBody(end byte, depth int) error {
	s.i++
	if s.peek() == end {
		s.i++
		return nil
	}
	for {
		if end == '}' {
			if _, _, err := s.rawString(); err != nil {
				return err
			}
			if err := s.want(':'); err != nil {
				return err
			}
		}
		if err := s.skipDeep(depth + 1); err != nil {
			return err
		}
		if more, err := s.next(end); !more || err != nil {
			return err
		}
	}
}

func (s *scan) scalar(c byte) error {
	switch c {
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	}
	_, err := s.number()
	return err
}

// number consumes a number and gives its text. One at the very end may go on, so it is short.
func (s *scan) number() ([]byte, error) {
	if s.peek(); s.i >= len(s.b) {
		return nil, errShort
	}
	start := s.i
	for s.i < len(s.b) {
		c := s.b[s.i]
		if c < '0' || c > '9' {
			if c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E' {
				break
			}
		}
		s.i++
	}
	if s.i == start {
		return nil, errSyntax
	}
	if s.i == len(s.b) {
		return nil, errShort
	}
	return s.b[start:s.i], nil
}

func (s *scan) literal(want string) error {
	rest := s.b[s.i:]
	if len(rest) < len(want) {
		if string(rest) == want[:len(rest)] {
			return errShort
		}
		return errSyntax
	}
	if string(rest[:len(want)]) != want {
		return errSyntax
	}
	s.i += len(want)
	return nil
}

// unescape appends the decoded form of raw to dst. Unpaired surrogates become U+FFFD.
func unescape(dst, raw []byte) ([]byte, error) {
	for len(raw) > 0 {
		n := bytes.IndexByte(raw, '\\')
		if n < 0 {
			return append(dst, raw...), nil
		}
		dst = append(dst, raw[:n]...)
		raw = raw[n+1:]
		if len(raw) == 0 {
			return nil, errSyntax
		}
		c := raw[0]
		raw = raw[1:]
		switch c {
		case '"', '\\', '/':
			dst = append(dst, c)
		case 'b', 'f', 'n', 'r', 't':
			dst = append(dst, "\b\f\n\r\t"[bytes.IndexByte([]byte("bfnrt"), c)])
		case 'u':
			r, used, err := unicodeEscape(raw)
			if err != nil {
				return nil, err
			}
			dst, raw = utf8.AppendRune(dst, r), raw[used:]
		default:
			return nil, errSyntax
		}
	}
	return dst, nil
}

// unicodeEscape reads what follows \u, a second escape too where it is a surrogate pair.
func unicodeEscape(raw []byte) (r rune, used int, err error) {
	r, ok := hex4(raw)
	if !ok {
		return 0, 0, errSyntax
	}
	if utf16.IsSurrogate(r) && len(raw) >= 10 && raw[4] == '\\' && raw[5] == 'u' {
		if low, ok := hex4(raw[6:]); ok {
			if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
				return both, 10, nil
			}
		}
	}
	if utf16.IsSurrogate(r) {
		r = utf8.RuneError
	}
	return r, 4, nil
}

func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// objectOr is object, but skips a value of another type.
func (s *scan) objectOr(member func(key []byte) error) error {
	if c := s.peek(); c != '{' && c != 'n' && s.i < len(s.b) {
		return s.skip()
	}
	return s.object(member)
}
