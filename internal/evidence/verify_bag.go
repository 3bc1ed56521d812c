package evidence

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// bagCheck is the check of one bag. It is told of every object in turn, so that what it
// remembers is its lists and not the listing.
type bagCheck struct {
	*checker
	prefix   string
	sealed   bool
	tags     *table            // of the tagmanifest
	payload  *table            // of the manifest; nil if it cannot be read
	versions map[string]string // S3 version by path; empty in a folder
}

// openBag reads the lists of a bag.
func (k *checker) openBag(prefix string) *bagCheck {
	b := &bagCheck{checker: k, prefix: prefix, versions: map[string]string{}, tags: &table{}}
	name := prefix + tagManifestFile
	r, err := k.v.Open(k.ctx, name)
	if errors.Is(err, vault.ErrNotFound) {
		return b
	}
	b.sealed = true
	want, covered := k.covers[name]
	delete(k.covers, name)
	if err != nil {
		k.fail(name, err)
		return b
	}
	sum := newTally(io.Discard)
	b.tags = b.list(name, io.TeeReader(r, sum), func(path string) bool { return !isPayload(path) && path != tagManifestFile })
	_, err = io.Copy(sum, r) // what a bad line has left
	if err = errors.Join(err, r.Close()); err != nil {
		k.fail(name, err)
		return b
	}
	switch got := sum.sum(); {
	case !covered:
		k.problem(Problem{Path: strings.TrimSuffix(prefix, "/"), What: whatNotInLedger, Got: got, Unfinished: true})
	case got != want.want:
		k.problem(Problem{Path: name, What: whatChanged, Want: want.want, Got: got})
	}
	b.versions[tagManifestFile] = want.version
	b.openPayload()
	return b
}

func (b *bagCheck) openPayload() {
	name := b.prefix + manifestFile
	r, err := b.v.Open(b.ctx, name)
	if errors.Is(err, vault.ErrNotFound) {
		return // the tagmanifest lists it: reported as missing
	}
	if err != nil {
		b.fail(name, err)
		return
	}
	b.payload = b.list(name, r, isPayload)
	if err := r.Close(); err != nil {
		b.fail(name, err)
	}
}

// list reads a manifest and reports its bad lines; belongs says whether a path may stand in it.
func (b *bagCheck) list(name string, r io.Reader, belongs func(path string) bool) *table {
	t := readTable(io.LimitReader(r, maxTagFile), func(path string) error {
		if belongs(path) {
			return nil
		}
		return fmt.Errorf("%w: %s does not belong here", errManifest, path)
	})
	for _, err := range t.bad {
		b.problem(Problem{Path: name, What: whatBadLine, Got: err.Error()})
	}
	return t
}

// saw is told of an object that lies in the bag.
func (b *bagCheck) saw(e vault.Entry) {
	path := strings.TrimPrefix(e.Name, b.prefix)
	if path == tagManifestFile {
		b.version(listed{name: e.Name, version: b.versions[path]}, e.Version)
		return
	}
	if !b.sealed {
		return // nothing was promised about it
	}
	if e.Version != "" {
		b.versions[path] = e.Version
	}
	row := b.tags.find(path)
	if isPayload(path) {
		if b.payload == nil {
			return
		}
		row = b.payload.find(path)
	}
	if row == nil {
		b.problem(Problem{Path: e.Name, What: whatNotListed})
	}
}

// finish compares every listed byte, once the listing of the bag has ended.
func (b *bagCheck) finish() {
	if !b.sealed {
		b.unfinished()
		return
	}
	for _, must := range []string{bagitFile, bagInfoFile, manifestFile, headerFile, coverageFile} {
		if b.tags.find(must) == nil {
			b.problem(Problem{Path: b.prefix + tagManifestFile, What: whatBadLine, Got: "no line for " + must})
		}
	}
	b.compareAll(b.tags.listed(b.prefix))
	b.header()
	if b.payload != nil {
		b.coverage()
		b.compareAll(b.payload.listed(b.prefix))
	}
}

// unfinished: nothing was promised about the bag, unless the ledger covers it.
func (b *bagCheck) unfinished() {
	name := b.prefix + tagManifestFile
	if _, ok := b.covers[name]; ok {
		return // reported as missing at the end
	}
	b.problem(Problem{Path: strings.TrimSuffix(b.prefix, "/"), What: whatUnfinished, Unfinished: true})
}

func isPayload(path string) bool { return strings.HasPrefix(path, "data/") }

