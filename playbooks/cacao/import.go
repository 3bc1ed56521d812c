package cacao

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/freezeframe-ir/freezeframe/playbooks"
)

// Bounds of what is read.
const (
	MaxSize  = 1 << 20
	maxDepth = 40
	maxSteps = 500
)

// ErrNot: the file is no CACAO 2.0 playbook.
var ErrNot = errors.New("no CACAO 2.0 playbook")

// RefusedError names everything in a playbook that cannot be honoured.
type RefusedError struct{ What []string }

func (e *RefusedError) Error() string { return "cannot be honoured: " + strings.Join(e.What, "; ") }

type document struct {
	Type, Name, Description string
	Spec                    string `json:"spec_version"`
	ID                      string
	Revoked                 bool
	Start                   string                  `json:"workflow_start"`
	Exception               string                  `json:"workflow_exception"`
	Workflow                map[string]workStep     `json:"workflow"`
	Variables               map[string]variable     `json:"playbook_variables"`
	Agents                  map[string]definition   `json:"agent_definitions"`
	Targets                 map[string]definition   `json:"target_definitions"`
	References              []struct{ Name string } `json:"external_references"`
}

type definition struct{ Type, Name string }

type variable struct {
	Type, Description string
	Value             *string
	External          bool
}

type workStep struct {
	Type, Name, Description string
	OnCompletion            string `json:"on_completion"`
	OnSuccess               string `json:"on_success"`
	OnFailure               string `json:"on_failure"`
	OnTrue                  string `json:"on_true"`
	OnFalse                 string `json:"on_false"`
	Condition, Switch       string
	Cases                   map[string]string
	Next                    []string `json:"next_steps"`
	Commands                []command
	Agent                   string
	Targets                 []string
	Delay, Timeout          int64
	OutArgs                 []string                   `json:"out_args"`
	Vars                    map[string]json.RawMessage `json:"step_variables"`
	PlaybookID              string                     `json:"playbook_id"`
	Extensions              map[string]json.RawMessage `json:"step_extensions"`
}

type command struct {
	Type, Command, Description string
	B64                        string `json:"command_b64"`
}

// Import reads a CACAO playbook and gives a draft: a playbook in YAML that lints, in which what
// people do is a manual step. A *RefusedError names all that cannot be honoured.
func Import(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("reading the playbook: %w", err)
	}
	if len(data) > MaxSize {
		return nil, fmt.Errorf("%w: larger than %d bytes", ErrNot, MaxSize)
	}
	if err := plain(data); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNot, err)
	}
	var doc document
	var all map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(data, &doc), json.Unmarshal(data, &all)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNot, err)
	}
	if doc.Type != "playbook" || doc.Spec != specVersion {
		return nil, fmt.Errorf("%w: type %q, spec_version %q", ErrNot, doc.Type, doc.Spec)
	}
	m := &importer{doc: &doc, seen: map[string]bool{}, ids: map[string]bool{}, inputs: map[string]string{}}
	for _, name := range []string{"signatures", "playbook_extensions", "extension_definitions", "authentication_info_definitions"} {
		if _, there := all[name]; there {
			m.refuse("%s: this tool does not honour them", name)
		}
	}
	if doc.Revoked {
		m.refuse("the playbook is revoked")
	}
	switch s, there := doc.Workflow[doc.Exception]; {
	case doc.Exception == "" || s.Type == "end": // to an end: a failure stops the run, as it does here
	case !there:
		m.refuse("workflow_exception %s is not in the workflow", doc.Exception)
	default:
		m.refuse("workflow_exception %s leads to further steps: failures stop the run here", doc.Exception)
	}
	m.variables()
	steps := m.from(doc.Start, 0)
	for _, id := range keys(doc.Workflow) {
		if !m.seen[id] && doc.Workflow[id].Type != "end" {
			m.refuse("step %s is reached from nowhere", id)
		}
	}
	if len(m.refused) > 0 {
		slices.Sort(m.refused)
		return nil, &RefusedError{slices.Compact(m.refused)}
	}
	return m.draft(steps)
}

