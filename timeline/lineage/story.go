package lineage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

// ErrAmbiguous: several functions have the name.
var ErrAmbiguous = errors.New("several functions have this name")

// Story is what the records show about one function: its history, who is suspected of an
// incident and why, how they got in, what the function's credentials did, and what is
// still there. Suspected is said by rules, which stand beside it.
type Story struct {
	timeline.Story
	History  []Change          `json:"history"`
	HistLeft int               `json:"history_left_out,omitempty"`
	Suspects []Suspect         `json:"suspects"`              // the one who changed what runs first, then by weight
	Cleared  []Suspect         `json:"considered,omitempty"`  // concerned the function, and not enough speaks against them
	Entry    *Entry            `json:"entry,omitempty"`       // of the first suspect
	Inside   []Calls           `json:"inside_lambda"`         // the function's credentials at work where they belong
	Outside  []Calls           `json:"outside_lambda"`        // and elsewhere
	Standing []finding.Finding `json:"standing,omitempty"`    // what suspects made or changed and nobody took back
	Undone   []finding.Finding `json:"taken_back,omitempty"`  // ... and somebody took back or replaced
	Limits   []string          `json:"cannot_tell,omitempty"` // what limits all of this
	MadeLeft int               `json:"-"`                     // things made beyond the bound, by whoever
}

// Change is one turn of the function's history.
type Change struct {
	At       time.Time     `json:"at"`
	What     string        `json:"what"` // "code", "configuration", "policy", "url", "trigger", "concurrency", "version", "alias", "environment", ...
	Action   string        `json:"action,omitempty"`
	Text     string        `json:"text"`
	By       string        `json:"by,omitempty"` // node
	Who      string        `json:"who,omitempty"`
	From     string        `json:"from,omitempty"`
	Event    string        `json:"event,omitempty"`
	CodeHash string        `json:"code_sha256,omitempty"`
	WasHash  string        `json:"was_code_sha256,omitempty"`
	Versions []string      `json:"versions,omitempty"` // published with this code
	Code     *evidence.Ref `json:"code,omitempty"`     // the collected package of this hash
	CodeNote string        `json:"code_note,omitempty"`
}

// Suspect is a use of credentials that rules speak against.
type Suspect struct {
	Node      string    `json:"node"`
	Who       string    `json:"who"`
	ARN       string    `json:"arn,omitempty"`
	Keys      []string  `json:"access_keys,omitempty"`
	Address   string    `json:"address"`
	Agents    []string  `json:"user_agents,omitempty"`
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
	Calls     int       `json:"calls"`
	Score     int       `json:"score"`
	Suspected bool      `json:"suspected"`
	Reasons   []Reason  `json:"reasons"`
	Lineage   []Hop     `json:"lineage"` // from these credentials back to the entry
	CodeHash  string    `json:"code_sha256,omitempty"`
	Versions  []string  `json:"versions,omitempty"`
}

// Hop is one step back: whose credentials, and how the step is established.
type Hop struct {
	Node    string   `json:"node"`
	Kind    Kind     `json:"kind"`
	Who     string   `json:"who"`
	Role    string   `json:"role,omitempty"`
	Key     string   `json:"access_key,omitempty"`
	Address string   `json:"address,omitempty"` // from which the next credentials were asked for
	Action  string   `json:"action,omitempty"`  // by which they were
	How     string   `json:"how,omitempty"`
	Sure    Sure     `json:"sure,omitempty"`
	Events  []string `json:"events,omitempty"`
}

// How somebody got in.
const (
	EntryKey      = "long-term key"
	EntryConsole  = "console"
	EntryOutside  = "outside account"
	EntryFunction = "stolen function credentials"
	EntryOwn      = "function's own execution"
	EntryFed      = "federated identity"
	EntryService  = "AWS service"
	EntryUnknown  = "unknown"
)

// Entry is where a lineage ends.
type Entry struct {
	Kind   string   `json:"kind"`
	Node   string   `json:"node"`
	Who    string   `json:"who"`
	Key    string   `json:"access_key,omitempty"`
	Sure   Sure     `json:"sure,omitempty"` // of the weakest step; "" where the entry is unknown
	Text   string   `json:"text"`
	Events []string `json:"events,omitempty"`
	Traces []Hop    `json:"traces,omitempty"` // where to look, if the origin is unknown
}

// Tell makes the story of o.Function from all events of the input: what came before the
// period that o asks for is what it is compared with.
func Tell(ctx context.Context, o timeline.Options, in timeline.Input) (Story, error) {
	if o.Function == "" {
		return Story{}, timeline.ErrNoFunction
	}
	o.Beside, o.Names = true, true
	t := newTelling(o.Function)
	sum, err := timeline.Events(ctx, o, in, func(e *timeline.Event) error { return t.event(o, e) })
	if err != nil {
		return Story{Story: t.teller.Story(sum)}, err
	}
	return t.story(ctx, sum, in)
}

