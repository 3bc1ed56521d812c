package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// tool is the path of somebody else's program; without it the test is skipped, in CI failed.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("FREEZEFRAME_CI") != "" {
			t.Fatalf("%s is missing", name)
		}
		t.Skipf("SKIPPED LOUDLY: no %s", name)
	}
	return path
}

func run(t testing.TB, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(tool(t, name), args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// objects is a small case with what is hard: empty, exactly a block, larger than a zstd
// block and than the window, names too long for ustar, names that sort around '/'.
func objects() map[string][]byte {
	long := "collections/" + strings.Repeat("d", 100) + "/" + strings.Repeat("e", 100) + "/" + strings.Repeat("f", 100)
	return map[string][]byte{
		"case.json":                       []byte(`{"id":"01"}`),
		"README-VERIFY.txt":               []byte("sha256sum -c\n"),
		"ledger/00000000.json":            []byte(`{"seq":0}`),
		"ledger/00000001.json":            []byte(`{"seq":1}`),
		"ledger/heads/00000000.txt":       []byte("head"),
		"a-b/x":                           []byte("x"),
		"a/b":                             []byte("under a"),
		"a.txt":                           bytes.Repeat([]byte("t"), tarBlock),
		"collections/01/data/empty":       {},
		"collections/01/data/random":      noise(3 << 20),
		"collections/01/data/zeros":       make([]byte, 5<<20),
		"collections/01/data/log":         bytes.Repeat([]byte("GET /index.html 200\n"), 100_000),
		long:                              []byte("long name"),
		"mid/" + strings.Repeat("m", 100): []byte("prefix field of ustar"),
	}
}

// noise is incompressible and always the same: SHA-256 in counter mode.
func noise(n int) []byte {
	var out []byte
	for i := 0; len(out) < n; i++ {
		sum := sha256.Sum256([]byte{byte(i), byte(i >> 8), byte(i >> 16), byte(i >> 24)})
		out = append(out, sum[:]...)
	}
	return out[:n]
}

func folder(t testing.TB, objects map[string][]byte) *vault.Folder {
	t.Helper()
	f, err := vault.NewFolder(filepath.Join(t.TempDir(), "case"))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range objects {
		if _, err := f.Create(context.Background(), name, bytes.NewReader(data), int64(len(data)), sha256.Sum256(data)); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func mustWrite(t testing.TB, v vault.Vault) ([]byte, Summary) {
	t.Helper()
	var buf bytes.Buffer
	s, err := Write(context.Background(), v, &buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes(), s
}

func save(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "case.tar.zst")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustOpen(t testing.TB, path string) *Archive {
	t.Helper()
	a, err := Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func get(t testing.TB, v vault.Vault, name string) []byte {
	t.Helper()
	r, err := v.Open(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
	return data
}

func list(t testing.TB, v vault.Vault, prefix string) []string {
	t.Helper()
	var names []string
	for e, err := range v.List(context.Background(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, e.Name)
	}
	return names
}

// sameObjects fails unless v holds exactly want.
func sameObjects(t testing.TB, v vault.Vault, want map[string][]byte) {
	t.Helper()
	got := 0
	for e, err := range v.List(context.Background(), "") {
		if err != nil {
			t.Fatal(err)
		}
		got++
		if e.Size != int64(len(want[e.Name])) {
			t.Errorf("%s is listed with %d bytes, want %d", e.Name, e.Size, len(want[e.Name]))
		}
	}
	if got != len(want) {
		t.Errorf("%d objects, want %d", got, len(want))
	}
	for name, data := range want {
		if !bytes.Equal(get(t, v, name), data) {
			t.Errorf("%s differs", name)
		}
	}
}

// fake is a vault whose listing and contents are given, and may contradict each other.
type fake struct {
	entries []vault.Entry
	open    func(name string) (io.ReadCloser, error)
}

func (f fake) String() string { return "fake" }

func (f fake) Open(_ context.Context, name string) (io.ReadCloser, error) { return f.open(name) }

func (f fake) Create(context.Context, string, io.ReadSeeker, int64, [32]byte) (vault.Entry, error) {
	return vault.Entry{}, errors.New("fake takes nothing")
}

func (f fake) List(context.Context, string) iter.Seq2[vault.Entry, error] {
	return func(yield func(vault.Entry, error) bool) {
		for _, e := range f.entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func fixed(text string) func(string) (io.ReadCloser, error) {
	return func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
}
