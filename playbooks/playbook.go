// Package playbooks runs procedures written in YAML over collect, timeline and
// contain: in an order that is checked before anything runs, with approval gates,
// journalled so that a run goes on after a crash, and with an ending that never
// looks better than it was.
//
// A playbook is data (*.yaml in library are built in). A verb is what a step can do:
// one file verb_NAME.go, one line in catalogue.go.
//
//	playbook.go       what a playbook is        engine.go    a run from its beginning to its end
//	read*.go          YAML to it, strictly      walk.go      one step after the other
//	value.go          types and references      record.go    the run's journal, read and written
//	check.go          scopes and types          answers.go   what people are asked, and where they answer
//	condition.go      when a step runs          order.go     nothing is changed before it is sealed
//	tries.go          how long a step may take, and how often it is tried
package playbooks

import (
	"time"
)

// MaxSize bounds a playbook file, in bytes.
const MaxSize = 256 << 10

// Playbook is a procedure as written, checked by Parse.
type Playbook struct {
	Name    string   `json:"name"`  // slug
	Title   string   `json:"title"` // one line
	About   string   `json:"about"` // for people
	Runbook *Runbook `json:"runbook,omitempty"`
	Inputs  []Input  `json:"inputs"`  // what the run must be told
	Outputs []Output `json:"outputs"` // what the run gives to a playbook that uses this one
	Resume  []Step   `json:"resume,omitempty"`
	Steps   []Step   `json:"steps"`  // in order
	SHA256  string   `json:"sha256"` // of the file's bytes, hex: enters the ledger with every run
	File    string   `json:"file"`

	text  []byte               // the file, which the run's record keeps
	subs  map[string]*Playbook // by the name under which steps use them
	seals seals                // what every path through it seals
}

// Uses are the playbooks that this one uses, and those that they use, by the name under which they
// are used.
func (pb *Playbook) Uses() map[string]*Playbook {
	all := map[string]*Playbook{}
	var add func(*Playbook)
	add = func(p *Playbook) {
		for name, sub := range p.subs {
			if all[name] == nil {
				all[name] = sub
				add(sub)
			}
		}
	}
	add(pb)
	return all
}

// Runbook is what people read: the sections that responders know.
type Runbook struct {
	Threats      []int             `json:"threats"` // rows of the threat matrix
	Attack       []string          `json:"attack"`  // ATT&CK technique ids
	References   []string          `json:"references"`
	Roles        map[string]string `json:"roles"` // who does what
	Scope        string            `json:"scope"`
	Severity     string            `json:"severity"`
	Triage       []string          `json:"triage"` // questions
	Detect       string            `json:"detect"`
	Contain      string            `json:"contain"`
	Eradicate    string            `json:"eradicate"`
	Recover      string            `json:"recover"`
	PostIncident string            `json:"post_incident"`
}

// Input is a value that the run is given.
type Input struct {
	Name     string `json:"name"`
	About    string `json:"about,omitempty"`
	Type     Type   `json:"type"`
	Required bool   `json:"required,omitempty"`
	Default  any    `json:"default,omitempty"`
	pos      position
}

// Output is a value that the run gives.
type Output struct {
	Name  string `json:"name"`
	Value Value  `json:"value"`
	Type  Type   `json:"type"`
	pos   position
}

// Step is one thing to do: a verb, another playbook, or steps of its own.
type Step struct {
	ID        string           `json:"id"`
	About     string           `json:"about,omitempty"`
	Phase     Phase            `json:"phase,omitempty"`
	When      *Condition       `json:"when,omitempty"`
	Timeout   time.Duration    `json:"timeout_ns,omitempty"`
	Retries   int              `json:"retries,omitempty"`
	OnFailure OnFailure        `json:"on_failure"`
	Goto      string           `json:"goto,omitempty"`     // with OnFailure goto: a later step
	Override  string           `json:"override,omitempty"` // why this may change the account before a seal
	Verb      Verb             `json:"verb,omitzero"`
	Sub       string           `json:"playbook,omitempty"`
	With      map[string]Value `json:"with,omitempty"`
	Cases     []Case           `json:"branch,omitempty"`
	Else      []Step           `json:"else,omitempty"`
	Lanes     []Lane           `json:"parallel,omitempty"`
	Each      *Value           `json:"each,omitempty"`
	Limit     int              `json:"limit,omitempty"` // lanes or turns at once, 1 by default for turns
	Most      int              `json:"most,omitempty"`  // turns
	Steps     []Step           `json:"steps,omitempty"` // of each turn
	pos       position
}

// Case is one way of a branch: the first whose condition holds is taken.
type Case struct {
	When  *Condition `json:"when"`
	Steps []Step     `json:"steps"`
}

// Lane is steps that run beside those of other lanes.
type Lane struct {
	Steps []Step `json:"steps"`
}

// Phase is the part of the incident's handling that a step belongs to.
type Phase string

// Phases, in their order.
const (
	Detect       Phase = "detect"
	Contain      Phase = "contain"
	Eradicate    Phase = "eradicate"
	Recover      Phase = "recover"
	PostIncident Phase = "post-incident"
)

// Phases are all phases, in their order.
func Phases() []Phase { return []Phase{Detect, Contain, Eradicate, Recover, PostIncident} }

// OnFailure says how a run goes on after a step failed.
type OnFailure string

// What can follow a failed step. However it goes on, the run has failed.
const (
	Stop     OnFailure = "stop"     // the run ends
	Continue OnFailure = "continue" // the run goes on
	GoOn     OnFailure = "goto"     // the run goes on at a later step
	Undo     OnFailure = "undo"     // what the run changed in the account is taken back, and the run ends
)

// What kind of step it is.
const (
	kindVerb     = "run"
	kindSub      = "playbook"
	kindBranch   = "branch"
	kindParallel = "parallel"
	kindEach     = "each"
)

// kind of a step, by what it has.
func (s *Step) kind() string {
	switch {
	case s.Sub != "":
		return kindSub
	case s.Cases != nil:
		return kindBranch
	case s.Lanes != nil:
		return kindParallel
	case s.Each != nil:
		return kindEach
	}
	return kindVerb
}

// does names what the step does, for people and records.
func (s *Step) does() string {
	switch k := s.kind(); k {
	case kindVerb:
		return s.Verb.Name
	case kindSub:
		return "playbook " + s.Sub
	default:
		return k
	}
}

// lists are the lists of steps that a step holds.
func (s *Step) lists() [][]Step {
	var all [][]Step
	for _, c := range s.Cases {
		all = append(all, c.Steps)
	}
	if s.Else != nil {
		all = append(all, s.Else)
	}
	for _, l := range s.Lanes {
		all = append(all, l.Steps)
	}
	if s.Steps != nil {
		all = append(all, s.Steps)
	}
	return all
}

// Walk calls f for every step, those within others too, with how deep it lies.
func (pb *Playbook) Walk(f func(s *Step, depth int)) {
	var walk func([]Step, int)
	walk = func(steps []Step, depth int) {
		for i := range steps {
			f(&steps[i], depth)
			for _, l := range steps[i].lists() {
				walk(l, depth+1)
			}
		}
	}
	walk(pb.Resume, 0)
	walk(pb.Steps, 0)
}

type position struct{ line, column int }
