package lineage

import (
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/finding"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

// watch keeps, while events pass, what the story of one function needs besides the graph.
type watch struct {
	function string // as asked for, its ARN once known
	same     func(string) bool
	begun    time.Time // first event
	base     *baseline
	deployed []deployment
	changes  []Change
	left     int
	at       map[string][]*Use // by address, filled at the end
	maker    map[string][]*finding.Finding
	graph    *Graph
	runs     *string // role and layers as last seen
}

// deployment is a change of what runs.
type deployment struct {
	use   *Use
	event string
	hash  string // "" for a change of configuration
	runs  bool   // a change of configuration that changes what runs, or as whom
}

func newWatch(function string) *watch {
	return &watch{function: function, same: timeline.SameFunction(function), base: newBaseline(), at: map[string][]*Use{}, maker: map[string][]*finding.Finding{}}
}

func (w *watch) name() string {
	_, name := arnAndName(w.function)
	return name
}

// event takes an event and the node it belongs to (nil: no call).
func (w *watch) event(n *Node, e *timeline.Event) {
	if w.begun.IsZero() && e.Kind == timeline.KindCloudTrail {
		w.begun = e.Time
	}
	if w.same(e.Function) && isARN(e.Function) && !isARN(w.function) {
		w.function = e.Function
		w.same = timeline.SameFunction(e.Function)
	}
	if n == nil {
		return
	}
	w.base.event(n, e)
	u := n.uses[e.Address]
	if !w.same(e.Function) || u == nil {
		return
	}
	if !e.ReadOnly || e.Outcome == timeline.Denied {
		u.signs.touches = u.signs.touches || e.Action != "Invoke"
	}
	if e.Outcome != timeline.Success || e.ReadOnly || e.Service != "lambda" || e.Action == "Invoke" {
		return
	}
	if (e.Action == "UpdateFunctionCode" || e.Action == "UpdateFunctionConfiguration") && e.Change.Setting != "DryRun=true" {
		d := deployment{use: u, event: e.ID}
		if e.Action == "UpdateFunctionCode" {
			d.hash = e.Change.CodeHash
		} else {
			d.runs = w.runs != nil && *w.runs != e.Change.Role+"|"+e.Change.Layers
		}
		if len(w.deployed) < maxChanges {
			w.deployed = append(w.deployed, d)
		}
	}
	if e.Change.Role != "" {
		now := e.Change.Role + "|" + e.Change.Layers
		w.runs = &now
	}
	w.change(n, e)
}

// finish looks over the finished graph.
func (w *watch) finish(g *Graph) {
	w.graph = g
	for _, n := range g.Nodes {
		for _, u := range n.Uses {
			if len(w.at[u.Address]) < 256 {
				w.at[u.Address] = append(w.at[u.Address], u)
			}
		}
	}
	for i := range g.Made {
		f := &g.Made[i]
		if n := g.byID[f.By]; n != nil {
			k := principalOf(n) + "\x00" + f.Kind
			w.maker[k] = append(w.maker[k], f)
		}
	}
}

// madeBefore says whether the same principal made such a thing before, not just now.
func (w *watch) madeBefore(u *Use, f *finding.Finding) bool {
	for _, g := range w.maker[principalOf(u.node)+"\x00"+f.Kind] {
		if g.At.Before(u.First) && (g.From != u.Address || u.First.Sub(g.At) > newWithin) {
			return true
		}
	}
	return false
}

// principalOf is whose credentials a node's are: the role of a session, the user of a key.
func principalOf(n *Node) string {
	switch {
	case n.Role != "":
		return n.Role
	case n.ARN != "":
		return n.ARN
	case n.Account != "":
		return "account " + n.Account
	}
	return n.Who
}

// baseline is what each principal was seen with, and since when.
type baseline struct {
	of map[string]*habits
}

type habits struct {
	first     time.Time
	addresses map[string]time.Time
	programs  map[string]time.Time
	many      bool // too many addresses to be a habit
}

const (
	maxHabits = 1 << 12 // principals
	maxPlaces = 64      // addresses, and programs, of each
)

func newBaseline() *baseline { return &baseline{of: map[string]*habits{}} }

func (b *baseline) event(n *Node, e *timeline.Event) {
	p := principalOf(n)
	h := b.of[p]
	if h == nil {
		if len(b.of) >= maxHabits {
			return
		}
		h = &habits{first: e.Time, addresses: map[string]time.Time{}, programs: map[string]time.Time{}}
		b.of[p] = h
	}
	note := func(m map[string]time.Time, v string) {
		if _, known := m[v]; known || v == "" {
			return
		}
		if len(m) >= maxPlaces {
			h.many = true
			return
		}
		m[v] = e.Time
	}
	note(h.addresses, e.Address)
	note(h.programs, program(e.UserAgent))
}

// newAddress: the principal was at work before, from elsewhere, and this address is new.
func (b *baseline) newAddress(u *Use) bool {
	h := b.of[principalOf(u.node)]
	if h == nil || h.many || placeless(u.Address) {
		return false
	}
	at, known := h.addresses[u.Address]
	return known && h.first.Before(at) && u.First.Sub(at) < newWithin
}

func (b *baseline) newProgram(u *Use) string {
	h := b.of[principalOf(u.node)]
	if h == nil {
		return ""
	}
	for _, p := range u.Programs {
		if at, known := h.programs[p]; known && h.first.Before(at) && u.First.Sub(at) < newWithin {
			return p
		}
	}
	return ""
}

// comparable: the records show the principal well before this use, or begin well before it
// without it.
func (b *baseline) comparable(u *Use, begun time.Time) bool {
	h := b.of[principalOf(u.node)]
	return h != nil && (u.First.Sub(h.first) > time.Hour || h.first.Sub(begun) > time.Hour)
}

// newPrincipal: the records begin well before, and this principal does not show in them.
func (b *baseline) newPrincipal(u *Use, begun time.Time) bool {
	h := b.of[principalOf(u.node)]
	return h != nil && h.first.Sub(begun) > time.Hour && u.First.Sub(h.first) < newWithin
}

// placeless addresses are those of AWS itself, acting on: nobody works from there.
func placeless(address string) bool {
	return address == "" || strings.HasPrefix(address, "AWS Internal") || strings.HasSuffix(address, ".amazonaws.com")
}
