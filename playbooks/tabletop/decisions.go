package tabletop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/strictyaml"
)

// Decisions are what an exercise asks of people that is no call of an API: whether the authority is
// told, what the press hears, whether an outage is accepted. An inject asks; somebody in a role that
// may answers with one of its options; the exercise keeps it with its clock, and a scenario that
// wants to score it says so by a check.

// Role is a seat at the table.
type Role struct {
	At    strictyaml.Position `yaml:"-" json:"-"`
	ID    string              `yaml:"id,required" json:"id"`
	Text  string              `yaml:"text,required" json:"text"`    // who that is
	About string              `yaml:"about" json:"about,omitempty"` // what is for that role to do and to decide
}

// Decision is what an inject asks.
type Decision struct {
	At       strictyaml.Position `yaml:"-" json:"-"`
	By       []string            `yaml:"by,required" json:"by"` // the roles that may
	Options  []Option            `yaml:"options,required" json:"options"`
	Expected string              `yaml:"expected,required" json:"expected"` // the option that the lesson is about
}

// Option is one answer to it.
type Option struct {
	ID      string `yaml:"id,required" json:"id"`
	Text    string `yaml:"text,required" json:"text"`
	Outcome string `yaml:"outcome" json:"outcome,omitempty"` // what whoever decides so hears then
}

// DecidedCheck: that was decided, by a role that may.
type DecidedCheck struct {
	Decision string        `yaml:"decision,required"`
	Option   string        `yaml:"option"` // the expected one without
	Within   time.Duration `yaml:"within"`
}

// DecideMove is freezeframe tabletop decide.
type DecideMove struct {
	Decision string `yaml:"decision,required"`
	Option   string `yaml:"option,required"`
	As       string `yaml:"as,required"`
	Reason   string `yaml:"reason,required"`
}

// Choice is what somebody asks to have recorded as decided.
type Choice struct {
	Decision string `json:"decision"`
	Option   string `json:"option"`
	Role     string `json:"role"`
	By       string `json:"by"`
	Reason   string `json:"reason"`
}

// Decided is a choice as the exercise keeps it. Refused ones are kept too: who tried to decide what
// was not for him is a finding of the exercise.
type Decided struct {
	Choice
	Text    string    `json:"text"`    // of the option
	Outcome string    `json:"outcome"` // what is heard then
	When    time.Time `json:"when"`
	Refused string    `json:"refused,omitempty"`
}

// DecidedLine is a Decided of a Score, with how long after the beginning.
type DecidedLine struct {
	Choice
	Text    string        `json:"text"`
	After   time.Duration `json:"after_ns"`
	Refused string        `json:"refused,omitempty"`
}

// What a decision is refused for.
var (
	ErrNotAsked = errors.New("nobody has asked for that decision")
	ErrNoOption = errors.New("no such option")
	ErrNoRole   = errors.New("no such role")
	ErrNotTheir = errors.New("that is not for this role to decide")
	ErrDecided  = errors.New("that was decided already")
)

// decision is the inject of that id that asks for one.
func (s *Scenario) decision(id string) *Inject {
	for i, in := range s.Injects {
		if in.ID == id && in.Decide != nil {
			return &s.Injects[i]
		}
	}
	return nil
}

func (d *Decision) option(id string) *Option {
	for i, o := range d.Options {
		if o.ID == id {
			return &d.Options[i]
		}
	}
	return nil
}

// Decide keeps a choice, or why it is none.
func (w *World) Decide(ch Choice) (Decided, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := Decided{Choice: ch, When: w.clock.Now().UTC()}
	in := w.Scenario.decision(ch.Decision)
	if in == nil || !slices.ContainsFunc(w.live.told, func(t Told) bool { return t.ID == ch.Decision }) {
		return d, fmt.Errorf("%w: %q", ErrNotAsked, ch.Decision)
	}
	o := in.Decide.option(ch.Option)
	if o == nil {
		return d, fmt.Errorf("%w: %q; %s has %s", ErrNoOption, ch.Option, in.ID, strings.Join(in.Decide.ids(), ", "))
	}
	if !slices.ContainsFunc(w.Scenario.Roles, func(r Role) bool { return r.ID == ch.Role }) {
		return d, fmt.Errorf("%w: %q; there are %s", ErrNoRole, ch.Role, strings.Join(w.Scenario.roleIDs(), ", "))
	}
	d.Text, d.Outcome = o.Text, o.Outcome
	var err error
	switch {
	case w.chosen(ch.Decision) != nil:
		err = fmt.Errorf("%w: %s, by %s", ErrDecided, w.chosen(ch.Decision).Option, w.chosen(ch.Decision).Role)
	case !slices.Contains(in.Decide.By, ch.Role):
		err = fmt.Errorf("%w: %s", ErrNotTheir, ch.Role)
	}
	if err != nil {
		d.Refused, d.Outcome = err.Error(), ""
	}
	w.decided = append(w.decided, d)
	w.happened(Event{Kind: EventDecision, Who: ch.Role, What: ch.Decision + ": " + ch.Option + ": " + ch.Reason, Refused: d.Refused})
	return d, err
}

