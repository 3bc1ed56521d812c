package awssim

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Values of expressions: nil (NULL), string, bool, int64, time.Time, []any (ARRAY), sqlRow,
// sqlMap, sqlJSON.
type (
	sqlRow  map[string]any
	sqlMap  map[string]any
	sqlJSON struct{ value any } // decoded, with json.Number
)

// sqlEnv is what names stand for.
type sqlEnv struct {
	row    sqlRow
	lambda map[string]any
	cache  map[string]*regexp.Regexp
}

func (e *sqlEnv) eval(x sqlExpr) (any, error) {
	switch x := x.(type) {
	case sqlLiteral:
		return x.value, nil
	case sqlColumn:
		return e.column(x.path)
	case sqlCast:
		v, err := e.eval(x.expr)
		if err != nil {
			return nil, err
		}
		return castSQL(v, x.to)
	case sqlCall:
		return e.call(x)
	}
	return nil, &sqlError{"TYPE_MISMATCH", "unexpected lambda expression"}
}

func (e *sqlEnv) column(path []string) (any, error) {
	v, is := e.lambda[path[0]]
	if !is {
		if v, is = e.row[path[0]]; !is {
			return nil, &sqlError{"COLUMN_NOT_FOUND", fmt.Sprintf("Column '%s' cannot be resolved", strings.Join(path, "."))}
		}
	}
	for i, name := range path[1:] {
		row, is := v.(sqlRow)
		if v == nil {
			return nil, nil
		}
		if !is {
			return nil, &sqlError{"TYPE_MISMATCH", "Expression " + strings.Join(path[:i+1], ".") + " is not of type ROW"}
		}
		if v, is = row[name]; !is {
			return nil, &sqlError{"COLUMN_NOT_FOUND", fmt.Sprintf("Column '%s' cannot be resolved", strings.Join(path, "."))}
		}
	}
	return v, nil
}

// call evaluates what decides by itself which arguments it looks at, and lets the rest have them all.
func (e *sqlEnv) call(c sqlCall) (any, error) {
	switch c.name {
	case "and", "or":
		return e.logic(c)
	case "coalesce":
		for _, a := range c.args {
			if v, err := e.eval(a); v != nil || err != nil {
				return v, err
			}
		}
		return nil, nil
	case "try":
		if len(c.args) != 1 {
			return nil, noFunction(c)
		}
		v, err := e.eval(c.args[0])
		if bad, is := err.(*sqlError); is && bad.kind == "INVALID_FUNCTION_ARGUMENT" { //nolint:errorlint // made here, never wrapped
			return nil, nil
		}
		return v, err
	case "transform", "any_match":
		return e.overArray(c)
	}
	args := make([]any, len(c.args))
	for i, a := range c.args {
		var err error
		if args[i], err = e.eval(a); err != nil {
			return nil, err
		}
	}
	return e.apply(c, args)
}

// logic is SQL's, of three values.
func (e *sqlEnv) logic(c sqlCall) (any, error) {
	decides, null := c.name == "or", false
	for _, a := range c.args {
		v, err := e.eval(a)
		if err != nil {
			return nil, err
		}
		b, is := v.(bool)
		switch {
		case v == nil:
			null = true
		case !is:
			return nil, &sqlError{"TYPE_MISMATCH", "Logical expression term must evaluate to a boolean"}
		case b == decides:
			return b, nil
		}
	}
	if null {
		return nil, nil
	}
	return !decides, nil
}

// overArray is a function that takes an array and a lambda.
func (e *sqlEnv) overArray(c sqlCall) (any, error) {
	if len(c.args) != 2 {
		return nil, noFunction(c)
	}
	f, is := c.args[1].(sqlLambda)
	list, err := e.eval(c.args[0])
	if err != nil || list == nil && is {
		return nil, err
	}
	items, isList := list.([]any)
	if !is || !isList {
		return nil, noFunction(c)
	}
	var out []any
	null := false
	for _, item := range items {
		inner := &sqlEnv{row: e.row, lambda: map[string]any{f.name: item}, cache: e.cache}
		v, err := inner.eval(f.body)
		if err != nil {
			return nil, err
		}
		if v == true && c.name == "any_match" {
			return true, nil
		}
		null = null || v == nil
		out = append(out, v)
	}
	switch {
	case c.name == "transform":
		return out, nil
	case null:
		return nil, nil
	}
	return false, nil
}

func noFunction(c sqlCall) error {
	return &sqlError{"FUNCTION_NOT_FOUND", "Function '" + c.name + "' not registered, or unexpected parameters for it"}
}

