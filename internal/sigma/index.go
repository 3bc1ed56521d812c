package sigma

import (
	"bytes"
	"slices"
)

// index finds the rules that an event could hit, by its source and name: what a rule's
// condition demands of eventSource or eventName is read off its tree. A rule that
// demands nothing of either is tried on every event.
type index struct {
	names    map[string][]int // folded eventName -> rules
	sources  map[string][]int // folded eventSource -> rules
	prefixes []prefixed       // of eventName
	free     []int
	all      []int
}

type prefixed struct {
	prefix string
	rule   int
}

// demand is what a tree demands of a field: one of these texts, or one that begins so.
type demand struct {
	exact, prefix []string
}

func (d demand) size() int { return len(d.exact) + len(d.prefix) }

func (x *index) add(cond *expr, rule int) {
	if x.names == nil {
		x.names, x.sources = map[string][]int{}, map[string][]int{}
	}
	if d, ok := demanded(cond, "eventName"); ok {
		for _, s := range d.exact {
			x.names[s] = append(x.names[s], rule)
		}
		for _, s := range d.prefix {
			x.prefixes = append(x.prefixes, prefixed{s, rule})
		}
		return
	}
	if d, ok := demanded(cond, "eventSource"); ok && len(d.prefix) == 0 {
		for _, s := range d.exact {
			x.sources[s] = append(x.sources[s], rule)
		}
		return
	}
	x.free = append(x.free, rule)
}

func (x *index) done(rules int) {
	for i := range rules {
		x.all = append(x.all, i)
	}
}

// demanded reads off what a tree demands; false: nothing that bounds it.
func demanded(x *expr, field string) (demand, bool) {
	switch x.op {
	case opLeaf:
		return x.leaf.demands(field)
	case opAnd:
		best, ok := demand{}, false
		for _, k := range x.kids {
			if d, bound := demanded(k, field); bound && (!ok || d.size() < best.size()) {
				best, ok = d, true
			}
		}
		return best, ok
	case opOr, opAtLeast:
		var sum demand
		for _, k := range x.kids {
			d, bound := demanded(k, field)
			if !bound {
				return demand{}, false
			}
			sum.exact, sum.prefix = append(sum.exact, d.exact...), append(sum.prefix, d.prefix...)
		}
		return sum, true
	}
	return demand{}, false
}

func (l *leaf) demands(field string) (d demand, ok bool) {
	if l.field != field {
		return d, false
	}
	for _, alternatives := range l.tests {
		for _, t := range alternatives {
			x, isText := t.(*textTest)
			if !isText {
				return demand{}, false
			}
			s := string(fold(nil, x.glob.lit))
			switch x.glob.form {
			case globExact:
				d.exact = append(d.exact, s)
			case globPrefix:
				d.prefix = append(d.prefix, s)
			default:
				return demand{}, false
			}
		}
	}
	return d, true
}

// rules are those to try on an event of that name and source, both folded, in order, each once.
func (x *index) rules(name, source []byte) []int {
	to := slices.Concat(x.free, x.names[string(name)], x.sources[string(source)])
	for _, p := range x.prefixes {
		if len(name) >= len(p.prefix) && string(name[:len(p.prefix)]) == p.prefix {
			to = append(to, p.rule)
		}
	}
	slices.Sort(to)
	return slices.Compact(to)
}

// Bounds of what a matcher remembers of names and sources: there are some thousands of real
// ones, and whoever writes records may think of more.
const (
	listBits  = 10
	maxListed = 256 // bytes of a name and source
)

// listed are the rules to try for a name and a source, as they are written.
type listed struct {
	name, source string
	rules        []int
	there        bool
}

// candidates are the rules to try on the record.
func (m *Matcher) candidates() []int {
	name, ok := m.topText(topName)
	source, ok2 := m.topText(topSource)
	if !ok || !ok2 || m.odd {
		return m.e.index.all
	}
	x := &m.lists[(quick(name)+3*quick(source))>>(64-listBits)]
	if !x.there || x.name != string(name) || x.source != string(source) {
		if len(name)+len(source) > maxListed {
			return m.e.index.rules(m.fold(name), m.fold(source))
		}
		*x = listed{string(name), string(source), m.e.index.rules(m.fold(name), m.fold(source)), true}
	}
	return x.rules
}

// topText gives a member's text. It is false where the member is there twice or is no text: then
// every rule is tried, since a rule may match any of the values.
func (m *Matcher) topText(top int32) (text []byte, ok bool) {
	p := m.at[top]
	if p.gen != m.gen {
		return nil, true
	}
	x := &m.rec.members[p.member]
	if raw := m.rec.b[x.From:x.To]; x.node < 0 && len(raw) > 1 && raw[0] == '"' && bytes.IndexByte(raw[1:], '"') == len(raw)-2 && bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], true
	}
	n := &m.rec.nodes[m.rec.open(x)]
	if n.kind != 's' || n.escaped {
		return nil, false
	}
	return m.rec.raw(n), true
}
