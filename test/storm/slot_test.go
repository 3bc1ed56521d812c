package storm

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/freezeframe-ir/freezeframe/test/scratch"
)

// slot is a machine on which a worker runs: when its process dies another one is started. It reaches
// the account by a proxy of its own, so that what is asked for is known to be its process's, while the
// account has one address for all: what was begun at one address is not gone on with at another.
type slot struct {
	w      *world
	n      int
	dir    string
	server *httptest.Server
	random *rand.Rand

	mu       sync.Mutex
	process  *os.Process
	doomed   bool            // it is being killed: nothing that it still asks for is done
	told     bool            // it has been told to stop
	receipts map[string]bool // of messages that it has
	next     death
	said     string // file of what the processes said
	ends     []int  // exit codes of processes that were not killed
}

// death is how the slot's process will die, by the seed.
type death struct {
	kind  string // ledger, any, told (to stop, by SIGTERM), "" for not at all
	nth   int    // at its nth request, of ledger at its nth append to a ledger
	after bool   // when it has been done, not before
}

func (w *world) newSlot(n int, random *rand.Rand) *slot {
	s := &slot{w: w, n: n, dir: filepath.Join(w.dir, "slot", string(rune('a'+n))), random: random, receipts: map[string]bool{}}
	w.must(os.MkdirAll(s.dir, 0o700))
	s.said = filepath.Join(s.dir, "said")
	s.server = httptest.NewServer(s)
	w.t.Cleanup(s.server.Close)
	return s
}

// run keeps a worker running until the storm is over, and then ends it as one ends a worker.
func (s *slot) run() {
	for s.w.over.Err() == nil {
		s.next = s.w.draw(s.random)
		cmd := s.command("worker", "--queue", *queueURL("alerts"), "--cases", cases, "--authority", "mandate 12", "--operator", "worker", "--key", s.w.key, "--recipient", s.w.to,
			"--silence", "12s", "--unpaced", "--parallel", string(rune('0'+s.w.size.parallel)), "--json")
		said, err := os.OpenFile(s.said, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			s.w.t.Error(err)
			return
		}
		cmd.Stdout, cmd.Stderr = said, said
		err = cmd.Start()
		_ = said.Close() // the process has it
		if err != nil {
			s.w.t.Error(err)
			return
		}
		s.mu.Lock()
		s.process, s.doomed, s.told = cmd.Process, false, false
		s.mu.Unlock()
		ended := make(chan struct{})
		go func() {
			select {
			case <-s.w.over.Done():
				_ = cmd.Process.Signal(syscall.SIGTERM) // one that is dead has ended
			case <-ended:
			}
		}()
		err = cmd.Wait()
		close(ended)
		s.mu.Lock()
		killed, told := s.doomed, s.told
		s.doomed = true
		s.mu.Unlock()
		if !killed {
			s.ends = append(s.ends, cmd.ProcessState.ExitCode())
			if s.w.over.Err() == nil && !told {
				s.w.t.Errorf("worker %d ended by itself: %v", s.n, err)
				return
			}
		}
		s.dropped()
	}
}

func (s *slot) command(args ...string) *exec.Cmd {
	cmd := exec.Command(s.w.binary, args...)
	cmd.Dir = s.dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "TMPDIR=" + s.dir, "FREEZEFRAME_HOME=" + filepath.Join(s.dir, "home"),
		"HTTP_PROXY=" + s.server.URL, "AWS_ENDPOINT_URL=" + endpoint, "AWS_REGION=" + region, "AWS_ACCESS_KEY_ID=" + s.w.keys.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + s.w.keys.SecretAccessKey, "AWS_EC2_METADATA_DISABLED=true", scratch.Process,
	}
	return cmd
}

// kill kills the process, once; false: it is being killed already.
func (s *slot) kill(kind string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.doomed || s.process == nil {
		return false
	}
	s.doomed = true
	_ = s.process.Kill() // Wait tells
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.w.deaths[kind]++
	return true
}

