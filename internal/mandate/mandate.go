package mandate

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/strictyaml"
)

// Schema names the form of a mandate.
const Schema = "freezeframe.mandate/1"

type text = strictyaml.Text

// Mandate is what the file says.
type Mandate struct {
	Schema    text       `yaml:"mandate,required"`
	Name      text       `yaml:"name,required"`
	About     string     `yaml:"about"`
	Valid     period     `yaml:"valid,required"`
	Approvers []approver `yaml:"approvers"`
	Rules     []Rule     `yaml:"rules,required"`

	SHA256 string `yaml:"-"` // of the file's bytes

	from, until time.Time
	keys        map[string]namedKey // of approvers, by id
	acts        []Act
}

type period struct {
	From  text `yaml:"from,required"`
	Until text `yaml:"until,required"`
}

type approver struct {
	Name text `yaml:"name,required"`
	Key  text `yaml:"key,required"` // public, in PEM
}

type namedKey struct {
	name string
	key  *ecdsa.PublicKey
}

// Rule allows acts for alerts on functions. All of its parts have to fit.
type Rule struct {
	At        strictyaml.Position `yaml:"-"`
	Name      text                `yaml:"name,required"`
	Alerts    alerts              `yaml:"alerts,required"`
	Functions functions           `yaml:"functions,required"`
	Hours     *hours              `yaml:"hours"`
	Acts      actions             `yaml:"acts,required"`
	Playbook  text                `yaml:"playbook"`
	Limits    limits              `yaml:"limits,required"`
	Expires   time.Duration       `yaml:"expires,required"`
	Approvals int                 `yaml:"approvals"`
}

type alerts struct {
	Kinds    []text `yaml:"kinds,required"`
	Types    []text `yaml:"types,required"` // patterns
	Severity text   `yaml:"severity"`       // at least; absent: any, and alerts that have none
	NamedBy  []text `yaml:"named_by"`       // what may name the function; absent: its ARN
}

type functions struct {
	Accounts   []text            `yaml:"accounts,required"`
	Regions    []text            `yaml:"regions,required"`
	Names      []text            `yaml:"names,required"` // patterns
	Tags       map[string][]text `yaml:"tags"`           // each key with one of the patterns
	ExceptTags map[string][]text `yaml:"except_tags"`    // none of these
	SharedRole int               `yaml:"shared_role"`    // most functions that may have the role; absent: 1
}

type actions struct {
	At    strictyaml.Position `yaml:"-"`
	Level text                `yaml:"level"`
	Names []text              `yaml:"names"`
}

type limits struct {
	At          strictyaml.Position `yaml:"-"`
	PerFunction int                 `yaml:"per_function,required"` // times in 24 hours
	PerDay      int                 `yaml:"per_day,required"`      // times in 24 hours, by this rule
}

// Act is one act of containment that there is: the catalogue is handed in, because it brings AWS's SDK.
type Act struct {
	Name  string
	Kind  string // isolate: lifted by release; evict: only undo by name; preserve
	Level string // lowest level that it is part of; "": by name alone
}

// isolate is the kind of acts that a release lifts.
const isolate = "isolate"

// Levels, each holding the one before it.
func Levels() []string { return []string{"stop", "isolate", "evict"} }

// InvalidError is all that is wrong with a mandate, with places.
type InvalidError struct{ Problems []strictyaml.Problem }

func (e *InvalidError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "; ")
}

// Read reads a mandate strictly; the error is an *InvalidError with all that is wrong. acts are
// those that exist. Who signed it is for Hold to say.
func Read(file string, data []byte, acts []Act) (*Mandate, error) {
	sum := sha256.Sum256(data)
	m := &Mandate{SHA256: hex.EncodeToString(sum[:]), acts: slices.Clone(acts), keys: map[string]namedKey{}}
	c := &checker{file: file, m: m, problems: strictyaml.Decode(file, data, m)}
	if len(c.problems) == 0 {
		c.check()
	}
	if len(c.problems) > 0 {
		slices.SortStableFunc(c.problems, func(a, b strictyaml.Problem) int { return a.Line - b.Line })
		return nil, &InvalidError{c.problems}
	}
	return m, nil
}

// Acts are the names of those that a rule allows.
func (m *Mandate) Acts(r *Rule) []string {
	var all []string
	for _, a := range m.taken(r) {
		all = append(all, a.Name)
	}
	return all
}

// taken are the acts of a rule, in the order of the catalogue.
func (m *Mandate) taken(r *Rule) []Act {
	level := slices.Index(Levels(), r.Acts.Level.Value)
	var out []Act
	for _, a := range m.acts {
		of := slices.Index(Levels(), a.Level)
		if of >= 0 && of <= level || has(r.Acts.Names, a.Name) {
			out = append(out, a)
		}
	}
	return out
}

func has(list []text, value string) bool {
	return slices.ContainsFunc(list, func(t text) bool { return t.Value == value })
}

// fits says whether one of the patterns fits: * is any run, ? one character.
func fits(patterns []text, value string) bool {
	return slices.ContainsFunc(patterns, func(t text) bool { return glob(t.Value, value) })
}

// Fits says whether a text fits a pattern as mandates write them: * is any run of characters, ? one.
func Fits(pattern, s string) bool { return glob(pattern, s) }

func glob(pattern, s string) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p, i = p+1, i+1
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