// header holds collection.json to its place. One that is missing, or is not what the
// tagmanifest says, is reported elsewhere.
func (b *bagCheck) header() {
	name := b.prefix + headerFile
	data, err := readFile(b.ctx, b.v, name, maxTagFile)
	if err != nil || b.tags.hash(headerFile) != hashBytes(data) {
		return
	}
	var h Header
	if err := decodeStrict(data, &h); err != nil {
		b.problem(Problem{Path: name, What: whatBadFile, Got: err.Error()})
		return
	}
	if b.prefix != collectionsDir+h.Bag+"/" || h.Case != b.caseID {
		b.problem(Problem{Path: name, What: whatForeign, Got: "case " + h.Case + ", bag " + h.Bag})
	}
}

// coverage compares coverage.json with the manifest, and the versions it names with those
// that are there, entry by entry.
func (b *bagCheck) coverage() {
	name := b.prefix + coverageFile
	r, err := b.v.Open(b.ctx, name)
	if err != nil {
		return // the tagmanifest lists it: reported with the others
	}
	defer r.Close()
	for e, err := range readCoverage(io.LimitReader(r, maxTagFile)) {
		if err != nil {
			b.problem(Problem{Path: name, What: whatBadFile, Got: err.Error()})
			return
		}
		if e.Item == nil {
			continue
		}
		if want := b.payload.hash(e.Item.Path); want != e.Item.SHA256 {
			b.problem(Problem{Path: name, What: "disagrees with the manifest about " + e.Item.Path, Want: want, Got: e.Item.SHA256})
		}
		b.version(listed{name: b.prefix + e.Item.Path, version: e.Item.VersionID}, b.versions[e.Item.Path])
	}
}

// readCoverage yields the entries of coverage.json without holding them all.
func readCoverage(r io.Reader) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		dec := jsontext.NewDecoder(r)
		fail := func(err error) { yield(Entry{}, err) }
		if t, err := dec.ReadToken(); err != nil || t.Kind() != '{' {
			fail(errors.Join(err, errors.New("no object")))
			return
		}
		for dec.PeekKind() == '"' {
			key, err := dec.ReadToken()
			if err != nil {
				fail(err)
				return
			}
			if key.String() != "entries" || dec.PeekKind() != '[' {
				if err := dec.SkipValue(); err != nil {
					fail(err)
					return
				}
				continue
			}
			if _, err := dec.ReadToken(); err != nil {
				fail(err)
				return
			}
			for dec.PeekKind() == '{' {
				var e Entry
				if err := json.UnmarshalDecode(dec, &e, json.RejectUnknownMembers(true)); err != nil {
					fail(err)
					return
				}
				if !yield(e, nil) {
					return
				}
			}
			if _, err := dec.ReadToken(); err != nil {
				fail(err)
				return
			}
		}
		if _, err := dec.ReadToken(); err != nil {
			fail(err)
			return
		}
		if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
			fail(errors.Join(err, errors.New("something follows the object")))
		}
	}
}

// derived checks a result: its files against derived.json, and derived.json against the ledger.
func (k *checker) derived(prefix string, entries []vault.Entry) {
	name := prefix + derivedFile
	want, covered := k.covers[name]
	data, err := readFile(k.ctx, k.v, name, maxTagFile)
	if errors.Is(err, vault.ErrNotFound) {
		if !covered {
			k.problem(Problem{Path: strings.TrimSuffix(prefix, "/"), What: whatUnfinished, Unfinished: true})
		}
		return // if covered, reported as missing at the end
	}
	delete(k.covers, name)
	if err != nil {
		k.fail(name, err)
		return
	}
	switch got := hashBytes(data); {
	case !covered:
		k.problem(Problem{Path: strings.TrimSuffix(prefix, "/"), What: whatNotInLedger, Got: got, Unfinished: true})
	case got != want.want:
		k.problem(Problem{Path: name, What: whatChanged, Want: want.want, Got: got})
	}
	var d Derived
	if err := decodeStrict(data, &d); err != nil {
		k.problem(Problem{Path: name, What: whatBadFile, Got: err.Error()})
		return
	}
	k.derivedFiles(prefix, d, entries)
}

func (k *checker) derivedFiles(prefix string, d Derived, entries []vault.Entry) {
	if d.Case != k.caseID || prefix != derivedDir+d.ID+"/" {
		k.problem(Problem{Path: prefix + derivedFile, What: whatForeign, Got: "case " + d.Case})
	}
	there := map[string]bool{}
	for _, e := range entries {
		there[e.Name] = true
	}
	delete(there, prefix+derivedFile)
	for _, f := range d.Files {
		if vault.CheckName(f.Path) != nil || !strings.HasPrefix(f.Path, prefix) {
			k.problem(Problem{Path: prefix + derivedFile, What: whatBadFile, Got: "lists " + f.Path})
			continue
		}
		delete(there, f.Path)
		k.compare(listed{name: f.Path, want: f.SHA256})
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		k.problem(Problem{Path: name, What: whatNotListed})
	}
}
