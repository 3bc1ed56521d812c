package sigma

import (
	"fmt"
	"strconv"
	"strings"
)

// conditionReader parses a condition:
//
//	or    = and { "or" and }
//	and   = not { "and" not }
//	not   = { "not" } term
//	term  = "(" or ")" | name | count "of" ( "them" | pattern )
//	count = number | "any" | "all"
//
// Names are the selections'. Operators may be in capitals, as old rules write them.
type conditionReader struct {
	words []string
	i     int
	depth int
	names []string         // of the selections, in their order
	trees map[string]*expr // by name
	used  map[string]bool
}

// operators are words that no selection may be called.
var operators = []string{"and", "or", "not", "of", "them", "any", "all", "near"}

func (c *conditionReader) parse(s string) (*expr, error) {
	if strings.Contains(s, "|") {
		_, rest, _ := strings.Cut(s, "|")
		return nil, fmt.Errorf("aggregation %q in a condition is deprecated: write a correlation (event_count, value_count, ...)", strings.TrimSpace("|"+rest))
	}
	c.words = words(s)
	c.i = 0
	if len(c.words) == 0 {
		return nil, fmt.Errorf("is empty")
	}
	e, err := c.or()
	if err != nil {
		return nil, err
	}
	if w := c.peek(); w != "" {
		return nil, unexpected(w)
	}
	return e, nil
}

func unexpected(w string) error {
	if strings.EqualFold(w, "near") {
		return fmt.Errorf("near is deprecated: write a correlation (temporal)")
	}
	return fmt.Errorf("%q is not expected here", w)
}

// words splits at white space and brackets.
func words(s string) []string {
	return strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(s))
}

func (c *conditionReader) peek() string {
	if c.i < len(c.words) {
		return c.words[c.i]
	}
	return ""
}

func (c *conditionReader) take(word string) bool {
	if strings.EqualFold(c.peek(), word) {
		c.i++
		return true
	}
	return false
}

func (c *conditionReader) or() (*expr, error)  { return c.list("or", opOr, c.and) }
func (c *conditionReader) and() (*expr, error) { return c.list("and", opAnd, c.not) }

func (c *conditionReader) list(word string, o op, part func() (*expr, error)) (*expr, error) {
	first, err := part()
	if err != nil {
		return nil, err
	}
	all := []*expr{first}
	for c.take(word) {
		e, err := part()
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return joined(o, all), nil
}

func joined(o op, all []*expr) *expr {
	if len(all) == 1 {
		return all[0]
	}
	return &expr{op: o, kids: all}
}

func (c *conditionReader) not() (*expr, error) {
	turned := false
	for c.take("not") {
		turned = !turned
	}
	e, err := c.term()
	if turned && err == nil {
		e = &expr{op: opNot, kids: []*expr{e}}
	}
	return e, err
}

func (c *conditionReader) term() (*expr, error) {
	w := c.peek()
	switch {
	case w == "":
		return nil, fmt.Errorf("ends where a selection is wanted")
	case w == "(":
		return c.bracket()
	case c.i+1 < len(c.words) && strings.EqualFold(c.words[c.i+1], "of"):
		return c.count()
	case c.trees[w] != nil:
		c.i++
		c.used[w] = true
		return c.trees[w], nil
	case w == ")" || contains(operators, strings.ToLower(w)):
		return nil, unexpected(w)
	case strings.Contains(w, "*"):
		return nil, fmt.Errorf("%q needs '1 of' or 'all of' before it", w)
	}
	return nil, fmt.Errorf("no selection is called %q", w)
}

func (c *conditionReader) bracket() (*expr, error) {
	if c.depth++; c.depth > 100 {
		return nil, fmt.Errorf("brackets are nested too deep")
	}
	c.i++
	e, err := c.or()
	if err != nil {
		return nil, err
	}
	c.depth--
	if !c.take(")") {
		return nil, fmt.Errorf("a bracket is not closed")
	}
	return e, nil
}

// count reads "1 of x*".
func (c *conditionReader) count() (*expr, error) {
	count, pattern := c.words[c.i], ""
	c.i += 2
	if pattern = c.peek(); pattern == "" || pattern == "(" || pattern == ")" {
		return nil, fmt.Errorf("'%s of' wants a pattern, or them", count)
	}
	c.i++
	var kids []*expr
	for _, name := range c.names {
		if matchesName(pattern, name) {
			kids = append(kids, c.trees[name])
			c.used[name] = true
		}
	}
	if len(kids) == 0 {
		return nil, fmt.Errorf("no selection is called like %q", pattern)
	}
	switch strings.ToLower(count) {
	case "all":
		return joined(opAnd, kids), nil
	case "any", "1":
		return joined(opOr, kids), nil
	}
	n, err := strconv.Atoi(count)
	switch {
	case err != nil || n < 1:
		return nil, fmt.Errorf("%q is no count (a number, any, all)", count)
	case n > len(kids):
		return nil, fmt.Errorf("%d of %q can never be: it names %d", n, pattern, len(kids))
	case n == len(kids):
		return joined(opAnd, kids), nil
	}
	return &expr{op: opAtLeast, n: n, kids: kids}, nil
}

// matchesName: a name that begins with an underscore is meant only where the pattern
// begins with one.
func matchesName(pattern, name string) bool {
	if strings.HasPrefix(name, "_") && !strings.HasPrefix(pattern, "_") {
		return false
	}
	if strings.EqualFold(pattern, "them") {
		return true
	}
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	rest, ok := strings.CutPrefix(name, parts[0])
	if !ok {
		return false
	}
	for _, p := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(rest, p)
		if !found {
			return false
		}
		rest = after
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}
