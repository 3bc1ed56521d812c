package timeline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/inspect/hostile"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// guardDutyFinding is one as GuardDuty's API spells it; events and exports begin with small letters.
func guardDutyFinding(id string) string {
	return `{"SchemaVersion":"2.0","AccountId":"111122223333","Region":"eu-west-1","Partition":"aws","Id":"` + id + `","Arn":"arn:aws:guardduty:eu-west-1:111122223333:detector/d/finding/` + id + `",
"Type":"UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS","Severity":8,"Title":"Keys of payments-role are used outside","CreatedAt":"2026-03-01T10:20:00.000Z","UpdatedAt":"2026-03-01T11:20:00.000Z",
"Resource":{"ResourceType":"AccessKey","AccessKeyDetails":{"AccessKeyId":"ASIAEXAMPLESTOLEN","PrincipalId":"AROAEXAMPLE:payments","UserName":"payments-role","UserType":"AssumedRole"}},
"Service":{"Archived":false,"Count":3,"EventFirstSeen":"2026-03-01T10:10:00Z","EventLastSeen":"2026-03-01T11:10:00Z","ServiceName":"guardduty","DetectorId":"d",
"Action":{"ActionType":"AWS_API_CALL","AwsApiCallAction":{"Api":"GetSecretValue","ServiceName":"secretsmanager.amazonaws.com","RemoteIpDetails":{"IpAddressV4":"203.0.113.9"},"UserAgent":"aws-cli/2.15"}}}}`
}

const lambdaFinding = `{"schemaVersion":"2.0","accountId":"111122223333","region":"eu-west-1","partition":"aws","id":"f2","arn":"arn:aws:guardduty:eu-west-1:111122223333:detector/d/finding/f2",
"type":"Trojan:Lambda/DropPoint","severity":5.5,"title":"[SAMPLE] drop point","createdAt":"2026-03-01T10:40:00.000Z","updatedAt":"2026-03-01T10:40:00.000Z",
"resource":{"resourceType":"Lambda","lambdaDetails":{"functionArn":"arn:aws:lambda:eu-west-1:111122223333:function:payments","functionName":"payments","functionVersion":"3","role":"arn:aws:iam::111122223333:role/payments-role"}},
"service":{"serviceName":"guardduty","detectorId":"d","count":1,"archived":true,"additionalInfo":{"sample":true,"value":"{}"},"eventFirstSeen":"2026-03-01T10:30:00Z","eventLastSeen":"2026-03-01T10:30:00Z",
"action":{"actionType":"NETWORK_CONNECTION","networkConnectionAction":{"connectionDirection":"OUTBOUND","remoteIpDetails":{"ipAddressV4":"198.51.100.7"},"remotePortDetails":{"port":443,"portName":"HTTPS"}}}}}`

// configItems are as Config answers: newest first, the configuration as JSON in a text.
func configItems() string {
	item := func(at, status, config, related string) string {
		text, _ := json.Marshal(config)
		if config == "" {
			text = []byte("null")
		}
		return `{"version":"1.3","accountId":"111122223333","awsRegion":"eu-west-1","resourceType":"AWS::Lambda::Function","resourceId":"payments","resourceName":"payments","arn":"` + testFn + `",
"configurationStateId":"1","configurationItemStatus":"` + status + `","configurationItemCaptureTime":` + at + `,"configuration":` + string(text) + `,"relatedEvents":[` + related + `],"tags":{"team":"pay"},"supplementaryConfiguration":{}}`
	}
	latest := `{"functionName":"payments","codeSha256":"QkJC","version":"$LATEST","role":"` + testRole + `","timeout":9,"layers":[{"arn":"arn:aws:lambda:eu-west-1:1:layer:l:1"}],"environment":{"variables":{"DB":"[sealed:2]","NEW":"[sealed:3]"}}}`
	before := `{"functionName":"payments","codeSha256":"QUFB","version":"$LATEST","role":"` + testRole + `","timeout":9,"environment":{"variables":{"DB":"[sealed:1]"}}}`
	return `{"configurationItems":[` + strings.Join([]string{
		item(`"2026-03-01T10:50:00Z"`, "ResourceDeleted", "", ""),
		item(`"2026-03-01T10:06:00.123Z"`, "OK", latest, `"ct-update","ct-second"`),
		item(`1772359400.5`, "OK", before, ""), // as version 1 of the AWS CLI prints times
		item(`"2026-02-01T00:00:00Z"`, "ResourceDiscovered", "no JSON", ""),
	}, ",") + `],"nextToken":"ignored"}`
}

