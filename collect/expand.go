package collect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Whoever got into one function has seldom stopped there. An expansion is what a sealed
// collection points to: functions that run with the same role or layer, that its documents
// name, or that the same hand changed, and access keys that this hand used, made or assumed.
// One round: what the further collection points to in turn is found by another.

// WhyExpand is a kind of reason.
type WhyExpand string

// Reasons, the weightiest first.
const (
	SameHand  WhyExpand = "same-hand"  // changed by a key or session that changed the collected function
	SameRole  WhyExpand = "same-role"  // runs with the same execution role
	NamedIn   WhyExpand = "named-in"   // a collected document names it
	SameLayer WhyExpand = "same-layer" // runs the same version of a layer that is not AWS's

	KeyMade    WhyExpand = "key-made"    // an access key that such a hand, or the function's role, created
	KeyAssumed WhyExpand = "key-assumed" // the key of a session that it assumed
	KeyUsed    WhyExpand = "key-used"    // the key that changed the function
)

// Reason says why something was proposed, and what that rests on.
type Reason struct {
	Kind     WhyExpand    `json:"kind"`
	Detail   string       `json:"detail"`
	Evidence evidence.Ref `json:"evidence"` // the document, or that of the collected function's
}

// Proposed is a function, or an access key, that a collection points to.
type Proposed struct {
	Target  Target   `json:"-"`
	Name    string   `json:"name"` // of the function, or the key's id
	ARN     string   `json:"arn,omitempty"`
	Reasons []Reason `json:"reasons"`
}

// Why is the reasons in one line.
func (p Proposed) Why() string {
	words := make([]string, 0, len(p.Reasons))
	for _, r := range p.Reasons {
		words = append(words, string(r.Kind)+": "+r.Detail)
	}
	return strings.Join(words, "; ")
}

// Expansion is what a collection points to.
type Expansion struct {
	From      string     `json:"from"` // the bag
	Functions []Proposed `json:"functions"`
	Keys      []Proposed `json:"access_keys"`
	LeftOut   []string   `json:"left_out"` // names beyond the bounds
	Notes     []string   `json:"notes"`    // what could not be looked for, or lies elsewhere
}

// Empty says whether there is nothing to collect.
func (x *Expansion) Empty() bool { return len(x.Functions)+len(x.Keys) == 0 }

// Bounds of an expansion.
const (
	DefaultExpandMax = 20 // functions
	maxExpandKeys    = 20
	maxExpandNotes   = 20
	maxExpandReasons = 5    // of one proposal
	maxProposals     = 5000 // that are remembered: an attacker can name many
)

// ExpandNeeds are the calls of Expand.
func ExpandNeeds() []awsapi.Need {
	return []awsapi.Need{need("Lambda:ListFunctions", "lambda:ListFunctions", "*")}
}

// Expand looks for what a sealed collection points to: in its documents, and in one listing of
// the region's functions. What cannot be read or listed becomes a note, and the rest goes on.
// most bounds the functions; 0 is DefaultExpandMax. The listing enters no journal: the session
// should not carry a case's marker.
func Expand(ctx context.Context, s *awsapi.Session, b *evidence.Bag, most int) (*Expansion, error) {
	targets, err := targetsOf(b)
	if err != nil {
		return nil, err
	}
	if len(targets) == 0 {
		return nil, fmt.Errorf("bag %s: no function to expand from", b.ID())
	}
	e := &expander{
		bag: b, targets: targets, functions: map[string]*Proposed{}, keys: map[string]*Proposed{},
		ours: []string{s.Identity.ARN, b.Header().Principal}, layers: map[string]evidence.Ref{}, roles: map[string]evidence.Ref{},
		seen: map[string]bool{},
	}
	entries, err := b.Coverage(ctx)
	if err != nil {
		return nil, err
	}
	if err := e.documents(ctx, entries); err != nil {
		return nil, err
	}
	if err := e.records(ctx, entries); err != nil {
		return nil, err
	}
	if err := e.sweep(ctx, s); err != nil {
		return nil, err
	}
	return e.proposal(cmp.Or(most, DefaultExpandMax)), nil
}

// expander gathers proposals.
type expander struct {
	bag       *evidence.Bag
	targets   []Target
	functions map[string]*Proposed // by ARN
	keys      map[string]*Proposed // by key id
	roles     map[string]evidence.Ref
	layers    map[string]evidence.Ref
	ours      []string // ARNs of responders: their changes make nobody a suspect
	notes     []string
	seen      map[string]bool // notes
	full      bool            // there were more proposals than are remembered
}

