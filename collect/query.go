package collect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/trailsql"
)

// Engines that a trail's records can be asked of.
const (
	Athena = "athena" // a table over the trail's bucket
	Lake   = "lake"   // an event data store of CloudTrail Lake
)

// queryParam is what a bag says of a query: it is no collection that can be gone on with.
const queryParam = "query"

// QueryOptions say what is asked, of which engine, and for how much.
type QueryOptions struct {
	Engine string
	Ask    trailsql.Query

	Table          string // Athena: DATABASE.TABLE
	WorkGroup      string // Athena: one of them is needed, for the results lie in S3 too
	OutputLocation string
	Store          string // Lake: the event data store's id

	MaxScan    int64 // bytes that may be read; 0 is no limit
	MaxRecords int   // that are taken; 0 is 1 000 000

	Tell func(Scan) // called before the query runs and when it ended; nil: nobody is told
	Now  func() time.Time
}

// Scan is what a query reads. AWS is paid for the bytes.
type Scan struct {
	Estimated bool   `json:"estimated"` // whether there is an estimate
	Estimate  int64  `json:"estimate"`  // bytes, by the listing of what will be read
	Why       string `json:"why,omitempty"`
	Ran       bool   `json:"ran"`
	Scanned   int64  `json:"scanned"` // bytes, as the engine says
	Records   int    `json:"records"`
}

const (
	maxQueryRecords = 1_000_000
	maxQueryPolls   = 3_600            // of queryPause each: Athena ends a query after 30 minutes, Lake after an hour
	queryPause      = 2 * time.Second  // between two looks at a query that runs
	stopTime        = 10 * time.Second // to stop a query when the user gives up
)

// QueryNeeds are the calls of a query. What the engine itself does it does with the caller's
// permissions: reading the trail's bucket, writing its results where the user said.
func QueryNeeds(engine string) []awsapi.Need {
	if engine == Lake {
		return lakeNeeds()
	}
	return athenaNeeds()
}

// QueryPolicy is the IAM policy that a query needs, in the target's account and region.
func QueryPolicy(engine string, t Target) ([]byte, error) {
	return awsapi.PolicyFor(QueryNeeds(engine), Resources(t), Never())
}

// Query asks an engine for records and puts them into a bag of their own, sealed. What could
// not be had is a gap of it.
func Query(ctx context.Context, s *awsapi.Session, c *evidence.Case, h evidence.Header, o QueryOptions) (*evidence.Bag, Summary, Scan, error) {
	if o.Now == nil {
		o.Now = c.Now
	}
	o.MaxRecords = orDefault(o.MaxRecords, maxQueryRecords)
	q := &asking{o: o}
	h.Kind, h.Principal, h.Account, h.Endpoint = evidence.KindCollection, s.Identity.ARN, s.Identity.Account, s.Endpoint
	h.Params = maps.Clone(h.Params)
	if h.Params == nil {
		h.Params = map[string]string{}
	}
	h.Params[queryParam] = o.Engine
	h.Targets = []string{}
	w, err := c.Begin(ctx, h)
	if err != nil {
		return nil, Summary{}, q.scan, fmt.Errorf("beginning a bag: %w", err)
	}
	where := Target{Account: s.Identity.Account, Region: s.Region}
	bag, sum, err := fill(ctx, s, w, []Target{where}, Options{catalogue: []Collector{q.collector()}, Until: o.Ask.Until, Now: o.Now})
	return bag, sum, q.scan, err
}

// RecordedRegions are where calls of a region's sessions are recorded: there, and where global
// services record.
func RecordedRegions(region string) []string {
	if global := globalRegion(region); global != region {
		return []string{region, global}
	}
	return []string{region}
}

// asking is one query on its way.
type asking struct {
	o    QueryOptions
	scan Scan
}

func (q *asking) collector() Collector {
	c := Collector{Name: "cloudtrail." + q.o.Engine, About: "records that a query found", Needs: QueryNeeds(q.o.Engine), Collect: q.athena}
	if q.o.Engine == Lake {
		c.Collect = q.lake
	}
	return c
}

func (q *asking) tell() {
	if q.o.Tell != nil {
		q.o.Tell(q.scan)
	}
}

