package awssim

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Of Trino's SQL the simulated Athena and CloudTrail Lake know a part: SELECT of expressions
// from one table, event data store or subquery, with WHERE. What is beyond it is refused as a
// syntax error, as an engine refuses what it cannot parse. Whether the part means what Trino
// means by it is judged by a real Trino (test/conformance).

// sqlToken is a word (in lower case), a name in quotes, a string, a number or a mark.
type sqlToken struct {
	kind byte // 'w', 'n', 's', '0', 'm'; 0 is the end
	text string
	at   int
}

var sqlLexer = regexp.MustCompile("^(?:" +
	`(?P<space>\s+)|(?P<store>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})|` +
	`(?P<unicode>[Uu]&'(?:[^']|'')*')|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<number>[0-9]+)|(?P<string>'(?:[^']|'')*')|` +
	"(?P<name>\"(?:[^\"]|\"\")+\"|`[^`]+`)|" +
	`(?P<mark>->|\|\||>=|<=|<>|[-()\[\],.=<>:;*]))`)

// sqlError is a statement that the engine does not take, in Trino's words.
type sqlError struct{ kind, text string }

func (e *sqlError) Error() string { return e.kind + ": " + e.text }

func sqlTokens(text string) ([]sqlToken, error) {
	var out []sqlToken
	for at := 0; at < len(text); {
		m := sqlLexer.FindStringSubmatchIndex(text[at:])
		if m == nil {
			return nil, &sqlError{"SYNTAX_ERROR", fmt.Sprintf("at character %d: mismatched input %.20q", at+1, text[at:])}
		}
		group := func(name string) (string, bool) {
			i := 2 * sqlLexer.SubexpIndex(name)
			if m[i] < 0 {
				return "", false
			}
			return text[at+m[i] : at+m[i+1]], true
		}
		t := sqlToken{at: at}
		if s, is := group("store"); is {
			t.kind, t.text = 'n', s
		} else if s, is := group("unicode"); is {
			t.kind = 's'
			var err error
			if t.text, err = sqlUnicode(s[3 : len(s)-1]); err != nil {
				return nil, err
			}
		} else if s, is := group("word"); is {
			t.kind, t.text = 'w', strings.ToLower(s)
		} else if s, is := group("number"); is {
			t.kind, t.text = '0', s
		} else if s, is := group("string"); is {
			t.kind, t.text = 's', strings.ReplaceAll(s[1:len(s)-1], "''", "'")
		} else if s, is := group("name"); is {
			t.kind, t.text = 'n', strings.ToLower(strings.ReplaceAll(s[1:len(s)-1], `""`, `"`))
		} else if s, is := group("mark"); is {
			t.kind, t.text = 'm', s
		}
		if at += m[1]; t.kind != 0 {
			out = append(out, t)
		}
	}
	return append(out, sqlToken{at: len(text)}), nil
}

// sqlSelect is a SELECT that was read.
type sqlSelect struct {
	items []sqlItem
	from  []string   // name of a table, by its parts
	inner *sqlSelect // or a subquery
	where sqlExpr    // nil: every row
}

type sqlItem struct {
	expr sqlExpr
	name string
}

// sqlExpr is an expression: what it does is in args and op.
type sqlExpr interface{}

type (
	sqlLiteral struct{ value any }
	sqlColumn  struct{ path []string }
	sqlCall    struct {
		name string // of a function; "and", "or", "not", "||", "=", ... of an operator; "array"
		args []sqlExpr
	}
	sqlCast struct {
		expr sqlExpr
		to   string
	}
	sqlLambda struct {
		name string
		body sqlExpr
	}
)

type sqlParser struct {
	tokens []sqlToken
	i      int
	depth  int
}

func parseSelect(text string) (*sqlSelect, error) {
	tokens, err := sqlTokens(text)
	if err != nil {
		return nil, err
	}
	p := &sqlParser{tokens: tokens}
	s, err := p.selects()
	if err == nil && p.peek().kind != 0 {
		err = p.wrong()
	}
	return s, err
}

func (p *sqlParser) peek() sqlToken { return p.tokens[p.i] }

// is takes a word or mark if it comes next.
func (p *sqlParser) is(text string) bool {
	t := p.peek()
	if (t.kind == 'w' || t.kind == 'm') && t.text == text {
		p.i++
		return true
	}
	return false
}

func (p *sqlParser) want(texts ...string) error {
	for _, s := range texts {
		if !p.is(s) {
			return p.wrong()
		}
	}
	return nil
}

func (p *sqlParser) wrong() error {
	t := p.peek()
	if t.kind == 0 {
		return &sqlError{"SYNTAX_ERROR", fmt.Sprintf("at character %d: mismatched input '<EOF>'", t.at+1)}
	}
	return &sqlError{"SYNTAX_ERROR", fmt.Sprintf("at character %d: mismatched input %q", t.at+1, t.text)}
}

func (p *sqlParser) name() (string, error) {
	if t := p.peek(); t.kind == 'w' || t.kind == 'n' {
		p.i++
		return t.text, nil
	}
	return "", p.wrong()
}

func (p *sqlParser) text() (string, error) {
	if t := p.peek(); t.kind == 's' {
		p.i++
		return t.text, nil
	}
	return "", p.wrong()
}

const sqlDeepest = 100

func (p *sqlParser) selects() (*sqlSelect, error) {
	if p.depth++; p.depth > sqlDeepest {
		return nil, &sqlError{"STACK_OVERFLOW", "statement is too large (stack overflow while parsing)"}
	}
	defer func() { p.depth-- }()
	if err := p.want("select"); err != nil {
		return nil, err
	}
	s := &sqlSelect{}
	for more := true; more; more = p.is(",") {
		item, err := p.item()
		if err != nil {
			return nil, err
		}
		s.items = append(s.items, item)
	}
	if err := p.want("from"); err != nil {
		return nil, err
	}
	if err := p.source(s); err != nil {
		return nil, err
	}
	if p.is("where") {
		var err error
		if s.where, err = p.expr(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (p *sqlParser) item() (item sqlItem, err error) {
	if item.expr, err = p.expr(); err != nil {
		return item, err
	}
	if p.is("as") {
		item.name, err = p.name()
	} else if c, is := item.expr.(sqlColumn); is {
		item.name = c.path[len(c.path)-1]
	}
	return item, err
}

func (p *sqlParser) source(s *sqlSelect) (err error) {
	if !p.is("(") {
		s.from, err = p.path()
		return err
	}
	if s.inner, err = p.selects(); err != nil {
		return err
	}
	if err = p.want(")"); err == nil && p.is("as") {
		_, err = p.name()
	}
	return err
}

func (p *sqlParser) path() ([]string, error) {
	var out []string
	for more := true; more; more = p.is(".") {
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		out = append(out, name)
	}
	return out, nil
}

var sqlEscape = regexp.MustCompile(`\\\\|\\\+[0-9A-Fa-f]{6}|\\[0-9A-Fa-f]{4}|\\`)

// sqlUnicode reads what stands in a literal U&'...': \XXXX, \+XXXXXX, two backslashes for one.
func sqlUnicode(s string) (string, error) {
	var bad error
	out := sqlEscape.ReplaceAllStringFunc(strings.ReplaceAll(s, "''", "'"), func(e string) string {
		if e == `\\` {
			return `\`
		}
		n, err := strconv.ParseInt(strings.TrimLeft(e, `\+`), 16, 32)
		if err != nil {
			bad = &sqlError{"INVALID_LITERAL", "Incomplete escape sequence: " + e}
		}
		return string(rune(n))
	})
	return out, bad
}
