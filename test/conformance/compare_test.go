package conformance

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const differencesFile = "../../docs/simulator-differences.md"

// line is one call of compare/script.py and what came of it.
type line struct {
	Call, API, Outcome, Code string
	Status                   int
	Members                  []string
	Values                   map[string]any
	Calls                    int // of the last line alone
}

const allServices = "iam,sts,lambda,sqs,cloudtrail,logs,events,kms,s3"

// TestCompare runs one boto3 script on the simulated account and on other people's
// emulators. Every difference stands in docs/simulator-differences.md with who is right and
// the source; one that is not listed fails, and so does one that has vanished.
// UPDATE_DIFFERENCES=1 rewrites the table, keeping the judgements.
func TestCompare(t *testing.T) {
	ours, end := simulator(t)
	mine := script(t, ours, allServices)
	if v := end(); len(v.Problems) > 0 {
		t.Errorf("the shapes' judge: %s", strings.Join(v.Problems, "\n"))
	}
	calls, failed := 0, 0
	for _, l := range mine {
		calls++
		if l.Outcome == "error" {
			failed++
		}
		if l.Status >= 500 {
			t.Errorf("%s: ours answers %d %s", l.Call, l.Status, l.Code)
		}
	}
	if calls < 120 || failed < 40 {
		t.Errorf("%d calls, %d of them errors: 120 and 40 are wanted", calls, failed)
	}
	var found []row
	compared := 0
	for _, x := range []struct {
		target   target
		services string
	}{{moto(t), allServices}, {ministack(t), allServices}, {versitygw(t), "s3"}} {
		theirs := script(t, x.target, x.services)
		compared += len(theirs)
		found = append(found, differences(x.target.name, mine, theirs)...)
	}
	judge(t, found)
	t.Logf("%d calls (%d of them errors), %d compared, %d differences, all listed", calls, failed, compared, len(found))
}

func script(t *testing.T, x target, services string) []line {
	t.Helper()
	r := runIn(t, x.env(), tool(t, "FREEZEFRAME_PYTHON"), "compare/script.py", x.endpoint, account, services)
	var out []line
	for text := range strings.Lines(r.out) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%s: %q: %v", x.name, text, err)
		}
		if l.Call != "" {
			out = append(out, l)
		}
	}
	if r.code != 0 || len(out) == 0 {
		t.Fatalf("the script on %s ended with %d after %d calls:\n%s", x.name, r.code, len(out), r.err)
	}
	return out
}

// row is a difference, and the judgement of it.
type row struct{ call, target, ours, theirs, right, source string }

func (r row) key() string { return r.call + "|" + r.target + "|" + r.ours + "|" + r.theirs }

func differences(name string, mine, theirs []line) []row {
	by := map[string]line{}
	for _, l := range theirs {
		by[l.Call] = l
	}
	var out []row
	for _, l := range mine {
		o, ok := by[l.Call]
		if !ok {
			continue // not among the services asked
		}
		if a, b := outcome(l), outcome(o); a != b {
			out = append(out, row{call: l.Call, target: name, ours: a, theirs: b})
			continue
		}
		a, b := only(l.Members, o.Members), only(o.Members, l.Members)
		for _, path := range slices.Sorted(keysOf(l.Values)) {
			if x, y := fmt.Sprint(l.Values[path]), fmt.Sprint(o.Values[path]); x != y {
				a, b = append(a, path+"="+x), append(b, path+"="+y)
			}
		}
		if len(a)+len(b) > 0 {
			out = append(out, row{call: l.Call, target: name, ours: joined(a), theirs: joined(b)})
		}
	}
	return out
}

func keysOf(m map[string]any) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func outcome(l line) string {
	if l.Outcome == "ok" {
		return fmt.Sprintf("%d", l.Status)
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s", l.Code, status(l.Status)))
}

func status(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func only(a, b []string) []string {
	var out []string
	for _, s := range a {
		if !slices.Contains(b, s) {
			out = append(out, s)
		}
	}
	return out
}

func joined(list []string) string {
	if len(list) == 0 {
		return "-"
	}
	return strings.ReplaceAll(strings.Join(list, " "), "|", "/")
}

// judge holds what was found against the document.
func judge(t *testing.T, found []row) {
	t.Helper()
	listed := readRows(t)
	if os.Getenv("UPDATE_DIFFERENCES") != "" {
		writeRows(t, found, listed)
		return
	}
	seen := map[string]bool{}
	for _, r := range found {
		seen[r.key()] = true
		l, ok := listed[r.key()]
		switch {
		case !ok:
			t.Errorf("not in %s: %s on %s: ours %q, theirs %q", filepath.Base(differencesFile), r.call, r.target, r.ours, r.theirs)
		case l.right == "?" || l.source == "?" || l.right == "" || l.source == "":
			t.Errorf("not judged in %s: %s on %s", filepath.Base(differencesFile), r.call, r.target)
		}
	}
	for k, l := range listed {
		if !seen[k] {
			t.Errorf("vanished, and still in %s: %s on %s: ours %q, theirs %q", filepath.Base(differencesFile), l.call, l.target, l.ours, l.theirs)
		}
	}
}

const tableHead = "| call | target | ours | theirs | right | source |"

func readRows(t *testing.T) map[string]row {
	t.Helper()
	f, err := os.Open(differencesFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string]row{}
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		cell := strings.Split(in.Text(), "|")
		if len(cell) != 8 || strings.HasPrefix(in.Text(), "|---") || in.Text() == tableHead {
			continue
		}
		for i := range cell {
			cell[i] = strings.Trim(strings.TrimSpace(cell[i]), "`")
		}
		r := row{cell[1], cell[2], cell[3], cell[4], cell[5], cell[6]}
		out[r.key()] = r
	}
	return out
}

func writeRows(t *testing.T, found []row, listed map[string]row) {
	t.Helper()
	old, err := os.ReadFile(differencesFile)
	if err != nil {
		t.Fatal(err)
	}
	text, _, ok := strings.Cut(string(old), tableHead)
	if !ok {
		t.Fatalf("%s has no line %q", differencesFile, tableHead)
	}
	var b strings.Builder
	b.WriteString(text + tableHead + "\n|---|---|---|---|---|---|\n")
	for _, r := range found {
		r.right, r.source = "?", "?"
		if l, ok := listed[r.key()]; ok {
			r.right, r.source = l.right, l.source
		}
		fmt.Fprintf(&b, "| %s | %s | `%s` | `%s` | %s | %s |\n", r.call, r.target, r.ours, r.theirs, r.right, r.source)
	}
	if err := os.WriteFile(differencesFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
