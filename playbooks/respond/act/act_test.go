package act_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	guardtypes "github.com/aws/aws-sdk-go-v2/service/guardduty/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/mandate"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/act"
)

// cell is one way in which nothing is done. do is the one thing that is otherwise in a twin that acts;
// with is what both have beside the stage.
type cell struct {
	why  *mandate.Reason
	name string
	with func(s *stage)
	do   func(s *stage)
}

func cells() []cell {
	source := func(change func(f *guardtypes.Finding)) func(s *stage) { return func(s *stage) { change(&s.finding) } }
	return []cell{
		{mandate.NoMandate, "no mandate", nil, func(s *stage) { s.none = true }},
		{mandate.NoSignature, "not signed", nil, func(s *stage) { s.signers = nil }},
		{mandate.BadSignature, "changed after it was signed", nil, func(s *stage) { s.spoil = func(all []mandate.Signature) { all[0].DER[20] ^= 1 } }},
		{mandate.NotTrusted, "signed by somebody else", nil, func(s *stage) { s.signers = []*evidence.LocalKey{people()["mallory"]} }},
		{mandate.NotTrusted, "nobody is trusted", nil, func(s *stage) { s.trusted = []*ecdsa.PublicKey{} }},
		{mandate.NotYetValid, "not yet valid", nil, func(s *stage) { s.from(time.Hour) }},
		{mandate.Expired, "expired", nil, func(s *stage) { s.until(-time.Minute) }},
		{mandate.Halted, "halted", nil, (*stage).halt},
		{mandate.ClockSkew, "a clock that is six minutes ahead", nil, func(s *stage) { s.o.Now = func() time.Time { return time.Now().Add(6 * time.Minute) } }},
		{mandate.ClockSkew, "AWS's time is not known", nil, func(s *stage) {
			s.deny("Lambda:ListTags", awssim.Fail{Drop: true})
			s.deny("GuardDuty:ListDetectors", awssim.Fail{Drop: true})
		}},
		{mandate.NotReadable, "no alert", nil, func(s *stage) { s.message = s.message[:len(s.message)/2] }},
		{mandate.NotAtSource, "not at its source", nil, source(func(f *guardtypes.Finding) { f.Id = aws.String("another") })},
		{mandate.NotAtSource, "its source cannot be asked", nil, func(s *stage) { s.deny("GuardDuty:GetFindings", awssim.Fail{Denied: true}) }},
		{mandate.OtherAtSource, "of another function there", nil, source(func(f *guardtypes.Finding) {
			f.Resource.LambdaDetails.FunctionArn, f.Resource.LambdaDetails.FunctionName = aws.String(payments+"-api"), aws.String("payments-api")
		})},
		{mandate.OtherAtSource, "of another type there", nil, source(func(f *guardtypes.Finding) { f.Type = aws.String("Backdoor:Lambda/Other") })},
		{mandate.ArchivedThere, "archived", nil, source(func(f *guardtypes.Finding) { f.Service.Archived = aws.Bool(true) })},
		{mandate.SuppressedHere, "suppressed in Security Hub", byHub, func(s *stage) { s.workflow("SUPPRESSED") }},
		{mandate.ResolvedThere, "resolved in Security Hub", byHub, func(s *stage) { s.workflow("RESOLVED") }},
		{mandate.IsSample, "a sample", nil, source(func(f *guardtypes.Finding) {
			f.Service.AdditionalInfo = &guardtypes.ServiceAdditionalInfo{Value: aws.String(`{"sample":true}`)}
		})},
		{mandate.SeveralActors, "several actors", nil, func(s *stage) { s.change = func(a *alert.Alert) { a.ActorsTotal = 2 } }},
		{mandate.NoTarget, "no function", nil, func(s *stage) { s.change = func(a *alert.Alert) { a.Target, a.Basis = nil, alert.ByRole } }},
		{mandate.OtherPartition, "another partition", nil, func(s *stage) { s.change = func(a *alert.Alert) { a.Partition = "aws-cn" } }},
		{mandate.NoAccount, "another account", nil, func(s *stage) { s.swap(`"123456789012"`, `"123456789013"`) }},
		{mandate.NoRegion, "another region", nil, func(s *stage) { s.swap("[eu-west-1]", "[eu-west-2]") }},
		{mandate.NoKind, "another kind", nil, func(s *stage) { s.swap("[guardduty]", "[detection]") }},
		{mandate.NoType, "another type", nil, func(s *stage) { s.swap("Backdoor:Lambda/*", "Trojan:Lambda/*") }},
		{mandate.BelowSeverity, "less severe", nil, func(s *stage) { s.swap("severity: high", "severity: critical") }},
		{mandate.BelowSeverity, "less severe at its source", nil, source(func(f *guardtypes.Finding) { f.Severity = aws.Float64(4) })},
		{mandate.NoBasis, "named otherwise", nil, func(s *stage) { s.change = func(a *alert.Alert) { a.Basis = alert.ByName } }},
		{mandate.NoFunction, "another function", nil, func(s *stage) { s.swap(`"payments*"`, `"invoices*"`) }},
		{mandate.NoTag, "without the tag", nil, func(s *stage) { s.tag(map[string]string{"env": "test"}) }},
		{mandate.ExceptedTag, "an excluded tag", nil, func(s *stage) { s.tag(map[string]string{"hands-off": ""}) }},
		{mandate.TagsUnknown, "tags that cannot be read", nil, func(s *stage) { s.deny("Lambda:ListTags", awssim.Fail{Denied: true}) }},
		{mandate.OutsideHours, "outside of the hours", (*stage).nights, func(s *stage) { s.swap(`from: "23:00"`, `from: "02:00"`) }},
		{mandate.FunctionGone, "deleted", nil, func(s *stage) {
			s.must(s.lambda().DeleteFunction(s.t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("payments")}))
		}},
		{mandate.RoleShared, "a role that others have", nil, func(s *stage) { s.swap("shared_role: 2", "shared_role: 1") }},
		{mandate.RoleShared, "regions that nobody named", nil, func(s *stage) { s.o.Regions = nil }},
		{mandate.RoleShared, "a region that cannot be listed", func(s *stage) { s.o.Regions = append(s.o.Regions, "eu-central-1") }, func(s *stage) {
			s.w.Cloud.Inject(awssim.Fault{Op: "Lambda:ListFunctions", Nth: 2, Fail: awssim.Fail{Code: "AccessDeniedException", Status: 403}})
		}},
		{mandate.FunctionLimit, "the function's limit", nil, func(s *stage) { s.acted(payments, time.Hour) }},
		{mandate.DayLimit, "the day's limit", func(s *stage) { s.acted("a", time.Hour); s.acted("b", time.Hour) }, func(s *stage) { s.acted("c", time.Hour) }},
		{mandate.Unapproved, "one approval of two", func(s *stage) { s.approvals(2); s.approve("olive") }, (*stage).nobody},
		{mandate.SameApprover, "two approvals by one", func(s *stage) { s.approvals(2); s.approve("olive") }, func(s *stage) { s.approve("olive"); s.nobody() }},
		{mandate.BadApproval, "an approval by somebody else", func(s *stage) { s.approvals(2); s.approve("olive") }, func(s *stage) { s.approve("mallory"); s.nobody() }},
		{mandate.BadApproval, "an approval that is too old", func(s *stage) { s.approvals(1); s.nobody(); s.approve("olive") }, func(s *stage) { s.late = true }},
	}
}

