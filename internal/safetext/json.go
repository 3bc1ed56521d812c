package safetext

import (
	"io"
	"strconv"
	"unicode/utf8"
)

// JSON returns a writer that passes JSON on with every character spelled \uXXXX that Escape
// would spell out. A reader gets the same values; a terminal on which the JSON is printed
// gets nothing that moves, hides or turns what is read. Bytes that are not UTF-8 come out as
// U+FFFD, which is all that JSON can say of them. What is written must end as JSON does,
// with a character of ASCII.
func JSON(w io.Writer) io.Writer { return &jsonWriter{w: w} }

type jsonWriter struct {
	w    io.Writer
	rest []byte // the beginning of a character
	out  []byte
}

func (j *jsonWriter) Write(p []byte) (int, error) {
	text := p
	if len(j.rest) > 0 {
		text = append(j.rest, p...)
	}
	j.out = j.out[:0]
	from := 0
	for i := 0; i < len(text); {
		if c := text[i]; c < 0x7f {
			i++
			continue
		}
		if !utf8.FullRune(text[i:]) {
			break
		}
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 || Moves(r) {
			j.out = AppendEscape(append(j.out, text[from:i]...), r)
			from = i + n
		}
		i += n
	}
	whole := len(text) - unfinished(text)
	j.out = append(j.out, text[from:max(from, whole)]...)
	j.rest = append([]byte(nil), text[max(from, whole):]...)
	if _, err := j.w.Write(j.out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Moves says whether a character does something to a terminal or a reader's eye, so that JSON
// had better spell it out.
func Moves(r rune) bool { return r == 0x7f || !strconv.IsPrint(r) || invisible(r) }

// unfinished is how many bytes at the end are the beginning of a character.
func unfinished(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if tail := text[len(text)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}

// AppendEscape spells a character as JSON does, beyond the first plane in two halves.
func AppendEscape(b []byte, r rune) []byte {
	if r > 0xffff {
		r -= 0x10000
		return AppendEscape(AppendEscape(b, 0xd800+r>>10), 0xdc00+r&0x3ff)
	}
	const digits = "0123456789abcdef"
	return append(b, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}
