package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/brief"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
	"github.com/freezeframe-ir/freezeframe/timeline"
	"github.com/freezeframe-ir/freezeframe/timeline/lineage"
)

// Bounds of the lists. What is beyond them is counted, and stands in the case.
const (
	maxTurns     = 600
	maxMarks     = 120
	maxCustody   = 1500
	maxArtefacts = 3000
	maxGaps      = 400
	maxNodes     = 48
)

// Gather reads the case: the stories of all functions at once, which its brief rests on too, and
// every event once more for the picture, when it is known whom the stories suspect. However many
// functions there are, each object of the case is read a fixed number of times.
func Gather(ctx context.Context, in Input) (*Data, error) {
	c := in.Case.Remembering()
	d := &Data{
		Schema: Schema, AsOf: in.Now.UTC(), Tool: in.Tool, Practices: in.Practices,
		acts: in.Acts,
		Case: CaseFacts{ID: c.ID, Title: c.Title, Authority: c.Authority, Operator: c.Operator, Opened: c.Opened.UTC(), Exercise: cmp.Or(in.Exercise, c.Exercise)},
	}
	if err := d.tell(ctx, c, in); err != nil {
		return nil, err
	}
	d.Brief.Unread = append(d.Brief.Unread, in.Unread...)
	d.people()
	d.turns()
	g, sum, err := d.watch(ctx, c)
	if err != nil {
		return nil, err
	}
	d.graph(g)
	d.inputs(sum.Inputs)
	if err := d.versions(ctx, c); err != nil {
		return nil, err
	}
	if err := d.cover(ctx, c, sum); err != nil {
		return nil, err
	}
	if err := d.answers(ctx, c); err != nil {
		return nil, err
	}
	if err := d.custody(ctx, c); err != nil {
		return nil, err
	}
	d.measure()
	d.summarise()
	out := rewritten(*d, mask)
	out.Inputs, out.stories = d.Inputs, d.stories
	return &out, nil
}

// tell makes the brief, and the stories that it rests on.
func (d *Data) tell(ctx context.Context, c *evidence.Case, in Input) error {
	all := func(functions []string) (err error) {
		d.stories, err = lineage.TellAll(ctx, timeline.Options{}, timeline.Input{Case: c}, functions)
		return err
	}
	stories := func(_ context.Context, functions []string) ([]timeline.Story, error) {
		if err := all(functions); err != nil {
			return nil, err
		}
		var out []timeline.Story
		for _, s := range d.stories {
			out = append(out, s.Story)
		}
		return out, nil
	}
	var err error
	if d.Brief, err = brief.Of(ctx, brief.Input{Case: c, Function: in.Function, Acts: in.Acts, ActsErr: in.ActsErr, Now: in.Now, Stories: stories}); err != nil {
		return err
	}
	if in.Function != "" && len(d.Brief.Functions) == 0 {
		d.Brief.Functions = []string{in.Function} // nothing of it was collected, but the records may know it
		return all(d.Brief.Functions)
	}
	return nil
}

// people tells of those whom rules speak against, and of what they left.
func (d *Data) people() {
	d.Suspects, d.Entries, d.Standing = []Suspect{}, []Entry{}, []Finding{}
	for _, s := range d.stories {
		for _, p := range s.Suspects {
			one := Suspect{Function: s.Function, Who: p.Who, Address: p.Address, Keys: p.Keys, First: p.First, Last: p.Last, Calls: p.Calls, Score: p.Score, Reasons: []Reason{}}
			for _, r := range p.Reasons {
				one.Reasons = append(one.Reasons, Reason{r.Rule, r.Weight, r.Text, r.Events})
			}
			d.Suspects = append(d.Suspects, one)
		}
		if e := s.Entry; e != nil {
			d.Entries = append(d.Entries, Entry{s.Function, e.Kind, e.Text, string(e.Sure), e.Events})
		}
		for _, f := range s.Standing {
			what := strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s", f.Change, f.Kind, cmp.Or(f.Name, f.ARN), f.Detail)), " ")
			one := Finding{At: f.At, What: what, Who: f.Who, State: string(f.State), Event: f.Event, By: d.closer(f, s.Function)}
			if !slices.Contains(d.Standing, one) {
				d.Standing = append(d.Standing, one)
			}
		}
	}
	slices.SortStableFunc(d.Standing, func(a, b Finding) int { return a.At.Compare(b.At) })
}

// closer is the act in force that closes what a finding tells of: the records end before it.
func (d *Data) closer(f finding.Finding, function string) string {
	act := map[string]string{"function-permission": brief.ActGrants, "function-url": brief.ActURL}[f.Kind]
	for _, a := range d.Brief.Contained {
		if a.Act == act && a.Function == function && a.Since.After(f.At) {
			return act
		}
	}
	return ""
}

// laner knows whom the stories suspect.
func (d *Data) laner() *laner {
	l := &laner{suspects: map[use]bool{}}
	for _, s := range d.stories {
		l.same = append(l.same, timeline.SameFunction(s.Function))
		for _, p := range s.Suspects {
			l.suspects[use{p.Node, p.Address}] = true
		}
	}
	return l
}

