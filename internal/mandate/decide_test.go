package mandate

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

var update = flag.Bool("update", false, "write the table of reasons into docs/respond.md")

// cell is one way in which something is not done; do is the one thing that is otherwise.
type cell struct {
	why  *Reason
	name string
	with func(w *world) // what both have, beside the example
	do   func(w *world)
}

func cells() []cell {
	two := func(w *world) { w.swap("approvals: 0", "approvals: 2"); w.approve(w.olive); w.approve(w.pat) }
	source := func(change func(a *alert.Alert)) func(w *world) {
		return func(w *world) { change(w.facts.AtSource) }
	}
	return []cell{
		{NoMandate, "no file", nil, func(w *world) { w.none = true }},
		{NoSignature, "no signature", nil, func(w *world) { w.signatures = nil }},
		{BadSignature, "a byte of the file changed after it was signed", nil, func(w *world) { w.text = strings.Replace(w.text, "expires: 4h ", "expires: 5h ", 1) }},
		{BadSignature, "a byte of the signature", nil, func(w *world) { w.signatures[0].DER[20] ^= 1 }},
		{BadSignature, "the signature of an approval", nil, func(w *world) { w.signatures[0].DER = w.said(w.boss, w.now).Signature.DER }},
		{NotTrusted, "signed by somebody else", nil, func(w *world) { w.signatures = nil; w.sign(w.olive) }},
		{NotTrusted, "nobody is trusted", nil, func(w *world) { w.trusted = nil }},
		{NotYetValid, "before it begins", nil, func(w *world) { w.swap("from: 2026-11-01T00:00:00Z", "from: 2026-11-28T00:00:00Z") }},
		{Expired, "after it ends", nil, func(w *world) { w.swap("until: 2027-02-01T00:00:00Z", "until: 2026-11-27T22:30:00Z") }},
		{Halted, "halted", nil, func(w *world) { w.facts.Halted = true }},
		{ClockSkew, "six minutes from AWS's clock", nil, func(w *world) { w.facts.AWSTime = w.now.Add(-6 * time.Minute) }},
		{ClockSkew, "nobody knows AWS's time", nil, func(w *world) { w.facts.AWSTime = time.Time{} }},
		{ClockSkew, "an alert of the future", nil, func(w *world) { w.alert.Last = w.now.Add(6 * time.Minute) }},
		{ClockSkew, "one of the future at its source", nil, source(func(a *alert.Alert) { a.Last = night.Add(time.Hour) })},
		{NotReadable, "no alert", nil, func(w *world) { w.alert = alert.Parse([]byte("{"))[0] }},
		{NotAtSource, "not found at its source", nil, func(w *world) { w.facts.AtSource = nil }},
		{OtherAtSource, "of another case there", nil, source(func(a *alert.Alert) { a.Case += "x" })},
		{OtherAtSource, "of another function there", nil, source(func(a *alert.Alert) { a.Target.ARN = strings.Replace(a.Target.ARN, "payments", "payments2", 1) })},
		{OtherAtSource, "of no function there", nil, source(func(a *alert.Alert) { a.Target = nil })},
		{OtherAtSource, "of another type there", nil, source(func(a *alert.Alert) { a.Type = "Trojan:Lambda/DropPoint" })},
		{OtherAtSource, "of another session there", byRole, source(func(a *alert.Alert) { a.Session = "deploy" })},
		{OtherAtSource, "of no role there", byRole, source(func(a *alert.Alert) { a.Role = "" })},
		{OtherAtSource, "of a function there, and another was looked up", byRole, source(func(a *alert.Alert) {
			a.Target = &alert.Target{ARN: "arn:aws:lambda:eu-west-1:111122223333:function:orders"}
		})},
		{OtherAtSource, "not readable there", nil, source(func(a *alert.Alert) { a.Kind = alert.Unknown })},
		{ArchivedThere, "archived there", nil, source(func(a *alert.Alert) { a.Archived = true })},
		{ArchivedThere, "archived in the message", nil, func(w *world) { w.alert.Archived = true }},
		{SuppressedHere, "suppressed there", nil, source(func(a *alert.Alert) { a.Suppressed = true })},
		{ResolvedThere, "resolved there", nil, source(func(a *alert.Alert) { a.Resolved = true })},
		{NoTarget, "no function", byRole, func(w *world) { w.alert.Target = nil }},
		{OtherPartition, "run elsewhere", nil, func(w *world) { w.facts.Partition = "aws-cn" }},
		{OtherPartition, "its function is elsewhere", nil, func(w *world) { w.alert.Target.Partition = "aws-cn" }},
		{OtherPartition, "nobody knows where this runs", nil, func(w *world) { w.facts.Partition = "" }},
		{NoAccount, "another account", nil, func(w *world) { w.swap(`"111122223333"`, `"111122223334"`) }},
		{NoAccount, "an alarm that another account keeps", monitored, func(w *world) { w.swap(`"111122223333", `, "") }},
		{NoAccount, "a function that another account's alarm watches", monitored, func(w *world) { w.swap(`, "444455556666"`, "") }},
		{NoRegion, "another region", nil, func(w *world) { w.swap("[eu-west-1]", "[eu-west-2]") }},
		{IsSample, "a sample there", nil, source(func(a *alert.Alert) { a.Sample = true })},
		{IsSample, "a sample in the message", nil, func(w *world) { w.alert.Sample = true }},
		{SeveralActors, "two actors", oneActor, source(func(a *alert.Alert) { a.ActorsTotal = 2 })},
		{SeveralActors, "a sequence that does not say how many", oneActor, func(w *world) { w.alert.ActorsTotal = 0 }},
		{NoKind, "another kind", nil, func(w *world) { w.swap("kinds: [guardduty] ", "kinds: [detection] ") }},
		{NoType, "another type", nil, func(w *world) { w.swap(`"Backdoor:Lambda/*"`, `"Backdoor:EC2/*"`) }},
		{BelowSeverity, "less severe", nil, func(w *world) { w.swap("severity: high", "severity: critical") }},
		{BelowSeverity, "less severe there", nil, source(func(a *alert.Alert) { a.Severity = alert.Severity{Label: "medium"} })},
		{BelowSeverity, "of no severity", nil, func(w *world) { w.alert.Severity = alert.Severity{} }},
		{NoBasis, "named by its role", byRole, func(w *world) { w.swap("named_by: [arn, role]", "named_by: [arn]") }},
		{NoFunction, "another name", nil, func(w *world) { w.swap(`"payments*"`, `"billing*"`) }},
		{NoTag, "without the tag", nil, func(w *world) { delete(w.facts.Function.Tags, "env") }},
		{NoTag, "another value of the tag", nil, func(w *world) { w.facts.Function.Tags["env"] = "test" }},
		{ExceptedTag, "an excluded tag", nil, func(w *world) { w.facts.Function.Tags["hands-off"] = "" }},
		{TagsUnknown, "tags that nobody read", nil, func(w *world) { w.facts.Function.TagsKnown = false }},
		{OutsideHours, "ten minutes before", nil, func(w *world) { w.at("2026-11-27T18:50:00Z") }},
		{OutsideHours, "on a day that is not listed", nil, func(w *world) { w.swap("thu, fri]", "thu]") }},
		{OutsideHours, "the end itself", nil, func(w *world) { w.at("2026-11-28T06:00:00Z") }},
		{FunctionGone, "deleted", nil, func(w *world) { w.facts.Function = nil }},
		{FunctionGone, "another one was looked up", nil, func(w *world) { w.facts.Function.ARN += "2" }},
		{RoleShared, "one function too many", nil, func(w *world) { w.facts.Function.RoleUsers = 4 }},
		{RoleShared, "nobody counted", nil, func(w *world) { w.facts.Function.RoleUsers = 0 }},
		{FunctionLimit, "twice on this function", func(w *world) { w.acted(w.alert.Target.ARN, time.Hour) }, func(w *world) { w.acted(w.alert.Target.ARN, 23*time.Hour) }},
		{FunctionLimit, "once at a time that is to come", func(w *world) { w.acted(w.alert.Target.ARN, time.Hour) }, func(w *world) { w.acted(w.alert.Target.ARN, -time.Hour) }},
		{DayLimit, "five times", func(w *world) {
			for i := range 4 {
				w.acted(fmt.Sprint("other", i), time.Hour)
			}
		}, func(w *world) { w.acted("other", time.Hour) }},
		{Unapproved, "one of two", two, func(w *world) { w.facts.Approvals = w.facts.Approvals[:1] }},
		{Unapproved, "none", two, func(w *world) { w.facts.Approvals = nil }},
		{SameApprover, "twice by the same", two, func(w *world) { w.facts.Approvals[1] = w.facts.Approvals[0] }},
		{SameApprover, "twice by the same, a minute apart", two, func(w *world) { w.facts.Approvals[1] = w.said(w.olive, w.now.Add(-time.Minute)) }},
		{BadApproval, "by the one who signed the mandate", two, func(w *world) { w.facts.Approvals[1] = w.said(w.boss, w.now) }},
		{BadApproval, "too old", two, func(w *world) { w.facts.Approvals[1] = w.said(w.pat, w.now.Add(-61*time.Minute)) }},
		{BadApproval, "dated again", two, func(w *world) { w.facts.Approvals[1].At = w.now.Add(-time.Minute) }},
		{BadApproval, "of another case", two, func(w *world) { w.facts.Approvals[1] = w.saidOf(w.pat, func(r *Request) { r.Case = "alert-0" }) }},
		{BadApproval, "of other acts", two, func(w *world) { w.facts.Approvals[1] = w.saidOf(w.pat, func(r *Request) { r.Acts = r.Acts[1:] }) }},
		{BadApproval, "of another mandate", two, func(w *world) { w.facts.Approvals[1] = w.saidOf(w.pat, func(r *Request) { r.Mandate = "0" }) }},
	}
}

