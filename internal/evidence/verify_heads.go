package evidence

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// trust decides whose signatures count: keys pinned outside the case, and those that a
// rekey event brought in under a head signed by a key that counted before. Without a pin
// the keys that event 0 names count, which shows agreement and not origin.
type trust struct {
	keys    map[string]*ecdsa.PublicKey // by kid: whatever lies in keys/ and is covered, and the pins
	counts  map[string]bool
	pinned  bool
	changes []keyChange // in the order of the ledger
}

// keyChange is what an event says of a key.
type keyChange struct {
	seq    int64
	kid    string
	retire bool
}

// RetireKey is the Data of a rekey event that says which key no longer signs.
const RetireKey = "retire"

// note takes what an event says of keys.
func (t *trust) note(e Event) {
	for _, d := range e.Covers {
		if isKeyFile(d.Path) {
			t.changes = append(t.changes, keyChange{seq: e.Seq, kid: strings.TrimSuffix(path.Base(d.Path), ".pem")})
		}
	}
	if kid := e.Data[RetireKey]; e.Type == EventRekey && kid != "" {
		t.changes = append(t.changes, keyChange{seq: e.Seq, kid: kid, retire: true})
	}
}

// advance applies the changes up to an event that is signed by a key that counts.
func (t *trust) advance(to int64) {
	for len(t.changes) > 0 && t.changes[0].seq <= to {
		ch := t.changes[0]
		t.changes = t.changes[1:]
		t.counts[ch.kid] = !ch.retire
	}
}

// heads checks the heads of the ledger, their signatures, and that the last one is over its end.
func (k *checker) heads() {
	if !k.loadKeys() {
		return
	}
	if !k.trust.pinned {
		k.trust.advance(0)
	}
	k.signedTo = -1
	names, ok := k.headNames()
	if !ok {
		return
	}
	for _, seq := range slices.Sorted(maps.Keys(names)) {
		k.head(seq, names[seq])
	}
	if k.signedTo < 0 && k.trust.pinned {
		k.problem(Problem{Path: headsDir, What: whatNoPinned})
	}
	k.unsignedTail(names)
	if want := k.o.ExpectHead; want != "" && !slices.Contains(k.hashes, want) {
		k.problem(Problem{Path: ledgerDir, What: whatRolledBack, Want: want, Got: k.lastHash()})
	}
}

// unsignedTail names what is missing over the end of the ledger. An interrupted run leaves
// that behind as well as somebody who takes the last signature away.
func (k *checker) unsignedTail(names map[int64][]string) {
	last := int64(len(k.hashes)) - 1
	if k.signedTo >= last || k.signedTo < 0 && len(k.trust.keys) == 0 {
		return
	}
	p := Problem{Path: headName(last), What: whatUnsigned, Got: "from " + ledgerName(k.signedTo+1), Unfinished: true}
	if n := len(k.report.Signers); n > 0 && slices.Contains(names[last], p.Path) {
		p.Path = sigName(last, k.report.Signers[n-1].KeyID)
	}
	k.problem(p)
}

func (k *checker) lastHash() string {
	if len(k.hashes) == 0 {
		return ""
	}
	return k.hashes[len(k.hashes)-1]
}

// loadKeys reads the keys that lie in the case. That each is the one an event covers is
// checked with the other objects.
func (k *checker) loadKeys() bool {
	k.trust.keys, k.trust.counts = map[string]*ecdsa.PublicKey{}, map[string]bool{}
	for e, err := range k.v.List(k.ctx, keysDir) {
		if err != nil {
			k.fail(keysDir, err)
			return false
		}
		if !isKeyFile(e.Name) || e.Marker || e.Odd != "" {
			continue // reported with the other objects
		}
		data, err := readFile(k.ctx, k.v, e.Name, maxKeyFile)
		if err != nil {
			k.fail(e.Name, err)
			continue
		}
		pub, err := ParsePublicKeys(data)
		if err != nil || len(pub) != 1 {
			k.problem(Problem{Path: e.Name, What: whatBadFile, Got: ErrKey.Error()})
			continue
		}
		if name, _, err := keyFile(pub[0]); err != nil || name != e.Name {
			k.problem(Problem{Path: e.Name, What: "holds another key than its name says"})
			continue
		}
		k.trust.keys[strings.TrimSuffix(path.Base(e.Name), ".pem")] = pub[0]
	}
	for _, pub := range k.o.Keys {
		kid, err := KeyID(pub)
		if err != nil {
			k.fail(keysDir, err)
			return false
		}
		k.trust.keys[kid], k.trust.counts[kid], k.trust.pinned = pub, true, true
	}
	return true
}

