package sigma

import (
	"reflect"
	"testing"
)

// ByMembers matches a record by its members, as a caller does that has walked it, and wants the
// hits that matching the whole text gives.
func ByMembers(t testing.TB, e *Engine, text []byte, want []Hit) {
	t.Helper()
	var r record
	if err := r.parse(text); err != nil {
		t.Fatal(err)
	}
	var members []Member
	for kid := int32(1); kid < r.nodes[0].next; kid = r.nodes[kid].next {
		n := r.nodes[kid]
		if n.kind == 's' { // a string's node leaves the quotes out
			n.at[0], n.at[1] = n.at[0]-1, n.at[1]+1
		}
		members = append(members, Member{Name: r.name(&n), From: n.at[0], To: n.at[1]})
	}
	// With a memo, the second time what rules asked of the identity is remembered.
	m, memo := e.NewMatcher(), &Memo{}
	for _, memo := range []*Memo{nil, memo, memo} {
		got, err := m.MatchMembers(text, members, memo)
		if err != nil || len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("%q: by members %v (%v), as text %v", text, got, err, want)
		}
	}
}

// TestMembersThatAreNone: what a caller says of a record is not believed blindly.
func TestMembersThatAreNone(t *testing.T) {
	e := compiled(t, rule("s: {a.b: x}\ncondition: s"), Options{})
	text := []byte(`{"a":{"b":"x"} }`)
	for _, c := range []struct {
		from, to int32
		fine     bool
	}{{5, 14, true}, {5, 13, false}, {6, 14, false}, {5, 15, false}, {15, 16, false}} {
		hits, err := e.NewMatcher().MatchMembers(text, []Member{{Name: []byte("a"), From: c.from, To: c.to}}, nil)
		if (err == nil) != c.fine || c.fine && len(hits) != 1 {
			t.Errorf("%d to %d: %v, %v", c.from, c.to, hits, err)
		}
	}
}
