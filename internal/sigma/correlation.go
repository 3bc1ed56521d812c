package sigma

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Correlation ties together events that rules (or other correlations) hit.
type Correlation struct {
	Meta
	Type     string // event_count, value_count, temporal, ...
	GroupBy  []string
	Span     time.Duration
	Field    string // whose values are counted or reckoned
	Generate bool   // the rules' own hits count too
	Shown    bool   // its alerts count; false where only other correlations use it

	bounds     []bound
	percentile float64
	terms      [][]int // of a condition in words: any of these sets of refs, all of its members
	refs       []*ref
	wants      []string // names of values that are kept of an event: GroupBy, Field, then what its parents want
	parents    []parent
}

// bound is one half of a condition: "gte 5".
type bound struct {
	how string
	n   float64
}

// ref is a rule or correlation that a correlation refers to.
type ref struct {
	name    string
	rule    *Rule
	child   *Correlation
	aliases map[string]string // alias -> field of this rule's events
	fields  []string          // for each of Correlation.wants, the field that has it
	pick    []int             // for each of fields, its place in Hit.Values
}

// parent is where a correlation's alerts go.
type parent struct {
	c   *Correlation
	ref int
}

// rawCorrelation is a correlation whose references are not looked up yet.
type rawCorrelation struct {
	c       *Correlation
	at      *yaml.Node
	names   []string
	aliases map[string]map[string]string // alias -> rule -> field
	words   string                       // a condition in words
}

var correlationTypes = []string{"event_count", "value_count", "temporal", "temporal_ordered", "value_sum", "value_avg", "value_median", "value_percentile"}

func (c *Correlation) temporal() bool { return strings.HasPrefix(c.Type, "temporal") }
func (c *Correlation) numeric() bool {
	return c.Type == "value_sum" || c.Type == "value_avg" || c.Type == "value_median" || c.Type == "value_percentile"
}

// correlation reads a correlation section.
func (l *loader) correlation(m *Meta, n *yaml.Node) error {
	all, err := members(n, "correlation")
	if err != nil {
		return err
	}
	raw := &rawCorrelation{c: &Correlation{Meta: *m, Shown: true}, at: n, aliases: map[string]map[string]string{}}
	var condition *yaml.Node
	for _, p := range all {
		if p.key == "condition" {
			condition = p.value
			continue
		}
		if err := raw.member(p); err != nil {
			return err
		}
	}
	if err := raw.condition(condition); err != nil {
		return err
	}
	if err := raw.complete(n); err != nil {
		return err
	}
	l.raw = append(l.raw, raw)
	return nil
}

func (r *rawCorrelation) member(p pair) (err error) {
	c, place := r.c, join("correlation", p.key)
	switch p.key {
	case "type":
		if c.Type, err = text(p.value, place); err == nil && !contains(correlationTypes, c.Type) {
			err = bad(p.value, place, "unknown correlation type %q (known: %s)", c.Type, strings.Join(correlationTypes, ", "))
		}
	case "rules":
		r.names, err = texts(p.value, place)
	case "group-by":
		c.GroupBy, err = texts(p.value, place)
	case "timespan":
		var s string
		if s, err = text(p.value, place); err == nil {
			if c.Span, err = timespan(s); err != nil {
				err = bad(p.value, place, "%v", err)
			}
		}
	case "generate":
		var v scalar
		if v, err = scalarOf(p.value, place); err == nil && v.kind != isBool {
			err = bad(p.value, place, "true or false is wanted")
		}
		c.Generate = v.flag
	case "aliases":
		err = r.alias(p.value)
	default:
		err = bad(p.at, place, "unknown word of a correlation")
	}
	return err
}

func (r *rawCorrelation) alias(n *yaml.Node) error {
	all, err := members(n, "correlation.aliases")
	if err != nil {
		return err
	}
	for _, p := range all {
		place := "correlation.aliases." + p.key
		ms, err := members(p.value, place)
		if err != nil {
			return err
		}
		r.aliases[p.key] = map[string]string{}
		for _, q := range ms {
			s, err := text(q.value, place)
			if err != nil {
				return err
			}
			if s == "" {
				return bad(q.value, place, "no field is named for %s", q.key)
			}
			r.aliases[p.key][q.key] = s
		}
	}
	return nil
}

