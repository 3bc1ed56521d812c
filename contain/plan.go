package contain

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

// parallelReads of documents: Lambda allows 15 control-plane calls a second.
const parallelReads = 12

// NewPlan reads the account and says what would be done. Acts, or parts of them, that
// could not be planned stand in Plan.Unplanned; an error means there is no plan at all.
func NewPlan(ctx context.Context, in PlanInput) (*Plan, error) {
	in.Clock = in.Clock.orReal()
	acts, err := chosen(in.Acts)
	if err != nil {
		return nil, err
	}
	if in.Order == "" {
		in.Order = RoleFirst
	}
	if in.Order != RoleFirst && in.Order != ConcurrencyFirst {
		return nil, fmt.Errorf("%w: order %q", ErrBadPlan, in.Order)
	}
	s := in.Session.ReadOnly()
	known, err := survey(ctx, s, unqualified(in.Function))
	if err != nil {
		return nil, err
	}
	if err := guardConfigured("containment", known.ARN, known.Function, in.Protected); err != nil {
		return nil, err
	}
	p := &Plan{
		Schema: PlanSchema, Made: in.Clock.Now().UTC().Truncate(time.Second), Target: known.Target,
		Principal: s.Identity.ARN, Endpoint: s.Endpoint, Order: in.Order, Callers: callers(known),
	}
	if in.Case != nil {
		p.Case = in.Case.ID
	}
	d := &draft{in: in, plan: p, known: known, states: map[string]json.RawMessage{}}
	acts, d.needed = withPrecursors(acts, known)
	if err := d.fill(ctx, s, acts); err != nil {
		return nil, err
	}
	p.Hash, err = p.sum()
	return p, err
}

// chosen are the named acts, each once, in the catalogue's order.
func chosen(names []string) ([]Act, error) {
	if len(names) == 0 {
		names = DefaultActs()
	}
	want := map[string]bool{}
	for _, n := range names {
		if _, err := actNamed(n); err != nil {
			return nil, err
		}
		want[n] = true
	}
	var acts []Act
	for _, a := range All() {
		if want[a.Name] {
			acts = append(acts, a)
		}
	}
	return acts, nil
}

// withPrecursors adds what an act needs done first, where there is something to do:
// needed says for which act.
func withPrecursors(acts []Act, s *Survey) (all []Act, needed map[string]string) {
	want, needed := map[string]bool{}, map[string]string{}
	for _, a := range acts {
		want[a.Name] = true
		for _, need := range a.requires {
			pre, err := actNamed(need)
			if err == nil && !want[need] && (len(pre.keys(s)) > 0 || s.lacks(pre.parts) != nil) {
				want[need], needed[need] = true, a.Name
			}
		}
	}
	for _, a := range All() {
		if want[a.Name] {
			all = append(all, a)
		}
	}
	return all, needed
}

func (v *Survey) lacks(parts []string) error {
	for _, p := range parts {
		if err := v.Missing[p]; err != nil {
			return err
		}
	}
	return nil
}

// draft is a plan in the making.
type draft struct {
	in    PlanInput
	plan  *Plan
	known *Survey
	// needed: acts that nobody named, and which act needs them done first.
	needed map[string]string

	mu     sync.Mutex
	states map[string]json.RawMessage // by doc/key: the state before
	params map[string]Params          // by act
}

func (d *draft) fill(ctx context.Context, s *awsapi.Session, acts []Act) error {
	d.params = map[string]Params{}
	var usable []Act
	for _, a := range acts {
		if a.onRole {
			if err := guardRole(a.Name, d.plan.Target.Role, s.Identity.ARN, d.in.Chain, d.in.Protected); err != nil {
				d.unplanned(a.Name, "role", err)
				continue
			}
		}
		if err := d.known.lacks(a.parts); err != nil {
			d.unplanned(a.Name, "listing", err)
		}
		if a.params != nil {
			d.params[a.Name] = a.params(d.in, d.known)
		}
		usable = append(usable, a)
	}
	if err := d.read(ctx, s, usable); err != nil {
		return err
	}
	d.fold(usable)
	for _, a := range usable {
		if err := d.describe(a); err != nil {
			return err
		}
	}
	d.plan.Callers = append(d.plan.Callers, granted(d.known, d.states)...)
	d.warn(usable)
	return nil
}

