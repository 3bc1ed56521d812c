package contain

import (
	"encoding/json"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/google/go-cmp/cmp"

	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// implant is the finding of a mapping of the stage's, and its ARN.
func (s *stage) implant(t *testing.T) (finding.Finding, string) {
	t.Helper()
	out, err := lambda.NewFromConfig(s.admin).ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{})
	must(t, err)
	uuid := aws.ToString(out.EventSourceMappings[0].UUID)
	return finding.Finding{Kind: "event-source-mapping", Change: "created", Name: "mapping/" + uuid, Account: simAccount, Region: simRegion, State: finding.Standing, Event: "e1"},
		"arn:aws:lambda:" + simRegion + ":" + simAccount + ":event-source-mapping:" + uuid
}

func (s *stage) enabled(t *testing.T, arn string) bool {
	t.Helper()
	out, err := lambda.NewFromConfig(s.admin).GetEventSourceMapping(t.Context(), &lambda.GetEventSourceMappingInput{UUID: aws.String(arn[len(arn)-36:])})
	must(t, err)
	return aws.ToString(out.State) == "Enabled"
}

func (s *stage) applied(t *testing.T, in PlanInput) (*Plan, *Run) {
	t.Helper()
	in.Session, in.Case, in.AcceptSharedRole = s.bench.s, s.bench.c, true
	p, err := NewPlan(t.Context(), in)
	must(t, err)
	s.bench.preserve(t, p)
	run, err := Apply(t.Context(), ApplyInput{Session: s.bench.s, Case: s.bench.c, Plan: p})
	must(t, err)
	if run.Status() != StatusDone {
		t.Fatalf("%+v", run.Acts)
	}
	return p, run
}

// TestEvictedHasOneOwner: in one plan a trigger that a finding calls hostile is the evicting
// act's alone, the road by it is shown as closed by that, and the others are isolated.
func TestEvictedHasOneOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		f, arn := s.implant(t)
		p, _ := s.applied(t, PlanInput{Functions: []string{"payments"}, Acts: []string{actMappings}, Findings: []finding.Finding{f}})
		owners := map[string][]string{}
		for _, m := range p.Moves {
			for _, e := range m.Edits {
				owners[m.Resource] = append(owners[m.Resource], e.Act)
			}
		}
		if len(owners) < 2 || !slices.Equal(owners[arn], []string{actMappingsEvict}) {
			t.Errorf("owners %v", owners)
		}
		for _, c := range p.Callers {
			if want := owners[mappingARN(Place{p.Targets[0], c.Key})]; c.Kind == "mapping" && c.Closed != want[0] {
				t.Errorf("the road by %s is closed by %q, want %v", c.Name, c.Closed, want)
			}
		}
		_, err := Release(t.Context(), LiftInput{Session: s.bench.s, Case: s.bench.c})
		must(t, err)
		for resource, acts := range owners {
			if on := s.enabled(t, resource); on != (acts[0] == actMappings) {
				t.Errorf("released, and %s of %v is enabled: %v", resource, acts, on)
			}
		}
	})
}

// TestEvictedAfterIsolation: whoever isolates first and evicts later has nothing to write,
// and release must leave the mapping off all the same. It comes back when both are lifted,
// in either order, and the account is as before.
func TestEvictedAfterIsolation(t *testing.T) {
	for _, first := range []string{"release", "undo"} {
		t.Run(first+" first", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				before := s.cloud.Objects()
				f, arn := s.implant(t)
				s.applied(t, PlanInput{Functions: []string{"payments"}, Acts: []string{actMappings}})
				_, run := s.applied(t, PlanInput{Findings: []finding.Finding{f}})
				if len(run.Outcomes) != 1 || run.Outcomes[0].Writes != 0 || run.Outcomes[0].Intent == "" || run.Outcomes[0].Note == "" {
					t.Errorf("evicted: %+v", run.Outcomes)
				}
				if _, run = s.applied(t, PlanInput{Findings: []finding.Finding{f}}); run.Outcomes[0].Intent != "" {
					t.Error("evicted twice, and recorded twice")
				}
				s.standings(t, arn, map[string]State{actMappings: InForce, actMappingsEvict: InForce})
				lifts := []func() (*Run, error){
					func() (*Run, error) { return Release(t.Context(), LiftInput{Session: s.bench.s, Case: s.bench.c}) },
					func() (*Run, error) {
						return Undo(t.Context(), LiftInput{Session: s.bench.s, Case: s.bench.c, Acts: []string{actMappingsEvict}, Reason: "test"})
					},
				}
				if first == "undo" {
					slices.Reverse(lifts)
				}
				for i, lift := range lifts {
					run, err := lift()
					must(t, err)
					if on := s.enabled(t, arn); run.Status() != StatusDone || on != (i == 1) {
						t.Errorf("lift %d: %s %+v, enabled: %v", i, run.Status(), run.Acts, on)
					}
				}
				s.standings(t, arn, map[string]State{actMappings: Released, actMappingsEvict: Undone})
				if diff := cmp.Diff(texts(before), texts(s.cloud.Objects())); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// standings are those of one resource.
func (s *stage) standings(t *testing.T, resource string, want map[string]State) {
	t.Helper()
	all, err := Standings(t.Context(), StatusInput{Session: s.bench.s, Case: s.bench.c})
	must(t, err)
	got := map[string]State{}
	for _, x := range all {
		if x.Resource == resource {
			got[x.Act] = x.State
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestJoinedKeepsWhatIsKnown: an act that joins what another holds says nothing of the
// document's state: what somebody else changed beside it is still somebody else's.
func TestJoinedKeepsWhatIsKnown(t *testing.T) {
	doc, err := documentNamed(docURL)
	must(t, err)
	place := Place{Target{Account: simAccount, Function: "payments", ARN: "arn:x"}, ""}
	intent := func(id, from, to string, joins bool) Intent {
		return Intent{ID: id, Action: "apply", Doc: docURL, Resource: doc.resource(place), Place: place, From: json.RawMessage(from), To: json.RawMessage(to), Joins: joins,
			Edits: []PlannedEdit{{Act: actURL, On: "arn:" + id}}}
	}
	h := &history{files: map[string]*file{}}
	must(t, h.intent("b", time.Time{}, intent("1", `{"auth_type":"NONE"}`, `{"auth_type":"AWS_IAM"}`, false)))
	must(t, h.intent("b", time.Time{}, intent("2", `{"auth_type":"AWS_IAM","invoke_mode":"BUFFERED"}`, `{"auth_type":"AWS_IAM","invoke_mode":"BUFFERED"}`, true)))
	f := h.sorted()[0]
	f.outcome("b", time.Time{}, Outcome{Intent: "2", Action: "apply", Status: StatusAlready})
	if len(f.held) != 2 || f.held[1].state != InForce || string(f.base) != `{"auth_type":"NONE"}` || string(f.last) != `{"auth_type":"AWS_IAM"}` {
		t.Errorf("held %+v, base %s, last %s", f.held, f.base, f.last)
	}
}

// TestFixtureFindings: a fixture's finding is one that a file of findings may hold, as the
// kills of the built binary hand it over.
func TestFixtureFindings(t *testing.T) {
	n := 0
	for _, a := range All() {
		if f := a.Fixture.Finding; f != nil {
			n++
			if err := finding.Write(io.Discard, finding.File{Of: "fixture", Findings: []finding.Finding{*f}}); err != nil {
				t.Errorf("%s: %v", a.Name, err)
			}
		}
	}
	if n == 0 {
		t.Error("no act has such a fixture")
	}
}
