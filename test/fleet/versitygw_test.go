package fleet

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

// TestFleetOnVersitygw: the same, with the case in a bucket of another's server: its create-only writes
// and its Object Lock, not ours. Accounts and queue are the simulator's.
func TestFleetOnVersitygw(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY under -short: the binary that is killed is built without the race detector; the plain run has it")
	}
	program := os.Getenv("FREEZEFRAME_VERSITYGW")
	if program == "" {
		if os.Getenv("FREEZEFRAME_CI") != "" {
			t.Fatal("FREEZEFRAME_VERSITYGW is not set: run .ci/tools")
		}
		t.Skip("SKIPPED LOUDLY: FREEZEFRAME_VERSITYGW is not set: eval \"$(.ci/tools)\"")
	}
	fleet(t, formOf(t), func(keys awssim.Credentials) http.Handler { return versitygw(t, program, keys) })
}

// versitygw starts the server with the keys that the workers have, and passes on to it.
func versitygw(t *testing.T, program string, keys awssim.Credentials) http.Handler {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := "127.0.0.1:" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--port", at, "--region", region, "--access", keys.AccessKeyID, "--secret", keys.SecretAccessKey, "posix", "--versioning-dir", t.TempDir(), t.TempDir())
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("versitygw said, at its end:\n%s", said.Bytes()[max(0, said.Len()-2000):])
		}
	})
	for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if c, err := net.Dial("tcp", at); err == nil {
			_ = c.Close()
			break
		}
		if time.Since(begun) > time.Minute {
			t.Fatalf("versitygw does not listen:\n%s", said.Bytes())
		}
	}
	// What is signed is the host that the worker named: it is passed on as it came.
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: at})
		r.Out.Host = r.In.Host
	}}
}
