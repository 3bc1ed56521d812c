package tabletop

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/playbooks"
)

// Options of an exercise.
type Options struct {
	Seed     uint64
	Now      time.Time // the moment at which the responder comes in
	IAMDelay time.Duration
	Quotas   bool
}

// World is a staged exercise.
type World struct {
	Scenario  *Scenario
	Cloud     *awssim.Cloud
	Responder awssim.Credentials // what the responder signs with
	ID        string             // of the exercise: cases, plans and runs of it carry it

	clock *Clock
	start time.Time // when the responder came in
	seed  uint64

	mu    sync.Mutex                    // one step at a time, whoever does it
	known map[string]awssim.Credentials // by name of who holds them
	facts map[string]string             // what was saved: URLs, ids
	live  *liveState
	hints []string // that were asked for

	decided  []Decided
	observed []Observation
	tell     func(Event)
	rewinds  int
}

// responder is what checks and rules call whoever signs with World.Responder.
const responder = "responder"

// Endpoint is the name under which the account answers in process. It resolves nowhere.
const Endpoint = "http://tabletop.invalid"

// errExpected: a step did not end as the scenario says, so that the scenario is wrong.
var errExpected = errors.New("not as the scenario expects")

// Play stages the scenario and plays its attack, from Now-Past to Now.
func Play(ctx context.Context, s *Scenario, o Options) (*World, error) {
	clock := NewClock(o.Now.Add(-s.Past).UTC())
	cloud := awssim.New(awssim.Config{
		AccountID: s.Account, Region: s.Region, Seed: o.Seed, Clock: clock, Quotas: o.Quotas,
		IAMDelay: o.IAMDelay, TrailDelay: 5 * time.Minute, Settle: time.Second,
	})
	w := &World{Scenario: s, Cloud: cloud, clock: clock, start: o.Now.UTC(), seed: o.Seed, ID: exerciseID(s, o),
		known: map[string]awssim.Credentials{}, facts: map[string]string{"account": s.Account, "region": s.Region, "function": s.Function}}
	w.Responder = cloud.Bootstrap(s.Account, responder, responderPolicy())
	w.known[responder] = w.Responder
	if err := w.castOf(s.Cast); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		what  string
		steps []Step
	}{{"staging", s.Stage}, {"playing the attack of", s.Attack}} {
		if err := w.play(ctx, part.steps); err != nil {
			return nil, fmt.Errorf("%s %s: %w", part.what, s.Name, err)
		}
	}
	if now := clock.Now(); now.After(w.start) {
		return nil, fmt.Errorf("%w: the history of %s is %s longer than its past", errExpected, s.Name, now.Sub(w.start))
	}
	clock.Set(w.start)
	w.live = newLiveState(w)
	return w, nil
}

// exerciseID names an exercise: its scenario, its seed, and the moment it began. Responders see it
// in every command, and the name of a scenario may say what it is about: a digest stands for it.
func exerciseID(s *Scenario, o Options) string {
	sum := sha256.Sum256([]byte(s.Name + "\x00" + strconv.FormatUint(o.Seed, 10)))
	return "exercise-" + hex.EncodeToString(sum[:4]) + "-" + o.Now.UTC().Format("20060102T150405Z")
}

func (w *World) castOf(cast []Actor) error {
	for _, a := range cast {
		switch {
		case a.KeyOf != "":
			w.known[a.Name] = w.known[a.KeyOf]
		case a.User != "":
			policy, err := json.Marshal(a.Policy)
			if err != nil {
				return fmt.Errorf("policy of %s: %w", a.Name, err)
			}
			account := a.Account
			if account == "" {
				account = w.Scenario.Account
			}
			w.known[a.Name] = w.Cloud.Bootstrap(account, a.User, string(policy))
		}
	}
	return nil
}

func (w *World) actor(name string) Actor {
	for _, a := range w.Scenario.Cast {
		if a.Name == name {
			return a
		}
	}
	return Actor{Name: name, Address: "198.51.100.200", Agent: "aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux lang/python#3.13.7"}
}

