package alert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// first is the first alert of a sample.
func first(t testing.TB, name string) Alert {
	t.Helper()
	return Parse(sample(t, name))[0]
}

const (
	payments = "arn:aws:lambda:eu-west-1:111122223333:function:payments"
	noTarget = ""
)

// expected says of each sample what it is about.
var expected = []struct {
	name      string
	kind      Kind
	typ       string
	severity  string
	target    string // with qualifier behind a blank
	basis     Basis
	says      string // what the first gap on the function says
	states    string
	partition string
}{
	{"guardduty-lambda", GuardDuty, "Backdoor:Lambda/C&CActivity.B", "high 8", payments + " 7", ByARN, "", "", "aws"},
	{"guardduty-lambda-bare", GuardDuty, "Backdoor:Lambda/C&CActivity.B", "high 8", payments + " 7", ByARN, "", "", "aws"},
	{"guardduty-lambda-api", GuardDuty, "Backdoor:Lambda/C&CActivity.B", "high 8", payments + " 7", ByARN, "", "", "aws"},
	{"guardduty-lambda-api-in-event", GuardDuty, "Backdoor:Lambda/C&CActivity.B", "high 8", payments + " 7", ByARN, "", "", "aws"},
	{"guardduty-lambda-sns", GuardDuty, "Backdoor:Lambda/C&CActivity.B", "high 8", payments + " 7", ByARN, "", "", "aws"},
	{"guardduty-lambda-repeat", GuardDuty, "Backdoor:Lambda/C&CActivity.B", "high 8", payments + " 7", ByARN, "", "", "aws"},
	{"guardduty-other-region-in-arn", GuardDuty, "Backdoor:Lambda/C&CActivity.B", "high 8", payments + " 7", ByARN, "", "", "aws"},
	{"guardduty-lambda-asff", GuardDuty, "Backdoor:Lambda/C&CActivity.B", "high 8", payments + " 7", ByARN, "", "", "aws"},
	{"guardduty-lambda-asff-bare", GuardDuty, "Backdoor:Lambda/C&CActivity.B", "high 8", payments + " 7", ByARN, "", "", "aws"},
	{"guardduty-lambda-ocsf", GuardDuty, "Backdoor:Lambda/C&CActivity.B", "high 7", payments, ByARN, "", "", "aws"},
	{"guardduty-lambda-ocsf-bare", GuardDuty, "Backdoor:Lambda/C&CActivity.B", "high 7", payments, ByARN, "", "", "aws"},
	{"guardduty-lambda-ocsf-detail", GuardDuty, "Backdoor:Lambda/C&CActivity.B", "high 7", payments, ByARN, "", "", "aws"},
	{"guardduty-lambda-ocsf-resolved", GuardDuty, "Backdoor:Lambda/C&CActivity.B", "high 7", payments, ByARN, "", "resolved", "aws"},
	{"guardduty-accesskey", GuardDuty, "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS", "high 8", noTarget, "", "credentials of role payments-role", "", "aws"},
	{"guardduty-accesskey-asff", GuardDuty, "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS", "high 8", noTarget, "", "credentials of role payments-role", "", "aws"},
	{"guardduty-accesskey-ocsf", GuardDuty, "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS", "high 7", noTarget, "", "credentials of role payments-role", "", "aws"},
	{"guardduty-user", GuardDuty, "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS", "medium 5", noTarget, "", "of IAMUser AIDAEXAMPLEMALLORY00", "", "aws"},
	{"guardduty-sequence", Sequence, "AttackSequence:IAM/CompromisedCredentials", "critical 9.5", noTarget, "", "credentials of role payments-role", "", "aws"},
	{"guardduty-sequence-one-actor", Sequence, "AttackSequence:IAM/CompromisedCredentials", "critical 9.5", noTarget, "", "credentials of role payments-role", "", "aws"},
	{"guardduty-sequence-ocsf", Sequence, "AttackSequence:IAM/CompromisedCredentials", "critical 9", noTarget, "", "credentials of role payments-role", "", "aws"},
	{"guardduty-sample", GuardDuty, "Backdoor:Lambda/C&CActivity.B", "high 8", payments + " 7", ByARN, "", "sample", "aws"},
	{"guardduty-sample-api", GuardDuty, "Backdoor:Lambda/C&CActivity.B", "high 8", payments + " 7", ByARN, "", "sample", "aws"},
	{"guardduty-archived", GuardDuty, "Backdoor:Lambda/C&CActivity.B", "high 8", payments + " 7", ByARN, "", "archived", "aws"},
	{"guardduty-china", GuardDuty, "Backdoor:Lambda/C&CActivity.B", "high 8", "arn:aws-cn:lambda:cn-north-1:111122223333:function:payments 7", ByARN, "", "", "aws-cn"},
	{"guardduty-bucket", GuardDuty, "Policy:S3/BucketAnonymousAccessGranted", "high 8", noTarget, "", "of type S3Bucket", "", "aws"},
	{"securityhub-control-asff", Compliance, "Lambda.1", "critical 9", payments, ByARN, "", "", "aws"},
	{"securityhub-control-ocsf", Compliance, "Lambda.1", "critical 9", payments, ByARN, "", "", "aws"},
	{"securityhub-suppressed", Compliance, "Lambda.1", "critical 9", payments, ByARN, "", "suppressed", "aws"},
	{"securityhub-inspector", Detection, "Software and Configuration Checks/Vulnerabilities/CVE", "critical 9", payments, ByARN, "", "", "aws"},
	{"securityhub-two-findings", GuardDuty, "Backdoor:Lambda/C&CActivity.B", "high 8", payments + " 7", ByARN, "", "", "aws"},
	{"securityhub-two-functions", GuardDuty, "Backdoor:Lambda/C&CActivity.B", "high 8", noTarget, "", "names 2", "", "aws"},
	{"cloudtrail-code", APICall, "lambda:UpdateFunctionCode", " 0", payments, ByARN, "", "", "aws"},
	{"cloudtrail-code-bare", APICall, "lambda:UpdateFunctionCode", " 0", payments, ByARN, "", "", "aws"},
	{"cloudtrail-in-scope", APICall, "s3:ListBuckets", " 0", payments, ByARN, "", "", "aws"},
	{"cloudtrail-role", APICall, "s3:ListBuckets", " 0", noTarget, "", "credentials of role payments-role", "", "aws"},
	{"cloudtrail-two-functions", APICall, "lambda:UpdateFunctionCode", " 0", noTarget, "", "names 2", "", "aws"},
	{"cloudtrail-partial-arn", APICall, "lambda:AddPermission", " 0", payments + " live", ByName, "", "", "aws"},
	{"alarm-event", Alarm, "payments-errors", " 0", payments, ByName, "", "", "aws"},
	{"alarm-sns", Alarm, "payments-errors", " 0", payments, ByName, "", "", "aws"},
	{"alarm-ok", Alarm, "payments-errors", " 0", payments, ByName, "", "resolved", "aws"},
	{"alarm-monitoring-account", Alarm, "payments-errors", " 0", "arn:aws:lambda:eu-west-1:444455556666:function:payments", ByName, "", "", "aws"},
	{"alarm-two-functions", Alarm, "payments-errors", " 0", noTarget, "", "names 2", "", "aws"},
	{"timeline-rule", Rule, "Function code replaced", "high 7", payments, ByARN, "", "", "aws"},
	{"timeline-correlation", Rule, "Many denials", "high 7", noTarget, "", "names none", "", ""},
}

