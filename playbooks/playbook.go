// Package playbooks runs procedures written in YAML over collect, timeline and
// contain: in an order that is checked before anything runs, with approval gates,
// and with an ending that never looks better than it was.
//
// A playbook is data (*.yaml here are built in). A verb is what a step can do:
// one file verb_NAME.go, one line in catalogue.go.
package playbooks

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/freezeframe-ir/freezeframe/internal/nearest"
)

// MaxSize bounds a playbook file, in bytes.
const MaxSize = 256 << 10

// Playbook is a procedure as written, checked by Parse.
type Playbook struct {
	Name   string  // slug
	Title  string  // one line
	About  string  // for people
	Inputs []Input // what the run must be told
	Steps  []Step  // in order
	SHA256 string  // of the file's bytes, hex: enters the ledger with every run
	File   string
}

// Input is a value that the run is given.
type Input struct {
	Name, About string
	Type        Type
	Required    bool
	Default     any
	pos         position
}

// Step is one thing to do.
type Step struct {
	ID, About string
	Verb      Verb
	With      map[string]Value
	OnFailure OnFailure
	pos       position
}

// OnFailure says how a run goes on after a step failed.
type OnFailure string

// What can follow a failed step.
const (
	Stop     OnFailure = "stop"     // the run ends as failed
	Continue OnFailure = "continue" // the run goes on and cannot end as succeeded
)

// Value is an argument: a literal, or a reference to an input or to what an earlier step gave.
type Value struct {
	Literal any
	Input   string // "${inputs.NAME}"
	Step    string // "${steps.ID.RESULT}"
	Result  string
	pos     position
}

type position struct{ line, column int }

// Problem is one thing wrong with a playbook, with where it stands.
type Problem struct {
	File         string `json:"file"`
	Line, Column int
	What         string `json:"what"`
}

func (p Problem) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.What)
}

// InvalidError is all that is wrong with a playbook.
type InvalidError struct{ Problems []Problem }

func (e *InvalidError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "; ")
}

var slug = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)

// Parse reads one playbook strictly: one document, no aliases, no unknown or
// repeated keys, every reference resolved, every mutation behind a collection.
// The error is an *InvalidError with all problems found.
func Parse(file string, data []byte) (*Playbook, error) {
	r := &reader{file: file}
	sum := sha256.Sum256(data)
	pb := &Playbook{File: file, SHA256: hex.EncodeToString(sum[:])}
	if root := r.document(data); root != nil {
		r.playbook(root, pb)
	}
	if len(r.problems) == 0 {
		r.check(pb)
	}
	if len(r.problems) > 0 {
		slices.SortStableFunc(r.problems, func(a, b Problem) int { return a.Line - b.Line })
		return nil, &InvalidError{r.problems}
	}
	return pb, nil
}

type reader struct {
	file     string
	problems []Problem
}

func (r *reader) bad(at position, format string, args ...any) {
	r.problems = append(r.problems, Problem{r.file, at.line, at.column, fmt.Sprintf(format, args...)})
}

func at(n *yaml.Node) position { return position{n.Line, n.Column} }

func (r *reader) document(data []byte) *yaml.Node {
	if len(data) > MaxSize {
		r.bad(position{1, 1}, "larger than %d bytes", MaxSize)
		return nil
	}
	dec := yaml.NewDecoder(strings.NewReader(string(data)))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); err != nil {
		r.bad(yamlPosition(err), "not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		return nil
	}
	if dec.Decode(&more) == nil {
		r.bad(at(&more), "a second document: a playbook is one")
		return nil
	}
	if !r.plain(&doc, 0) {
		return nil
	}
	return doc.Content[0]
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

func yamlPosition(err error) position {
	p := position{1, 1}
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		_, _ = fmt.Sscan(m[1], &p.line) // the pattern holds digits only
	}
	return p
}

// plain refuses aliases, anchors and deep nesting before anything is read.
func (r *reader) plain(n *yaml.Node, depth int) bool {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		r.bad(at(n), "anchors and aliases are not allowed")
		return false
	}
	if depth > 12 {
		r.bad(at(n), "nested too deeply")
		return false
	}
	for _, c := range n.Content {
		if !r.plain(c, depth+1) {
			return false
		}
	}
	return true
}

