package sigma

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// base are three rules and one that is hit by two of their events.
const base = `title: a
name: a
logsource: {product: aws, service: cloudtrail}
detection: {s: {k: [a, ab]}, condition: s}
---
title: b
name: b
logsource: {product: aws, service: cloudtrail}
detection: {s: {k: [b, ab]}, condition: s}
---
title: c
name: c
logsource: {product: aws, service: cloudtrail}
detection: {s: {k: c}, condition: s}
---
`

// play runs events "SECOND KIND USER VALUE" and lists the alerts: "NAME@SECOND(GROUP)=METRIC".
func play(t testing.TB, correlations string, entries int, events ...string) ([]string, *Correlator) {
	t.Helper()
	e := compiled(t, base+correlations, Options{})
	m, c := e.NewMatcher(), e.NewCorrelator(entries)
	var got []string
	emit := func(a Alert) error {
		r := e.Correlations()[a.Correlation]
		got = append(got, fmt.Sprintf("%s@%d(%s)=%g", r.Name, a.End.Unix(), strings.Join(a.Group, ","), a.Metric))
		if a.End.Sub(a.Start) != r.Span || a.Total < 1 || len(a.Events) == 0 {
			t.Errorf("%+v", a)
		}
		return nil
	}
	for i, ev := range events {
		var at int64
		var kind, user, value string
		if _, err := fmt.Sscan(ev, &at, &kind, &user, &value); err != nil {
			t.Fatal(ev, err)
		}
		json := fmt.Sprintf(`{"k":%q,"user":%s,"v":%s,"src":%s}`, kind, user, value, user)
		h, err := m.Match([]byte(json))
		if err != nil {
			t.Fatal(json, err)
		}
		if err := c.Add(time.Unix(at, 0), fmt.Sprint("e", i), h, emit); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Flush(emit); err != nil {
		t.Fatal(err)
	}
	return got, c
}

func corr(name, body string) string {
	return "title: " + name + "\nname: " + name + "\ncorrelation:\n" + indent(body) + "---\n"
}

// TestCorrelations: the meaning of each type, at the edges.
func TestCorrelations(t *testing.T) {
	count := corr("n", "type: event_count\nrules: [a]\ngroup-by: [user]\ntimespan: 10s\ncondition: {gte: 2}")
	values := corr("n", "type: value_count\nrules: [a]\ngroup-by: [user]\ntimespan: 10s\ncondition: {field: v, gte: 2}")
	temporal := corr("n", "type: temporal\nrules: [a, b]\ngroup-by: [user]\ntimespan: 10s")
	ordered := corr("n", "type: temporal_ordered\nrules: [a, b, c]\ngroup-by: [user]\ntimespan: 10s")
	for _, c := range []struct {
		name, rules string
		events      string // joined by ;
		want        string
	}{
		{"both ends of the window count", count, `0 a "u" 1;10 a "u" 1`, "n@10(u)=2"},
		{"a second later it is over", count, `0 a "u" 1;11 a "u" 1`, ""},
		{"it slides", count, `0 a "u" 1;6 a "u" 1;12 a "u" 1;18 a "u" 1`, "n@6(u)=2 n@12(u)=2 n@18(u)=2"},
		{"groups apart", count, `0 a "u" 1;1 a "w" 1`, ""},
		{"groups of other case are one", count, `0 a "u" 1;1 a "U" 1`, "n@1(u)=2"},
		{"no group field, no group", count, `0 a null 1;1 a null 1`, ""},
		{"other rules do not count", count, `0 a "u" 1;1 b "u" 1`, ""},
		{"one instant counts together", count, `5 a "u" 1;5 a "u" 1;5 a "u" 1`, "n@5(u)=3"},
		{"each element of an array is a group", count, `0 a ["u","w"] 1;1 a "w" 1;2 a "u" 1`, "n@1(w)=2 n@2(u)=2"},
		{"a number is a group", count, `0 a 5 1;1 a "5" 1`, "n@1(5)=2"},
		{"without group-by all are one", corr("n", "type: event_count\nrules: [a, b]\ntimespan: 1m\ncondition: {gt: 2}"), `0 a "u" 1;1 b null 1;2 a "w" 1`, "n@2()=3"},
		{"an event of two rules counts once", corr("n", "type: event_count\nrules: [a, b]\ntimespan: 1m\ncondition: {gte: 2}"), `0 ab "u" 1;1 a "u" 1`, "n@1()=2"},
		{"eq", corr("n", "type: event_count\nrules: [a]\ntimespan: 1m\ncondition: {eq: 2}"), `0 a "u" 1;1 a "u" 1;2 a "u" 1`, "n@1()=2"},
		{"neq", corr("n", "type: event_count\nrules: [a]\ntimespan: 1m\ncondition: {neq: 2}"), `0 a "u" 1;1 a "u" 1;2 a "u" 1`, "n@0()=1 n@2()=3"},
		{"a range", corr("n", "type: event_count\nrules: [a]\ntimespan: 1m\ncondition: {gt: 1, lte: 2}"), `0 a "u" 1;1 a "u" 1;2 a "u" 1`, "n@1()=2"},
		{"lt", corr("n", "type: event_count\nrules: [a]\ntimespan: 1m\ncondition: {lt: 2}"), `0 a "u" 1;1 a "u" 1`, "n@0()=1"},
		{"two group fields", corr("n", "type: event_count\nrules: [a]\ngroup-by: [user, v]\ntimespan: 1m\ncondition: {gte: 2}"), `0 a "u" 1;1 a "u" 2;2 a "u" 1`, "n@2(u,1)=2"},
		{"distinct values", values, `0 a "u" 1;1 a "u" 1;2 a "u" 2`, "n@2(u)=2"},
		{"values that leave the window", values, `0 a "u" 1;6 a "u" 2;12 a "u" 2`, "n@6(u)=2"},
		{"a value of other case is the same", values, `0 a "u" "x";1 a "u" "X"`, ""},
		{"an absent value is none", values, `0 a "u" null;1 a "u" 2`, ""},
		{"values of an array", values, `0 a "u" [1,2]`, "n@0(u)=2"},
		{"sum", corr("n", "type: value_sum\nrules: [a, b]\ntimespan: 10s\ncondition: {field: v, gte: 10}"), `0 ab "u" 6;1 a "u" "4";12 a "u" 9;13 a "u" "x"`, "n@1()=10"},
		{"a sum of numbers that do not add up in floating point", corr("n", "type: value_sum\nrules: [a]\ntimespan: 10s\ncondition: {field: v, eq: 1}"), `0 a "u" 1e300;5 a "u" 1;11 a "u" 0`, "n@11()=1"},
		{"avg", corr("n", "type: value_avg\nrules: [a]\ntimespan: 10s\ncondition: {field: v, gt: 4}"), `0 a "u" 4;1 a "u" 5;2 a "u" null`, "n@1()=4.5 n@2()=4.5"},
		{"median", corr("n", "type: value_median\nrules: [a]\ntimespan: 10s\ncondition: {field: v, gte: 5}"), `0 a "u" 9;1 a "u" 1;2 a "u" 5;11 a "u" 7`, "n@0()=9 n@1()=5 n@2()=5 n@11()=5"},
		{"percentile", corr("n", "type: value_percentile\nrules: [a]\ntimespan: 10s\ncondition: {field: v, percentile: 75, gte: 0}"), `0 a "u" 0;1 a "u" 10`, "n@0()=0 n@1()=7.5"},
		{"no number, no sum", corr("n", "type: value_sum\nrules: [a]\ntimespan: 10s\ncondition: {field: v, lt: 10}"), `0 a "u" "x"`, ""},
		{"temporal in any order", temporal, `0 b "u" 1;9 a "u" 1`, "n@9(u)=2"},
		{"temporal too late", temporal, `0 b "u" 1;11 a "u" 1`, ""},
		{"temporal of other groups", temporal, `0 b "u" 1;1 a "w" 1`, ""},
		{"temporal: the same rule twice is one", temporal, `0 a "u" 1;1 a "u" 1`, ""},
		{"temporal: one event can be both", temporal, `3 ab "u" 1`, "n@3(u)=2"},
		{"temporal goes on while it holds", temporal, `0 a "u" 1;1 b "u" 1;2 a "u" 1`, "n@1(u)=2 n@2(u)=2"},
		{"temporal: two of three", corr("n", "type: temporal\nrules: [a, b, c]\ntimespan: 10s\ncondition: {gte: 2}"), `0 a "u" 1;1 c "u" 1`, "n@1()=2"},
		{"temporal in words", corr("n", "type: temporal\nrules: [a, b, c]\ntimespan: 10s\ncondition: a and (b or c)"), `0 b "u" 1;1 c "u" 1;2 a "u" 1`, "n@2()=3"},
		{"in order", ordered, `0 a "u" 1;1 b "u" 1;2 c "u" 1`, "n@2(u)=3"},
		{"out of order", ordered, `0 b "u" 1;1 a "u" 1;2 c "u" 1`, ""},
		{"out of order, then in order", ordered, `0 b "u" 1;1 a "u" 1;2 b "u" 1;3 c "u" 1`, "n@3(u)=3"},
		{"one instant is no order", ordered, `0 a "u" 1;1 b "u" 1;1 c "u" 1`, ""},
		{"the first left the window", ordered, `0 a "u" 1;1 b "u" 1;11 c "u" 1`, ""},
		{"two of three in order", corr("n", "type: temporal_ordered\nrules: [a, b, c]\ntimespan: 10s\ncondition: {gte: 2}"), `0 b "u" 1;1 a "u" 1;2 c "u" 1`, "n@2()=3"},
		{"two of three, of which the first comes last", corr("n", "type: temporal_ordered\nrules: [a, b, c]\ntimespan: 10s\ncondition: {gte: 2}"), `0 b "u" 1;1 c "u" 1;2 a "u" 1`, "n@1()=2 n@2()=3"},
		{"all that were seen, in order", corr("n", "type: temporal_ordered\nrules: [a, b, c]\ntimespan: 10s\ncondition: {eq: 2}"), `0 c "u" 1;1 b "u" 1;20 b "u" 1;21 c "u" 1`, "n@21()=2"},
		{"ordered in words", corr("n", "type: temporal_ordered\nrules: [a, b, c]\ntimespan: 10s\ncondition: a and c or b and c"), `0 b "u" 1;1 c "u" 1`, "n@1()=2"},
		{"aliases", corr("n", "type: temporal\nrules: [a, b]\ngroup-by: [who]\naliases: {who: {a: user, b: v}}\ntimespan: 10s"), `0 a "u" "z";1 b "z" "u"`, "n@1(u)=2"},
		{"a chain: many a, then c", corr("n", "type: event_count\nrules: [a]\ngroup-by: [user]\ntimespan: 10s\ncondition: {gte: 2}") +
			corr("o", "type: temporal_ordered\nrules: [n, c]\ngroup-by: [user]\ntimespan: 1m"),
			`0 a "u" 1;1 a "u" 1;2 c "w" 1;3 c "u" 1`, "o@3(u)=2"},
		{"a chain by a field that the child does not group by", corr("o", "type: temporal\nrules: [n, c]\ngroup-by: [v]\ntimespan: 1m") +
			corr("n", "type: event_count\nrules: [a]\ngroup-by: [user]\ntimespan: 10s\ncondition: {gte: 2}"),
			`0 a "u" 1;1 a "u" 2;2 c "q" 3;3 c "q" 1`, "o@3(1)=2"},
		{"a chain that shows its parts", corr("n", "type: event_count\nrules: [a]\ngroup-by: [user]\ntimespan: 10s\ncondition: {gte: 2}") +
			corr("o", "type: event_count\nrules: [n]\ngenerate: true\ntimespan: 1m\ncondition: {gte: 2}"),
			`0 a "u" 1;1 a "u" 1;2 a "u" 1`, "n@1(u)=2 n@2(u)=3 o@2()=2"},
	} {
		got, lost := play(t, c.rules, 0, strings.Split(c.events, ";")...)
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %s, want %s", c.name, s, c.want)
		}
		for _, l := range lost.Losses() {
			if l.Dropped > 0 {
				t.Errorf("%s: %+v", c.name, l)
			}
		}
	}
}