const traceSummaries = `{"TraceSummaries":[
{"Id":"1-69a40f70-000000000000000000000001","StartTime":"2026-03-01T10:07:12.1Z","Duration":1.5,"HasFault":true,"HasError":false,"HasThrottle":false,"IsPartial":false,"Http":{"HttpURL":"https://x.example/pay?token=abc","HttpStatus":500,"HttpMethod":"POST","UserAgent":"curl/8","ClientIp":"203.0.113.9"},"ServiceIds":[{"Name":"payments","Type":"AWS::Lambda::Function"},{"Name":"S3","Type":"AWS::S3"}]},
{"Id":"1-69a40fac-000000000000000000000002","Duration":0.2,"HasThrottle":true}]}`

// traceLine has the segments that Lambda sends, and one of the function with its calls.
func traceLine() string {
	docs := []string{
		`{"id":"a","name":"payments","origin":"AWS::Lambda","start_time":1772359632.25,"end_time":1772359633,"aws":{"request_id":"8f5f2f1e-0000-4000-8000-000000000001"},"http":{"response":{"status":200}}}`,
		`{"id":"b","name":"payments","origin":"AWS::Lambda::Function","start_time":1772359632.5,"end_time":1772359633,"subsegments":[{"name":"Invocation","start_time":1,"subsegments":[
{"name":"S3","namespace":"aws","aws":{"operation":"GetObject","bucket_name":"b"}},{"name":"S3","namespace":"aws","aws":{"operation":"GetObject"}},{"name":"Secrets Manager","namespace":"aws","fault":true,"aws":{"operation":"GetSecretValue"}},
{"name":"evil.example","namespace":"remote","http":{"request":{"method":"POST","url":"https://evil.example/x?secret=1"}}}]}]}`,
		`nonsense`,
	}
	var segments []map[string]string
	for i, d := range docs {
		segments = append(segments, map[string]string{"Id": fmt.Sprint(i), "Document": d})
	}
	b, _ := json.Marshal(map[string]any{"Id": "1-69a40f70-000000000000000000000001", "Duration": 1.5, "LimitExceeded": false, "Segments": segments})
	return string(b) + "\n"
}

const inspected = `{"findings":[{"findingArn":"arn:aws:inspector2:eu-west-1:111122223333:finding/1","awsAccountId":"111122223333","type":"PACKAGE_VULNERABILITY","severity":"HIGH","status":"ACTIVE","title":"CVE-2024-1 - requests","firstObservedAt":"2026-02-10T00:00:00Z","resources":[{"id":"arn:aws:lambda:eu-west-1:111122223333:function:payments:$LATEST","type":"AWS_LAMBDA_FUNCTION"}]}]}`

const analyzed = `{"findings":[{"id":"aa-1","findingType":"ExternalAccess","resource":"arn:aws:lambda:eu-west-1:111122223333:function:payments:live","resourceType":"AWS::Lambda::Function","resourceOwnerAccount":"111122223333","status":"ACTIVE","createdAt":"2026-03-01T10:12:00Z","findingDetails":[{"externalAccessDetails":{"action":["lambda:InvokeFunction"],"condition":{},"isPublic":true,"principal":{"AWS":"*"}}}]}]}`

