package playbooks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/contain"
)

// seals are the functions that this run has sealed on every path to a point, by how the playbook
// names them: a reference, or "= NAME" for a literal.
type seals map[string]bool

// both are the seals that two paths share.
func (s seals) both(other seals) seals {
	out := seals{}
	for k := range s {
		if other[k] {
			out[k] = true
		}
	}
	return out
}

func (s seals) with(names []string) seals {
	out := maps.Clone(s)
	for _, n := range names {
		out[n] = true
	}
	return out
}

// orderer follows every path of a playbook. What it has to show: no step changes the account
// before this run has sealed the functions that the change is about.
type orderer struct {
	r       *reader
	pb      *Playbook
	plans   map[string]*Step  // by id
	pending map[string]seals  // of failures that go on at a later step
	lost    map[string]string // why a seal does not count, by what it seals
}

// order refuses a playbook in which a mutation can come before the seal of what it changes. The
// steps of resume run before anything else when a run was interrupted, perhaps before its first
// seal: they start with none.
func (r *reader) order(pb *Playbook) {
	o := orderer{r: r, pb: pb, plans: map[string]*Step{}, pending: map[string]seals{}, lost: map[string]string{}}
	pb.Walk(func(s *Step, _ int) { o.plans[s.ID] = s })
	o.list(pb.Resume, seals{})
	maps.DeleteFunc(o.lost, func(string, string) bool { return true })
	pb.seals = seals{}
	for k := range o.list(pb.Steps, seals{}) {
		if strings.HasPrefix(k, "inputs.") || strings.HasPrefix(k, "= ") || strings.HasPrefix(k, "all of inputs.") {
			pb.seals[k] = true
		}
	}
}

func (o *orderer) list(steps []Step, in seals) seals {
	for i := range steps {
		s := &steps[i]
		if p, ok := o.pending[s.ID]; ok {
			in = in.both(p)
		}
		in = o.step(s, in)
	}
	return in
}

func (o *orderer) step(s *Step, in seals) seals {
	out := o.inside(s, in)
	drop := func(why string) {
		for k := range out {
			if !in[k] {
				o.lost[k] = why
			}
		}
		out = out.both(in)
	}
	if s.When != nil {
		drop(fmt.Sprintf("step %s runs only when %s", s.ID, s.When.Text))
	}
	switch s.OnFailure {
	case Continue:
		drop(fmt.Sprintf("step %s may fail, and the run goes on", s.ID))
	case GoOn:
		for k := range out {
			if !in[k] {
				o.lost[k] = fmt.Sprintf("step %s may fail, and the run goes on at %s", s.ID, s.Goto)
			}
		}
		if p, ok := o.pending[s.Goto]; ok {
			in = in.both(p)
		}
		o.pending[s.Goto] = in
	}
	return out
}

// inside are the seals after a step that ran and succeeded.
func (o *orderer) inside(s *Step, in seals) seals {
	switch s.kind() {
	case kindBranch:
		out := o.list(s.Else, in)
		for _, c := range s.Cases {
			way := o.list(c.Steps, in)
			for k := range way {
				if !out[k] {
					o.lost[k] = fmt.Sprintf("not every way through step %s seals it", s.ID)
				}
			}
			out = out.both(way)
		}
		return out
	case kindParallel:
		out := in
		for _, l := range s.Lanes {
			lane := o.list(l.Steps, in)
			for k := range lane {
				if !in[k] {
					o.lost[k] = fmt.Sprintf("a lane of step %s seals it, and its lanes run beside each other", s.ID)
				}
			}
			out = out.with(keys(lane))
		}
		return out
	case kindEach:
		turn := "each." + s.ID
		before := maps.Clone(in)
		delete(before, turn)
		after := o.list(s.Steps, before)
		if after[turn] {
			return in.with(allOf(*s.Each))
		}
		return in
	case kindSub:
		return in.with(o.ofSub(s))
	}
	o.mutation(s, in)
	return in.with(o.sealed(s))
}

// sealed are the functions that a step seals.
func (o *orderer) sealed(s *Step) []string {
	if !s.Verb.Preserves {
		return nil
	}
	names := o.functions(s)
	if _, ok := s.With["max_age"]; ok {
		for _, n := range names {
			o.lost[n] = fmt.Sprintf("step %s may take a bag that an older run sealed (max_age)", s.ID)
		}
		return nil
	}
	return names
}

// ofSub are the functions that a used playbook seals on all its paths.
func (o *orderer) ofSub(s *Step) []string {
	var out []string
	sub := o.pb.subs[s.Sub]
	if sub == nil {
		return nil
	}
	for _, k := range keys(sub.seals) {
		input := strings.TrimPrefix(strings.TrimPrefix(k, "all of "), "inputs.")
		v, given := s.With[input]
		switch {
		case strings.HasPrefix(k, "= "):
			out = append(out, k)
		case given && strings.HasPrefix(k, "all of "):
			out = append(out, allOf(v)...)
		case given:
			out = append(out, one(v))
		}
	}
	return out
}

// mutation refuses a step that changes what is not sealed.
func (o *orderer) mutation(s *Step, in seals) {
	if s.Verb.Class != Changes || s.Override != "" {
		return
	}
	about := s
	if plan, ok := s.With["plan"]; ok && o.plans[plan.Step] != nil {
		about = o.plans[plan.Step]
	}
	if preservesOnly(about) {
		return
	}
	names := o.functions(about)
	if len(names) == 0 {
		if len(in) == 0 {
			o.r.bad(s.pos, "step %s changes the account before any step has collected evidence (put a step that runs collect before it)", s.ID)
		}
		return
	}
	for _, n := range names {
		if in[n] {
			continue
		}
		why := o.lost[n]
		if why == "" {
			why = "no step before it runs collect on it"
			if len(in) > 0 {
				why += "; what is sealed by then: " + strings.Join(keys(in), ", ")
			}
		}
		o.r.bad(s.pos, "step %s changes the account before this run has collected evidence of %s: %s", s.ID, strings.TrimPrefix(n, "= "), why)
	}
}

// preservesOnly: a plan of nothing but acts that keep evidence from being destroyed needs no seal
// before it, as contain says: waiting for one is what would lose it.
func preservesOnly(plan *Step) bool {
	for name := range plan.With {
		switch name {
		case "level", "findings", "actors", "exfiltration": // these bring other acts along
			return false
		}
	}
	keep, _ := plan.With["preserve"].Literal.(bool)
	v, named := plan.With["acts"]
	acts, _ := v.Literal.([]string)
	if named && len(acts) == 0 {
		return false // not known before the run
	}
	for _, name := range acts {
		i := slices.IndexFunc(contain.All(), func(a contain.Act) bool { return a.Name == name })
		if i < 0 || contain.All()[i].Kind != contain.Preserve {
			return false
		}
	}
	return keep || named
}

// functions are those that a step is about.
func (o *orderer) functions(s *Step) []string {
	var out []string
	if v, ok := s.With["function"]; ok {
		out = append(out, one(v))
	}
	if v, ok := s.With["functions"]; ok {
		out = append(out, allOf(v)...)
	}
	slices.Sort(out)
	return out
}

// one names the function that a value is.
func one(v Value) string {
	if v.literal() {
		return "= " + shown(v.Literal)
	}
	return strings.TrimSuffix(strings.TrimPrefix(v.String(), "${"), "}")
}

// allOf names the functions of a list.
func allOf(v Value) []string {
	list, ok := v.Literal.([]string)
	if !ok {
		return []string{"all of " + one(v)}
	}
	var out []string
	for _, s := range list {
		out = append(out, "= "+s)
	}
	return out
}
