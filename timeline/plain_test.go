package timeline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestPlainLinesAreJSON: the texts of a plain record are written as they stand. Whatever stands
// in place of a text (numbers, objects, lists) must not get into one with its quotes.
func TestPlainLinesAreJSON(t *testing.T) {
	keys := []string{"functionName", "resource", "qualifier", "principal", "action", "statementId", "authType", "role", "policyName", "layers",
		"reservedConcurrentExecutions", "dryRun", "enabled", "roleName", "name", "codeSha256", "version", "functionArn", "functionUrl", "credentials"}
	values := []string{`"x"`, `{"a":"b"}`, `["a","b"]`, `[{"arn":"c"}]`, `7`, `true`, `"true"`, `null`, `{"accessKeyId":"AKIAX"}`, `{"AWS":"arn:aws:iam::1:root"}`, `"a\"b"`, `"\u0041"`, `"é"`}
	var text bytes.Buffer
	n := 0
	for _, key := range keys {
		for _, v := range values {
			for _, part := range []string{"requestParameters", "responseElements", "additionalEventData"} {
				fmt.Fprintf(&text, `{"eventID":"%d","eventTime":"2026-03-01T00:00:00Z","eventSource":"lambda.amazonaws.com","eventName":"UpdateFunctionCode20150331v2","awsRegion":"eu-west-1","recipientAccountId":"111122223333","userIdentity":{"type":"IAMUser","userName":"u"},%q:{%q:%s}}`+"\n", n, part, key, v)
				n++
			}
		}
	}
	for _, top := range []string{"userAgent", "sourceIPAddress", "errorCode", "errorMessage", "eventSource", "awsRegion", "recipientAccountId", "userIdentity", "resources", "readOnly", "requestID", "sharedEventID", "vpcEndpointId"} {
		for _, v := range values {
			fmt.Fprintf(&text, `{"eventID":"%d","eventTime":"2026-03-01T00:00:00Z","eventName":"E",%q:%s}`+"\n", n, top, v)
			n++
		}
	}
	file := filepath.Join(t.TempDir(), "records.jsonl")
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	sum, err := Build(context.Background(), Options{Format: "jsonl"}, Input{Paths: []string{file}}, &out)
	if err != nil || sum.Events != int64(n) {
		t.Fatalf("%v: %d of %d events, skipped: %v", err, sum.Events, n, sum.Skipped)
	}
	for _, line := range bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n")) {
		var all map[string]any
		if err := json.Unmarshal(line, &all); err != nil {
			t.Errorf("%v: %s", err, line)
		}
	}
	t.Logf("%d records, 0 skipped", n)
}
