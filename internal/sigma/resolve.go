package sigma

import (
	"fmt"
	"slices"
	"strings"
)

// resolver looks up what correlations refer to, by id or name.
type resolver struct {
	l     *loader
	rules map[string]*Rule
	raws  map[string]*rawCorrelation
	state map[*rawCorrelation]int // 1: being looked up, 2: done, 3: refused
}

// resolve ends the reading: same ids are found out, references looked up, and
// correlations put behind those they refer to.
func (l *loader) resolve() {
	r := resolver{l: l, rules: map[string]*Rule{}, raws: map[string]*rawCorrelation{}, state: map[*rawCorrelation]int{}}
	kept := l.set.Rules[:0]
	for _, rule := range l.set.Rules {
		if r.claim(&rule.Meta, func(name string) { r.rules[name] = rule }) {
			kept = append(kept, rule)
		}
	}
	l.set.Rules = kept
	var raws []*rawCorrelation
	for _, raw := range l.raw {
		if r.claim(&raw.c.Meta, func(name string) { r.raws[name] = raw }) {
			raws = append(raws, raw)
		}
	}
	for _, raw := range raws {
		r.visit(raw)
	}
	l.hide()
	l.want()
}

// claim books a rule's id and name; each may be had once.
func (r *resolver) claim(m *Meta, put func(name string)) bool {
	names := slices.Compact([]string{m.ID, m.Name})
	for _, n := range names {
		if n != "" && (r.rules[n] != nil || r.raws[n] != nil) {
			r.l.problem(Refused, m.File, m.Line, m.Ident(), "id", fmt.Sprintf("another rule is called %q too", n))
			return false
		}
	}
	for _, n := range names {
		if n != "" {
			put(n)
		}
	}
	return true
}

// visit looks up a correlation's references, those of its references first.
func (r *resolver) visit(raw *rawCorrelation) bool {
	switch r.state[raw] {
	case 1:
		return false // in a circle; whoever came here says so
	case 2:
		return true
	case 3:
		return false
	}
	r.state[raw] = 1
	if err := r.refer(raw); err != nil {
		r.state[raw] = 3
		m := raw.c.Meta
		r.l.refuse(&m, err)
		return false
	}
	r.state[raw] = 2
	for i, ref := range raw.c.refs {
		if ref.child != nil {
			ref.child.parents = append(ref.child.parents, parent{raw.c, i})
		}
	}
	r.l.set.Correlations = append(r.l.set.Correlations, raw.c)
	return true
}

func (r *resolver) refer(raw *rawCorrelation) error {
	c := raw.c
	var words *wordsReader
	if raw.words != "" {
		words = &wordsReader{}
		if err := words.parse(raw.words); err != nil {
			return bad(raw.at, "correlation.condition", "%v", err)
		}
		if len(raw.names) == 0 {
			raw.names = words.names
		}
	}
	for i, name := range raw.names {
		ref := &ref{name: name, rule: r.rules[name], aliases: map[string]string{}}
		child := r.raws[name]
		switch {
		case contains(raw.names[:i], name):
			return bad(raw.at, "correlation.rules", "%q stands here twice", name)
		case ref.rule == nil && child == nil:
			return bad(raw.at, "correlation.rules", "refers to %q, which is no rule here, or was refused", name)
		case child != nil && r.state[child] == 1:
			return bad(raw.at, "correlation.rules", "refers to %q, which refers back to it", name)
		case child != nil && !r.visit(child):
			return bad(raw.at, "correlation.rules", "refers to %q, which was refused", name)
		case child != nil:
			ref.child = child.c
		}
		c.refs = append(c.refs, ref)
	}
	if words != nil {
		if err := c.inWords(words, raw); err != nil {
			return err
		}
	} else if len(c.bounds) == 0 {
		c.bounds = []bound{{"gte", float64(len(c.refs))}}
	}
	return c.aliased(raw)
}

// aliased spreads the aliases to the references.
func (c *Correlation) aliased(raw *rawCorrelation) error {
	for alias, fields := range raw.aliases {
		used := c.Field == alias || contains(c.GroupBy, alias)
		left := len(fields)
		for _, ref := range c.refs {
			field := ""
			for _, name := range ref.names() {
				if f := fields[name]; f != "" {
					field = f
					left--
					break
				}
			}
			if field == "" && used {
				return bad(raw.at, "correlation.aliases."+alias, "names no field for %s", ref.name)
			}
			if field != "" {
				ref.aliases[alias] = field
			}
		}
		if left > 0 {
			return bad(raw.at, "correlation.aliases."+alias, "names a rule that the correlation does not refer to")
		}
	}
	return nil
}