var spanForm = regexp.MustCompile(`^([0-9]{1,9})([smhdwMy])$`)

func timespan(s string) (time.Duration, error) {
	m := spanForm.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("timespan %q: a number and one of s, m, h, d, w, M, y is wanted", s)
	}
	n, _ := strconv.ParseInt(m[1], 10, 64) // nine digits
	unit := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
		"M": 2629746 * time.Second, "y": 31556952 * time.Second}[m[2]]
	const most = 100 * 366 * 24 * time.Hour
	if n < 1 || time.Duration(n) > most/unit {
		return 0, fmt.Errorf("timespan %q is not between a second and a hundred years", s)
	}
	return time.Duration(n) * unit, nil
}

// condition reads a map of bounds, or words.
func (r *rawCorrelation) condition(n *yaml.Node) error {
	const place = "correlation.condition"
	switch {
	case n == nil:
		return nil
	case n.Kind == yaml.ScalarNode:
		s, err := text(n, place)
		r.words = s
		if err == nil && s == "" {
			err = bad(n, place, "is empty")
		}
		return err
	}
	all, err := members(n, place)
	if err != nil {
		return err
	}
	for _, p := range all {
		switch at := join(place, p.key); p.key {
		case "field":
			if p.value.Kind == yaml.SequenceNode {
				return bad(p.value, at, "several fields at once are not known here")
			}
			if r.c.Field, err = text(p.value, at); err != nil {
				return err
			}
		case "gt", "gte", "lt", "lte", "eq", "neq", "percentile":
			f, err := aNumber(p.value, at)
			if err != nil {
				return err
			}
			if p.key == "percentile" {
				if f < 0 || f > 100 {
					return bad(p.value, at, "a percentile lies between 0 and 100")
				}
				r.c.percentile = f
				continue
			}
			r.c.bounds = append(r.c.bounds, bound{p.key, f})
		default:
			return bad(p.at, at, "unknown word of a correlation's condition")
		}
	}
	return nil
}

func aNumber(n *yaml.Node, place string) (float64, error) {
	v, err := scalarOf(n, place)
	if err != nil {
		return 0, err
	}
	f, err := strconv.ParseFloat(v.text, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return 0, bad(n, place, "a number is wanted")
	}
	return f, nil
}

// complete says what is missing or too much.
func (r *rawCorrelation) complete(n *yaml.Node) error {
	c := r.c
	valued := c.Type == "value_count" || c.numeric()
	place := "correlation"
	switch {
	case c.Type == "":
		return bad(n, place+".type", "is missing")
	case c.Span == 0:
		return bad(n, place+".timespan", "is missing")
	case len(r.names) == 0 && r.words == "":
		return bad(n, place+".rules", "is missing")
	case r.words != "" && !c.temporal():
		return bad(n, place+".condition", "a condition in words is for temporal and temporal_ordered")
	case len(c.bounds) == 0 && r.words == "" && !c.temporal():
		return bad(n, place+".condition", "is missing")
	case valued && c.Field == "":
		return bad(n, place+".condition.field", "is missing: a %s is one of a field's values", c.Type)
	case !valued && c.Field != "":
		return bad(n, place+".condition.field", "a %s looks at no field's values", c.Type)
	case c.Type == "value_percentile" && !has(conditionOf(n), "percentile"):
		return bad(n, place+".condition.percentile", "is missing")
	case c.Type != "value_percentile" && has(conditionOf(n), "percentile"):
		return bad(n, place+".condition.percentile", "is for value_percentile")
	}
	return nil
}

func conditionOf(n *yaml.Node) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "condition" && n.Content[i+1].Kind == yaml.MappingNode {
			return n.Content[i+1]
		}
	}
	return &yaml.Node{}
}