// byRole is an alert that names the role's credentials, and was looked up.
func byRole(w *world) {
	w.become("guardduty-accesskey")
	target := first(w.t, "guardduty-lambda").Target
	w.alert.Target, w.alert.Basis, w.alert.Unresolved = target, alert.ByRole, nil
	w.facts.Function = &FunctionFact{ARN: target.ARN, Tags: map[string]string{"env": "prod"}, TagsKnown: true, RoleUsers: 1}
	w.swap("named_by: [arn]", "named_by: [arn, role]")
	w.swap(`"Backdoor:Lambda/*"`, `"UnauthorizedAccess:IAMUser/*"`)
}

// monitored is an alarm of a monitoring account.
func monitored(w *world) {
	w.become("alarm-monitoring-account")
	w.swap("kinds: [guardduty] ", "kinds: [alarm] ")
	w.swap(`"Backdoor:Lambda/*"`, `"payments-*"`)
	w.swap("severity: high ", "# ")
	w.swap("named_by: [arn]", "named_by: [name]")
	w.swap(`["111122223333"]`, `["111122223333", "444455556666"]`)
}

func oneActor(w *world) {
	byRole(w)
	one, there := first(w.t, "guardduty-sequence-one-actor"), first(w.t, "guardduty-sequence-one-actor")
	one.Target, one.Basis, one.Unresolved = w.alert.Target, alert.ByRole, nil
	w.alert, w.facts.AtSource = one, &there
	w.swap("kinds: [guardduty]", "kinds: [guardduty, attack-sequence]")
	w.swap(`"UnauthorizedAccess:IAMUser/*"`, `"AttackSequence:IAM/*"`)
}

