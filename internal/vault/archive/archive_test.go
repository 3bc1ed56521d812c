package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

func TestVault(t *testing.T) {
	want := objects()
	data, _ := mustWrite(t, folder(t, want))
	a := mustOpen(t, save(t, data))
	ctx := context.Background()

	all := slices.Sorted(maps.Keys(want))
	for _, prefix := range []string{"", "a", "a/", "a/b", "collections/01/", "ledger/0", "README", "zzz", "0", "mid/m"} {
		var names []string
		for _, n := range all {
			if strings.HasPrefix(n, prefix) {
				names = append(names, n)
			}
		}
		if got := list(t, a, prefix); !slices.Equal(got, names) {
			t.Errorf("prefix %q: %q, want %q", prefix, got, names)
		}
	}
	for range a.List(ctx, "") {
		break // an abandoned listing stops
	}
	for _, name := range []string{"nothing", "ledger", "a/b/c", "case.jso", "case.json0", "CASE.JSON"} {
		if _, err := a.Open(ctx, name); !errors.Is(err, vault.ErrNotFound) {
			t.Errorf("open %q: %v", name, err)
		}
	}
	for _, name := range []string{"", "/", "../a", "a//b", ".tmp-1"} {
		if _, err := a.Open(ctx, name); !errors.Is(err, vault.ErrName) {
			t.Errorf("open %q: %v", name, err)
		}
	}
	if _, err := a.Create(ctx, "new", strings.NewReader(""), 0, sha256.Sum256(nil)); !errors.Is(err, ErrReadOnly) {
		t.Errorf("create: %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := a.Open(cancelled, "case.json"); !errors.Is(err, context.Canceled) {
		t.Errorf("open, cancelled: %v", err)
	}
	for _, err := range a.List(cancelled, "") {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("list, cancelled: %v", err)
		}
	}
}

// More readers than decoders that wait, in every order, partly read, closed twice.
func TestConcurrent(t *testing.T) {
	want := objects()
	v := folder(t, want)
	ours, _ := mustWrite(t, v)
	var plain []byte
	for off := int64(0); off < int64(len(ours)); { // the same, in one frame
		s := scanner{file: bytes.NewReader(ours), size: int64(len(ours))}
		f, err := s.frame(context.Background(), off)
		if err != nil {
			t.Fatal(err)
		}
		dec, err := newDecoder()
		if err != nil {
			t.Fatal(err)
		}
		if err := dec.Reset(bytes.NewReader(ours[f.start:f.end])); err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(dec)
		if err != nil {
			t.Fatal(err)
		}
		plain, off = append(plain, content...), f.end
	}
	for what, data := range map[string][]byte{"ours": ours, "one frame": compress(t, plain)} {
		t.Run(what, func(t *testing.T) { concurrently(t, mustOpen(t, save(t, data)), want) })
	}
}

func concurrently(t *testing.T, a *Archive, want map[string][]byte) {
	var group sync.WaitGroup
	for range 3 * maxParked {
		group.Go(func() {
			for name, data := range want { // in another order each time
				r, err := a.Open(context.Background(), name)
				if err != nil {
					t.Error(err)
					return
				}
				half := make([]byte, len(data)/2)
				if _, err := io.ReadFull(r, half); err != nil || !bytes.Equal(half, data[:len(half)]) {
					t.Errorf("first half of %s: %v", name, err)
				}
				if len(name)%2 == 0 {
					rest, err := io.ReadAll(r)
					if err != nil || !bytes.Equal(rest, data[len(half):]) {
						t.Errorf("second half of %s: %v", name, err)
					}
				}
				if err := errors.Join(r.Close(), r.Close()); err != nil {
					t.Errorf("close %s: %v", name, err)
				}
				if _, err := r.Read(half[:0]); !errors.Is(err, fs.ErrClosed) {
					t.Errorf("read of a closed reader: %v", err)
				}
			}
		})
	}
	group.Wait()
}

// In our own archives a member is read without what lies before it, whatever was read last.
func TestJump(t *testing.T) {
	data, _ := mustWrite(t, folder(t, map[string][]byte{"a": []byte("a"), "b": noise(4 << 20), "c": []byte("c")}))
	count := &counter{ReaderAt: bytes.NewReader(data)}
	a, err := open(context.Background(), "jump", count, int64(len(data)), defaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	count.bytes = 0
	for _, name := range []string{"a", "c", "a", "c"} {
		if got := string(get(t, a, name)); got != name {
			t.Errorf("%s is %q", name, got)
		}
	}
	if count.bytes > 1<<20 {
		t.Errorf("read %d bytes of the file for two small members", count.bytes)
	}
}

// A file that is changed or cut after it was opened does not read as something else.
func TestChangedAfterOpen(t *testing.T) {
	want := map[string][]byte{"a": noise(400_000), "b": bytes.Repeat([]byte("b"), 1000)}
	data, _ := mustWrite(t, folder(t, want))
	for what, change := range map[string]func(path string) error{
		"cut":   func(path string) error { return os.Truncate(path, 200_000) },
		"empty": func(path string) error { return os.Truncate(path, 0) },
		"flip": func(path string) error {
			bad := bytes.Clone(data)
			bad[200_000] ^= 1
			return os.WriteFile(path, bad, 0o600)
		},
	} {
		path := save(t, data)
		a := mustOpen(t, path)
		if err := change(path); err != nil {
			t.Fatal(err)
		}
		r, err := a.Open(context.Background(), "a")
		if err == nil {
			_, err = io.ReadAll(r)
			r.Close()
		}
		if !errors.Is(err, ErrArchive) || !strings.Contains(err.Error(), "read a in "+path) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestClose(t *testing.T) {
	data, _ := mustWrite(t, folder(t, map[string][]byte{"a": noise(400_000), "b": []byte("b")}))
	a := mustOpen(t, save(t, data))
	get(t, a, "b")
	r, err := a.Open(context.Background(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(a.Close(), a.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); !errors.Is(err, fs.ErrClosed) || errors.Is(err, ErrArchive) {
		t.Errorf("read after Close: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := a.Open(context.Background(), "b"); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("open after Close: %v", err)
	}
}
