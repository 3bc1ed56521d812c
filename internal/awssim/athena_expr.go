package awssim

import (
	"slices"
	"strconv"
	"time"
)

// reservedSQL are words that name no column without quotes.
var reservedSQL = []string{"select", "from", "where", "and", "or", "not", "in", "between", "is", "null", "as", "cast", "case", "when", "then", "else", "end", "like", "exists"}

func (p *sqlParser) expr() (sqlExpr, error) {
	if p.depth++; p.depth > sqlDeepest {
		return nil, &sqlError{"STACK_OVERFLOW", "statement is too large (stack overflow while parsing)"}
	}
	defer func() { p.depth-- }()
	return p.chain("or", func() (sqlExpr, error) { return p.chain("and", p.negation) })
}

// chain reads operands with one operator between them.
func (p *sqlParser) chain(op string, operand func() (sqlExpr, error)) (sqlExpr, error) {
	first, err := operand()
	if err != nil {
		return nil, err
	}
	all := sqlCall{name: op, args: []sqlExpr{first}}
	for p.is(op) {
		next, err := operand()
		if err != nil {
			return nil, err
		}
		all.args = append(all.args, next)
	}
	if len(all.args) == 1 {
		return first, nil
	}
	return all, nil
}

func (p *sqlParser) negation() (sqlExpr, error) {
	if p.is("not") {
		e, err := p.negation()
		return sqlCall{"not", []sqlExpr{e}}, err
	}
	return p.comparison()
}

func (p *sqlParser) comparison() (sqlExpr, error) {
	left, err := p.concat()
	if err != nil {
		return nil, err
	}
	for _, op := range []string{"=", "<>", ">=", "<=", "<", ">"} {
		if p.is(op) {
			right, err := p.concat()
			return sqlCall{op, []sqlExpr{left, right}}, err
		}
	}
	switch {
	case p.is("in"):
		args, err := p.list("(", ")")
		return sqlCall{"in", append([]sqlExpr{left}, args...)}, err
	case p.is("between"):
		low, err := p.concat()
		if err != nil {
			return nil, err
		}
		if err := p.want("and"); err != nil {
			return nil, err
		}
		high, err := p.concat()
		return sqlCall{"and", []sqlExpr{sqlCall{">=", []sqlExpr{left, low}}, sqlCall{"<=", []sqlExpr{left, high}}}}, err
	case p.is("is"):
		not := p.is("not")
		if err := p.want("null"); err != nil {
			return nil, err
		}
		e := sqlCall{"isnull", []sqlExpr{left}}
		if not {
			return sqlCall{"not", []sqlExpr{e}}, nil
		}
		return e, nil
	}
	return left, nil
}

func (p *sqlParser) concat() (sqlExpr, error) { return p.chain("||", p.primary) }

func (p *sqlParser) list(begin, end string) ([]sqlExpr, error) {
	if err := p.want(begin); err != nil {
		return nil, err
	}
	var out []sqlExpr
	if p.is(end) {
		return out, nil
	}
	for more := true; more; more = p.is(",") {
		e, err := p.expr()
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, p.want(end)
}

func (p *sqlParser) primary() (sqlExpr, error) {
	t := p.peek()
	switch {
	case t.kind == 's':
		p.i++
		return sqlLiteral{t.text}, nil
	case t.kind == '0':
		p.i++
		n, err := strconv.ParseInt(t.text, 10, 64)
		if err != nil {
			return nil, p.wrong()
		}
		return sqlLiteral{n}, nil
	case p.is("("):
		e, err := p.expr()
		if err != nil {
			return nil, err
		}
		return e, p.want(")")
	case t.kind == 'w':
		return p.word(t.text)
	case t.kind == 'n':
		path, err := p.path()
		return sqlColumn{path}, err
	}
	return nil, p.wrong()
}

// word reads what begins with a word: a keyword's form, a call, a lambda, a column.
func (p *sqlParser) word(word string) (sqlExpr, error) {
	after := p.tokens[p.i+1]
	follows := func(kind byte, text string) bool {
		return after.kind == kind && (text == "" || after.text == text)
	}
	switch {
	case word == "null":
		p.i++
		return sqlLiteral{nil}, nil
	case word == "timestamp" && follows('s', ""):
		p.i += 2
		at, err := time.Parse("2006-01-02 15:04:05", after.text)
		if err != nil {
			return nil, &sqlError{"INVALID_LITERAL", "'" + after.text + "' is not a valid TIMESTAMP literal"}
		}
		return sqlLiteral{at}, nil
	case word == "cast" && follows('m', "("):
		return p.cast()
	case word == "array" && follows('m', "["):
		p.i++
		args, err := p.list("[", "]")
		return sqlCall{"array", args}, err
	case slices.Contains(reservedSQL, word):
		return nil, p.wrong()
	case follows('m', "->"):
		p.i += 2
		body, err := p.expr()
		return sqlLambda{word, body}, err
	case follows('m', "("):
		p.i++
		args, err := p.list("(", ")")
		return sqlCall{word, args}, err
	}
	path, err := p.path()
	return sqlColumn{path}, err
}

func (p *sqlParser) cast() (sqlExpr, error) {
	p.i += 2
	e, err := p.expr()
	if err != nil {
		return nil, err
	}
	if err := p.want("as"); err != nil {
		return nil, err
	}
	to, err := p.name()
	if err != nil {
		return nil, err
	}
	if to != "varchar" && to != "json" {
		return nil, &sqlError{"NOT_SUPPORTED", "freezeframe simulator: a cast to " + to + " is not simulated"}
	}
	return sqlCast{e, to}, p.want(")")
}