// want is the artefact that the records become.
func (q *asking) want(j *Job, arn, call string) want {
	w := j.of("cloudtrail."+q.o.Engine, arn, strings.Join(q.o.Ask.Values, " "), j.Target.Region, call)
	w.name = "cloudtrail." + q.o.Engine + ".ndjson"
	w.params = map[string]string{
		"StartTime": q.o.Ask.Since.UTC().Format(time.RFC3339), "EndTime": q.o.Ask.Until.UTC().Format(time.RFC3339),
		"Accounts": strings.Join(q.o.Ask.Accounts, " "), "Regions": strings.Join(q.o.Ask.Regions, " "),
	}
	for i, v := range q.o.Ask.Values {
		w.params[fmt.Sprint("Value", i+1)] = v
	}
	return w
}

// overLimit says that the query may not run, by the estimate; told is what it is of.
func (q *asking) overLimit() string {
	if !q.scan.Estimated || q.o.MaxScan <= 0 || q.scan.Estimate <= q.o.MaxScan {
		return ""
	}
	return fmt.Sprintf("an estimated %d bytes would be read, more than --max-scan %d: narrow --since, --until, --in-region or --account, or raise it", q.scan.Estimate, q.o.MaxScan)
}

// errScan: a query was stopped for what it read.
var errScan = errors.New("stopped")

func (q *asking) overRun() error {
	if q.o.MaxScan > 0 && q.scan.Scanned > q.o.MaxScan {
		return fmt.Errorf("%w: %d bytes were read, more than --max-scan %d", errScan, q.scan.Scanned, q.o.MaxScan)
	}
	return nil
}

// engineError is why an engine says that a query failed.
type engineError struct{ state, why string }

func (e *engineError) Error() string { return "the query ended as " + e.state + ": " + e.why }

// failed records why there are no records.
func (q *asking) failed(j *Job, w want, s stamp, err error) {
	var engine *engineError
	if errors.As(err, &engine) {
		state := evidence.Failed
		for _, word := range []string{"permission denied", "permission_denied", "access denied", "accessdenied", "not authorized", "insufficient lake formation"} {
			if strings.Contains(strings.ToLower(engine.why), word) {
				state = evidence.Denied
			}
		}
		j.gap(w, s, state, clip(err.Error()), w.note)
		return
	}
	if state, _ := classify(err); state == evidence.Absent { // a table, store or query that is not there is no answer about records
		j.gap(w, s, evidence.Failed, clip(err.Error()), w.note)
		return
	}
	j.refused(w, s, err)
}

// poll looks at a query until it ends. If it reads too much, or the user gives up, stop ends it:
// a query that nobody waits for costs as much as another.
func (q *asking) poll(ctx context.Context, look func(context.Context) (ended bool, err error), stop func(context.Context) error) error {
	for range maxQueryPolls {
		ended, err := look(ctx)
		if ended {
			return err
		}
		if err == nil {
			err = cmp.Or(q.overRun(), wait(ctx, queryPause))
		}
		if err != nil {
			return stopped(ctx, look, stop, err)
		}
	}
	return stopped(ctx, look, stop, errors.New("the query does not end: stopped"))
}

// stopped stops a query, and says so where it goes on: AWS is paid for what it reads. One that
// ended meanwhile cannot be stopped, and need not be.
func stopped(ctx context.Context, look func(context.Context) (bool, error), stop func(context.Context) error, why error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	err := stop(ctx)
	if ended, _ := look(ctx); ended || err == nil { // what it came to; why it is no answer is known
		return why
	}
	return fmt.Errorf("%w; it could not be stopped, and may read on: %v", why, err) //nolint:errorlint // what is recorded is why, not that
}

// lacking says in words what the records are without.
func lacking(s trailsql.Select) string {
	var parts []string
	if len(s.Lacks) > 0 {
		parts = append(parts, "the table has no column for "+strings.Join(s.Lacks, ", ")+": the records are without it, and it was not searched")
	}
	if len(s.Unplaced) > 0 {
		parts = append(parts, "not narrowed down by its partitions "+strings.Join(s.Unplaced, ", "))
	}
	if s.Header != nil && !slices.Contains(s.Header, "eventjson") {
		parts = append(parts, "rebuilt from columns: members that were null, or that no column is made for, are not there")
	}
	return strings.Join(parts, "; ")
}
