package evidence

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// sealedTo opens a case whose secrets go to the given public keys.
func sealedTo(t *testing.T, o CaseOptions) (*vault.Folder, *Case) {
	t.Helper()
	v := newFolder(t)
	o.Title, o.Authority, o.Operator, o.Home, o.Now = "t", "a", "o", t.TempDir(), fakeClock()
	c, err := CreateCase(ctx, v, o)
	if err != nil {
		t.Fatal(err)
	}
	return v, c
}

func secretOf(t *testing.T, c *Case) (*Bag, Item) {
	t.Helper()
	for f, err := range c.Find(ctx, func(e Entry) bool { return e.Item != nil && e.Item.Sensitive }) {
		if err != nil {
			t.Fatal(err)
		}
		return f.Bag, *f.Entry.Item
	}
	t.Fatal("no secret in the case")
	return nil, Item{}
}

// Secrets go to several keys, age's and ssh's; each opens them, and each look is an event.
func TestRevealToSeveral(t *testing.T) {
	dir := t.TempDir()
	native, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	recipients, files := []string{native.Recipient().String()}, []string{filepath.Join(dir, "age.txt")}
	if err := os.WriteFile(files[0], []byte(native.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"ed25519", "rsa"} {
		path := filepath.Join(dir, kind)
		if out, err := exec.Command("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "", "-f", path).CombinedOutput(); err != nil {
			t.Skipf("SKIPPED LOUDLY: no ssh-keygen: %v %s", err, out)
		}
		pub, err := os.ReadFile(path + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		recipients, files = append(recipients, strings.TrimSpace(string(pub))), append(files, path)
	}
	v, c := sealedTo(t, CaseOptions{Recipients: recipients})
	mustFill(t, c)
	b, it := secretOf(t, c)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		ids, err := ParseIdentities(data)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := c.Reveal(ctx, b, it, "R. Sponder", "because", &out, ids...); err != nil || out.String() != secretText {
			t.Errorf("%s: %q %v", file, out.String(), err)
		}
	}
	looks := 0
	for e, err := range c.Ledger(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Type == EventAccess && e.Data["item"] == it.ID && e.Reason == "because" {
			looks++
		}
	}
	if looks != 3 {
		t.Errorf("%d looks recorded", looks)
	}
	intact(t, v)
	stranger, _ := age.GenerateX25519Identity()
	if err := c.Reveal(ctx, b, it, "x", "y", io.Discard, stranger); err == nil {
		t.Error("a stranger opened it")
	}
	if _, err := CreateCase(ctx, newFolder(t), CaseOptions{Home: t.TempDir(), Recipients: []string{"nonsense"}}); !errors.Is(err, ErrRecipient) {
		t.Errorf("%v", err)
	}
}

// A case that seals all has no payload in clear, and who holds the identity works in it as in any other.
func TestSealAll(t *testing.T) {
	v, c := sealedTo(t, CaseOptions{SealAll: true})
	b := mustFill(t, c)
	intact(t, v)
	for e, err := range v.List(ctx, collectionsDir) {
		if err != nil {
			t.Fatal(err)
		}
		_, path, payload := strings.Cut(e.Name, "/data/")
		if payload && !strings.HasPrefix(path, "sealed/") {
			t.Errorf("in clear: %s", e.Name)
		}
		data, err := readFile(ctx, v, e.Name, maxTagFile)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"PK code", "DB_PASSWORD"} {
			if bytes.Contains(data, []byte(text)) {
				t.Errorf("%s holds %q", e.Name, text)
			}
		}
	}
	again, err := OpenCase(ctx, v)
	if err != nil || !again.SealAll {
		t.Fatal(again, err)
	}
	data, err := os.ReadFile(c.IdentityPath)
	if err != nil {
		t.Fatal(err)
	}
	if again.Identities, err = ParseIdentities(data); err != nil {
		t.Fatal(err)
	}
	for _, who := range []*Case{again, c} {
		for it, err := range b.Items(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			if it.Artefact != "lambda.code" {
				continue
			}
			r, err := who.open(ctx, b.prefix(), it)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(r)
			if got := string(text) == "PK code"; err != nil || got != (who == again) {
				t.Errorf("read %q, %v", text, err)
			}
			r.Close()
			if !it.Sealed || it.Sensitive || it.Declared == nil || !it.Declared.Matches {
				t.Errorf("%+v", it)
			}
		}
	}
	if _, it := secretOf(t, c); it.Sealed {
		t.Error("a secret opens without being revealed")
	}
}
