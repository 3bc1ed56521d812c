package collect

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	athenatypes "github.com/aws/aws-sdk-go-v2/service/athena/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/trailsql"
)

// engines is an account with a table over its trail's bucket, an event data store, and a place
// for results: made by its owner, as the tool makes nothing.
type engines struct {
	*bench.Account
	o     QueryOptions
	lake  QueryOptions
	since int // calls made before
}

func enginesOf(t *testing.T, takes time.Duration) *engines {
	t.Helper()
	a := simAccount(t, awssim.Config{QueryTime: takes})
	cfg := aws.Config{Region: bench.Region, BaseEndpoint: aws.String(bench.Endpoint), HTTPClient: a.Cloud.Client(), Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, "")}
	if _, err := bucketOf(a, bench.Region).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("results"), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: bench.Region}}); err != nil {
		t.Fatal(err)
	}
	now := a.Cloud.Now()
	q := trailsql.Query{Accounts: []string{bench.AccountID}, Regions: []string{bench.Region, "us-east-1"}, Since: now.Add(-time.Hour), Until: now.Add(time.Hour)}
	ddl, err := trailsql.DDL(trailsql.MadeTable{Name: "audit.trail", Place: trailsql.Place{Bucket: bench.TrailBucket}, Accounts: q.Accounts, Regions: q.Regions, From: now})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := athena.NewFromConfig(cfg).StartQueryExecution(t.Context(), &athena.StartQueryExecutionInput{QueryString: &ddl, ResultConfiguration: &athenatypes.ResultConfiguration{OutputLocation: aws.String("s3://results/")}}); err != nil {
		t.Fatal(err)
	}
	store, err := cloudtrail.NewFromConfig(cfg).CreateEventDataStore(t.Context(), &cloudtrail.CreateEventDataStoreInput{Name: aws.String("lake")})
	if err != nil {
		t.Fatal(err)
	}
	e := &engines{Account: a, since: len(a.Cloud.Calls())}
	e.o = QueryOptions{Engine: Athena, Table: "audit.trail", OutputLocation: "s3://results/here", Ask: q, MaxScan: 1 << 30}
	e.lake = QueryOptions{Engine: Lake, Store: (*store.EventDataStoreArn)[strings.LastIndexByte(*store.EventDataStoreArn, '/')+1:], Ask: q, MaxScan: 1 << 30}
	return e
}

// found is what a query left in a case.
type found struct {
	bag     *evidence.Bag
	sum     Summary
	scan    Scan
	entry   evidence.Entry // of the records
	records []map[string]any
	lines   []string
}

func (e *engines) ask(t *testing.T, ctx context.Context, o QueryOptions) (f found, err error) {
	t.Helper()
	s, err := awsapi.Connect(t.Context(), awsapi.Options{Region: bench.Region, EndpointURL: bench.Endpoint, HTTPClient: e.Cloud.Client(), ReadOnly: true,
		Credentials: credentials.NewStaticCredentialsProvider(e.Keys.AccessKeyID, e.Keys.SecretAccessKey, "")})
	if err != nil {
		t.Fatal(err)
	}
	f.bag, f.sum, f.scan, err = Query(ctx, s, newCase(t), evidence.Header{Operator: "o"}, o)
	if f.bag == nil {
		t.Fatal(err)
	}
	entries, coverage := f.bag.Coverage(t.Context())
	if coverage != nil {
		t.Fatal(coverage)
	}
	i := slices.IndexFunc(entries, func(x evidence.Entry) bool { return x.Artefact == "cloudtrail."+o.Engine })
	if i < 0 {
		t.Fatalf("the records are not in the coverage: %+v", entries)
	}
	if f.entry = entries[i]; f.entry.Item == nil {
		return f, err
	}
	r, open := f.bag.Open(t.Context(), *f.entry.Item)
	if open != nil {
		t.Fatal(open)
	}
	data, read := io.ReadAll(r)
	if err := errors.Join(read, r.Close()); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		f.records, f.lines = append(f.records, m), append(f.lines, strings.TrimSuffix(line, "\n"))
	}
	return f, err
}

func (f found) why() string {
	if f.entry.Gap == nil {
		return ""
	}
	return f.entry.Gap.Error + " " + f.entry.Gap.Note
}

// made counts the calls of an operation that were made since.
func (e *engines) made(op string) (n int) {
	for _, c := range e.Cloud.Calls()[e.since:] {
		if c.API+":"+c.Operation == op || c.Operation == op {
			n++
		}
	}
	return n
}

