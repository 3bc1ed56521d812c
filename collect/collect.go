package collect

import (
	"context"
	"io"
	"net/netip"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Collector takes one kind of evidence of a target.
type Collector struct {
	Name, About string // Name: "lambda.code"; artefacts are named Name or Name.part
	Small       bool   // part of Scope "containment"
	Needs       []awsapi.Need
	// Collect records everything it wanted as an artefact or a gap of the job. An
	// error of the evidence's store stops the run through the job; nothing else does.
	Collect func(ctx context.Context, j *Job)
}

// Artefacts is what a collection is written to: *evidence.Writer. Safe for
// concurrent use. A Put whose write function fails stores nothing, except that
// after evidence.ErrTruncated what was written stays, as truncated.
type Artefacts interface {
	Put(ctx context.Context, m evidence.Meta, write func(io.Writer) error) (evidence.Item, error)
	PutSecret(ctx context.Context, m evidence.Meta, secret, twin []byte) (sealed, redacted evidence.Item, err error)
	Gap(g evidence.Gap) error
	MAC(value []byte) string // stands for a secret value in redacted documents
}

// Inputs are the roads to AWS.
type Inputs struct {
	// Connect makes a client configuration for a region, limited to the declared
	// calls and recorded: Session.ConfigRecorded.
	Connect func(region string, needs []awsapi.Need, also awsapi.Recorder) aws.Config
	// HTTP is what presigned downloads travel through: Session.HTTPClient.
	HTTP aws.HTTPClient
	// Endpoint is the configured endpoint URL; "" is AWS. Code is downloaded
	// over HTTPS, or from this endpoint's host.
	Endpoint string
}

// Scope of a collection.
type Scope string

// Scopes.
const (
	All         Scope = "all"
	Containment Scope = "containment" // what acts of containment overwrite or destroy: small and quick
)

// Options say how much to collect, and how fast. The zero value is usable.
type Options struct {
	Scope    Scope         // "" is All
	Since    time.Duration // how far back events and logs reach; 0 is 7 days, at most 90
	Until    time.Time     // the end of that window; zero is now
	Parallel int           // downloads at once; 0 is 8
	Only     []string      // names of collectors; empty is all of the scope
	Regions  []string      // further regions in which calls of the role's sessions are looked for; "all" is every one that accounts have from the start

	Earlier []awsapi.Exchange // calls made before there was a journal to enter them in
	Found   []evidence.Gap    // what was not found of what was wanted, before the run: it enters the coverage
	// Swept is the sealed bag that holds what SweepInto read of the region, for runs that share it;
	// nil: the run reads it itself.
	Swept *evidence.Bag
	// Bag is the id of the bag that Into begins; "" makes one.
	Bag string
	// LeaveOpen leaves the bag of a run that was stopped unfinished, for whoever goes on with it
	// (Resume). Without it what was collected is sealed, and the rest is a gap.
	LeaveOpen bool

	Keys     []string // access keys to look up beside those of the role's sessions
	KeysOnly bool     // of CloudTrail's event history, look up Keys alone

	MaxLogBytes int64 // of one log group's events; 0 is 256 MiB
	// TrailBuckets are where CloudTrail's files are read: AutoTrailBucket, or s3://bucket/prefix.
	// Empty: nowhere.
	TrailBuckets  []string
	MaxTrailBytes int64 // of files in trails' buckets; 0 is 1 GiB

	MaxKeys  int // access keys of the role's sessions to look up; 0 is 50
	MaxPages int // of one listing, or of one stream's events; 0 is 100 000

	AllowPrivate []netip.Prefix // private addresses that downloads may come from

	Pacer    *Pacer         // shared by runs in one account; nil: one for this run
	Calls    int            // under way at once, of one run; 0: as many as the quotas let through
	Unpaced  bool           // keep no client-side quota
	Progress func(Progress) // called from many goroutines, never concurrently; nil: nobody is told
	Now      func() time.Time
	// Record is told of every call, with the collector that made it.
	Record func(collector string, x awsapi.Exchange)

	catalogue []Collector // instead of Catalogue: a query runs by itself
}

// Progress is the state of a run.
type Progress struct {
	Planned, Done, Gaps int
	Bytes               int64
	Last                string // artefact that was finished last, with its qualifier
}

// Summary is what a run came to.
type Summary struct {
	States   map[evidence.State]int `json:"states"`
	Items    int                    `json:"items"`
	Bytes    int64                  `json:"bytes"`
	Complete bool                   `json:"complete"` // false: exit code 3
	Started  time.Time              `json:"started"`
	Ended    time.Time              `json:"ended"`
}

// Status is what to seal the bag with.
func (s Summary) Status() evidence.Status {
	if s.Complete {
		return evidence.StatusComplete
	}
	return evidence.StatusPartial
}
