package contain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// parallelReads of documents: Lambda allows 15 control-plane calls a second, and what it
// throttles comes again.
const parallelReads = 64

// draft is a plan in the making.
type draft struct {
	in      PlanInput
	plan    *Plan
	session *awsapi.Session // read-only
	named   map[string]bool // acts by level and by name: for the targets that were given
	known   []*Survey
	blocked map[string]bool // act on target: refused there
	// sharedOut are those of them that are refused because others use the role.
	sharedOut map[string]bool

	docs    map[string]*document       // by name
	evicted map[string]map[string]bool // by isolating act: documents that this plan takes for good

	mu     sync.Mutex
	states map[string]json.RawMessage // by fileKey: the state before
	params map[string]Params          // by act on target
}

func pairOf(act, target string) string { return act + " on " + target }

// survey reads what is to be known of every target.
func (d *draft) survey(ctx context.Context) error {
	d.session = d.in.Session.ReadOnly()
	found := d.answer()
	all, err := aims(d.in, found)
	if err != nil {
		return err
	}
	known, failed, err := surveys(ctx, d.session, all, d.in, looks(func(a Act) bool { return d.named[a.Name] || len(a.Answers) > 0 && len(d.in.Findings) > 0 }))
	if err != nil {
		return err
	}
	for i, err := range failed {
		if err != nil {
			d.unread(all[i], err)
		}
	}
	d.known = known
	for _, s := range known {
		if err := guardConfigured("containment", s.ARN, s.called(), d.in.Protected); err != nil {
			return err
		}
		d.plan.Targets = append(d.plan.Targets, s.Target)
	}
	return nil
}

// keys are the documents of an act on a target that this plan edits.
func (d *draft) keys(a Act, s *Survey) []string {
	if !a.hangsOn(s.Kind) || d.blocked[pairOf(a.Name, s.ARN)] {
		return nil
	}
	if d.wanted(a, s) || d.neededFor(a, s) != "" {
		return d.left(a, s, a.keys(s))
	}
	return d.left(a, s, d.answering(a, s))
}

// wanted says whether the act was asked for on this target, other than by a finding.
func (d *draft) wanted(a Act, s *Survey) bool {
	return s.given && (d.named[a.Name] || a.insteadOf != "" && d.sharedOut[pairOf(a.insteadOf, s.ARN)])
}

// neededFor is the act that needs this one on the target, done first or along with it,
// where nobody named it.
func (d *draft) neededFor(a Act, s *Survey) string {
	if d.wanted(a, s) {
		return ""
	}
	for _, other := range catalogue() {
		if (slices.Contains(other.requires, a.Name) || slices.Contains(other.along, a.Name)) && (d.wanted(other, s) || len(d.answering(other, s)) > 0) && (len(a.keys(s)) > 0 || s.lacks(a.parts) != nil) {
			return other.Name
		}
	}
	return ""
}

// touches says whether the act concerns a target at all.
func (d *draft) touches(a Act, s *Survey) bool {
	return a.hangsOn(s.Kind) && !d.blocked[pairOf(a.Name, s.ARN)] && (d.wanted(a, s) || d.neededFor(a, s) != "" || len(d.answering(a, s)) > 0)
}

func (v *Survey) lacks(parts []string) error {
	for _, p := range parts {
		if err := v.Missing[p]; err != nil {
			return err
		}
	}
	return nil
}

func (d *draft) fill(ctx context.Context) error {
	d.guard()
	d.takeForGood()
	for _, s := range d.known {
		for _, a := range catalogue() {
			if !d.touches(a, s) {
				continue
			}
			if err := s.lacks(a.parts); err != nil {
				d.unplanned(a.Name, "listing", err)
			}
			d.lacking(a, s)
			if a.params != nil {
				d.params[pairOf(a.Name, s.ARN)] = a.params(d.in, s)
			}
		}
	}
	if err := d.read(ctx); err != nil {
		return err
	}
	d.fold()
	for _, a := range catalogue() {
		if err := d.describe(a); err != nil {
			return err
		}
	}
	d.reach()
	d.unanswered()
	d.warn()
	sort.Slice(d.plan.Unplanned, func(i, j int) bool {
		a, b := d.plan.Unplanned[i], d.plan.Unplanned[j]
		return a.Act+a.What+a.Error < b.Act+b.What+b.Error
	})
	return nil
}

// lacking says what an act would need to know.
func (d *draft) lacking(a Act, s *Survey) {
	if a.lacks == nil {
		return
	}
	why := a.lacks(s)
	if why == "" {
		return
	}
	found := false
	about(a, s, func(finding.Finding, string, bool) { found = true })
	if found || slices.Contains(d.in.Acts, a.Name) {
		d.unplanned(a.Name, s.called(), errors.New(why))
		return
	}
	d.plan.Warnings = append(d.plan.Warnings, fmt.Sprintf("%s is not part of this plan on %s: %s", a.Name, s.called(), why))
}

func (d *draft) unplanned(act, what string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := Unplanned{Act: act, What: what, Error: err.Error()}
	if !slices.Contains(d.plan.Unplanned, u) {
		d.plan.Unplanned = append(d.plan.Unplanned, u)
	}
}

// each document of an act that this plan edits, in the catalogue's order.
func (d *draft) each(do func(a Act, s *Survey, p Place, id string)) {
	for _, a := range catalogue() {
		for _, s := range d.known {
			for _, key := range d.keys(a, s) {
				p := Place{s.Target, key}
				do(a, s, p, fileKey(a.doc.resource(p), a.Doc, key))
			}
		}
	}
}

