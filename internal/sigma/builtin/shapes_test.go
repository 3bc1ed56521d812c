package builtin

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// model is what AWS says of a service's operations.
type model struct {
	Operations map[string]struct {
		Input struct{ Shape string }
	}
	Shapes map[string]struct {
		Type    string
		Member  struct{ Shape string }
		Members map[string]struct{ Shape string }
	}
}

// unknown are calls that the copies of AWS's shapes leave out.
var unknown = map[string]string{
	"cloudfront UpdateDistribution":   "of CloudFront's shapes only what the project calls is there",
	"rolesanywhere CreateTrustAnchor": "there is no copy of its shapes",
	"cloudfront CreateDistribution":   "of CloudFront's shapes only what the project calls is there",
}

// TestFieldsExist holds the rules' calls and parameters against AWS's API shapes: a rule
// that misspells one would hit nothing, and its samples, which are ours too, would not
// tell.
func TestFieldsExist(t *testing.T) {
	root := os.Getenv("FREEZEFRAME_SHARED")
	if root == "" {
		root = "../../../../shared"
	}
	dir := filepath.Join(root, "data", "aws-models")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("SKIPPED LOUDLY: no AWS API shapes at %s", dir)
	}
	names, err := files.ReadDir("rules")
	if err != nil {
		t.Fatal(err)
	}
	models, fields, calls := map[string]*model{}, 0, 0
	for _, n := range names {
		b, err := files.ReadFile("rules/" + n.Name())
		if err != nil {
			t.Fatal(err)
		}
		d := yaml.NewDecoder(strings.NewReader(string(b)))
		for {
			var doc struct {
				Title     string
				Detection map[string]any
			}
			if d.Decode(&doc) != nil {
				break
			}
			r := reading{t: t, title: doc.Title, dir: dir, models: models}
			for _, s := range doc.Detection {
				r.selection(s)
			}
			r.check()
			fields, calls = fields+len(r.paths), calls+len(r.calls)
		}
	}
	if fields < 50 || calls < 60 {
		t.Errorf("only %d fields of %d calls were looked at", fields, calls)
	}
	t.Logf("%d parameters of %d calls exist, %d calls left out: they are not in the copies of the shapes", fields, calls, len(unknown))
}

// reading collects what a rule names.
type reading struct {
	t      *testing.T
	title  string
	dir    string
	models map[string]*model
	calls  []string // "lambda AddPermission"
	paths  []string // below requestParameters
}

func (r *reading) selection(s any) {
	if list, ok := s.([]any); ok {
		for _, x := range list {
			r.selection(x)
		}
		return
	}
	m, ok := s.(map[string]any)
	if !ok {
		return
	}
	source, _ := m["eventSource"].(string)
	source = strings.TrimSuffix(source, ".amazonaws.com")
	for key, v := range m {
		field, mods, _ := strings.Cut(key, "|")
		if path, ok := strings.CutPrefix(field, "requestParameters."); ok {
			r.paths = append(r.paths, path)
		}
		if field != "eventName" || mods != "" {
			continue
		}
		list, isList := v.([]any)
		if !isList {
			list = []any{v}
		}
		for _, x := range list {
			name := strings.TrimSuffix(x.(string), "2*")
			if !strings.Contains(name, "*") {
				r.calls = append(r.calls, source+" "+name)
			}
		}
	}
}

func (r *reading) check() {
	sort.Strings(r.calls)
	for _, path := range r.paths {
		found := false
		for _, call := range r.calls {
			found = found || r.has(call, path)
		}
		if !found {
			r.t.Errorf("%q: none of %v has the parameter %s", r.title, r.calls, path)
		}
	}
	for _, call := range r.calls {
		source, name, _ := strings.Cut(call, " ")
		m := r.model(source)
		if unknown[call] == "" && (m == nil || m.Operations[name].Input.Shape == "") {
			r.t.Errorf("%q: AWS knows no call %s", r.title, call)
		}
	}
}

func (r *reading) model(source string) *model {
	if m := r.models[source]; m != nil {
		return m
	}
	f, err := os.Open(filepath.Join(r.dir, source+".json.gz"))
	if err != nil {
		return nil
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		r.t.Fatal(err)
	}
	var m model
	if err := json.NewDecoder(z).Decode(&m); err != nil {
		r.t.Fatal(err)
	}
	r.models[source] = &m
	return &m
}

// has follows a path through a call's input, whose members CloudTrail writes with a small
// first letter. EC2's lists have an element 'items' there.
func (r *reading) has(call, path string) bool {
	source, name, _ := strings.Cut(call, " ")
	m := r.model(source)
	if m == nil {
		return false
	}
	shape := m.Operations[name].Input.Shape
	for _, step := range strings.Split(path, ".") {
		for m.Shapes[shape].Type == "list" {
			shape = m.Shapes[shape].Member.Shape
		}
		if step == "items" && source == "ec2" {
			continue
		}
		next := ""
		for member, s := range m.Shapes[shape].Members {
			if strings.ToLower(member[:1])+member[1:] == step {
				next = s.Shape
			}
		}
		if shape = next; shape == "" {
			return false
		}
	}
	return true
}
