package sigma

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// FuzzRule: no rule text makes the reader fall; a rule that it takes compiles, and
// matches a record without falling.
func FuzzRule(f *testing.F) {
	for _, s := range []string{
		rule("s: {a|contains|all: [x, 'y*'], b|re|i: '^x', c: null}\ncondition: s"),
		rule("s: [a, {b|cidr: 10.0.0.0/8}]\nt: {c|base64offset|contains: foo, d|fieldref: e}\ncondition: 1 of t* and not s"),
		rule("s: {a|windash: ' -x', e|exists: true, t|hour: 3, n|gte: 5, w|wide|base64: q}\ncondition: [s, not s]"),
		base + corr("n", "type: temporal_ordered\nrules: [a, b]\ngroup-by: [user]\naliases: {user: {a: v, b: w}}\ntimespan: 10s\ncondition: a and b"),
		base + corr("n", "type: value_percentile\nrules: [a]\ntimespan: 10s\ncondition: {field: v, percentile: 75, gte: 0}") + corr("m", "type: event_count\nrules: [n, c]\ntimespan: 10s\ncondition: {gte: 2}"),
		"action: global\ntitle: t\n---\naction: repeat\nid: 1\n",
		"a: &a [*a]\n", "? [x]\n: y\n", "title: !!binary x\n",
	} {
		f.Add(s)
	}
	record := []byte(`{"a":["x",{"b":null}],"user":"u","v":5,"k":"a","eventName":"E","t":"2026-11-27T03:00:00Z"}`)
	f.Fuzz(func(t *testing.T, text string) {
		set := Read("x.yml", text, Options{Placeholders: map[string][]string{"p": {"x*"}}})
		for _, p := range set.Problems {
			if p.Why == "" || p.File == "" || p.Severity == "" {
				t.Errorf("%+v", p)
			}
		}
		e := NewEngine(set)
		h, err := e.NewMatcher().Match(record)
		if err != nil {
			t.Fatal(err)
		}
		c := e.NewCorrelator(16)
		none := func(Alert) error { return nil }
		for i := range 3 {
			if err := c.Add(c.now.Add(1e9), strings.Repeat("i", i), h, none); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Flush(none); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzCondition judges conditions by an evaluator that rewrites text: innermost bracket
// first, then not, and, or.
func FuzzCondition(f *testing.F) {
	for _, s := range []string{"a or b and c", "not (a and b) or c", "not not a", "((a))", "1 of a*", "a b", "(a", "all of them", "not a or not b and not c"} {
		f.Add(s, byte(5))
	}
	f.Fuzz(func(t *testing.T, s string, bits byte) {
		value := map[string]bool{"a": bits&1 > 0, "b": bits&2 > 0, "c": bits&4 > 0}
		c := conditionReader{trees: map[string]*expr{}, used: map[string]bool{}, names: []string{"a", "b", "c"}}
		for _, n := range c.names {
			c.trees[n] = &expr{op: opLeaf, leaf: &leaf{field: n}}
		}
		tree, err := c.parse(s)
		plain := onlyWords.MatchString(s)
		if !plain {
			return // counts and other words: only that nothing falls
		}
		want, ok := rewrite(s, value)
		if ok != (err == nil) {
			t.Fatalf("%q: %v, the other says %v", s, err, ok)
		}
		if err == nil && truth(tree, value) != want {
			t.Errorf("%q: %v, the other says %v", s, !want, want)
		}
	})
}

var onlyWords = regexp.MustCompile(`^(?:(?:and|or|not|a|b|c)(?:[ ]|\b)|[() ])*$`)

func truth(x *expr, v map[string]bool) bool {
	switch x.op {
	case opLeaf:
		return v[x.leaf.field]
	case opNot:
		return !truth(x.kids[0], v)
	}
	for _, k := range x.kids {
		if truth(k, v) != (x.op == opAnd) {
			return x.op == opOr
		}
	}
	return x.op == opAnd
}

// rewrite evaluates a condition by replacing text until one word is left.
func rewrite(s string, v map[string]bool) (result, ok bool) {
	word := map[bool]string{true: " T ", false: " F "}
	s = " " + strings.NewReplacer("(", " ( ", ")", " ) ").Replace(s) + " "
	s = strings.Join(strings.Fields(s), "  ")
	s = " " + s + " "
	for n, x := range v {
		s = strings.ReplaceAll(s, " "+n+" ", word[x])
	}
	squeeze := func(s string) string { return " " + strings.Join(strings.Fields(s), "  ") + " " }
	flat := func(s string) string {
		for {
			before := s
			for _, r := range []struct{ re, to string }{
				{` not +T `, " F "}, {` not +F `, " T "},
			} {
				s = squeeze(regexp.MustCompile(r.re).ReplaceAllString(s, r.to))
			}
			if s == before {
				break
			}
		}
		for _, o := range []string{"and", "or"} {
			re := regexp.MustCompile(` ([TF])  ` + o + `  ([TF]) `)
			for {
				m := re.FindStringSubmatchIndex(s)
				if m == nil {
					break
				}
				a, b := s[m[2]:m[3]] == "T", s[m[4]:m[5]] == "T"
				r := a && b
				if o == "or" {
					r = a || b
				}
				s = squeeze(s[:m[0]] + word[r] + s[m[1]:])
			}
		}
		return s
	}
	inner := regexp.MustCompile(` \( ([^()]*) \) `)
	s = squeeze(s)
	for {
		m := inner.FindStringSubmatchIndex(s)
		if m == nil {
			break
		}
		in := strings.TrimSpace(flat(" " + s[m[2]:m[3]] + " "))
		if in != "T" && in != "F" {
			return false, false
		}
		s = squeeze(s[:m[0]] + " " + in + " " + s[m[1]:])
	}
	switch strings.TrimSpace(flat(s)) {
	case "T":
		return true, true
	case "F":
		return false, true
	}
	return false, false
}

// FuzzPattern judges matching of texts and wildcards by a slow matcher.
func FuzzPattern(f *testing.F) {
	for _, s := range [][2]string{{"a*b?c", "aXXbYc"}, {`\*`, "*"}, {`a\\*`, `a\x`}, {"*x*x*", "xx"}, {"K", "\u212a"}, {"?", "é"}, {"**?", "\xff"}, {"", ""}, {`\`, `\`}, {"*ab?", "ababc"}, {"ſ*", "S"}, {"*?a", "aaa"}, {"a?*?b", "axyb"}, {"?*\xff", "a\xff"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 40 || len(text) > 60 || !utf8.ValidString(pattern) || !utf8.ValidString(text) {
			return
		}
		p := parsePattern(pattern)
		for _, cased := range []bool{false, true} {
			got := newTextTest(p, cased)
			in := []byte(text)
			if !cased {
				in = fold(nil, in)
			}
			if want := slow(tokens([]rune(pattern)), []rune(text), cased); got.glob.match(in) != want {
				t.Errorf("%q on %q, cased %v: %v", pattern, text, cased, !want)
			}
		}
		// And through a whole record, where it is a field's value.
		record, err := json.Marshal(map[string]string{"a": text})
		if err != nil {
			t.Fatal(err)
		}
		e := compiled(t, rule("s: {a: "+quoted(pattern)+"}\ncondition: s"), Options{})
		h, err := e.NewMatcher().Match(record)
		if err == nil {
			ByMembers(t, e, record, h)
		}
		if want := slow(tokens([]rune(pattern)), []rune(text), false); err != nil || (len(h) == 1) != want {
			t.Errorf("%s: %q, want %v (%v)", record, pattern, want, err)
		}
	})
}

// quoted writes a YAML string of nothing but escapes.
func quoted(s string) string {
	var b strings.Builder
	for _, r := range s {
		fmt.Fprintf(&b, `\U%08x`, r)
	}
	return `"` + b.String() + `"`
}

// tokens: a character, or -1 for '*', or -2 for '?'.
func tokens(p []rune) (all []rune) {
	for i := 0; i < len(p); i++ {
		switch {
		case p[i] == '\\' && i+1 < len(p) && strings.ContainsRune(`*?\`, p[i+1]):
			i++
			all = append(all, p[i])
		case p[i] == '*':
			all = append(all, -1)
		case p[i] == '?':
			all = append(all, -2)
		default:
			all = append(all, p[i])
		}
	}
	return all
}

// slow fills the table of which prefixes match which.
func slow(p, s []rune, cased bool) bool {
	row := make([]bool, len(s)+1)
	row[0] = true
	for _, c := range p {
		next := make([]bool, len(s)+1)
		for j := range next {
			switch {
			case c == -1:
				next[j] = row[j] || j > 0 && next[j-1]
			case j > 0:
				next[j] = row[j-1] && (c == -2 || same(c, s[j-1], cased))
			}
		}
		row = next
	}
	return row[len(s)]
}

func same(a, b rune, cased bool) bool {
	if a == b || cased {
		return a == b
	}
	for r := unicode.SimpleFold(a); r != a; r = unicode.SimpleFold(r) {
		if r == b {
			return true
		}
	}
	return false
}

// FuzzRecord: what encoding/json takes as an object, we take; values come out the same.
func FuzzRecord(f *testing.F) {
	for _, s := range []string{`{"a":"x\u0041\n"}`, `{"a":[1,{"b":"\ud83d\ude00"}],"c":null}`, `{"a":"\ud800"}`, "{\"a\" : {\n}}", `{"a":1e5,"a":true}`, `{`, `[]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e := compiled(t, rule("s: {a|exists: true}\ncondition: s"), Options{})
		m := e.NewMatcher()
		h, err := m.Match(b)
		var theirs map[string]any
		if json.Unmarshal(b, &theirs) != nil || bytes.HasPrefix(bytes.TrimSpace(b), []byte("null")) {
			return // we need not refuse all that they do
		}
		if err != nil {
			if strings.Count(string(b), "[")+strings.Count(string(b), "{") > maxDepth {
				return
			}
			t.Fatalf("%q: %v", b, err)
		}
		ByMembers(t, e, b, h)
		v, there := theirs["a"]
		if (len(h) == 1) != there {
			t.Errorf("%q: a is there: %v", b, there)
		}
		s, isText := v.(string)
		if !isText || len(m.find(0).values) != 1 || !utf8.Valid(b) {
			return
		}
		if got, _ := m.texts(&m.fields[m.e.leaves[0].slot].values[0], false); string(got) != s {
			t.Errorf("%q: %q, want %q", b, got, s)
		}
	})
}
