package timeline

import (
	"fmt"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// Told is what the story of a function found, for formats that have a place for it
// (Format.Story): package lineage makes it of a Story.
type Told struct {
	Function string
	Suspects []Accused
	Standing []finding.Finding // what suspects made or changed and nobody took back
	Limits   []string          // what the story cannot tell
}

// Accused is a use of credentials that rules speak against: suspected is no verdict.
type Accused struct {
	Node    string // of the lineage, as Finding.By names it
	Who     string
	ARN     string
	Keys    []string
	Address string
	First   time.Time
	Last    time.Time
	Reasons []string // one line each
	Events  []string // ids of the records that the reasons rest on
}

// standingText says in one line what was found and is still there.
func standingText(f finding.Finding) string {
	return strings.Join(strings.Fields(fmt.Sprintf("%s %s %s by %s with %s at %s (record %s), %s", f.Change, f.Kind, f.Name, f.Who, f.Action, f.At.UTC().Format(time.RFC3339), f.Event, f.State)), " ")
}

// by is the suspect whose credentials a finding was made with; nil for none.
func (t *Told) by(f finding.Finding) *Accused {
	for i := range t.Suspects {
		if s := &t.Suspects[i]; s.Node == f.By && s.Address == f.From {
			return s
		}
	}
	return nil
}

// blindness says what the timeline cannot show: what is missing from the case, what could not
// be read, and what the records could not see.
func (s Summary) blindness() []string {
	var all []string
	for _, u := range s.Unseen {
		all = append(all, cut(u.Text, 400))
	}
	for _, g := range s.Gaps {
		all = append(all, cut(strings.TrimSpace(fmt.Sprintf("not in the case: %s %s: %s %s", g.Artefact, g.Source, g.State, g.Why)), 400))
	}
	if s.Skips > 0 {
		all = append(all, fmt.Sprintf("files or records that could not be read: %d", s.Skips))
	}
	return all
}
