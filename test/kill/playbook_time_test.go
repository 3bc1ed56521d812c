package kill

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// timed is a playbook of which one step has little time, or is tried again. What it changes only
// preserves evidence, so that nothing has to be sealed first.
func timed(name, collect, apply string) string {
	text := "playbook: " + name + "\ntitle: t\ninputs:\n  function: {type: string, required: true}\nsteps:\n"
	if collect != "" {
		text += "  - {id: collect, run: collect, " + collect + "with: {function: '${inputs.function}', scope: containment}}\n"
	}
	return text + `  - {id: plan, run: contain.plan, with: {resources: ['arn:aws:logs:eu-central-1:123456789012:log-group:/shop/short-lived'], acts: [retention-longer, log-group-protection]}}
  - {id: apply, run: contain.apply, ` + apply + `with: {plan: '${steps.plan.plan}'}}
  - {id: last, run: notify, with: {text: done, to: done.told}}
`
}

// Keys of a step. A slow machine may need more tries than one; it comes to the same.
const (
	little = "timeout: 10s, "
	again  = "timeout: 5s, retries: 5, "
	anew   = "retries: 1, "
)

// trouble is one call that fails or hangs, once, and what becomes of the run.
type trouble struct {
	name           string
	collect, apply string // keys of these steps; of collect, none leaves it away
	op             string // "" is each call that changes the account, one by one
	fail           awssim.Fail
	effect         bool   // done before it hangs
	fails          string // the step that fails for good, "" if none does
	plain          bool   // tried without being asked for
}

func troubles() []trouble {
	hang := awssim.Fail{Delay: time.Hour, Code: "InternalFailure", Status: 500}
	denied := awssim.Fail{Denied: true, Code: "AccessDeniedException", Status: 403, Message: "injected"}
	return []trouble{
		{name: "denied, and tried again", apply: anew, fail: denied, plain: true},
		{name: "hangs before its effect, and tried again", apply: again, fail: hang},
		{name: "hangs after its effect, and tried again", apply: again, fail: awssim.Fail{Delay: time.Hour}, effect: true},
		{name: "hangs, and not tried again", apply: little, fail: hang, fails: "apply"},
		{name: "hangs after its effect, and not tried again", apply: little, fail: awssim.Fail{Delay: time.Hour}, effect: true, fails: "apply"},
		{name: "a read hangs, and not tried again", collect: little, op: "Lambda:GetPolicy", fail: hang, fails: "collect", plain: true},
		{name: "a read hangs, and tried again", collect: again, op: "Lambda:GetPolicy", fail: hang},
	}
}

// TestPlaybookTime lets a call of a step fail or hang under the built binary. The step is late, or is
// tried again: it fails and says which it was, or comes to what it would have come to; what a try has
// done is not done again by the next one, and undo brings back what a late step left.
func TestPlaybookTime(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY under -short: the binary that is run is built without the race detector; the plain run has it")
	}
	all := os.Getenv("FREEZEFRAME_PLAYBOOK_KILLS") == "all"
	a := stage(t, build(t))
	a.bucket = false
	tried, cells := 0, 0
	for i, tr := range troubles() {
		name := fmt.Sprint("timed", i)
		check(t, os.WriteFile(filepath.Join(a.dir, name+".yaml"), []byte(timed(name, tr.collect, tr.apply)), 0o600))
		if !all && !tr.plain {
			cells++
			continue
		}
		want, _, calls := a.untroubled(t, name)
		if tr.op != "" {
			calls = []string{tr.op}
		}
		for _, call := range calls {
			cells++
			tried++
			a.troubled(t, name, tr, call, want)
		}
	}
	t.Logf("%d cells (step, call, trouble), %d tried, 0 skipped", cells, tried)
}

