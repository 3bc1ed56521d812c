package digest

import (
	"time"
)

// Kind says what is the matter with a file or a stretch of time.
type Kind string

// Damage: what these say does not come about without somebody's doing.
const (
	DigestUnreadable Kind = "digest-unreadable" // does not inflate, or is not in a digest's form
	DigestTrailing   Kind = "digest-trailing"   // bytes follow its compressed stream
	DigestMoved      Kind = "digest-moved"      // its text belongs to another place: renamed, swapped, another trail's
	DigestMisnamed   Kind = "digest-misnamed"   // lies among digests, and is not named like one
	DigestUnsigned   Kind = "digest-unsigned"   // S3 keeps no signature with it
	DigestSignature  Kind = "digest-signature"  // its signature does not verify: text or signature were altered
	DigestKey        Kind = "digest-key"        // signed with a key that is not CloudTrail's
	DigestMissing    Kind = "digest-missing"    // the next one names it, and it is not there
	DigestChain      Kind = "digest-chain"      // the next one has another hash or signature for it
	LogAltered       Kind = "log-altered"       // its hash is another one
	LogUnreadable    Kind = "log-unreadable"    // does not inflate to its end
	LogTrailing      Kind = "log-trailing"      // bytes follow its compressed stream
	LogMissing       Kind = "log-missing"       // a valid digest names it, and it is not there
	LogRenamed       Kind = "log-renamed"       // it is what a digest names under another name
	LogUnnamed       Kind = "log-unnamed"       // no digest of its time names it
	LogMisnamed      Kind = "log-misnamed"      // lies among log files, and is not named like one
	Changed          Kind = "object-changed"    // collected twice, and not the same
)

// What cannot be validated.
const (
	NoKeys       Kind = "no-public-keys" // of the region
	NoDigest     Kind = "no-digest"      // a stretch of time that no valid digest vouches for
	NotCollected Kind = "not-collected"  // it is known to be there, and was not collected
	Unproven     Kind = "unproven"       // its signature is not at hand
	LogUncovered Kind = "log-uncovered"  // no valid digest is of its time
	Unreadable   Kind = "unreadable"     // a document beside the files, or a folder, cannot be read
	Unplaced     Kind = "unplaced"       // where a plain file lay in the bucket cannot be told
)

// Damage says whether a kind is damage, or something that cannot be validated.
func (k Kind) Damage() bool {
	switch k {
	case NoKeys, NoDigest, NotCollected, Unproven, LogUncovered, Unreadable, Unplaced:
		return false
	}
	return true
}

// Problem is one finding.
type Problem struct {
	Kind Kind      `json:"kind"`
	File string    `json:"file,omitempty"` // s3://bucket/key; of plain files the path
	Why  string    `json:"why"`
	From time.Time `json:"from,omitzero"` // the time it is about
	To   time.Time `json:"to,omitzero"`
}

// Period is from its start up to its end.
type Period struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Chain is the digests of one trail in one account and region, and the log files they name.
type Chain struct {
	Trail        string `json:"trail"`
	Home         string `json:"home_region"`
	Account      string `json:"account"`
	Organization string `json:"organization,omitempty"`
	Region       string `json:"region"`
	Backfill     bool   `json:"backfill,omitempty"` // those made later, which are a chain of their own

	// Valid are the stretches for which digests and log files are all valid.
	Valid        []Period  `json:"valid"`
	Digests      int       `json:"digests"`
	ValidDigests int       `json:"valid_digests"`
	Logs         int       `json:"log_files"` // that its valid digests name
	ValidLogs    int       `json:"valid_log_files"`
	Before       string    `json:"before,omitempty"` // the digest before the first, which is not at hand
	Problems     []Problem `json:"problems,omitempty"`
}

// Report is what validation found.
type Report struct {
	Chains   []Chain   `json:"chains"`
	Problems []Problem `json:"problems,omitempty"` // of no chain
	LogFiles int       `json:"log_files"`          // at hand
}

// All yields every problem, with the chain it is of; nil for none.
func (r Report) All(yield func(*Chain, Problem) bool) {
	for i := range r.Chains {
		for _, p := range r.Chains[i].Problems {
			if !yield(&r.Chains[i], p) {
				return
			}
		}
	}
	for _, p := range r.Problems {
		if !yield(nil, p) {
			return
		}
	}
}

// Damaged counts the problems that are damage, Unvalidated those that are not.
func (r Report) Damaged() (n int) { n, _ = r.count(); return n }

// Unvalidated counts what cannot be validated.
func (r Report) Unvalidated() (n int) { _, n = r.count(); return n }

func (r Report) count() (damaged, unvalidated int) {
	for _, p := range r.All {
		if p.Kind.Damage() {
			damaged++
		} else {
			unvalidated++
		}
	}
	return damaged, unvalidated
}

// Verdicts.
const (
	Complete   = "complete"   // all there is, is valid
	Incomplete = "incomplete" // nothing is damaged, something cannot be validated
	Damaged    = "damaged"
)

// Verdict sums it up. Without a valid digest it is never Complete.
func (r Report) Verdict() string {
	damaged, unvalidated := r.count()
	valid := 0
	for _, c := range r.Chains {
		valid += c.ValidDigests
	}
	switch {
	case damaged > 0:
		return Damaged
	case unvalidated > 0 || valid == 0:
		return Incomplete
	}
	return Complete
}
