package playbooks

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Parts that the playbooks of the table are made of.
const (
	orderHead = "playbook: p\ntitle: t\ninputs:\n  function: {type: string, required: true}\n  other: {type: string, required: true}\n  all: {type: strings, required: true}\n  now: {type: bool, default: false}\n"
	sealF     = "{id: seal, run: collect, with: {function: '${inputs.function}'}}"
	planF     = "{id: plan, run: contain.plan, with: {function: '${inputs.function}'}}"
	applyF    = "{id: apply, run: contain.apply, with: {plan: '${steps.plan.plan}'}}"
)

// subs are what the playbooks of the table use.
var subs = map[string]string{
	"breaks":     "playbook: breaks\ntitle: t\nsteps:\n  - " + fails("bad", "stop") + "\n  - " + say("done", "x") + "\n",
	"acts-alone": "playbook: acts-alone\ntitle: t\ninputs:\n  function: {type: string, required: true}\nsteps:\n  - " + planF + "\n  - " + applyF + "\n",
	"seals":      "playbook: seals\ntitle: t\ninputs:\n  function: {type: string, required: true}\nsteps:\n  - " + sealF + "\n",
	"seals-some": "playbook: seals-some\ntitle: t\ninputs:\n  function: {type: string, required: true}\n  now: {type: bool, default: false}\nsteps:\n" +
		"  - {id: seal, when: inputs.now = false, run: collect, with: {function: '${inputs.function}'}}\n",
	"greets": "playbook: greets\ntitle: t\ninputs:\n  who: {type: string, required: true}\noutputs:\n  word: ${inputs.who}\nsteps:\n" +
		"  - {id: hello, run: notify, with: {text: '${inputs.who}', to: stdout}}\n  - {id: done, run: wait, with: {for: 1ms}}\n",
}

func subSource(name string) (string, []byte, error) {
	if text, ok := subs[name]; ok {
		return name + ".yaml", []byte(text), nil
	}
	return "", nil, fmt.Errorf("%w %q", ErrUnknown, name)
}

