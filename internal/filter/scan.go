package filter

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type kind int

const (
	end kind = iota
	bare
	quoted
	sign // = != ~ ( ) ,
)

type token struct {
	kind   kind
	text   string
	column int
}

func (t token) wrong(why string) *Error { return &Error{t.column, why} }

// shown is the token as an error message names it, short and without control characters.
func (t token) shown() string {
	const longest = 40
	switch {
	case t.kind == end:
		return "the end"
	case utf8.RuneCountInString(t.text) > longest:
		return strconv.Quote(string([]rune(t.text)[:longest]) + "…")
	}
	return strconv.Quote(t.text)
}

// scan splits an expression into tokens; the last is end.
func scan(text string) ([]token, *Error) {
	var all []token
	column := 1
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		t := token{column: column}
		switch {
		case r == utf8.RuneError && n == 1:
			return nil, t.wrong("a byte that is not UTF-8")
		case r == ' ' || r == '\t' || r == '\n' || r == '\r':
			i, column = i+n, column+1
			continue
		case r == '"' || r == '\'':
			var err *Error
			if t.text, n, err = quotedText(text[i:], t); err != nil {
				return nil, err
			}
			t.kind = quoted
		default:
			if n = signLength(text[i:]); n > 0 {
				t.kind = sign
			} else if n = bareLength(text[i:]); n > 0 {
				t.kind = bare
			} else {
				return nil, t.wrong(odd(text[i:]))
			}
			t.text = text[i : i+n]
		}
		all = append(all, t)
		column += utf8.RuneCountInString(text[i : i+n])
		i += n
	}
	return append(all, token{kind: end, column: column}), nil
}

func signLength(s string) int {
	switch {
	case strings.HasPrefix(s, "!=") && !strings.HasPrefix(s, "!=="):
		return 2
	case strings.HasPrefix(s, "==") || strings.HasPrefix(s, "=~"):
		return 0
	case strings.ContainsRune("=~(),", rune(s[0])):
		return 1
	}
	return 0
}

// odd says what is wrong with something that is neither, as far as one can guess.
func odd(s string) string {
	switch {
	case strings.HasPrefix(s, "=="), strings.HasPrefix(s, "!=="):
		return "equality is written = and !="
	case strings.HasPrefix(s, "=~"):
		return "a regular expression is written ~ alone"
	case strings.HasPrefix(s, "!"):
		return "! stands in != only; \"not\" is a word before the test"
	}
	r, _ := utf8.DecodeRuneInString(s)
	return strconv.QuoteRune(r) + " cannot stand here; put values with such characters in quotes"
}

// bareLength is that of a word that needs no quotes.
func bareLength(s string) int {
	for i, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(`_-.:/*+@$%#^|?[]{}\;`, r) {
			return i
		}
	}
	return len(s)
}

// quotedText reads a value in quotes; n is its length with them.
func quotedText(s string, at token) (text string, n int, err *Error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == s[0]:
			if !utf8.ValidString(b.String()) {
				return "", 0, at.wrong("a byte that is not UTF-8 in these quotes")
			}
			return b.String(), i + 1, nil
		case c == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\'' || s[i+1] == '\\'):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", 0, at.wrong("this quote is not closed")
}
