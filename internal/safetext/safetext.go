// Package safetext makes text that an attacker may have written safe to look at.
//
// Function names, log lines, user agents and error messages come from the account
// under investigation. Printed raw they can move the cursor, recolour or retitle a
// terminal, break one line into two, or show a word other than the one stored. Every
// such string passes through Escape on its way to people, also when the output is piped.
package safetext

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape returns s with everything that is not plainly visible spelled out:
//
//	tab, LF, CR                  \t \n \r
//	other C0 controls, DEL       \x1b
//	bytes that are not UTF-8     \xff
//	C1 controls, bidi overrides and isolates, zero-width and other invisible
//	characters, exotic spaces, private use and unassigned code points   \u{202e}
//
// A combining mark that would attach to what stands before s, or the fifth and
// later in a row, is spelled out too. Backslashes stay as they are: the result is
// for reading, not for decoding; JSON output is the authoritative form.
// Escape is idempotent, and returns s itself when there is nothing to do.
func Escape(s string) string {
	i := clean(s)
	if i == len(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	marks := maxMarks // a mark at the start is spelled out
	for i = 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n <= 1 {
			hexByte(&b, s[i])
			i, marks = i+1, 0
			continue
		}
		switch {
		case unicode.Is(unicode.M, r):
			marks++
		default:
			marks = 0
		}
		put(&b, r, marks > maxMarks)
		i += n
	}
	return b.String()
}

// maxMarks is how many combining marks one character may carry: living scripts need
// up to three or four, piles of them paint over neighbouring lines.
const maxMarks = 4

// clean is the length of the prefix that is printable ASCII.
func clean(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] > 0x7e {
			return i
		}
	}
	return len(s)
}

func put(b *strings.Builder, r rune, spell bool) {
	switch {
	case r == '\n':
		b.WriteString(`\n`)
	case r == '\r':
		b.WriteString(`\r`)
	case r == '\t':
		b.WriteString(`\t`)
	case r < 0x20 || r == 0x7f:
		hexByte(b, byte(r))
	case spell || !strconv.IsPrint(r) || invisible(r):
		b.WriteString(`\u{` + strconv.FormatInt(int64(r), 16) + `}`)
	default:
		b.WriteRune(r)
	}
}

func hexByte(b *strings.Builder, c byte) {
	const digits = "0123456789abcdef"
	b.WriteString(`\x`)
	b.WriteByte(digits[c>>4])
	b.WriteByte(digits[c&15])
}

// invisible lists what Unicode calls printable and nobody can see: variation
// selectors, fillers and the blank braille pattern. (Format characters, among them all
// bidi controls and zero-width spaces, are not printable to begin with.)
func invisible(r rune) bool {
	switch {
	case r >= 0xfe00 && r <= 0xfe0f, r >= 0xe0100 && r <= 0xe01ef, r >= 0x180b && r <= 0x180f:
		return true
	case r == 0x034f, r == 0x115f, r == 0x1160, r == 0x17b4, r == 0x17b5, r == 0x2800, r == 0x3164, r == 0xffa0:
		return true
	}
	return false
}
