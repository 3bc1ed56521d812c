package contain

import (
	"encoding/json"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// PlanSchema names the shape of Plan; a plan with another one is refused.
const PlanSchema = "freezeframe.contain.plan/1"

// Kind says how an act comes to its end.
type Kind string

// Kinds of acts.
const (
	Isolate  Kind = "isolate"  // release lifts it
	Evict    Kind = "evict"    // removes what is hostile: only undo, by name, brings it back
	Preserve Kind = "preserve" // keeps evidence from being destroyed: needs no seal before it
)

// Order says what comes first where two acts compete.
type Order string

// Orders of a plan. RoleFirst is the default: once a function is frozen a thief who
// holds its credentials knows, so they are cut off first. ConcurrencyFirst is for
// exfiltration under way.
const (
	RoleFirst        Order = "role-first"
	ConcurrencyFirst Order = "concurrency-first"
)

// Target is the function to contain, and what was learned of it.
type Target struct {
	Account   string `json:"account"`
	Region    string `json:"region"`
	Function  string `json:"function"` // name
	ARN       string `json:"arn"`      // unqualified
	Role      string `json:"role"`     // ARN of the execution role, path included
	LogGroup  string `json:"log_group"`
	Partition string `json:"partition"` // "aws"
}

// Place is one document of a target: the mapping with that UUID, the policy of that qualifier.
type Place struct {
	Target
	Key string `json:"key"`
}

// Params steer an edit; they are part of the plan. Never a secret.
type Params map[string]string

// Call is an API call as it will be made: Params are the members of the SDK's input.
// Revision ids are left out: they are read just before the write.
type Call struct {
	Call   string          `json:"call"` // "Lambda:PutFunctionConcurrency"
	Params json.RawMessage `json:"params"`
}

// Impact is something that an act breaks, or that works differently while it is in force.
type Impact struct {
	What     string `json:"what"`               // "function", "trigger", "asynchronous events", "alias", "url", "logs"
	Resource string `json:"resource,omitempty"` // ARN or name
	Detail   string `json:"detail"`             // one line
}

// Caller is one road by which events or people reach the function, and what it reaches.
type Caller struct {
	Kind      string `json:"kind"`                // "url", "mapping", "alias", "grant"
	Name      string `json:"name"`                // URL, UUID, alias name, statement id
	Qualifier string `json:"qualifier,omitempty"` // "" is unqualified: $LATEST
	Detail    string `json:"detail,omitempty"`    // source, principal, version and weights
}

// Artefact is evidence that must lie in a sealed bag before an act overwrites it: names
// and sources as collect/doc.go lists them.
type Artefact struct {
	Name      string `json:"artefact"`
	ARN       string `json:"arn"`
	Qualifier string `json:"qualifier,omitempty"`
}

// PlannedEdit is one act's edit on a document.
type PlannedEdit struct {
	Act    string `json:"act"`
	For    string `json:"for,omitempty"` // the act that needs this one done first, and takes it along when undone
	Params Params `json:"params,omitempty"`
}

// Move is one document's change: all planned edits on it, folded.
type Move struct {
	Doc          string          `json:"doc"` // "lambda.concurrency"
	Key          string          `json:"key"` // "" where a target has one
	Resource     string          `json:"resource"`
	Stage        int             `json:"stage"` // moves of one stage go out together, stages one after the other
	Edits        []PlannedEdit   `json:"edits"`
	Before       json.RawMessage `json:"before"` // canonical JSON of the state planned against
	BeforeSHA256 string          `json:"before_sha256"`
	After        json.RawMessage `json:"after"`
	AtApply      bool            `json:"at_apply,omitempty"` // times in After are those of the plan; apply puts its own
	Calls        []Call          `json:"calls"`              // none: already as wanted
	Preserve     []Artefact      `json:"preserve,omitempty"` // must be sealed before
}

// PlannedAct is one act of a plan, for people.
type PlannedAct struct {
	Act         string         `json:"act"`
	About       string         `json:"about"`
	Kind        Kind           `json:"kind"`
	Attack      []string       `json:"attack"` // ATT&CK technique ids it answers
	Moves       []int          `json:"moves"`  // indexes into Plan.Moves; none: nothing to do
	Breaks      []Impact       `json:"breaks,omitempty"`
	Lossy       string         `json:"lossy,omitempty"` // what undo cannot restore
	Permissions []awsapi.Grant `json:"permissions"`     // what apply needs
}

// Unplanned is an act, or a part of one, that could not be planned, and why.
type Unplanned struct {
	Act   string `json:"act"`
	What  string `json:"what"` // "reading lambda.urls"
	Error string `json:"error"`
}

// Plan is what will be done, to which state, with which consequences: data, made by
// reads alone. Apply refuses it elsewhere, later than a drift, or changed.
type Plan struct {
	Schema    string       `json:"schema"`
	Made      time.Time    `json:"made"`
	Case      string       `json:"case,omitempty"`
	Target    Target       `json:"target"`
	Principal string       `json:"principal"`    // who planned: ARN by GetCallerIdentity
	Endpoint  string       `json:"endpoint_url"` // "" is AWS
	Order     Order        `json:"order"`
	Acts      []PlannedAct `json:"acts"`
	Moves     []Move       `json:"moves"` // in the order of application
	Callers   []Caller     `json:"callers,omitempty"`
	Warnings  []string     `json:"warnings,omitempty"`
	Unplanned []Unplanned  `json:"unplanned,omitempty"`
	Hash      string       `json:"sha256"` // over the canonical JSON of everything else
}

// Status of an act or a move in a run. Whatever is not StatusDone or StatusAlready did
// not come to its end.
type Status string

// Statuses of a run's moves and acts.
const (
	StatusDone    Status = "done"
	StatusAlready Status = "already" // it was as wanted: nothing was called
	StatusWould   Status = "would"   // dry run: the calls would be made
	StatusFailed  Status = "failed"
	StatusStale   Status = "stale"   // not as planned when its turn came: not touched
	StatusUnknown Status = "unknown" // reply lost, or accepted and not seen before the deadline
	StatusSkipped Status = "skipped" // order demanded it, or the run was stopped
)

// OK says whether the wanted state is in force.
func (s Status) OK() bool { return s == StatusDone || s == StatusAlready || s == StatusWould }

// Outcome is what became of one move.
type Outcome struct {
	Intent   string          `json:"id,omitempty"` // "<bag>/<n>"; "" if nothing was to be written
	Action   string          `json:"action"`       // "apply", "release", "undo"
	Acts     []string        `json:"acts"`
	Doc      string          `json:"doc"`
	Key      string          `json:"key"`
	Resource string          `json:"resource"`
	Status   Status          `json:"status"`
	Error    string          `json:"error,omitempty"`
	Note     string          `json:"note,omitempty"`
	Lifts    []string        `json:"lifts,omitempty"` // release and undo: the intents and acts taken back, "<bag>/<n> act"
	Writes   int             `json:"writes"`          // calls that change, made
	Now      json.RawMessage `json:"now,omitempty"`
	Started  time.Time       `json:"started,omitzero"`
	Written  time.Time       `json:"written,omitzero"` // when the last write was accepted
	Seen     time.Time       `json:"seen,omitzero"`    // when a re-read showed it

	Calls []Call `json:"calls,omitempty"` // would be made, or were intended
	Err   error  `json:"-"`

	before json.RawMessage
}

// Check is evidence of an effect beyond re-reading the document.
type Check struct {
	Acts     []string `json:"acts"`
	Resource string   `json:"resource"`
	How      string   `json:"how"`    // "iam:SimulatePrincipalPolicy"
	Result   string   `json:"result"` // "explicitDeny", "allowed", "denied to ask", ...
	OK       bool     `json:"ok"`
	Note     string   `json:"note,omitempty"`
}

// ActResult is what became of one act: the worst of its moves.
type ActResult struct {
	Act    string `json:"act"`
	Status Status `json:"status"`
	Note   string `json:"note,omitempty"`
}

// Run is what apply, release and undo give back.
type Run struct {
	Action   string      `json:"action"`
	Bag      string      `json:"bag,omitempty"` // "" for a dry run, or when nothing was to be done
	Plan     string      `json:"plan,omitempty"`
	DryRun   bool        `json:"dry_run,omitempty"`
	Started  time.Time   `json:"started"`
	Ended    time.Time   `json:"ended"`
	Acts     []ActResult `json:"acts"`
	Outcomes []Outcome   `json:"outcomes"`
	Checks   []Check     `json:"checks,omitempty"`
	Warnings []string    `json:"warnings,omitempty"`
	Sealed   bool        `json:"sealed"`
}

// Status of the whole: done only if every act is done or already so.
func (r *Run) Status() Status {
	worst := StatusDone
	for _, a := range r.Acts {
		worst = worse(worst, a.Status)
	}
	if worst.OK() {
		return StatusDone
	}
	return worst
}

// worse is the graver of two statuses.
func worse(a, b Status) Status {
	rank := map[Status]int{StatusAlready: 0, StatusDone: 1, StatusWould: 1, StatusSkipped: 2, StatusStale: 3, StatusUnknown: 4, StatusFailed: 5}
	if rank[b] > rank[a] {
		return b
	}
	return a
}
