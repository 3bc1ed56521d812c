package deploy

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/test/stack"
)

// contained is how the acts of the role that contains went, on one function, and their release.
type contained struct {
	states []string // of each act that had something to do, and of each that was lifted
	denied []string // calls that were refused
}

func (c contained) same(o contained) bool {
	return slices.Equal(c.states, o.states) && slices.Equal(c.denied, o.denied)
}

// contain plans the acts on a function, applies them and lifts them again, as the workers do: they
// assume the role that contains; what is sealed before is sealed by the owner.
func (w *world) contain(function string) (out contained) {
	ctx := w.t.Context()
	note := func(format string, args ...any) { out.states = append(out.states, fmt.Sprintf(format, args...)) }
	creds, err := w.a.Cloud.ServiceCredentials(w.sec.Attributes["WorkerRole.Arn"], "ecs-tasks.amazonaws.com", "task")
	must(w.t, err)
	worker, err := w.connect(creds)
	must(w.t, err)
	s, err := worker.Assume(ctx, "arn:aws:iam::"+bench.AccountID+":role/freezeframe-contain")
	must(w.t, err)
	c := w.sealed(ctx, function)
	from := len(w.a.Cloud.Calls())
	plan, err := contain.NewPlan(ctx, contain.PlanInput{Session: s, Case: c, Functions: []string{function}, Acts: Acts(), AcceptSharedRole: true})
	if err != nil {
		note("no plan: %v", err)
	} else {
		run, err := contain.Apply(ctx, contain.ApplyInput{Session: s, Case: c, Plan: plan, Operator: "worker", Tool: evidence.Tool{Name: "test"}})
		w.told(note, "applied", run, err)
		run, err = contain.Release(ctx, contain.LiftInput{Session: s, Case: c, Reason: "the time is over", Operator: "worker", Tool: evidence.Tool{Name: "test"}})
		w.told(note, "released", run, err)
	}
	for _, call := range w.a.Cloud.Calls()[from:] {
		if refused(call.ErrorCode) && !slices.Contains(out.denied, call.Operation) {
			out.denied = append(out.denied, call.Operation)
		}
	}
	slices.Sort(out.states)
	slices.Sort(out.denied)
	return out
}

func (w *world) told(note func(string, ...any), what string, run *contain.Run, err error) {
	if err != nil {
		note("%s: %.60s", what, err)
	}
	if run == nil {
		return
	}
	for _, a := range run.Acts {
		if a.Note != contain.NothingToDo {
			note("%s %s: %s", what, a.Act, a.Status)
		}
	}
}

// sealed is a case with the state before.
func (w *world) sealed(ctx context.Context, function string) *evidence.Case {
	v, err := vault.NewFolder(w.t.TempDir())
	must(w.t, err)
	c, err := evidence.CreateCase(ctx, v, evidence.CaseOptions{Title: "t", Authority: "a test", Operator: "worker", Home: w.t.TempDir()})
	must(w.t, err)
	owner, err := awsapi.Connect(ctx, awsapi.Options{Region: bench.Region, EndpointURL: bench.Endpoint, HTTPClient: w.a.Cloud.Client(), Credentials: w.owner.Credentials})
	must(w.t, err)
	target, err := collect.ParseTarget(bench.AccountID, bench.Region, function)
	must(w.t, err)
	_, _, err = collect.Into(ctx, owner, c, evidence.Header{Operator: "worker", Host: "task", Tool: evidence.Tool{Name: "test"}}, []collect.Target{target}, collect.Options{Scope: collect.All, Unpaced: true})
	must(w.t, err)
	return c
}

// TestContainmentRole: the acts and their release under exactly the role that the template prints. With
// any one action taken away they do not go so.
func TestContainmentRole(t *testing.T) {
	var all []string
	before := map[string]contained{}
	functions := []string{bench.Function, "render"} // between them each act has something to do
	within := func(f func(w *world)) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			must(t, w.a.AddContainables(t.Context()))
			time.Sleep(time.Minute)
			f(w)
		})
	}
	within(func(w *world) {
		for _, s := range w.document("ContainmentRole")["Statement"].([]any) {
			if m := s.(map[string]any); m["Effect"] == "Allow" {
				all = append(all, stack.Strings(m["Action"])...)
			}
		}
		for _, f := range functions {
			before[f] = w.contain(f)
			t.Logf("%s: %v", f, before[f])
			if b := before[f]; len(b.denied) > 0 || len(b.states) == 0 || slices.ContainsFunc(b.states, func(s string) bool { return !strings.HasSuffix(s, ": done") && !strings.HasSuffix(s, ": already") }) {
				t.Errorf("%s, with all actions: %+v", f, b)
			}
		}
	})
	for _, act := range Acts() {
		for _, what := range []string{"applied ", "released "} {
			if !slices.ContainsFunc(functions, func(f string) bool { return slices.Contains(before[f].states, what+act+": done") }) {
				t.Errorf("%s%s on none of %v", what, act, functions)
			}
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	run := all
	switch wanted := os.Getenv("FREEZEFRAME_DEPLOY_CELLS"); wanted {
	case "all":
	case "":
		run = nil
		for i, a := range all {
			if i%16 == 3 && !testing.Short() {
				run = append(run, a)
			}
		}
	default:
		run = slices.DeleteFunc(slices.Clone(all), func(a string) bool { return !strings.Contains(a, wanted) })
	}
	for _, action := range run {
		within(func(w *world) {
			doc := w.document("ContainmentRole")
			for _, s := range doc["Statement"].([]any) {
				m := s.(map[string]any)
				if left := slices.DeleteFunc(stack.Strings(m["Action"]), func(a string) bool { return a == action }); m["Effect"] == "Allow" && len(left) > 0 {
					m["Action"] = left
				} else if m["Effect"] == "Allow" {
					m["Action"] = "none:None"
				}
			}
			w.put(w.owner, "freezeframe-contain", map[string]any{"PolicyName": stack.At(t, w.mem.Properties("ContainmentRole"), "Policies", 0, "PolicyName"), "PolicyDocument": doc})
			time.Sleep(time.Minute)
			differs := false
			for _, f := range functions {
				differs = differs || !w.contain(f).same(before[f])
			}
			if !differs {
				t.Errorf("without %s they go as with it", action)
			}
		})
	}
	t.Logf("%d actions taken away of %d; 0 skipped", len(run), len(all))
}
