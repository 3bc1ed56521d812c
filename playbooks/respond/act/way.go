package act

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
	"github.com/freezeframe-ir/freezeframe/playbooks"
)

// way says by what the attacker still comes in, or would once the isolation is lifted: "", nothing is
// seen. unseen says what could not be looked at. That nobody knows keeps nothing shut: what ran out
// ends by itself, and whoever wants it otherwise confirms it.
func (x *Actor) way(ctx context.Context, env *playbooks.Env, d *due) (way, unseen string) {
	way, unseen = x.goesOn(ctx, env, d)
	if way != "" {
		return way, ""
	}
	blind := func(what string) string { return strings.TrimPrefix(unseen+"; "+what, "; ") }
	findings, err := standing(ctx, env.Case)
	switch {
	case err != nil:
		return "", blind("whether the attacker's way is open was not looked at: " + err.Error())
	case findings == nil:
		return "", blind("nobody had told what the attacker made")
	case len(findings) == 0:
		return "", unseen
	}
	p, err := contain.NewPlan(ctx, contain.PlanInput{Session: env.Session.ReadOnly(), Case: env.Case, Functions: []string{d.Function}, Findings: findings,
		Clock: contain.Clock{Now: env.Now, Sleep: env.Sleep}})
	if err != nil {
		return "", blind("whether the attacker's way is open was not looked at: " + err.Error())
	}
	return openIn(p, d), unseen
}

// goesOn: the alert's source tells that it was seen again after it was contained. unseen says why that
// is not known.
func (x *Actor) goesOn(ctx context.Context, env *playbooks.Env, d *due) (seen, unseen string) {
	const blind = "whether the alert was seen again is not known: "
	var a alert.Alert
	if err := json.Unmarshal(d.Alert, &a); err != nil {
		return "", blind + err.Error()
	}
	var since done
	switch err := x.o.Board.Get(ctx, dueRoot+d.id+"/done", &since); {
	case errors.Is(err, board.ErrNone):
		return "", blind + "it was not noted when it was contained"
	case err != nil:
		return "", blind + err.Error()
	}
	w := &work{Actor: x, env: env, a: &a}
	there := w.atSource(ctx, &clock{now: x.o.Now})
	switch {
	case there == nil:
		return "", blind + "it was not found at its source"
	case there.Archived || there.Resolved || there.Suppressed || !there.Last.After(since.At):
		return "", ""
	}
	return "the finding was seen again at " + there.Last.UTC().Format(time.RFC3339), ""
}

// standing is what the last story of the case says still stands: nil, none was told.
func standing(ctx context.Context, c *evidence.Case) ([]finding.Finding, error) {
	var last []finding.Finding
	for b, err := range c.Bags(ctx) {
		if err != nil {
			return nil, fmt.Errorf("reading the case: %w", err)
		}
		if b.Header().Kind != evidence.KindPlaybook {
			continue
		}
		rec, err := playbooks.ReadRecord(ctx, b)
		if err != nil {
			return nil, err
		}
		if raw := rec.Gave("story", "findings"); raw != nil {
			last = []finding.Finding{}
			if err := json.Unmarshal(raw, &last); err != nil {
				return nil, fmt.Errorf("reading the findings of run %s: %w", rec.Bag, err)
			}
		}
	}
	return last, nil
}

// openIn: what answers a finding has still to be done, or is done by an act that is going to be lifted.
func openIn(p *contain.Plan, d *due) string {
	var open []string
	for _, m := range p.Moves {
		for _, e := range m.Edits {
			if len(e.Findings) == 0 || len(m.Calls) == 0 && slices.Contains(d.Stays, e.Act) {
				continue
			}
			if text := e.Act + " on " + m.Resource; !slices.Contains(open, text) {
				open = append(open, text)
			}
		}
	}
	for _, u := range p.Unanswered {
		if text := u.Finding.Kind + " " + u.Finding.Name; !slices.Contains(open, text) {
			open = append(open, text)
		}
	}
	const told = 5
	if len(open) > told {
		open = append(open[:told], fmt.Sprintf("and %d more", len(open)-told))
	}
	return strings.Join(open, "; ")
}