// TestRefusals: whatever speaks against it, nothing of the account is changed, and the case says why;
// but for that one thing, it is done.
func TestRefusals(t *testing.T) {
	all, skipped := cells(), 0
	reasons := map[string]bool{}
	for i, c := range all {
		if testing.Short() && i%6 != 0 {
			skipped++
			continue
		}
		reasons[c.why.ID] = true
		t.Run(c.name, func(t *testing.T) {
			for _, refuses := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) { c.play(t, refuses) })
			}
		})
	}
	t.Logf("%d cells of %d reasons, each with a twin that acts; %d skipped", len(all)-skipped, len(reasons), skipped)
	for _, r := range mandate.All() {
		if !reasons[r.ID] && skipped == 0 {
			t.Errorf("no cell for %s", r.ID)
		}
	}
}

func (c *cell) play(t *testing.T, refuses bool) {
	s := newStage(t)
	if c.with != nil {
		c.with(s)
	}
	if refuses {
		c.do(s)
	}
	s.stageFinding()
	if s.waits {
		s.wait()
	}
	before, calls := s.w.Cloud.Digest(), len(s.w.Cloud.Calls())
	notes := s.names("acted/")
	out, err := s.acting(t.Context(), s.change)
	if err != nil {
		t.Fatal(err)
	}
	d := out.Decision
	s.w.Cloud.ClearFaults()
	if !refuses {
		if d.Outcome != mandate.DoAct || !s.stopped() || len(s.changes(calls)) == 0 || !s.tells("containment", act.Contained) {
			t.Errorf("the twin does not act: %+v %v", d, s.changes(calls))
		}
		if len(s.names("acted/")) != len(notes)+1 || len(s.names("due/")) == 0 {
			t.Errorf("noted: %v %v", s.names("acted/"), s.names("due/"))
		}
		s.intact()
		return
	}
	if len(d.Reasons) != 1 || d.Reasons[0].ID != c.why.ID || d.Outcome != c.why.Outcome {
		t.Errorf("%s %+v, wanted %s", d.Outcome, d.Reasons, c.why.ID)
	}
	if made := s.changes(calls); len(made) > 0 || s.w.Cloud.Digest() != before {
		t.Errorf("the account was changed: %v", made)
	}
	if !s.tells("reason", c.why.ID) {
		t.Errorf("the case does not say %s", c.why.ID)
	}
	if now := s.names("acted/"); !slices.Equal(now, notes) || len(s.names("due/")) > 0 {
		t.Errorf("noted: %v %v", now, s.names("due/"))
	}
	s.intact()
}

