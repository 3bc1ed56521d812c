package playbooks

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// Type is the type of an input, an argument or a result.
type Type string

// Types.
const (
	Text     Type = "string"
	Texts    Type = "strings"
	Number   Type = "number"   // a whole one
	Duration Type = "duration" // Go's form: 90m, 72h
	Bool     Type = "bool"
	// Types without a literal form: they are taken from a step.
	PlanType     Type = "plan"     // what contain.plan gives
	FindingsType Type = "findings" // what timeline.story gives
)

// inputTypes are the types that have a literal form.
var inputTypes = []string{string(Text), string(Texts), string(Number), string(Duration), string(Bool)}

// Param is a typed name: an argument or a result of a verb.
type Param struct {
	Name     string   `json:"name"`
	About    string   `json:"about"`
	Type     Type     `json:"type"`
	Required bool     `json:"required,omitempty"`
	Values   []string `json:"values,omitempty"` // where there are only these
}

// Value is an argument: a literal, or a reference to an input, to what an earlier step gave, or to
// the turn of a loop.
type Value struct {
	Literal any    `json:"literal,omitempty"`
	Input   string `json:"input,omitempty"`  // "${inputs.NAME}"
	Step    string `json:"step,omitempty"`   // "${steps.ID.RESULT}"
	Result  string `json:"result,omitempty"` //
	Each    string `json:"each,omitempty"`   // "${each.ID}"
	pos     position
}

func (v Value) literal() bool { return v.Input == "" && v.Step == "" && v.Each == "" }

// String is the value as it is written.
func (v Value) String() string {
	switch {
	case v.Input != "":
		return "${inputs." + v.Input + "}"
	case v.Step != "":
		return "${steps." + v.Step + "." + v.Result + "}"
	case v.Each != "":
		return "${each." + v.Each + "}"
	}
	return shown(v.Literal)
}

// shown is a value for people and records.
func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []string:
		return strings.Join(v, ", ")
	case *contain.Plan:
		if v == nil {
			return ""
		}
		return "plan " + v.Hash
	case []finding.Finding:
		return fmt.Sprintf("%d findings", len(v))
	}
	return fmt.Sprint(v)
}

var (
	paramName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)
	reference = regexp.MustCompile(`^\$\{(?:inputs\.([a-z][a-z0-9_-]*)|steps\.([a-z][a-z0-9-]*)\.([a-z][a-z0-9_-]*)|each\.([a-z][a-z0-9-]*))\}$`)
)

func (r *reader) typeOf(n *yaml.Node) Type {
	for _, t := range inputTypes {
		if n.Value == t {
			return Type(t)
		}
	}
	r.bad(at(n), "unknown type %q%s", n.Value, didYouMean(n.Value, inputTypes))
	return Text
}

// with reads a step's arguments against the parameters of its verb, or of the playbook it uses.
func (r *reader) with(n *yaml.Node, s *Step) map[string]Value {
	out := map[string]Value{}
	handle := map[string]func(*yaml.Node){}
	for _, p := range r.params(s) {
		handle[p.Name] = func(v *yaml.Node) {
			out[p.Name] = r.value(v, p.Type)
			r.among(out[p.Name], p)
		}
	}
	if s.kind() != kindVerb && s.kind() != kindSub {
		r.bad(at(n), "step %s: key \"with\" has no meaning beside %q", s.ID, s.kind())
		return out
	}
	if s.Verb.Name != "" || r.pb.subs[s.Sub] != nil {
		r.fields(n, "step "+s.ID, handle)
	}
	return out
}

// params are the parameters of a step.
func (r *reader) params(s *Step) []Param { return paramsOf(r.pb, s) }

func paramsOf(pb *Playbook, s *Step) []Param {
	if sub := pb.subs[s.Sub]; sub != nil {
		var out []Param
		for _, in := range sub.Inputs {
			out = append(out, Param{Name: in.Name, About: in.About, Type: in.Type, Required: in.Required})
		}
		return out
	}
	return s.Verb.With
}

// among refuses a literal that is none of a parameter's values.
func (r *reader) among(v Value, p Param) {
	if len(p.Values) == 0 || !v.literal() {
		return
	}
	given, ok := v.Literal.([]string)
	if s, one := v.Literal.(string); one {
		given, ok = []string{s}, true
	}
	for _, s := range given {
		known := false
		for _, w := range p.Values {
			known = known || w == s
		}
		if ok && !known {
			hint := didYouMean(s, p.Values)
			if hint == "" && len(p.Values) < 12 {
				hint = "; there are " + strings.Join(p.Values, ", ")
			}
			r.bad(v.pos, "no %s %q%s", p.Name, s, hint)
		}
	}
}

func (r *reader) value(n *yaml.Node, t Type) Value {
	v := Value{pos: at(n)}
	if n.Kind == yaml.ScalarNode {
		if m := reference.FindStringSubmatch(n.Value); m != nil {
			v.Input, v.Step, v.Result, v.Each = m[1], m[2], m[3], m[4]
			return v
		}
		if strings.Contains(n.Value, "${") {
			r.bad(v.pos, "%q: a reference stands alone, as ${inputs.NAME}, ${steps.ID.RESULT} or ${each.ID}", n.Value)
			return v
		}
	}
	v.Literal = r.literal(n, t)
	return v
}

// literal decodes a node as the type: string, []string, int, time.Duration or bool.
func (r *reader) literal(n *yaml.Node, t Type) any {
	switch t {
	case Texts:
		var list []string
		if n.Kind != yaml.SequenceNode || n.Decode(&list) != nil {
			r.bad(at(n), "a list of texts is wanted")
		}
		return list
	case PlanType, FindingsType:
		r.bad(at(n), "%s can only be taken from a step: ${steps.ID.%s}", t, t)
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
		return strings.FieldsFunc(s, func(c rune) bool { return c == ',' }), nil
	case Number:
		n, err := strconv.Atoi(s)
		if err != nil {
			return nil, fmt.Errorf("%q is not a whole number", s)
		}
		return n, nil
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

var errValue = errors.New("not a value of its type")

// decode reads a value as encoding/json wrote it.
func decode(t Type, raw json.RawMessage) (any, error) {
	if string(raw) == "null" {
		return nil, nil
	}
	switch t {
	case Text:
		return as[string](raw)
	case Texts:
		return as[[]string](raw)
	case Number:
		return as[int](raw)
	case Bool:
		return as[bool](raw)
	case Duration:
		return as[time.Duration](raw)
	case PlanType:
		return as[*contain.Plan](raw)
	case FindingsType:
		return as[[]finding.Finding](raw)
	}
	return nil, fmt.Errorf("%w %s", errValue, t)
}

func as[T any](raw json.RawMessage) (any, error) {
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, fmt.Errorf("%w: %w", errValue, err)
	}
	return v, nil
}
