package timeline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/sigma"
)

const someRules = `title: Lambda changed
id: rule-lambda
level: medium
logsource: {product: aws, service: cloudtrail}
detection:
  s: {eventSource: lambda.amazonaws.com, eventName|startswith: [Update, Add, Create, Delete, Put]}
  condition: s
---
title: Anything by anybody
id: rule-any
name: any
logsource: {product: aws, service: cloudtrail}
detection:
  s: {eventName|exists: true}
  condition: s
---
title: Several calls from one place
id: rule-several
level: high
correlation:
  type: event_count
  rules: [any]
  group-by: [sourceIPAddress]
  timespan: 1h
  condition: {gte: 3}
`

func someEngine(t testing.TB) *sigma.Engine {
	t.Helper()
	set := sigma.Read("rules.yml", someRules, sigma.Options{})
	if set.Refusals() > 0 {
		t.Fatal(set.Problems)
	}
	return sigma.NewEngine(set)
}

// lines builds a jsonl timeline.
func lines(t testing.TB, o Options, paths ...string) (string, Summary) {
	t.Helper()
	o.Format = "jsonl"
	var out bytes.Buffer
	sum, err := Build(context.Background(), o, Input{Paths: paths}, &out)
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), sum
}

// TestRulesAnnotate: rules add to events and leave none out; correlations are events of
// their own, in their place; neither readers nor runs on disk show.
func TestRulesAnnotate(t *testing.T) {
	plain, _ := lines(t, Options{}, "testdata/attack")
	want, sum := lines(t, Options{Rules: someEngine(t), Workers: 1}, "testdata/attack")
	for _, o := range []Options{{Workers: 4}, {Workers: 2, RunEvents: 1}, {Workers: 3, RunEvents: 3}} {
		o.Rules, o.TempDir = someEngine(t), t.TempDir()
		if got, _ := lines(t, o, "testdata/attack"); got != want {
			t.Errorf("other bytes with %+v", o)
		}
	}
	var without []string
	alerts, hits, before := 0, 0, ""
	for _, line := range strings.Split(strings.TrimSpace(want), "\n") {
		var e struct {
			Time, Kind, Message string
			Tags, Rules, Cites  []string
			RuleIDs             []string `json:"rule_ids"`
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Time < before {
			t.Errorf("%s comes after %s", e.Time, before)
		}
		before = e.Time
		if e.Kind == string(KindRule) {
			alerts++
			if len(e.Cites) < 3 || e.RuleIDs[0] != "rule-several" || !strings.Contains(e.Message, "sourceIPAddress") || e.Tags[0] != "rule-high" {
				t.Errorf("%s", line)
			}
			continue
		}
		for i, r := range e.Rules {
			hits++
			if e.RuleIDs[i] != "rule-lambda" || r != "medium: Lambda changed" {
				t.Errorf("%s %s", e.RuleIDs[i], r)
			}
		}
		cut, _, _ := strings.Cut(line, `,"rules":`)
		_, tail, _ := strings.Cut(line, `,"raw_`)
		if cut != line {
			line = cut + `,"raw_` + tail
		}
		line = strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(line, `,"rule-medium"`, ""), `"rule-medium"`, ""), `,"tags":[]`, "")
		without = append(without, line)
	}
	if strings.Join(without, "\n") != strings.TrimSpace(plain) {
		t.Error("but for rules, the timeline is another one with rules than without")
	}
	if hits < 3 || alerts < 1 || alerts+int(sum.RuleRepeats) < 3 || sum.ByRule["rule-lambda"] != hits || sum.ByRule["rule-several"] != alerts {
		t.Errorf("%d hits, %d alerts, %v", hits, alerts, sum.ByRule)
	}
	for _, format := range []string{"table", "timesketch"} {
		var out bytes.Buffer
		if _, err := Build(context.Background(), Options{Rules: someEngine(t), Format: format}, Input{Paths: []string{"testdata/attack"}}, &out); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(out.String(), "medium: Lambda changed"); n != hits {
			t.Errorf("%s tells %d hits of %d", format, n, hits)
		}
	}
}

// TestRulesOfOneFunction: what a correlation rests on may lie outside of the function's
// timeline, but not all of it.
func TestRulesOfOneFunction(t *testing.T) {
	for function, some := range map[string]bool{"payments": true, "no-such-function": false} {
		_, sum := lines(t, Options{Rules: someEngine(t), Filter: Filter{Function: function}}, "testdata/attack")
		if (sum.ByRule["rule-several"] > 0) != some {
			t.Errorf("%s: %v", function, sum.ByRule)
		}
	}
}

// TestRulesInLookups: the record inside a LookupEvents element is what rules see.
func TestRulesInLookups(t *testing.T) {
	record := `{"eventVersion":"1.08","eventTime":"2026-11-27T03:00:00Z","eventSource":"lambda.amazonaws.com","eventName":"UpdateFunctionCode20150331v2","eventID":"e1","sourceIPAddress":"1.2.3.4"}`
	quoted, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	page := `{"Events":[{"EventId":"e1","EventName":"DeleteNothing","CloudTrailEvent":` + string(quoted) + `}]}`
	if err := os.WriteFile(filepath.Join(dir, "page.json"), []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, sum := lines(t, Options{Rules: someEngine(t)}, dir); sum.ByRule["rule-lambda"] != 1 || sum.Skips != 0 {
		t.Errorf("%v %v: %s", sum.ByRule, sum.Skipped, got)
	}
}

// TestRulesOnceASpan: while a correlation goes on holding, a line comes once a span for
// each group; the moments between are counted.
func TestRulesOnceASpan(t *testing.T) {
	var b strings.Builder
	for minute := range 180 {
		for _, address := range []string{"192.0.2.1", "192.0.2.2"} {
			fmt.Fprintf(&b, "{\"eventTime\":\"2026-11-27T%02d:%02d:00Z\",\"eventSource\":\"s3.amazonaws.com\",\"eventName\":\"ListBuckets\",\"eventID\":\"e%d-%s\",\"sourceIPAddress\":%q}\n", minute/60, minute%60, minute, address, address)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "events.jsonl"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	_, sum := lines(t, Options{Rules: someEngine(t)}, dir)
	// It holds from the third minute on (178 moments), and lines come at 2, 63, 124 minutes.
	if sum.ByRule["rule-several"] != 2*3 || sum.RuleRepeats != 2*(178-3) {
		t.Errorf("%v, %d repeats", sum.ByRule, sum.RuleRepeats)
	}
	_, sum = lines(t, Options{Rules: someEngine(t), Filter: Filter{Since: time.Date(2026, 11, 27, 2, 0, 0, 0, time.UTC)}}, dir)
	if sum.ByRule["rule-several"] != 2 {
		t.Errorf("from two o'clock: %v", sum.ByRule)
	}
}
