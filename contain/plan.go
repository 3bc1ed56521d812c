package contain

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

// NewPlan reads the account and says what would be done. Acts, or parts of them, that
// could not be planned stand in Plan.Unplanned; an error means there is no plan at all.
func NewPlan(ctx context.Context, in PlanInput) (*Plan, error) {
	in.Clock, ctx = in.Clock.orReal(), withCase(ctx, in.Case)
	if in.Level == "" && len(in.Acts) == 0 && len(in.Findings) == 0 && !in.Preserve && !in.RotateSecrets {
		in.Level = LevelIsolate
	}
	if in.Order == "" {
		in.Order = RoleFirst
	}
	if in.Order != RoleFirst && in.Order != ConcurrencyFirst {
		return nil, fmt.Errorf("%w: order %q", ErrBadPlan, in.Order)
	}
	named, err := chosen(in)
	if err != nil {
		return nil, err
	}
	d := &draft{in: in, named: named, blocked: map[string]bool{}, sharedOut: map[string]bool{}, states: map[string]json.RawMessage{}, params: map[string]Params{}}
	d.plan = &Plan{
		Schema: PlanSchema, Made: in.Clock.Now().UTC().Truncate(time.Second), Account: in.Session.Identity.Account, Region: in.Session.Region,
		Principal: in.Session.Identity.ARN, Endpoint: in.Session.Endpoint, Level: in.Level, Order: in.Order, Bad: in.Bad,
	}
	if in.Case != nil {
		d.plan.Case, d.plan.Exercise = in.Case.ID, in.Case.Exercise
	}
	if err := d.survey(ctx); err != nil {
		return nil, err
	}
	d.rotations(ctx)
	d.rotate(ctx)
	if err := d.fill(ctx); err != nil {
		return nil, err
	}
	d.plan.Hash, err = d.plan.sum()
	return d.plan, err
}

// chosen are the acts that the level, names and Preserve ask for.
func chosen(in PlanInput) (map[string]bool, error) {
	if in.Level.rank() < 0 {
		return nil, fmt.Errorf("%w: level %q: it is %s, %s or %s", ErrBadPlan, in.Level, LevelStop, LevelIsolate, LevelEvict)
	}
	want := map[string]bool{}
	for _, n := range in.Acts {
		if _, err := actNamed(n); err != nil {
			return nil, err
		}
		if n == actRotate && !in.RotateSecrets {
			return nil, fmt.Errorf("%w: %s runs a function, and is planned by --rotate-secrets alone", ErrBadPlan, n)
		}
		want[n] = true
	}
	if in.StopDurable {
		want[actDurable] = true
	}
	for _, a := range catalogue() {
		within := a.Level != "" && a.Level.rank() <= in.Level.rank()
		if within || in.Preserve && a.Kind == Preserve || in.RotateSecrets && a.Name == actRotate {
			want[a.Name] = true
		}
	}
	return want, nil
}

// target is the target of that ARN.
func (p *Plan) target(arn string) (Target, error) {
	i := slices.IndexFunc(p.Targets, func(t Target) bool { return t.ARN == arn })
	if i < 0 {
		return Target{}, fmt.Errorf("%w: no target %q", ErrBadPlan, arn)
	}
	return p.Targets[i], nil
}

// place is where an edit's document is.
func (p *Plan) place(e PlannedEdit, key string) (Place, error) {
	t, err := p.target(e.On)
	return Place{t, key}, err
}

// placed are a move's edits, each with its place.
func (p *Plan) placed(m *Move) ([]placed, error) {
	var all []placed
	for _, e := range m.Edits {
		at, err := p.place(e, m.Key)
		if err != nil {
			return nil, err
		}
		all = append(all, placed{e, at})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: a move without edits", ErrBadPlan)
	}
	return all, nil
}

// arns of all targets.
func (p *Plan) arns() []string {
	var all []string
	for _, t := range p.Targets {
		all = append(all, t.ARN)
	}
	return all
}

// Functions are the names of the functions to be contained.
func (p *Plan) Functions() []string {
	var all []string
	for _, t := range p.Targets {
		if t.Function != "" {
			all = append(all, t.Function)
		}
	}
	return all
}

func (p *Plan) write(w io.Writer) error {
	b, err := p.Encode()
	if err == nil {
		_, err = w.Write(b)
	}
	return err
}

// sum is the hash over everything but itself.
func (p *Plan) sum() (string, error) {
	c := *p
	c.Hash = ""
	b, err := canonical(c)
	if err != nil {
		return "", err
	}
	return digest(b), nil
}

// maxPlan bounds a plan file: one of a function with 10,000 qualifiers is below it.
const maxPlan = 64 << 20

// ReadPlan reads a plan file, strictly: ErrBadPlan, ErrPlanChanged.
func ReadPlan(r io.Reader) (*Plan, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxPlan+1))
	if err != nil {
		return nil, fmt.Errorf("reading the plan: %w", err)
	}
	if len(b) > maxPlan {
		return nil, fmt.Errorf("%w: larger than %d bytes", ErrBadPlan, maxPlan)
	}
	return DecodePlan(b)
}

// DecodePlan is ReadPlan on bytes.
func DecodePlan(b []byte) (*Plan, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	p := &Plan{}
	if err := dec.Decode(p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadPlan, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: something follows it", ErrBadPlan)
	}
	return p, p.check()
}

// check refuses a plan that is not one, or not as it was made.
func (p *Plan) check() error {
	if p == nil || p.Schema != PlanSchema {
		return fmt.Errorf("%w: its schema is not %s", ErrBadPlan, PlanSchema)
	}
	sum, err := p.sum()
	if err != nil {
		return err
	}
	if sum != p.Hash {
		return fmt.Errorf("%w: its hash is %s, it says %s", ErrPlanChanged, sum, p.Hash)
	}
	return nil
}

// Encode is the plan as a file: indented JSON with a final newline. People read it before
// they approve it: nothing in it moves or hides what they see.
func (p *Plan) Encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(safetext.JSON(&b))
	enc.SetIndent("", "  ")
	if err := enc.Encode(p); err != nil {
		return nil, fmt.Errorf("encoding the plan: %w", err)
	}
	return b.Bytes(), nil
}
