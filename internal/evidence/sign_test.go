package evidence

import (
	"bytes"
	"crypto/ecdsa"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// look verifies with pins and gives problems and report.
func look(t *testing.T, v vault.Vault, o VerifyOptions) ([]Problem, Report) {
	t.Helper()
	var r Report
	o.Report = &r
	var out []Problem
	for p, err := range Verify(ctx, v, o) {
		if err != nil {
			t.Fatalf("verify %s: %v", p.Path, err)
		}
		out = append(out, p)
	}
	return out, r
}

func pins(c *Case) VerifyOptions {
	return VerifyOptions{Keys: []*ecdsa.PublicKey{c.Signer.Public()}}
}

func TestSignedCase(t *testing.T) {
	s := newSample(t)
	ps, r := look(t, s.v, pins(s.c))
	if len(ps) > 0 || !r.Pinned || r.Events != 5 || r.Heads != 5 || len(r.Signers) != 1 || r.Signers[0].Last != 4 || r.Head.Events != 5 || r.Last != r.Head.SHA256 {
		t.Errorf("%+v %+v", ps, r)
	}
	if ps, r := look(t, s.v, VerifyOptions{}); len(ps) > 0 || r.Pinned || r.Heads != 5 {
		t.Errorf("nobody pinned: %+v %+v", ps, r)
	}
	stranger, _, err := makeLocalKey(t.TempDir(), "x", "")
	if err != nil {
		t.Fatal(err)
	}
	ps, r = look(t, s.v, VerifyOptions{Keys: []*ecdsa.PublicKey{stranger.Public()}})
	if r.Pinned || !slices.ContainsFunc(ps, func(p Problem) bool { return p.What == whatNoPinned && p.Damage() }) {
		t.Errorf("another key pinned: %+v", ps)
	}
}

// forge copies the files of a case into a new one that the forger signs himself: whatever he
// changes agrees with itself.
func forge(t *testing.T, s sample, key *LocalKey, change func(name string, data []byte) []byte) vault.Vault {
	t.Helper()
	into := newFolder(t)
	put := func(name string, data []byte) {
		if _, err := putExact(ctx, into, name, data); err != nil {
			t.Fatal(err)
		}
	}
	sums := map[string]string{}
	for _, name := range s.files(t) {
		if strings.HasPrefix(name, ledgerDir) || strings.HasPrefix(name, keysDir) || strings.HasSuffix(name, tagManifestFile) || strings.HasSuffix(name, "/"+manifestFile) {
			continue
		}
		data, err := os.ReadFile(s.at(name))
		if err != nil {
			t.Fatal(err)
		}
		data = change(name, data)
		put(name, data)
		sums[name] = hashBytes(data)
	}
	for _, b := range []*Bag{s.b1, s.b2} {
		payload, tags := map[string]string{}, map[string]string{}
		for name, sum := range sums {
			if path, in := strings.CutPrefix(name, b.prefix()); in && isPayload(path) {
				payload[path] = sum
			} else if in {
				tags[path] = sum
			}
		}
		tags[manifestFile] = hashBytes(formatManifest(payload))
		put(b.prefix()+manifestFile, formatManifest(payload))
		put(b.prefix()+tagManifestFile, formatManifest(tags))
		sums[b.prefix()+tagManifestFile] = hashBytes(formatManifest(tags))
	}
	keyName, pub, err := keyFile(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	put(keyName, pub)
	forger := &Case{ID: s.c.ID, vault: into, tail: emptyTail(), signed: -1, Signer: key}
	forger.defaults()
	for e, err := range s.c.Ledger(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		e.Covers = slices.DeleteFunc(e.Covers, func(d Digest) bool {
			return strings.HasPrefix(d.Path, headsDir) || strings.HasPrefix(d.Path, keysDir)
		})
		for i, d := range e.Covers {
			e.Covers[i].SHA256 = sums[d.Path]
		}
		if e.Seq == 0 {
			e.Covers = append(e.Covers, Digest{Path: keyName, SHA256: hashBytes(pub)})
		}
		if _, err := forger.append(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	return into
}

// A forger turns what was absent into denied, rebuilds manifests, chain and heads, and signs
// with a key of his own. Only a pin tells.
func TestForgedCase(t *testing.T) {
	s := newSample(t)
	key, _, err := makeLocalKey(t.TempDir(), "forger", "")
	if err != nil {
		t.Fatal(err)
	}
	changed := false
	v := forge(t, s, key, func(name string, data []byte) []byte {
		if !strings.HasSuffix(name, coverageFile) {
			return data
		}
		changed = true
		return bytes.ReplaceAll(data, []byte(`"absent"`), []byte(`"denied"`))
	})
	if ps, r := look(t, v, VerifyOptions{}); !changed || len(ps) > 0 || r.Pinned {
		t.Errorf("without a pin: %+v %+v", ps, r)
	}
	ps, r := look(t, v, pins(s.c))
	kid, _ := KeyID(key.Public())
	if r.Pinned || !slices.ContainsFunc(ps, func(p Problem) bool { return p.Path == sigName(4, kid) && p.Damage() }) {
		t.Errorf("with a pin: %+v", ps)
	}
}

// Cutting the tail off with its heads leaves no trace, unless a later head is expected.
func TestRollback(t *testing.T) {
	s := newSample(t)
	_, before := look(t, s.v, pins(s.c))
	cut := []string{ledgerName(4), headName(4), headName(3)}
	for _, name := range s.files(t) {
		if slices.Contains(cut, name) || strings.HasPrefix(name, headsDir+"00000004") || strings.HasPrefix(name, derivedDir) || name == ledgerName(3) || strings.HasPrefix(name, headsDir+"00000003") {
			os.Remove(s.at(name))
		}
	}
	ps, r := look(t, s.v, pins(s.c))
	if len(ps) > 0 || !r.Pinned || r.Events != 3 {
		t.Errorf("cut off: %+v %+v", ps, r)
	}
	o := pins(s.c)
	o.ExpectHead = before.Last
	if ps, _ := look(t, s.v, o); len(ps) != 1 || ps[0].What != whatRolledBack || !ps[0].Damage() {
		t.Errorf("expected head: %+v", ps)
	}
	o.ExpectHead = r.Last
	if ps, _ := look(t, s.v, o); len(ps) > 0 {
		t.Errorf("a head that is there: %+v", ps)
	}
}

func TestRekey(t *testing.T) {
	s := newSample(t)
	first := s.c.Signer
	next, _, err := makeLocalKey(t.TempDir(), "next", "")
	if err != nil {
		t.Fatal(err)
	}
	kid, _ := KeyID(first.Public())
	if err := s.c.Rekey(ctx, "", "the laptop is lost", next.Public(), kid); err != nil {
		t.Fatal(err)
	}
	s.c.Signer = next
	if err := s.c.Record(ctx, Event{Type: EventNote, Reason: "by the next key"}); err != nil {
		t.Fatal(err)
	}
	if ps, r := look(t, s.v, VerifyOptions{Keys: []*ecdsa.PublicKey{first.Public()}}); len(ps) > 0 || !r.Pinned || len(r.Signers) != 2 || r.Head.Epoch != 1 {
		t.Errorf("%+v %+v", ps, r)
	}
	s.c.Signer = first
	if err := s.c.Record(ctx, Event{Type: EventNote, Reason: "by the key that was retired"}); err != nil {
		t.Fatal(err)
	}
	if ps, _ := look(t, s.v, VerifyOptions{Keys: []*ecdsa.PublicKey{first.Public()}}); !slices.ContainsFunc(ps, func(p Problem) bool { return p.Path == sigName(7, kid) && p.Damage() }) {
		t.Errorf("the retired key still counts: %+v", ps)
	}
}

// A stranger's key that only lies in the case counts for nothing, whoever covers it later.
func TestStrangersSignature(t *testing.T) {
	s := newSample(t)
	stranger, _, err := makeLocalKey(t.TempDir(), "stranger", "")
	if err != nil {
		t.Fatal(err)
	}
	own := s.c.Signer
	s.c.Signer = stranger
	if err := s.c.Rekey(ctx, "", "let me in", stranger.Public(), ""); err != nil {
		t.Fatal(err)
	}
	s.c.Signer = own
	kid, _ := KeyID(stranger.Public())
	ps, _ := look(t, s.v, pins(s.c))
	if !slices.ContainsFunc(ps, func(p Problem) bool { return p.Path == sigName(5, kid) && p.Damage() }) {
		t.Errorf("%+v", ps)
	}
}

func TestUnsignedTail(t *testing.T) {
	s := newSample(t)
	other, err := OpenCase(ctx, s.v)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Record(ctx, Event{Type: EventNote, Reason: "from a machine without the key"}); err != nil {
		t.Fatal(err)
	}
	ps, _ := look(t, s.v, pins(s.c))
	if len(ps) != 1 || ps[0].Damage() || ps[0].Path != headName(5) {
		t.Errorf("%+v", ps)
	}
	if n, err := s.c.SignTail(ctx); n != 6 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	if ps, _ := look(t, s.v, pins(s.c)); len(ps) > 0 {
		t.Errorf("signed: %+v", ps)
	}
}

func TestKeyFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY under -short: keys made of passphrases, on one goroutine, at a cost that is their purpose; the plain run has it")
	}
	home := t.TempDir()
	key, path, err := makeLocalKey(home, "c", "open sesame")
	if err != nil || !strings.HasSuffix(path, ".pem.age") {
		t.Fatal(path, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	word := func(s string) func() (string, error) { return func() (string, error) { return s, nil } }
	if again, err := LoadLocalKey(path, word("open sesame")); err != nil || !again.Public().Equal(key.Public()) {
		t.Errorf("%v", err)
	}
	if _, err := LoadLocalKey(path, word("wrong")); !errors.Is(err, ErrPassphrase) {
		t.Errorf("%v", err)
	}
	for _, bad := range []string{"", "nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		if _, err := ParseLocalKey([]byte(bad)); !errors.Is(err, ErrKey) {
			t.Errorf("%q: %v", bad, err)
		}
		if _, err := ParsePublicKeys([]byte(bad)); !errors.Is(err, ErrKey) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	one, _ := key.Sign(ctx, []byte("x"))
	two, _ := key.Sign(ctx, []byte("x"))
	if !bytes.Equal(one, two) {
		t.Error("signatures are not deterministic")
	}
}

// Keys made by openssl sign for us, and openssl accepts what we sign.
func TestKeysOfOpenssl(t *testing.T) {
	dir := t.TempDir()
	openssl := func(args ...string) string {
		out, err := exec.Command("openssl", args...).CombinedOutput()
		if err != nil {
			t.Fatalf("openssl %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	openssl("ecparam", "-name", "prime256v1", "-genkey", "-out", file("sec1.pem"))
	openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", file("pkcs8.pem"))
	openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", file("p384.pem"))
	if _, err := LoadLocalKey(file("p384.pem"), nil); !errors.Is(err, ErrKey) {
		t.Errorf("a P-384 key: %v", err)
	}
	for _, name := range []string{"sec1.pem", "pkcs8.pem"} {
		key, err := LoadLocalKey(file(name), nil)
		if err != nil {
			t.Fatal(err)
		}
		pub, _ := EncodePublicKey(key.Public())
		sig, _ := key.Sign(ctx, []byte("message"))
		for f, data := range map[string][]byte{"pub": pub, "sig": sig, "msg": []byte("message")} {
			if err := os.WriteFile(file(f), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if out := openssl("dgst", "-sha256", "-verify", file("pub"), "-signature", file("sig"), file("msg")); !strings.Contains(out, "Verified OK") {
			t.Error(out)
		}
	}
}
