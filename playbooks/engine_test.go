package playbooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

func newCase(t *testing.T) *evidence.Case {
	t.Helper()
	v, err := vault.NewFolder(t.TempDir() + "/case")
	if err != nil {
		t.Fatal(err)
	}
	c, err := evidence.CreateCase(t.Context(), v, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "olive", Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// offline is an environment without an account; what notify says is kept.
func offline(t *testing.T) (*Env, *[]string) {
	t.Helper()
	said := &[]string{}
	return &Env{Case: newCase(t), Operator: "olive", Host: "h", Now: time.Now, Tool: evidence.Tool{Name: "test"},
		Say: func(line string) { line, _, _ = strings.Cut(line, " (case"); *said = append(*said, line) }}, said
}

func parsed(t *testing.T, text string) *Playbook {
	t.Helper()
	pb, err := ParseWith("p.yaml", []byte(text), subSource)
	if err != nil {
		t.Fatal(err)
	}
	return pb
}

func say(id, text string) string {
	return fmt.Sprintf("{id: %s, run: notify, with: {text: %s, to: stdout}}", id, text)
}

// fails is a step that cannot succeed: its folder is not there.
func fails(id, onFailure string) string {
	return fmt.Sprintf("{id: %s, run: notify, on_failure: %s, with: {text: x, to: /nowhere/at/all}}", id, onFailure)
}

const plainHead = "playbook: p\ntitle: t\ninputs:\n  all: {type: strings, default: [a, b, c]}\n  now: {type: bool, default: false}\nsteps:\n  - "

func steps(lines ...string) string { return plainHead + strings.Join(lines, "\n  - ") + "\n" }

// TestControlFlow: what a run says, which steps it takes and how it ends.
func TestControlFlow(t *testing.T) {
	for _, c := range []struct {
		name, text string
		said       string // in order; of lanes and turns in any
		status     Status
		steps      string
	}{
		{"in order", steps(say("one", "1"), say("two", "2")), "1 2", Succeeded, "one=succeeded two=succeeded"},
		{"a condition that holds", steps("{id: one, when: inputs.now = false, run: notify, with: {text: '1', to: stdout}}"), "1", Succeeded, "one=succeeded"},
		{"a condition that does not", steps("{id: one, when: inputs.now = true, run: notify, with: {text: '1', to: stdout}}", "{id: two, when: steps.one.status = skipped, run: notify, with: {text: '2', to: stdout}}"), "2", Succeeded, "one=skipped two=succeeded"},
		{"stop", steps(fails("one", "stop"), say("two", "2")), "", Failed, "one=failed two=skipped"},
		{"continue never looks well", steps(fails("one", "continue"), say("two", "2")), "2", Failed, "one=failed two=succeeded"},
		{"goto", steps(fails("one", "{goto: three}"), say("two", "2"), say("three", "3")), "3", Failed, "one=failed two=skipped three=succeeded"},
		{"goto out of a branch", steps("id: ways\n    branch:\n      - when: inputs.now = false\n        steps: ["+fails("one", "{goto: three}")+"]", say("two", "2"), say("three", "3")), "3", Failed, "one=failed ways=succeeded two=skipped three=succeeded"},
		{"the first case", steps("id: ways\n    branch:\n      - when: inputs.now = false\n        steps: [" + say("one", "1") + "]\n      - when: inputs.now = false\n        steps: [" + say("two", "2") + "]\n    else: [" + say("three", "3") + "]"), "1", Succeeded, "one=succeeded ways=succeeded"},
		{"else", steps("id: ways\n    branch:\n      - when: inputs.now = true\n        steps: [" + say("one", "1") + "]\n    else: [" + say("three", "3") + "]"), "3", Succeeded, "three=succeeded ways=succeeded"},
		{"no case", steps("id: ways\n    branch:\n      - when: inputs.now = true\n        steps: ["+say("one", "1")+"]", say("two", "2")), "2", Succeeded, "ways=succeeded two=succeeded"},
		{"a branch that fails and is passed over", steps("id: ways\n    on_failure: continue\n    branch:\n      - when: inputs.now = false\n        steps: ["+fails("one", "stop")+"]", say("two", "2")), "2", Failed, "one=failed ways=failed two=succeeded"},
		{"a loop", steps("id: turn\n    each: ${inputs.all}\n    most: 3\n    steps: [{id: one, run: notify, with: {text: '${each.turn}', to: stdout}}]"), "a b c", Succeeded, "turn[1]/one=succeeded turn[2]/one=succeeded turn[3]/one=succeeded turn=succeeded"},
		{"a loop with too many turns", steps("id: turn\n    each: ${inputs.all}\n    most: 2\n    steps: [" + say("one", "1") + "]"), "", Failed, "turn=failed"},
		{"lanes", steps("id: both\n    parallel:\n      - steps: ["+say("one", "1")+"]\n      - steps: ["+say("two", "2")+"]\n    limit: 1", "{id: three, when: steps.one.status = succeeded, run: notify, with: {text: '3', to: stdout}}"), "1 2 3", Succeeded, "one=succeeded two=succeeded both=succeeded three=succeeded"},
		{"a lane that fails leaves the others alone", steps("id: both\n    parallel:\n      - steps: ["+fails("one", "stop")+"]\n      - steps: ["+say("two", "2")+"]\n    limit: 1", say("three", "3")), "2", Failed, "one=failed two=succeeded both=failed three=skipped"},
		{"a turn that fails leaves the others alone", steps("id: turn\n    on_failure: continue\n    each: ${inputs.all}\n    most: 3\n    steps: ["+fails("one", "{goto: three}")+", "+say("two", "2")+", {id: three, run: notify, with: {text: '${each.turn}', to: stdout}}]", say("last", "9")), "a b c 9", Failed,
			"turn[1]/one=failed turn[1]/two=skipped turn[1]/three=succeeded turn[2]/one=failed turn[2]/two=skipped turn[2]/three=succeeded turn[3]/one=failed turn[3]/two=skipped turn[3]/three=succeeded turn=succeeded last=succeeded"},
		{"a loop that fails", steps("id: turn\n    each: ${inputs.all}\n    most: 3\n    steps: ["+fails("one", "stop")+", "+say("two", "2")+"]", say("last", "9")), "", Failed,
			"turn[1]/one=failed turn[1]/two=skipped turn[2]/one=failed turn[2]/two=skipped turn[3]/one=failed turn[3]/two=skipped turn=failed last=skipped"},
		{"goto within a lane", steps("id: both\n    parallel:\n      - steps: [" + fails("one", "{goto: three}") + ", " + say("two", "2") + ", " + say("three", "3") + "]\n      - steps: [" + say("four", "4") + "]\n    limit: 1"), "3 4", Failed,
			"one=failed two=skipped three=succeeded four=succeeded both=succeeded"},
		{"a used playbook that fails", steps("{id: use, playbook: breaks, on_failure: {goto: three}}", say("two", "2"), say("three", "3")), "3", Failed, "use/bad=failed use/done=skipped use=failed two=skipped three=succeeded"},
		{"a no within lanes ends all", steps("id: both\n    on_failure: continue\n    parallel:\n      - steps: [{id: ask, run: approve, on_failure: continue, with: {question: 'well?'}}, "+say("one", "1")+"]\n      - steps: ["+say("two", "2")+"]\n    limit: 1", say("three", "3")), "2", Aborted, "ask=aborted one=skipped two=succeeded both=aborted three=skipped"},
		{"a used playbook", steps("{id: use, playbook: greets, with: {who: ada}}", "{id: two, run: notify, with: {text: '${steps.use.word}', to: stdout}}"), "ada ada", Succeeded, "use/hello=succeeded use/done=succeeded use=succeeded two=succeeded"},
		{"nobody is asked", steps("{id: ask, run: approve, with: {question: 'well?'}}", say("two", "2")), "", Aborted, "ask=aborted two=skipped"},
		{"what nobody does", steps("{id: do, run: manual, with: {do: call them}}", say("two", "2")), "2", WithGaps, "do=succeeded with gaps two=succeeded"},
		{"what is left to people", steps("{id: do, run: manual, with: {do: call them, later: true}}", say("two", "2")), "2", Succeeded, "do=succeeded two=succeeded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			env, said := offline(t)
			run, err := Execute(t.Context(), parsed(t, c.text), nil, env)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range run.Steps {
				got = append(got, s.ID+"="+string(s.Status))
			}
			if strings.Join(got, " ") != c.steps || run.Status != c.status || strings.Join(*said, " ") != c.said {
				t.Errorf("it said %v and ended as %s:\n%s\nwant %s, %s:\n%s", *said, run.Status, strings.Join(got, " "), c.said, c.status, c.steps)
			}
			if (run.Status == Succeeded || run.Status == WithGaps) != (run.Err() == nil) {
				t.Errorf("status %s with error %v", run.Status, run.Err())
			}
			verified(t, env.Case)
		})
	}
}

func verified(t *testing.T, c *evidence.Case) {
	t.Helper()
	for p, err := range c.Verify(t.Context()) {
		t.Errorf("the case: %v %v", p, err)
	}
}

// TestCutOffAnywhere cuts a run off after each of its reports, and goes on: every step has one
// result, nothing was said twice, and it ends as the run that nobody cut off.
func TestCutOffAnywhere(t *testing.T) {
	text := steps(say("one", "1"), "id: turn\n    each: ${inputs.all}\n    most: 3\n    steps: [{id: each, run: notify, with: {text: '${each.turn}', to: stdout}}, {id: pause, run: wait, with: {for: 1ms}}]",
		"id: ways\n    branch:\n      - when: steps.one.status = succeeded\n        steps: [{id: use, playbook: greets, with: {who: ada}}]", fails("bad", "{goto: last}"), say("never", "x"), say("last", "9"))
	whole, all := offline(t)
	want, err := Execute(t.Context(), parsed(t, text), nil, whole)
	if err != nil {
		t.Fatal(err)
	}
	cuts, from := 0, 1+rand.IntN(4) // a quarter of the places, others each time
	for k := from; ; k += 4 {
		env, said := offline(t)
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		env.Tell = func(StepReport) {
			if n++; n == k {
				cancel()
			}
		}
		run, err := Execute(ctx, parsed(t, text), nil, env)
		cancel()
		if err != nil {
			t.Fatalf("cut %d: %v", k, err)
		}
		if n < k {
			break
		}
		cuts++
		if run.Status != Interrupted {
			if run.Status != want.Status { // cut off after the last step: there was nothing left to do
				t.Errorf("cut %d: %s", k, run.Status)
			}
			continue
		}
		env.Tell = nil
		again, err := Resume(t.Context(), bagOf(t, env.Case, run.ID), env)
		if err != nil {
			t.Fatalf("cut %d: going on: %v", k, err)
		}
		if fmt.Sprint(outcomes(again)) != fmt.Sprint(outcomes(want)) || again.Status != want.Status {
			t.Errorf("cut %d: %s\n%v\nwant %s\n%v", k, again.Status, outcomes(again), want.Status, outcomes(want))
		}
		if fmt.Sprint(*said) != fmt.Sprint(*all) {
			t.Errorf("cut %d: it said %v, want %v", k, *said, *all)
		}
		rec, err := ReadRecord(t.Context(), bagOf(t, env.Case, run.ID))
		if err != nil || !rec.Sealed || rec.Run().Status != want.Status {
			t.Errorf("cut %d: the record: %v %v", k, rec, err)
		}
		verified(t, env.Case)
	}
	t.Logf("%d cuts, each fourth from %d on, 0 skipped", cuts, from)
	if cuts < 5 {
		t.Errorf("only %d reports to cut at", cuts)
	}
}

func outcomes(r *Run) []string {
	var out []string
	for _, s := range r.Steps {
		out = append(out, s.ID+"="+string(s.Status))
	}
	return out
}

func bagOf(t *testing.T, c *evidence.Case, id string) *evidence.Bag {
	t.Helper()
	for b, err := range c.Bags(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if b.ID() == id {
			return b
		}
	}
	t.Fatalf("no bag %s", id)
	return nil
}

// TestCutOffAtTheEnd: a run that was cut off when all was done but sealing its record is sealed,
// and nothing else; one whose record somebody sealed before its end is told as that.
func TestCutOffAtTheEnd(t *testing.T) {
	env, said := offline(t)
	for _, c := range []struct {
		ended bool
		want  Status
	}{{true, Failed}, {false, Aborted}} {
		r := newRun(parsed(t, steps(say("one", "1"))), env)
		if err := r.begin(t.Context(), parsed(t, steps(say("one", "1"))), map[string]any{}); err != nil {
			t.Fatal(err)
		}
		if c.ended {
			if err := r.note(t.Context(), noteEnd, endNote{Status: Failed, Error: "as it was"}); err != nil {
				t.Fatal(err)
			}
			run, err := Resume(t.Context(), bagOf(t, env.Case, r.ID), env)
			if err != nil || run.Status != Failed || run.Err() == nil || len(*said) != 0 {
				t.Errorf("going on: %v %v, said %v", run, err, *said)
			}
		} else {
			if _, err := r.w.Seal(t.Context(), evidence.StatusPartial); err != nil {
				t.Fatal(err)
			}
			if run, err := Resume(t.Context(), bagOf(t, env.Case, r.ID), env); err != nil || run.Status != Aborted { // the ledger gets its end
				t.Errorf("going on: %v %v", run, err)
			}
		}
		b := bagOf(t, env.Case, r.ID)
		if rec, err := ReadRecord(t.Context(), b); err != nil || !rec.Sealed || rec.Run().Status != c.want || rec.Run().Err() == nil {
			t.Errorf("the record: %+v %v", rec, err)
		}
		if _, err := Resume(t.Context(), b, env); !errors.Is(err, ErrNoRun) {
			t.Errorf("once more: %v", err)
		}
	}
	verified(t, env.Case)
}

// TestCutOffBeforeItBegan: a run that was cut off before it had noted what it is to do spoils nothing
// for the others of its case, and is told as one that has to be run anew.
func TestCutOffBeforeItBegan(t *testing.T) {
	env, said := offline(t)
	h := env.header()
	h.Kind, h.Params = evidence.KindPlaybook, map[string]string{"playbook": "p"}
	w, err := env.Case.Begin(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := ReadRecord(t.Context(), bagOf(t, env.Case, w.Bag()))
	if err != nil || rec.Run().Status != Interrupted || rec.Run().Playbook != "p" {
		t.Fatalf("the record: %+v %v", rec, err)
	}
	for range 2 { // the second time its record is sealed
		if _, err := Resume(t.Context(), bagOf(t, env.Case, w.Bag()), env); !errors.Is(err, ErrNoRun) {
			t.Errorf("going on: %v", err)
		}
	}
	if run, err := Execute(t.Context(), parsed(t, steps(say("one", "1"))), nil, env); err != nil || run.Status != Succeeded || len(*said) != 1 {
		t.Errorf("anew: %v %v, said %v", run, err, *said)
	}
	verified(t, env.Case)
}

// TestResumeFirst: the steps of resume run whenever a run goes on, and not before.
func TestResumeFirst(t *testing.T) {
	env, said := offline(t)
	text := strings.Replace(steps(say("one", "1"), say("two", "2")), "steps:\n", "resume:\n  - "+say("again", "again")+"\nsteps:\n", 1)
	ctx, cancel := context.WithCancel(t.Context())
	env.Tell = func(r StepReport) {
		if r.ID == "one" && r.Status == Succeeded {
			cancel()
		}
	}
	run, err := Execute(ctx, parsed(t, text), nil, env)
	if err != nil || run.Status != Interrupted {
		t.Fatal(run, err)
	}
	if run, err = Resume(t.Context(), bagOf(t, env.Case, run.ID), env); err != nil || run.Status != Succeeded {
		t.Fatal(run, err)
	}
	if fmt.Sprint(*said) != "[1 again 2]" {
		t.Error(*said)
	}
	if _, err := Resume(t.Context(), bagOf(t, env.Case, run.ID), env); !errors.Is(err, ErrNoRun) {
		t.Errorf("a run that has ended: %v", err)
	}
}

// TestWebhooks: only what the operator allowed is told, in one form, without what a report must not hold.
func TestWebhooks(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		_, _ = b.ReadFrom(r.Body)
		got = append(got, r.URL.Path+" "+b.String())
		if strings.HasPrefix(r.URL.Path, "/away") {
			http.Redirect(w, r, "/hook/elsewhere", http.StatusFound)
		}
	}))
	defer server.Close()
	for _, c := range []struct {
		to      string
		allowed []string
		ok      bool
	}{
		{server.URL + "/hook/T0/secret", []string{server.URL + "/hook/"}, true},
		{server.URL + "/hook/T0/secret", nil, false},
		{server.URL + "/other", []string{server.URL + "/hook/"}, false},
		{server.URL + "/hook/../other", []string{server.URL + "/hook/"}, false},
		{server.URL + "/away", []string{server.URL}, false},
		{"http://example.com/hook", []string{"http://example.com/"}, false},
		{"https://user@example.com/hook", []string{"https://example.com/"}, false},
		{"file:///etc/passwd", []string{"file:///"}, false},
	} {
		env, _ := offline(t)
		env.Webhooks, env.Exercise = c.allowed, "E1"
		run, err := Execute(t.Context(), parsed(t, steps("{id: tell, run: notify, with: {text: \"x\\u001b[31m\", to: '"+c.to+"'}}")), nil, env)
		if err != nil {
			t.Fatal(err)
		}
		if (run.Status == Succeeded) != c.ok {
			t.Errorf("%s with %v: %s %v", c.to, c.allowed, run.Status, run.Err())
		}
		if run.Err() != nil && strings.Contains(run.Err().Error(), "secret") {
			t.Errorf("the error tells the address: %v", run.Err())
		}
	}
	if len(got) != 2 || !strings.HasPrefix(got[0], `/hook/T0/secret {"text":"EXERCISE: x`) || strings.Contains(got[0], "\\u001b") {
		t.Errorf("told: %q", got)
	}
}