// plain refuses what makes two readers read two things: repeated members, and deep nesting.
func plain(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	var walk func(depth int) error
	walk = func(depth int) error {
		if depth > maxDepth {
			return errors.New("nested too deeply")
		}
		t, err := dec.Token()
		if err != nil {
			return err
		}
		d, open := t.(json.Delim)
		if !open {
			return nil
		}
		seen := map[string]bool{}
		for dec.More() {
			if d == '{' {
				k, err := dec.Token()
				if err != nil {
					return err
				}
				name := strings.ToLower(fmt.Sprint(k)) // as encoding/json compares them
				if seen[name] {
					return fmt.Errorf("member %q stands twice", name)
				}
				seen[name] = true
			}
			if err := walk(depth + 1); err != nil {
				return err
			}
		}
		_, err = dec.Token()
		return err
	}
	if err := walk(0); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF { //nolint:errorlint // Token gives it as it is
		return errors.New("something follows it")
	}
	return nil
}

type importer struct {
	doc     *document
	seen    map[string]bool // steps of the workflow
	ids     map[string]bool // ids of the draft's steps
	inputs  map[string]string
	list    []input
	refused []string
}

type input struct{ name, kind, about, value string }

func (m *importer) refuse(format string, args ...any) {
	if len(m.refused) < 100 {
		m.refused = append(m.refused, fmt.Sprintf(format, args...))
	}
}

var variableName = regexp.MustCompile(`^__([a-zA-Z_][a-zA-Z0-9_-]{0,199})__$`)

// variables become inputs.
func (m *importer) variables() {
	for _, k := range keys(m.doc.Variables) {
		v, parts := m.doc.Variables[k], variableName.FindStringSubmatch(k)
		if parts == nil {
			m.refuse("variable %q: not a name of a variable", k)
			continue
		}
		kind := map[string]string{"bool": "bool", "integer": "number", "long": "number"}[v.Type]
		if kind == "" {
			kind = "string"
		}
		in := input{slugged(parts[1], "_"), kind, v.Description, ""}
		if v.Value != nil {
			in.value = *v.Value
		}
		if _, err := playbooks.ParseLiteral(playbooks.Type(kind), in.value); in.value != "" && err != nil {
			m.refuse("variable %s: %s", k, err)
		}
		if m.inputs[in.name] != "" {
			m.refuse("variables %s and %s have one name here", k, m.inputs[in.name])
		}
		m.inputs[in.name] = k
		m.list = append(m.list, in)
	}
}

// slugged makes a name of it: lower case, a letter first.
func slugged(s, sep string) string {
	s = strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(s), sep), sep)
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		s = "n" + sep + s
	}
	return strings.Trim(s[:min(len(s), 50)], sep)
}

// from follows the workflow up to an end.
func (m *importer) from(id string, depth int) []*yaml.Node {
	var out []*yaml.Node
	for id != "" {
		s, there := m.doc.Workflow[id]
		if !there {
			m.refuse("step %s is not in the workflow", id)
			return out
		}
		if s.Type == "end" {
			return out
		}
		if m.seen[id] || depth > maxDepth/2 || len(m.seen) > maxSteps {
			m.refuse("step %s (%s) is reached twice, or too much is nested: no loops, and no ways that meet", id, s.Name)
			return out
		}
		m.seen[id] = true
		out = append(out, m.step(id, s, depth)...)
		next := s.OnCompletion
		if next == "" {
			next = s.OnSuccess
		}
		if f := m.doc.Workflow[s.OnFailure]; s.OnFailure != "" && f.Type != "end" {
			m.refuse("step %s (%s): on_failure leads to further steps", id, s.Name)
		}
		id = next
	}
	return out
}

// step gives what stands for a step of the workflow.
func (m *importer) step(id string, s workStep, depth int) []*yaml.Node {
	if len(s.OutArgs) > 0 || len(s.Vars) > 0 {
		m.refuse("step %s (%s): out_args and step_variables", id, s.Name)
	}
	if len(s.Extensions) > 0 { // what they do to the step is not known here
		m.refuse("step %s (%s): step_extensions", id, s.Name)
	}
	var out []*yaml.Node
	if s.Delay > 0 {
		out = append(out, m.named("wait "+s.Name, "run", "wait", "with", node("for", millis(s.Delay))))
	}
	switch s.Type {
	case "start":
	case "action":
		out = append(out, m.action(id, s)...)
	case "if-condition":
		when := m.condition(id, s.Condition)
		b := m.named(s.Name, "branch", seq(node("when", when, "steps", m.way(s.OnTrue, depth))))
		if s.OnFalse != "" {
			b.Content = append(b.Content, text("else"), m.way(s.OnFalse, depth))
		}
		out = append(out, b)
	case "switch-condition":
		out = append(out, m.choice(id, s, depth))
	case "parallel":
		lanes := seq()
		for _, n := range s.Next {
			lanes.Content = append(lanes.Content, node("steps", m.way(n, depth)))
		}
		out = append(out, m.named(s.Name, "parallel", lanes))
	default:
		m.refuse("step %s (%s): %s", id, s.Name, s.Type)
	}
	return out
}

