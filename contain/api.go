package contain

import (
	"context"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// Clock is time, passed in: Sleep ends early with the context's error.
type Clock struct {
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
}

// PlanInput is what a plan is made from.
type PlanInput struct {
	Session   *awsapi.Session // made read-only by NewPlan
	Case      *evidence.Case  // nil: the plan belongs to no case yet
	Functions []string        // names or unqualified ARNs, of one account; a name is one of the session's region
	Actors    []string        // ARNs of roles, role sessions and users: those who did it, and each role chained from them
	Resources []string        // ARNs of what else is to be acted on
	Level     Level           // with no level, no act and no finding: LevelIsolate
	Acts      []string        // names, added to those of the level
	Preserve  bool            // add every act of Kind Preserve
	Findings  []finding.Finding
	Order     Order // "" is RoleFirst
	// AcceptSharedRole plans acts on a whole role that others than the targets use.
	AcceptSharedRole bool
	// Bad are versions whose code is known to be bad: Plan.Warnings says what still reaches them.
	Bad []string
	// GoodVersion is the published version that is vouched for: "2", or "live=2" for one alias.
	GoodVersion []string
	// QuarantineGroup is a security group that lets nothing out, of the functions' VPC.
	QuarantineGroup string
	// SigningConfig is the ARN of a code-signing configuration that enforces.
	SigningConfig string
	// IdentityUser is the Identity Center id of the user behind a reserved role, for Plan.Texts.
	IdentityUser string
	// StopDurable stops durable executions, which cannot be taken back.
	StopDurable bool
	// RotateSecrets plans the rotation of secrets that a function could read, where nobody of
	// the plan can read them any more and nothing of it is in their rotation function.
	RotateSecrets bool
	// ServiceGrants also removes grants to services without SourceArn or SourceAccount.
	ServiceGrants bool
	// Organization is the id of one's own organization (o-...): grants limited to it stay.
	Organization string
	Protected    []string // ARNs or names with wildcards: break-glass, worker, contain roles
	Chain        []string // ARNs of further principals of the operator, such as the one that assumed the session's role
	Clock        Clock
}

// ApplyInput is what it takes to apply a plan.
type ApplyInput struct {
	Session   *awsapi.Session
	Case      *evidence.Case
	Plan      *Plan
	Operator  string // the human; "" is the case's
	Tool      evidence.Tool
	Fast      bool     // acts of LevelStop first and together, everything else after them
	DryRun    bool     // all reads and checks, no write; the session is made read-only
	Override  string   // reason for acting although something is not sealed
	Protected []string // as in PlanInput
	Chain     []string
	Deadline  time.Duration // for a change to show; 0 is 2 minutes
	Clock     Clock
	Progress  func(Outcome) // called from many goroutines, never concurrently
}

// LiftInput is what release and undo take.
type LiftInput struct {
	Session  *awsapi.Session
	Case     *evidence.Case
	Function string   // name or ARN of a target; "" is every one of this case, in the session's account
	Acts     []string // undo: names; none with All
	All      bool     // undo: everything
	Reason   string   // needed by undo
	Operator string
	Tool     evidence.Tool
	DryRun   bool
	// Force takes back acts named in Acts although their document is neither as the act
	// left it nor as it was before.
	Force bool
	// AcceptRisk is the reason for giving credentials their power back that may be stolen.
	AcceptRisk string
	Deadline   time.Duration
	Clock      Clock
	Progress   func(Outcome)
}

// State of an act on one document.
type State string

// States that Standing reports.
const (
	InForce  State = "in force"
	Drifted  State = "drifted" // somebody changed it since
	Released State = "released"
	Undone   State = "undone"
	Pending  State = "pending"   // an intent without outcome: the run was cut off
	NoAnswer State = "no answer" // the document could not be read
	Before   State = "before us" // contained by somebody else: a finding, for who did, and why?
)

// Standing is how one act stands on one document.
type Standing struct {
	Act      string    `json:"act"`
	Kind     Kind      `json:"kind"`
	Doc      string    `json:"doc"`
	Key      string    `json:"key,omitempty"`
	Function string    `json:"function"` // ARN of the target
	Resource string    `json:"resource"`
	State    State     `json:"state"`
	Since    time.Time `json:"since,omitzero"`
	Bag      string    `json:"bag,omitempty"` // of the run that put it in force, or lifted it
	Detail   string    `json:"detail,omitempty"`
}

// StatusInput is what Standings needs. Without a session nothing is read from the
// account, and states are those of the journal. With one, what others contained is told
// too, of the target that is named, or of all that this case has acted on.
type StatusInput struct {
	Session  *awsapi.Session
	Case     *evidence.Case
	Function string
}