// TestTargets: each sample, as what it says; and no sample is without its row.
func TestTargets(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range expected {
		seen[c.name+".json"] = true
		a := first(t, c.name)
		target := noTarget
		if a.Target != nil {
			target = strings.TrimSpace(a.Target.ARN + " " + a.Target.Qualifier)
		}
		why := ""
		for _, g := range a.Unresolved {
			if g.What == "function" && why == "" {
				why = g.Why
			}
		}
		severity := fmt.Sprintf("%s %g", a.Severity.Label, a.Severity.Number)
		if a.Kind != c.kind || a.Type != c.typ || severity != c.severity || target != c.target || a.Basis != c.basis || states(a) != c.states || a.Partition != c.partition {
			t.Errorf("%s: %s %q, severity %q, target %q by %q, states %q, partition %q: want %+v\n%v", c.name, a.Kind, a.Type, severity, target, a.Basis, states(a), a.Partition, c, a.Err())
		}
		if (why == "") != (target != "") || !strings.Contains(why, c.says) {
			t.Errorf("%s: the gap is %q, want %q", c.name, why, c.says)
		}
		if a.Account != "111122223333" && c.name != "timeline-correlation" || a.Schema != Schema || !strings.HasPrefix(a.Case, "alert-") || len(a.Case) != 38 {
			t.Errorf("%s: account %q, case %q", c.name, a.Account, a.Case)
		}
	}
	files, err := filepath.Glob("testdata/*.json")
	for _, f := range files {
		if !seen[filepath.Base(f)] {
			t.Errorf("%s has no row", f)
		}
	}
	t.Logf("%d samples, %d rows; 0 skipped", len(files), len(expected))
	if err != nil || len(files) < 20 {
		t.Errorf("%d samples, %v", len(files), err)
	}
}

