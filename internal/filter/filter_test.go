package filter

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

var fields = []Field{
	{Name: "action", Type: Text}, {Name: "outcome", Type: Text, Values: []string{"success", "denied"}}, {Name: "tags", Type: List},
	{Name: "copies", Type: Number}, {Name: "read_only", Type: Truth}, {Name: "time", Type: Time}, {Name: "principal", Type: Text},
}

// record holds texts by name; a list's elements are separated by "|".
type record map[string]string

func (r record) Text(i int) string {
	v := r[fields[i].Name]
	switch {
	case v == "" && fields[i].Type == Number:
		return "0"
	case v == "" && fields[i].Type == Truth:
		return "false"
	}
	return v
}

func (r record) List(i int) []string {
	if r[fields[i].Name] == "" {
		return nil
	}
	return strings.Split(r[fields[i].Name], "|")
}

var sample = record{"action": "UpdateFunctionCode", "outcome": "denied", "tags": "grant|public-grant", "copies": "3", "time": "2026-03-01T10:05:00Z", "principal": `o"li\ve 東`}

func TestMatch(t *testing.T) {
	for expr, want := range map[string]bool{
		`action = UpdateFunctionCode`: true, `action = updatefunctioncode`: false, `action != UpdateFunctionCode`: false, `action="UpdateFunctionCode"`: true,
		`action ~ ^Update`: true, `action ~ Function`: true, `action ~ ^Function`: false, `action ~ "(?i)^UPDATE"`: true, `action ~ "^(Update|Delete)\w+$"`: true,
		`action in (Invoke, UpdateFunctionCode)`: true, `action in (Invoke)`: false, `action not in (Invoke)`: true, `not action in (Invoke)`: true,
		`tags = grant`: true, `tags = public`: false, `tags ~ public`: true, `tags != grant`: false, `tags != x`: true, `tags in (x, public-grant)`: true, `tags = ""`: false,
		`copies = 3`: true, `copies = 03`: true, `copies != 3`: false, `copies in (1,2)`: false, `copies ~ 3`: true,
		`read_only = false`: true, `read_only = true`: false, `read_only != true`: true,
		`time = 2026-03-01T11:05:00+01:00`: true, `time = 2026-03-01T10:05:00.000Z`: true, `time ~ "^2026-03-01T10:"`: true, `time = ""`: false,
		`outcome = ""`: false, `outcome in (success, denied)`: true,
		`principal = "o\"li\\ve 東"`: true, `principal = 'o"li\\ve 東'`: true, `principal ~ "li\\\\ve"`: true, `principal ~ "\s"`: true,
		`action = x or action = y and action = z`: false, `outcome = denied or action = y and action = z`: true, `(outcome = denied or action = y) and action = z`: false,
		`not action = x and outcome = denied`: true, `not (action = x or outcome = denied)`: false, `not not copies = 3`: true, `NOT action = x AND outcome = denied OR copies = 1`: true,
		"action\n=\tUpdateFunctionCode": true,
	} {
		f, err := Parse(expr, fields)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		if got := f.Match(sample); got != want {
			t.Errorf("%s: %v, want %v", expr, got, want)
		}
	}
	for _, expr := range []string{`tags = ""`, `tags ~ "^$"`, `action = ""`, `outcome = ""`, `copies = 0`, `read_only = false`, `time = ""`, `outcome in ("", denied)`} {
		f, err := Parse(expr, fields)
		if err != nil || !f.Match(record{}) {
			t.Errorf("%s does not match what lacks the field: %v", expr, err)
		}
	}
}

