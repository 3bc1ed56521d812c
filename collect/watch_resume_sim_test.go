package collect

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// TestWatchersAreResumed: what was denied is asked for again, with what it hangs on read
// from the bag; what lies there is not.
func TestWatchersAreResumed(t *testing.T) {
	ctx := t.Context()
	c := newCase(t)
	a := simAccount(t, awssim.Config{})
	s := sessionAs(t, a, "resumer", allowAll)
	target, err := ParseTarget(bench.AccountID, bench.Region, bench.Function)
	if err != nil {
		t.Fatal(err)
	}
	denied := []string{"GuardDuty:GetFindings", "AccessAnalyzer:GetFindingV2", "ConfigService:GetResourceConfigHistory", "XRay:BatchGetTraces", "CloudWatch:DescribeAlarms"}
	for _, op := range denied {
		a.Cloud.Inject(awssim.Fault{Op: op, Fail: awssim.Fail{Code: "AccessDeniedException", Message: "injected", Status: 403}})
	}
	o := Options{Unpaced: true, Only: []string{"lambda.configuration", "xray.summaries", "guardduty.findings", "accessanalyzer.findings", "inspector2.findings", "config.history", "cloudwatch.metrics", "cloudwatch.alarms"}}
	_, sum, err := Into(ctx, s, c, evidence.Header{Operator: "o"}, []Target{target}, o)
	if err != nil || sum.States[evidence.Denied] != 8 {
		t.Fatalf("%+v, %v", sum, err)
	}
	a.Cloud.ClearFaults()
	open, err := Resumable(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	before := len(a.Cloud.Calls())
	_, sum, err = Resume(ctx, s, c, open[0], evidence.Header{Operator: "o"}, Options{Unpaced: true})
	if err != nil || !sum.Complete {
		t.Errorf("%+v, %v", sum, err)
	}
	made := map[string]int{}
	for _, call := range a.Cloud.Calls()[before:] {
		made[call.Operation]++
	}
	for _, op := range []string{"GetTraceSummaries", "GetEncryptionConfig", "ListDetectors", "GetDetector", "ListAnalyzers", "BatchGetAccountStatus", "DescribeConfigurationRecorders", "ListDiscoveredResources", "GetMetricData"} {
		if made[op] > 0 {
			t.Errorf("%s was called again", op)
		}
	}
	for p, err := range c.Verify(ctx) {
		t.Errorf("verify: %+v, %v", p, err)
	}
}

// TestWatchersCutShort: a page that fails leaves what came before it, and says so.
func TestWatchersCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		denied := func(op string, nth int) awssim.Fault {
			return awssim.Fault{Op: op, Nth: nth, Fail: awssim.Fail{Code: "AccessDeniedException", Message: "injected", Status: 403}}
		}
		only := Options{Unpaced: true, Since: 20 * day, Only: []string{"lambda.configuration", "xray.summaries", "config.history"}}
		a.Cloud.Inject(denied("XRay:GetTraceSummaries", 2), denied("ConfigService:GetResourceConfigHistory", 2), denied("ConfigService:ListDiscoveredResources", 0))
		m, _ := collectSim(t, a, only)
		wantStates(t, m.states(), evidence.Truncated, "xray.summaries payments", "xray.traces payments", "config.history.rest payments")
		wantStates(t, m.states(), evidence.Collected, "config.history payments")
		if n := strings.Count(string(m.bytes["xray.traces payments"]), "\n"); n < 6 || n > 7 { // the seventh may lie in the slice that was refused
			t.Errorf("%d traces, the first slice has 6", n)
		}
		a.Cloud.ClearFaults()
		a.Cloud.Inject(denied("XRay:BatchGetTraces", 2))
		m, _ = collectSim(t, a, only)
		wantStates(t, m.states(), evidence.Truncated, "xray.traces payments")
		if n := strings.Count(string(m.bytes["xray.traces payments"]), "\n"); n != 5 {
			t.Errorf("%d traces of the first batch", n)
		}
	})
}
