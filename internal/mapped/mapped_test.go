package mapped

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestCopy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	data := bytes.Repeat([]byte("0123456789abcdef"), 200_000)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out bytes.Buffer
	n, done, err := Copy(&out, f)
	if err != nil || done && (n != int64(len(data)) || !bytes.Equal(out.Bytes(), data)) {
		t.Errorf("%d %v %v", n, done, err)
	}
	if !done && runtime.GOOS == "linux" {
		t.Error("nothing is mapped on Linux")
	}
	empty, err := os.Create(filepath.Join(t.TempDir(), "empty"))
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	if _, done, err := Copy(io.Discard, empty); done || err != nil {
		t.Errorf("empty: %v %v", done, err)
	}
}

// shrinks truncates the file when it is given the first piece.
type shrinks struct {
	path string
	seen byte
}

func (s *shrinks) Write(p []byte) (int, error) {
	if err := os.Truncate(s.path, 0); err != nil {
		return 0, err
	}
	for _, b := range p {
		s.seen ^= b
	}
	return len(p), nil
}

func TestTruncatedMeanwhile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, make([]byte, 3<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, done, err := Copy(&shrinks{path: path}, f); done && !errors.Is(err, ErrChanged) {
		t.Errorf("%v", err)
	}
}
