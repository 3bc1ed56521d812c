package cacao

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
	"github.com/freezeframe-ir/freezeframe/playbooks"
)

// draft writes the playbook, and lints it.
func (m *importer) draft(steps []*yaml.Node) ([]byte, error) {
	name := slugged(m.doc.Name, "-")
	inputs := node()
	for _, in := range m.list {
		v := node("type", in.kind, "about", in.about)
		if in.value != "" {
			d := &yaml.Node{Kind: yaml.ScalarNode, Value: in.value}
			if in.kind == "string" {
				d = text(in.value)
			}
			v.Content = append(v.Content, text("default"), d)
		}
		inputs.Content = append(inputs.Content, text(in.name), v)
	}
	doc := node("playbook", name, "title", strings.Join(strings.Fields(m.doc.Name), " "), "about", "A draft, made of the CACAO playbook "+m.doc.ID+".\n"+m.doc.Description)
	if len(inputs.Content) > 0 {
		doc.Content = append(doc.Content, text("inputs"), inputs)
	}
	doc.Content = append(doc.Content, text("steps"), seq(steps...))
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := errors.Join(enc.Encode(doc), enc.Close()); err != nil {
		return nil, fmt.Errorf("writing the draft: %w", err)
	}
	if _, err := playbooks.Parse(name+".yaml", b.Bytes()); err != nil {
		return nil, &RefusedError{[]string{err.Error()}}
	}
	return b.Bytes(), nil
}

// text is a text that neither moves nor hides what is read of the draft on a terminal.
func text(s string) *yaml.Node {
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i, l := range lines {
		lines[i] = safetext.Escape(l)
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str"}
	n.SetString(strings.Join(lines, "\n"))
	return n
}

// node is a mapping of names and values, without those that are empty.
func node(pairs ...any) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i+1 < len(pairs); i += 2 {
		var v *yaml.Node
		switch x := pairs[i+1].(type) {
		case *yaml.Node:
			v = x
		case bool:
			v = &yaml.Node{Kind: yaml.ScalarNode, Value: fmt.Sprint(x)}
		case string:
			if x == "" {
				continue
			}
			v = text(x)
		}
		n.Content = append(n.Content, text(fmt.Sprint(pairs[i])), v)
	}
	return n
}

func seq(items ...*yaml.Node) *yaml.Node { return &yaml.Node{Kind: yaml.SequenceNode, Content: items} }
