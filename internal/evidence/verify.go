package evidence

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// What a Problem says.
const (
	whatChanged     = "changed"
	whatMissing     = "missing"
	whatNotListed   = "not listed"
	whatUnfinished  = "unfinished"
	whatNotInLedger = "sealed, not in the ledger"
	whatLeftover    = vault.OddLeftover
	whatMarker      = "hidden by a delete marker"
	whatVersions    = "written more than once"
	whatChain       = "chain broken"
	whatForeign     = "belongs to another case or bag"
	whatBadFile     = "unreadable"
	whatBadLine     = "bad manifest line"
)

// Verify yields every problem of the case, offline. A Problem is a finding; an error means that it
// could not be checked.
func (c *Case) Verify(ctx context.Context) iter.Seq2[Problem, error] { return Verify(ctx, c.vault) }

// Verify checks the case in v without opening it first, so that a damaged case.json is a
// finding too: the chain, what it covers, every manifest, every byte, and in reverse every
// object against those lists. ErrNotCase if there is nothing to check.
//
// What it cannot see without a signature or a hash kept elsewhere: events cut off the end of the
// ledger together with what they covered, and a case rewritten as a whole.
func Verify(ctx context.Context, v vault.Vault) iter.Seq2[Problem, error] {
	return func(yield func(Problem, error) bool) {
		k := &checker{ctx: ctx, v: v, yield: yield, covers: map[string]string{}}
		k.run()
	}
}

type checker struct {
	ctx     context.Context
	v       vault.Vault
	yield   func(Problem, error) bool
	stopped bool
	caseID  string
	chained bool              // there is a ledger
	others  bool              // there is more than an interrupted opening leaves
	covers  map[string]string // path -> hash, as the ledger says; what was visited is taken out
}

func (k *checker) run() {
	if err := k.isCase(); err != nil {
		k.fail("", err)
		return
	}
	k.record()
	k.chain()
	k.objects()
	if !k.chained {
		k.problem(Problem{Path: ledgerName(0), What: whatMissing, Unfinished: !k.others})
	}
	for _, path := range slices.Sorted(maps.Keys(k.covers)) {
		k.problem(Problem{Path: path, What: whatMissing, Want: k.covers[path]})
	}
}

// problem reports a finding, and is silent once the caller has had enough.
func (k *checker) problem(p Problem) {
	if !k.stopped && !k.yield(p, nil) {
		k.stopped = true
	}
}

// fail reports that path could not be checked.
func (k *checker) fail(path string, err error) {
	if !k.stopped && !k.yield(Problem{Path: path, What: "not checked"}, err) {
		k.stopped = true
	}
}

// isCase: one of the two files that make a case is enough to call the other missing.
func (k *checker) isCase() error {
	for _, name := range []string{caseFile, ledgerName(0)} {
		r, err := k.v.Open(k.ctx, name)
		if err == nil {
			return r.Close()
		}
		if !errors.Is(err, vault.ErrNotFound) {
			return fmt.Errorf("open case: %w", err)
		}
	}
	return fmt.Errorf("%s: %w: %s is missing", k.v, ErrNotCase, caseFile)
}

// record reads the case's id. That case.json is the one event 0 pinned is checked with what events cover.
func (k *checker) record() {
	data, err := readFile(k.ctx, k.v, caseFile, maxSmallFile)
	if errors.Is(err, vault.ErrNotFound) {
		return // event 0 covers it: reported as missing at the end
	}
	if err != nil {
		k.fail(caseFile, err)
		return
	}
	r, err := decodeRecord(data)
	if err != nil {
		k.problem(Problem{Path: caseFile, What: whatBadFile, Got: err.Error()})
		return
	}
	k.caseID = r.ID
}

// chain walks the ledger by its listing, so that a hole does not end it.
func (k *checker) chain() {
	at := emptyTail()
	for e, err := range k.v.List(k.ctx, ledgerDir) {
		if k.stopped {
			return
		}
		if err != nil {
			k.fail(ledgerDir, err)
			return
		}
		var seq int64
		if _, err := fmt.Sscanf(e.Name, ledgerDir+"%d.json", &seq); err != nil || ledgerName(seq) != e.Name || e.Odd != "" {
			continue // reported with the other objects
		}
		if seq <= at.seq {
			continue // a second version: reported with the other objects
		}
		for at.seq++; at.seq < seq; at.seq++ {
			k.problem(Problem{Path: ledgerName(at.seq), What: whatMissing})
			at.hash = "" // nothing to compare the next one with
		}
		k.event(&at, seq)
	}
	k.chained = at.seq >= 0
}

