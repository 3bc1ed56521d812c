package playbooks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// frame is where values are looked up: one of each playbook that runs, one of each turn of a loop.
type frame struct {
	run    *Run
	pb     *Playbook
	up     *frame // around a turn of a loop
	prefix string // of the ids of steps
	inputs map[string]any
	each   map[string]string

	mu     sync.Mutex
	values map[string]map[string]any // by step
}

func newFrame(r *Run, pb *Playbook, inputs map[string]any) *frame {
	return &frame{run: r, pb: pb, inputs: inputs, each: map[string]string{}, values: map[string]map[string]any{}}
}

// turn is the frame of one turn of a loop.
func (f *frame) turn(s *Step, n int, item string) *frame {
	t := newFrame(f.run, f.pb, f.inputs)
	t.up, t.prefix, t.each = f, fmt.Sprintf("%s%s[%d]/", f.prefix, s.ID, n), maps.Clone(f.each)
	t.each[s.ID] = item
	return t
}

// value resolves a value; false where a step did not give it.
func (f *frame) value(v Value) (any, bool) {
	switch {
	case v.Input != "":
		got, ok := f.inputs[v.Input]
		return got, ok
	case v.Each != "":
		item, ok := f.each[v.Each]
		return item, ok
	case v.Step != "":
		for at := f; at != nil; at = at.up {
			at.mu.Lock()
			got, ok := at.values[v.Step][v.Result]
			at.mu.Unlock()
			if ok {
				return got, true
			}
		}
		return nil, false
	}
	return v.Literal, true
}

func (f *frame) gave(s *Step, status Status, values map[string]any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := maps.Clone(values)
	if all == nil {
		all = map[string]any{}
	}
	all[statusResult] = string(status)
	f.values[s.ID] = all
}

// flow is how it goes on after a step.
type flow struct {
	stop    bool
	aborted bool   // a person said no: no step around this goes on
	to      string // a later step
	undo    string // why what was changed is to be taken back, once there is time for it
}

func (w flow) onward() bool { return !w.stop && w.to == "" }

// list runs steps one after the other.
func (f *frame) list(ctx context.Context, steps []Step) flow {
	for i := 0; i < len(steps); i++ {
		if f.run.isBroken() || ctx.Err() != nil && !f.heldBefore(ctx, &steps[i]) {
			if late(ctx) != nil {
				f.skip(steps[i:])
			}
			return flow{stop: true}
		}
		w := f.step(ctx, &steps[i])
		if w.stop {
			f.skip(steps[i+1:])
			return w
		}
		if w.to == "" {
			continue
		}
		next := i + 1
		for next < len(steps) && steps[next].ID != w.to {
			next++
		}
		f.skip(steps[i+1 : next])
		if next == len(steps) {
			return w // the step lies in a list around this one
		}
		i = next - 1
	}
	return flow{}
}

// skip reports steps that the run does not come to.
func (f *frame) skip(steps []Step) {
	if f.run.env == nil || f.run.isBroken() {
		return
	}
	for i := range steps {
		f.gave(&steps[i], Skipped, nil)
		f.run.report(StepReport{ID: f.prefix + steps[i].ID, Verb: steps[i].does(), Status: Skipped, Summary: "not reached"})
	}
}

// step runs one step, whatever it is, and says how it goes on.
func (f *frame) step(ctx context.Context, s *Step) flow {
	if s.When != nil && !s.When.holds(f) {
		f.gave(s, Skipped, nil)
		f.run.report(StepReport{ID: f.prefix + s.ID, Verb: s.does(), Status: Skipped, Summary: "not needed: " + s.When.Text})
		return flow{}
	}
	if s.kind() == kindVerb {
		return f.after(ctx, s, f.verb(ctx, s))
	}
	rep := StepReport{ID: f.prefix + s.ID, Verb: s.does(), Parts: true, Status: Running, Summary: f.pb.says(s), Started: f.run.env.Now().UTC()}
	f.run.tell(rep)
	inner, cancel := f.timed(ctx, s)
	var w flow
	var values map[string]any
	rep.Summary, w, values = f.parts(inner, s)
	over := late(inner)
	cancel()
	rep.Status, rep.Ended = Succeeded, f.run.env.Now().UTC()
	switch {
	case f.run.isBroken(), ctx.Err() != nil && over == nil:
		return flow{stop: true}
	case w.aborted:
		rep.Status = Aborted
	case over != nil:
		rep.Status, rep.Error = Failed, over.of(rep.ID)
		f.run.worse(Failed, fmt.Errorf("step %s: %s", rep.ID, rep.Error))
		f.run.noteLate(ctx, rep)
	case w.stop:
		rep.Status = Failed
	}
	f.gave(s, rep.Status, values)
	f.run.report(rep)
	if w.undo != "" && ctx.Err() == nil {
		f.run.undo(ctx, w.undo)
		w.undo = ""
	}
	if w.to != "" {
		return w
	}
	next := f.after(ctx, s, rep.Status)
	if w.undo != "" {
		next.undo = w.undo
	}
	return next
}

