package conformance

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// gaps are what an emulator cannot give, by artefact and state, each with the reason. A gap
// that is not listed fails, and so does one that has vanished.
type gaps map[string]string

// TestMoto collects, tells and contains a function on moto.
func TestMoto(t *testing.T) { job(t, moto(t), motoGaps()) }

// TestMinistack does the same on ministack.
func TestMinistack(t *testing.T) { job(t, ministack(t), ministackGaps()) }

type collected struct {
	Path string
	Gaps []struct {
		Artefact string
		State    string
		Gap      struct{ Error, Note string }
	}
}

func job(t *testing.T, x target, want gaps) {
	dir := t.TempDir()
	home := append(x.env(), "FREEZEFRAME_HOME="+dir+"/home", "FREEZEFRAME_CASE="+dir+"/case")
	must(t, 0, x.env(), tool(t, "FREEZEFRAME_PYTHON"), "compare/seed.py", x.endpoint, account)
	must(t, 0, home, built.freezeframe, "case", "open", dir+"/case", "--title", "t", "--authority", "a", "--operator", "o")
	code := 3
	if len(want) == 0 {
		code = 0
	}
	r := runIn(t, home, built.freezeframe, "collect", "--function", "payments", "--json")
	if r.code != code {
		t.Errorf("collect ended with %d, want %d: %s", r.code, code, r.err)
	}
	var got collected
	if err := json.Unmarshal([]byte(r.out), &got); err != nil {
		t.Fatalf("%v\n%s", err, r.out)
	}
	found := gaps{}
	for _, g := range got.Gaps {
		k := g.Artefact + " " + g.State
		if found[k] == "" && want[k] == "" {
			t.Errorf("a gap that is not listed: %s: %.500s", k, g.Gap.Error)
		}
		found[k] = "found"
	}
	for k, why := range want {
		if found[k] == "" {
			t.Errorf("a listed gap has vanished: %s (%s)", k, why)
		}
	}
	bags(t, filepath.Join(dir, "case"))
	must(t, 0, home, built.freezeframe, "verify")
	if r := runIn(t, home, built.freezeframe, "timeline", "build"); r.code != 0 && r.code != 3 {
		t.Errorf("timeline build ended with %d: %s", r.code, r.err)
	}
	contained(t, x, home, dir)
	must(t, 0, home, built.freezeframe, "verify")
	t.Logf("%s: %d kinds of gap, all listed; contained, undone, verified", x.name, len(found))
}

// bags asks sha256sum, bagit.py, and openssl by the words of README-VERIFY.txt.
func bags(t *testing.T, caseDir string) {
	t.Helper()
	script := "sed -n '/^--- script$/,/^--- end$/p' README-VERIFY.txt | sed '1d;$d' > ../script.sh && sh ../script.sh"
	if r := must(t, 0, nil, "sh", "-c", "cd "+caseDir+" && "+script); strings.TrimSpace(r.out) != "done" || strings.TrimSpace(r.err) != "" {
		t.Errorf("README-VERIFY.txt says:\n%s%s", r.out, r.err)
	}
	signatures, err := filepath.Glob(caseDir + "/ledger/heads/*.sig")
	if err != nil || len(signatures) == 0 {
		t.Errorf("no signatures in %s: %v", caseDir, err)
	}
	all, err := filepath.Glob(caseDir + "/collections/*")
	if err != nil || len(all) == 0 {
		t.Fatalf("no bags in %s: %v", caseDir, err)
	}
	for _, bag := range all {
		must(t, 0, nil, "sh", "-c", "cd "+bag+" && sha256sum -c --quiet manifest-sha256.txt tagmanifest-sha256.txt")
		must(t, 0, nil, tool(t, "FREEZEFRAME_BAGIT"), "-m", "bagit", "--validate", bag)
	}
}

