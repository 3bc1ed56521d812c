package deploy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// stack is a template with its parameters, as CloudFormation would resolve it: written without
// anything of what prints templates.
type stack struct {
	t          *testing.T
	root       *yaml.Node
	parameters map[string]any
	pseudo     map[string]string // "AWS::Region"
	refs       map[string]string // what !Ref of a resource gives
	attributes map[string]string // "VaultBucket.Arn"
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newStack(t *testing.T, text string, given map[string]any, account, region string) *stack {
	t.Helper()
	var doc yaml.Node
	must(t, yaml.Unmarshal([]byte(text), &doc))
	s := &stack{t: t, root: doc.Content[0], parameters: map[string]any{}, refs: map[string]string{}, attributes: map[string]string{},
		pseudo: map[string]string{"AWS::Region": region, "AWS::AccountId": account, "AWS::Partition": "aws"}}
	for name, about := range pairs(member(s.root, "Parameters")) {
		if d := member(about, "Default"); d != nil {
			s.parameters[name] = d.Value
		}
		if v, ok := given[name]; ok {
			s.parameters[name] = v
		}
		if s.parameters[name] == nil {
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

// properties of a resource, resolved.
func (s *stack) properties(name string) map[string]any {
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

func (s *stack) value(n *yaml.Node) any {
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

func (s *stack) intrinsic(n *yaml.Node) any {
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

func (s *stack) condition(name string) bool {
	s.t.Helper()
	c := member(member(s.root, "Conditions"), name)
	if c == nil {
		s.t.Fatalf("there is no condition %s", name)
	}
	return s.value(c) == true
}

func (s *stack) ref(name string) any {
	s.t.Helper()
	if v, ok := s.parameters[name]; ok {
		return v
	}
	if v, ok := s.pseudo[name]; ok {
		return v
	}
	if v, ok := s.refs[name]; ok {
		return v
	}
	s.t.Fatalf("!Ref %s leads nowhere", name)
	return nil
}

func (s *stack) attribute(name string) string {
	s.t.Helper()
	v, ok := s.attributes[name]
	if !ok {
		s.t.Fatalf("!GetAtt %s leads nowhere", name)
	}
	return v
}

func (s *stack) sub(text string) string {
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

// strs is a value that may be one string or several.
func strs(v any) []string {
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
