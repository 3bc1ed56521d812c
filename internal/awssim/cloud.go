package awssim

import (
	"compress/gzip"
	"sync"
	"sync/atomic"
	"time"
)

// Clock tells the simulated time.
type Clock interface{ Now() time.Time }

// Config says what kind of account to simulate.
type Config struct {
	AccountID string // 12 digits
	Region    string // where unqualified things happen
	Seed      uint64 // same seed, same calls: same account, same records
	Clock     Clock  // nil: the wall clock

	Quotas     bool          // enforce the control-plane quotas of Lambda and CloudTrail
	IAMDelay   time.Duration // until a change of IAM decides requests
	TrailDelay time.Duration // until a call shows up in LookupEvents
	Settle     time.Duration // how long Pending, InProgress, Enabling, Disabling and the like last
	QueryTime  time.Duration // how long queries of Athena and CloudTrail Lake run
	Latency    time.Duration // added to every answer, outside the lock (benchmarks)

	// PageMost is how many items a page of an operation ("Lambda:ListAliases") has at most,
	// as AWS may give fewer than asked for; nil or 0: as many as asked for.
	PageMost func(api string) int
	// Tell is told of every call with its parameters in the API's names, as decoded; under the
	// lock. nil: nobody is.
	Tell func(service, operation, region string, in map[string]any)
}

// scope is where regional state lives. Global services use region "".
type scope struct{ account, region string }

// shards holds one service's state for each account and region, made on demand.
type shards[T any] struct{ m map[scope]*T }

func (s *shards[T]) at(account, region string, fresh func() *T) *T {
	if s.m == nil {
		s.m = map[scope]*T{}
	}
	k := scope{account, region}
	if s.m[k] == nil {
		s.m[k] = fresh()
	}
	return s.m[k]
}

// Cloud is the simulated account, and as much of other accounts as cross-account
// calls need. Safe for concurrent use: one lock is held while an operation runs.
type Cloud struct {
	cfg     Config
	latency atomic.Int64 // nanoseconds: it may be changed while answers are given
	mu      sync.Mutex

	core   coreState // recorder, faults, quotas, id counters: core*.go, trail.go
	iam    shards[iamState]
	kms    shards[kmsState]
	lambda shards[lambdaState]
	logs   shards[logsState]
	events shards[eventsState]
	sqs    shards[sqsState]
	trails shards[trailsState]
	s3     s3State

	topics         shards[snsState]
	schedulers     shards[schedulerState]
	pipes          shards[pipesState]
	autoscaling    shards[autoscalingState]
	vaults         shards[secretsState]
	ssms           shards[ssmState]
	gateway        shards[gatewayState]
	elb            shards[elbState]
	fronts         shards[cloudfrontState]
	xray           shards[xrayState]
	guardduty      shards[guarddutyState]
	accessanalyzer shards[accessanalyzerState]
	inspector2     shards[inspector2State]
	config         shards[configState]
	cloudwatch     shards[cloudwatchState]
	ec2            shards[ec2State]
	efs            shards[efsState]
	ecr            shards[ecrState]
	athena         shards[athenaState]

	zip *gzip.Writer // of delivered files
}

// Credentials are what a principal signs with.
type Credentials struct{ AccessKeyID, SecretAccessKey, SessionToken string }

// Fault makes an operation fail. The nth call (1 is the next; 0 is every call)
// of Op ("Lambda:GetFunction") on Resource (substring of the resource ARN
// that the operation asked permission for; "" is any) fails. Op "Presigned:Get" is
// the download of a package or layer from the address that a call gave.
type Fault struct {
	Op, Resource string
	Nth          int
	On           bool // and every call after the nth
	AfterEffect  bool // done, but the reply was lost
	Fail         Fail
}

// Fail says how: an API error, or a connection that drops (Drop), or a delay, or one of
// what AWS's services do in their own words.
type Fail struct {
	Code, Message string
	Status        int
	Drop          bool
	Delay         time.Duration

	Denied    bool // refused, as if no policy allowed it
	Throttled bool // refused for being too fast
	Cut       bool // answered, and the connection breaks in the middle of the body
	SameToken bool // a listing whose token for the next page is always the same
	Garbled   bool // a download of other bytes, as many as there should be
}

// catalogue is every simulated operation: to add one, add it to its service's list.
func catalogue() []operation {
	var all []operation
	for _, ops := range [][]operation{lambdaOps(), iamOps(), stsOps(), kmsOps(), s3Ops(), logsOps(), eventsOps(), sqsOps(), cloudtrailOps(),
		snsOps(), schedulerOps(), pipesOps(), autoscalingOps(), secretsOps(), ssmOps(), gatewayOps(), httpAPIOps(), elbv2Ops(), cloudfrontOps(), ecrOps()} {
		all = append(all, ops...)
	}
	for _, ops := range [][]operation{xrayOps(), guarddutyOps(), accessanalyzerOps(), inspector2Ops(), configOps(), cloudwatchOps(), ec2Ops(), efsOps(), athenaOps(), lakeOps()} { // what watches, and the network
		all = append(all, ops...)
	}
	return all
}

// objects is how a service's state enters Objects and Digest. put takes a key
// such as "lambda/us-east-1/function/NAME/version/3", the logical value, and
// bookkeeping that an undo cannot and need not restore (revision ids,
// modification times): that enters Digest only. Values must marshal to JSON
// deterministically.
type putObject func(key string, logical, bookkeeping any)
