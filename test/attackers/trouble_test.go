package attackers

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// apply plans and applies, and gives the plan.
func (w *world) apply(in contain.PlanInput) *contain.Plan {
	w.t.Helper()
	in.Session, in.Case = w.responder, w.kase
	p, err := contain.NewPlan(w.t.Context(), in)
	must(w.t, err)
	run, err := contain.Apply(w.t.Context(), contain.ApplyInput{Session: w.responder, Case: w.kase, Plan: p, Override: "evidence is not what is judged here"})
	must(w.t, err)
	if !run.Status().OK() {
		w.t.Fatalf("applied: %s: %+v", run.Status(), run.Acts)
	}
	return p
}

func (w *world) unfreeze() error {
	_, err := w.lambda(w.ci).DeleteFunctionConcurrency(w.t.Context(), &lambda.DeleteFunctionConcurrencyInput{FunctionName: aws.String(function)})
	return err
}

// keepsDeleting is an attacker who takes concurrency 0 back a second after it is there, for
// as long as he may; it gives how often he did.
func (w *world) keepsDeleting(stop <-chan struct{}, done chan<- int) {
	n := 0
	for {
		select {
		case <-stop:
			done <- n
			return
		case <-time.After(time.Second):
		}
		out, err := w.lambda(w.owner).GetFunctionConcurrency(w.t.Context(), &lambda.GetFunctionConcurrencyInput{FunctionName: aws.String(function)})
		if err == nil && out.ReservedConcurrentExecutions != nil && w.unfreeze() == nil {
			n++
		}
	}
}

// TestConcurrencyDeletedASecondLater: watch tells that and who; containing the actor ends it.
func TestConcurrencyDeletedASecondLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.breakIn()
		stop, done := make(chan struct{}), make(chan int)
		go w.keepsDeleting(stop, done)
		w.apply(contain.PlanInput{Functions: []string{function}, Acts: []string{"concurrency-zero"}})
		seen := w.watch()
		for _, what := range []string{contain.SightReversed, contain.SightChange} {
			if !slices.ContainsFunc(seen.Sightings, func(s contain.Sighting) bool { return s.What == what }) {
				t.Errorf("watch does not tell of %q: %+v", what, seen.Sightings)
			}
		}
		if ways := strings.Join(seen.Ways, "\n"); !strings.Contains(ways, "assumed-role/ci-deploy/build") || !strings.Contains(ways, "DeleteFunctionConcurrency") {
			t.Errorf("watch does not name the actor: %s", ways)
		} else if strings.Contains(ways, "user/responder") {
			t.Errorf("watch takes the responder's own calls for the attacker's: %s", ways)
		}
		w.apply(contain.PlanInput{Functions: []string{function}, Actors: []string{"arn:aws:sts::" + home + ":assumed-role/ci-deploy/build"}, Acts: []string{"concurrency-zero", "role-quarantine", "revoke-sessions"}, AcceptSharedRole: true})
		settle()
		w.apply(contain.PlanInput{Functions: []string{function}, Acts: []string{"concurrency-zero"}}) // what he may have taken back while IAM spread
		if err := w.unfreeze(); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
			t.Errorf("the actor is contained, and goes on: %v", err)
		}
		if err := w.tryActorAgain(); err == nil {
			t.Error("a new session of the actor's role works")
		}
		close(stop)
		times := <-done
		settle()
		after := w.watch()
		if slices.ContainsFunc(after.Sightings, func(s contain.Sighting) bool { return s.What == contain.SightReversed }) {
			t.Errorf("taken back once more: %+v", after.Sightings)
		}
		if err := w.invoke(w.app, "live"); err == nil {
			t.Error("the function runs")
		}
		if times == 0 {
			t.Error("he never took it back: this shows nothing")
		}
		t.Logf("taken back %d times; told as %q; after the actor's containment: %s", times, seen.Ways, after.Verdict)
	})
}

func (w *world) watch() *contain.Watched {
	w.t.Helper()
	out, err := contain.Watch(w.t.Context(), contain.WatchInput{Session: w.responder, Case: w.kase, For: 5 * time.Minute})
	must(w.t, err)
	return out
}

