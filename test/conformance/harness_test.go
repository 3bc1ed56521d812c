package conformance

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const account = "123456789012"

// built are the programs under test, made once.
var built struct{ freezeframe, simserver, athenarows string }

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "freezeframe-conformance-")
	if err == nil {
		built.freezeframe, err = build(dir, "freezeframe", "./cmd/freezeframe")
	}
	if err == nil {
		built.simserver, err = build(dir, "simserver", "./test/simserver")
	}
	if err == nil {
		built.athenarows, err = build(dir, "athenarows", "./test/athenarows")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

func build(dir, name, pkg string) (string, error) {
	out := filepath.Join(dir, name)
	// go run keeps the linked program in the build cache, which go build does not.
	cmd := exec.Command("go", "run", "-exec", "cp", pkg, out)
	cmd.Dir = "../.."
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", pkg, err, text)
	}
	return out, nil
}

// tool is a judge's path; without it there is no verdict.
func tool(t *testing.T, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		if os.Getenv("FREEZEFRAME_CI") != "" {
			t.Fatalf("%s is not set: run .ci/tools", variable)
		}
		t.Skipf("SKIPPED LOUDLY: %s is not set: eval \"$(.ci/tools)\"", variable)
	}
	return path
}

func shared(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("FREEZEFRAME_SHARED")
	if dir == "" {
		dir = "../../../shared"
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir + "/data/aws-models"); err != nil {
		if os.Getenv("FREEZEFRAME_CI") != "" {
			t.Fatalf("no AWS API shapes: %v", err)
		}
		t.Skipf("SKIPPED LOUDLY: no AWS API shapes at %s", dir)
	}
	return dir
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

// server starts a program that listens on the port, and ends it with the test.
func server(t *testing.T, port string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Dir = t.TempDir()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said, at its end:\n%s", name, lastLines(said.String(), 20))
		}
	})
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			c.Close()
			return "http://127.0.0.1:" + port
		}
	}
	t.Fatalf("%s does not listen on %s:\n%s", name, port, lastLines(said.String(), 20))
	return ""
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// target is an endpoint with keys.
type target struct{ name, endpoint, key, secret string }

func (x target) env() []string {
	return []string{"AWS_ENDPOINT_URL=" + x.endpoint, "AWS_ACCESS_KEY_ID=" + x.key, "AWS_SECRET_ACCESS_KEY=" + x.secret, "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1",
		"AWS_CONFIG_FILE=/nonexistent", "AWS_SHARED_CREDENTIALS_FILE=/nonexistent", "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER="}
}

func moto(t *testing.T) target {
	t.Helper()
	port := freePort(t)
	at := server(t, port, []string{"AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=y", "MOTO_IAM_LOAD_MANAGED_POLICIES=true"}, tool(t, "FREEZEFRAME_MOTO"), "-H", "127.0.0.1", "-p", port)
	res, err := http.Post(at+"/moto-api/config", "application/json", strings.NewReader(`{"lambda":{"use_docker":false}}`))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return target{"moto", at, "test", "test"}
}

func ministack(t *testing.T) target {
	t.Helper()
	port := freePort(t)
	at := server(t, port, []string{"BIND_HOST=127.0.0.1", "GATEWAY_PORT=" + port, "CLOUDTRAIL_RECORDING=1", "IOT_MTLS_ENABLED=0", "SFTP_ENABLED=0", "MINISTACK_ACCOUNT_ID=" + account}, tool(t, "FREEZEFRAME_MINISTACK"), "-m", "ministack")
	return target{"ministack", at, account, "test"}
}

func versitygw(t *testing.T) target {
	t.Helper()
	port := freePort(t)
	data, versions := t.TempDir(), t.TempDir()
	at := server(t, port, nil, tool(t, "FREEZEFRAME_VERSITYGW"), "--port", "127.0.0.1:"+port, "--access", "AKIAVAULT", "--secret", "vault-secret", "posix", "--versioning-dir", versions, data)
	return target{"versitygw", at, "AKIAVAULT", "vault-secret"}
}

// verdict is what simserver's judge found.
type verdict struct {
	Problems []string
	Covered  map[string]int
}

// simulator serves an empty simulated account; end stops it and gives the verdict.
func simulator(t *testing.T, flags ...string) (x target, end func() verdict) {
	t.Helper()
	cmd := exec.Command(built.simserver, append([]string{"-shapes", shared(t) + "/data/aws-models", "-account", account}, flags...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	var started struct{ Endpoint, Key, Secret string }
	decodeLine(t, lines, &started)
	ended := false
	end = func() verdict {
		ended = true
		if err := in.Close(); err != nil {
			t.Fatal(err)
		}
		var v verdict
		decodeLine(t, lines, &v)
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		return v
	}
	t.Cleanup(func() {
		if !ended {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return target{"ours", started.Endpoint, started.Key, started.Secret}, end
}

func decodeLine(t *testing.T, r *bufio.Reader, into any) {
	t.Helper()
	line, err := r.ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if err := json.Unmarshal(line, into); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
}

// result is what a program printed, and its exit code.
type result struct {
	out, err string
	code     int
}

// runIn runs a program with an endpoint's environment.
func runIn(t *testing.T, env []string, name string, args ...string) result {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	r := result{out: out.String(), err: errs.String()}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		r.code = exit.ExitCode()
	} else if err != nil {
		t.Fatalf("running %s: %v", name, err)
	}
	return r
}

// must runs it and wants an exit code.
func must(t *testing.T, want int, env []string, name string, args ...string) result {
	t.Helper()
	r := runIn(t, env, name, args...)
	if r.code != want {
		t.Fatalf("%s %s: exit code %d, want %d\n%s%s", filepath.Base(name), strings.Join(args, " "), r.code, want, r.out, r.err)
	}
	return r
}
