package kill

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/bench"
)

// killed is a playbook of every kind of step that leaves something behind.
const killedPlaybook = `playbook: killed
title: a run that is killed at each of its steps
inputs:
  function: {type: string, required: true}
steps:
  - {id: collect, run: collect, with: {function: '${inputs.function}', scope: containment}}
  - {id: plan, run: contain.plan, with: {function: '${inputs.function}', level: stop, accept_shared_role: true}}
  - {id: approve, run: approve, with: {question: 'Stop it?', plan: '${steps.plan.plan}'}}
  - id: ways
    branch:
      - when: steps.plan.calls != 0
        steps:
          - {id: apply, run: contain.apply, with: {plan: '${steps.plan.plan}'}}
    else:
      - {id: idle, run: notify, with: {text: nothing to do, to: stdout}}
  - id: tell
    each: [alice, bob]
    most: 2
    steps:
      - {id: told, run: notify, with: {text: it is stopped, to: told.txt, also: [who]}}
  - {id: verify, run: verify}
  - {id: report, run: report, with: {function: '${inputs.function}'}}
`

// ran is what "playbook status RUN --json" says of a run.
type ran struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Steps  []struct {
		ID     string `json:"id"`
		Status string `json:"status"`
	} `json:"steps"`
}

func (r ran) String() string {
	out := r.Status
	for _, s := range r.Steps {
		out += " " + s.ID + "=" + s.Status
	}
	return out
}

// TestPlaybookKills kills the run of a playbook where each of its steps begins, and before and
// after the effect of each call that changes the account. Going on then repeats nothing and leaves
// nothing out: each step has one result, the account was changed once, each bag is there once.
func TestPlaybookKills(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY under -short: the binary that is killed is built without the race detector; the plain run has it")
	}
	a := newArena(t, build(t))
	path := filepath.Join(a.dir, "killed.yaml")
	if err := os.WriteFile(path, []byte(killedPlaybook), 0o600); err != nil {
		t.Fatal(err)
	}
	running := []string{"playbook", "run", path, "--yes", "--set", "function=" + bench.Function}
	begin := func(doing string) {
		a.doing = doing + ": "
		a.cases++
		a.run(t, 0, "case", "open", a.caseDir(), "--title", "t", "--authority", "a", "--operator", "o")
		_ = os.Remove(filepath.Join(a.dir, "told.txt"))
		a.changed()
	}
	begin("undisturbed")
	a.run(t, 0, running...)
	calls, want, trace := a.changed(), a.lastRun(t), a.traces(t)
	a.run(t, 0, lifting...)
	if len(calls) < 2 {
		t.Fatalf("the run changes the account by %v alone", calls)
	}
	var at []string // "> STEP" or a call
	for _, s := range want.Steps {
		if s.ID != "ways" && s.ID != "tell" { // of these their parts are
			at = append(at, "> "+s.ID)
		}
	}
	cells := 0
	for _, where := range append(at, calls...) {
		for _, effect := range []bool{false, true} {
			if os.Getenv("FREEZEFRAME_PLAYBOOK_KILLS") != "all" && rand.IntN(3) != 0 || effect && strings.HasPrefix(where, "> ") {
				continue // another third in each run
			}
			cells++
			begin(fmt.Sprintf("killed at %s, effect %v", where, effect))
			if strings.HasPrefix(where, "> ") {
				a.dieAtLine(t, where, running...)
			} else {
				a.die(t, where, effect, running...)
			}
			a.run(t, 0, "playbook", "resume", "--yes")
			if got := a.lastRun(t); got.String() != want.String() {
				t.Errorf("%s\n%s\nwant\n%s", a.doing, got, want)
			}
			// An application that was cut off at a call is a bag of its own, sealed when the run goes on.
			left := trace
			if !strings.HasPrefix(where, "> ") {
				left = strings.Replace(trace, "1 of containment", "2 of containment", 1)
			}
			if got := a.traces(t); got != left && !(where == "> apply" && got == strings.Replace(trace, "1 of containment", "2 of containment", 1)) {
				t.Errorf("%sleft\n%s\nwant\n%s", a.doing, got, left)
			}
			a.run(t, 0, "verify")
			a.run(t, 0, lifting...)
		}
	}
	t.Logf("%d kills at as many of %d places, 0 skipped: the beginnings of steps, and calls before and after their effect: %q", cells, len(at)+2*len(calls), append(at, calls...))
}

func (a *arena) caseDir() string { return filepath.Join(a.dir, fmt.Sprint("case", a.cases)) }

// said runs a command whose answer is JSON.
func (a *arena) said(t *testing.T, into any, args ...string) {
	t.Helper()
	out, err := a.command(append(args, "--json")...).Output()
	if err == nil {
		err = json.Unmarshal(out, into)
	}
	if err != nil {
		t.Fatalf("%s%v: %v\n%s", a.doing, args, err, out)
	}
}

// lastRun is the only run of the case, step by step.
func (a *arena) lastRun(t *testing.T) ran {
	t.Helper()
	var all []ran
	a.said(t, &all, "playbook", "status")
	if len(all) != 1 {
		t.Fatalf("%s%d runs", a.doing, len(all))
	}
	var one ran
	a.said(t, &one, "playbook", "status", all[0].ID)
	return one
}

// traces are what a run leaves: bags by kind, what is in force, who was told.
func (a *arena) traces(t *testing.T) string {
	t.Helper()
	var list struct {
		Bags []struct {
			Kind   string `json:"kind"`
			Sealed bool   `json:"sealed"`
			Status string `json:"status"`
		} `json:"bags"`
	}
	a.said(t, &list, "case", "list")
	kinds := map[string]int{}
	for _, b := range list.Bags {
		if b.Sealed {
			kinds[b.Kind]++
		}
	}
	var standing []struct {
		Act   string `json:"act"`
		State string `json:"state"`
	}
	a.said(t, &standing, "contain", "status")
	var acts []string
	for _, s := range standing {
		acts = append(acts, s.Act+" "+s.State)
	}
	slices.Sort(acts)
	told, err := os.ReadFile(filepath.Join(a.dir, "told.txt"))
	if err != nil {
		t.Fatal(err)
	}
	// Whoever is told when the run is killed may be told again: that is said, and not counted here.
	once := 0
	for _, line := range strings.Split(strings.TrimSpace(string(told)), "\n") {
		if !strings.Contains(line, "perhaps for the second time") {
			once++
		}
	}
	return fmt.Sprintf("%d collections, %d runs of playbooks, %d of containment; %s; told %d", kinds["collection"], kinds["playbook"], kinds["containment"], strings.Join(acts, ", "), once)
}

// dieAtLine runs a command that is killed as soon as it says a line.
func (a *arena) dieAtLine(t *testing.T, line string, args ...string) {
	t.Helper()
	cmd := a.command(args...)
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := make(chan bool)
	go func() {
		seen := false
		var all bytes.Buffer
		for s := bufio.NewScanner(io.TeeReader(r, &all)); s.Scan(); {
			if !seen && (s.Text() == line || strings.HasPrefix(s.Text(), line+" ")) {
				seen = cmd.Process.Kill() == nil
			}
		}
		killed <- seen
	}()
	err := cmd.Wait()
	_ = w.Close()
	exit, ok := err.(*exec.ExitError) //nolint:errorlint // os/exec's own, as it comes
	if !<-killed || !ok || exit.ExitCode() != -1 {
		t.Errorf("%snot killed: %v", a.doing, err)
	}
}
