// Package lineage tells where credentials came from and what was done with them: sessions
// rather than records, joined by who issued them, each edge with how that is known and how
// surely; what they made that is still there; and, for one function, its history, who
// changed it, how they got in, and what its own credentials did in and outside of Lambda.
//
// It reads the events of package timeline once, in order, and holds bounded memory: what
// does not fit is folded together and counted. It shows evidence: "suspected" stands beside
// the rules that lead there and the events they rest on.
package lineage

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/finding"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

// Kind of node.
type Kind string

// Kinds of nodes.
const (
	KindKey      Kind = "long-term key"
	KindSession  Kind = "session"         // temporary credentials
	KindConsole  Kind = "console session" // a sign-in: its keys change with each request
	KindLogin    Kind = "login profile"   // a password
	KindService  Kind = "AWS service"
	KindAccount  Kind = "another account" // a principal of which the records name the account only
	KindFunction Kind = "function"        // what Lambda gives credentials to
	KindIdentity Kind = "identity"        // a user or role that was made, or acted without a key
	KindFolded   Kind = "folded"          // sessions beyond the bound, together
	KindUnknown  Kind = "origin unknown"
)

// Unknown is the node that has no origin, and is that of all whose origin is not in the records.
const Unknown = "unknown"

// Bounds. What is beyond them is counted.
const (
	maxNodes   = 1 << 14
	maxIssued  = 1 << 16
	maxUses    = 48 // addresses of one node that are told apart
	maxShown   = 12 // values of one list
	maxKeys    = 64 // of one console session
	maxCited   = 6
	maxMadeAll = 1 << 13
)

// Node is somebody at work with credentials: one key, or one session.
type Node struct {
	ID        string                   `json:"id"`
	Kind      Kind                     `json:"kind"`
	Who       string                   `json:"who"`
	ARN       string                   `json:"arn,omitempty"`
	Principal string                   `json:"principal_id,omitempty"`
	Account   string                   `json:"account,omitempty"`
	Role      string                   `json:"role,omitempty"`
	Function  string                   `json:"function,omitempty"` // that AWS says, or the evidence suggests, the credentials were issued to
	Keys      []string                 `json:"access_keys,omitempty"`
	MoreKeys  int                      `json:"more_access_keys,omitempty"`
	Created   time.Time                `json:"created,omitzero"` // of the session, as its records say
	First     time.Time                `json:"first,omitzero"`
	Last      time.Time                `json:"last,omitzero"`
	Calls     int                      `json:"calls"`
	Outcomes  map[timeline.Outcome]int `json:"outcomes,omitempty"`
	Services  Counts                   `json:"services,omitzero"`
	Uses      []*Use                   `json:"uses,omitempty"` // by source address
	MoreUses  int                      `json:"calls_from_further_addresses,omitempty"`
	Own       bool                     `json:"own,omitempty"` // the investigation's own credentials
	Events    []string                 `json:"events,omitempty"`
	Made      []int                    `json:"-"` // of Graph.Made

	scoped   bool
	busy     bool // it made or issued something
	signIn   string
	identity string // source identity
	uses     map[string]*Use
}

// Use is the calls made with a node's credentials from one address: a stolen key is used by
// its owner and its thief, and only the address tells them apart.
type Use struct {
	Address  string    `json:"address"`
	Agents   []string  `json:"user_agents,omitempty"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	Calls    int       `json:"calls"`
	Inside   int       `json:"inside_lambda,omitempty"`  // with Lambda's marker
	Outside  int       `json:"outside_lambda,omitempty"` // a function's credentials, sent directly, without it
	Denied   int       `json:"denied,omitempty"`
	Events   []string  `json:"events,omitempty"`
	Refused  []string  `json:"denied_events,omitempty"`
	Actions  Counts    `json:"actions,omitzero"`
	Programs []string  `json:"-"`

	node   *Node
	out    []string // events of outside use
	signs  signs
	inward []string // actions made with the marker
}

// Counts counts values, the first maxShown one by one.
type Counts struct {
	Of   map[string]int `json:"of,omitempty"`
	More int            `json:"more,omitempty"`
}

// IsZero is for encoding.
func (c Counts) IsZero() bool { return len(c.Of) == 0 }

func (c *Counts) add(v string, most int) {
	if c.Of == nil {
		c.Of = map[string]int{}
	}
	if _, known := c.Of[v]; !known && len(c.Of) >= most {
		c.More++
		return
	}
	c.Of[v]++
}

// Names are the counted values, the most frequent first.
func (c Counts) Names() []string {
	all := make([]string, 0, len(c.Of))
	for v := range c.Of {
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(c.Of[b]-c.Of[a], strings.Compare(a, b)) })
	return all
}

// Sure says how well an edge is established.
type Sure string

// Degrees.
const (
	Certain Sure = "certain" // a record names both ends
	Strong  Sure = "strong"  // identifiers of AWS agree that seldom agree by chance
	Likely  Sure = "likely"  // names and times agree
	Weak    Sure = "weak"    // a trace to follow, not an origin
)

// Edge says that one node's credentials come from another.
type Edge struct {
	From   string    `json:"from"`
	To     string    `json:"to"`
	Action string    `json:"action,omitempty"` // "sts:AssumeRole"
	At     time.Time `json:"at,omitzero"`
	Where  string    `json:"address,omitempty"` // from which it was asked for
	How    string    `json:"how"`
	Sure   Sure      `json:"sure,omitempty"`
	Events []string  `json:"events,omitempty"`
	Origin bool      `json:"origin"` // the edge that the tree follows: at most one into each node
}

// Graph is all of it.
type Graph struct {
	Nodes   []*Node           `json:"nodes"`
	Edges   []Edge            `json:"edges"`
	Made    []finding.Finding `json:"made,omitempty"`
	Folded  int               `json:"folded_calls,omitempty"` // of sessions beyond the bound
	Left    Left              `json:"left_out,omitzero"`
	Summary timeline.Summary  `json:"summary"`

	byID  map[string]*Node
	byKey map[string]*Node
	into  map[string][]int
}

// Left is what the bounds left out.
type Left struct {
	Issued int `json:"issued_credentials,omitempty"`
	Made   int `json:"made,omitempty"`
	Edges  int `json:"edges,omitempty"`
}

// Node finds a node by its id, or by one of its keys; nil if there is none.
func (g *Graph) Node(id string) *Node {
	if n := g.byID[id]; n != nil {
		return n
	}
	return g.byKey[id]
}

// OriginOf is the edge into a node that the tree follows; nil for a root.
func (g *Graph) OriginOf(id string) *Edge {
	for _, i := range g.into[id] {
		if g.Edges[i].Origin {
			return &g.Edges[i]
		}
	}
	return nil
}

// Into are all edges into a node.
func (g *Graph) Into(id string) []Edge {
	var all []Edge
	for _, i := range g.into[id] {
		all = append(all, g.Edges[i])
	}
	return all
}