// TestChainedRoles: a session chained from the role outlives what is done to the role, the
// plan says so, and naming the chained role ends it.
func TestChainedRoles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.breakIn()
		p := w.apply(contain.PlanInput{Functions: []string{function}, Level: contain.LevelIsolate, AcceptSharedRole: true})
		settle()
		if err := w.buckets(w.stolen); err == nil {
			t.Error("the stolen session works")
		}
		if err := w.buckets(w.chained); err != nil {
			t.Errorf("nothing was done to the chained role, and its session ended: %v", err)
		}
		if !slices.ContainsFunc(p.Acts, func(a contain.PlannedAct) bool {
			return slices.ContainsFunc(a.Breaks, func(i contain.Impact) bool { return strings.Contains(i.Detail, "contain those roles too") })
		}) {
			t.Error("the plan does not say that chained sessions live on")
		}
		w.apply(contain.PlanInput{Actors: []string{readerARN}, Level: contain.LevelIsolate})
		settle()
		if err := w.buckets(w.chained); err == nil {
			t.Error("the chained session works after its role was named")
		}
	})
}

// TestWarmSessions: what a warm environment holds stays denied after release, what a new one
// gets works; under quarantine neither does.
func TestWarmSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.breakIn()
		w.apply(contain.PlanInput{Functions: []string{function}, Level: contain.LevelIsolate, AcceptSharedRole: true})
		settle()
		fresh, err := w.environment(functionARN)
		must(t, err)
		for name, cfg := range map[string]aws.Config{"a warm environment": w.stolen, "a new environment": fresh} {
			if err := w.buckets(cfg); err == nil {
				t.Errorf("in quarantine %s works", name)
			}
		}
		_, err = contain.Release(t.Context(), contain.LiftInput{Session: w.responder, Case: w.kase})
		must(t, err)
		settle()
		if err := w.buckets(w.stolen); err == nil {
			t.Error("released, and the credentials of the warm environment work again")
		}
		if err := w.buckets(fresh); err != nil {
			t.Errorf("released, and a new environment is denied: %v", err)
		}
	})
}

// TestAliasStillOnTheBadVersion: with the code put back and the alias left where it is, the
// plan says which roads still reach the bad version.
func TestAliasStillOnTheBadVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.breakIn()
		w.repoint(w.overwrite(true), 0.2)
		_, err := w.lambda(w.owner).UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String(function), ZipFile: pack(t, "good 2")})
		must(t, err)
		settle()
		if w.bad("$LATEST") || !w.bad("live") {
			t.Fatal("the code is back and the alias is not: this is what is to be judged")
		}
		p, err := contain.NewPlan(t.Context(), contain.PlanInput{Session: w.responder, Case: w.kase, Functions: []string{function}, Acts: []string{"grants-remove"}, Bad: []string{"3"}})
		must(t, err)
		all := strings.Join(p.Warnings, "\n")
		for _, road := range []string{"mapping ", "url "} {
			if !strings.Contains(all, road) || !strings.Contains(all, "still reaches version 3") {
				t.Errorf("not said that %sreaches the bad version: %s", road, all)
			}
		}
	})
}

// TestCIRoleIsTheActor: the role that deploys is contained by its session's name; a responder
// who works through that very role is refused.
func TestCIRoleIsTheActor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.breakIn()
		actor := "arn:aws:sts::" + home + ":assumed-role/ci-deploy/build"
		w.apply(contain.PlanInput{Actors: []string{actor}, Level: contain.LevelIsolate})
		settle()
		if err := w.looks(w.ci); err == nil {
			t.Error("the actor's session works")
		}
		if err := w.tryActorAgain(); err == nil {
			t.Error("the vendor's key opens the deploy role again")
		}
		w.undone()
		again, err := w.assume(w.robot, deployARN)
		must(t, err)
		settle()
		c, err := again.Credentials.Retrieve(t.Context())
		must(t, err)
		own, err := awsapi.Connect(t.Context(), awsapi.Options{Region: region, EndpointURL: endpoint, HTTPClient: w.cloud.Client(), Credentials: credentials.StaticCredentialsProvider{Value: c}})
		must(t, err)
		p, err := contain.NewPlan(t.Context(), contain.PlanInput{Session: own, Case: w.kase, Actors: []string{deployARN}, Level: contain.LevelIsolate})
		must(t, err)
		if len(p.Moves) > 0 || len(p.Unplanned) == 0 || !strings.Contains(p.Unplanned[0].Error, "the operator acts through it") {
			t.Errorf("planned against the operator's own role: %+v", p.Unplanned)
		}
	})
}
