package deploy

import (
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/vault/s3vault/check"
)

// TestVault: the bucket of the printed template is fit to hold evidence, as `vault check` asks, also
// when it is tried.
func TestVault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s, err := awsapi.Connect(t.Context(), awsapi.Options{Region: bench.Region, EndpointURL: bench.Endpoint, HTTPClient: w.a.Cloud.Client(), Credentials: w.admin.Credentials})
		must(t, err)
		in := check.Inputs{Bucket: bucketName, Prefix: "alerts", Owner: security, SubjectAccount: bench.AccountID, Caller: s.Identity.ARN, Live: true}
		in.Config = func(region string) aws.Config { return s.Config(region, check.Needs(in)) }
		report, err := check.Run(t.Context(), in)
		must(t, err)
		for _, f := range report.Findings {
			if f.Result != check.Pass && f.Level == check.Must {
				t.Errorf("%s: %s: %s", f.ID, f.What, f.Got)
			} else if f.Result != check.Pass {
				t.Logf("left to people: %s: %s", f.ID, f.What)
			}
		}
		t.Logf("%d questions", len(report.Findings))
	})
}
