package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

// badRecord is a good one, but for what more says of it.
func badRecord(id, more string) string {
	return `{"eventVersion":"1.08","eventTime":"2026-03-01T10:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-west-1","eventID":"` + id + `","userIdentity":{"type":"IAMUser","userName":"mallory"}` + more + `}`
}

// badInput is a file, what of it is told, and what is said of the rest.
type badInput struct {
	name string
	body []byte // inflated
	pack func(t *testing.T, body []byte) []byte
	ids  string // of the events, in order of time
	// reasons are said, each with the file; line and offset are those of the first, offset -1: any.
	reasons      []string
	line, offset int64
	slow         bool
}

func gzipped(t *testing.T, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func badInputs() []badInput {
	a, c := badRecord("a", ""), badRecord("c", "")
	lines := func(all ...string) []byte { return []byte(strings.Join(all, "\n") + "\n") }
	behind := int64(len(a) + 1)
	at := func(id string, day int) string {
		return strings.Replace(badRecord(id, ""), "2026-03-01", fmt.Sprintf("2026-03-%02d", day), 1)
	}
	cutGzip := func(t *testing.T, body []byte) []byte { b := gzipped(t, body); return b[:len(b)-12] }
	return []badInput{
		{name: "nothing wrong", body: lines(a, c), ids: "ac"},
		{name: "truncated gzip", body: lines(a, c), pack: cutGzip, ids: "ac", reasons: []string{"cannot be read to its end"}, offset: -1},
		{name: "trailing bytes", body: lines(a, c), pack: func(t *testing.T, body []byte) []byte { return append(gzipped(t, body), "and more"...) }, ids: "ac", reasons: []string{"cannot be read to its end"}, offset: -1},
		{name: "bomb", body: append(lines(a), bytes.Repeat([]byte{' '}, 140<<20)...), pack: gzipped, ids: "a", reasons: []string{"a bomb"}, offset: -1, slow: true},
		{name: "invalid UTF-8", body: lines(a, strings.Replace(badRecord("b", ""), "mallory", "mal\xff\xfelory", 1), c), ids: "abc"},
		{name: "duplicate keys", body: lines(a, badRecord("b", `,"eventName":"ListBuckets"`), c), ids: "abc", reasons: []string{"a member is given twice"}, line: 2, offset: behind},
		{name: "duplicate identity", body: lines(a, badRecord("b", `,"userIdentity":{"type":"Root"}`), c), ids: "abc", reasons: []string{"a member is given twice"}, line: 2, offset: behind},
		{name: "no time", body: lines(a, strings.Replace(badRecord("b", ""), `"eventTime":"2026-03-01T10:00:00Z",`, "", 1), c), ids: "ac", reasons: []string{"without a readable eventTime"}, line: 2, offset: behind},
		{name: "no such time", body: lines(a, strings.Replace(badRecord("b", ""), "2026-03-01", "2026-02-30", 1), c), ids: "ac", reasons: []string{"without a readable eventTime"}, line: 2, offset: behind},
		{name: "a record of 10 MB", body: lines(a, badRecord("b", `,"requestParameters":{"x":"`+strings.Repeat("y", 10<<20)+`"}`), c), ids: "ac", reasons: []string{"a record of more than"}, line: 2, offset: behind},
		{name: "days out of order", body: lines(at("3", 9), at("1", 2), at("2", 5)), ids: "123"},
		{name: "not JSON", body: lines(a, "{nonsense", c), ids: "ac", reasons: []string{"malformed JSON"}, line: 2, offset: behind},
		{name: "cut in a record", body: []byte(a + "\n" + c[:len(c)-20]), ids: "a", reasons: []string{"the file ends in the middle"}, line: 2, offset: behind},
		{name: "nothing of CloudTrail", body: lines(a, `{"hello":"world"}`, c), ids: "ac", reasons: []string{"not a CloudTrail record"}, line: 2, offset: behind},
		{name: "control characters", body: lines(a, strings.Replace(badRecord("b", ""), "mallory", `\u001b[31m\u202e`, 1), c), ids: "abc"},
	}
}

// badForms are the ways in which a file is handed over: its name, and what its path ends in then.
func badForms() map[string]func(t *testing.T, body []byte) (name string, content []byte, shown string) {
	return map[string]func(t *testing.T, body []byte) (string, []byte, string){
		"alone": func(_ *testing.T, body []byte) (string, []byte, string) { return "bad.json", body, "bad.json" },
		"in a zip": func(t *testing.T, body []byte) (string, []byte, string) {
			var b bytes.Buffer
			w := zip.NewWriter(&b)
			m, err := w.Create("d/bad.json")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := m.Write(body); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			return "bad.zip", b.Bytes(), "bad.zip!/d/bad.json"
		},
		"in a tar.gz": func(t *testing.T, body []byte) (string, []byte, string) {
			var b bytes.Buffer
			w := tar.NewWriter(&b)
			if err := w.WriteHeader(&tar.Header{Name: "d/bad.json", Size: int64(len(body)), Mode: 0o600, Typeflag: tar.TypeReg}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(body); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			return "bad.tar.gz", gzipped(t, b.Bytes()), "bad.tar.gz!/d/bad.json"
		},
	}
}

// TestTimelineBadInput: what cannot be read is named by file and place, the rest is told, the
// files beside it too, and the exit code says that something is missing.
func TestTimelineBadInput(t *testing.T) {
	cells, slow := 0, 0
	for _, x := range badInputs() {
		for form, packed := range badForms() {
			if testing.Short() && (form != "alone" || x.slow) || x.slow && form != "alone" {
				slow++ // the same reader of the same stream: once is enough for 140 MB
				continue
			}
			body := x.body
			if x.pack != nil {
				body = x.pack(t, body)
			}
			name, content, shown := packed(t, body)
			dir := t.TempDir()
			for n, b := range map[string][]byte{name: content, "aa-good.json": []byte(strings.Replace(badRecord("y", ""), "2026", "2025", 1)), "zz-good.json": []byte(strings.Replace(badRecord("z", ""), "2026", "2027", 1))} {
				if err := os.WriteFile(filepath.Join(dir, n), b, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			x.check(t, form, dir, shown)
			cells++
		}
	}
	t.Logf("%d cells: %d inputs by %d forms; %d of them are of 140 MB or not in the short form; 0 skipped", cells, len(badInputs()), len(badForms()), slow)
}

func (x badInput) check(t *testing.T, form, dir, shown string) {
	t.Helper()
	cell := x.name + ", " + form
	out := filepath.Join(t.TempDir(), "out.jsonl")
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"freezeframe", "timeline", "build", dir, "--format", "jsonl", "--out", out, "--json"}, &ui.Streams{In: strings.NewReader(""), Out: &stdout, Err: &stderr, Width: 100})
	want := ui.ExitOK
	if len(x.reasons) > 0 {
		want = ui.ExitIncomplete
	}
	var done timelineFile
	if err := json.Unmarshal(stdout.Bytes(), &done); err != nil || code != want {
		t.Errorf("%s: exit code %d, want %d, %v: %s", cell, code, want, err, stderr.String())
		return
	}
	if done.Summary.Complete() != (len(x.reasons) == 0) || int(done.Summary.Skips) != len(x.reasons) {
		t.Errorf("%s: complete %v, %+v", cell, done.Summary.Complete(), done.Summary.Skipped)
		return
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	ids := ""
	for line := range bytes.Lines(b) {
		var e struct {
			ID string `json:"event_id"`
		}
		if err := json.Unmarshal(line, &e); err != nil {
			t.Errorf("%s: %v", cell, err)
		}
		ids += e.ID
	}
	if ids != "y"+x.ids+"z" {
		t.Errorf("%s: events %q, want %q", cell, ids, "y"+x.ids+"z")
	}
	for i, reason := range x.reasons {
		s := done.Summary.Skipped[i]
		if !strings.HasSuffix(s.Path, shown) || !strings.Contains(s.Reason, reason) || i == 0 && x.offset >= 0 && (s.Line != x.line || s.Offset != x.offset) || x.offset < 0 && s.Offset == 0 {
			t.Errorf("%s: %+v, want %s, line %d, byte %d: %s", cell, s, shown, x.line, x.offset, reason)
		}
		if !strings.Contains(stderr.String(), reason) || !strings.Contains(stderr.String(), shown) {
			t.Errorf("%s: not said: %s", cell, stderr.String())
		}
	}
	if odd := unsafeText(stderr.Bytes()); odd != "" {
		t.Errorf("%s: %s", cell, odd)
	}
}

// TestTimelineBadArguments: a mistake in what was typed, or in a rule, is told before anything is
// read, where it is, and with what was meant.
func TestTimelineBadArguments(t *testing.T) {
	dir := t.TempDir()
	rule := func(name, detection string) string {
		path := filepath.Join(dir, name)
		body := "title: " + name + "\nlogsource:\n  product: aws\n  service: cloudtrail\ndetection:\n" + detection + "\nlevel: high\n"
		if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := "  selection:\n    eventName: GetObject\n  condition: selection"
	cells := 0
	for name, x := range map[string]struct {
		args []string
		code int
		says []string
	}{
		"filter, field":    {[]string{"--where", "acton = x"}, ui.ExitUsage, []string{"column 1", "did you mean action?"}},
		"filter, value":    {[]string{"--where", "outcome = denid"}, ui.ExitUsage, []string{"column 11", "did you mean denied?"}},
		"filter, kind":     {[]string{"--where", "kind = findng"}, ui.ExitUsage, []string{"column 8", "did you mean finding?"}},
		"filter, cut":      {[]string{"--where", "action = x and"}, ui.ExitUsage, []string{"column 15"}},
		"filter, regexp":   {[]string{"--where", "action ~ '('"}, ui.ExitUsage, []string{"column 10"}},
		"column":           {[]string{"--columns", "tme"}, ui.ExitUsage, []string{"did you mean time?"}},
		"format":           {[]string{"--format", "jsnl"}, ui.ExitUsage, []string{"did you mean jsonl?"}},
		"since":            {[]string{"--since", "yesterday"}, ui.ExitUsage, []string{"--since"}},
		"flag":             {[]string{"--colapse"}, ui.ExitUsage, []string{"colapse"}},
		"path":             {[]string{filepath.Join(dir, "nowhere")}, ui.ExitUsage, []string{"nowhere"}},
		"rule":             {[]string{"--rules", rule("good.yml", good)}, ui.ExitOK, nil},
		"rule, modifier":   {[]string{"--rules", rule("modifier.yml", "  selection:\n    eventName|contians: Get\n  condition: selection")}, ui.ExitUsage, []string{"modifier.yml", "contians"}},
		"rule, selection":  {[]string{"--rules", rule("selection.yml", "  selection:\n    eventName: Get\n  condition: selecton")}, ui.ExitUsage, []string{"selection.yml", "selecton"}},
		"rule, not there":  {[]string{"--rules", filepath.Join(dir, "no-rules")}, ui.ExitUsage, []string{"no-rules"}},
		"rule, not YAML":   {[]string{"--rules", rule("yaml.yml", "  selection: [")}, ui.ExitUsage, []string{"yaml.yml"}},
		"rules, a mixture": {[]string{"--rules", dir}, ui.ExitIncomplete, []string{"modifier.yml", "selection.yml", "yaml.yml"}},
	} {
		cells++
		code, out, errs := timelineOf(t, false, x.args...)
		if code != x.code {
			t.Errorf("%s: exit code %d, want %d: %s", name, code, x.code, errs)
		}
		for _, want := range x.says {
			if !strings.Contains(errs, want) {
				t.Errorf("%s: no %q in %s", name, want, errs)
			}
		}
		if told := strings.Count(out, "s3:ListBuckets"); (told == 1) != (code != ui.ExitUsage) {
			t.Errorf("%s: exit code %d, and of the timeline %d lines", name, code, told)
		}
	}
	t.Logf("%d cells; 0 skipped", cells)
}
