package lineage

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/finding"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

// model is as much of an official API description as the rules lean on.
type model struct {
	Operations map[string]struct{ Input, Output struct{ Shape string } }
	Shapes     map[string]struct {
		Type    string
		Members map[string]struct{ Shape string }
		Member  struct{ Shape string }
	}
}

func readModel(t *testing.T, service string) *model {
	root := os.Getenv("FREEZEFRAME_SHARED")
	if root == "" {
		root = "../../../shared"
	}
	name := map[string]string{"states": "stepfunctions", "monitoring": "cloudwatch", "autoscaling": "application-autoscaling"}[service]
	f, err := os.Open(filepath.Join(root, "data", "aws-models", first(name, service)+".json.gz"))
	if err != nil {
		return nil
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	m := &model{}
	if err := json.NewDecoder(z).Decode(m); err != nil {
		t.Fatal(err)
	}
	return m
}

// has says whether a shape has the members of a path, spelt as CloudTrail does.
func (m *model) has(shape string, path []string) bool {
	s := m.Shapes[shape]
	for s.Type == "list" {
		s = m.Shapes[s.Member.Shape]
	}
	if len(path) == 0 {
		return true
	}
	for name, member := range s.Members {
		if strings.ToLower(name[:1])+name[1:] == path[0] {
			return m.has2(member.Shape, path[1:])
		}
	}
	return false
}

func (m *model) has2(shape string, path []string) bool {
	for m.Shapes[shape].Type == "list" {
		shape = m.Shapes[shape].Member.Shape
	}
	return m.has(shape, path)
}

// TestRulesAreOfRealCalls: every call that makes or takes back is an operation of AWS, and
// of the alternatives of each name at least one is a member of its request or answer.
func TestRulesAreOfRealCalls(t *testing.T) {
	models := map[string]*model{}
	checked, missing := 0, map[string]bool{}
	check := func(call string, ids []string) {
		service, op, _ := strings.Cut(call, ":")
		if _, read := models[service]; !read {
			models[service] = readModel(t, service)
		}
		m := models[service]
		if m == nil || service == "ec2" || service == "s3" || service == "states" { // records spelt otherwise than the API; a model cut down to what is collected
			missing[service] = true
			return
		}
		o, ok := m.Operations[op]
		if !ok && op != "PutBucketNotification" {
			t.Errorf("%s is no call of AWS", call)
			return
		}
		checked++
		for _, id := range ids {
			if id[0] == '=' || id[0] == '@' {
				continue
			}
			found := false
			for p := range strings.SplitSeq(id, "|") {
				if p[0] == '=' {
					continue // what stands where the request leaves it out
				}
				parts := strings.Split(p, ".")
				shape := o.Input.Shape
				if parts[0] == "response" {
					shape = o.Output.Shape
				}
				found = found || m.has(shape, parts[1:])
			}
			if !found {
				t.Errorf("%s has no member %s", call, id)
			}
		}
	}
	names := namesKept(t)
	for _, r := range rules() {
		check(r.make, r.id)
		for _, u := range r.undo {
			if u.id == nil {
				u.id = r.id
				for i, id := range u.id { // what the answer names, the request of the other call has to
					if strings.HasPrefix(id, "response.") && !strings.Contains(id, "request.") {
						t.Errorf("%s is to take back %s by what only the answer of that names: %s", u.call, r.make, u.id[i])
					}
				}
			}
			check(u.call, u.id)
		}
		for _, id := range append(slices.Clone(r.id), strings.Fields(r.detail)...) {
			for p := range strings.SplitSeq(id, "|") {
				if last := p[strings.LastIndexByte(p, '.')+1:]; strings.Contains(p, ".") && !names[last] {
					t.Errorf("%s: %s is not kept of records", r.make, p)
				}
			}
		}
	}
	if len(models) > 0 && checked == 0 {
		t.Skip("SKIPPED LOUDLY: no API models")
	}
	t.Logf("%d calls checked against AWS's models; without a model or spelt otherwise: %v; 0 skipped", checked, missing)
}

// namesKept asks the timeline what it keeps, by a record that names everything.
func namesKept(t *testing.T) map[string]bool {
	kept := map[string]bool{}
	for _, r := range rules() {
		for _, id := range append(slices.Clone(r.id), strings.Fields(r.detail)...) {
			for p := range strings.SplitSeq(id, "|") {
				if !strings.Contains(p, ".") {
					continue
				}
				last := p[strings.LastIndexByte(p, '.')+1:]
				path := filepath.Join(t.TempDir(), "r.json")
				body := fmt.Sprintf(`{"eventTime":"2026-01-01T00:00:00Z","eventID":"a","eventName":"X","eventSource":"iam.amazonaws.com","requestParameters":{"a":{"b":[{%q:"v"}]}}}`, last)
				if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
					t.Fatal(err)
				}
				_, err := timeline.Events(t.Context(), timeline.Options{Names: true}, timeline.Input{Paths: []string{path}}, func(e *timeline.Event) error {
					kept[last] = kept[last] || e.Name("request.a.b."+last) == "v"
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return kept
}

// TestEveryRulePairs: what a rule makes stands, what takes it back ends it, in its own
// account and region only; a second making replaces the first.
func TestEveryRulePairs(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	event := func(call, account, id string, paths []string) *timeline.Event {
		service, action, _ := strings.Cut(call, ":")
		at = at.Add(time.Second)
		e := &timeline.Event{Kind: timeline.KindCloudTrail, Time: at, Service: service, Action: action, Account: account, Region: "eu-west-1", ID: id,
			Outcome: timeline.Success, AccessKey: "AKIA" + account, Function: "arn:aws:lambda:eu-west-1:" + account + ":function:f",
			Principal: timeline.Principal{Type: "IAMUser", ARN: "arn:aws:iam::" + account + ":user/u", Name: "u"}}
		for _, p := range paths {
			if p[0] != '=' && p[0] != '@' {
				for alt := range strings.SplitSeq(p, "|") {
					e.Named = append(e.Named, alt+"=x")
				}
			}
		}
		return e
	}
	pairs := 0
	for _, r := range rules() {
		for _, u := range append(slices.Clone(r.undo), undo{}) {
			if u.id == nil {
				u.id = r.id
			}
			b := NewBuilder()
			b.Event(event(r.make, "111111111111", "here", r.id))
			b.Event(event(r.make, "222222222222", "there", r.id))
			if u.call != "" {
				b.Event(event(u.call, "111111111111", "end", u.id))
				pairs++
			}
			g := b.Graph(timeline.Summary{})
			states := map[string]finding.Finding{}
			for _, f := range g.Made {
				if f.Action == r.make {
					states[f.Event] = f
				}
			}
			want := finding.Standing
			if u.call != "" {
				want = finding.Undone
			}
			if here, there := states["here"], states["there"]; here.State != want || there.State != finding.Standing || u.call != "" && here.UndoneE != "end" {
				t.Errorf("%s, %s: here %+v, there %+v", r.make, u.call, here, there)
			}
		}
	}
	t.Logf("%d rules, %d ways back, 0 skipped", len(rules()), pairs)
}
