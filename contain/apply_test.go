package contain

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

func TestPlanIsData(t *testing.T) {
	f := newFake()
	b := newBench(t, f)
	p := b.plan(t)
	if len(f.written) != 0 {
		t.Errorf("planning wrote: %v", f.written)
	}
	text, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := DecodePlan(text)
	if err != nil || again.Hash != p.Hash {
		t.Fatalf("decoding what was encoded: %v", err)
	}
	want := map[string]int{actMappings: 1, actProvisioned: 1, actQuarantine: 1, actRevoke: 1, actConcurrency: 1, actGrants: 3, actURL: 1, actDeadLetters: 1}
	for _, a := range p.Acts {
		if len(a.Moves) != want[a.Act] {
			t.Errorf("%s has %d moves, want %d", a.Act, len(a.Moves), want[a.Act])
		}
		delete(want, a.Act)
		if len(a.Moves) > 0 && len(a.Breaks) == 0 || len(a.Attack) == 0 || len(a.Permissions) == 0 {
			t.Errorf("%s says too little: %+v", a.Act, a)
		}
	}
	if len(want) != 0 {
		t.Errorf("not planned: %v", want)
	}
	for _, w := range []string{"999988887777:theirs", "refunds", "0.1 of the calls to version 2", `"AuthType NONE"`, "NotAction", "10.lambda"} {
		if has := strings.Contains(string(text), w); has == (w == "10.lambda") {
			t.Errorf("plan and %q: %v", w, has)
		}
	}
	if !slices.IsSortedFunc(p.Moves, func(a, b Move) int { return a.Stage - b.Stage }) {
		t.Error("moves out of order")
	}
	for _, m := range p.Moves {
		if m.BeforeSHA256 != canonicalDigest(m.Before) {
			t.Errorf("%s: hash of the state before", m.Doc)
		}
	}
}

func TestOrder(t *testing.T) {
	b := newBench(t, newFake())
	for order, want := range map[Order]string{
		RoleFirst:        "lambda.mappings lambda.mappings lambda.deadletter lambda.provisioned iam.role.inline iam.role.inline lambda.concurrency",
		ConcurrencyFirst: "lambda.mappings lambda.mappings lambda.deadletter lambda.provisioned lambda.concurrency iam.role.inline iam.role.inline",
	} {
		p, err := NewPlan(t.Context(), PlanInput{Session: b.s, Functions: []string{"payments"}, AcceptSharedRole: true, Order: order})
		if err != nil {
			t.Fatal(err)
		}
		var docs []string
		for _, m := range p.Moves[:7] {
			docs = append(docs, m.Doc)
		}
		if got := strings.Join(docs, " "); got != want {
			t.Errorf("%s: %s", order, got)
		}
	}
}

