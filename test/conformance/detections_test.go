package conformance

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// recordedEvent is what is compared of an event of a recorded attack.
type recordedEvent struct {
	EventID   string `json:"eventID"`
	EventTime string `json:"eventTime"`
}

// TestRecordedTechniques: on the full timeline of all recorded attacks each event stands once
// and in order, and every event that pySigma says a rule hits carries that rule. Of SigmaHQ's
// rules, docs/detections.md names for each technique those that pySigma says, and no other.
func TestRecordedTechniques(t *testing.T) {
	python, data := tool(t, "FREEZEFRAME_SIGMA"), shared(t)+"/data"
	theirs, ours := data+"/sigma/aws", ownRules(t)
	files, err := filepath.Glob(data + "/cloudtrail/stratus/*.json")
	if err != nil || len(files) < 30 {
		t.Fatalf("%v, %d files", err, len(files))
	}
	technique, all := map[string]string{}, ""
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var records []json.RawMessage
		if err := json.Unmarshal(b, &records); err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			var e recordedEvent
			var line bytes.Buffer
			if err := json.Unmarshal(r, &e); err != nil || json.Compact(&line, r) != nil {
				t.Fatal(f, err)
			}
			technique[e.EventID] = strings.TrimSuffix(filepath.Base(f), ".json")
			all += line.String() + "\n"
		}
	}
	events := filepath.Join(t.TempDir(), "events.jsonl")
	if err := os.WriteFile(events, []byte(all), 0o600); err != nil {
		t.Fatal(err)
	}
	carried := fullTimeline(t, data+"/cloudtrail", theirs, technique)
	titles, seen := titlesOf(t, theirs), map[string][]string{}
	hits := 0
	for i, rules := range []string{theirs, ours} {
		for rule, ids := range sigmaLines(t, output(t, nil, python, "sigma/judge.py", events, rules)) {
			for _, id := range ids {
				hits++
				if !slices.Contains(carried[id], rule) {
					t.Errorf("%s: pySigma says that rule %s hits %s; the timeline does not", technique[id], rule, id)
				}
				if title := strings.ReplaceAll(titles[rule], "_", " "); i == 0 && !slices.Contains(seen[technique[id]], title) {
					seen[technique[id]] = append(seen[technique[id]], title)
				}
			}
		}
	}
	told := detectionsOf(t)
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".json")
		slices.Sort(seen[name])
		if !slices.Equal(told[name], seen[name]) {
			t.Errorf("%s: docs/detections.md names of SigmaHQ's rules %q, pySigma %q", name, told[name], seen[name])
		}
	}
	if hits < 60 || len(told) != len(files) {
		t.Errorf("%d hits, %d rows for %d files", hits, len(told), len(files))
	}
	t.Logf("%d techniques, %d events, %d hits of pySigma, 0 skipped", len(files), len(technique), hits)
}

// ownRules is a folder of the built-in rules that pySigma can judge one by one: correlations
// are TestSigma's.
func ownRules(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	files, err := filepath.Glob("../../internal/sigma/builtin/rules/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %d files", err, len(files))
	}
	n := 0
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range strings.Split("\n"+string(b), "\n---\n") {
			if strings.Contains(doc, "\ncorrelation:") {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, filepath.Base(f)+"."+string(rune('a'+n%26))+string(rune('a'+n/26))+".yml"), []byte(strings.TrimPrefix(doc, "\n")), 0o600); err != nil {
				t.Fatal(err)
			}
			n++
		}
	}
	return dir
}

// fullTimeline builds the timeline of a folder; it wants every event once and in order.
func fullTimeline(t *testing.T, dir, rules string, want map[string]string) map[string][]string {
	t.Helper()
	r := runIn(t, nil, built.freezeframe, "timeline", "build", dir, "--format", "jsonl", "--rules", "builtin", "--rules", rules)
	if r.code != 0 {
		t.Fatalf("exit code %d: %s", r.code, r.err)
	}
	carried, last := map[string][]string{}, ""
	for line := range strings.Lines(r.out) {
		var e struct {
			ID    string   `json:"event_id"`
			Kind  string   `json:"kind"`
			Time  string   `json:"time"`
			Rules []string `json:"rule_ids"`
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Time < last {
			t.Errorf("%s is out of order", e.ID)
		}
		if last = e.Time; e.Kind == "rule" {
			continue
		}
		if _, twice := carried[e.ID]; twice || want[e.ID] == "" {
			t.Errorf("%s: twice %v, or nowhere recorded", e.ID, twice)
		}
		carried[e.ID] = append([]string{}, e.Rules...)
	}
	if len(carried) != len(want) {
		t.Errorf("%d events on the timeline, %d recorded", len(carried), len(want))
	}
	return carried
}

// detectionsOf reads the titles of SigmaHQ's rules off docs/detections.md, by technique.
func detectionsOf(t *testing.T) map[string][]string {
	t.Helper()
	b, err := os.ReadFile("../../docs/detections.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string][]string{}
	for line := range strings.Lines(string(b)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) != 4 || !strings.HasPrefix(cells[0], " aws.") {
			continue
		}
		name := strings.TrimSpace(cells[0])
		told[name] = nil
		for rule := range strings.SplitSeq(strings.TrimSpace(cells[3]), "; ") {
			if _, title, ok := strings.Cut(rule, ": "); ok {
				told[name] = append(told[name], title)
			}
		}
		slices.Sort(told[name])
	}
	return told
}
