package timeline

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
	"unsafe"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

// members writes one JSON object with the given members, in the order they come, empty
// ones left out. (Millions of lines are written: no reflection.)
type members struct {
	b     []byte
	limit int // bytes of one string; 0 is unbounded

	day     int64  // of the last time written, since 1970: events come in order, and most share theirs
	written []byte // "2026-03-01T"
}

func (m *members) open() { m.b = append(m.b[:0], '{') }

func (m *members) close() []byte {
	m.b = append(m.b, '}', '\n')
	return m.b
}

func (m *members) name(name string) {
	if m.b[len(m.b)-1] != '{' {
		m.b = append(m.b, ',')
	}
	m.b = append(append(append(m.b, '"'), name...), '"', ':')
}

func (m *members) text(name, v string) {
	if v == "" {
		return
	}
	m.name(name)
	if m.limit > 0 {
		v = cut(v, m.limit)
	}
	m.b = appendJSON(m.b, v)
}

func (m *members) number(name string, v int64) {
	if v == 0 {
		return
	}
	m.name(name)
	m.b = strconv.AppendInt(m.b, v, 10)
}

func (m *members) truth(name string, v bool) {
	if v {
		m.name(name)
		m.b = append(m.b, "true"...)
	}
}

func (m *members) list(name string, v []string) {
	if len(v) == 0 {
		return
	}
	m.name(name)
	m.b = append(m.b, '[')
	for i, s := range v {
		if i > 0 {
			m.b = append(m.b, ',')
		}
		m.b = appendJSON(m.b, s)
	}
	m.b = append(m.b, ']')
}

func (m *members) time(name, layout string, t time.Time) {
	if t.IsZero() {
		return
	}
	m.name(name)
	m.moment(layout, t)
}

// moment writes a time as a text.
func (m *members) moment(layout string, t time.Time) {
	m.b = append(m.b, '"')
	if t = t.UTC(); t.Nanosecond() == 0 && t.Year() >= 1000 && t.Year() <= 9999 && strings.HasSuffix(layout, "Z") {
		m.b = m.seconds(m.b, t) // what CloudTrail has; both layouts end alike
	} else {
		m.b = t.AppendFormat(m.b, layout)
	}
	m.b = append(m.b, '"')
}

// within writes a member that is an object, and leaves it out where nothing is put into it.
func (m *members) within(name string, put func()) {
	start := len(m.b)
	m.name(name)
	m.b = append(m.b, '{')
	if put(); m.b[len(m.b)-1] == '{' {
		m.b = m.b[:start]
		return
	}
	m.b = append(m.b, '}')
}

// each writes a member that is a list of n objects; nothing for none.
func (m *members) each(name string, n int, put func(i int)) {
	if n == 0 {
		return
	}
	m.name(name)
	m.b = append(m.b, '[')
	for i := range n {
		if i > 0 {
			m.b = append(m.b, ',')
		}
		m.b = append(m.b, '{')
		put(i)
		m.b = append(m.b, '}')
	}
	m.b = append(m.b, ']')
}

// integer writes a number also where it is 0.
func (m *members) integer(name string, v int64) {
	m.name(name)
	m.b = strconv.AppendInt(m.b, v, 10)
}

// seconds writes a time as RFC 3339 does where it has no fraction.
func (m *members) seconds(b []byte, t time.Time) []byte {
	const perDay = 24 * 60 * 60
	day, s := t.Unix()/perDay, t.Unix()%perDay
	if s < 0 {
		day, s = day-1, s+perDay
	}
	if day != m.day || m.written == nil {
		m.day, m.written = day, t.AppendFormat(m.written[:0], "2006-01-02T")
	}
	b = append(b, m.written...)
	two := func(n int64) (byte, byte) { return byte('0' + n/10), byte('0' + n%10) }
	h1, h2 := two(s / 3600)
	m1, m2 := two(s / 60 % 60)
	s1, s2 := two(s % 60)
	return append(b, h1, h2, ':', m1, m2, ':', s1, s2, 'Z')
}

// appendJSON writes a JSON string: control characters, what moves or hides on a terminal, what
// JavaScript minds, and bytes that are no UTF-8 (as U+FFFD) escaped.
func appendJSON(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	plain := unsafe.Slice(unsafe.StringData(s), len(s))
	for i := min(stringEnd(plain), safetext.Printing(plain)); i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 || safetext.Moves(r) {
				b = safetext.AppendEscape(append(b, s[start:i]...), r)
				start = i + n
			}
			i += n
			continue
		}
		if c >= 0x20 && c != '"' && c != '\\' && c != 0x7f {
			i++
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\t':
			b = append(b, '\\', 't')
		case '\r':
			b = append(b, '\\', 'r')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}
