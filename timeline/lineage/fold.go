package lineage

import (
	"slices"

	"github.com/freezeframe-ir/freezeframe/timeline"
)

// fold makes room when there are as many nodes as may be held: the sessions of functions
// that did nothing but work inside Lambda, refused nothing, making and issuing nothing, are
// counted together by role. In busy accounts they are nearly all. What is told apart by then
// is what an investigation is about.
func (b *Builder) fold() {
	if b.full {
		return
	}
	kept := b.g.Nodes[:0:0]
	for _, n := range b.g.Nodes {
		if !n.quiet() {
			kept = append(kept, n)
		}
	}
	if len(kept) > maxNodes*9/10 { // not worth going over all of them again and again
		b.full = true
		return
	}
	all := b.g.Nodes
	b.g.Nodes = kept
	for _, n := range all {
		if !n.quiet() {
			continue
		}
		delete(b.g.byID, n.ID)
		for _, k := range n.Keys {
			delete(b.g.byKey, k)
		}
		b.into(n)
	}
}

// quiet says that nothing about a node is worth telling apart.
func (n *Node) quiet() bool {
	return n.Kind == KindSession && n.Function != "" && !n.busy && !n.Own && n.Outcomes[timeline.Denied] == 0 &&
		!slices.ContainsFunc(n.Uses, func(u *Use) bool { return u.Inside == 0 || u.Outside > 0 || u.signs.touches })
}

// into adds a node to the one that its like are folded into.
func (b *Builder) into(n *Node) {
	id := "folded:" + n.Role
	to := b.g.byID[id]
	if to == nil {
		to = b.add(id, KindFolded)
		to.Who, to.Role, to.Account, to.Function, to.scoped, to.First = n.Role+" (sessions folded together)", n.Role, n.Account, n.Function, n.scoped, n.First
	}
	if to.Function != n.Function {
		to.Function = "" // several functions share the role
	}
	b.g.Folded += n.Calls
	to.Calls += n.Calls
	to.MoreUses += n.MoreUses
	if n.Last.After(to.Last) {
		to.Last = n.Last
	}
	for o, c := range n.Outcomes {
		to.Outcomes[o] += c
	}
	for s, c := range n.Services.Of {
		to.Services.add(s, 64)
		if _, known := to.Services.Of[s]; known {
			to.Services.Of[s] += c - 1
		}
	}
	for _, u := range n.Uses {
		have := to.uses[u.Address]
		switch {
		case have != nil:
			have.Calls += u.Calls
			have.Inside += u.Inside
			have.Last = u.Last
		case len(to.uses) >= maxUses:
			to.MoreUses += u.Calls
		default:
			u.node = to
			to.uses[u.Address] = u
			to.Uses = append(to.Uses, u)
		}
	}
}