func TestPlanTampered(t *testing.T) {
	b := newBench(t, newFake())
	p := b.plan(t, actConcurrency)
	text, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(string) string
		want   error
	}{
		"another account": {func(s string) string { return strings.ReplaceAll(s, "111122223333", "444455556666") }, ErrPlanChanged},
		"another number":  {func(s string) string { return strings.Replace(s, `"reserved": 0`, `"reserved": 9`, 1) }, ErrPlanChanged},
		"unknown member":  {func(s string) string { return strings.Replace(s, `"schema"`, `"x": 1, "schema"`, 1) }, ErrBadPlan},
		"something after": {func(s string) string { return s + "{}" }, ErrBadPlan},
		"not JSON":        {func(string) string { return "plan" }, ErrBadPlan},
		"null":            {func(string) string { return "null" }, ErrBadPlan},
	} {
		if _, err := DecodePlan([]byte(c.change(string(text)))); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A plan whose hash fits, but whose calls do not follow from its edits.
	forged := *p
	forged.Moves = slices.Clone(p.Moves)
	forged.Moves[len(forged.Moves)-1].After = json.RawMessage(`{"reserved":1000}`)
	if forged.Hash, err = forged.sum(); err != nil {
		t.Fatal(err)
	}
	b.preserve(t, p)
	if _, err := Apply(t.Context(), ApplyInput{Session: b.s, Case: b.c, Plan: &forged}); !errors.Is(err, ErrBadPlan) {
		t.Errorf("a forged plan: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	seven := 7
	for _, c := range []struct {
		name   string
		acts   []string
		before func(*fakeAWS)                // between plan and apply
		change func(*fakeBench, *ApplyInput) // of the input
		keep   bool                          // preserve first
		want   error
		says   string
	}{
		{name: "nothing preserved", want: ErrNotPreserved, says: "lambda.concurrency"},
		{name: "blank override", change: func(_ *fakeBench, in *ApplyInput) { in.Override = "  " }, want: ErrNotPreserved},
		{name: "another region", keep: true, change: func(b *fakeBench, in *ApplyInput) { in.Session.Region = "us-east-1" }, want: ErrOtherAccount, says: "us-east-1"},
		{name: "another account", keep: true, change: func(b *fakeBench, in *ApplyInput) { in.Session.Identity.Account = "444455556666" }, want: ErrOtherAccount, says: "444455556666"},
		{name: "another endpoint", keep: true, change: func(b *fakeBench, in *ApplyInput) { in.Session.Endpoint = "" }, want: ErrOtherAccount, says: "AWS"},
		{name: "drift", keep: true, before: func(f *fakeAWS) { f.reserved = &seven }, want: ErrStale, says: `{"reserved":7}`},
		{name: "drift of a later document", keep: true, before: func(f *fakeAWS) { f.policies[fnARN+":live"] = f.policies[fnARN] }, want: ErrStale, says: "lambda.policy/live"},
		{name: "own role", keep: true, change: func(b *fakeBench, in *ApplyInput) {
			in.Session.Identity.ARN = "arn:aws:sts::111122223333:assumed-role/payments-role/alice"
		}, want: ErrProtected},
		{name: "role of the chain", keep: true, change: func(b *fakeBench, in *ApplyInput) { in.Chain = []string{roleARN} }, want: ErrProtected},
		{name: "protected", acts: []string{actQuarantine}, keep: true, change: func(b *fakeBench, in *ApplyInput) { in.Protected = []string{"payments-*"} }, want: ErrProtected},
		{name: "protected function", keep: true, acts: []string{actConcurrency}, change: func(b *fakeBench, in *ApplyInput) { in.Protected = []string{"pay*"} }, want: ErrProtected},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake()
			b := newBench(t, f)
			p := b.plan(t, c.acts...)
			if c.keep {
				b.preserve(t, p)
			}
			if c.before != nil {
				c.before(f)
			}
			for _, dry := range []bool{true, false} {
				s := *b.s
				in := ApplyInput{Session: &s, Case: b.c, Plan: p, DryRun: dry}
				if c.change != nil {
					c.change(b, &in)
				}
				_, err := Apply(t.Context(), in)
				if !errors.Is(err, c.want) || !Refused(err) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("dry %v: %v, want %v", dry, err, c.want)
				}
			}
			if len(f.written) != 0 {
				t.Errorf("refused, and wrote %v", f.written)
			}
		})
	}
}

func TestOverrideIsRecorded(t *testing.T) {
	b := newBench(t, newFake())
	p := b.plan(t, actConcurrency)
	run, err := Apply(t.Context(), ApplyInput{Session: b.s, Case: b.c, Plan: p, Override: "exfiltration under way"})
	if err != nil || run.Status() != StatusDone || len(run.Warnings) == 0 {
		t.Fatalf("%v %+v", err, run)
	}
	found := false
	for e, err := range b.c.Ledger(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		found = found || e.Type == evidence.EventOverride && e.Reason == "exfiltration under way" && strings.Contains(e.Data["refusal"], "lambda.concurrency")
	}
	if !found {
		t.Error("the override is not in the ledger")
	}
}

