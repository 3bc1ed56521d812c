package act

import (
	"context"
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

// paramDue of a bag's header says for which act it was made.
const paramDue = "respond_due"

// act seals the state before, contains, and tells what came of it.
func (w *work) act(ctx context.Context) error {
	err := w.contain(ctx)
	if err == nil && w.out.NotInForce > 0 {
		err = fmt.Errorf("%s not in force", plural(w.out.NotInForce, "act"))
	}
	if err == nil {
		err = w.answered(ctx)
	}
	n := Notice{What: Contained, Case: w.a.Case, Function: w.a.Target.ARN, Until: w.due.until, Why: "rule " + w.due.Rule + ": " + strings.Join(w.due.Acts, ", ")}
	data := map[string]string{"alert": w.a.Case, "due": w.due.id, "function": w.a.Target.ARN, "containment": Contained,
		"in_force": fmt.Sprint(w.out.InForce), "not_in_force": fmt.Sprint(w.out.NotInForce), "expires": w.due.until.Format(time.RFC3339)}
	if w.out.Bag != "" {
		data["of_bag"] = w.out.Bag
	}
	if err != nil {
		n.What, n.Why, data["containment"], data["why"] = NotContained, err.Error(), NotContained, err.Error()
	}
	err = errors.Join(err, write(context.WithoutCancel(ctx), w.env, "containment without people: "+data["containment"], data))
	w.notify(ctx, n)
	if err != nil {
		return fmt.Errorf("containing %s: %w", w.a.Target.ARN, err)
	}
	return nil
}

func (w *work) contain(ctx context.Context) error {
	s, err := w.o.Contain(ctx, w.env.Case, w.a.Target.Account)
	if err != nil {
		return fmt.Errorf("entering account %s to contain: %w", w.a.Target.Account, err)
	}
	if w.goesOn {
		if err := w.sealCut(ctx, w.env, w.due); err != nil {
			return err
		}
	}
	if err := w.before(ctx, collect.Containment); err != nil {
		return err
	}
	run, err := w.apply(ctx, s)
	if errors.Is(err, contain.ErrNotPreserved) { // acts on code want the code sealed, which takes longer
		if err = w.before(ctx, collect.All); err == nil {
			run, err = w.apply(ctx, s)
		}
	}
	if run != nil {
		w.tell(run)
	}
	if err != nil || w.out.NotInForce > 0 {
		return err
	}
	_, err = w.put(ctx, w.due, "done", done{w.out.Bag, w.out.InForce, w.out.NotInForce, w.o.Board.Who(), w.out.Contained})
	return err
}

// sealCut brings into the ledger what was sealed as somebody was killed, and seals the record of a
// containment of this act that was cut off: its intents tell how far it came.
func (x *Actor) sealCut(ctx context.Context, env *playbooks.Env, d *due) error {
	if _, err := env.Case.Adopt(ctx, env.Operator); err != nil && !errors.Is(err, evidence.ErrNotSigned) {
		return fmt.Errorf("bringing what was sealed into the ledger: %w", err)
	}
	plans, err := x.plans(ctx, d)
	if err != nil || len(plans) == 0 {
		return err
	}
	open, err := env.Case.Unfinished(ctx)
	if err != nil {
		return fmt.Errorf("looking for what was cut off: %w", err)
	}
	for _, b := range open {
		if h := b.Header(); h.Kind != evidence.KindContainment || !plans[h.Params["plan"]] {
			continue
		}
		bag, err := env.Case.Resume(ctx, b, evidence.Session{Operator: env.Operator, Principal: env.Session.Identity.ARN, Host: env.Host, Tool: env.Tool, Started: x.o.Now().UTC()})
		if err == nil {
			_, err = bag.Seal(ctx, evidence.StatusPartial)
		}
		if err != nil && !errors.Is(err, evidence.ErrNotSigned) {
			return fmt.Errorf("sealing what was cut off: %w", err)
		}
	}
	return nil
}

// plans are the hashes of those that were about to be applied.
func (x *Actor) plans(ctx context.Context, d *due) (map[string]bool, error) {
	all := map[string]bool{}
	for n := 1; n <= d.count("plan"); n++ {
		var p planned
		if err := x.o.Board.Get(ctx, fmt.Sprintf("%s%s/plan-%04d", dueRoot, d.id, n), &p); err != nil {
			return nil, err
		}
		all[p.Plan] = true
	}
	return all, nil
}

// before seals what the acts overwrite, once: a bag that was begun for them and cut off is gone on with.
func (w *work) before(ctx context.Context, scope collect.Scope) error {
	target, err := collect.ParseARN(w.a.Target.ARN)
	if err != nil {
		return err
	}
	o := collect.Options{Scope: scope, Now: w.env.Now, Unpaced: w.env.Unpaced}
	h := evidence.Header{Operator: w.env.Operator, Host: w.env.Host, Tool: w.env.Tool, Params: map[string]string{paramDue: w.due.id}}
	var cut *evidence.Bag
	for b, err := range w.env.Case.Bags(ctx) {
		if err != nil {
			return fmt.Errorf("reading the case: %w", err)
		}
		if x := b.Header(); x.Kind != evidence.KindCollection || x.Params[paramDue] != w.due.id || x.Params["scope"] != string(scope) {
			continue
		}
		if b.Sealed() {
			w.out.Before = b.ID()
			return nil
		}
		cut = b
	}
	var bag *evidence.Bag
	if cut != nil {
		bag, _, err = collect.Resume(ctx, w.env.Session, w.env.Case, cut, h, o)
	} else {
		bag, _, err = collect.Into(ctx, w.env.Session, w.env.Case, h, []collect.Target{target}, o)
	}
	if err != nil && !errors.Is(err, evidence.ErrNotSigned) {
		return fmt.Errorf("sealing the state before: %w", err)
	}
	w.out.Before = bag.ID()
	return nil
}

// apply plans and applies. The switch is looked at last: from here on only the calls follow.
func (w *work) apply(ctx context.Context, s *awsapi.Session) (*contain.Run, error) {
	clock := contain.Clock{Now: w.env.Now, Sleep: w.env.Sleep}
	chain := []string{w.env.Session.Identity.ARN} // whoever reads goes on reading
	plan, err := contain.NewPlan(ctx, contain.PlanInput{Session: s, Case: w.env.Case, Functions: []string{w.a.Target.ARN}, Acts: w.due.Acts,
		Protected: w.o.Protected, Chain: chain, Clock: clock})
	if err != nil {
		return nil, fmt.Errorf("planning: %w", err)
	}
	if err := w.next(ctx, w.due, "plan", planned{plan.Hash, w.o.Board.Who(), w.o.Now().UTC()}); err != nil {
		return nil, err
	}
	if halted, err := w.halted(ctx); err != nil || halted {
		return nil, errors.Join(err, errHalted)
	}
	return contain.Apply(ctx, contain.ApplyInput{Session: s, Case: w.env.Case, Plan: plan, Operator: w.env.Operator, Tool: w.env.Tool,
		Clock: clock, Fast: true, Protected: w.o.Protected, Chain: chain})
}

// tell counts what is in force.
func (w *work) tell(run *contain.Run) {
	w.out.Bag, w.out.InForce, w.out.NotInForce, w.out.Contained = run.Bag, 0, 0, run.Ended
	for _, a := range run.Acts {
		switch {
		case a.Status == contain.StatusAlready && a.Note == contain.NothingToDo, a.Status == contain.StatusSkipped && strings.HasPrefix(a.Note, contain.NotPlanned):
		case a.Status.OK():
			w.out.InForce++
		default:
			w.out.NotInForce++
		}
	}
}

// Needs are the calls that acting makes beyond those of collecting.
func Needs() []awsapi.Need { return append(ReadNeeds(), contain.Needs()...) }

// ReadNeeds are those of them that read.
func ReadNeeds() []awsapi.Need {
	return append(append(functionNeeds(), guardDutyNeeds()...), collect.ListNeeds()...)
}
