// Package vaulttest holds what every vault must do: one suite that the folder and the
// bucket both pass.
package vaulttest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// Run runs the suite; empty gives a new, empty vault.
func Run(t *testing.T, empty func(t *testing.T) vault.Vault) {
	t.Helper()
	for name, check := range map[string]func(*testing.T, vault.Vault){
		"round trip":  roundTrip,
		"create only": createOnly,
		"wrong body":  wrongBody,
		"names":       names,
		"order":       order,
		"race":        race,
		"cancelled":   cancelled,
		"stage":       stage,
	} {
		t.Run(name, func(t *testing.T) { check(t, empty(t)) })
	}
}

func put(v vault.Vault, name string, data []byte) (vault.Entry, error) {
	return v.Create(context.Background(), name, bytes.NewReader(data), int64(len(data)), sha256.Sum256(data))
}

func mustPut(t *testing.T, v vault.Vault, name string, data []byte) vault.Entry {
	t.Helper()
	e, err := put(v, name, data)
	if err != nil {
		t.Fatalf("create %s: %v", name, err)
	}
	return e
}

func get(t *testing.T, v vault.Vault, name string) []byte {
	t.Helper()
	r, err := v.Open(context.Background(), name)
	if err != nil {
		t.Fatalf("open %s: %v", name, err)
	}
	data, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
	return data
}

func list(t *testing.T, v vault.Vault, prefix string) []string {
	t.Helper()
	var out []string
	for e, err := range v.List(context.Background(), prefix) {
		if err != nil {
			t.Fatalf("list %q: %v", prefix, err)
		}
		if e.Odd != "" || e.Marker {
			t.Errorf("list %q: %s is odd: %q, marker %v", prefix, e.Name, e.Odd, e.Marker)
		}
		out = append(out, e.Name)
	}
	return out
}

func roundTrip(t *testing.T, v vault.Vault) {
	big := bytes.Repeat([]byte("evidence\n"), 200_000)
	for name, data := range map[string][]byte{"empty": {}, "a/b/c.json": []byte("{}"), "big": big} {
		e := mustPut(t, v, name, data)
		if e.Name != name || e.Size != int64(len(data)) {
			t.Errorf("entry of %s: %+v", name, e)
		}
		if got := get(t, v, name); !bytes.Equal(got, data) {
			t.Errorf("%s: got %d bytes, want %d", name, len(got), len(data))
		}
	}
	if _, err := v.Open(context.Background(), "a/b/nothing"); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("open of a missing object: %v, want ErrNotFound", err)
	}
	if _, err := v.Open(context.Background(), "a/b"); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("open of a prefix: %v, want ErrNotFound", err)
	}
}

func createOnly(t *testing.T, v vault.Vault) {
	mustPut(t, v, "x/one", []byte("first"))
	for _, second := range []string{"second", "first"} { // equal bytes are refused just the same
		if _, err := put(v, "x/one", []byte(second)); !errors.Is(err, vault.ErrExists) {
			t.Errorf("create again with %q: %v, want ErrExists", second, err)
		}
	}
	if got := get(t, v, "x/one"); string(got) != "first" {
		t.Errorf("overwritten with %q", got)
	}
}

func wrongBody(t *testing.T, v vault.Vault) {
	ctx, data := context.Background(), []byte("what was hashed")
	for name, err := range map[string]error{
		"hash": second(v.Create(ctx, "w/hash", strings.NewReader("what was Hashed"), 15, sha256.Sum256(data))),
		"long": second(v.Create(ctx, "w/long", strings.NewReader("what was hashed and more"), 15, sha256.Sum256(data))),
		"cut":  second(v.Create(ctx, "w/cut", strings.NewReader("what"), 15, sha256.Sum256(data))),
	} {
		if err == nil {
			t.Errorf("%s: a body that differs was stored", name)
		}
	}
	if got := list(t, v, "w/"); len(got) != 0 {
		t.Errorf("refused bodies left %v", got)
	}
	half := strings.NewReader("what was hashed")
	half.Seek(5, io.SeekStart)
	if _, err := v.Create(ctx, "w/seek", half, 15, sha256.Sum256(data)); err != nil {
		t.Errorf("body not at its start: %v", err)
	}
}

func second(_ vault.Entry, err error) error { return err }

func names(t *testing.T, v vault.Vault) {
	long := strings.Repeat("a", 101)
	for _, name := range []string{"", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "../a", "a b", "a\nb", "ä", "a\\b", "C:a", ".tmp-x", long} {
		if _, err := put(v, name, []byte("x")); !errors.Is(err, vault.ErrName) {
			t.Errorf("create %q: %v, want ErrName", name, err)
		}
		if _, err := v.Open(context.Background(), name); !errors.Is(err, vault.ErrName) {
			t.Errorf("open %q: %v, want ErrName", name, err)
		}
	}
	if got := list(t, v, ""); len(got) != 0 {
		t.Errorf("refused names left %v", got)
	}
}

func order(t *testing.T, v vault.Vault) {
	all := []string{"a-b/x", "a/b", "a/b-c/d", "a.txt", "a/b.c", "b", "A", "a/c/d/e"}
	for _, n := range all {
		mustPut(t, v, n, []byte(n))
	}
	slices.Sort(all)
	if got := list(t, v, ""); !slices.Equal(got, all) {
		t.Errorf("listed %v, want %v", got, all)
	}
	for _, prefix := range []string{"a", "a/", "a/b", "a/c/", "a/c/d/e", "zzz", "zz/top/"} {
		var want []string
		for _, n := range all {
			if strings.HasPrefix(n, prefix) {
				want = append(want, n)
			}
		}
		if got := list(t, v, prefix); !slices.Equal(got, want) {
			t.Errorf("prefix %q: %v, want %v", prefix, got, want)
		}
	}
	for range v.List(context.Background(), "") {
		break // an abandoned listing stops
	}
}

func race(t *testing.T, v vault.Vault) {
	var won atomic.Int64
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			_, err := put(v, "race/one", fmt.Appendf(nil, "writer %d", i))
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, vault.ErrExists) {
				t.Errorf("writer %d: %v", i, err)
			}
		})
	}
	group.Wait()
	if won.Load() != 1 {
		t.Errorf("%d writers won", won.Load())
	}
}

func cancelled(t *testing.T, v vault.Vault) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := v.Create(ctx, "c", strings.NewReader(""), 0, sha256.Sum256(nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("create: %v, want context.Canceled", err)
	}
	if got := list(t, v, ""); len(got) != 0 {
		t.Errorf("left %v", got)
	}
}

func stage(t *testing.T, v vault.Vault) {
	s, ok := v.(vault.Stager)
	if !ok {
		return // optional: a bucket takes no unfinished objects
	}
	ctx := context.Background()
	one, err := s.Stage(ctx, "s/one")
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(one, "half")
	if _, err := v.Open(ctx, "s/one"); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("staged object is visible: %v", err)
	}
	mustPut(t, v, "s/one", []byte("first"))
	if _, err := one.Commit(ctx); !errors.Is(err, vault.ErrExists) {
		t.Errorf("commit onto a taken name: %v, want ErrExists", err)
	}
	two, err := s.Stage(ctx, "s/two")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(two.Discard(), two.Discard()); err != nil {
		t.Errorf("discard twice: %v", err)
	}
	if got := list(t, v, ""); !slices.Equal(got, []string{"s/one"}) {
		t.Errorf("left %v", got)
	}
}