func TestApplyReleaseUndo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.settle = 4
		b := newBench(t, f)
		before := f.state(t)
		p := b.plan(t)
		b.preserve(t, p)
		dry, err := Apply(t.Context(), ApplyInput{Session: b.s, Case: b.c, Plan: p, DryRun: true})
		if err != nil || dry.Bag != "" || f.state(t) != before || len(f.written) != 0 {
			t.Fatalf("dry run: %v %+v", err, dry)
		}
		run, err := Apply(t.Context(), ApplyInput{Session: b.s, Case: b.c, Plan: p})
		if err != nil || run.Status() != StatusDone || !run.Sealed {
			t.Fatalf("%v %+v", err, run)
		}
		if *f.reserved != 0 || f.mappings["aaaa"] != "Disabled" || f.urls[""] != "AWS_IAM" || len(f.inline) != 3 || len(f.prov) != 0 {
			t.Error("not contained:", f.state(t))
		}
		if strings.Contains(f.policies[fnARN], "9999") || !strings.Contains(f.policies[fnARN], "own") || f.policies[fnARN+":live"] != "" {
			t.Error("grants:", f.policies)
		}
		if len(run.Checks) != 2 || !run.Checks[0].OK {
			t.Errorf("checks %+v", run.Checks)
		}
		wantStandings(t, b, map[State]int{InForce: 10})

		again, err := Apply(t.Context(), ApplyInput{Session: b.s, Case: b.c, Plan: p})
		if err != nil || again.Status() != StatusDone {
			t.Fatalf("applying twice: %v %+v", err, again)
		}
		for _, o := range again.Outcomes {
			if o.Writes != 0 || o.Status != StatusAlready {
				t.Errorf("applied twice: %s %s %d writes", o.Doc, o.Status, o.Writes)
			}
		}

		rel, err := Release(t.Context(), LiftInput{Session: b.s, Case: b.c})
		if err != nil || rel.Status() != StatusDone {
			t.Fatalf("release: %v %+v", err, rel)
		}
		if *f.reserved != 5 || f.mappings["aaaa"] != "Enabled" || f.mappings["bbbb"] != "Disabled" || f.prov["live"] != 2 || f.inline[quarantinePolicy] != "" {
			t.Error("isolation is still there:", f.state(t))
		}
		if f.inline[revokePolicy] == "" || f.urls[""] != "AWS_IAM" || f.dlq != "" || strings.Contains(f.policies[fnARN], "9999") {
			t.Error("release brought hostility back:", f.state(t))
		}
		wantStandings(t, b, map[State]int{InForce: 6, Released: 4})

		if _, err := Undo(t.Context(), LiftInput{Session: b.s, Case: b.c, All: true}); !errors.Is(err, ErrNoReason) {
			t.Errorf("without reason: %v", err)
		}
		_, err = Undo(t.Context(), LiftInput{Session: b.s, Case: b.c, All: true, Reason: "false alarm"})
		live, ok := errors.AsType[*SessionsLiveError](err)
		if !ok || live.Until.Before(time.Now().Add(11*time.Hour)) || live.Until.After(time.Now().Add(12*time.Hour)) {
			t.Fatalf("stolen sessions are alive: %v", err)
		}
		und, err := Undo(t.Context(), LiftInput{Session: b.s, Case: b.c, All: true, AcceptRisk: "it was us", Reason: "false alarm"})
		if err != nil || und.Status() != StatusDone {
			t.Fatalf("undo: %v %+v", err, und)
		}
		if now := f.state(t); now != before {
			t.Errorf("not as before:\n%s\nwant\n%s", now, before)
		}
		wantStandings(t, b, map[State]int{Undone: 6, Released: 4})
		writes := len(f.written)
		if twice, err := Undo(t.Context(), LiftInput{Session: b.s, Case: b.c, Acts: []string{actGrants}, Reason: "again"}); err != nil || twice.Status() != StatusDone || len(f.written) != writes {
			t.Errorf("undone twice: %v %+v", err, twice)
		}
		if _, err := Undo(t.Context(), LiftInput{Session: b.s, Case: b.c, Acts: []string{"nonsense"}, Reason: "x"}); !errors.Is(err, ErrUnknownAct) {
			t.Error(err)
		}
		for problem, err := range b.c.Verify(t.Context()) {
			t.Errorf("the case: %+v %v", problem, err)
		}
	})
}