// tells says whether a decision in the ledger has a value.
func (s *stage) tells(key, value string) bool {
	return slices.ContainsFunc(s.decided(), func(e evidence.Event) bool { return e.Data[key] == value })
}

func (s *stage) names(prefix string) []string {
	s.t.Helper()
	all, err := s.board.Names(context.Background(), prefix)
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

func (s *stage) from(after time.Duration) {
	s.swap("from: "+time.Now().Add(-time.Hour).UTC().Format(time.RFC3339), "from: "+time.Now().Add(after).UTC().Format(time.RFC3339))
}

func (s *stage) until(after time.Duration) {
	s.swap("until: "+time.Now().Add(30*24*time.Hour).UTC().Format(time.RFC3339), "until: "+time.Now().Add(after).UTC().Format(time.RFC3339))
}

func (s *stage) halt() {
	s.must(nil, s.board.SetHalt(s.t.Context(), board.Halt{Halted: true, By: "olive", Why: "a false alarm"}))
}

// deny lets every try of a call fail.
func (s *stage) deny(call string, how awssim.Fail) {
	s.w.Cloud.Inject(awssim.Fault{Op: call, Fail: how})
}

// byHub lets the finding come by Security Hub.
func byHub(s *stage) { s.message = s.sample("guardduty-lambda-asff") }

func (s *stage) workflow(state string) {
	s.message = bytes.ReplaceAll(s.message, []byte(`"Status": "NEW"`), []byte(`"Status": "`+state+`"`))
}

// nights are hours around midnight, which it is.
func (s *stage) nights() {
	s.swap("    acts:", "    hours: {zone: UTC, from: \"23:00\", to: \"03:00\"}\n    acts:")
}

func (s *stage) acted(function string, ago time.Duration) {
	at := time.Now().Add(-ago).UTC()
	record := map[string]any{"rule": "stop-what-calls-out", "function": function, "case": "c", "at": at}
	s.must(nil, s.board.Put(s.t.Context(), fmt.Sprintf("acted/stop-what-calls-out/%s-%d", at.Format("20060102T150405Z"), len(s.names("acted/"))), record))
}

func (s *stage) approvals(n int) {
	s.swap("approvals: 0", fmt.Sprintf("approvals: %d", n))
	s.waits = true
}

// approve lets somebody approve what waits, once it does.
func (s *stage) approve(who string) { s.approving = append(s.approving, who) }

// nobody leaves it with those who have approved; otherwise pat does.
func (s *stage) nobody() { s.alone = true }

// wait lets the alert come, and people approve.
func (s *stage) wait() {
	s.t.Helper()
	calls := len(s.w.Cloud.Calls())
	out, err := s.acting(s.t.Context(), nil)
	if err != nil || out.Decision.Request == nil || len(s.changes(calls)) > 0 {
		s.t.Fatalf("it does not wait: %+v %v", out, err)
	}
	if !s.alone {
		s.approve("pat")
	}
	for _, who := range s.approving {
		if _, err := act.New(s.o).Approve(s.t.Context(), alert.Parse(s.message)[0].Case, people()[who], who); err != nil {
			s.t.Fatal(err)
		}
	}
	if s.late {
		time.Sleep(61 * time.Minute)
	}
}
