package evidence

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/evidence/secretscan"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// sample is an intact case of two bags and a result.
type sample struct {
	v      *vault.Folder
	c      *Case
	b1, b2 *Bag
	d      Derived
}

func newSample(t *testing.T) sample {
	t.Helper()
	v := newFolder(t)
	c := newCase(t, v, t.TempDir())
	s := sample{v: v, c: c, b1: mustFill(t, c), b2: mustFill(t, c), d: mustDerive(t, c)}
	if err := c.Record(ctx, Event{Type: EventNote, Reason: "end"}); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s sample) at(name string) string { return filepath.Join(s.v.String(), filepath.FromSlash(name)) }

func (s sample) files(t *testing.T) []string {
	t.Helper()
	var out []string
	for e, err := range s.v.List(ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e.Name)
	}
	return out
}

func damage(t *testing.T, v vault.Vault) []Problem {
	t.Helper()
	return slices.DeleteFunc(problems(t, v), func(p Problem) bool { return !p.Damage() })
}

// lastSigned says whether a file is the last signature: without it the case is unfinished, as
// after an interrupted run, and not damaged.
func lastSigned(name string) bool {
	return strings.HasPrefix(name, headsDir+"00000004.") && strings.HasSuffix(name, ".sig")
}

// Each file of a case in turn: one bit changed, a byte cut off, one added, emptied, deleted, renamed.
func TestEveryFileTampered(t *testing.T) {
	if testing.Short() {
		t.Skip("spoiled cases one after the other, verified as TestTamperSuite does under it")
	}
	changes := map[string]func(data []byte) []byte{
		"bit":   func(d []byte) []byte { d = bytes.Clone(d); d[len(d)/2] ^= 1; return d },
		"cut":   func(d []byte) []byte { return d[:len(d)-1] },
		"grown": func(d []byte) []byte { return append(bytes.Clone(d), '\n') },
		"empty": func([]byte) []byte { return nil },
	}
	s := newSample(t)
	for _, name := range s.files(t) {
		path := s.at(name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		os.Chmod(path, 0o600)
		for what, change := range changes {
			os.WriteFile(path, change(good), 0o600)
			if len(damage(t, s.v)) == 0 {
				t.Errorf("%s %s: not seen", name, what)
			}
		}
		os.Remove(path)
		if ps := problems(t, s.v); len(damage(t, s.v)) == 0 && !(lastSigned(name) && len(ps) == 1 && ps[0].Path == name) {
			t.Errorf("%s deleted: not seen", name)
		}
		os.WriteFile(path+".bak", good, 0o600)
		if len(damage(t, s.v)) == 0 {
			t.Errorf("%s renamed: not seen", name)
		}
		os.Remove(path + ".bak")
		os.WriteFile(path, good, 0o600)
	}
	intact(t, s.v)
}

func TestAddedFiles(t *testing.T) {
	bag := func(s sample) string { return "collections/" + s.b1.ID() }
	for what, add := range map[string]func(s sample) string{
		"payload":    func(s sample) string { return bag(s) + "/data/extra" },
		"tag":        func(s sample) string { return bag(s) + "/extra.json" },
		"journal":    func(s sample) string { return bag(s) + "/journal/00099.ndjson" },
		"root":       func(s sample) string { return "extra" },
		"key":        func(s sample) string { return "keys/extra.pem" },
		"collection": func(s sample) string { return "collections/notabag/data/x" },
		"result":     func(s sample) string { return "derived/" + s.d.ID + "/extra" },
		"ledger":     func(s sample) string { return "ledger/extra" },
		"far event":  func(s sample) string { return "ledger/00000009.json" },
	} {
		s := newSample(t)
		path := s.at(add(s))
		os.MkdirAll(filepath.Dir(path), 0o700)
		if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
		if len(damage(t, s.v)) == 0 {
			t.Errorf("%s: an added file was not seen", what)
		}
	}
}

func TestLinksAndLeftovers(t *testing.T) {
	s := newSample(t)
	data := s.at("collections/" + s.b1.ID() + "/data")
	os.WriteFile(filepath.Join(data, ".tmp-0123"), []byte("half"), 0o600)
	ps := problems(t, s.v)
	if len(ps) != 1 || ps[0].Damage() || ps[0].What != vault.OddLeftover {
		t.Errorf("a temporary file: %+v", ps)
	}
	code := filepath.Join(data, "pay._LATEST.code.zip")
	elsewhere := filepath.Join(t.TempDir(), "same bytes")
	os.Rename(code, elsewhere)
	os.Symlink(elsewhere, code)
	if len(damage(t, s.v)) == 0 {
		t.Error("evidence behind a symbolic link was accepted")
	}
}

func TestWholeThingsMoved(t *testing.T) {
	for what, move := range map[string]func(t *testing.T, s sample) error{
		"bag deleted": func(_ *testing.T, s sample) error { return os.RemoveAll(s.at("collections/" + s.b1.ID())) },
		"bag renamed": func(_ *testing.T, s sample) error {
			return os.Rename(s.at("collections/"+s.b1.ID()), s.at("collections/"+s.c.newID()))
		},
		"bags swapped": func(_ *testing.T, s sample) error {
			a, b, tmp := s.at("collections/"+s.b1.ID()), s.at("collections/"+s.b2.ID()), s.at("tmp")
			return errors.Join(os.Rename(a, tmp), os.Rename(b, a), os.Rename(tmp, b))
		},
		"events swapped": func(_ *testing.T, s sample) error {
			a, b, tmp := s.at(ledgerName(1)), s.at(ledgerName(2)), s.at("tmp")
			return errors.Join(os.Rename(a, tmp), os.Rename(b, a), os.Rename(tmp, b))
		},
		"ledger deleted": func(_ *testing.T, s sample) error { return os.RemoveAll(s.at("ledger")) },
		"ledger without its middle": func(_ *testing.T, s sample) error {
			return errors.Join(os.Remove(s.at(ledgerName(2))), os.Rename(s.at(ledgerName(3)), s.at(ledgerName(2))))
		},
		"bag of another case": func(t *testing.T, s sample) error {
			other := newSample(t)
			return os.Rename(other.at("collections/"+other.b1.ID()), s.at("collections/"+other.b1.ID()))
		},
		"event of another case": func(t *testing.T, s sample) error {
			other := newSample(t)
			return os.Rename(other.at(ledgerName(3)), s.at(ledgerName(3)))
		},
		"result deleted": func(_ *testing.T, s sample) error { return os.RemoveAll(s.at("derived")) },
	} {
		s := newSample(t)
		if err := move(t, s); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if len(damage(t, s.v)) == 0 {
			t.Errorf("%s: not seen", what)
		}
	}
}

// Somebody who rewrites a bag's lists along with its bytes still has the ledger against him.
func TestRewrittenBag(t *testing.T) {
	s := newSample(t)
	dir := "collections/" + s.b1.ID() + "/"
	evil := "evil code"
	tamper(t, s.v, dir+"data/pay._LATEST.code.zip", evil)
	replace := func(name, old, new string) string {
		data, err := os.ReadFile(s.at(dir + name))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(data), old, new)
		tamper(t, s.v, dir+name, text)
		return hashBytes([]byte(text))
	}
	old := map[string]string{}
	for _, name := range []string{manifestFile, coverageFile} {
		data, _ := os.ReadFile(s.at(dir + name))
		old[name] = hashBytes(data)
	}
	was := hashBytes([]byte("PK code"))
	for _, name := range slices.Sorted(maps.Keys(old)) {
		replace(tagManifestFile, old[name], replace(name, was, hashBytes([]byte(evil))))
	}
	ps := damage(t, s.v)
	if len(ps) != 1 || ps[0].What != whatChanged || !strings.HasSuffix(ps[0].Path, tagManifestFile) {
		t.Errorf("rewritten bag: %+v", ps)
	}
	for _, err := range s.c.Find(ctx, func(Entry) bool { return true }) {
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Error(err)
		}
	}
	if _, err := s.c.loadBag(ctx, s.b1.ID(), true, mustCovers(t, s.c)); !errors.Is(err, ErrDamaged) {
		t.Errorf("bag loads with %v, want ErrDamaged", err)
	}
}

