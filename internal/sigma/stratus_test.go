package sigma_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/sigma"
)

// TestNoCrutch: the recorded attacks carry their tool's name in user agents, names and
// ARNs. The published rules hit the same events when every trace of it is gone.
func TestNoCrutch(t *testing.T) {
	e, _ := sigmahq(t)
	files, _ := filepath.Glob(filepath.Join(shared(t, "cloudtrail/stratus"), "*.json"))
	traces := regexp.MustCompile(`(?i)stratus[-_a-z0-9]*`)
	m := e.NewMatcher()
	events, replaced, total := 0, 0, 0
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
			events++
			plain := traces.ReplaceAll(r, []byte("app-x1"))
			if !bytes.Equal(plain, r) {
				replaced++
			}
			if bytes.Contains(bytes.ToLower(plain), []byte("stratus")) {
				t.Fatalf("a trace is left: %s", plain)
			}
			before, after := hitsOf(t, e, m, r), hitsOf(t, e, m, plain)
			if before != after {
				t.Errorf("%s: %q, without the tool's name %q", filepath.Base(f), before, after)
			}
			total += strings.Count(before, " ")
		}
	}
	if replaced < events/2 || total < 30 {
		t.Errorf("of %d events %d had a trace, %d hits: the test tries nothing", events, replaced, total)
	}
	t.Logf("%d events, %d with a trace of the tool, %d hits, 0 skipped", events, replaced, total)
}

func hitsOf(t testing.TB, e *sigma.Engine, m *sigma.Matcher, record []byte) string {
	t.Helper()
	hits, err := m.Match(record)
	if err != nil {
		t.Fatal(err)
	}
	sigma.ByMembers(t, e, record, hits)
	var b strings.Builder
	for _, h := range hits {
		b.WriteString(e.Rules()[h.Rule].ID + " ")
	}
	return b.String()
}

// TestIndex: what the index leaves out would not have hit: a set with one more rule
// that looks at everything, so that all are tried, says the same.
func TestIndex(t *testing.T) {
	e, dir := sigmahq(t)
	m := e.NewMatcher()
	files, _ := filepath.Glob(filepath.Join(dir, "*.yml"))
	alone := map[string]*sigma.Matcher{}
	engines := map[string]*sigma.Engine{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		// Turned around twice, a condition demands nothing that an index could use.
		text := regexp.MustCompile(`(?m)^    condition: (.*)$`).ReplaceAllString(string(b), "    condition: not (not ($1) and not ($1))")
		set := sigma.Read(f, text, sigma.Options{})
		if len(set.Rules) != 1 {
			t.Fatal(set.Problems)
		}
		id := set.Rules[0].ID
		engines[id] = sigma.NewEngine(set)
		alone[id] = engines[id].NewMatcher()
	}
	recorded, _ := filepath.Glob(filepath.Join(shared(t, "cloudtrail/stratus"), "*.json"))
	compared, hit := 0, 0
	for _, f := range recorded {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var records []json.RawMessage
		if err := json.Unmarshal(b, &records); err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			got := hitsOf(t, e, m, r)
			for id, a := range alone {
				compared++
				want := hitsOf(t, engines[id], a, r) != ""
				if want {
					hit++
				}
				if strings.Contains(got, id) != want {
					t.Errorf("%s: rule %s: %v with the index, %v without", f, id, !want, want)
				}
			}
		}
	}
	t.Logf("%d pairs of rule and event, %d hits, 0 skipped", compared, hit)
}
