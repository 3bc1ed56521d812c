package safetext

import (
	"unicode"
	"unicode/utf8"
	"unsafe"
)

// Hides says whether a text does more than show itself: it has control characters other than
// tab, LF and CR, characters that turn the direction of text or cannot be seen, or bytes
// that are no text. Colours in a log are enough: it is a sign to look at, no verdict.
func Hides(s string) bool {
	for i := Printing(unsafe.Slice(unsafe.StringData(s), len(s))); i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c < 0x20 && c != '\t' && c != '\n' && c != '\r' || c == 0x7f {
				return true
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || r < 0xa0 || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || invisible(r) {
			return true
		}
		i += n
	}
	return false
}

// Plain says whether a text is nothing but printing ASCII, tabs and ends of lines.
func Plain(b []byte) bool {
	for i := Printing(b); i < len(b); {
		if c := b[i]; c < 0x20 && c != '\t' && c != '\n' && c != '\r' || c >= 0x7f {
			return false
		}
		i++
		i += Printing(b[i:])
	}
	return true
}