// TestGenerate: a rule that only a correlation uses shows no hits of its own.
func TestGenerate(t *testing.T) {
	set := Read("x.yml", base+corr("n", "type: event_count\nrules: [a]\ntimespan: 1m\ncondition: {gte: 2}")+corr("m", "type: event_count\nrules: [b]\ngenerate: true\ntimespan: 1m\ncondition: {gte: 2}"), Options{})
	if set.Rules[0].Shown || !set.Rules[1].Shown || !set.Rules[2].Shown || len(set.Problems) != 1 || set.Problems[0].Severity != Note {
		t.Errorf("%+v", set.Problems)
	}
}

// TestCorrelationRefusals: what is not known is refused by name.
func TestCorrelationRefusals(t *testing.T) {
	for _, c := range []struct{ body, why string }{
		{"type: value_mode\nrules: [a]\ntimespan: 1m\ncondition: {gte: 2}", `unknown correlation type "value_mode"`},
		{"rules: [a]\ntimespan: 1m\ncondition: {gte: 2}", "correlation.type: is missing"},
		{"type: event_count\ntimespan: 1m\ncondition: {gte: 2}", "correlation.rules: is missing"},
		{"type: event_count\nrules: [a]\ncondition: {gte: 2}", "correlation.timespan: is missing"},
		{"type: event_count\nrules: [a]\ntimespan: 1m", "correlation.condition: is missing"},
		{"type: event_count\nrules: [z]\ntimespan: 1m\ncondition: {gte: 2}", `refers to "z", which is no rule here`},
		{"type: event_count\nrules: [x]\ntimespan: 1m\ncondition: {gte: 2}", `refers to "x", which refers back`},
		{"type: event_count\nrules: [a, a]\ntimespan: 1m\ncondition: {gte: 2}", `"a" stands here twice`},
		{"type: event_count\nrules: [a]\ntimespan: 1 minute\ncondition: {gte: 2}", `timespan "1 minute"`},
		{"type: event_count\nrules: [a]\ntimespan: 0s\ncondition: {gte: 2}", `timespan "0s"`},
		{"type: event_count\nrules: [a]\ntimespan: 999999999y\ncondition: {gte: 2}", "a hundred years"},
		{"type: event_count\nrules: [a]\ntimespan: 1m\ncondition: {min: 2}", "correlation.condition.min: unknown word"},
		{"type: event_count\nrules: [a]\ntimespan: 1m\ncondition: {gte: many}", "a number is wanted"},
		{"type: event_count\nrules: [a]\ntimespan: 1m\ncondition: {gte: 2}\nwindow: sliding", "correlation.window: unknown word"},
		{"type: event_count\nrules: [a]\ntimespan: 1m\ncondition: {gte: 2, field: v}", "looks at no field"},
		{"type: value_count\nrules: [a]\ntimespan: 1m\ncondition: {gte: 2}", "one of a field's values"},
		{"type: value_count\nrules: [a]\ntimespan: 1m\ncondition: {gte: 2, field: [a, b]}", "several fields"},
		{"type: value_percentile\nrules: [a]\ntimespan: 1m\ncondition: {gte: 2, field: v}", "percentile: is missing"},
		{"type: value_sum\nrules: [a]\ntimespan: 1m\ncondition: {gte: 2, field: v, percentile: 5}", "is for value_percentile"},
		{"type: value_percentile\nrules: [a]\ntimespan: 1m\ncondition: {gte: 2, field: v, percentile: 101}", "between 0 and 100"},
		{"type: event_count\nrules: [a]\ntimespan: 1m\ncondition: a", "for temporal"},
		{"type: temporal\nrules: [a, b]\ntimespan: 1m\ncondition: a and not b", "'not' asks"},
		{"type: temporal\nrules: [a, b]\ntimespan: 1m\ncondition: 1 of them", "no selection"},
		{"type: temporal\nrules: [a, b]\ntimespan: 1m\ncondition: a and c", "in only one of rules and condition"},
		{"type: temporal\nrules: [a, b]\ntimespan: 1m\ncondition: a and", "ends where"},
		{"type: event_count\nrules: [a]\ntimespan: 1m\ngenerate: 5\ncondition: {gte: 2}", "true or false"},
		{"type: event_count\nrules: [a]\ntimespan: 1m\ngroup-by: [who]\naliases: {who: {b: v}}\ncondition: {gte: 2}", "names no field for a"},
		{"type: event_count\nrules: [a]\ntimespan: 1m\ngroup-by: [who]\naliases: {who: {a: v, b: v}}\ncondition: {gte: 2}", "names a rule that the correlation does not refer to"},
	} {
		set := Read("x.yml", base+corr("x", c.body), Options{})
		if len(set.Correlations) != 0 || set.Refusals() != 1 {
			t.Errorf("%q: %d, %v", c.body, len(set.Correlations), set.Problems)
			continue
		}
		for _, p := range set.Problems {
			if p.Severity == Refused && (!strings.Contains(p.Error(), c.why) || p.Rule != "x" || p.Line == 0) {
				t.Errorf("%q: %v", c.body, p)
			}
		}
	}
}

