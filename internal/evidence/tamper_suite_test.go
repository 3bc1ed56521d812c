package evidence

import (
	"bytes"
	"context"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// mutation is one way to tamper with a sealed case. do gives the files concerned: one of
// them must be named by the report. They come from here, never from verification.
type mutation struct {
	name string
	do   func(t *testing.T, s sample) (concerned []string)
}

func (s sample) read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(s.at(name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (s sample) write(t *testing.T, name string, data []byte) {
	t.Helper()
	path := s.at(name)
	_ = os.MkdirAll(filepath.Dir(path), 0o700) // exists, or the write fails
	_ = os.Chmod(path, 0o600)                  // as above
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s sample) remove(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.Remove(s.at(name)); err != nil {
			t.Fatal(err)
		}
	}
}

// edit replaces text in one file, which must hold it.
func edit(name func(s sample) string, old, new string) func(t *testing.T, s sample) []string {
	return func(t *testing.T, s sample) []string {
		n := name(s)
		data := s.read(t, n)
		if !bytes.Contains(data, []byte(old)) {
			t.Fatalf("%s holds no %q", n, old)
		}
		s.write(t, n, bytes.Replace(data, []byte(old), []byte(new), 1))
		return []string{n}
	}
}

func inBag(path string) func(s sample) string {
	return func(s sample) string { return "collections/" + s.b1.ID() + "/" + path }
}

func fixed(name string) func(s sample) string { return func(sample) string { return name } }

func (s sample) kid(t *testing.T) string {
	t.Helper()
	kid, err := KeyID(s.c.Signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	return kid
}

// added puts a new file into the case.
func added(name func(s sample) string, text string) func(t *testing.T, s sample) []string {
	return func(t *testing.T, s sample) []string {
		s.write(t, name(s), []byte(text))
		return []string{name(s)}
	}
}

func deleted(name func(s sample) string) func(t *testing.T, s sample) []string {
	return func(t *testing.T, s sample) []string {
		s.remove(t, name(s))
		return []string{name(s)}
	}
}

const codeFile = "data/pay._LATEST.code.zip"

func mutations() []mutation {
	return []mutation{
		{"payload edited", edit(inBag(codeFile), "PK", "KP")},
		{"payload deleted", deleted(inBag(codeFile))},
		{"payload added", added(inBag("data/extra.json"), "{}")},
		{"payload added beside data", added(inBag("extra.json"), "{}")},
		{"sealed payload added", added(inBag("data/sealed/extra.age"), "age")},
		{"manifest line edited", edit(inBag(manifestFile), codeFile, "data/other.code.zip")},
		{"manifest line cut", func(t *testing.T, s sample) []string {
			n := inBag(manifestFile)(s)
			s.write(t, n, bytes.SplitAfterN(s.read(t, n), []byte("\n"), 2)[1])
			return []string{n}
		}},
		{"manifest line escapes the bag", edit(inBag(manifestFile), codeFile, "../"+codeFile)},
		{"tagmanifest edited", edit(inBag(tagManifestFile), bagitFile, "bagit.tot")},
		{"tagmanifest deleted", deleted(inBag(tagManifestFile))},
		{"coverage: absent becomes denied", edit(inBag(coverageFile), `"absent"`, `"denied"`)},
		{"coverage: mismatch hidden", edit(inBag(coverageFile), `"matches": true`, `"matches": false`)},
		{"header: another operator", edit(inBag(headerFile), "R. Sponder", "N. Obody")},
		{"bagit.txt edited", edit(inBag(bagitFile), "1.0", "0.9")},
		{"bag-info.txt edited", edit(inBag(bagInfoFile), "Bagging-Date", "Begging-Date")},
		{"fetch.txt added", added(inBag("fetch.txt"), "https://example.invalid/x 1 data/x\n")},
		{"journal entry edited", edit(inBag(segmentName(1)), `"begin"`, `"bagin"`)},
		{"journal segment deleted", deleted(inBag(segmentName(2)))},
		{"journal segment added", added(inBag(segmentName(99)), "{}\n")},
		{"event edited", edit(fixed(ledgerName(1)), "R. Sponder", "N. Obody")},
		{"last event edited", edit(fixed(ledgerName(4)), `"end"`, `"END"`)},
		{"event deleted in the middle", deleted(fixed(ledgerName(2)))},
		{"events reordered", func(t *testing.T, s sample) []string {
			one, two := s.read(t, ledgerName(1)), s.read(t, ledgerName(2))
			s.write(t, ledgerName(1), two)
			s.write(t, ledgerName(2), one)
			return []string{ledgerName(1), ledgerName(2)}
		}},
		{"event replayed at the end", func(t *testing.T, s sample) []string {
			s.write(t, ledgerName(5), s.read(t, ledgerName(4)))
			return []string{ledgerName(5)}
		}},
		{"event truncated", func(t *testing.T, s sample) []string {
			data := s.read(t, ledgerName(3))
			s.write(t, ledgerName(3), data[:len(data)/2])
			return []string{ledgerName(3)}
		}},
		{"event with a duplicate key", edit(fixed(ledgerName(1)), `"type":`, `"type": "note", "type":`)},
		{"last event cut off", deleted(fixed(ledgerName(4)))},
		{"event of another case", func(t *testing.T, s sample) []string {
			other := newSample(t)
			s.write(t, ledgerName(3), other.read(t, ledgerName(3)))
			return []string{ledgerName(3)}
		}},
		{"bag of another case", func(t *testing.T, s sample) []string {
			other := newSample(t)
			dir := "collections/" + other.b1.ID()
			if err := os.CopyFS(s.at(dir), os.DirFS(other.at(dir))); err != nil {
				t.Fatal(err)
			}
			return []string{dir}
		}},
		{"bag deleted", func(t *testing.T, s sample) []string {
			if err := os.RemoveAll(s.at("collections/" + s.b1.ID())); err != nil {
				t.Fatal(err)
			}
			return []string{inBag(tagManifestFile)(s)}
		}},
		{"head edited", edit(fixed(headName(2)), "epoch: 0", "epoch: 1")},
		{"head of another time", func(t *testing.T, s sample) []string {
			return edit(fixed(headName(4)), "time: 2026", "time: 2025")(t, s)
		}},
		{"head deleted", deleted(fixed(headName(3)))},
		{"head moved to another event", func(t *testing.T, s sample) []string {
			s.write(t, headName(2), s.read(t, headName(3)))
			return []string{headName(2)}
		}},
		{"head of another case", func(t *testing.T, s sample) []string {
			other := newSample(t)
			s.write(t, headName(4), other.read(t, headName(4)))
			s.write(t, sigName(4, s.kid(t)), other.read(t, sigName(4, other.kid(t))))
			return []string{headName(4)}
		}},
		{"signature flipped", func(t *testing.T, s sample) []string {
			n := sigName(4, s.kid(t))
			data := s.read(t, n)
			data[len(data)-1] ^= 1
			s.write(t, n, data)
			return []string{n}
		}},
		{"signature of another head", func(t *testing.T, s sample) []string {
			n := sigName(4, s.kid(t))
			s.write(t, n, s.read(t, sigName(3, s.kid(t))))
			return []string{n}
		}},
		{"signature deleted in the middle", func(t *testing.T, s sample) []string { return deleted(fixed(sigName(2, s.kid(t))))(t, s) }},
		{"signature of a stranger added", func(t *testing.T, s sample) []string {
			n := sigName(4, strings.Repeat("ab", 16))
			s.write(t, n, s.read(t, sigName(4, s.kid(t))))
			return []string{n}
		}},
		{"key swapped", func(t *testing.T, s sample) []string {
			n := keysDir + s.kid(t) + ".pem"
			stranger, _, err := makeLocalKey(t.TempDir(), "x", "")
			if err != nil {
				t.Fatal(err)
			}
			_, data, err := keyFile(stranger.Public())
			if err != nil {
				t.Fatal(err)
			}
			s.write(t, n, data)
			return []string{n}
		}},
		{"key deleted", func(t *testing.T, s sample) []string { return deleted(fixed(keysDir+s.kid(t)+".pem"))(t, s) }},
		{"key added", added(fixed(keysDir+strings.Repeat("cd", 16)+".pem"), "-----BEGIN PUBLIC KEY-----\n")},
		{"case.json: another recipient", edit(fixed(caseFile), "age1", "age2")},
		{"case.json with a duplicate key", edit(fixed(caseFile), `"id":`, `"id": "x", "id":`)},
		{"README edited", edit(fixed(readmeFile), "sha256sum", "md5sum")},
		{"result edited", func(t *testing.T, s sample) []string {
			return edit(fixed("derived/"+s.d.ID+"/timeline.jsonl"), "{}", "[]")(t, s)
		}},
		{"result: other inputs", func(t *testing.T, s sample) []string {
			return edit(fixed("derived/"+s.d.ID+"/derived.json"), `"timeline"`, `"tameline"`)(t, s)
		}},
		{"result: file added", func(t *testing.T, s sample) []string { return added(fixed("derived/"+s.d.ID+"/x"), "x")(t, s) }},
		{"a file whose name differs by case", added(inBag("data/PAY._latest.code.zip"), "x")},
		{"a name outside the allowed set", added(inBag("data/a b"), "x")},
		{"symbolic link", func(t *testing.T, s sample) []string {
			n := inBag("data/link")(s)
			if err := os.Symlink("/etc/passwd", s.at(n)); err != nil {
				t.Fatal(err)
			}
			return []string{n}
		}},
		{"payload replaced by a link", func(t *testing.T, s sample) []string {
			n := inBag(codeFile)(s)
			data := s.read(t, n)
			outside := filepath.Join(t.TempDir(), "same bytes")
			s.remove(t, n)
			if err := os.WriteFile(outside, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(outside, s.at(n)); err != nil {
				t.Fatal(err)
			}
			return []string{n}
		}},
	}
}

// named says whether a problem is about one of the files: in its path, or in its words.
func named(ps []Problem, concerned []string) bool {
	return slices.ContainsFunc(ps, func(p Problem) bool {
		return slices.ContainsFunc(concerned, func(f string) bool { return p.Path == f || strings.Contains(p.What+" "+p.Got, f) })
	})
}

func pinned(t *testing.T, s sample) []Problem {
	t.Helper()
	ps, _ := look(t, s.v, pins(s.c))
	return ps
}

// TestTamperSuite: every way of tampering is damage, and the file concerned is named.
func TestTamperSuite(t *testing.T) {
	all := mutations()
	if len(all) < 25 {
		t.Fatalf("only %d ways", len(all))
	}
	for _, m := range all {
		s := newSample(t)
		concerned := m.do(t, s)
		ps := pinned(t, s)
		switch {
		case !slices.ContainsFunc(ps, Problem.Damage):
			t.Errorf("%s: no damage: %+v", m.name, ps)
		case !named(ps, concerned):
			t.Errorf("%s: %v is not named: %+v", m.name, concerned, ps)
		}
	}
	t.Logf("%d ways of tampering, 0 skipped", len(all))
}

// TestEveryFileEveryWay walks every file of a sealed case with flip, truncate, delete,
// duplicate and swap. The last signature may be missing after an interrupted run as
// well: its absence is named and leaves the case unfinished.
func TestEveryFileEveryWay(t *testing.T) {
	if testing.Short() {
		t.Skip("spoiled cases one after the other, verified as TestTamperSuite does under it")
	}
	s := newSample(t)
	files := s.files(t)
	cells := 0
	for i, name := range files {
		good, next := s.read(t, name), files[(i+1)%len(files)]
		other := s.read(t, next)
		copied := filepath.Dir(name) + "/" + "copy-of-" + filepath.Base(name)
		copied = strings.TrimPrefix(copied, "./")
		ways := map[string]struct {
			do        func()
			undo      func()
			concerned []string
		}{
			"flip": {func() {
				d := bytes.Clone(good)
				d[len(d)*2/3] ^= 0x20
				s.write(t, name, d)
			}, func() { s.write(t, name, good) }, []string{name}},
			"truncate":  {func() { s.write(t, name, good[:len(good)/2]) }, func() { s.write(t, name, good) }, []string{name}},
			"delete":    {func() { s.remove(t, name) }, func() { s.write(t, name, good) }, []string{name}},
			"duplicate": {func() { s.write(t, copied, good) }, func() { s.remove(t, copied) }, []string{copied}},
			"swap":      {func() { s.write(t, name, other); s.write(t, next, good) }, func() { s.write(t, name, good); s.write(t, next, other) }, []string{name, next}},
		}
		for way, w := range ways {
			if way == "swap" && bytes.Equal(good, other) {
				continue // the same bytes: nothing is swapped (bagit.txt of two bags)
			}
			cells++
			w.do()
			ps := pinned(t, s)
			damaged := slices.ContainsFunc(ps, Problem.Damage) || way == "delete" && lastSigned(name)
			if !damaged || !named(ps, w.concerned) {
				t.Errorf("%s of %s: damage %v, named %v: %+v", way, name, damaged, named(ps, w.concerned), ps)
			}
			w.undo()
		}
	}
	if ps := pinned(t, s); len(ps) > 0 {
		t.Fatalf("not put back: %+v", ps)
	}
	t.Logf("%d files, %d cells, 0 skipped", len(files), cells)
}

// TestVersionsTell: what S3 keeps of an overwritten or hidden object is seen.
func TestVersionsTell(t *testing.T) {
	s := newSample(t)
	name := inBag(codeFile)(s)
	for what, extra := range map[string]vault.Entry{
		whatMarker:   {Name: name, Version: "v2", Marker: true},
		whatVersions: {Name: name, Version: "v2", Size: 7},
	} {
		var ps []Problem
		for p, err := range Verify(ctx, versioned{s.v, extra}, pins(s.c)) {
			if err != nil {
				t.Fatal(err)
			}
			ps = append(ps, p)
		}
		if len(ps) != 1 || ps[0].Path != name || ps[0].What != what {
			t.Errorf("%s: %+v", what, ps)
		}
	}
}

// versioned lists one more version of an object.
type versioned struct {
	vault.Vault
	extra vault.Entry
}

func (v versioned) List(ctx context.Context, prefix string) iter.Seq2[vault.Entry, error] {
	return func(yield func(vault.Entry, error) bool) {
		for e, err := range v.Vault.List(ctx, prefix) {
			if !yield(e, err) {
				return
			}
			if e.Name == v.extra.Name && !yield(v.extra, nil) {
				return
			}
		}
	}
}