func mustCovers(t *testing.T, c *Case) map[string]string {
	t.Helper()
	covers, err := c.covered(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return covers
}

// All damage is reported, not the first.
func TestAllDamage(t *testing.T) {
	s := newSample(t)
	for _, b := range []*Bag{s.b1, s.b2} {
		tamper(t, s.v, "collections/"+b.ID()+"/data/pay._LATEST.code.zip", "evil")
		tamper(t, s.v, "collections/"+b.ID()+"/coverage.json", "{}")
	}
	os.Remove(s.at("README-VERIFY.txt"))
	tamper(t, s.v, "ledger/00000002.json", "nonsense")
	if ps := damage(t, s.v); len(ps) < 7 {
		t.Errorf("%d problems: %+v", len(ps), ps)
	}
	for range Verify(ctx, s.v, VerifyOptions{}) {
		break // a caller who has seen enough is not called again
	}
}

// A reader of changed evidence gets an error, not the bytes as if nothing had happened.
func TestOpenOfChangedItem(t *testing.T) {
	s := newSample(t)
	for it, err := range s.b1.Items(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		tamper(t, s.v, "collections/"+s.b1.ID()+"/"+it.Path, "evil")
		r, err := s.b1.Open(ctx, it)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(r); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v, want ErrDamaged", it.Path, err)
		}
		r.Close()
	}
}

