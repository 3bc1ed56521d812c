package timeline

import (
	"strings"
	"unicode/utf8"
	"unsafe"
)

// words keeps strings that records repeat (agents, ARNs, regions), so that each is
// made once. It is bounded: when full it begins anew.
type words struct {
	known map[string]string
}

const (
	maxWords = 8192
	maxWord  = 256 // longer ones hardly repeat
)

func newWords() *words { return &words{known: make(map[string]string, 256)} }

func (w *words) of(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if len(b) > maxWord {
		return cut(string(b[:min(len(b), MaxField+utf8.UTFMax)]), MaxField)
	}
	if s, ok := w.known[string(b)]; ok {
		return s
	}
	if len(w.known) >= maxWords {
		clear(w.known)
	}
	s := string(b)
	w.known[s] = s
	return s
}

// cut shortens s to at most n bytes, ending in "…" and not in the middle of a character.
func cut(s string, n int) string {
	const more = "…"
	if len(s) <= n {
		return s
	}
	n -= len(more)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.Clone(s[:n]) + more
}

// once makes a string of bytes that hardly repeat (ids, times): they would only push
// others out.
func (w *words) once(b []byte) string {
	if len(b) > MaxField {
		return w.of(b)
	}
	return string(b)
}

// view is a string that lies in b: it is good as long as b is not written to. Millions of
// events pass through a reader whose strings live until the event is encoded.
func view(b []byte) string {
	if len(b) > MaxField {
		return cut(string(b[:min(len(b), MaxField+utf8.UTFMax)]), MaxField)
	}
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// text reads a string; a value of another type is skipped. It is good until the next record is
// parsed: clone what is kept.
func (t *trailReader) text(s *scan, into *string) error {
	if s.peek() != '"' {
		return s.skip()
	}
	raw, escaped, err := s.rawString()
	if err != nil {
		return err
	}
	if escaped {
		at := len(t.decoded)
		if t.decoded, err = unescape(t.decoded, raw); err != nil {
			return err
		}
		raw = t.decoded[at:]
	}
	*into = view(raw)
	return nil
}

// textIf reads the string if the key is the wanted one.
func (t *trailReader) textIf(s *scan, key []byte, want string, into *string) error {
	if string(key) != want {
		return s.skip()
	}
	return t.text(s, into)
}

// boolean reads true, false, or the strings that some records have in their place.
func (t *trailReader) boolean(s *scan, into *bool) error {
	switch s.peek() {
	case 't':
		*into = true
		return s.literal("true")
	case '"':
		var v string
		err := t.text(s, &v)
		*into = strings.EqualFold(v, "true")
		return err
	}
	return s.skip()
}