// play does steps in order. The error is that of a scenario that does not fit its account.
func (w *World) play(ctx context.Context, steps []Step) error {
	for _, s := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		if s.Repeat > 0 {
			for n := range s.Repeat {
				w.facts["n"] = strconv.Itoa(n + 1)
				if err := w.play(ctx, s.Steps); err != nil {
					return err
				}
			}
			continue
		}
		w.clock.Advance(s.After)
		_, err := w.step(s)
		if err := w.asExpected(s, err); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) asExpected(s Step, err error) error {
	at := fmt.Sprintf("%s:%d:%d", w.Scenario.File, s.At.Line, s.At.Column)
	api, isAPI := errors.AsType[*awssim.ActError](err)
	switch {
	case err != nil && !isAPI:
		return fmt.Errorf("%s: %w", at, err)
	case s.Expect == "" && err != nil:
		return fmt.Errorf("%w: %s: %s: %w", errExpected, at, s.what(), err)
	case s.Expect != "" && err == nil:
		return fmt.Errorf("%w: %s: %s succeeded, and %s was expected", errExpected, at, s.what(), s.Expect)
	case s.Expect != "" && s.Expect != "denied" && api.Code != s.Expect:
		return fmt.Errorf("%w: %s: %s: %s, and %s was expected", errExpected, at, s.what(), api.Code, s.Expect)
	}
	return nil
}

func (s Step) what() string {
	switch {
	case s.Request != "":
		return "a request to " + s.Request
	case s.Take != "":
		return "the credentials of " + s.Take
	case s.Deliver != nil:
		return "delivery by " + s.Deliver.Service
	}
	return s.Call + " by " + s.By
}

// step does one step, and keeps of its answer what it is to keep. Errors of the API are
// *awssim.ActError.
func (w *World) step(s Step) (json.RawMessage, error) {
	switch {
	case s.Request != "":
		return w.request(s)
	case s.Take != "":
		return w.take(s)
	case s.Deliver != nil:
		return w.deliver(s)
	}
	with, err := w.input(s.With)
	if err != nil {
		return nil, err
	}
	region, err := w.fill(s.Region)
	if err != nil {
		return nil, err
	}
	a := w.actor(s.By)
	out, err := w.Cloud.Act(awssim.Act{By: w.known[s.By], Address: a.Address, Agent: a.Agent, Region: region, Call: s.Call, With: with})
	if err != nil {
		return nil, err
	}
	return out, w.keep(s, out)
}

func (w *World) keep(s Step, out json.RawMessage) error {
	for name, at := range s.Save {
		v, ok := member(out, at)
		if !ok {
			return fmt.Errorf("%w: the answer of %s has no %s", errExpected, s.Call, at)
		}
		w.facts[name] = fmt.Sprint(v)
	}
	if s.To == "" {
		return nil
	}
	var c awssim.Credentials
	for _, form := range []struct{ in, id, secret, token string }{
		{"Credentials", "AccessKeyId", "SecretAccessKey", "SessionToken"}, {"AccessKey", "AccessKeyId", "SecretAccessKey", ""},
	} {
		id, ok := member(out, form.in+"."+form.id)
		if !ok {
			continue
		}
		secret, _ := member(out, form.in+"."+form.secret)
		c = awssim.Credentials{AccessKeyID: fmt.Sprint(id), SecretAccessKey: fmt.Sprint(secret)}
		if token, ok := member(out, form.in+"."+form.token); ok && form.token != "" {
			c.SessionToken = fmt.Sprint(token)
		}
	}
	if c.AccessKeyID == "" {
		return fmt.Errorf("%w: the answer of %s has no credentials", errExpected, s.Call)
	}
	w.known[s.To] = c
	return nil
}

