package bench

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// criticalPath is how many answers the collection of Function waits for one after the other
// where nothing is asked for later than it could be; roundTrips is what our own bound on
// downloads at once makes of it. The command adds two: who are we, and is the function there?
const criticalPath, roundTrips = 9, 10

// TestCriticalPath: in the fake time of a bubble only answers take time, so the run's length
// is the longest chain of calls that wait for each other. The benchmarks' limit rests on it.
func TestCriticalPath(t *testing.T) {
	for _, c := range []struct{ parallel, most int }{{1000, criticalPath}, {0, roundTrips}} {
		synctest.Test(t, func(t *testing.T) {
			a, err := NewAccount(t.Context(), awssim.Config{}, 1, 1<<10)
			if err != nil {
				t.Fatal(err)
			}
			if err := a.AddVersions(50, 1<<10); err != nil {
				t.Fatal(err)
			}
			a.Cloud.SetLatency(latency)
			s, err := awsapi.Connect(t.Context(), awsapi.Options{
				Region: Region, EndpointURL: Endpoint, HTTPClient: a.Cloud.Client(), ReadOnly: true,
				Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, ""),
			})
			if err != nil {
				t.Fatal(err)
			}
			v, err := vault.NewFolder(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			cs, err := evidence.CreateCase(t.Context(), v, evidence.CaseOptions{Title: "b", Operator: "b", Home: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			target, err := collect.ParseTarget(AccountID, Region, Function)
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			_, sum, err := collect.Into(t.Context(), s, cs, evidence.Header{}, []collect.Target{target}, collect.Options{Unpaced: true, Parallel: c.parallel})
			took := time.Since(start)
			t.Logf("%d at once: %s, %d answers one after the other", c.parallel, took, took/latency)
			if err != nil || !sum.Complete || took > time.Duration(c.most)*latency {
				t.Errorf("%v %+v: %d answers one after the other, %d wanted", err, sum, took/latency, c.most)
			}
		})
	}
}
