package timeline

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

const (
	testFn   = "arn:aws:lambda:eu-west-1:111122223333:function:payments"
	testRole = "arn:aws:iam::111122223333:role/payments-role"
)

// newCase makes a case with one collection and one containment run.
func newCase(t *testing.T) *evidence.Case {
	t.Helper()
	ctx := context.Background()
	now := time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC)
	clock := func() time.Time { now = now.Add(time.Second); return now }
	folder, err := vault.NewFolder(filepath.Join(t.TempDir(), "case"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := evidence.CreateCase(ctx, folder, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "olive", Home: t.TempDir(), Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	w, err := c.Begin(ctx, evidence.Header{Kind: "collection", Operator: "olive", Account: "111122223333", Targets: []string{testFn}})
	if err != nil {
		t.Fatal(err)
	}
	put := func(artefact, arn, qualifier, body string, params map[string]string) {
		t.Helper()
		m := evidence.Meta{Artefact: artefact, Name: artefact, Started: now, Params: params,
			Source: evidence.Source{ARN: arn, Qualifier: qualifier, Region: "eu-west-1", Account: "111122223333"}}
		if _, err := w.Put(ctx, m, func(out io.Writer) error { _, err := io.WriteString(out, body); return err }); err != nil {
			t.Fatal(err)
		}
	}
	lookup, err := os.ReadFile("testdata/attack/lookup.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	window := map[string]string{"StartTime": "2026-02-22T11:00:00Z", "EndTime": "2026-03-01T11:00:00Z"}
	put("cloudtrail.lookup", testFn, "ResourceName=payments", string(lookup), window)
	put("cloudtrail.lookup", "", "EventSource=lambda.amazonaws.com", string(lookup), window)
	put("lambda.configuration", testFn, "$LATEST", `{"Configuration":{"FunctionName":"payments","FunctionArn":"`+testFn+`","CodeSha256":"QkJC","Version":"$LATEST","Role":"`+testRole+`","LastModified":"2026-03-01T10:05:02.000+0000"}}`, nil)
	put("lambda.configuration.versions", testFn, "", `{"Versions":[{"FunctionArn":"`+testFn+`","CodeSha256":"QkJC","Version":"$LATEST","LastModified":"2026-03-01T10:05:02.000+0000"},{"FunctionArn":"`+testFn+`:1","CodeSha256":"QUFB","Version":"1","LastModified":"2026-01-01T00:00:00.000+0000"}]}`, nil)
	put("lambda.urls", testFn, "", `{"FunctionUrlConfigs":[{"FunctionArn":"`+testFn+`","FunctionUrl":"https://x/","AuthType":"NONE","CreationTime":"2026-03-01T10:05:10Z","LastModifiedTime":"2026-03-01T10:05:10Z"}]}`, nil)
	put("iam.role", testRole, "", `{"Role":{"Arn":"`+testRole+`","CreateDate":"2025-01-01T00:00:00Z"}}`, nil)
	put("lambda.policy", testFn, "", `{"Policy":"not read by the timeline"}`, nil)
	put("logs.events", "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/payments", "", logLines(
		"START RequestId: 8f5f2f1e-0000-4000-8000-000000000001 Version: 7\n", "[INFO]\t2026-03-01T10:06:00.1Z\t8f5f2f1e-0000-4000-8000-000000000001\t\x1b[31mpaid\u202e",
		"REPORT RequestId: 8f5f2f1e-0000-4000-8000-000000000001\tDuration: 3000.00 ms\tStatus: timeout\n"), nil)
	if err := w.Gap(evidence.Gap{Artefact: "cloudtrail.lookup", Source: evidence.Source{Region: "us-east-1", Qualifier: "EventSource=iam.amazonaws.com"},
		State: evidence.Denied, Error: "AccessDeniedException: no", At: now}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Seal(ctx, evidence.StatusComplete); err != nil {
		t.Fatal(err)
	}
	contained(t, c)
	return c
}

func logLines(messages ...string) string {
	var b strings.Builder
	for i, m := range messages {
		line, _ := json.Marshal(map[string]any{"eventId": "3900000000000000000000000000000000000000000000000000000" + string(rune('0'+i)), "timestamp": 1772359560000 + i,
			"ingestionTime": 1, "logStreamName": "2026/03/01/[$LATEST]abc", "message": m})
		b.Write(append(line, '\n'))
	}
	return b.String()
}

// contained writes the journal of a containment run as package contain documents it, and
// leaves the bag unsealed, as a crash would.
func contained(t *testing.T, c *evidence.Case) {
	t.Helper()
	ctx := context.Background()
	w, err := c.Begin(ctx, evidence.Header{Kind: "containment", Operator: "olive", Principal: "arn:aws:iam::111122223333:user/olive", Account: "111122223333", Targets: []string{testFn}})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []struct{ kind, value string }{
		{"run", `{"action":"apply","function":"` + testFn + `"}`},
		{"intent", `{"id":"x/1","action":"apply","acts":["concurrency-zero"],"doc":"lambda.concurrency","resource":"` + testFn + `","calls":[{"call":"Lambda:PutFunctionConcurrency","params":{}}]}`},
		{"call", `{"whatever":1}`},
		{"outcome", `{"id":"x/1","action":"apply","acts":["concurrency-zero"],"resource":"` + testFn + `","status":"done","writes":1,"written":"2026-03-01T11:30:00Z"}`},
		{"intent", `{"id":"x/2","action":"apply","acts":["quarantine-role"],"resource":"` + testRole + `","calls":[]}`},
		{"outcome", `{"id":"x/2","action":"apply","acts":["quarantine-role"],"resource":"` + testRole + `","status":"failed","error":"AccessDenied"}`},
		{"verified", `{"acts":["quarantine-role"],"resource":"` + testRole + `","how":"iam:SimulatePrincipalPolicy","result":"explicitDeny"}`},
		{"outcome", `[]`},
	} {
		if err := w.Note(ctx, n.kind, json.RawMessage(n.value)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCase(t *testing.T) {
	c := newCase(t)
	var out bytes.Buffer
	sum, err := Build(context.Background(), Options{Format: "jsonl"}, Input{Case: c}, &out)
	if err != nil {
		t.Fatal(err)
	}
	find := func(parts ...string) string {
		t.Helper()
		var found []string
		for line := range strings.Lines(out.String()) {
			ok := true
			for _, p := range parts {
				ok = ok && strings.Contains(line, p)
			}
			if ok {
				found = append(found, line)
			}
		}
		if len(found) != 1 {
			t.Errorf("%d lines with %q:\n%s", len(found), parts, out.String())
			return ""
		}
		return found[0]
	}
	line := find(`"action":"UpdateFunctionCode"`, `"new-code-version"`)
	for _, want := range []string{`"copies":1`, `"raw_bag":"`, `"raw_item":"`, `"raw_sha256":"`, `"raw_line":2`, `"source":"cloudtrail.lookup"`} {
		if !strings.Contains(line, want) {
			t.Errorf("no %s in %s", want, line)
		}
	}
	find(`"source":"lambda.configuration`, `payments:$LATEST was last modified`)
	find(`payments:1 was published`)
	find(`"action":"Start"`, `"qualifier":"7"`, `"request_id":"8f5f2f1e-0000-4000-8000-000000000001"`)
	find(`"action":"Line"`, `paid`, `"request_id":"8f5f2f1e-0000-4000-8000-000000000001"`)
	find(`"action":"Report"`, `"outcome":"error"`, `"function-error"`)
	find(`"contain.apply.outcome"`, `"time":"2026-03-01T11:30:00Z"`, `"outcome":"success"`, `"responder"`)
	find(`"contain.apply.outcome"`, `"outcome":"error"`, `"changed_role":"`+testRole)
	find(`"contain.verified"`)
	find(`"case.open"`)
	if sum.Duplicates != 7 || sum.Skips != 1 || !strings.Contains(sum.Skipped[0].Reason, "malformed journal entry") {
		t.Errorf("duplicates %d, skips %d %+v", sum.Duplicates, sum.Skips, sum.Skipped)
	}
	if len(sum.Gaps) != 2 || sum.Gaps[1].State != "denied" || sum.Gaps[0].State != "unfinished" {
		t.Errorf("gaps: %+v", sum.Gaps)
	}
	if want := time.Date(2026, 3, 1, 10, 45, 0, 0, time.UTC); sum.CloudTrailTo.Before(want) || sum.CloudTrailTo.After(want.Add(time.Minute)) {
		t.Errorf("complete to %s", sum.CloudTrailTo)
	}
	if len(sum.Inputs) != 7 || sum.Complete() {
		t.Errorf("inputs %d, complete %v", len(sum.Inputs), sum.Complete())
	}
}

func TestCaseStory(t *testing.T) {
	s, err := Tell(context.Background(), Options{Filter: Filter{Function: "payments"}}, Input{Case: newCase(t)})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := s.Text(&out, 120); err != nil {
		t.Fatal(err)
	}
	at := -1
	for _, want := range []string{"olive called CreateFunction", "mallory was refused once", "mallory replaced the code", "apply of concurrency-zero", "complete to 2026-03-01 10:45:0", "Missing: cloudtrail.lookup EventSource=iam.amazonaws.com us-east-1 (denied)"} {
		i := strings.Index(out.String(), want)
		if i < at || i < 0 {
			t.Errorf("%q is missing or out of order in\n%s", want, out.String())
		}
		at = i
	}
	if s.Function != testFn {
		t.Errorf("function %s", s.Function)
	}
}

// TestDamagedArtefact: one damaged artefact is reported, the rest is told.
func TestDamagedArtefact(t *testing.T) {
	c := newCase(t)
	var damaged string
	root := c.Vault().String()
	err := filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
		if err == nil && damaged == "" && strings.Contains(d.Name(), "logs.events") {
			damaged = p
		}
		return err
	})
	if err != nil || damaged == "" {
		t.Fatalf("no log artefact under %s: %v", root, err)
	}
	b, err := os.ReadFile(damaged)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-20] ^= 1
	if err := os.Chmod(damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(damaged, b, 0o600); err != nil {
		t.Fatal(err)
	}
	sum, err := Build(context.Background(), Options{}, Input{Case: c}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, s := range sum.Skipped {
		found = found || strings.Contains(s.Reason, "cannot be read to its end") && strings.Contains(s.Path, "logs.events")
	}
	if !found || sum.BySource["cloudtrail.lookup"] == 0 {
		t.Errorf("skipped %+v, by source %v", sum.Skipped, sum.BySource)
	}
}
