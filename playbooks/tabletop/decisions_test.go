package tabletop

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestDecisions: what was asked is decided once, by a role that may, with one of its options; what
// was refused is on record too, and outside of what a check says nothing is scored by it.
func TestDecisions(t *testing.T) {
	w := stagedAs(t, "stolen-role")
	var heard []Event
	w.OnEvent(func(e Event) { heard = append(heard, e) })
	yes := Choice{Decision: "D1", Option: "notify", Role: "counsel", By: "Carol", Reason: "72 hours"}
	if _, err := w.Decide(yes); !errors.Is(err, ErrNotAsked) {
		t.Errorf("before anybody asked: %v", err)
	}
	if _, err := w.InjectNow("D1"); err != nil {
		t.Fatal(err)
	}
	for want, ch := range map[error]Choice{
		ErrNotTheir: {Decision: "D1", Option: "notify", Role: "press"}, ErrNoOption: {Decision: "D1", Option: "maybe", Role: "counsel"},
		ErrNoRole: {Decision: "D1", Option: "notify", Role: "king"}, ErrNotAsked: {Decision: "I1", Option: "notify", Role: "counsel"},
	} {
		if _, err := w.Decide(ch); !errors.Is(err, want) {
			t.Errorf("%+v: %v, wanted %v", ch, err, want)
		}
	}
	d, err := w.Decide(yes)
	if err != nil || !strings.Contains(d.Outcome, "authority confirms") {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := w.Decide(Choice{Decision: "D1", Option: "wait", Role: "counsel"}); !errors.Is(err, ErrDecided) {
		t.Errorf("twice: %v", err)
	}
	if e := d.Record(); e.Data["decision"] != "D1" || e.Data["role"] != "counsel" || !strings.Contains(e.Reason, "72 hours") || e.Actor != "Carol" {
		t.Errorf("the ledger gets %+v", e)
	}
	score, err := w.Score(t.Context(), nil, nil)
	if err != nil || len(score.Decided) != 3 || score.Decided[0].Refused == "" || score.Decided[1].Refused != "" || !slices.Equal(earned(score), []string{"authority"}) {
		t.Errorf("earned %v, %+v, %v", earned(score), score.Decided, err)
	}
	kinds := []EventKind{}
	for _, e := range heard {
		kinds = append(kinds, e.Kind)
	}
	if !slices.Equal(kinds, []EventKind{EventInject, EventDecision, EventDecision, EventDecision}) {
		t.Errorf("told of %v", kinds)
	}
}

func earned(s *Score) []string {
	var out []string
	for _, e := range s.Earned {
		if e.Got > 0 {
			out = append(out, e.ID)
		}
	}
	return out
}

func stagedAs(t *testing.T, name string) *World {
	t.Helper()
	s, err := Find(name)
	if err != nil {
		t.Fatal(err)
	}
	w, err := Play(t.Context(), s, Options{Seed: 1, Now: lintMoment()})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestDecisionIsNoNote: the words of a decision's option do not earn what a note would.
func TestDecisionIsNoNote(t *testing.T) {
	s, err := Find("stolen-role")
	if err != nil {
		t.Fatal(err)
	}
	decide := DecideMove{Decision: "D1", Option: "notify", As: "counsel", Reason: "an outage, we deny the role"}
	score := attempt(t, s, 1, []Move{{ID: "wait", Takes: 11 * time.Minute}, {ID: "d", Decide: &decide}})
	if got := earned(score); !slices.Equal(got, []string{"authority"}) {
		t.Errorf("earned %v; lost: %s", got, lost(score))
	}
}

// TestPlayersSeeNoAnswers: with the players' token nothing comes out of a served exercise that the
// scenario hides, whatever is asked; the facilitator gets all of it.
func TestPlayersSeeNoAnswers(t *testing.T) {
	for _, s := range sampled(t) {
		w := stagedAs(t, s.Name)
		for _, in := range s.Injects {
			if _, err := w.InjectNow(in.ID); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Observe(Observation{Kind: Private, By: "f", Text: "they look in the wrong place"}); err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(&Server{World: w, Token: "leads", Players: "plays"})
		said := ""
		for _, verb := range []string{"status", "pause", "resume", "inject", "note", "score", "", "../exercise", "STATUS", "status/"} {
			code, text := askAt(t, server, verb, "plays", "I1")
			said += text
			if (code == http.StatusOK) != (verb == "status") {
				t.Errorf("%s: players get %d for %q: %s", s.Name, code, verb, text)
			}
		}
		_, state := askAt(t, server, "status", "leads", "")
		hidden := []string{s.Name, "they look in the wrong place"}
		for _, in := range s.Injects {
			hidden = append(hidden, in.Expected, in.Contingency, in.Notes)
			if in.Decide != nil {
				hidden = append(hidden, in.Decide.Options[0].Outcome)
			}
			if content, _ := json.Marshal(in.Content); !strings.Contains(said, string(content)) {
				t.Errorf("%s: players do not hear %s", s.Name, in.ID)
			}
		}
		for _, text := range hidden {
			if text != "" && strings.Contains(said, text) {
				t.Errorf("%s: players are told %q", s.Name, text)
			}
		}
		for _, text := range []string{s.Name, "they look in the wrong place", `"pending"`, s.Injects[0].Expected} {
			if !strings.Contains(state, text) {
				t.Errorf("%s: the facilitator is not told %q", s.Name, text)
			}
		}
		server.Close()
	}
}

func askAt(t *testing.T, server *httptest.Server, verb, token, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+controlPath+verb, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b strings.Builder
	if err := resp.Write(&b); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, b.String()
}

// TestObservations: notes are private, the hot wash is not, and only gaps have an owner and a day.
func TestObservations(t *testing.T) {
	w := stagedAs(t, "public-url")
	for _, o := range []Observation{
		{Kind: Private, By: "f", Text: "slow"}, {Kind: Strength, By: "a", Text: "calm"}, {Kind: Gap, By: "b", Text: "no list of telephones", Owner: "Dave", Due: "2026-12-31"},
	} {
		if _, err := w.Observe(o); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for _, o := range []Observation{{Kind: "x", Text: "t"}, {Kind: Gap}, {Kind: Strength, Text: "t", Owner: "x"}, {Kind: Gap, Text: "t", Due: "soon"}} {
		if _, err := w.Observe(o); !errors.Is(err, ErrObservation) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	score, err := w.Score(t.Context(), nil, nil)
	if err != nil || len(score.Observed) != 3 || score.Score != 0 {
		t.Errorf("%+v, %v", score.Observed, err)
	}
}
