package vault_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/internal/vault/vaulttest"
)

func TestFolder(t *testing.T) {
	vaulttest.Run(t, func(t *testing.T) vault.Vault {
		f, err := vault.NewFolder(filepath.Join(t.TempDir(), "case"))
		if err != nil {
			t.Fatal(err)
		}
		return f
	})
}

func TestFolderGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "case")
	if _, err := vault.OpenFolder(path); !errors.Is(err, vault.ErrGone) {
		t.Fatalf("open of a missing folder: %v, want ErrGone", err)
	}
	f, err := vault.NewFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	s, err := f.Stage(ctx, "a/b")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(ctx); !errors.Is(err, vault.ErrGone) {
		t.Errorf("commit: %v, want ErrGone", err)
	}
	if _, err := f.Create(ctx, "a", strings.NewReader(""), 0, sha256.Sum256(nil)); !errors.Is(err, vault.ErrGone) {
		t.Errorf("create: %v, want ErrGone", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the vanished folder was made again")
	}
}

// Links and pipes are no evidence: not read, and listed as what they are.
func TestFolderOddFiles(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(secret, []byte("outside"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := vault.NewFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"link": secret, "up": ".."} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	os.WriteFile(filepath.Join(dir, ".tmp-123"), nil, 0o600)
	os.WriteFile(filepath.Join(dir, "a b"), nil, 0o600)
	for _, name := range []string{"link", "up/outside"} {
		if _, err := f.Open(context.Background(), name); err == nil {
			t.Errorf("opened %s", name)
		}
	}
	if _, err := f.Create(context.Background(), "up/x", strings.NewReader(""), 0, sha256.Sum256(nil)); err == nil {
		t.Error("wrote through a link that leads out of the folder")
	}
	got := map[string]string{}
	for e, err := range f.List(context.Background(), "") {
		if err != nil {
			t.Fatal(err)
		}
		got[e.Name] = e.Odd
	}
	want := map[string]string{"link": "symbolic link", "up": "symbolic link", ".tmp-123": vault.OddLeftover, "a b": "unsafe name"}
	for name, odd := range want {
		if got[name] != odd {
			t.Errorf("%s is %q, want %q", name, got[name], odd)
		}
	}
}
