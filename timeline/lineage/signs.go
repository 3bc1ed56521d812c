package lineage

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// Reason is a rule that a use of credentials meets, with what it rests on.
type Reason struct {
	Rule   string   `json:"rule"`
	Weight int      `json:"weight"`
	Text   string   `json:"text"`
	Events []string `json:"events,omitempty"`
}

// A use is suspected when its reasons weigh suspectAt or more, two rules or more, and one
// of them is heavy: nobody is suspected for a new address, or for being refused, alone.
const (
	suspectAt = 5
	heavy     = 3
	newWithin = 24 * time.Hour // how long something new is new
)

// signs are what a use has met so far.
type signs struct {
	reasons []Reason
	score   int
	touches bool // it concerns the function of the story
	through bool // suspected for what came of its credentials alone
}

func (s *signs) add(rule string, weight int, events []string, text string, args ...any) {
	if weight == 0 || s.has(rule) {
		return
	}
	s.reasons = append(s.reasons, Reason{rule, weight, fmt.Sprintf(text, args...), slices.Clone(events)})
	s.score += weight
}

func (s *signs) has(rule string) bool {
	return slices.ContainsFunc(s.reasons, func(r Reason) bool { return r.Rule == rule })
}

func (s *signs) suspected() bool {
	return s.score >= suspectAt && len(s.reasons) > 1 && slices.ContainsFunc(s.reasons, func(r Reason) bool { return r.Weight >= heavy })
}

// judge weighs the uses that concern one function.
type judge struct {
	g        *Graph
	w        *watch
	uses     []*Use
	outside  map[string][]string // address of use outside -> events
	inside   map[string]bool     // addresses from which the marker came
	marked   bool                // some session of the function shows the marker
	children map[string][]Edge   // by origin
}

func newJudge(g *Graph, w *watch) *judge {
	j := &judge{g: g, w: w, outside: map[string][]string{}, inside: map[string]bool{}, children: map[string][]Edge{}}
	for _, n := range g.Nodes {
		for _, u := range n.Uses {
			j.uses = append(j.uses, u)
			if u.Inside > 0 {
				j.inside[u.Address] = true
				j.marked = j.marked || w.same(n.Function)
			}
		}
	}
	for _, e := range g.Edges {
		if e.Origin && e.From != Unknown {
			j.children[e.From] = append(j.children[e.From], e)
		}
	}
	return j
}

// all applies the rules, those that build on others last.
func (j *judge) all() {
	for _, u := range j.uses {
		if j.w.same(u.node.Function) {
			j.theft(u)
		}
	}
	for _, u := range j.uses {
		j.address(u)
		if u.signs.touches {
			j.alone(u)
		}
	}
	for changed, n := true, 0; changed && n < 16; n++ {
		changed = false
		for _, u := range j.uses {
			changed = j.kin(u) || changed
		}
	}
}

// theft: the function's credentials at work outside of Lambda.
func (j *judge) theft(u *Use) {
	n := u.node
	both := slices.ContainsFunc(n.Uses, func(v *Use) bool { return v.Inside > 0 })
	switch {
	case u.Outside > 0 && u.Inside > 0:
		u.signs.touches = true
		u.signs.add("unmarked-beside-marked", 1, u.out, "calls with the function's key without Lambda's marker, from an address that the marker comes from too: a program inside may send none")
		return
	case u.Outside > 0 && both:
		u.signs.add("credentials-outside", 4, u.out, "used a key of function %s that is used inside Lambda too, without its marker and from another address", j.w.name())
	case u.Outside > 0 && j.marked:
		u.signs.add("credentials-outside", 4, u.out, "used a key of function %s without Lambda's marker, which the function's other sessions carry", j.w.name())
	case u.Outside > 0:
		u.signs.add("credentials-unmarked", 2, u.out, "used a key of function %s without Lambda's marker, which no session of it carries: a container image sends none", j.w.name())
	case u.Inside > 0 && len(n.Uses) > 1 && j.w.base.newAddress(u) && j.foreigner(u) != "":
		u.signs.add("marker-from-foreign-address", 4, u.Events, "carries Lambda's marker, from an address new to the function at which %s works without being Lambda: the marker can be forged", j.foreigner(u))
	default:
		return
	}
	u.signs.touches = true
	j.outside[u.Address] = append(j.outside[u.Address], some(u.Events)...)
}

