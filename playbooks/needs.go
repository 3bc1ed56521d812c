package playbooks

import (
	"slices"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// Planned is one line of what a run would do.
type Planned struct {
	ID    string            `json:"id"`
	Depth int               `json:"depth"`
	Does  string            `json:"does"`
	Class Class             `json:"class,omitempty"`
	About string            `json:"about,omitempty"`
	When  string            `json:"when,omitempty"`
	With  map[string]string `json:"with,omitempty"`
}

// Outline is what a run would do: every step, also those that conditions may leave out. Inputs
// that are given stand in place of their references.
func (pb *Playbook) Outline(inputs map[string]any) []Planned {
	var out []Planned
	pb.outline("", 0, inputs, &out)
	return out
}

func (pb *Playbook) outline(prefix string, depth int, inputs map[string]any, out *[]Planned) {
	pb.Walk(func(s *Step, d int) {
		p := Planned{ID: prefix + s.ID, Depth: depth + d, Does: s.does(), Class: s.Verb.Class, About: s.About, With: map[string]string{}}
		if s.When != nil {
			p.When = s.When.Text
		}
		given := map[string]any{}
		for name, v := range s.With {
			p.With[name] = v.String()
			if in, ok := inputs[v.Input]; ok {
				p.With[name], given[name] = shown(in), in
			} else if v.literal() {
				given[name] = v.Literal
			}
		}
		*out = append(*out, p)
		if sub := pb.subs[s.Sub]; sub != nil {
			sub.outline(p.ID+"/", p.Depth+1, given, out)
		}
	})
}

// Needs are all calls that a run may make to the account, once each, by name.
func (pb *Playbook) Needs() []awsapi.Need {
	by := map[string]awsapi.Need{}
	all := []*Playbook{pb}
	for _, sub := range pb.Uses() {
		all = append(all, sub)
	}
	for _, p := range all {
		p.Walk(func(s *Step, _ int) {
			if s.Verb.Needs == nil {
				return
			}
			for _, n := range s.Verb.Needs() {
				if _, ok := by[n.Call]; !ok {
					by[n.Call] = n
				}
			}
		})
	}
	out := make([]awsapi.Need, 0, len(by))
	for _, call := range keys(by) {
		out = append(out, by[call])
	}
	return slices.Clip(out)
}
