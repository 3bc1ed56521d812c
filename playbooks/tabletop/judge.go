package tabletop

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// judge answers checks by the account's record and state, by the case, and by what was tried at
// the end. Nothing of what anybody says enters it, but for the notes in the case's ledger.
type judge struct {
	w       *World
	calls   []awssim.Call
	live    bool // while the exercise runs: there is no case yet, and no end
	choices []Decided
	seals   []sealed
	notes   []noted
	tries   map[string]Try
	objects map[string]json.RawMessage
	whole   bool // the case verifies
	bags    int  // sealed collections
	entries int  // of their coverage
	have    int  // of those, complete
}

// sealed is an artefact in a sealed bag.
type sealed struct {
	artefact, arn string
	absent        bool
	at            time.Time
}

type noted struct {
	kind, text string
	at         time.Time
}

// newJudge reads the case, which may be nil: nobody opened one.
func newJudge(ctx context.Context, w *World, c *evidence.Case, calls []awssim.Call, tries []Try) (*judge, error) {
	j := &judge{w: w, calls: calls, choices: w.Decisions(), tries: map[string]Try{}, objects: w.Cloud.Objects()}
	for _, t := range tries {
		j.tries[t.Name] = t
	}
	if c == nil {
		return j, nil
	}
	if err := j.readBags(ctx, c); err != nil {
		return nil, err
	}
	for e, err := range c.Ledger(ctx) {
		if err != nil {
			return nil, fmt.Errorf("reading the ledger: %w", err)
		}
		// A decision of the exercise is scored as that, and not once more by the words it has.
		if kind := e.Data["kind"]; kind != "" && e.Data["decision"] == "" && (e.Type == evidence.EventNote || e.Type == evidence.EventDecide) {
			j.notes = append(j.notes, noted{kind, e.Reason, e.Clock})
		}
	}
	j.whole = true
	for _, err := range c.Verify(ctx) {
		if err != nil {
			return nil, fmt.Errorf("verifying the case: %w", err)
		}
		j.whole = false
	}
	return j, nil
}

func (j *judge) readBags(ctx context.Context, c *evidence.Case) error {
	for b, err := range c.Bags(ctx) {
		if err != nil {
			return fmt.Errorf("reading the bags: %w", err)
		}
		if !b.Sealed() || b.Header().Kind != evidence.KindCollection {
			continue
		}
		j.bags++
		coverage, err := b.Coverage(ctx)
		if err != nil {
			return fmt.Errorf("reading the coverage of %s: %w", b.ID(), err)
		}
		for _, e := range coverage {
			j.entries++
			if !e.State.Complete() {
				continue
			}
			j.have++
			j.seals = append(j.seals, sealed{e.Artefact, e.Source.ARN, e.State != evidence.Collected, b.Header().Ended})
		}
	}
	return nil
}

// holds says whether all that a check asks for is so.
func (j *judge) holds(c Check) bool {
	for _, part := range []struct {
		asked bool
		so    func() bool
	}{
		{c.Sealed != nil, func() bool { return j.sealed(c.Sealed) }},
		{c.Called != nil, func() bool { return j.first(*c.Called) != nil }},
		{c.Order != nil, func() bool { return j.ordered(c.Order) }},
		{c.Noted != nil, func() bool { return j.noted(c.Noted) != nil }},
		{c.Decided != nil, func() bool { return j.decided(c.Decided) }},
		{c.Object != nil, func() bool { return j.object(c.Object) }},
		{c.Fails != "", func() bool { t, ok := j.tries[c.Fails]; return ok && !t.Worked }},
		{c.Works != "", func() bool { return j.tries[c.Works].Worked }},
		{c.AllFail, j.attackerOut},
		{c.Verified, func() bool { return j.whole && j.bags > 0 }},
		{c.Untouched, func() bool { return j.first(CallCheck{}) == nil }},
		{c.BeforeSeal, func() bool { return j.tooEarly() > 0 }},
		{len(c.Any) > 0, func() bool { return slices.ContainsFunc(c.Any, j.holds) }},
		{len(c.All) > 0, func() bool { return !slices.ContainsFunc(c.All, func(k Check) bool { return !j.holds(k) }) }},
		{c.Not != nil, func() bool { return !j.holds(*c.Not) }},
	} {
		if part.asked && !part.so() {
			return false
		}
	}
	return true
}