// headNames are the signatures and time stamps by head. What lies there under another name is reported.
func (k *checker) headNames() (map[int64][]string, bool) {
	out := map[int64][]string{}
	for e, err := range k.v.List(k.ctx, headsDir) {
		if err != nil {
			k.fail(headsDir, err)
			return nil, false
		}
		seq, ok := headSeq(e.Name)
		switch {
		case e.Marker || e.Odd != "": // reported with the other objects
		case !ok:
			k.problem(Problem{Path: e.Name, What: whatNotListed})
		case !slices.Contains(out[seq], e.Name): // a second version is reported with the other objects
			out[seq] = append(out[seq], e.Name)
		}
	}
	return out, true
}

// headSeq is the number of the event that a file of ledger/heads is about.
func headSeq(name string) (int64, bool) {
	base := strings.TrimPrefix(name, headsDir)
	var seq int64
	if _, err := fmt.Sscanf(base, "%d", &seq); err != nil || seq < 0 || seq >= maxEvents || name == base {
		return 0, false
	}
	rest, ok := strings.CutPrefix(base, fmt.Sprintf("%08d.", seq))
	kid, isSig := strings.CutSuffix(rest, ".sig")
	return seq, ok && (rest == "txt" || rest == "tsr" || isSig && len(kid) == 32 && isHash(kid+kid))
}

// head checks one head against the ledger, and its signatures.
func (k *checker) head(seq int64, files []string) {
	name := headName(seq)
	if !slices.Contains(files, name) {
		for _, f := range files {
			k.problem(Problem{Path: f, What: "signs " + name + ", which is missing"})
		}
		return
	}
	text, err := readFile(k.ctx, k.v, name, maxHead)
	if err != nil && !errors.Is(err, ErrDamaged) {
		k.fail(name, err)
		return
	}
	h, err := parseHead(text)
	if err != nil {
		k.problem(Problem{Path: name, What: whatBadFile, Got: err.Error()})
		return
	}
	switch {
	case h.Case != k.caseID:
		k.problem(Problem{Path: name, What: whatForeign, Got: "case " + h.Case})
		return
	case h.Events != seq+1:
		k.problem(Problem{Path: name, What: whatChain, Got: fmt.Sprintf("is over %d events", h.Events)})
		return
	case seq >= int64(len(k.hashes)):
		k.problem(Problem{Path: ledgerName(seq), What: whatMissing, Want: h.SHA256})
		return
	case k.hashes[seq] != h.SHA256:
		k.problem(Problem{Path: ledgerName(seq), What: "not the event that " + name + " is over", Want: h.SHA256, Got: k.hashes[seq]})
		return
	case h.Epoch != k.epochs[seq]:
		k.problem(Problem{Path: name, What: whatChain, Got: fmt.Sprintf("key epoch %d", h.Epoch)})
		return
	}
	k.signatures(seq, h, text, files)
	if slices.Contains(files, stampName(seq)) {
		k.stamp(seq, text)
	}
}

func (k *checker) signatures(seq int64, h Head, text []byte, files []string) {
	good := false
	for _, f := range files {
		kid, ok := strings.CutSuffix(strings.TrimPrefix(f, fmt.Sprintf("%s%08d.", headsDir, seq)), ".sig")
		if !ok {
			continue
		}
		what, err := k.signature(f, kid, text)
		switch {
		case err != nil:
			k.fail(f, err)
		case what != "":
			k.problem(Problem{Path: f, What: what, Got: "over " + headName(seq)})
		default:
			good = true
			k.report.signer(kid, seq)
		}
	}
	if good {
		k.signedTo = max(k.signedTo, seq)
		k.trust.advance(seq)
		k.report.Head, k.report.Heads = &h, k.report.Heads+1
	}
}

// signature says what is wrong with a signature, "" if it counts.
func (k *checker) signature(name, kid string, text []byte) (string, error) {
	sig, err := readFile(k.ctx, k.v, name, maxSig)
	if err != nil && !errors.Is(err, ErrDamaged) {
		return "", err
	}
	pub := k.trust.keys[kid]
	switch {
	case pub == nil:
		return "signed by a key that is not in the case", nil
	case !verifySignature(pub, text, sig):
		return "the signature is not that of its key over the head", nil
	case !k.trust.counts[kid]:
		return "signed by a key that nobody vouched for", nil
	}
	return "", nil
}
