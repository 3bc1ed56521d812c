package contain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Apply does what was planned. Refusals (see Refused) come before any write; after
// that, what went wrong stands in the Run, and the error is one of the case's store.
func Apply(ctx context.Context, in ApplyInput) (*Run, error) {
	in.Clock, ctx = in.Clock.orReal(), withCase(ctx, in.Case)
	p := in.Plan
	if err := p.check(); err != nil {
		return nil, err
	}
	if in.DryRun {
		in.Session = in.Session.ReadOnly()
	}
	if err := sameAccount(p, in.Session); err != nil {
		return nil, err
	}
	if err := sameExercise(in.Case, in.Session); err != nil {
		return nil, err
	}
	if in.Case != nil && p.Exercise != in.Case.Exercise {
		return nil, fmt.Errorf("%w: the plan is of %s, the case of %s", ErrExercise, exerciseNamed(p.Exercise), exerciseNamed(in.Case.Exercise))
	}
	if err := guardPlan(in); err != nil {
		return nil, err
	}
	r := newRunner("apply", in.Session, in.Case, in.Clock, in.Deadline, in.Progress)
	r.run.Plan, r.run.DryRun = p.Hash, in.DryRun
	r.missed = p.Unplanned
	tasks, err := planned(p, in.Clock.Now().UTC(), in.Fast)
	if err != nil {
		return nil, err
	}
	missing, err := r.look(ctx, p, tasks)
	if err != nil {
		return nil, err
	}
	if err := r.retime(p, tasks); err != nil {
		return nil, err
	}
	if len(missing) > 0 && strings.TrimSpace(in.Override) == "" {
		return nil, &NotPreservedError{Functions: p.Functions(), Missing: missing}
	}
	if in.DryRun {
		r.rehearse(ctx, tasks)
		return r.conclude(ctx, actNames(p))
	}
	if err := r.join(ctx, tasks); err != nil {
		return nil, err
	}
	if err := r.open(ctx, in, missing); err != nil {
		return nil, err
	}
	r.execute(ctx, tasks)
	r.verify(ctx)
	r.roads(ctx, p)
	return r.conclude(ctx, actNames(p))
}

func actNames(p *Plan) []string {
	var names []string
	for _, a := range p.Acts {
		names = append(names, a.Act)
	}
	return names
}

// sameAccount refuses a plan made elsewhere.
func sameAccount(p *Plan, s *awsapi.Session) error {
	for _, c := range []OtherAccountError{
		{"endpoint", p.Endpoint, s.Endpoint},
		{"account", p.Account, s.Identity.Account},
		{"region", p.Region, s.Region},
	} {
		if c.Planned != c.Session {
			return &c
		}
	}
	return nil
}

// sameExercise refuses to let the case of an exercise change an account of AWS.
func sameExercise(c *evidence.Case, s *awsapi.Session) error {
	if c != nil && c.Exercise != "" && s.Endpoint == "" {
		return fmt.Errorf("%w: the case is of %s, and the session works on AWS itself", ErrExercise, exerciseNamed(c.Exercise))
	}
	return nil
}

func exerciseNamed(id string) string {
	if id == "" {
		return "no exercise"
	}
	return "exercise " + id
}

// guardPlan refuses a plan that touches what is protected.
func guardPlan(in ApplyInput) error {
	for _, m := range in.Plan.Moves {
		for _, e := range m.Edits {
			act, err := actNamed(e.Act)
			if err != nil {
				return fmt.Errorf("%w: %w", ErrBadPlan, err)
			}
			t, err := in.Plan.target(e.On)
			if err != nil {
				return err
			}
			if err := guardConfigured(act.Name, t.ARN, t.called(), in.Protected); err != nil {
				return err
			}
			if err := guardTarget(act, t, in.Session.Identity.ARN, in.Chain, in.Protected); err != nil {
				return err
			}
		}
	}
	return nil
}

// planned makes tasks of the moves. The states are worked out again from the edits: a
// plan whose After or Calls say something else is not followed.
func planned(p *Plan, now time.Time, fast bool) ([]*task, error) {
	var tasks []*task
	for i := range p.Moves {
		t, err := plannedTask(p, &p.Moves[i], now.Format(time.RFC3339))
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, t)
	}
	if fast {
		hasten(tasks)
	}
	return tasks, nil
}

