package evidence

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// maxHole is how many missing events are named one by one.
const maxHole = 10_000

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
	whatVersion     = "another version than was written"
	whatChain       = "chain broken"
	whatForeign     = "belongs to another case or bag"
	whatBadFile     = "unreadable"
	whatBadLine     = "bad manifest line"
	whatUnsigned    = "not signed: events at the end of the ledger are under no signed head"
	whatNoPinned    = "no head is signed by a pinned key"
	whatRolledBack  = "the expected head is not in this ledger: events were cut off, or it is another"
)

// VerifyOptions say whom to trust. The zero value trusts nobody: the case is then
// compared with itself.
type VerifyOptions struct {
	Keys       []*ecdsa.PublicKey // pinned: whose signatures count
	ExpectHead string             // hex SHA-256 of an event's file that the ledger must contain; "" asks for none
	TSARoots   *x509.CertPool     // that time stamps have to lead to; nil checks all but that
	Workers    int                // files hashed at once; 0 is one a CPU
	Report     *Report            // filled while the problems are ranged over; nil is fine
}

// Report is what verification saw besides problems.
type Report struct {
	Bags    int      `json:"bags"` // sealed and unfinished ones
	Events  int64    `json:"ledger_events"`
	Heads   int      `json:"signed_heads"`
	Signers []Signed `json:"signers"`
	Stamps  []Stamp  `json:"time_stamps"`
	Pinned  bool     `json:"pinned"`         // a key was pinned, and the heads are signed by it or by its successors
	Head    *Head    `json:"head,omitempty"` // the last one with a signature that counts
	Last    string   `json:"last_event"`     // hex SHA-256 of the last event's file: what --expect-head takes
	Objects int      `json:"objects"`        // files whose bytes were compared
	Bytes   int64    `json:"bytes"`
	// Unversioned objects lie in a bucket that kept no versions: that nobody overwrote them
	// and put the right bytes back is not to be seen, nor is what was deleted beyond the lists.
	Unversioned int `json:"unversioned,omitempty"`
}

// Signed is how far one key has signed.
type Signed struct {
	KeyID string `json:"key_id"`
	Last  int64  `json:"last_event"` // number of the last event under its signature
}

func (r *Report) signer(kid string, seq int64) {
	for i := range r.Signers {
		if r.Signers[i].KeyID == kid {
			r.Signers[i].Last = seq
			return
		}
	}
	r.Signers = append(r.Signers, Signed{kid, seq})
}

// Verify yields every problem of the case, offline. A Problem is a finding; an error means that it
// could not be checked. The case's own signer is trusted.
func (c *Case) Verify(ctx context.Context) iter.Seq2[Problem, error] {
	var o VerifyOptions
	if c.Signer != nil {
		o.Keys = append(o.Keys, c.Signer.Public())
	}
	return Verify(ctx, c.vault, o)
}

// Verify checks the case in v without opening it first, so that a damaged case.json is a
// finding too: the chain, its signed heads, what it covers, every manifest, every byte, and in
// reverse every object against those lists. ErrNotCase if there is nothing to check.
//
// What it cannot see: events cut off the end of the ledger together with their heads and what
// they covered, unless a later event's hash is expected (ExpectHead) or the bucket keeps
// versions; and, without a pinned key, a case rewritten as a whole.
func Verify(ctx context.Context, v vault.Vault, o VerifyOptions) iter.Seq2[Problem, error] {
	return func(yield func(Problem, error) bool) {
		k := &checker{ctx: ctx, v: v, o: o, yield: yield, covers: map[string]listed{}, report: o.Report}
		if k.report == nil {
			k.report = &Report{}
		}
		*k.report = Report{Signers: []Signed{}, Stamps: []Stamp{}}
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
	covers  map[string]listed // by path, as the ledger says; what was visited is taken out

	o        VerifyOptions
	report   *Report
	trust    trust
	hashes   []string // of the events' files, by number; "" where one is missing
	epochs   []int64
	signedTo int64 // the last event under a signature that counts
}

func (k *checker) run() {
	if err := k.isCase(); err != nil {
		k.fail("", err)
		return
	}
	k.record()
	k.chain()
	k.heads()
	k.report.Events, k.report.Last = int64(len(k.hashes)), k.lastHash()
	k.report.Pinned = k.trust.pinned && k.signedTo >= 0
	k.objects()
	if !k.chained {
		k.problem(Problem{Path: ledgerName(0), What: whatMissing, Unfinished: !k.others})
	}
	for _, path := range slices.Sorted(maps.Keys(k.covers)) {
		k.problem(Problem{Path: path, What: whatMissing, Want: k.covers[path].want})
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
		seq, ok := ledgerSeq(e.Name)
		if !ok || e.Odd != "" {
			continue // reported with the other objects
		}
		if seq <= at.seq {
			continue // a second version: reported with the other objects
		}
		if seq > at.seq+maxHole {
			k.problem(Problem{Path: e.Name, What: whatChain, Got: fmt.Sprintf("%d events before it are missing", seq-at.seq-1)})
			return
		}
		for at.seq++; at.seq < seq; at.seq++ {
			k.problem(Problem{Path: ledgerName(at.seq), What: whatMissing})
			at.hash = "" // nothing to compare the next one with
			k.hashes, k.epochs = append(k.hashes, ""), append(k.epochs, at.epoch)
		}
		k.event(&at, seq)
	}
	k.chained = at.seq >= 0
}

func (k *checker) event(at *tail, seq int64) {
	name := ledgerName(seq)
	data, err := readFile(k.ctx, k.v, name, maxSmallFile)
	defer func() { k.hashes, k.epochs = append(k.hashes, at.hash), append(k.epochs, at.epoch) }()
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
	if want := epochAfter(at.epoch, e.Type); e.Epoch != want && prev != "" {
		k.problem(Problem{Path: name, What: whatChain, Got: fmt.Sprintf("key epoch %d, want %d", e.Epoch, want)})
	}
	at.epoch = e.Epoch
	k.trust.note(e)
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
		k.covers[d.Path] = listed{d.Path, d.SHA256, d.VersionID}
	}
}

