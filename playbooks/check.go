package playbooks

import (
	"maps"
)

// status is what every step gives besides what its verb does: how it ended.
const statusResult = "status"

// scope is what a value or a condition can refer to.
type scope struct {
	inputs map[string]Type
	steps  map[string]map[string]Type // step, result
	each   map[string]bool            // loops around
}

func (s scope) clone() scope {
	return scope{s.inputs, maps.Clone(s.steps), maps.Clone(s.each)}
}

// check resolves references, holds arguments to their types, and conditions to what they can see.
// A step sees what stands before it: in its own list, around it, and in the lanes of earlier
// parallels; not what only one way of a branch or one turn of a loop gave.
func (r *reader) check(pb *Playbook) {
	top := scope{map[string]Type{}, map[string]map[string]Type{}, map[string]bool{}}
	for _, in := range pb.Inputs {
		top.inputs[in.Name] = in.Type
	}
	taken := map[string]bool{}
	pb.Walk(func(s *Step, _ int) {
		if taken[s.ID] || !slug.MatchString(s.ID) {
			r.bad(s.pos, "step id %q is taken, or not lower-case letters, digits and hyphens", s.ID)
		}
		taken[s.ID] = true
	})
	resume := top.clone()
	r.checkList(pb.Resume, &resume, nil)
	sc := top.clone()
	r.checkList(pb.Steps, &sc, nil)
	for i := range pb.Outputs {
		o := &pb.Outputs[i]
		if o.Type, _ = r.typeAt(o.Value, sc); o.Type == PlanType {
			r.bad(o.pos, "output %s: a plan stays in the playbook that made it", o.Name)
		}
	}
}

// checkList checks steps one after the other; later are the ids to which a failure can go on from
// within: those that follow in the lists around.
func (r *reader) checkList(steps []Step, sc *scope, later []string) {
	for i := range steps {
		s := &steps[i]
		var after []string
		for _, n := range steps[i+1:] {
			after = append(after, n.ID)
		}
		after = append(after, later...)
		r.checkStep(s, *sc, after)
		sc.steps[s.ID] = resultsOf(r.pb, s)
		for _, l := range s.Lanes {
			for j := range l.Steps {
				sc.steps[l.Steps[j].ID] = resultsOf(r.pb, &l.Steps[j])
			}
		}
	}
}

// resultsOf are the names and types of what a step gives.
func resultsOf(pb *Playbook, s *Step) map[string]Type {
	out := map[string]Type{statusResult: Text}
	for _, p := range s.Verb.Gives {
		out[p.Name] = p.Type
	}
	if sub := pb.subs[s.Sub]; sub != nil {
		for _, o := range sub.Outputs {
			out[o.Name] = o.Type
		}
	}
	return out
}

func (r *reader) checkStep(s *Step, sc scope, later []string) {
	r.checkArguments(s, sc)
	if s.Verb.Check != nil {
		if wrong := s.Verb.Check(s); wrong != "" {
			r.bad(s.pos, "step %s: %s", s.ID, wrong)
		}
	}
	if s.When != nil {
		r.compile(s.When, sc)
	}
	if s.OnFailure == GoOn {
		known := false
		for _, id := range later {
			known = known || id == s.Goto
		}
		if !known {
			r.bad(s.pos, "step %s: on_failure goes to %q, which is no later step here%s", s.ID, s.Goto, didYouMean(s.Goto, later))
		}
	}
	for i := range s.Cases {
		r.compile(s.Cases[i].When, sc)
		inner := sc.clone()
		r.checkList(s.Cases[i].Steps, &inner, later)
	}
	inner := sc.clone()
	r.checkList(s.Else, &inner, later)
	for i := range s.Lanes {
		lane := sc.clone()
		r.checkList(s.Lanes[i].Steps, &lane, nil) // a failure in one lane does not leave it
	}
	if s.Each != nil {
		if t, ok := r.typeAt(*s.Each, sc); ok && t != Texts {
			r.bad(s.Each.pos, "each: a list of texts is wanted, %s was given", t)
		}
		turn := sc.clone()
		turn.each[s.ID] = true
		r.checkList(s.Steps, &turn, nil)
	}
}

func (r *reader) checkArguments(s *Step, sc scope) {
	name := s.does()
	for _, p := range r.params(s) {
		v, ok := s.With[p.Name]
		if !ok {
			if p.Required {
				r.bad(s.pos, "step %s: %s needs the argument %q", s.ID, name, p.Name)
			}
			continue
		}
		if t, ok := r.typeAt(v, sc); ok && t != p.Type && !v.literal() {
			r.bad(v.pos, "%s of %s is a %s, %s was given", p.Name, name, p.Type, t)
		}
	}
}

// typeAt resolves a reference; of a literal there is nothing to know.
func (r *reader) typeAt(v Value, sc scope) (Type, bool) {
	switch {
	case v.Input != "":
		if t, ok := sc.inputs[v.Input]; ok {
			return t, true
		}
		r.bad(v.pos, "no input %q%s", v.Input, didYouMean(v.Input, keys(sc.inputs)))
	case v.Step != "":
		results, known := sc.steps[v.Step]
		if !known {
			r.bad(v.pos, "no earlier step %q%s", v.Step, didYouMean(v.Step, keys(sc.steps)))
			return "", false
		}
		if t, ok := results[v.Result]; ok {
			return t, true
		}
		r.bad(v.pos, "step %s gives no %q%s", v.Step, v.Result, didYouMean(v.Result, keys(results)))
	case v.Each != "":
		if sc.each[v.Each] {
			return Text, true
		}
		r.bad(v.pos, "no loop %q around this%s", v.Each, didYouMean(v.Each, keys(sc.each)))
	}
	return "", false
}