// TestNotifyFile: a file is appended to, and nobody else reads it.
func TestNotifyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "told.txt")
	env, _ := offline(t)
	for range 2 {
		if run, err := Execute(t.Context(), parsed(t, steps("{id: tell, run: notify, with: {text: hello, to: '"+path+"', also: [a, b]}}")), nil, env); err != nil || run.Status != Succeeded {
			t.Fatal(run, err)
		}
	}
	data, err := os.ReadFile(path)
	info, statErr := os.Stat(path)
	if err != nil || statErr != nil || strings.Count(string(data), "hello: a, b (case ") != 2 || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("%s %v %v %v", data, err, info, statErr)
	}
}

// TestWaitGoesOn: a wait that was cut off ends when it would have ended.
func TestWaitGoesOn(t *testing.T) {
	env, _ := offline(t)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
		defer cancel()
		run, err := Execute(ctx, parsed(t, steps("{id: pause, run: wait, with: {for: 1h}}")), nil, env)
		if err != nil || run.Status != Interrupted {
			t.Fatal(run, err)
		}
		time.Sleep(10 * time.Minute)
		if run, err = Resume(context.Background(), bagOf(t, env.Case, run.ID), env); err != nil || run.Status != Succeeded {
			t.Fatal(run, err)
		}
		if took := time.Since(began).Truncate(time.Second); took != time.Hour {
			t.Errorf("it took %s", took)
		}
	})
}

