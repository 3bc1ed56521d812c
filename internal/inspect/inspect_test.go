package inspect

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/inspect/hostile"
)

// TestHostilePackages: each is indexed or refused in bounded memory, what is odd is said,
// and nothing is written anywhere.
func TestHostilePackages(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY under -short: one reader, which shares nothing, of much text; the plain run has it")
	}
	t.Chdir(t.TempDir())
	all := hostile.Packages()
	if len(all) < 60 {
		t.Fatalf("only %d packages", len(all))
	}
	var before, after runtime.MemStats
	seen := 0
	for i, p := range all {
		if testing.Short() && i%4 != 0 { // for the race detector some do
			continue
		}
		seen++
		t.Run(p.Name, func(t *testing.T) {
			runtime.GC()
			runtime.ReadMemStats(&before)
			x, err := Zip(t.Context(), bytes.NewReader(p.Zip), int64(len(p.Zip)), Limits{}, nil)
			runtime.ReadMemStats(&after)
			if grew := int64(after.HeapSys) - int64(before.HeapSys); grew > 128<<20 {
				t.Errorf("the heap grew by %d bytes", grew)
			}
			said := sayings(x, err)
			matches := func(want string) bool {
				return slices.ContainsFunc(strings.Split(want, "|"), func(w string) bool { return strings.Contains(said, w) })
			}
			if p.Says == "" && (err != nil || said != "") || !matches(p.Says) {
				t.Errorf("said %.300q, want %q", said, p.Says)
			}
		})
	}
	t.Logf("%d of %d packages", seen, len(all))
	for _, left := range []string{"/tmp/freezeframe-slip", "/tmp/freezeframe-through-link", "/tmp/freezeframe-was-here"} {
		if _, err := os.Lstat(left); err == nil {
			t.Errorf("%s was written", left)
		}
	}
	if here, err := os.ReadDir("."); err != nil || len(here) > 0 {
		t.Errorf("written: %v, %v", here, err)
	}
}

func sayings(x *Index, err error) string {
	if err != nil {
		return err.Error()
	}
	said := slices.Clone(x.Odd)
	if x.Cut != "" {
		said = append(said, x.Cut)
	}
	for _, e := range x.Entries {
		said = append(said, e.Odd...)
	}
	return strings.Join(said, "\n")
}

// TestSameAsUnzip: names, sizes and hashes of an ordinary package are those that Python's reader gives.
func TestSameAsUnzip(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, body := range map[string]string{
		"index.js": "exports.handler = 1\n", "lib/run.sh": "#!/bin/sh\n", "bin/tool": "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 100),
		"empty": "", "data.bin": "\x00\x01\x02", "big.txt": strings.Repeat("line\n", 300_000), "lib/x.jar": "PK\x03\x04rest",
	} {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	x, err := Zip(t.Context(), bytes.NewReader(b.Bytes()), int64(b.Len()), Limits{}, nil)
	if err != nil || sayings(x, nil) != "" {
		t.Fatalf("%v, %s", err, sayings(x, err))
	}
	kinds := map[string]Kind{}
	var lines []string
	for _, e := range x.Entries {
		kinds[e.Name] = e.Kind
		lines = append(lines, e.Name+" "+e.SHA256)
	}
	slices.Sort(lines)
	for name, want := range map[string]Kind{"index.js": Text, "lib/run.sh": Script, "bin/tool": ELF, "empty": Empty, "data.bin": Binary, "big.txt": Text, "lib/x.jar": Archive} {
		if kinds[name] != want {
			t.Errorf("%s is %q, want %q", name, kinds[name], want)
		}
	}
	path := t.TempDir() + "/a.zip"
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("python3", "-c", `
import sys, zipfile, hashlib
z = zipfile.ZipFile(sys.argv[1])
print("\n".join(sorted(n + " " + hashlib.sha256(z.read(n)).hexdigest() for n in z.namelist())))`, path).Output()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("SKIPPED LOUDLY: no python3")
	}
	if got := strings.TrimSpace(string(out)); err != nil || got != strings.Join(lines, "\n") {
		t.Errorf("%v: python says\n%s\nwe say\n%s", err, got, strings.Join(lines, "\n"))
	}
}

func TestStops(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY under -short: one reader, which shares nothing, of much text; the plain run has it")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := hostile.Packages()[0]
	if _, err := Zip(ctx, bytes.NewReader(p.Zip), int64(len(p.Zip)), Limits{}, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// FuzzZip: whatever the bytes, an index or a refusal, and never more entries than are allowed.
func FuzzZip(f *testing.F) {
	if testing.Short() {
		f.Skip("SKIPPED LOUDLY: one reader, which shares nothing, of much text; run without -short")
	}
	for _, p := range hostile.Packages() {
		if len(p.Zip) < 64<<10 {
			f.Add(p.Zip)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := Zip(t.Context(), bytes.NewReader(data), int64(len(data)), Limits{Entries: 100, Directory: 1 << 20, Bytes: 4 << 20, EntryBytes: 1 << 20, Ratio: 100}, nil)
		if err == nil && (len(x.Entries) > 100 || x.Bytes > 5<<20) {
			t.Errorf("%d entries, %d bytes", len(x.Entries), x.Bytes)
		}
	})
}

// TestSecrets: a planted secret is found by file, line and rule, and its text is nowhere in
// what is said.
func TestSecrets(t *testing.T) {
	// Made up at run time, so that no scanner finds them in this file.
	planted := map[string]string{
		"app.py":      "import boto3\nkey = '" + "AKIA" + "QYLPMN5HHHFPZAM2" + "'\n",
		"lib/git.js":  "\n\nconst t = 'ghp" + "_" + "0A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r'\n",
		"clean.txt":   "nothing to see\n",
		"inner.zip":   "PK\x03\x04",
		"bin/run":     "#!/bin/sh\necho 1\n",
		"longer.text": strings.Repeat("x y z\n", maxScanned/6+10),
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, body := range planted {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write([]byte(body))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := NewScanner()
	if err != nil {
		t.Fatal(err)
	}
	x, err := Package(t.Context(), bytes.NewReader(b.Bytes()), int64(b.Len()), s)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range x.Secrets {
		got = append(got, fmt.Sprintf("%s:%d %s", f.Path, f.Line, f.Rule))
	}
	slices.Sort(got)
	if want := []string{"app.py:2 aws-access-token", "lib/git.js:3 github-pat"}; !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
	said, err := json.Marshal(x)
	if err != nil || bytes.Contains(said, []byte("QYLPMN5HHHFPZAM2")) || bytes.Contains(said, []byte("0A1b2C3d4E5f6G7h8I9j")) {
		t.Errorf("a secret is in what is said: %v", err)
	}
	if len(x.Unscanned) != 2 || !slices.Equal(x.Executables, []string{"bin/run"}) {
		t.Errorf("unscanned %q, executables %q", x.Unscanned, x.Executables)
	}
}
