package tabletop

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

func play(t *testing.T, o Options) *World {
	t.Helper()
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	sc, err := Find("code-overwrite")
	if err != nil {
		t.Fatal(err)
	}
	w, err := Play(t.Context(), sc, o)
	if err != nil {
		t.Fatal(err)
	}
	w.Live()
	return w
}

func newVault(t *testing.T) vault.Vault {
	t.Helper()
	v, err := vault.NewFolder(t.TempDir() + "/case")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func newCase(t *testing.T) *evidence.Case {
	t.Helper()
	v := newVault(t)
	c, err := evidence.CreateCase(t.Context(), v, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "o", Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func environmentOf(t *testing.T, w *World) *playbooks.Env {
	t.Helper()
	s, err := w.Session(t.Context(), false, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &playbooks.Env{Session: s, Case: newCase(t), Operator: "o", Host: "h", Now: time.Now, Tool: evidence.Tool{Name: "test"},
		Ask: func(context.Context, playbooks.Question) (playbooks.Answer, error) {
			return playbooks.Answer{Approved: true, Who: "o"}, nil
		}}
}

func respond(t *testing.T, w *World, env *playbooks.Env) *playbooks.Run {
	t.Helper()
	pb, err := playbooks.Find("lambda-compromise")
	if err != nil {
		t.Fatal(err)
	}
	run, err := playbooks.Execute(t.Context(), pb, map[string]any{"function": "payments", "since": 7 * time.Hour, "accept_shared_role": true, "watch": time.Second}, env)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// TestAttackerIsOutAndUndoRestores: the stolen credentials and every other road answered
// before and are refused after, the clean function goes on working, and undo brings the
// account back object by object.
func TestAttackerIsOutAndUndoRestores(t *testing.T) {
	w := play(t, Options{})
	if len(w.StillOpen(t.Context())) == 0 {
		t.Error("before containment the vendor's key cannot deploy: the exercise proves nothing of it")
	}
	for _, try := range w.Probe(t.Context()) {
		if !try.Worked {
			t.Errorf("before containment: %s: %s", try.Name, try.Answer)
		}
	}
	before := w.Cloud.Objects() // taken here: the probes' own invocations write logs
	env := environmentOf(t, w)
	if run := respond(t, w, env); run.Status != playbooks.Succeeded {
		t.Fatalf("the playbook ended as %s: %v", run.Status, run.Err())
	}
	for _, try := range w.Probe(t.Context()) {
		if try.Worked == try.Hostile {
			t.Errorf("after containment: %s: %s", try.Name, try.Answer)
		}
		if try.Hostile && try.Name == w.Scenario.Probes[0].Name && try.Answer != "AccessDenied" {
			t.Errorf("the stolen credentials get %s", try.Answer)
		}
	}
	if open := w.StillOpen(t.Context()); len(open) != 0 {
		t.Errorf("the actor was to be cut off in the same run, and is not: %v", open[0].What)
	}
	undo(t, w, env)
	if len(w.StillOpen(t.Context())) == 0 {
		t.Error("all is undone, and the vendor's key is still shut out")
	}
	after := w.Cloud.Objects()
	if diff := cmp.Diff(texts(before), texts(after)); diff != "" {
		t.Errorf("undo left the account changed (-before +after):\n%s", diff)
	}
}

func undo(t *testing.T, w *World, env *playbooks.Env) {
	t.Helper()
	run, err := contain.Undo(t.Context(), contain.LiftInput{Session: env.Session, Case: env.Case, All: true, AcceptRisk: "exercise", Reason: "exercise is over", Operator: "o"})
	if err != nil {
		t.Fatal(err)
	}
	if !run.Status().OK() {
		t.Fatalf("undo ended as %s: %+v", run.Status(), run.Acts)
	}
}

func texts(m map[string]json.RawMessage) map[string]string {
	out := map[string]string{}
	for k, v := range m {
		out[k] = string(v)
	}
	return out
}

// TestReadingChangesNothing: collecting, building a timeline, planning, every dry run and
// what an assessment reads make no call that changes the account: by the client's record,
// by the account's own record, and by equal digests of its state.
func TestReadingChangesNothing(t *testing.T) {
	w := play(t, Options{})
	var mu sync.Mutex
	var made []awsapi.Exchange
	s, err := w.Session(t.Context(), false, func(x awsapi.Exchange) { mu.Lock(); defer mu.Unlock(); made = append(made, x) })
	if err != nil {
		t.Fatal(err)
	}
	c := newCase(t)
	digest, calls := w.Cloud.Digest(), len(w.Cloud.Calls())
	target, err := collect.ParseTarget(s.Identity.Account, s.Region, "payments")
	if err != nil {
		t.Fatal(err)
	}
	if _, sum, err := collect.Into(t.Context(), s, c, evidence.Header{Operator: "o"}, []collect.Target{target}, collect.Options{Unpaced: true}); err != nil || !sum.Complete {
		t.Fatalf("collecting: complete %v, %v", sum.Complete, err)
	}
	if _, err := timeline.Build(t.Context(), timeline.Options{Format: "jsonl"}, timeline.Input{Case: c}, &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	plan, err := contain.NewPlan(t.Context(), contain.PlanInput{Session: s, Case: c, Functions: []string{"payments"}})
	if err != nil {
		t.Fatal(err)
	}
	run, err := contain.Apply(t.Context(), contain.ApplyInput{Session: s, Case: c, Plan: plan, Operator: "o", DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	would := 0
	for _, o := range run.Outcomes {
		would += len(o.Calls)
	}
	if would == 0 {
		t.Error("the dry run would call nothing: it proves nothing")
	}
	if _, err := contain.Standings(t.Context(), contain.StatusInput{Session: s, Case: c}); err != nil {
		t.Fatal(err)
	}
	if got := w.Cloud.Digest(); got != digest {
		t.Error("the state of the account has changed")
	}
	for _, call := range w.Cloud.Calls()[calls:] {
		if !call.ReadOnly {
			t.Errorf("the account saw %s:%s", call.Service, call.Operation)
		}
	}
	for _, x := range made {
		if awsapi.Mutating(x.Call) {
			t.Errorf("the client made %s", x.Call)
		}
	}
	t.Logf("%d calls to the account, %d of them by the client's own record, none changed it; the dry run named %d", len(w.Cloud.Calls())-calls, len(made), would)
}

// TestSameSeedSameAccount: nothing in an exercise depends on when or where it is staged,
// but for what is random by nature.
func TestSameSeedSameAccount(t *testing.T) {
	now := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	a, b := play(t, Options{Now: now}), play(t, Options{Now: now})
	if a.Cloud.Digest() != b.Cloud.Digest() {
		t.Error("same seed, another account")
	}
	ra, rb := a.Cloud.Records(), b.Cloud.Records()
	if len(ra) != len(rb) || len(ra) < 40 {
		t.Fatalf("%d and %d records", len(ra), len(rb))
	}
	for i := range ra {
		if !bytes.Equal(ra[i], rb[i]) {
			t.Fatalf("record %d differs:\n%s\n%s", i, ra[i], rb[i])
		}
	}
	if c := play(t, Options{Now: now, Seed: 2}); c.Cloud.Digest() == a.Cloud.Digest() {
		t.Error("another seed, the same account")
	}
}

// TestNobodyToAsk: without a person the answer is no, and nothing is changed.
func TestNobodyToAsk(t *testing.T) {
	w := play(t, Options{})
	env := environmentOf(t, w)
	env.Ask = nil
	digest := w.Cloud.Digest()
	run := respond(t, w, env)
	if run.Status != playbooks.Aborted || w.Cloud.Digest() != digest {
		t.Errorf("ended as %s; digest equal: %v", run.Status, w.Cloud.Digest() == digest)
	}
	ended := map[string]playbooks.Status{}
	for _, s := range run.Steps {
		ended[s.ID] = s.Status
	}
	for id, want := range map[string]playbooks.Status{
		"collect": playbooks.Succeeded, "respond": playbooks.Aborted, "stolen-credentials": playbooks.Aborted,
		"stolen-credentials/approve-stop": playbooks.Aborted, "stolen-credentials/cut": playbooks.Skipped, "stolen-credentials/contain": playbooks.Skipped,
	} {
		if ended[id] != want {
			t.Errorf("step %s is %s, want %s", id, ended[id], want)
		}
	}
}

// TestDescribedMovesCanBeTyped: a shell reads the text of a shown note as it was written.
func TestDescribedMovesCanBeTyped(t *testing.T) {
	for _, text := range []string{"a vendor's key", `$(touch x) "y" \z`, "''"} {
		shown := Move{Note: &NoteMove{Kind: "detect", Text: text}}.Describe()
		out, err := exec.Command("sh", "-c", "set -- "+shown+`; printf %s "$6"`).CombinedOutput()
		if err != nil || string(out) != text {
			t.Errorf("%q was shown as %s, and read as %q %v", text, shown, out, err)
		}
	}
}

// TestUndoOnFailure: a step that fails takes back what its run has changed, and nothing that
// another run of the same case holds by the same act.
func TestUndoOnFailure(t *testing.T) {
	w := play(t, Options{})
	env := environmentOf(t, w)
	contains := func(function, then string) *playbooks.Run {
		t.Helper()
		pb, err := playbooks.Parse("p.yaml", []byte(`playbook: p
title: t
steps:
  - {id: collect, run: collect, with: {function: `+function+`, scope: containment}}
  - {id: plan, run: contain.plan, with: {function: `+function+`, acts: [concurrency-zero]}}
  - {id: apply, run: contain.apply, with: {plan: '${steps.plan.plan}'}}
`+then))
		if err != nil {
			t.Fatal(err)
		}
		run, err := playbooks.Execute(t.Context(), pb, nil, env)
		if err != nil {
			t.Fatal(err)
		}
		return run
	}
	if run := contains("invoices", ""); run.Status != playbooks.Succeeded {
		t.Fatal(run.Status, run.Err())
	}
	before := w.Cloud.Objects()
	run := contains("payments", "  - {id: told, run: notify, on_failure: undo, with: {text: x, to: /nowhere/at/all}}\n")
	if run.Status != playbooks.Failed || run.Value("apply", "in_force") != 1 || !slices.ContainsFunc(run.Steps, func(s playbooks.StepReport) bool { return s.ID == "undo/apply" && s.Status == playbooks.Succeeded }) {
		t.Errorf("%s, %+v: %v", run.Status, run.Steps, run.Err())
	}
	if diff := cmp.Diff(texts(before), texts(w.Cloud.Objects())); diff != "" {
		t.Errorf("not as before the run (-before +after):\n%s", diff)
	}
	standing, err := contain.Standings(t.Context(), contain.StatusInput{Case: env.Case})
	if err != nil {
		t.Fatal(err)
	}
	in := 0
	for _, s := range standing {
		if s.State == contain.InForce {
			in++
			if s.Function != "arn:aws:lambda:eu-west-1:123456789012:function:invoices" {
				t.Errorf("%s is in force on %s", s.Act, s.Function)
			}
		}
	}
	if in != 1 {
		t.Errorf("%d acts in force: %+v", in, standing)
	}
}