// turns joins the stories' steps; two functions' stories may tell the same one.
func (d *Data) turns() {
	d.Turns = []Turn{}
	l, told := d.laner(), map[string]bool{}
	for _, s := range d.stories {
		d.TurnsLeft += s.Left
		for _, step := range s.Steps {
			id := strings.Join([]string{step.From.String(), string(step.Sort), step.Text}, "\x00")
			if told[id] {
				continue
			}
			told[id] = true
			suspected := suspectedStep(s, step)
			t := Turn{From: step.From, To: step.To, Lane: l.ofTurn(step, suspected), Sort: string(step.Sort), Who: step.Who, Where: step.Where, Key: step.Key, Text: step.Text,
				Function: s.Function, Count: step.Count, Events: step.Events}
			t.Sign = t.Lane != LaneResponder && (suspected || step.Sort == timeline.StepCredentials || step.Sort == timeline.StepClaimed || slices.Contains(step.Tags, timeline.TagPublicGrant))
			d.Turns = append(d.Turns, t)
		}
	}
	slices.SortStableFunc(d.Turns, func(a, b Turn) int { return a.From.Compare(b.From) })
	if left := len(d.Turns) - maxTurns; left > 0 {
		d.TurnsLeft += left
		d.Turns = keptTurns(d.Turns)
	}
	for i := range d.Turns {
		d.Turns[i].ID = i + 1
	}
}

// keptTurns are those that look hostile or are the responders', and then the first of the others.
func keptTurns(all []Turn) []Turn {
	room := maxTurns
	keep := make([]bool, len(all))
	for _, heavy := range []bool{true, false} {
		for i, t := range all {
			if (t.Sign || t.Lane == LaneResponder) == heavy && room > 0 {
				keep[i] = true
				room--
			}
		}
	}
	var out []Turn
	for i, t := range all {
		if keep[i] {
			out = append(out, t)
		}
	}
	return out
}

// suspectedStep says whether a step was taken with suspected credentials, from where those are
// suspected, or is cited against them.
func suspectedStep(s lineage.Story, step timeline.Step) bool {
	for _, p := range s.Suspects {
		if p.Address == step.Where && (step.Key != "" && slices.Contains(p.Keys, step.Key) || step.Key == "" && p.Who == step.Who) {
			return true
		}
	}
	return false
}

// watch sees every event once: for the picture, for the rows that weigh, and for the lineage.
func (d *Data) watch(ctx context.Context, c *evidence.Case) (*lineage.Graph, timeline.Summary, error) {
	l, whole, rows := d.laner(), newGrowing(), newWeighty()
	var focus *growing
	if from, to, ok := d.stretch(); ok {
		focus = newFixed(from, to)
	}
	b := lineage.NewBuilder()
	sum, err := timeline.Events(ctx, timeline.Options{Names: true}, timeline.Input{Case: c}, func(e *timeline.Event) error {
		node := ""
		if n := b.Event(e); n != nil {
			node = n.ID
		}
		d.EventsOf++
		if e.Kind == timeline.KindState && whole.bins.From.IsZero() {
			d.Picture.Earlier++ // a document may tell of years ago: that would squeeze what matters
			return nil
		}
		lane := l.lane(e, node)
		denied := e.Outcome == timeline.Denied
		whole.add(e.Time, lane, denied)
		if focus != nil {
			focus.add(e.Time, lane, denied)
		}
		rows.take(e, lane)
		return nil
	})
	if err != nil {
		return nil, sum, fmt.Errorf("reading the timeline: %w", err)
	}
	d.Picture.Whole = whole.bins
	if focus != nil {
		d.Picture.Focus = &focus.bins
	}
	d.Events = rows.list()
	return b.Graph(sum), sum, nil
}

// stretch is the time of the incident and the response, with some room around.
func (d *Data) stretch() (from, to time.Time, ok bool) {
	for _, t := range d.Turns {
		if !t.Sign && t.Sort != string(timeline.StepContained) {
			continue
		}
		if from.IsZero() || t.From.Before(from) {
			from = t.From
		}
		if t.To.After(to) {
			to = t.To
		}
	}
	for _, s := range d.Suspects {
		if from.IsZero() || s.First.Before(from) {
			from = s.First
		}
		if s.Last.After(to) {
			to = s.Last
		}
	}
	if from.IsZero() {
		return from, to, false
	}
	room := max(to.Sub(from)/20, time.Minute)
	return from.Add(-room).Truncate(time.Second), to.Add(room), true
}

// inputs keeps what the report was made from, once each.
func (d *Data) inputs(more []evidence.Ref) {
	d.Inputs = append(d.Inputs, more...)
	slices.SortFunc(d.Inputs, func(a, b evidence.Ref) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Item, b.Item))
	})
	d.Inputs = slices.Compact(d.Inputs)
}

// Untold counts what the stories could not be told of: gaps in their records, and records that
// could not be read.
func (d *Data) Untold() int {
	n := 0
	for _, s := range d.stories {
		n = max(n, len(s.Summary.Gaps)+int(s.Summary.Skips))
	}
	return n
}
