package sigma

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
)

// Engine is a set of rules, compiled. It does not change and may be shared.
type Engine struct {
	rules        []*Rule
	correlations []*Correlation

	fields []string // paths, by slot; "" is the whole record
	leaves []*leaf
	index  index
	tops   tops
	// gather says for each rule the slots of the fields that correlations need of the
	// events it hits, in the order of Hit.Values.
	gather [][]int
	gates  []gate // by rule
}

// NewEngine compiles a set.
func NewEngine(s *Set) *Engine {
	e := &Engine{rules: s.Rules, correlations: s.Correlations}
	slots, leaves := map[string]int{}, map[string]*leaf{}
	slot := func(field string) int {
		if n, ok := slots[field]; ok {
			return n
		}
		slots[field] = len(e.fields)
		e.fields = append(e.fields, field)
		return slots[field]
	}
	for _, r := range e.rules {
		// A copy: the same set may be compiled twice.
		r.cond = e.intern(r.cond, leaves, slot)
		e.index.add(r.cond, len(e.gather))
		e.gather = append(e.gather, nil)
	}
	place := map[*Rule]int{}
	for i, r := range e.rules {
		place[r] = i
	}
	for _, c := range e.correlations {
		for _, ref := range c.refs {
			if ref.rule == nil {
				continue
			}
			i := place[ref.rule]
			ref.pick = nil
			for _, f := range ref.fields {
				s := slot(f)
				if !slices.Contains(e.gather[i], s) {
					e.gather[i] = append(e.gather[i], s)
				}
				ref.pick = append(ref.pick, slices.Index(e.gather[i], s))
			}
		}
	}
	e.index.done(len(e.rules))
	e.tops = newTops(e.fields)
	e.remember()
	return e
}

// intern gives the tree with leaves of the same meaning made one.
func (e *Engine) intern(x *expr, leaves map[string]*leaf, slot func(string) int) *expr {
	c := *x
	c.kids = nil
	for _, k := range x.kids {
		c.kids = append(c.kids, e.intern(k, leaves, slot))
	}
	if x.op != opLeaf {
		return &c
	}
	if have := leaves[x.leaf.key]; have != nil {
		c.leaf = have
		return &c
	}
	l := *x.leaf
	l.id, l.slot = len(e.leaves), slot(l.field)
	for i, alternatives := range l.tests {
		for j, t := range alternatives {
			if f, ok := t.(*fieldTest); ok {
				f := *f
				f.slot = slot(f.other)
				l.tests[i][j] = &f
			}
		}
	}
	leaves[l.key] = &l
	e.leaves = append(e.leaves, &l)
	c.leaf = &l
	return &c
}

// Rules are the rules, as hits number them.
func (e *Engine) Rules() []*Rule { return e.rules }

// Correlations are the correlations, as alerts number them.
func (e *Engine) Correlations() []*Correlation { return e.correlations }

// Hit is a rule that an event hit.
type Hit struct {
	Rule int // of Engine.Rules
	// Values are what correlations need to know of the event, nil where none does: for
	// each field its values, "" and absent told apart.
	Values [][]string
}

// Matcher matches events, one at a time; each goroutine needs its own.
type Matcher struct {
	e    *Engine
	rec  record
	gen  uint32 // of the event: what carries another one is of an earlier event
	hits []Hit

	lists   [1 << listBits]listed
	memos   [memos]*Memo // of the record's identity and user agent; nil: none
	agents  agents
	at      []place // of the record's members, by top
	named   map[string]*topped
	first   topped  // what comes before a record's first member
	last    *topped // the member taken last
	odd     bool    // a member is there twice
	fields  []found
	known   []uint32 // generation of each leaf's answer
	answers []bool
	arena   []byte
}

// found is what a field's path leads to.
type found struct {
	gen     uint32
	present bool
	values  []value
}

// value is one value of a field; its texts are made when they are asked for.
type value struct {
	kind         byte
	node         int32
	text, folded []byte
	alt, altFold []byte // of an object with escapes: without them
	texted       bool
	folds        bool
}

