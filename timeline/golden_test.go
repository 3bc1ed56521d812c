package timeline

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// golden compares with testdata/NAME; UPDATE_GOLDEN=1 writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (UPDATE_GOLDEN=1 accepts):\n%s", path, got)
	}
}

func TestGoldenFormats(t *testing.T) {
	for format, o := range map[string]Options{
		"table": {Width: 160}, "jsonl": {}, "timesketch": {}, "csv": {}, "timesketch-csv": {}, "l2tcsv": {}, "ocsf": {},
	} {
		o.Format = format
		var out bytes.Buffer
		sum, err := Build(context.Background(), o, Input{Paths: []string{"testdata/attack"}}, &out)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "attack."+format, out.Bytes())
		if sum.Duplicates != 4 || sum.Digests != 1 || sum.Skips != 0 || sum.Conflicts != 0 || sum.Events != 17 {
			t.Errorf("%s: %+v", format, sum)
		}
		if format == "table" && strings.ContainsAny(out.String(), "\x1b\r\x07\u202e") {
			t.Error("the table lets control characters through")
		}
	}
}

func TestGoldenStory(t *testing.T) {
	s, err := Tell(context.Background(), Options{Filter: Filter{Function: "payments"}}, Input{Paths: []string{"testdata/attack"}})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := s.Text(&out, 0); err != nil {
		t.Fatal(err)
	}
	golden(t, "attack.story", out.Bytes())
	for _, step := range s.Steps {
		if len(step.Events) == 0 {
			t.Errorf("a step cites nothing: %+v", step)
		}
	}
	if _, err := Tell(context.Background(), Options{}, Input{Paths: []string{"testdata/attack"}}); err == nil {
		t.Error("a story without a function")
	}
}

// TestTimesketchRules holds the output to what Timesketch's importer asks for.
func TestTimesketchRules(t *testing.T) {
	long := `{"eventTime":"2026-03-01T10:20:00Z","eventID":"1","eventName":"` + strings.Repeat(`\u00e9`, 40000) + `","eventSource":"x.amazonaws.com","userAgent":"` + strings.Repeat("\xff", 40000) + `"}`
	path := filepath.Join(t.TempDir(), "long.json")
	if err := os.WriteFile(path, []byte(long), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := Build(context.Background(), Options{Format: "timesketch"}, Input{Paths: []string{"testdata/attack", path}}, &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 18 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, line := range lines {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		at, err := time.Parse("2006-01-02T15:04:05.000000-07:00", m["datetime"].(string))
		if err != nil {
			t.Error(err)
		}
		if micro, ok := m["timestamp"].(float64); !ok || int64(micro) != at.UnixMicro() {
			t.Errorf("timestamp %v is not datetime %v in microseconds", m["timestamp"], at)
		}
		for _, must := range []string{"message", "timestamp_desc"} {
			if s, _ := m[must].(string); s == "" {
				t.Errorf("no %s in %s", must, line)
			}
		}
		for name, v := range m {
			if strings.HasPrefix(name, "_") {
				t.Errorf("reserved name %s", name)
			}
			switch v := v.(type) {
			case string:
				if len(v) > 32766 {
					t.Errorf("%s has %d bytes", name, len(v))
				}
			case []any:
				if name != "tag" {
					t.Errorf("%s is a list", name)
				}
			case map[string]any:
				t.Errorf("%s is not flat", name)
			}
		}
	}
}

// TestSigns: what the tags say of stolen credentials, and what they must not say.
func TestSigns(t *testing.T) {
	events, _ := collectEvents(t, Options{}, "testdata/attack")
	for _, e := range events {
		outside := e.Tagged(TagOutside)
		want := e.AccessKey == "ASIAEXAMPLESTOLEN" && e.Address == "203.0.113.9"
		if outside != want {
			t.Errorf("%s %s: outside is %v", e.Time, e.Action, outside)
		}
		if e.Action == "Decrypt" && len(e.Tags) > 0 {
			t.Errorf("a call that a service made on behalf is tagged %v", e.Tags)
		}
		if e.Action == "GetItem" && !e.Tagged(TagBothSides) {
			t.Error("the key's use inside is not tagged")
		}
		if e.Tagged(TagNewCode) != (e.Action == "UpdateFunctionCode" && e.Outcome == Success && e.Change.Setting == "") {
			t.Errorf("%s %s: tags %v", e.Time, e.Action, e.Tags)
		}
		if e.Tagged(TagNewCode) && e.Change.WasHash[:3] != "QUF" {
			t.Errorf("hash before: %q", e.Change.WasHash)
		}
		if e.VPCE != "" && (e.LinkedTo == "" || !e.Tagged(TagNetwork)) {
			t.Errorf("the network record is not tied to its call: %+v", e)
		}
	}
}

func TestFilter(t *testing.T) {
	day := func(s string) time.Time { at, _ := parseTime("2026-03-01T" + s + "Z"); return at }
	for _, c := range []struct {
		f    Filter
		want int
	}{
		{Filter{Since: day("10:05:00"), Until: day("10:05:10")}, 2},
		{Filter{Function: "payments"}, 12},
		{Filter{Function: "arn:aws:lambda:eu-west-1:111122223333:function:payments:3"}, 12},
		{Filter{Function: "arn:aws:lambda:us-east-1:111122223333:function:payments"}, 0},
		{Filter{Function: "orders"}, 0},
	} {
		events, _ := collectEvents(t, Options{Filter: c.f}, "testdata/attack")
		if len(events) != c.want {
			for _, e := range events {
				t.Log(e.Time, e.Message)
			}
			t.Errorf("%+v: %d events, want %d", c.f, len(events), c.want)
		}
	}
}