// caseOf makes a case of documents, by artefact.
func caseOf(t *testing.T, documents [][2]string) *evidence.Case {
	t.Helper()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { now = now.Add(time.Second); return now }
	folder, err := vault.NewFolder(filepath.Join(t.TempDir(), "case"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := evidence.CreateCase(t.Context(), folder, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "olive", Home: t.TempDir(), Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	w, err := c.Begin(t.Context(), evidence.Header{Kind: "collection", Operator: "olive", Account: "111122223333", Targets: []string{testFn}})
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range documents {
		m := evidence.Meta{Artefact: d[0], Name: fmt.Sprintf("%d.%s", i, d[0]), Started: now, Source: evidence.Source{ARN: testFn, Region: "eu-west-1", Account: "111122223333"}}
		if _, err := w.Put(t.Context(), m, func(out io.Writer) error { _, err := io.WriteString(out, d[1]); return err }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Seal(t.Context(), evidence.StatusComplete); err != nil {
		t.Fatal(err)
	}
	return c
}

func watched() [][2]string {
	return [][2]string{
		{"config.history", configItems()}, {"guardduty.findings", `{"Findings":[` + guardDutyFinding("f1") + "," + lambdaFinding + `]}`}, {"guardduty.findings", `{"Findings":[` + guardDutyFinding("f1") + `]}`},
		{"xray.summaries", traceSummaries}, {"xray.traces", traceLine()}, {"inspector2.findings", inspected}, {"accessanalyzer.findings", analyzed},
	}
}

// TestWatchers: what watches a function stands on its timeline, in the words of the golden file.
func TestWatchers(t *testing.T) {
	c := caseOf(t, watched())
	for format, o := range map[string]Options{"jsonl": {}, "table": {Width: 250}} {
		o.Format, o.Where = format, `kind != responder`
		if format == "jsonl" {
			o.Columns = []string{"time", "timestamp_desc", "kind", "source", "message", "outcome", "error_code", "principal", "principal_type", "role", "access_key", "source_address", "user_agent", "service", "action",
				"region", "account", "function", "qualifier", "resources", "code_sha256", "changed_role", "layers", "granted_to", "granted_action", "setting", "event_id", "request_id", "linked_to", "cites", "copies", "tags", "raw_line", "raw_offset"}
		}
		var out bytes.Buffer
		sum, err := Build(t.Context(), o, Input{Case: c}, &out)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "watchers."+format, out.Bytes())
		if sum.Skips != 1 || !strings.Contains(sum.Skipped[0].Reason, "malformed segment") || sum.Duplicates != 2 {
			t.Errorf("%s: skips %+v, duplicates %d", format, sum.Skipped, sum.Duplicates)
		}
	}
	events, _ := eventsOf(t, Options{Filter: Filter{Function: "payments"}}, Input{Case: c})
	kinds := map[Kind]int{}
	for _, e := range events {
		kinds[e.Kind]++
	}
	// The key's finding names the role, which Config's items say is the function's.
	if kinds[KindFinding] != 5 || kinds[KindTrace] != 3 || kinds[KindState] != 4 {
		t.Errorf("of the function: %v", kinds)
	}
}

func eventsOf(t *testing.T, o Options, in Input) (all []Event, sum Summary) {
	t.Helper()
	sum, err := Events(context.Background(), o, in, func(e *Event) error {
		one := *e
		one.Tags, one.Cites, one.Resources = append([]string(nil), e.Tags...), append([]string(nil), e.Cites...), append([]string(nil), e.Resources...)
		all = append(all, one)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, sum
}

// TestFindingFiles: a finding in each form that it is handed around in, and a record that
// EventBridge wrapped, give what they give alone.
func TestFindingFiles(t *testing.T) {
	envelope := func(kind, detail string) string {
		return `{"version":"0","id":"e1","detail-type":"` + kind + `","source":"aws.x","account":"111122223333","time":"2026-03-01T11:21:00Z","region":"eu-west-1","resources":[],"detail":` + detail + `}`
	}
	dense := strings.ReplaceAll(guardDutyFinding("f1"), "\n", "")
	for name, x := range map[string]struct{ body, want, skip string }{
		"bare":               {dense, "first last", ""},
		"bare, indented":     {strings.ReplaceAll(guardDutyFinding("f1"), ",", ",\n  "), "first last", ""},
		"exported lines":     {dense + "\n" + strings.ReplaceAll(lambdaFinding, "\n", "") + "\n", "first first last", ""},
		"listed by the CLI":  {`{"Findings":[` + dense + "," + dense + "]}", "first last", ""},
		"envelope":           {envelope("GuardDuty Finding", lambdaFinding), "first", ""},
		"envelope, CLI":      {envelope("GuardDuty Finding", guardDutyFinding("f1")), "first last", ""},
		"call in envelope":   {envelope("AWS API Call via CloudTrail", record("a")), "a", ""},
		"sign-in":            {envelope("AWS Console Sign In via CloudTrail", record("b")), "b", ""},
		"other envelope":     {envelope("Scheduled Event", `{}`), "", "not a CloudTrail record"},
		"envelope in itself": {envelope("AWS API Call via CloudTrail", envelope("AWS API Call via CloudTrail", record("c"))), "", "not a CloudTrail record"},
		"ASFF":               {`{"Findings":[{"SchemaVersion":"2018-10-08","Id":"x","Resources":[]}]}`, "", "no finding of GuardDuty"},
		"mistyped":           {strings.Replace(dense, `"Severity":8`, `"Severity":"high"`, 1), "first last", "malformed element"},
		"no times":           {strings.NewReplacer("2026-", "soon").Replace(dense), "", "without a readable time"},
	} {
		path := filepath.Join(t.TempDir(), "f.json")
		if err := os.WriteFile(path, []byte(x.body), 0o600); err != nil {
			t.Fatal(err)
		}
		events, sum := eventsOf(t, Options{}, Input{Paths: []string{path}})
		var got []string
		for _, e := range events {
			id := strings.Split(e.ID, "|")
			got = append(got, id[min(2, len(id)-1)])
		}
		if strings.Join(got, " ") != x.want {
			t.Errorf("%s: %q, want %q", name, got, x.want)
		}
		switch {
		case x.skip == "" && sum.Skips != 0, x.skip != "" && (sum.Skips == 0 || !strings.Contains(sum.Skipped[0].Reason, x.skip)):
			t.Errorf("%s: skips %+v", name, sum.Skipped)
		}
	}
}

// TestFindingIsNoUse: that GuardDuty says a key was used outside is no record of such a use.
func TestFindingIsNoUse(t *testing.T) {
	inside := strings.Replace(record("a"), `"userIdentity":{"type":"Root","accountId":"1"}`,
		`"userAgent":"exec-env/AWS_Lambda_python3.12","userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/payments-role/payments","accessKeyId":"ASIAEXAMPLESTOLEN"}`, 1)
	path := filepath.Join(t.TempDir(), "f.json")
	if err := os.WriteFile(path, []byte(inside+"\n"+guardDutyFinding("f1")), 0o600); err != nil {
		t.Fatal(err)
	}
	events, _ := eventsOf(t, Options{}, Input{Paths: []string{path}})
	if len(events) != 3 {
		t.Fatalf("%d events", len(events))
	}
	for _, e := range events {
		if len(e.Tags) > 0 {
			t.Errorf("%s %s is tagged %v", e.Kind, e.Action, e.Tags)
		}
	}
}

// TestHostileWatchers puts each hostile text into each text of each document: the timeline goes
// on, its lines are bounded, and no format lets anything through that a terminal obeys.
func TestHostileWatchers(t *testing.T) {
	texts := hostile.Texts()
	if testing.Short() {
		texts = texts[:min(3, len(texts))]
	}
	cells := 0
	for i, text := range texts {
		var documents [][2]string
		for _, d := range watched() {
			var tree any
			if err := json.Unmarshal([]byte(d[1]), &tree); err != nil {
				t.Fatal(err)
			}
			n := 0
			filled, err := json.Marshal(fill(tree, text, &n))
			if err != nil {
				t.Fatal(err)
			}
			cells += n
			documents = append(documents, [2]string{d[0], string(filled)})
		}
		c := caseOf(t, documents)
		for _, format := range []string{[]string{"table", "csv", "jsonl"}[i%3]} {
			var out bytes.Buffer
			sum, err := Build(t.Context(), Options{Format: format}, Input{Case: c}, &out)
			if err != nil {
				t.Fatalf("text %d, %s: %v", i, format, err)
			}
			if sum.BySource["guardduty.findings"] == 0 || sum.BySource["config.history"] == 0 || sum.BySource["xray.summaries"] == 0 || sum.BySource["accessanalyzer.findings"] == 0 {
				t.Errorf("text %d: %v, %+v", i, sum.BySource, sum.Skipped)
			}
			for line := range strings.Lines(out.String()) {
				// Marshalling made U+FFFD of what was no UTF-8: that is what the evidence says now.
				if r, bad := unseen(strings.ReplaceAll(line, "\ufffd", "")); bad && format != "jsonl" {
					t.Errorf("text %d, %s: %U comes through", i, format, r)
				}
				if format == "jsonl" && !json.Valid([]byte(line)) {
					t.Errorf("text %d: not JSON: %.100q", i, line)
				}
				if len(line) > 30*MaxField {
					t.Errorf("text %d, %s: a line of %d bytes", i, format, len(line))
				}
			}
		}
	}
	t.Logf("%d cells: %d texts in every text of %d documents, 0 skipped", cells, len(texts), len(watched()))
}

// fill replaces all texts but times and documents within documents.
func fill(v any, text string, n *int) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = fill(e, text, n)
		}
	case []any:
		for i, e := range v {
			v[i] = fill(e, text, n)
		}
	case string:
		if _, err := parseTime(v); err == nil || strings.HasPrefix(v, "{") || strings.HasPrefix(v, "1-69a4") {
			return v
		}
		*n++
		return text
	}
	return v
}