// way is one way of a branch: an empty one says so.
func (m *importer) way(id string, depth int) *yaml.Node {
	steps := m.from(id, depth+1)
	if len(steps) == 0 {
		steps = []*yaml.Node{m.named("nothing", "run", "manual", "with", node("do", "nothing is to be done on this way", "later", true))}
	}
	return seq(steps...)
}

func millis(n int64) string {
	return (time.Duration(min(n, 30*24*3600*1000)) * time.Millisecond).String()
}

// action: people do it, each command a manual step.
func (m *importer) action(id string, s workStep) []*yaml.Node {
	var out []*yaml.Node
	for _, c := range s.Commands {
		if c.Type != "manual" {
			m.refuse("step %s (%s): command of type %q", id, s.Name, c.Type)
			continue
		}
		do := c.Command
		if do == "" {
			raw, err := base64.StdEncoding.DecodeString(c.B64)
			if err != nil {
				m.refuse("step %s (%s): command_b64 is not base64", id, s.Name)
			}
			do = string(raw)
		}
		for _, t := range append([]string{s.Agent}, s.Targets...) {
			if d, ok := m.doc.Agents[t]; ok {
				do += " (by " + d.Name + ")"
			} else if d, ok := m.doc.Targets[t]; ok {
				do += " (on " + d.Name + ")"
			}
		}
		do = strings.ReplaceAll(do, "${", "$ {") // a reference of ours stands alone
		n := m.named(s.Name, "about", s.Description, "run", "manual", "with", node("do", do))
		if s.Timeout > 0 {
			n.Content = append(n.Content, text("timeout"), text(millis(s.Timeout)))
		}
		out = append(out, n)
	}
	if len(s.Commands) == 0 {
		m.refuse("step %s (%s): no commands", id, s.Name)
	}
	return out
}

var comparison = regexp.MustCompile(`^\s*\$?\$?(__[a-zA-Z_][a-zA-Z0-9_-]{0,199}__)(?:\$\$)?(?::value)?\s*(=|==|!=)\s*['"]?([^'"\\]*?)['"]?\s*$`)

// condition: a comparison of a variable with a value is one of an input here. Others are refused.
func (m *importer) condition(id, c string) string {
	p := comparison.FindStringSubmatch(c)
	if p == nil {
		m.refuse("step %s: condition %q: only comparisons of a variable with a value are", id, c)
		return ""
	}
	return m.compare(id, p[1], p[2], p[3])
}

func (m *importer) compare(id, name, op, value string) string {
	if op == "==" {
		op = "="
	}
	if _, ok := m.doc.Variables[name]; !ok {
		m.refuse("step %s: variable %s is not one of the playbook's", id, name)
	}
	if strings.ContainsAny(value, "'\\") {
		m.refuse("step %s: value %q has quotes", id, value)
	}
	return "inputs." + slugged(strings.Trim(name, "_"), "_") + " " + op + " '" + value + "'"
}

var switchName = regexp.MustCompile(`^\s*(__[a-zA-Z_][a-zA-Z0-9_-]{0,199}__)(?::value)?\s*$`)

// choice is a switch: a case for each value, and else for "default".
func (m *importer) choice(id string, s workStep, depth int) *yaml.Node {
	p := switchName.FindStringSubmatch(s.Switch)
	if p == nil {
		m.refuse("step %s: switch %q: only a variable is", id, s.Switch)
		p = []string{"", "__x__"}
	}
	cases, other := seq(), (*yaml.Node)(nil)
	for _, k := range keys(s.Cases) {
		if k == "default" {
			other = m.way(s.Cases[k], depth)
			continue
		}
		cases.Content = append(cases.Content, node("when", m.compare(id, p[1], "=", k), "steps", m.way(s.Cases[k], depth)))
	}
	if len(cases.Content) == 0 {
		m.refuse("step %s: a switch without cases", id)
	}
	b := m.named(s.Name, "branch", cases)
	if other != nil {
		b.Content = append(b.Content, text("else"), other)
	}
	return b
}

// named is a step with an id of its own.
func (m *importer) named(name string, rest ...any) *yaml.Node {
	id := slugged(name, "-")
	for n := 2; m.ids[id]; n++ {
		id = fmt.Sprintf("%s-%d", slugged(name, "-"), n)
	}
	m.ids[id] = true
	return node(append([]any{"id", id}, rest...)...)
}
