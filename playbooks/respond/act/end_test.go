package act_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	guardtypes "github.com/aws/aws-sdk-go-v2/service/guardduty/types"

	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/mandate"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/act"
)

// contained is a stage in which payments was contained.
func contained(t *testing.T) *stage {
	t.Helper()
	s := newStage(t)
	s.stageFinding()
	out, err := s.acting(t.Context(), nil)
	if err != nil || out.Decision.Outcome != mandate.DoAct || !s.stopped() {
		t.Fatalf("%+v %v", out, err)
	}
	return s
}

// sweep is the look of another worker.
func (s *stage) sweep() {
	s.t.Helper()
	if err := act.New(s.o).Sweep(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// haltLifted is the switch, turned back.
var haltLifted = board.Halt{By: "olive", Why: "it is real"}

// heard are the notices of a kind.
func (s *stage) heard(what string) []act.Notice {
	return slices.DeleteFunc(slices.Clone(s.told), func(n act.Notice) bool { return n.What != what })
}

// TestEnds: what was contained ends by itself at its time, not before, and the case says so.
func TestEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := contained(t)
		was := len(s.w.Cloud.Calls())
		time.Sleep(4*time.Hour - time.Minute)
		s.sweep()
		if !s.stopped() || len(s.changes(was)) > 0 {
			t.Fatal("it ended before its time")
		}
		time.Sleep(time.Minute)
		s.sweep()
		if s.stopped() || !s.tells("containment", act.Released) || len(s.heard(act.Released)) != 1 {
			t.Errorf("it has not ended: stopped %t, %v", s.stopped(), s.told)
		}
		if made := s.changes(was); !slices.Contains(made, "DeleteRolePolicy") {
			t.Errorf("the role's deny stays: %v", made)
		}
		was = len(s.w.Cloud.Calls())
		time.Sleep(time.Minute)
		s.sweep()
		if len(s.changes(was)) > 0 || len(s.heard(act.Released)) != 1 {
			t.Error("it ended twice")
		}
		s.intact()
	})
}

// TestEndsWhenNotHalted: while all is halted nothing is lifted either; turned back, it ends.
func TestEndsWhenNotHalted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := contained(t)
		was := len(s.w.Cloud.Calls())
		s.halt()
		time.Sleep(5 * time.Hour)
		s.sweep()
		if !s.stopped() || len(s.changes(was)) > 0 {
			t.Error("lifted while all is halted")
		}
		s.must(nil, s.board.SetHalt(t.Context(), haltLifted))
		s.sweep()
		if s.stopped() {
			t.Error("it goes on although it has run out")
		}
	})
}

// TestEndsByAWSTime: a worker whose clock is ahead lifts nothing before its time.
func TestEndsByAWSTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := contained(t)
		time.Sleep(3*time.Hour + 30*time.Minute)
		s.o.Now = func() time.Time { return time.Now().Add(time.Hour) }
		s.sweep()
		if !s.stopped() {
			t.Error("lifted by a clock that is ahead")
		}
	})
}

// TestStays: what people have confirmed does not end by itself.
func TestStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := contained(t)
		kase := alert.Parse(s.message)[0].Case
		if _, err := act.New(s.o).Confirm(t.Context(), kase, "olive", "it is real"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Hour)
		s.sweep()
		if !s.stopped() || !s.tells("containment", "confirmed") {
			t.Error("it ended although it is confirmed")
		}
		s.intact()
	})
}

// TestPutOff: while the finding is seen again the end is put off and people are told; once it is
// archived it ends.
func TestPutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := contained(t)
		time.Sleep(4 * time.Hour)
		s.finding.Service.EventLastSeen = aws.String(time.Now().Add(-time.Hour).UTC().Format(time.RFC3339))
		s.stageFinding()
		s.sweep()
		if !s.stopped() || len(s.heard(act.Extended)) != 1 || !s.tells("containment", act.Extended) {
			t.Fatalf("the way is open, and it ended: %v", s.told)
		}
		s.sweep()
		if len(s.heard(act.Extended)) != 1 {
			t.Error("people are told each time that a worker looks")
		}
		s.finding.Service = new(guardtypes.Service)
		s.finding.Service.Archived = aws.Bool(true)
		s.stageFinding()
		time.Sleep(time.Hour)
		s.sweep()
		if s.stopped() || len(s.heard(act.Released)) != 1 {
			t.Errorf("it goes on: %v", s.told)
		}
		s.intact()
	})
}

