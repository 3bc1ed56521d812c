package collect

import (
	"path/filepath"
	"testing"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// TestMendedIsComplete: after one call was denied and then allowed, a resumed collection is
// complete: what hung on the denied answer is no gap any more, nor is what was looked through
// in vain and turns out to call others.
func TestMendedIsComplete(t *testing.T) {
	for i, call := range []string{
		"Lambda:GetPolicy", "Lambda:ListVersionsByFunction", "IAM:GetPolicy", "EventBridge:ListRuleNamesByTarget", "Scheduler:GetSchedule", "AccessAnalyzer:ListAnalyzers",
		"APIGateway:GetResources", "ApiGatewayV2:GetAuthorizers", "ElasticLoadBalancingv2:DescribeTargetHealth", "ElasticLoadBalancingv2:DescribeListeners", "CloudFront:ListDistributions", "CloudWatchLogs:DescribeLogGroups",
	} {
		if testing.Short() && i%4 != 0 { // for the race detector some do
			continue
		}
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			dir, ctx := t.TempDir(), t.Context()
			v, err := vault.NewFolder(filepath.Join(dir, "case"))
			if err != nil {
				t.Fatal(err)
			}
			c, err := evidence.CreateCase(ctx, v, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "o", Home: filepath.Join(dir, "home")})
			if err != nil {
				t.Fatal(err)
			}
			a := simAccount(t, awssim.Config{})
			s := sessionAs(t, a, "resumer", allowAll)
			target, err := ParseTarget(bench.AccountID, bench.Region, bench.Function)
			if err != nil {
				t.Fatal(err)
			}
			a.Cloud.Inject(awssim.Fault{Op: call, Fail: awssim.Fail{Code: "AccessDeniedException", Message: "injected", Status: 403}})
			o := Options{Unpaced: true}
			if _, sum, err := Into(ctx, s, c, evidence.Header{Operator: "o"}, []Target{target}, o); err != nil || sum.Complete {
				t.Fatalf("%+v, %v", sum, err)
			}
			// Nothing is mended yet: every gap stands again, those that hang on it too.
			first, err := Resumable(ctx, c)
			if err != nil {
				t.Fatal(err)
			}
			again, sum, err := Resume(ctx, s, c, first[0], evidence.Header{Operator: "o"}, o)
			if err != nil || sum.Complete {
				t.Fatalf("%+v, %v", sum, err)
			}
			if before, after := gapsIn(t, first[0]), gapsIn(t, again); len(after) != len(before) {
				t.Errorf("gaps before %v, and after nothing was mended %v", before, after)
			}
			a.Cloud.ClearFaults()
			b, sum, err := Resume(ctx, s, c, first[0], evidence.Header{Operator: "o"}, o)
			if err != nil || !sum.Complete {
				t.Errorf("%v, %v", gapsIn(t, b), err)
			}
		})
	}
}

func gapsIn(t *testing.T, b *evidence.Bag) (out []string) {
	t.Helper()
	entries, err := b.Coverage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.State.Complete() {
			out = append(out, key(e)+": "+string(e.State))
		}
	}
	return out
}
