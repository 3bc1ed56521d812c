package lineage

import (
	"fmt"
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/timeline"
)

// Told is the story as the formats of a timeline take it.
func (s Story) Told() *timeline.Told {
	t := &timeline.Told{Function: s.Function, Standing: s.Standing, Limits: s.Limits}
	for _, p := range s.Suspects {
		a := timeline.Accused{Node: p.Node, Who: p.Who, ARN: p.ARN, Keys: p.Keys, Address: p.Address, First: p.First, Last: p.Last}
		for _, r := range p.Reasons {
			text := fmt.Sprintf("%s, weight %d: %s", r.Rule, r.Weight, r.Text)
			if len(r.Events) > 0 {
				text += " (records " + strings.Join(r.Events, ", ") + ")"
			}
			a.Reasons = append(a.Reasons, text)
			for _, e := range r.Events {
				if !slices.Contains(a.Events, e) {
					a.Events = append(a.Events, e)
				}
			}
		}
		t.Suspects = append(t.Suspects, a)
	}
	return t
}
