package mandate

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// TestLoad: a mandate with the signatures beside it; what is beside it by another name is not looked
// at, and what is no mandate is an error.
func TestLoad(t *testing.T) {
	keys := []*evidence.LocalKey{newKey(t), newKey(t), newKey(t)}
	w := newWorld(t, withApprovers(t, keys), keys)
	dir := t.TempDir()
	path := filepath.Join(dir, "night.yaml")
	write := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	reason := func() string {
		t.Helper()
		h, err := Load(path, acts(), w.trusted)
		if err != nil {
			t.Fatal(err)
		}
		if d := Decide(h, &w.alert, w.facts, w.now); d.Outcome != DoAct {
			return d.Reasons[0].ID
		}
		return "act"
	}
	want := func(what, id string) {
		t.Helper()
		if got := reason(); got != id {
			t.Errorf("%s: %s, want %s", what, got, id)
		}
	}
	want("no file", "no-mandate")
	write("night.yaml", []byte(w.text))
	write("night.yaml.sig", w.signatures[0].DER)
	write("other.yaml."+w.signatures[0].KeyID+".sig", w.signatures[0].DER)
	want("no signature by its name", "no-signature")
	name := SigName("night.yaml", w.signatures[0].KeyID)
	write(name, w.signatures[0].DER)
	want("signed", "act")
	write("night.yaml."+strings.Repeat("0", 32)+".sig", []byte("x"))
	want("and by somebody else", "act")
	write("night.yaml", append([]byte("# \n"), w.text...))
	want("changed", "bad-signature")
	write("night.yaml", nil)
	if _, err := Load(path, acts(), w.trusted); err == nil {
		t.Error("an empty file is a mandate")
	}
	write("night.yaml", []byte(w.text))
	write(name, make([]byte, 1000))
	if _, err := Load(path, acts(), w.trusted); err == nil {
		t.Error("a signature of any size is read")
	}
	write("night.yaml", bytes.Repeat([]byte("#"), 1<<20))
	if _, err := Load(path, acts(), w.trusted); err == nil {
		t.Error("a mandate of any size is read")
	}
}

// TestOpenssl: what the page says about signing and checking by hand is so. openssl's signature is
// ours to take, and ours is openssl's.
func TestOpenssl(t *testing.T) {
	doc, err := os.ReadFile("../../docs/respond.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(doc, []byte("```\nkeyid="))
	recipe, _, ok := bytes.Cut(rest, []byte("```"))
	if !ok {
		t.Fatal("docs/respond.md has no recipe")
	}
	dir := t.TempDir()
	run := func(script string) string {
		t.Helper()
		cmd := exec.Command("sh", "-c", script)
		cmd.Dir = dir
		out, _ := cmd.CombinedOutput() // what it says counts
		return string(out)
	}
	data := []byte(example(t))
	if err := os.WriteFile(filepath.Join(dir, "night.yaml"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	run("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out boss-key.pem")
	if out := run("keyid=" + string(recipe)); !strings.Contains(out, "Verified OK") {
		t.Fatalf("openssl says %q", out)
	}
	pem, err := os.ReadFile(filepath.Join(dir, "boss.pem"))
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := evidence.ParsePublicKeys(pem)
	if err != nil {
		t.Fatal(err)
	}
	h, err := Load(filepath.Join(dir, "night.yaml"), acts(), trusted)
	if err != nil || h.void != nil || len(h.By) != 1 {
		t.Errorf("openssl's signature: %+v, %v", h, err)
	}
	// And the other way: ours, by openssl; and of a file that changed.
	key, err := evidence.LoadLocalKey(filepath.Join(dir, "boss-key.pem"), nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Sign(t.Context(), key, data)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ours.sig"), s.DER, 0o600); err != nil {
		t.Fatal(err)
	}
	const check = "openssl dgst -sha256 -verify boss.pem -signature ours.sig signed.txt"
	if out := run(check); !strings.Contains(out, "Verified OK") {
		t.Errorf("of ours, openssl says %q", out)
	}
	if out := run("echo >> signed.txt; " + check); strings.Contains(out, "Verified OK") {
		t.Errorf("of a changed file, openssl says %q", out)
	}
}