// untroubled is what the playbook comes to when nothing fails.
func (a *arena) untroubled(t *testing.T, name string) (outcome, map[string]json.RawMessage, []string) {
	t.Helper()
	before := a.account()
	a.newRun(t, name+", untroubled: ")
	a.run(t, 0, "playbook", "run", name+".yaml", "--yes", "--set", "function="+bench.Function)
	want, calls := a.outcome(t), a.changes()
	want.calls = strings.Join(calls, " ")
	a.lift(t)
	if len(calls) != 2 || len(want.acts) != 2 || len(want.told) != 1 {
		t.Fatalf("the playbook does something else: %+v", want)
	}
	return want, before, calls
}

// account is what is in the account, without the vault.
func (a *arena) account() map[string]json.RawMessage {
	all := a.acct.Cloud.Objects()
	maps.DeleteFunc(all, func(key string, _ json.RawMessage) bool { return strings.HasPrefix(key, "s3/") })
	return all
}

func (a *arena) troubled(t *testing.T, name string, tr trouble, call string, want outcome) {
	t.Helper()
	before := a.account()
	a.newRun(t, fmt.Sprintf("%s, %s: ", call, tr.name))
	a.acct.Cloud.Inject(awssim.Fault{Op: call, Nth: 1, AfterEffect: tr.effect, Fail: tr.fail})
	code, said := ended(a.command("playbook", "run", name+".yaml", "--yes", "--set", "function="+bench.Function))
	struck := len(a.acct.Cloud.Struck())
	a.acct.Cloud.ClearFaults()
	a.settle()
	got, calls := a.outcome(t), a.changes()
	got.calls = strings.Join(calls, " ")
	step := map[bool]string{true: "apply", false: "collect"}[tr.op == ""]
	tries := a.tries(t, step)
	t.Logf("%s, %s: exit %d, %s, %d tries of %s", call, tr.name, code, got.status, tries, step)
	if struck == 0 {
		t.Errorf("%sthe fault struck nothing", a.doing)
	}
	if tr.fails != "" {
		late := "step " + step + ": not done after 10s"
		if code != 1 || got.status != "failed" || !slices.Contains(got.steps, step+"=failed") || len(got.told) > 0 || !strings.Contains(said, late) {
			t.Errorf("%sexit code %d, %+v, want a failed run that says %q\n%s", a.doing, code, got, late, said)
		}
		if next, said := ended(a.command("playbook", "resume")); next != 2 { // it has ended: there is nothing to go on with
			t.Errorf("%sgoing on: exit code %d\n%s", a.doing, next, said)
		}
	} else {
		want = expected(want, got, tr, call, tries)
		if odd := got.differs(want, nil); code != 0 || odd != "" || tries < 2 {
			t.Errorf("%safter %d tries exit code %d, want 0\n%s\nit said\n%s", a.doing, tries, code, odd, said)
		}
	}
	a.verified(t)
	a.lift(t)
	after := a.account()
	for key := range after {
		if string(before[key]) != string(after[key]) {
			t.Errorf("%sundone, and not as before: %s", a.doing, key)
		}
	}
}

// expected is what a run comes to that had to try again: the same, with one call that was asked for
// twice if it was not done, and with a record of each try.
func expected(want, got outcome, tr trouble, call string, tries int) outcome {
	want.bags = maps.Clone(want.bags)
	if tr.op != "" {
		want.bags["collection"] = tries // what a late try has is sealed, and kept: the next one asks for the rest
		return want
	}
	want.bags["containment"] = tries
	if !tr.effect {
		calls := append(strings.Fields(want.calls), call)
		slices.Sort(calls)
		want.calls = strings.Join(calls, " ")
	}
	if tries > 2 { // a slow machine was late of itself: what it asked for then is not known
		want.calls = got.calls
	}
	return want
}

// tries counts the tries of a step in the record of the last run.
func (a *arena) tries(t *testing.T, step string) int {
	t.Helper()
	c, _ := a.opened(t)
	n := 0
	for b, err := range c.Bags(t.Context()) {
		check(t, err)
		if b.Header().Kind != evidence.KindPlaybook {
			continue
		}
		for e, err := range b.Journal(t.Context()) {
			check(t, err)
			var note struct{ Step string }
			if e.Kind == "intent" && json.Unmarshal(e.Value, &note) == nil && note.Step == step {
				n++
			}
		}
	}
	return n
}
