package act

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/playbooks"
)

// soon is when it is tried again after something went wrong.
const soon = 15 * time.Minute

// end lifts what has run out. It is called under the claim of this due.
func (x *Actor) end(ctx context.Context, was *due) error {
	d, err := x.reread(ctx, was)
	if err != nil || d == nil {
		return err
	}
	read, err := x.enter(ctx, d.Case, d.Account, false)
	if err != nil {
		return errors.Join(err, x.putOff(ctx, read, d, soon, NotReleased, err.Error()))
	}
	if in, err := x.inTime(ctx, read.Session, d); err != nil {
		return errors.Join(err, x.putOff(ctx, read, d, soon, NotReleased, err.Error()))
	} else if !in {
		return nil
	}
	if done, err := x.leftToOthers(ctx, read, d); done || err != nil {
		return err
	}
	way, unseen := x.way(ctx, read, d)
	if way != "" {
		return x.putOff(ctx, read, d, d.stay(), Extended, "the attacker's way is open: "+way)
	}
	env, err := x.enter(ctx, d.Case, d.Account, true)
	if err != nil {
		return errors.Join(err, x.putOff(ctx, read, d, soon, NotReleased, err.Error()))
	}
	bag, what, err := x.lift(ctx, env, d)
	if err != nil {
		return errors.Join(err, x.putOff(ctx, env, d, soon, NotReleased, err.Error()))
	}
	if unseen != "" {
		what += "; " + unseen
	}
	return x.close(ctx, env, d, bag, what)
}

// reread reads a due again, now that nobody else is at it: nil, it has ended, was put off or confirmed.
func (x *Actor) reread(ctx context.Context, was *due) (*due, error) {
	open, err := x.dues(ctx, was.Case)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(open, func(d *due) bool { return d.id == was.id })
	if i < 0 || open[i].has("confirmed") || x.o.Now().Before(open[i].until) {
		return nil, nil
	}
	return open[i], nil
}

// leftToOthers: where another case holds the same function too, the first that ends would lift it for
// both. It ends with the last of them.
func (x *Actor) leftToOthers(ctx context.Context, env *playbooks.Env, d *due) (bool, error) {
	open, err := x.dues(ctx, "")
	if err != nil {
		return false, err
	}
	for _, o := range open {
		if o.id == d.id || o.Function != d.Function || !o.has("done") {
			continue
		}
		if o.has("confirmed") {
			return true, x.putOff(ctx, env, d, d.stay(), Extended, "case "+o.Case+" holds it too, and is confirmed")
		}
		if o.until.After(d.until) {
			return true, x.putOff(ctx, env, d, o.until.Sub(x.o.Now()), Extended, "case "+o.Case+" holds it too, until "+o.until.Format(time.RFC3339))
		}
	}
	return false, nil
}

// lift takes back what a release may: isolation that the runs of this due put in force. bag is that of
// the run; what says it for people.
func (x *Actor) lift(ctx context.Context, env *playbooks.Env, d *due) (bag, what string, err error) {
	if err := x.sealCut(ctx, env, d); err != nil {
		return "", "", err
	}
	acts, before, err := x.heldBy(ctx, env, d)
	switch {
	case err != nil:
		return "", "", err
	case len(acts) == 0 && before:
		return "", "it was lifted already", nil
	case len(acts) == 0:
		return "", "nothing of it was in force", nil
	}
	reason := fmt.Sprintf("it ran out at %s, as rule %s of the mandate (sha256 %s) says", d.until.Format(time.RFC3339), d.Rule, d.Mandate)
	run, err := contain.Undo(ctx, contain.LiftInput{Session: env.Session, Case: env.Case, Function: d.Function, Acts: acts, Reason: reason,
		Operator: env.Operator, Tool: env.Tool, Clock: contain.Clock{Now: env.Now, Sleep: env.Sleep}})
	switch {
	case errors.Is(err, contain.ErrNothing):
		return "", "nothing of it was in force", nil
	case err != nil:
		return "", "", fmt.Errorf("lifting %s: %w", strings.Join(acts, ", "), err)
	case !run.Status().OK():
		return run.Bag, "", fmt.Errorf("lifting %s ended as %s", strings.Join(acts, ", "), run.Status())
	}
	return run.Bag, "lifted: " + strings.Join(acts, ", "), nil
}

