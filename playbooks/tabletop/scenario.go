package tabletop

import (
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/strictyaml"
)

// Scenario is an exercise.
type Scenario struct {
	File    string `yaml:"-"`
	Extends string `yaml:"extends"` // a base: its cast, texts, history, tries and secrets come first

	Name     string        `yaml:"scenario,required"`
	Title    string        `yaml:"title,required"` // one line, for lists: it gives nothing away that responders would not know
	About    string        `yaml:"about,required"` // what responders are told at the beginning
	Lesson   string        `yaml:"lesson"`         // for the facilitator: what this one teaches
	Account  string        `yaml:"account"`
	Region   string        `yaml:"region"`
	Function string        `yaml:"function,required"` // that the alarm is about
	Past     time.Duration `yaml:"past"`              // how long before the responders come in the history begins
	Lasts    time.Duration `yaml:"lasts"`             // how long they have

	Roles   []Role            `yaml:"roles"` // who sits at the table
	Cast    []Actor           `yaml:"cast"`
	Texts   map[string]string `yaml:"texts"`   // ${texts.NAME}: source code, documents
	Secrets []string          `yaml:"secrets"` // values in the account that nobody may read outside the sealed part of a case
	Stage   []Step            `yaml:"stage"`   // ordinary life
	Attack  []Step            `yaml:"attack"`
	Live    []Rule            `yaml:"live"`   // the attacker while responders work
	Decoys  []Rule            `yaml:"decoys"` // others at their work meanwhile
	Injects []Inject          `yaml:"injects"`
	Probes  []Probe           `yaml:"tries"`
	Open    []Remark          `yaml:"open"` // what containment does not close, and how to close it by hand

	Objectives []Objective `yaml:"objectives"`
	Expected   []Expected  `yaml:"expected"`
	Costs      []Cost      `yaml:"costs"`
	Hints      []Hint      `yaml:"hints"`
	Solution   []Move      `yaml:"solution"`
}

// Actor is somebody in the account or outside. Without user and key_of it has no credentials
// until a step hands it some.
type Actor struct {
	At      strictyaml.Position `yaml:"-"`
	Name    string              `yaml:"name,required"`
	About   string              `yaml:"about"`
	Account string              `yaml:"account"` // of the user; the scenario's without
	User    string              `yaml:"user"`
	Policy  any                 `yaml:"policy"` // of the user: a policy document
	KeyOf   string              `yaml:"key_of"` // the same key in other hands
	Address string              `yaml:"address,required"`
	Agent   string              `yaml:"agent,required"`
}

// Step is something that somebody does: one of call, request, take, deliver, repeat.
type Step struct {
	At      strictyaml.Position `yaml:"-"`
	After   time.Duration       `yaml:"after"` // the step before
	By      string              `yaml:"by"`
	Call    string              `yaml:"call"` // Service:Operation
	With    any                 `yaml:"with"`
	Region  string              `yaml:"region"`
	Request string              `yaml:"request"` // a function URL, requested by nobody
	Take    string              `yaml:"take"`    // ARN of a function: the credentials that its environment holds
	Deliver *Delivery           `yaml:"deliver"`
	Repeat  int                 `yaml:"repeat"` // the steps so often, ${n} counting from 1
	Steps   []Step              `yaml:"steps"`
	To      string              `yaml:"to"`     // who holds the credentials that the answer has
	Save    map[string]string   `yaml:"save"`   // name: Output.Member
	Expect  string              `yaml:"expect"` // denied, or the error's code; without, the step must succeed
}

// Delivery is a service's own call of a function.
type Delivery struct {
	Service  string `yaml:"service,required"` // events.amazonaws.com
	Source   string `yaml:"source,required"`
	Function string `yaml:"function,required"`
}

// Rule is what somebody does while responders work: at a time, again and again, or when
// something happened.
type Rule struct {
	At    strictyaml.Position `yaml:"-"`
	ID    string              `yaml:"id,required"`
	Begin time.Duration       `yaml:"at"` // after responders came in
	Every time.Duration       `yaml:"every"`
	Until string              `yaml:"until"` // denied: it ends with the first refusal
	When  *Check              `yaml:"when"`
	Steps []Step              `yaml:"steps,required"`
}

// Inject is a row of the master scenario events list.
type Inject struct {
	At          strictyaml.Position `yaml:"-" json:"-"`
	ID          string              `yaml:"id,required" json:"id"`
	Begin       time.Duration       `yaml:"at" json:"at_ns"`
	When        *Check              `yaml:"when" json:"-"`
	Channel     string              `yaml:"channel,required" json:"channel"`
	From        string              `yaml:"from,required" json:"from"`
	To          string              `yaml:"to,required" json:"to"`
	Content     string              `yaml:"content,required" json:"content"`
	Expected    string              `yaml:"expected" json:"expected_action"`
	Objective   string              `yaml:"objective" json:"objective"`
	Contingency string              `yaml:"contingency" json:"contingency"` // what the facilitator says where nothing happens
	Notes       string              `yaml:"notes" json:"evaluator_notes"`
	Decide      *Decision           `yaml:"decide" json:"decide,omitempty"` // what it asks people to decide
}

// Probe is something that a principal tries, before the response and after.
type Probe struct {
	At      strictyaml.Position `yaml:"-"`
	Name    string              `yaml:"name,required"`
	Hostile bool                `yaml:"hostile"` // it must fail afterwards; otherwise it must still work
	Late    bool                `yaml:"late"`    // it cannot work before responders come in
	Do      Step                `yaml:"do,required"`
	Says    string              `yaml:"says"` // of an answer: "${Buckets} buckets listed"
}