// tell shows the end of what the processes said.
func (s *slot) tell() {
	b, err := os.ReadFile(s.said)
	if err != nil {
		s.w.t.Error(err)
	}
	s.w.t.Logf("worker %d: %s", s.n, b[max(0, len(b)-6000):])
}

// stop tells the process to stop, as who takes a machine away does.
func (s *slot) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = true
	_ = s.process.Signal(syscall.SIGTERM) // Wait tells
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.w.deaths["told"]++
}

// dropped gives back what a dead process had, where the storm is in a hurry.
func (s *slot) dropped() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for receipt := range s.receipts {
		if s.w.size.hurried {
			s.w.later(receipt, 0)
		}
	}
	clear(s.receipts)
}

// later has the queue give a message in some seconds, three at most: who waits for half a minute in
// life need not do so in a test.
func (w *world) later(receipt string, seconds int) {
	_, _ = w.sqs.ChangeMessageVisibility(context.Background(), &sqs.ChangeMessageVisibilityInput{QueueUrl: queueURL("alerts"), ReceiptHandle: &receipt, VisibilityTimeout: int32(min(seconds, 3))}) // gone already is fine
}

// ServeHTTP passes on to the account, and kills whoever asks if its time has come.
func (s *slot) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	kind := "any"
	if r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/"+bucket+"/") && strings.Contains(r.URL.Path, "/ledger/") {
		kind = "ledger"
	}
	s.mu.Lock()
	if s.doomed {
		s.mu.Unlock()
		return
	}
	now := false
	if d := &s.next; d.kind == kind || d.kind == "any" || d.kind == "told" {
		d.nth--
		now = d.nth == 0
	}
	death := s.next
	s.mu.Unlock()
	switch after := death.after; {
	case now && death.kind == "told":
		s.stop()
		s.serve(rw, r)
	case now && after:
		s.serve(httptest.NewRecorder(), r)
		s.kill(kind)
	case now:
		s.kill(kind)
	default:
		s.serve(rw, r)
	}
}

// serve answers, and notes which message the process gets.
func (s *slot) serve(rw http.ResponseWriter, r *http.Request) {
	_, op, isSQS := strings.Cut(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	if !isSQS {
		s.w.cloud.ServeHTTP(rw, r)
		return
	}
	var in struct {
		ReceiptHandle     string
		VisibilityTimeout int
	}
	body, _ := io.ReadAll(r.Body) // what is short is refused by the account
	_ = json.Unmarshal(body, &in)
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	if s.w.moto != "" {
		answer = forward(s.w.moto, r, body)
	} else {
		s.w.cloud.ServeHTTP(answer, r)
	}
	var out struct {
		Messages []struct{ Body, ReceiptHandle string }
	}
	if op == "ReceiveMessage" {
		_ = json.Unmarshal(answer.Body.Bytes(), &out)
	}
	poison := false
	s.mu.Lock()
	for _, m := range out.Messages {
		s.receipts[m.ReceiptHandle] = true
		poison = poison || s.w.plan.poisoned[m.Body]
	}
	if op == "DeleteMessage" {
		delete(s.receipts, in.ReceiptHandle)
	}
	s.mu.Unlock()
	for k, v := range answer.Header() {
		rw.Header()[k] = v
	}
	rw.WriteHeader(answer.Code)
	_, _ = rw.Write(answer.Body.Bytes()) // who is dead reads nothing
	if poison {
		if f, ok := rw.(http.Flusher); ok {
			f.Flush()
		}
		s.kill("poison")
	}
	if op == "ChangeMessageVisibility" && s.w.size.hurried && in.VisibilityTimeout != visibility {
		s.w.later(in.ReceiptHandle, in.VisibilityTimeout)
	}
	if op == "DeleteMessage" || op == "ReceiveMessage" {
		if s.w.left(context.WithoutCancel(r.Context()), "alerts") == 0 {
			s.w.finished()
		}
	}
}
