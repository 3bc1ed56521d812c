package lineage

import (
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/finding"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

// Builder makes a graph of events that are given to it in order of time.
type Builder struct {
	g      *Graph
	issued map[string]issue   // by access key
	asked  map[string][]issue // by the principal id of the session that was issued
	logins map[string][]issue // sign-ins, by the ARN of who signed in
	direct []issue            // issued what is no key: users, roles, login profiles
	made   maker
	full   bool // folding frees nothing any more
}

// issue is a call that handed out credentials, or made an identity.
type issue struct {
	from     *Node
	to       string // key, or id of the node that was made
	action   string
	at       time.Time
	where    string
	event    string
	role     string // ARN
	session  string // name
	id       string // principal id of the session
	service  bool   // AWS's Lambda asked
	switched string // ARN of who switched to this role in the console
}

// NewBuilder is ready for events.
func NewBuilder() *Builder {
	return &Builder{
		g:      &Graph{byID: map[string]*Node{}, byKey: map[string]*Node{}, into: map[string][]int{}},
		issued: map[string]issue{}, asked: map[string][]issue{}, logins: map[string][]issue{},
		made: newMaker(),
	}
}

// Event takes one. Only records of calls are credentials at work. It gives the node that
// the event belongs to, nil for what is no call.
func (b *Builder) Event(e *timeline.Event) *Node {
	if e.Kind != timeline.KindCloudTrail || e.Tagged(timeline.TagAggregated) {
		return nil
	}
	n := b.node(e)
	b.count(n, e)
	if e.Outcome == timeline.Success {
		before := len(b.made.found)
		b.made.event(n, e)
		n.busy = b.issue(n, e) || n.busy || len(b.made.found) > before
	}
	return n
}

// identify says which node an event belongs to.
func identify(e *timeline.Event) (id string, kind Kind) {
	p := &e.Principal
	created := p.Created.UTC().Format(time.RFC3339)
	switch {
	case p.Console && !p.Created.IsZero():
		return "console:" + p.ID + "@" + created, KindConsole
	case strings.HasPrefix(e.AccessKey, "AKIA"):
		return e.AccessKey, KindKey
	case e.AccessKey != "":
		return e.AccessKey, KindSession
	case p.Type == "AWSService":
		return "service:" + p.String(), KindService
	case p.Type == "AWSAccount":
		return "account:" + p.Account + "/" + p.ID, KindAccount
	case !p.Created.IsZero() && p.ID != "":
		return "session:" + p.ID + "@" + created, KindSession
	}
	name := p.ARN
	if name == "" {
		name = p.Type + ":" + p.Account + "/" + p.String()
	}
	return "identity:" + name, KindIdentity
}

func (b *Builder) node(e *timeline.Event) *Node {
	id, kind := identify(e)
	n := b.g.byID[id]
	if n == nil && len(b.g.byID) >= maxNodes {
		b.fold()
	}
	if n == nil && len(b.g.byID) >= maxNodes {
		b.g.Folded++
		id, kind = "folded:"+foldName(e), KindFolded
		if n = b.g.byID[id]; n == nil && len(b.g.byID) >= maxNodes+1024 {
			id = "folded:others"
			n = b.g.byID[id]
		}
	}
	if n == nil {
		n = b.add(id, kind)
		n.Who, n.First = e.Principal.String(), e.Time
		if e.Principal.Type == "FederatedUser" { // the issuer's name is that of the user who asked
			n.Who = e.Principal.ARN[strings.LastIndexByte(e.Principal.ARN, ':')+1:]
		}
	}
	b.describe(n, e)
	return n
}

// foldName is what sessions beyond the bound are folded by: who they are sessions of.
func foldName(e *timeline.Event) string {
	if e.Principal.Role != "" {
		return e.Principal.Role
	}
	return e.Principal.ARN
}

func (b *Builder) add(id string, kind Kind) *Node {
	n := &Node{ID: id, Kind: kind, Outcomes: map[timeline.Outcome]int{}, uses: map[string]*Use{}}
	b.g.byID[id] = n
	b.g.Nodes = append(b.g.Nodes, n)
	return n
}

// describe takes from a record what it says about whose the credentials are.
func (b *Builder) describe(n *Node, e *timeline.Event) {
	p := &e.Principal
	n.ARN, n.Principal, n.Account = first(n.ARN, p.ARN), first(n.Principal, p.ID), first(n.Account, p.Account)
	n.Role, n.signIn, n.identity = first(n.Role, p.Role), first(n.signIn, p.SignIn), first(n.identity, p.Identity)
	if n.Function == "" || p.Scoped && !n.scoped {
		n.Function, n.scoped = first(p.Function, n.Function), p.Scoped
	}
	if n.Created.IsZero() {
		n.Created = p.Created
	}
	if e.AccessKey != "" && n.Kind != KindFolded && !slices.Contains(n.Keys, e.AccessKey) {
		if len(n.Keys) >= maxKeys {
			n.MoreKeys++
		} else {
			n.Keys = append(n.Keys, e.AccessKey)
			b.g.byKey[e.AccessKey] = n
		}
	}
	n.Own = n.Own || e.Tagged(timeline.TagOwn)
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (b *Builder) count(n *Node, e *timeline.Event) {
	if n.Calls == 0 {
		n.First = e.Time
	}
	n.Last = e.Time
	n.Calls++
	n.Outcomes[e.Outcome]++
	n.Services.add(e.Service, 64)
	if len(n.Events) < maxCited {
		n.Events = append(n.Events, e.ID)
	}
	if u := n.use(e); u != nil {
		u.count(e)
	}
}

// use is the node's use from the event's address.
func (n *Node) use(e *timeline.Event) *Use {
	u := n.uses[e.Address]
	if u == nil {
		if len(n.uses) >= maxUses {
			n.MoreUses++
			return nil
		}
		u = &Use{Address: e.Address, First: e.Time, node: n}
		n.uses[e.Address] = u
		n.Uses = append(n.Uses, u)
	}
	return u
}

func (u *Use) count(e *timeline.Event) {
	u.Last = e.Time
	u.Calls++
	action := e.Service + ":" + e.Action
	u.Actions.add(action, 64)
	u.Events = cite(u.Events, e.ID)
	if e.UserAgent != "" && len(u.Agents) < maxShown && !slices.Contains(u.Agents, e.UserAgent) {
		u.Agents = append(u.Agents, e.UserAgent)
	}
	if p := program(e.UserAgent); p != "" && len(u.Programs) < maxShown && !slices.Contains(u.Programs, p) {
		u.Programs = append(u.Programs, p)
	}
	if e.InLambda {
		u.Inside++
		if len(u.inward) < 64 && !slices.Contains(u.inward, action) {
			u.inward = append(u.inward, action)
		}
	}
	if e.Tagged(timeline.TagOutside) || e.Tagged(timeline.TagUnmarked) {
		u.Outside++
		u.out = cite(u.out, e.ID)
	}
	if e.Outcome == timeline.Denied {
		u.Denied++
		u.Refused = cite(u.Refused, e.ID)
	}
}

func cite(list []string, id string) []string {
	if id == "" || len(list) >= maxCited {
		return list
	}
	return append(list, id)
}

// program is what a user agent calls itself, without version: "aws-cli", "Boto3".
func program(agent string) string {
	name, _, _ := strings.Cut(agent, "/")
	name, _, _ = strings.Cut(name, " ")
	return strings.TrimPrefix(name, "[")
}

// Graph resolves where everything came from. It is to be asked for once.
func (b *Builder) Graph(sum timeline.Summary) *Graph {
	b.g.Summary = sum
	b.g.Made, b.g.Left.Made = b.made.list()
	for i, m := range b.g.Made {
		if n := b.g.byID[m.By]; n != nil {
			n.Made = append(n.Made, i)
		}
	}
	b.origins()
	return b.g
}

// MadeBy are the findings of a node.
func (g *Graph) MadeBy(n *Node) []finding.Finding {
	var all []finding.Finding
	for _, i := range n.Made {
		all = append(all, g.Made[i])
	}
	return all
}
