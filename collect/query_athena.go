package collect

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	athenatypes "github.com/aws/aws-sdk-go-v2/service/athena/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/trailsql"
)

const (
	tableCall     = "Athena:GetTableMetadata"
	executeCall   = "Athena:StartQueryExecution"
	executionCall = "Athena:GetQueryExecution"
	rowsCall      = "Athena:GetQueryResults"
	stopCall      = "Athena:StopQueryExecution"

	awsCatalog = "AwsDataCatalog"

	maxEstimatePages = 1_000 // of listings for an estimate
	startTries       = 3     // of a query whose answer was lost: its token makes it the same one
)

// athenaNeeds: starting and stopping a query is the responder's own tooling. It changes nothing
// that is under investigation, and writes results where the user said.
func athenaNeeds() []awsapi.Need {
	const when = "with timeline build --source athena"
	return []awsapi.Need{
		{Call: tableCall, When: when, IAM: []awsapi.Grant{{Action: "athena:GetTableMetadata", Resource: "data catalog ARN"}, {Action: "glue:GetTable", Resource: "table ARN"}, {Action: "glue:GetDatabase", Resource: "table ARN"}}},
		{Call: listCall, When: when, IAM: []awsapi.Grant{{Action: "s3:ListBucket", Resource: "trail bucket ARN"}}},
		{Call: executeCall, When: when, Mutates: true, Class: awsapi.Plumbing, IAM: []awsapi.Grant{
			{Action: "athena:StartQueryExecution", Resource: "workgroup ARN"}, {Action: "athena:GetWorkGroup", Resource: "workgroup ARN"},
			{Action: "glue:GetPartitions", Resource: "table ARN"},
			{Action: "s3:GetObject", Resource: "trail object ARN"}, {Action: "kms:Decrypt", Resource: "key ARN"},
			{Action: "s3:GetBucketLocation", Resource: "trail bucket ARN"},
			{Action: "s3:PutObject", Resource: "result object ARN"}, {Action: "s3:GetObject", Resource: "result object ARN"}, {Action: "s3:AbortMultipartUpload", Resource: "result object ARN"}, {Action: "s3:ListMultipartUploadParts", Resource: "result object ARN"},
		}},
		{Call: executionCall, When: when, IAM: []awsapi.Grant{{Action: "athena:GetQueryExecution", Resource: "workgroup ARN"}}},
		{Call: rowsCall, When: when, IAM: []awsapi.Grant{{Action: "athena:GetQueryResults", Resource: "workgroup ARN"}}},
		{Call: stopCall, When: when, Mutates: true, Class: awsapi.Plumbing, IAM: []awsapi.Grant{{Action: "athena:StopQueryExecution", Resource: "workgroup ARN"}}},
	}
}

// athena asks a table: what it is, what will be read, the query, its rows.
func (q *asking) athena(ctx context.Context, j *Job) {
	database, table, err := trailsql.SplitTable(q.o.Table)
	arn := fmt.Sprintf("arn:%s:glue:%s:%s:table/%s/%s", partitionOf(j.Target.Region), j.Target.Region, j.Target.Account, database, table)
	w := q.want(j, arn, executeCall)
	j.plan(w)
	if err != nil {
		j.gap(w, stamp{}, evidence.Failed, err.Error(), "")
		return
	}
	c := athena.NewFromConfig(j.config(j.Target.Region))
	tw := j.of("athena.table", arn, "", j.Target.Region, tableCall)
	meta := fetch(ctx, j, tw, c.GetTableMetadata, &athena.GetTableMetadataInput{CatalogName: aws.String(awsCatalog), DatabaseName: &database, TableName: &table})
	if meta == nil || meta.TableMetadata == nil {
		j.skip(w, "what columns the table has is unknown")
		return
	}
	layout := layoutOf(meta.TableMetadata)
	sql, err := trailsql.Table(q.o.Table, layout, q.o.Ask)
	if err != nil {
		j.gap(w, stamp{}, evidence.Failed, err.Error(), "")
		return
	}
	w.note, w.params["QueryString"] = lacking(sql), sql.SQL
	q.estimate(ctx, j, layout)
	q.tell()
	if why := q.overLimit(); why != "" {
		j.skip(w, why)
		return
	}
	q.execute(ctx, j, c, w, sql)
	q.tell()
}

