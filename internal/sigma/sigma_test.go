package sigma

import (
	"fmt"
	"strings"
	"testing"
)

// rule makes a rule file of a detection section.
func rule(detection string) string {
	return "title: t\nid: r\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n" + indent(detection)
}

func indent(s string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n  ") + "\n"
}

func compiled(t testing.TB, text string, o Options) *Engine {
	t.Helper()
	set := Read("rule.yml", text, o)
	if set.Refusals() > 0 {
		t.Fatalf("%v\n%s", set.Problems, text)
	}
	return NewEngine(set)
}

func hits(t testing.TB, text, event string) bool {
	t.Helper()
	e := compiled(t, text, Options{Placeholders: map[string][]string{"admins": {"root", "adm-*"}, "one": {"x"}}})
	h, err := e.NewMatcher().Match([]byte(event))
	if err != nil {
		t.Fatalf("%v: %s", err, event)
	}
	ByMembers(t, e, []byte(event), h)
	return len(h) == 1
}

// TestItems: a field with modifiers and values, against an event.
func TestItems(t *testing.T) {
	n := 0
	for _, c := range []struct {
		item  string
		yes   []string
		never []string
	}{
		{`a: x`, []string{`"x"`, `"X"`, `["y","x"]`, `[["x"]]`}, []string{`"xx"`, `null`, `[]`, `{}`, `1`, ``}},
		{`a: 'K'`, []string{`"k"`, `"\u212a"`, `"\u004b"`}, []string{`"q"`}},
		{`a: 'straße'`, []string{`"STRAßE"`, `"STRA\u1e9eE"`}, []string{`"strasse"`}},
		{`a: ''`, []string{`""`}, []string{`null`, ``, `" "`, `[]`}},
		{`a: null`, []string{`null`, ``, `[]`, `["x",null]`}, []string{`""`, `"null"`, `{}`, `0`, `false`}},
		{`a: [null, x]`, []string{`null`, ``, `"x"`}, []string{`"y"`}},
		{`a: 5`, []string{`5`, `"5"`, `5.0`, `50e-1`}, []string{`"05"`, `"5.0"`, `6`, `true`}},
		{`a: 9007199254740993`, []string{`9007199254740993`}, []string{`9007199254740992`}},
		{`a: '5'`, []string{`5`, `"5"`}, []string{`5.0`}},
		{`a: true`, []string{`true`, `"true"`, `"TRUE"`}, []string{`1`, `false`, `null`}},
		{`a: 'true'`, []string{`true`, `"True"`}, []string{`false`}},
		{`a: 'x*'`, []string{`"x"`, `"Xyz"`}, []string{`"ax"`}},
		{`a: '*'`, []string{`""`, `"x"`, `0`, `{}`}, []string{`null`, ``, `[]`}},
		{`a: 'x?z'`, []string{`"xyz"`, `"xéz"`, `"x😀z"`}, []string{`"xz"`, `"xyyz"`}},
		{`a: '*a?c*e?'`, []string{`"xxabcyyef"`, `"abcef"`, `"abcexef"`}, []string{`"abcefg"`, `"ace"`}},
		{`a: 'a\*b'`, []string{`"a*b"`}, []string{`"axb"`, `"a\\*b"`}},
		{`a: 'a\\*'`, []string{`"a\\"`, `"a\\x"`}, []string{`"a*"`}},
		{`a: 'a\\\*'`, []string{`"a\\*"`}, []string{`"a\\x"`}},
		{`a: 'a\b'`, []string{`"a\\b"`}, []string{`"ab"`}},
		{`a: 'a\\b'`, []string{`"a\\b"`}, []string{`"a\\\\b"`}},
		{`a: 'a\\\\b'`, []string{`"a\\\\b"`}, []string{`"a\\b"`}},
		{`a|contains: x`, []string{`"axb"`, `"X"`, `{"k":"axb"}`, `{"x":1}`}, []string{`"y"`, `null`}},
		{`a|contains: 5`, []string{`"a5b"`, `152`}, []string{`"a"`}},
		{`a|contains: '*'`, []string{`""`, `0`}, []string{`null`, ``}},
		{`a|contains|all: [x, y]`, []string{`"yx"`, `["y","x"]`}, []string{`"x"`, `"y"`}},
		{`a|startswith: x`, []string{`"xa"`, `"X"`}, []string{`"ax"`}},
		{`a|startswith: ''`, []string{`"xa"`, `""`}, []string{`null`}},
		{`a|endswith: x`, []string{`"ax"`}, []string{`"xa"`}},
		{`a|cased: Ab`, []string{`"Ab"`}, []string{`"ab"`}},
		{`a|contains|cased: Ab`, []string{`"xAbx"`}, []string{`"xabx"`}},
		{`a|cased|endswith: Ab`, []string{`"xAb"`}, []string{`"xab"`}},
		{`a|neq: x`, []string{`"y"`, ``, `null`}, []string{`"X"`, `["y","x"]`}},
		{`a|neq: [x, y]`, []string{`"z"`}, []string{`"x"`, `"y"`}},
		{`a|contains|neq: x`, []string{`"z"`}, []string{`"axa"`}},
		{`a|re: '^x.z$'`, []string{`"xyz"`}, []string{`"Xyz"`, `"axyz"`, `"x\nz"`}},
		{`a|re: 'y'`, []string{`"xyz"`, `["a","y"]`}, []string{`"Y"`, `null`}},
		{`a|re|i: '^X.Z$'`, []string{`"xyz"`}, []string{`"x\nz"`}},
		{`a|re|s: '^x.z$'`, []string{`"x\nz"`}, []string{`"Xyz"`}},
		{`a|re|m: '^b$'`, []string{`"a\nb"`}, []string{`"ab"`}},
		{`a|re|i|m|s: '^B.C'`, []string{`"a\nb\nc"`}, []string{`"ab"`}},
		{`a|re: '(?:^|x)(ab|cd)+(ef)?gh{2}'`, []string{`"xabcdghh"`, `"cdefghh"`}, []string{`"xabcdgh"`, `"ghh"`}},
		{`a|re: '(?i)AB.+c(?-i)D'`, []string{`"abxCD"`}, []string{`"abxCd"`}},
		{`a|re: 'a(bc|d)?e'`, []string{`"ae"`, `"abce"`, `"ade"`}, []string{`"abe"`}},
		{`a|re: '(ab){0}c'`, []string{`"c"`}, []string{`"ab"`}},
		{`a|cidr: 10.0.0.0/8`, []string{`"10.1.2.3"`, `"::ffff:10.1.2.3"`}, []string{`"11.1.2.3"`, `"10.foo"`, `null`}},
		{`a|cidr: 2001:db8::/32`, []string{`"2001:db8::1"`, `"2001:0DB8:0::1"`}, []string{`"2001:db9::1"`, `"10.1.2.3"`}},
		{`a|cidr: [10.0.0.0/8, 192.168.0.0/16]`, []string{`"192.168.3.4"`}, []string{`"193.168.3.4"`}},
		{`a|exists: true`, []string{`"x"`, `null`, `""`, `[]`}, []string{``}},
		{`a|exists: false`, []string{``}, []string{`"x"`, `null`}},
		{`a|gt: 5`, []string{`6`, `"6"`, `5.5`}, []string{`5`, `"x"`, `null`, `""`}},
		{`a|gte: 5`, []string{`5`}, []string{`4.99`}},
		{`a|lt: 5`, []string{`-1`, `4`}, []string{`5`, `""`}},
		{`a|lte: 5`, []string{`5`}, []string{`5.01`}},
		{`a|windash|contains: ' -f '`, []string{`"x -f y"`, `"x /F y"`, `"x –f y"`, `"x —f y"`, `"x ―f y"`}, []string{`"x f y"`}},
		{`a|contains|windash: ' -f-g'`, []string{`"x /f-g"`}, []string{`"x /f/g"`}},
		{`a|base64: foobar`, []string{`"Zm9vYmFy"`}, []string{`"foobar"`}},
		{`a|base64offset|contains: foobar`, []string{`"Zm9vYmFy"`, `"IGZvb2Jhcg=="`, `"ICBmb29iYXI="`, `"eHl6Zm9vYmFy"`}, []string{`"Zm9v"`}},
		{`a|base64offset|contains: foobar`, []string{`"Zm9vYmFy"`, `"Zm9vYmFyfg=="`, `"Zm9vYmFyw78="`, `"Zm9vYmFyYWJj"`, `"UWZvb2Jhcg=="`, `"UWZvb2Jhcn4="`, `"UWZvb2JhcsO/"`, `"UWZvb2JhcmFiYw=="`, `"fn5mb29iYXI="`, `"fn5mb29iYXJ+"`, `"fn5mb29iYXLDvw=="`, `"fn5mb29iYXJhYmM="`, `"eHl6Zm9vYmFy"`, `"eHl6Zm9vYmFyfg=="`, `"eHl6Zm9vYmFyw78="`, `"eHl6Zm9vYmFyYWJj"`}, []string{`"Zm9vYm"`}},
		{`a|base64offset|contains: fooba`, []string{`"Zm9vYmE="`, `"Zm9vYmF+"`, `"Zm9vYmHDvw=="`, `"Zm9vYmFhYmM="`, `"UWZvb2Jh"`, `"UWZvb2Jhfg=="`, `"UWZvb2Jhw78="`, `"UWZvb2JhYWJj"`, `"fn5mb29iYQ=="`, `"fn5mb29iYX4="`, `"fn5mb29iYcO/"`, `"fn5mb29iYWFiYw=="`, `"eHl6Zm9vYmE="`, `"eHl6Zm9vYmF+"`, `"eHl6Zm9vYmHDvw=="`, `"eHl6Zm9vYmFhYmM="`}, []string{`"Zm9vY"`}},
		{`a|base64offset|contains: foob`, []string{`"Zm9vYg=="`, `"Zm9vYn4="`, `"Zm9vYsO/"`, `"Zm9vYmFiYw=="`, `"UWZvb2I="`, `"UWZvb2J+"`, `"UWZvb2LDvw=="`, `"UWZvb2JhYmM="`, `"fn5mb29i"`, `"fn5mb29ifg=="`, `"fn5mb29iw78="`, `"fn5mb29iYWJj"`, `"eHl6Zm9vYg=="`, `"eHl6Zm9vYn4="`, `"eHl6Zm9vYsO/"`, `"eHl6Zm9vYmFiYw=="`}, []string{`"Zm9v"`}},
		{`a|utf16le|base64offset|contains: cmd`, []string{`"YwBtAGQA"`}, []string{`"Y21k"`}},
		{`a|wide|base64: cmd`, []string{`"YwBtAGQA"`}, []string{`"Y21k"`}},
		{`a|utf16be|base64: cmd`, []string{`"AGMAbQBk"`}, []string{`"YwBtAGQA"`}},
		{`a|utf16|base64: cmd`, []string{`"//5jAG0AZAA="`}, []string{`"YwBtAGQA"`}},
		{`a|wide: cmd`, []string{`"c\u0000m\u0000d\u0000"`}, []string{`"cmd"`}},
		{`a|utf16|contains: cmd`, []string{`"x\ufeffc\u0000m\u0000d\u0000"`}, []string{`"c\u0000m\u0000d\u0000"`}},
		{`a|wide|base64offset|contains: é`, []string{`"6QA="`}, []string{`"x"`}},
		{`a|expand: '%admins%'`, []string{`"root"`, `"ADM-1"`}, []string{`"%admins%"`, `"user"`}},
		{`a|expand|contains: 'a\%%one%b'`, []string{`"za%xbz"`}, []string{`"a%one%b"`}},
		{`a: '%admins%'`, []string{`"%admins%"`}, []string{`"root"`}},
		{`a|hour: 3`, []string{`"2026-11-27T03:59:59Z"`, `"2026-11-27T05:00:00+02:00"`}, []string{`"2026-11-27T04:00:00Z"`, `"3"`, `3`}},
		{`a|minute: [0, 5]`, []string{`"2026-11-27T03:05:59.123Z"`}, []string{`"2026-11-27T03:06:00Z"`}},
		{`a|day: 27`, []string{`"2026-11-27T03:05:59Z"`}, []string{`"2026-11-26T03:06:00Z"`}},
		{`a|week: 53`, []string{`"2026-12-31T00:00:00Z"`, `"2027-01-03T00:00:00Z"`}, []string{`"2027-01-04T00:00:00Z"`}},
		{`a|month: 11`, []string{`"2026-11-27T03:05:59Z"`}, []string{`"2026-12-26T03:06:00Z"`}},
		{`a|year: 2026`, []string{`"2026-11-27T03:05:59Z"`}, []string{`"2025-12-26T03:06:00Z"`}},
		{`a|fieldref: b`, []string{`"x", "b":"X"`, `["y","x"],"b":["q","x"]`, `5,"b":"5"`}, []string{`"x"`, `null,"b":null`, `"x","b":"y"`, ``}},
		{`a|fieldref: b`, []string{manyValues("x") + `,"b":` + manyValues("X")}, []string{manyValues("x") + `,"b":` + manyValues("y")}},
		{`a|fieldref|cased: b`, []string{`"x","b":"x"`}, []string{`"x", "b":"X"`}},
		{`a|fieldref|startswith: b`, []string{`"xyz","b":"xY"`}, []string{`"axyz","b":"xy"`}},
		{`a|fieldref|endswith: b`, []string{`"xyz","b":"yz"`}, []string{`"xyzx","b":"yz"`}},
		{`a|fieldref|contains: b`, []string{`"axyz","b":"xy"`}, []string{`"xy","b":"axyz"`}},
		{`a|fieldref|neq: b`, []string{`"x","b":"y"`, `"x"`}, []string{`"x","b":"X"`}},
		{`a.b.c: x`, []string{`{"b":{"c":"x"}}`, `{"b.c":"x"}`, `[{"b":[{"c":"y"},{"c":["x"]}]}]`}, []string{`{"b":"x"}`, `"x"`, `{"b":{"c":{"c":"x"}}}`}},
		{`a|contains: '"p":"q r"'`, []string{`{ "p" : "q r" , "z":1}`, `"say \"p\":\"q r\""`}, []string{`{"p":"q  r"}`}},
		{`a|contains: '"Action":"*"'`, []string{`{"doc":"{\"Action\":\"*\"}"}`}, []string{`{"doc":"Action"}`}},
		{`a|contains: '\\"Action\\"'`, []string{`{"doc":"{\"Action\":\"*\"}"}`}, []string{`{"doc":"Action"}`}},
	} {
		text := rule("s:\n  " + c.item + "\ncondition: s")
		for _, values := range []struct {
			list []string
			want bool
		}{{c.yes, true}, {c.never, false}} {
			for _, v := range values.list {
				event := `{"eventName":"E","eventSource":"s","a":` + v + `}`
				if v == "" {
					event = `{"eventName":"E","eventSource":"s"}`
				}
				n++
				if got := hits(t, text, event); got != values.want {
					t.Errorf("%s on %s: %v", c.item, event, got)
				}
			}
		}
	}
	t.Logf("%d cells, 0 skipped", n)
	if !hits(t, rule("s:\n  a.b: x\ncondition: s"), `{"a.b":"x"}`) {
		t.Error("a key that holds dots is not found")
	}
}

