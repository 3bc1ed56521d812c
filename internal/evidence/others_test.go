package evidence

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// The script of README-VERIFY.txt accepts a case and names what is wrong with a changed one.
func TestReadmeScript(t *testing.T) {
	if _, err := exec.LookPath("sha256sum"); err != nil {
		t.Skip("SKIPPED LOUDLY: no sha256sum")
	}
	v := newFolder(t)
	c := newCase(t, v, t.TempDir())
	b := mustFill(t, c)
	d := mustDerive(t, c)
	if out := runReadme(t, v.String()); out != "done" {
		t.Fatalf("script over an intact case says:\n%s", out)
	}
	tamper(t, v, "collections/"+b.ID()+"/data/pay._LATEST.code.zip", "evil")
	tamper(t, v, "derived/"+d.ID+"/timeline.jsonl", "evil")
	os.WriteFile(filepath.Join(v.String(), "collections", b.ID(), "data", "extra"), nil, 0o600)
	kid, _ := KeyID(c.Signer.Public())
	tamper(t, v, headName(1), strings.Replace(readText(t, v, headName(1)), "epoch: 0", "epoch: 1", 1))
	os.Remove(filepath.Join(v.String(), sigName(2, kid)))
	out := runReadme(t, v.String())
	for _, want := range []string{"pay._LATEST.code.zip: FAILED", "NOT LISTED: data/extra", "CHANGED: derived/", "SIGNATURE: " + sigName(1, kid), "NOT SIGNED: " + ledgerName(2)} {
		if !strings.Contains(out, want) {
			t.Errorf("script does not say %q:\n%s", want, out)
		}
	}
}

func readText(t *testing.T, v *vault.Folder, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(v.String(), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func runReadme(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "README-VERIFY.txt"))
	if err != nil {
		t.Fatal(err)
	}
	_, script, _ := strings.Cut(string(text), "--- script\n")
	script, _, found := strings.Cut(script, "--- end")
	if !found {
		t.Fatal("no script in README-VERIFY.txt")
	}
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("script: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// bagit.py, by the people of the format, accepts our bags, the empty one too.
func TestBagitPython(t *testing.T) {
	python := os.Getenv("FREEZEFRAME_BAGIT")
	if python == "" {
		t.Skip("SKIPPED LOUDLY: FREEZEFRAME_BAGIT is not set to a python with bagit 1.9.0")
	}
	c := newCase(t, newFolder(t), t.TempDir())
	full := mustFill(t, c)
	w, err := c.Begin(ctx, Header{Kind: KindContainment, Operator: "two\nlines"})
	if err != nil {
		t.Fatal(err)
	}
	empty, err := w.Seal(ctx, StatusComplete)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []*Bag{full, empty} {
		dir := filepath.Join(c.Vault().String(), "collections", b.ID())
		if out, err := exec.Command(python, "-m", "bagit", "--validate", dir).CombinedOutput(); err != nil {
			t.Errorf("bagit.py: %v\n%s", err, out)
		}
	}
	intact(t, c.Vault())
}
