package tabletop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/playbooks"
)

// takes is how long a move takes that does not say so.
const takes = 3 * time.Minute

// Response is somebody's work on an exercise, unattended: the moves of a solution one after the
// other, on the exercise's own clock, with the code of the real commands.
type Response struct {
	World   *World
	Session *awsapi.Session
	Case    *evidence.Case
	Env     *playbooks.Env // for playbooks; Env.Ask answers their gates
	// Tell hears of each move before it is made; nil is allowed.
	Tell func(m Move)
	// Run is that of the last playbook.
	Run *playbooks.Run
	// Answered hears of the answers to calls of the API that a move makes; nil is allowed.
	Answered func(json.RawMessage)
}

// Do makes the moves. The error of one does not keep the others from being made: responders go on,
// and the score says what was missed.
func (r *Response) Do(ctx context.Context, moves []Move) error {
	var all error
	for _, m := range moves {
		if r.Tell != nil {
			r.Tell(m)
		}
		end := r.World.Now().Add(m.Takes)
		if m.Takes == 0 {
			end = r.World.Now().Add(takes)
		}
		if err := r.move(ctx, m); err != nil {
			all = errors.Join(all, fmt.Errorf("%s: %w", m.ID, err))
		}
		if left := end.Sub(r.World.Now()); left > 0 {
			if err := r.World.Wait(ctx, left); err != nil {
				return errors.Join(all, err)
			}
		}
	}
	return all
}

func (r *Response) move(ctx context.Context, m Move) error {
	switch {
	case m.Playbook != "":
		return r.playbook(ctx, m)
	case m.Collect != nil:
		return r.collect(ctx, m.Collect)
	case m.Contain != nil:
		return r.contain(ctx, m.Contain)
	case m.Note != nil:
		return r.note(ctx, m.Note)
	case m.Decide != nil:
		return r.decide(ctx, m.Decide)
	case m.Verify:
		for p, err := range r.Case.Verify(ctx) {
			return errors.Join(err, fmt.Errorf("%w: %v", evidence.ErrDamaged, p))
		}
		return nil
	}
	r.World.mu.Lock()
	defer r.World.mu.Unlock()
	if r.Answered == nil {
		return r.World.play(ctx, m.Do)
	}
	for _, s := range m.Do {
		out, err := r.World.step(s)
		r.Answered(out)
		if err := r.World.asExpected(s, err); err != nil {
			return err
		}
	}
	return nil
}

func (r *Response) playbook(ctx context.Context, m Move) error {
	pb, err := playbooks.Find(m.Playbook)
	if err != nil {
		return err
	}
	inputs := map[string]any{}
	for _, in := range pb.Inputs {
		text, ok := m.Set[in.Name]
		if !ok {
			continue
		}
		if inputs[in.Name], err = playbooks.ParseLiteral(in.Type, text); err != nil {
			return fmt.Errorf("input %s: %w", in.Name, err)
		}
	}
	Fill(pb, inputs, r.World.Scenario)
	r.Run, err = playbooks.Execute(ctx, pb, inputs, r.Env)
	if err != nil {
		return err
	}
	return r.Run.Err()
}

func (r *Response) collect(ctx context.Context, m *CollectMove) error {
	functions, err := r.World.fillAll(m.Functions)
	if err != nil {
		return err
	}
	var targets []collect.Target
	for _, name := range functions {
		region := r.Session.Region
		if parts := strings.Split(name, ":"); len(parts) > 3 {
			region = parts[3] // an ARN says where
		}
		t, err := collect.ParseTarget(r.Session.Identity.Account, region, name)
		if err != nil {
			return err
		}
		targets = append(targets, t)
	}
	since := m.Since
	if since == 0 {
		since = r.World.Scenario.Past + time.Hour
	}
	_, _, err = collect.Into(ctx, r.Session, r.Case, evidence.Header{Operator: r.Env.Operator, Host: r.Env.Host, Tool: r.Env.Tool}, targets,
		collect.Options{Since: since, Scope: collect.Scope(m.Scope), Now: r.World.Now, Unpaced: true, Pacer: collect.NewPacer(r.World.Now, r.World.sleep)})
	return err
}

func (r *Response) contain(ctx context.Context, m *ContainMove) error {
	in := contain.PlanInput{
		Session: r.Session, Case: r.Case, Level: contain.Level(m.Level), Acts: m.Acts, Preserve: m.Preserve,
		AcceptSharedRole: m.AcceptSharedRole, GoodVersion: m.GoodVersion, Clock: r.clock(),
	}
	for _, list := range []struct {
		into *[]string
		from []string
	}{{&in.Functions, m.Functions}, {&in.Actors, m.Actors}, {&in.Resources, m.Resources}} {
		var err error
		if *list.into, err = r.World.fillAll(list.from); err != nil {
			return err
		}
	}
	plan, err := contain.NewPlan(ctx, in)
	if err != nil {
		return err
	}
	run, err := contain.Apply(ctx, contain.ApplyInput{Session: r.Session, Case: r.Case, Plan: plan, Operator: r.Env.Operator, Tool: r.Env.Tool, Clock: r.clock(), Override: m.Override})
	if err == nil && !run.Status().OK() {
		err = fmt.Errorf("%w: containment ended as %s", errExpected, run.Status())
	}
	return err
}

func (r *Response) clock() contain.Clock {
	return contain.Clock{Now: r.World.Now, Sleep: r.World.sleep}
}

// sleep is waiting within a command: the clock goes on, and nobody else's turn comes before the
// command's end.
func (w *World) sleep(ctx context.Context, d time.Duration) error {
	w.clock.Until(w.clock.Now().Add(d))
	return ctx.Err()
}

func (r *Response) note(ctx context.Context, m *NoteMove) error {
	e := evidence.Event{Type: evidence.EventNote, Actor: r.Env.Operator, Reason: m.Text, Data: map[string]string{"kind": m.Kind, "at": r.World.Now().UTC().Format(time.RFC3339)}}
	if m.Kind == "decide" {
		e.Type = evidence.EventDecide
	}
	return r.Case.Record(ctx, e)
}

func (w *World) fillAll(texts []string) ([]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, t := range texts {
		x, err := w.fill(t)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

// Respond readies a response: a session in process on the exercise's clock. The case is one of the
// exercise, opened with its clock.
func (w *World) Respond(ctx context.Context, c *evidence.Case, operator string) (*Response, error) {
	s, err := w.Session(ctx, false, nil)
	if err != nil {
		return nil, err
	}
	env := &playbooks.Env{
		Session: s, Case: c, Operator: operator, Host: "tabletop", Exercise: w.ID, Tool: evidence.Tool{Name: "freezeframe"},
		Now: w.Now, Sleep: w.sleep, Unpaced: true,
		Ask: func(context.Context, playbooks.Question) (playbooks.Answer, error) {
			return playbooks.Answer{Approved: true, Who: operator, Reason: "an exercise, unattended"}, nil
		},
	}
	return &Response{World: w, Session: s, Case: c, Env: env}, nil
}
