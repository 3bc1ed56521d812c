package lineage

import (
	"fmt"
	"slices"
	"time"

	"github.com/freezeframe-ir/freezeframe/timeline"
)

// Calls is what one key of the function did from one address.
type Calls struct {
	Node    string    `json:"node"`
	Who     string    `json:"who"`
	Key     string    `json:"access_key,omitempty"`
	Address string    `json:"address"`
	Agents  []string  `json:"user_agents,omitempty"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	Calls   int       `json:"calls"`
	Denied  int       `json:"denied,omitempty"`
	Actions Counts    `json:"actions"`
	Signs   []string  `json:"signs"`
	Events  []string  `json:"events,omitempty"`
}

// calls splits what the function's credentials did into inside and outside of Lambda.
func (s *Story) calls(g *Graph, w *watch) {
	usual := map[string]bool{}
	scoped := false
	var uses []*Use
	for _, n := range g.Nodes {
		if !w.same(n.Function) || n.Kind != KindSession && n.Kind != KindFolded {
			continue
		}
		scoped = scoped || n.scoped
		for _, u := range n.Uses {
			uses = append(uses, u)
			for _, a := range u.inward {
				usual[a] = true
			}
		}
	}
	for _, u := range uses {
		c, outside := callsOf(u, usual, scoped)
		if outside {
			s.Outside = append(s.Outside, c)
		} else {
			s.Inside = append(s.Inside, c)
		}
	}
	for _, l := range []*[]Calls{&s.Inside, &s.Outside} {
		slices.SortStableFunc(*l, func(a, b Calls) int { return a.First.Compare(b.First) })
		if left := len(*l) - maxChanges; left > 0 {
			*l = (*l)[:maxChanges]
			s.Limits = append(s.Limits, fmt.Sprintf("%d further keys and addresses of the function are counted in the lineage, and not listed here", left))
		}
	}
}

func callsOf(u *Use, usual map[string]bool, scoped bool) (Calls, bool) {
	n := u.node
	c := Calls{Node: n.ID, Who: n.Who, Address: u.Address, Agents: u.Agents, First: u.First, Last: u.Last, Calls: u.Calls, Denied: u.Denied, Actions: u.Actions, Events: u.Events}
	if len(n.Keys) > 0 {
		c.Key = n.Keys[0]
	}
	foreign := slices.ContainsFunc(u.signs.reasons, func(r Reason) bool { return r.Rule == "marker-from-foreign-address" })
	sign := func(text string, args ...any) { c.Signs = append(c.Signs, fmt.Sprintf(text, args...)) }
	switch {
	case u.Inside > 0:
		sign("%d of %d calls carry Lambda's marker", u.Inside, u.Calls)
	case u.Outside > 0:
		sign("no call carries Lambda's marker")
	}
	if u.Outside > 0 && slices.ContainsFunc(n.Uses, func(v *Use) bool { return v != u && v.Inside > 0 }) {
		sign("the same key is at work with the marker from another address")
	}
	for _, r := range u.signs.reasons {
		if r.Rule == "marker-from-foreign-address" || r.Rule == "new-address" {
			sign("%s", r.Text)
		}
	}
	switch {
	case n.scoped:
		sign("AWS says that the key was issued to %s", n.Function)
	case scoped:
		sign("these records do not say whom the key was issued to, those of other keys do")
	}
	outside := foreign || u.Outside > 0 && u.Inside == 0
	if outside {
		var never []string
		for _, a := range u.Actions.Names() {
			if !usual[a] {
				never = append(never, a)
			}
		}
		slices.Sort(never)
		if len(never) > 0 && len(usual) > 0 {
			sign("never called from inside: %s", orNone(never[:min(len(never), maxShown)]))
		}
	}
	return c, outside
}

// limits says what all of this cannot know.
func (s *Story) limits(g *Graph) {
	say := func(n int, text string) {
		if n > 0 {
			s.Limits = append(s.Limits, fmt.Sprintf("%d %s", n, text))
		}
	}
	say(g.Folded, "calls belong to sessions beyond the bound; they are counted by role, not told apart")
	say(g.Left.Issued, "issued credentials are beyond the bound; where they were used, their origin is unknown")
	say(g.Left.Made, "things made are beyond the bound")
	say(g.Left.Edges, "edges are beyond the bound")
	say(s.HistLeft, "changes of the function are beyond the bound")
	if slices.ContainsFunc(s.Steps, func(x timeline.Step) bool { return x.Sort == timeline.StepContained }) {
		s.Limits = append(s.Limits, "containment was applied from this case: what is called still there is so by the records of calls, which may end before it; freezeframe contain status says what is in force")
	}
	more := 0
	for _, n := range g.Nodes {
		more += n.MoreUses
	}
	say(more, "calls came from further addresses of credentials that are used from very many")
}
