package main

import (
	"context"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	athenatypes "github.com/aws/aws-sdk-go-v2/service/athena/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/trailsql"
)

// TestEngines runs commands that ask Athena and CloudTrail Lake, on an account that has a table
// over its trail's bucket, a place for results and an event data store.
func TestEngines(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/engines",
		Setup: func(env *testscript.Env) error {
			a, err := bench.NewAccount(context.Background(), awssim.Config{}, 1, 1<<10)
			if err != nil {
				return err
			}
			store, err := makeEngines(a)
			if err != nil {
				return err
			}
			server := httptest.NewServer(a.Cloud)
			env.Defer(server.Close)
			// Whoever may collect, and not ask engines.
			denied := a.Cloud.Bootstrap(bench.AccountID, "collector", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":["athena:StartQueryExecution","cloudtrail:StartQuery"],"Resource":"*"}]}`)
			for name, v := range map[string]string{
				"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": bench.Region, "AWS_ACCESS_KEY_ID": a.Keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY": a.Keys.SecretAccessKey, "AWS_EC2_METADATA_DISABLED": "true",
				"FREEZEFRAME_HOME": filepath.Join(env.WorkDir, "home"), "HOME": env.WorkDir, "STORE": store, "DENIED_ID": denied.AccessKeyID, "DENIED_SECRET": denied.SecretAccessKey,
				"ACCOUNT": bench.AccountID, "FUNCTION": bench.Function,
			} {
				env.Setenv(name, v)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// makeEngines does what the account's owner does: the tool makes nothing. It gives the event
// data store's id.
func makeEngines(a *bench.Account) (string, error) {
	ctx := context.Background()
	cfg := aws.Config{Region: bench.Region, BaseEndpoint: aws.String(bench.Endpoint), HTTPClient: a.Cloud.Client(), Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, "")}
	if _, err := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("results"),
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: bench.Region}}); err != nil {
		return "", err
	}
	ddl, err := trailsql.DDL(trailsql.MadeTable{Name: "audit.trail", Place: trailsql.Place{Bucket: bench.TrailBucket}, Accounts: []string{bench.AccountID}, Regions: []string{bench.Region, "us-east-1"}, From: a.Cloud.Now()})
	if err != nil {
		return "", err
	}
	if _, err := athena.NewFromConfig(cfg).StartQueryExecution(ctx, &athena.StartQueryExecutionInput{QueryString: &ddl, ResultConfiguration: &athenatypes.ResultConfiguration{OutputLocation: aws.String("s3://results/")}}); err != nil {
		return "", err
	}
	store, err := cloudtrail.NewFromConfig(cfg).CreateEventDataStore(ctx, &cloudtrail.CreateEventDataStoreInput{Name: aws.String("lake")})
	if err != nil {
		return "", err
	}
	return (*store.EventDataStoreArn)[strings.LastIndexByte(*store.EventDataStoreArn, '/')+1:], nil
}
