package contain

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// Token is what the API wants back with a write: a revision id. Never part of the state.
type Token string

// Doc is what one write replaces. S marshals to JSON deterministically and holds only
// what a write can set again.
type Doc[S any] struct {
	Name     string // "lambda.concurrency"
	Needs    []awsapi.Need
	Resource func(p Place) string // ARN that the document belongs to
	Region   func(p Place) string // where its calls go; nil: the region in the key if that is an ARN, or the target's
	Read     func(ctx context.Context, cfg aws.Config, p Place) (S, Token, error)
	Equal    func(a, b S) bool // nil: the same JSON
	// Hidden gives of a reading what the state leaves out because it is secret, and a write
	// replaces: it is sealed beside the intent. nil: the state is all.
	Hidden func(Token) ([]byte, error)
	// Settled says whether AWS is done with the last change; nil is always.
	Settled func(S) bool
	// Between says whether now is a state that Steps leave on the way; nil is never.
	Between func(from, now, to S) bool
	// Steps are the calls that turn now into to. The engine makes the first, reads
	// again, and asks again: each step must bring the state nearer.
	Steps func(p Place, now, to S, tok Token) []Step
}

// Step is one call that changes: Input is the SDK's input, which the plan shows. Where the
// call takes what lies in the case (bytes too large, or too secret, for a plan), Input says
// what stands for them, and Do gets the case by caseOf; errNotKept and errUnsafe say that nothing was called.
type Step struct {
	Call  string
	Input any
	Do    func(ctx context.Context, cfg aws.Config) error
}

// Edit is an act on a document. Apply must be idempotent: a state that it returns
// unchanged is one where the act is in force. Only Name, About, Kind, Attack, Keys
// and Apply are needed.
type Edit[S any] struct {
	Name, About string
	Lossy       string // what undo cannot restore, in AWS's reasons
	// LosesState are the fields of the account that differ after undo, and no others do:
	// patterns of the simulated account's "object#member.member", * is any text.
	LosesState []string
	Kind       Kind
	Level      Level           // lowest level that the act is part of; "": only by name, by a finding, or for another act
	Attack     []string        // ATT&CK ids
	Answers    []Answer        // findings that it answers
	On         []TargetKind    // what its documents hang on; nil: functions
	Rank       func(Order) int // a stage; nil: the triggers', of evicting acts the last, of preserving ones the first
	Holds      bool            // must show before later stages begin
	Requires   []string        // acts whose failure makes this one pointless
	Along      []string        // acts that go with this one on the same target, though their failure does not stop it
	Stays      bool            // taking it back would destroy what it keeps: undo ends it and leaves the state alone
	Sparse     bool            // of many documents few change: those as wanted stay out of the plan
	Timed      bool            // apply gives its own time as Params[paramNow]
	RoleWide   bool            // hits all who use a role: a shared one needs AcceptSharedRole
	InsteadOf  string          // planned where this other act is refused because the role is shared
	Revives    bool            // taking it back gives sessions or keys their power again that may be stolen
	Lasts      bool            // and they are keys, which never run out: without end of time
	Keys       func(s *Survey) []string
	Parts      []string // parts of the survey without which Keys is wrong
	Looks      []Part   // further parts of a survey, which Keys, Params, Breaks and Worth read by Found
	// Lacks says what is not known that the act needs, such as which version is good; "" is
	// nothing. Where the act was named, or a finding asks for it, that makes a plan incomplete.
	Lacks    func(s *Survey) string
	Params   func(in PlanInput, s *Survey) Params
	Apply    func(p Place, before S, params Params) (S, error)
	Destroys func(p Place, before S) []Artefact // what is lost beyond the state itself, which the run's bag keeps
	Breaks   func(s *Survey, before map[string]S) []Impact
	Worth    func(s *Survey) []string // what it does not stop
	// Contained says of a state that no act of ours made whether somebody has contained
	// the thing already, in a few words; "" is no. nil: the state tells nothing.
	Contained func(S) string
	Evicts    string // the isolating act that this one does for good: see forGood
	Fixture   Fixture
}

// Answer names findings that an act answers, as package finding has them.
type Answer struct {
	Kind   string
	Change string                         // "": any
	Target func(f finding.Finding) string // ARN to act on; nil: the finding's ARN
	Key    func(f finding.Finding) string // the document that it is about; nil: all that Keys gives
}

