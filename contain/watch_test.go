package contain

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// TestWatch: a quiet account gives no sign, and no more than that; one call that takes the
// containment back is shouted, with who made it, and what runs since.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		thief := s.session(t, "payments")
		p := s.bench.plan(t, actConcurrency, actQuarantine)
		s.bench.preserve(t, p)
		_, err := Apply(t.Context(), ApplyInput{Session: s.bench.s, Case: s.bench.c, Plan: p})
		must(t, err)
		time.Sleep(time.Minute)
		before := s.cloud.Digest()
		in := WatchInput{Session: s.bench.s, Case: s.bench.c, For: 6 * time.Minute}
		quiet, err := Watch(t.Context(), in)
		must(t, err)
		if len(quiet.Ways) != 0 || len(quiet.Sightings) != 0 || !strings.HasPrefix(quiet.Verdict, "no sign up to 2000-") || strings.Contains(quiet.Verdict, "out") || quiet.Looks < 5 {
			t.Errorf("a quiet watch: %+v", quiet)
		}
		if !slices.ContainsFunc(quiet.Standings, func(s Standing) bool { return s.State == InForce }) {
			t.Errorf("in force: %+v", quiet.Standings)
		}
		if s.cloud.Digest() != before {
			t.Error("watching changed the account")
		}
		var told []string
		in.Tell = func(x Sighting) { told = append(told, x.What) }
		go func() {
			time.Sleep(3 * time.Minute)
			if _, err := lambda.NewFromConfig(s.admin).DeleteFunctionConcurrency(t.Context(), &lambda.DeleteFunctionConcurrencyInput{FunctionName: aws.String("payments")}); err != nil {
				t.Error(err)
			}
			_ = thief() // is denied
			s.cloud.StageMetric(simAccount, simRegion, "AWS/Lambda", types.MetricDatum{MetricName: aws.String("Invocations"), Timestamp: aws.Time(s.cloud.Now()), Value: aws.Float64(3),
				Dimensions: []types.Dimension{{Name: aws.String("FunctionName"), Value: aws.String("payments")}}})
		}()
		loud, err := Watch(t.Context(), in)
		must(t, err)
		for _, want := range []string{SightReversed, SightChange, SightRuns, SightDenied} {
			if !slices.Contains(told, want) {
				t.Errorf("not told: %s, of %q", want, told)
			}
		}
		ways := strings.Join(loud.Ways, "\n")
		if !strings.Contains(ways, "user/admin") || !strings.Contains(ways, "DeleteFunctionConcurrency") || !strings.Contains(ways, "3 in the minute") || strings.HasPrefix(loud.Verdict, "no sign") {
			t.Errorf("%s: %s", loud.Verdict, ways)
		}
	})
}