func states(a Alert) string {
	var s []string
	for _, x := range []struct {
		is   bool
		name string
	}{{a.Sample, "sample"}, {a.Archived, "archived"}, {a.Suppressed, "suppressed"}, {a.Resolved, "resolved"}} {
		if x.is {
			s = append(s, x.name)
		}
	}
	return strings.Join(s, " ")
}

// TestOneCase: a finding is one case in every form, and no two findings are.
func TestOneCase(t *testing.T) {
	same := [][]string{
		{"guardduty-lambda", "guardduty-lambda-bare", "guardduty-lambda-api", "guardduty-lambda-api-in-event", "guardduty-lambda-sns", "guardduty-lambda-repeat", "guardduty-lambda-asff", "guardduty-lambda-asff-bare", "guardduty-lambda-ocsf", "guardduty-lambda-ocsf-bare", "guardduty-lambda-ocsf-detail", "guardduty-lambda-ocsf-resolved", "securityhub-two-findings"},
		{"guardduty-accesskey", "guardduty-accesskey-asff", "guardduty-accesskey-ocsf"},
		{"guardduty-sequence", "guardduty-sequence-ocsf"},
		{"securityhub-control-asff", "securityhub-control-ocsf", "securityhub-suppressed"},
		{"cloudtrail-code", "cloudtrail-code-bare", "timeline-rule"},
		{"alarm-event", "alarm-sns", "alarm-monitoring-account", "alarm-two-functions"},
	}
	group := map[string]string{} // case -> first sample of the group
	of := map[string]string{}    // sample -> its group
	for _, names := range same {
		for _, n := range names {
			of[n] = names[0]
		}
	}
	pairs := 0
	for _, c := range expected {
		a, g := first(t, c.name), of[c.name]
		if g == "" {
			g = c.name
		}
		if had, ok := group[a.Case]; ok && had != g {
			t.Errorf("%s and %s are one case", c.name, had)
		} else if ok {
			pairs++
		}
		for id, had := range group {
			if had == g && id != a.Case {
				t.Errorf("%s is another case than %s", c.name, g)
			}
		}
		group[a.Case] = g
	}
	t.Logf("%d samples are %d cases; 0 skipped", len(expected), len(group))
	if pairs < 15 {
		t.Errorf("only %d samples share their case", pairs)
	}
	// The ARN's account can be the administrator's, and the member's region another than the ARN's: the
	// forms of Security Hub tell neither otherwise, and the case is the same.
	for _, c := range [][2]string{{"guardduty-lambda-bare", `guardduty:eu-west-1:111122223333`}, {"guardduty-lambda-asff-bare", `"Id": "arn:aws:guardduty:eu-west-1:111122223333`}, {"guardduty-lambda-ocsf-bare", `"uid": "arn:aws:guardduty:eu-west-1:111122223333`}} {
		text := string(sample(t, c[0]))
		if a := Parse([]byte(strings.Replace(text, c[1], strings.Replace(c[1], "111122223333", "999988887777", 1), 1)))[0]; !strings.Contains(text, c[1]) || a.Case != first(t, "guardduty-lambda").Case {
			t.Errorf("%s, of an administrator: %s, %v", c[0], a.Case, a.Err())
		}
	}
	if a := Parse([]byte(strings.Replace(string(sample(t, "guardduty-lambda-bare")), `"region": "eu-west-1"`, `"region": "us-east-1"`, 1)))[0]; a.Region != "us-east-1" || a.Case != first(t, "guardduty-lambda").Case {
		t.Errorf("of another region than its ARN: %s in %s", a.Case, a.Region)
	}
	// Same id, another account, region or product: another case.
	data := string(sample(t, "guardduty-lambda-bare"))
	for _, change := range [][2]string{{`"accountId": "111122223333"`, `"accountId": "111122223334"`}, {`guardduty:eu-west-1`, `guardduty:eu-west-2`}, {"1ab92989eaf0", "1ab92989eaf1"}} {
		if a := Parse([]byte(strings.ReplaceAll(data, change[0], change[1])))[0]; a.Kind != GuardDuty || a.Case == first(t, "guardduty-lambda").Case {
			t.Errorf("%v: %s is the same case (%v)", change, a.Kind, a.Err())
		}
	}
}