// within says whether a moment lies in the exercise, and no later than d after its beginning.
func (j *judge) within(at time.Time, d time.Duration) bool {
	return !at.Before(j.w.start) && (d == 0 || !at.After(j.w.start.Add(d)))
}

// matches says whether a call made since responders came in is what a check means.
func (j *judge) matches(call awssim.Call, c CallCheck) bool {
	by := c.By
	if by == "" {
		by = responder
	}
	if call.KeyID != j.w.known[by].AccessKeyID || !j.within(call.Time, c.Within) || (call.ErrorCode != "") != c.Denied {
		return false
	}
	if on, err := j.w.fill(c.On); err != nil || !strings.Contains(call.Resource, on) {
		return false
	}
	if len(c.Calls) == 0 {
		return !call.ReadOnly
	}
	for _, name := range c.Calls {
		if name == call.API {
			return true
		}
	}
	return false
}

// first is the first call that a check means, nil if there is none.
func (j *judge) first(c CallCheck) *awssim.Call {
	for i := range j.calls {
		if j.matches(j.calls[i], c) {
			return &j.calls[i]
		}
	}
	return nil
}

func (j *judge) ordered(o *OrderCheck) bool {
	first, then := -1, -1
	for i := range j.calls {
		if first < 0 && j.matches(j.calls[i], o.First) {
			first = i
		}
		if then < 0 && j.matches(j.calls[i], o.Then) {
			then = i
		}
	}
	return first >= 0 && then > first
}

func (j *judge) sealed(s *SealedCheck) bool {
	on, err := j.w.fill(s.On)
	if err != nil {
		return false
	}
	var limit time.Time
	if s.Before != nil {
		if call := j.first(*s.Before); call != nil {
			limit = call.Time
		}
	}
	for _, have := range j.seals {
		fits, err := path.Match(s.Artefact, have.artefact)
		if err != nil || !fits || !strings.Contains(have.arn, on) || have.absent && !s.Absent || !j.within(have.at, s.Within) {
			continue
		}
		if limit.IsZero() || !have.at.After(limit) {
			return true
		}
	}
	return false
}

func (j *judge) noted(n *NotedCheck) *noted {
	for i, have := range j.notes {
		if have.kind != n.Kind || !j.within(have.at, n.Within) {
			continue
		}
		if n.Says == "" {
			return &j.notes[i]
		}
		for word := range strings.SplitSeq(n.Says, "|") {
			if strings.Contains(strings.ToLower(have.text), strings.ToLower(strings.TrimSpace(word))) {
				return &j.notes[i]
			}
		}
	}
	return nil
}

func (j *judge) object(o *ObjectCheck) bool {
	if j.objects == nil {
		j.objects = j.w.Cloud.Objects()
	}
	key, err := j.w.fill(o.Key)
	if err != nil {
		return false
	}
	raw, there := j.objects[key]
	has, err := j.w.fill(o.Has)
	if err != nil {
		return false
	}
	return there != o.Absent && (o.Absent || strings.Contains(string(raw), has))
}

func (j *judge) attackerOut() bool {
	hostile := 0
	for _, t := range j.tries {
		if t.Hostile && t.Worked {
			return false
		}
		if t.Hostile {
			hostile++
		}
	}
	return hostile > 0
}

// sealedFirst is when the first collection was sealed, zero if none was.
func (j *judge) sealedFirst() time.Time {
	var first time.Time
	for _, s := range j.seals {
		if first.IsZero() || s.at.Before(first) {
			first = s.at
		}
	}
	return first
}

// tooEarly counts what responders changed before anything was sealed.
func (j *judge) tooEarly() int {
	first, n := j.sealedFirst(), 0
	for _, c := range j.calls {
		if j.matches(c, CallCheck{}) && (first.IsZero() || c.Time.Before(first)) {
			n++
		}
	}
	return n
}