// fields calls the handler of each key of a mapping; unknown and repeated keys are problems.
func (r *reader) fields(n *yaml.Node, where string, handle map[string]func(*yaml.Node), required ...string) {
	if n.Kind != yaml.MappingNode {
		r.bad(at(n), "%s: a mapping is wanted", where)
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		do, ok := handle[key.Value]
		switch {
		case seen[key.Value]:
			r.bad(at(key), "%s: key %q stands twice", where, key.Value)
		case !ok:
			r.bad(at(key), "%s: unknown key %q%s", where, key.Value, didYouMean(key.Value, keys(handle)))
		default:
			do(val)
		}
		seen[key.Value] = true
	}
	for _, k := range required {
		if !seen[k] {
			r.bad(at(n), "%s: key %q is missing", where, k)
		}
	}
}

func keys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func didYouMean(word string, known []string) string {
	if n := nearest.Word(word, known); n != "" {
		return fmt.Sprintf(" (did you mean %q?)", n)
	}
	return ""
}

func (r *reader) text(into *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
			r.bad(at(n), "a text is wanted")
			return
		}
		*into = strings.TrimSpace(n.Value)
	}
}

func (r *reader) playbook(n *yaml.Node, pb *Playbook) {
	r.fields(n, "playbook", map[string]func(*yaml.Node){
		"playbook": func(v *yaml.Node) {
			r.text(&pb.Name)(v)
			if !slug.MatchString(pb.Name) {
				r.bad(at(v), "name %q: lower-case letters, digits and hyphens are wanted, a letter first", pb.Name)
			}
		},
		"title":  r.text(&pb.Title),
		"about":  r.text(&pb.About),
		"inputs": func(v *yaml.Node) { pb.Inputs = r.inputs(v) },
		"steps":  func(v *yaml.Node) { pb.Steps = r.steps(v) },
	}, "playbook", "title", "steps")
}

func (r *reader) inputs(n *yaml.Node) []Input {
	var out []Input
	if n.Kind != yaml.MappingNode {
		r.bad(at(n), "inputs: a mapping from name to type is wanted")
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		in := Input{Name: n.Content[i].Value, pos: at(n.Content[i])}
		var def *yaml.Node
		r.fields(n.Content[i+1], "input "+in.Name, map[string]func(*yaml.Node){
			"type":     func(v *yaml.Node) { in.Type = r.typeOf(v) },
			"about":    r.text(&in.About),
			"required": func(v *yaml.Node) { in.Required = v.Value == "true" },
			"default":  func(v *yaml.Node) { def = v },
		}, "type")
		if def != nil {
			in.Default = r.literal(def, in.Type)
		}
		out = append(out, in)
	}
	return out
}

func (r *reader) steps(n *yaml.Node) []Step {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		r.bad(at(n), "steps: a list of at least one step is wanted")
		return nil
	}
	var out []Step
	for _, c := range n.Content {
		s := Step{OnFailure: Stop, pos: at(c), With: map[string]Value{}}
		var with *yaml.Node
		r.fields(c, "step", map[string]func(*yaml.Node){
			"id":         r.text(&s.ID),
			"about":      r.text(&s.About),
			"run":        func(v *yaml.Node) { s.Verb = r.verb(v) },
			"with":       func(v *yaml.Node) { with = v },
			"on_failure": func(v *yaml.Node) { s.OnFailure = r.onFailure(v) },
		}, "id", "run")
		if with != nil && s.Verb.Name != "" {
			s.With = r.with(with, s)
		}
		out = append(out, s)
	}
	return out
}

func (r *reader) verb(n *yaml.Node) Verb {
	var names []string
	for _, v := range Verbs() {
		if v.Name == n.Value {
			return v
		}
		names = append(names, v.Name)
	}
	r.bad(at(n), "unknown verb %q%s", n.Value, didYouMean(n.Value, names))
	return Verb{}
}

func (r *reader) onFailure(n *yaml.Node) OnFailure {
	if f := OnFailure(n.Value); f == Stop || f == Continue {
		return f
	}
	r.bad(at(n), "on_failure: %q is neither stop nor continue", n.Value)
	return Stop
}
