package conformance

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestCACAO holds what `playbook export` writes of every built-in playbook against the schemas of
// OASIS, as they declare themselves: draft-07, which ignores their unevaluatedProperties. (Read as 2020-12
// they accept no command at all: command-data.json forbids what manual.json adds.) A document that is
// spoiled must be refused.
func TestCACAO(t *testing.T) {
	dir := filepath.Join(shared(t), "data/schemas/cacao-2.0/schemas")
	binary, err := build(t.TempDir(), "freezeframe", "./cmd/freezeframe")
	if err != nil {
		t.Fatal(err)
	}
	var list []struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(output(t, nil, binary, "playbook", "list", "--json"), &list); err != nil || len(list) < 13 {
		t.Fatalf("%d playbooks, %v", len(list), err)
	}
	for _, draft := range []string{"draft-07"} {
		schema := cacaoSchema(t, dir)
		for _, pb := range list {
			text := string(output(t, nil, binary, "playbook", "export", pb.Name))
			if err := validCACAO(schema, text); err != nil {
				t.Errorf("%s, %s: %v", pb.Name, draft, err)
			}
			for what, spoiled := range map[string]string{
				"no start":     strings.Replace(text, `"workflow_start"`, `"x_start"`, 1),
				"an id":        strings.Replace(text, `"id": "playbook--`, `"id": "playbook-`, 1),
				"a command":    strings.Replace(text, `"commands"`, `"kommands"`, 1),
				"spec version": strings.Replace(text, "cacao-2.0", "cacao-3.0", 1),
			} {
				if spoiled == text || validCACAO(schema, spoiled) == nil {
					if what != "a command" || spoiled != text { // a playbook may hold none of its own
						t.Errorf("%s, %s: spoiled by %s, and valid", pb.Name, draft, what)
					}
				}
			}
		}
		t.Logf("%d playbooks are valid by OASIS's schemas, read as %s", len(list), draft)
	}
}

// cacaoSchema compiles the schemas, each under the address that it gives itself.
func cacaoSchema(t *testing.T, dir string) *jsonschema.Schema {
	t.Helper()
	c, root := jsonschema.NewCompiler(), ""
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text := string(data)
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		at := "https://raw.githubusercontent.com/oasis-open/cacao-json-schemas/main/schemas/" + filepath.ToSlash(rel)
		if rel == "playbook.json" {
			root = at
		}
		if o, ok := doc.(map[string]any); ok {
			delete(o, "$id") // some give themselves the address of another
		}
		return c.AddResource(at, doc)
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(root)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validCACAO(s *jsonschema.Schema, text string) error {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(doc)
}
