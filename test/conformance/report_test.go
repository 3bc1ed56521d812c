package conformance

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// seen is what the browser says of a page (browser/report.mjs).
type seen struct {
	Name     string
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
	Foreign  []string // elements that load, handlers, styles
	Seen     []int
	Canary   bool
	Rows     int
	Focused  string
	Filtered int
	Told     string
	Back     int `json:"unfiltered"`
	View     []string
	Target   any
	Bare     []string
	PDF      int
	Axe      []struct{ Scheme, Where, ID, Impact, First, Why string }
}

// caseAt is a case, and the folder of its keys.
type caseAt struct{ dir, home string }

func (w caseAt) env() []string { return append(os.Environ(), "FREEZEFRAME_HOME="+w.home) }

// report makes the page of a case.
func report(t *testing.T, w caseAt, now string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.html")
	cmd := exec.Command(built.freezeframe, "report", w.dir, "--out", path, "--now", now)
	cmd.Env = w.env()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("reporting: %v\n%s", err, out)
	}
	return path
}

// make writes a case by a command of the main module, and gives what that prints.
func (w caseAt) make(t *testing.T, command string, more ...string) []byte {
	t.Helper()
	cmd := exec.Command("go", append([]string{"run", command, w.dir, w.home}, more...)...)
	cmd.Dir = "../.."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("writing the case: %v\n%s", err, stderr.Bytes())
	}
	return out
}

func newCaseAt(t *testing.T) caseAt {
	t.Helper()
	dir := t.TempDir()
	return caseAt{filepath.Join(dir, "case"), filepath.Join(dir, "home")}
}

// reportOf writes a case of test/reportcase with that many calls, and its report.
func reportOf(t *testing.T, calls string) string {
	t.Helper()
	w := newCaseAt(t)
	w.make(t, "./test/reportcase/make", calls)
	return report(t, w, "2026-02-02T00:00:00Z")
}

// exerciseCase plays the first exercise, and gives the case that it leaves.
func exerciseCase(t *testing.T) caseAt {
	t.Helper()
	dir := t.TempDir()
	w := caseAt{home: filepath.Join(dir, "home")}
	cmd := exec.Command(built.freezeframe, "tabletop", "run", "code-overwrite", "--yes")
	cmd.Dir, cmd.Env = dir, w.env()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("playing: %v\n%s", err, out)
	}
	found, err := filepath.Glob(filepath.Join(dir, "tabletop-code-overwrite-*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("the exercise left %q, %v", found, err)
	}
	w.dir = found[0]
	return w
}

// canaries is a case of test/canaries, and what is in it.
type canaries struct {
	caseAt
	Canaries []struct {
		N                    int
		Artefact, Of, Member string
		Key                  bool
	}
}

func canaryCase(t *testing.T) canaries {
	t.Helper()
	c := canaries{caseAt: newCaseAt(t)}
	if err := json.Unmarshal(c.make(t, "./test/canaries/make", shared(t)+"/data/aws-models"), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// judge holds what could be seen of the canaries to what was put in. Which few stay away, and that
// report serve has the records that the page leaves out, is judged in playbooks/report.
func (c canaries) judge(t *testing.T, seen []int) {
	t.Helper()
	can := map[int]bool{}
	for _, n := range seen {
		can[n] = true
	}
	members, shown, records, secret := map[string]bool{}, 0, 0, 0
	for _, x := range c.Canaries {
		switch {
		case can[x.N]:
			shown++
			members[x.Of+" "+x.Artefact+" "+x.Member] = true
		case x.Artefact == "cloudtrail.lookup" && x.Of == "answer":
			records++
		case strings.HasSuffix(x.Member, "Variables.{value}"), strings.HasSuffix(x.Member, "ClientSecret"), strings.HasSuffix(strings.ToLower(x.Member), "credentials"):
			secret++
		default:
			t.Errorf("canary %d, %s %s %s, cannot be seen", x.N, x.Artefact, x.Of, x.Member)
		}
	}
	t.Logf("%d canaries: %d can be seen, in %d distinct members; %d of records are in report serve alone, %d stand where secrets do", len(c.Canaries), shown, len(members), records, secret)
	if len(members) < 3000 {
		t.Errorf("only %d members are shown", len(members))
	}
}

var (
	pdfPage  = regexp.MustCompile(`/Type /Page\b[^s]`)
	pdfTitle = regexp.MustCompile(`/Title \(([^)]*)\)`)
)

// onPaper holds the PDF of a page to having sheets, and the report's sections in its outline.
func onPaper(t *testing.T, out, name string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(out, name+".pdf"))
	if err != nil {
		t.Fatal(err)
	}
	sheets := len(pdfPage.FindAll(data, -1))
	var titles []string
	for _, m := range pdfTitle.FindAllSubmatch(data, -1) {
		titles = append(titles, string(m[1]))
	}
	for _, want := range []string{"Summary", "Timeline", "Containment, and what is still open", "Chain of custody", "Collected answers", "Appendix: evidence and its hashes"} {
		if !slices.Contains(titles, want) {
			t.Errorf("%s, printed: no heading %q among %q", name, want, titles)
		}
	}
	t.Logf("%s, printed: %d sheets, %d headings", name, sheets, len(titles))
	if sheets < 5 || sheets > 400 {
		t.Errorf("%s is printed on %d sheets", name, sheets)
	}
}

// page is a report as the scripts of browser/ take it.
type page struct {
	Name    string `json:"name"`
	URL     string `json:"url"`
	Word    string `json:"word"`             // that some rows have, and some have not
	Where   string `json:"where,omitempty"`  // a filter expression that some events fit
	Member  string `json:"member,omitempty"` // words that some member of an answer has
	Canary  bool   `json:"canary,omitempty"`
	Picture bool   `json:"picture,omitempty"` // for the documentation
	path    string
}

// browse runs a script of browser/ over the pages, and gives each line that it prints.
func browse(t *testing.T, out, script string, pages []page, each func(line []byte)) {
	t.Helper()
	tools := tool(t, "FREEZEFRAME_BROWSER")
	spec, err := json.Marshal(pages)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "pages.json")
	if err := os.WriteFile(file, spec, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", filepath.Join("browser", script), filepath.Join(tools, "bin", "chromium"), filepath.Join(tools, "node_modules"), out, file)
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+filepath.Join(tools, "bin", "lib"), "FONTCONFIG_PATH="+filepath.Join(tools, "bin", "fonts"))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, text, stderr.Bytes())
	}
	n := 0
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Buffer(nil, 64<<20); lines.Scan(); n++ {
		each(lines.Bytes())
	}
	if n != len(pages) {
		t.Errorf("%d pages of %d; stderr:\n%s", n, len(pages), stderr.Bytes())
	}
}