// hasten puts the acts of LevelStop before everything else, together, and before them only
// what they need done first.
func hasten(tasks []*task) {
	const needed, stops = -20, -10
	var requires []string
	for _, t := range tasks {
		for _, name := range t.acts {
			if act, err := actNamed(name); err == nil && (act.Level == LevelStop || act.insteadOf != "") {
				t.stage = stops
				requires = append(requires, act.requires...)
			}
		}
	}
	for _, t := range tasks {
		if slices.ContainsFunc(t.acts, func(a string) bool { return slices.Contains(requires, a) }) {
			t.stage = needed
		}
	}
}

func plannedTask(p *Plan, m *Move, now string) (*task, error) {
	doc, err := documentNamed(m.Doc)
	if err != nil {
		return nil, err
	}
	again := Move{Doc: m.Doc, Key: m.Key, Before: m.Before, Edits: m.Edits}
	if err := p.finish(&again, p.Made.Format(time.RFC3339)); err != nil {
		return nil, err
	}
	edits, err := p.placed(m)
	if err != nil {
		return nil, err
	}
	place := edits[0].place
	if !sameMove(again, *m) || m.BeforeSHA256 != canonicalDigest(m.Before) || m.Resource != doc.resource(place) {
		return nil, fmt.Errorf("%w: %s of %s does not follow from its edits (made by another version?)", ErrBadPlan, name(m.Doc, m.Key), m.Resource)
	}
	t := &task{action: "apply", doc: doc, place: place, stage: m.Stage, from: m.Before}
	for _, e := range edits {
		act, err := actNamed(e.Act)
		if err != nil || act.Doc != m.Doc || doc.resource(e.place) != m.Resource {
			return nil, fmt.Errorf("%w: %s is no edit of %s", ErrBadPlan, e.Act, m.Doc)
		}
		if !slices.Contains(t.acts, e.Act) {
			t.acts = append(t.acts, e.Act)
		}
		t.edits = append(t.edits, placed{e.at(act, now), e.place})
		t.holds = t.holds || act.holds
		t.requires = append(t.requires, act.requires...)
	}
	if t.after, err = fold(m.Before, t.edits, ""); err != nil {
		return nil, err
	}
	t.inForce = func(state json.RawMessage) (bool, error) {
		next, err := fold(state, t.edits, "")
		return err == nil && doc.equal(state, next), err
	}
	return t, nil
}

// retime puts AWS's time where a clock here that is wrong would have put its own: a
// revocation dated too early spares the newest sessions.
func (r *runner) retime(p *Plan, tasks []*task) error {
	r.mu.Lock()
	var skew time.Duration
	for _, x := range r.calls {
		skew = x.Skew
	}
	r.mu.Unlock()
	now := r.clock.Now().UTC().Add(-skew)
	for i, t := range tasks {
		if !p.Moves[i].AtApply {
			continue
		}
		again, err := plannedTask(p, &p.Moves[i], now.Format(time.RFC3339))
		if err != nil {
			return err
		}
		t.edits, t.after, t.inForce = again.edits, again.after, again.inForce
	}
	return nil
}

// at is the edit with the time of apply among its parameters.
func (e PlannedEdit) at(a Act, now string) PlannedEdit {
	if !a.timed {
		return e
	}
	params := Params{paramNow: now}
	for k, v := range e.Params {
		params[k] = v
	}
	e.Params = params
	return e
}

func sameMove(a, b Move) bool {
	same := func(x, y any) bool {
		cx, err1 := canonical(x)
		cy, err2 := canonical(y)
		return err1 == nil && err2 == nil && string(cx) == string(cy)
	}
	return same(a.After, b.After) && same(a.Calls, b.Calls) && same(a.Preserve, b.Preserve)
}

func canonicalDigest(b json.RawMessage) string {
	c, err := canonical(b)
	if err != nil {
		return ""
	}
	return digest(c)
}

