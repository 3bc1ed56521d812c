// Package filter is the small language in which events are chosen:
//
//	action ~ "^(Update|Delete)" and not (outcome = success or principal in (olive, 'ci bot'))
//
// A test compares one field with = != ~ or in (...). ~ is a regular expression in RE2's
// syntax, which matches anywhere in the value and in time proportional to it. Tests are
// joined by and, or, not and parentheses; not binds most closely, or least. A value is a
// bare word, or stands in quotes of either kind: there, a backslash before a quote or a
// backslash takes it as it is, and every other backslash stays, so that "\d" needs no
// doubling.
//
// A field that a record lacks is the empty text, 0 or false. Of a list, = ~ and in want one
// element that fits; != is always the opposite of =.
//
// A mistake is refused with its column, never taken for something that matches nothing:
// fields, numbers, times, truths, and values of a field with a fixed set are all checked.
package filter

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Type says what values a field has.
type Type string

// Types of fields.
const (
	Text   Type = "text"
	List   Type = "list" // of texts
	Number Type = "number"
	Truth  Type = "true/false"
	Time   Type = "time"
)

// Field is one that an expression may name.
type Field struct {
	Name   string
	Type   Type
	Values []string // where not nil: the only values that there are, besides ""
}

// TimeLayout is how values of type Time are written, in UTC.
const TimeLayout = "2006-01-02T15:04:05.999999999Z"

// Record gives the values of fields, by their place in the list given to Parse: numbers in
// decimal, truths as "true" or "false", times in TimeLayout ("" where there is none).
type Record interface {
	Text(field int) string
	List(field int) []string // of fields of type List
}

// Error is a mistake in an expression.
type Error struct {
	Column int // in characters, from 1
	Text   string
}

func (e *Error) Error() string { return fmt.Sprintf("column %d: %s", e.Column, e.Text) }

// Filter is a parsed expression. Safe for concurrent use.
type Filter struct {
	root   node
	fields []Field
}

// Match says whether a record fits.
func (f *Filter) Match(r Record) bool { return f.root.match(r) }

// String is the expression in one form: all parentheses, all values quoted.
func (f *Filter) String() string {
	var b strings.Builder
	f.root.print(&b, f.fields)
	return b.String()
}

// node is a part of an expression.
type node interface {
	match(r Record) bool
	print(b *strings.Builder, fields []Field)
}

// both and either hold two or more parts.
type (
	both   []node
	either []node
	not    struct{ of node }
)

func (n both) match(r Record) bool {
	for _, part := range n {
		if !part.match(r) {
			return false
		}
	}
	return true
}

func (n either) match(r Record) bool {
	for _, part := range n {
		if part.match(r) {
			return true
		}
	}
	return false
}

func (n not) match(r Record) bool { return !n.of.match(r) }

func (n both) print(b *strings.Builder, fields []Field)   { join(b, " and ", n, fields) }
func (n either) print(b *strings.Builder, fields []Field) { join(b, " or ", n, fields) }

func (n not) print(b *strings.Builder, fields []Field) {
	b.WriteString("not (")
	n.of.print(b, fields)
	b.WriteByte(')')
}

func join(b *strings.Builder, word string, parts []node, fields []Field) {
	for i, part := range parts {
		if i > 0 {
			b.WriteString(word)
		}
		_, plain := part.(*test)
		if !plain {
			b.WriteByte('(')
		}
		part.print(b, fields)
		if !plain {
			b.WriteByte(')')
		}
	}
}

// test compares one field with values, or with an expression.
type test struct {
	field  int
	list   bool
	op     string // "=", "!=", "~", "in"
	values []string
	expr   *regexp.Regexp
}

func (t *test) match(r Record) bool { return t.any(r) != (t.op == "!=") }

func (t *test) any(r Record) bool {
	if !t.list {
		return t.fits(r.Text(t.field))
	}
	all := r.List(t.field)
	return len(all) == 0 && t.fits("") || slices.ContainsFunc(all, t.fits)
}

func (t *test) fits(v string) bool {
	if t.expr != nil {
		return t.expr.MatchString(v)
	}
	return slices.Contains(t.values, v)
}

func (t *test) print(b *strings.Builder, fields []Field) {
	b.WriteString(fields[t.field].Name + " " + t.op + " ")
	if t.op == "in" {
		b.WriteByte('(')
	}
	for i, v := range t.values {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(quote(v))
	}
	if t.op == "in" {
		b.WriteByte(')')
	}
}

func quote(v string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) + `"`
}