// TellAll makes the stories of several functions, at most 64, in one reading of the input. Their
// summaries are that of the reading, which is of no function in particular.
func TellAll(ctx context.Context, o timeline.Options, in timeline.Input, functions []string) ([]Story, error) {
	if len(functions) == 0 {
		return nil, nil
	}
	o.Functions, o.Names = functions, true
	all := make([]*telling, len(functions))
	for i, f := range functions {
		all[i] = newTelling(f)
	}
	sum, err := timeline.Events(ctx, o, in, func(e *timeline.Event) error {
		for i, t := range all {
			e.Beside = !e.Concerns(i)
			if err := t.event(o, e); err != nil {
				return err
			}
		}
		e.Beside = false
		return nil
	})
	if err != nil {
		return nil, err
	}
	stories := make([]Story, len(all))
	for i, t := range all {
		if stories[i], err = t.story(ctx, sum, in); err != nil {
			return nil, fmt.Errorf("telling the story of %s: %w", functions[i], err)
		}
	}
	return stories, nil
}

// telling is a story that is being told.
type telling struct {
	function string
	b        *Builder
	w        *watch
	teller   *timeline.Teller
	names    map[string]bool // ARNs of functions of this name
	named    func(string) bool
}

func newTelling(function string) *telling {
	return &telling{function: function, b: NewBuilder(), w: newWatch(function), teller: timeline.NewTeller(function), names: map[string]bool{}, named: timeline.SameFunction(function)}
}

func (t *telling) event(o timeline.Options, e *timeline.Event) error {
	if t.named(e.Function) && isARN(e.Function) && (e.Outcome == timeline.Success || e.Kind == timeline.KindState) && len(t.names) < maxShown {
		t.names[e.Function] = true
	}
	if !o.Until.IsZero() && !e.Time.Before(o.Until) {
		return nil
	}
	t.w.event(t.b.Event(e), e)
	return t.teller.Event(e)
}

func (t *telling) story(ctx context.Context, sum timeline.Summary, in timeline.Input) (Story, error) {
	if len(t.names) > 1 && !isARN(t.function) {
		return Story{Story: t.teller.Story(sum)}, fmt.Errorf("%w: give the ARN: %s", ErrAmbiguous, strings.Join(sorted(t.names), ", "))
	}
	g := t.b.Graph(sum)
	t.w.finish(g)
	s := Story{Story: t.teller.Story(sum), History: t.w.changes, HistLeft: t.w.left, MadeLeft: g.Left.Made}
	s.triggers(g, t.w)
	s.judge(g, t.w)
	s.calls(g, t.w)
	s.limits(g)
	return s, s.join(ctx, in.Case)
}

