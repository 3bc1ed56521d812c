package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/inspect/hostile"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// measured runs a command and notes the most memory that it had, in KiB. Not asked of this
// process's own child: the kernel counts what a child shares with a large parent before exec.
const measured = `
import os, resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
with open(os.environ["MAXRSS"], "w") as f:
    f.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)`

// watched is a command that notes its memory. The interpreter is asked once where it lies: what
// stands in PATH may be a script that takes longer to find it than the command takes.
func watched(t *testing.T, path string, args ...string) *exec.Cmd {
	t.Helper()
	python, err := interpreter()
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(python, append([]string{"-I", "-S", "-c", measured, path}, args...)...)
}

var interpreter = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	return strings.TrimSpace(string(out)), err
})

// TestHostileCode: a case full of packages that mean harm is listed, shown, inspected and
// verified in bounded memory; what is odd is told, no control character reaches a terminal,
// nothing is written outside the case, and the raw packages stay.
func TestHostileCode(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY: unpacks bombs; run without -short")
	}
	dir := t.TempDir()
	where, home := filepath.Join(dir, "case"), filepath.Join(dir, "home")
	v, err := vault.NewFolder(where)
	if err != nil {
		t.Fatal(err)
	}
	c, err := evidence.CreateCase(t.Context(), v, evidence.CaseOptions{Title: "t\x1b[31m", Authority: "a", Operator: "o\u202e", Home: home})
	if err != nil {
		t.Fatal(err)
	}
	w, err := c.Begin(t.Context(), evidence.Header{Targets: []string{"arn:aws:lambda:eu-central-1:123456789012:function:payments"}})
	if err != nil {
		t.Fatal(err)
	}
	packages := hostile.Packages()
	texts := hostile.Texts()
	for i, p := range packages {
		m := evidence.Meta{Artefact: "lambda.code", Name: texts[i%len(texts)], Note: texts[i%len(texts)],
			Source: evidence.Source{ARN: "arn:aws:lambda:eu-central-1:123456789012:function:payments", Qualifier: fmt.Sprint(i, texts[i%len(texts)])}}
		m.Name, m.Note, m.Source.Qualifier = m.Name[:min(len(m.Name), 300)], m.Note[:min(len(m.Note), 300)], m.Source.Qualifier[:min(len(m.Source.Qualifier), 300)]
		if _, err := w.Put(t.Context(), m, func(out io.Writer) error { _, err := out.Write(p.Zip); return err }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Seal(t.Context(), evidence.StatusComplete); err != nil {
		t.Fatal(err)
	}
	path, err := exec.LookPath("freezeframe")
	if err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"inspect"}, {"case", "list", "--items"}, {"case", "show"}, {"verify"}} {
		cmd := watched(t, path, args...)
		cmd.Dir = empty
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "FREEZEFRAME_HOME=" + home, "FREEZEFRAME_CASE=" + where, "TMPDIR=" + empty, "MAXRSS=" + filepath.Join(dir, "maxrss")}
		var said strings.Builder
		cmd.Stdout, cmd.Stderr = &said, &said
		err := cmd.Run()
		want := ui.ExitOK
		if args[0] == "inspect" {
			want = ui.ExitFindings
			for _, p := range packages {
				if first, _, _ := strings.Cut(p.Says, "|"); first != "" && !strings.Contains(p.Says, "|") && !strings.Contains(said.String(), first) {
					t.Errorf("inspect does not say %q, of %s", first, p.Name)
				}
			}
		}
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) || cmd.ProcessState.ExitCode() != want {
			t.Errorf("%v: %v, exit code %d, want %d: %.2000s", args, err, cmd.ProcessState.ExitCode(), want, said.String())
		}
		for _, r := range said.String() {
			if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
				t.Errorf("%v: %U reached the terminal", args, r)
				break
			}
		}
		kib, err := os.ReadFile(filepath.Join(dir, "maxrss"))
		if n, numErr := strconv.Atoi(string(kib)); errors.Join(err, numErr) != nil || n > 256<<10 {
			t.Errorf("%v took %s KiB, %v", args, kib, errors.Join(err, numErr))
		} else {
			t.Logf("%v: %d MiB", args, n>>10)
		}
	}
	if left, err := os.ReadDir(empty); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	for _, p := range []string{"/tmp/freezeframe-slip", "/tmp/freezeframe-through-link"} {
		if _, err := os.Lstat(p); err == nil {
			t.Errorf("%s was written", p)
		}
	}
}
