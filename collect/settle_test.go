package collect

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

const allowAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// TestSettle: what came too late for the first collection is in the bag of the second, which
// begins where the first began.
func TestSettle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{TrailDelay: 10 * time.Minute})
		c := newCase(t)
		s := sessionAs(t, a, "responder", allowAll)
		if _, _, _, err := Settle(t.Context(), s, c, evidence.Header{}, Options{Unpaced: true}); !errors.Is(err, evidence.ErrNothingToResume) {
			t.Errorf("nothing collected yet: %v", err)
		}
		time.Sleep(time.Hour)
		cfg := aws.Config{Region: bench.Region, BaseEndpoint: aws.String(bench.Endpoint), HTTPClient: a.Cloud.Client(), Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, "")}
		if _, err := lambda.NewFromConfig(cfg).PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String(bench.Function), ReservedConcurrentExecutions: aws.Int32(7)}); err != nil {
			t.Fatal(err)
		}
		first, _, err := Into(t.Context(), s, c, evidence.Header{}, []Target{simTarget}, Options{Unpaced: true})
		if err != nil {
			t.Fatal(err)
		}
		const late = "PutFunctionConcurrency"
		before := strings.Count(lookedUp(t, first), late)
		time.Sleep(20 * time.Minute)
		second, sum, settled, err := Settle(t.Context(), s, c, evidence.Header{}, Options{Unpaced: true})
		if err != nil || !sum.Complete {
			t.Fatal(err, sum)
		}
		if after := strings.Count(lookedUp(t, second), late); after <= before {
			t.Errorf("%d calls of %s before settling, %d after", before, late, after)
		}
		if h := second.Header(); h.Params["settles"] != first.ID() || settled.LastAct != first.Header().Ended || settled.Due != settled.LastAct.Add(30*time.Minute) {
			t.Errorf("%+v, %+v", h.Params, settled)
		}
		entries, err := second.Coverage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Artefact == "lambda.code" || e.Artefact == "logs.events" {
				t.Errorf("%s was collected again", e.Artefact)
			}
		}
		time.Sleep(24 * time.Hour)
		if _, _, settled, err = Settle(t.Context(), s, c, evidence.Header{}, Options{Unpaced: true}); err != nil || !settled.Due.IsZero() {
			t.Errorf("a day later: %+v, %v", settled, err)
		}
	})
}

// lookedUp is all that a bag has of CloudTrail's history.
func lookedUp(t *testing.T, b *evidence.Bag) string {
	t.Helper()
	var all strings.Builder
	for it, err := range b.Items(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if it.Artefact != "cloudtrail.lookup" {
			continue
		}
		r, err := b.Open(t.Context(), it)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(&all, r); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

func TestLookupRegions(t *testing.T) {
	j := &Job{Target: simTarget, run: &runner{o: Options{Regions: []string{"eu-west-3", "us-east-1"}}}}
	if got := strings.Join(j.lookupRegions(), " "); got != "eu-central-1 us-east-1 eu-west-3" {
		t.Error(got)
	}
	j.run.o.Regions = []string{"all"}
	if got := j.lookupRegions(); len(got) != 17 || got[0] != "eu-central-1" {
		t.Error(got)
	}
}
