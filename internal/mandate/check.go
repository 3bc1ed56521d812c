package mandate

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/nearest"
	"github.com/freezeframe-ir/freezeframe/internal/strictyaml"
)

const (
	maxRules     = 50
	maxApprovers = 50
	maxApprovals = 2
	maxExpires   = 7 * 24 * time.Hour
	minExpires   = 10 * time.Minute
)

var (
	slug        = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
	regionForm  = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)+$`)
)

// checker says what the form cannot.
type checker struct {
	file     string
	m        *Mandate
	problems []strictyaml.Problem
}

func (c *checker) bad(at strictyaml.Position, format string, args ...any) {
	c.problems = append(c.problems, strictyaml.Problem{File: c.file, Line: at.Line, Column: at.Column, What: fmt.Sprintf(format, args...)})
}

// word holds a text to the known ones.
func (c *checker) word(t text, what string, known []string) {
	if slices.Contains(known, t.Value) {
		return
	}
	hint := ": one of " + strings.Join(known, ", ")
	if near := nearest.Word(t.Value, known); near != "" {
		hint = fmt.Sprintf(" (did you mean %q?)", near)
	} else if len(known) > 12 {
		hint = ""
	}
	c.bad(t.At, "%s %q is not known%s", what, t.Value, hint)
}

// some wants at least one of a list, each of which says something.
func (c *checker) some(at strictyaml.Position, list []text, what string) {
	if len(list) == 0 {
		c.bad(at, "%s is empty: it would never apply", what)
	}
	for _, t := range list {
		if t.Value == "" || len(t.Value) > 512 {
			c.bad(t.At, "%s: a text of 1 to 512 bytes is wanted", what)
		}
	}
}

func (c *checker) check() {
	m := c.m
	if m.Schema.Value != Schema {
		c.bad(m.Schema.At, "mandate is %q: this build reads %s", m.Schema.Value, Schema)
	}
	if !slug.MatchString(m.Name.Value) {
		c.bad(m.Name.At, "name %q: lower-case letters, digits and hyphens are wanted", m.Name.Value)
	}
	m.from, m.until = c.moment(m.Valid.From), c.moment(m.Valid.Until)
	if !m.from.IsZero() && !m.until.IsZero() && !m.until.After(m.from) {
		c.bad(m.Valid.Until.At, "valid: until is not after from")
	}
	c.approvers()
	if len(m.Rules) == 0 || len(m.Rules) > maxRules {
		c.bad(m.Schema.At, "%d rules: 1 to %d are wanted", len(m.Rules), maxRules)
	}
	seen := map[string]bool{}
	for i := range m.Rules {
		r := &m.Rules[i]
		if !slug.MatchString(r.Name.Value) || seen[r.Name.Value] {
			c.bad(r.Name.At, "rule %q is there twice, or not lower-case letters, digits and hyphens", r.Name.Value)
		}
		seen[r.Name.Value] = true
		c.rule(r)
	}
}

func (c *checker) moment(t text) time.Time {
	at, err := time.Parse(time.RFC3339, t.Value)
	if err != nil {
		c.bad(t.At, "valid: a time such as 2026-12-01T00:00:00Z is wanted")
	}
	return at
}

func (c *checker) approvers() {
	if len(c.m.Approvers) > maxApprovers {
		c.bad(c.m.Approvers[0].Name.At, "more than %d approvers", maxApprovers)
	}
	names := map[string]bool{}
	for _, a := range c.m.Approvers {
		keys, err := evidence.ParsePublicKeys([]byte(a.Key.Value))
		if err != nil || len(keys) != 1 {
			c.bad(a.Key.At, "approver %s: one public P-256 key in PEM is wanted", a.Name.Value)
			continue
		}
		id, err := evidence.KeyID(keys[0])
		if err != nil {
			c.bad(a.Key.At, "approver %s: %s", a.Name.Value, err)
			continue
		}
		if _, twice := c.m.keys[id]; twice || names[a.Name.Value] || a.Name.Value == "" {
			c.bad(a.Name.At, "approver %q: the name or the key is there twice, or there is no name", a.Name.Value)
		}
		names[a.Name.Value] = true
		c.m.keys[id] = namedKey{a.Name.Value, keys[0]}
	}
}

func (c *checker) rule(r *Rule) {
	c.alerts(r)
	c.functions(r)
	c.acts(r)
	if r.Hours != nil {
		c.hours(r.Hours)
	}
	if r.Playbook.Value != "" && !slug.MatchString(r.Playbook.Value) {
		c.bad(r.Playbook.At, "playbook %q is no name of one", r.Playbook.Value)
	}
	if r.Limits.PerFunction < 1 || r.Limits.PerDay < 1 {
		c.bad(r.Limits.At, "limits: at least 1 each, or leave the rule out")
	}
	if r.Expires < minExpires || r.Expires > maxExpires {
		c.bad(r.At, "rule %s: expires after %s: %s to %s are wanted", r.Name.Value, r.Expires, minExpires, maxExpires)
	}
	if r.Approvals < 0 || r.Approvals > maxApprovals || r.Approvals > len(c.m.keys) {
		c.bad(r.At, "rule %s: %d approvals: 0 to %d are wanted, and as many approvers", r.Name.Value, r.Approvals, maxApprovals)
	}
}

func (c *checker) alerts(r *Rule) {
	a := &r.Alerts
	c.some(r.At, a.Kinds, "alerts kinds")
	c.some(r.At, a.Types, "alerts types")
	var kinds []string
	for _, k := range alert.Kinds() {
		if k != alert.Unknown {
			kinds = append(kinds, string(k))
		}
	}
	for _, k := range a.Kinds {
		c.word(k, "kind", kinds)
	}
	if a.Severity.Value != "" {
		c.word(a.Severity, "severity", alert.Labels())
	}
	var bases []string
	for _, b := range alert.Bases() {
		bases = append(bases, string(b))
	}
	for _, b := range a.NamedBy {
		c.word(b, "named_by", bases)
	}
}

func (c *checker) functions(r *Rule) {
	f := &r.Functions
	c.some(r.At, f.Accounts, "functions accounts")
	c.some(r.At, f.Regions, "functions regions")
	c.some(r.At, f.Names, "functions names")
	for _, a := range f.Accounts {
		if !accountForm.MatchString(a.Value) {
			c.bad(a.At, "account %q: twelve digits are wanted, each account by name", a.Value)
		}
	}
	for _, x := range f.Regions {
		if !regionForm.MatchString(x.Value) {
			c.bad(x.At, "region %q is none: each region by name", x.Value)
		}
	}
	for _, tags := range []map[string][]text{f.Tags, f.ExceptTags} {
		for key, values := range tags {
			c.some(r.At, values, "tag "+key)
		}
	}
	if f.SharedRole < 0 {
		c.bad(r.At, "rule %s: shared_role is %d", r.Name.Value, f.SharedRole)
	}
	if f.SharedRole == 0 {
		f.SharedRole = 1
	}
}

func (c *checker) acts(r *Rule) {
	if r.Acts.Level.Value == "" && len(r.Acts.Names) == 0 {
		c.bad(r.Acts.At, "acts: a level or names are wanted")
	}
	if r.Acts.Level.Value != "" {
		c.word(r.Acts.Level, "level", Levels())
	}
	var known []string
	for _, a := range c.m.acts {
		known = append(known, a.Name)
	}
	for _, n := range r.Acts.Names {
		c.word(n, "act", known)
	}
}
