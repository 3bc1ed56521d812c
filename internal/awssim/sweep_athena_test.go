package awssim

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	athenatypes "github.com/aws/aws-sdk-go-v2/service/athena/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	ct "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/freezeframe-ir/freezeframe/internal/trailsql"
)

// TestSweepAthena: a table is made by the text of its DDL, and a query reads what the trail
// delivered, the partitions that it asks for and no others; its results come in pages.
func TestSweepAthena(t *testing.T) {
	ctx, c, cfg := sweeping(t)
	cl, buckets, trails := athena.NewFromConfig(cfg), s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }), cloudtrail.NewFromConfig(cfg)
	for _, name := range []string{"logs", "results"} {
		must(buckets.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(name)}))(t)
	}
	must(trails.CreateTrail(ctx, &cloudtrail.CreateTrailInput{Name: aws.String("audit"), S3BucketName: aws.String("logs"), IsMultiRegionTrail: aws.Bool(true)}))(t)
	must(trails.StartLogging(ctx, &cloudtrail.StartLoggingInput{Name: aws.String("audit")}))(t)
	for range 5 {
		must(trails.DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{}))(t)
	}
	if err := c.DeliverTrails(); err != nil {
		t.Fatal(err)
	}
	now := c.Now()
	q := trailsql.Query{Accounts: []string{c.AccountID()}, Regions: []string{c.Region()}, Since: now.Add(-time.Hour), Until: now.Add(time.Hour)}
	ddl, err := trailsql.DDL(trailsql.MadeTable{Name: "audit.trail", Place: trailsql.Place{Bucket: "logs"}, Accounts: q.Accounts, Regions: q.Regions, From: now})
	if err != nil {
		t.Fatal(err)
	}
	output := &athenatypes.ResultConfiguration{OutputLocation: aws.String("s3://results/here/")}
	run := func(sql string) *athenatypes.QueryExecution {
		id := must(cl.StartQueryExecution(ctx, &athena.StartQueryExecutionInput{QueryString: &sql, ResultConfiguration: output}))(t).QueryExecutionId
		return must(cl.GetQueryExecution(ctx, &athena.GetQueryExecutionInput{QueryExecutionId: id}))(t).QueryExecution
	}
	if x := run(ddl); x.Status.State != athenatypes.QueryExecutionStateSucceeded || x.StatementType != athenatypes.StatementTypeDdl {
		t.Fatalf("%+v", x.Status)
	}
	meta := must(cl.GetTableMetadata(ctx, &athena.GetTableMetadataInput{CatalogName: aws.String("AwsDataCatalog"), DatabaseName: aws.String("audit"), TableName: aws.String("trail")}))(t).TableMetadata
	for i, want := range trailsql.Columns() {
		if got := meta.Columns[i]; *got.Name != want.Name || *got.Type != want.Type {
			t.Errorf("column %s %s, made as %s %s", *got.Name, *got.Type, want.Name, want.Type)
		}
	}
	q.Values = []string{"DescribeTrails"}
	s, err := trailsql.Table("audit.trail", trailsql.OurLayout(), q)
	if err != nil {
		t.Fatal(err)
	}
	x := run(s.SQL)
	if x.Status.State != athenatypes.QueryExecutionStateSucceeded || *x.Statistics.DataScannedInBytes == 0 {
		t.Fatalf("%+v %s", x.Status.State, aws.ToString(x.Status.StateChangeReason))
	}
	in := &athena.GetQueryResultsInput{QueryExecutionId: x.QueryExecutionId, MaxResults: aws.Int32(2)}
	var sizes []int
	var names []string
	for {
		out := must(cl.GetQueryResults(ctx, in))(t)
		sizes = append(sizes, len(out.ResultSet.Rows))
		for _, r := range out.ResultSet.Rows {
			names = append(names, aws.ToString(r.Data[slices.Index(s.Header, "eventname")].VarCharValue))
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if !slices.Equal(sizes, []int{2, 2, 2}) || !slices.Equal(names, append([]string{"eventname"}, slices.Repeat([]string{"DescribeTrails"}, 5)...)) {
		t.Errorf("pages of %v: %v", sizes, names)
	}
	elsewhere := q
	elsewhere.Regions = []string{"ap-south-1"}
	far, err := trailsql.Table("audit.trail", trailsql.OurLayout(), elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	if x := run(far.SQL); *x.Statistics.DataScannedInBytes != 0 {
		t.Errorf("another region's partition: %d bytes were read", *x.Statistics.DataScannedInBytes)
	}
	for sql, why := range map[string]string{
		"SELECT eventname FROM audit.trail LIMIT 1":             "SYNTAX_ERROR",
		"SELECT nothing FROM audit.trail":                       "COLUMN_NOT_FOUND",
		"SELECT eventname FROM audit.nowhere":                   "TABLE_NOT_FOUND",
		"SELECT eventname FROM audit.trail WHERE eventname = 1": "TYPE_MISMATCH",
		"SELECT upper(eventname) AS u FROM audit.trail":         "FUNCTION_NOT_FOUND",
		"DROP TABLE audit.trail":                                "SYNTAX_ERROR",
	} {
		if x := run(sql); x.Status.State != athenatypes.QueryExecutionStateFailed || !strings.HasPrefix(*x.Status.StateChangeReason, why) {
			t.Errorf("%s: %s %s", sql, x.Status.State, aws.ToString(x.Status.StateChangeReason))
		}
	}
	token := aws.String(strings.Repeat("t", 32))
	one := must(cl.StartQueryExecution(ctx, &athena.StartQueryExecutionInput{QueryString: &s.SQL, ClientRequestToken: token, ResultConfiguration: output}))(t)
	two := must(cl.StartQueryExecution(ctx, &athena.StartQueryExecutionInput{QueryString: &s.SQL, ClientRequestToken: token, ResultConfiguration: output}))(t)
	if *one.QueryExecutionId != *two.QueryExecutionId {
		t.Error("one token, two queries")
	}
	must(cl.StopQueryExecution(ctx, &athena.StopQueryExecutionInput{QueryExecutionId: one.QueryExecutionId}))(t)
	_, nowhere := cl.StartQueryExecution(ctx, &athena.StartQueryExecutionInput{QueryString: &s.SQL})
	_, nobody := cl.GetQueryExecution(ctx, &athena.GetQueryExecutionInput{QueryExecutionId: aws.String("x")})
	_, group := cl.StartQueryExecution(ctx, &athena.StartQueryExecutionInput{QueryString: &s.SQL, WorkGroup: aws.String("x"), ResultConfiguration: output})
	_, table := cl.GetTableMetadata(ctx, &athena.GetTableMetadataInput{CatalogName: aws.String("AwsDataCatalog"), DatabaseName: aws.String("audit"), TableName: aws.String("x")})
	for i, err := range []error{nowhere, nobody, group, table} {
		if want := []string{"InvalidRequestException", "InvalidRequestException", "InvalidRequestException", "MetadataException"}[i]; codeOf(err) != want {
			t.Errorf("%d: %v, want %s", i, err, want)
		}
	}
}

// TestSweepLake: an event data store gives records as they were logged, of every region.
func TestSweepLake(t *testing.T) {
	ctx, c, cfg := sweeping(t)
	cl := cloudtrail.NewFromConfig(cfg)
	store := must(cl.CreateEventDataStore(ctx, &cloudtrail.CreateEventDataStoreInput{Name: aws.String("lake")}))(t)
	must(cl.GetEventDataStore(ctx, &cloudtrail.GetEventDataStoreInput{EventDataStore: store.EventDataStoreArn}))(t)
	id := (*store.EventDataStoreArn)[strings.LastIndexByte(*store.EventDataStoreArn, '/')+1:]
	q := trailsql.Query{Accounts: []string{c.AccountID()}, Regions: []string{c.Region()}, Since: c.Now().Add(-time.Hour), Until: c.Now().Add(time.Hour), Values: []string{"lambda.amazonaws.com"}}
	s, err := trailsql.Lake(id, q)
	if err != nil {
		t.Fatal(err)
	}
	run := must(cl.StartQuery(ctx, &cloudtrail.StartQueryInput{QueryStatement: &s.SQL}))(t)
	if d := must(cl.DescribeQuery(ctx, &cloudtrail.DescribeQueryInput{QueryId: run.QueryId}))(t); d.QueryStatus != ct.QueryStatusFinished || *d.QueryStatistics.BytesScanned == 0 {
		t.Fatalf("%s %s", d.QueryStatus, aws.ToString(d.ErrorMessage))
	}
	in := &cloudtrail.GetQueryResultsInput{QueryId: run.QueryId, MaxQueryResults: aws.Int32(1)}
	var names []string
	for {
		out := must(cl.GetQueryResults(ctx, in))(t)
		for _, r := range out.QueryResultRows {
			var record struct{ EventName string }
			if err := json.Unmarshal([]byte(r[0]["eventjson"]), &record); err != nil {
				t.Fatal(err)
			}
			names = append(names, record.EventName)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	slices.Sort(names)
	if !slices.Contains(names, "CreateFunction20150331") || !slices.Contains(names, "PublishVersion20150331") || slices.Contains(names, "CreateEventDataStore") {
		t.Errorf("%v", names)
	}
	other := strings.Replace(s.SQL, id, "11111111-2222-3333-4444-555555555555", 1)
	broken := s.SQL + " LIMIT"
	_, nobody := cl.StartQuery(ctx, &cloudtrail.StartQueryInput{QueryStatement: &other})
	_, syntax := cl.StartQuery(ctx, &cloudtrail.StartQueryInput{QueryStatement: &broken})
	_, gone := cl.CancelQuery(ctx, &cloudtrail.CancelQueryInput{QueryId: run.QueryId})
	for i, err := range []error{nobody, syntax, gone} {
		if want := []string{"EventDataStoreNotFoundException", "InvalidQueryStatementException", "InactiveQueryException"}[i]; codeOf(err) != want {
			t.Errorf("%d: %v, want %s", i, err, want)
		}
	}
	slow := New(Config{QueryTime: time.Hour})
	cfg = checked(t, slow, clientConfig(slow, slow.Bootstrap(slow.AccountID(), "admin", allowAll)))
	cl = cloudtrail.NewFromConfig(cfg)
	store = must(cl.CreateEventDataStore(ctx, &cloudtrail.CreateEventDataStoreInput{Name: aws.String("lake")}))(t)
	s.SQL = strings.Replace(s.SQL, id, (*store.EventDataStoreArn)[strings.LastIndexByte(*store.EventDataStoreArn, '/')+1:], 1)
	run = must(cl.StartQuery(ctx, &cloudtrail.StartQueryInput{QueryStatement: &s.SQL}))(t)
	if got := must(cl.CancelQuery(ctx, &cloudtrail.CancelQueryInput{QueryId: run.QueryId}))(t); got.QueryStatus != ct.QueryStatusCancelled {
		t.Errorf("%+v", got)
	}
}
