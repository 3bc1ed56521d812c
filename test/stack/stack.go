// Package stack resolves a printed CloudFormation template as CloudFormation would, for tests that
// load its policies into a simulated account. It shares nothing with what prints templates, and
// knows as much of the language as those templates use: anything else fails the test.
package stack

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Stack is a template with its parameters.
type Stack struct {
	Parameters map[string]any
	Refs       map[string]string // what !Ref of a resource gives
	Attributes map[string]string // "VaultBucket.Arn"

	t      *testing.T
	root   *yaml.Node
	pseudo map[string]string // "AWS::Region"
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// New reads a template. given are values of its parameters, those that have no default all.
func New(t *testing.T, text string, given map[string]any, account, region string) *Stack {
	t.Helper()
	var doc yaml.Node
	must(t, yaml.Unmarshal([]byte(text), &doc))
	s := &Stack{t: t, root: doc.Content[0], Parameters: map[string]any{}, Refs: map[string]string{}, Attributes: map[string]string{},
		pseudo: map[string]string{"AWS::Region": region, "AWS::AccountId": account, "AWS::Partition": "aws"}}
	for name, about := range pairs(member(s.root, "Parameters")) {
		if d := member(about, "Default"); d != nil {
			s.Parameters[name] = d.Value
		}
		if v, ok := given[name]; ok {
			s.Parameters[name] = v
		}
		if s.Parameters[name] == nil {
			t.Fatalf("parameter %s has neither a default nor a value", name)
		}
	}
	for name := range given {
		if member(member(s.root, "Parameters"), name) == nil {
			t.Fatalf("there is no parameter %s", name)
		}
	}
	return s
}

// member of a mapping; nil: there is none.
func member(n *yaml.Node, name string) *yaml.Node {
	for k, v := range pairs(n) {
		if k == name {
			return v
		}
	}
	return nil
}

func pairs(n *yaml.Node) map[string]*yaml.Node {
	out := map[string]*yaml.Node{}
	if n != nil && n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			out[n.Content[i].Value] = n.Content[i+1]
		}
	}
	return out
}

// Properties of a resource, resolved, a new copy each time.
func (s *Stack) Properties(name string) map[string]any {
	s.t.Helper()
	r := member(member(s.root, "Resources"), name)
	if r == nil {
		s.t.Fatalf("there is no resource %s", name)
	}
	m, ok := s.value(member(r, "Properties")).(map[string]any)
	if !ok {
		s.t.Fatalf("%s has no properties", name)
	}
	return m
}

type noValue struct{}

func (s *Stack) value(n *yaml.Node) any {
	s.t.Helper()
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		return s.intrinsic(n)
	}
	switch n.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		for k, v := range pairs(n) {
			if got := s.value(v); got != (noValue{}) {
				out[k] = got
			}
		}
		return out
	case yaml.SequenceNode:
		out := []any{}
		for _, v := range n.Content {
			if got := s.value(v); got != (noValue{}) {
				out = append(out, got)
			}
		}
		return out
	case yaml.AliasNode:
		s.t.Fatal("CloudFormation knows no aliases")
	}
	var v any
	must(s.t, n.Decode(&v))
	return v
}

func (s *Stack) intrinsic(n *yaml.Node) any {
	s.t.Helper()
	switch n.Tag {
	case "!Ref":
		if n.Value == "AWS::NoValue" {
			return noValue{}
		}
		return s.ref(n.Value)
	case "!GetAtt":
		return s.attribute(n.Value)
	case "!Sub":
		return s.sub(n.Value)
	case "!Join":
		var words []string
		for _, v := range n.Content[1].Content {
			words = append(words, fmt.Sprint(s.value(v)))
		}
		return strings.Join(words, n.Content[0].Value)
	case "!If":
		if s.condition(n.Content[0].Value) {
			return s.value(n.Content[1])
		}
		return s.value(n.Content[2])
	case "!Equals":
		return fmt.Sprint(s.value(n.Content[0])) == fmt.Sprint(s.value(n.Content[1]))
	case "!Not":
		return s.value(n.Content[0]) == false
	case "!And":
		return !slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return s.value(c) != true })
	case "!Condition":
		return s.condition(n.Value)
	}
	s.t.Fatalf("line %d: %s is not known here", n.Line, n.Tag)
	return nil
}

func (s *Stack) condition(name string) bool {
	s.t.Helper()
	c := member(member(s.root, "Conditions"), name)
	if c == nil {
		s.t.Fatalf("there is no condition %s", name)
	}
	return s.value(c) == true
}

func (s *Stack) ref(name string) any {
	s.t.Helper()
	if v, ok := s.Parameters[name]; ok {
		return v
	}
	if v, ok := s.pseudo[name]; ok {
		return v
	}
	if v, ok := s.Refs[name]; ok {
		return v
	}
	s.t.Fatalf("!Ref %s leads nowhere", name)
	return nil
}

func (s *Stack) attribute(name string) string {
	s.t.Helper()
	v, ok := s.Attributes[name]
	if !ok {
		s.t.Fatalf("!GetAtt %s leads nowhere", name)
	}
	return v
}

func (s *Stack) sub(text string) string {
	s.t.Helper()
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		name, after, ok := strings.Cut(rest, "}")
		if !ok {
			s.t.Fatalf("%q is not closed", text)
		}
		if strings.Contains(name, ".") {
			out.WriteString(s.attribute(name))
		} else {
			fmt.Fprint(&out, s.ref(name))
		}
		text = after
	}
}

// Strings are those of a value that may be one or several.
func Strings(v any) []string {
	if s, ok := v.(string); ok {
		return []string{s}
	}
	var out []string
	if all, ok := v.([]any); ok {
		for _, x := range all {
			out = append(out, fmt.Sprint(x))
		}
	}
	return out
}

// At goes down into a value: names of members, indexes of lists.
func At(t *testing.T, v any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch k := step.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok || m[k] == nil {
				t.Fatalf("there is no %v of %v", k, path)
			}
			v = m[k]
		case int:
			l, ok := v.([]any)
			if !ok || k >= len(l) {
				t.Fatalf("there is no %v of %v", k, path)
			}
			v = l[k]
		}
	}
	return v
}

// Resources are the names of all resources.
func (s *Stack) Resources() []string {
	var names []string
	for name := range pairs(member(s.root, "Resources")) {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
