package playbooks

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Question is what a person is asked: at the keyboard of the run, or at another one that reads
// it in the run's record.
type Question struct {
	Run      string    `json:"run"`
	Playbook string    `json:"playbook"`
	Step     string    `json:"step"`
	Kind     string    `json:"kind"` // "approve" or "manual"
	Text     string    `json:"text"`
	Detail   []string  `json:"detail,omitempty"` // lines to read before answering
	Plan     string    `json:"plan_hash,omitempty"`
	Of       []string  `json:"of,omitempty"` // who may answer; empty is anybody
	Need     int       `json:"need"`         // how many people
	Until    time.Time `json:"until,omitzero"`
}

// Kinds of questions.
const (
	AskApproval = "approve"
	AskManual   = "manual"
)

// Hash is what an answer names, so that it answers this question and no other.
func (q Question) Hash() string {
	h := sha256.New()
	for _, s := range append([]string{q.Run, q.Playbook, q.Step, q.Kind, q.Text, q.Plan, strings.Join(q.Of, "\x00")}, q.Detail...) {
		fmt.Fprintf(h, "%d\n%s\n", len(s), s)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Answer is what a person said.
type Answer struct {
	Approved    bool
	Pass        bool // says nothing, and leaves it to other terminals
	Who, Reason string
	Attached    string // hex SHA-256 of what was attached; "" is nothing
	Key         string // id of the key that signs for who, as the answer itself says; "" is none

	signers []string // keys that have signed the head over the answer
}

// Signed says whether the key that the answer names has signed it. One that it has not counts by
// the name alone, which is whatever somebody typed.
func (a Answer) Signed() bool { return a.Key != "" && slices.Contains(a.signers, a.Key) }

// Standing says what an answer rests on.
func (a Answer) Standing() string {
	switch {
	case a.Signed():
		return "signed by key " + a.Key
	case len(a.signers) > 0:
		return "by name only: it is signed by key " + strings.Join(a.signers, ", ") + ", which it does not name"
	case a.Key != "":
		return "by name only: key " + a.Key + " has not signed it"
	}
	return "by name only: nobody has signed it"
}

// again says whether the answer is from whoever has given the other one.
func (a Answer) again(b Answer) bool {
	if a.Who == b.Who || a.Key != "" && a.Key == b.Key {
		return true
	}
	return slices.ContainsFunc(a.signers, func(k string) bool { return slices.Contains(b.signers, k) })
}

// ErrAnswer: the answer is not one to the question.
var ErrAnswer = errors.New("no answer to this question")

// Give records an answer in the ledger, where the run reads it.
func Give(ctx context.Context, c *evidence.Case, q Question, a Answer) error {
	if strings.TrimSpace(a.Who) == "" {
		return fmt.Errorf("%w: nobody is named who gives it", ErrAnswer)
	}
	if len(q.Of) > 0 && !contains(q.Of, a.Who) {
		return fmt.Errorf("%w: it is for %s, not for %s", ErrAnswer, strings.Join(q.Of, ", "), a.Who)
	}
	if a.Key == "" && c.Signer != nil {
		id, err := evidence.KeyID(c.Signer.Public())
		if err != nil {
			return fmt.Errorf("the key that signs the answer: %w", err)
		}
		a.Key = id
	}
	data := map[string]string{
		"run": q.Run, "playbook": q.Playbook, "step": q.Step, "kind": q.Kind, "question": q.Text, "question_hash": q.Hash(), "approved": fmt.Sprint(a.Approved),
	}
	for name, v := range map[string]string{"plan_hash": q.Plan, "attached_sha256": a.Attached, "key": a.Key} {
		if v != "" {
			data[name] = v
		}
	}
	err := c.Record(ctx, evidence.Event{Type: evidence.EventApprove, Actor: a.Who, Reason: a.Reason, Data: data})
	if err != nil && !errors.Is(err, evidence.ErrNotSigned) { // unsigned it counts by name: Standing says so
		return fmt.Errorf("recording the answer in the ledger: %w", err)
	}
	return nil
}

func contains(all []string, s string) bool {
	for _, x := range all {
		if x == s {
			return true
		}
	}
	return false
}

// Answers are those that the ledger has to a question, one of each person and key: two under one
// key are one person's, whatever names they bear. Those that are signed by the key that they name
// come first, so that nobody takes another's place by naming the other's key.
func Answers(ctx context.Context, c *evidence.Case, q Question) ([]Answer, error) {
	var all []Answer
	var events []int64
	hash := q.Hash()
	for e, err := range c.Ledger(ctx) {
		if err != nil {
			return nil, fmt.Errorf("reading the ledger for answers: %w", err)
		}
		d := e.Data
		if e.Type != evidence.EventApprove || d["run"] != q.Run || d["question_hash"] != hash || len(q.Of) > 0 && !contains(q.Of, e.Actor) {
			continue
		}
		all = append(all, Answer{Approved: d["approved"] == "true", Who: e.Actor, Reason: e.Reason, Attached: d["attached_sha256"], Key: d["key"]})
		events = append(events, e.Seq)
	}
	if len(all) == 0 {
		return nil, nil
	}
	signed, err := c.HeadSigners(ctx, events...)
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i].signers = signed[events[i]]
	}
	slices.SortStableFunc(all, func(a, b Answer) int {
		return cmp.Compare(map[bool]int{true: 0, false: 1}[a.Signed()], map[bool]int{true: 0, false: 1}[b.Signed()])
	})
	var out []Answer
	for _, a := range all {
		if !a.Approved || !slices.ContainsFunc(out, a.again) {
			out = append(out, a)
		}
	}
	return out, nil
}

