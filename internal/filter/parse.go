package filter

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/nearest"
)

const (
	maxText  = 16 << 10 // bytes of an expression
	maxDepth = 100      // of parentheses and nots
)

// Parse reads an expression over the given fields. Its error is an *Error.
func Parse(text string, fields []Field) (*Filter, error) {
	if len(text) > maxText {
		return nil, &Error{1, fmt.Sprintf("the filter has %d bytes; at most %d are taken", len(text), maxText)}
	}
	tokens, bad := scan(text)
	if bad != nil {
		return nil, bad
	}
	p := parser{tokens: tokens, fields: fields}
	root, err := p.alternatives(0)
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != end {
		return nil, t.wrong("\"and\" or \"or\" is wanted before " + t.shown())
	}
	return &Filter{root: root, fields: fields}, nil
}

type parser struct {
	tokens []token
	at     int
	fields []Field
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != end {
		p.at++
	}
	return t
}

// keyword consumes a word of the language.
func (p *parser) keyword(word string) bool {
	if t := p.peek(); t.kind == bare && strings.EqualFold(t.text, word) {
		p.at++
		return true
	}
	return false
}

func (p *parser) sign(text string) bool {
	if t := p.peek(); t.kind == sign && t.text == text {
		p.at++
		return true
	}
	return false
}

// alternatives: parts joined by "or".
func (p *parser) alternatives(depth int) (node, error) {
	return p.joined("or", func() (node, error) {
		return p.joined("and", func() (node, error) { return p.unary(depth) }, func(all []node) node { return both(all) })
	}, func(all []node) node { return either(all) })
}

func (p *parser) joined(word string, part func() (node, error), of func([]node) node) (node, error) {
	var all []node
	for {
		n, err := part()
		if err != nil {
			return nil, err
		}
		all = append(all, n)
		if !p.keyword(word) {
			break
		}
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return of(all), nil
}

func (p *parser) unary(depth int) (node, error) {
	if depth > maxDepth {
		return nil, p.peek().wrong("nested too deep")
	}
	if p.keyword("not") {
		n, err := p.unary(depth + 1)
		if err != nil {
			return nil, err
		}
		return not{n}, nil
	}
	open := p.peek()
	if !p.sign("(") {
		return p.test()
	}
	n, err := p.alternatives(depth + 1)
	if err != nil {
		return nil, err
	}
	if !p.sign(")") {
		if t := p.peek(); t.kind != end {
			return nil, t.wrong("\"and\", \"or\" or \")\" is wanted before " + t.shown())
		}
		return nil, open.wrong("this parenthesis is not closed")
	}
	return n, nil
}

// test: FIELD OPERATOR VALUE, FIELD [not] in (VALUE, ...).
func (p *parser) test() (node, error) {
	i, err := p.field()
	if err != nil {
		return nil, err
	}
	t := &test{field: i, list: p.fields[i].Type == List}
	negated := p.keyword("not")
	op := p.next()
	switch {
	case op.kind == bare && strings.EqualFold(op.text, "in"):
		t.op = "in"
		err = p.set(t)
	case negated:
		return nil, op.wrong("\"in\" is wanted after \"not\"; otherwise not stands before the field")
	case op.kind == sign && (op.text == "=" || op.text == "!=" || op.text == "~"):
		t.op = op.text
		err = p.one(t)
	default:
		return nil, op.wrong("one of = != ~ in is wanted after " + p.fields[i].Name + ", not " + op.shown())
	}
	if err != nil {
		return nil, err
	}
	if negated {
		return not{t}, nil
	}
	return t, nil
}

func (p *parser) field() (int, error) {
	t := p.next()
	if t.kind != bare || isKeyword(t.text) {
		return 0, t.wrong("a field is wanted, not " + t.shown())
	}
	i := slices.IndexFunc(p.fields, func(f Field) bool { return f.Name == t.text })
	if i >= 0 {
		return i, nil
	}
	names := make([]string, len(p.fields))
	for i, f := range p.fields {
		names[i] = f.Name
	}
	return 0, t.wrong("there is no field " + t.shown() + meant(t.text, names))
}

func meant(word string, known []string) string {
	if near := nearest.Word(strings.ToLower(word), known); near != "" {
		return " (did you mean " + near + "?)"
	}
	return ""
}

func isKeyword(s string) bool {
	return slices.ContainsFunc([]string{"and", "or", "not", "in"}, func(k string) bool { return strings.EqualFold(k, s) })
}

// set: (VALUE, ...).
func (p *parser) set(t *test) error {
	open := p.peek()
	if !p.sign("(") {
		return open.wrong("\"(\" is wanted after \"in\", not " + open.shown())
	}
	for {
		if err := p.one(t); err != nil {
			return err
		}
		switch x := p.next(); {
		case x.kind == sign && x.text == ")":
			return nil
		case x.kind == end:
			return open.wrong("this parenthesis is not closed")
		case x.kind != sign || x.text != ",":
			return x.wrong("\",\" or \")\" is wanted before " + x.shown())
		}
	}
}

// one reads a value and checks that the field can have it.
func (p *parser) one(t *test) error {
	x := p.next()
	switch {
	case x.kind == quoted:
	case x.kind == bare && !isKeyword(x.text):
	case x.kind == bare:
		return x.wrong("a value is wanted, not the word " + x.shown() + "; put it in quotes if it is meant")
	default:
		return x.wrong("a value is wanted, not " + x.shown())
	}
	if t.op == "~" {
		expr, err := regexp.Compile(x.text)
		if err != nil {
			return x.wrong("no regular expression (RE2): " + strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
		t.expr = expr
		t.values = append(t.values, x.text)
		return nil
	}
	v, wrong := p.fields[t.field].value(x.text)
	if wrong != "" {
		return x.wrong(wrong)
	}
	t.values = append(t.values, v)
	return nil
}

// value is v as records give it, or what is wrong with it.
func (f Field) value(v string) (string, string) {
	is := strconv.Quote(v) + " is no "
	switch f.Type {
	case Number:
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return "", is + "whole number, which " + f.Name + " is"
		}
		return strconv.FormatInt(n, 10), ""
	case Truth:
		if v != "true" && v != "false" {
			return "", is + "truth: " + f.Name + " is true or false"
		}
	case Time:
		if v == "" {
			return "", "" // absent
		}
		at, err := time.Parse(time.RFC3339Nano, v)
		if err != nil {
			return "", is + "time (2026-01-31T03:00:00Z), which " + f.Name + " is; part of one matches with ~"
		}
		return at.UTC().Format(TimeLayout), ""
	}
	if f.Values != nil && v != "" && !slices.Contains(f.Values, v) {
		near := meant(v, f.Values)
		if near == "" {
			near = " (there are " + strings.Join(f.Values, ", ") + ")"
		}
		return "", is + f.Name + near
	}
	return v, ""
}
