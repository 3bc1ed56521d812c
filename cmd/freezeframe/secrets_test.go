package main

import (
	"bytes"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/evidence/secretscan"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/playbooks/tabletop"
)

// TestSecretsStaySealed searches every byte that the commands write (the case with its
// archives inflated, stdout, stderr, JSON, and the trace of a process that is made to
// crash) for the secrets of the environment, in every form they could take. The same search
// finds them all once sealing is switched off.
func TestSecretsStaySealed(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY: processes one after another, of commands that the scripts run too; run without -short")
	}
	t.Parallel()
	w, dir, env := serveExercise(t)
	caseDir := filepath.Join(dir, "case")
	said := filepath.Join(dir, "said")
	if err := os.Mkdir(said, 0o700); err != nil {
		t.Fatal(err)
	}
	for i, line := range []string{
		"case open " + caseDir + " --title t --authority a --operator o",
		"collect --function payments", "collect --function payments --json", "verify", "verify --json",
		"timeline build", "timeline build --json", "timeline build --format timesketch", "timeline build --format csv", "timeline build --format l2tcsv", "timeline build --format ocsf", "timeline story --function payments", "timeline story --function payments --json",
		"contain plan --function payments --accept-shared-role --out " + filepath.Join(said, "plan.json"), "contain apply " + filepath.Join(said, "plan.json") + " --json",
		"contain status --json", "contain release --reason r", "contain undo --all --accept-risk r --reason r",
		"contain plan --function payments --accept-shared-role --level evict --act policy-deny --good-version 1 --out " + filepath.Join(said, "back.json"), "contain apply " + filepath.Join(said, "back.json") + " --json",
		"contain status", "contain undo --all --accept-risk r --reason r --json", "report", "report --format md", "report --format stix", "report --format json",
		"playbook run lambda-compromise --set function=payments --set accept_shared_role=true --set watch=1s --yes", "collect --function nothere",
	} {
		out := runIn(t, env, said, i, line)
		if out != 0 && !strings.Contains(line, "nothere") {
			t.Errorf("%s: exit code %d", line, out)
		}
	}
	crash(t, env, said)
	s := secretscan.New(tabletop.Secrets()...)
	sealed := func(path string) bool { return strings.Contains(filepath.ToSlash(path), "/data/sealed/") }
	for _, where := range []string{caseDir, said} {
		hits, err := s.Dir(where, sealed)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hits {
			t.Errorf("a secret outside data/sealed: %+v", h)
		}
	}
	foundWhenUnsealed(t, w, dir)
}

// serveExercise stages the exercise and serves it on 127.0.0.1. env is that of a responder.
func serveExercise(t *testing.T) (w *tabletop.World, dir string, env []string) {
	t.Helper()
	w, err := staged()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w.Cloud)
	t.Cleanup(server.Close)
	dir = t.TempDir()
	return w, dir, append(environ(w.Responder, server.URL, w.Scenario.Region, dir), "FREEZEFRAME_CASE="+filepath.Join(dir, "case"))
}

// runIn runs a command line and keeps what it said.
func runIn(t *testing.T, env []string, said string, n int, line string) int {
	t.Helper()
	path, err := exec.LookPath("freezeframe")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, strings.Fields(line)...)
	cmd.Env = env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
	for name, b := range map[string]*bytes.Buffer{"out": &out, "err": &errs} {
		if err := os.WriteFile(filepath.Join(said, name+"-"+string(rune('a'+n))), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cmd.ProcessState.ExitCode()
}

// crash makes a collecting process dump its goroutines and die.
func crash(t *testing.T, env []string, said string) {
	t.Helper()
	path, err := exec.LookPath("freezeframe")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "collect", "--function", "payments")
	cmd.Env = append(env[:len(env):len(env)], "GOTRACEBACK=all")
	var trace bytes.Buffer
	cmd.Stderr = &trace
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(700 * time.Millisecond)
	if err := cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it died of the signal
	if !strings.Contains(trace.String(), "goroutine ") {
		t.Fatalf("no trace: %s", trace.String())
	}
	if err := os.WriteFile(filepath.Join(said, "trace"), trace.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// foundWhenUnsealed proves that the search can find what it looks for.
func foundWhenUnsealed(t *testing.T, w *tabletop.World, dir string) {
	t.Helper()
	v, err := vault.NewFolder(filepath.Join(dir, "open"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := evidence.CreateCase(t.Context(), v, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "o", Home: filepath.Join(dir, "home")})
	if err != nil {
		t.Fatal(err)
	}
	c.Sealer = func(w io.Writer) (io.WriteCloser, error) { return unsealed{w}, nil }
	s, err := w.Session(t.Context(), true, nil)
	if err != nil {
		t.Fatal(err)
	}
	targets, err := resolveTargets(t.Context(), s, []string{"payments"}, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := collect.Into(t.Context(), s, c, header("o"), targets, collect.Options{Unpaced: true}); err != nil {
		t.Fatal(err)
	}
	for _, secret := range tabletop.Secrets() {
		hits, err := secretscan.New(secret).Dir(filepath.Join(dir, "open"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(hits) == 0 {
			t.Errorf("with sealing switched off the search does not find %q", secret)
		}
	}
}

type unsealed struct{ io.Writer }

func (unsealed) Close() error { return nil }