func (d *draft) unplanned(act, what string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.plan.Unplanned = append(d.plan.Unplanned, Unplanned{Act: act, What: what, Error: err.Error()})
}

// read takes the state of each document once, whatever the number of its edits.
func (d *draft) read(ctx context.Context, s *awsapi.Session, acts []Act) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelReads)
	seen := map[string]bool{}
	for _, a := range acts {
		for _, key := range a.keys(d.known) {
			id := name(a.Doc, key)
			if seen[id] {
				continue
			}
			seen[id] = true
			g.Go(func() error {
				state, _, err := a.doc.read(gctx, s.Config("", a.doc.needs), Place{d.plan.Target, key})
				if err != nil {
					d.unplanned(a.Name, "reading "+id, err)
					return gctx.Err()
				}
				d.mu.Lock()
				defer d.mu.Unlock()
				d.states[id] = state
				return nil
			})
		}
	}
	err := g.Wait()
	sort.Slice(d.plan.Unplanned, func(i, j int) bool {
		a, b := d.plan.Unplanned[i], d.plan.Unplanned[j]
		return a.Act+a.What < b.Act+b.What
	})
	return err
}

// fold makes one move of all edits on a document.
func (d *draft) fold(acts []Act) {
	byDoc := map[string]*Move{}
	var order []string
	for _, a := range acts {
		for _, key := range a.keys(d.known) {
			id := name(a.Doc, key)
			before, ok := d.states[id]
			if !ok {
				continue
			}
			m := byDoc[id]
			if m == nil {
				m = &Move{Doc: a.Doc, Key: key, Before: before, BeforeSHA256: digest(before), Stage: a.rank(d.in.Order), Resource: a.doc.resource(Place{d.plan.Target, key})}
				byDoc[id] = m
				order = append(order, id)
			}
			m.Edits = append(m.Edits, PlannedEdit{Act: a.Name, For: d.needed[a.Name], Params: d.params[a.Name]})
			m.Stage = min(m.Stage, a.rank(d.in.Order))
			m.AtApply = m.AtApply || a.timed
		}
	}
	for _, id := range order {
		if err := d.finish(byDoc[id]); err != nil { // such as a policy that is no JSON
			for _, e := range byDoc[id].Edits {
				d.unplanned(e.Act, id, err)
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
func (d *draft) finish(m *Move) error {
	place := Place{d.plan.Target, m.Key}
	doc, err := documentNamed(m.Doc)
	if err != nil {
		return err
	}
	if m.After, err = fold(place, m.Before, m.Edits, d.plan.Made.Format(time.RFC3339)); err != nil {
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
	if m.Calls, err = calls(steps); err != nil {
		return err
	}
	m.Preserve, err = preserves(place, m)
	return err
}

// preserves is what all edits of a move destroy, each artefact once.
func preserves(p Place, m *Move) ([]Artefact, error) {
	var all []Artefact
	seen := map[Artefact]bool{}
	for _, e := range m.Edits {
		act, err := actNamed(e.Act)
		if err != nil {
			return nil, err
		}
		if act.Kind == Preserve {
			continue
		}
		arts, err := act.destroys(p, m.Before)
		if err != nil {
			return nil, err
		}
		for _, a := range arts {
			if !seen[a] {
				seen[a] = true
				all = append(all, a)
			}
		}
	}
	return all, nil
}

// describe adds the act with its consequences.
func (d *draft) describe(a Act) error {
	out := PlannedAct{Act: a.Name, About: a.About, Kind: a.Kind, Attack: a.Attack, Lossy: a.Lossy, Moves: []int{}, Permissions: permissions(a)}
	changed := map[string]json.RawMessage{}
	for i, m := range d.plan.Moves {
		for _, e := range m.Edits {
			if e.Act == a.Name && len(m.Calls) > 0 {
				out.Moves = append(out.Moves, i)
				changed[m.Key] = m.Before
			}
		}
	}
	if len(changed) > 0 {
		var err error
		if out.Breaks, err = a.breaks(d.known, changed); err != nil {
			return err
		}
	}
	d.plan.Acts = append(d.plan.Acts, out)
	return nil
}

func permissions(a Act) []awsapi.Grant {
	all := []awsapi.Grant{}
	for _, n := range a.Needs {
		all = append(all, n.IAM...)
	}
	return all
}

// warn tells what the acts do not see to.
func (d *draft) warn(acts []Act) {
	p := d.plan
	for _, part := range sortedKeys(d.known.Missing) {
		p.Warnings = append(p.Warnings, d.known.Missing[part].Error()+": consequences there are not in this plan")
	}
	for _, a := range acts {
		switch a.Name {
		case actConcurrency:
			for _, dest := range foreign(d.known) {
				p.Warnings = append(p.Warnings, "asynchronous events will go to "+dest+", in another account: repoint or clear it before concurrency 0")
			}
		case actGrants:
			p.Warnings = append(p.Warnings, serviceGrants(d.known, d.states, d.in.ServiceGrants)...)
		}
	}
}

// foreign are failure destinations and dead-letter queues of other accounts.
func foreign(s *Survey) []string {
	var all []string
	add := func(dest string) {
		parts := strings.Split(dest, ":")
		if len(parts) >= 6 && parts[4] != "" && parts[4] != s.Account {
			all = append(all, dest)
		}
	}
	add(s.DLQ)
	for _, c := range s.Invokes {
		add(onFailure(c.DestinationConfig))
	}
	for _, m := range s.Mappings {
		add(onFailure(m.DestinationConfig))
	}
	return all
}

func (p *Plan) write(w io.Writer) error {
	b, err := p.Encode()
	if err == nil {
		_, err = w.Write(b)
	}
	return err
}

// sum is the hash over everything but itself.
func (p *Plan) sum() (string, error) {
	c := *p
	c.Hash = ""
	b, err := canonical(c)
	if err != nil {
		return "", err
	}
	return digest(b), nil
}

// maxPlan bounds a plan file: one of a function with 10,000 qualifiers is below it.
const maxPlan = 64 << 20

// ReadPlan reads a plan file, strictly: ErrBadPlan, ErrPlanChanged.
func ReadPlan(r io.Reader) (*Plan, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxPlan+1))
	if err != nil {
		return nil, fmt.Errorf("reading the plan: %w", err)
	}
	if len(b) > maxPlan {
		return nil, fmt.Errorf("%w: larger than %d bytes", ErrBadPlan, maxPlan)
	}
	return DecodePlan(b)
}

// DecodePlan is ReadPlan on bytes.
func DecodePlan(b []byte) (*Plan, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	p := &Plan{}
	if err := dec.Decode(p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadPlan, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: something follows it", ErrBadPlan)
	}
	return p, p.check()
}

// check refuses a plan that is not one, or not as it was made.
func (p *Plan) check() error {
	if p == nil || p.Schema != PlanSchema {
		return fmt.Errorf("%w: its schema is not %s", ErrBadPlan, PlanSchema)
	}
	sum, err := p.sum()
	if err != nil {
		return err
	}
	if sum != p.Hash {
		return fmt.Errorf("%w: its hash is %s, it says %s", ErrPlanChanged, sum, p.Hash)
	}
	return nil
}

// Encode is the plan as a file: indented JSON with a final newline. People read it before
// they approve it: nothing in it moves or hides what they see.
func (p *Plan) Encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(safetext.JSON(&b))
	enc.SetIndent("", "  ")
	if err := enc.Encode(p); err != nil {
		return nil, fmt.Errorf("encoding the plan: %w", err)
	}
	return b.Bytes(), nil
}
