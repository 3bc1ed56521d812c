package contain

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// box is a document in memory: a set from which a step takes or to which it adds one thing.
type box struct {
	Things []string `json:"things"`
	Busy   bool     `json:"busy,omitempty"`
}

// store is the account of a box, with faults.
type store struct {
	now      box
	writes   int
	reads    int
	onWrite  func(n int) (effect bool, err error) // nil: effect
	onRead   func(n int) error
	busyFor  int // reads after a write during which the box is busy
	busyLeft int
	hide     int // reads after a write that still show the old state
	old      box
	hideLeft int
}

func (s *store) doc() *document {
	return erase(Doc[box]{
		Name: "test.box", Resource: func(Place) string { return "arn:box" },
		Equal:   func(a, b box) bool { return slices.Equal(a.Things, b.Things) },
		Settled: func(b box) bool { return !b.Busy },
		Between: func(from, now, to box) bool { return within(now, from) && within(to, now) },
		Read: func(context.Context, aws.Config, Place) (box, Token, error) {
			s.reads++
			if s.onRead != nil {
				if err := s.onRead(s.reads); err != nil {
					return box{}, "", err
				}
			}
			if s.hideLeft > 0 {
				s.hideLeft--
				return s.old, "", nil
			}
			b := box{Things: slices.Clone(s.now.Things), Busy: s.busyLeft > 0}
			s.busyLeft = max(0, s.busyLeft-1)
			return b, "", nil
		},
		Steps: func(_ Place, now, to box, _ Token) []Step {
			var steps []Step
			for _, x := range now.Things {
				if !slices.Contains(to.Things, x) {
					steps = append(steps, s.step("Box:Take", func() {
						s.now.Things = slices.DeleteFunc(slices.Clone(s.now.Things), func(y string) bool { return x == y })
					}))
				}
			}
			if len(steps) == 0 {
				steps = append(steps, s.step("Box:Put", func() { s.now.Things = slices.Clone(to.Things) }))
			}
			return steps
		},
	})
}

func (s *store) step(call string, effect func()) Step {
	return Step{call, map[string]string{}, func(context.Context, aws.Config) error {
		s.writes++
		does, err := true, error(nil)
		if s.onWrite != nil {
			does, err = s.onWrite(s.writes)
		}
		if does {
			s.old, s.hideLeft, s.busyLeft = s.now, s.hide, s.busyFor
			effect()
		}
		return err
	}}
}

func within(a, b box) bool {
	for _, x := range a.Things {
		if !slices.Contains(b.Things, x) {
			return false
		}
	}
	return true
}

