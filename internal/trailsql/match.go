package trailsql

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A record is searched as JSON text in the one form that Trino gives it (json_format), so that
// it does not matter how it was escaped where it lay. The strings are taken out of that text,
// and of each it is asked whether it holds the value as a whole word.

// stringsOf takes the strings, with their quotes, out of JSON text.
const stringsOf = `"[^"\\]*(?:\\.[^"\\]*)*"`

const (
	// notInWord are the ASCII characters over which no name goes on, the backslash aside;
	// all beyond ASCII go on, as in timeline.Pivot.
	notInWord = `\x00-\x2c\x2e\x2f\x3a-\x40\x5b\x5d\x5e\x60\x7b-\x7f`
	// before a word: such a character, with or without escaped backslashes after it; an escaped
	// backslash after anything; or another escape, which is a control character's.
	beforeWord = `(?:[` + notInWord + `](?:\\\\)*|[^\\](?:(?:\\\\)+|(?:\\\\)*\\(?:[bfnrt]|u00[01][0-9A-Fa-f])))`
	// before anything else: not in the middle of an escape.
	beforeOther = `[^\\](?:\\\\)*`
	afterWord   = `(?:[` + notInWord + `]|\\(?:["\\bfnrt]|u00[01]))`
)

// matches is the condition that a JSON text holds the value in one of its strings.
func matches(jsonText, value string) (string, error) {
	if value == "" || len(value) > maxValue {
		return "", fmt.Errorf("%w: a value of %d bytes", ErrValue, len(value))
	}
	if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
		return "", fmt.Errorf("%w: %q is no text", ErrValue, value)
	}
	pattern := beforeOther
	if inWord(value[0]) {
		pattern = beforeWord
	}
	pattern += escapedPattern(value)
	if inWord(value[len(value)-1]) {
		pattern += afterWord
	}
	hit := fmt.Sprintf("any_match(regexp_extract_all(%s, %s), s -> regexp_like(s, %s))", jsonText, literal(stringsOf), literal(pattern))
	if strings.ContainsFunc(value, beyond) {
		return hit, nil
	}
	// strpos first: it is cheap, and most records do not hold the value at all.
	return fmt.Sprintf("(strpos(%s, %s) > 0 AND %s)", jsonText, literal(jsonEscape(value)), hit), nil
}

// anyOf is the condition that one of the values is held; "" asks for nothing.
func anyOf(jsonText string, values []string) (string, error) {
	var each []string
	for _, v := range values {
		m, err := matches(jsonText, v)
		if err != nil {
			return "", err
		}
		each = append(each, m)
	}
	switch len(each) {
	case 0:
		return "", nil
	case 1:
		return each[0], nil
	}
	return "(" + strings.Join(each, "\n  OR ") + ")", nil
}

// beyond: characters of which json_format writes two escapes (seen in Trino 435) or itself.
func beyond(r rune) bool { return r > 0xffff }

// escapedPattern is a regular expression for the value as json_format writes it.
func escapedPattern(value string) string {
	var b strings.Builder
	for _, r := range value {
		quoted := regexp.QuoteMeta(jsonEscape(string(r)))
		if beyond(r) {
			high, low := utf16.EncodeRune(r)
			quoted = fmt.Sprintf(`(?:%s|\\u%04X\\u%04X)`, quoted, high, low)
		}
		b.WriteString(quoted)
	}
	return b.String()
}

// jsonEscape writes a text as json_format writes it inside a string.
func jsonEscape(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20:
			if i := strings.IndexRune("\b\f\n\r\t", r); i >= 0 {
				b.WriteString(`\` + "bfnrt"[i:i+1])
			} else {
				fmt.Fprintf(&b, `\u%04X`, r)
			}
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// inWord says whether names of functions, roles and keys go on over c: timeline.Pivot's rule.
func inWord(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '-' || c == '_' || c >= 0x80
}
