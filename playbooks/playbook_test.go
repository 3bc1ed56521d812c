package playbooks

import (
	"errors"
	"strings"
	"testing"
)

func TestBuiltInPlaybooksLint(t *testing.T) {
	all, err := BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no built-in playbooks")
	}
	for _, pb := range all {
		if pb.Name+".yaml" != pb.File {
			t.Errorf("%s is named %s", pb.File, pb.Name)
		}
	}
}

const head = "playbook: p\ntitle: t\ninputs:\n  function: {type: string, required: true}\n"

func TestWhatIsWrongIsNamedWithItsPlace(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", head + "stepz: []\nsteps:\n  - {id: a, run: verify}\n", `p.yaml:5:1: playbook: unknown key "stepz" (did you mean "steps"?)`},
		{"repeated key", head + "title: u\nsteps:\n  - {id: a, run: verify}\n", `p.yaml:5:1: playbook: key "title" stands twice`},
		{"unknown verb", head + "steps:\n  - id: a\n    run: colect\n", `p.yaml:7:10: unknown verb "colect" (did you mean "collect"?)`},
		{"unknown argument", head + "steps:\n  - id: a\n    run: collect\n    with: {funktion: x}\n", `unknown key "funktion" (did you mean "function"?)`},
		{"missing argument", head + "steps:\n  - {id: a, run: collect}\n", "collect needs one of the arguments function, functions"},
		{"no such input", head + "steps:\n  - id: a\n    run: collect\n    with: {function: \"${inputs.functon}\"}\n", `no input "functon" (did you mean "function"?)`},
		{"no such step", head + "steps:\n  - id: a\n    run: contain.apply\n    with: {plan: \"${steps.plan.plan}\"}\n", `no earlier step "plan"`},
		{"wrong type", head + "steps:\n  - id: a\n    run: collect\n    with: {function: f}\n  - id: b\n    run: contain.apply\n    with: {plan: \"${steps.a.bag}\"}\n", "plan of contain.apply is a plan, string was given"},
		{"mutation first", head + "steps:\n  - id: plan\n    run: contain.plan\n    with: {function: f}\n  - id: b\n    run: contain.apply\n    with: {plan: \"${steps.plan.plan}\"}\n", "before this run has collected evidence of f: no step before it runs collect on it"},
		{"collection that may fail", head + "steps:\n  - id: a\n    run: collect\n    on_failure: continue\n    with: {function: f}\n  - id: plan\n    run: contain.plan\n    with: {function: f}\n  - id: b\n    run: contain.apply\n    with: {plan: \"${steps.plan.plan}\"}\n", "step a may fail, and the run goes on"},
		{"bad duration", head + "steps:\n  - id: a\n    run: collect\n    with: {function: f, since: yesterday}\n", "not a positive duration"},
		{"same id twice", head + "steps:\n  - {id: a, run: verify}\n  - {id: a, run: verify}\n", `step id "a" is taken`},
		{"alias bomb", "a: &a [x, x]\nb: [*a, *a]\n", "anchors and aliases are not allowed"},
		{"two documents", head + "steps:\n  - {id: a, run: verify}\n---\nx: y\n", "a second document"},
		{"not YAML", "playbook: [", "not YAML"},
		{"empty", "", "not YAML"},
		{"a list", "- a\n", "a mapping is wanted"},
	} {
		_, err := Parse("p.yaml", []byte(c.text))
		if _, ok := errors.AsType[*InvalidError](err); !ok || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", c.name, err, c.want)
		}
	}
}

func TestInputsAreChecked(t *testing.T) {
	pb, err := Parse("p.yaml", []byte(head+"steps:\n  - {id: a, run: verify}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := resolveInputs(pb, nil); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), `needs the input "function"`) {
		t.Errorf("missing input: %v", err)
	}
	if _, err := resolveInputs(pb, map[string]any{"function": "f", "functionn": "g"}); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "did you mean") {
		t.Errorf("unknown input: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(head + "steps:\n  - {id: a, run: verify}\n"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		pb, err := Parse("p.yaml", data)
		if (pb == nil) == (err == nil) {
			t.Fatalf("playbook %v, error %v", pb, err)
		}
	})
}