// Recipients are whom secrets are sealed to: a case whose list was changed does not open.
func TestChangedRecipients(t *testing.T) {
	s := newSample(t)
	other := newSample(t)
	data, _ := os.ReadFile(s.at(caseFile))
	tamper(t, s.v, caseFile, strings.Replace(string(data), s.c.Recipients[0], other.c.Recipients[0], 1))
	if _, err := OpenCase(ctx, s.v); !errors.Is(err, ErrDamaged) {
		t.Errorf("open: %v, want ErrDamaged", err)
	}
	tamper(t, s.v, caseFile, strings.Replace(string(data), `"title"`, `"id": "x", "title"`, 1))
	if _, err := OpenCase(ctx, s.v); !errors.Is(err, ErrDamaged) {
		t.Errorf("open with a duplicate key: %v, want ErrDamaged", err)
	}
}

func TestManifestRefuses(t *testing.T) {
	h := strings.Repeat("a", 64)
	good := h + "  data/x\n"
	for _, text := range []string{
		h + "  ../x\n", h + "  /etc/passwd\n", h + "  data/../../x\n", h + "  data//x\n", h + " *data/x\n",
		h + "  data/x", h + "  data/x\r\n", strings.ToUpper(h) + "  data/x\n", h[:63] + "   data/x\n", "\n",
		good + good, good + h + "  data/X\n", "\\" + h + "  data/a\\nb\n", h + "  data/" + strings.Repeat("x", 5000) + "\n",
	} {
		bad := false
		for _, err := range parseManifest(strings.NewReader(text)) {
			bad = bad || errors.Is(err, errManifest)
		}
		if !bad {
			t.Errorf("accepted %.100q", text)
		}
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(strings.Repeat("a", 64) + "  data/x\n" + strings.Repeat("b", 64) + "  data/y\n"))
	f.Add([]byte("\n\r\n  ../\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		files, clean := map[string]string{}, true
		for line, err := range parseManifest(bytes.NewReader(data)) {
			if err != nil {
				clean = false
				continue
			}
			if vault.CheckName(line.path) != nil || strings.Contains(line.path, "..") && slices.Contains(strings.Split(line.path, "/"), "..") {
				t.Fatalf("unsafe path %q", line.path)
			}
			files[line.path] = line.hash
		}
		if !clean {
			return
		}
		// What parses without an error is what we would write, but for the order of lines.
		want := slices.Sorted(strings.SplitSeq(string(formatManifest(files)), "\n"))
		if got := slices.Sorted(strings.SplitSeq(string(data), "\n")); !slices.Equal(got, want) {
			t.Fatalf("%q is read as %q", got, want)
		}
	})
}