func (k *checker) event(at *tail, seq int64) {
	name := ledgerName(seq)
	data, err := readFile(k.ctx, k.v, name, maxSmallFile)
	if err != nil {
		k.fail(name, err)
		at.hash = ""
		return
	}
	var e Event
	prev := at.hash
	at.hash = hashBytes(data)
	if err := decodeStrict(data, &e); err != nil {
		k.problem(Problem{Path: name, What: whatBadFile, Got: err.Error()})
		return
	}
	if k.caseID == "" && seq == 0 {
		k.caseID = e.Case // case.json is gone or unreadable: the rest can still be compared
	}
	if prev == "" && seq > 0 {
		prev = e.PrevHash // the hole before it is reported already
	}
	if what := checkEvent(data, &e, seq, prev, k.caseID); what != "" {
		k.problem(Problem{Path: name, What: whatChain, Got: what, Want: prev})
	}
	for _, d := range e.Covers {
		if err := vault.CheckName(d.Path); err != nil || !isHash(d.SHA256) {
			k.problem(Problem{Path: name, What: whatBadFile, Got: "covers " + d.Path})
			continue
		}
		k.covers[d.Path] = d.SHA256
	}
}

// objects walks everything that lies in the vault, in order, and hands each folder of a
// bag or a result to its check.
func (k *checker) objects() {
	var group []vault.Entry
	prefix, last := "", ""
	for e, err := range k.v.List(k.ctx, "") {
		if k.stopped {
			return
		}
		if err != nil {
			k.fail(e.Name, err)
			continue
		}
		if !k.entry(e, last) {
			continue
		}
		last = e.Name
		k.others = k.others || e.Name != caseFile && e.Name != readmeFile
		in := folderOf(e.Name)
		if in != prefix {
			k.folder(prefix, group)
			prefix, group = in, nil
		}
		if in == "" {
			k.single(e)
		} else {
			group = append(group, e)
		}
	}
	k.folder(prefix, group)
}

// only checks one bag.
func (k *checker) only(prefix string) {
	var group []vault.Entry
	last := ""
	for e, err := range k.v.List(k.ctx, prefix) {
		if err != nil {
			k.fail(e.Name, err)
			return
		}
		if k.entry(e, last) {
			last, group = e.Name, append(group, e)
		}
	}
	name := prefix + tagManifestFile
	sealed := slices.ContainsFunc(group, func(e vault.Entry) bool { return e.Name == name })
	if want, covered := k.covers[name]; !sealed && (covered || len(group) == 0) {
		k.problem(Problem{Path: name, What: whatMissing, Want: want})
	}
	k.folder(prefix, group)
}

// entry reports what is no object, and says whether to go on with it.
func (k *checker) entry(e vault.Entry, last string) bool {
	switch {
	case e.Marker:
		k.problem(Problem{Path: e.Name, What: whatMarker, Got: e.Version})
	case e.Odd == vault.OddLeftover:
		k.problem(Problem{Path: e.Name, What: whatLeftover, Unfinished: true})
	case e.Odd != "":
		k.problem(Problem{Path: e.Name, What: whatNotListed, Got: e.Odd})
	case e.Name == last:
		k.problem(Problem{Path: e.Name, What: whatVersions, Got: e.Version})
	default:
		return true
	}
	return false
}

// folderOf is the bag's or result's folder that a name lies in, "" if none.
func folderOf(name string) string {
	for _, dir := range []string{collectionsDir, derivedDir} {
		rest, ok := strings.CutPrefix(name, dir)
		if !ok {
			continue
		}
		id, _, ok := strings.Cut(rest, "/")
		if _, err := ulid.ParseStrict(id); ok && err == nil {
			return dir + id + "/"
		}
	}
	return ""
}

// single checks an object outside bags and results. Ledger events are checked with the chain.
func (k *checker) single(e vault.Entry) {
	var seq int64
	if _, err := fmt.Sscanf(e.Name, ledgerDir+"%d.json", &seq); err == nil && ledgerName(seq) == e.Name {
		return
	}
	want, ok := k.covers[e.Name]
	if !ok {
		// An opening that stopped before event 0 has these two, and nothing pins them yet.
		opening := e.Name == caseFile || e.Name == readmeFile
		k.problem(Problem{Path: e.Name, What: whatNotListed, Unfinished: opening && !k.chained})
		return
	}
	delete(k.covers, e.Name)
	k.compare(e.Name, want)
}

// compare hashes an object.
func (k *checker) compare(name, want string) {
	got, _, err := hashFile(k.ctx, k.v, name)
	switch {
	case errors.Is(err, vault.ErrNotFound):
		k.problem(Problem{Path: name, What: whatMissing, Want: want})
	case err != nil:
		k.fail(name, err)
	case got != want:
		k.problem(Problem{Path: name, What: whatChanged, Want: want, Got: got})
	}
}

func (k *checker) folder(prefix string, entries []vault.Entry) {
	switch {
	case k.stopped || prefix == "":
	case strings.HasPrefix(prefix, collectionsDir):
		k.bag(prefix, entries)
	default:
		k.derived(prefix, entries)
	}
}