// deliveredRecords are those in the bucket's files, once each, without what a table has no column for.
func (e *engines) deliveredRecords(t *testing.T) map[string]map[string]any {
	t.Helper()
	out := map[string]map[string]any{}
	for key, data := range delivered(t, e.Account, "AWSLogs/"+bench.AccountID+"/CloudTrail/"+bench.Region+"/20", "AWSLogs/"+bench.AccountID+"/CloudTrail/us-east-1/20") {
		if strings.HasSuffix(key, "long-ago.json.gz") {
			continue
		}
		var file struct{ Records []map[string]any }
		if err := json.Unmarshal(inflated(t, data), &file); err != nil {
			t.Fatal(err)
		}
		for _, r := range file.Records {
			out[r["eventID"].(string)] = columnar(r).(map[string]any)
		}
	}
	return out
}

// columnar leaves out what is null or empty: a table does not say whether it was there.
func columnar(v any) any {
	m, is := v.(map[string]any)
	if !is {
		return v
	}
	out := map[string]any{}
	for k, x := range m {
		if x = columnar(x); x == nil {
			continue
		}
		if inner, is := x.(map[string]any); is && len(inner) == 0 {
			continue
		}
		out[k] = x
	}
	return out
}

// TestAthenaGivesWhatTheBucketHolds: the records that a query rebuilds are those that were
// delivered, member by member, and Lake gives those of management events as they were.
func TestAthenaGivesWhatTheBucketHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := enginesOf(t, 5*time.Second)
		// A file that is no CloudTrail file lies in the region's past, in no partition that is asked for.
		want := e.deliveredRecords(t)
		before := e.Cloud.Records()
		f, err := e.ask(t, t.Context(), e.o)
		if err != nil || !f.sum.Complete || len(f.records) != len(want) || len(want) < 50 {
			t.Fatalf("%v %+v: %d records, %d were delivered; %s", err, f.sum, len(f.records), len(want), f.why())
		}
		for _, r := range f.records {
			got, _ := json.Marshal(columnar(r))
			if was, _ := json.Marshal(want[r["eventID"].(string)]); !bytes.Equal(got, was) {
				t.Errorf("\n%s was delivered as\n%s", got, was)
			}
		}
		if !f.scan.Estimated || f.scan.Estimate != f.scan.Scanned || f.scan.Scanned == 0 || f.scan.Records != len(want) {
			t.Errorf("%+v", f.scan)
		}
		p := f.entry.Item.Params
		if p["QueryExecutionId"] == "" || !strings.Contains(p["QueryString"], `FROM "audit"."trail"`) || !strings.Contains(f.entry.Item.Note, "rebuilt from columns") {
			t.Errorf("%v %s", p, f.entry.Item.Note)
		}
		e.lake.Ask.Values = []string{"AKIAIOSFODNN7EXAMPLE", "lambda.amazonaws.com"}
		l, err := e.ask(t, t.Context(), e.lake)
		logged := map[string]bool{}
		for _, r := range before {
			logged[string(r)] = true
		}
		if err != nil || !l.sum.Complete || len(l.records) < 10 || l.scan.Scanned == 0 {
			t.Fatalf("%v %+v %d records %s", err, l.sum, len(l.records), l.why())
		}
		for _, line := range l.lines {
			if !logged[line] {
				t.Errorf("not as it was logged: %s", line)
			}
		}
	})
}

