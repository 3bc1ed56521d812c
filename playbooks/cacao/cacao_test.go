package cacao

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/playbooks"
)

var at = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)

// TestExport: every built-in playbook is written, the same each time, and every step that is named is
// there. The official schema judges it in test/conformance.
func TestExport(t *testing.T) {
	all, err := playbooks.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	for _, pb := range all {
		var a, b bytes.Buffer
		if err := errors.Join(Export(&a, pb, at), Export(&b, pb, at)); err != nil {
			t.Fatal(err)
		}
		if a.String() != b.String() {
			t.Errorf("%s: not the same each time", pb.Name)
		}
		var doc struct {
			Start    string                    `json:"workflow_start"`
			Workflow map[string]map[string]any `json:"workflow"`
		}
		if err := json.Unmarshal(a.Bytes(), &doc); err != nil {
			t.Fatal(err)
		}
		named := map[string]bool{}
		for id, s := range doc.Workflow {
			name, _ := s["name"].(string)
			named[name] = true
			for _, k := range []string{"on_completion", "on_success", "on_failure", "on_true", "on_false"} {
				if to, ok := s[k].(string); ok && doc.Workflow[to] == nil {
					t.Errorf("%s: %s of %s leads to %s, which is not there", pb.Name, k, id, to)
				}
			}
		}
		pb.Walk(func(s *playbooks.Step, _ int) {
			if !named[s.ID] && len(s.Cases) == 0 {
				t.Errorf("%s: step %s is not in the workflow", pb.Name, s.ID)
			}
		})
	}
}

// TestImport: documents in the specification's forms (testdata says where each form stands) are
// imported as drafts that lint, or refused by name.
func TestImport(t *testing.T) {
	for name, want := range map[string]string{
		"manual-notification.json": "", "parallel-actions.json": "", "if-variable.json": "", "switch-severity.json": "", "delay-and-timeout.json": "",
		"bash-command.json": `command of type "bash"`, "while-loop.json": "while-condition", "playbook-action.json": "playbook-action",
		"stix-condition.json": "only comparisons of a variable with a value are", "signed.json": "signatures", "ways-that-meet.json": "is reached twice",
		"loop.json": "is reached twice", "unreachable.json": "is reached from nowhere", "version-1.json": `spec_version "1.0"`, "twice.json": "stands twice",
	} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		draft, err := Import(bytes.NewReader(data))
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case want == "":
			pb, err := playbooks.Parse(name, draft)
			if err != nil || len(pb.Steps) == 0 {
				t.Errorf("%s: the draft does not lint: %v\n%s", name, err, draft)
			}
			t.Logf("%s: imported:\n%s", name, draft)
		case err == nil || !strings.Contains(err.Error(), want):
			t.Errorf("%s: %v; want %q", name, err, want)
		default:
			t.Logf("%s: refused: %v", name, err)
		}
	}
}

// TestImportOfPublished: what published playbooks are made of (testdata/README.md says which) is
// imported as a draft that lints, or each thing that cannot be honoured is named, and nothing else.
func TestImportOfPublished(t *testing.T) {
	want := map[string][]string{
		"published-manual.json":        nil,
		"published-manual-answer.json": {"out_args and step_variables"},
		"published-http.json":          {`command of type "http-api"`},
		"published-parallel.json":      {"authentication_info_definitions", `command of type "http-api"`},
		"published-extension.json":     {"step_extensions"},
		"published-flow.json":          {`condition "__yes__:value"`, "while-condition", `command of type "caldera-cmd"`, `command of type "caldera-cmd"`, "is reached twice"},
		"published-template.json": {"It is known): no commands", `condition ""`, "Mend it): no commands", "Look for use of it): no commands", "Report): no commands",
			"(Report) is reached twice"},
	}
	files, err := filepath.Glob("testdata/published-*.json")
	if err != nil || len(files) != len(want) {
		t.Fatalf("%d files, %d expectations: %v", len(files), len(want), err)
	}
	for _, path := range files {
		name := filepath.Base(path)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		draft, err := Import(bytes.NewReader(data))
		if want[name] == nil {
			if _, bad := playbooks.Parse(name, draft); err != nil || bad != nil {
				t.Errorf("%s: %v, %v\n%s", name, err, bad, draft)
			}
			continue
		}
		refused, ok := errors.AsType[*RefusedError](err)
		if !ok {
			t.Errorf("%s: %v\n%s", name, err, draft)
			continue
		}
		t.Logf("%s: refused: %q", name, refused.What)
		for _, w := range want[name] {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %v; does not name %q", name, err, w)
			}
		}
		for _, what := range refused.What {
			if !slices.ContainsFunc(want[name], func(w string) bool { return strings.Contains(what, w) }) {
				t.Errorf("%s: it also refuses %q", name, what)
			}
		}
	}
}

// TestImportOfOurOwn: what was exported is refused by name, or comes back as a draft of people's steps.
func TestImportOfOurOwn(t *testing.T) {
	const text = "playbook: p\ntitle: t\ninputs:\n  function: {type: string, required: true}\nsteps:\n  - {id: a, run: collect, with: {function: '${inputs.function}'}}\n  - {id: b, run: manual, with: {do: call the owner}}\n"
	pb, err := playbooks.Parse("p.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Export(&b, pb, at); err != nil {
		t.Fatal(err)
	}
	draft, err := Import(&b)
	if err != nil || !strings.Contains(string(draft), "call the owner") || !strings.Contains(string(draft), "freezeframe collect") {
		t.Errorf("%v\n%s", err, draft)
	}
}

func FuzzImport(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal(err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		draft, err := Import(bytes.NewReader(data))
		if (draft == nil) == (err == nil) {
			t.Fatalf("draft %q, error %v", draft, err)
		}
		if err != nil {
			return
		}
		if _, err := playbooks.Parse("draft.yaml", draft); err != nil {
			t.Fatalf("the draft does not lint: %v\n%s", err, draft)
		}
	})
}
