package lineage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/finding"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

var (
	// ErrNoSubject: neither a key nor a principal was given.
	ErrNoSubject = errors.New("a lineage is that of an access key or a principal")
	// ErrNotSeen: nothing in the records was done with the key, or by the principal.
	ErrNotSeen = errors.New("not in the records")
)

// Subject is whose lineage is asked for: a key, or a principal by ARN or name.
type Subject struct {
	Key       string `json:"access_key,omitempty"`
	Principal string `json:"principal,omitempty"`
}

// Tree is the part of a graph that belongs to a subject: what its credentials come from,
// and what comes of them.
type Tree struct {
	Subject Subject           `json:"subject"`
	Found   []string          `json:"found"` // nodes of the subject
	Nodes   []*Node           `json:"nodes"`
	Edges   []Edge            `json:"edges"`
	Made    []finding.Finding `json:"made"` // by any of the nodes from the subject down
	Folded  int               `json:"folded_calls,omitempty"`
	Left    Left              `json:"left_out,omitzero"`
	Summary timeline.Summary  `json:"summary"`

	g    *Graph
	down map[string]bool
}

// Trace reads the input and makes the whole graph.
func Trace(ctx context.Context, o timeline.Options, in timeline.Input) (*Graph, error) {
	o.Names = true
	b := NewBuilder()
	sum, err := timeline.Events(ctx, o, in, func(e *timeline.Event) error {
		b.Event(e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return b.Graph(sum), nil
}

// Of takes a subject's part.
func (g *Graph) Of(s Subject) (*Tree, error) {
	if s.Key == "" && s.Principal == "" {
		return nil, ErrNoSubject
	}
	t := &Tree{Subject: s, Folded: g.Folded, Left: g.Left, Summary: g.Summary, g: g, down: map[string]bool{}}
	for _, n := range g.Nodes {
		if s.is(n) {
			t.Found = append(t.Found, n.ID)
		}
	}
	if len(t.Found) == 0 {
		if g.Folded > 0 {
			return t, fmt.Errorf("%s%s: %w, unless among the %d calls of sessions that are beyond the bound and counted by role", s.Key, s.Principal, ErrNotSeen, g.Folded)
		}
		return t, fmt.Errorf("%s%s: %w", s.Key, s.Principal, ErrNotSeen)
	}
	children := map[string][]string{}
	for _, e := range g.Edges {
		if e.From != Unknown {
			children[e.From] = append(children[e.From], e.To)
		}
	}
	keep := map[string]bool{}
	for _, id := range t.Found {
		walk(id, children, t.down)
	}
	up := map[string][]string{}
	for _, e := range g.Edges {
		up[e.To] = append(up[e.To], e.From)
	}
	for _, id := range t.Found {
		walk(id, up, keep)
	}
	for id := range t.down {
		keep[id] = true
	}
	t.take(keep)
	return t, nil
}

func walk(id string, next map[string][]string, seen map[string]bool) {
	todo := []string{id}
	for len(todo) > 0 {
		id, todo = todo[len(todo)-1], todo[:len(todo)-1]
		if !seen[id] {
			seen[id] = true
			todo = append(todo, next[id]...)
		}
	}
}

func (t *Tree) take(keep map[string]bool) {
	for _, n := range t.g.Nodes {
		if keep[n.ID] {
			t.Nodes = append(t.Nodes, n)
		}
		if t.down[n.ID] {
			t.Made = append(t.Made, t.g.MadeBy(n)...)
		}
	}
	for _, e := range t.g.Edges {
		if keep[e.From] && keep[e.To] && (e.From != Unknown || keep[e.To]) {
			t.Edges = append(t.Edges, e)
		}
	}
	slices.SortStableFunc(t.Made, func(a, b finding.Finding) int { return a.At.Compare(b.At) })
}

func (s Subject) is(n *Node) bool {
	if s.Key != "" {
		return n.ID == s.Key || slices.Contains(n.Keys, s.Key)
	}
	p := s.Principal
	if isARN(p) {
		return n.ARN == p || n.Role == p
	}
	last := func(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
	name, _, _ := strings.Cut(n.Who, "/")
	return n.Who == p || name == p || n.Role != "" && last(n.Role) == p || n.Role == "" && n.ARN != "" && last(n.ARN) == p
}

// Text writes the tree for people: from the roots down, one node a line with what it rests on.
func (t *Tree) Text(w io.Writer) error {
	var b strings.Builder
	of := t.Subject.Key + t.Subject.Principal
	line(&b, 0, "Credentials around %s (times are UTC; * is what was asked for)", of)
	children, roots := map[string][]Edge{}, []string{}
	for _, e := range t.Edges {
		if e.Origin {
			children[e.From] = append(children[e.From], e)
		}
	}
	for _, n := range t.Nodes {
		if t.g.OriginOf(n.ID) == nil {
			roots = append(roots, n.ID)
		}
	}
	v := view{t: t, b: &b, children: children, seen: map[string]bool{}}
	for _, id := range roots {
		v.node(id, nil, 0)
	}
	for _, n := range t.Nodes { // in a circle that forged records make, nothing is a root
		if !v.seen[n.ID] {
			v.node(n.ID, nil, 0)
		}
	}
	madeText(&b, "Made or changed with them", t.Made)
	if t.Folded > 0 {
		line(&b, 0, "Limit: %d calls belong to sessions beyond the bound of %d, counted by role", t.Folded, maxNodes)
	}
	if t.Left != (Left{}) {
		line(&b, 0, "Limit: beyond the bounds: %d issued credentials, %d things made, %d edges", t.Left.Issued, t.Left.Made, t.Left.Edges)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

type view struct {
	t        *Tree
	b        *strings.Builder
	children map[string][]Edge
	seen     map[string]bool
	lines    int
}

const maxTree = 400 // lines of nodes; the data has all

func (v *view) node(id string, by *Edge, deep int) {
	n := v.t.g.byID[id]
	if n == nil || v.seen[id] {
		return
	}
	v.seen[id] = true
	if v.lines++; v.lines > maxTree {
		if v.lines == maxTree+1 {
			line(v.b, 0, "  and more, in the JSON form")
		}
		return
	}
	mark := ""
	if slices.Contains(v.t.Found, id) {
		mark = "* "
	}
	deep = min(deep, 20)
	line(v.b, deep, "%s%s%s", mark, strings.TrimSpace(string(n.Kind)+" "+label(n)), work(n))
	if by != nil {
		sure := ""
		if by.Sure != "" {
			sure = " (" + string(by.Sure) + ")"
		}
		line(v.b, deep+2, "%s: %s%s%s", first(by.Action, "origin"), by.How, sure, citation(by.Events))
	}
	for _, e := range v.t.g.Into(id) {
		if !e.Origin {
			line(v.b, deep+2, "also: %s, %s (%s)%s", v.t.g.byID[e.From].Who, e.How, e.Sure, citation(e.Events))
		}
	}
	for _, u := range n.Uses[:min(len(n.Uses), 6)] {
		names := u.Actions.Names()
		line(v.b, deep+2, "from %s with %s: %d calls, %d refused: %s%s", orUnknown(u.Address), firstOf(u.Agents), u.Calls, u.Denied, strings.Join(names[:min(len(names), 6)], ", "), citation(u.Events))
	}
	for _, e := range v.children[id] {
		v.node(e.To, &e, deep+1)
	}
}

func label(n *Node) string {
	if n.Kind == KindUnknown {
		return ""
	}
	if len(n.Keys) > 0 && n.Keys[0] != n.Who && !strings.HasPrefix(n.Who, n.Keys[0]) {
		return n.Keys[0] + " of " + n.Who
	}
	return n.Who
}

func work(n *Node) string {
	if n.Calls == 0 {
		return ""
	}
	return fmt.Sprintf(", %s to %s, %d calls", n.First.Format(clock), n.Last.Format(clock), n.Calls)
}

func firstOf(agents []string) string {
	if len(agents) == 0 {
		return "no user agent"
	}
	return fmt.Sprintf("%.60s", agents[0])
}
