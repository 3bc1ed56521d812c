package collect

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

const durableARN = "arn:aws:lambda:" + bench.Region + ":" + bench.AccountID + ":function:" + bench.DurableFunction

func durableOnly() Options {
	return Options{Unpaced: true, Only: []string{"lambda.configuration", "lambda.durable"}}
}

// TestDurable: what runs and what has ended is there with its steps; of what was handed over
// nothing is in clear.
func TestDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		m, sum := collectFunction(t, sessionAs(t, a, "again", allowAll), bench.DurableFunction, durableOnly())
		got := countOf(m)
		if !sum.Complete || got["lambda.durable collected"] != 2 || got["lambda.durable.execution collected"] != 3 || got["lambda.durable.history collected"] != 3 {
			t.Errorf("%v", got)
		}
		sealed := 0
		for _, e := range m.entries {
			body := string(m.bytes[key(e)])
			if strings.Contains(body, bench.Secret) {
				t.Errorf("%s holds a secret in clear", key(e))
			}
			if strings.Contains(body, "[sealed:") {
				sealed++
			}
			if strings.Contains(e.Source.ARN, "others") {
				t.Errorf("of another function: %s", e.Source.ARN)
			}
			if e.Artefact == "lambda.durable.history" && strings.Contains(e.Source.ARN, "old-and-running") {
				var doc struct{ Events []struct{ EventId int } }
				if err := json.Unmarshal(m.bytes[key(e)], &doc); err != nil || len(doc.Events) != 121 || doc.Events[120].EventId != 121 {
					t.Errorf("%d events, %v", len(doc.Events), err)
				}
			}
		}
		if sealed != 6 {
			t.Errorf("%d sealed documents", sealed)
		}
		wantStates(t, collectBare(t, a, "lambda.durable"), evidence.Absent, "lambda.durable bare")
	})
}

// TestDurableIsCapped: what runs is read before what has ended, and what is left out is named.
func TestDurableIsCapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		for i := range maxDurableRead {
			at := a.Cloud.Now().UTC().Truncate(time.Second).Add(-time.Duration(i) * time.Minute)
			if _, err := a.Cloud.StageDurableExecution(durableARN+":1", lambda.GetDurableExecutionOutput{DurableExecutionName: aws.String(fmt.Sprint("n", i)), StartTimestamp: &at, EndTimestamp: &at, Status: lambdatypes.ExecutionStatusSucceeded}); err != nil {
				t.Fatal(err)
			}
		}
		m, sum := collectFunction(t, sessionAs(t, a, "again", allowAll), bench.DurableFunction, durableOnly())
		got := countOf(m)
		if sum.Complete || got["lambda.durable.execution collected"] != maxDurableRead || got["lambda.durable.execution truncated"] != 1 {
			t.Errorf("%v", got)
		}
		running := false
		for _, e := range m.entries {
			running = running || e.Artefact == "lambda.durable.history" && strings.Contains(e.Source.ARN, "old-and-running")
		}
		if !running {
			t.Error("the oldest, which runs, is left out")
		}
	})
}

// TestDurableIsCutShort: a page that fails leaves what came before it, and says so.
func TestDurableIsCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		denied := func(op, resource string, nth int) awssim.Fault {
			return awssim.Fault{Op: op, Resource: resource, Nth: nth, Fail: awssim.Fail{Code: "AccessDeniedException", Message: "injected", Status: 403}}
		}
		a.Cloud.Inject(denied("Lambda:GetDurableExecutionHistory", "old-and-running", 2), denied("Lambda:ListDurableExecutionsByFunction", ":"+bench.DurableFunction+":1", 2))
		m, _ := collectFunction(t, sessionAs(t, a, "again", allowAll), bench.DurableFunction, durableOnly())
		got := countOf(m)
		for k, n := range map[string]int{"lambda.durable truncated": 2, "lambda.durable collected": 1, "lambda.durable.history collected": 2, "lambda.durable.history.rest truncated": 1} {
			if got[k] != n {
				t.Errorf("%s: %d of %v", k, got[k], got)
			}
		}
	})
}

// TestDurableIsResumed: what was sealed is not asked for again.
func TestDurableIsResumed(t *testing.T) {
	ctx := t.Context()
	c := newCase(t)
	a := simAccount(t, awssim.Config{})
	s := sessionAs(t, a, "resumer", allowAll)
	target, err := ParseTarget(bench.AccountID, bench.Region, bench.DurableFunction)
	if err != nil {
		t.Fatal(err)
	}
	a.Cloud.Inject(awssim.Fault{Op: "Lambda:GetDurableExecution", Resource: "failed", Fail: awssim.Fail{Code: "AccessDeniedException", Message: "injected", Status: 403}})
	_, sum, err := Into(ctx, s, c, evidence.Header{Operator: "o"}, []Target{target}, durableOnly())
	if err != nil || sum.States[evidence.Denied] != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
	a.Cloud.ClearFaults()
	open, err := Resumable(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	before := len(a.Cloud.Calls())
	if _, sum, err = Resume(ctx, s, c, open[0], evidence.Header{Operator: "o"}, Options{Unpaced: true}); err != nil || !sum.Complete {
		t.Errorf("%+v, %v", sum, err)
	}
	for _, call := range a.Cloud.Calls()[before:] {
		if call.Operation == "GetDurableExecutionHistory" || call.Operation == "ListDurableExecutionsByFunction" || call.Operation == "GetDurableExecution" && !strings.Contains(call.Resource, "failed") {
			t.Errorf("%s %s was asked again", call.Operation, call.Resource)
		}
	}
	for p, err := range c.Verify(ctx) {
		t.Errorf("verify: %+v, %v", p, err)
	}
}