func wantStandings(t *testing.T, b *fakeBench, want map[State]int) {
	t.Helper()
	all, err := Standings(t.Context(), StatusInput{Session: b.s, Case: b.c})
	if err != nil {
		t.Fatal(err)
	}
	got := map[State]int{}
	for _, s := range all {
		got[s.State]++
	}
	for state, n := range want {
		if got[state] != n {
			t.Errorf("%d %q, want %d: %+v", got[state], state, n, all)
		}
	}
	if len(got) != len(want) {
		t.Errorf("states %v, want %v", got, want)
	}
}

// TestChain counts the dependent calls from apply to concurrency 0: each answer takes
// 50 ms, and nothing else takes time.
func TestChain(t *testing.T) {
	for _, c := range []struct {
		acts        []string
		fast        bool
		provisioned bool
		most        int
	}{{[]string{actConcurrency}, false, false, 3}, {nil, false, false, 6}, {nil, false, true, 8}, {[]string{actConcurrency, actQuarantine}, true, false, 3}, {[]string{actConcurrency, actQuarantine}, false, false, 4}} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			if !c.provisioned {
				f.prov = map[string]int{}
			}
			b := newBench(t, f)
			p := b.plan(t, c.acts...)
			b.preserve(t, p)
			f.latency = 50 * time.Millisecond
			start, zero := time.Now(), time.Time{}
			f.fault = func(op string) (bool, error) {
				if op == "PutFunctionConcurrency" || c.fast && op == "PutRolePolicy" { // of several the last
					zero = time.Now()
				}
				return true, nil
			}
			s := session(t, f, "eu-west-1", "http://127.0.0.1:1")
			if _, err := Apply(t.Context(), ApplyInput{Session: s, Case: b.c, Plan: p, Fast: c.fast}); err != nil {
				t.Fatal(err)
			}
			chain := int(zero.Sub(start) / f.latency)
			t.Logf("%d dependent calls from apply to concurrency 0", chain)
			if chain > c.most {
				t.Errorf("%d dependent calls, at most %d", chain, c.most)
			}
		})
	}
}

// TestEveryFault fails each write of apply and of undo in turn, before and after its
// effect, once and for good, and then makes the run again: in the end all is as before.
func TestEveryFault(t *testing.T) {
	ops := []string{"UpdateEventSourceMapping", "DeleteProvisionedConcurrencyConfig", "PutRolePolicy", "PutFunctionConcurrency",
		"RemovePermission", "DeleteResourcePolicy", "UpdateFunctionUrlConfig", "PutResourcePolicy", "DeleteRolePolicy", "PutProvisionedConcurrencyConfig"}
	faults := map[string]error{"drop": errDrop, "denied": fakeError{403, "AccessDeniedException"}}
	for i, op := range ops {
		if testing.Short() && i%5 != 0 { // for the race detector some do
			continue
		}
		for kind, fault := range faults {
			for _, effect := range []bool{false, true} {
				for _, always := range []bool{false, true} {
					if effect && kind == "denied" {
						continue // such an answer means that it was not done
					}
					t.Run(strings.Join([]string{op, kind, map[bool]string{true: "after", false: "before"}[effect], map[bool]string{true: "always", false: "once"}[always]}, "/"), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) { underFault(t, op, fault, effect, always) })
					})
				}
			}
		}
	}
}

func underFault(t *testing.T, op string, fault error, effect, always bool) {
	f := newFake()
	b := newBench(t, f)
	before := f.state(t)
	p := b.plan(t)
	b.preserve(t, p)
	arm := func() {
		hit := false
		f.fault = func(o string) (bool, error) {
			if o != op || hit && !always {
				return true, nil
			}
			hit = true
			return effect, fault
		}
	}
	arm()
	run, err := Apply(t.Context(), ApplyInput{Session: b.s, Case: b.c, Plan: p})
	if err != nil {
		t.Fatal(err)
	}
	truthful(t, f, run)
	if !always {
		f.fault = nil
	}
	if f.fault == nil || run.Status() == StatusDone {
		if run, err = Apply(t.Context(), ApplyInput{Session: b.s, Case: b.c, Plan: p}); err != nil {
			t.Fatal(err)
		}
		if f.fault == nil && run.Status() != StatusDone {
			t.Errorf("made again without faults: %+v", run.Acts)
		}
	}
	arm()
	undo := LiftInput{Session: b.s, Case: b.c, All: true, AcceptRisk: "test", Reason: "test"}
	if _, err := Undo(t.Context(), undo); err != nil && !errors.Is(err, ErrNothing) {
		t.Fatal(err)
	}
	f.fault = nil
	if _, err := Undo(t.Context(), undo); err != nil && !errors.Is(err, ErrNothing) {
		t.Fatal(err)
	}
	if now := f.state(t); now != before {
		t.Errorf("not as before:\n%s\nwant\n%s", now, before)
	}
	for problem, err := range b.c.Verify(t.Context()) {
		t.Errorf("the case: %+v %v", problem, err)
	}
}