// apply is a function or operator of values; NULL in any makes NULL, but for some.
func (e *sqlEnv) apply(c sqlCall, args []any) (any, error) {
	switch c.name {
	case "array":
		return args, nil
	case "isnull":
		return args[0] == nil, nil
	case "in":
		return inList(args[0], args[1:])
	}
	if slices.Contains(args, nil) && !slices.ContainsFunc(args, uncomparable) {
		return nil, nil
	}
	switch c.name {
	case "=", "<>", "<", ">", "<=", ">=":
		return compareSQL(c.name, args[0], args[1])
	case "not":
		if b, is := args[0].(bool); is {
			return !b, nil
		}
	case "||":
		return concatSQL(args)
	case "map":
		return mapSQL(args)
	case "json_parse":
		if s, is := oneText(args); is {
			return sqlParseJSON(s)
		}
	case "json_format":
		if len(args) == 1 {
			if j, is := args[0].(sqlJSON); is {
				return formatJSON(j.value), nil
			}
		}
	case "strpos":
		if a, b, is := twoTexts(args); is {
			return int64(runesBefore(a, strings.Index(a, b))), nil
		}
	case "regexp_like", "regexp_extract_all":
		if a, b, is := twoTexts(args); is {
			return e.regexp(c.name, a, b)
		}
	}
	return nil, noFunction(c)
}

// uncomparable: slices.Contains would panic over these.
func uncomparable(v any) bool {
	switch v.(type) {
	case []any, sqlRow, sqlMap, sqlJSON:
		return true
	}
	return false
}

func oneText(args []any) (string, bool) {
	if len(args) != 1 {
		return "", false
	}
	s, is := args[0].(string)
	return s, is
}

func twoTexts(args []any) (a, b string, is bool) {
	if len(args) != 2 {
		return "", "", false
	}
	a, one := args[0].(string)
	b, two := args[1].(string)
	return a, b, one && two
}

// runesBefore is the place of a byte in characters, from 1; 0 is none.
func runesBefore(s string, i int) int {
	if i < 0 {
		return 0
	}
	return len([]rune(s[:i])) + 1
}

func inList(v any, list []any) (any, error) {
	null := v == nil
	for _, x := range list {
		same, err := compareSQL("=", v, x)
		if err != nil {
			return nil, err
		}
		if same == true {
			return true, nil
		}
		null = null || same == nil
	}
	if null {
		return nil, nil
	}
	return false, nil
}

func compareSQL(op string, a, b any) (any, error) {
	if a == nil || b == nil {
		return nil, nil
	}
	var n int
	switch x := a.(type) {
	case string:
		y, is := b.(string)
		if !is {
			return nil, sqlMismatch(op, a, b)
		}
		n = strings.Compare(x, y)
	case int64:
		y, is := b.(int64)
		if !is {
			return nil, sqlMismatch(op, a, b)
		}
		n = cmp.Compare(x, y)
	case time.Time:
		y, is := b.(time.Time)
		if !is {
			return nil, sqlMismatch(op, a, b)
		}
		n = x.Compare(y)
	default:
		return nil, sqlMismatch(op, a, b)
	}
	switch op {
	case "=":
		return n == 0, nil
	case "<>":
		return n != 0, nil
	case "<":
		return n < 0, nil
	case ">":
		return n > 0, nil
	case "<=":
		return n <= 0, nil
	}
	return n >= 0, nil
}

func sqlMismatch(op string, a, b any) error {
	return &sqlError{"TYPE_MISMATCH", fmt.Sprintf("Cannot apply operator: %T %s %T", a, op, b)}
}

func concatSQL(args []any) (any, error) {
	var b strings.Builder
	for _, a := range args {
		s, is := a.(string)
		if !is {
			return nil, &sqlError{"TYPE_MISMATCH", fmt.Sprintf("cannot concatenate %T", a)}
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

func mapSQL(args []any) (any, error) {
	if len(args) != 2 {
		return nil, noFunction(sqlCall{name: "map"})
	}
	keys, one := args[0].([]any)
	values, two := args[1].([]any)
	if !one || !two || len(keys) != len(values) {
		return nil, &sqlError{"INVALID_FUNCTION_ARGUMENT", "Key and value arrays must be the same length"}
	}
	out := sqlMap{}
	for i, k := range keys {
		name, is := k.(string)
		if !is {
			return nil, &sqlError{"INVALID_FUNCTION_ARGUMENT", "map key cannot be null"}
		}
		out[name] = values[i]
	}
	return out, nil
}

func (e *sqlEnv) regexp(name, s, pattern string) (any, error) {
	re := e.cache[pattern]
	if re == nil {
		var err error
		if re, err = regexp.Compile(pattern); err != nil {
			return nil, &sqlError{"INVALID_FUNCTION_ARGUMENT", err.Error()}
		}
		e.cache[pattern] = re
	}
	if name == "regexp_like" {
		return re.MatchString(s), nil
	}
	out := []any{}
	for _, m := range re.FindAllString(s, -1) {
		out = append(out, m)
	}
	return out, nil
}
