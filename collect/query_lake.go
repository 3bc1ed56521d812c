package collect

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	cttypes "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/trailsql"
)

const (
	lakeStartCall    = "CloudTrail:StartQuery"
	lakeDescribeCall = "CloudTrail:DescribeQuery"
	lakeRowsCall     = "CloudTrail:GetQueryResults"
	lakeStopCall     = "CloudTrail:CancelQuery"
)

// lakeNeeds: a query of Lake that is not told to deliver its results writes nothing.
func lakeNeeds() []awsapi.Need {
	const when = "with timeline build --source lake"
	return []awsapi.Need{
		{Call: lakeStartCall, When: when, Class: awsapi.Plumbing, IAM: []awsapi.Grant{{Action: "cloudtrail:StartQuery", Resource: "event data store ARN"}, {Action: "kms:Decrypt", Resource: "key ARN"}}},
		{Call: lakeDescribeCall, When: when, IAM: []awsapi.Grant{{Action: "cloudtrail:DescribeQuery", Resource: "event data store ARN"}}},
		{Call: lakeRowsCall, When: when, IAM: []awsapi.Grant{{Action: "cloudtrail:GetQueryResults", Resource: "event data store ARN"}}},
		{Call: lakeStopCall, When: when, Mutates: true, Class: awsapi.Plumbing, IAM: []awsapi.Grant{{Action: "cloudtrail:CancelQuery", Resource: "event data store ARN"}}},
	}
}

// lake asks an event data store.
func (q *asking) lake(ctx context.Context, j *Job) {
	arn := fmt.Sprintf("arn:%s:cloudtrail:%s:%s:eventdatastore/%s", partitionOf(j.Target.Region), j.Target.Region, j.Target.Account, q.o.Store)
	w := q.want(j, arn, lakeStartCall)
	j.plan(w)
	sql, err := trailsql.Lake(q.o.Store, q.o.Ask)
	if err != nil {
		j.gap(w, stamp{}, evidence.Failed, err.Error(), "")
		return
	}
	w.params["QueryStatement"] = sql.SQL
	q.scan.Why = "Lake says what it reads only while it reads"
	q.tell()
	q.lakeRun(ctx, j, w, sql)
	q.tell()
}

func (q *asking) lakeRun(ctx context.Context, j *Job, w want, sql trailsql.Select) {
	c := cloudtrail.NewFromConfig(j.config(j.Target.Region))
	started, s, err := ask(ctx, j, c.StartQuery, &cloudtrail.StartQueryInput{QueryStatement: &sql.SQL})
	if err == nil && aws.ToString(started.QueryId) == "" {
		err = errors.New("no id of the query in the answer")
	}
	if err != nil {
		q.failed(j, w, s, err)
		return
	}
	id := *started.QueryId
	w.params["QueryId"], q.scan.Ran = id, true
	var last *cloudtrail.DescribeQueryOutput
	look := func(ctx context.Context) (bool, error) {
		out, _, err := ask(ctx, j, c.DescribeQuery, &cloudtrail.DescribeQueryInput{QueryId: &id})
		if err != nil {
			return false, &ofCall{err, lakeDescribeCall}
		}
		last = out
		return q.lakeLooked(out)
	}
	err = q.poll(ctx, look, func(ctx context.Context) error {
		_, _, err := ask(ctx, j, c.CancelQuery, &cloudtrail.CancelQueryInput{QueryId: &id})
		return err
	})
	if last != nil {
		j.putJSON(ctx, j.of("lake.query", w.src.ARN, id, j.Target.Region, lakeDescribeCall), s, last)
	}
	if err != nil {
		q.failed(j, w, s, err)
		return
	}
	q.lakeRows(ctx, j, c, w, s, id, sql)
}

func (q *asking) lakeLooked(out *cloudtrail.DescribeQueryOutput) (bool, error) {
	if out.QueryStatistics != nil {
		q.scan.Scanned = aws.ToInt64(out.QueryStatistics.BytesScanned)
	}
	switch out.QueryStatus {
	case cttypes.QueryStatusFinished:
		return true, nil
	case cttypes.QueryStatusFailed, cttypes.QueryStatusCancelled, cttypes.QueryStatusTimedOut:
		return true, &engineError{string(out.QueryStatus), aws.ToString(out.ErrorMessage)}
	}
	return false, nil
}

func (q *asking) lakeRows(ctx context.Context, j *Job, c *cloudtrail.Client, w want, s stamp, id string, sql trailsql.Select) {
	in := &cloudtrail.GetQueryResultsInput{QueryId: &id, MaxQueryResults: aws.Int32(1000)}
	p := pager[cloudtrail.GetQueryResultsInput, cloudtrail.GetQueryResultsOutput, cloudtrail.Options]{
		call: c.GetQueryResults, in: in,
		next: func(in *cloudtrail.GetQueryResultsInput, out *cloudtrail.GetQueryResultsOutput) string {
			in.NextToken = out.NextToken
			return aws.ToString(in.NextToken)
		},
	}
	q.records(ctx, j, w, s, sql, func(take func([]*string) error) error {
		return p.each(ctx, j, nil, func(o *cloudtrail.GetQueryResultsOutput) error {
			if o.QueryStatus != cttypes.QueryStatusFinished {
				return &engineError{string(o.QueryStatus), aws.ToString(o.ErrorMessage)}
			}
			for _, cells := range o.QueryResultRows {
				if err := take(lakeRow(cells, sql.Header)); err != nil {
					return err
				}
			}
			return nil
		})
	}, lakeRowsCall)
}

// lakeRow is a row in the order of the header: each of its cells is a map of one name.
func lakeRow(cells []map[string]string, header []string) []*string {
	row := make([]*string, len(header))
	for _, cell := range cells {
		for i, name := range header {
			for key, v := range cell {
				if strings.EqualFold(key, name) {
					row[i] = &v
				}
			}
		}
	}
	return row
}
