package fleetjob

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/freezeframe-ir/freezeframe/collect"
)

// Schema names the shape of a message.
const Schema = "freezeframe.collect/1"

const (
	// MaxFunctions is how many functions one message names at most.
	MaxFunctions = 200
	// maxMessage is what is read of a message: far below what a queue takes.
	maxMessage = 64 << 10
	maxList    = 100
	maxText    = 1024
	maxSince   = 90 * 24 * time.Hour
	// maxAhead is how far ahead of ours a clock may be that wrote a message.
	maxAhead = time.Hour
)

// Errors that callers branch on.
var (
	// ErrMessage: a message is not one that this package writes.
	ErrMessage = errors.New("not a collection job")
	// ErrElsewhere: the job's case is not where this worker's cases lie, or is another than it says.
	ErrElsewhere = errors.New("the job's case is not this worker's to write")
	// ErrRole: the job was meant for a worker that enters accounts by another role.
	ErrRole = errors.New("the job was asked for with another role than this worker's")
)

// Job is one message: some functions of an account and region, to be collected into a case.
type Job struct {
	Schema    string        `json:"schema"`
	Case      string        `json:"case"`    // where it lies
	CaseID    string        `json:"case_id"` // and which it is
	Asked     time.Time     `json:"asked"`   // when the fleet was split: to the millisecond, UTC
	Account   string        `json:"account"`
	Region    string        `json:"region"`
	Functions []string      `json:"functions"` // names, in order
	Scope     collect.Scope `json:"scope"`
	Since     string        `json:"since"` // a duration: how far back from until
	Until     time.Time     `json:"until"` // one end of the window for all jobs of a fleet
	Role      string        `json:"role,omitempty"`
	Operator  string        `json:"operator"`

	Only          []string `json:"only,omitempty"`
	Regions       []string `json:"regions,omitempty"`
	TrailBuckets  []string `json:"trail_buckets,omitempty"`
	MaxTrailBytes int64    `json:"max_trail_bytes,omitempty"`
	MaxLogBytes   int64    `json:"max_log_bytes,omitempty"`

	ID string `json:"id"` // of all that stands above
}

// sign gives the job the id that belongs to what it says.
func (j *Job) sign() error {
	id, err := j.id()
	j.ID = id
	return err
}

func (j Job) id() (string, error) {
	j.ID = ""
	data, err := json.Marshal(j)
	if err != nil {
		return "", fmt.Errorf("encode a job: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16]), nil
}

// Bag is the id of the bag that the job fills.
func (j *Job) Bag() string { return j.bag("functions " + j.ID) }

// SweepBag is the id of the bag in which what CloudTrail has of Lambda in the region lies, for all
// jobs of the fleet there.
func (j *Job) SweepBag() string {
	return j.bag(strings.Join([]string{"sweep", j.CaseID, j.Asked.Format(time.RFC3339Nano), j.Account, j.Region, j.Since, j.Until.Format(time.RFC3339Nano)}, " "))
}

// bag is a ULID of when the fleet was split: bags stand in the order of their ids.
func (j *Job) bag(of string) string {
	sum := sha256.Sum256([]byte(of))
	id := ulid.MustNew(ulid.Timestamp(j.Asked), bytes.NewReader(sum[:])) // Asked is within what a ULID holds, and there are bytes enough
	return id.String()
}

// Sweeps says whether the job's functions share a sweep of CloudTrail.
func (j *Job) Sweeps() bool {
	return j.Scope == collect.All && (len(j.Only) == 0 || slices.Contains(j.Only, "cloudtrail.lookup"))
}

// Targets are the job's functions.
func (j *Job) Targets() []collect.Target {
	out := make([]collect.Target, len(j.Functions))
	for i, name := range j.Functions {
		out[i], _ = collect.ParseTarget(j.Account, j.Region, name) // check has seen each
	}
	return out
}

// options are those of a collection as the job asks for it, on top of the worker's own.
func (j *Job) options(own collect.Options) collect.Options {
	own.Scope, own.Until, own.Only, own.Regions = j.Scope, j.Until, j.Only, j.Regions
	own.Since, _ = time.ParseDuration(j.Since) // check has seen it
	own.TrailBuckets, own.MaxTrailBytes, own.MaxLogBytes = j.TrailBuckets, j.MaxTrailBytes, j.MaxLogBytes
	own.LeaveOpen = true
	return own
}

// Encode is the message of a job.
func (j *Job) Encode() (string, error) {
	data, err := json.Marshal(j)
	if err != nil {
		return "", fmt.Errorf("encode a job: %w", err)
	}
	return string(data), nil
}

// Is says whether a message means to be a job, of whatever version: what does not is no business of
// this package.
func Is(body string) bool {
	var head struct {
		Schema string `json:"schema"`
	}
	if len(body) > maxMessage || !strings.HasPrefix(body, `{"schema":"freezeframe.collect/`) {
		return false
	}
	return json.Unmarshal([]byte(body), &head) == nil && strings.HasPrefix(head.Schema, "freezeframe.collect/")
}

// Parse reads a message. It takes nothing but what Encode writes, byte for byte: what has a member
// twice, or one that nobody knows, two readers could read as two things.
func Parse(body string, now time.Time) (*Job, error) {
	if len(body) > maxMessage {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrMessage, len(body), maxMessage)
	}
	j := &Job{}
	if err := json.Unmarshal([]byte(body), j); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	if j.Schema != Schema {
		return nil, fmt.Errorf("%w: schema %.60q, and this program knows %q", ErrMessage, j.Schema, Schema)
	}
	again, err := j.Encode()
	if err != nil || again != body {
		return nil, fmt.Errorf("%w: it is not written as a job is", ErrMessage)
	}
	if err := j.check(now); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	return j, nil
}

var (
	twelveDigits = regexp.MustCompile(`^\d{12}$`)
	regionName   = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)
	plainText    = regexp.MustCompile(`^[ -~]*$`)
	bareName     = regexp.MustCompile(`^[a-zA-Z0-9-_]{1,64}$`)
)

