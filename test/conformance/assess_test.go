package conformance

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// assessed is an assessment that says everything, with hostile text in it, in a form.
func assessed(t *testing.T, form string) string {
	t.Helper()
	dir := t.TempDir()
	binary, err := build(dir, "assessforms", "./test/assessforms")
	if err != nil {
		t.Fatal(err)
	}
	return string(output(t, nil, binary, form))
}

// TestSARIF holds an assessment against OASIS's schema, and wants what is planted refused.
func TestSARIF(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(shared(t), "data/schemas/sarif-2.1.0.json"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("file:///sarif.json", doc); err != nil {
		t.Fatal(err)
	}
	c.AssertFormat() // addresses are to be addresses
	schema, err := c.Compile("file:///sarif.json")
	if err != nil {
		t.Fatal(err)
	}
	log := assessed(t, "sarif")
	if err := validCACAO(schema, log); err != nil {
		t.Fatalf("not valid: %v", err)
	}
	planted := map[string][2]string{
		"a version":       {`"version": "2.1.0"`, `"version": "2.2.0"`},
		"a kind":          {`"kind": "open"`, `"kind": "unknown"`},
		"a level":         {`"level": "none"`, `"level": "info"`},
		"a suppression":   {`"status": "accepted"`, `"status": "granted"`},
		"no message":      {`"message": {`, `"massage": {`},
		"a fingerprint":   {`"checkFunctionTarget/v1": "`, `"checkFunctionTarget/v1": 1, "x": "`},
		"a rule's number": {`"ruleIndex": 0`, `"ruleIndex": -2`},
		"an address":      {`"uri": "`, `"uri": "%zz `},
		"a baseline":      {`"baselineState": "new"`, `"baselineState": "worse"`},
	}
	for what, p := range planted {
		spoiled := strings.Replace(log, p[0], p[1], 1)
		if spoiled == log || validCACAO(schema, spoiled) == nil {
			t.Errorf("spoiled by %s, and valid (changed: %v)", what, spoiled != log)
		}
	}
	t.Logf("%d bytes are valid, %d planted errors are refused, 0 skipped", len(log), len(planted))
}

// TestJUnit holds an assessment against the strict schema of JUnit reports, by Python's xmlschema.
func TestJUnit(t *testing.T) {
	python, schema := tool(t, "FREEZEFRAME_XMLSCHEMA"), filepath.Join(shared(t), "data/schemas/junit.xsd")
	const script = "import sys, xmlschema\ns = xmlschema.XMLSchema(sys.argv[1])\nfor p in sys.argv[2:]:\n    e = next(s.iter_errors(p), None)\n    print('valid' if e is None else 'refused')\n"
	text, dir := assessed(t, "junit"), t.TempDir()
	planted := [][2]string{
		{"", ""},
		{`hostname="localhost"`, ``},
		{`timestamp="2026-11-27T12:00:00"`, `timestamp="2026-11-27T12:00:00Z"`},
		{`tests="`, `tests="many`},
		{`type="unknown"`, ``},
		{`<system-out></system-out>`, ``},
		{`<properties>`, `<properties><nothing></nothing>`},
		{`classname="`, `class="`},
	}
	args := []string{"-c", script, schema}
	for i, p := range planted {
		spoiled := text
		if p[0] != "" {
			spoiled = strings.Replace(text, p[0], p[1], 1)
		}
		if i > 0 && spoiled == text {
			t.Errorf("nothing is %s", p[0])
		}
		path := filepath.Join(dir, string(rune('a'+i))+".xml")
		if err := os.WriteFile(path, []byte(spoiled), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	out, err := exec.Command(python, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	verdicts := strings.Fields(string(out))
	if len(verdicts) != len(planted) {
		t.Fatalf("%d verdicts: %s", len(verdicts), out)
	}
	for i, v := range verdicts {
		if (v == "valid") != (i == 0) {
			t.Errorf("planted %q: %s", planted[i], v)
		}
	}
	t.Logf("valid, %d planted errors are refused, 0 skipped", len(planted)-1)
}
