package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/test/reportcase"
)

// TestReportInput: a case of another schema is refused by its name, also where its ledger vouches
// for it, and one that is damaged is; one of which a bag is damaged gives a report that says so.
func TestReportInput(t *testing.T) {
	for name, x := range map[string]struct {
		spoil func(t *testing.T, dir string)
		code  int
		says  string
	}{
		"whole": {func(*testing.T, string) {}, 0, "html"},
		"another schema": {func(t *testing.T, dir string) {
			was := edit(t, filepath.Join(dir, "case.json"), "freezeframe.case/1", "freezeframe.case/0")
			now, _ := os.ReadFile(filepath.Join(dir, "case.json"))
			edit(t, filepath.Join(dir, "ledger", "00000000.json"), sha(was), sha(now))
		}, ui.ExitUsage, `schema "freezeframe.case/0", want "freezeframe.case/1"`},
		"changed":   {func(t *testing.T, dir string) { edit(t, filepath.Join(dir, "case.json"), "payments", "paymentz") }, ui.ExitDamaged, "damaged"},
		"no case":   {func(t *testing.T, dir string) { _ = os.Remove(filepath.Join(dir, "case.json")) }, ui.ExitUsage, "case.json is missing"},
		"no ledger": {func(t *testing.T, dir string) { _ = os.RemoveAll(filepath.Join(dir, "ledger")) }, ui.ExitUsage, "interrupted"},
		"a bag's list": {func(t *testing.T, dir string) {
			found, err := filepath.Glob(filepath.Join(dir, "collections", "*", "coverage.json"))
			if err != nil || len(found) != 1 {
				t.Fatalf("%q, %v", found, err)
			}
			edit(t, found[0], "lambda.policy", "lambda.nothing")
		}, 0, "html"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			at, page := filepath.Join(dir, "case"), filepath.Join(dir, "report.html")
			if _, err := reportcase.Write(t.Context(), at, filepath.Join(dir, "home"), 50); err != nil {
				t.Fatal(err)
			}
			t.Setenv("FREEZEFRAME_HOME", filepath.Join(dir, "home"))
			x.spoil(t, at)
			var out, errs bytes.Buffer
			code := run(t.Context(), []string{"freezeframe", "report", at, "--out", page}, &ui.Streams{In: strings.NewReader(""), Out: &out, Err: &errs, Width: 200})
			if said := out.String() + errs.String(); code != x.code || !strings.Contains(said, x.says) {
				t.Errorf("exit %d, want %d; said %s; want %q", code, x.code, said, x.says)
			}
			text, err := os.ReadFile(page)
			if (err == nil) != (x.code == 0) {
				t.Errorf("the page: %v", err)
			}
			if name == "a bag's list" {
				if !bytes.Contains(text, []byte("coverage.json")) || !bytes.Contains(text, []byte("not the bytes it was sealed with")) {
					t.Error("the page does not say which list is damaged")
				}
			}
		})
	}
}

// edit replaces a text of a file, which must be there, and gives what the file was.
func edit(t *testing.T, path, from, to string) []byte {
	t.Helper()
	was, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(was, []byte(from)) {
		t.Fatalf("%s has no %q: %v", path, from, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(was, []byte(from), []byte(to), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	return was
}

func sha(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
