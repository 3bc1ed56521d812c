package alert

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/test/ocsfcheck"
)

// shapes are AWS's published shapes of one API.
type shapes map[string]struct {
	Type     string
	Required []string
	Enum     []string
	Members  map[string]struct {
		Shape        string
		LocationName string
	}
	Member, Key, Value struct{ Shape string }
}

func sharedFile(t *testing.T, path ...string) *os.File {
	t.Helper()
	root := os.Getenv("FREEZEFRAME_SHARED")
	if root == "" {
		root = "../../../shared"
	}
	f, err := os.Open(filepath.Join(append([]string{root, "data"}, path...)...))
	if err != nil {
		if os.Getenv("FREEZEFRAME_CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("SKIPPED LOUDLY: not here: %v", err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func shapesOf(t *testing.T, service string) shapes {
	t.Helper()
	z, err := gzip.NewReader(sharedFile(t, "aws-models", service+".json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	var m struct{ Shapes shapes }
	if err := json.NewDecoder(z).Decode(&m); err != nil {
		t.Fatal(err)
	}
	return m.Shapes
}

// check lists what of v is not as the shape says. wire takes the names that travel, otherwise the
// API's own. It gives how many members it has looked at.
func (s shapes) check(at, shape string, v any, wire bool, wrong *[]string) (n int) {
	say := func(format string, args ...any) {
		*wrong = append(*wrong, at+": "+fmt.Sprintf(format, args...))
	}
	x, known := s[shape]
	kinds := map[string]string{"string": "string", "boolean": "bool", "integer": "float64", "long": "float64", "double": "float64", "float": "float64", "list": "[]interface {}", "structure": "map[string]interface {}", "map": "map[string]interface {}"}
	if want, ok := kinds[x.Type]; known && ok && fmt.Sprintf("%T", v) != want {
		say("is %T, and AWS's %s is a %s", v, shape, x.Type)
		return 0
	}
	switch x.Type {
	case "structure":
		m, named := v.(map[string]any), map[string]string{}
		for name, r := range x.Members {
			if wire && r.LocationName != "" {
				name = r.LocationName
			}
			named[name] = r.Shape
		}
		for _, name := range slices.Sorted(maps.Keys(m)) {
			of, ok := named[name]
			if !ok {
				say("AWS's %s has no member %s", shape, name)
				continue
			}
			n += 1 + s.check(at+"."+name, of, m[name], wire, wrong)
		}
		for _, name := range x.Required {
			if r := x.Members[name]; wire && r.LocationName != "" {
				name = r.LocationName
			}
			if m[name] == nil {
				say("AWS's %s wants %s", shape, name)
			}
		}
	case "list":
		for i, item := range v.([]any) {
			n += s.check(fmt.Sprintf("%s[%d]", at, i), x.Member.Shape, item, wire, wrong)
		}
	case "map":
		for name, item := range v.(map[string]any) {
			n += s.check(at+"."+name, x.Value.Shape, item, wire, wrong)
		}
	case "string":
		if len(x.Enum) > 0 && !slices.Contains(x.Enum, v.(string)) {
			say("%q is none of AWS's %s", v, shape)
		}
	}
	return n
}

// findings are those of a sample, without envelopes, as JSON.
func findings(t *testing.T, name string) []map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(sample(t, name), &m); err != nil {
		t.Fatal(err)
	}
	if text, ok := m["Message"].(string); ok {
		if err := json.NewDecoder(strings.NewReader(text)).Decode(&m); err != nil {
			t.Fatal(err)
		}
	}
	if d, ok := m["detail"].(map[string]any); ok {
		m = d
	}
	list, ok := m["findings"].([]any)
	if !ok {
		return []map[string]any{m}
	}
	var all []map[string]any
	for _, x := range list {
		all = append(all, x.(map[string]any))
	}
	return all
}

// onlyEvents are members that EventBridge has and the API's shapes do not.
var onlyEvents = []string{".service.additionalInfo: AWS's ServiceAdditionalInfo has no member sample"}

// TestSamplesAreAWSs: the samples are spelt, typed and complete as AWS's own shapes say, and so is
// what is read of them: whoever made these samples wrote the reader too.
func TestSamplesAreAWSs(t *testing.T) {
	guardduty, hub := shapesOf(t, "guardduty"), shapesOf(t, "securityhub")
	judged, members := 0, 0
	for _, c := range expected {
		form := first(t, c.name).Form
		if form != "guardduty" && form != "asff" {
			continue
		}
		for _, m := range findings(t, c.name) {
			var wrong []string
			var n int
			switch {
			case form == "asff":
				n = hub.check("", "AwsSecurityFinding", m, false, &wrong)
			default:
				_, wire := m["schemaVersion"]
				n = guardduty.check("", "Finding", m, wire, &wrong)
			}
			judged, members = judged+1, members+n
			for _, w := range wrong {
				if !slices.Contains(onlyEvents, w) {
					t.Errorf("%s%s", c.name, w)
				}
			}
		}
	}
	t.Logf("%d findings, %d members judged by AWS's shapes; 0 skipped", judged, members)
	if judged < 20 || members < 800 {
		t.Error("too few")
	}
}

// TestShapesBite: a member misspelt, one of another type, and one that is missing are seen.
func TestShapesBite(t *testing.T) {
	guardduty := shapesOf(t, "guardduty")
	for _, change := range [][2]string{{`"functionArn"`, `"functionARN"`}, {`"count": 3`, `"count": "3"`}, {`"accountId"`, `"accountID"`}} {
		var m map[string]any
		if err := json.Unmarshal(bytes.Replace(sample(t, "guardduty-lambda-bare"), []byte(change[0]), []byte(change[1]), 1), &m); err != nil {
			t.Fatal(err)
		}
		var wrong []string
		if guardduty.check("", "Finding", m, true, &wrong); len(wrong) == 0 {
			t.Errorf("%v was not seen", change)
		}
	}
}

// withoutTwins takes out the texts that the profile datetime puts beside each time: the flattened
// schema has none of them. One without its time stays, and is found.
func withoutTwins(m map[string]any) {
	for name, v := range m {
		if base, ok := strings.CutSuffix(name, "_dt"); ok && m[base] != nil {
			delete(m, name)
		}
		if sub, ok := v.(map[string]any); ok {
			withoutTwins(sub)
		}
	}
}

// TestSamplesAreOCSF: the OCSF samples are judged by the schema of its makers.
func TestSamplesAreOCSF(t *testing.T) {
	schema, judged := ocsfcheck.Load(t, "1.8.0"), 0
	for _, c := range expected {
		if first(t, c.name).Form != "ocsf" {
			continue
		}
		for _, m := range findings(t, c.name) {
			withoutTwins(m)
			line, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			judged++
			for _, w := range schema.Validate(string(line)) {
				t.Errorf("%s: %s", c.name, w)
			}
		}
	}
	t.Logf("%d findings judged by OCSF's schema; 0 skipped", judged)
	if judged < 6 {
		t.Error("too few")
	}
}

// TestRecordsOfOthers: each record of recorded attacks is read, and of calls on a function the
// function is told as the record itself has it in its ARNs.
func TestRecordsOfOthers(t *testing.T) {
	sharedFile(t, "README.md")
	files, err := filepath.Glob(filepath.Join(filepath.Dir(sharedFile(t, "README.md").Name()), "cloudtrail", "stratus", "*.json"))
	if err != nil || len(files) < 30 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	records, functions := 0, 0
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var all []json.RawMessage
		if err := json.Unmarshal(data, &all); err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			a := Parse(r)[0]
			records++
			if a.Kind != APICall {
				t.Errorf("%s: %v", filepath.Base(f), a.Err())
				continue
			}
			if strings.HasPrefix(a.Type, "lambda:") && a.Target != nil {
				functions++
				if !bytes.Contains(r, []byte(a.Target.Name)) || a.Target.Account != a.Account {
					t.Errorf("%s: %+v", filepath.Base(f), a.Target)
				}
			}
		}
	}
	t.Logf("%d records, %d of a function; 0 skipped", records, functions)
	if functions < 2 {
		t.Error("no function was told")
	}
}
