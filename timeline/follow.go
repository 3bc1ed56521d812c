package timeline

import (
	"slices"
	"strconv"
	"unsafe"

	"github.com/freezeframe-ir/freezeframe/internal/filter"
)

// followAll puts fields behind another member: most of a line is texts, and most of those are in
// the record as they are written.
func (m *members) followAll(fields []Field, e *Event) {
	for i := range fields {
		f := &fields[i]
		if f.place == 0 {
			f.follow(m, e)
			continue
		}
		v := *(*string)(unsafe.Add(unsafe.Pointer(e), f.place))
		switch {
		case v == "":
		case e.clear&f.clear != 0:
			m.b = appendClear(m.b, f.quoted, v)
		default:
			m.b = appendJSON(append(m.b, f.member...), v)
		}
	}
}

// appendClear writes a text that needs no escape.
func appendClear(b, quoted []byte, v string) []byte {
	n := len(b)
	end := n + len(quoted) + len(v) + 1
	if end > cap(b) {
		b = slices.Grow(b, end-n)
	}
	b = b[:end]
	n += copy(b[n:], quoted)
	copy(b[n:], v)
	b[end-1] = '"'
	return b
}

// follow is put behind another member.
func (f *Field) follow(m *members, e *Event) {
	switch {
	case f.append != nil && e.clear&clearRecord != 0:
		m.b = append(f.append(append(m.b, f.quoted...), e), '"')
	case f.text != nil:
		if v := f.text(e); v != "" && e.clear&f.clear != 0 {
			m.b = appendClear(m.b, f.quoted, v)
		} else if v != "" {
			m.b = appendJSON(append(m.b, f.member...), v)
		}
	case f.list != nil:
		f.followList(m, f.list(e), e.clear&f.clear != 0)
	case f.number != nil:
		if v := f.number(e); v != 0 {
			m.b = strconv.AppendInt(append(m.b, f.member...), v, 10)
		}
	case f.truth != nil:
		if f.truth(e) {
			m.b = append(append(m.b, f.member...), "true"...)
		}
	case f.time != nil:
		if t := f.time(e); !t.IsZero() {
			m.b = append(m.b, f.member...)
			m.moment(filter.TimeLayout, t)
		}
	}
}

func (f *Field) followList(m *members, v []string, clear bool) {
	for i, s := range v {
		if i == 0 {
			m.b = append(append(m.b, f.member...), '[')
		} else {
			m.b = append(m.b, ',')
		}
		if clear {
			m.b = append(append(append(m.b, '"'), s...), '"')
		} else {
			m.b = appendJSON(m.b, s)
		}
	}
	if len(v) > 0 {
		m.b = append(m.b, ']')
	}
}
