package sigma

import (
	"fmt"
	"strings"
)

// Severity says what became of what a problem is about.
type Severity string

// Severities.
const (
	Refused Severity = "refused" // the rule is not used
	Foreign Severity = "foreign" // the rule is for other logs than CloudTrail's, and not used
	Note    Severity = "note"    // the rule is used; its author may want to know
)

// Problem is something about a rule that somebody has to know. Its texts come from the
// rule file: escape them before a terminal sees them.
type Problem struct {
	Severity Severity `json:"severity"`
	File     string   `json:"file"`
	Line     int      `json:"line,omitempty"`
	Rule     string   `json:"rule,omitempty"`  // id, or title where there is none
	Place    string   `json:"place,omitempty"` // "detection.selection.eventName|contains"
	Why      string   `json:"why"`
}

// Error is the problem in one line.
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	for _, s := range []string{p.Rule, p.Place} {
		if s != "" {
			b.WriteString(": " + s)
		}
	}
	return b.String() + ": " + p.Why
}

// Related names another rule.
type Related struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

// Meta is what a rule says about itself.
type Meta struct {
	ID             string    `json:"id,omitempty"`
	Name           string    `json:"name,omitempty"`
	Title          string    `json:"title"`
	Status         string    `json:"status,omitempty"`
	Level          string    `json:"level,omitempty"`
	Description    string    `json:"description,omitempty"`
	Author         string    `json:"author,omitempty"`
	License        string    `json:"license,omitempty"`
	Date           string    `json:"date,omitempty"`
	Modified       string    `json:"modified,omitempty"`
	Tags           []string  `json:"tags,omitempty"`
	References     []string  `json:"references,omitempty"`
	FalsePositives []string  `json:"falsepositives,omitempty"`
	Fields         []string  `json:"fields,omitempty"`
	Scope          []string  `json:"scope,omitempty"`
	Related        []Related `json:"related,omitempty"`
	Product        string    `json:"product,omitempty"`
	Service        string    `json:"service,omitempty"`
	File           string    `json:"file"`
	Line           int       `json:"line"`
}

// Ident is the id, or the title where there is none.
func (m *Meta) Ident() string {
	if m.ID != "" {
		return m.ID
	}
	return m.Title
}

// Techniques are the ATT&CK techniques among the tags, as ATT&CK writes them: T1548.005.
func (m *Meta) Techniques() []string {
	var all []string
	for _, t := range m.Tags {
		t = strings.ToUpper(t)
		if id, ok := strings.CutPrefix(t, "ATTACK."); ok && len(id) >= 5 && id[0] == 'T' && id[1] >= '0' && id[1] <= '9' {
			all = append(all, id)
		}
	}
	return all
}

// levels in ascending order of weight.
var levels = []string{"informational", "low", "medium", "high", "critical"}

// Weight orders levels: 0 is none, 1 informational, 5 critical.
func (m *Meta) Weight() int {
	for i, l := range levels {
		if m.Level == l {
			return i + 1
		}
	}
	return 0
}

// Rule is a detection rule.
type Rule struct {
	Meta
	Shown bool // its own hits count; false where only correlations use it

	cond *expr
}

// Filter is a document that tunes other rules. It is kept, and not applied: a hit that
// somebody else's tuning takes away is a loss here.
type Filter struct {
	Meta
	Rules []string
}

// Set is what was read from rule files.
type Set struct {
	Rules        []*Rule
	Correlations []*Correlation // each behind those it refers to
	Filters      []*Filter
	Problems     []Problem
	Files        int
}

// Refusals counts the problems that cost a rule.
func (s *Set) Refusals() int {
	n := 0
	for _, p := range s.Problems {
		if p.Severity == Refused {
			n++
		}
	}
	return n
}

// expr is a boolean tree over tests of fields.
type expr struct {
	op   op
	n    int // of opAtLeast
	kids []*expr
	leaf *leaf
}

type op uint8

const (
	opLeaf op = iota
	opAnd
	opOr
	opNot
	opAtLeast // at least n of kids
)

// leaf tests one field.
type leaf struct {
	field string     // "" is the whole record
	tests [][]tester // any of the alternatives of one (or, if all, of each) value
	all   bool
	key   string        // the same text is the same test
	id    int           // set by the engine
	slot  int           // of the field, set by the engine
	memo  [memos]uint64 // its bit in one of the memos, set by the engine; 0: none
}
