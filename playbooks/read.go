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

// Problem is one thing wrong with a playbook, with where it stands.
type Problem struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	What   string `json:"what"`
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

// Source finds the text of a playbook that another one uses; ErrUnknown if there is none.
type Source func(name string) (file string, text []byte, err error)

var slug = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)

// maxDepth bounds how deep playbooks use each other.
const maxDepth = 4

// Parse reads one playbook strictly: one document, no aliases, no unknown or
// repeated keys, every reference resolved, every mutation behind a collection.
// What it uses is found among the built-in ones.
// The error is an *InvalidError with all problems found.
func Parse(file string, data []byte) (*Playbook, error) { return ParseWith(file, data, builtIn) }

// ParseWith is Parse, with what the playbook uses taken from a source.
func ParseWith(file string, data []byte, from Source) (*Playbook, error) {
	return parse(file, data, from, nil, nil)
}

func parse(file string, data []byte, from Source, within []string, verbs []Verb) (*Playbook, error) {
	r := &reader{file: file, from: from, within: within, verbs: verbs}
	sum := sha256.Sum256(data)
	pb := &Playbook{File: file, SHA256: hex.EncodeToString(sum[:]), text: data, subs: map[string]*Playbook{}}
	if root := r.document(data); root != nil {
		r.pb = pb
		r.playbook(root, pb)
	}
	if len(r.problems) == 0 {
		r.check(pb)
	}
	if len(r.problems) == 0 {
		r.order(pb)
	}
	if len(r.problems) > 0 {
		slices.SortStableFunc(r.problems, func(a, b Problem) int { return a.Line - b.Line })
		return nil, &InvalidError{r.problems}
	}
	return pb, nil
}

type reader struct {
	file     string
	from     Source
	within   []string // playbooks that use this one
	verbs    []Verb
	pb       *Playbook
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
	if depth > 40 {
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

// texts reads a list of texts.
func (r *reader) texts(into *[]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			r.bad(at(n), "a list of texts is wanted")
			return
		}
		for _, c := range n.Content {
			var s string
			r.text(&s)(c)
			*into = append(*into, s)
		}
	}
}

// number reads a whole number between two bounds.
func (r *reader) number(into *int, least, most int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || n.Decode(into) != nil || *into < least || *into > most {
			r.bad(at(n), "a whole number from %d to %d is wanted", least, most)
		}
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
		"title":   r.text(&pb.Title),
		"about":   r.text(&pb.About),
		"runbook": func(v *yaml.Node) { pb.Runbook = r.runbook(v) },
		"inputs":  func(v *yaml.Node) { pb.Inputs = r.inputs(v) },
		"outputs": func(v *yaml.Node) { pb.Outputs = r.outputs(v) },
		"resume":  func(v *yaml.Node) { pb.Resume = r.steps(v) },
		"steps":   func(v *yaml.Node) { pb.Steps = r.steps(v) },
	}, "playbook", "title", "steps")
}

func (r *reader) runbook(n *yaml.Node) *Runbook {
	b := &Runbook{Roles: map[string]string{}}
	r.fields(n, "runbook", map[string]func(*yaml.Node){
		"threats": func(v *yaml.Node) {
			if v.Kind != yaml.SequenceNode {
				r.bad(at(v), "threats: a list of rows of the threat matrix is wanted")
				return
			}
			for _, c := range v.Content {
				var row int
				r.number(&row, 1, 28)(c)
				b.Threats = append(b.Threats, row)
			}
		},
		"attack": r.texts(&b.Attack), "references": r.texts(&b.References), "triage": r.texts(&b.Triage),
		"roles": func(v *yaml.Node) {
			if v.Kind != yaml.MappingNode {
				r.bad(at(v), "roles: a mapping from a role to what it does is wanted")
				return
			}
			for i := 0; i+1 < len(v.Content); i += 2 {
				var does string
				r.text(&does)(v.Content[i+1])
				b.Roles[v.Content[i].Value] = does
			}
		},
		"scope": r.text(&b.Scope), "severity": r.text(&b.Severity), "detect": r.text(&b.Detect), "contain": r.text(&b.Contain),
		"eradicate": r.text(&b.Eradicate), "recover": r.text(&b.Recover), "post_incident": r.text(&b.PostIncident),
	})
	return b
}

func (r *reader) inputs(n *yaml.Node) []Input {
	var out []Input
	if n.Kind != yaml.MappingNode {
		r.bad(at(n), "inputs: a mapping from name to type is wanted")
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		in := Input{Name: n.Content[i].Value, pos: at(n.Content[i])}
		if !paramName.MatchString(in.Name) || slices.ContainsFunc(out, func(o Input) bool { return o.Name == in.Name }) {
			r.bad(in.pos, "input %q is there already, or not lower-case letters, digits, _ and -", in.Name)
		}
		var def *yaml.Node
		r.fields(n.Content[i+1], "input "+in.Name, map[string]func(*yaml.Node){
			"type":     func(v *yaml.Node) { in.Type = r.typeOf(v) },
			"about":    r.text(&in.About),
			"required": func(v *yaml.Node) { in.Required, _ = r.literal(v, Bool).(bool) },
			"default":  func(v *yaml.Node) { def = v },
		}, "type")
		if def != nil {
			in.Default = r.literal(def, in.Type)
		}
		out = append(out, in)
	}
	return out
}

func (r *reader) outputs(n *yaml.Node) []Output {
	if n.Kind != yaml.MappingNode {
		r.bad(at(n), "outputs: a mapping from name to a reference is wanted")
		return nil
	}
	var out []Output
	for i := 0; i+1 < len(n.Content); i += 2 {
		o := Output{Name: n.Content[i].Value, pos: at(n.Content[i]), Value: r.value(n.Content[i+1], Text)}
		if !paramName.MatchString(o.Name) {
			r.bad(o.pos, "output %q is not lower-case letters, digits, _ and -", o.Name)
		}
		if o.Value.literal() {
			r.bad(o.Value.pos, "output %s: a reference is wanted: ${steps.ID.RESULT}", o.Name)
		}
		out = append(out, o)
	}
	return out
}
