package tell_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/mandate"
	"github.com/freezeframe-ir/freezeframe/internal/notice"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/act"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/tell"
)

const id = "alert-1ab92989eaf0e742df4a014d5c3b8a01"

func outcome(state respond.State) *respond.Outcome {
	return &respond.Outcome{Alert: id, Case: "/cases/" + id, State: state, Kind: "guardduty", Title: "payments calls out", Function: "arn:aws:lambda:eu-west-1:123456789012:function:payments", Message: strings.Repeat("ab", 32), Run: "01RUN",
		Ended: time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)}
}

// TestOutcomes: each state is told as what it is, says what was done, and gives a command that fits;
// what is no end is not told.
func TestOutcomes(t *testing.T) {
	want := map[respond.State]notice.Event{
		respond.Collected: notice.Collected, respond.Known: notice.Known, respond.WithGaps: notice.Gaps, respond.Failed: notice.Failed, respond.NoEntry: notice.Failed,
		respond.Unreadable: notice.Failed, respond.Unresolved: notice.Failed, respond.Abroad: notice.Failed, respond.Busy: "", respond.CutOff: "",
	}
	for _, s := range respond.States() {
		event, listed := want[s]
		if !listed {
			t.Errorf("nobody says what %s is told as", s)
		}
		n, told := tell.Of(outcome(s))
		if told != (event != "") || n.Event != event {
			t.Errorf("%s: told %v as %q", s, told, n.Event)
		}
		if !told {
			continue
		}
		needs := slices.Contains(notice.Urgent(), n.Event)
		if vault.CheckName("notices/due/"+n.ID) != nil || n.Happened == "" || len(n.Done) == 0 || len(n.Next) == 0 || needs && len(n.Wanted) == 0 {
			t.Errorf("%s: %+v", s, n)
		}
		for _, c := range n.Next {
			if !strings.HasPrefix(c, "freezeframe --case /cases/"+id+" ") {
				t.Errorf("%s: %s", s, c)
			}
		}
	}
}

// TestActed: what was done about the account is said, and why nothing was.
func TestActed(t *testing.T) {
	out := outcome(respond.Collected)
	for _, c := range []struct {
		acted *respond.Acted
		want  string
	}{
		{nil, "Nothing in the account was changed"},
		{&respond.Acted{Decision: mandate.Decision{Reasons: []mandate.Said{{ID: "halted", Sentence: "everything unattended is halted"}}}}, "Nothing in the account was changed: everything unattended is halted"},
		{&respond.Acted{Contained: time.Now(), InForce: 3}, "contained as the mandate says: 3 acts in force, 0 not"},
		{&respond.Acted{Standing: true}, "What was contained before stays so"},
	} {
		out.Acted = c.acted
		if n, _ := tell.Of(out); !strings.Contains(strings.Join(n.Done, "|"), c.want) {
			t.Errorf("%q is not in %q", c.want, n.Done)
		}
	}
	out.Acted = &respond.Acted{Error: "the role is gone"}
	if n, _ := tell.Of(out); !strings.Contains(strings.Join(n.Wanted, "|"), "the role is gone") {
		t.Errorf("%q", n.Wanted)
	}
}

func desk(t *testing.T, on ...string) (d *tell.Desk, ticket func() string) {
	t.Helper()
	v, err := vault.NewFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "tickets.md")
	targets, err := notice.Parse([]string{"ticket:" + path})
	if err != nil {
		t.Fatal(err)
	}
	events, err := tell.Events(on)
	if err != nil {
		t.Fatal(err)
	}
	return &tell.Desk{Outbox: &notice.Outbox{Board: board.On(v, "w"), Targets: targets, Now: time.Now}, On: events, Cases: "s3://evidence/alerts", Warn: func(err error) { t.Error(err) }}, func() string {
		data, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return string(data)
	}
}