// after says how it goes on after a step that ended so.
func (f *frame) after(ctx context.Context, s *Step, status Status) flow {
	switch {
	case status == Aborted, status == Interrupted:
		return flow{stop: true, aborted: status == Aborted}
	case status != Failed:
		return flow{}
	case s.OnFailure == Continue:
		return flow{}
	case s.OnFailure == GoOn:
		return flow{to: s.Goto}
	case s.OnFailure == Undo:
		why := "playbook " + f.run.Playbook + ": step " + f.prefix + s.ID + " failed"
		if late(ctx) != nil { // of this step there is no time left, but of one around it
			return flow{stop: true, undo: why}
		}
		f.run.undo(ctx, why)
	}
	return flow{stop: true}
}

// parts runs what a step is made of; it gives one line about it.
func (f *frame) parts(ctx context.Context, s *Step) (string, flow, map[string]any) {
	switch s.kind() {
	case kindBranch:
		for i, c := range s.Cases {
			if c.When.holds(f) {
				return fmt.Sprintf("case %d: %s", i+1, c.When.Text), f.list(ctx, c.Steps), nil
			}
		}
		if s.Else != nil {
			return "none of its cases: else", f.list(ctx, s.Else), nil
		}
		return "none of its cases", flow{}, nil
	case kindParallel:
		return f.lanes(ctx, s)
	case kindEach:
		return f.turns(ctx, s)
	}
	return f.sub(ctx, s)
}

// lanes run beside each other; a lane that stops does not stop the others.
func (f *frame) lanes(ctx context.Context, s *Step) (string, flow, map[string]any) {
	var g errgroup.Group
	g.SetLimit(s.Limit)
	flows := make([]flow, len(s.Lanes))
	for i := range s.Lanes {
		g.Go(func() error { flows[i] = f.list(ctx, s.Lanes[i].Steps); return nil })
	}
	_ = g.Wait() // lanes tell how they ended by their flow
	return fmt.Sprintf("%d lanes", len(s.Lanes)), worst(flows), nil
}

// turns run the steps for each item of a list; a turn that stops does not stop the others.
func (f *frame) turns(ctx context.Context, s *Step) (string, flow, map[string]any) {
	v, _ := f.value(*s.Each)
	items, _ := v.([]string)
	if len(items) > s.Most {
		f.run.worse(Failed, fmt.Errorf("step %s: %d items, and at most %d turns", f.prefix+s.ID, len(items), s.Most))
		return fmt.Sprintf("%d items, and at most %d turns: none was begun", len(items), s.Most), flow{stop: true}, nil
	}
	var g errgroup.Group
	g.SetLimit(max(1, s.Limit))
	flows := make([]flow, len(items))
	for i, item := range items {
		g.Go(func() error { flows[i] = f.turn(s, i+1, item).list(ctx, s.Steps); return nil })
	}
	_ = g.Wait() // turns tell how they ended by their flow
	return fmt.Sprintf("%d turns", len(items)), worst(flows), nil
}

func worst(flows []flow) flow {
	var out flow
	for _, w := range flows {
		out.stop, out.aborted = out.stop || w.stop, out.aborted || w.aborted
		if w.undo != "" {
			out.undo = w.undo
		}
	}
	return out
}

// sub runs another playbook.
func (f *frame) sub(ctx context.Context, s *Step) (string, flow, map[string]any) {
	pb := f.pb.subs[s.Sub]
	given := map[string]any{}
	for name, v := range s.With {
		if got, ok := f.value(v); ok && got != nil {
			given[name] = got
		}
	}
	inputs, err := resolveInputs(pb, given)
	if err != nil {
		f.run.worse(Failed, fmt.Errorf("step %s: %w", f.prefix+s.ID, err))
		return err.Error(), flow{stop: true}, nil
	}
	inner := newFrame(f.run, pb, inputs)
	inner.prefix = f.prefix + s.ID + "/"
	w := inner.list(ctx, pb.Steps)
	values := map[string]any{}
	for _, o := range pb.Outputs {
		if v, ok := inner.value(o.Value); ok {
			values[o.Name] = v
		}
	}
	w.to = ""
	return pb.Title, w, values
}

