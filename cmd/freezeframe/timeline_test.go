package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

// timelineOf runs timeline build over recorded files, without a case.
func timelineOf(t *testing.T, tty bool, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	all := append([]string{"freezeframe", "timeline", "build", "../../timeline/testdata/attack"}, args...)
	code = run(t.Context(), all, &ui.Streams{In: strings.NewReader(""), Out: &o, Err: &e, OutTTY: tty, Width: 100})
	return code, o.String(), e.String()
}

// TestTimelineOut: in every format, a file has what stdout would have had; it is private, it is
// new, and where the run fails nothing is left.
func TestTimelineOut(t *testing.T) {
	for _, f := range timeline.Formats() {
		dir := t.TempDir()
		path := filepath.Join(dir, "timeline"+f.Ext)
		code, want, errs := timelineOf(t, false, "--format", f.Name)
		if code != ui.ExitOK {
			t.Fatalf("%s: exit code %d: %s", f.Name, code, errs)
		}
		code, said, errs := timelineOf(t, true, "--format", f.Name, "--out", path, "--json")
		if code != ui.ExitOK {
			t.Fatalf("%s: exit code %d: %s", f.Name, code, errs)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want {
			t.Errorf("%s: the file has %d bytes, stdout %d, %v", f.Name, len(got), len(want), err)
		}
		var done timelineFile
		if err := json.Unmarshal([]byte(said), &done); err != nil || done.Summary.Events != 17 || done.Format != f.Name || len(done.SHA256) != 64 {
			t.Errorf("%s: %v, %s", f.Name, err, said)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", f.Name, info.Mode(), err)
		}
		if code, _, errs := timelineOf(t, false, "--format", f.Name, "--out", path); code != ui.ExitUsage || !strings.Contains(errs, "already") {
			t.Errorf("%s: written twice: exit code %d, %s", f.Name, code, errs)
		}
		if again, _ := os.ReadFile(path); !bytes.Equal(again, got) {
			t.Errorf("%s: the file was touched", f.Name)
		}
		if code, _, _ := timelineOf(t, false, "no-such-path", "--format", f.Name, "--out", filepath.Join(dir, "b"+f.Ext)); code == ui.ExitOK {
			t.Errorf("%s: a path that is not there", f.Name)
		}
		if left, _ := os.ReadDir(dir); len(left) != 1 {
			t.Errorf("%s: left behind: %v", f.Name, left)
		}
	}
}

// TestTimelineTerminal: what is no text goes into a file, or a pipe, and not to a terminal.
func TestTimelineTerminal(t *testing.T) {
	code, out, errs := timelineOf(t, true, "--format", "parquet")
	if code != ui.ExitUsage || out != "" || !strings.Contains(errs, "--out FILE.parquet") {
		t.Errorf("exit code %d, %d bytes, %s", code, len(out), errs)
	}
	if code, out, _ := timelineOf(t, false, "--format", "parquet"); code != ui.ExitOK || !strings.HasPrefix(out, "PAR1") || !strings.HasSuffix(out, "PAR1") {
		t.Errorf("into a pipe: exit code %d, %d bytes", code, len(out))
	}
	for _, line := range strings.Split(func() string { _, out, _ := timelineOf(t, true); return out }(), "\n") {
		if n := len([]rune(line)); n > 130 {
			t.Errorf("a line of %d characters on a terminal of 100", n)
		}
	}
}

// TestTimelineFilter: the summary says what was left out; the columns are those asked for.
func TestTimelineFilter(t *testing.T) {
	code, out, errs := timelineOf(t, false, "--where", "outcome = denied", "--columns", "principal, action", "--format", "csv")
	if code != ui.ExitOK || !strings.HasPrefix(out, "principal,action\nmallory,UpdateFunctionCode\n") || !strings.Contains(errs, "4 events, 21 records read, 4 duplicates dropped, 13 left out by the filter") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	if _, out, _ := timelineOf(t, false, "--local"); !strings.Contains(out, "\nTIME (LOCAL)") {
		t.Errorf("--local: %.100s", out)
	}
}

// TestTimelineCollapse: what was collapsed, and what calls were held against, is said at the end.
func TestTimelineCollapse(t *testing.T) {
	for _, x := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--collapse", "--where", "action = GetItem"}, ui.ExitOK, "1 event, 21 records read, 4 duplicates dropped, 16 left out by the filter\n"},
		{[]string{"--baseline", "2h"}, ui.ExitOK, "baseline: 3 calls in 2.0 hours, from 2026-03-01T08:00:00Z until 2026-03-01T10:00:00Z\n"},
		{[]string{"--baseline-until", "2020-01-01"}, ui.ExitOK, "the baseline holds no call: everything would be first-seen, so nothing is tagged"},
		{[]string{"--baseline-until", "soon"}, ui.ExitUsage, "--baseline-until"},
		{[]string{"--baseline", "2h", "--baseline-until", "2020-01-01"}, ui.ExitUsage, "give one"},
		{[]string{"--baseline", "-2h"}, ui.ExitUsage, "lasts for some time"},
		{[]string{"--collapse-window", "0s"}, ui.ExitUsage, "lasts for some time"},
	} {
		if code, _, errs := timelineOf(t, false, x.args...); code != x.code || !strings.Contains(errs, x.says) {
			t.Errorf("%q: exit code %d, %s", x.args, code, errs)
		}
	}
	path := filepath.Join(t.TempDir(), "f.jsonl")
	var body strings.Builder
	for i := range 10 {
		fmt.Fprintf(&body, `{"eventTime":"2026-03-01T10:00:%02dZ","eventID":"e%d","eventName":"GetObject","eventSource":"s3.amazonaws.com","userIdentity":{"type":"IAMUser","userName":"mallory"}}`+"\n", i, i)
	}
	if err := os.WriteFile(path, []byte(body.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"freezeframe", "timeline", "build", path, "--collapse"}, &ui.Streams{In: strings.NewReader(""), Out: &out, Err: &errs, Width: 200})
	if code != ui.ExitOK || strings.Count(out.String(), "s3:GetObject") != 1 || !strings.Contains(out.String(), "[10 until 10:00:09Z]") || !strings.Contains(errs.String(), "10 events, 10 records read, 0 duplicates dropped, 9 collapsed into the lines of others") {
		t.Errorf("exit code %d\n%s%s", code, out.String(), errs.String())
	}
}

