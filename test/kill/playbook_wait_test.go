package kill

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// waits is a playbook that changes the account once so many people have said yes. What it changes
// only preserves evidence, so that nothing has to be sealed first.
func waits(people int) string {
	return fmt.Sprintf(`playbook: waits%d
title: t
steps:
  - {id: plan, run: contain.plan, with: {resources: ['arn:aws:logs:eu-central-1:123456789012:log-group:/shop/short-lived'], acts: [retention-longer, log-group-protection]}}
  - {id: approve, run: approve, with: {question: 'Keep the logs?', plan: '${steps.plan.plan}', people: %d, within: 24h}}
  - {id: apply, run: contain.apply, with: {plan: '${steps.plan.plan}'}}
  - {id: last, run: notify, with: {text: kept, to: kept.told}}
`, people, people)
}

// answer is what somebody says at another terminal.
type answer struct {
	who string // "bob" has no key of the case: what carol and he say is not signed by one key
	no  bool
}

func (w answer) String() string {
	return w.who + map[bool]string{false: " says yes", true: " says no"}[w.no]
}

// Places at which a run that asks is killed.
const (
	asking = "the question is on its way"
	asked  = "the question is written"
	waited = "it waits"
)

// stretch is one process of a run that waits: where it is killed, and who answers when.
type stretch struct {
	at     string   // "" lets it go on to its end
	unseen []answer // while it waits: written, and not seen before it is killed
	gone   []answer // when it is dead
	while  []answer // while it waits, for it to see
}

// waiting is a run of several stretches.
type waiting struct {
	people    int
	stretches []stretch
	aborted   bool
	who       []string // who is named as having approved
}

func waitings() []waiting {
	ada, bob, no := answer{who: "ada"}, answer{who: "bob"}, answer{who: "ada", no: true}
	one := func(who ...answer) []answer { return who }
	return []waiting{
		{1, []stretch{{at: waited, unseen: one(ada)}, {}}, false, []string{"ada"}},
		{2, []stretch{{at: waited, unseen: one(ada)}, {while: one(bob)}}, false, []string{"ada", "bob"}},
		{1, []stretch{{at: asking}, {while: one(ada)}}, false, []string{"ada"}},
		{1, []stretch{{at: asked, gone: one(ada)}, {}}, false, []string{"ada"}},
		{1, []stretch{{at: asked}, {while: one(ada)}}, false, []string{"ada"}},
		{1, []stretch{{at: waited, gone: one(ada)}, {}}, false, []string{"ada"}},
		{1, []stretch{{at: waited}, {at: waited}, {while: one(ada)}}, false, []string{"ada"}},
		{1, []stretch{{at: waited, unseen: one(no)}, {}}, true, nil},
		{1, []stretch{{at: waited, gone: one(no)}, {}}, true, nil},
		{2, []stretch{{at: waited, unseen: one(ada), gone: one(ada)}, {at: waited}, {while: one(bob)}}, false, []string{"ada", "bob"}},
		{2, []stretch{{at: waited, unseen: one(ada)}, {at: waited, unseen: one(bob)}, {}}, false, []string{"ada", "bob"}},
		{2, []stretch{{at: waited, unseen: one(bob), gone: one(ada)}, {}}, false, []string{"ada", "bob"}},
		{2, []stretch{{at: waited, unseen: one(ada, bob)}, {}}, false, []string{"ada", "bob"}},
		{2, []stretch{{at: asked, gone: one(ada)}, {at: asking}, {at: asked}, {while: one(bob)}}, false, []string{"ada", "bob"}},
		{2, []stretch{{at: waited, unseen: one(bob)}, {while: one(no)}}, true, nil},
	}
}

func (w waiting) String() string {
	out := fmt.Sprintf("%d people", w.people)
	for i, s := range w.stretches {
		out += fmt.Sprintf("; %d.", i+1)
		for _, a := range s.unseen {
			out += " " + a.String() + ", unseen;"
		}
		if s.at != "" {
			out += " killed when " + s.at
		}
		for _, a := range s.gone {
			out += "; then " + a.String()
		}
		for _, a := range s.while {
			out += " " + a.String() + ", seen"
		}
	}
	return out
}

// TestPlaybookWaits kills a run that waits for people, before and after they have answered at another
// terminal, and lets it go on: what was answered counts, once, whoever was there to see it; nothing is
// asked anew, done before enough people have said yes, repeated or left out.
func TestPlaybookWaits(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY under -short: the binary that is killed is built without the race detector; the plain run has it")
	}
	all := os.Getenv("FREEZEFRAME_PLAYBOOK_KILLS") == "all"
	a := stage(t, build(t))
	for people := range 3 {
		check(t, os.WriteFile(filepath.Join(a.dir, fmt.Sprintf("waits%d.yaml", people)), []byte(waits(people)), 0o600))
	}
	a.newRun(t, "waits, undisturbed: ")
	a.run(t, 0, "playbook", "run", "waits1.yaml", "--yes")
	want, calls := a.outcome(t), a.changes()
	want.calls = strings.Join(calls, " ")
	a.lift(t)
	if len(calls) < 2 || len(want.acts) < 2 || len(want.told) != 1 {
		t.Fatalf("the playbook does too little: %+v", want)
	}
	tried := 0
	for i, w := range waitings() {
		if !all && i > 1 {
			continue
		}
		tried++
		a.waitedRun(t, w, want)
		t.Logf("%s: %s", w, map[bool]string{false: "went on to " + want.status, true: "aborted"}[w.aborted])
	}
	t.Logf("%d of %d ways of waiting and being killed tried, 0 skipped", tried, len(waitings()))
}

