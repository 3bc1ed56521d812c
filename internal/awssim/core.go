package awssim

import (
	"encoding/json"
	"reflect"
	"time"
)

// coreState is what is not any service's: guarded by the cloud's lock, except
// for the operations, which do not change.
type coreState struct {
	ops     map[opKey]operation
	seen    map[[16]byte]int // how often a call, or an id within it, was made: see nth
	records recorder
	calls   []Call
	faults  []*armedFault
	struck  []Call // by faults, since these were last cleared
	buckets map[bucketKey]*bucket

	downloads int // from presigned addresses
}

type opKey struct{ service, name string }

// wallClock is the time of the machine.
type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

// New makes an account with nothing in it.
func New(cfg Config) *Cloud {
	if cfg.Clock == nil {
		cfg.Clock = wallClock{}
	}
	if cfg.AccountID == "" {
		cfg.AccountID = "111122223333"
	}
	if cfg.Region == "" {
		cfg.Region = "us-east-1"
	}
	facts()
	c := &Cloud{cfg: cfg}
	c.SetLatency(cfg.Latency)
	c.core.ops = map[opKey]operation{}
	c.register(catalogue())
	return c
}

// register adds operations. One that the table of facts does not have is a bug
// of this package, found by any test.
func (c *Cloud) register(ops []operation) {
	for _, o := range ops {
		s := facts()[o.service]
		if s == nil || s.ops[o.name] == nil || !s.ops[o.name].simulated {
			panic("awssim: " + o.service + ":" + o.name + " is not in the table of facts: add it to gen/lists.go and run the generator")
		}
		k := opKey{o.service, o.name}
		if _, twice := c.core.ops[k]; twice {
			panic("awssim: " + o.service + ":" + o.name + " is simulated twice")
		}
		c.core.ops[k] = o
	}
}

// Now is the simulated time.
func (c *Cloud) Now() time.Time { return c.cfg.Clock.Now() }

// AccountID is the account that is simulated.
func (c *Cloud) AccountID() string { return c.cfg.AccountID }

// Region is where unqualified things happen.
func (c *Cloud) Region() string { return c.cfg.Region }

// Call is one call that was made, for tests of who did what.
type Call struct {
	Time      time.Time
	Service   string // "lambda"
	Operation string // "GetFunction"
	API       string // "CloudWatchLogs:FilterLogEvents": as the SDK names the service, without spaces
	Principal string // ARN
	KeyID     string
	ReadOnly  bool   // it cannot have changed the account
	ErrorCode string // "" is success
	Resource  string // the first ARN that permission was asked for
	RequestID string
	Region    string

	target target
	in     fields
}

// Calls lists every authenticated call so far, in the order they were made.
func (c *Cloud) Calls() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Call(nil), c.core.calls...)
}

// Records are the CloudTrail records of every call so far, data events
// included, in the order they were made.
func (c *Cloud) Records() []json.RawMessage {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]json.RawMessage, 0, len(c.core.records.all))
	for _, r := range c.core.records.all {
		out = append(out, r.raw)
	}
	return out
}

// newInput makes an empty input of an operation.
func (o operation) newInput() reflect.Value { return reflect.New(o.input) }
