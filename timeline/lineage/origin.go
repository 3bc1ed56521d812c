package lineage

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/timeline"
)

// near is how far a session's creation may lie from the record of the call that issued it:
// both are cut to seconds, by different machines.
const near = 2 * time.Second

// issue notes what a call handed out or made, and says whether it did.
func (b *Builder) issue(n *Node, e *timeline.Event) bool {
	i := issue{from: n, to: e.Change.NewKey, action: e.Service + ":" + e.Action, at: e.Time, where: e.Address, event: e.ID}
	switch i.action {
	case "sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoot", "sts:GetSessionToken", "sts:GetFederationToken":
		i.role, i.session = e.Change.Role, e.Name("request.roleSessionName", "request.name")
		i.id = e.Name("response.assumedRoleUser.assumedRoleId", "response.federatedUser.federatedUserId")
		i.service = e.Principal.Type == "AWSService" && strings.HasPrefix(e.Principal.Via, "lambda.")
		if i.action == "sts:GetSessionToken" {
			i.id = e.Principal.ID
		}
		b.handOut(i)
	case "iam:CreateAccessKey":
		b.handOut(i)
	case "iam:CreateLoginProfile":
		i.to = "login:" + userARN(e, e.Name("request.userName"))
		b.direct = append(b.direct, i)
	case "iam:CreateUser", "iam:CreateRole":
		if arn := e.Name("response.user.arn", "response.role.arn"); arn != "" {
			i.to = "identity:" + arn
			b.direct = append(b.direct, i)
		}
	case "lambda:CreateFunction":
		if e.Function != "" {
			i.to = "function:" + e.Function
			b.direct = append(b.direct, i)
		}
	case "signin:ConsoleLogin":
		if have := b.logins[e.Principal.ARN]; len(have) < maxKeys && len(b.logins) < maxNodes {
			b.logins[e.Principal.ARN] = append(have, i)
		}
	case "signin:SwitchRole", "signin:ExitRole":
		i.switched, i.id = e.Name("additional.SwitchFrom"), e.Principal.ID
		if i.action == "signin:SwitchRole" && i.id != "" {
			b.ask(i.id, i)
		}
	default:
		return false
	}
	if len(b.direct) > maxIssued {
		b.direct = b.direct[:maxIssued]
		b.g.Left.Issued++
	}
	return true
}

// handOut notes credentials by the key, or, where the record does not have it, by what else
// it says of the session.
func (b *Builder) handOut(i issue) {
	if have, known := b.issued[i.to]; i.to != "" && known {
		// The same call stands in the records of two accounts. That of the caller's says more.
		if have.from.Kind == KindAccount {
			b.issued[i.to] = i
		}
		return
	}
	switch {
	case len(b.issued)+len(b.asked) >= maxIssued:
		b.g.Left.Issued++
	case i.to != "":
		b.issued[i.to] = i
	default:
		b.ask(i.id, i)
		b.ask(sessionName(i.role, i.session), i)
	}
}

func (b *Builder) ask(name string, i issue) {
	if have, known := b.asked[name]; name != "" && len(have) < maxShown && (known || len(b.asked) < maxIssued) {
		b.asked[name] = append(b.asked[name], i)
	}
}

func sessionName(role, session string) string {
	if role == "" || session == "" {
		return ""
	}
	return role[strings.LastIndexByte(role, '/')+1:] + "|" + accountOf(role) + "|" + session
}

func accountOf(arn string) string {
	p := strings.SplitN(arn, ":", 6)
	if len(p) < 6 {
		return ""
	}
	return p[4]
}

func userARN(e *timeline.Event, name string) string {
	if name == "" { // for oneself
		return e.Principal.ARN
	}
	return "arn:aws:iam::" + e.Account + ":user/" + name
}

// origins finds where each node's credentials come from.
func (b *Builder) origins() {
	b.ghosts()
	b.makers()
	same := b.sessions()
	for _, n := range slices.Clone(b.g.Nodes) {
		switch n.Kind {
		case KindKey, KindSession, KindConsole:
			b.origin(n, same)
		}
	}
	b.traces()
}