func layoutOf(t *athenatypes.TableMetadata) trailsql.Layout {
	l := trailsql.Layout{Properties: t.Parameters}
	for _, c := range t.Columns {
		l.Columns = append(l.Columns, trailsql.Column{Name: aws.ToString(c.Name), Type: aws.ToString(c.Type)})
	}
	for _, c := range t.PartitionKeys {
		l.Partitions = append(l.Partitions, aws.ToString(c.Name))
	}
	return l
}

// estimate adds up the sizes of the objects that the table's template leads to. Nothing hangs
// on it but the user's purse: where it cannot be made, it is said, and --max-scan is held
// while the query runs.
func (q *asking) estimate(ctx context.Context, j *Job, l trailsql.Layout) {
	bucket, prefixes, ok := l.Prefixes(q.o.Ask)
	if !ok {
		q.scan.Why = "the table has no storage.location.template that could be followed"
		return
	}
	p := &trailPlace{j: j, bucket: bucket}
	p.c = p.client(j.Target.Region)
	pages := 0
	for _, prefix := range prefixes {
		prefix := prefix
		list := p.pager(&s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix}, "")
		err := list.each(ctx, j, nil, func(o *s3.ListObjectsV2Output) error {
			for _, x := range o.Contents {
				q.scan.Estimate += aws.ToInt64(x.Size)
			}
			if pages++; pages >= maxEstimatePages {
				return fmt.Errorf("more than %d pages of listings", maxEstimatePages)
			}
			return nil
		})
		if there := regionOf(err); err != nil && there != "" && there != j.Target.Region {
			q.scan.Why = "the bucket is in " + there + ": what Athena reads from there is paid as traffic too"
			return
		}
		if err != nil {
			_, q.scan.Why = classify(err)
			return
		}
		if q.o.MaxScan > 0 && q.scan.Estimate > q.o.MaxScan {
			break // it is refused already
		}
	}
	q.scan.Estimated = true
}

// execute runs the query and stores its rows as records.
func (q *asking) execute(ctx context.Context, j *Job, c *athena.Client, w want, sql trailsql.Select) {
	id, s, err := q.start(ctx, j, c, sql.SQL)
	if err != nil {
		q.failed(j, w, s, err)
		return
	}
	w.params["QueryExecutionId"], q.scan.Ran = id, true
	var last *athena.GetQueryExecutionOutput
	look := func(ctx context.Context) (bool, error) {
		out, _, err := ask(ctx, j, c.GetQueryExecution, &athena.GetQueryExecutionInput{QueryExecutionId: &id})
		if err != nil {
			return false, &ofCall{err, executionCall}
		}
		last = out
		return q.looked(out)
	}
	err = q.poll(ctx, look, func(ctx context.Context) error {
		_, _, err := ask(ctx, j, c.StopQueryExecution, &athena.StopQueryExecutionInput{QueryExecutionId: &id})
		return err
	})
	if last != nil {
		j.putJSON(ctx, j.of("athena.execution", w.src.ARN, id, j.Target.Region, executionCall), s, last)
	}
	if err != nil {
		q.failed(j, w, s, err)
		return
	}
	q.rows(ctx, j, c, w, s, id, sql)
}

// start starts the query once: asked again with its token it is the same.
func (q *asking) start(ctx context.Context, j *Job, c *athena.Client, sql string) (string, stamp, error) {
	random := make([]byte, 32)
	if _, err := rand.Read(random); err != nil {
		return "", stamp{}, err
	}
	in := &athena.StartQueryExecutionInput{QueryString: &sql, ClientRequestToken: aws.String(hex.EncodeToString(random))}
	if q.o.WorkGroup != "" {
		in.WorkGroup = &q.o.WorkGroup
	}
	if q.o.OutputLocation != "" {
		in.ResultConfiguration = &athenatypes.ResultConfiguration{OutputLocation: &q.o.OutputLocation}
	}
	for try := 1; ; try++ {
		out, s, err := ask(ctx, j, c.StartQueryExecution, in)
		if err == nil && aws.ToString(out.QueryExecutionId) == "" {
			err = errors.New("no id of the query in the answer")
		}
		if err == nil {
			return *out.QueryExecutionId, s, nil
		}
		lost := statusOf(err) == 0 || statusOf(err) >= 500
		if !lost || awsapi.IsRefused(err) || try == startTries || ctx.Err() != nil {
			return "", s, err
		}
	}
}

