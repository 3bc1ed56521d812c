package conformance

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// seen is what the browser says of a page (browser/report.mjs).
type seen struct {
	URL      string
	Title    string
	Console  []string
	Requests []string
	Dialogs  []string
	Errors   []string
	OpenedMS int `json:"opened_ms"`
	FrameMS  int `json:"frame_ms"`
	Scripted bool
	Lanes    int
	Drawn    int
	Marks    int
	Boxes    int
	Images   int
	Handlers int
	Canary   bool
	Rows     int
	Focused  string
	Filtered int
	Told     string
	Back     int `json:"unfiltered"`
	View     []string
	Target   any
	Bare     int
	PDF      int
	Axe      []struct{ Scheme, ID, Impact, First, Why string }
}

// reportOf writes a case of test/reportcase with that many calls, and its report.
func reportOf(t *testing.T, calls string) string {
	t.Helper()
	dir := t.TempDir()
	write := exec.Command("go", "run", "./test/reportcase/make", filepath.Join(dir, "case"), filepath.Join(dir, "home"), calls)
	write.Dir = "../.."
	if out, err := write.CombinedOutput(); err != nil {
		t.Fatalf("writing the case: %v\n%s", err, out)
	}
	page := filepath.Join(dir, "report.html")
	report := exec.Command(built.freezeframe, "report", filepath.Join(dir, "case"), "--out", page, "--now", "2026-02-02T00:00:00Z")
	report.Env = append(os.Environ(), "FREEZEFRAME_HOME="+filepath.Join(dir, "home"))
	if out, err := report.CombinedOutput(); err != nil {
		t.Fatalf("reporting: %v\n%s", err, out)
	}
	return page
}

// TestReportInABrowser opens reports of hostile cases in Chromium: nothing of theirs runs, loads
// or asks, with the page's policy and without; the picture and the filter work by the keyboard;
// axe-core finds nothing serious in either scheme.
func TestReportInABrowser(t *testing.T) {
	tools := tool(t, "FREEZEFRAME_BROWSER")
	calls := []string{"400", "100000"}
	if testing.Short() {
		calls = calls[:1]
	}
	out := os.Getenv("FREEZEFRAME_CI_OUT") // screenshots and PDFs are kept there
	if out == "" {
		out = t.TempDir()
	}
	args := []string{"browser/report.mjs", filepath.Join(tools, "bin", "chromium"), filepath.Join(tools, "node_modules"), out}
	for _, n := range calls {
		page := reportOf(t, n)
		info, err := os.Stat(page)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > 5<<20 {
			t.Errorf("the report of %s calls has %d bytes", n, info.Size())
		}
		t.Logf("%s calls: %d bytes", n, info.Size())
		args = append(args, "file://"+page)
	}
	browse := exec.Command("node", args...)
	browse.Env = append(os.Environ(), "LD_LIBRARY_PATH="+filepath.Join(tools, "bin", "lib"), "FONTCONFIG_PATH="+filepath.Join(tools, "bin", "fonts"))
	var stderr bytes.Buffer
	browse.Stderr = &stderr
	text, err := browse.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, text, stderr.Bytes())
	}
	pages := 0
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); pages++ {
		var s seen
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatalf("%v: %s", err, lines.Bytes())
		}
		s.judge(t)
	}
	if pages != len(calls) {
		t.Errorf("%d pages of %d; stderr:\n%s", pages, len(calls), stderr.Bytes())
	}
}

func (s seen) judge(t *testing.T) {
	t.Logf("%s: opened in %d ms, a zoom drawn in %d ms (told, not judged), %d rows, %d marks, %d boxes, PDF of %d bytes", filepath.Base(filepath.Dir(s.URL)), s.OpenedMS, s.FrameMS, s.Rows, s.Marks, s.Boxes, s.PDF)
	for what, list := range map[string][]string{"console": s.Console, "requests": s.Requests, "dialogs": s.Dialogs, "errors": s.Errors} {
		if len(list) > 0 {
			t.Errorf("%s: %.500q", what, list)
		}
	}
	if s.Images+s.Handlers+s.Bare > 0 {
		t.Errorf("markup that is not ours: %d loading elements, %d handlers or styles, %d without the policy", s.Images, s.Handlers, s.Bare)
	}
	if !s.Canary || !strings.Contains(s.Title, "<script>") {
		t.Errorf("the attacker's text is not shown as text (title %q)", s.Title)
	}
	if !s.Scripted || s.Lanes != 5 || s.Drawn < 2 || s.Marks == 0 || s.Boxes == 0 || s.PDF < 10_000 {
		t.Errorf("script ran %v, %d lanes, %d drawn, %d marks, %d boxes, PDF of %d bytes", s.Scripted, s.Lanes, s.Drawn, s.Marks, s.Boxes, s.PDF)
	}
	if s.Focused != "filter" || s.Filtered == 0 || s.Filtered >= s.Rows || s.Back != s.Rows || !strings.Contains(s.Told, "rows shown") {
		t.Errorf("filter by keyboard: focus on %q, %d of %d rows, then %d; said %q", s.Focused, s.Filtered, s.Rows, s.Back, s.Told)
	}
	if len(s.View) != 5 || s.View[0] == s.View[1] || s.View[1] == s.View[2] || s.View[2] == s.View[3] || s.View[4] != s.View[0] {
		t.Errorf("zoom by keyboard: %q", s.View)
	}
	if s.Target != true {
		t.Errorf("a mark does not lead to its row: %v", s.Target)
	}
	for _, a := range s.Axe {
		if a.Impact == "serious" || a.Impact == "critical" {
			t.Errorf("axe-core, %s: %s (%s): %s\n%s", a.Scheme, a.ID, a.Impact, a.First, a.Why)
		} else {
			t.Logf("axe-core, %s: %s (%s): %s", a.Scheme, a.ID, a.Impact, a.First)
		}
	}
}
