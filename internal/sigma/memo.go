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
