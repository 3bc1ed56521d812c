package contain

import "context"

// NewPlan reads the account and says what would be done. Acts that could not be
// planned stand in Plan.Unplanned; an error means there is no plan at all. Refusals:
// ErrProtected, ErrUnknownAct.
func NewPlan(ctx context.Context, in PlanInput) (*Plan, error) { return nil, errNotBuilt }

// DecodePlan reads a plan file, strictly: ErrBadPlan, ErrPlanChanged.
func DecodePlan(b []byte) (*Plan, error) { return nil, errNotBuilt }

// Apply does what was planned. Refusals (see Refused) come before any write; after
// that, what went wrong is in the Run, and the error is one of the case's store.
func Apply(ctx context.Context, in ApplyInput) (*Run, error) { return nil, errNotBuilt }

// Release lifts the acts of Kind Isolate, and no others.
func Release(ctx context.Context, in LiftInput) (*Run, error) { return nil, errNotBuilt }

// Undo takes acts back, by name or all of them.
func Undo(ctx context.Context, in LiftInput) (*Run, error) { return nil, errNotBuilt }

// Standings says how each act of this case stands, reading its documents again.
func Standings(ctx context.Context, in StatusInput) ([]Standing, error) { return nil, errNotBuilt }

// DefaultActs are the acts of a plan that names none, in their order.
func DefaultActs() []string { return nil }
