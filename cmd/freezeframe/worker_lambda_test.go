package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// runtimeAPI is what Lambda offers to a function's process: the next invocation, and places for its
// answer and its error (AWS's "Using the Lambda runtime API for custom runtimes").
type runtimeAPI struct {
	*httptest.Server
	invoke  chan invocation
	answers chan answered
}

type invocation struct {
	id       string
	event    string
	deadline time.Time
}

type answered struct{ id, kind, body string }

func newRuntimeAPI(t *testing.T) *runtimeAPI {
	t.Helper()
	api := &runtimeAPI{invoke: make(chan invocation), answers: make(chan answered, 8)}
	const base = "/2018-06-01/runtime/invocation/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+base+"next", func(rw http.ResponseWriter, r *http.Request) {
		select {
		case in := <-api.invoke:
			rw.Header().Set("Lambda-Runtime-Aws-Request-Id", in.id)
			rw.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(in.deadline.UnixMilli(), 10))
			rw.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:freezeframe")
			_, _ = io.WriteString(rw, in.event)
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("POST "+base+"{id}/{kind}", func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		rw.WriteHeader(http.StatusAccepted)
		api.answers <- answered{r.PathValue("id"), r.PathValue("kind"), string(body)}
	})
	api.Server = httptest.NewServer(mux)
	t.Cleanup(api.Close)
	return api
}

// call is one invocation, from event to answer.
func (api *runtimeAPI) call(t *testing.T, id, event string, left time.Duration) answered {
	t.Helper()
	select {
	case api.invoke <- invocation{id, event, time.Now().Add(left)}:
	case <-t.Context().Done():
		t.Fatal("nobody asks for the next invocation")
	}
	a := <-api.answers
	if a.id != id {
		t.Fatalf("%+v of invocation %s", a, id)
	}
	return a
}

