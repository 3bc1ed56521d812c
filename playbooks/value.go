package playbooks

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

// Type is the type of an input, an argument or a result.
type Type string

// Types.
const (
	Text     Type = "string"
	Texts    Type = "strings"
	Duration Type = "duration" // Go's form: 90m, 72h
	Bool     Type = "bool"
	PlanType Type = "plan" // what contain.plan gives: no literal form
)

// Param is a typed name: an argument or a result of a verb.
type Param struct {
	Name, About string
	Type        Type
	Required    bool
}

var reference = regexp.MustCompile(`^\$\{(?:inputs\.([a-z][a-z0-9_-]*)|steps\.([a-z][a-z0-9-]*)\.([a-z][a-z0-9_-]*))\}$`)

func (r *reader) typeOf(n *yaml.Node) Type {
	switch t := Type(n.Value); t {
	case Text, Texts, Duration, Bool:
		return t
	}
	r.bad(at(n), "unknown type %q%s", n.Value, didYouMean(n.Value, []string{string(Text), string(Texts), string(Duration), string(Bool)}))
	return Text
}

// with reads a step's arguments against its verb's parameters.
func (r *reader) with(n *yaml.Node, s Step) map[string]Value {
	out := map[string]Value{}
	handle := map[string]func(*yaml.Node){}
	for _, p := range s.Verb.With {
		handle[p.Name] = func(v *yaml.Node) { out[p.Name] = r.value(v, p.Type) }
	}
	r.fields(n, "step "+s.ID, handle)
	return out
}

func (r *reader) value(n *yaml.Node, t Type) Value {
	v := Value{pos: at(n)}
	if n.Kind == yaml.ScalarNode {
		if m := reference.FindStringSubmatch(n.Value); m != nil {
			v.Input, v.Step, v.Result = m[1], m[2], m[3]
			return v
		}
	}
	v.Literal = r.literal(n, t)
	return v
}

// literal decodes a node as the type: string, []string, time.Duration or bool.
func (r *reader) literal(n *yaml.Node, t Type) any {
	switch t {
	case Texts:
		var list []string
		if n.Kind != yaml.SequenceNode || n.Decode(&list) != nil {
			r.bad(at(n), "a list of texts is wanted")
		}
		return list
	case PlanType:
		r.bad(at(n), "a plan can only be taken from a step: ${steps.ID.plan}")
		return nil
	}
	if n.Kind != yaml.ScalarNode {
		r.bad(at(n), "a %s is wanted", t)
		return nil
	}
	v, err := ParseLiteral(t, n.Value)
	if err != nil {
		r.bad(at(n), "%s", err)
	}
	return v
}

// ParseLiteral reads a value as given on a command line (--set name=value).
func ParseLiteral(t Type, s string) (any, error) {
	switch t {
	case Text:
		return s, nil
	case Texts:
		return []string{s}, nil
	case Bool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return nil, fmt.Errorf("%q is neither true nor false", s)
		}
		return b, nil
	case Duration:
		d, err := time.ParseDuration(s)
		if err != nil || d <= 0 {
			return nil, fmt.Errorf("%q is not a positive duration such as 90m or 72h", s)
		}
		return d, nil
	}
	return nil, fmt.Errorf("a %s has no literal form", t)
}

// check resolves references and the order of steps.
func (r *reader) check(pb *Playbook) {
	inputs := map[string]Type{}
	for _, in := range pb.Inputs {
		inputs[in.Name] = in.Type
	}
	given := map[string]map[string]Type{} // step -> result -> type
	preserved := false
	for _, s := range pb.Steps {
		if _, twice := given[s.ID]; twice || !slug.MatchString(s.ID) {
			r.bad(s.pos, "step id %q is taken, or not lower-case letters, digits and hyphens", s.ID)
		}
		r.checkArguments(s, inputs, given)
		if s.Verb.Class == Changes && !preserved {
			r.bad(s.pos, "step %s changes the account before any step has collected evidence (put a step that runs collect before it)", s.ID)
		}
		if s.Verb.Preserves && s.OnFailure == Stop {
			preserved = true
		}
		given[s.ID] = map[string]Type{}
		for _, p := range s.Verb.Gives {
			given[s.ID][p.Name] = p.Type
		}
	}
}

func (r *reader) checkArguments(s Step, inputs map[string]Type, given map[string]map[string]Type) {
	for _, p := range s.Verb.With {
		v, ok := s.With[p.Name]
		if !ok {
			if p.Required {
				r.bad(s.pos, "step %s: %s needs the argument %q", s.ID, s.Verb.Name, p.Name)
			}
			continue
		}
		var t Type
		switch {
		case v.Input != "":
			if t, ok = inputs[v.Input]; !ok {
				r.bad(v.pos, "no input %q%s", v.Input, didYouMean(v.Input, keys(inputs)))
				continue
			}
		case v.Step != "":
			results, known := given[v.Step]
			if !known {
				r.bad(v.pos, "no earlier step %q%s", v.Step, didYouMean(v.Step, keys(given)))
				continue
			}
			if t, ok = results[v.Result]; !ok {
				r.bad(v.pos, "step %s gives no %q%s", v.Step, v.Result, didYouMean(v.Result, keys(results)))
				continue
			}
		default:
			continue
		}
		if t != p.Type {
			r.bad(v.pos, "%s of %s is a %s, %s was given", p.Name, s.Verb.Name, p.Type, t)
		}
	}
}