func raw(t *testing.T, v any) json.RawMessage {
	t.Helper()
	b, err := canonical(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tick is a clock that only sleeping moves.
type tick struct{ now time.Time }

func (c *tick) clock() Clock {
	return Clock{Now: func() time.Time { return c.now }, Sleep: func(ctx context.Context, d time.Duration) error {
		c.now = c.now.Add(d)
		return ctx.Err()
	}}
}

// tried is one move and what it wrote into the journal.
type tried struct {
	Outcome
	notes []string
	took  time.Duration
}

func try(t *testing.T, s *store, from, to []string, change func(*task)) tried {
	t.Helper()
	c := &tick{now: time.Date(2026, 11, 1, 3, 0, 0, 0, time.UTC)}
	start := c.now
	var notes []string
	m := mover{session: &awsapi.Session{}, clock: c.clock(), deadline: time.Minute, id: func() string { return "bag/1" },
		note: func(_ context.Context, kind string, v any) error {
			if s.writes > 0 && kind == noteIntent {
				t.Error("the intent came after a write")
			}
			notes = append(notes, kind)
			return nil
		}}
	tk := &task{action: "apply", acts: []string{"x"}, doc: s.doc(), from: raw(t, box{Things: from}), after: raw(t, box{Things: to})}
	if change != nil {
		change(tk)
	}
	accepted := 0
	o := m.move(t.Context(), tk, func() { accepted++ })
	if accepted == 0 {
		t.Error("later stages would wait for ever")
	}
	return tried{o, notes, c.now.Sub(start)}
}

type apiFault string

func (e apiFault) Error() string                 { return string(e) }
func (e apiFault) ErrorCode() string             { return string(e) }
func (e apiFault) ErrorMessage() string          { return "" }
func (e apiFault) ErrorFault() smithy.ErrorFault { return smithy.FaultClient }

func TestMove(t *testing.T) {
	lost := errors.New("connection reset")
	for _, c := range []struct {
		name    string
		store   store
		status  Status
		writes  int
		intents int
		left    string
	}{
		{name: "done", status: StatusDone, writes: 2, intents: 1, left: "a"},
		{name: "reply lost, done", store: store{onWrite: func(int) (bool, error) { return true, lost }}, status: StatusDone, writes: 2, intents: 1, left: "a"},
		{name: "reply lost, not done, then done", store: store{onWrite: func(n int) (bool, error) {
			if n == 1 {
				return false, lost
			}
			return true, nil
		}}, status: StatusDone, writes: 3, intents: 1, left: "a"},
		{name: "every reply lost, nothing done", store: store{onWrite: func(int) (bool, error) { return false, lost }}, status: StatusUnknown, writes: 3, intents: 1, left: "abc"},
		{name: "server error after effect", store: store{onWrite: func(int) (bool, error) { return true, apiFault("ServiceException") }}, status: StatusDone, writes: 2, intents: 1, left: "a"},
		{name: "denied", store: store{onWrite: func(int) (bool, error) { return false, apiFault("AccessDeniedException") }}, status: StatusFailed, writes: 1, intents: 1, left: "abc"},
		{name: "denied at the second step", store: store{onWrite: func(n int) (bool, error) {
			if n == 2 {
				return false, apiFault("AccessDeniedException")
			}
			return true, nil
		}}, status: StatusFailed, writes: 2, intents: 1, left: "ac"},
		{name: "conflict, then done", store: store{onWrite: func(n int) (bool, error) {
			if n <= 4 {
				return false, apiFault("ResourceConflictException")
			}
			return true, nil
		}}, status: StatusDone, writes: 6, intents: 1, left: "a"},
		{name: "shows late", store: store{hide: 6}, status: StatusDone, writes: 2, intents: 1, left: "a"},
		{name: "never shows", store: store{hide: 1 << 30}, status: StatusUnknown, writes: 1, intents: 1, left: "ac"},
		{name: "settles late", store: store{busyFor: 5}, status: StatusDone, writes: 2, intents: 1, left: "a"},
		{name: "never settles", store: store{busyFor: 1 << 30}, status: StatusUnknown, writes: 2, intents: 1, left: "a"},
		{name: "cannot be read", store: store{onRead: func(int) error { return apiFault("AccessDeniedException") }}, status: StatusFailed, left: "abc"},
		{name: "cannot be re-read", store: store{onRead: func(n int) error {
			if n > 1 {
				return lost
			}
			return nil
		}}, status: StatusUnknown, writes: 1, intents: 1, left: "ac"},
		{name: "re-read fails twice", store: store{onRead: func(n int) error {
			if n == 2 || n == 3 {
				return lost
			}
			return nil
		}}, status: StatusDone, writes: 2, intents: 1, left: "a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.store
			s.now = box{Things: []string{"a", "b", "c"}}
			got := try(t, &s, []string{"a", "b", "c"}, []string{"a"}, nil)
			if got.Status != c.status || got.Writes != c.writes || s.writes != c.writes {
				t.Errorf("status %s after %d writes (%d made), want %s after %d: %v", got.Status, got.Writes, s.writes, c.status, c.writes, got.Err)
			}
			if n := strings.Count(strings.Join(got.notes, " "), noteIntent); n != c.intents {
				t.Errorf("%d intents, want %d", n, c.intents)
			}
			if left := strings.Join(s.now.Things, ""); left != c.left {
				t.Errorf("left %q, want %q", left, c.left)
			}
			if got.Status.OK() != (got.Err == nil) {
				t.Errorf("status %s with error %v", got.Status, got.Err)
			}
			if got.took > 4*time.Minute {
				t.Errorf("took %s", got.took)
			}
		})
	}
}

func TestMoveChecksFirst(t *testing.T) {
	t.Run("already", func(t *testing.T) {
		s := &store{now: box{Things: []string{"a"}}}
		got := try(t, s, []string{"a", "b"}, []string{"a"}, nil)
		if got.Status != StatusAlready || s.writes != 0 || len(got.notes) != 0 {
			t.Errorf("%s, %d writes, %v", got.Status, s.writes, got.notes)
		}
	})
	t.Run("stale", func(t *testing.T) {
		s := &store{now: box{Things: []string{"z"}}}
		got := try(t, s, []string{"a", "b"}, []string{"a"}, nil)
		if got.Status != StatusStale || !errors.Is(got.Err, ErrStale) || s.writes != 0 {
			t.Errorf("%s, %d writes, %v", got.Status, s.writes, got.Err)
		}
	})
	t.Run("forced", func(t *testing.T) {
		s := &store{now: box{Things: []string{"z"}}}
		got := try(t, s, []string{"a", "b"}, nil, func(tk *task) { tk.force = true })
		if got.Status != StatusDone || s.writes != 1 {
			t.Errorf("%s, %d writes, %v", got.Status, s.writes, got.Err)
		}
	})
	t.Run("halfway", func(t *testing.T) {
		s := &store{now: box{Things: []string{"a", "c"}}}
		got := try(t, s, []string{"a", "b", "c"}, []string{"a"}, nil)
		if got.Status != StatusDone || s.writes != 1 {
			t.Errorf("%s, %d writes, %v", got.Status, s.writes, got.Err)
		}
	})
	t.Run("somebody else in between", func(t *testing.T) {
		s := &store{now: box{Things: []string{"a", "b", "c"}}}
		s.onWrite = func(int) (bool, error) {
			s.now.Things = append(s.now.Things, "x")
			return true, nil
		}
		got := try(t, s, []string{"a", "b", "c"}, []string{"a"}, nil)
		if got.Status != StatusFailed || !errors.Is(got.Err, ErrStale) || s.writes != 1 {
			t.Errorf("%s, %d writes, %v", got.Status, s.writes, got.Err)
		}
	})
	t.Run("no intent, no write", func(t *testing.T) {
		s := &store{now: box{Things: []string{"a"}}}
		m := mover{session: &awsapi.Session{}, clock: (&tick{}).clock(), deadline: time.Minute, id: func() string { return "1" },
			note: func(context.Context, string, any) error { return errors.New("disk full") }}
		o := m.move(t.Context(), &task{doc: s.doc(), from: raw(t, s.now), after: raw(t, box{})}, func() {})
		if o.Status != StatusFailed || s.writes != 0 {
			t.Errorf("%s after %d writes", o.Status, s.writes)
		}
	})
}

func TestMoveStopsWhenCancelled(t *testing.T) {
	s := &store{now: box{Things: []string{"a"}}}
	ctx, cancel := context.WithCancel(t.Context())
	s.onWrite = func(int) (bool, error) { cancel(); return true, nil }
	s.hide = 1 << 30
	m := mover{session: &awsapi.Session{}, clock: (&tick{}).clock(), deadline: time.Minute, id: func() string { return "1" },
		note: func(context.Context, string, any) error { return nil }}
	o := m.move(ctx, &task{doc: s.doc(), from: raw(t, s.now), after: raw(t, box{})}, func() {})
	if o.Status != StatusUnknown || o.Writes != 1 {
		t.Errorf("%s after %d writes: a write was accepted, and nobody saw it", o.Status, o.Writes)
	}
}

func TestStatusNeverMasksFailure(t *testing.T) {
	for _, s := range []Status{StatusFailed, StatusUnknown, StatusStale, StatusSkipped} {
		r := &Run{Acts: results([]string{"x", "y"}, []Outcome{
			{Acts: []string{"x"}, Status: StatusDone}, {Acts: []string{"x"}, Status: s, Error: "why"}, {Acts: []string{"y"}, Status: StatusAlready},
		})}
		if r.Status() != s || r.Acts[0].Status != s || r.Acts[0].Note != "why" || r.Acts[1].Status != StatusAlready {
			t.Errorf("%s: run %s, acts %+v", s, r.Status(), r.Acts)
		}
	}
	if worse(StatusUnknown, StatusFailed) != StatusFailed || worse(StatusFailed, StatusDone) != StatusFailed {
		t.Error("a failure is not the worst")
	}
}
