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
// that docs/respond.md shows: both accept it; of each member misspelt, removed, and given a value of
// another type the schema refuses what the reader refuses for its form, and nothing that it takes.
func TestMandateSchema(t *testing.T) {
	check, err := build(t.TempDir(), "scenariocheck", "./test/scenariocheck")
	if err != nil {
		t.Fatal(err)
	}
	published, err := jsonschema.UnmarshalJSON(bytes.NewReader(output(t, nil, built.freezeframe, "respond", "schema")))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("mandate.json", published); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("mandate.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("../../docs/respond.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(doc, []byte("```yaml\n"))
	text, _, ok := bytes.Cut(rest, []byte("```\n"))
	file := filepath.Join(t.TempDir(), "mandate.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil || !ok {
		t.Fatalf("no mandate in docs/respond.md, %v", err)
	}
	m := &mutants{tried: map[string]bool{}, members: map[string]bool{}}
	if err := json.Unmarshal(output(t, nil, check, "mandates", file), &m.root); err != nil {
		t.Fatal(err)
	}
	m.add("whole")
	m.walk(m.root, "")
	refused, both := reader(t, m.docs, check, "mandates"), 0
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
			t.Errorf("the mandate of the page is refused: %v", err)
		case err != nil:
			both++
		}
	}
	t.Logf("%d documents, %d of them spoiled and refused by both; 0 skipped", len(m.docs), both)
	if both < 100 {
		t.Errorf("only %d were refused", both)
	}
}