// TestMistakes: each is refused, with the column in characters and a word that helps.
func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		expr   string
		column int
		says   string
	}{
		{``, 1, "a field is wanted, not the end"},
		{`acton = x`, 1, `no field "acton" (did you mean action?)`},
		{`Action = x`, 1, "did you mean action?"},
		{`zzz = x`, 1, `no field "zzz"`},
		{`action = x and outcom = denied`, 16, "did you mean outcome?"},
		{`principal = '東' and zz = 1`, 21, `no field "zz"`},
		{`outcome = denyed`, 11, "did you mean denied?"},
		{`outcome = Broken`, 11, "there are success, denied"},
		{`action`, 7, "one of = != ~ in is wanted after action, not the end"},
		{`action x`, 8, `not "x"`},
		{`action not = x`, 12, `"in" is wanted after "not"`},
		{`action =`, 9, "a value is wanted, not the end"},
		{`action = and copies = 1`, 10, "quotes"},
		{`action = x y`, 12, `"and" or "or" is wanted before "y"`},
		{`action == x`, 8, "equality is written = and !="},
		{`action =~ x`, 8, "written ~ alone"},
		{`! action = x`, 1, `"not" is a word`},
		{`action = a&b`, 11, "quotes"},
		{`copies > 3`, 8, "quotes"},
		{`(action = x`, 1, "not closed"},
		{`(action = x y`, 13, `")" is wanted`},
		{`action = x)`, 11, `before ")"`},
		{`()`, 2, "a field is wanted"},
		{`action in x`, 11, `"(" is wanted after "in"`},
		{`action in ()`, 12, "a value is wanted"},
		{`action in (a b)`, 14, `"," or ")" is wanted`},
		{`action in (a`, 11, "not closed"},
		{`action = 'x`, 10, "this quote is not closed"},
		{`action ~ "("`, 10, "no regular expression (RE2)"},
		{`action ~ "(?=x)"`, 10, "no regular expression (RE2)"},
		{`copies = many`, 10, "whole number"},
		{`read_only = yes`, 13, "true or false"},
		{`time = yesterday`, 8, "is no time"},
		{"action = \xff", 10, "not UTF-8"},
		{"action = '\xff'", 10, "not UTF-8"},
		{"action = \x1b[31m", 10, `'\x1b' cannot stand here`},
		{strings.Repeat("(", 200) + "action = x", 102, "nested too deep"},
		{strings.Repeat("not ", 200) + "action = x", 405, "nested too deep"},
		{"action = " + strings.Repeat("x", maxText), 1, "at most 16384"},
	} {
		_, err := Parse(c.expr, fields)
		bad, ok := errors.AsType[*Error](err)
		if !ok || bad.Column != c.column || !strings.Contains(bad.Text, c.says) {
			t.Errorf("%.60s: %v, want column %d: ...%s...", c.expr, err, c.column, c.says)
		}
		if err != nil && (strings.ContainsAny(err.Error(), "\x1b\n") || !utf8.ValidString(err.Error())) {
			t.Errorf("%q: the error carries what was typed: %q", c.expr, err)
		}
	}
}

// FuzzFilter: no text makes the parser panic; a mistake lies inside the text; what is
// accepted means the same once it is printed and read again, and its opposite is one.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{`action = x`, `not (a ~ '\d' or tags in (x, "y")) and copies != 3`, `time = 2026-03-01T10:05:00Z`, `read_only = false AND outcome = denied`,
		`((((action=x`, `principal = "\\"`, "action = '\xff", `a in (`, `"`, `action ~ "(a+)+$"`, `tags != '' or tags = ''`} {
		f.Add(s, "x", "grant")
	}
	f.Fuzz(func(t *testing.T, expr, action, tags string) {
		first, err := Parse(expr, fields)
		if err != nil {
			bad, ok := errors.AsType[*Error](err)
			if !ok || bad.Column < 1 || bad.Column > utf8.RuneCountInString(expr)+1 || bad.Text == "" {
				t.Fatalf("%q: %v", expr, err)
			}
			return
		}
		printed := first.String()
		if len(printed) > maxText-10 || strings.Count(printed, "(") > maxDepth-2 {
			return // printing adds parentheses, up to where they are refused
		}
		again, err := Parse(printed, fields)
		if err != nil || again.String() != printed {
			t.Fatalf("%q prints as %q, which is %v", expr, printed, err)
		}
		opposite, err := Parse("not ("+printed+")", fields)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []record{sample, {}, {"action": action, "tags": tags}} {
			if m := first.Match(r); again.Match(r) != m || opposite.Match(r) == m {
				t.Fatalf("%q and %q differ on %q", expr, printed, r)
			}
		}
	})
}