// Fixture says where the account that tests are run on (package bench) has something of an
// act. The zero value is the function that has everything.
type Fixture struct {
	Actor, Resource string // ARN
	Finding         *finding.Finding
	Good, Group     string // good version, quarantine group
	Named           string // what bench.Account.Named calls the resource, where its ARN is not known beforehand
	StopDurable     bool
	Signing         bool // with bench's code-signing configuration that enforces
	Kept            bool // what is put back is that of a collection from before bench's Intrude
	Locked          bool // the plan is made without the case's identity
	Collected       bool // the case holds a collection of the function
	Rotate          bool // with RotateSecrets
}

// paramNow is the time of apply in RFC 3339, of edits that are Timed.
const paramNow = "now"

// document is a Doc whose state is JSON.
type document struct {
	name     string
	needs    []awsapi.Need
	resource func(Place) string
	region   func(Place) string
	read     func(context.Context, aws.Config, Place) (json.RawMessage, Token, error)
	equal    func(a, b json.RawMessage) bool
	hidden   func(Token) ([]byte, error)
	settled  func(json.RawMessage) bool
	between  func(from, now, to json.RawMessage) bool
	steps    func(p Place, now, to json.RawMessage, tok Token) ([]Step, error)
}

// Act is an edit of the catalogue, for any state.
type Act struct {
	Name, About, Lossy string
	LosesState         []string
	Kind               Kind
	Level              Level
	Attack             []string
	Answers            []Answer
	On                 []TargetKind
	Doc                string
	Needs              []awsapi.Need
	Fixture            Fixture
	Stays              bool

	rank      func(Order) int
	holds     bool
	requires  []string
	along     []string
	timed     bool
	sparse    bool
	roleWide  bool
	insteadOf string
	evicts    string
	revives   bool
	lasts     bool
	parts     []string
	looks     []Part
	doc       *document
	keys      func(*Survey) []string
	lacks     func(*Survey) string
	params    func(PlanInput, *Survey) Params
	worth     func(*Survey) []string
	apply     func(p Place, before json.RawMessage, params Params) (json.RawMessage, error)
	destroys  func(p Place, before json.RawMessage) ([]Artefact, error)
	breaks    func(s *Survey, before map[string]json.RawMessage) ([]Impact, error)
	tells     bool // contained says something
	contained func(state json.RawMessage) string
}

// onRole says whether its documents hang on roles, a function's execution role among them.
func (a Act) onRole() bool { return slices.Contains(a.On, OnRole) }

// hangsOn says whether a target of this kind has documents of the act.
func (a Act) hangsOn(k TargetKind) bool {
	return slices.Contains(a.On, k) || k == OnFunction && a.onRole()
}

// Define makes the acts of a document.
func Define[S any](d Doc[S], edits ...Edit[S]) []Act {
	doc := erase(d)
	var acts []Act
	for _, e := range edits {
		acts = append(acts, define(d, doc, e))
	}
	return acts
}

func define[S any](d Doc[S], doc *document, e Edit[S]) Act {
	if len(e.On) == 0 {
		e.On = []TargetKind{OnFunction}
	}
	if e.Rank == nil {
		e.Rank = rank(map[Kind]int{Isolate: stageTriggers, Evict: stageEvict, Preserve: stagePreserve}[e.Kind])
	}
	return Act{
		Name: e.Name, About: e.About, Lossy: e.Lossy, LosesState: e.LosesState, Kind: e.Kind, Level: e.Level, Attack: e.Attack,
		Answers: e.Answers, On: e.On, Doc: d.Name, Needs: d.Needs, Fixture: e.Fixture, Stays: e.Stays,
		rank: e.Rank, holds: e.Holds, requires: e.Requires, along: e.Along, timed: e.Timed, sparse: e.Sparse, roleWide: e.RoleWide,
		insteadOf: e.InsteadOf, evicts: e.Evicts, revives: e.Revives, lasts: e.Lasts, parts: e.Parts, looks: e.Looks, tells: e.Contained != nil, doc: doc, keys: e.Keys, lacks: e.Lacks, params: e.Params, worth: e.Worth,
		apply: func(p Place, before json.RawMessage, params Params) (json.RawMessage, error) {
			s, err := decode[S](before)
			if err != nil {
				return nil, err
			}
			if s, err = e.Apply(p, s, params); err != nil {
				return nil, err
			}
			return canonical(s)
		},
		destroys: func(p Place, before json.RawMessage) ([]Artefact, error) {
			s, err := decode[S](before)
			if err != nil || e.Destroys == nil {
				return nil, err
			}
			return e.Destroys(p, s), nil
		},
		breaks: func(s *Survey, before map[string]json.RawMessage) ([]Impact, error) { return breaks(e, s, before) },
		contained: func(state json.RawMessage) string {
			s, err := decode[S](state)
			if err != nil || e.Contained == nil {
				return ""
			}
			return e.Contained(s)
		},
	}
}

