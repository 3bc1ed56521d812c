package collect

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	watchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// watched artefacts of a function that nothing was ever said of.
func collectBare(t *testing.T, a *bench.Account, only ...string) map[string]evidence.State {
	t.Helper()
	bare(t, a)
	s := sessionAs(t, a, "again", allowAll)
	m := newMemory()
	target, err := ParseTarget(bench.AccountID, bench.Region, "bare")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Unpaced: true, Only: append(only, "lambda.configuration")}
	if _, err := Run(t.Context(), Inputs{Connect: s.ConfigRecorded, HTTP: s.HTTPClient(), Endpoint: s.Endpoint}, []Target{target}, m, o); err != nil {
		t.Fatal(err)
	}
	return m.states()
}

func wantStates(t *testing.T, got map[string]evidence.State, want evidence.State, keys ...string) {
	t.Helper()
	for _, k := range keys {
		if got[k] != want {
			t.Errorf("%s is %q, want %q; of %v", k, got[k], want, got)
		}
	}
}

func TestTraces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		m, _ := collectSim(t, a, Options{Unpaced: true, Only: []string{"xray.summaries", "lambda.configuration"}})
		wantStates(t, m.states(), evidence.Collected, "xray.summaries payments", "xray.traces payments", "xray.encryption payments")
		var got struct{ TraceSummaries []struct{ ID string } }
		if err := json.Unmarshal(m.bytes["xray.summaries payments"], &got); err != nil || len(got.TraceSummaries) != 7 {
			t.Errorf("%d summaries, %v", len(got.TraceSummaries), err)
		}
		lines := strings.Split(strings.TrimSpace(string(m.bytes["xray.traces payments"])), "\n")
		if len(lines) != 7 {
			t.Fatalf("%d traces", len(lines))
		}
		for i, line := range lines {
			var tr struct{ Segments []struct{ Document string } }
			if err := json.Unmarshal([]byte(line), &tr); err != nil || len(tr.Segments) != 1 || !strings.Contains(tr.Segments[0].Document, `"name":"payments"`) {
				t.Errorf("trace %d: %s, %v", i, line, err)
			}
		}
		wantStates(t, collectBare(t, a, "xray.summaries"), evidence.Absent, "xray.summaries bare", "xray.traces bare", "xray.encryption bare")
	})
}

func TestGuardFindings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		m, _ := collectSim(t, a, Options{Unpaced: true, Only: []string{"guardduty.findings", "lambda.configuration"}})
		for _, e := range m.entries {
			body := string(m.bytes[key(e)])
			switch {
			case e.Artefact == "guardduty.detector" && !strings.Contains(body, `"Name":"LAMBDA_NETWORK_LOGS","Status":"ENABLED"`),
				e.Artefact == "guardduty.findings" && strings.HasSuffix(e.Source.ARN, ":payments") && !strings.Contains(body, "Trojan:Lambda/DropPoint"),
				e.Artefact == "guardduty.findings" && strings.Contains(e.Source.ARN, ":role/") && !strings.Contains(body, "MaliciousIPCaller"),
				!e.State.Complete():
				t.Errorf("%s: %s %s", key(e), e.State, body)
			}
		}
		wantStates(t, collectBare(t, a, "guardduty.findings"), evidence.Absent, "guardduty.findings bare")
	})
}

func TestAccessFindings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		m, sum := collectSim(t, a, Options{Unpaced: true, Only: []string{"accessanalyzer.findings", "lambda.configuration"}})
		if !sum.Complete {
			t.Errorf("%+v", sum)
		}
		n := 0
		for _, e := range m.entries {
			if e.Artefact != "accessanalyzer.findings" {
				continue
			}
			n++
			body := string(m.bytes[key(e)])
			if strings.Count(body, `"findingType"`) != 1 || !strings.Contains(body, `"externalAccessDetails":{`) || !strings.Contains(body, "210987654321") || e.Source.Qualifier != "outside" {
				t.Errorf("%s: %s", key(e), body)
			}
		}
		if n != 2 {
			t.Errorf("findings of %d resources", n)
		}
		wantStates(t, collectBare(t, a, "accessanalyzer.findings"), evidence.Absent, "accessanalyzer.findings bare outside")
	})
}

func TestInspectorFindings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		m, _ := collectSim(t, a, Options{Unpaced: true, Only: []string{"inspector2.findings"}})
		if body := string(m.bytes["inspector2.findings payments"]); strings.Count(body, `"findingArn"`) != 1 || !strings.Contains(body, "CVE-2024-0001") {
			t.Errorf("%s, %v", body, m.states())
		}
		for k, b := range m.bytes {
			if strings.HasPrefix(k, "inspector2.status") && !strings.Contains(string(b), `"lambda":{"errorCode"`) {
				t.Errorf("%s: %s", k, b)
			}
		}
		wantStates(t, collectBare(t, a, "inspector2.findings"), evidence.Absent, "inspector2.findings bare")
	})
}