// TestOrder: each bad playbook changes the account before this run has sealed what it changes, on
// some path, and is refused with the reason; its twin is put right, and passes.
func TestOrder(t *testing.T) {
	steps := func(lines ...string) string { return orderHead + "steps:\n  - " + strings.Join(lines, "\n  - ") + "\n" }
	for _, c := range []struct{ name, bad, why, good string }{
		{"nothing is sealed", steps(planF, applyF), "no step before it runs collect on it", steps(sealF, planF, applyF)},
		{"sealed after", steps(planF, applyF, sealF), "no step before it runs collect on it", steps(planF, sealF, applyF)},
		{"a parallel sibling seals",
			steps(planF, "id: both\n    parallel:\n      - steps: ["+sealF+"]\n      - steps: ["+applyF+"]"), "its lanes run beside each other",
			steps(planF, "id: both\n    parallel:\n      - steps: ["+sealF+"]\n      - steps: [{id: told, run: notify, with: {text: x, to: stdout}}]", applyF)},
		{"the else of a branch does not seal",
			steps(planF, "id: ways\n    branch:\n      - when: inputs.now = false\n        steps: ["+sealF+"]\n    else: [{id: told, run: notify, with: {text: x, to: stdout}}]", applyF), "not every way through step ways seals it",
			steps(planF, "id: ways\n    branch:\n      - when: inputs.now = false\n        steps: ["+sealF+"]\n    else: [{id: small, run: collect, with: {function: '${inputs.function}', scope: containment}}]", applyF)},
		{"a failure goes on at a later step",
			steps(planF, "{id: seal, run: collect, on_failure: {goto: apply}, with: {function: '${inputs.function}'}}", applyF), "goes on at apply",
			steps(planF, "{id: seal, run: collect, on_failure: {goto: told}, with: {function: '${inputs.function}'}}", applyF, "{id: told, run: notify, with: {text: x, to: stdout}}")},
		{"a used playbook changes", steps("{id: use, playbook: acts-alone, with: {function: '${inputs.function}'}}"), "playbook acts-alone: acts-alone.yaml:", steps("{id: use, playbook: seals, with: {function: '${inputs.function}'}}", planF, applyF)},
		{"a used playbook seals sometimes", steps("{id: use, playbook: seals-some, with: {function: '${inputs.function}'}}", planF, applyF), "no step before it runs collect on it",
			steps("{id: use, playbook: seals, with: {function: '${inputs.function}'}}", planF, applyF)},
		{"a loop seals at its end",
			steps("id: fleet\n    each: ${inputs.all}\n    most: 10\n    steps:\n      - {id: plan, run: contain.plan, with: {function: '${each.fleet}'}}\n      - " + applyF + "\n      - {id: seal, run: collect, with: {function: '${each.fleet}'}}"),
			"collected evidence of each.fleet: no step before it runs collect on it",
			steps("id: fleet\n    each: ${inputs.all}\n    most: 10\n    steps:\n      - {id: seal, run: collect, with: {function: '${each.fleet}'}}\n      - {id: plan, run: contain.plan, with: {function: '${each.fleet}'}}\n      - " + applyF)},
		{"the seal of another function", steps("{id: seal, run: collect, with: {function: '${inputs.other}'}}", planF, applyF), "what is sealed by then: inputs.other", steps(sealF, planF, applyF)},
		{"an older run's seal", steps("{id: seal, run: collect, with: {function: '${inputs.function}', max_age: 24h}}", planF, applyF), "a bag that an older run sealed", steps(sealF, planF, applyF)},
		{"a mutation before what was interrupted goes on",
			orderHead + "resume:\n  - {id: planned, run: contain.plan, with: {function: '${inputs.function}'}}\n  - {id: again, run: contain.apply, with: {plan: '${steps.planned.plan}'}}\nsteps:\n  - " + sealF + "\n", "step again changes the account",
			orderHead + "resume:\n  - {id: sealed, run: collect, with: {function: '${inputs.function}', scope: containment}}\n  - {id: planned, run: contain.plan, with: {function: '${inputs.function}'}}\n  - {id: again, run: contain.apply, with: {plan: '${steps.planned.plan}'}}\nsteps:\n  - " + sealF + "\n"},
		{"a seal under a condition", steps("{id: seal, when: inputs.now = false, run: collect, with: {function: '${inputs.function}'}}", planF, applyF), "runs only when inputs.now = false", steps(sealF, planF, applyF)},
		{"a failed seal is passed over", steps("{id: seal, on_failure: continue, run: collect, with: {function: '${inputs.function}'}}", planF, applyF), "may fail, and the run goes on", steps(sealF, planF, applyF)},
		{"a list of which one is sealed", steps(sealF, "{id: plan, run: contain.plan, with: {functions: '${inputs.all}'}}", applyF), "collected evidence of all of inputs.all",
			steps("{id: seal, run: collect, with: {functions: '${inputs.all}'}}", "{id: plan, run: contain.plan, with: {functions: '${inputs.all}'}}", applyF)},
		{"a loop that did not seal its turns", steps("id: fleet\n    each: ${inputs.all}\n    most: 10\n    steps: [{id: told, run: notify, with: {text: x, to: stdout}}]", "{id: plan, run: contain.plan, with: {functions: '${inputs.all}'}}", applyF), "collected evidence of all of inputs.all",
			steps("id: fleet\n    each: ${inputs.all}\n    most: 10\n    steps: [{id: seal, run: collect, with: {function: '${each.fleet}'}}]", "{id: plan, run: contain.plan, with: {functions: '${inputs.all}'}}", applyF)},
		{"acts that are not all of those that preserve",
			steps("{id: plan, run: contain.plan, with: {function: '${inputs.function}', preserve: true, acts: [concurrency-zero]}}", applyF), "no step before it runs collect on it",
			steps("{id: plan, run: contain.plan, with: {function: '${inputs.function}', preserve: true, acts: [logging-start]}}", applyF)},
		{"what preserves, and a level", steps("{id: plan, run: contain.plan, with: {function: '${inputs.function}', preserve: true, level: stop}}", applyF), "no step before it runs collect on it",
			steps("{id: plan, run: contain.plan, with: {function: '${inputs.function}', preserve: true}}", applyF)},
		{"preserve that is not said outright", steps("{id: plan, run: contain.plan, with: {function: '${inputs.function}', preserve: '${inputs.now}'}}", applyF), "no step before it runs collect on it",
			steps("{id: plan, run: contain.plan, with: {function: '${inputs.function}', acts: [retention-longer]}}", applyF)},
		{"a release of what was not sealed", steps("{id: lift, run: contain.release, with: {function: '${inputs.function}'}}"), "before this run has collected evidence of inputs.function", steps(sealF, "{id: lift, run: contain.release, with: {function: '${inputs.function}'}}")},
	} {
		_, err := ParseWith("p.yaml", []byte(c.bad), subSource)
		if _, ok := errors.AsType[*InvalidError](err); !ok || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v; want %q", c.name, err, c.why)
		} else {
			t.Logf("%s: refused: %s", c.name, err)
		}
		if _, err := ParseWith("p.yaml", []byte(c.good), subSource); err != nil {
			t.Errorf("%s, put right: %v", c.name, err)
		}
	}
}

// TestOverrideNeedsAReason: the order can be overridden by a reason alone.
func TestOverrideNeedsAReason(t *testing.T) {
	text := func(override string) string {
		return orderHead + "steps:\n  - " + planF + "\n  - {id: apply, override: '" + override + "', run: contain.apply, with: {plan: '${steps.plan.plan}'}}\n"
	}
	if _, err := ParseWith("p.yaml", []byte(text("customers are being robbed")), subSource); err != nil {
		t.Errorf("with a reason: %v", err)
	}
	if _, err := ParseWith("p.yaml", []byte(text("")), subSource); err == nil {
		t.Error("without a reason it passed")
	}
}
