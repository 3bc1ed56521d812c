package evidence

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A bag that was sealed by a process that died before the event is adopted by the next.
func TestAdopt(t *testing.T) {
	folder := newFolder(t)
	c := newCase(t, folder, t.TempDir())
	signer := c.Signer
	w, err := c.Begin(ctx, Header{})
	if err != nil {
		t.Fatal(err)
	}
	// begin is written: what follows are the empty payload, the seal note, five files, the tagmanifest, the event.
	c.vault = &faulty{Vault: folder, nth: 9, dies: true}
	if _, err := w.Seal(ctx, StatusComplete); err == nil || !strings.Contains(err.Error(), "not in the ledger") {
		t.Fatalf("seal: %v", err)
	}
	if ps := problems(t, folder); len(ps) != 1 || ps[0].What != whatNotInLedger || ps[0].Damage() {
		t.Fatalf("before: %+v", ps)
	}
	c, err = OpenCase(ctx, folder)
	if err != nil {
		t.Fatal(err)
	}
	c.Signer = signer
	ids, err := c.Adopt(ctx, "the next one")
	if err != nil || len(ids) != 1 || ids[0] != w.Bag() {
		t.Fatalf("adopted %v, %v", ids, err)
	}
	intact(t, folder)
	if ids, err := c.Adopt(ctx, ""); err != nil || len(ids) != 0 {
		t.Errorf("adopted again: %v, %v", ids, err)
	}
}

// A result whose writer died before the event is adopted by the next; one of other bytes than it
// lists, and one that was never finished, are not.
func TestAdoptResult(t *testing.T) {
	for _, c := range []struct {
		name   string
		nth    int // the write at which the vault dies: the file, derived.json, the event
		change string
		ids    int
		fails  bool
	}{
		{"before the event", 3, "", 1, false},
		{"before derived.json", 2, "", 0, false},
		{"and its file was changed", 3, "y", 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := newFolder(t)
			cs := newCase(t, folder, t.TempDir())
			signer := cs.Signer
			cs.vault = &faulty{Vault: folder, nth: c.nth, dies: true}
			d, err := cs.Derive(ctx, Derived{Kind: "timeline"}, File{Name: "a.txt", Write: writeText("x")})
			if err == nil {
				t.Fatal("the vault died, and Derive did not notice")
			}
			if ps := problems(t, folder); len(ps) != 1 || ps[0].Damage() {
				t.Fatalf("before: %+v", ps)
			}
			if c.change != "" {
				path := filepath.Join(strings.TrimPrefix(folder.String(), "file://"), "derived", d.ID, "a.txt")
				if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, []byte(c.change), 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			if cs, err = OpenCase(ctx, folder); err != nil {
				t.Fatal(err)
			}
			cs.Signer = signer
			ids, err := cs.Adopt(ctx, "the next one")
			if len(ids) != c.ids || (err != nil) != c.fails || c.fails && !errors.Is(err, ErrDamaged) {
				t.Fatalf("adopted %v, %v", ids, err)
			}
			if c.ids == 0 {
				return
			}
			if ids[0] != "derived/"+d.ID {
				t.Errorf("adopted %v, want %s", ids, d.ID)
			}
			intact(t, folder)
			if ids, err := cs.Adopt(ctx, ""); err != nil || len(ids) != 0 {
				t.Errorf("adopted again: %v, %v", ids, err)
			}
		})
	}
}
