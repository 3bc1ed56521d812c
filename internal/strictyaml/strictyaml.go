// Package strictyaml reads YAML into Go values and says everything that is wrong with it, with
// line and column: unknown and repeated keys, values of another type, keys that are missing.
// Aliases, anchors, further documents and deep nesting are refused before anything is read.
//
// A struct's fields are tagged `yaml:"name"`, `yaml:"name,required"` or `yaml:"-"`; a field
// without a tag is not read. A field of type Position is set to where the value stands, and a
// Text is a text that knows its place.
// time.Duration is read from text ("90s"), any is read as JSON would be.
package strictyaml

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/freezeframe-ir/freezeframe/internal/nearest"
)

// Position is where something stands.
type Position struct{ Line, Column int }

// Text is a text with the place where it stands, for what a reader has to say about it.
type Text struct {
	At    Position
	Value string
}

// Problem is one thing wrong with a file.
type Problem struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	What   string `json:"what"`
}

func (p Problem) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.What)
}

const (
	maxSize  = 512 << 10
	maxDepth = 40
)

// Decode reads the one document of data into v, a pointer to a struct.
func Decode(file string, data []byte, v any) []Problem {
	d := &decoder{file: file}
	if root := d.document(data); root != nil {
		d.value(root, reflect.ValueOf(v).Elem(), "")
	}
	slices.SortStableFunc(d.problems, func(a, b Problem) int { return a.Line - b.Line })
	return d.problems
}

type decoder struct {
	file     string
	problems []Problem
}

func (d *decoder) bad(n *yaml.Node, format string, args ...any) {
	d.problems = append(d.problems, Problem{d.file, n.Line, n.Column, fmt.Sprintf(format, args...)})
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

func (d *decoder) document(data []byte) *yaml.Node {
	top := &yaml.Node{Line: 1, Column: 1}
	if len(data) > maxSize {
		d.bad(top, "larger than %d bytes", maxSize)
		return nil
	}
	dec := yaml.NewDecoder(strings.NewReader(string(data)))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
			_, _ = fmt.Sscan(m[1], &top.Line) // the pattern holds digits only
		}
		d.bad(top, "not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		return nil
	}
	if dec.Decode(&more) == nil {
		d.bad(&more, "a second document: one is wanted")
		return nil
	}
	if !d.plain(&doc, 0) {
		return nil
	}
	return doc.Content[0]
}

// plain refuses what makes a small file a large one.
func (d *decoder) plain(n *yaml.Node, depth int) bool {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		d.bad(n, "anchors and aliases are not allowed")
		return false
	}
	if depth > maxDepth {
		d.bad(n, "nested too deeply")
		return false
	}
	for _, c := range n.Content {
		if !d.plain(c, depth+1) {
			return false
		}
	}
	return true
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	positionType = reflect.TypeFor[Position]()
	textType     = reflect.TypeFor[Text]()
)

// value reads a node into v; where names it for people.
func (d *decoder) value(n *yaml.Node, v reflect.Value, where string) {
	switch {
	case v.Type() == durationType:
		d.duration(n, v, where)
		return
	case v.Type() == textType:
		d.text(n, v, where)
		return
	case v.Kind() == reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		d.value(n, p.Elem(), where)
		v.Set(p)
		return
	case v.Kind() == reflect.Interface:
		if x := d.anything(n); x != nil {
			v.Set(reflect.ValueOf(x))
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v, where)
	case reflect.Slice:
		d.list(n, v, where)
	case reflect.Map:
		d.mapping(n, v, where)
	default:
		d.scalar(n, v, where)
	}
}

