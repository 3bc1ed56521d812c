package playbooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

const runSchema = "freezeframe/playbook-run/v2"

// Class says what a verb does to the world.
type Class string

// Classes of verbs.
const (
	Reads   Class = "reads"   // reads the account, writes the case
	Changes Class = "changes" // changes the account
	Asks    Class = "asks"    // asks a person
	Tells   Class = "tells"   // tells somebody
	Offline Class = "offline" // works on the case alone
)

// Verb is what a step can do.
type Verb struct {
	Name      string                                                         `json:"name"`
	About     string                                                         `json:"about"`
	Class     Class                                                          `json:"class"`
	Preserves bool                                                           `json:"preserves,omitempty"` // seals evidence: steps that change the account must come behind such a step
	With      []Param                                                        `json:"with"`
	Gives     []Param                                                        `json:"gives"`
	Timeout   time.Duration                                                  `json:"-"` // 0 is half an hour
	Needs     func() []awsapi.Need                                           `json:"-"` // calls to the account; nil makes none
	Check     func(s *Step) string                                           `json:"-"` // what is wrong with a step beyond names and types; "" is nothing
	Run       func(ctx context.Context, env *Env, args Args) (Result, error) `json:"-"`
	// Undo takes back what a step that ran has changed; nil where there is nothing to take back.
	Undo func(ctx context.Context, env *Env, args Args, reason string) error `json:"-"`
}

// Result is what a step came to. Values are typed as the verb's Gives say.
type Result struct {
	Values  map[string]any
	Gaps    int      // what was wanted and is not there: the run cannot end as plainly succeeded
	Summary string   // one line for people
	Left    []string // what is left to people, one line each
}

// Env is what verbs work with.
type Env struct {
	Session  *awsapi.Session
	Case     *evidence.Case
	Operator string // the human
	Tool     evidence.Tool
	Host     string
	Exercise string // id of the exercise that this is; "" is the real thing
	// Ask puts a question to the person at the keyboard. Nil: nobody is there.
	Ask func(ctx context.Context, q Question) (Answer, error)
	// Tell hears of the run's progress; nil is allowed.
	Tell func(StepReport)
	// Doing hears of progress within a step: done of all, bytes, what; nil is allowed.
	Doing func(done, all int, bytes int64, at string)
	// Say writes a line for people, as the verb notify does; nil is allowed.
	Say func(line string)
	// Webhooks are the addresses that notify may send to, beginning with one of these; none by default.
	Webhooks []string
	Now      func() time.Time
	Sleep    func(ctx context.Context, d time.Duration) error // nil is the wall clock's
	Unpaced  bool                                             // the account is simulated in process: no quota to keep below
}

