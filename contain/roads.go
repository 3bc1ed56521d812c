package contain

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// howRoad marks checks of roads.
const howRoad = "road to bad code"

// roads checks of each road that led to code which is known to be bad whether the run closed
// it: by the act of the plan on its document, by concurrency 0, or because the alias behind it
// points elsewhere now, as it was read again. An act has its effect only where no road is left.
func (r *runner) roads(ctx context.Context, p *Plan) {
	if len(p.Bad) == 0 {
		return
	}
	status := map[string]Status{}
	for _, a := range results(actNames(p), r.run.Outcomes) {
		status[a.Act] = a.Status
	}
	for _, c := range p.Callers {
		reached := r.reached(c)
		reached = slices.DeleteFunc(slices.Clone(reached), func(v string) bool { return !slices.Contains(p.Bad, v) })
		if c.Kind == "alias" || len(reached) == 0 || ctx.Err() != nil {
			continue
		}
		check := Check{Acts: []string{}, Resource: c.Name, How: howRoad, Note: fmt.Sprintf("%s, %s, on %s", c.Kind, c.Detail, qualified(Target{ARN: c.Function}, c.Qualifier))}
		s, byAct := status[c.Closed]
		if byAct {
			check.Acts = append(check.Acts, c.Closed)
		}
		switch check.OK = c.Closed != "" && (!byAct || s.OK()); {
		case check.OK:
			check.Result = "closed: " + c.Closed
		case byAct:
			check.Result = fmt.Sprintf("open to version %s: %s came to nothing (%s)", strings.Join(reached, ", "), c.Closed, s)
		default:
			check.Result = "open to version " + strings.Join(reached, ", ")
		}
		if !check.OK {
			r.run.Open = append(r.run.Open, fmt.Sprintf("%s (%s): %s", check.Resource, check.Note, check.Result))
		}
		r.run.Checks = append(r.run.Checks, check)
		_ = r.durable(ctx, noteVerified, check)
	}
}

// reached are the versions behind a road: those of the alias as the run left it, or of the plan.
func (r *runner) reached(c Caller) []string {
	for _, o := range r.run.Outcomes {
		var a alias
		if o.Doc == docAlias && o.Resource == qualified(Target{ARN: c.Function}, c.Qualifier) && len(o.Now) > 0 && json.Unmarshal(o.Now, &a) == nil && !a.Gone {
			return append([]string{a.Version}, sortedKeys(a.Weights)...)
		}
	}
	return c.Reaches
}

// verified takes a check of a road: what a later run found of it counts.
func (h *history) verified(value json.RawMessage) error {
	var c Check
	if err := json.Unmarshal(value, &c); err != nil {
		return fmt.Errorf("reading a check: %w", err)
	}
	if c.How == howRoad {
		h.roads[c.Resource+"\x00"+c.Note] = c
	}
	return nil
}

// openRoads are the roads to bad code, of one function or all, that runs of this case left
// open, or whose act was lifted since.
func (h *history) openRoads(function string) []string {
	held := map[string]bool{}
	for _, f := range h.files {
		for _, x := range f.held {
			held[x.Act] = true
		}
	}
	var all []string
	for _, key := range sortedKeys(h.roads) {
		c := h.roads[key]
		of := c.Note[strings.LastIndex(c.Note, ", on ")+1:] + ":"
		if function != "" && !strings.Contains(of, ":"+function+":") && !strings.Contains(of, " "+function+":") {
			continue
		}
		switch {
		case !c.OK:
			all = append(all, fmt.Sprintf("%s (%s): %s", c.Resource, c.Note, c.Result))
		case len(c.Acts) > 0 && !held[c.Acts[0]]:
			all = append(all, fmt.Sprintf("%s (%s): %s was lifted since", c.Resource, c.Note, c.Acts[0]))
		}
	}
	return all
}
