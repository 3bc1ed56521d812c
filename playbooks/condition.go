package playbooks

import (
	"errors"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/freezeframe-ir/freezeframe/internal/filter"
)

// Condition says when something runs, in the language in which events are filtered:
//
//	steps.story.kinds = function-code and inputs.exfiltration = false
//
// Its fields are inputs.NAME, steps.ID.RESULT, steps.ID.status and each.ID. What a step that did
// not run would have given is the empty text, 0 or false.
type Condition struct {
	Text   string `json:"text"`
	fields []filter.Field
	from   []Value // what each field stands for
	parsed *filter.Filter
	pos    position
}

// MarshalText is the condition as it was written.
func (c *Condition) MarshalText() ([]byte, error) { return []byte(c.Text), nil }

func (r *reader) condition(n *yaml.Node) *Condition {
	c := &Condition{pos: at(n)}
	r.text(&c.Text)(n)
	return c
}

// compile parses a condition over what it can see.
func (r *reader) compile(c *Condition, sc scope) {
	if c == nil {
		return
	}
	add := func(name string, t Type, v Value) {
		if t == PlanType || t == FindingsType {
			return
		}
		types := map[Type]filter.Type{Texts: filter.List, Number: filter.Number, Bool: filter.Truth}
		f := filter.Field{Name: name, Type: filter.Text}
		if ft, ok := types[t]; ok {
			f.Type = ft
		}
		if v.Result == statusResult {
			f.Values = statuses
		}
		c.fields, c.from = append(c.fields, f), append(c.from, v)
	}
	for _, name := range keys(sc.inputs) {
		add("inputs."+name, sc.inputs[name], Value{Input: name})
	}
	for _, id := range keys(sc.steps) {
		for _, result := range keys(sc.steps[id]) {
			add("steps."+id+"."+result, sc.steps[id][result], Value{Step: id, Result: result})
		}
	}
	for _, id := range keys(sc.each) {
		add("each."+id, Text, Value{Each: id})
	}
	var err error
	if c.parsed, err = filter.Parse(c.Text, c.fields); err != nil {
		at := c.pos
		if bad, ok := errors.AsType[*filter.Error](err); ok && !strings.Contains(c.Text, "\n") {
			at.column += bad.Column - 1
		}
		r.bad(at, "condition: %s", err)
	}
}

// holds says whether the condition is met.
func (c *Condition) holds(f *frame) bool { return c.parsed.Match(known{c, f}) }

// known gives the filter its values.
type known struct {
	c *Condition
	f *frame
}

func (k known) Text(i int) string {
	v, _ := k.f.value(k.c.from[i])
	switch {
	case v != nil:
		return shown(v)
	case k.c.fields[i].Type == filter.Number:
		return "0"
	case k.c.fields[i].Type == filter.Truth:
		return "false"
	}
	return ""
}

func (k known) List(i int) []string {
	v, _ := k.f.value(k.c.from[i])
	list, _ := v.([]string)
	return list
}
