package playbooks

import (
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Bounds of what a playbook may ask for.
const (
	maxRetries = 5
	maxTurns   = 10000
	maxAtOnce  = 64
	maxTimeout = 30 * 24 * time.Hour
)

func (r *reader) steps(n *yaml.Node) []Step {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		r.bad(at(n), "steps: a list of at least one step is wanted")
		return nil
	}
	var out []Step
	for _, c := range n.Content {
		out = append(out, r.step(c))
	}
	return out
}

func (r *reader) step(n *yaml.Node) Step {
	s := Step{OnFailure: Stop, pos: at(n), With: map[string]Value{}}
	var with *yaml.Node
	kinds := map[string]*yaml.Node{}
	kind := func(name string, read func(*yaml.Node)) func(*yaml.Node) {
		return func(v *yaml.Node) { kinds[name] = v; read(v) }
	}
	r.fields(n, "step", map[string]func(*yaml.Node){
		"id":         r.text(&s.ID),
		"about":      r.text(&s.About),
		"phase":      func(v *yaml.Node) { s.Phase = r.phase(v) },
		"when":       func(v *yaml.Node) { s.When = r.condition(v) },
		"timeout":    func(v *yaml.Node) { s.Timeout = r.timeout(v) },
		"retries":    r.number(&s.Retries, 0, maxRetries),
		"on_failure": func(v *yaml.Node) { s.OnFailure, s.Goto = r.onFailure(v) },
		"override":   r.text(&s.Override),
		"with":       func(v *yaml.Node) { with = v },
		"else":       func(v *yaml.Node) { s.Else = r.steps(v) },
		"limit":      r.number(&s.Limit, 1, maxAtOnce),
		"most":       r.number(&s.Most, 1, maxTurns),
		"steps":      func(v *yaml.Node) { s.Steps = r.steps(v) },
		kindVerb:     kind(kindVerb, func(v *yaml.Node) { s.Verb = r.verb(v) }),
		kindSub:      kind(kindSub, func(v *yaml.Node) { r.sub(v, &s) }),
		kindBranch:   kind(kindBranch, func(v *yaml.Node) { s.Cases = r.cases(v) }),
		kindParallel: kind(kindParallel, func(v *yaml.Node) { s.Lanes = r.lanes(v) }),
		kindEach:     kind(kindEach, func(v *yaml.Node) { each := r.value(v, Texts); s.Each = &each }),
	}, "id")
	r.shape(&s, kinds)
	if with != nil {
		s.With = r.with(with, &s)
	}
	return s
}

// shape holds a step to one kind, and to the keys that this kind has.
func (r *reader) shape(s *Step, kinds map[string]*yaml.Node) {
	if len(kinds) != 1 {
		r.bad(s.pos, "step %s: one of the keys run, playbook, branch, parallel, each is wanted", s.ID)
		return
	}
	kind := keys(kinds)[0]
	for _, c := range []struct {
		key   string
		there bool
		in    string
	}{
		{"else", s.Else != nil, kindBranch}, {"most", s.Most != 0, kindEach}, {"steps", s.Steps != nil, kindEach},
		{"limit", s.Limit != 0, kindParallel + " " + kindEach}, {"retries", s.Retries != 0, kindVerb}, {"override", s.Override != "", kindVerb},
	} {
		if c.there && !strings.Contains(c.in, kind) {
			r.bad(s.pos, "step %s: key %q has no meaning beside %q", s.ID, c.key, kind)
		}
	}
	switch {
	case kind == kindEach && s.Steps == nil:
		r.bad(s.pos, "step %s: key \"steps\" is missing", s.ID)
	case kind == kindEach && s.Most == 0:
		r.bad(s.pos, "step %s: key \"most\" is missing: how many turns at most", s.ID)
	case kind == kindParallel && s.Limit == 0:
		s.Limit = len(s.Lanes)
	}
	if s.Override != "" && s.Verb.Class != Changes {
		r.bad(s.pos, "step %s: only a step that changes the account can have an override", s.ID)
	}
	if s.Retries > 0 && s.Verb.Class == Asks {
		r.bad(s.pos, "step %s: people are not asked again by themselves", s.ID)
	}
}

