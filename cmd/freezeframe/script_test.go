package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/freezeframe-ir/freezeframe/playbooks/tabletop"
	"github.com/freezeframe-ir/freezeframe/test/scratch"
)

func TestMain(m *testing.M) {
	// Processes under test mostly wait for their own pace: more of them than processors.
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	testscript.Main(tests{m}, map[string]func(){"freezeframe": main})
}

// tests are run where scratch says; the processes that they start are not.
type tests struct{ *testing.M }

func (t tests) Run() int { return scratch.Main(t.M) }

// TestScripts runs the commands as a user types them, each script against an exercise's
// account of its own, served on 127.0.0.1.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			w, err := staged()
			if err != nil {
				return err
			}
			server := httptest.NewServer(w.Cloud)
			env.Defer(server.Close)
			exercise := httptest.NewServer(&tabletop.Server{World: w}) // the same account, which says what it is
			env.Defer(exercise.Close)
			env.Setenv("EXERCISE_URL", exercise.URL)
			env.Setenv("EXERCISE_ID", w.ID)
			env.Setenv("AWS_ENDPOINT_URL", server.URL)
			env.Setenv("AWS_REGION", w.Scenario.Region)
			env.Setenv("AWS_ACCESS_KEY_ID", w.Responder.AccessKeyID)
			env.Setenv("AWS_SECRET_ACCESS_KEY", w.Responder.SecretAccessKey)
			env.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			env.Setenv("FREEZEFRAME_HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("HOME", env.WorkDir)
			env.Vars = append(env.Vars, scratch.Process)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "awaits": awaits, "exercise": exerciseOf},
	})
}

func staged() (*tabletop.World, error) {
	sc, err := tabletop.Find("code-overwrite")
	if err != nil {
		return nil, err
	}
	w, err := tabletop.Play(context.Background(), sc, tabletop.Options{Seed: 1, Now: time.Now()})
	if err != nil {
		return nil, err
	}
	w.Live()
	return w, nil
}

// awaits FILE: it is there, written by what runs in the background.
func awaits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: awaits FILE")
	}
	for range 600 {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	ts.Fatalf("%s does not appear", args[0])
}

// exerciseOf FILE: FREEZEFRAME_EXERCISE is what this control file says.
func exerciseOf(ts *testscript.TestScript, _ bool, args []string) {
	f, err := readControl(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Setenv("FREEZEFRAME_EXERCISE", f.Exercise)
}

// exits CODE COMMAND...: the command ends with that exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGUMENT...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	path, err := exec.LookPath(args[1])
	ts.Check(err)
	cmd := exec.Command(path, args[2:]...)
	var out, errs bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), &out, &errs
	cmd.Env = environment(ts)
	err = cmd.Run()
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("running %s: %v", args[1], err)
	}
	ts.Check(os.WriteFile(ts.MkAbs("stdout"), out.Bytes(), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("stderr"), errs.Bytes(), 0o600))
	ts.Logf("[stdout]\n%s[stderr]\n%s", out.String(), errs.String())
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func environment(ts *testscript.TestScript) []string {
	var env []string
	for _, k := range []string{"PATH", "HOME", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_EC2_METADATA_DISABLED",
		"FREEZEFRAME_HOME", "FREEZEFRAME_CASE", "FREEZEFRAME_CASES", "FREEZEFRAME_AUTHORITY", "FREEZEFRAME_EXERCISE", "FREEZEFRAME_TABLETOP", "TMPDIR", "GOGC"} {
		if v := ts.Getenv(k); v != "" {
			env = append(env, k+"="+v)
		}
	}
	return env
}
