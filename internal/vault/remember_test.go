package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// counting counts what is opened.
type counting struct {
	Vault
	opened map[string]int
}

func (c counting) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	c.opened[name]++
	return c.Vault.Open(ctx, name)
}

// TestRemember: what was read whole is not read again, has the same bytes, and is bounded; what
// was not read whole, is large, or was not there, is asked for again.
func TestRemember(t *testing.T) {
	folder, err := NewFolder(filepath.Join(t.TempDir(), "v"))
	if err != nil {
		t.Fatal(err)
	}
	c := counting{folder, map[string]int{}}
	v := Remember(c)
	put := func(name, text string) {
		if _, err := v.Create(t.Context(), name, strings.NewReader(text), int64(len(text)), sha256.Sum256([]byte(text))); err != nil {
			t.Fatal(err)
		}
	}
	read := func(name string, most int) string {
		r, err := v.Open(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		data, err := io.ReadAll(io.LimitReader(r, int64(most)))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if _, err := v.Open(t.Context(), "small"); !errors.Is(err, ErrNotFound) {
		t.Errorf("what is not there: %v", err)
	}
	put("small", "small text")
	put("large", strings.Repeat("x", rememberedObject+1))
	for range 3 {
		if read("small", 4) != "smal" {
			t.Error("another beginning")
		}
	}
	for range 3 {
		if read("small", 1<<30) != "small text" || len(read("large", 1<<30)) != rememberedObject+1 {
			t.Error("other bytes")
		}
	}
	if want := 1 + 3 + 1; c.opened["small"] != want || c.opened["large"] != 3 {
		t.Errorf("opened %v, small %d times is wanted and large 3", c.opened, want)
	}
	r := v.(*remembering)
	for i := range 12 {
		r.keep(string(rune('a'+i)), bytes.Repeat([]byte{1}, rememberedObject))
	}
	if r.size > rememberedAll {
		t.Errorf("%d bytes are kept", r.size)
	}
}
