package tabletop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// TestEveryStepCounts: a solution less one step loses what that step says it earns, and nothing else.
func TestEveryStepCounts(t *testing.T) {
	tried, skipped := 0, 0
	for _, s := range sampled(t) {
		of := 0
		for i, m := range s.Solution {
			if len(m.Earns) == 0 {
				continue
			}
			// What is noted at the beginning and declared is the same base's in every scenario.
			common := m.Note != nil && (m.Note.Kind == "declare" || m.Note.Kind == "detect" && tried > 0)
			if of++; !thorough() && (common || tried > 0 && of%2 == 0) {
				skipped++
				continue
			}
			tried++
			score := attempt(t, s, 1, slices.Concat(s.Solution[:i], s.Solution[i+1:]))
			want := map[string]bool{}
			for _, id := range m.Earns {
				want[id] = true
			}
			points := 100
			for _, e := range s.Expected {
				if want[e.ID] {
					points -= e.Points
				}
			}
			if got := lost(score); got != strings.Join(m.Earns, ", ") || score.Score != points {
				t.Errorf("%s without %s scores %d and loses %q, wanted %d and %q", s.Name, m.ID, score.Score, got, points, strings.Join(m.Earns, ", "))
			}
		}
	}
	t.Logf("%d steps left out, %d skipped", tried, skipped)
	if tried < 3 {
		t.Error("hardly a step says what it earns")
	}
}

// TestWrongOrderIsLost: who takes the key before the rule that heals it gets it back, and loses.
func TestWrongOrderIsLost(t *testing.T) {
	s, err := Find("self-healing")
	if err != nil {
		t.Fatal(err)
	}
	at := func(id string) Move {
		i := slices.IndexFunc(s.Solution, func(m Move) bool { return m.ID == id })
		return s.Solution[i]
	}
	score := attempt(t, s, 1, []Move{at("notice"), at("collect"), at("declare"), at("key"), at("rule"), at("stop")})
	if got := lost(score); score.Score != 5 || got != "order, key, healed -50" {
		t.Errorf("scores %d, lost %s", score.Score, got)
	}
}

// TestRestraint: in the false alarm containing costs, although evidence was sealed first.
func TestRestraint(t *testing.T) {
	s, err := Find("benign-deploy")
	if err != nil {
		t.Fatal(err)
	}
	moves := append(slices.Clone(s.Solution), Move{ID: "panic", Contain: &ContainMove{Functions: []string{"payments"}, AcceptSharedRole: true}})
	if score := attempt(t, s, 1, moves); score.Score > 10 || score.Metrics.Changes == 0 {
		t.Errorf("scores %d after %d changes: %s", score.Score, score.Metrics.Changes, lost(score))
	}
}

// TestOthersGoOnWorking: what decoys do succeeds while nobody responds, and is charged to nobody.
func TestOthersGoOnWorking(t *testing.T) {
	for _, name := range []string{"code-overwrite", "benign-deploy"} {
		s, err := Find(name)
		if err != nil {
			t.Fatal(err)
		}
		w, err := Play(t.Context(), s, Options{Seed: 1, Now: lintMoment()})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Finish(t.Context()); err != nil {
			t.Fatal(err)
		}
		done := 0
		for _, c := range w.Cloud.Calls() {
			if c.KeyID != w.known["owner"].AccessKeyID || c.Time.Before(w.start) {
				continue
			}
			if done++; c.ErrorCode != "" {
				t.Errorf("%s: %s of the owner: %s", name, c.API, c.ErrorCode)
			}
		}
		score, err := w.Score(t.Context(), nil, nil)
		if err != nil || done < 8 || len(score.Costs) > 0 || score.Metrics.Changes > 0 {
			t.Errorf("%s: %d calls of the owner, charged %+v, %v", name, done, score.Costs, err)
		}
	}
}

