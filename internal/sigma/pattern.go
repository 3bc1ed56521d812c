package sigma

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// part is literal text, or a wildcard: '*' any text, '?' any one character.
type part struct {
	lit  []byte
	wild byte
}

// pattern is a text value of a rule.
type pattern struct {
	parts []part
	bom   bool // the first part is UTF-16's byte order mark, as a character
}

// parsePattern reads wildcards and escapes: a backslash takes the meaning from a wildcard
// or a backslash behind it, and is itself before anything else.
func parsePattern(s string) pattern {
	var p pattern
	var lit []byte
	flush := func() {
		if len(lit) > 0 {
			p.parts = append(p.parts, part{lit: lit})
			lit = nil
		}
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s) && (s[i+1] == '*' || s[i+1] == '?' || s[i+1] == '\\'):
			i++
			lit = append(lit, s[i])
		case c == '*' || c == '?':
			flush()
			p.parts = append(p.parts, part{wild: c})
		default:
			lit = append(lit, c)
		}
	}
	flush()
	return p
}

// literal is a pattern without wildcards.
func literal(b []byte) pattern {
	if len(b) == 0 {
		return pattern{}
	}
	return pattern{parts: []part{{lit: b}}}
}

// plain gives the text of a pattern without wildcards.
func (p pattern) plain() ([]byte, bool) {
	var b []byte
	for _, x := range p.parts {
		if x.wild != 0 {
			return nil, false
		}
		b = append(b, x.lit...)
	}
	return b, true
}

func (p pattern) open(atStart, atEnd bool) pattern {
	many := part{wild: '*'}
	n := len(p.parts)
	if atStart && (n == 0 || p.parts[0].wild != '*') {
		p.parts = append([]part{many}, p.parts...)
	}
	if n = len(p.parts); atEnd && (n == 0 || p.parts[n-1].wild != '*') {
		p.parts = append(p.parts[:n:n], many)
	}
	return p
}

// mapped gives the pattern with each literal changed.
func (p pattern) mapped(change func([]byte) []byte) pattern {
	q := pattern{bom: p.bom}
	for _, x := range p.parts {
		if x.wild == 0 {
			x.lit = change(x.lit)
		}
		q.parts = append(q.parts, x)
	}
	return q
}

// utf16Bytes is the text in UTF-16.
func utf16Bytes(order binary.AppendByteOrder) func([]byte) []byte {
	return func(b []byte) []byte {
		var out []byte
		for _, u := range utf16.Encode([]rune(string(b))) {
			out = order.AppendUint16(out, u)
		}
		return out
	}
}

const byteOrderMark = "\ufeff"

// encoded is the bytes that base64 encodes.
func (p pattern) encoded() ([]byte, error) {
	b, ok := p.plain()
	if !ok {
		return nil, fmt.Errorf("base64 of a text with wildcards")
	}
	if p.bom {
		b = append([]byte{0xff, 0xfe}, bytes.TrimPrefix(b, []byte(byteOrderMark))...)
	}
	return b, nil
}

func (p pattern) base64() (pattern, error) {
	b, err := p.encoded()
	return literal([]byte(base64.StdEncoding.EncodeToString(b))), err
}

// base64Offsets gives what of the text's base64 is the same at each of the three places
// that it can have in a longer text.
func (p pattern) base64Offsets() ([]pattern, error) {
	b, err := p.encoded()
	if err != nil {
		return nil, err
	}
	var all []pattern
	for i, start := range []int{0, 2, 3} {
		e := base64.StdEncoding.EncodeToString(append(bytes.Repeat([]byte{' '}, i), b...))
		end := len(e) - []int{0, 3, 2}[(len(b)+i)%3]
		if start >= end {
			return nil, fmt.Errorf("base64offset of a text so short that nothing of it stays the same")
		}
		all = append(all, literal([]byte(e[start:end])))
	}
	return all, nil
}

// finished makes sure that the pattern is text: UTF-16 of what is not ASCII is none.
func (p pattern) finished() (pattern, error) {
	for _, x := range p.parts {
		if !utf8.Valid(x.lit) {
			return p, fmt.Errorf("UTF-16 of other than ASCII is no text: use it with base64 or base64offset")
		}
	}
	return p, nil
}