func (x *ref) names() []string {
	if x.rule != nil {
		return []string{x.name, x.rule.Name, x.rule.ID}
	}
	return []string{x.name, x.child.Name, x.child.ID}
}

// hide takes the hits of rules out that are only there for correlations, as Sigma says:
// unless the correlation says generate.
func (l *loader) hide() {
	for _, c := range l.set.Correlations {
		for _, ref := range c.refs {
			if c.Generate {
				continue
			}
			var m *Meta
			if ref.rule != nil && ref.rule.Shown {
				ref.rule.Shown, m = false, &ref.rule.Meta
			}
			if ref.child != nil && ref.child.Shown {
				ref.child.Shown, m = false, &ref.child.Meta
			}
			if m != nil {
				l.problem(Note, m.File, m.Line, m.Ident(), "", fmt.Sprintf("shows only through the correlation %s, which does not say generate: true", c.Ident()))
			}
		}
	}
}

// want spreads what values are needed, from parents to what they refer to.
func (l *loader) want() {
	for _, c := range slices.Backward(l.set.Correlations) {
		names := append([]string(nil), c.GroupBy...)
		if c.Field != "" {
			names = append(names, c.Field)
		}
		c.wants = append(names, c.wants...) // parents, which came first, have put theirs there
		for _, ref := range c.refs {
			for _, w := range c.wants {
				f := w
				if a := ref.aliases[w]; a != "" {
					f = a
				}
				ref.fields = append(ref.fields, f)
				if ref.child != nil && !contains(ref.child.GroupBy, f) && !contains(ref.child.wants, f) {
					ref.child.wants = append(ref.child.wants, f)
				}
			}
		}
	}
}

// wordsReader parses a condition in words: "a and (b or c)". What it comes to is a list
// of sets, of which one must be seen whole.
type wordsReader struct {
	c     conditionReader
	names []string
	terms [][]string
}

func (w *wordsReader) parse(s string) error {
	w.c = conditionReader{trees: map[string]*expr{}, used: map[string]bool{}}
	for _, word := range words(s) {
		if word != "(" && word != ")" && !contains(operators, strings.ToLower(word)) && w.c.trees[word] == nil {
			w.names = append(w.names, word)
			w.c.trees[word] = &expr{op: opLeaf, leaf: &leaf{field: word}}
		}
	}
	tree, err := w.c.parse(s)
	if err != nil {
		return err
	}
	w.terms, err = setsOf(tree)
	return err
}

const maxTerms = 64

func setsOf(x *expr) ([][]string, error) {
	switch x.op {
	case opLeaf:
		return [][]string{{x.leaf.field}}, nil
	case opNot:
		return nil, fmt.Errorf("'not' asks for what did not happen, which a stream that ends cannot show: not known here")
	case opAtLeast:
		return nil, fmt.Errorf("counts are not part of a correlation's condition")
	}
	var sum [][]string
	for i, k := range x.kids {
		sets, err := setsOf(k)
		if err != nil {
			return nil, err
		}
		if x.op == opOr || i == 0 {
			sum = append(sum, sets...)
		} else {
			var next [][]string
			for _, a := range sum {
				for _, b := range sets {
					next = append(next, append(a[:len(a):len(a)], b...))
				}
			}
			sum = next
		}
		if len(sum) > maxTerms {
			return nil, fmt.Errorf("comes to more than %d alternatives", maxTerms)
		}
	}
	return sum, nil
}

// inWords turns names into places among the references.
func (c *Correlation) inWords(w *wordsReader, raw *rawCorrelation) error {
	for _, names := range [][2][]string{{w.names, raw.names}, {raw.names, w.names}} {
		for _, n := range names[0] {
			if !contains(names[1], n) {
				return bad(raw.at, "correlation.condition", "%q stands in only one of rules and condition", n)
			}
		}
	}
	for _, set := range w.terms {
		var places []int
		for _, n := range set {
			places = append(places, slices.Index(raw.names, n))
		}
		slices.Sort(places)
		c.terms = append(c.terms, slices.Compact(places))
	}
	return nil
}