// looked says whether the query ended, and how.
func (q *asking) looked(out *athena.GetQueryExecutionOutput) (bool, error) {
	x := out.QueryExecution
	if x == nil || x.Status == nil {
		return false, errors.New("no state of the query in the answer")
	}
	if x.Statistics != nil {
		q.scan.Scanned = aws.ToInt64(x.Statistics.DataScannedInBytes)
	}
	switch x.Status.State {
	case athenatypes.QueryExecutionStateSucceeded:
		return true, nil
	case athenatypes.QueryExecutionStateFailed, athenatypes.QueryExecutionStateCancelled:
		return true, &engineError{string(x.Status.State), aws.ToString(x.Status.StateChangeReason)}
	}
	return false, nil
}

// rows stores the pages of a result as they come, each row as the record that it is.
func (q *asking) rows(ctx context.Context, j *Job, c *athena.Client, w want, s stamp, id string, sql trailsql.Select) {
	in := &athena.GetQueryResultsInput{QueryExecutionId: &id, MaxResults: aws.Int32(1000)}
	first, _, err := ask(ctx, j, c.GetQueryResults, in)
	if err != nil {
		q.failed(j, w, s, &ofCall{err, rowsCall})
		return
	}
	p := pager[athena.GetQueryResultsInput, athena.GetQueryResultsOutput, athena.Options]{
		call: c.GetQueryResults, in: in,
		next: func(in *athena.GetQueryResultsInput, out *athena.GetQueryResultsOutput) string {
			in.NextToken = out.NextToken
			return aws.ToString(in.NextToken)
		},
	}
	header := true
	q.records(ctx, j, w, s, sql, func(take func([]*string) error) error {
		return p.each(ctx, j, first, func(o *athena.GetQueryResultsOutput) error {
			if o.ResultSet == nil {
				return errors.New("a page without a result")
			}
			for _, r := range o.ResultSet.Rows {
				row := make([]*string, len(r.Data))
				for i, d := range r.Data {
					row[i] = d.VarCharValue
				}
				if was := header; was {
					header = false
					if slices.EqualFunc(row, sql.Header, func(v *string, name string) bool { return v != nil && *v == name }) {
						continue // a SELECT's first row are the names of its columns
					}
				}
				if err := take(row); err != nil {
					return err
				}
			}
			return nil
		})
	}, rowsCall)
}

// records stores rows as records, one a line; none at all is an answer too.
func (q *asking) records(ctx context.Context, j *Job, w want, s stamp, sql trailsql.Select, each func(take func([]*string) error) error, call string) {
	lines := &rowLines{sql: sql, most: q.o.MaxRecords}
	err := j.put(ctx, w, s, func(out io.Writer) error {
		lines.out = out
		err := each(lines.take)
		q.scan.Records = lines.n
		switch {
		case err != nil && lines.n == 0:
			return &ofCall{err, call}
		case err != nil:
			return truncated(&ofCall{err, call})
		case lines.bad > 0:
			return truncated(fmt.Errorf("%d rows are no records, the first: %w", lines.bad, lines.why))
		case lines.n == 0:
			return errNoRecords
		}
		return nil
	})
	switch {
	case errors.Is(err, errNoRecords):
		j.none(w, s, "no record of the window fits; "+w.note)
	case err != nil:
		q.failed(j, w, s, err)
	}
}

var errNoRecords = errors.New("no records")

// rowLines writes rows as records.
type rowLines struct {
	sql  trailsql.Select
	out  io.Writer
	most int
	n    int
	bad  int
	why  error
}

func (l *rowLines) take(row []*string) error {
	if l.n >= l.most {
		return fmt.Errorf("there are more than %d records: narrow the window", l.most)
	}
	record, err := l.sql.Record(row)
	if err != nil {
		if l.bad++; l.bad == 1 {
			l.why = err
		}
		return nil
	}
	l.n++
	_, err = l.out.Write(append(record, '\n'))
	return err
}