// TestChanceWinsNothing: responders who do things at random, the wrong and the right, score under 30.
func TestChanceWinsNothing(t *testing.T) {
	each := 1
	if thorough() {
		each = 8
	}
	worst, tried := 0, 0
	for _, s := range sampled(t) {
		for n := range each {
			score := attempt(t, s, 1, atRandom(s, rand.New(rand.NewPCG(uint64(n), uint64(len(s.Name)))))) //nolint:gosec // repeatable
			worst, tried = max(worst, score.Score), tried+1
			if score.Score >= 30 {
				t.Errorf("%s, responder %d scores %d; lost: %s", s.Name, n, score.Score, lost(score))
			}
		}
	}
	t.Logf("%d responders at random, the luckiest scores %d, %d of 104 skipped", tried, worst, 104-tried)
}

func atRandom(s *Scenario, r *rand.Rand) []Move {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	call := func(api string, with map[string]any) Move {
		return Move{ID: api, Do: []Step{{By: responder, Call: api, With: with}}}
	}
	function := func() string { return pick("payments", "payments-report", "invoices", s.Function) }
	deny := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`
	var out []Move
	for range 3 + r.IntN(6) {
		switch r.IntN(9) {
		case 0, 1:
			out = append(out, call("Lambda:PutFunctionConcurrency", map[string]any{"FunctionName": function(), "ReservedConcurrentExecutions": 0}))
		case 2:
			out = append(out, call("IAM:PutRolePolicy", map[string]any{"RoleName": pick("payments-role", "invoices-role", "ci-deploy"), "PolicyName": "stop", "PolicyDocument": deny}))
		case 3:
			out = append(out, call("Lambda:RemovePermission", map[string]any{"FunctionName": function(), "StatementId": pick("partner-integration", "FunctionURLAllowPublicAccess", "pool")}))
		case 4:
			out = append(out, call("Lambda:DeleteFunctionUrlConfig", map[string]any{"FunctionName": function()}))
		case 5:
			out = append(out, call("EventBridge:DisableRule", map[string]any{"Name": "nightly-check"}))
		case 6:
			out = append(out, Move{ID: "note", Note: &NoteMove{Kind: pick(NoteKinds()...), Text: pick("something is wrong", "we look into it", "no idea")}})
		case 7:
			out = append(out, Move{ID: "collect", Collect: &CollectMove{Functions: []string{function()}, Scope: "containment"}})
		case 8: // refused where nobody asked for it, or the role may not
			d := s.decision("D1")
			if d == nil {
				continue
			}
			out = append(out, Move{ID: "decide", Decide: &DecideMove{"D1", pick(d.Decide.ids()...), pick(s.roleIDs()...), "why not"}})
		}
	}
	return out
}

// TestPauseHoldsTheAttacker: nothing happens while the exercise is held, and all of it later.
func TestPauseHoldsTheAttacker(t *testing.T) {
	s, err := Find("stolen-role")
	if err != nil {
		t.Fatal(err)
	}
	w, err := Play(t.Context(), s, Options{Seed: 1, Now: lintMoment()})
	if err != nil {
		t.Fatal(err)
	}
	count := func() int { return len(w.Cloud.Calls()) }
	before := count()
	w.Pause()
	w.clock.Advance(10 * time.Minute)
	if err := w.Tick(t.Context()); err != nil || count() != before || len(w.Heard()) != 0 {
		t.Errorf("%d calls and %d injects while it is held, %v", count()-before, len(w.Heard()), err)
	}
	w.Resume()
	if err := w.Tick(t.Context()); err != nil || count() != before || len(w.Heard()) != 1 { // the first inject was due at once
		t.Errorf("what was due was not moved: %d calls, %d injects, %v", count()-before, len(w.Heard()), err)
	}
	if err := w.Wait(t.Context(), 2*time.Minute); err != nil || count() == before || len(w.Heard()) != 1 {
		t.Errorf("after the pause %d calls and %d injects, %v", count()-before, len(w.Heard()), err)
	}
}

// TestServer: whoever asks learns that it is an exercise, and only the token's holder leads it.
func TestServer(t *testing.T) {
	s, err := Find("code-overwrite")
	if err != nil {
		t.Fatal(err)
	}
	w, err := Play(t.Context(), s, Options{Seed: 1, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(&Server{World: w, Token: "secret"})
	defer server.Close()
	ask := func(method, path, token, body string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var b bytes.Buffer
		_, _ = b.ReadFrom(resp.Body)
		return resp.StatusCode, b.String()
	}
	if code, text := ask("GET", ExercisePath, "", ""); code != 200 || strings.TrimSpace(text) != w.ID {
		t.Errorf("which exercise: %d %s", code, text)
	}
	for _, c := range []struct {
		method, verb, token, body string
		code                      int
		says                      string
	}{
		{"POST", "status", "", "", 403, "token"}, {"POST", "status", "wrong", "", 403, "token"}, {"GET", "status", "secret", "", 405, "POST"},
		{"POST", "status", "secret", "", 200, `"paused":false`}, {"POST", "pause", "secret", "", 200, `"paused":true`}, {"POST", "resume", "secret", "", 200, `"paused":false`},
		{"POST", "inject", "secret", "I2", 200, "Customers can pay"}, {"POST", "inject", "secret", "I2", 404, "left"}, {"POST", "hint", "secret", "", 200, "collect"},
		{"POST", "nonsense", "secret", "", 404, "left"},
	} {
		if code, text := ask(c.method, controlPath+c.verb, c.token, c.body); code != c.code || !strings.Contains(text, c.says) {
			t.Errorf("%s %s with %q: %d %s, wanted %d %s", c.method, c.verb, c.token, code, text, c.code, c.says)
		}
	}
	if code, _ := ask("GET", "/2015-03-31/functions/", "", ""); code != 403 {
		t.Errorf("the account answers %d", code)
	}
}

// TestExerciseEntersTheCase: into its record and the ledger's first event, and it cannot change AWS.
func TestExerciseEntersTheCase(t *testing.T) {
	w := play(t, Options{})
	v := newVault(t)
	c, err := evidence.CreateCase(t.Context(), v, w.CaseOptions("o", t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	again, err := evidence.OpenCase(t.Context(), c.Vault())
	if err != nil || again.Exercise != w.ID {
		t.Fatalf("opened again it is of %q, %v", again.Exercise, err)
	}
	for e, err := range again.Ledger(t.Context()) {
		if err != nil || e.Data["exercise"] != w.ID {
			t.Errorf("event 0 says %v, %v", e.Data, err)
		}
		break
	}
	data, err := json.Marshal(w.ID)
	if err != nil || !bytes.Contains(data, []byte(`"exercise-`)) {
		t.Errorf("the id is %s", fmt.Sprint(w.ID))
	}
}

