package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestScenarioSchema holds the published schema of scenarios against the strict reader: both accept
// every scenario that is there; of each member misspelled, removed, and given a value of another
// type the schema refuses what the reader refuses for its form, and nothing that the reader takes.
func TestScenarioSchema(t *testing.T) {
	check, err := build(t.TempDir(), "scenariocheck", "./test/scenariocheck")
	if err != nil {
		t.Fatal(err)
	}
	published, err := jsonschema.UnmarshalJSON(bytes.NewReader(output(t, nil, built.freezeframe, "tabletop", "schema")))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("scenario.json", published); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("scenario.json")
	if err != nil {
		t.Fatal(err)
	}
	m := &mutants{tried: map[string]bool{}}
	m.scenarios(t, check)
	refused := reader(t, m.docs, check)
	both, whole := 0, []string(nil)
	for i, doc := range m.docs {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(doc))
		if err != nil {
			t.Fatal(err)
		}
		err = schema.Validate(v)
		if m.names[i] == "whole" {
			whole = refused[i].All
		}
		switch {
		case err == nil && len(refused[i].Structure) > 0:
			t.Errorf("%s: the schema accepts it, the reader says %q", m.names[i], refused[i].Structure)
		case err != nil && slices.Equal(refused[i].All, whole):
			t.Errorf("%s: the reader accepts it, the schema says %v", m.names[i], err)
		case m.names[i] == "whole" && err != nil:
			t.Errorf("a scenario that is there is refused: %v", err)
		case err != nil:
			both++
		}
		if strings.HasSuffix(m.names[i], " misspelled") && err == nil && !strings.Contains(m.names[i], ".with.") && !free(m.names[i]) {
			t.Errorf("%s: accepted by both", m.names[i])
		}
	}
	unseen := m.unseen(published.(map[string]any))
	t.Logf("%d documents, %d of them spoiled and refused by both; members of the schema that no scenario has: %d %v; 0 skipped", len(m.docs), both, len(unseen), unseen)
	if both < 100 {
		t.Errorf("only %d were refused", both)
	}
}

// free are places that hold what the scenario names itself.
func free(name string) bool {
	for _, place := range []string{"texts.", ".policy.", ".save.", "texts ", ".set."} {
		if strings.Contains(name, place) {
			return true
		}
	}
	return false
}

// mutants are documents, each spoiled in one place; places in lists count once for all scenarios.
type mutants struct {
	docs, names []string
	tried       map[string]bool
	root        any
	members     map[string]bool
}

func (m *mutants) scenarios(t *testing.T, check string) {
	files, err := filepath.Glob("../../playbooks/tabletop/scenarios/*.yaml")
	base, baseErr := filepath.Glob("../../playbooks/tabletop/scenarios/base/*.yaml")
	if err != nil || baseErr != nil || len(files) < 13 || len(base) < 3 {
		t.Fatalf("%d scenarios, %d bases, %v, %v", len(files), len(base), err, baseErr)
	}
	m.members = map[string]bool{}
	for line := range bytes.Lines(output(t, nil, check, append(files, base...)...)) {
		if err := json.Unmarshal(line, &m.root); err != nil {
			t.Fatal(err)
		}
		m.add("whole")
		m.walk(m.root, "")
	}
}

func (m *mutants) add(name string) {
	doc, err := json.Marshal(m.root)
	if err != nil {
		panic(err) // it was JSON before
	}
	m.docs, m.names = append(m.docs, string(doc)), append(m.names, name)
}

func (m *mutants) walk(v any, at string) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			m.walk(e, at)
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			m.members[k] = true
			place, value := strings.TrimPrefix(at+"."+k, "."), v[k]
			m.walk(value, place)
			if m.tried[place] || strings.Count(place, ".") > 6 {
				continue
			}
			m.tried[place] = true
			delete(v, k)
			m.add(place + " removed")
			v[k+"x"] = value
			m.add(place + " misspelled")
			delete(v, k+"x")
			for _, other := range []any{map[string]any{"unheard-of": 1}, []any{true}, "no duration, no number", 7, false} {
				v[k] = other
				m.add(fmt.Sprintf("%s as %T", place, other))
			}
			v[k] = value
		}
	}
}

// unseen are members that the schema has and no scenario does.
func (m *mutants) unseen(schema map[string]any) []string {
	var out []string
	structures := maps.Clone(schema["$defs"].(map[string]any))
	structures["Scenario"] = schema
	for name, d := range structures {
		for member := range d.(map[string]any)["properties"].(map[string]any) {
			if !m.members[member] {
				out = append(out, name+"."+member)
			}
		}
	}
	slices.Sort(out)
	return out
}

// readerSays is what the reader has against a document: against its members, and against all of it.
type readerSays struct{ Structure, All []string }

// reader is what the strict reader has against each document.
func reader(t *testing.T, docs []string, check string, args ...string) []readerSays {
	t.Helper()
	cmd := exec.Command(check, args...)
	cmd.Stdin = strings.NewReader(strings.Join(docs, "\n") + "\n")
	answer, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var out []readerSays
	for line := range bytes.Lines(answer) {
		var said readerSays
		if err := json.Unmarshal(line, &said); err != nil {
			t.Fatal(err)
		}
		out = append(out, said)
	}
	if len(out) != len(docs) {
		t.Fatalf("%d answers to %d documents", len(out), len(docs))
	}
	return out
}