// truthful compares what a run says with what the account is like.
func truthful(t *testing.T, f *fakeAWS, run *Run) {
	t.Helper()
	for _, a := range run.Acts {
		really, told := map[string]bool{
			actMappings: f.mappings["aaaa"] == "Disabled", actProvisioned: len(f.prov) == 0,
			actConcurrency: f.reserved != nil && *f.reserved == 0,
			actQuarantine:  f.inline[quarantinePolicy] != "", actRevoke: f.inline[revokePolicy] != "",
			actURL:         f.urls[""] == "AWS_IAM",
			actGrants:      !strings.Contains(f.policies[fnARN], "evil") && !strings.Contains(f.policies[fnARN], "open") && f.policies[fnARN+":live"] == "" && f.policies[fnARN+":1"] == "",
			actDeadLetters: f.dlq == "",
		}[a.Act]
		if !told { // there is nothing of it here
			continue
		}
		if a.Status.OK() && !really {
			t.Errorf("%s says %s and is not in force", a.Act, a.Status)
		}
		if a.Status == StatusFailed && really {
			t.Errorf("%s says failed and is in force: %s", a.Act, a.Note)
		}
	}
}

func TestDriftAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		b := newBench(t, f)
		p := b.plan(t, actConcurrency, actURL)
		b.preserve(t, p)
		if _, err := Apply(t.Context(), ApplyInput{Session: b.s, Case: b.c, Plan: p}); err != nil {
			t.Fatal(err)
		}
		three := 3
		f.reserved = &three
		wantStandings(t, b, map[State]int{InForce: 2, Drifted: 1})
		writes := len(f.written)
		if _, err := Undo(t.Context(), LiftInput{Session: b.s, Case: b.c, All: true, Force: true, Reason: "x"}); !errors.Is(err, ErrStale) {
			t.Errorf("drift, forced but not named: %v", err)
		}
		if _, err := Undo(t.Context(), LiftInput{Session: b.s, Case: b.c, Acts: []string{actConcurrency}, Reason: "x"}); !errors.Is(err, ErrStale) {
			t.Errorf("drift, named but not forced: %v", err)
		}
		if len(f.written) != writes {
			t.Error("refused, and wrote")
		}
		run, err := Undo(t.Context(), LiftInput{Session: b.s, Case: b.c, Acts: []string{actConcurrency}, Force: true, Reason: "x"})
		if err != nil || run.Status() != StatusDone || *f.reserved != 5 {
			t.Errorf("forced by name: %v %+v", err, run)
		}
	})
}

// TestCrash stops the process, as it were, between intent and write, and between write
// and outcome: the bag stays unfinished, and status and undo work from its journal.
func TestCrash(t *testing.T) {
	for name, effect := range map[string]bool{"before the write": false, "after the write": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				b := newBench(t, f)
				before := f.state(t)
				p := b.plan(t, actGrants)
				crash(t, b, p, effect)
				all, err := Standings(t.Context(), StatusInput{Case: b.c})
				if err != nil || len(all) != 1 || all[0].State != Pending {
					t.Fatalf("%v %+v", err, all)
				}
				b.preserve(t, p)
				if _, err := Apply(t.Context(), ApplyInput{Session: b.s, Case: b.c, Plan: p}); err != nil {
					t.Fatal("applying again:", err)
				}
				if _, err := Undo(t.Context(), LiftInput{Session: b.s, Case: b.c, All: true, Reason: "x"}); err != nil {
					t.Fatal(err)
				}
				if now := f.state(t); now != before {
					t.Errorf("not as before:\n%s\nwant\n%s", now, before)
				}
			})
		})
	}
}