func sorted(m map[string]bool) []string {
	all := make([]string, 0, len(m))
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

func isARN(s string) bool { return strings.HasPrefix(s, "arn:") }

func arnAndName(function string) (arn, name string) {
	if isARN(function) {
		return function, function[strings.LastIndexByte(function, ':')+1:]
	}
	return "", function
}

// judge fills in who is suspected, and what they made.
func (s *Story) judge(g *Graph, w *watch) {
	j := newJudge(g, w)
	j.all()
	for _, u := range j.uses {
		if len(u.signs.reasons) == 0 || !u.signs.touches || u.node.Own {
			continue
		}
		p := s.suspect(g, w, u)
		if p.Suspected {
			s.Suspects = append(s.Suspects, p)
		} else {
			s.Cleared = append(s.Cleared, p)
		}
	}
	slices.SortStableFunc(s.Cleared, func(a, b Suspect) int { return cmp.Or(b.Score-a.Score, a.First.Compare(b.First)) })
	if left := len(s.Cleared) - 50; left > 0 {
		s.Cleared = s.Cleared[:50]
		s.Limits = append(s.Limits, fmt.Sprintf("%d more uses of credentials were considered, and less speaks against them", left))
	}
	slices.SortStableFunc(s.Suspects, func(a, b Suspect) int {
		if (a.CodeHash != "") != (b.CodeHash != "") {
			if a.CodeHash != "" {
				return -1
			}
			return 1
		}
		return cmp.Or(b.Score-a.Score, a.First.Compare(b.First))
	})
	if len(s.Suspects) > 0 {
		s.Entry = entry(g, s.Suspects[0])
	}
	for _, f := range g.Made {
		n := g.byID[f.By]
		if n == nil {
			continue
		}
		u := n.uses[f.From]
		if u == nil || !u.signs.suspected() || !u.signs.touches || n.Own {
			continue
		}
		if f.Stands() {
			s.Standing = append(s.Standing, f)
		} else {
			s.Undone = append(s.Undone, f)
		}
	}
}

func (s *Story) suspect(g *Graph, w *watch, u *Use) Suspect {
	n := u.node
	p := Suspect{Node: n.ID, Who: n.Who, ARN: n.ARN, Keys: n.Keys[:min(len(n.Keys), maxShown)], Address: u.Address, Agents: u.Agents, First: u.First, Last: u.Last,
		Calls: u.Calls, Score: u.signs.score, Suspected: u.signs.suspected(), Reasons: u.signs.reasons, Lineage: lineage(g, u)}
	for _, c := range w.changes {
		if c.What == "code" && c.By == n.ID && c.From == u.Address && c.CodeHash != "" {
			p.CodeHash, p.Versions = c.CodeHash, c.Versions
		}
	}
	return p
}

// lineage walks back from a use to where the records end. Long-term keys, users and
// functions are followed to who made them only if that was suspected too.
func lineage(g *Graph, u *Use) []Hop {
	hops := []Hop{hop(u.node)}
	seen := map[string]bool{u.node.ID: true}
	for n := u.node; ; {
		e := g.OriginOf(n.ID)
		if e == nil || e.From == Unknown || seen[e.From] {
			return hops
		}
		from := g.byID[e.From]
		if makes(e.Action) {
			if v := from.uses[e.Where]; v == nil || !v.signs.suspected() {
				return hops
			}
		}
		h := hop(from)
		h.Address, h.Action, h.How, h.Sure, h.Events = e.Where, e.Action, e.How, e.Sure, e.Events
		hops = append(hops, h)
		seen[from.ID], n = true, from
	}
}

func hop(n *Node) Hop {
	h := Hop{Node: n.ID, Kind: n.Kind, Who: n.Who, Role: n.Role}
	if len(n.Keys) > 0 {
		h.Key = n.Keys[0]
	}
	return h
}

// entry says how the first of a lineage was come by.
func entry(g *Graph, s Suspect) *Entry {
	last := s.Lineage[len(s.Lineage)-1]
	n := g.byID[last.Node]
	e := &Entry{Kind: EntryUnknown, Node: n.ID, Who: n.Who, Key: last.Key, Sure: Certain, Events: some(n.Events)}
	for _, h := range s.Lineage[1:] {
		e.Sure = weaker(e.Sure, h.Sure)
	}
	switch n.Kind {
	case KindKey:
		e.Kind, e.Text = EntryKey, fmt.Sprintf("the long-term key %s of %s", last.Key, n.Who)
		if o := g.OriginOf(n.ID); o != nil && o.From != Unknown { // long ago, or by somebody nothing speaks against
			e.Text += fmt.Sprintf(", which %s made on %s", g.byID[o.From].Who, o.At.Format(clock))
		}
	case KindAccount:
		e.Kind, e.Text = EntryOutside, fmt.Sprintf("principal %s of account %s assumed a role here", n.Principal, n.Account)
	case KindService:
		e.Kind, e.Text = EntryService, n.Who+" acted"
	case KindFunction:
		e.Kind, e.Text = EntryOwn, n.Who+" made the calls from inside its execution environment"
		if below := s.Lineage[len(s.Lineage)-2]; outsideUse(g, below.Node, addressBelow(s)) {
			e.Kind, e.Key = EntryFunction, below.Key
			e.Text = fmt.Sprintf("credentials that Lambda gave to %s (key %s) were used outside of it", n.Who, below.Key)
		}
	case KindIdentity, KindConsole:
		e.Kind, e.Text = EntryConsole, n.Who+" signed in to the console"
		if strings.HasPrefix(n.ID, "identity:SAML") || strings.HasPrefix(n.ID, "identity:WebIdentity") || strings.HasPrefix(last.Action, "sts:AssumeRoleWith") {
			e.Kind, e.Text = EntryFed, n.Who+" came by an identity provider"
		}
	default:
		e.Sure = ""
		e.Text = "who asked for the credentials of " + n.Who + " is not in the records"
	}
	if last.Events != nil {
		e.Events = last.Events
	}
	for _, x := range g.Into(n.ID) {
		if x.Sure == Weak {
			h := hop(g.byID[x.From])
			h.Address, h.How, h.Sure, h.Events = x.Where, x.How, x.Sure, x.Events
			e.Traces = append(e.Traces, h)
		}
	}
	return e
}

// addressBelow is the address from which the last but one of a lineage worked on.
func addressBelow(s Suspect) string {
	if len(s.Lineage) > 2 {
		return s.Lineage[len(s.Lineage)-2].Address
	}
	return s.Address
}

func outsideUse(g *Graph, node, address string) bool {
	n := g.byID[node]
	if n == nil {
		return false
	}
	u := n.uses[address]
	return u != nil && (u.Outside > 0 || slices.ContainsFunc(u.signs.reasons, func(r Reason) bool { return r.Rule == "marker-from-foreign-address" }))
}

func weaker(a, b Sure) Sure {
	order := []Sure{Certain, Strong, Likely, Weak}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}