// ghosts are credentials that were handed out and never seen at work.
func (b *Builder) ghosts() {
	keys := make([]string, 0, len(b.issued))
	for k, i := range b.issued {
		if b.g.byKey[k] == nil && !i.service {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		if len(b.g.byID) >= maxNodes {
			b.g.Left.Issued++
			continue
		}
		i, kind := b.issued[k], KindSession
		if i.action == "iam:CreateAccessKey" {
			kind = KindKey
		}
		n := b.add(k, kind)
		n.Keys, n.Role, n.Created, n.Who = []string{k}, i.role, i.at, k+" (never seen at work)"
		b.g.byKey[k] = n
	}
}

// makers ties users, roles, functions and passwords to who made them.
func (b *Builder) makers() {
	for _, i := range b.direct {
		n := b.g.byID[i.to]
		if n == nil {
			if len(b.g.byID) >= maxNodes {
				b.g.Left.Issued++
				continue
			}
			kind := KindIdentity
			switch {
			case strings.HasPrefix(i.to, "function:"):
				kind = KindFunction
			case strings.HasPrefix(i.to, "login:"):
				kind = KindLogin
			}
			n = b.add(i.to, kind)
			_, n.ARN, _ = strings.Cut(i.to, ":")
			n.Who = n.ARN
		}
		b.edge(Edge{From: i.from.ID, To: n.ID, Action: i.action, At: i.at, Where: i.where, Events: []string{i.event}, Origin: true,
			How: "the record of the call that made it", Sure: Certain})
	}
}

// sessions groups nodes that AWS dates and names alike.
func (b *Builder) sessions() map[string][]*Node {
	same := map[string][]*Node{}
	for _, n := range b.g.Nodes {
		if n.Principal != "" && !n.Created.IsZero() && n.Kind == KindSession {
			k := n.Principal + "@" + n.Created.Format(time.RFC3339)
			same[k] = append(same[k], n)
		}
		if n.signIn != "" {
			same[n.signIn] = append(same[n.signIn], n)
		}
	}
	return same
}

// origin tries what ties a node to where it comes from, the surest first.
func (b *Builder) origin(n *Node, same map[string][]*Node) {
	b.kin(n)
	for _, try := range []func(*Node) (Edge, bool){b.byKey, b.byFunction, b.bySession, b.byLogin} {
		if e, ok := try(n); ok {
			e.To, e.Origin = n.ID, true
			b.edge(e)
			return
		}
	}
	for _, k := range []struct{ key, how string }{
		{n.Principal + "@" + n.Created.Format(time.RFC3339), "the same principal and moment of issue: another key of one session"},
		{n.signIn, "the same sign-in session"},
	} {
		if all := same[k.key]; k.key != "" && len(all) > 1 && all[0] != n && n.Kind != KindKey {
			b.edge(Edge{From: all[0].ID, To: n.ID, At: n.Created, Origin: true, How: k.how, Sure: Strong, Events: some(n.Events)})
			return
		}
	}
	how := "no record tells who asked for these temporary credentials"
	switch n.Kind {
	case KindKey:
		how = "a long-term key that was made before the records begin, or where they do not reach"
	case KindConsole:
		how = "no record of the sign-in"
	}
	if b.g.byID[Unknown] == nil {
		b.add(Unknown, KindUnknown).Who = string(KindUnknown)
	}
	b.edge(Edge{From: Unknown, To: n.ID, At: n.Created, Origin: true, How: how})
}

func some(ids []string) []string { return ids[:min(1, len(ids))] }

// byKey: a record's answer names the key.
func (b *Builder) byKey(n *Node) (Edge, bool) {
	for _, k := range n.Keys {
		i, ok := b.issued[k]
		if !ok || i.from == n {
			continue
		}
		e := Edge{From: i.from.ID, Action: i.action, At: i.at, Where: i.where, Events: []string{i.event}, How: "the answer to the call names this key", Sure: Certain}
		if i.service && n.Function != "" {
			e.From = b.function(n.Function).ID
			e.How = "Lambda itself assumed the role and got this key; AWS names the function it was for"
			if !n.scoped {
				e.How, e.Sure = "Lambda itself assumed the role and got this key; the session is named like this function, which has the role", Strong
			}
		}
		return e, true
	}
	return Edge{}, false
}

// byFunction: AWS says to which function the credentials were issued, or their name does.
func (b *Builder) byFunction(n *Node) (Edge, bool) {
	if n.Function == "" || n.Kind != KindSession {
		return Edge{}, false
	}
	e := Edge{From: b.function(n.Function).ID, At: n.Created, Events: some(n.Events), Sure: Strong,
		How: "AWS names this function as whom the credentials were issued to; Lambda's own AssumeRole is not in the records"}
	if !n.scoped {
		e.Sure, e.How = Likely, "the session is named like this function, which has the role; Lambda's own AssumeRole is not in the records"
	}
	return e, true
}

func (b *Builder) function(arn string) *Node {
	id := "function:" + arn
	if n := b.g.byID[id]; n != nil {
		return n
	}
	n := b.add(id, KindFunction)
	n.ARN, n.Who = arn, "function "+arn[strings.LastIndexByte(arn, ':')+1:]
	return n
}

// bySession: a call asked for a session of this name, and its record has no key.
func (b *Builder) bySession(n *Node) (Edge, bool) {
	if n.Kind == KindKey || n.Created.IsZero() {
		return Edge{}, false
	}
	_, name, _ := strings.Cut(n.Principal, ":")
	for _, by := range []struct{ key, how string }{
		{n.Principal, "the call issued a session of this principal id at this moment; its record has no key"},
		{sessionName(n.Role, name), "the call asked for this role under this session name at this moment; its record has no key"},
	} {
		var at, late *issue
		for _, i := range b.asked[by.key] {
			switch d := n.Created.Sub(i.at).Abs(); {
			case i.from == n:
			case i.switched != "" && d < time.Minute, d <= near:
				if at == nil || at.from.Kind == KindAccount { // the record of the caller's account says more
					at = &i
				}
			case !i.at.After(n.First) && n.First.Sub(i.at) < 12*time.Hour:
				late = &i
			}
		}
		if at != nil {
			return b.session(*at, by.how, Strong), true
		}
		if late != nil {
			return b.session(*late, "the last call before that asked for a session of this name; its record has no key, and the moments differ", Likely), true
		}
	}
	return Edge{}, false
}

func (b *Builder) session(i issue, how string, sure Sure) Edge {
	e := Edge{From: i.from.ID, Action: i.action, At: i.at, Where: i.where, Events: []string{i.event}, How: how, Sure: sure}
	if i.switched != "" {
		id := "identity:" + i.switched
		if b.g.byID[id] == nil {
			n := b.add(id, KindIdentity)
			n.ARN, n.Who = i.switched, i.switched
		}
		e.From, e.How = id, "the console's record of switching roles names whom from"
	}
	return e
}

// byLogin: a console session begins with a sign-in. Records from before CloudTrail said that
// a session is the console's are joined by the moment alone.
func (b *Builder) byLogin(n *Node) (Edge, bool) {
	if n.Kind == KindKey || n.Created.IsZero() {
		return Edge{}, false
	}
	var best *issue
	for _, i := range b.logins[n.ARN] {
		if d := n.Created.Sub(i.at).Abs(); d <= time.Minute {
			best = &i
			break
		} else if n.Kind == KindConsole && !i.at.After(n.First) && n.First.Sub(i.at) < 12*time.Hour {
			best = &i
		}
	}
	if best == nil {
		return Edge{}, false
	}
	e := Edge{From: best.from.ID, Action: best.action, At: best.at, Where: best.where, Events: []string{best.event}, Sure: Strong, How: "the sign-in of the same principal, at the moment the session began"}
	if n.Created.Sub(best.at).Abs() > time.Minute {
		e.Sure, e.How = Likely, "the last sign-in of the same principal before; the moments differ"
	}
	return e, true
}

// kin ties a node to an identity or a password that was made within the records.
func (b *Builder) kin(n *Node) {
	for _, id := range []string{"identity:" + n.ARN, "identity:" + n.Role} {
		if m := b.g.byID[id]; m != nil && m != n && id != "identity:" && b.g.OriginOf(id) != nil {
			b.edge(Edge{From: id, To: n.ID, At: n.First, How: "credentials of a user or role that was made within the records", Sure: Certain, Events: some(n.Events)})
		}
	}
	if m := b.g.byID["login:"+n.ARN]; m != nil && n.Kind == KindConsole {
		b.edge(Edge{From: m.ID, To: n.ID, At: n.First, How: "a console session of a user whose password was made within the records", Sure: Likely, Events: some(n.Events)})
	}
}

// traces offers, for temporary credentials without origin, who worked from the same address
// with the same program shortly before: something to look into, never an origin.
func (b *Builder) traces() {
	at := map[string][]*Node{}
	for _, n := range b.g.Nodes {
		for _, u := range n.Uses {
			if placeless(u.Address) {
				continue
			}
			for _, a := range u.Agents {
				if k := u.Address + "\x00" + a; len(at[k]) < maxKeys {
					at[k] = append(at[k], n)
				}
			}
		}
	}
	for _, n := range slices.Clone(b.g.Nodes) {
		o := b.g.OriginOf(n.ID)
		if o == nil || o.From != Unknown || n.Kind != KindSession || n.Calls == 0 {
			continue
		}
		begun := n.First
		if !n.Created.IsZero() {
			begun = n.Created
		}
		if before := lastBefore(n, begun, at); before != nil {
			b.edge(Edge{From: before.node.ID, To: n.ID, At: begun, Where: before.Address, Sure: Weak, Events: some(before.Events),
				How: fmt.Sprintf("worked from the same address with the same program until %s before: a trace to look into, not an origin", begun.Sub(before.Last).Round(time.Second))})
		}
	}
}

// lastBefore is the use that ended, or went on, closest before a moment.
func lastBefore(n *Node, begun time.Time, at map[string][]*Node) *Use {
	var best *Use
	for _, u := range n.Uses {
		for _, a := range u.Agents {
			for _, m := range at[u.Address+"\x00"+a] {
				v := m.uses[u.Address]
				if m == n || m.Kind == KindFolded || v == nil || v.First.After(begun.Add(near)) || begun.Sub(v.Last) > time.Hour {
					continue
				}
				if best == nil || v.Last.After(best.Last) && !v.Last.After(begun) {
					best = v
				}
			}
		}
	}
	return best
}

// edge adds an edge, once.
func (b *Builder) edge(e Edge) {
	if len(b.g.Edges) >= 3*maxNodes {
		b.g.Left.Edges++
		return
	}
	if e.Origin && b.g.OriginOf(e.To) != nil {
		e.Origin = false // the first stands; this is further evidence
	}
	for _, i := range b.g.into[e.To] {
		if have := b.g.Edges[i]; have.From == e.From && have.Action == e.Action {
			return
		}
	}
	b.g.into[e.To] = append(b.g.into[e.To], len(b.g.Edges))
	b.g.Edges = append(b.g.Edges, e)
}
