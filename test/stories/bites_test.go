package stories

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/finding"
	"github.com/freezeframe-ir/freezeframe/timeline"
	"github.com/freezeframe-ir/freezeframe/timeline/lineage"
)

// TestJudgeBites: a right story with one thing wrong in it is told from a right one.
func TestJudgeBites(t *testing.T) {
	w := begin(t, plans(variants)[1])
	w.stage()
	w.incident()
	dir := t.TempDir()
	w.deliver(dir)
	tell := func() lineage.Story {
		s, err := lineage.Tell(t.Context(), timeline.Options{Filter: timeline.Filter{Function: w.arn(w.names.function)}}, timeline.Input{Paths: []string{dir}})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if v := w.compare(tell()); !v.right() {
		t.Fatalf("%s %v", v.cells(), v.wrong)
	}
	wrong := map[string]func(*lineage.Story){
		"nobody":             func(s *lineage.Story) { s.Suspects = nil },
		"another address":    func(s *lineage.Story) { s.Suspects[0].Address = "198.51.100.77" },
		"another code":       func(s *lineage.Story) { s.Suspects[0].CodeHash = "AAAA" },
		"another version":    func(s *lineage.Story) { s.Suspects[0].Versions = []string{"99"} },
		"another entry":      func(s *lineage.Story) { s.Entry.Kind = lineage.EntryKey },
		"an outside account": func(s *lineage.Story) { s.Entry.Node = "account:000000000000/X" },
		"a hop less":         func(s *lineage.Story) { s.Suspects[0].Lineage = s.Suspects[0].Lineage[1:] },
		"a thing forgotten":  func(s *lineage.Story) { s.Standing = s.Standing[1:] },
		"a thing too many": func(s *lineage.Story) {
			s.Standing = append(s.Standing, finding.Finding{Kind: "user", Name: "user/olivia"})
		},
		"no use outside": func(s *lineage.Story) { s.Outside = nil },
		"the decoy too": func(s *lineage.Story) {
			s.Suspects = append(s.Suspects, lineage.Suspect{Keys: []string{w.robot.creds.AccessKeyID}, Address: w.robot.address})
		},
	}
	for name, spoil := range wrong {
		s := tell()
		spoil(&s)
		if v := w.compare(s); v.right() {
			t.Errorf("%s is taken for right", name)
		}
	}
	t.Logf("%d wrong stories, 0 skipped", len(wrong))

	// The name alone is that of the sister's function too.
	_, err := lineage.Tell(t.Context(), timeline.Options{Filter: timeline.Filter{Function: w.names.function}}, timeline.Input{Paths: []string{dir}})
	if !errors.Is(err, lineage.ErrAmbiguous) || !strings.Contains(err.Error(), sister) {
		t.Errorf("by name: %v", err)
	}
	// What the intruder made has a story too: the rule that wakes it is in its history.
	second, err := lineage.Tell(t.Context(), timeline.Options{Filter: timeline.Filter{Function: w.arn(w.names.second)}}, timeline.Input{Paths: []string{dir}})
	if err != nil || !slices.ContainsFunc(second.History, func(c lineage.Change) bool {
		return c.What == "trigger" && strings.Contains(c.Text, w.names.rule) && c.From == w.truth.Actor.Address
	}) {
		t.Errorf("%v: %+v", err, second.History)
	}
}