// TestEndUnseen: where nobody can tell whether the alert was seen again it ends, and says so.
func TestEndUnseen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := contained(t)
		time.Sleep(4*time.Hour + time.Minute)
		s.w.Cloud.Inject(awssim.Fault{Op: "GuardDuty:GetFindings", Nth: 1, On: true, Fail: awssim.Fail{Denied: true}})
		s.sweep()
		said := s.heard(act.Released)
		if s.stopped() || len(said) != 1 || !strings.Contains(said[0].Why, "whether the alert was seen again is not known") {
			t.Errorf("stopped %t, %v", s.stopped(), s.told)
		}
		s.intact()
	})
}

// respondOptions are respond's, with somebody who acts.
func (s *stage) respondOptions() respond.Options {
	return respond.Options{Case: s.openTitled, Session: s.session(true), Env: s.env, Act: act.New(s.o).Act, Regions: s.o.Regions, Now: time.Now}
}

// TestWayOpen: as long as what the attacker made still stands, or is shut by the isolation alone, the
// end is put off.
func TestWayOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.swap("level: stop", "level: isolate")
		s.stageFinding()
		time.Sleep(30 * time.Minute) // what the attacker did is in CloudTrail by then
		all, err := respond.Respond(t.Context(), bytes.NewReader(s.message), s.respondOptions())
		if err != nil || len(all) != 1 || all[0].Acted == nil || all[0].Acted.Decision.Outcome != mandate.DoAct || !all[0].State.Settled() {
			t.Fatalf("%+v %v", all, err)
		}
		if !s.stopped() {
			t.Fatal("payments goes on")
		}
		s.before(all[0])
		time.Sleep(5 * time.Hour)
		s.sweep()
		said := s.heard(act.Extended)
		if !s.stopped() || len(said) != 1 || !strings.Contains(said[0].Why, "way is open") {
			t.Errorf("the attacker's way is open, and: %v", s.told)
		}
		s.intact()
	})
}

// before: the state before was sealed before anything of the account was changed.
func (s *stage) before(out respond.Outcome) {
	s.t.Helper()
	c, err := s.open(s.t.Context(), out.Alert)
	if err != nil {
		s.t.Fatal(err)
	}
	var order []string
	for e, err := range c.Ledger(s.t.Context()) {
		if err != nil {
			s.t.Fatal(err)
		}
		order = append(order, e.Data["bag"])
	}
	if b, x := slices.Index(order, out.Acted.Before), slices.Index(order, out.Acted.Bag); b < 0 || x < 0 || b > x {
		s.t.Errorf("sealed in the order %v: %s before %s is wanted", order, out.Acted.Before, out.Acted.Bag)
	}
}

// TestAgain: the same alert again finds what is in force, and does nothing anew.
func TestAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := contained(t)
		was := len(s.w.Cloud.Calls())
		out, err := s.acting(t.Context(), nil)
		if err != nil || !out.Standing || len(s.changes(was)) > 0 || len(s.names("acted/")) != 1 {
			t.Errorf("%+v %v %v", out, err, s.changes(was))
		}
	})
}

// TestApproved: once two people have approved, the next look of any worker acts.
func TestApproved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.approvals(2)
		s.stageFinding()
		if out, err := s.acting(t.Context(), nil); err != nil || out.Decision.Request == nil {
			t.Fatalf("%+v %v", out, err)
		}
		kase := alert.Parse(s.message)[0].Case
		was := len(s.w.Cloud.Calls())
		for _, who := range []string{"olive", "olive", "pat"} {
			s.sweep()
			if s.stopped() || len(s.changes(was)) > 0 {
				t.Fatalf("before %s approved it was done", who)
			}
			if _, err := act.New(s.o).Approve(t.Context(), kase, people()[who], who); err != nil {
				t.Fatal(err)
			}
		}
		s.halt()
		s.sweep()
		if s.stopped() {
			t.Fatal("done while all is halted")
		}
		if err := s.board.SetHalt(t.Context(), haltLifted); err != nil {
			t.Fatal(err)
		}
		s.sweep()
		if !s.stopped() || !s.tells("approved_by", "olive pat") {
			t.Errorf("two have approved: %v", s.told)
		}
		if left, err := act.New(s.o).Asked(t.Context(), ""); err != nil || len(left) > 0 {
			t.Errorf("it still waits: %v %v", left, err)
		}
		s.intact()
	})
}
