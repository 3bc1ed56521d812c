package sigma

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// TestRefusals: what is not known is refused by name, with file, line, rule and place.
func TestRefusals(t *testing.T) {
	n := 0
	for _, c := range []struct {
		detection string
		place     string
		why       string // part of it
	}{
		{"s: {a|sounds: x}\ncondition: s", "detection.s.a|sounds", `unknown modifier "sounds"`},
		{"s: {'a|': x}\ncondition: s", "detection.s.a|", `unknown modifier ""`},
		{"s: {a|contains|contains: x}\ncondition: s", "detection.s.a|contains|contains", "twice"},
		{"s: {a|contains|startswith: x}\ncondition: s", "", "more than one of contains"},
		{"s: {a|i: x}\ncondition: s", "", "i needs re"},
		{"s: {a|re|contains: x}\ncondition: s", "", "re and contains do not go together"},
		{"s: {a|contains|re: x}\ncondition: s", "", "re and contains do not go together"},
		{"s: {a|neq|re: x}\ncondition: s", "", "re must come first"},
		{"s: {a|re|expand: '%x%'}\ncondition: s", "", "re and expand do not go together"},
		{"s: {a|contains|base64: x}\ncondition: s", "", "base64 must come before contains"},
		{"s: {a|wide|utf16: x}\ncondition: s", "", "one encoding upon another"},
		{"s: {a|base64|base64offset: x}\ncondition: s", "", "one encoding upon another"},
		{"s: {a|hour|gte: 3}\ncondition: s", "", "hour and gte do not go together"},
		{"s: {a|re: '('}\ncondition: s", "", "regular expression"},
		{"s: {a|re: '(?=x)'}\ncondition: s", "", "look-around"},
		{"s: {a|re: null}\ncondition: s", "", "null"},
		{"s: {a|contains: null}\ncondition: s", "", "null"},
		{"s: {'': x}\ncondition: s", "", ""}, // a keyword: taken
		{"s: {'|startswith': x}\ncondition: s", "", "startswith needs a field"},
		{"s: {'|exists': true}\ncondition: s", "", "exists needs a field"},
		{"s: [null]\ncondition: s", "", "null takes a field"},
		{"s: {a|cidr: 10.0.0.1/8}\ncondition: s", "", "10.0.0.0/8 is meant"},
		{"s: {a|cidr: tent}\ncondition: s", "", `"tent" is no network`},
		{"s: {a|exists: maybe}\ncondition: s", "", "true or false"},
		{"s: {a|exists: [true, false]}\ncondition: s", "", "one value"},
		{"s: {a|gt: big}\ncondition: s", "", "gt takes a number"},
		{"s: {a|hour: 24}\ncondition: s", "", "from 0 to 23"},
		{"s: {a|hour: x}\ncondition: s", "", "from 0 to 23"},
		{"s: {a|fieldref: 'b*'}\ncondition: s", "", "name of a field"},
		{"s: {a|fieldref: 5}\ncondition: s", "", "name of a field"},
		{"s: {a|base64: 'x*'}\ncondition: s", "", "base64 of a text with wildcards"},
		{"s: {a|base64offset: ''}\ncondition: s", "", "so short"},
		{"s: {a|wide: é}\ncondition: s", "", "use it with base64"},
		{"s: {a|windash: '-a -b -c -d'}\ncondition: s", "", "more than 3 dashes"},
		{"s: {a|expand: '%nobody%'}\ncondition: s", "", "%nobody% has no values"},
		{"s: {a|expand: x}\ncondition: s", "", "no %placeholder%"},
		{"s: {a|expand: '50%'}\ncondition: s", "", "single %"},
		{"s: {a: {b: c}}\ncondition: s", "detection.s.a", "with dots"},
		{"s: {a: [{b: c}]}\ncondition: s", "detection.s.a", "with dots"},
		{"s: {a: []}\ncondition: s", "detection.s.a", "empty list"},
		{"s: {}\ncondition: s", "detection.s", "is empty"},
		{"s: []\ncondition: s", "detection.s", "is empty"},
		{"s: {a: NO}\ncondition: s", "detection.s.a", "NO without quotes"},
		{"s: {a: 0123}\ncondition: s", "detection.s.a", "0123"},
		{"s: {a: 0x1F}\ncondition: s", "detection.s.a", "0x1F"},
		{"s: {a: 1_000}\ncondition: s", "detection.s.a", "1_000"},
		{"s: {a: .inf}\ncondition: s", "detection.s.a", ".inf"},
		{"s: {a: !!binary eA==}\ncondition: s", "detection.s.a", "!!binary"},
		{"s: {a: x, a: z}\ncondition: s", "detection.s", `"a" stands here twice`},
		{"s: {a: x}\ns: {b: x}\ncondition: s", "detection", `"s" stands here twice`},
		{"s: &x {a: b}\nq: {<<: *x}\ncondition: s", "detection.q", "merge keys"},
		{"s: {a: x}\ntimeframe: 5m\ncondition: s", "detection.timeframe", "timeframe"},
		{"or: {a: x}\ncondition: or", "detection.or", "word of conditions"},
		{"s: {a: x}", "detection.condition", "missing"},
		{"s: {a: x}\ncondition: ''", "detection.condition", "empty"},
		{"s: {a: x}\ncondition: []", "detection.condition", "empty"},
		{"s: {a: x}\ncondition: {s: s}", "detection.condition", "not a map"},
		{"s: {a: x}\ncondition: s | count() by b > 5", "detection.condition", `"| count() by b > 5" in a condition is deprecated`},
		{"s: {a: x}\ncondition: s near s", "detection.condition", "near is deprecated"},
		{"s: {a: x}\ncondition: near s", "detection.condition", "near is deprecated"},
		{"s: {a: x}\ncondition: s and", "detection.condition", "ends where"},
		{"s: {a: x}\ncondition: s s", "detection.condition", `"s" is not expected`},
		{"s: {a: x}\ncondition: s xor s", "detection.condition", `"xor" is not expected`},
		{"s: {a: x}\ncondition: (s", "detection.condition", "not closed"},
		{"s: {a: x}\ncondition: s)", "detection.condition", `")" is not expected`},
		{"s: {a: x}\ncondition: t", "detection.condition", `called "t"`},
		{"s: {a: x}\ncondition: s*", "detection.condition", "needs '1 of'"},
		{"s: {a: x}\ncondition: 1 of t*", "detection.condition", `like "t*"`},
		{"s: {a: x}\ncondition: 0 of s*", "detection.condition", `"0" is no count`},
		{"s: {a: x}\ncondition: many of s*", "detection.condition", `"many" is no count`},
		{"s: {a: x}\ncondition: 2 of s*", "detection.condition", "can never be"},
		{"s: {a: x}\ncondition: 1 of", "detection.condition", "wants a pattern"},
		{"s: {a: x}\ncondition: and", "detection.condition", `"and" is not expected`},
	} {
		n++
		set := Read("dir/x.yml", rule(c.detection), Options{})
		if c.why == "" {
			if set.Refusals() != 0 {
				t.Errorf("%q: %v", c.detection, set.Problems)
			}
			continue
		}
		if len(set.Rules) != 0 || set.Refusals() != 1 {
			t.Errorf("%q: %d rules, %v", c.detection, len(set.Rules), set.Problems)
			continue
		}
		for _, p := range set.Problems {
			if p.Severity != Refused {
				continue
			}
			if p.File != "dir/x.yml" || p.Line < 1 || p.Rule != "r" || !strings.Contains(p.Why, c.why) || c.place != "" && p.Place != c.place {
				t.Errorf("%q: %+v", c.detection, p)
			}
		}
	}
	t.Logf("%d cells, 0 skipped", n)
}