// verb runs a step's verb, or takes what the record says that it came to.
func (f *frame) verb(ctx context.Context, s *Step) Status {
	r, id := f.run, f.prefix+s.ID
	a, err := f.args(s)
	if past := r.past; past != nil {
		if res, done := past.results[id]; done {
			return f.replay(s, a, res)
		}
		_, a.Again = past.intents[id]
	}
	started := r.env.Now().UTC()
	r.tell(StepReport{ID: id, Verb: s.Verb.Name, Status: Running, Summary: f.pb.says(s), Started: started})
	var res Result
	if err == nil {
		err = r.overridden(ctx, a)
	}
	if err == nil {
		res, err = f.tries(ctx, s, a)
	}
	n := resultNote{Step: id, Status: Succeeded, Summary: res.Summary, Gaps: res.Gaps, Left: res.Left, Started: started, Ended: r.env.Now().UTC()}
	switch {
	case r.isBroken():
		return Interrupted
	case err != nil && ctx.Err() != nil && late(ctx) == nil && !errors.Is(err, ErrDeclined):
		// Without a result in the journal it is asked about when the run goes on.
		f.gave(s, Interrupted, nil)
		r.worse(Interrupted, err)
		r.report(StepReport{ID: id, Verb: s.Verb.Name, Status: Interrupted, Summary: "cut off", Started: started, Ended: n.Ended})
		return Interrupted
	case errors.Is(err, ErrDeclined):
		n.Status = Aborted
	case err != nil:
		n.Status = Failed
	case res.Gaps > 0:
		n.Status = WithGaps
	}
	if err != nil {
		n.Error = err.Error()
	}
	var bad error
	if n.Values, bad = encode(res.Values); bad == nil {
		bad = r.note(ctx, noteResult, n)
	}
	if bad != nil {
		r.fatal(bad)
		return Interrupted
	}
	if err != nil {
		err = fmt.Errorf("step %s: %w", id, err)
	}
	f.ended(s, a, n, res.Values, err)
	return n.Status
}

// overridden puts into the ledger why the account may be changed before a seal.
func (r *Run) overridden(ctx context.Context, a Args) error {
	if a.Override == "" || a.Again {
		return nil
	}
	err := r.env.Case.Record(ctx, evidence.Event{Type: evidence.EventOverride, Actor: r.env.Operator, Reason: a.Override,
		Data: map[string]string{"run": r.ID, "playbook": r.Playbook, "step": a.Step, "refusal": "the account is changed before what is changed was sealed"}})
	if err != nil {
		return fmt.Errorf("recording the override: %w", err)
	}
	return nil
}

// ended takes note of what a verb came to.
func (f *frame) ended(s *Step, a Args, n resultNote, values map[string]any, err error) {
	r := f.run
	f.gave(s, n.Status, values)
	if s.Verb.Class == Changes {
		r.mu.Lock()
		r.changed = append(r.changed, change{s.Verb, a})
		r.mu.Unlock()
	}
	r.worse(n.Status, err)
	r.report(n.report(s.Verb.Name))
}

// replay takes a step's result from the record.
func (f *frame) replay(s *Step, a Args, n resultNote) Status {
	values, err := n.decode(resultsOf(f.pb, s))
	if err != nil {
		f.run.fatal(err)
		return Interrupted
	}
	if n.Error != "" {
		err = fmt.Errorf("step %s: %s", n.Step, n.Error)
		if n.Status == Aborted {
			err = fmt.Errorf("step %s: %w", n.Step, ErrDeclined)
		}
	}
	f.ended(s, a, n, values, err)
	return n.Status
}

// args resolves a step's arguments. What a step that did not run would have given is missing.
func (f *frame) args(s *Step) (Args, error) {
	a := Args{Playbook: f.pb.Name, Step: f.prefix + s.ID, Run: f.run.ID, About: s.About, Override: s.Override, values: map[string]any{}, run: f.run}
	var missing error
	for _, p := range paramsOf(f.pb, s) {
		v, given := s.With[p.Name]
		if !given {
			continue
		}
		got, ok := f.value(v)
		if ok && got != nil {
			a.values[p.Name] = got
			continue
		}
		if p.Required || v.Step != "" {
			missing = errors.Join(missing, fmt.Errorf("%s is not there for its argument %s", v, p.Name))
		}
	}
	return a, missing
}