// Remark is something that a person has to close, with the command for it.
type Remark struct {
	At      strictyaml.Position `yaml:"-"`
	What    string              `yaml:"what,required"`
	Command string              `yaml:"command,required"`
	Still   Step                `yaml:"still,required"` // while this works it is open
}

// Objective is what the exercise is to show.
type Objective struct {
	At   strictyaml.Position `yaml:"-" json:"-"`
	ID   string              `yaml:"id,required" json:"id"`
	Text string              `yaml:"text,required" json:"text"`
}

// Expected is an action with its worth.
type Expected struct {
	At        strictyaml.Position `yaml:"-"`
	ID        string              `yaml:"id,required"`
	Text      string              `yaml:"text,required"`
	Objective string              `yaml:"objective,required"`
	Points    int                 `yaml:"points,required"`
	Check     Check               `yaml:"check,required"`
	Requires  []string            `yaml:"requires"` // others, without which it is worth nothing
	Advice    string              `yaml:"advice"`   // what to improve where it was missed
}

// Cost is what takes points away.
type Cost struct {
	At     strictyaml.Position `yaml:"-"`
	ID     string              `yaml:"id,required"`
	Text   string              `yaml:"text,required"`
	Points int                 `yaml:"points,required"`
	Check  Check               `yaml:"check,required"`
}

// Hint helps, for points.
type Hint struct {
	ID   string `yaml:"id,required"`
	Text string `yaml:"text,required"`
	Cost int    `yaml:"cost,required"`
}

// Check is something that the account's record or the case shows: all that is said of it holds.
type Check struct {
	At         strictyaml.Position `yaml:"-"`
	Sealed     *SealedCheck        `yaml:"sealed"`
	Called     *CallCheck          `yaml:"called"`
	Order      *OrderCheck         `yaml:"order"`
	Noted      *NotedCheck         `yaml:"noted"`
	Decided    *DecidedCheck       `yaml:"decided"`
	Object     *ObjectCheck        `yaml:"object"`
	Fails      string              `yaml:"fails"`       // a try, at the end
	Works      string              `yaml:"works"`       // a try, at the end
	AllFail    bool                `yaml:"all_fail"`    // every hostile try, at the end
	Verified   bool                `yaml:"verified"`    // the case has sealed evidence and verifies
	Untouched  bool                `yaml:"untouched"`   // responders changed nothing in the account
	BeforeSeal bool                `yaml:"before_seal"` // responders changed something before they had sealed anything
	Any        []Check             `yaml:"any"`
	All        []Check             `yaml:"all"`
	Not        *Check              `yaml:"not"`
}

// SealedCheck is evidence in a sealed bag.
type SealedCheck struct {
	Artefact string        `yaml:"artefact,required"` // lambda.code, or lambda.*
	On       string        `yaml:"on"`                // in the ARN of what it is of
	Absent   bool          `yaml:"absent"`            // that there is none is recorded, and that will do
	Before   *CallCheck    `yaml:"before"`            // such a call, or the end if there was none
	Within   time.Duration `yaml:"within"`
}

// CallCheck is a call that succeeded.
type CallCheck struct {
	Calls  []string      `yaml:"calls"` // any of them; empty is any that changes the account
	By     string        `yaml:"by"`    // an actor, or responder, which is the default
	On     string        `yaml:"on"`    // in the ARN of the first resource
	Denied bool          `yaml:"denied"`
	Within time.Duration `yaml:"within"`
}

// OrderCheck: both happened, in this order.
type OrderCheck struct {
	First CallCheck `yaml:"first,required"`
	Then  CallCheck `yaml:"then,required"`
}

// NotedCheck is a line in the case's ledger.
type NotedCheck struct {
	Kind   string        `yaml:"kind,required"` // detect, declare, decide, handover, note
	Says   string        `yaml:"says"`          // one of these words, split at |
	Within time.Duration `yaml:"within"`
}

// ObjectCheck is the account's state.
type ObjectCheck struct {
	Key    string `yaml:"key,required"` // as awssim names objects
	Absent bool   `yaml:"absent"`
	Has    string `yaml:"has"` // in its JSON
}

// Move is one step of a reference solution: one of playbook, collect, contain, note, decide, do,
// verify, or time that passes.
type Move struct {
	At       strictyaml.Position `yaml:"-"`
	ID       string              `yaml:"id,required"`
	About    string              `yaml:"about"`
	Takes    time.Duration       `yaml:"takes"` // 3 minutes without
	Playbook string              `yaml:"playbook"`
	Set      map[string]string   `yaml:"set"`
	Collect  *CollectMove        `yaml:"collect"`
	Contain  *ContainMove        `yaml:"contain"`
	Note     *NoteMove           `yaml:"note"`
	Decide   *DecideMove         `yaml:"decide"`
	Do       []Step              `yaml:"do"`
	Verify   bool                `yaml:"verify"`
	Earns    []string            `yaml:"earns"` // expected actions that are lost without this step, and no others
}

// CollectMove is freezeframe collect.
type CollectMove struct {
	Functions []string      `yaml:"functions,required"`
	Since     time.Duration `yaml:"since"`
	Scope     string        `yaml:"scope"`
}

// ContainMove is freezeframe contain plan and apply.
type ContainMove struct {
	Functions        []string `yaml:"functions"`
	Actors           []string `yaml:"actors"`
	Resources        []string `yaml:"resources"`
	Level            string   `yaml:"level"`
	Acts             []string `yaml:"acts"`
	Preserve         bool     `yaml:"preserve"`
	AcceptSharedRole bool     `yaml:"accept_shared_role"`
	GoodVersion      []string `yaml:"good_version"`
	Override         string   `yaml:"override"`
}

// NoteMove is freezeframe case note.
type NoteMove struct {
	Kind string `yaml:"kind,required"`
	Text string `yaml:"text,required"`
}
