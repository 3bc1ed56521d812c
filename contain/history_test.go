package contain

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// story plays journals into a history.
type story struct {
	t *testing.T
	h *history
	n int
}

func (s *story) take(kind string, v any) {
	s.t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		s.t.Fatal(err)
	}
	s.n++
	if err := s.h.take("bag", evidence.JournalEntry{Kind: kind, Value: b, At: time.Unix(int64(s.n), 0)}); err != nil {
		s.t.Fatal(err)
	}
}

func reserved(n int32) json.RawMessage {
	if n < 0 {
		return json.RawMessage(`{"reserved":null}`)
	}
	b, _ := canonical(concurrency{&n})
	return b
}

func target(function string) Target {
	return Target{Kind: OnFunction, Account: own, Region: "eu-west-1", Function: function, ARN: "arn:f:" + function, Role: roleARN}
}

func (s *story) apply(id string, from, to int32, outcome Status) {
	s.t.Helper()
	s.take(noteIntent, Intent{ID: id, Action: "apply", Acts: []string{actConcurrency}, Doc: "lambda.concurrency", Resource: "r",
		Place: Place{Target: target("payments")}, From: reserved(from), To: reserved(to), Edits: []PlannedEdit{{Act: actConcurrency}}})
	if outcome == "" {
		return
	}
	now := reserved(to)
	if outcome == StatusFailed {
		now = reserved(from)
	}
	s.take(noteOutcome, Outcome{Intent: id, Action: "apply", Acts: []string{actConcurrency}, Doc: "lambda.concurrency", Resource: "r", Status: outcome, Now: now})
}

func (s *story) file() *file { return s.h.files[fileKey("r", "lambda.concurrency", "")] }

func TestHistory(t *testing.T) {
	for _, c := range []struct {
		name  string
		tell  func(*story)
		held  int
		base  int32
		state State
	}{
		{"applied", func(s *story) { s.apply("1", 5, 0, StatusDone) }, 1, 5, InForce},
		{"cut off", func(s *story) { s.apply("1", 5, 0, "") }, 1, 5, Pending},
		{"unknown", func(s *story) { s.apply("1", 5, 0, StatusUnknown) }, 1, 5, Pending},
		{"failed without effect", func(s *story) { s.apply("1", 5, 0, StatusFailed) }, 0, 5, ""},
		{"cut off, then made again from the state before", func(s *story) { s.apply("1", 5, 0, ""); s.apply("2", 5, 0, StatusDone) }, 1, 5, InForce},
		{"applied, changed by others, applied again", func(s *story) { s.apply("1", 5, 0, StatusDone); s.apply("2", 7, 0, StatusDone) }, 1, 7, InForce},
		{"applied and lifted", func(s *story) {
			s.apply("1", 5, 0, StatusDone)
			s.take(noteOutcome, Outcome{Action: "release", Lifts: []string{"1 " + actConcurrency}, Doc: "lambda.concurrency", Resource: "r", Status: StatusDone, Now: reserved(5)})
		}, 0, 5, ""},
		{"lift that failed", func(s *story) {
			s.apply("1", 5, 0, StatusDone)
			s.take(noteOutcome, Outcome{Action: "release", Lifts: []string{"1 " + actConcurrency}, Doc: "lambda.concurrency", Resource: "r", Status: StatusFailed})
		}, 1, 5, InForce},
		{"lifted and applied anew", func(s *story) {
			s.apply("1", 5, 0, StatusDone)
			s.take(noteOutcome, Outcome{Action: "undo", Lifts: []string{"1 " + actConcurrency}, Doc: "lambda.concurrency", Resource: "r", Status: StatusDone, Now: reserved(5)})
			s.apply("2", -1, 0, StatusDone)
		}, 1, -1, InForce},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &story{t: t, h: &history{files: map[string]*file{}}}
			c.tell(s)
			f := s.file()
			if len(f.held) != c.held {
				t.Fatalf("%d edits in force, want %d", len(f.held), c.held)
			}
			if c.held > 0 && (f.held[0].state != c.state || !f.doc.equal(f.base, reserved(c.base))) {
				t.Errorf("state %s on %s, want %s on %d", f.held[0].state, f.base, c.state, c.base)
			}
		})
	}
}

// TestSharedRole: two functions quarantine the same role, one after the other. Undoing
// one leaves the other's quarantine, undoing both leaves nothing.
func TestSharedRole(t *testing.T) {
	s := &story{t: t, h: &history{files: map[string]*file{}}}
	none := raw(t, rolePolicy{})
	last := none
	for i, fn := range []string{"a", "b"} {
		p := Place{target(fn), quarantinePolicy}
		e := PlannedEdit{Act: actQuarantine, Params: Params{"log_group": "arn:logs:" + fn}}
		to, err := fold(last, []placed{{e, p}}, "")
		if err != nil {
			t.Fatal(err)
		}
		id := string(rune('1' + i))
		s.take(noteIntent, Intent{ID: id, Action: "apply", Acts: []string{actQuarantine}, Doc: "iam.role.inline", Key: p.Key, Resource: "r", Place: p, From: last, To: to, Edits: []PlannedEdit{e}})
		s.take(noteOutcome, Outcome{Intent: id, Action: "apply", Acts: []string{actQuarantine}, Doc: "iam.role.inline", Key: p.Key, Resource: "r", Status: StatusDone, Now: to})
		last = to
	}
	alone, err := canonical(quarantine([]string{"arn:logs:b"}))
	if err != nil {
		t.Fatal(err)
	}
	f := s.h.files[fileKey("r", "iam.role.inline", quarantinePolicy)]
	for _, c := range []struct {
		function string
		gone     int
		want     json.RawMessage
	}{{"a", 1, raw(t, rolePolicy{string(alone)})}, {"", 2, none}} {
		l := lift{acts: []string{actQuarantine}, match: matching(nil, c.function)}
		to, gone, err := f.without(l.takes)
		if err != nil || len(gone) != c.gone || !f.doc.equal(to, c.want) {
			t.Errorf("undoing %q: %d gone, leaves %s (%v)", c.function, len(gone), to, err)
		}
	}
}

// TestPendingOfAnother: a run that was cut off on one function's role stays known when
// another function of the role is contained after it.
func TestPendingOfAnother(t *testing.T) {
	s := &story{t: t, h: &history{files: map[string]*file{}}}
	none := raw(t, rolePolicy{})
	for i, fn := range []string{"a", "b"} {
		p := Place{target(fn), quarantinePolicy}
		e := PlannedEdit{Act: actQuarantine, On: p.ARN, Params: Params{"log_group": "arn:logs:" + fn}}
		to, err := fold(none, []placed{{e, p}}, "")
		if err != nil {
			t.Fatal(err)
		}
		s.take(noteIntent, Intent{ID: string(rune('1' + i)), Action: "apply", Acts: []string{actQuarantine}, Doc: docRolePolicy, Key: p.Key, Resource: "r", Place: p, From: none, To: to, Edits: []PlannedEdit{e}})
	}
	if f := s.h.files[fileKey("r", docRolePolicy, quarantinePolicy)]; len(f.held) != 2 {
		t.Errorf("%d edits are known, of two that may be in force", len(f.held))
	}
}