// manyValues is an array so long that comparing each with each is given up.
func manyValues(word string) string {
	s := `["` + word + `0"`
	for i := range 100 {
		s += fmt.Sprintf(`,"%s%d"`, word, i)
	}
	return s + "]"
}

// TestSelections: maps, lists, lists of maps, keywords.
func TestSelections(t *testing.T) {
	for _, c := range []struct {
		detection, event string
		want             bool
	}{
		{"s: {a: x, b: y}\ncondition: s", `{"a":"x","b":"y"}`, true},
		{"s: {a: x, b: y}\ncondition: s", `{"a":"x"}`, false},
		{"s: [{a: x}, {b: y}]\ncondition: s", `{"b":"y"}`, true},
		{"s: [{a: x}, {b: y}]\ncondition: s", `{"b":"x"}`, false},
		{"s: {a: [x, y]}\ncondition: s", `{"a":"y"}`, true},
		{"s: [evil, 'b?d']\ncondition: s", `{"k":{"x":"an EVIL thing"}}`, true},
		{"s: [evil, 'b?d']\ncondition: s", `{"k":["a bad thing"]}`, true},
		{"s: [evil, 'b?d']\ncondition: s", `{"k":["a bd thing"]}`, false},
		{"s: evil\ncondition: s", `{"evil":1}`, true},
		{"s: {'|all': [a1, b2]}\ncondition: s", `{"x":"a1","y":"b2"}`, true},
		{"s: {'|all': [a1, b2]}\ncondition: s", `{"x":"a1"}`, false},
		{"s: {'|re': 'a[0-9]+b'}\ncondition: s", `{"x":"za12bz"}`, true},
		{"s: [evil, {a: x}]\ncondition: s", `{"a":"x"}`, true},
		{"s: [evil, {a: x}]\ncondition: s", `{"a":"evil"}`, true},
		{"s: [evil, {a: x}]\ncondition: s", `{"a":"y"}`, false},
		{"s: {'|contains': 'say \"hi\"'}\ncondition: s", `{"a":"they say \"hi\" there"}`, true},
	} {
		if got := hits(t, rule(c.detection), c.event); got != c.want {
			t.Errorf("%q on %s: %v", c.detection, c.event, got)
		}
	}
}

