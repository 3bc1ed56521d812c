package conformance

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSigma compares our Sigma engine with pySigma's SQLite backend: the same hits of
// the published rules, of rules of our own that try the other forms, and the same
// alerts of correlations, on recorded events and on made ones. Where they differ,
// sigma/differences.txt says who is right, and why.
func TestSigma(t *testing.T) {
	python, data := tool(t, "FREEZEFRAME_SIGMA"), shared(t)+"/data"
	hits, err := build(t.TempDir(), "sigmahits", "./test/sigmahits")
	if err != nil {
		t.Fatal(err)
	}
	listed := listedDifferences(t)
	compared, differing := 0, 0
	for _, c := range []struct {
		rules, count string
		hit          int // rules, at least
	}{
		{data + "/sigma/aws", "2000", 55},
		{"sigma/rules", "2000", 51},
		{"sigma/correlations", "500", 18}, // a query for each window: the judge is slow
	} {
		events := output(t, nil, python, "sigma/mutate.py", "1", c.count, data+"/cloudtrail/stratus", c.rules)
		file := filepath.Join(t.TempDir(), "events.jsonl")
		if err := os.WriteFile(file, events, 0o600); err != nil {
			t.Fatal(err)
		}
		ours := sigmaLines(t, output(t, events, hits, c.rules))
		theirs := sigmaLines(t, output(t, nil, python, "sigma/judge.py", file, c.rules))
		titles := titlesOf(t, c.rules)
		if len(theirs) < c.hit {
			t.Errorf("%s: of %d rules only %d are hit: the events do not try them", c.rules, len(titles), len(theirs))
		}
		for _, lines := range theirs {
			compared += len(lines)
		}
		for side, extra := range map[string]map[string][]string{"ours": without(ours, theirs), "theirs": without(theirs, ours)} {
			for rule, lines := range extra {
				slices.Sort(lines)
				sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
				key := fmt.Sprintf("%s %s %d %s", titles[rule], side, len(lines), hex.EncodeToString(sum[:4]))
				if !listed[key] {
					t.Errorf("not listed: %q, such as %s", key, lines[0])
				}
				delete(listed, key)
				differing++
			}
		}
	}
	for key := range listed {
		t.Errorf("listed, and not so any more: %q", key)
	}
	t.Logf("%d hits and alerts compared, %d kinds of difference, all listed, 0 skipped", compared, differing)
}

// listedDifferences reads "title side count checksum: who is right: why".
func listedDifferences(t *testing.T) map[string]bool {
	b, err := os.ReadFile("sigma/differences.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, line := range strings.Split(string(b), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		parts := strings.SplitN(line, ": ", 3)
		if len(parts) != 3 || len(parts[2]) < 20 {
			t.Errorf("%q says not who is right and why", line)
			continue
		}
		all[parts[0]] = true
	}
	return all
}

func output(t *testing.T, in []byte, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = bytes.NewReader(in)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, lastLines(said.String(), 20))
	}
	return out
}

// sigmaLines makes lines of both sides comparable: rule -> what it hit.
func sigmaLines(t *testing.T, out []byte) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		var l struct {
			Rule, Event string
			At          int64
			Group       []string
			Metric      *float64
		}
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			t.Fatalf("%s: %v", s.Text(), err)
		}
		what := l.Event
		if l.Metric != nil {
			what = fmt.Sprintf("%d %s %.6f", l.At, strings.ToLower(strings.Join(l.Group, "|")), *l.Metric)
		}
		if !slices.Contains(all[l.Rule], what) {
			all[l.Rule] = append(all[l.Rule], what)
		}
	}
	return all
}

func without(a, b map[string][]string) map[string][]string {
	left := map[string][]string{}
	for rule, lines := range a {
		have := map[string]bool{}
		for _, l := range b[rule] {
			have[l] = true
		}
		for _, l := range lines {
			if !have[l] {
				left[rule] = append(left[rule], l)
			}
		}
	}
	return left
}

// titlesOf reads id -> title off the rule files, "_" for each space.
func titlesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.yml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no rules in %s: %v", dir, err)
	}
	all := map[string]string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		title := ""
		for _, line := range strings.Split(string(b), "\n") {
			if s, ok := strings.CutPrefix(line, "title: "); ok {
				title = strings.ReplaceAll(s, " ", "_")
			}
			if s, ok := strings.CutPrefix(line, "id: "); ok {
				all[s] = title
			}
		}
	}
	return all
}
