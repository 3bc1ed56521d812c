package bench

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// Limits of containment: answers that are waited for one after the other, and what a plan for
// a role shared by 200 functions may take where each answer takes 50 ms.
const (
	stopTrips, isolateTrips = 3, 12
	stopLatency             = 100 * time.Millisecond
	sharedPlan              = 5 * time.Second
	triggers, sharers       = 30, 200
)

// containing is an account to be contained, without delay until it is asked for.
type containing struct {
	t       testing.TB
	account *Account
	session *awsapi.Session
	kase    *evidence.Case
}

func newContaining(t testing.TB) *containing {
	t.Helper()
	a, err := NewAccount(t.Context(), awssim.Config{}, 2, 1<<10)
	if err != nil {
		t.Fatal(err)
	}
	c := &containing{t: t, account: a}
	c.session, err = awsapi.Connect(t.Context(), awsapi.Options{
		Region: Region, EndpointURL: Endpoint, HTTPClient: a.Cloud.Client(),
		Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.NewFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c.kase, err = evidence.CreateCase(t.Context(), v, evidence.CaseOptions{Title: "b", Operator: "b", Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// addTriggers lets that many queues feed the function.
func (c *containing) addTriggers() {
	c.t.Helper()
	for i := range triggers {
		name := fmt.Sprint("feed-", i)
		if _, err := sqs.NewFromConfig(c.account.cfg).CreateQueue(c.t.Context(), &sqs.CreateQueueInput{QueueName: &name}); err != nil {
			c.t.Fatal(err)
		}
		if _, err := lambda.NewFromConfig(c.account.cfg).CreateEventSourceMapping(c.t.Context(), &lambda.CreateEventSourceMappingInput{
			FunctionName: aws.String(Function), EventSourceArn: aws.String("arn:aws:sqs:" + Region + ":" + AccountID + ":" + name)}); err != nil {
			c.t.Fatal(err)
		}
	}
}

// small adds a function without provisioned concurrency, which would have to go first.
func (c *containing) small() string {
	c.t.Helper()
	if err := c.account.AddFunctions(c.t.Context(), 1); err != nil {
		c.t.Fatal(err)
	}
	return SmallFunctions + "000"
}

// plan for a level, and how long it took.
func (c *containing) plan(function string, level contain.Level) (*contain.Plan, time.Duration) {
	c.t.Helper()
	began := time.Now()
	p, err := contain.NewPlan(c.t.Context(), contain.PlanInput{Session: c.session, Case: c.kase, Functions: []string{function}, Level: level, AcceptSharedRole: true})
	if err != nil {
		c.t.Fatal(err)
	}
	return p, time.Since(began)
}

// apply gives how long it took until the last act was seen to be in force.
func (c *containing) apply(p *contain.Plan) time.Duration {
	c.t.Helper()
	began := time.Now()
	run, err := contain.Apply(c.t.Context(), contain.ApplyInput{Session: c.session, Case: c.kase, Plan: p, Operator: "b", Fast: true, Override: "time is what is measured"})
	if err != nil || !run.Status().OK() {
		c.t.Fatalf("%v: %+v", err, run)
	}
	last := began
	for _, o := range run.Outcomes {
		if o.Seen.After(last) {
			last = o.Seen
		}
	}
	return last.Sub(began)
}

// TestContainmentTrips: in the fake time of a bubble only answers take time, so what applying
// takes is the longest chain of calls that wait for each other.
func TestContainmentTrips(t *testing.T) {
	for _, c := range []struct {
		name  string
		level contain.Level
		most  int
	}{
		{"stop", contain.LevelStop, stopTrips},
		{"stop, with provisioned concurrency to be deleted and seen gone before", contain.LevelStop, stopTrips + 2},
		{"isolate with 30 triggers", contain.LevelIsolate, isolateTrips},
	} {
		synctest.Test(t, func(t *testing.T) {
			f, function := newContaining(t), Function
			if c.most == stopTrips {
				function = f.small()
			}
			if c.level == contain.LevelIsolate {
				f.addTriggers()
			}
			p, _ := f.plan(function, c.level)
			f.account.Cloud.SetLatency(stopLatency)
			took := f.apply(p)
			trips := int(took / stopLatency)
			t.Logf("%s: in force after %s, %d answers one after the other, %d moves", c.name, took, trips, len(p.Moves))
			if trips > c.most {
				t.Errorf("%s: %d answers one after the other, %d wanted", c.name, trips, c.most)
			}
		})
	}
}

// TestContainmentUnderQuotas: as many at once as there are, with the quotas of Lambda's
// control plane enforced, come to their end; what is throttled is not given up.
func TestContainmentUnderQuotas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newContaining(t)
		f.addTriggers()
		p, _ := f.plan(Function, contain.LevelIsolate)
		f.account.Cloud.SetQuotas(true)
		f.account.Cloud.SetLatency(stopLatency)
		t.Logf("isolate with %d triggers, quotas on: in force after %s", triggers, f.apply(p))
	})
}

// BenchmarkContain reports containment as ratios to its limits: x-stop and x-isolate are wall
// time over the answers that the limit allows, x-plan over five seconds.
func BenchmarkContain(b *testing.B) {
	b.Run("Stop", func(b *testing.B) {
		for b.Loop() {
			c := newContaining(b)
			p, _ := c.plan(c.small(), contain.LevelStop)
			c.account.Cloud.SetLatency(stopLatency)
			b.ReportMetric(c.apply(p).Seconds()/(stopTrips*stopLatency).Seconds(), "x-stop")
		}
	})
	b.Run("Isolate", func(b *testing.B) {
		for b.Loop() {
			c := newContaining(b)
			c.addTriggers()
			p, _ := c.plan(Function, contain.LevelIsolate)
			c.account.Cloud.SetLatency(stopLatency)
			b.ReportMetric(c.apply(p).Seconds()/(isolateTrips*stopLatency).Seconds(), "x-isolate")
			b.ReportMetric(float64(len(p.Moves)), "moves")
		}
	})
	b.Run("SharedPlan", func(b *testing.B) {
		for b.Loop() {
			c := newContaining(b)
			if err := c.account.AddFunctions(b.Context(), sharers); err != nil {
				b.Fatal(err)
			}
			c.account.Cloud.SetLatency(latency)
			_, took := c.plan(Function, contain.LevelIsolate)
			b.ReportMetric(took.Seconds()/sharedPlan.Seconds(), "x-plan")
		}
	})
}