// TestExercisesStayApart: an exercise is not gone on with as the real thing.
func TestExercisesStayApart(t *testing.T) {
	env, _ := offline(t)
	env.Exercise = "E1"
	ctx, cancel := context.WithCancel(t.Context())
	env.Tell = func(StepReport) { cancel() }
	run, err := Execute(ctx, parsed(t, steps("{id: pause, run: wait, with: {for: 1h}}")), nil, env)
	if err != nil || run.Status != Interrupted {
		t.Fatal(run, err)
	}
	env.Exercise = ""
	if _, err := Resume(t.Context(), bagOf(t, env.Case, run.ID), env); !errors.Is(err, ErrExercise) {
		t.Error(err)
	}
}

// TestMistakesOfShape: each is named with its line.
func TestMistakesOfShape(t *testing.T) {
	for text, want := range map[string]string{
		steps("{id: a, run: wait, playbook: x, with: {for: 1m}}"): "one of the keys run, playbook, branch, parallel, each",
		steps("{id: a}"): "one of the keys run",
		steps("{id: a, run: wait, most: 3, with: {for: 1m}}"):                                      `key "most" has no meaning beside "run"`,
		steps("id: a\n    each: ${inputs.all}\n    steps: [" + say("b", "1") + "]"):                `key "most" is missing`,
		steps("id: a\n    each: ${inputs.now}\n    most: 2\n    steps: [" + say("b", "1") + "]"):   "a list of texts is wanted, bool was given",
		steps("{id: a, when: inputs.nwo = true, run: wait, with: {for: 1m}}"):                      "did you mean inputs.now?",
		steps("{id: a, when: steps.b.status = done, run: wait, with: {for: 1m}}"):                  `no field "steps.b.status"`,
		steps(say("a", "1"), "{id: b, when: steps.a.status = done, run: wait, with: {for: 1m}}"):   "there are succeeded",
		steps("{id: a, run: wait, on_failure: {goto: b}, with: {for: 1m}}"):                        "which is no later step",
		steps(say("b", "1"), "{id: a, run: wait, on_failure: {goto: b}, with: {for: 1m}}"):         "which is no later step",
		steps("{id: a, run: wait, with: {for: '${steps.x.y}'}}"):                                   `no earlier step "x"`,
		steps("{id: a, run: notify, with: {text: 'hello ${inputs.now}', to: stdout}}"):             "a reference stands alone",
		steps("{id: a, playbook: nobody}"):                                                         `no built-in playbook "nobody"`,
		steps("{id: a, run: contain.plan, with: {function: f, acts: [concurrency-zro]}}"):          `did you mean "concurrency-zero"?`,
		steps("{id: a, run: contain.plan, with: {function: f, level: stopp}}"):                     `did you mean "stop"?`,
		steps("{id: a, run: approve, retries: 2, with: {question: x}}"):                            "people are not asked again",
		steps("{id: a, run: wait, override: x, with: {for: 1m}}"):                                  "only a step that changes the account",
		steps("{id: a, run: wait, retries: 9, with: {for: 1m}}"):                                   "from 0 to 5",
		steps("{id: a, phase: contian, run: wait, with: {for: 1m}}"):                               `did you mean "contain"?`,
		steps("id: a\n    parallel:\n      - steps: [" + say("b", "1") + "]"):                      "2 to 64 lanes",
		steps("{id: a, run: wait, timeout: 1m, with: {for: 1h}}"):                                  "wait for 1h0m0s is never done within its timeout of 1m0s",
		steps("{id: a, run: contain.watch, with: {for: 26h}}"):                                     "contain.watch for 26h0m0s is never done within its timeout of 25h0m0s",
		steps("{id: a, run: wait, timeout: 9999h, with: {for: 1m}}"):                               "at most 720h",
		strings.Replace(steps("{id: a, playbook: p}"), "playbook: p\n", "playbook: p\n", 1):        "would use itself",
		strings.Replace(steps(say("a", "1")), "inputs:\n", "outputs:\n  x: literal\ninputs:\n", 1): "a reference is wanted",
	} {
		_, err := ParseWith("p.yaml", []byte(text), subSource)
		bad, ok := errors.AsType[*InvalidError](err)
		if !ok || !slices.ContainsFunc(bad.Problems, func(p Problem) bool { return strings.Contains(p.What, want) && p.Line > 1 }) {
			t.Errorf("%s\n%v; want %q", text, err, want)
		}
	}
}