// NewMatcher makes a matcher.
func (e *Engine) NewMatcher() *Matcher {
	return &Matcher{e: e, fields: make([]found, len(e.fields)), known: make([]uint32, len(e.leaves)), answers: make([]bool, len(e.leaves)), at: make([]place, len(e.tops.names)), named: map[string]*topped{}}
}

// Match gives the rules that a CloudTrail record hits, in the order of Engine.Rules. The
// hits are good until the next call.
func (m *Matcher) Match(record []byte) ([]Hit, error) {
	if err := m.rec.parse(record); err != nil {
		return nil, err
	}
	m.begin(nil)
	for kid := int32(1); kid < m.rec.nodes[0].next; kid = m.rec.nodes[kid].next {
		m.has(Member{Name: m.rec.name(&m.rec.nodes[kid])}, kid)
	}
	return m.match()
}

// MatchMembers is Match for a record that the caller has read: members are all that the record
// itself has, in its order. Only those that rules ask for are read again. memo, which may be nil,
// is that of the record's identity.
func (m *Matcher) MatchMembers(record []byte, members []Member, memo *Memo) ([]Hit, error) {
	if err := m.rec.take(record); err != nil {
		return nil, err
	}
	m.begin(memo)
	for i := range members {
		m.has(members[i], -1)
	}
	return m.match()
}

// begin is for the next record.
func (m *Matcher) begin(memo *Memo) {
	m.hits, m.arena, m.memos, m.odd, m.last = m.hits[:0], m.arena[:0], [memos]*Memo{ofIdentity: memo}, false, &m.first
	m.gen++
	if m.gen == 0 { // after four billion events old answers would look new
		m.gen = 1
		clear(m.known)
		clear(m.at)
		for i := range m.fields {
			m.fields[i].gen = 0
		}
	}
}

func (m *Matcher) match() ([]Hit, error) {
	for _, i := range m.candidates() {
		if hit, known := m.e.gates[i].says(&m.memos); hit || !known && m.eval(m.e.rules[i].cond) {
			m.hits = append(m.hits, Hit{Rule: i, Values: m.values(i)})
		}
	}
	return m.hits, m.rec.err
}

func (m *Matcher) eval(x *expr) bool {
	switch x.op {
	case opLeaf:
		return m.leaf(x.leaf)
	case opAnd:
		for _, k := range x.kids {
			if !m.eval(k) {
				return false
			}
		}
		return true
	case opNot:
		return !m.eval(x.kids[0])
	}
	want := 1
	if x.op == opAtLeast {
		want = x.n
	}
	for _, k := range x.kids {
		if m.eval(k) {
			if want--; want == 0 {
				return true
			}
		}
	}
	return false
}

func (m *Matcher) leaf(l *leaf) bool {
	if m.known[l.id] == m.gen {
		return m.answers[l.id]
	}
	memo, bit := m.memoOf(l)
	if memo != nil && memo.known&bit != 0 {
		return memo.answers&bit != 0
	}
	f := m.find(l.slot)
	yes := l.all
	for _, alternatives := range l.tests {
		one := false
		for _, t := range alternatives {
			if t.match(m, f) {
				one = true
				break
			}
		}
		if one != l.all {
			yes = one
			break
		}
	}
	m.known[l.id], m.answers[l.id] = m.gen, yes
	if memo != nil && m.rec.err == nil {
		memo.tell(bit, yes)
	}
	return yes
}

// find looks a field up, once an event.
func (m *Matcher) find(slot int) *found {
	f := &m.fields[slot]
	if f.gen == m.gen {
		return f
	}
	f.gen, f.present, f.values = m.gen, false, f.values[:0]
	if path := m.e.fields[slot]; path == "" {
		m.collect(f, 0)
	} else {
		m.inRecord(f, slot, path)
	}
	return f
}

// inRecord follows a path from the record's own members.
func (m *Matcher) inRecord(f *found, slot int, path string) {
	if !m.odd {
		if top, begin, ok := m.only(slot); ok {
			if top != nil {
				m.below(f, top, begin.rest, begin.whole)
			}
			return
		}
	}
	for i := range m.rec.members {
		top := &m.rec.members[i]
		if string(top.Name) == path {
			m.below(f, top, "", true)
		} else if rest, ok := under(top.Name, path); ok {
			m.below(f, top, rest, false)
		}
	}
}

