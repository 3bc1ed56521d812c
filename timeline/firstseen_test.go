package timeline

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func firstsOf(t *testing.T, o Options, body string) (map[string]string, Summary) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f.jsonl")
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	events, sum := eventsOf(t, o, Input{Paths: []string{path}})
	got := map[string]string{}
	for _, e := range events {
		var tags []string
		for _, tag := range e.Tags {
			if rest, first := strings.CutPrefix(tag, "first-seen-"); first {
				tags = append(tags, rest)
			}
		}
		got[e.ID] = strings.Join(tags, " ")
	}
	return got, sum
}

// TestFirstSeen: after the baseline, what a principal does or does from is tagged once; a
// role's sessions are one principal; nothing is left out.
func TestFirstSeen(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	day := func(d int) time.Time { return at.Add(time.Duration(d) * 24 * time.Hour) }
	role := func(session, key string) string {
		return `{"type":"AssumedRole","arn":"arn:aws:sts::1:assumed-role/r/` + session + `","accessKeyId":"` + key + `","sessionContext":{"sessionIssuer":{"userName":"r","arn":"arn:aws:iam::1:role/path/r"}}}`
	}
	body := call("b1", day(0)) + call("b2", day(1), "userIdentity", role("one", "ASIA1")) +
		call("same", day(8)) + call("action", day(8).Add(1), "eventName", "DeleteObject") + call("again", day(9), "eventName", "DeleteObject") +
		call("all", day(9), "eventName", "PutObject", "sourceIPAddress", "198.51.100.1", "userAgent", "curl", "awsRegion", "us-east-1") +
		call("session", day(9), "userIdentity", role("two", "ASIA2")) + call("other", day(10), "userIdentity", `{"type":"IAMUser","userName":"olive"}`)
	want := map[string]string{"b1": "", "b2": "", "same": "", "action": "action", "again": "", "all": "action address agent region", "session": "", "other": "action address agent region"}
	for name, o := range map[string]Options{
		"length": {Baseline: 7 * 24 * time.Hour}, "moment": {BaselineUntil: day(7)}, "one run each": {Baseline: 7 * 24 * time.Hour, RunEvents: 1, Workers: 1},
	} {
		got, sum := firstsOf(t, o, body)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
		if b := sum.Baseline; b == nil || b.Events != 2 || !b.Until.Equal(day(7)) || !b.From.Equal(day(0)) || !b.FullAt.IsZero() || sum.Events != 8 {
			t.Errorf("%s: %+v", name, sum.Baseline)
		}
	}
	// The time that is asked for does not shorten the baseline, nor what was seen after it.
	got, sum := firstsOf(t, Options{BaselineUntil: day(7), Filter: Filter{Since: day(9), Until: day(10)}}, body)
	if fmt.Sprint(got) != fmt.Sprint(map[string]string{"again": "", "all": want["all"], "session": ""}) || sum.Events+sum.LeftOut+sum.Duplicates != sum.Read || sum.Events != 3 {
		t.Errorf("with --since: %v, %d of %d, %d left out", got, sum.Events, sum.Read, sum.LeftOut)
	}
	// Nothing to hold against, and nothing asked for.
	for name, o := range map[string]Options{"empty": {BaselineUntil: at.Add(-time.Hour)}, "none": {}} {
		got, sum := firstsOf(t, o, body)
		for id, tags := range got {
			if tags != "" {
				t.Errorf("%s: %s is tagged %s", name, id, tags)
			}
		}
		if (sum.Baseline != nil) != (name == "empty") || sum.Baseline != nil && sum.Baseline.Events != 0 {
			t.Errorf("%s: %+v", name, sum.Baseline)
		}
	}
	if err := (Options{Baseline: 1, BaselineUntil: at}).Check(); err == nil {
		t.Error("two ends of a baseline")
	}
}

// TestFirstSeenBound: beyond the cap nothing is tagged, rather than what was seen before.
func TestFirstSeenBound(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	f := newFirsts(Options{BaselineUntil: at.Add(time.Hour)})
	f.max = 10
	tagged := 0
	for i := range 100 {
		e := Event{Kind: KindCloudTrail, Time: at.Add(time.Duration(i) * 30 * time.Minute), Service: "s3", Action: fmt.Sprintf("Call%d", i), Principal: Principal{ARN: "arn:x"}}
		f.event(&e)
		tagged += len(e.Tags)
	}
	if len(f.seen) != 10 || tagged != 8 || !f.FullAt.Equal(at.Add(10*30*time.Minute)) {
		t.Errorf("%d seen, %d tagged, full at %s", len(f.seen), tagged, f.FullAt)
	}
}
