package storm

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"
)

// queueAt says whose queue the storm comes through: FREEZEFRAME_STORM_QUEUE is "ours" or "moto"; without
// it moto's every other time, by the seed, where moto is there.
func queueAt(t *testing.T, seed uint64) string {
	t.Helper()
	switch at := os.Getenv("FREEZEFRAME_STORM_QUEUE"); {
	case at == "ours":
		return ""
	case at == "moto" && os.Getenv("FREEZEFRAME_MOTO") == "":
		t.Fatal("FREEZEFRAME_STORM_QUEUE=moto, and FREEZEFRAME_MOTO is not set: eval \"$(.ci/tools)\"")
	case at == "moto", at == "" && seed%2 == 1 && os.Getenv("FREEZEFRAME_MOTO") != "":
		return moto(t)
	case at != "":
		t.Fatalf("FREEZEFRAME_STORM_QUEUE=%q: ours or moto", at)
	}
	return ""
}

// moto starts moto's server, and gives its address.
func moto(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Getenv("FREEZEFRAME_MOTO"), "-H", "127.0.0.1", "-p", port)
	var said bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.TempDir(), &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	for range 600 {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			_ = c.Close() // only asked whether it listens
			return "http://127.0.0.1:" + port
		}
		time.Sleep(100 * time.Millisecond)
	}
	_ = cmd.Process.Kill() // so that what it said can be read
	_ = cmd.Wait()
	t.Fatalf("moto does not listen:\n%s", said.String())
	return ""
}

// forward asks moto what a worker asks the queue.
func forward(at string, r *http.Request, body []byte) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	q, err := http.NewRequestWithContext(r.Context(), r.Method, at+"/", bytes.NewReader(body))
	if err != nil {
		answer.WriteHeader(http.StatusBadGateway)
		return answer
	}
	for _, name := range []string{"Content-Type", "X-Amz-Target", "Authorization", "X-Amz-Date"} {
		q.Header.Set(name, r.Header.Get(name))
	}
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		answer.WriteHeader(http.StatusBadGateway)
		return answer
	}
	defer res.Body.Close()
	for k, v := range res.Header {
		answer.Header()[k] = v
	}
	answer.WriteHeader(res.StatusCode)
	_, _ = io.Copy(answer, res.Body) // what is short is an answer that cannot be read
	return answer
}