// TestEnvelopeDecidesNothing: of account and region the finding's count.
func TestEnvelopeDecidesNothing(t *testing.T) {
	a := first(t, "guardduty-lambda")
	if a.Envelope.Account != "999988887777" || a.Account != "111122223333" || a.Region != "eu-west-1" {
		t.Errorf("%+v of account %s, region %s", a.Envelope, a.Account, a.Region)
	}
	if got := first(t, "guardduty-lambda-sns").Through; !slices.Equal(got, []string{"sns", "eventbridge"}) {
		t.Errorf("through %v", got)
	}
	if a.Remote[0] != "198.51.100.7:443" || a.Role != "payments-role" || a.RoleUsed {
		t.Errorf("%v, role %s, used %v", a.Remote, a.Role, a.RoleUsed)
	}
	b := first(t, "guardduty-accesskey")
	if b.Session != "payments" || !b.RoleUsed || b.AccessKey != "ASIAEXAMPLEPAYMENTS0" || b.Remote[0] != "203.0.113.9" {
		t.Errorf("%+v", b)
	}
	if c := first(t, "guardduty-sequence"); c.ActorsTotal != 2 || c.Actors[1].Name != "deploy" || c.Actors[1].AccessKey != "AKIAEXAMPLEDEPLOY000" {
		t.Errorf("%+v", c.Actors)
	}
	if all := Parse(sample(t, "securityhub-two-findings")); len(all) != 2 || all[1].Part != "findings[1]" || all[1].Target.Name != "orders" || all[0].Case == all[1].Case {
		t.Errorf("%+v", all)
	}
}

// TestSamples: what AWS makes to try a pipeline is known as such in every form.
func TestSamples(t *testing.T) {
	const value = `"{\"sample\":true}"`
	for _, c := range [][3]string{
		{"guardduty-lambda-bare", `"title": "The`, `"title": "[SAMPLE] The`},
		{"guardduty-lambda-bare", `"type": "default"`, `"type": "default", "sample": true`},
		{"guardduty-lambda-bare", `"functionName": "payments"`, `"functionName": "GeneratedFindingLambdaFunctionName"`},
		{"guardduty-accesskey", `ASIAEXAMPLEPAYMENTS0`, `GeneratedFindingAccessKeyId`},
		{"guardduty-lambda-asff-bare", `"Sample": false`, `"Sample": true`},
		{"guardduty-lambda-asff-bare", `"aws/guardduty/service/archived": "false"`, `"aws/guardduty/service/additionalInfo/sample": "true"`},
		{"guardduty-lambda-asff-bare", `"aws/guardduty/service/additionalInfo/value": "{\"threatListName\":\"C&C\"}"`, `"aws/guardduty/service/additionalInfo/value": ` + value},
		{"guardduty-lambda-asff-bare", `"Title": "The`, `"Title": "[SAMPLE] The`},
		{"guardduty-lambda-ocsf-bare", `"title": "The`, `"title": "[SAMPLE] The`},
	} {
		text := string(sample(t, c[0]))
		if !strings.Contains(text, c[1]) || first(t, c[0]).Sample {
			t.Fatalf("%s: %q is not there, or it is a sample before", c[0], c[1])
		}
		a := Parse([]byte(strings.Replace(text, c[1], c[2], 1)))[0]
		if named := strings.Contains(c[2], "FunctionName"); named { // which does not fit its ARN, and is no target either
			a = Parse([]byte(strings.NewReplacer(c[1], c[2], "function:payments", "function:GeneratedFindingLambdaFunctionName").Replace(text)))[0]
		}
		if !a.Sample || a.SampleBy == "" {
			t.Errorf("%s with %s: no sample (%v)", c[0], c[2], a.Err())
		}
	}
}