// below follows what is left of a path from one of the record's members.
func (m *Matcher) below(f *found, top *member, rest string, whole bool) {
	at := m.rec.open(top)
	if whole {
		m.collect(f, at)
	} else if k := m.rec.nodes[at].kind; k == 'o' || k == 'a' {
		m.descend(f, at, rest)
	}
}

// descend follows a path into an object, or into each object of an array.
func (m *Matcher) descend(f *found, at int32, path string) {
	n := &m.rec.nodes[at]
	for kid := at + 1; kid < n.next; kid = m.rec.nodes[kid].next {
		k := &m.rec.nodes[kid]
		if n.kind == 'a' {
			if k.kind == 'o' || k.kind == 'a' {
				m.descend(f, kid, path)
			}
			continue
		}
		if name := m.rec.name(k); string(name) == path {
			m.collect(f, kid)
		} else if rest, ok := under(name, path); ok && (k.kind == 'o' || k.kind == 'a') {
			m.descend(f, kid, rest)
		}
	}
}

// collect takes a value, of an array each element.
func (m *Matcher) collect(f *found, at int32) {
	f.present = true
	n := &m.rec.nodes[at]
	if n.kind != 'a' {
		f.values = append(f.values, value{kind: n.kind, node: at})
		return
	}
	for kid := at + 1; kid < n.next; kid = m.rec.nodes[kid].next {
		m.collect(f, kid)
	}
}

// texts gives a value's text, folded if asked for, and of an object whose strings hold
// escapes a second form without them.
func (m *Matcher) texts(v *value, fold bool) (text, alt []byte) {
	if !v.texted {
		v.texted = true
		n := &m.rec.nodes[v.node]
		switch {
		case n.kind == 'o':
			v.text = m.made(func(b []byte) []byte { return m.rec.compact(b, n, false) })
			if n.escaped {
				v.alt = m.made(func(b []byte) []byte { return m.rec.compact(b, n, true) })
			}
		case n.escaped:
			v.text = m.made(func(b []byte) []byte { return unescape(b, m.rec.raw(n)) })
		default:
			v.text = m.rec.raw(n)
		}
	}
	if !fold {
		return v.text, v.alt
	}
	if !v.folds {
		v.folds = true
		v.folded, v.altFold = m.fold(v.text), v.alt
		if v.alt != nil {
			v.altFold = m.fold(v.alt)
		}
	}
	return v.folded, v.altFold
}

func (m *Matcher) fold(b []byte) []byte {
	if folded(b) {
		return b
	}
	return m.made(func(dst []byte) []byte { return fold(dst, b) })
}

// made appends to the arena. What was made before stays where it is when it grows.
func (m *Matcher) made(add func([]byte) []byte) []byte {
	start := len(m.arena)
	m.arena = add(m.arena)
	return m.arena[start:len(m.arena):len(m.arena)]
}

// maxValues bounds the values of one field that correlations look at, and maxValue a
// value's length; of a longer one the end is a checksum, so that it stays another than
// its like.
const (
	maxValues = 64
	maxValue  = 256
)

// values copies what correlations need of an event.
func (m *Matcher) values(rule int) [][]string {
	slots := m.e.gather[rule]
	if len(slots) == 0 {
		return nil
	}
	all := make([][]string, len(slots))
	for i, s := range slots {
		f := m.find(s)
		for j := range f.values {
			if f.values[j].kind == 'z' || len(all[i]) == maxValues {
				continue
			}
			b, _ := m.texts(&f.values[j], false)
			t := string(b)
			if len(b) > maxValue {
				h := fnv.New64a()
				_, _ = h.Write(fold(nil, b)) // never fails
				t = fmt.Sprintf("%s…%016x", b[:maxValue], h.Sum64())
			}
			if t = strings.ToValidUTF8(t, "\ufffd"); !contains(all[i], t) {
				all[i] = append(all[i], t)
			}
		}
	}
	return all
}