// waitedRun lets one run wait, be killed and go on, and judges what it leaves.
func (a *arena) waitedRun(t *testing.T, w waiting, want outcome) {
	t.Helper()
	a.newRun(t, w.String()+": ")
	args := []string{"playbook", "run", fmt.Sprintf("waits%d.yaml", w.people)}
	code, said := 0, ""
	for i, s := range w.stretches {
		if s.at != "" {
			a.dieWaiting(t, s, args...)
			if run := a.lastRun(t); run == nil || run.Status != "running" || len(a.toldFiles(t)) > 0 || len(a.soFar()) > 0 {
				t.Fatalf("%safter stretch %d: %+v, told %v, changed %v", a.doing, i+1, run, a.toldFiles(t), a.soFar())
			}
		} else {
			code, said = a.waitOn(t, s.while, args...)
		}
		for _, g := range s.gone {
			a.answer(t, g)
		}
		args = []string{"playbook", "resume"}
	}
	got := a.outcome(t)
	got.calls = strings.Join(a.changes(), " ")
	if w.aborted {
		if code != 4 || got.status != "aborted" || got.calls != "" || len(got.told) > 0 || len(got.acts) > 0 {
			t.Errorf("%swent on with exit code %d, want 4, and as %+v\n%s", a.doing, code, got, said)
		}
	} else if odd := got.differs(want, nil); code != 0 || odd != "" {
		t.Errorf("%swent on with exit code %d, want 0\n%s\ngoing on it said\n%s", a.doing, code, odd, said)
	}
	for _, s := range a.lastRun(t).Steps {
		named := slices.DeleteFunc([]string{"ada", "bob"}, func(who string) bool { return strings.Count(s.Summary, who+" (") != 1 })
		if s.ID == "approve" && !w.aborted && !slices.Equal(named, w.who) {
			t.Errorf("%sthe step says %q, want %v", a.doing, s.Summary, w.who)
		}
	}
	a.verified(t)
	a.lift(t)
}

// soFar are the calls that have changed the account.
func (a *arena) soFar() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(a.calls), func(c string) bool { return strings.HasPrefix(c, "S3:") })
}

// answer says yes or no from a process of its own.
func (a *arena) answer(t *testing.T, g answer) {
	t.Helper()
	args := []string{"playbook", "approve", "--operator", g.who, "--reason", "test"}
	if g.no {
		args = append(args, "--no")
	}
	a.stranger = g.who == "bob"
	defer func() { a.stranger = false }()
	a.run(t, 0, args...)
}

// asks follows a process that asks. Its question is handed to take, with what serves it; reads is
// closed once the process looks at the ledger after that.
func (a *arena) asks(take func(serve func())) (reads chan struct{}, stop func()) {
	reads = make(chan struct{})
	var mu sync.Mutex
	there, once := false, sync.OnceFunc(func() { close(reads) })
	a.mu.Lock()
	defer a.mu.Unlock()
	a.onPut = func(_, body string, serve func()) {
		if !strings.Contains(body, `"kind":"question"`) {
			serve()
			return
		}
		mu.Lock()
		there = true
		mu.Unlock()
		take(serve)
	}
	a.on = func(call string) {
		mu.Lock()
		defer mu.Unlock()
		if there && strings.HasPrefix(call, "S3:List") {
			once()
		}
	}
	return reads, func() { a.mu.Lock(); a.onPut, a.on = nil, nil; a.mu.Unlock() }
}

// dieWaiting runs a command that asks, and kills it there. While it waits it is held still, so that
// it cannot see what is answered.
func (a *arena) dieWaiting(t *testing.T, s stretch, args ...string) {
	t.Helper()
	cmd := a.command(args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	started, dead := make(chan struct{}), make(chan struct{})
	kill := func() {
		<-started
		_ = cmd.Process.Kill()
		<-dead
	}
	reads, stop := a.asks(func(serve func()) {
		if s.at != asking {
			serve() // the answer leaves when this function has returned
		}
		if s.at != waited {
			kill()
		}
	})
	check(t, cmd.Start())
	close(started)
	var err error
	go func() { defer close(dead); err = cmd.Wait() }()
	if s.at == waited {
		select {
		case <-reads:
			check(t, cmd.Process.Signal(syscall.SIGSTOP))
			for _, g := range s.unseen {
				a.answer(t, g)
			}
			_ = cmd.Process.Kill()
		case <-dead:
		}
	}
	<-dead
	stop()
	a.settle()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != -1 { //nolint:errorlint // os/exec's own, as it comes
		t.Fatalf("%snot killed when %s: %v\n%s", a.doing, s.at, err, said.Bytes())
	}
}

// waitOn runs a command to its end. Who is to answer while it waits does so when it looks for answers.
func (a *arena) waitOn(t *testing.T, while []answer, args ...string) (int, string) {
	t.Helper()
	reads, stop := a.asks(func(serve func()) { serve() })
	defer stop()
	cmd := a.command(args...)
	done := make(chan struct{})
	var code int
	var said string
	go func() { defer close(done); code, said = ended(cmd) }()
	if len(while) > 0 {
		select {
		case <-reads:
			for _, g := range while {
				a.answer(t, g)
			}
		case <-done:
			t.Errorf("%sit did not wait for %v", a.doing, while)
		}
	}
	<-done
	return code, said
}
