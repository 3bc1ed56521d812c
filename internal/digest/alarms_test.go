package digest_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/digest"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// TestNoFalseAlarms: of a bucket that nobody touched nothing is called damaged, however
// little of it was collected; what is not at hand is said.
func TestNoFalseAlarms(t *testing.T) {
	base := collect.Options{Unpaced: true, Since: time.Hour, TrailBuckets: []string{collect.AutoTrailBucket}, Only: []string{"cloudtrail.trails", "cloudtrail.objects"}}
	cells := 0
	for _, c := range []struct {
		name    string
		runs    []func(o *collect.Options) // one collection each
		between func(t *testing.T, a *bench.Account)
		want    []digest.Kind // that are met, besides valid digests
	}{
		{"cut by the bound on bytes", []func(*collect.Options){func(o *collect.Options) { o.MaxTrailBytes = 30_000 }}, nil, []digest.Kind{digest.NotCollected}},
		{"a window of yesterday", []func(*collect.Options){func(o *collect.Options) { o.Until, o.Since = time.Now().Add(-27*time.Hour), time.Hour }}, nil, nil},
		{"twice, an hour apart", []func(*collect.Options){func(*collect.Options) {}, func(*collect.Options) {}}, later, nil},
		{"log files denied", []func(*collect.Options){func(*collect.Options) {}}, func(t *testing.T, a *bench.Account) {
			a.Cloud.Inject(awssim.Fault{Op: "S3:GetObject", Resource: "_CloudTrail_", Fail: awssim.Fail{Code: "AccessDenied", Message: "injected", Status: http.StatusForbidden}})
		}, []digest.Kind{digest.NotCollected}},
		{"keys denied", []func(*collect.Options){func(*collect.Options) {}}, func(t *testing.T, a *bench.Account) {
			a.Cloud.Inject(awssim.Fault{Op: "CloudTrail:ListPublicKeys", Fail: awssim.Fail{Code: "AccessDenied", Message: "injected", Status: http.StatusForbidden}})
		}, []digest.Kind{digest.NoKeys}},
		{"one trail only", []func(*collect.Options){func(o *collect.Options) {
			o.TrailBuckets = []string{"s3://" + bench.TrailBucket + "/" + bench.OtherPrefix}
		}}, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(7 * time.Hour)
				a, err := bench.NewTrails(t.Context(), awssim.Config{Seed: 1}, 34)
				if err != nil {
					t.Fatal(err)
				}
				kase := emptyCase(t)
				if c.between != nil && len(c.runs) == 1 {
					c.between(t, a)
				}
				for i, change := range c.runs {
					if i > 0 {
						c.between(t, a)
					}
					o := base
					change(&o)
					into(t, a, kase, o)
				}
				in, err := digest.FromCase(t.Context(), kase)
				if err != nil {
					t.Fatal(err)
				}
				r, err := digest.Validate(t.Context(), in)
				if err != nil {
					t.Fatal(err)
				}
				var kinds []digest.Kind
				var said []string
				for _, p := range r.All {
					if p.Kind.Damage() {
						t.Errorf("called damaged: %+v", p)
					}
					if !slices.Contains(kinds, p.Kind) {
						kinds = append(kinds, p.Kind)
						said = append(said, fmt.Sprintf("%s %s %s %s", p.Kind, filepath.Base(p.File), p.From, p.Why))
					}
				}
				slices.Sort(kinds)
				want := digest.Incomplete
				if len(c.want) == 0 {
					want = digest.Complete
				}
				if !slices.Equal(kinds, c.want) || r.Verdict() != want || len(r.Chains) == 0 {
					t.Errorf("%s, %v: %s", r.Verdict(), kinds, strings.Join(said, "\n"))
				}
				cells++
			})
		})
	}
	t.Logf("%d cells, 0 skipped", cells)
}

// later lets an hour pass, and the trails deliver.
func later(t *testing.T, a *bench.Account) {
	t.Helper()
	time.Sleep(time.Hour)
	if err := a.Cloud.DeliverTrails(); err != nil {
		t.Fatal(err)
	}
}

func emptyCase(t *testing.T) *evidence.Case {
	t.Helper()
	dir := t.TempDir()
	v, err := vault.NewFolder(filepath.Join(dir, "case"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := evidence.CreateCase(t.Context(), v, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "o", Home: filepath.Join(dir, "home")})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// into collects the trails' files into a bag of the case.
func into(t *testing.T, a *bench.Account, c *evidence.Case, o collect.Options) collect.Summary {
	t.Helper()
	s, err := awsapi.Connect(t.Context(), awsapi.Options{
		Region: bench.Region, EndpointURL: bench.Endpoint, HTTPClient: a.Cloud.Client(), ReadOnly: true,
		Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	target, err := collect.ParseTarget(bench.AccountID, bench.Region, bench.Function)
	if err != nil {
		t.Fatal(err)
	}
	_, sum, err := collect.Into(t.Context(), s, c, evidence.Header{Operator: "o"}, []collect.Target{target}, o)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}
