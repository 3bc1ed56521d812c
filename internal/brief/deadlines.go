package brief

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Deadline is when something that the investigation wants goes, or ends by itself.
type Deadline struct {
	At       time.Time    `json:"at,omitzero"` // zero: not known, Basis says why
	What     string       `json:"what"`
	Basis    string       `json:"basis"`
	Held     bool         `json:"in_the_case"`    // what would be lost is in the case already
	Passed   bool         `json:"passed"`         // by the brief's clock
	Stop     string       `json:"stop,omitempty"` // a command that keeps it
	Evidence evidence.Ref `json:"evidence"`       // the document it rests on
}

// moments are what retention is counted from.
type moments struct {
	hostile time.Time // the first turn that looks so, or the story's first; zero: no story
	asked   time.Time // when AWS was asked for the document
	held    bool      // the case has the log events from hostile on
}

const day = 24 * time.Hour

// deadlines are those still to come, the next first; then those whose time is not known; then
// those that passed; and last those of evidence that the case has.
func (h *holdings) deadlines(ctx context.Context, b *Brief, all turns, seen traces) ([]Deadline, error) {
	first, hostile := all.first()
	out := slices.Concat(h.history(first, seen), sessionEnds(b.Open), h.links())
	for at, f := range h.docs {
		read := documents()[at.artefact]
		if read == nil || f.entry.Item == nil {
			continue
		}
		data := h.open(ctx, f)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if data == nil {
			continue
		}
		m := moments{hostile: hostile, asked: f.entry.Item.Started, held: at.artefact == "logs.group" && h.hasLogs(at.source.ARN, hostile)}
		found, err := read(data, m)
		if err != nil {
			h.cannot(f, err)
			continue
		}
		for _, d := range found {
			d.Evidence = f.ref()
			out = append(out, d)
		}
	}
	for i := range out {
		out[i].Passed = !out[i].At.IsZero() && !out[i].At.After(b.AsOf)
	}
	slices.SortFunc(out, func(x, y Deadline) int {
		return cmp.Or(x.rank()-y.rank(), x.At.Compare(y.At), strings.Compare(x.What, y.What))
	})
	return out, nil
}

func (d Deadline) rank() int {
	switch {
	case d.Held:
		return 3
	case d.Passed:
		return 2
	case d.At.IsZero():
		return 1
	}
	return 0
}

// hasLogs says whether the events of a log group are in the case from a moment on.
func (h *holdings) hasLogs(group string, from time.Time) bool {
	for at, f := range h.docs {
		if at.artefact != "logs.events" || at.source.ARN != group || f.entry.State != evidence.Collected {
			continue
		}
		p := f.bag.Header().Params
		since, err := time.ParseDuration(p["since"])
		until, err2 := time.Parse(time.RFC3339, p["until"])
		if err == nil && err2 == nil && !until.Add(-since).After(from) {
			return true
		}
	}
	return false
}

// history: CloudTrail's event history keeps 90 days, whatever trails there are.
func (h *holdings) history(first time.Time, seen traces) []Deadline {
	if first.IsZero() {
		return nil
	}
	d := Deadline{
		At: first.Add(90 * day), What: "the first turn leaves CloudTrail's event history", Held: seen.event.Item != "", Evidence: seen.event,
		Basis: "90 days from " + stamp(first),
	}
	if !h.recordsFrom.IsZero() {
		d.Basis += "; the case has what was looked up from " + stamp(h.recordsFrom) + " on, what lies before goes earlier"
	}
	return []Deadline{d}
}

// sessionEnds are the ends of open sessions: until then the thief can use them.
func sessionEnds(open []Open) []Deadline {
	var out []Deadline
	for _, o := range open {
		if o.Kind == "session-key" {
			ends := " ends"
			if !o.Known {
				ends += " at the latest"
			}
			out = append(out, Deadline{At: o.Until, What: "session key " + o.Key + ends, Basis: o.Basis, Evidence: o.Evidence})
		}
	}
	return out
}

// links: code that could not be had was behind a link of ten minutes.
func (h *holdings) links() []Deadline {
	var out []Deadline
	for at, gap := range h.gaps {
		if at.artefact != "lambda.code" || gap.State == evidence.Mismatch {
			continue
		}
		f, ok := h.docs[slot{"lambda.configuration", at.source}]
		if !ok || f.entry.Item == nil {
			continue
		}
		asked := cmp.Or(f.entry.Item.Ended, f.entry.Item.Started)
		out = append(out, Deadline{
			At: asked.Add(10 * time.Minute), What: fmt.Sprintf("the link to the code of %s:%s, which is not in the case", name(at.source.ARN), at.source.Qualifier),
			Basis: "links to code live 10 minutes; asking again makes a new one", Stop: "freezeframe collect --resume", Evidence: f.ref(),
		})
	}
	return out
}

// name is the last part of an ARN.
func name(arn string) string { return arn[strings.LastIndexAny(arn, ":/")+1:] }