func sqsEvent(t *testing.T, bodies map[string]string) string {
	t.Helper()
	type record struct {
		MessageID   string            `json:"messageId"`
		Receipt     string            `json:"receiptHandle"`
		Body        string            `json:"body"`
		Attributes  map[string]string `json:"attributes"`
		EventSource string            `json:"eventSource"`
		ARN         string            `json:"eventSourceARN"`
		Region      string            `json:"awsRegion"`
	}
	var e struct{ Records []record }
	for id, body := range bodies {
		e.Records = append(e.Records, record{id, "AQEB", body, map[string]string{"ApproximateReceiveCount": "1", "SentTimestamp": "1795747862000"}, "aws:sqs", "arn:aws:sqs:eu-west-1:123456789012:alerts", "eu-west-1"})
	}
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func findingOf(account, id string) string {
	return fmt.Sprintf(`{"SchemaVersion": "2.0", "AccountId": %q, "Region": "eu-west-1", "Partition": "aws", "Id": %q,
		"Arn": "arn:aws:guardduty:eu-west-1:%s:detector/12abc34d567e8fa901bc2d34e56789f0/finding/%s",
		"Type": "Backdoor:Lambda/C&CActivity.B", "Severity": 8, "Title": "payments calls out", "CreatedAt": "2026-01-02T03:04:05Z", "UpdatedAt": "2026-01-02T03:04:05Z",
		"Resource": {"ResourceType": "Lambda", "LambdaDetails": {"FunctionArn": "arn:aws:lambda:eu-west-1:%s:function:payments", "FunctionName": "payments", "FunctionVersion": "3"}},
		"Service": {"EventFirstSeen": "2026-01-02T02:00:00Z", "EventLastSeen": "2026-01-02T03:00:00Z", "Count": 3}}`, account, id, account, id, account)
}

// TestWorkerInLambda: the program as a Lambda function, under a stub of the Runtime API: what is settled is
// not named in the answer, what is not is; a run that the time ran out for is gone on with by the next
// invocation.
func TestWorkerInLambda(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY under -short: it waits for an invocation's time to run out; the plain run has it")
	}
	t.Parallel()
	w, err := staged()
	if err != nil {
		t.Fatal(err)
	}
	var held atomic.Bool // the sweep of CloudTrail does not answer
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if held.Load() && strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".LookupEvents") {
			_, _ = io.Copy(io.Discard, r.Body) // or it is not seen that the client has gone
			<-r.Context().Done()
			return
		}
		w.Cloud.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	api := newRuntimeAPI(t)
	dir := t.TempDir()
	path, err := exec.LookPath("freezeframe")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, path, "worker")
	var said bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &said, &said
	for _, v := range environ(w.Responder, server.URL, "eu-west-1", dir) {
		if !strings.HasPrefix(v, "FREEZEFRAME_HOME=") && !strings.HasPrefix(v, "HOME=") { // a function has none
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "TMPDIR="+dir, "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(api.URL, "http://"), "FREEZEFRAME_CASES="+filepath.Join(dir, "cases"), "FREEZEFRAME_AUTHORITY=mandate 12", "FREEZEFRAME_OPERATOR=worker")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		stop()
		_ = cmd.Wait() // it is killed, as Lambda does
		if t.Failed() {
			t.Log(said.String())
		}
	}()

	const good, late = "1ab92989eaf0e742df4a014d5c3b8a01", "2ab92989eaf0e742df4a014d5c3b8a02"
	a := api.call(t, "one", sqsEvent(t, map[string]string{"good": findingOf("123456789012", good), "malformed": "{", "elsewhere": findingOf("444455556666", good)}), 15*time.Minute)
	if a.kind != "response" || a.body != `{"batchItemFailures":[{"itemIdentifier":"elsewhere"}]}` {
		t.Errorf("%+v", a)
	}
	if all := casesIn(t, dir); len(all) != 3 {
		t.Errorf("cases: %v", all)
	}
	if a := api.call(t, "what", `{"hello": 1}`, time.Minute); a.kind != "error" || !strings.Contains(a.body, "no event of SQS") {
		t.Errorf("%+v", a)
	}
	if a := api.call(t, "schedule", `{"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}`, time.Minute); a.kind != "response" {
		t.Errorf("%+v", a)
	}
	// Time enough to begin, none to end: it stops before Lambda stops it.
	again := sqsEvent(t, map[string]string{"late": findingOf("123456789012", late)})
	held.Store(true)
	end := time.Now().Add(20 * time.Second)
	a = api.call(t, "two", again, 20*time.Second)
	if a.kind != "response" || a.body != `{"batchItemFailures":[{"itemIdentifier":"late"}]}` || time.Now().After(end) {
		t.Errorf("%+v, %s before the end", a, time.Until(end))
	}
	held.Store(false)
	if a := api.call(t, "three", again, 15*time.Minute); a.kind != "response" || a.body != `{"batchItemFailures":[]}` {
		t.Errorf("%+v", a)
	}
	resumed := 0
	for _, id := range casesIn(t, dir) {
		resumed += runsIn(t, filepath.Join(dir, "cases", id))
	}
	if resumed != 1 {
		t.Errorf("%d runs were gone on with", resumed)
	}
}

func casesIn(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "cases", "alert-*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		all[i] = filepath.Base(all[i])
	}
	return all
}

// runsIn verifies a case, which has one run at most, and counts how often that was gone on with.
func runsIn(t *testing.T, where string) (resumed int) {
	t.Helper()
	v, err := vault.OpenFolder(where)
	if err != nil {
		t.Fatal(err)
	}
	for p, err := range evidence.Verify(t.Context(), v, evidence.VerifyOptions{}) {
		t.Errorf("%s: %+v %v", where, p, err)
	}
	c, err := evidence.OpenCase(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	runs := 0
	for b, err := range c.Bags(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if b.Header().Kind == evidence.KindPlaybook {
			runs++
			resumed += len(b.Header().Resumed)
		}
	}
	if runs > 1 {
		t.Errorf("%s: %d runs", where, runs)
	}
	return resumed
}
