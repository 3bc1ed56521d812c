package contain

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// PlanSchema names the shape of Plan; a plan with another one is refused.
const PlanSchema = "freezeframe.contain.plan/2"

// Kind says how an act comes to its end.
type Kind string

// Kinds of acts.
const (
	Isolate  Kind = "isolate"  // release lifts it
	Evict    Kind = "evict"    // removes what is hostile: only undo, by name, brings it back
	Preserve Kind = "preserve" // keeps evidence from being destroyed: needs no seal before it
)

// Level is how far a plan goes. Each holds the one before it.
type Level string

// Levels. An act names the lowest one that it is part of.
const (
	LevelStop    Level = "stop"    // nothing runs any more: concurrency 0 and a deny on the role; back in seconds
	LevelIsolate Level = "isolate" // and nothing reaches it: mappings, triggers, URLs, grants, sessions
	LevelEvict   Level = "evict"   // and what is hostile goes: the actor's side, aliases, configuration, code
)

// rank of a level: 0 is none, or no level at all.
func (l Level) rank() int { return slices.Index([]Level{"", LevelStop, LevelIsolate, LevelEvict}, l) }

// Order says what comes first where two acts compete.
type Order string

// Orders of a plan. RoleFirst is the default: once a function is frozen a thief who
// holds its credentials knows, so they are cut off first. ConcurrencyFirst is for
// exfiltration under way.
const (
	RoleFirst        Order = "role-first"
	ConcurrencyFirst Order = "concurrency-first"
)

// TargetKind says what documents hang on.
type TargetKind string

// Kinds of targets. Documents of OnRole hang on roles that are targets themselves (the
// actor's side) and on the execution role of each function.
const (
	OnFunction TargetKind = "function"
	OnRole     TargetKind = "role"
	OnUser     TargetKind = "user"
	OnResource TargetKind = "resource" // anything else that is named by its ARN: a rule, a key, a trail
)

// Target is a function, role, user or other resource to act on, and what was learned of it.
type Target struct {
	Kind      TargetKind `json:"kind"`
	Account   string     `json:"account"`
	Region    string     `json:"region"`             // "": a global service's
	Function  string     `json:"function,omitempty"` // name
	ARN       string     `json:"arn"`                // of a function, unqualified
	Role      string     `json:"role,omitempty"`     // ARN of the execution role, or of the role that the target is, path included
	ID        string     `json:"id,omitempty"`       // of the role or user (AROA..., AIDA...), where it could be read
	LogGroup  string     `json:"log_group,omitempty"`
	Partition string     `json:"partition"` // "aws"
}

// Place is one document of a target: the mapping with that UUID, the policy of that
// qualifier. The key of a document of a resource elsewhere is that resource's ARN, so
// that two functions that a rule calls share one document.
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
	Function  string   `json:"function"`            // ARN
	Kind      string   `json:"kind"`                // "url", "mapping", "alias", "grant", "rule", "route", ...
	Name      string   `json:"name"`                // URL, UUID, alias name, statement id, ARN
	Qualifier string   `json:"qualifier,omitempty"` // "" is unqualified: $LATEST
	Detail    string   `json:"detail,omitempty"`    // source, principal, version and weights
	Reaches   []string `json:"reaches,omitempty"`   // versions: what the qualifier stands for, with the aliases as this plan leaves them
	Doc       string   `json:"doc,omitempty"`       // the document that holds it, if an act can close it there
	Key       string   `json:"key,omitempty"`
	Closed    string   `json:"closed,omitempty"` // the act of this plan, or the state of the account, that closes it; "": it stays open

	stays func(after json.RawMessage) bool // whether it stays open with the document like that; nil: any edit closes it
}

// Artefact is evidence that must lie in a sealed bag before an act overwrites it: names
// and sources as collect/doc.go lists them.
type Artefact struct {
	Name      string `json:"artefact"`
	ARN       string `json:"arn"`
	Qualifier string `json:"qualifier,omitempty"`
	Content   string `json:"code_sha256,omitempty"` // of code: exactly that package; "": any of that name
}

// PlannedEdit is one act's edit on a document.
type PlannedEdit struct {
	Act      string   `json:"act"`
	On       string   `json:"on,omitempty"`  // ARN of the target that it is made for
	For      string   `json:"for,omitempty"` // the act that needs this one done first, and takes it along when undone
	Params   Params   `json:"params,omitempty"`
	Findings []string `json:"findings,omitempty"` // ids of the events whose findings it answers
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
	Worth       []string       `json:"worth,omitempty"` // what it does not stop, as far as reads show
	Permissions []awsapi.Grant `json:"permissions"`     // what apply needs
}

// Unplanned is an act, or a part of one, that could not be planned, and why.
type Unplanned struct {
	Act   string `json:"act"`
	What  string `json:"what"` // "reading lambda.urls"
	Error string `json:"error"`
}

// Shared is a role that more than the targets of the plan depend on.
type Shared struct {
	Role      string   `json:"role"`
	Functions []string `json:"functions,omitempty"` // ARNs, of the region only that was read
	Trusted   []string `json:"trusted,omitempty"`   // whom its trust policy lets in beside Lambda
	Accepted  bool     `json:"accepted"`            // --accept-shared-role
}

// Text is what this account cannot do, ready for whoever can.
type Text struct {
	For   string          `json:"for"`   // ARN of the principal that it contains
	Where string          `json:"where"` // who pastes it where
	Body  json.RawMessage `json:"body"`
}

// Unanswered is a finding that stands and that no act of this plan answers.
type Unanswered struct {
	Finding finding.Finding `json:"finding"`
	Why     string          `json:"why"`
	Do      string          `json:"do"` // by hand
}

// Plan is what will be done, to which state, with which consequences: data, made by
// reads alone. Apply refuses it elsewhere, later than a drift, or changed.
type Plan struct {
	Schema     string       `json:"schema"`
	Made       time.Time    `json:"made"`
	Case       string       `json:"case,omitempty"`
	Exercise   string       `json:"exercise,omitempty"` // that the case is of; "" is the real thing
	Account    string       `json:"account"`
	Region     string       `json:"region"`       // of the session; each target has its own
	Targets    []Target     `json:"targets"`      // the first is the one that the plan is named after
	Principal  string       `json:"principal"`    // who planned: ARN by GetCallerIdentity
	Endpoint   string       `json:"endpoint_url"` // "" is AWS
	Level      Level        `json:"level,omitempty"`
	Order      Order        `json:"order"`
	Acts       []PlannedAct `json:"acts"`
	Moves      []Move       `json:"moves"` // in the order of application
	Callers    []Caller     `json:"callers,omitempty"`
	Bad        []string     `json:"bad,omitempty"` // versions whose code is known to be bad: apply checks the roads to them
	Shared     []Shared     `json:"shared,omitempty"`
	Texts      []Text       `json:"texts,omitempty"`
	Rotate     []Rotation   `json:"rotate,omitempty"` // at LevelEvict: whose values are to be changed
	Warnings   []string     `json:"warnings,omitempty"`
	Unplanned  []Unplanned  `json:"unplanned,omitempty"`
	Unanswered []Unanswered `json:"unanswered,omitempty"`
	Hash       string       `json:"sha256"` // over the canonical JSON of everything else
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
	userID string // of the sessions that the act denies, where it denies only those
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

// NothingToDo is the note of an act that found nothing to act on.
const NothingToDo = "nothing to do"

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
	Open     []string    `json:"open,omitempty"` // roads to bad code that are open still: what was done is not enough
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
