// Package check answers whether an S3 bucket is fit to hold evidence: whose it is,
// what keeps its objects from being changed or deleted, who may read them, and who
// would know. It reads the bucket's configuration and, if asked to, tries it with one
// object, the canary, that stays behind.
//
// A question that was not answered (denied, or not implemented by the server) is
// unknown, never a pass. Sources: Amazon S3 User Guide ("Locking objects with Object
// Lock", "Verifying bucket ownership with bucket owner condition"), AWS CloudTrail
// User Guide ("Logging data events").
package check

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/freezeframe-ir/freezeframe/internal/vault/s3vault"
)

// Result is the answer to one question.
type Result string

// Results.
const (
	Pass    Result = "pass"
	Fail    Result = "fail"
	Unknown Result = "unknown" // denied, not implemented, or not to be told from what is known
)

// Level says how much a fail weighs.
type Level string

// Levels.
const (
	Must   Level = "must"   // without it the bucket is not fit
	Should Level = "should" // a recommendation
)

// Finding is one question and its answer. Got may hold text from the bucket's own
// configuration and from the server, cut short but not escaped.
type Finding struct {
	ID     string `json:"id"`   // stable: "versioning", "policy-deletes"
	What   string `json:"what"` // what is wanted
	Level  Level  `json:"level"`
	Result Result `json:"result"`
	Got    string `json:"got"`           // what was found instead, or why it is unknown
	Fix    string `json:"fix,omitempty"` // one line for a POSIX shell; CAPITALS stand for what only the user knows. "" after a pass
}

// Report is what a check found, in the order of the table of checks.
type Report struct {
	Bucket        string    `json:"bucket"`
	Prefix        string    `json:"prefix,omitempty"`
	Region        string    `json:"region"`
	At            time.Time `json:"at"`
	Findings      []Finding `json:"findings"`
	Canary        string    `json:"canary,omitempty"`         // key of the object that the live probe left behind; "" if none
	CanaryVersion string    `json:"canary_version,omitempty"` // "" if the bucket gave none
}

// OK says that nothing which must be so is known not to be. What is unknown does not
// count: see Unknown.
func (r Report) OK() bool {
	for _, f := range r.Findings {
		if f.Level == Must && f.Result == Fail {
			return false
		}
	}
	return true
}

// Unknown is the number of questions without an answer.
func (r Report) Unknown() int {
	n := 0
	for _, f := range r.Findings {
		if f.Result == Unknown {
			n++
		}
	}
	return n
}

// Inputs say what is checked. Config and Bucket are required.
type Inputs struct {
	// Config gives what clients of a region are made from ("" is the session's own
	// region). It must allow the calls of Needs.
	Config func(region string) aws.Config

	Bucket, Prefix string
	Owner          string // account id that is to own the bucket; "" unknown
	SubjectAccount string // account id under investigation; "" unknown
	Caller         string // ARN of who runs the check, for Fix; "" unknown

	Live bool             // try it with a canary
	Now  func() time.Time // nil: time.Now
	Rand io.Reader        // for the canary's name; nil: crypto/rand
}

func (in Inputs) withDefaults() Inputs {
	if in.Now == nil {
		in.Now = time.Now
	}
	if in.Rand == nil {
		in.Rand = rand.Reader
	}
	return in
}

// entry is one line of the table of checks.
type entry struct {
	id    string
	level Level
	what  string
	run   func(context.Context, *probe) verdict
}

// verdict is what a check says.
type verdict struct {
	result   Result
	got, fix string
}

func pass(format string, args ...any) verdict {
	return verdict{result: Pass, got: fmt.Sprintf(format, args...)}
}

// checks is the table: what is asked of every bucket, in the order in which the fixes
// can be run (Object Lock wants versioning).
func checks() []entry {
	return []entry{
		{"owner", Must, "the bucket belongs to the expected account", owner},
		{"separation", Must, "the bucket is not the investigated account's own", separation},
		{"versioning", Must, "versioning is enabled", versioning},
		{"object-lock", Must, "Object Lock is enabled", objectLock},
		{"retention", Must, "new objects are locked by a default retention", retention},
		{"ownership", Must, "the bucket's owner owns every object, and ACLs are off", ownership},
		{"public-access", Must, "public access is blocked in all four ways", publicAccess},
		{"policy-deletes", Must, "the bucket policy denies everyone to delete objects and versions", policyDeletes},
		{"policy-bypass", Must, "the bucket policy denies everyone to bypass governance retention", policyBypass},
		{"policy-tls", Must, "the bucket policy denies everyone to come without TLS", policyTLS},
		{"encryption", Must, "objects are encrypted with a KMS key by default (SSE-KMS)", encryption},
		{"kms-account", Must, "the KMS key belongs to the bucket's account", keyAccount},
		{"kms-enabled", Must, "the KMS key is enabled", keyEnabled},
		{"lifecycle", Must, "no lifecycle rule expires objects before their retention ends", lifecycle},
		{"replication", Should, "objects are replicated to another bucket", replication},
		{"readers", Must, "who reads the evidence is recorded", readers},
	}
}

// liveChecks build on one another: the first writes the canary.
func liveChecks() []entry {
	return []entry{
		{"live-create", Must, "an object can be written", liveCreate},
		{"live-once", Must, "the same object cannot be written twice", liveOnce},
		{"live-checksum", Must, "S3 keeps the object's SHA-256", liveChecksum},
		{"live-lock", Must, "the object is locked until a date", liveLock},
		{"live-delete", Must, "the object's version cannot be deleted", liveDelete},
	}
}

// Run asks everything, one call after the other. What a call says about the bucket is
// a finding; an error is only that there is no such bucket (wraps vault.ErrGone), a
// name that cannot be one (s3vault.ErrLocation), the end of ctx, or a call that Config
// does not allow (awsapi.IsRefused). With the last two the report holds what was found
// until then.
func Run(ctx context.Context, in Inputs) (Report, error) {
	in = in.withDefaults()
	r := Report{Bucket: in.Bucket, Prefix: in.Prefix, At: in.Now().UTC()}
	bucket, prefix, err := s3vault.Parse("s3://" + in.Bucket + "/" + in.Prefix)
	if err != nil {
		return r, fmt.Errorf("check a vault: %w", err)
	}
	if bucket != in.Bucket {
		return r, fmt.Errorf("check a vault: bucket %.80q: %w", in.Bucket, s3vault.ErrLocation)
	}
	in.Prefix = prefix
	p, err := newProbe(ctx, in)
	if err != nil {
		return r, fmt.Errorf("check s3://%s: %w", in.Bucket, err)
	}
	r.Region = p.region
	table := checks()
	if in.Live {
		table = append(table, liveChecks()...)
	}
	for _, c := range table {
		v, no := p.elsewhere()
		if !no || c.id == "separation" {
			v = c.run(ctx, p)
		}
		r.Canary, r.CanaryVersion = p.canary.left()
		if err := ctx.Err(); err != nil {
			return r, fmt.Errorf("check s3://%s: %s: %w", in.Bucket, c.id, err)
		}
		if p.refused != nil {
			return r, fmt.Errorf("check s3://%s: %s: %w", in.Bucket, c.id, p.refused)
		}
		r.Findings = append(r.Findings, Finding{ID: c.id, What: c.what, Level: c.level, Result: v.result, Got: v.got, Fix: v.fix})
	}
	return r, nil
}
