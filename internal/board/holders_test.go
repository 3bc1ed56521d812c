package board_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// TestHolders: whoever has a claim now is told, by the newest word of its chain; who let go, and who
// was overtaken, is not.
func TestHolders(t *testing.T) {
	dir := t.TempDir()
	v, err := vault.NewFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	b := board.On(v, "first")
	if held, err := b.Holders(t.Context()); err != nil || len(held) != 0 {
		t.Errorf("nobody has anything: %+v %v", held, err)
	}
	for i, what := range []string{"a", "a-b", "due/x/1", "due/x/10"} { // chains that stand beside and within each other
		c, err := b.As(fmt.Sprint("holder-", i)).TryClaim(t.Context(), what)
		if err != nil {
			t.Fatal(err)
		}
		for range i {
			if err := c.Held(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if what == "a-b" {
			if err := c.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := b.As("second").TryClaim(t.Context(), what); err != nil {
				t.Fatal(err)
			}
		}
		if what == "due/x/1" {
			if err := c.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	held, err := b.Holders(t.Context())
	if err != nil || len(held) != 3 {
		t.Fatalf("%+v %v", held, err)
	}
	got := map[string]string{}
	for _, h := range held {
		got[h.What] = h.Who
		if h.Since.IsZero() || h.Silence != board.Silence {
			t.Errorf("%+v", h)
		}
		if now, err := b.HeldBy(t.Context(), h.What); err != nil || now.Who != h.Who {
			t.Errorf("%+v, and asked alone %+v %v", h, now, err)
		}
	}
	if got["a"] != "holder-0" || got["a-b"] != "second" || got["due/x/10"] != "holder-3" {
		t.Error(got)
	}
	if err := os.WriteFile(filepath.Join(dir, "board", "claims", "odd"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Holders(t.Context()); err == nil {
		t.Error("what is none of ours is no claim")
	}
}