// TestBounded: what does not fit is let go, oldest first, and counted.
func TestBounded(t *testing.T) {
	var events []string
	for i := range 1000 {
		events = append(events, fmt.Sprintf(`%d a "u%d" 1`, i, i))
	}
	got, c := play(t, corr("n", "type: event_count\nrules: [a]\ngroup-by: [user]\ntimespan: 1d\ncondition: {gte: 2}"), 100, events...)
	s := c.states[0]
	if len(got) != 0 || len(s.groups) > 100 || s.queue.len() > 100 || len(c.Losses()) != 1 || c.Losses()[0].Dropped != 900 {
		t.Errorf("%d groups, %d entries, %+v", len(s.groups), s.queue.len(), c.Losses())
	}
	got, c = play(t, corr("n", "type: event_count\nrules: [a]\ngroup-by: [user]\ntimespan: 10s\ncondition: {gte: 2}"), 100, events...)
	if s := c.states[0]; len(got) != 0 || len(s.groups) > 11 || len(c.Losses()) != 0 {
		t.Errorf("%d groups after their time, %+v", len(s.groups), c.Losses())
	}
	long := strings.Repeat("x", 200)
	events = nil
	for i := range 2000 {
		events = append(events, fmt.Sprintf(`%d a ["%s%d"] 1`, i, long, i))
	}
	_, c = play(t, corr("n", "type: event_count\nrules: [a]\ngroup-by: [user]\ntimespan: 1d\ncondition: {gte: 2}")+
		corr("o", "type: event_count\nrules: [n]\ngroup-by: [v, src]\ntimespan: 1d\ncondition: {gte: 2}"), 2048, events...)
	if s := c.states[0]; s.cost > s.most*entryCost || c.Losses()[0].Dropped == 0 {
		t.Errorf("%d bytes of at most %d, %+v", s.cost, s.most*entryCost, c.Losses())
	}
}

// TestOrder: a stream that goes back in time is refused.
func TestOrder(t *testing.T) {
	e := compiled(t, base+corr("n", "type: event_count\nrules: [a]\ntimespan: 1m\ncondition: {gte: 2}"), Options{})
	c := e.NewCorrelator(0)
	none := func(Alert) error { return nil }
	if err := c.Add(time.Unix(5, 0), "1", nil, none); err != nil {
		t.Error(err)
	}
	if err := c.Add(time.Unix(4, 0), "2", nil, none); !errors.Is(err, ErrOrder) {
		t.Error(err)
	}
}

// TestUngrouped: an event without the group's field is counted as such.
func TestUngrouped(t *testing.T) {
	_, c := play(t, corr("n", "type: event_count\nrules: [a]\ngroup-by: [user]\ntimespan: 1d\ncondition: {gte: 2}"), 0, `0 a null 1`, `1 a "u" 1`)
	if l := c.Losses(); len(l) != 1 || l[0].Ungrouped != 1 || l[0].Dropped != 0 {
		t.Errorf("%+v", l)
	}
}