// look reads the documents and the case side by side, and refuses what has drifted and
// what is not preserved.
func (r *runner) look(ctx context.Context, p *Plan, tasks []*task) (missing []Artefact, err error) {
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		var err error
		missing, err = unsealed(gctx, r.kase, p)
		return err
	})
	var replaced error
	g.Go(func() error { r.prefetch(gctx, tasks); return gctx.Err() })
	g.Go(func() error { replaced = r.replaced(gctx, p); return gctx.Err() })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return missing, errors.Join(replaced, drifted(tasks))
}

// open records the override, if one was needed, and begins the bag.
func (r *runner) open(ctx context.Context, in ApplyInput, missing []Artefact) error {
	p, operator := in.Plan, first(in.Operator, in.Case.Operator)
	target := p.Targets[0]
	h := r.header(in.Tool, operator, p.arns(), map[string]string{"action": "apply", "plan": p.Hash})
	if len(missing) > 0 {
		refusal := &NotPreservedError{Functions: p.Functions(), Missing: missing}
		err := in.Case.Record(ctx, evidence.Event{Type: evidence.EventOverride, Actor: operator, Reason: in.Override,
			Data: map[string]string{"plan": p.Hash, "function": target.ARN, "refusal": refusal.Error()}})
		if err != nil {
			return fmt.Errorf("recording the override: %w", err)
		}
		r.run.Warnings = append(r.run.Warnings, "overridden: "+refusal.Error())
	}
	err := r.begin(ctx, h, RunNote{Action: "apply", Plan: p.Hash, Document: p, Function: target.ARN,
		Operator: operator, Principal: in.Session.Identity.ARN, Reason: in.Override, Fast: in.Fast})
	if err != nil {
		return err
	}
	_, err = r.w.Put(ctx, evidence.Meta{Artefact: "contain.plan", Name: "plan.json", Started: p.Made, Ended: r.clock.Now().UTC(),
		Source: evidence.Source{ARN: target.ARN, Region: target.Region, Account: target.Account}}, p.write)
	if err != nil {
		return errors.Join(fmt.Errorf("storing the plan: %w", err), r.w.Abandon(context.WithoutCancel(ctx), "the plan could not be stored"))
	}
	return nil
}

// unsealed are the artefacts that the plan's moves destroy and no sealed bag holds.
func unsealed(ctx context.Context, c *evidence.Case, p *Plan) ([]Artefact, error) {
	want := map[Artefact]bool{}
	for _, m := range p.Moves {
		for _, a := range m.Preserve {
			want[a] = true
		}
	}
	if len(want) == 0 {
		return nil, nil
	}
	held := func(e evidence.Entry) bool {
		return len(holding(want, e)) > 0
	}
	for f, err := range c.Find(ctx, held) {
		if err != nil {
			return nil, fmt.Errorf("looking for what is preserved: %w", err)
		}
		for _, a := range holding(want, f.Entry) {
			delete(want, a)
		}
		if len(want) == 0 {
			return nil, nil
		}
	}
	missing := make([]Artefact, 0, len(want))
	for a := range want {
		missing = append(missing, a)
	}
	sort.Slice(missing, func(i, j int) bool {
		return missing[i].Name+missing[i].ARN+missing[i].Qualifier < missing[j].Name+missing[j].ARN+missing[j].Qualifier
	})
	return missing, nil
}

// holding are the wanted artefacts that an entry of a bag holds.
func holding(want map[Artefact]bool, e evidence.Entry) []Artefact {
	if e.State != evidence.Collected && e.State != evidence.Absent {
		return nil
	}
	of := artefactOf(e)
	var all []Artefact
	for a := range want {
		any := a
		any.Content = ""
		if any == of && (a.Content == "" || e.Item != nil && holds(*e.Item, a.Content)) {
			all = append(all, a)
		}
	}
	return all
}

// artefactOf: a policy is preserved by either of the two calls that show it.
func artefactOf(e evidence.Entry) Artefact {
	if e.Artefact == "lambda.policy.resource" {
		e.Artefact = "lambda.policy"
	}
	return Artefact{Name: e.Artefact, ARN: e.Source.ARN, Qualifier: e.Source.Qualifier}
}