// TestConfigHistory: what Config recorded is there; of an environment's values nothing is in clear.
func TestConfigHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		m, sum := collectSim(t, a, Options{Unpaced: true, Since: 20 * day, Only: []string{"config.history", "lambda.configuration"}})
		body := string(m.bytes["config.history payments"])
		if !sum.Complete || strings.Count(body, `"configurationItemCaptureTime"`) != 3 || !strings.Contains(body, "[sealed:") || strings.Contains(body, bench.Secret) || !strings.Contains(body, `\"timeout\":5`) {
			t.Errorf("%+v %s", m.states(), body)
		}
		roles := 0
		for _, e := range m.entries {
			if e.Artefact == "config.history" && e.Source.Qualifier == "AROAEXAMPLEOFPAYMENTS" && strings.Contains(string(m.bytes[key(e)]), "roleName") {
				roles++
			}
		}
		if roles != 1 {
			t.Errorf("%d histories of the role, of %v", roles, m.states())
		}
		wantStates(t, collectBare(t, a, "config.history"), evidence.Absent, "config.history bare")
	})
}

func TestWithoutEnvironment(t *testing.T) {
	stand := func(string) string { return "x" }
	for text, want := range map[string]string{
		`{"a":1}`: `{"a":1}`,
		`{"environment":{"variables":{"K":"v"}},"n":10000000000000001}`: `{"environment":{"variables":{"K":"x"}},"n":10000000000000001}`,
		`{"Environment":`: "x",
		"plain":           "plain",
		"":                "",
	} {
		if got := *withoutEnvironment(&text, stand); got != want {
			t.Errorf("%s gives %s, want %s", text, got, want)
		}
	}
}

// TestMetrics: the sums of the window are those that were reported, over pages and periods.
func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		for range 2 { // data of long ago is there in hours only
			a.Cloud.StageMetric(bench.AccountID, bench.Region, "AWS/Lambda", watchtypes.MetricDatum{MetricName: aws.String("Invocations"), Timestamp: aws.Time(a.Cloud.Now().Add(-80 * day)),
				Value: aws.Float64(3), Dimensions: []watchtypes.Dimension{{Name: aws.String("FunctionName"), Value: aws.String(bench.Function)}}})
		}
		m, sum := collectSim(t, a, Options{Unpaced: true, Since: 85 * day, Only: []string{"cloudwatch.metrics"}})
		if !sum.Complete {
			t.Errorf("%v", m.states())
		}
		for k, want := range map[string]map[string]float64{
			"cloudwatch.metrics payments 300s":  {"invocations_sum": 300, "duration_sum": 24 * 262.5, "duration_maximum": 24 * 250.5},
			"cloudwatch.metrics payments 3600s": {"invocations_sum": 6, "duration_sum": 0},
		} {
			var got struct {
				MetricDataResults []struct {
					ID     string
					Values []float64
				}
			}
			if err := json.Unmarshal(m.bytes[k], &got); err != nil {
				t.Fatalf("%s: %v, of %v", k, err, m.states())
			}
			sums := map[string]float64{}
			for _, r := range got.MetricDataResults {
				for _, v := range r.Values {
					sums[r.ID] += v
				}
			}
			for id, v := range want {
				if sums[id] != v {
					t.Errorf("%s: %s sums up to %v, want %v", k, id, sums[id], v)
				}
			}
			if len(got.MetricDataResults) != 20 {
				t.Errorf("%s: %d results", k, len(got.MetricDataResults))
			}
		}
		wantStates(t, collectBare(t, a, "cloudwatch.metrics", "cloudwatch.alarms"), evidence.Absent, "cloudwatch.metrics bare 300s", "cloudwatch.alarms bare")
	})
}

func TestAlarms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		m, _ := collectSim(t, a, Options{Unpaced: true, Only: []string{"cloudwatch.alarms"}})
		if body := string(m.bytes["cloudwatch.alarms payments"]); strings.Count(body, `"AlarmName"`) != 1 || !strings.Contains(body, `"AlarmName":"payments-errors"`) {
			t.Errorf("%s", body)
		}
	})
	alarm := &watchtypes.MetricAlarm{AlarmName: aws.String("a"), AlarmArn: aws.String("arn:aws:cloudwatch:r:1:alarm:a"),
		Metrics: []watchtypes.MetricDataQuery{{MetricStat: &watchtypes.MetricStat{Metric: &watchtypes.Metric{Dimensions: []watchtypes.Dimension{{Name: aws.String("FunctionName"), Value: aws.String("f")}}}}}}}
	if !looksAt(alarm, "f") || looksAt(alarm, "g") {
		t.Error("alarms on expressions are not told apart")
	}
	for rule, want := range map[string]bool{`ALARM("a") OR ALARM(b)`: true, `ALARM(arn:aws:cloudwatch:r:1:alarm:a)`: true, `ALARM(ab)`: false} {
		if ruleNames(&watchtypes.CompositeAlarm{AlarmRule: &rule}, alarm) != want {
			t.Errorf("%s", rule)
		}
	}
}
