// Package mapping reads which playbook runs for which alerts: a file of rules, of which the first that
// fits decides. Only playbooks that read can be named: what changes an account is a mandate's affair.
package mapping

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/mandate"
	"github.com/freezeframe-ir/freezeframe/internal/nearest"
	"github.com/freezeframe-ir/freezeframe/internal/strictyaml"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
)

// Schema names the form of the file.
const Schema = "freezeframe.playbooks/1"

// BuiltIn is the name of the playbook that runs where no rule fits.
const BuiltIn = "respond"

const (
	maxRules   = 100
	maxPattern = 512
)

var slug = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)

type text = strictyaml.Text

// Mapping is what the file says. Its playbooks are read, and fit to run without people.
type Mapping struct {
	Schema text   `yaml:"playbooks,required"`
	Rules  []Rule `yaml:"rules,required"`
}

// Rule names the playbook of some alerts. All of its parts have to fit.
type Rule struct {
	At       strictyaml.Position `yaml:"-"`
	Name     text                `yaml:"name,required"`
	Alerts   alerts              `yaml:"alerts,required"`
	Playbook text                `yaml:"playbook,required"`

	runs *playbooks.Playbook
}

type alerts struct {
	At       strictyaml.Position `yaml:"-"`
	Kinds    []text              `yaml:"kinds"`    // absent: any
	Types    []text              `yaml:"types"`    // patterns; absent: any, and alerts that have none
	Severity text                `yaml:"severity"` // at least; absent: any, and alerts that have none
}

// InvalidError is all that is wrong with a file, with places.
type InvalidError struct{ Problems []strictyaml.Problem }

func (e *InvalidError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "; ")
}

// Read reads a file strictly; the error is an *InvalidError with all that is wrong. load reads a
// playbook by the name that a rule gives it, other than that of the built-in one.
func Read(file string, data []byte, load func(name string) (*playbooks.Playbook, error)) (*Mapping, error) {
	m := &Mapping{}
	c := &checker{file: file, load: load, problems: strictyaml.Decode(file, data, m)}
	if len(c.problems) == 0 {
		c.check(m)
	}
	if len(c.problems) > 0 {
		slices.SortStableFunc(c.problems, func(a, b strictyaml.Problem) int { return a.Line - b.Line })
		return nil, &InvalidError{c.problems}
	}
	return m, nil
}

// Choose is the playbook of an alert, and the name of the rule that says so: "" where none does, and
// the built-in one runs.
func (m *Mapping) Choose(a *alert.Alert) (pb *playbooks.Playbook, rule string, err error) {
	for i := range m.Rules {
		if r := &m.Rules[i]; r.fits(a) {
			return r.runs, r.Name.Value, nil
		}
	}
	pb, err = respond.Playbook()
	return pb, "", err
}

func (r *Rule) fits(a *alert.Alert) bool {
	kind := len(r.Alerts.Kinds) == 0 || slices.ContainsFunc(r.Alerts.Kinds, func(k text) bool { return k.Value == string(a.Kind) })
	return kind && (len(r.Alerts.Types) == 0 || r.ofType(a)) && (r.Alerts.Severity.Value == "" || a.Severity.AtLeast(r.Alerts.Severity.Value))
}

// ofType: as the product spells the type, as this form does, or, of a marked line, the rule's title.
func (r *Rule) ofType(a *alert.Alert) bool {
	return slices.ContainsFunc(append([]string{a.Type}, a.Types...), func(t string) bool {
		return t != "" && slices.ContainsFunc(r.Alerts.Types, func(p text) bool { return mandate.Fits(p.Value, t) })
	})
}

// checker says what the form cannot.
type checker struct {
	file     string
	load     func(string) (*playbooks.Playbook, error)
	problems []strictyaml.Problem
}

func (c *checker) bad(at strictyaml.Position, format string, args ...any) {
	c.problems = append(c.problems, strictyaml.Problem{File: c.file, Line: at.Line, Column: at.Column, What: fmt.Sprintf(format, args...)})
}

func (c *checker) word(t text, what string, known []string) {
	if slices.Contains(known, t.Value) {
		return
	}
	hint := ": one of " + strings.Join(known, ", ")
	if near := nearest.Word(t.Value, known); near != "" {
		hint = fmt.Sprintf(" (did you mean %q?)", near)
	}
	c.bad(t.At, "%s %q is not known%s", what, t.Value, hint)
}

func (c *checker) check(m *Mapping) {
	if m.Schema.Value != Schema {
		c.bad(m.Schema.At, "playbooks is %q: this build reads %s", m.Schema.Value, Schema)
	}
	if len(m.Rules) == 0 || len(m.Rules) > maxRules {
		c.bad(m.Schema.At, "%d rules: 1 to %d are wanted", len(m.Rules), maxRules)
		return
	}
	named := map[string]bool{}
	loaded := map[string]*playbooks.Playbook{}
	for i := range m.Rules {
		r := &m.Rules[i]
		switch {
		case !slug.MatchString(r.Name.Value):
			c.bad(r.Name.At, "name %q: lower-case letters, digits and hyphens are wanted", r.Name.Value)
		case named[r.Name.Value]:
			c.bad(r.Name.At, "name %q stands twice", r.Name.Value)
		}
		named[r.Name.Value] = true
		c.alerts(r)
		c.playbook(r, loaded)
	}
	for i := range m.Rules[:len(m.Rules)-1] {
		if a := m.Rules[i].Alerts; len(a.Kinds) == 0 && len(a.Types) == 0 && a.Severity.Value == "" {
			c.bad(m.Rules[i+1].At, "rule %s never decides: rule %s before it fits every alert", m.Rules[i+1].Name.Value, m.Rules[i].Name.Value)
			return
		}
	}
}

func kinds() []string {
	var out []string
	for _, k := range alert.Kinds() {
		if k != alert.Unknown { // nothing runs for what cannot be read
			out = append(out, string(k))
		}
	}
	return out
}

func (c *checker) alerts(r *Rule) {
	for _, k := range r.Alerts.Kinds {
		c.word(k, "kind", kinds())
	}
	for _, t := range r.Alerts.Types {
		if t.Value == "" || len(t.Value) > maxPattern {
			c.bad(t.At, "types: a pattern of 1 to %d bytes is wanted", maxPattern)
		}
	}
	if r.Alerts.Severity.Value != "" {
		c.word(r.Alerts.Severity, "severity", alert.Labels())
	}
}

// playbook reads what a rule names, and says why it is refused.
func (c *checker) playbook(r *Rule, loaded map[string]*playbooks.Playbook) {
	name := r.Playbook.Value
	if r.runs = loaded[name]; r.runs != nil {
		return
	}
	load := c.load
	if name == BuiltIn {
		load = func(string) (*playbooks.Playbook, error) { return respond.Playbook() }
	}
	pb, err := load(name)
	if err != nil {
		c.bad(r.Playbook.At, "playbook %q: %v", name, err)
		return
	}
	if why := respond.Unfit(pb); why != "" {
		c.bad(r.Playbook.At, "playbook %q is not run without people: %s", name, why)
		return
	}
	if pb.Name == BuiltIn && name != BuiltIn {
		c.bad(r.Playbook.At, "playbook %q calls itself %s, as the built-in one does: a run of one would be gone on with as the other", name, BuiltIn)
		return
	}
	r.runs, loaded[name] = pb, pb
}