// TestDocuments: whole files.
func TestDocuments(t *testing.T) {
	const source = "logsource: {product: aws, service: cloudtrail}\n"
	const detection = "detection: {s: {a: x}, condition: s}\n"
	for _, c := range []struct {
		name, text string
		rules      int
		problems   string // of the first, severity and part of why
	}{
		{"two documents", "title: a\n" + source + detection + "---\ntitle: b\n" + source + detection, 2, ""},
		{"an empty one at the end", "title: a\n" + source + detection + "---\n", 1, ""},
		{"global", "action: global\ntitle: a\n" + source + "detection: {condition: s}\n---\nid: 1\ndetection: {s: {a: x}}\n---\nid: 2\ndetection: {s: {a: z}}\n", 2, ""},
		{"global said twice", "action: global\ntitle: a\n" + source + "---\ntitle: b\n" + detection, 0, "refused: tools differ"},
		{"reset", "action: global\ntitle: a\n" + source + "---\naction: reset\n---\ntitle: b\n" + detection, 0, "refused: is missing"},
		{"repeat", "title: a\nid: 1\n" + source + detection + "---\naction: repeat\nid: 2\ndetection: {s: {a: z}}\n", 2, ""},
		{"repeat nothing", "action: repeat\nid: 2\n", 0, "refused: repeat, but"},
		{"unknown action", "action: dance\n", 0, `refused: unknown action "dance"`},
		{"windows", "title: a\nlogsource: {product: windows}\n" + detection, 0, "foreign: product \"windows\""},
		{"no source", "title: a\n" + detection, 0, "refused: is missing"},
		{"no detection", "title: a\n" + source, 0, "refused: is missing"},
		{"no name", source + detection, 0, "refused: cannot be named"},
		{"same id", "title: a\nid: 1\n" + source + detection + "---\ntitle: b\nid: 1\n" + source + detection, 1, "refused: another rule"},
		{"level", "title: a\nlevel: dire\n" + source + detection, 0, `refused: unknown level "dire"`},
		{"status", "title: a\nstatus: fine\n" + source + detection, 0, `refused: unknown status "fine"`},
		{"taxonomy", "title: a\ntaxonomy: ecs\n" + source + detection, 0, `refused: taxonomy "ecs"`},
		{"own attribute", "title: a\nmood: good\n" + source + detection, 1, "note: an attribute of the author's own"},
		{"unused", "title: a\n" + source + "detection: {s: {a: x}, q: {b: x}, condition: s}\n", 1, "note: no condition uses it"},
		{"bare name", "title: a\n" + source + "detection: {s: {eventName: UpdateFunctionCode}, condition: s}\n", 1, "note: CloudTrail logs UpdateFunctionCode as UpdateFunctionCode20150331v2"},
		{"bare name and pattern", "title: a\n" + source + "detection: {s: {eventName: [UpdateFunctionCode, 'UpdateFunctionCode2*']}, condition: s}\n", 1, ""},
		{"a name of others too", "title: a\n" + source + "detection: {s: {eventName: AddPermission, eventSource: sns.amazonaws.com}, condition: s}\n", 1, ""},
		{"a name of others too, of Lambda", "title: a\n" + source + "detection: {s: {eventName: AddPermission, eventSource: lambda.amazonaws.com}, condition: s}\n", 1, "note: CloudTrail logs AddPermission"},
		{"prefix", "title: a\n" + source + "detection: {s: {eventName|startswith: UpdateFunctionCode}, condition: s}\n", 1, ""},
		{"tag", "title: a\ntags: [attack.t15]\n" + source + detection, 1, "note: \"attack.t15\" is no"},
		{"filter", "title: a\n" + source + "filter: {rules: [x], s: {a: x}, condition: s}\n", 0, "note: kept and not applied"},
		{"no YAML", "title: [", 0, "refused: not readable as YAML"},
		{"no map", "- a\n", 0, "refused: a map is wanted"},
		{"alias bomb", "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n", 0, "refused: not readable as YAML: line"},
		{"empty", "", 0, "note: no rule in it"},
	} {
		set := Read("x.yml", c.text, Options{})
		got := ""
		if len(set.Problems) > 0 {
			got = string(set.Problems[0].Severity) + ": " + set.Problems[0].Why
		}
		head, tail, _ := strings.Cut(c.problems, ": ")
		if len(set.Rules) != c.rules || !strings.HasPrefix(got, head) || !strings.Contains(got, tail) || c.problems == "" && got != "" {
			t.Errorf("%s: %d rules, %v", c.name, len(set.Rules), set.Problems)
		}
	}
}

