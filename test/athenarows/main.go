// Command athenarows lets a real engine's answers be held against the product's and the
// simulator's. It reads one JSON document on standard input. With rows of a query's result it
// prints the records that the product rebuilds of them; with statements and records it prints
// the rows that the simulated Athena answers over a bucket that holds the records.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	athenatypes "github.com/aws/aws-sdk-go-v2/service/athena/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/trailsql"
)

type asked struct {
	Rows    [][]*string                  // to be rebuilt
	Bucket  string                       // where the table's files lie
	Objects map[string][]json.RawMessage // by key: the records of a file
	DDL     string
	Queries []string
}

type answered struct {
	Records []json.RawMessage
	Rows    [][][]*string // by query, without the header
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "athenarows:", err)
		os.Exit(1)
	}
}

func run() error {
	var in asked
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		return err
	}
	out := answered{Records: []json.RawMessage{}, Rows: [][][]*string{}}
	s, err := trailsql.Table("any.table", trailsql.OurLayout(), trailsql.Query{Accounts: []string{"111122223333"}, Regions: []string{"eu-west-1"}, Since: time.Unix(0, 0), Until: time.Unix(1, 0)})
	if err != nil {
		return err
	}
	for _, row := range in.Rows {
		record, err := s.Record(row)
		if err != nil {
			return err
		}
		out.Records = append(out.Records, record)
	}
	if in.DDL != "" {
		if out.Rows, err = simulated(context.Background(), in); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// simulated asks the simulated Athena.
func simulated(ctx context.Context, in asked) ([][][]*string, error) {
	cloud := awssim.New(awssim.Config{AccountID: "111122223333", Region: "us-east-1"})
	keys := cloud.Bootstrap("111122223333", "admin", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	cfg := aws.Config{Region: "us-east-1", HTTPClient: cloud.Client(), Credentials: credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, "")}
	files := s3.NewFromConfig(cfg)
	if _, err := files.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &in.Bucket}); err != nil {
		return nil, err
	}
	for key, records := range in.Objects {
		var data bytes.Buffer
		z := gzip.NewWriter(&data)
		if err := errors.Join(json.NewEncoder(z).Encode(map[string]any{"Records": records}), z.Close()); err != nil {
			return nil, err
		}
		if _, err := files.PutObject(ctx, &s3.PutObjectInput{Bucket: &in.Bucket, Key: &key, Body: bytes.NewReader(data.Bytes())}); err != nil {
			return nil, err
		}
	}
	c := athena.NewFromConfig(cfg)
	if _, err := rows(ctx, c, in.Bucket, in.DDL); err != nil {
		return nil, err
	}
	var out [][][]*string
	for _, sql := range in.Queries {
		got, err := rows(ctx, c, in.Bucket, sql)
		if err != nil {
			return nil, fmt.Errorf("%w: %s", err, sql)
		}
		out = append(out, got)
	}
	return out, nil
}

func rows(ctx context.Context, c *athena.Client, bucket, sql string) ([][]*string, error) {
	started, err := c.StartQueryExecution(ctx, &athena.StartQueryExecutionInput{QueryString: &sql, ResultConfiguration: &athenatypes.ResultConfiguration{OutputLocation: aws.String("s3://" + bucket + "/results/")}})
	if err != nil {
		return nil, err
	}
	state, err := c.GetQueryExecution(ctx, &athena.GetQueryExecutionInput{QueryExecutionId: started.QueryExecutionId})
	if err != nil {
		return nil, err
	}
	if s := state.QueryExecution.Status; s.State != athenatypes.QueryExecutionStateSucceeded {
		return nil, fmt.Errorf("%s %s", s.State, aws.ToString(s.StateChangeReason))
	}
	out := [][]*string{}
	in := &athena.GetQueryResultsInput{QueryExecutionId: started.QueryExecutionId}
	for first := true; first || in.NextToken != nil; first = false {
		page, err := c.GetQueryResults(ctx, in)
		if err != nil {
			return nil, err
		}
		for i, r := range page.ResultSet.Rows {
			if first && i == 0 {
				continue // names of columns
			}
			var row []*string
			for _, d := range r.Data {
				row = append(row, d.VarCharValue)
			}
			out = append(out, row)
		}
		in.NextToken = page.NextToken
	}
	return out, nil
}