// TestConditions tries each condition on all combinations of four selections.
func TestConditions(t *testing.T) {
	type in struct{ a1, a2, b, hidden bool }
	n := 0
	for _, c := range []struct {
		condition string
		want      func(in) bool
	}{
		{"a1", func(x in) bool { return x.a1 }},
		{"not a1", func(x in) bool { return !x.a1 }},
		{"not not a1", func(x in) bool { return x.a1 }},
		{"a1 or a2 and b", func(x in) bool { return x.a1 || x.a2 && x.b }},
		{"a1 and a2 or b", func(x in) bool { return x.a1 && x.a2 || x.b }},
		{"(a1 or a2) and b", func(x in) bool { return (x.a1 || x.a2) && x.b }},
		{"(a1 or a2)and(b)", func(x in) bool { return (x.a1 || x.a2) && x.b }},
		{"not a1 and b", func(x in) bool { return !x.a1 && x.b }},
		{"not (a1 and b)", func(x in) bool { return !(x.a1 && x.b) }},
		{"a1 AND NOT b", func(x in) bool { return x.a1 && !x.b }},
		{"1 of a*", func(x in) bool { return x.a1 || x.a2 }},
		{"any of a*", func(x in) bool { return x.a1 || x.a2 }},
		{"all of a*", func(x in) bool { return x.a1 && x.a2 }},
		{"2 of a*", func(x in) bool { return x.a1 && x.a2 }},
		{"not 1 of a*", func(x in) bool { return !(x.a1 || x.a2) }},
		{"b and not 1 of a*", func(x in) bool { return x.b && !(x.a1 || x.a2) }},
		{"1 of them", func(x in) bool { return x.a1 || x.a2 || x.b }},
		{"all of them", func(x in) bool { return x.a1 && x.a2 && x.b }},
		{"2 of them", func(x in) bool {
			return x.a1 && x.a2 || x.a1 && x.b || x.a2 && x.b
		}},
		{"1 of *1", func(x in) bool { return x.a1 }},
		{"1 of a*1", func(x in) bool { return x.a1 }},
		{"1 of b", func(x in) bool { return x.b }},
		{"1 of _h*", func(x in) bool { return x.hidden }},
		{"_hidden", func(x in) bool { return x.hidden }},
		{"[a1, b]", func(x in) bool { return x.a1 || x.b }},
	} {
		e := compiled(t, rule("a1: {p: 1}\na2: {q: 1}\nb: {r: 1}\n_hidden: {s: 1}\ncondition: "+c.condition), Options{})
		m := e.NewMatcher()
		for i := range 16 {
			x := in{i&1 > 0, i&2 > 0, i&4 > 0, i&8 > 0}
			bit := map[bool]int{true: 1}
			event := fmt.Sprintf(`{"p":%d,"q":%d,"r":%d,"s":%d}`, bit[x.a1], bit[x.a2], bit[x.b], bit[x.hidden])
			h, err := m.Match([]byte(event))
			if err != nil {
				t.Fatal(err)
			}
			n++
			if got := len(h) == 1; got != c.want(x) {
				t.Errorf("%q on %s: %v", c.condition, event, got)
			}
		}
	}
	t.Logf("%d cells, 0 skipped", n)
}