// TestStates: that somebody has closed a finding is told in every form, each by its own words.
func TestStates(t *testing.T) {
	for _, c := range [][4]string{
		{"guardduty-lambda-bare", `"archived": false`, `"archived": true`, "archived"},
		{"guardduty-lambda-api", `"Archived": false`, `"Archived": true`, "archived"},
		{"guardduty-lambda-asff-bare", `"RecordState": "ACTIVE"`, `"RecordState": "ARCHIVED"`, "archived"},
		{"guardduty-lambda-asff-bare", `service/archived": "false"`, `service/archived": "true"`, "archived"},
		{"guardduty-lambda-asff-bare", `"Status": "NEW"`, `"Status": "SUPPRESSED"`, "suppressed"},
		{"guardduty-lambda-asff-bare", `"Status": "NEW"`, `"Status": "RESOLVED"`, "resolved"},
		{"guardduty-lambda-asff-bare", `"Status": "NEW"`, `"Status": "NOTIFIED"`, ""},
		{"guardduty-lambda-ocsf-bare", `"status_id": 1`, `"status_id": 2`, ""},
		{"guardduty-lambda-ocsf-bare", `"status_id": 1`, `"status_id": 3`, "suppressed"},
		{"guardduty-lambda-ocsf-bare", `"status_id": 1`, `"status_id": 4`, "resolved"},
		{"guardduty-lambda-ocsf-bare", `"status_id": 1`, `"status_id": 5`, "archived"},
		{"guardduty-lambda-ocsf-bare", `"activity_id": 1`, `"activity_id": 3`, "resolved"},
		{"alarm-event", `"value": "ALARM"`, `"value": "INSUFFICIENT_DATA"`, "resolved"},
		{"alarm-event", `"value": "ALARM"`, `"value": "WHATEVER"`, "resolved"},
	} {
		text := string(sample(t, c[0]))
		if !strings.Contains(text, c[1]) || states(first(t, c[0])) != "" {
			t.Fatalf("%s: %q is not there, or it has a state before", c[0], c[1])
		}
		if got := states(Parse([]byte(strings.Replace(text, c[1], c[2], 1)))[0]); got != c[3] {
			t.Errorf("%s with %s: %q, want %q", c[0], c[2], got, c[3])
		}
	}
}

// TestWiden: a repeat widens the window, and takes nothing away.
func TestWiden(t *testing.T) {
	a, b := first(t, "guardduty-lambda"), first(t, "guardduty-lambda-repeat")
	for _, order := range [][2]Alert{{a, b}, {b, a}} {
		w, err := Widen(order[0], order[1])
		if err != nil || w.Count != 41 || !w.First.Equal(a.First) || !w.Last.Equal(b.Last) || !w.Updated.Equal(b.Updated) {
			t.Errorf("%v: %+v", err, w)
		}
	}
	archived := b
	archived.Archived, archived.Updated = true, b.Updated.Add(time.Hour)
	if w, _ := Widen(archived, a); !w.Archived {
		t.Error("an earlier update took the state away")
	}
	if _, err := Widen(a, first(t, "guardduty-accesskey")); err == nil {
		t.Error("another case was joined")
	}
	moved := b
	moved.Target = &Target{ARN: payments + "2"}
	if w, err := Widen(a, moved); err == nil || w.Target.ARN != payments {
		t.Errorf("a repeat moved the target: %v, %v", w.Target, err)
	}
}

// TestJSON: what is printed can be read back, and holds what people look for.
func TestJSON(t *testing.T) {
	for _, c := range expected {
		a := first(t, c.name)
		data, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		var back Alert
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		again, _ := json.Marshal(back)
		if !bytes.Equal(data, again) {
			t.Errorf("%s:\n%s\n%s", c.name, data, again)
		}
	}
}