func (r *reader) phase(n *yaml.Node) Phase {
	var names []string
	for _, p := range Phases() {
		if string(p) == n.Value {
			return p
		}
		names = append(names, string(p))
	}
	r.bad(at(n), "phase %q is none of %s%s", n.Value, strings.Join(names, ", "), didYouMean(n.Value, names))
	return ""
}

func (r *reader) timeout(n *yaml.Node) time.Duration {
	d, _ := r.literal(n, Duration).(time.Duration)
	if d > maxTimeout {
		r.bad(at(n), "timeout: at most %s", maxTimeout)
	}
	return d
}

func (r *reader) cases(n *yaml.Node) []Case {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		r.bad(at(n), "branch: a list of cases (when, steps) is wanted")
		return []Case{}
	}
	var out []Case
	for _, c := range n.Content {
		var k Case
		r.fields(c, "case", map[string]func(*yaml.Node){
			"when":  func(v *yaml.Node) { k.When = r.condition(v) },
			"steps": func(v *yaml.Node) { k.Steps = r.steps(v) },
		}, "when", "steps")
		out = append(out, k)
	}
	return out
}

func (r *reader) lanes(n *yaml.Node) []Lane {
	if n.Kind != yaml.SequenceNode || len(n.Content) < 2 || len(n.Content) > maxAtOnce {
		r.bad(at(n), "parallel: a list of 2 to %d lanes (steps) is wanted", maxAtOnce)
		return []Lane{}
	}
	var out []Lane
	for _, c := range n.Content {
		var l Lane
		r.fields(c, "lane", map[string]func(*yaml.Node){"steps": func(v *yaml.Node) { l.Steps = r.steps(v) }}, "steps")
		out = append(out, l)
	}
	return out
}

func (r *reader) verb(n *yaml.Node) Verb {
	if r.verbs == nil {
		r.verbs = Verbs() // once: they name every act of containment
	}
	var names []string
	for _, v := range r.verbs {
		if v.Name == n.Value {
			return v
		}
		names = append(names, v.Name)
	}
	r.bad(at(n), "unknown verb %q%s", n.Value, didYouMean(n.Value, names))
	return Verb{}
}

// sub reads the playbook that a step uses.
func (r *reader) sub(n *yaml.Node, s *Step) {
	r.text(&s.Sub)(n)
	if s.Sub == "" {
		s.Sub = "?"
		r.bad(at(n), "playbook: a name is wanted")
		return
	}
	if len(r.within) >= maxDepth {
		r.bad(at(n), "playbooks use each other more than %d deep", maxDepth)
		return
	}
	for _, w := range append(r.within, r.pb.Name) {
		if w == s.Sub {
			r.bad(at(n), "playbook %s would use itself", s.Sub)
			return
		}
	}
	if r.pb.subs[s.Sub] != nil {
		return
	}
	file, text, err := r.from(s.Sub)
	if err != nil {
		r.bad(at(n), "%s", err)
		return
	}
	sub, err := parse(file, text, r.from, append(append([]string(nil), r.within...), r.pb.Name), r.verbs)
	if err != nil {
		r.bad(at(n), "playbook %s: %s", s.Sub, err)
		return
	}
	r.pb.subs[s.Sub] = sub
}

// onFailure reads stop, continue, undo, or goto with a step.
func (r *reader) onFailure(n *yaml.Node) (OnFailure, string) {
	if n.Kind == yaml.MappingNode {
		var to string
		r.fields(n, "on_failure", map[string]func(*yaml.Node){"goto": r.text(&to)}, "goto")
		return GoOn, to
	}
	if f := OnFailure(n.Value); f == Stop || f == Continue || f == Undo {
		return f, ""
	}
	r.bad(at(n), "on_failure: %q is none of stop, continue, undo, {goto: STEP}", n.Value)
	return Stop, ""
}