// A waiting run reads the ledger, which is one object an event: soon at first, and less often
// the longer people take, for in a bucket each look has its price.
const (
	pollFirst = 2 * time.Second
	pollMost  = 30 * time.Second
)

// gather asks until enough people have said yes, one has said no (ErrDeclined), or the time is
// over, which is a no. The person at the keyboard is asked once.
func (env *Env) gather(ctx context.Context, a Args, q Question, within time.Duration) ([]Answer, error) {
	q.Run, q.Playbook, q.Step = a.Run, a.Playbook, a.Step
	until, err := a.until(ctx, env.Now().Add(within))
	if err != nil {
		return nil, err
	}
	if within > 0 {
		q.Until = until.UTC()
	}
	if err := a.note(ctx, noteQuestion, q); err != nil {
		return nil, err
	}
	asked, pause, settled := env.Ask == nil, pollFirst, false
	for {
		got, err := Answers(ctx, env.Case, q)
		if err != nil {
			return nil, env.unanswered(ctx, q, nil, err)
		}
		for _, g := range got {
			if !g.Approved {
				return got, fmt.Errorf("%w: %s said no: %s", ErrDeclined, g.Who, g.Reason)
			}
		}
		enough, unsigned := len(got) >= q.Need, slices.ContainsFunc(got, func(g Answer) bool { return g.Key != "" && !g.Signed() })
		switch {
		case enough && (settled || !unsigned):
			return got, nil
		case enough: // a signature comes after its answer, and may be on its way: once more, in a moment
			settled, pause = true, pollFirst
		case !asked:
			asked = true
			if err := env.askHere(ctx, q); err != nil {
				return got, env.unanswered(ctx, q, got, err)
			}
			continue
		case !env.Now().Before(until):
			return got, env.nobody(ctx, q, got, within)
		default:
			settled, pause = false, min(pause, until.Sub(env.Now()))
		}
		if err := env.sleep(ctx, pause); err != nil {
			return got, env.unanswered(ctx, q, got, fmt.Errorf("waiting for an answer: %w", err))
		}
		pause = min(2*pause, pollMost)
	}
}

// askHere asks at the keyboard until the time for an answer is over.
func (env *Env) askHere(ctx context.Context, q Question) error {
	inner, cancel := ctx, func() {}
	if !q.Until.IsZero() && env.Sleep == nil {
		inner, cancel = context.WithTimeout(ctx, q.Until.Sub(env.Now()))
	}
	defer cancel()
	answer, err := env.Ask(inner, q)
	switch {
	case err != nil && inner.Err() != nil && ctx.Err() == nil:
		return nil // nobody was there
	case err != nil:
		return fmt.Errorf("asking at the keyboard: %w", err)
	case answer.Pass:
		return nil
	}
	return Give(ctx, env.Case, q, answer)
}

// unanswered is for a question whose asking ended with an error. Where that was for want of time,
// nobody has said yes: it is a no, and no failure that a step could pass over.
func (env *Env) unanswered(ctx context.Context, q Question, got []Answer, err error) error {
	if over := late(ctx); over != nil {
		return env.nobody(context.WithoutCancel(ctx), q, got, over.limit)
	}
	return err
}

// nobody records that the time is over.
func (env *Env) nobody(ctx context.Context, q Question, got []Answer, within time.Duration) error {
	reason := "there was nobody to ask"
	if within > 0 {
		reason = fmt.Sprintf("%d of %d answers within %s", len(got), q.Need, within)
	}
	q.Of = nil
	err := env.Case.Record(ctx, evidence.Event{Type: evidence.EventApprove, Actor: "nobody", Reason: reason, Data: map[string]string{
		"run": q.Run, "playbook": q.Playbook, "step": q.Step, "kind": q.Kind, "question": q.Text, "approved": "false",
	}})
	if err != nil {
		return fmt.Errorf("recording the answer in the ledger: %w", err)
	}
	return fmt.Errorf("%w: %s", ErrDeclined, reason)
}

// rests says of each answer what it rests on.
func rests(got []Answer) string {
	var all []string
	for _, a := range got {
		all = append(all, a.Who+" ("+a.Standing()+")")
	}
	return strings.Join(all, ", ")
}

// whoAnswered names people and keeps what they said apart.
func whoAnswered(got []Answer) string {
	var names []string
	for _, a := range got {
		names = append(names, a.Who)
	}
	return strings.Join(names, ", ")
}