func first(t testing.TB, sample string) alert.Alert {
	t.Helper()
	data, err := os.ReadFile("../alert/testdata/" + sample + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return alert.Parse(data)[0]
}

func (w *world) at(moment string) {
	t, err := time.Parse(time.RFC3339, moment)
	if err != nil {
		w.t.Fatal(err)
	}
	w.now, w.facts.AWSTime = t, t
}

func (w *world) acted(function string, ago time.Duration) {
	w.facts.Acted = append(w.facts.Acted, Acted{Rule: "stop-what-calls-out", Function: function, At: w.now.Add(-ago)})
}

func (w *world) said(k *evidence.LocalKey, at time.Time) Approval {
	return w.saidAt(k, at, func(*Request) {})
}

func (w *world) saidOf(k *evidence.LocalKey, change func(*Request)) Approval {
	return w.saidAt(k, w.now, change)
}

// saidAt is an approval of what the mandate asks for, as it stands now.
func (w *world) saidAt(k *evidence.LocalKey, at time.Time, change func(*Request)) Approval {
	w.t.Helper()
	m, err := Read("m.yaml", []byte(w.text), acts())
	if err != nil {
		w.t.Fatal(err)
	}
	r := Request{Case: w.alert.Case, Mandate: m.SHA256, Rule: m.Rules[0].Name.Value, Function: w.alert.Target.ARN}
	for _, a := range m.taken(&m.Rules[0]) {
		r.Acts = append(r.Acts, a.Name)
	}
	change(&r)
	a, err := r.Approve(w.t.Context(), k, at)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) approve(k *evidence.LocalKey) {
	w.facts.Approvals = append(w.facts.Approvals, w.said(k, w.now))
}

// withApprovers is the example with approvers whose keys are here.
func withApprovers(t testing.TB, keys []*evidence.LocalKey) string {
	t.Helper()
	before, rest, _ := strings.Cut(example(t), "approvers:\n")
	_, after, ok := strings.Cut(rest, "rules:\n")
	if !ok {
		t.Fatal("the example has no approvers")
	}
	list := "approvers:\n"
	for i, name := range []string{"olive", "pat"} {
		list += "  - name: " + name + "\n    key: |\n      " + strings.ReplaceAll(strings.TrimSpace(public(t, keys[i+1])), "\n", "\n      ") + "\n"
	}
	return before + list + "rules:\n" + after
}

// TestRefusals: each situation is refused for its reason, and its twin, which differs in that one
// thing alone, acts.
func TestRefusals(t *testing.T) {
	keys := []*evidence.LocalKey{newKey(t), newKey(t), newKey(t)}
	text := withApprovers(t, keys)
	tried := map[*Reason]int{}
	for _, c := range cells() {
		twin, w := newWorld(t, text, keys), newWorld(t, text, keys)
		if c.with != nil {
			c.with(twin)
			c.with(w)
		}
		c.do(w)
		acts, d := twin.decide(), w.decide()
		if acts.Outcome != DoAct || len(acts.Reasons) > 0 || len(acts.Acts) < 5 || acts.Request != nil {
			t.Errorf("%s: %s: the twin does not act: %+v", c.why.ID, c.name, acts)
		}
		if d.Outcome != c.why.Outcome || len(d.Reasons) != 1 || d.Reasons[0].ID != c.why.ID || d.Outcome == DoAct || !strings.HasPrefix(d.Reasons[0].Sentence, c.why.Sentence) {
			t.Errorf("%s: %s: %+v", c.why.ID, c.name, d)
			continue
		}
		if !d.Expires.IsZero() {
			t.Errorf("%s: %s: it expires, and nothing is done", c.why.ID, c.name)
		}
		tried[c.why]++
		t.Logf("%-22s %-45s %-12s %s", c.why.ID, c.name, d.Outcome, d.Reasons[0].Sentence)
	}
	for _, r := range All() {
		if tried[r] == 0 {
			t.Errorf("%s: nothing is refused for it", r.ID)
		}
	}
	t.Logf("%d cells, %d reasons, each with a twin that acts; 0 skipped", len(cells()), len(tried))
	if len(tried) < 15 {
		t.Error("too few")
	}
}

// TestDecision: what is done, what is lifted, and what stays.
func TestDecision(t *testing.T) {
	keys := []*evidence.LocalKey{newKey(t), newKey(t), newKey(t)}
	w := newWorld(t, withApprovers(t, keys), keys)
	d := w.decide()
	if d.Rule != "stop-what-calls-out" || d.Playbook != "lambda-compromise" || !d.Expires.Equal(night.Add(4*time.Hour)) {
		t.Errorf("%+v", d)
	}
	kinds := map[string]string{}
	for _, a := range acts() {
		kinds[a.Name] = a.Kind
		of := slices.Index(Levels(), a.Level)
		if in := of >= 0 && of <= 1 || a.Name == "retention-longer"; in != slices.Contains(d.Acts, a.Name) {
			t.Errorf("%s, of level %q: in it %v", a.Name, a.Level, !in)
		}
	}
	for _, name := range d.Acts {
		if (kinds[name] == "isolate") != slices.Contains(d.Releases, name) || slices.Contains(d.Releases, name) == slices.Contains(d.Stays, name) {
			t.Errorf("%s is of kind %s: released %v", name, kinds[name], d.Releases)
		}
	}
	for _, name := range []string{"grants-remove", "destinations-clear"} { // removed as hostile
		if !slices.Contains(d.Stays, name) {
			t.Errorf("%s would come back by itself", name)
		}
	}
	// The same finding by three ways is decided alike.
	for _, sample := range []string{"guardduty-lambda-asff", "guardduty-lambda-ocsf", "guardduty-lambda-api", "guardduty-lambda-sns", "guardduty-lambda-repeat"} {
		w.alert = first(t, sample) // found at its source as GuardDuty tells it
		if got := w.decide(); got.Outcome != DoAct || got.Rule != d.Rule {
			t.Errorf("%s: %+v", sample, got)
		}
	}
	// A marked line, whose source is the record.
	w.alert = first(t, "timeline-rule")
	record := first(t, "cloudtrail-code-bare")
	w.facts.AtSource = &record
	w.swap("kinds: [guardduty]", "kinds: [rule]")
	w.swap(`"Backdoor:Lambda/*"`, `"Function opened*"`)
	if got := w.decide(); got.Outcome != DoAct {
		t.Errorf("a marked line: %+v", got)
	}
	// What is said of an approval that is wanted is what has to be signed.
	w = newWorld(t, withApprovers(t, keys), keys)
	w.swap("approvals: 0", "approvals: 1")
	asked := w.decide()
	if asked.Request == nil || asked.Approvals != 1 {
		t.Fatalf("%+v", asked)
	}
	a, err := asked.Request.Approve(t.Context(), keys[2], night)
	if err != nil {
		t.Fatal(err)
	}
	w.facts.Approvals = []Approval{a}
	if got := w.decide(); got.Outcome != DoAct || !slices.Equal(got.By, []string{"pat"}) {
		t.Errorf("%+v", got)
	}
}

// TestRules: the first rule that covers decides; else the one that came nearest says why.
func TestRules(t *testing.T) {
	keys := []*evidence.LocalKey{newKey(t), newKey(t), newKey(t)}
	text := withApprovers(t, keys)
	_, rule, _ := strings.Cut(text, "rules:\n")
	w := newWorld(t, text, keys)
	second := strings.NewReplacer("stop-what-calls-out", "second", "4h", "1h", `"payments*"`, `"billing*"`).Replace(rule)
	w.swap("    approvals: 0               # 1 or 2: by that many of the approvers\n", "    approvals: 0\n"+strings.TrimSuffix(second, "\n")+"\n")
	if d := w.decide(); d.Outcome != DoAct || d.Rule != "stop-what-calls-out" {
		t.Errorf("%+v", d)
	}
	w.swap(`kinds: [guardduty] `, `kinds: [alarm] `)
	if d := w.decide(); d.Reasons[0].ID != NoFunction.ID || d.Rule != "second" {
		t.Errorf("the nearest: %+v", d)
	}
	w.swap(`"billing*"`, `"p*"`)
	if d := w.decide(); d.Outcome != DoAct || d.Rule != "second" || !d.Expires.Equal(night.Add(time.Hour)) {
		t.Errorf("%+v", d)
	}
	// Another rule's acts do not count against it, nor what is older than a day.
	w.acted(w.alert.Target.ARN, time.Hour)
	w.acted(w.alert.Target.ARN, time.Hour)
	w.facts.Acted = append(w.facts.Acted, Acted{"second", w.alert.Target.ARN, w.now.Add(-24 * time.Hour)}, Acted{"second", w.alert.Target.ARN, w.now.Add(-time.Hour)})
	if d := w.decide(); d.Outcome != DoAct {
		t.Errorf("%+v", d)
	}
	// Nothing but zeros acts.
	if d := Decide(nil, nil, Facts{}, time.Time{}); d.Outcome != CollectOnly {
		t.Errorf("%+v", d)
	}
	if d := Decide(&Held{Mandate: &Mandate{}}, &w.alert, w.facts, w.now); d.Outcome != CollectOnly {
		t.Errorf("a mandate that nobody held: %+v", d)
	}
}

// TestEveryAlertSample: no alert of any kind makes Decide fail, and only what a rule names acts.
func TestEveryAlertSample(t *testing.T) {
	keys := []*evidence.LocalKey{newKey(t), newKey(t), newKey(t)}
	text := withApprovers(t, keys)
	files, err := os.ReadDir("../alert/testdata")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), ".json")
		if !ok {
			continue
		}
		w := newWorld(t, text, keys)
		w.become(name)
		d := w.decide()
		why := "act"
		if d.Outcome != DoAct {
			why = d.Reasons[0].ID
		}
		seen[why]++
		if d.Outcome == DoAct && (w.alert.Kind != alert.GuardDuty || w.alert.Sample || w.alert.Archived || w.alert.Resolved) {
			t.Errorf("%s acts: %+v", name, d)
		}
	}
	t.Logf("%d samples: %v; 0 skipped", len(files), seen)
}

