package durable

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestCreateOnly(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := WriteNew(path, []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteNew(path, []byte("second"), 0o600); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("second write: %v, want fs.ErrExist", err)
	}
	got, _ := os.ReadFile(path)
	if string(got) != "first" || len(names(t, dir)) != 1 {
		t.Fatalf("got %q, directory %v", got, names(t, dir))
	}
	if err := WriteFile(path, []byte("third"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "third" || len(names(t, dir)) != 1 {
		t.Fatalf("after replace: %q, %v", got, names(t, dir))
	}
}

func TestInvisibleUntilCommit(t *testing.T) {
	dir := t.TempDir()
	f, err := Create(filepath.Join(dir, "a"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("half"))
	if _, err := os.Stat(filepath.Join(dir, "a")); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("visible before commit: %v", err)
	}
	if err := f.Discard(); err != nil {
		t.Fatal(err)
	}
	if n := names(t, dir); len(n) != 0 {
		t.Fatalf("discard left %v", n)
	}
	if err := f.Commit(); err == nil {
		t.Fatal("commit after discard succeeded")
	}
}

// One of many who want the same name gets it, and the bytes are that one's, whole.
func TestRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	var won atomic.Int64
	var winner atomic.Int64
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			err := WriteNew(path, bytes.Repeat([]byte{byte(i)}, 100_000), 0o600)
			if err == nil {
				won.Add(1)
				winner.Store(int64(i))
			} else if !errors.Is(err, fs.ErrExist) {
				t.Errorf("writer %d: %v", i, err)
			}
		})
	}
	group.Wait()
	got, _ := os.ReadFile(path)
	if won.Load() != 1 || !bytes.Equal(got, bytes.Repeat([]byte{byte(winner.Load())}, 100_000)) {
		t.Fatalf("%d winners, %d bytes", won.Load(), len(got))
	}
}

func TestRenameExclusive(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	os.WriteFile(filepath.Join(dir, "temp"), []byte("x"), 0o600)
	err = renameExclusive(root, "temp", "taken")
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no exclusive rename on this system")
	}
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(dir, "temp"), []byte("y"), 0o600)
	if err := renameExclusive(root, "temp", "taken"); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("onto a taken name: %v", err)
	}
}

func TestFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full here")
	}
	f := &File{file: full, base: "x"}
	if _, err := f.Write(make([]byte, bufferSize)); !errors.Is(err, ErrFull) {
		t.Fatalf("got %v, want ErrFull", err)
	}
	if _, err := f.Write([]byte("x")); err != nil {
		t.Fatalf("what is small waits: %v", err)
	}
	if err := f.flush(); !errors.Is(err, ErrFull) {
		t.Fatalf("got %v, want ErrFull", err)
	}
	full.Close()
}

func TestMakeDir(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a", "b", "c")
	for range 2 { // the second time it is there
		if err := MakeDir(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 {
		t.Fatalf("%v %v", info, err)
	}
	file := filepath.Join(dir, "file")
	if err := WriteNew(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := MakeDir(filepath.Join(file, "x"), 0o700); err == nil {
		t.Error("made a directory inside a file")
	}
}