// foreigner is somebody who works from the same address and is no function, or is one whose
// credentials are seen there without the marker.
func (j *judge) foreigner(u *Use) string {
	for _, v := range j.w.at[u.Address] {
		if v.node != u.node && v.Inside == 0 && (v.node.Function == "" || v.Outside > 0) && !v.node.Own && (v.node.Kind == KindKey || v.node.Kind == KindSession || v.node.Kind == KindConsole) {
			return v.node.Who
		}
	}
	return ""
}

// address: who works from where stolen credentials were used.
func (j *judge) address(u *Use) {
	from, stolen := j.outside[u.Address]
	if !stolen || placeless(u.Address) || j.inside[u.Address] && u.Inside > 0 || j.w.same(u.node.Function) {
		return
	}
	u.signs.touches = true
	u.signs.add("address-of-the-theft", heavy, from, "worked from %s, from which the credentials of function %s were used", u.Address, j.w.name())
}

// alone are the rules that look at one use by itself.
func (j *judge) alone(u *Use) {
	j.deployment(u)
	strange := j.newness(u) || u.signs.has("address-of-the-theft") || u.Outside > 0
	var admits, kinds, gone []string
	var admitting, making, hiding []string
	for _, i := range u.node.Made {
		f := &j.g.Made[i]
		if f.From != u.Address {
			continue
		}
		switch {
		case len(f.Admits) > 0:
			admits, admitting = append(admits, f.Admits...), cite(admitting, f.Event)
		case hides(f):
			gone, hiding = append(gone, f.Kind), cite(hiding, f.Event)
		case lasting(f) && !(f.Kind == "function" && j.w.same(f.ARN)) && !j.w.madeBefore(u, f) && !slices.Contains(kinds, f.Kind):
			kinds, making = append(kinds, f.Kind), cite(making, f.Event)
		}
	}
	slices.Sort(admits)
	if len(admits) > 0 {
		weight := 1 // those who administer do that too
		if strange {
			weight = heavy
		}
		u.signs.add("admitted-outsiders", weight, admitting, "admitted %s", strings.Join(slices.Compact(admits), ", "))
	}
	if len(gone) > 0 {
		u.signs.add("took-away-records", heavy, hiding, "changed or deleted what records: %s", strings.Join(gone, ", "))
	}
	switch { // never heavy: it need not concern the function
	case len(kinds) > 0 && j.w.base.comparable(u, j.w.begun):
		u.signs.add("made-lasting-things", min(len(kinds), heavy-1), making, "made what its principal had not made before: %s", strings.Join(kinds, ", "))
	case len(kinds) > 0:
		u.signs.add("made-lasting-things", 1, making, "made %s; the records do not reach back far enough to say whether that is usual", strings.Join(kinds, ", "))
	}
	if u.Denied > 0 {
		u.signs.add("refused", 1, u.Refused, "was refused %d times", u.Denied)
	}
	if !strange && len(u.signs.reasons) > 0 && u.Last.Sub(u.First) > time.Hour {
		u.signs.add("usual-place", -2, some(u.Events), "%s has worked from this address with this program since %s", principalOf(u.node), u.First.Format(clock))
	}
}

func hides(f *finding.Finding) bool {
	return strings.HasPrefix(f.Kind, "trail") && f.Change != created || f.Change == deleted
}

// lasting things call back, admit or run by themselves later.
func lasting(f *finding.Finding) bool {
	switch f.Kind {
	case "user", "access-key", "login-profile", "role", "trust-policy", "policy", "policy-version", "inline-policy", "attached-policy", "group-membership",
		"identity-provider", "trust-anchor", "function", "function-url", "event-source-mapping", "layer-version", "rule", "rule-target", "schedule", "pipe",
		"state-machine", "instance", "log-subscription", "subscription", "key-grant", "function-permission":
		return true
	}
	return false
}

