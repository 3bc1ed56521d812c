package sigma

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// detectionReader turns a detection section into one tree.
type detectionReader struct {
	o    Options
	note func(n *yaml.Node, place, why string)
}

func (d *detectionReader) read(n *yaml.Node) (*expr, error) {
	all, err := members(n, "detection")
	if err != nil {
		return nil, err
	}
	c := conditionReader{trees: map[string]*expr{}, used: map[string]bool{}}
	var condition *yaml.Node
	at := map[string]*yaml.Node{}
	for _, p := range all {
		place := join("detection", p.key)
		switch {
		case p.key == "condition":
			condition = p.value
			continue
		case p.key == "timeframe":
			return nil, bad(p.at, place, "timeframe belongs to deprecated aggregations: write a correlation with a timespan")
		case contains(operators, strings.ToLower(p.key)):
			return nil, bad(p.at, place, "a selection cannot be called like a word of conditions")
		}
		tree, err := d.selection(p.value, place, 0)
		if err != nil {
			return nil, err
		}
		c.names, c.trees[p.key], at[p.key] = append(c.names, p.key), tree, p.at
	}
	if condition == nil {
		return nil, bad(n, "detection.condition", "is missing")
	}
	tree, err := d.conditions(&c, condition)
	if err != nil {
		return nil, err
	}
	for _, name := range c.names {
		if !c.used[name] {
			d.note(at[name], join("detection", name), "no condition uses it")
		}
	}
	return tree, nil
}

// conditions reads one condition, or a list, of which any holds.
func (d *detectionReader) conditions(c *conditionReader, n *yaml.Node) (*expr, error) {
	list := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		list = n.Content
	}
	var all []*expr
	for _, k := range list {
		s, err := text(k, "detection.condition")
		if err != nil {
			return nil, err
		}
		e, err := c.parse(s)
		if err != nil {
			return nil, bad(k, "detection.condition", "%v", err)
		}
		all = append(all, e)
	}
	if len(all) == 0 {
		return nil, bad(n, "detection.condition", "is an empty list")
	}
	return joined(opOr, all), nil
}

// selection reads a map (all of its items), a list (any of its elements), or a keyword.
func (d *detectionReader) selection(n *yaml.Node, place string, depth int) (*expr, error) {
	switch {
	case n.Kind == yaml.ScalarNode:
		return d.item("", n, place)
	case len(n.Content) == 0:
		return nil, bad(n, place, "is empty")
	case n.Kind == yaml.MappingNode:
		all, err := members(n, place)
		if err != nil {
			return nil, err
		}
		var kids []*expr
		for _, p := range all {
			e, err := d.item(p.key, p.value, join(place, p.key))
			if err != nil {
				return nil, err
			}
			kids = append(kids, e)
		}
		for _, why := range bareNames(kids) {
			d.note(n, place, why)
		}
		return joined(opAnd, kids), nil
	}
	plain := true
	for _, k := range n.Content {
		plain = plain && k.Kind == yaml.ScalarNode
	}
	if plain {
		return d.item("", n, place)
	}
	if depth > 3 {
		return nil, bad(n, place, "lists are nested too deep")
	}
	var kids []*expr
	for _, k := range n.Content {
		e, err := d.selection(k, place, depth+1)
		if err != nil {
			return nil, err
		}
		kids = append(kids, e)
	}
	return joined(opOr, kids), nil
}

// item reads one field (or "" for keywords) with its modifiers and values.
func (d *detectionReader) item(key string, n *yaml.Node, place string) (*expr, error) {
	field, mods, _ := strings.Cut(key, "|")
	if n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode && len(n.Content) > 0 && n.Content[0].Kind != yaml.ScalarNode {
		return nil, bad(n, place, "the value of a field is a value or a list of values: write the path of a nested field with dots")
	}
	values, err := scalars(n, place)
	if err != nil {
		return nil, err
	}
	m := modified{o: d.o, field: field, place: place, at: n}
	if strings.Contains(key, "|") {
		m.mods = strings.Split(mods, "|")
	}
	l, err := m.compile(values)
	if err != nil {
		return nil, err
	}
	if l.all && len(values) == 1 {
		d.note(n, place, "all with a single value says nothing")
	}
	e := &expr{op: opLeaf, leaf: l}
	if m.turned {
		e = &expr{op: opNot, kids: []*expr{e}}
	}
	return e, nil
}
