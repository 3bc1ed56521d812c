package brief

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// maxDocument bounds one JSON document that is read.
const maxDocument = 8 << 20

// holdings is what the sealed collections of a case hold about its functions.
type holdings struct {
	functions   []string // ARNs, as they came into the case
	collected   time.Time
	contained   time.Time // end of the newest run of containment
	recordsFrom time.Time // what CloudTrail was asked for begins here
	docs        map[slot]found
	gaps        map[slot]evidence.Entry // where the newest attempt did not come to its end
	lookups     []found                 // pages of CloudTrail's event history
	unfinished  []string                // bags that were never sealed
	unread      []string
}

// slot is an artefact of a resource.
type slot struct {
	artefact string
	source   evidence.Source
}

// found is the newest complete entry of a slot.
type found struct {
	bag   *evidence.Bag
	entry evidence.Entry
}

func (f found) ref() evidence.Ref {
	if f.entry.Item == nil {
		return evidence.Ref{Bag: f.bag.ID()}
	}
	return f.bag.Ref(*f.entry.Item)
}

// read walks the bags, oldest first, so that what is newer takes the place of what is older.
func read(ctx context.Context, c *evidence.Case, function string) (*holdings, error) {
	h := &holdings{docs: map[slot]found{}, gaps: map[slot]evidence.Entry{}}
	for b, err := range c.Bags(ctx) {
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case b == nil:
			return nil, fmt.Errorf("listing the case's bags: %w", err)
		case err != nil:
			h.unread = append(h.unread, fmt.Sprintf("bag %s: %v", b.ID(), err))
			continue
		}
		header := b.Header()
		if header.Kind == evidence.KindContainment && header.Ended.After(h.contained) {
			h.contained = header.Ended
		}
		if header.Kind != evidence.KindCollection {
			continue
		}
		if !b.Sealed() {
			h.unfinished = append(h.unfinished, b.ID())
		}
		if !h.concerns(header.Targets, function) || !b.Sealed() {
			continue
		}
		if header.Ended.After(h.collected) {
			h.collected = header.Ended
		}
		if err := h.take(ctx, b); err != nil {
			h.unread = append(h.unread, fmt.Sprintf("bag %s: %v", b.ID(), err))
		}
	}
	return h, nil
}

// concerns notes the functions of a bag, and says whether the wanted one is among them.
func (h *holdings) concerns(targets []string, function string) bool {
	wanted := false
	for _, arn := range targets {
		if function == "" || arn == function || arn[strings.LastIndexByte(arn, ':')+1:] == function {
			wanted = true
			h.functions = with(h.functions, arn)
		}
	}
	return wanted
}

func (h *holdings) take(ctx context.Context, b *evidence.Bag) error {
	entries, err := b.Coverage(ctx)
	if err != nil {
		return err
	}
	for _, e := range entries {
		at := slot{e.Artefact, e.Source}
		if e.State.Complete() {
			delete(h.gaps, at)
		} else {
			h.gaps[at] = e
		}
		if e.Item != nil && e.Item.Sensitive || e.Gap != nil && e.State != evidence.Absent && e.State != evidence.NotCovered {
			continue // the redacted twin is read; what could not be had leaves the older one
		}
		if e.Artefact == "cloudtrail.lookup" && e.Item != nil {
			h.lookups = append(h.lookups, found{b, e})
		}
		if e.Artefact == "logs.events" || needed(e.Artefact) {
			h.docs[at] = found{b, e}
		}
	}
	return nil
}

// needed says whether a document is read here, or shows doors (see doors).
func needed(artefact string) bool {
	_, timed := documents()[artefact]
	return timed || slices.Contains(doors(), artefact)
}

// open reads a document; what cannot be read is noted, and nil.
func (h *holdings) open(ctx context.Context, f found) []byte {
	r, err := f.bag.Open(ctx, *f.entry.Item)
	if err != nil {
		h.cannot(f, err)
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err = errors.Join(err, r.Close()); err != nil {
		h.cannot(f, err)
		return nil
	}
	if len(data) > maxDocument {
		h.cannot(f, fmt.Errorf("a document of more than %d bytes", maxDocument))
		return nil
	}
	if f.entry.Item.Sealed && len(data) > 0 && data[0] != '{' {
		h.cannot(f, errors.New("it is sealed, and the identity of the case is not here"))
		return nil
	}
	return data
}

func (h *holdings) cannot(f found, err error) {
	h.unread = append(h.unread, f.ref().Path+": "+err.Error())
}

// Missing is a kind of gap.
type Missing struct {
	Artefact string         `json:"artefact"`
	State    evidence.State `json:"state"`
	Count    int            `json:"count"`
	Call     string         `json:"call,omitempty"`
	Why      string         `json:"why,omitempty"`
	Source   string         `json:"source"` // of the first
}

// weights are the artefacts without which least can be said, the worst first.
func weights() []string {
	return []string{"lambda.code", "cloudtrail.lookup", "lambda.configuration", "logs.events", "lambda.policy", "lambda.urls", "iam.role", "lambda.environment", "lambda.layers", "lambda.mappings", "lambda.", "iam.", "cloudtrail.", "logs."}
}

// missing are the gaps of the newest attempts, and their kinds, the most important first.
func (h *holdings) missing() (n int, kinds []Missing) {
	kinds = []Missing{}
	for at, e := range h.gaps {
		m := Missing{Artefact: at.artefact, State: e.State, Count: 1, Source: at.source.ARN}
		if e.Gap != nil {
			m.Call = e.Gap.Call
			m.Why, _, _ = strings.Cut(cmp.Or(e.Gap.Error, e.Gap.Note), ":")
		}
		i := slices.IndexFunc(kinds, func(k Missing) bool { return k.Artefact == m.Artefact && k.State == m.State && k.Why == m.Why })
		if n++; i < 0 {
			kinds = append(kinds, m)
			continue
		}
		kinds[i].Count++
		kinds[i].Source = min(kinds[i].Source, m.Source)
	}
	weight := func(artefact string) int {
		if i := slices.IndexFunc(weights(), func(p string) bool { return strings.HasPrefix(artefact, p) }); i >= 0 {
			return i
		}
		return len(weights())
	}
	slices.SortFunc(kinds, func(a, b Missing) int {
		return cmp.Or(weight(a.Artefact)-weight(b.Artefact), b.Count-a.Count, strings.Compare(a.Artefact+string(a.State)+a.Why, b.Artefact+string(b.State)+b.Why))
	})
	return n, kinds
}
