package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// bagCheck is the check of one bag.
type bagCheck struct {
	*checker
	prefix string
	there  map[string]string // what lies in it: path -> S3 version, until something lists it
}

func (k *checker) bag(prefix string, entries []vault.Entry) {
	b := bagCheck{checker: k, prefix: prefix, there: map[string]string{}}
	for _, e := range entries {
		b.there[strings.TrimPrefix(e.Name, prefix)] = e.Version
	}
	if _, ok := b.there[tagManifestFile]; !ok {
		b.unfinished()
		return
	}
	tags, ok := b.tagManifest()
	if !ok {
		return
	}
	b.tags(tags)
	if _, ok := b.there[manifestFile]; ok {
		delete(b.there, manifestFile)
		b.payload()
	}
	for _, path := range slices.Sorted(maps.Keys(b.there)) {
		b.problem(Problem{Path: prefix + path, What: whatNotListed})
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

// tagManifest reads the bag's last file, compares it with the ledger, and returns its lines.
func (b *bagCheck) tagManifest() (map[string]string, bool) {
	name := b.prefix + tagManifestFile
	data, err := readFile(b.ctx, b.v, name, maxTagFile)
	want, covered := b.covers[name]
	delete(b.covers, name)
	b.version(want, b.there[tagManifestFile])
	delete(b.there, tagManifestFile)
	if err != nil {
		b.fail(name, err)
		return nil, false
	}
	got := hashBytes(data)
	switch {
	case !covered:
		b.problem(Problem{Path: strings.TrimSuffix(b.prefix, "/"), What: whatNotInLedger, Got: got, Unfinished: true})
	case got != want.want:
		b.problem(Problem{Path: name, What: whatChanged, Want: want.want, Got: got})
	}
	return b.lines(name, data, func(path string) bool { return !isPayload(path) && path != tagManifestFile }), true
}

// lines reads a manifest; belongs says whether a path may stand in it.
func (b *bagCheck) lines(name string, data []byte, belongs func(path string) bool) map[string]string {
	out := map[string]string{}
	for line, err := range parseManifest(bytes.NewReader(data)) {
		if err == nil && !belongs(line.path) {
			err = fmt.Errorf("%w: %s does not belong here", errManifest, line.path)
		}
		if err != nil {
			b.problem(Problem{Path: name, What: whatBadLine, Got: err.Error()})
			continue
		}
		out[line.path] = line.hash
	}
	return out
}

func isPayload(path string) bool { return strings.HasPrefix(path, "data/") }

func (b *bagCheck) tags(tags map[string]string) {
	for _, must := range []string{bagitFile, bagInfoFile, manifestFile, headerFile, coverageFile} {
		if tags[must] == "" {
			b.problem(Problem{Path: b.prefix + tagManifestFile, What: whatBadLine, Got: "no line for " + must})
		}
	}
	b.all(tags)
	var h Header
	if b.decode(headerFile, tags, &h) && (b.prefix != collectionsDir+h.Bag+"/" || h.Case != b.caseID) {
		b.problem(Problem{Path: b.prefix + headerFile, What: whatForeign, Got: "case " + h.Case + ", bag " + h.Bag})
	}
}

// all compares every listed file, each also against what lies there.
func (b *bagCheck) all(files map[string]string) {
	paths := slices.Sorted(maps.Keys(files))
	for _, path := range paths {
		if path != manifestFile {
			delete(b.there, path)
		}
	}
	b.compareAll(func(yield func(listed) bool) {
		for _, path := range paths {
			if !yield(listed{name: b.prefix + path, want: files[path]}) {
				return
			}
		}
	})
}

// payload compares data/ with the manifest, and the manifest with coverage.json.
func (b *bagCheck) payload() {
	name := b.prefix + manifestFile
	data, err := readFile(b.ctx, b.v, name, maxTagFile)
	if err != nil {
		b.fail(name, err)
		return
	}
	files := b.lines(name, data, isPayload)
	b.coverage(files)
	b.all(files)
}

// coverage compares coverage.json with the manifest, and the versions it names with those that are there.
func (b *bagCheck) coverage(files map[string]string) {
	var c coverage
	if !b.decode(coverageFile, nil, &c) {
		return
	}
	for _, e := range c.Entries {
		if e.Item == nil {
			continue
		}
		if files[e.Item.Path] != e.Item.SHA256 {
			b.problem(Problem{
				Path: b.prefix + coverageFile, What: "disagrees with the manifest about " + e.Item.Path,
				Want: files[e.Item.Path], Got: e.Item.SHA256,
			})
		}
		b.version(listed{name: b.prefix + e.Item.Path, version: e.Item.VersionID}, b.there[e.Item.Path])
	}
}

// decode reads a JSON file of the bag. One that is missing, or is not what the given
// tags say, is reported elsewhere, and nothing in it is worth comparing.
func (b *bagCheck) decode(path string, tags map[string]string, v any) bool {
	data, err := readFile(b.ctx, b.v, b.prefix+path, maxTagFile)
	if err != nil || tags != nil && tags[path] != hashBytes(data) {
		return false
	}
	if err := decodeStrict(data, v); err != nil {
		b.problem(Problem{Path: b.prefix + path, What: whatBadFile, Got: err.Error()})
		return false
	}
	return true
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