// objects walks everything that lies in the vault, in order, and hands each folder of a
// bag or a result to its check.
func (k *checker) objects() {
	f := folderCheck{checker: k}
	last := ""
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
		if e.Version == vault.Unversioned {
			k.report.Unversioned++
		}
		k.others = k.others || e.Name != caseFile && e.Name != readmeFile && !isKeyFile(e.Name)
		f.enter(folderOf(e.Name))
		f.saw(e)
	}
	f.enter("")
}

// folderCheck is the bag or result that the walk is in.
type folderCheck struct {
	*checker
	prefix string
	bag    *bagCheck
	result []vault.Entry
}

// enter ends the folder before, and begins the next.
func (f *folderCheck) enter(prefix string) {
	if prefix == f.prefix {
		return
	}
	switch {
	case f.bag != nil && !f.stopped:
		f.bag.finish()
	case f.prefix != "" && !f.stopped:
		f.derived(f.prefix, f.result)
	}
	f.prefix, f.bag, f.result = prefix, nil, nil
	if strings.HasPrefix(prefix, collectionsDir) && !f.stopped {
		f.bag = f.openBag(prefix)
		f.report.Bags++
	}
}

func (f *folderCheck) saw(e vault.Entry) {
	switch {
	case f.bag != nil:
		f.bag.saw(e)
	case f.prefix != "":
		f.result = append(f.result, e)
	default:
		f.single(e)
	}
}

// only checks one bag.
func (k *checker) only(prefix string) {
	name := prefix + tagManifestFile
	want, covered := k.covers[name]
	b := k.openBag(prefix)
	there, last := 0, ""
	for e, err := range k.v.List(k.ctx, prefix) {
		if err != nil {
			k.fail(e.Name, err)
			return
		}
		if k.entry(e, last) {
			last = e.Name
			there++
			b.saw(e)
		}
	}
	if !b.sealed && (covered || there == 0) {
		k.problem(Problem{Path: name, What: whatMissing, Want: want.want})
	}
	b.finish()
}

// version compares the S3 version that was written with the one that is there.
func (k *checker) version(f listed, got string) {
	if f.version != "" && got != "" && f.version != got {
		k.problem(Problem{Path: f.name, What: whatVersion, Want: f.version, Got: got})
	}
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

// single checks an object outside bags and results. Ledger events are checked with the
// chain, what lies in ledger/heads with the heads.
func (k *checker) single(e vault.Entry) {
	if _, ok := ledgerSeq(e.Name); ok {
		return
	}
	want, ok := k.covers[e.Name]
	if !ok && strings.HasPrefix(e.Name, headsDir) {
		return
	}
	if !ok {
		// An opening that stopped before event 0 has these two, and nothing pins them yet.
		opening := e.Name == caseFile || e.Name == readmeFile || isKeyFile(e.Name)
		k.problem(Problem{Path: e.Name, What: whatNotListed, Unfinished: opening && !k.chained})
		return
	}
	delete(k.covers, e.Name)
	k.version(want, e.Version)
	k.compare(want)
}