func breaks[S any](e Edit[S], s *Survey, before map[string]json.RawMessage) ([]Impact, error) {
	if e.Breaks == nil {
		return nil, nil
	}
	states := map[string]S{}
	for key, b := range before {
		state, err := decode[S](b)
		if err != nil {
			return nil, err
		}
		states[key] = state
	}
	return e.Breaks(s, states), nil
}

func erase[S any](d Doc[S]) *document {
	doc := &document{name: d.Name, needs: d.Needs, resource: d.Resource, region: d.Region, hidden: d.Hidden}
	if doc.region == nil {
		doc.region = placeRegion
	}
	doc.read = func(ctx context.Context, cfg aws.Config, p Place) (json.RawMessage, Token, error) {
		s, tok, err := d.Read(ctx, cfg, p)
		if err != nil {
			return nil, "", fmt.Errorf("reading %s of %s: %w", name(d.Name, p.Key), d.Resource(p), err)
		}
		b, err := canonical(s)
		return b, tok, err
	}
	doc.equal = func(a, b json.RawMessage) bool { return pair(a, b, d.Equal) }
	doc.settled = func(b json.RawMessage) bool {
		s, err := decode[S](b)
		return err == nil && (d.Settled == nil || d.Settled(s))
	}
	doc.between = func(from, now, to json.RawMessage) bool {
		f, err1 := decode[S](from)
		n, err2 := decode[S](now)
		t, err3 := decode[S](to)
		return d.Between != nil && err1 == nil && err2 == nil && err3 == nil && d.Between(f, n, t)
	}
	doc.steps = func(p Place, now, to json.RawMessage, tok Token) ([]Step, error) {
		n, err := decode[S](now)
		if err != nil {
			return nil, err
		}
		t, err := decode[S](to)
		if err != nil {
			return nil, err
		}
		return d.Steps(p, n, t, tok), nil
	}
	return doc
}

// placeRegion is the region in the key if that is an ARN that has one, or the target's.
func placeRegion(p Place) string {
	if parts := strings.SplitN(p.Key, ":", 6); len(parts) == 6 && parts[0] == "arn" && parts[3] != "" {
		return parts[3]
	}
	return p.Region
}

func pair[S any](a, b json.RawMessage, equal func(a, b S) bool) bool {
	x, err1 := decode[S](a)
	y, err2 := decode[S](b)
	if err1 != nil || err2 != nil {
		return false
	}
	if equal != nil {
		return equal(x, y)
	}
	cx, err1 := canonical(x)
	cy, err2 := canonical(y)
	return err1 == nil && err2 == nil && bytes.Equal(cx, cy)
}

// decode reads a state strictly: a plan file is as hostile as any.
func decode[S any](b json.RawMessage) (S, error) {
	var s S
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return s, fmt.Errorf("%w: state of a document: %w", ErrBadPlan, err)
	}
	return s, nil
}

// canonical is JSON with sorted keys, no spaces, numbers as written and no HTML escapes.
func canonical(v any) (json.RawMessage, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding JSON: %w", err)
	}
	var loose any
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := dec.Decode(&loose); err != nil {
		return nil, fmt.Errorf("encoding JSON: %w", err)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(loose); err != nil {
		return nil, fmt.Errorf("encoding JSON: %w", err)
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// calls shows steps as a plan does.
func calls(steps []Step) ([]Call, error) {
	out := []Call{}
	for _, s := range steps {
		params, err := shown(s.Input)
		if err != nil {
			return nil, fmt.Errorf("showing %s: %w", s.Call, err)
		}
		out = append(out, Call{Call: s.Call, Params: params})
	}
	return out, nil
}

// shown is an SDK input without what is unset, and without the revision id, which is
// read just before the write.
func shown(input any) (json.RawMessage, error) {
	b, err := json.Marshal(input)
	if err != nil {
		return nil, err
	}
	var loose any
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := dec.Decode(&loose); err != nil {
		return nil, err
	}
	if m, ok := loose.(map[string]any); ok {
		delete(m, "RevisionId")
	}
	return canonical(prune(loose))
}

func prune(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	for k, x := range m {
		if x == nil || x == "" {
			delete(m, k)
			continue
		}
		m[k] = prune(x)
	}
	return m
}
