package tabletop

import (
	"embed"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/nearest"
	"github.com/freezeframe-ir/freezeframe/internal/strictyaml"
)

//go:embed scenarios/*.yaml scenarios/base/*.yaml
var files embed.FS

// ErrUnknown: no scenario of that name.
var ErrUnknown = errors.New("no scenario")

// Problem is one thing wrong with a scenario, with where it stands.
type Problem = strictyaml.Problem

// InvalidError is all that is wrong with a scenario.
type InvalidError struct{ Problems []strictyaml.Problem }

func (e *InvalidError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "; ")
}

// Names are those of the built-in scenarios.
func Names() ([]string, error) {
	entries, err := files.ReadDir("scenarios")
	if err != nil {
		return nil, fmt.Errorf("reading the built-in scenarios: %w", err)
	}
	var out []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".yaml"); ok {
			out = append(out, name)
		}
	}
	return out, nil
}

// Scenarios are the built-in ones, by name.
func Scenarios() ([]*Scenario, error) {
	names, err := Names()
	if err != nil {
		return nil, err
	}
	var out []*Scenario
	for _, name := range names {
		s, err := Find(name)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// Find is the built-in scenario of that name; ErrUnknown names what was probably meant.
func Find(name string) (*Scenario, error) {
	names, err := Names()
	if err != nil {
		return nil, err
	}
	if !slices.Contains(names, name) {
		hint := ""
		if n := nearest.Word(name, names); n != "" {
			hint = fmt.Sprintf(" (did you mean %s?)", n)
		}
		return nil, fmt.Errorf("%w %q%s", ErrUnknown, name, hint)
	}
	data, err := files.ReadFile("scenarios/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("reading scenario %s: %w", name, err)
	}
	return Parse(name+".yaml", data)
}

// Parse reads one scenario strictly, and its base. The error is an *InvalidError with all problems
// found.
func Parse(file string, data []byte) (*Scenario, error) {
	s := &Scenario{}
	problems := strictyaml.Decode(file, data, s)
	s.File, s.About, s.Lesson = file, strings.TrimSpace(s.About), strings.TrimSpace(s.Lesson)
	if len(problems) == 0 && s.Extends != "" {
		problems = s.extend()
	}
	if len(problems) == 0 {
		problems = s.check()
	}
	if len(problems) > 0 {
		return nil, &InvalidError{problems}
	}
	return s, nil
}

// maxBases bounds how many bases stand upon each other.
const maxBases = 4

// extend puts the base, and what that extends, before what the scenario says itself.
func (s *Scenario) extend() []strictyaml.Problem { return s.extendFrom(maxBases) }

func (s *Scenario) extendFrom(left int) []strictyaml.Problem {
	name := path.Join("scenarios/base", path.Base(s.Extends)+".yaml")
	data, err := files.ReadFile(name)
	if err != nil || left == 0 {
		return []strictyaml.Problem{{File: s.File, Line: 1, Column: 1, What: fmt.Sprintf("no base scenario %q", s.Extends)}}
	}
	base := &Scenario{File: path.Base(name)}
	problems := strictyaml.Decode(base.File, data, base)
	if len(problems) == 0 && base.Extends != "" {
		problems = base.extendFrom(left - 1)
	}
	if len(problems) > 0 {
		return problems
	}
	s.take(base)
	return nil
}

func (s *Scenario) take(base *Scenario) {
	s.Roles = append(base.Roles, s.Roles...)
	s.Cast = append(base.Cast, s.Cast...)
	s.Stage = append(base.Stage, s.Stage...)
	s.Probes = append(s.Probes, base.Probes...) // what the scenario is about comes first
	s.Secrets = append(base.Secrets, s.Secrets...)
	s.Decoys = append(s.Decoys, base.Decoys...)
	s.Objectives = append(base.Objectives, s.Objectives...)
	s.Expected = append(base.Expected, s.Expected...)
	s.Costs = append(base.Costs, s.Costs...)
	texts := map[string]string{}
	maps.Copy(texts, base.Texts)
	maps.Copy(texts, s.Texts)
	s.Texts = texts
	if s.Account == "" {
		s.Account, s.Region = base.Account, base.Region
	}
	if s.Past == 0 {
		s.Past = base.Past
	}
	if s.Lasts == 0 {
		s.Lasts = base.Lasts
	}
}

var slug = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)

// checker finds what types do not: names that nobody has, steps that do nothing or two things.
type checker struct {
	s        *Scenario
	actors   map[string]bool
	probes   map[string]bool
	problems []strictyaml.Problem
}

func (c *checker) bad(at strictyaml.Position, format string, args ...any) {
	c.problems = append(c.problems, strictyaml.Problem{File: c.s.File, Line: at.Line, Column: at.Column, What: fmt.Sprintf(format, args...)})
}

func (s *Scenario) check() []strictyaml.Problem {
	c := &checker{s: s, actors: map[string]bool{responder: true}, probes: map[string]bool{}}
	top := strictyaml.Position{Line: 1, Column: 1}
	if !slug.MatchString(s.Name) {
		c.bad(top, "scenario: name %q: lower-case letters, digits and hyphens are wanted, a letter first", s.Name)
	}
	if s.Account == "" || s.Region == "" || s.Past < time.Minute || s.Lasts < time.Minute {
		c.bad(top, "account, region, past and lasts are wanted, here or in the base")
	}
	c.cast()
	c.steps(s.Stage, "stage")
	c.steps(s.Attack, "attack")
	for _, r := range append(slices.Clone(s.Live), s.Decoys...) {
		c.rule(r)
	}
	for _, p := range s.Probes {
		if c.probes[p.Name] {
			c.bad(p.At, "try %q stands twice", p.Name)
		}
		c.probes[p.Name] = true
		c.step(p.Do, "try")
	}
	for _, r := range s.Open {
		c.step(r.Still, "still")
	}
	c.told()
	c.decisions()
	c.scored()
	for _, m := range s.Solution {
		c.move(m)
	}
	return c.problems
}

func (c *checker) cast() {
	for _, a := range c.s.Cast {
		switch {
		case c.actors[a.Name]:
			c.bad(a.At, "cast: %q stands twice", a.Name)
		case a.KeyOf != "" && !c.actors[a.KeyOf]:
			c.bad(a.At, "cast: %s has the key of %q, who is not there before", a.Name, a.KeyOf)
		case a.KeyOf != "" && a.User != "", a.User == "" && a.Policy != nil:
			c.bad(a.At, "cast: %s: a policy is of a user, and a user has a key of its own", a.Name)
		}
		c.actors[a.Name] = true
	}
}

func (c *checker) steps(all []Step, where string) {
	for _, s := range all {
		c.step(s, where)
	}
}

func (c *checker) step(s Step, where string) {
	kinds := 0
	for _, there := range []bool{s.Call != "", s.Request != "", s.Take != "", s.Deliver != nil, s.Repeat > 0} {
		if there {
			kinds++
		}
	}
	if kinds != 1 {
		c.bad(s.At, "%s: one of call, request, take, deliver, repeat is wanted", where)
	}
	if s.Call != "" && !c.actors[s.By] {
		c.bad(s.At, "%s: %s is by %q, who is not in the cast", where, s.Call, s.By)
	}
	if s.To != "" && !c.actors[s.To] {
		c.bad(s.At, "%s: credentials to %q, who is not in the cast", where, s.To)
	}
	if (s.Repeat > 0) != (len(s.Steps) > 0) || s.Repeat > 100 {
		c.bad(s.At, "%s: repeat (at most 100) and steps belong together", where)
	}
	c.steps(s.Steps, where)
}

func (c *checker) rule(r Rule) {
	if r.Until != "" && r.Until != "denied" {
		c.bad(r.At, "rule %s: until %q is not denied", r.ID, r.Until)
	}
	if r.Every > 0 && r.Every < 10*time.Second {
		c.bad(r.At, "rule %s: every %s: at least 10 s", r.ID, r.Every)
	}
	if r.When != nil {
		c.check(*r.When, "rule "+r.ID)
	}
	c.steps(r.Steps, "rule "+r.ID)
}

func (c *checker) told() {
	objectives := map[string]bool{}
	for _, o := range c.s.Objectives {
		objectives[o.ID] = true
	}
	for _, in := range c.s.Injects {
		if in.Objective != "" && !objectives[in.Objective] {
			c.bad(in.At, "inject %s: no objective %q", in.ID, in.Objective)
		}
		if in.When != nil {
			c.check(*in.When, "inject "+in.ID)
		}
	}
	for _, e := range c.s.Expected {
		if !objectives[e.Objective] {
			c.bad(e.At, "expected %s: no objective %q", e.ID, e.Objective)
		}
	}
}

func (c *checker) scored() {
	ids, total := map[string]bool{}, 0
	for _, e := range c.s.Expected {
		if ids[e.ID] {
			c.bad(e.At, "expected %q stands twice", e.ID)
		}
		for _, r := range e.Requires {
			if !ids[r] {
				c.bad(e.At, "expected %s requires %q, which does not stand before it", e.ID, r)
			}
		}
		ids[e.ID] = true
		total += e.Points
		c.check(e.Check, "expected "+e.ID)
	}
	if total != 100 {
		c.bad(strictyaml.Position{Line: 1, Column: 1}, "the expected actions are worth %d points: 100 are wanted", total)
	}
	for _, cost := range c.s.Costs {
		if cost.Points <= 0 {
			c.bad(cost.At, "cost %s: points above 0 are wanted", cost.ID)
		}
		c.check(cost.Check, "cost "+cost.ID)
	}
	for _, m := range c.s.Solution {
		for _, id := range m.Earns {
			if !ids[id] {
				c.bad(m.At, "solution %s earns %q, which is not expected", m.ID, id)
			}
		}
	}
}

func (c *checker) check(k Check, where string) {
	n := 0
	for _, there := range []bool{k.Sealed != nil, k.Called != nil, k.Order != nil, k.Noted != nil, k.Decided != nil, k.Object != nil, k.Fails != "", k.Works != "",
		k.AllFail, k.Verified, k.Untouched, k.BeforeSeal, len(k.Any) > 0, len(k.All) > 0, k.Not != nil} {
		if there {
			n++
		}
	}
	if n == 0 {
		c.bad(k.At, "%s: a check is wanted", where)
	}
	for _, name := range []string{k.Fails, k.Works} {
		if name != "" && !c.probes[name] {
			c.bad(k.At, "%s: no try %q%s", where, name, meant(name, slices.Sorted(maps.Keys(c.probes))))
		}
	}
	for _, call := range []*CallCheck{k.Called, sealedBefore(k.Sealed)} {
		if call != nil && call.By != "" && !c.actors[call.By] {
			c.bad(k.At, "%s: %q is not in the cast", where, call.By)
		}
	}
	if k.Noted != nil && !slices.Contains(NoteKinds(), k.Noted.Kind) {
		c.bad(k.At, "%s: noted: kind %q is none of %s", where, k.Noted.Kind, strings.Join(NoteKinds(), ", "))
	}
	if k.Decided != nil {
		c.choice(k.At, where, k.Decided.Decision, k.Decided.Option)
	}
	for _, sub := range append(slices.Clone(k.Any), k.All...) {
		c.check(sub, where)
	}
	if k.Not != nil {
		c.check(*k.Not, where)
	}
}

// NoteKinds are the moments that case note records.
func NoteKinds() []string { return []string{"detect", "declare", "decide", "handover", "note"} }

func sealedBefore(s *SealedCheck) *CallCheck {
	if s == nil {
		return nil
	}
	return s.Before
}

func meant(word string, known []string) string {
	if n := nearest.Word(word, known); n != "" {
		return fmt.Sprintf(" (did you mean %q?)", n)
	}
	return ""
}

func (c *checker) move(m Move) {
	n := 0
	for _, there := range []bool{m.Playbook != "", m.Collect != nil, m.Contain != nil, m.Note != nil, m.Decide != nil, len(m.Do) > 0, m.Verify} {
		if there {
			n++
		}
	}
	if n > 1 || n == 0 && m.Takes == 0 {
		c.bad(m.At, "solution %s: one of playbook, collect, contain, note, decide, do, verify is wanted, or time that it takes", m.ID)
	}
	if m.Decide != nil {
		c.choice(m.At, "solution "+m.ID, m.Decide.Decision, m.Decide.Option)
	}
	c.steps(m.Do, "solution "+m.ID)
}