// crash writes what a run writes before it dies: the first step of the first move.
func crash(t *testing.T, b *fakeBench, p *Plan, effect bool) {
	t.Helper()
	r := newRunner("apply", b.s, b.c, Clock{}.orReal(), 0, nil)
	tasks, err := planned(p, time.Now(), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.begin(t.Context(), r.header(evidence.Tool{}, "alice", []string{fnARN}, nil), RunNote{Action: "apply", Document: p}); err != nil {
		t.Fatal(err)
	}
	tk := tasks[0]
	now := r.move.read(t.Context(), tk)
	o := tk.outcome()
	o.Intent = "x/1"
	if err := r.durable(t.Context(), noteIntent, tk.intent(o, now.state)); err != nil {
		t.Fatal(err)
	}
	if effect {
		steps, err := tk.doc.steps(tk.place, now.state, tk.after, now.token)
		if err != nil || len(steps) < 2 {
			t.Fatalf("wanted a move of several steps: %v", err)
		}
		if err := steps[0].Do(t.Context(), r.move.config(tk)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestProvisionedFailureSkipsConcurrency(t *testing.T) {
	f := newFake()
	b := newBench(t, f)
	p := b.plan(t, actConcurrency, actURL)
	b.preserve(t, p)
	f.deny["DeleteProvisionedConcurrencyConfig"] = true
	run, err := Apply(t.Context(), ApplyInput{Session: b.s, Case: b.c, Plan: p})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Status{}
	for _, a := range run.Acts {
		got[a.Act] = a.Status
	}
	if got[actProvisioned] != StatusFailed || got[actConcurrency] != StatusSkipped || got[actURL] != StatusDone || run.Status() != StatusFailed {
		t.Errorf("%v, run %s", got, run.Status())
	}
}

func TestDeniedReadsArePlannedAround(t *testing.T) {
	f := newFake()
	b := newBench(t, f)
	for _, op := range []string{"ListFunctionUrlConfigs", "ListFunctions", "GetRolePolicy"} {
		f.deny[op] = true
	}
	p := b.plan(t)
	acts := map[string]bool{}
	for _, u := range p.Unplanned {
		acts[u.Act] = true
	}
	if !acts[actURL] || !acts[actQuarantine] || !acts[actRevoke] || len(acts) != 3 {
		t.Errorf("unplanned: %+v", p.Unplanned)
	}
	b.preserve(t, p)
	run, err := Apply(t.Context(), ApplyInput{Session: b.s, Case: b.c, Plan: p})
	if err != nil {
		t.Fatal(err)
	}
	if run.Status() != StatusSkipped {
		t.Errorf("a run without what could not be planned says %s: %+v", run.Status(), run.Acts)
	}
	if !strings.Contains(strings.Join(p.Warnings, "\n"), "sharing the role") {
		t.Errorf("warnings: %v", p.Warnings)
	}
}

func TestCancelledRunIsRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		b := newBench(t, f)
		before := f.state(t)
		p := b.plan(t)
		b.preserve(t, p)
		ctx, cancel := context.WithCancel(t.Context())
		f.fault = func(op string) (bool, error) {
			if op == "DeleteProvisionedConcurrencyConfig" {
				cancel()
			}
			return true, nil
		}
		run, err := Apply(ctx, ApplyInput{Session: b.s, Case: b.c, Plan: p})
		if err != nil || !run.Sealed || run.Status().OK() {
			t.Fatalf("%v %+v", err, run)
		}
		f.fault = nil
		if _, err := Undo(t.Context(), LiftInput{Session: b.s, Case: b.c, All: true, AcceptRisk: "x", Reason: "x"}); err != nil {
			t.Fatal(err)
		}
		if now := f.state(t); now != before {
			t.Errorf("not as before:\n%s", now)
		}
	})
}
