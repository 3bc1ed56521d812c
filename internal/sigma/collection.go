package sigma

import (
	"go.yaml.in/yaml/v3"
)

// collection applies the 'action' documents of old rule collections: global stands for
// all documents behind it, reset ends that, repeat is the document before with changes.
type collection struct {
	global, before *yaml.Node
}

// next gives the rule that a document makes, nil if it makes none itself.
func (c *collection) next(doc *yaml.Node) (*yaml.Node, error) {
	action, rest, err := takeAction(doc)
	if err != nil {
		return nil, err
	}
	switch action {
	case "":
		if c.global == nil || has(rest, "correlation") || has(rest, "filter") {
			c.before = rest
			return rest, nil
		}
		merged, err := merge(rest, c.global, false, "")
		c.before = merged
		return merged, err
	case "global":
		c.global = rest
		return nil, nil
	case "reset":
		c.global = nil
		return nil, nil
	case "repeat":
		if c.before == nil {
			return nil, bad(doc, "action", "repeat, but no rule stands before it")
		}
		merged, err := merge(c.before, rest, true, "")
		c.before = merged
		return merged, err
	}
	return nil, bad(doc, "action", "unknown action %q (known: global, reset, repeat)", action)
}

func takeAction(doc *yaml.Node) (action string, rest *yaml.Node, err error) {
	all, err := members(doc, "")
	if err != nil {
		return "", nil, err
	}
	c := *doc
	c.Content = nil
	for _, m := range all {
		if m.key == "action" {
			if action, err = text(m.value, "action"); err != nil {
				return "", nil, err
			}
			if action == "" {
				return "", nil, bad(m.value, "action", "is empty")
			}
			continue
		}
		c.Content = append(c.Content, m.at, m.value)
	}
	return action, &c, nil
}

func has(n *yaml.Node, key string) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return true
		}
	}
	return false
}

// merge gives a with b's members. Where both have one that is no map, b's counts if over
// is set; otherwise it is an error, since tools differ in which one they take.
func merge(a, b *yaml.Node, over bool, place string) (*yaml.Node, error) {
	c := *a
	c.Content = append([]*yaml.Node(nil), a.Content...)
next:
	for i := 0; i+1 < len(b.Content); i += 2 {
		key, value := b.Content[i], b.Content[i+1]
		at := join(place, key.Value)
		for j := 0; j+1 < len(c.Content); j += 2 {
			if c.Content[j].Value != key.Value {
				continue
			}
			have := c.Content[j+1]
			switch {
			case have.Kind == yaml.MappingNode && value.Kind == yaml.MappingNode:
				m, err := merge(have, value, over, at)
				if err != nil {
					return nil, err
				}
				c.Content[j+1] = m
			case over:
				c.Content[j+1] = value
			default:
				return nil, bad(have, at, "stands here and in the global document of the file: tools differ in which one counts")
			}
			continue next
		}
		c.Content = append(c.Content, key, value)
	}
	return &c, nil
}

func join(place, key string) string {
	if place == "" {
		return key
	}
	return place + "." + key
}
