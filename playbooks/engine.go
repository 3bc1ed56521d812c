package playbooks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Class says what a verb does to the world.
type Class string

// Classes of verbs.
const (
	Reads   Class = "reads"   // reads the account, writes the case
	Changes Class = "changes" // changes the account
	Asks    Class = "asks"    // asks a person
	Offline Class = "offline" // works on the case alone
)

// Verb is what a step can do.
type Verb struct {
	Name, About string
	Class       Class
	Preserves   bool // seals evidence: steps that change the account must come behind such a step
	With, Gives []Param
	Run         func(ctx context.Context, env *Env, args Args) (Result, error)
}

// Result is what a step came to. Values are typed as the verb's Gives say.
type Result struct {
	Values  map[string]any
	Gaps    int    // what was wanted and is not there: the run cannot end as plainly succeeded
	Summary string // one line for people
}

// Env is what verbs work with.
type Env struct {
	Session  *awsapi.Session
	Case     *evidence.Case
	Operator string // the human
	Tool     evidence.Tool
	Host     string
	// Ask puts a question to a person. Nil: nobody is there, and the answer is no.
	Ask func(ctx context.Context, q Question) (Answer, error)
	// Tell hears of the run's progress; nil is allowed.
	Tell func(StepReport)
	// Doing hears of progress within a step: done of all, bytes, what; nil is allowed.
	Doing func(done, all int, bytes int64, at string)
	Now   func() time.Time
}

// Question is what an approval gate asks.
type Question struct {
	Playbook, Step, Text string
	Detail               []string // lines to read before answering
}

// Answer is what a person said.
type Answer struct {
	Approved    bool
	Who, Reason string
}

// ErrDeclined: an approval gate was answered with no, or there was nobody to ask.
var ErrDeclined = errors.New("not approved")

// ErrInput: an input is missing, unknown or malformed.
var ErrInput = errors.New("playbook input")

// Status is how a run or a step ended.
type Status string

// Statuses. A run that skipped or failed a step never ends as succeeded.
const (
	Succeeded Status = "succeeded"
	WithGaps  Status = "succeeded with gaps"
	Failed    Status = "failed"
	Aborted   Status = "aborted"
	Skipped   Status = "skipped" // steps only
	Running   Status = "running" // reports only
)

// StepReport is what became of one step.
type StepReport struct {
	ID      string    `json:"id"`
	Verb    string    `json:"verb"`
	Status  Status    `json:"status"`
	Summary string    `json:"summary,omitempty"`
	Error   string    `json:"error,omitempty"`
	Gaps    int       `json:"gaps,omitempty"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
}

// Run is the record of one run of a playbook.
type Run struct {
	Schema   string            `json:"schema"`
	Playbook string            `json:"playbook"`
	SHA256   string            `json:"playbook_sha256"`
	Status   Status            `json:"status"`
	Inputs   map[string]string `json:"inputs"`
	Steps    []StepReport      `json:"steps"`
	Started  time.Time         `json:"started"`
	Ended    time.Time         `json:"ended"`

	values map[string]map[string]any
	err    error
}

// Value is what a step of the run gave, nil if it gave nothing.
func (r *Run) Value(step, result string) any { return r.values[step][result] }

// Err is why the run did not succeed; nil for Succeeded and WithGaps.
func (r *Run) Err() error { return r.err }

// Execute runs the playbook: every step in order, the record into the case's
// ledger. The returned error is one of the inputs or of the case; what failed
// within the run is in Run.Status and Run.Err.
func Execute(ctx context.Context, pb *Playbook, inputs map[string]any, env *Env) (*Run, error) {
	values, err := resolveInputs(pb, inputs)
	if err != nil {
		return nil, err
	}
	r := &Run{Schema: "freezeframe/playbook-run/v1", Playbook: pb.Name, SHA256: pb.SHA256, Inputs: map[string]string{}, Started: env.Now().UTC(), values: map[string]map[string]any{}}
	for k, v := range values {
		r.Inputs[k] = fmt.Sprint(v)
	}
	if err := r.record(ctx, env, "started", nil); err != nil {
		return nil, err
	}
	r.Status = Succeeded
	for i, s := range pb.Steps {
		r.step(ctx, pb, s, values, env)
		if r.Status == Failed && s.OnFailure == Stop || r.Status == Aborted {
			r.skip(pb.Steps[i+1:])
			break
		}
	}
	r.Ended = env.Now().UTC()
	// The end is recorded even when the run was interrupted.
	return r, r.record(context.WithoutCancel(ctx), env, string(r.Status), r.err)
}

func (r *Run) record(ctx context.Context, env *Env, what string, why error) error {
	data := map[string]string{"playbook": r.Playbook, "playbook_sha256": r.SHA256, "status": what}
	for k, v := range r.Inputs {
		data["input."+k] = v
	}
	for _, s := range r.Steps {
		data["step."+s.ID] = string(s.Status)
	}
	if why != nil {
		data["error"] = why.Error()
	}
	err := env.Case.Record(ctx, evidence.Event{Type: evidence.EventDecide, Actor: env.Operator, Reason: "playbook " + r.Playbook + " " + what, Data: data})
	if err != nil {
		return fmt.Errorf("recording the run of %s in the ledger: %w", r.Playbook, err)
	}
	return nil
}

func (r *Run) step(ctx context.Context, pb *Playbook, s Step, inputs map[string]any, env *Env) {
	rep := StepReport{ID: s.ID, Verb: s.Verb.Name, Status: Running, Summary: s.About, Started: env.Now().UTC()}
	tell(env, rep)
	res, err := s.Verb.Run(ctx, env, r.args(pb, s, inputs))
	rep.Ended, rep.Summary, rep.Gaps, rep.Status = env.Now().UTC(), res.Summary, res.Gaps, Succeeded
	r.values[s.ID] = res.Values
	switch {
	case errors.Is(err, ErrDeclined), ctx.Err() != nil:
		rep.Status, r.Status = Aborted, Aborted
	case err != nil:
		rep.Status, r.Status = Failed, Failed
	case res.Gaps > 0:
		rep.Status = WithGaps
		if r.Status == Succeeded {
			r.Status = WithGaps
		}
	}
	if err != nil {
		rep.Error = err.Error()
		r.err = errors.Join(r.err, fmt.Errorf("step %s: %w", s.ID, err))
	}
	r.Steps = append(r.Steps, rep)
	tell(env, rep)
}

func tell(env *Env, rep StepReport) {
	if env.Tell != nil {
		env.Tell(rep)
	}
}

func (r *Run) skip(rest []Step) {
	for _, s := range rest {
		r.Steps = append(r.Steps, StepReport{ID: s.ID, Verb: s.Verb.Name, Status: Skipped})
	}
}

// Args are a step's resolved arguments; what was not given is the zero value.
type Args struct {
	Playbook, Step string
	values         map[string]any
	run            *Run
}

func (r *Run) args(pb *Playbook, s Step, inputs map[string]any) Args {
	a := Args{Playbook: pb.Name, Step: s.ID, values: map[string]any{}, run: r}
	for name, v := range s.With {
		switch {
		case v.Input != "":
			a.values[name] = inputs[v.Input]
		case v.Step != "":
			a.values[name] = r.values[v.Step][v.Result]
		default:
			a.values[name] = v.Literal
		}
	}
	return a
}

// arg reads an argument as its type; Parse has checked that the types agree.
func arg[T any](a Args, name string) T {
	v, _ := a.values[name].(T)
	return v
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
		default:
			out[in.Name] = in.Default
		}
	}
	return out, nil
}