// TestQueryFailures: whatever goes wrong is a gap with its reason, and no query runs on.
func TestQueryFailures(t *testing.T) {
	denied := awssim.Fail{Code: "AccessDeniedException", Message: "injected", Status: 400}
	cases := map[string]struct {
		edit  func(*engines, *QueryOptions)
		state evidence.State
		why   string
		asked map[string]int
	}{
		"over the limit by the estimate": {func(_ *engines, o *QueryOptions) { o.MaxScan = 1 }, evidence.NotAttempted, "an estimated", map[string]int{"StartQueryExecution": 0}},
		"over the limit while it runs": {func(e *engines, o *QueryOptions) {
			o.MaxScan = 1
			e.Cloud.Inject(awssim.Fault{Op: "S3:ListObjectsV2", Fail: awssim.Fail{Code: "AccessDenied", Status: 403}})
		}, evidence.Failed, "more than --max-scan", map[string]int{"StartQueryExecution": 1, "StopQueryExecution": 1, "GetQueryResults": 0}},
		"over the limit, and stopping is denied": {func(e *engines, o *QueryOptions) {
			o.MaxScan = 1
			e.Cloud.Inject(awssim.Fault{Op: "S3:ListObjectsV2", Fail: awssim.Fail{Code: "AccessDenied", Status: 403}}, awssim.Fault{Op: "Athena:StopQueryExecution", Fail: denied})
		}, evidence.Failed, "could not be stopped, and may read on", map[string]int{"GetQueryResults": 0}},
		"denied": {func(e *engines, _ *QueryOptions) {
			e.Cloud.Inject(awssim.Fault{Op: "Athena:StartQueryExecution", Fail: denied})
		}, evidence.Denied, "AccessDenied", map[string]int{"GetQueryExecution": 0}},
		"its table is denied": {func(e *engines, _ *QueryOptions) {
			e.Cloud.Inject(awssim.Fault{Op: "Athena:GetTableMetadata", Fail: denied})
		}, evidence.NotAttempted, "unknown", map[string]int{"StartQueryExecution": 0}},
		"no such table":        {func(_ *engines, o *QueryOptions) { o.Table = "audit.nowhere" }, evidence.NotAttempted, "unknown", nil},
		"no place for results": {func(_ *engines, o *QueryOptions) { o.OutputLocation = "s3://nowhere/" }, evidence.Denied, "Unable to verify", nil},
		"throttled": {func(e *engines, _ *QueryOptions) {
			e.Cloud.Inject(awssim.Fault{Op: "Athena:StartQueryExecution", Fail: awssim.Fail{Throttled: true}})
		}, evidence.Throttled, "", nil},
		"its rows are denied": {func(e *engines, _ *QueryOptions) {
			e.Cloud.Inject(awssim.Fault{Op: "Athena:GetQueryResults", Fail: denied})
		}, evidence.Denied, "AccessDenied", nil},
		"too many records": {func(_ *engines, o *QueryOptions) { o.MaxRecords = 3 }, evidence.Truncated, "more than 3 records", nil},
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, c := enginesOf(t, 20*time.Second), cases[name]
				o := e.o
				c.edit(e, &o)
				f, err := e.ask(t, t.Context(), o)
				if err != nil || f.entry.State != c.state || f.sum.Complete || !strings.Contains(f.why(), c.why) {
					t.Errorf("%v %s %q", err, f.entry.State, f.why())
				}
				for op, n := range c.asked {
					if got := e.made(op); got != n {
						t.Errorf("%d calls of %s, want %d", got, op, n)
					}
				}
			})
		})
	}
	t.Logf("%d failures, 0 skipped", len(cases))
}

// TestQueryLostReply: a query whose answer was lost is not started twice; one that the user
// gives up is stopped; none that finds nothing is a gap.
func TestQueryLostReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := enginesOf(t, 5*time.Second)
		e.Cloud.Inject(awssim.Fault{Op: "Athena:StartQueryExecution", Nth: 1, AfterEffect: true, Fail: awssim.Fail{Drop: true}})
		f, err := e.ask(t, t.Context(), e.o)
		if err != nil || !f.sum.Complete || e.made("StartQueryExecution") != 2 {
			t.Errorf("%v %+v %s, started %d times", err, f.sum, f.why(), e.made("StartQueryExecution"))
		}
		ids := map[string]bool{}
		for _, c := range results(t, e) {
			ids[c] = true
		}
		if len(ids) != 2 { // of the table, and of one query
			t.Errorf("%d results lie in the bucket: %v", len(ids), ids)
		}
		ctx, cancel := context.WithCancel(t.Context())
		e.o.Tell = func(Scan) { time.AfterFunc(3*time.Second, cancel) }
		if f, err := e.ask(t, ctx, e.o); err == nil || f.entry.State == evidence.Collected || e.made("StopQueryExecution") != 1 {
			t.Errorf("%v %s, stopped %d times", err, f.entry.State, e.made("StopQueryExecution"))
		}
		for _, o := range []QueryOptions{e.o, e.lake} {
			o.Tell, o.Ask.Values = nil, []string{"nobody-for-" + o.Engine} // a query stands in CloudTrail too, with what it looked for
			if f, err := e.ask(t, t.Context(), o); err != nil || f.entry.State != evidence.Absent || !f.sum.Complete {
				t.Errorf("%s: %v %s %s", o.Engine, err, f.entry.State, f.why())
			}
		}
	})
}

// results are the names of what lies in the place for results.
func results(t *testing.T, e *engines) (out []string) {
	t.Helper()
	list, err := bucketOf(e.Account, bench.Region).ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("results")})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range list.Contents {
		out = append(out, *o.Key)
	}
	return out
}

func inflated(t *testing.T, data []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