// TestTimelineArchive: names of an archive's members are shown escaped, whether they are read or
// not, and never used as paths.
func TestTimelineArchive(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "evidence.zip")
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, body := range map[string]string{
		"../../\x1b]0;x\x07\u202eone": `{"eventTime":"2026-03-01T10:00:00Z","eventID":"e","eventName":"GetObject","eventSource":"s3.amazonaws.com"}`,
		"../../\x1b[31mtwo\nnext":     "rubbish", "..\\..\\.hidden\x9b": "",
	} {
		m, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"build", path}, {"build", path, "--columns", "time,raw_path"}, {"build", path, "--format", "csv"}, {"build", path, "--format", "jsonl"}, {"pivot", "GetObject", path}} {
		var out, errs bytes.Buffer
		code := run(t.Context(), append([]string{"freezeframe", "timeline"}, args...), &ui.Streams{In: strings.NewReader(""), Out: &out, Err: &errs, Width: 200})
		if code != ui.ExitIncomplete || args[0] == "build" && !strings.Contains(errs.String(), `evidence.zip!/../../\x1b[31mtwo`) || !strings.Contains(errs.String(), "hidden file") || !strings.Contains(out.String(), "GetObject") && args[len(args)-2] != "--columns" {
			t.Errorf("%q: exit code %d\n%s%s", args, code, out.String(), errs.String())
		}
		for _, said := range [][]byte{out.Bytes(), errs.Bytes()} {
			if odd := unsafeText(said); odd != "" {
				t.Errorf("%q: %s", args, odd)
			}
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("written: %v", left)
	}
}
