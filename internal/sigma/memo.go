package sigma

import "strings"

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

// remember gives bits to the tests that look at the identity alone, as far as there are bits.
func (e *Engine) remember() {
	bit := uint64(1)
	for _, l := range e.leaves {
		if bit != 0 && l.ofIdentity() {
			l.memo = bit
			bit <<= 1
		}
	}
	for _, r := range e.rules {
		e.gates = append(e.gates, gateOf(r.cond))
	}
}

// gate is what a rule demands of the identity.
type gate struct {
	bits  uint64 // all of these must be true
	whole bool   // and it demands nothing else
}

// says whether the rule hits, as far as the identity is known to say.
func (g *gate) says(m *Memo) (hit, known bool) {
	if m == nil || g.bits == 0 {
		return false, false
	}
	if g.bits&m.known&^m.answers != 0 {
		return false, true
	}
	hit = g.whole && g.bits&^m.known == 0
	return hit, hit
}

func gateOf(x *expr) gate {
	switch x.op {
	case opLeaf:
		return gate{x.leaf.memo, x.leaf.memo != 0}
	case opAnd:
		g := gate{whole: true}
		for _, k := range x.kids {
			of := gateOf(k)
			g.bits, g.whole = g.bits|of.bits, g.whole && of.whole
		}
		return g
	}
	return gate{}
}

func (l *leaf) ofIdentity() bool {
	if l.field != identityName && !strings.HasPrefix(l.field, identityName+".") {
		return false
	}
	for _, alternatives := range l.tests {
		for _, t := range alternatives {
			if _, other := t.(*fieldTest); other {
				return false
			}
		}
	}
	return true
}