// deployment: whether this is how the function is usually deployed.
func (j *judge) deployment(u *Use) {
	for i, d := range j.w.deployed {
		if d.use != u {
			continue
		}
		weight, text := j.unusual(j.w.deployed[:i], d)
		if weight > 0 {
			u.signs.add("unusual-deployment", weight, []string{d.event}, "%s", text)
			return
		}
	}
}

// unusual compares a deployment with those before it that are not its own session's.
func (j *judge) unusual(before []deployment, d deployment) (int, string) {
	what := "replaced the code (now " + d.hash + ")"
	weight := heavy
	if d.hash == "" {
		if what, weight = "changed the configuration", 1; d.runs {
			what, weight = "changed the layers or the role", heavy
		}
	}
	others, principal, address, agent := 0, false, false, false
	for _, b := range before {
		if b.use == d.use || b.use.signs.suspected() {
			continue
		}
		others++
		if principalOf(b.use.node) != principalOf(d.use.node) {
			continue
		}
		principal = true
		address = address || b.use.Address == d.use.Address
		agent = agent || overlap(b.use.Programs, d.use.Programs)
	}
	switch {
	case others == 0:
		return 1, what + "; no earlier deployment is in the records to compare with"
	case !principal:
		return weight, what + "; every earlier deployment in the records was made by another principal"
	case !address && !agent:
		return weight, what + " as the principal who deploys usually, from an address and with a program that it never deployed with"
	case !address:
		return 1, what + " as usual, but from an address that no earlier deployment came from"
	}
	return 0, ""
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// newness: what this principal was never seen with before.
func (j *judge) newness(u *Use) bool {
	b, before := j.w.base, len(u.signs.reasons)
	switch {
	case u.node.Function != "" && u.Inside > 0 && u.Outside == 0 && !u.signs.has("marker-from-foreign-address"):
		return false // Lambda's own addresses come and go
	case b.newAddress(u):
		u.signs.add("new-address", 2, some(u.Events), "%s had worked before, and never from %s", principalOf(u.node), u.Address)
	case b.newPrincipal(u, j.w.begun):
		u.signs.add("new-principal", 1, some(u.Events), "%s was not seen before", principalOf(u.node))
	}
	if p := b.newProgram(u); p != "" {
		u.signs.add("new-program", 1, some(u.Events), "%s had worked before, and never with %s", principalOf(u.node), p)
	}
	return len(u.signs.reasons) > before
}

// kin: what was asked for with suspected credentials, and what those were asked for with.
func (j *judge) kin(u *Use) bool {
	if !u.signs.suspected() || u.node.Own {
		return false
	}
	more := false
	if !u.signs.through {
		for _, e := range j.children[u.node.ID] {
			if e.Where != u.Address || e.Sure == Likely || e.Sure == Weak {
				continue
			}
			if m := j.g.Node(e.To); m != nil {
				for _, v := range m.Uses {
					more = v.signs.derive("got-with-suspected-credentials", e.Events, "its credentials were asked for by %s, from %s", u.node.Who, u.Address) || more
				}
			}
		}
	}
	o := j.g.OriginOf(u.node.ID)
	if o == nil || o.From == Unknown || makes(o.Action) {
		return more
	}
	from := j.g.Node(o.From)
	if from == nil || from.Kind == KindFunction {
		return more
	}
	if v := from.uses[o.Where]; v != nil && !v.signs.suspected() {
		v.signs.through = true
		more = v.signs.derive("asked-for-suspected-credentials", o.Events, "asked for the credentials that %s worked with", u.node.Who) || more
	}
	return more
}

// derive suspects a use for its kin.
func (s *signs) derive(rule string, events []string, text string, args ...any) bool {
	if s.suspected() || s.has(rule) {
		return false
	}
	s.touches = true
	s.add(rule, suspectAt, events, text, args...)
	s.add("lineage", 1, events, "the origin is established by the records")
	return true
}

// makes says that an edge is one of making identities and long-term keys, which is often
// done long before, by somebody who has nothing to do with what they are used for.
func makes(action string) bool {
	return strings.HasPrefix(action, "iam:Create") || action == "lambda:CreateFunction"
}