// TestHours: over midnight, over the change of the clocks, and by days.
func TestHours(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	days := []text{{Value: "fri"}, {Value: "sat"}}
	over := &hours{location: berlin, from: 20 * 60, to: 7 * 60, Days: days}
	within := &hours{location: berlin, from: 2 * 60, to: 3 * 60}
	for _, c := range []struct {
		h    *hours
		at   string // in Berlin, with its offset
		want bool
	}{
		{over, "2026-11-27T19:59:59+01:00", false}, {over, "2026-11-27T20:00:00+01:00", true},
		{over, "2026-11-28T06:59:59+01:00", true}, {over, "2026-11-28T07:00:00+01:00", false},
		{over, "2026-11-29T06:00:00+01:00", true},                                                // Saturday's night
		{over, "2026-11-27T06:00:00+01:00", false},                                               // Thursday's
		{over, "2026-11-29T20:00:00+01:00", false},                                               // Sunday
		{within, "2026-10-25T02:30:00+02:00", true}, {within, "2026-10-25T02:30:00+01:00", true}, // the hour that is there twice
		{within, "2026-03-29T01:59:59+01:00", false}, {within, "2026-03-29T03:00:00+02:00", false}, // the hour that is not
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.h.hold(at.UTC()); got != c.want {
			t.Errorf("%s: %v", c.at, got)
		}
	}
}

// TestReasonsTable writes the table of docs/respond.md, or compares it.
func TestReasonsTable(t *testing.T) {
	ids := map[string]bool{}
	var b strings.Builder
	for _, r := range All() {
		if ids[r.ID] {
			t.Errorf("%s is there twice", r.ID)
		}
		ids[r.ID] = true
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r.ID, r.Outcome, r.Sentence)
	}
	const path, head = "../../docs/respond.md", "| id | at most | why |\n|---|---|---|\n"
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, table, ok := bytes.Cut(doc, []byte(head))
	if !ok {
		t.Fatal("docs/respond.md has no table")
	}
	after := table
	for bytes.HasPrefix(after, []byte("|")) {
		_, after, _ = bytes.Cut(after, []byte("\n"))
	}
	want := string(before) + head + b.String() + string(after)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(doc) {
		t.Error("docs/respond.md is not what the reasons say: go test ./internal/mandate -run TestReasonsTable -update")
	}
}