// TestDesk: only what somebody wants to hear of is told, once each, and no secret with it.
func TestDesk(t *testing.T) {
	d, ticket := desk(t)
	for range 2 {
		d.Outcome(t.Context(), outcome(respond.Collected))
	}
	if got := ticket(); got != "" {
		t.Errorf("nobody wanted to hear of it: %s", got)
	}
	bad := outcome(respond.Failed)
	bad.Why = `calling https://user:hunter2secret@proxy.example/: {"password": "hunter2secret"}`
	bad.Title = "token=\"hunter2secret\""
	for range 3 { // it comes again, and again
		d.Outcome(t.Context(), bad)
	}
	if got := ticket(); strings.Count(got, "## ") != 1 || strings.Contains(got, "hunter2secret") || !strings.Contains(got, "masked") {
		t.Error(got)
	}
	d.Exercise = "E1"
	d.Outcome(t.Context(), outcome(respond.NoEntry))
	if got := ticket(); strings.Count(got, "## ") != 2 || !strings.Contains(got, "EXERCISE: an alert needs a person") {
		t.Error(got)
	}
}

// TestActing: what is done, waits, is lifted and could not be is told, with what a person can do.
func TestActing(t *testing.T) {
	at := time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)
	for _, c := range []struct{ what, headline, next string }{
		{act.Contained, "a function was contained", "freezeframe respond confirm --cases s3://evidence/alerts --case-id " + id + " --why TICKET"},
		{act.NotContained, "an alert needs a person", "freezeframe --case s3://evidence/alerts/" + id + " contain status"},
		{act.Waits, "an approval is wanted", "freezeframe respond approve --cases s3://evidence/alerts --case-id " + id + " --key KEY.pem"},
		{act.Released, "a containment was lifted", "freezeframe --case s3://evidence/alerts/" + id + " contain status"},
		{act.Extended, "a function was contained", "freezeframe respond confirm --cases"},
		{act.NotReleased, "an alert needs a person", "freezeframe --case s3://evidence/alerts/" + id + " contain release --reason TICKET"},
	} {
		d, ticket := desk(t)
		for i := range 3 {
			d.Acting(t.Context(), act.Notice{What: c.what, Case: id, Function: "arn:aws:lambda:eu-west-1:123456789012:function:payments", Why: "rule stop", Until: at.Add(4 * time.Hour), At: at.Add(time.Duration(i) * time.Minute)})
		}
		got := ticket()
		if !strings.Contains(got, ": freezeframe: "+c.headline+"\n") || !strings.Contains(got, "    "+c.next) || !strings.Contains(got, "rule stop") || !strings.Contains(got, "2026-11-28T07:00:00Z") {
			t.Errorf("%s: %s", c.what, got)
		}
		again := map[string]int{act.NotContained: 1, act.NotReleased: 1, act.Extended: 1}[c.what]
		if again == 0 {
			again = 3
		}
		if n := strings.Count(got, "## "); n != again {
			t.Errorf("%s: told %d times of %d", c.what, n, again)
		}
	}
	d, ticket := desk(t)
	d.Acting(context.Background(), act.Notice{What: "something new", Case: id})
	if ticket() != "" {
		t.Error(ticket())
	}
}

// TestEvents reads what somebody wants to hear of.
func TestEvents(t *testing.T) {
	if got, err := tell.Events(nil); err != nil || !slices.Equal(got, notice.Urgent()) {
		t.Error(got, err)
	}
	if got, err := tell.Events([]string{"failed, gaps", "waiting"}); err != nil || !slices.Equal(got, []notice.Event{notice.Failed, notice.Gaps, notice.Waiting}) {
		t.Error(got, err)
	}
	if got, err := tell.Events([]string{"all"}); err != nil || !slices.Equal(got, notice.Events()) {
		t.Error(got, err)
	}
	if _, err := tell.Events([]string{"faild"}); err == nil || !strings.Contains(err.Error(), "failed, waiting") {
		t.Error(err)
	}
}
