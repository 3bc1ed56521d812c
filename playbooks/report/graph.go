package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/timeline/lineage"
)

// Graph is the part of the lineage that the report draws: the suspects' credentials, what they
// come from, and what came of them.
type Graph struct {
	Nodes []Node `json:"nodes"`
	Edges []Edge `json:"edges"`
	Left  int    `json:"left_out"` // further nodes of the whole lineage
}

// Node is one holder of credentials.
type Node struct {
	ID        string `json:"id"`
	Kind      string `json:"kind"`
	Who       string `json:"who"`
	Key       string `json:"access_key,omitempty"`
	Uses      string `json:"uses"` // "12 calls from 203.0.113.66, 198.51.100.1"
	Made      string `json:"made,omitempty"`
	Suspected bool   `json:"suspected"`
	Depth     int    `json:"depth"` // from the left
	Row       int    `json:"row"`
}

// Edge says that one node's credentials come from another's.
type Edge struct {
	From   string   `json:"from"`
	To     string   `json:"to"`
	Action string   `json:"action,omitempty"`
	How    string   `json:"how"`
	Sure   string   `json:"sure,omitempty"`
	Origin bool     `json:"origin"`
	Events []string `json:"events,omitempty"`
}

// graph picks the nodes and lays them out.
func (d *Data) graph(g *lineage.Graph) {
	d.Graph = Graph{Nodes: []Node{}, Edges: []Edge{}}
	suspected, keep := map[string]bool{}, map[string]bool{}
	for _, s := range d.stories {
		for _, p := range s.Suspects {
			suspected[p.Node] = true
			for _, h := range p.Lineage {
				keep[h.Node] = true
			}
		}
	}
	children := map[string][]string{}
	for _, e := range g.Edges {
		if e.Origin {
			children[e.From] = append(children[e.From], e.To)
		}
	}
	for _, n := range g.Nodes { // in the order of the records: who is left out does not hang on a map
		if suspected[n.ID] {
			below(n.ID, children, keep)
		}
	}
	for _, n := range g.Nodes {
		if keep[n.ID] && n.ID != lineage.Unknown && len(d.Graph.Nodes) < maxNodes {
			d.Graph.Nodes = append(d.Graph.Nodes, nodeOf(g, n, suspected[n.ID]))
		}
	}
	d.Graph.Left = len(g.Nodes) - len(d.Graph.Nodes)
	d.Graph.edges(g)
	d.Graph.layout()
}

// below keeps what came of a node, up to twice of what can be drawn.
func below(id string, children map[string][]string, keep map[string]bool) {
	keep[id] = true
	for _, c := range children[id] {
		if !keep[c] && len(keep) < 2*maxNodes {
			below(c, children, keep)
		}
	}
}

func nodeOf(g *lineage.Graph, n *lineage.Node, suspected bool) Node {
	out := Node{ID: n.ID, Kind: string(n.Kind), Who: n.Who, Suspected: suspected}
	if len(n.Keys) > 0 {
		out.Key = n.Keys[0]
		if more := len(n.Keys) - 1 + n.MoreKeys; more > 0 {
			out.Key += fmt.Sprintf(" and %d more", more)
		}
	}
	var from []string
	for _, u := range n.Uses[:min(len(n.Uses), 3)] {
		from = append(from, u.Address)
	}
	out.Uses = plural(n.Calls, "call")
	if len(from) > 0 {
		out.Uses += " from " + strings.Join(from, ", ")
	}
	if more := len(n.Uses) - len(from); more > 0 {
		out.Uses += fmt.Sprintf(" and %d more", more)
	}
	made, stand := g.MadeBy(n), 0
	for _, f := range made {
		if f.Stands() {
			stand++
		}
	}
	if len(made) > 0 {
		out.Made = fmt.Sprintf("made or changed %s, %d still there", plural(len(made), "thing"), stand)
	}
	return out
}

func (g *Graph) edges(of *lineage.Graph) {
	for _, e := range of.Edges {
		if g.node(e.From) != nil && g.node(e.To) != nil {
			g.Edges = append(g.Edges, Edge{e.From, e.To, e.Action, e.How, string(e.Sure), e.Origin, e.Events})
		}
	}
}

func (g *Graph) node(id string) *Node {
	i := slices.IndexFunc(g.Nodes, func(n Node) bool { return n.ID == id })
	if i < 0 {
		return nil
	}
	return &g.Nodes[i]
}

// layout puts origins to the left of what came of them, each tree in rows of its own. An origin
// edge is at most one into each node, so what they make are trees; a ring, which records that
// contradict each other could make, is cut where it was entered.
func (g *Graph) layout() {
	children, has := map[string][]string{}, map[string]bool{}
	for _, e := range g.Edges {
		if e.Origin {
			children[e.From] = append(children[e.From], e.To)
			has[e.To] = true
		}
	}
	row, seen := 0, map[string]bool{}
	var place func(id string, depth int)
	place = func(id string, depth int) {
		if seen[id] {
			return
		}
		seen[id] = true
		n := g.node(id)
		n.Depth, n.Row = depth, row
		first := true
		for _, c := range children[id] {
			if seen[c] {
				continue
			}
			if !first {
				row++
			}
			first = false
			place(c, depth+1)
		}
	}
	for _, rooted := range []bool{true, false} {
		for _, n := range slices.Clone(g.Nodes) {
			if !seen[n.ID] && (!has[n.ID] || !rooted) {
				place(n.ID, 0)
				row++
			}
		}
	}
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