// TestWrongScenarios: what is wrong is said with where it stands.
func TestWrongScenarios(t *testing.T) {
	good, err := Template("mine")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, want string }{
		{"by: mallory, call: \"STS", "by: malory, call: \"STS", "who is not in the cast"},
		{"points: 40, check: {fails", "points: 41, check: {fails", "101 points"},
		{"{fails: the outside account invokes payments}", "{fails: the outside acount invokes payments}", "did you mean"},
		{"objective: preserve, points", "objective: perserve, points", "no objective"},
		{"extends: shop", "extends: shopp", "no base scenario"},
		{"kind: detect, within", "kind: detcet, within", "none of detect"},
		{"live:", "liev:", `unknown key "liev" (did you mean "live"?)`},
		{"every: 2m", "every: 2s", "at least 10 s"},
		{"earns: [closed]", "earns: [close]", "which is not expected"},
	} {
		text := strings.Replace(string(good), c.from, c.to, 1)
		if text == string(good) {
			t.Fatalf("the template has no %q", c.from)
		}
		if _, err := Parse("mine.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "mine.yaml:") {
			t.Errorf("%q: %v, wanted %s", c.to, err, c.want)
		}
	}
	text := strings.Replace(string(good), "StatementId: partner", "StatmentId: partner", 1)
	s, err := Parse("mine.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lint(t.Context(), s, t.TempDir()); err == nil || !strings.Contains(err.Error(), "did you mean StatementId") {
		t.Errorf("a member that is none: %v", err)
	}
}
