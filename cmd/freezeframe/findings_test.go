package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/finding"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

func timelineRun(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), append([]string{"freezeframe", "timeline"}, args...), &ui.Streams{In: strings.NewReader(""), Out: &o, Err: &e, Width: 100})
	return code, o.String(), e.String()
}

// TestFindingsFile: what a lineage and a story found is a file that finding.Read takes; it is
// private, new, and names the records.
func TestFindingsFile(t *testing.T) {
	const records = "../../timeline/testdata/attack"
	dir := t.TempDir()
	for i, args := range [][]string{{"lineage", "--principal", "mallory"}, {"story", "--function", "payments"}} {
		path := filepath.Join(dir, args[0]+".json")
		args = append(args, records, "--findings", path)
		code, _, errs := timelineRun(t, args...)
		if code != ui.ExitOK || !strings.Contains(errs, "written to "+path) {
			t.Fatalf("%v: exit code %d, %s", args, code, errs)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := finding.Read(file)
		if err != nil || file.Close() != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		if want := []string{"mallory", "arn:aws:lambda:eu-west-1:111122223333:function:payments"}[i]; got.Of != want {
			t.Errorf("%s: of %s", args[0], got.Of)
		}
		kinds := map[string]bool{}
		for _, f := range got.Findings {
			kinds[f.Kind] = true
			if f.Event == "" || f.Path == "" || f.Who != "mallory" || f.State != finding.Standing {
				t.Errorf("%s: %+v", args[0], f)
			}
		}
		if len(got.Findings) < 3 || !kinds["function-code"] || !kinds["function-permission"] || !kinds["function-url"] {
			t.Errorf("%s: %+v", args[0], got)
		}
		if code, _, errs := timelineRun(t, args...); code != ui.ExitUsage || !strings.Contains(errs, "already") {
			t.Errorf("written twice: exit code %d, %s", code, errs)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("left behind: %v", left)
	}
}

// TestExchangeTellsTheStory: with a function, the formats for exchange hold whom the story suspects.
func TestExchangeTellsTheStory(t *testing.T) {
	for _, format := range []string{"stix", "case-uco"} {
		for _, c := range []struct {
			args []string
			told bool
		}{{nil, false}, {[]string{"--function", "payments"}, true}, {[]string{"--function", "payments", "--where", "outcome = denied"}, true}} {
			code, out, errs := timelineOf(t, false, append(c.args, "--format", format)...)
			if code != ui.ExitOK {
				t.Fatalf("exit code %d: %s", code, errs)
			}
			if told := strings.Contains(out, "credentials-outside, weight"); told != c.told {
				t.Errorf("%s %v: told %v", format, c.args, told)
			}
			if told := strings.Contains(out, "function-permission"); told != c.told {
				t.Errorf("%s %v: what is left is told %v", format, c.args, told)
			}
		}
	}
}
