package collect

import (
	"context"
	"sync"
	"time"

	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// promise is a value that one collector finds out and others wait for.
type promise[T any] struct {
	once sync.Once
	done chan struct{}
	v    T
}

func newPromise[T any]() *promise[T] { return &promise[T]{done: make(chan struct{})} }

// keep sets the value; only the first one counts.
func (p *promise[T]) keep(v T) { p.once.Do(func() { p.v = v; close(p.done) }) }

// get waits for the value. After cancellation it is the zero value, unless known.
func (p *promise[T]) get(ctx context.Context) T {
	select {
	case <-p.done:
		return p.v
	default:
	}
	select {
	case <-p.done:
		return p.v
	case <-ctx.Done():
		var zero T
		return zero
	}
}

// facts is what the collectors of one target tell each other. Each has one owner,
// who keeps it whatever happens; owners run in every scope and wait for nobody.
type facts struct {
	latest   *promise[*lambdatypes.FunctionConfiguration] // lambda.configuration; nil: unknown
	versions *promise[versionList]                        // lambda.configuration
	aliases  *promise[nameList]                           // lambda.aliases
	grants   *promise[grantList]                          // lambda.policy

	sources      *promise[nameList] // lambda.mappings: ARNs that mappings read from, send to, or authenticate with
	destinations *promise[nameList] // lambda.invoke-config: ARNs of asynchronous destinations
	roleNames    *promise[nameList] // iam.role: ARNs of secrets and parameters that the role's policies name

	edge       *promise[edgeFact] // cloudfront.distributions: it runs at the edge, and logs in other regions
	edgeGroups *promise[nameList] // logs.group: "REGION GROUP" of those that are there

	mu       sync.Mutex
	packages map[string]*promise[deployed] // lambda.configuration, by version
}

func newFacts() *facts {
	return &facts{
		latest:   newPromise[*lambdatypes.FunctionConfiguration](),
		versions: newPromise[versionList](),
		aliases:  newPromise[nameList](),
		grants:   newPromise[grantList](),
		packages: map[string]*promise[deployed]{},

		sources:      newPromise[nameList](),
		destinations: newPromise[nameList](),
		roleNames:    newPromise[nameList](),

		edge:       newPromise[edgeFact](),
		edgeGroups: newPromise[nameList](),
	}
}

// release keeps what the owner left open, so that nobody waits for ever.
func (f *facts) release(owner string) {
	switch owner {
	case "lambda.configuration":
		f.latest.keep(nil)
		f.versions.keep(versionList{})
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, p := range f.packages {
			p.keep(deployed{})
		}
	case "lambda.policy":
		f.grants.keep(grantList{})
	case "lambda.aliases":
		f.aliases.keep(nameList{})
	case "lambda.mappings":
		f.sources.keep(nameList{})
	case "lambda.invoke-config":
		f.destinations.keep(nameList{})
	case "iam.role":
		f.roleNames.keep(nameList{})
	case "cloudfront.distributions":
		f.edge.keep(edgeFact{})
	case "logs.group":
		f.edgeGroups.keep(nameList{})
	}
}

func (f *facts) deployed(version string) *promise[deployed] {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.packages[version]
	if p == nil {
		p = newPromise[deployed]()
		f.packages[version] = p
	}
	return p
}

// nameList is a listing's outcome. known is false when it failed or broke off:
// names may then be missing.
type nameList struct {
	names []string
	known bool
}

// versionList is $LATEST and the published versions; $LATEST is in it even when
// the listing failed.
type versionList struct {
	all   []versionFact
	known bool
}

// versionFact is the little of a version's configuration that others need.
type versionFact struct {
	version  string
	image    bool     // a container image
	durable  bool     // its executions keep their steps
	capacity string   // ARN of the capacity provider, "" for none
	layers   []string // layer version ARNs
	network  *lambdatypes.VpcConfigResponse
	mounts   []lambdatypes.FileSystemConfig
	logGroup string // where it logs to; "" is Lambda's default
	env      *lambdatypes.EnvironmentResponse
	config   *lambdatypes.FunctionConfiguration // of $LATEST only
}

// names are the versions' numbers.
func (l versionList) names() []string {
	out := make([]string, len(l.all))
	for i, v := range l.all {
		out[i] = v.version
	}
	return out
}

// deployed is what GetFunction said of a version. asked is false when the
// configuration collector stopped before it; err is the refusal.
type deployed struct {
	asked   bool
	err     error
	config  *lambdatypes.FunctionConfiguration // without the environment
	env     *lambdatypes.EnvironmentResponse
	envCall string // the call that gave env
	stamp   stamp
	code    *lambdatypes.FunctionCodeLocation
	at      time.Time // when code.Location was given: it lives 10 minutes
}