func (d *decoder) duration(n *yaml.Node, v reflect.Value, where string) {
	t, err := time.ParseDuration(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || t < 0 {
		d.bad(n, "%s: a duration such as 90s or 5m is wanted", where)
		return
	}
	v.SetInt(int64(t))
}

// text reads a text with its place. A time is one too. A number is none: an account's id that
// begins with 0 would be another one.
func (d *decoder) text(n *yaml.Node, v reflect.Value, where string) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" && n.Tag != "!!timestamp" {
		hint := ""
		if n.Kind == yaml.ScalarNode {
			hint = ": put it between quotes"
		}
		d.bad(n, "%s: a text is wanted%s", where, hint)
		return
	}
	v.Set(reflect.ValueOf(Text{Position{n.Line, n.Column}, n.Value}))
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value, where string) {
	want := map[reflect.Kind]string{reflect.String: "!!str", reflect.Bool: "!!bool", reflect.Int: "!!int"}[v.Kind()]
	if n.Kind != yaml.ScalarNode || n.Tag != want {
		d.bad(n, "%s: %s is wanted", where, map[string]string{"!!str": "a text", "!!bool": "true or false", "!!int": "a whole number"}[want])
		return
	}
	if v.Kind() == reflect.String {
		v.SetString(n.Value)
		return
	}
	if err := n.Decode(v.Addr().Interface()); err != nil {
		d.bad(n, "%s: %s", where, err)
	}
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, where string) {
	if n.Kind != yaml.SequenceNode {
		d.bad(n, "%s: a list is wanted", where)
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, c := range n.Content {
		d.value(c, out.Index(i), where)
	}
	v.Set(out)
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, where string) {
	if n.Kind != yaml.MappingNode {
		d.bad(n, "%s: a mapping is wanted", where)
		return
	}
	out := reflect.MakeMap(v.Type())
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := reflect.ValueOf(n.Content[i].Value)
		if out.MapIndex(key).IsValid() {
			d.bad(n.Content[i], "%s: key %q stands twice", where, key)
		}
		e := reflect.New(v.Type().Elem()).Elem()
		d.value(n.Content[i+1], e, where+" "+key.String())
		out.SetMapIndex(key, e)
	}
	v.Set(out)
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value, where string) {
	if n.Kind != yaml.MappingNode {
		d.bad(n, "%s: a mapping is wanted", where)
		return
	}
	fields, required := map[string]reflect.Value{}, []string{}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Type == positionType && f.IsExported() {
			v.Field(i).Set(reflect.ValueOf(Position{n.Line, n.Column}))
			continue
		}
		name, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		fields[name] = v.Field(i)
		if option == "required" {
			required = append(required, name)
		}
	}
	d.keys(n, fields, required, where)
}

func (d *decoder) keys(n *yaml.Node, fields map[string]reflect.Value, required []string, where string) {
	prefix := ""
	if where != "" {
		prefix = where + ": "
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		f, ok := fields[key.Value]
		switch {
		case seen[key.Value]:
			d.bad(key, "%skey %q stands twice", prefix, key.Value)
		case !ok:
			d.bad(key, "%sunknown key %q%s", prefix, key.Value, meant(key.Value, fields))
		default:
			d.value(n.Content[i+1], f, strings.TrimSpace(where+" "+key.Value))
		}
		seen[key.Value] = true
	}
	for _, k := range required {
		if !seen[k] {
			d.bad(n, "%skey %q is missing", prefix, k)
		}
	}
}

func meant(word string, fields map[string]reflect.Value) string {
	known := make([]string, 0, len(fields))
	for k := range fields {
		known = append(known, k)
	}
	slices.Sort(known)
	if n := nearest.Word(word, known); n != "" {
		return fmt.Sprintf(" (did you mean %q?)", n)
	}
	return ""
}

// anything reads a node as JSON would be read.
func (d *decoder) anything(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if _, twice := out[key.Value]; twice {
				d.bad(key, "key %q stands twice", key.Value)
			}
			out[key.Value] = d.anything(n.Content[i+1])
		}
		return out
	case yaml.SequenceNode:
		out := make([]any, len(n.Content))
		for i, c := range n.Content {
			out[i] = d.anything(c)
		}
		return out
	}
	if n.Tag == "!!timestamp" || n.Tag == "!!str" { // a policy's Version looks like a date
		return n.Value
	}
	var v any
	if err := n.Decode(&v); err != nil {
		d.bad(n, "%s", err)
	}
	return v
}