func (w *World) request(s Step) (json.RawMessage, error) {
	url, err := w.fill(s.Request)
	if err != nil {
		return nil, err
	}
	var by *awssim.Credentials
	if c, ok := w.known[s.By]; ok && s.By != "" {
		by = &c
	}
	if status := w.Cloud.RequestURL(url, by); status != 200 {
		return nil, &awssim.ActError{Code: fmt.Sprintf("HTTP %d", status)}
	}
	return json.RawMessage(`{"Status":"HTTP 200"}`), nil
}

func (w *World) take(s Step) (json.RawMessage, error) {
	arn, err := w.fill(s.Take)
	if err != nil {
		return nil, err
	}
	c, err := w.Cloud.ExecutionCredentials(arn)
	if err != nil {
		return nil, &awssim.ActError{Code: "NoEnvironment", Message: err.Error()}
	}
	w.known[s.To] = c
	return json.RawMessage("{}"), nil
}

func (w *World) deliver(s Step) (json.RawMessage, error) {
	var at [2]string
	for i, text := range []string{s.Deliver.Source, s.Deliver.Function} {
		var err error
		if at[i], err = w.fill(text); err != nil {
			return nil, err
		}
	}
	version, err := w.Cloud.Deliver(s.Deliver.Service, at[0], at[1], []byte("{}"))
	if err != nil {
		return nil, &awssim.ActError{Code: "NotDelivered", Message: err.Error()}
	}
	return json.Marshal(map[string]string{"Version": version})
}

// Live lets the clock run from the given moment on, at the speed of the wall clock.
func (w *World) Live() { w.clock.Run() }

// Now is the exercise's time.
func (w *World) Now() time.Time { return w.clock.Now() }

// Start is when responders came in.
func (w *World) Start() time.Time { return w.start }

// Session is the responder's session on the simulated account, in process.
func (w *World) Session(ctx context.Context, readOnly bool, rec awsapi.Recorder) (*awsapi.Session, error) {
	return awsapi.Connect(ctx, awsapi.Options{
		Region: w.Scenario.Region, EndpointURL: Endpoint, ReadOnly: readOnly, Record: rec,
		Credentials: provider(w.Responder), HTTPClient: w.Cloud.Client(),
	})
}

// Try is one probe's outcome.
type Try struct {
	Name    string `json:"name"`
	Hostile bool   `json:"hostile"`
	Answer  string `json:"answer"`
	Worked  bool   `json:"worked"`
}

// Probe tries everything that the scenario names.
func (w *World) Probe(context.Context) []Try {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []Try
	for _, p := range w.Scenario.Probes {
		answer, err := w.step(p.Do)
		t := Try{Name: p.Name, Hostile: p.Hostile, Worked: err == nil, Answer: "works"}
		if p.Says != "" {
			t.Answer = phrase(p.Says, answer)
		}
		if err != nil {
			t.Answer = denial(err)
		}
		out = append(out, t)
	}
	return out
}

// StillOpen is what a person has yet to close.
func (w *World) StillOpen(context.Context) []Remark {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []Remark
	for _, r := range w.Scenario.Open {
		if _, err := w.step(r.Still); err == nil {
			out = append(out, r)
		}
	}
	return out
}

// Secrets are the values in the environment of the exercise's functions that nobody may
// read outside the sealed part of a case.
func Secrets() []string {
	s, err := Find("code-overwrite")
	if err != nil {
		panic(err) // it is embedded, and every test reads it
	}
	return s.Secrets
}

// Fill gives a playbook's inputs the scenario's answers, where nothing else was said: the function,
// how far back, and that its role is this function's alone.
func Fill(pb *playbooks.Playbook, inputs map[string]any, sc *Scenario) {
	known := map[string]any{"function": sc.Function, "functions": []string{sc.Function}, "since": sc.Past + time.Hour, "accept_shared_role": true, "watch": time.Second}
	for _, in := range pb.Inputs {
		if v, ok := known[in.Name]; ok && inputs[in.Name] == nil {
			inputs[in.Name] = v
		}
	}
}