// heldBy are the acts of isolation that runs of this due put in force, also in place of those that the
// mandate names (a deny of the function's sessions alone, where others use its role). before says
// whether some were lifted earlier.
func (x *Actor) heldBy(ctx context.Context, env *playbooks.Env, d *due) (acts []string, before bool, err error) {
	ours, err := x.bags(ctx, env, d)
	if err != nil {
		return nil, false, err
	}
	all, err := contain.Standings(ctx, contain.StatusInput{Case: env.Case, Function: d.Function})
	if err != nil {
		return nil, false, fmt.Errorf("reading what is in force: %w", err)
	}
	for _, s := range all {
		switch s.State {
		case contain.Released, contain.Undone:
			before = before || s.Kind == contain.Isolate
		case contain.InForce, contain.Pending:
			if s.Kind == contain.Isolate && ours[s.Bag] && !slices.Contains(d.Stays, s.Act) && !slices.Contains(acts, s.Act) {
				acts = append(acts, s.Act)
			}
		}
	}
	return acts, before, nil
}

// bags are those of the runs of this due.
func (x *Actor) bags(ctx context.Context, env *playbooks.Env, d *due) (map[string]bool, error) {
	plans, err := x.plans(ctx, d)
	if err != nil {
		return nil, err
	}
	ours := map[string]bool{}
	for b, err := range env.Case.Bags(ctx) {
		if err != nil {
			return nil, fmt.Errorf("reading the case: %w", err)
		}
		if h := b.Header(); h.Kind == evidence.KindContainment && plans[h.Params["plan"]] {
			ours[b.ID()] = true
		}
	}
	return ours, nil
}

// close writes that it has ended: into the case, then on the board.
func (x *Actor) close(ctx context.Context, env *playbooks.Env, d *due, bag, what string) error {
	ctx = context.WithoutCancel(ctx)
	data := map[string]string{"due": d.id, "function": d.Function, "containment": Released, "rule": d.Rule, "what": what}
	if bag != "" {
		data["of_bag"] = bag
	}
	if len(d.Stays) > 0 {
		data["stays"] = join(d.Stays)
	}
	if err := write(ctx, env, "containment has run out: "+what, data); err != nil {
		return err
	}
	if _, err := x.put(ctx, d, "closed", word{By: x.o.Board.Who(), Why: what, Bag: bag, At: x.o.Now().UTC()}); err != nil {
		return err
	}
	x.notify(ctx, Notice{What: Released, Case: d.Case, Function: d.Function, Why: what})
	return nil
}

// putOff writes that it does not end yet, and tells people.
func (x *Actor) putOff(ctx context.Context, env *playbooks.Env, d *due, by time.Duration, what, why string) error {
	ctx, now := context.WithoutCancel(ctx), x.o.Now().UTC()
	until := now.Add(by)
	if err := x.next(ctx, d, "until", later{until, why, x.o.Board.Who(), now}); err != nil {
		return err
	}
	x.notify(ctx, Notice{What: what, Case: d.Case, Function: d.Function, Why: why, Until: until})
	if env == nil || env.Case == nil {
		return nil
	}
	return write(ctx, env, "containment has run out and stays: "+why, map[string]string{"due": d.id, "function": d.Function, "containment": what,
		"expires": until.Format(time.RFC3339), "rule": d.Rule, "why": why})
}

// Confirm takes what is in force in a case over: it does not end by itself any more.
func (x *Actor) Confirm(ctx context.Context, kase, by, why string) ([]string, error) {
	open, err := x.dues(ctx, kase)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, d := range open {
		if _, err := x.put(ctx, d, "confirmed", word{By: by, Why: why, At: x.o.Now().UTC()}); err != nil {
			return all, err
		}
		all = append(all, d.Function)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w in case %s", ErrNoDue, kase)
	}
	env := x.o.Env()
	if env.Case, err = x.o.Case(ctx, kase); err != nil {
		return all, fmt.Errorf("opening case %s: %w", kase, err)
	}
	return all, write(ctx, env, "containment is confirmed by "+by+": "+why, map[string]string{"containment": "confirmed", "by": by, "why": why, "functions": join(all)})
}