func (env *Env) sleep(ctx context.Context, d time.Duration) error {
	if env.Sleep != nil {
		return env.Sleep(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Errors of a run that callers branch on.
var (
	// ErrDeclined: an approval gate was answered with no, or there was nobody to ask.
	ErrDeclined = errors.New("not approved")
	// ErrInput: an input is missing, unknown or malformed.
	ErrInput = errors.New("playbook input")
	// ErrNoRun: there is no run that could go on.
	ErrNoRun = errors.New("no interrupted run")
)

// Status is how a run or a step ended.
type Status string

// Statuses. A run with a failed step never ends as succeeded.
const (
	Succeeded   Status = "succeeded"
	WithGaps    Status = "succeeded with gaps"
	Failed      Status = "failed"
	Aborted     Status = "aborted"     // a person said no, or nobody said yes
	Interrupted Status = "interrupted" // cut off: it can go on
	Skipped     Status = "skipped"     // steps only: its condition did not hold, or the run did not come to it
	Running     Status = "running"     // reports only
)

// statuses are those that a condition can ask for.
var statuses = []string{string(Succeeded), string(WithGaps), string(Failed), string(Aborted), string(Skipped)}

// rank orders the endings: a run is as bad as its worst step.
func (s Status) rank() int {
	return slices.Index([]Status{Skipped, Succeeded, WithGaps, Failed, Aborted, Interrupted}, s)
}

// StepReport is what became of one step. ID is unique in the run: a step of a loop's third turn
// is "loop[3]/step", one of a used playbook "use/step".
type StepReport struct {
	ID      string    `json:"id"`
	Verb    string    `json:"verb"`
	Status  Status    `json:"status"`
	Summary string    `json:"summary,omitempty"`
	Error   string    `json:"error,omitempty"`
	Gaps    int       `json:"gaps,omitempty"`
	Left    []string  `json:"left_to_people,omitempty"`
	Parts   bool      `json:"parts,omitempty"` // it is made of steps, which have reports of their own
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
}

// Run is the record of one run of a playbook.
type Run struct {
	Schema   string            `json:"schema"`
	ID       string            `json:"id"` // of the bag that is its record
	Playbook string            `json:"playbook"`
	SHA256   string            `json:"playbook_sha256"`
	Exercise string            `json:"exercise,omitempty"`
	Status   Status            `json:"status"`
	Inputs   map[string]string `json:"inputs"`
	Steps    []StepReport      `json:"steps"`
	Left     []string          `json:"left_to_people"`
	Started  time.Time         `json:"started"`
	Ended    time.Time         `json:"ended,omitzero"`

	env     *Env
	w       *evidence.Writer
	past    *Record // of the stretch before an interruption; nil at first
	top     *frame
	resumes int

	mu      sync.Mutex
	err     error
	changed []change // steps that changed the account, in order
	broken  error    // of the case's store: nothing goes on
}

// change is a step that changed the account.
type change struct {
	verb Verb
	args Args
}

// Value is what a step of the run gave, nil if it gave nothing. Steps within loops and used
// playbooks are not reached.
func (r *Run) Value(step, result string) any {
	if r.top == nil {
		return nil
	}
	v, _ := r.top.value(Value{Step: step, Result: result})
	return v
}

// Err is why the run did not succeed; nil for Succeeded and WithGaps.
func (r *Run) Err() error { return r.err }

// Execute runs the playbook: the record into a bag of its own and into the case's ledger. The
// returned error is one of the inputs or of the case; what failed within the run is in Run.Status
// and Run.Err. A run whose context ends is Interrupted: Resume goes on with it.
func Execute(ctx context.Context, pb *Playbook, inputs map[string]any, env *Env) (*Run, error) {
	values, err := resolveInputs(pb, inputs)
	if err != nil {
		return nil, err
	}
	r := newRun(pb, env)
	for k, v := range values {
		r.Inputs[k] = shown(v)
	}
	if err := r.begin(ctx, pb, values); err != nil {
		return nil, err
	}
	if err := r.record(ctx, "started", nil); err != nil {
		return nil, err
	}
	return r, r.play(ctx, pb, values)
}

// ErrExercise: exercises and the real thing do not touch each other.
var ErrExercise = contain.ErrExercise

func newRun(pb *Playbook, env *Env) *Run {
	return &Run{Schema: runSchema, Playbook: pb.Name, SHA256: pb.SHA256, Exercise: env.Exercise, Status: Succeeded, Inputs: map[string]string{},
		Steps: []StepReport{}, Left: []string{}, Started: env.Now().UTC(), env: env}
}

// play runs all steps and ends the record.
func (r *Run) play(ctx context.Context, pb *Playbook, inputs map[string]any) error {
	r.top = newFrame(r, pb, inputs)
	goOn := true
	if r.past != nil && len(pb.Resume) > 0 {
		again := newFrame(r, pb, inputs)
		again.prefix = fmt.Sprintf("resume[%d]/", r.resumes)
		goOn = again.list(ctx, pb.Resume).onward()
	}
	if goOn {
		r.top.list(ctx, pb.Steps)
	} else {
		r.top.skip(pb.Steps)
	}
	if r.broken != nil {
		return r.broken
	}
	if ctx.Err() != nil {
		r.worse(Interrupted, nil)
	}
	return r.end(ctx)
}

// worse notes how a step ended: a run is as bad as its worst.
func (r *Run) worse(s Status, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.rank() > r.Status.rank() {
		r.Status = s
	}
	r.err = errors.Join(r.err, err)
}

func (r *Run) report(rep StepReport) {
	r.mu.Lock()
	r.Steps = append(r.Steps, rep)
	r.Left = append(r.Left, rep.Left...)
	r.mu.Unlock()
	r.tell(rep)
}

// tell passes on what happens, one at a time.
func (r *Run) tell(rep StepReport) {
	if r.env.Tell == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.env.Tell(rep)
}

// fatal notes that the record cannot be written: what is not recorded is not done.
func (r *Run) fatal(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = errors.Join(r.broken, err)
}

func (r *Run) isBroken() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.broken != nil
}

// Args are a step's resolved arguments; what was not given is the zero value.
type Args struct {
	Playbook string
	Step     string // unique in the run
	Run      string // its id
	About    string
	Override string // why the account may be changed before a seal
	// Again: an interruption cut the step off, and what it had done is not known.
	Again bool
	// Retry: a try before this one failed.
	Retry  bool
	values map[string]any
	run    *Run
}

// arg reads an argument as its type; Parse has checked that the types agree.
func arg[T any](a Args, name string) T {
	v, _ := a.values[name].(T)
	return v
}

// note puts something into the run's journal.
func (a Args) note(ctx context.Context, kind string, v any) error { return a.run.note(ctx, kind, v) }

// until is a moment that an interruption does not move: noted when it is asked for first.
func (a Args) until(ctx context.Context, t time.Time) (time.Time, error) {
	if a.run.past != nil {
		if before, ok := a.run.past.until[a.Step]; ok {
			return before, nil
		}
	}
	return t, a.note(ctx, noteUntil, untilNote{a.Step, t.UTC()})
}

func resolveInputs(pb *Playbook, given map[string]any) (map[string]any, error) {
	var names []string
	for _, in := range pb.Inputs {
		names = append(names, in.Name)
	}
	for _, name := range keys(given) {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("%w: playbook %s has no input %q%s", ErrInput, pb.Name, name, didYouMean(name, names))
		}
	}
	out := map[string]any{}
	for _, in := range pb.Inputs {
		v, ok := given[in.Name]
		switch {
		case ok:
			out[in.Name] = v
		case in.Required:
			return nil, fmt.Errorf("%w: playbook %s needs the input %q (%s)", ErrInput, pb.Name, in.Name, in.About)
		case in.Default != nil:
			out[in.Name] = in.Default
		}
	}
	return out, nil
}

// encode writes what a step gave for the journal.
func encode(values map[string]any) (map[string]json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	for name, v := range values {
		raw, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out[name] = raw
	}
	return out, nil
}

// sameExercise refuses to let an exercise change an account of AWS.
func (env *Env) sameExercise() error {
	if env.Exercise != "" && env.Session.Endpoint == "" {
		return fmt.Errorf("%w: exercise %s, and the session works on AWS itself", ErrExercise, env.Exercise)
	}
	return nil
}