const (
	dashes    = "-/\u2013\u2014\u2015"
	maxDashes = 3 // of one value: each has five forms
)

// windash gives the forms of a command line in which each dash that begins a word is one
// of the characters that Windows takes for it.
func (p pattern) windash() ([]pattern, error) {
	all, found := []pattern{{bom: p.bom}}, 0
	for _, x := range p.parts {
		forms := [][]byte{nil}
		for i := 0; i < len(x.lit); {
			_, n := utf8.DecodeRune(x.lit[i:])
			chars := []string{string(x.lit[i : i+n])}
			if beginsWord(x.lit, i, n) {
				chars = strings.Split(dashes, "")
				found++
			}
			if found > maxDashes {
				return nil, fmt.Errorf("windash on more than %d dashes in one value", maxDashes)
			}
			var next [][]byte
			for _, f := range forms {
				for _, c := range chars {
					next = append(next, append(f[:len(f):len(f)], c...))
				}
			}
			forms, i = next, i+n
		}
		var next []pattern
		for _, q := range all {
			for _, f := range forms {
				y := x
				if x.wild == 0 {
					y.lit = f
				}
				next = append(next, pattern{parts: append(q.parts[:len(q.parts):len(q.parts)], y), bom: p.bom})
			}
		}
		all = next
	}
	return all, nil
}

func beginsWord(b []byte, i, n int) bool {
	if !strings.Contains(dashes, string(b[i:i+n])) {
		return false
	}
	before, _ := utf8.DecodeLastRune(b[:i])
	after, _ := utf8.DecodeRune(b[i+n:])
	return (i == 0 || !inWord(before)) && i+n < len(b) && inWord(after)
}

func inWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

const maxExpanded = 1000 // patterns that one value may become

// expand replaces %name%; \% is a percent sign.
func (p pattern) expand(values map[string][]string) ([]pattern, error) {
	all, found := []pattern{{bom: p.bom}}, false
	add := func(choices ...[]part) error {
		var next []pattern
		for _, q := range all {
			for _, c := range choices {
				next = append(next, pattern{parts: append(q.parts[:len(q.parts):len(q.parts)], c...), bom: p.bom})
			}
		}
		if len(next) > maxExpanded {
			return fmt.Errorf("placeholders make more than %d values of one", maxExpanded)
		}
		all = next
		return nil
	}
	for _, x := range p.parts {
		if x.wild != 0 {
			if err := add([]part{x}); err != nil {
				return nil, err
			}
			continue
		}
		pieces, err := placeholders(string(x.lit))
		if err != nil {
			return nil, err
		}
		for _, s := range pieces {
			choices := [][]part{{{lit: []byte(s.text)}}}
			if s.name != "" {
				found, choices = true, nil
				for _, v := range values[s.name] {
					choices = append(choices, parsePattern(v).parts)
				}
				if len(choices) == 0 {
					return nil, fmt.Errorf("placeholder %%%s%% has no values here", s.name)
				}
			}
			if err := add(choices...); err != nil {
				return nil, err
			}
		}
	}
	if !found {
		return nil, fmt.Errorf("expand, but no %%placeholder%% in the value")
	}
	return all, nil
}

type piece struct{ text, name string }

func placeholders(s string) ([]piece, error) {
	var all []piece
	var text strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '%':
			i++
			text.WriteByte('%')
		case s[i] == '%':
			end := strings.IndexByte(s[i+1:], '%')
			if end <= 0 {
				return nil, fmt.Errorf("a single %% in a value with expand: write \\%% for a percent sign")
			}
			if text.Len() > 0 {
				all = append(all, piece{text: text.String()})
				text.Reset()
			}
			all = append(all, piece{name: s[i+1 : i+1+end]})
			i += end + 1
		default:
			text.WriteByte(s[i])
		}
	}
	if text.Len() > 0 {
		all = append(all, piece{text: text.String()})
	}
	return all, nil
}