func (d *Decision) ids() []string {
	out := make([]string, len(d.Options))
	for i, o := range d.Options {
		out[i] = o.ID
	}
	return out
}

func (s *Scenario) roleIDs() []string {
	out := make([]string, len(s.Roles))
	for i, r := range s.Roles {
		out[i] = r.ID
	}
	return out
}

// chosen is what was decided, nil if nothing was.
func (w *World) chosen(id string) *Decided {
	for i, d := range w.decided {
		if d.Decision == id && d.Refused == "" {
			return &w.decided[i]
		}
	}
	return nil
}

// Decisions are all that were tried, in order.
func (w *World) Decisions() []Decided {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.decided)
}

// Record is the decision as the case's ledger has it.
func (d Decided) Record() evidence.Event {
	return evidence.Event{Type: evidence.EventDecide, Actor: d.By, Reason: d.Text + ": " + d.Reason, Data: map[string]string{
		"kind": "decide", "at": d.When.UTC().Format(time.RFC3339), "decision": d.Decision, "option": d.Option, "role": d.Role,
	}}
}

func (j *judge) decided(c *DecidedCheck) bool {
	in := j.w.Scenario.decision(c.Decision)
	want := c.Option
	if want == "" && in != nil {
		want = in.Decide.Expected
	}
	for _, d := range j.choices {
		if d.Decision == c.Decision && d.Refused == "" {
			return d.Option == want && j.within(d.When, c.Within)
		}
	}
	return false
}

func (r *Response) decide(ctx context.Context, m *DecideMove) error {
	d, err := r.World.Decide(Choice{Decision: m.Decision, Option: m.Option, Role: m.As, By: r.Env.Operator, Reason: m.Reason})
	if err != nil {
		return err
	}
	return r.Case.Record(ctx, d.Record())
}

// decisions holds the roles and what injects ask for against each other.
func (c *checker) decisions() {
	roles := map[string]bool{}
	for _, r := range c.s.Roles {
		if !slug.MatchString(r.ID) || roles[r.ID] {
			c.bad(r.At, "role %q: lower-case letters, digits and hyphens are wanted, and each once", r.ID)
		}
		roles[r.ID] = true
	}
	seen := map[string]bool{}
	for _, in := range c.s.Injects {
		if seen[in.ID] {
			c.bad(in.At, "inject %q stands twice", in.ID)
		}
		seen[in.ID] = true
		if in.Decide != nil {
			c.decision(in, roles)
		}
	}
}

func (c *checker) decision(in Inject, roles map[string]bool) {
	d, ids := in.Decide, in.Decide.ids()
	slices.Sort(ids)
	if len(ids) < 2 || len(slices.Compact(ids)) != len(d.Options) {
		c.bad(d.At, "decision %s: two options or more are wanted, each id once", in.ID)
	}
	for _, o := range d.Options {
		if !slug.MatchString(o.ID) {
			c.bad(d.At, "decision %s: option %q: lower-case letters, digits and hyphens are wanted", in.ID, o.ID)
		}
	}
	if d.option(d.Expected) == nil {
		c.bad(d.At, "decision %s: expected %q is none of its options", in.ID, d.Expected)
	}
	if len(d.By) == 0 {
		c.bad(d.At, "decision %s: nobody may decide it", in.ID)
	}
	for _, by := range d.By {
		if !roles[by] {
			c.bad(d.At, "decision %s: no role %q%s", in.ID, by, meant(by, c.s.roleIDs()))
		}
	}
}

// choice checks what names a decision and one of its options, which may be empty.
func (c *checker) choice(at strictyaml.Position, where, id, option string) {
	in := c.s.decision(id)
	switch {
	case in == nil:
		c.bad(at, "%s: no inject %q asks for a decision", where, id)
	case option != "" && in.Decide.option(option) == nil:
		c.bad(at, "%s: %s has no option %q", where, id, option)
	}
}