// check says what is wrong with a job, the first thing.
func (j *Job) check(now time.Time) error {
	id, err := j.id()
	if err != nil {
		return err
	}
	since, sinceErr := time.ParseDuration(j.Since)
	_, caseErr := ulid.ParseStrict(j.CaseID)
	for _, c := range []struct {
		bad  bool
		what string
	}{
		{j.ID != id, "its id is not that of what it says"},
		{caseErr != nil || j.Case == "" || len(j.Case) > maxText || !plainText.MatchString(j.Case), "its case"},
		{!twelveDigits.MatchString(j.Account), "its account"},
		{!regionName.MatchString(j.Region), "its region"},
		{len(j.Functions) == 0 || len(j.Functions) > MaxFunctions, "the number of its functions"},
		{!slices.IsSorted(j.Functions) || len(slices.Compact(slices.Clone(j.Functions))) != len(j.Functions), "the order of its functions"},
		{slices.ContainsFunc(j.Functions, func(n string) bool { return !bareName.MatchString(n) }), "the name of a function"},
		{j.Scope != collect.All && j.Scope != collect.Containment, "its scope"},
		{sinceErr != nil || since <= 0 || since > maxSince || since.String() != j.Since, "its window"},
		{!instant(j.Until, now) || j.Until.Nanosecond() != 0, "the end of its window"},
		{!instant(j.Asked, now) || j.Asked.Nanosecond()%int(time.Millisecond) != 0, "when it was asked for"},
		{j.MaxLogBytes < 0 || j.MaxTrailBytes < 0, "its limits"},
		{len(j.Role) > maxText || len(j.Operator) > maxText, "a text of it"},
	} {
		if c.bad {
			return errors.New(c.what)
		}
	}
	return j.checkLists()
}

// instant says whether a time is one that a fleet can have been split at, as it is written here.
func instant(t, now time.Time) bool {
	return t.Location() == time.UTC && t.After(now.Add(-maxSince)) && t.Before(now.Add(maxAhead))
}

// checkLists looks at what narrows a collection down: names that it knows.
func (j *Job) checkLists() error {
	for _, l := range []struct {
		of   []string
		good func(string) bool
		what string
	}{
		{j.Only, isCollector, "what alone is to be collected"},
		{j.Regions, func(r string) bool { return r == "all" || regionName.MatchString(r) }, "a further region"},
		{j.TrailBuckets, func(b string) bool {
			return collect.IsTrailBucket(b) && plainText.MatchString(b) && !strings.Contains(b, " ")
		}, "the bucket of a trail"},
	} {
		bad := slices.ContainsFunc(l.of, func(s string) bool { return !l.good(s) })
		if cmp.Compare(len(l.of), maxList) > 0 || bad {
			return errors.New(l.what)
		}
	}
	return nil
}

func isCollector(name string) bool {
	return slices.ContainsFunc(collect.Catalogue(), func(c collect.Collector) bool { return c.Name == name })
}