// TestRepeatDiffers: what global and repeat make are the rules that they should be.
func TestRepeatDiffers(t *testing.T) {
	e := compiled(t, "title: a\nid: 1\nlevel: low\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: x}, condition: s}\n---\naction: repeat\nid: 2\ndetection: {s: {a: z}}\n", Options{})
	h, err := e.NewMatcher().Match([]byte(`{"a":"z"}`))
	if err != nil || len(h) != 1 || e.Rules()[h[0].Rule].ID != "2" || e.Rules()[h[0].Rule].Level != "low" {
		t.Errorf("%v %v", h, err)
	}
}

// TestMetadata: what a rule says about itself is kept.
func TestMetadata(t *testing.T) {
	set := Read("x.yml", "title: T\nid: i\nname: n\nstatus: test\nlevel: high\ntags: [attack.persistence, attack.t1548.005, cve.2020-1]\nreferences: [u]\nrelated: [{id: o, type: derived}]\nfalsepositives: none\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: x}, condition: s}\n", Options{})
	if len(set.Rules) != 1 {
		t.Fatal(set.Problems)
	}
	m := set.Rules[0].Meta
	if m.Ident() != "i" || m.Weight() != 4 || strings.Join(m.Techniques(), " ") != "T1548.005" || len(m.Related) != 1 || m.Related[0].Type != "derived" || m.FalsePositives[0] != "none" {
		t.Errorf("%+v", m)
	}
}

