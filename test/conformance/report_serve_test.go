package conformance

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// driven is what the browser says of a report that is served (browser/serve.mjs).
type driven struct {
	seen
	Keys    []bool // whether what was wanted could be reached by the Tab key
	All     int    // events on the first page
	Second  int    // and on the next
	Other   bool   // which is another
	Back    bool
	Found   []string // rows that a word finds
	Chosen  []string // rows that an expression finds
	Refused string
	Members []string // rows of members that a word finds
	Doors   map[string][2]any
}

// served starts report serve of a case, and gives its address.
func served(t *testing.T, w caseAt) string {
	t.Helper()
	cmd := exec.Command(built.freezeframe, "report", "serve", w.dir)
	cmd.Env = w.env()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // it may have ended
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if url := strings.TrimSpace(line); err == nil && strings.HasPrefix(url, "http://127.0.0.1:") {
		return url
	}
	t.Fatalf("serving: %q, %v", line, err)
	return ""
}

// TestServedReportInABrowser drives report serve of hostile cases and of an exercise in Chromium,
// by the keyboard alone: searching, choosing by an expression, paging, members of answers; nothing
// of the cases runs, loads or asks; axe-core finds nothing serious; nobody else gets in.
func TestServedReportInABrowser(t *testing.T) {
	tool(t, "FREEZEFRAME_BROWSER")
	hostile := newCaseAt(t)
	hostile.make(t, "./test/reportcase/make", "900")
	cases := []caseAt{hostile}
	pages := []page{{Name: "served-hostile", Word: "a-use- ListUsers", Where: "access_key = ASIASTOLENSTOLENSTOL", Member: "Description canary"}}
	var made canaries
	if !testing.Short() {
		made = canaryCase(t)
		cases = append(cases, made.caseAt)
		pages = append(pages, page{Name: "served-canaries", Word: "UpdateFunctionCode", Where: "action ~ Update", Member: "lambda.configuration Description alert(", Canary: true})
	}
	for i, c := range cases {
		pages[i].URL = served(t, c)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, pages[i].URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "evil.example"
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("under another host: %s", res.Status)
		}
	}
	browse(t, kept(t), "serve.mjs", pages, func(line []byte) {
		var d driven
		if err := json.Unmarshal(line, &d); err != nil {
			t.Fatalf("%v: %.300s", err, line)
		}
		d.judge(t)
		if d.Name == "served-canaries" {
			made.judge(t, d.Seen)
		}
	})
}

func (d driven) judge(t *testing.T) {
	t.Logf("%s: %d events on a page, %d found, %d chosen, %d members, %d stops by keyboard", d.Name, d.All, len(d.Found), len(d.Chosen), len(d.Members), len(d.Keys))
	for what, list := range map[string][]string{"console": d.Console, "requests": d.Requests, "dialogs": d.Dialogs, "errors": d.Errors} {
		if what == "console" && d.Refused != "" && len(list) == 1 && strings.Contains(list[0], "400") {
			continue // the browser's own word on the expression that is none
		}
		if len(list) > 0 {
			t.Errorf("%s, %s: %.500q", d.Name, what, list)
		}
	}
	if len(d.Foreign) > 0 {
		t.Errorf("%s: elements that are not ours: %.500q", d.Name, d.Foreign)
	}
	for i, reached := range d.Keys {
		if !reached {
			t.Errorf("%s: stop %d cannot be reached by the keyboard", d.Name, i)
		}
	}
	if d.All != 200 || d.Second == 0 || !d.Other || !d.Back {
		t.Errorf("%s: paging: %d, %d, another %v, back %v", d.Name, d.All, d.Second, d.Other, d.Back)
	}
	for what, rows := range map[string][]string{"found": d.Found, "chosen": d.Chosen, "members": d.Members} {
		if len(rows) == 0 || len(rows) > 200 {
			t.Errorf("%s: %d rows %s", d.Name, len(rows), what)
		}
	}
	if d.Name == "served-hostile" && (len(d.Found) != 4 || len(d.Chosen) != 12) {
		t.Errorf("%s: %d rows found and %d chosen, want 4 and 12", d.Name, len(d.Found), len(d.Chosen))
	}
	if d.Refused == "" {
		t.Errorf("%s: an expression that is none is not refused", d.Name)
	}
	for door, code := range map[string]float64{"no secret": 404, "another secret": 404, "another host": 403, "another page": 404} {
		if got := d.Doors[door]; got[0] != code || strings.Contains(got[1].(string), "Timeline") {
			t.Errorf("%s, %s: %v", d.Name, door, got)
		}
	}
	d.axe(t)
}