// kept is where screenshots and PDFs are kept.
func kept(t *testing.T) string {
	if out := os.Getenv("FREEZEFRAME_CI_OUT"); out != "" {
		if err := os.MkdirAll(out, 0o750); err != nil {
			t.Fatal(err)
		}
		return out
	}
	return t.TempDir()
}

// TestReportInABrowser opens reports of hostile cases and of an exercise in Chromium: nothing of
// theirs runs, loads or asks, with the page's policy and without; every canary that a report
// shows can be seen; the picture and the filter work by the keyboard; axe-core finds nothing
// serious in either scheme; each prints.
func TestReportInABrowser(t *testing.T) {
	tool(t, "FREEZEFRAME_BROWSER")
	out, exercise := kept(t), exerciseCase(t)
	pages := []page{{Name: "hostile-400", path: reportOf(t, "400"), Word: "addpermission"}, {Name: "exercise", path: report(t, exercise, "2026-12-31T00:00:00Z"), Word: "suspected", Picture: true}}
	var made canaries
	if !testing.Short() {
		made = canaryCase(t)
		pages = append(pages, page{Name: "canaries", path: report(t, made.caseAt, "2027-01-01T00:00:00Z"), Word: "suspected", Canary: true},
			page{Name: "hostile-100000", path: reportOf(t, "100000"), Word: "addpermission"})
	}
	for i, p := range pages {
		info, err := os.Stat(p.path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > 5<<20 {
			t.Errorf("%s: a report of %d bytes", p.Name, info.Size())
		}
		t.Logf("%s: %d bytes", p.Name, info.Size())
		pages[i].URL = "file://" + p.path
	}
	browse(t, out, "report.mjs", pages, func(line []byte) {
		var s seen
		if err := json.Unmarshal(line, &s); err != nil {
			t.Fatalf("%v: %.300s", err, line)
		}
		s.judge(t)
		onPaper(t, out, s.Name)
		switch s.Name {
		case "canaries":
			made.judge(t, s.Seen)
		case "exercise":
			if !strings.HasPrefix(s.Title, "EXERCISE") {
				t.Errorf("an exercise is called %q", s.Title)
			}
		default:
			if !s.Canary || !strings.Contains(s.Title, "<script>") {
				t.Errorf("%s: the attacker's text is not shown as text (title %q)", s.Name, s.Title)
			}
		}
	})
}

func (s seen) judge(t *testing.T) {
	t.Logf("%s: opened in %d ms, a zoom drawn in %d ms (told, not judged), %d rows, %d marks, %d boxes, PDF of %d bytes", s.Name, s.OpenedMS, s.FrameMS, s.Rows, s.Marks, s.Boxes, s.PDF)
	for what, list := range map[string][]string{"console": s.Console, "requests": s.Requests, "dialogs": s.Dialogs, "errors": s.Errors} {
		if len(list) > 0 {
			t.Errorf("%s, %s: %.500q", s.Name, what, list)
		}
	}
	if len(s.Foreign)+len(s.Bare) > 0 {
		t.Errorf("%s: markup that is not ours: %.500q, and without the policy %.500q", s.Name, s.Foreign, s.Bare)
	}
	if s.Name == "canaries" {
		s.axe(t)
		return // the account that answered with them had no incident
	}
	if !s.Scripted || s.Lanes != 5 || s.Drawn < 2 || s.Marks == 0 || s.Boxes == 0 || s.PDF < 10_000 {
		t.Errorf("%s: script ran %v, %d lanes, %d drawn, %d marks, %d boxes, PDF of %d bytes", s.Name, s.Scripted, s.Lanes, s.Drawn, s.Marks, s.Boxes, s.PDF)
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
	s.axe(t)
}

func (s seen) axe(t *testing.T) {
	for _, a := range s.Axe {
		if a.Impact == "serious" || a.Impact == "critical" {
			t.Errorf("%s, axe-core, %s %s: %s (%s): %s\n%s", s.Name, a.Where, a.Scheme, a.ID, a.Impact, a.First, a.Why)
		} else {
			t.Logf("%s, axe-core, %s %s: %s (%s): %s", s.Name, a.Where, a.Scheme, a.ID, a.Impact, a.First)
		}
	}
}