// TestLoad reads folders, and says what it does not read.
func TestLoad(t *testing.T) {
	good := []byte(rule("s: {a: x}\ncondition: s"))
	set, err := Load(fstest.MapFS{"b/y.yaml": {Data: []byte(strings.Replace(string(good), "id: r", "id: q", 1))}, "a.yml": {Data: good}, "notes.txt": {Data: []byte("x")},
		"link.yml": {Mode: 1 << 27}}, Options{})
	if err != nil || len(set.Rules) != 2 || set.Files != 2 || len(set.Problems) != 1 || set.Problems[0].File != "link.yml" {
		t.Errorf("%+v %v", set, err)
	}
	if _, err := Load(fstest.MapFS{}, Options{}); err != nil {
		t.Error(err)
	}
}

// TestMerge: sets read apart are tried together, correlations included.
func TestMerge(t *testing.T) {
	a := Read("a.yml", rule("s: {a: x}\ncondition: s"), Options{})
	b := Read("b.yml", rule("s: {k: a}\ncondition: s")+"---\n"+base+corr("n", "type: event_count\nrules: [a]\ntimespan: 1m\ncondition: {gte: 1}"), Options{})
	set := Merge(a, b)
	if len(set.Rules) != 5 || len(set.Correlations) != 1 || set.Files != 2 || set.Problems[len(set.Problems)-1].Why != "the rule of this id in a.yml is tried too" {
		t.Fatalf("%+v", set)
	}
	e := NewEngine(set)
	h, err := e.NewMatcher().Match([]byte(`{"a":"x","k":"a"}`))
	if err != nil || len(h) != 3 {
		t.Fatal(h, err)
	}
	n, c := 0, e.NewCorrelator(0)
	alert := func(Alert) error { n++; return nil }
	if err := errors.Join(c.Add(time.Unix(1, 0), "e", h, alert), c.Flush(alert)); err != nil || n != 1 {
		t.Errorf("%d alerts, %v", n, err)
	}
}

// TestRecords: what is no JSON object is an error, not a record without fields.
func TestRecords(t *testing.T) {
	m := compiled(t, rule("s: {a: x}\ncondition: not s"), Options{}).NewMatcher()
	for _, s := range []string{"", "[]", "1", `{"a":}`, `{"a":1`, `{"a":"x}`, `{"a" 1}`, `{"a":1,}`, `{"a":1}x`, `{"a":tru}`, `{a:1}`, `{"a":"\`, strings.Repeat(`{"a":`, 500)} {
		if h, err := m.Match([]byte(s)); err == nil {
			t.Errorf("%q: %v", s, h)
		}
	}
	if h, err := m.Match([]byte(" {\n} ")); err != nil || len(h) != 1 {
		t.Errorf("%v %v", h, err)
	}
}

// TestTwice: a member that stands twice is matched in both of its values, also those
// that the index looks at.
func TestTwice(t *testing.T) {
	e := compiled(t, rule("s: {eventName: Good, eventSource: s}\ncondition: s"), Options{})
	for _, ev := range []string{`{"eventSource":"s","eventName":"Evil","eventName":"Good"}`, `{"eventSource":"s","eventName":["Evil","Good"]}`, `{"eventSource":"s","event\u004eame":"Good"}`,
		`{"eventSource":"s","eventName":"\u0047OOD"}`} {
		if h, err := e.NewMatcher().Match([]byte(ev)); err != nil || len(h) != 1 {
			t.Errorf("%s: %v %v", ev, h, err)
		}
	}
}