func (e *expander) note(format string, args ...any) {
	text := clip(fmt.Sprintf(format, args...))
	if !e.seen[text] && len(e.notes) < maxExpandNotes {
		e.seen[text] = true
		e.notes = append(e.notes, text)
	}
}

// propose adds a reason to collect a function, which may be named by any ARN or name of it.
// What lies in another account or region is noted: this session does not reach it.
func (e *expander) propose(name string, r Reason) {
	own := e.targets[0]
	t, err := ParseTarget(own.Account, own.Region, name)
	if elsewhere, ok := errors.AsType[*ElsewhereError](err); ok {
		e.note("%s is %s: %s %s, not looked at", name, r.Detail, elsewhere.What, elsewhere.Named)
		return
	}
	if err != nil || slices.ContainsFunc(e.targets, func(o Target) bool { return o.ARN == t.ARN }) {
		return
	}
	t.Qualifier = "" // all versions are collected
	e.add(e.functions, t.ARN, Proposed{Target: t, Name: t.Function, ARN: t.ARN}, r)
}

func (e *expander) proposeKey(key string, r Reason) {
	if accessKey.MatchString(key) {
		e.add(e.keys, key, Proposed{Name: key}, r)
	}
}

func (e *expander) add(all map[string]*Proposed, id string, fresh Proposed, r Reason) {
	p := all[id]
	if p == nil {
		if len(all) >= maxProposals {
			e.full = true
			return
		}
		p = &fresh
		all[id] = p
	}
	r.Detail = clip(r.Detail)
	same := func(x Reason) bool { return x.Kind == r.Kind && x.Detail == r.Detail }
	if !slices.ContainsFunc(p.Reasons, same) && len(p.Reasons) < maxExpandReasons {
		p.Reasons = append(p.Reasons, r)
	}
}

// sweep lists the region's functions once: who shares role or layer, and which of those named
// are there at all.
func (e *expander) sweep(ctx context.Context, s *awsapi.Session) error {
	c := lambda.NewFromConfig(s.ReadOnly().Config(e.targets[0].Region, ExpandNeeds()))
	there, in := map[string]bool{}, &lambda.ListFunctionsInput{}
	var seen tokens
	for {
		out, err := c.ListFunctions(ctx, in)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil && len(there) > maxSwept {
			err = errSwept
		}
		if err == nil && aws.ToString(out.NextMarker) != "" && seen.repeats(*out.NextMarker) {
			err = errLoop
		}
		if err != nil {
			_, text := classify(err)
			e.note("not all functions of the region are known, some may share a role or layer unseen: Lambda:ListFunctions: %s", text)
			return nil
		}
		for _, f := range out.Functions {
			there[aws.ToString(f.FunctionArn)] = true
			e.shares(aws.ToString(f.FunctionArn), aws.ToString(f.Role), f.Layers)
		}
		if aws.ToString(out.NextMarker) == "" {
			break
		}
		in.Marker = out.NextMarker
	}
	for _, arn := range slices.Sorted(maps.Keys(e.functions)) {
		if !there[arn] {
			e.note("%s is not there any more, or never was: %s", arn, e.functions[arn].Why())
			delete(e.functions, arn)
		}
	}
	return nil
}

// proposal orders what was gathered and bounds it.
func (e *expander) proposal(most int) *Expansion {
	x := &Expansion{From: e.bag.ID(), LeftOut: []string{}, Notes: e.notes}
	if x.Notes == nil {
		x.Notes = []string{}
	}
	if e.full {
		x.Notes = append(x.Notes, fmt.Sprintf("more than %d functions or keys were named: the further ones are not even left out by name", maxProposals))
	}
	x.Functions = x.bounded(e.functions, most)
	x.Keys = x.bounded(e.keys, maxExpandKeys)
	return x
}

func (x *Expansion) bounded(all map[string]*Proposed, most int) []Proposed {
	weights := []WhyExpand{SameHand, SameRole, NamedIn, SameLayer, KeyMade, KeyAssumed, KeyUsed}
	out := []Proposed{}
	for _, p := range all {
		slices.SortFunc(p.Reasons, func(a, b Reason) int {
			return cmp.Or(slices.Index(weights, a.Kind)-slices.Index(weights, b.Kind), strings.Compare(a.Detail, b.Detail))
		})
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b Proposed) int {
		return cmp.Or(slices.Index(weights, a.Reasons[0].Kind)-slices.Index(weights, b.Reasons[0].Kind), len(b.Reasons)-len(a.Reasons), strings.Compare(a.Name, b.Name))
	})
	for _, p := range out[min(most, len(out)):] {
		x.LeftOut = append(x.LeftOut, p.Name)
	}
	return out[:min(most, len(out))]
}
