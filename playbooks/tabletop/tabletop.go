// Package tabletop is exercises on the simulated account: a scenario stages an
// account and plays an attack on it, with a history that lies in the past; the
// responder then works on it with the real commands.
//
// The attacker and the owner call the simulator in process with the SDK's own
// clients. Nothing of this reaches AWS.
package tabletop

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/nearest"
	"github.com/freezeframe-ir/freezeframe/playbooks"
)

// Scenario is an exercise.
type Scenario struct {
	Name, Title, About string
	Account, Region    string
	Function           string        // the one that responders are told about
	Past               time.Duration // how long before now the history begins
	Stage              func(ctx context.Context, w *World) error
	Attack             func(ctx context.Context, w *World) error
	Probes             []Probe
	Open               []Remark // what the containment does not close, and how to close it by hand
}

// Probe is something that a principal tries, before containment and after.
type Probe struct {
	Name    string
	Hostile bool // after containment it must fail; otherwise it must still work
	Try     func(ctx context.Context, w *World) (answer string, err error)
}

// Remark is something that a person has to close, with the command for it.
type Remark struct {
	What, Command string
	Still         func(ctx context.Context, w *World) bool // is it open?
}

// Scenarios is the catalogue: to add one, a file and a line here.
func Scenarios() []Scenario { return []Scenario{codeOverwrite()} }

// ErrUnknown: no scenario of that name.
var ErrUnknown = errors.New("no scenario")

// Find is the scenario of that name; ErrUnknown names what was probably meant.
func Find(name string) (Scenario, error) {
	var known []string
	for _, s := range Scenarios() {
		if s.Name == name {
			return s, nil
		}
		known = append(known, s.Name)
	}
	hint := ""
	if n := nearest.Word(name, known); n != "" {
		hint = fmt.Sprintf(" (did you mean %s?)", n)
	}
	return Scenario{}, fmt.Errorf("%w %q%s", ErrUnknown, name, hint)
}

// Options of an exercise.
type Options struct {
	Seed     uint64
	Now      time.Time // the moment at which the responder comes in
	IAMDelay time.Duration
	Quotas   bool
}

// World is a staged exercise.
type World struct {
	Scenario  Scenario
	Cloud     *awssim.Cloud
	Responder awssim.Credentials // what the responder signs with

	clock *Clock
	mu    sync.Mutex
	known map[string]awssim.Credentials // by name of who holds them
	facts map[string]string             // what the attack produced: URLs, ids
}

// Play stages the scenario and plays its attack, from Now-Past to Now.
func Play(ctx context.Context, s Scenario, o Options) (*World, error) {
	clock := NewClock(o.Now.Add(-s.Past).UTC())
	cloud := awssim.New(awssim.Config{
		AccountID: s.Account, Region: s.Region, Seed: o.Seed, Clock: clock, Quotas: o.Quotas,
		IAMDelay: o.IAMDelay, TrailDelay: 5 * time.Minute, Settle: time.Second,
	})
	w := &World{Scenario: s, Cloud: cloud, clock: clock, known: map[string]awssim.Credentials{}, facts: map[string]string{}}
	w.Responder = cloud.Bootstrap(s.Account, "responder", responderPolicy())
	if err := s.Stage(ctx, w); err != nil {
		return nil, fmt.Errorf("staging %s: %w", s.Name, err)
	}
	if err := s.Attack(ctx, w); err != nil {
		return nil, fmt.Errorf("playing the attack of %s: %w", s.Name, err)
	}
	clock.Set(o.Now.UTC())
	return w, nil
}

// Live lets the clock run from the given moment on, at the speed of the wall clock.
func (w *World) Live() { w.clock.Run() }

// Session is the responder's session on the simulated account, in process.
func (w *World) Session(ctx context.Context, readOnly bool, rec awsapi.Recorder) (*awsapi.Session, error) {
	return awsapi.Connect(ctx, awsapi.Options{
		Region: w.Scenario.Region, EndpointURL: Endpoint, ReadOnly: readOnly, Record: rec,
		Credentials: provider(w.Responder), HTTPClient: w.Cloud.Client(),
	})
}

// Endpoint is the name under which the account answers in process. It resolves nowhere.
const Endpoint = "http://tabletop.invalid"

// Try is one probe's outcome.
type Try struct {
	Name    string `json:"name"`
	Hostile bool   `json:"hostile"`
	Answer  string `json:"answer"`
	Worked  bool   `json:"worked"`
}

// Probe tries everything that the scenario names.
func (w *World) Probe(ctx context.Context) []Try {
	var out []Try
	for _, p := range w.Scenario.Probes {
		answer, err := p.Try(ctx, w)
		if err != nil {
			answer = denial(err)
		}
		out = append(out, Try{Name: p.Name, Hostile: p.Hostile, Answer: answer, Worked: err == nil})
	}
	return out
}

// StillOpen is what a person has yet to close.
func (w *World) StillOpen(ctx context.Context) []Remark {
	var out []Remark
	for _, r := range w.Scenario.Open {
		if r.Still(ctx, w) {
			out = append(out, r)
		}
	}
	return out
}

func (w *World) keep(who string, c awssim.Credentials) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.known[who] = c
}

func (w *World) creds(who string) awssim.Credentials {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.known[who]
}

func (w *World) note(name, value string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.facts[name] = value
}

func (w *World) fact(name string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.facts[name]
}

// Fill gives a playbook's inputs the scenario's answers, where nothing else was said: the function,
// how far back, that acts may be on its whole role, and that nobody waits long for an attacker who
// has played already.
func Fill(pb *playbooks.Playbook, inputs map[string]any, sc Scenario) {
	known := map[string]any{"function": sc.Function, "functions": []string{sc.Function}, "since": sc.Past + time.Hour, "accept_shared_role": true, "watch": time.Second}
	for _, in := range pb.Inputs {
		if v, ok := known[in.Name]; ok && inputs[in.Name] == nil {
			inputs[in.Name] = v
		}
	}
}
