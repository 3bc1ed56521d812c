package conformance

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestMandateSchema holds the published schema of mandates against the strict reader, by the mandate
// that docs/respond.md shows.
func TestMandateSchema(t *testing.T) {
	heldSchema(t, "```yaml\n", "", "mandates", 100, "respond", "schema")
}

// TestMappingSchema does the same for the file that maps alerts to playbooks.
func TestMappingSchema(t *testing.T) {
	heldSchema(t, "```\nplaybooks: ", "playbooks: ", "mappings", 30, "respond", "schema", "--of", "playbooks")
}

// heldSchema holds a published schema against a strict reader, by the document that docs/respond.md
// shows: both accept it; of each member misspelt, removed, and given a value of another type the
// schema refuses what the reader refuses for its form, and nothing that it takes.
func heldSchema(t *testing.T, opens, begins, kind string, least int, published ...string) {
	t.Helper()
	check, err := build(t.TempDir(), "scenariocheck", "./test/scenariocheck")
	if err != nil {
		t.Fatal(err)
	}
	form, err := jsonschema.UnmarshalJSON(bytes.NewReader(output(t, nil, built.freezeframe, published...)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("form.json", form); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("form.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("../../docs/respond.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(doc, []byte(opens))
	text, _, ok := bytes.Cut(rest, []byte("```\n"))
	file := filepath.Join(t.TempDir(), "form.yaml")
	if err := os.WriteFile(file, append([]byte(begins), text...), 0o600); err != nil || !ok {
		t.Fatalf("none of %s in docs/respond.md, %v", kind, err)
	}
	m := &mutants{tried: map[string]bool{}, members: map[string]bool{}}
	if err := json.Unmarshal(output(t, nil, check, kind, file), &m.root); err != nil {
		t.Fatal(err)
	}
	m.add("whole")
	m.walk(m.root, "")
	refused, both := reader(t, m.docs, check, kind), 0
	for i, doc := range m.docs {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(doc))
		if err != nil {
			t.Fatal(err)
		}
		err = schema.Validate(v)
		switch {
		case err == nil && len(refused[i].Structure) > 0:
			t.Errorf("%s: the schema accepts it, the reader says %q", m.names[i], refused[i].Structure)
		case err != nil && len(refused[i].All) == 0:
			t.Errorf("%s: the reader accepts it, the schema says %v", m.names[i], err)
		case m.names[i] == "whole" && err != nil:
			t.Errorf("what the page shows is refused: %v", err)
		case err != nil:
			both++
		}
	}
	t.Logf("%d documents, %d of them spoiled and refused by both; 0 skipped", len(m.docs), both)
	if both < least {
		t.Errorf("only %d were refused", both)
	}
}
