package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/freezeframe-ir/freezeframe/internal/fleetjob"
)

type sqsName = sqstypes.QueueAttributeName

// request is one exchange of a worker with an account.
type request struct {
	seq       int
	job       string // what the worker was at
	account   string
	signature string // what was asked
	id        string // AWS's number of the answer
}

// point is where a process can be killed: a write to the bucket, a call, a download.
type point string

// Points.
const (
	ledgerPoint  point = "ledger event"
	headPoint    point = "ledger head"
	journalPoint point = "journal"
	dataPoint    point = "data"
	sealPoint    point = "seal"
	boardPoint   point = "board"
	callPoint    point = "call"
	codePoint    point = "download"
)

// process is a worker, and whoever takes its place after it was killed.
type process struct {
	name    string
	cmd     *exec.Cmd
	said    *bytes.Buffer
	killed  bool
	job     string // by the message that it received last
	account string
	receipt string
}

var executor = regexp.MustCompile(`exec-env/(worker-\d+)`)

// of is the worker that a request comes from; nil: somebody else.
func (w *world) of(r *http.Request) *process {
	// Downloads do not say who asks; the address names the account, in which one worker is at a time.
	name, account := "", ""
	if m := executor.FindStringSubmatch(r.UserAgent()); m != nil {
		name = m[1]
	} else if _, rest, ok := strings.Cut(r.URL.Path, "/snapshots/"); ok {
		account, _, _ = strings.Cut(rest, "/")
	}
	for _, p := range w.procs {
		if p.name == name || account != "" && p.account == account {
			return p
		}
	}
	return nil
}

func pointOf(r *http.Request) (point, string) {
	key, ok := strings.CutPrefix(r.URL.Path, "/"+bucketName+"/")
	switch {
	case ok && r.Method != http.MethodPut, r.URL.Path == "/"+bucketName:
		return "", key
	case !ok && r.Header.Get("Authorization") == "":
		return codePoint, ""
	case !ok:
		return callPoint, ""
	case strings.Contains(key, "/ledger/heads/"):
		return headPoint, key
	case strings.Contains(key, "/ledger/"):
		return ledgerPoint, key
	case strings.Contains(key, "/journal/"):
		return journalPoint, key
	case strings.Contains(key, "/board/"):
		return boardPoint, key
	case strings.Contains(key, "/data/"):
		return dataPoint, key
	case strings.Contains(key, "/collections/"):
		return sealPoint, key
	}
	return "", key
}

// serve passes on what is asked, notes it, and kills who asks where that is planned.
func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	at, key := pointOf(r)
	w.mu.Lock()
	p := w.of(r)
	dies, after := false, false
	if p != nil && !p.killed && at != "" && w.kill != nil {
		dies, after = w.kill(at, p)
	}
	if dies {
		p.killed = true
	}
	dead := p != nil && p.killed && !dies
	w.mu.Unlock()
	if dead {
		return // its process is gone: nobody listens
	}
	if dies && !after {
		w.slay(p)
		return
	}
	if key != "" || r.URL.Path == "/"+bucketName || r.URL.Path == "/"+bucketName+"/" {
		w.store(rw, r, at, key)
	} else {
		w.ask(rw, r, p)
	}
	if dies {
		w.slay(p)
	}
}

// store is a request to the bucket.
func (w *world) store(rw http.ResponseWriter, r *http.Request, at point, key string) {
	handler := http.Handler(w.cloud)
	if w.bucket != nil {
		handler = w.bucket
	}
	if at == "" {
		handler.ServeHTTP(rw, r)
		return
	}
	out := &watcher{ResponseWriter: rw, status: http.StatusOK}
	handler.ServeHTTP(out, r)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seq++; out.status == http.StatusOK && w.puts[key] == 0 {
		w.puts[key] = w.seq
	}
}

type watcher struct {
	http.ResponseWriter
	status int
}

func (w *watcher) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// ask is a request to an account or the queue.
func (w *world) ask(rw http.ResponseWriter, r *http.Request, p *process) {
	body, _ := io.ReadAll(r.Body) // what does not come is not answered either
	r.Body = io.NopCloser(bytes.NewReader(body))
	w.mu.Lock()
	w.seq++
	asked := request{seq: w.seq}
	w.mu.Unlock()
	out := httptest.NewRecorder()
	w.cloud.ServeHTTP(out, r)
	target := r.Header.Get("X-Amz-Target")
	w.mu.Lock()
	if strings.HasSuffix(target, ".ReceiveMessage") {
		p.received(out.Body.Bytes())
	}
	asked.id, asked.signature = out.Header().Get("X-Amzn-Requestid"), signature(r, target, body)
	if p != nil {
		asked.job, asked.account = p.job, p.account
	}
	w.requests = append(w.requests, asked)
	w.mu.Unlock()
	for name, values := range out.Header() {
		rw.Header()[name] = values
	}
	rw.WriteHeader(out.Code)
	_, _ = rw.Write(out.Body.Bytes()) // whoever asked may be dead
}

// signature is what a request asks: the same is the same question.
func signature(r *http.Request, target string, body []byte) string {
	q := url.Values{}
	for k, v := range r.URL.Query() {
		if !strings.HasPrefix(k, "X-Amz-") {
			q[k] = v
		}
	}
	scope, _, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders") // names the region and the service
	if parts := strings.Split(scope, "/"); len(parts) > 3 {
		scope = parts[2] + "/" + parts[3]
	}
	return strings.Join([]string{r.Method, r.URL.Path, q.Encode(), target, scope, string(body)}, " ")
}

// received notes what a worker is at from now on.
func (p *process) received(answer []byte) {
	var out struct {
		Messages []struct{ Body, ReceiptHandle string }
	}
	if json.Unmarshal(answer, &out) != nil || len(out.Messages) == 0 || p == nil {
		return
	}
	var job fleetjob.Job
	if json.Unmarshal([]byte(out.Messages[0].Body), &job) == nil {
		p.job, p.account, p.receipt = job.ID, job.Account, out.Messages[0].ReceiptHandle
	}
}

// slay kills a worker, and lets its message come back at once: it would in half a minute.
func (w *world) slay(p *process) {
	_ = p.cmd.Process.Signal(syscall.SIGKILL) // whoever waits for it tells
	w.mu.Lock()
	receipt := p.receipt
	w.mu.Unlock()
	if receipt != "" {
		_, _ = sqs.NewFromConfig(w.config(w.keys)).ChangeMessageVisibility(context.Background(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &w.queue, ReceiptHandle: &receipt}) // it may be out of the queue
	}
}

// start starts a worker.
func (w *world) start(t *testing.T, p *process) {
	t.Helper()
	cmd := w.command(p.name, "worker", "--queue", w.queue, "--cases", "s3://"+bucketName+"/cases", "--authority", "a", "--operator", "o", "--assume-role", roles, "--unpaced", "--silence", "2s", "--most-receives", "1000")
	said := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = said, said
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return
	}
	p.cmd, p.said, p.killed, p.job, p.account, p.receipt = cmd, said, false, "", "", ""
}
