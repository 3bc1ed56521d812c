package collect

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// TestWhatCallsTheFunction: what calls it directly and by way of Lambda's API is found, what
// calls others is not, and what is handed over is in clear nowhere.
func TestWhatCallsTheFunction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		m, sum := collectSim(t, a, Options{Unpaced: true})
		if !sum.Complete {
			t.Errorf("%+v", sum)
		}
		for artefact, want := range map[string][]string{
			"scheduler.schedule":           {"indirect", "nightly"},
			"pipes.pipe":                   {"enrich"},
			"sns.topic":                    {"orders"},
			"sns.topic.subscriptions":      {"orders"},
			"sqs.queue":                    {"orders"},
			"logs.caller.subscriptions":    {"web"},
			"secretsmanager.secret":        {"db"},
			"secretsmanager.secret.policy": {"db"},
			"ssm.parameter":                {"*"}, // key, which the environment names, is not there,
		} {
			var got []string
			for _, e := range m.entries {
				if e.Artefact == artefact && e.State == evidence.Collected {
					name := e.Source.ARN[strings.LastIndexAny(e.Source.ARN, ":/")+1:]
					if artefact[:6] == "secret" {
						name, _, _ = strings.Cut(name, "-")
					}
					got = append(got, name)
				}
			}
			slices.Sort(got)
			if !slices.Equal(slices.Compact(got), want) {
				t.Errorf("%s: %v, want %v", artefact, got, want)
			}
		}
		for k, holds := range map[string]string{
			"sns.topic.subscriptions orders":        "stranger@example.com",
			"autoscaling.targets payments":          `"ResourceId":"function:payments:live"`,
			"autoscaling.actions payments":          "morning",
			"autoscaling.policies payments":         "busy",
			"scheduler.schedules payments":          "indirect",
			"secrets.references payments":           "policies of the role",
			"pipes.pipes payments":                  "enrich",
			"sns.subscriptions payments":            "payments:live",
			"lambda.configuration payments $LATEST": "payments",
		} {
			if !strings.Contains(string(m.bytes[k]), holds) {
				t.Errorf("%s does not hold %q: %q", k, holds, m.bytes[k])
			}
		}
		var doc struct{ Parameters []struct{ Name string } }
		for k, b := range m.bytes {
			if strings.Contains(string(b), bench.Secret) {
				t.Errorf("%s holds a secret in clear", k)
			}
			if strings.HasPrefix(k, "ssm.parameter") && !strings.Contains(k, "parameter/pay/key") { // that is named by the environment, and not there
				if err := json.Unmarshal(b, &doc); err != nil || len(doc.Parameters) != 2 {
					t.Errorf("%s: %s (%v)", k, b, err)
				}
			}
		}
		for _, c := range a.Cloud.Calls() {
			if strings.Contains(c.Operation, "GetSecretValue") || strings.Contains(c.Operation, "SSM.GetParameter") {
				t.Errorf("a value was read: %s", c.Operation)
			}
		}
	})
}

// TestNothingCallsIt: a function with nothing around it says so, row by row.
func TestNothingCallsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		bare(t, a)
		s := sessionAs(t, a, "again", allowAll)
		m := newMemory()
		target, err := ParseTarget(bench.AccountID, bench.Region, "bare")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Run(t.Context(), Inputs{Connect: s.ConfigRecorded, HTTP: s.HTTPClient(), Endpoint: s.Endpoint}, []Target{target}, m, Options{Unpaced: true}); err != nil {
			t.Fatal(err)
		}
		for _, artefact := range []string{"events.rules", "scheduler.schedules", "pipes.pipes", "s3.notifications", "sns.subscriptions", "sqs.queue", "logs.callers", "trigger.unresolved",
			"autoscaling.targets", "autoscaling.actions", "autoscaling.policies"} {
			if got := m.states()[artefact+" bare"]; got != evidence.Absent {
				t.Errorf("%s of a function without: %q", artefact, got)
			}
		}
	})
}

// TestUnresolvedTrigger: a service that no collector follows is a gap that names it.
func TestUnresolvedTrigger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		grantTo(t, a, "cognito-idp.amazonaws.com", "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_abc")
		m, _ := collectSim(t, a, Options{Unpaced: true, TrailBuckets: []string{AutoTrailBucket}})
		var gaps []string
		for _, e := range m.entries {
			beside := e.Artefact == "ec2.security-groups.referenced" || e.Artefact == "efs.content" || e.Artefact == "cloudtrail.objects" // what the account always has
			if e.Gap != nil && e.State != evidence.Absent && !beside {
				gaps = append(gaps, e.Artefact+" "+e.Source.Qualifier+" "+string(e.State)+": "+e.Gap.Note)
			}
		}
		if len(gaps) != 1 || !strings.HasPrefix(gaps[0], "trigger.unresolved cognito-idp.amazonaws.com not_covered: ") || !strings.Contains(gaps[0], "userpool/eu-central-1_abc") {
			t.Errorf("%q", gaps)
		}
	})
}