// contained plans the default acts, applies, looks, and undoes them.
func contained(t *testing.T, x target, home []string, dir string) {
	t.Helper()
	acts := []string{"--act", "mappings-off", "--act", "concurrency-zero", "--act", "role-quarantine", "--act", "revoke-sessions"}
	plan := dir + "/plan.json"
	// Neither emulator lists provisioned concurrency as AWS does (moto has no such call,
	// ministack answers "not found" for none): the act that would delete it cannot be planned,
	// which is said, and the rest goes on.
	r := must(t, 3, home, built.freezeframe, append([]string{"contain", "plan", "--function", "payments", "--out", plan}, acts...)...)
	not := []string{"provisioned-delete"}
	if x.name == "ministack" { // which has no Application Auto Scaling
		not = append(not, "autoscaling-suspend")
	}
	if strings.Count(r.out, "not planned:") != len(not) || slices.ContainsFunc(not, func(a string) bool { return !strings.Contains(r.out, "not planned: "+a) }) {
		t.Errorf("planned otherwise than told: %s", r.out)
	}
	apply := []string{"contain", "apply", plan}
	if x.name == "moto" {
		// What concurrency-zero overwrites could not be preserved there: apply refuses, and goes on with a reason.
		r := must(t, 4, home, built.freezeframe, apply...)
		if !strings.Contains(r.err, "not sealed in the case") {
			t.Errorf("refused for another reason: %s", r.err)
		}
		apply = append(apply, "--override", "moto has no provisioned concurrency")
	}
	r = must(t, 3, home, built.freezeframe, apply...)
	for _, act := range []string{"mappings-off", "role-quarantine", "revoke-sessions", "concurrency-zero"} {
		if !strings.Contains(r.out, "ok "+act+": done") {
			t.Errorf("%s did not come to its end: %s", act, r.out)
		}
	}
	aws := tool(t, "FREEZEFRAME_AWS")
	if r := must(t, 0, x.env(), aws, "lambda", "get-function-concurrency", "--function-name", "payments", "--query", "ReservedConcurrentExecutions"); strings.TrimSpace(r.out) != "0" {
		t.Errorf("the AWS CLI sees concurrency %s", r.out)
	}
	if r := must(t, 0, x.env(), aws, "iam", "list-role-policies", "--role-name", "payments-role", "--output", "text"); !strings.Contains(r.out, "AWSRevokeOlderSessions") {
		t.Errorf("the AWS CLI sees policies %s", r.out)
	}
	must(t, 0, home, built.freezeframe, "contain", "status")
	must(t, 0, home, built.freezeframe, "contain", "undo", "--all", "--accept-risk", "a test", "--reason", "a test")
	if r := must(t, 0, x.env(), aws, "iam", "list-role-policies", "--role-name", "payments-role", "--query", "PolicyNames", "--output", "text"); strings.TrimSpace(r.out) != "work" {
		t.Errorf("after undo the AWS CLI sees policies %s", r.out)
	}
}

func motoGaps() gaps {
	return gaps{
		"cloudtrail.lookup failed":              "moto answers LookupEvents with an HTML page and 500",
		"lambda.code failed":                    "moto's Code.Location names a host of AWS, not itself: it is not asked",
		"lambda.policy.resource failed":         "moto has no GetResourcePolicy",
		"lambda.provisioned failed":             "moto has no ListProvisionedConcurrencyConfigs",
		"s3.notifications not_attempted":        "which buckets may call is in the resource policy that moto does not answer for",
		"lambda.recursion failed":               "moto has no GetFunctionRecursionConfig",
		"lambda.runtime failed":                 "moto has no GetRuntimeManagementConfig",
		"lambda.urls failed":                    "moto has no ListFunctionUrlConfigs",
		"logs.callers not_attempted":            "which log groups may call is in the resource policy that moto does not answer for",
		"sns.topic not_attempted":               "so are topics beyond the subscribed ones",
		"trigger.unresolved not_attempted":      "and services that nobody follows",
		"accessanalyzer.analyzers failed":       "moto answers ListAnalyzers with an HTML page and 500",
		"accessanalyzer.findings not_attempted": "there is no analyzer to ask",
		"cloudwatch.alarms failed":              "moto does not know the path of RPC v2 in CBOR, which the SDK speaks",
		"cloudwatch.metrics failed":             "the same",
		"config.history failed":                 "moto gives configurationItemCaptureTime as text, where AWS's shape has a number",
		"xray.encryption not_attempted":         "there are no summaries to go on from",
		"xray.summaries failed":                 "moto has no GetTraceSummaries",
		"apigateway.apis not_attempted":         "which APIs may call is in the resource policy that moto does not answer for",
		"iam.last-accessed failed":              "moto answers GenerateServiceLastAccessedDetails with an HTML page and 500",
		"lambda.account failed":                 "moto has no GetAccountSettings",
		"xray.traces not_attempted":             "there are no summaries to go on from",
	}
}

func ministackGaps() gaps {
	return gaps{
		"lambda.code mismatch":                  "ministack serves the newest code for every version: the hash shows it",
		"accessanalyzer.analyzers failed":       "ministack has no Access Analyzer",
		"accessanalyzer.findings not_attempted": "there is no analyzer to ask",
		"autoscaling.actions failed":            "ministack has no Application Auto Scaling",
		"autoscaling.policies failed":           "the same",
		"autoscaling.targets failed":            "the same",
		"cloudwatch.alarms failed":              "ministack answers RPC v2 in CBOR with something that is not a map",
		"cloudwatch.metrics failed":             "the same",
		"config.history failed":                 "ministack has no ListDiscoveredResources",
		"guardduty.detectors failed":            "ministack has no GuardDuty",
		"guardduty.findings not_attempted":      "there is no detector to ask",
		"xray.encryption not_attempted":         "there are no summaries to go on from",
		"xray.summaries failed":                 "ministack has no X-Ray",
		"xray.traces not_attempted":             "there are no summaries to go on from",
	}
}
