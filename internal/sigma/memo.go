package sigma

import (
	"encoding/binary"
	"strings"
)

// Memo keeps what tests of an identity answered. Who calls is the same in many records, and rules
// ask the same of it each time: a caller who knows that a record's userIdentity has the same bytes
// as an earlier one's gives the memo of that, made for matchers of the same engine.
type Memo struct{ known, answers uint64 }

func (m *Memo) tell(bit uint64, yes bool) {
	m.known |= bit
	if yes {
		m.answers |= bit
	}
}

// agents keeps what tests of a record's userAgent answered: programs are few, and rules look for
// names anywhere in theirs.
type agents [256]struct {
	text string
	memo Memo
}

// of is the memo of a user agent as it is written in the record; nil: it is too long to be kept.
func (a *agents) of(b []byte) *Memo {
	if len(b) > 4*maxName {
		return nil
	}
	x := &a[quick(b)>>56]
	if x.text != string(b) {
		x.text, x.memo = string(b), Memo{}
	}
	return &x.memo
}

// quick is a number, by its upper bits, for a text that is compared with what lies there.
func quick(b []byte) uint64 {
	const odd = 0x9e3779b97f4a7c15
	h := uint64(len(b))
	if len(b) < 8 {
		for _, c := range b {
			h = h<<8 + uint64(c)
		}
		return h * odd
	}
	return ((binary.LittleEndian.Uint64(b)+h)*odd ^ binary.LittleEndian.Uint64(b[len(b)/2-4:])*5 ^ binary.LittleEndian.Uint64(b[len(b)-8:])) * odd
}

// whose says which memo a test's answers go to.
type whose int

const (
	nobodys whose = iota
	ofIdentity
	ofAgent
	memos
)

// remember gives bits to the tests that look at the identity alone or at the user agent alone, as
// far as there are bits.
func (e *Engine) remember() {
	bits := [memos]uint64{ofIdentity: 1, ofAgent: 1}
	for _, l := range e.leaves {
		if w := l.whose(); bits[w] != 0 {
			l.memo[w] = bits[w]
			bits[w] <<= 1
		}
	}
	for _, r := range e.rules {
		e.gates = append(e.gates, gateOf(r.cond))
	}
}

// gate is what a rule demands of the identity and of the user agent.
type gate struct {
	bits  [memos]uint64 // all of these must be true
	whole bool          // and it demands nothing else
}

// says whether the rule hits, as far as the memos are known to say.
func (g *gate) says(all *[memos]*Memo) (hit, known bool) {
	hit = g.whole
	for w, m := range all {
		if g.bits[w] == 0 {
			continue
		}
		if m == nil {
			hit = false
		} else if g.bits[w]&m.known&^m.answers != 0 {
			return false, true
		} else if g.bits[w]&^m.known != 0 {
			hit = false
		}
	}
	return hit, hit
}

func gateOf(x *expr) gate {
	switch x.op {
	case opLeaf:
		return gate{x.leaf.memo, x.leaf.memo != [memos]uint64{}}
	case opAnd:
		g := gate{whole: true}
		for _, k := range x.kids {
			of := gateOf(k)
			for w, bits := range of.bits {
				g.bits[w] |= bits
			}
			g.whole = g.whole && of.whole
		}
		return g
	}
	return gate{}
}

// whose says what the test looks at alone.
func (l *leaf) whose() whose {
	w := ofIdentity
	if l.field == agentName {
		w = ofAgent
	} else if l.field != identityName && !strings.HasPrefix(l.field, identityName+".") {
		return nobodys
	}
	for _, alternatives := range l.tests {
		for _, t := range alternatives {
			if _, other := t.(*fieldTest); other {
				return nobodys
			}
		}
	}
	return w
}

// memoOf is where the answer of a test is kept for this record, and its bit there; nil: nowhere.
func (m *Matcher) memoOf(l *leaf) (*Memo, uint64) {
	if l.memo[ofAgent] != 0 {
		return m.memos[ofAgent], l.memo[ofAgent]
	}
	if l.memo[ofIdentity] != 0 {
		return m.memos[ofIdentity], l.memo[ofIdentity]
	}
	return nil, 0
}