func TestBagVerify(t *testing.T) {
	s := newSample(t)
	count := func() int {
		n := 0
		for _, err := range s.b1.Verify(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	if n := count(); n != 0 {
		t.Errorf("%d problems in an intact bag", n)
	}
	tamper(t, s.v, "collections/"+s.b2.ID()+"/bagit.txt", "evil")
	if n := count(); n != 0 {
		t.Errorf("%d problems of another bag", n)
	}
	tamper(t, s.v, "collections/"+s.b1.ID()+"/bagit.txt", "evil")
	if n := count(); n != 1 {
		t.Errorf("%d problems, want the changed file", n)
	}
	os.Remove(s.at("collections/" + s.b1.ID() + "/tagmanifest-sha256.txt"))
	if n := count(); n != 1 {
		t.Errorf("%d problems, want the missing tagmanifest", n)
	}
	os.RemoveAll(s.at("collections/" + s.b1.ID()))
	if n := count(); n != 1 {
		t.Errorf("%d problems, want the missing bag", n)
	}
}

// With sealing switched off the planted secret lies in clear, and the same search that finds nothing otherwise finds it.
func TestSecretStaysSealed(t *testing.T) {
	const secret = "correct horse battery staple"
	scan := secretscan.New(secret)
	s := newSample(t)
	found, err := scan.Dir(s.v.String(), nil)
	if err != nil || len(found) != 0 {
		t.Errorf("found %v, %v", found, err)
	}
	s.c.Sealer = func(w io.Writer) (io.WriteCloser, error) { return unsealed{w}, nil }
	mustFill(t, s.c)
	found, err = scan.Dir(s.v.String(), nil)
	if err != nil || len(found) == 0 {
		t.Errorf("without sealing: found %v, %v", found, err)
	}
}

type unsealed struct{ io.Writer }

func (unsealed) Close() error { return nil }

// blind is a vault that cannot read one object.
type blind struct {
	vault.Vault
	name string
}

func (b blind) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if name == b.name {
		return nil, errInjected
	}
	return b.Vault.Open(ctx, name)
}

// What cannot be read is an error with its path, neither damage nor silence, and the rest is checked.
func TestCouldNotCheck(t *testing.T) {
	s := newSample(t)
	tamper(t, s.v, "collections/"+s.b2.ID()+"/bagit.txt", "evil")
	for _, name := range s.files(t) {
		var unread []string
		seen := false
		for p, err := range Verify(ctx, blind{s.v, name}, VerifyOptions{}) {
			if err != nil {
				unread = append(unread, p.Path)
			} else {
				seen = seen || strings.HasSuffix(p.Path, "bagit.txt")
			}
		}
		ok := len(unread) > 0 && (unread[0] == name || unread[0] == "") // "": not even a case, when case.json cannot be read
		if !ok {
			t.Errorf("%s unreadable: errors about %q", name, unread)
		}
		if !seen && !strings.Contains(name, s.b2.ID()) && name != caseFile {
			t.Errorf("%s unreadable: the rest was not checked", name)
		}
	}
}

func FuzzEvent(f *testing.F) {
	good, err := encodeJSON(Event{Schema: eventSchema, Case: "c", ID: "i", Type: EventOpen, Covers: []Digest{{Path: "a", SHA256: "b"}}, Data: map[string]string{"k": "v"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"seq":1,"seq":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var e Event
		if checkEvent(data, &e, 0, "", "c") != "" {
			return
		}
		again, err := encodeJSON(e)
		if err != nil {
			t.Fatal(err)
		}
		var same Event
		if what := checkEvent(again, &same, 0, "", "c"); what != "" {
			t.Fatalf("accepted %q, and not what it means, %q: %s", data, again, what)
		}
	})
}