// read takes the state of each document once, whatever the number of its edits.
func (d *draft) read(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelReads)
	seen := map[string]bool{}
	d.each(func(a Act, _ *Survey, p Place, id string) {
		if seen[id] {
			return
		}
		seen[id] = true
		g.Go(func() error {
			state, _, err := a.doc.read(gctx, d.session.Config(a.doc.region(p), a.doc.needs), p)
			if err != nil {
				d.unplanned(a.Name, "reading "+name(a.Doc, p.Key), err)
				return gctx.Err()
			}
			d.mu.Lock()
			defer d.mu.Unlock()
			d.states[id] = state
			return nil
		})
	})
	return g.Wait()
}

// fold makes one move of all edits on a document.
func (d *draft) fold() {
	byDoc := map[string]*Move{}
	var order []string
	d.each(func(a Act, s *Survey, p Place, id string) {
		before, ok := d.states[id]
		if !ok {
			return
		}
		m := byDoc[id]
		if m == nil {
			m = &Move{Doc: a.Doc, Key: p.Key, Before: before, BeforeSHA256: digest(before), Stage: a.rank(d.in.Order), Resource: a.doc.resource(p)}
			byDoc[id] = m
			order = append(order, id)
		}
		m.Edits = append(m.Edits, PlannedEdit{Act: a.Name, On: s.ARN, For: d.neededFor(a, s), Params: d.params[pairOf(a.Name, s.ARN)], Findings: d.events(a, s, p.Key)})
		m.Stage = min(m.Stage, a.rank(d.in.Order))
		m.AtApply = m.AtApply || a.timed
	})
	for _, id := range order {
		if err := d.plan.finish(byDoc[id], d.plan.Made.Format(time.RFC3339)); err != nil { // such as a policy that is no JSON
			for _, e := range byDoc[id].Edits {
				d.unplanned(e.Act, name(byDoc[id].Doc, byDoc[id].Key), err)
			}
			continue
		}
		if m := byDoc[id]; len(m.Calls) > 0 || !sparse(m) {
			d.plan.Moves = append(d.plan.Moves, *m)
		}
	}
	sort.SliceStable(d.plan.Moves, func(i, j int) bool { return d.plan.Moves[i].Stage < d.plan.Moves[j].Stage })
}

// sparse: a function can have hundreds of versions, each with a policy that has to be
// read at 15 a second; apply reads again only those that it changes.
func sparse(m *Move) bool {
	for _, e := range m.Edits {
		if act, err := actNamed(e.Act); err != nil || !act.sparse {
			return false
		}
	}
	return true
}

// finish works out where a move leads, by which calls, and what must be sealed before.
func (p *Plan) finish(m *Move, now string) error {
	edits, err := p.placed(m)
	if err != nil {
		return err
	}
	place := edits[0].place
	doc, err := documentNamed(m.Doc)
	if err != nil {
		return err
	}
	if m.After, err = fold(m.Before, edits, now); err != nil {
		return err
	}
	m.Calls = []Call{}
	if doc.equal(m.Before, m.After) {
		return nil
	}
	steps, err := doc.steps(place, m.Before, m.After, "")
	if err != nil {
		return err
	}
	if len(steps) == 0 {
		return errors.New("no call leads to the wanted state")
	}
	if m.Calls, err = calls(steps); err != nil {
		return err
	}
	m.Preserve, err = preserves(m.Before, edits)
	return err
}

// preserves is what all edits of a move destroy, each artefact once.
func preserves(before json.RawMessage, edits []placed) ([]Artefact, error) {
	var all []Artefact
	for _, e := range edits {
		act, err := actNamed(e.Act)
		if err != nil {
			return nil, err
		}
		if act.Kind == Preserve {
			continue
		}
		arts, err := act.destroys(e.place, before)
		if err != nil {
			return nil, err
		}
		for _, a := range arts {
			if !slices.Contains(all, a) {
				all = append(all, a)
			}
		}
	}
	return all, nil
}

// describe adds the act with its consequences, if any target of the plan concerns it.
func (d *draft) describe(a Act) error {
	out := PlannedAct{Act: a.Name, About: a.About, Kind: a.Kind, Attack: a.Attack, Lossy: a.Lossy, Moves: []int{}, Permissions: permissions(a)}
	concerned := false
	for _, s := range d.known {
		if !d.touches(a, s) {
			continue
		}
		concerned = true
		changed := map[string]json.RawMessage{}
		for i, m := range d.plan.Moves {
			for _, e := range m.Edits {
				if e.Act == a.Name && e.On == s.ARN && len(m.Calls) > 0 {
					if !slices.Contains(out.Moves, i) {
						out.Moves = append(out.Moves, i)
					}
					changed[m.Key] = m.Before
				}
			}
		}
		if len(changed) == 0 {
			continue
		}
		breaks, err := a.breaks(s, changed)
		if err != nil {
			return err
		}
		out.Breaks = append(out.Breaks, breaks...)
		if a.worth != nil {
			out.Worth = append(out.Worth, a.worth(s)...)
		}
	}
	if concerned {
		d.plan.Acts = append(d.plan.Acts, out)
	}
	return nil
}

func permissions(a Act) []awsapi.Grant {
	all := []awsapi.Grant{}
	for _, n := range a.Needs {
		all = append(all, n.IAM...)
	}
	return all
}
