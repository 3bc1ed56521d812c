package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func models(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("FREEZEFRAME_SHARED")
	if dir == "" {
		dir = "../../../../shared"
	}
	dir = filepath.Join(dir, "data/aws-models")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("SKIPPED LOUDLY: no %s: set FREEZEFRAME_SHARED", dir)
	}
	return dir
}

// TestTablesAreCurrent: the tables in the tree are what the models give.
func TestTablesAreCurrent(t *testing.T) {
	if err := run([]string{"-models", models(t), "-out", "../facts", "-check"}, io.Discard); err != nil {
		t.Error(err)
	}
}

func TestStaleTableIsNoticed(t *testing.T) {
	dir := t.TempDir()
	if err := run([]string{"-models", models(t), "-out", dir}, io.Discard); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "sts.txt")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(text, "string Odd\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	err = run([]string{"-models", models(t), "-out", dir, "-check"}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "sts.txt") {
		t.Errorf("a changed table: %v", err)
	}
}

func TestUnknownPatternIsRefused(t *testing.T) {
	for _, p := range []string{`(?!a)b`, `(?<=x)y`, `[`} {
		if _, _, err := patternOf("NoSuchShape", p); err == nil {
			t.Errorf("pattern %q was taken", p)
		}
	}
}
