package fleetjob

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/queue"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

const (
	account    = "000000000001"
	endpoint   = "http://aws.invalid"
	everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)

// desk is an account with three functions, a case in a folder, and a worker.
type desk struct {
	cloud *awssim.Cloud
	cases string
	c     *evidence.Case
	h     *Handler
	did   []Outcome
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{cases: t.TempDir()}
	d.cloud = awssim.New(awssim.Config{AccountID: account, Region: "eu-west-1", Seed: 5})
	keys := d.cloud.Bootstrap(account, "responder", everything)
	cfg := aws.Config{Region: "eu-west-1", BaseEndpoint: aws.String(endpoint), HTTPClient: d.cloud.Client(), Credentials: credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, "")}
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	if _, err := iam.NewFromConfig(cfg).CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("work"), AssumeRolePolicyDocument: &trust}); err != nil {
		t.Fatal(err)
	}
	for _, x := range targets(1, 1, 3) {
		if _, err := lambda.NewFromConfig(cfg).CreateFunction(t.Context(), &lambda.CreateFunctionInput{FunctionName: &x.Function, Role: aws.String("arn:aws:iam::" + account + ":role/work"),
			Runtime: lt.RuntimePython313, Handler: aws.String("a.b"), Code: &lt.FunctionCode{ZipFile: append([]byte("PK\x05\x06"), make([]byte, 18)...)}}); err != nil {
			t.Fatal(err)
		}
	}
	d.c = d.open(t, "night")
	v, err := vault.OpenFolder(d.cases)
	if err != nil {
		t.Fatal(err)
	}
	d.h = &Handler{
		Where: d.cases, Board: board.On(v, "the worker"), Cases: &Cases{}, Header: evidence.Header{Operator: "o", Host: "h"}, Now: time.Now,
		Open: func(ctx context.Context, where string) (*evidence.Case, error) {
			v, err := vault.OpenFolder(where)
			if err != nil {
				return nil, err
			}
			c, err := evidence.OpenCase(ctx, v)
			if err == nil {
				c.Signer = d.c.Signer
			}
			return c, err
		},
		Session: func(ctx context.Context, of *evidence.Case, in string) (*awsapi.Session, error) {
			if in != account {
				return nil, errors.New("no way in")
			}
			return awsapi.Connect(ctx, awsapi.Options{Region: "eu-west-1", EndpointURL: endpoint, HTTPClient: d.cloud.Client(), Credentials: cfg.Credentials, Case: of.ID, ReadOnly: true})
		},
		Tell: func(o Outcome) { d.did = append(d.did, o) },
	}
	return d
}

func (d *desk) open(t *testing.T, name string) *evidence.Case {
	t.Helper()
	v, err := vault.NewFolder(filepath.Join(d.cases, name))
	if err != nil {
		t.Fatal(err)
	}
	c, err := evidence.CreateCase(t.Context(), v, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "o", Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// jobs are those of the desk's fleet, one function each.
func (d *desk) jobs(t *testing.T, change func(*Job)) []Job {
	t.Helper()
	j := Job{Case: filepath.Join(d.cases, "night"), CaseID: d.c.ID, Asked: time.Now(), Until: time.Now(), Since: "24h0m0s", Scope: collect.All, Operator: "o"}
	if change != nil {
		change(&j)
	}
	jobs, err := Split(j, targets(1, 1, 3), 1)
	if err != nil {
		t.Fatal(err)
	}
	return jobs
}

func (d *desk) handle(t *testing.T, ctx context.Context, j Job) (bool, error) {
	t.Helper()
	body, err := j.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if !d.h.Takes(body) {
		t.Errorf("not taken: %s", body)
	}
	return d.h.Handle(ctx, &queue.Message{Body: body})
}

func (d *desk) calls(op string) (n int) {
	for _, c := range d.cloud.Calls() {
		if c.API == op {
			n++
		}
	}
	return n
}

// TestJobs: each message is one bag, the sweep is one for all, and what comes again asks for nothing.
func TestJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		jobs := d.jobs(t, nil)
		if err := Plan(t.Context(), d.c, "o", "q", jobs); err != nil {
			t.Fatal(err)
		}
		for i, j := range jobs {
			open, of, err := Outstanding(t.Context(), d.c)
			if err != nil || of != 3 || len(open) != 3-i || open[0].ID != j.ID {
				t.Errorf("%d of %d are outstanding (%v)", len(open), of, err)
			}
			if settled, err := d.handle(t, t.Context(), j); !settled || err != nil {
				t.Fatalf("%v %v", settled, err)
			}
		}
		if open, _, err := Outstanding(t.Context(), d.c); err != nil || len(open) != 0 {
			t.Errorf("%v are outstanding (%v)", open, err)
		}
		before := len(d.cloud.Calls())
		for _, j := range jobs {
			if settled, err := d.handle(t, t.Context(), j); !settled || err != nil || d.did[len(d.did)-1].State != Known {
				t.Errorf("again: %v %v %+v", settled, err, d.did[len(d.did)-1])
			}
		}
		if n := len(d.cloud.Calls()) - before; n != 0 {
			t.Errorf("%d calls for what was there", n)
		}
		functions, sweeps := 0, 0
		for b, err := range d.c.Bags(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			functions += len(b.Header().Targets)
			if b.Header().Params["sweep"] != "" {
				sweeps++
			} else if b.Header().Params["swept"] != jobs[0].SweepBag() || b.Header().Status != evidence.StatusComplete {
				t.Errorf("%+v", b.Header())
			}
		}
		if functions != 3 || sweeps != 1 {
			t.Errorf("%d functions, %d sweeps", functions, sweeps)
		}
		for p, err := range d.c.Verify(t.Context()) {
			t.Errorf("%+v %v", p, err)
		}
	})
}

// TestLeft: a worker that is told to stop leaves the bag, and the next goes on with it; a sealed bag
// that the ledger does not know is entered.
func TestLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		j := d.jobs(t, nil)[0]
		ctx, stop := context.WithCancelCause(t.Context())
		told := errors.New("the machine is taken away")
		var asked atomic.Int32 // calls are made from many goroutines
		d.h.Collect.Record = func(string, awsapi.Exchange) {
			if asked.Add(1) == 30 {
				stop(told)
			}
		}
		if settled, err := d.handle(t, ctx, j); settled || !errors.Is(err, told) {
			t.Fatalf("%v %v", settled, err)
		}
		d.h.Collect.Record = nil
		b, err := d.c.Bag(t.Context(), j.Bag())
		if err != nil || b.Sealed() {
			t.Fatalf("%+v %v", b, err)
		}
		if settled, err := d.handle(t, t.Context(), j); !settled || err != nil || !d.did[1].Resumed || d.did[1].State != Collected {
			t.Fatalf("%v %v %+v", settled, err, d.did)
		}
		if n := d.calls("Lambda:GetFunction"); n > 3 {
			t.Errorf("GetFunction %d times", n)
		}
		for p, err := range d.c.Verify(t.Context()) {
			t.Errorf("%+v %v", p, err)
		}
	})
}

// TestNotOurs: what is not this worker's to do is not done, and comes back: nothing is asked of AWS and
// nothing is written.
func TestNotOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		other := d.open(t, "other")
		for name, c := range map[string]struct {
			change func(*Job)
			want   error
		}{
			"a case elsewhere":       {func(j *Job) { j.Case = "/etc" }, ErrElsewhere},
			"a case by a detour":     {func(j *Job) { j.Case = d.cases + "/x/../night" }, ErrElsewhere},
			"the board":              {func(j *Job) { j.Case = d.cases + "/board" }, ErrElsewhere},
			"a bucket":               {func(j *Job) { j.Case = "s3://evil/night" }, ErrElsewhere},
			"another case's id":      {func(j *Job) { j.CaseID = other.ID }, ErrElsewhere},
			"another case's place":   {func(j *Job) { j.Case = filepath.Join(d.cases, "other") }, ErrElsewhere},
			"another role":           {func(j *Job) { j.Role = "arn:aws:iam::{account}:role/Administrator" }, ErrRole},
			"a place without a case": {func(j *Job) { j.Case = filepath.Join(d.cases, "nowhere") }, os.ErrNotExist},
		} {
			before := len(d.cloud.Calls())
			settled, err := d.handle(t, t.Context(), d.jobs(t, c.change)[0])
			if settled || !errors.Is(err, c.want) {
				t.Errorf("%s: %v, %v", name, settled, err)
			}
			if n := len(d.cloud.Calls()) - before; n != 0 {
				t.Errorf("%s: %d calls", name, n)
			}
		}
		if settled, err := d.h.Handle(t.Context(), &queue.Message{Body: `{"schema":"freezeframe.collect/1","case":"x"}`}); settled || !errors.Is(err, ErrMessage) {
			t.Errorf("%v %v", settled, err)
		}
		// An account that cannot be entered is somebody's mistake: the message comes again.
		jobs, err := Split(d.jobs(t, nil)[0], targets(2, 1, 1)[1:], 1)
		if err != nil {
			t.Fatal(err)
		}
		if settled, err := d.handle(t, t.Context(), jobs[0]); settled || err == nil || !strings.Contains(err.Error(), "no way in") {
			t.Errorf("%v %v", settled, err)
		}
		if h, err := d.h.Board.HeldBy(t.Context(), "collect-"+jobs[0].Account); err != nil || h != nil {
			t.Errorf("the account is still held: %+v %v", h, err)
		}
		for _, c := range []*evidence.Case{d.c, other} {
			for b, err := range c.Bags(t.Context()) {
				t.Errorf("a bag was made: %s %v", b.ID(), err)
			}
		}
	})
}

// TestOneAtATime: of two workers in one account the second waits for the first, and collects nothing
// that the first has.
func TestOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		j := d.jobs(t, nil)[0]
		claim, err := d.h.Board.As("another worker").Claim(t.Context(), "collect-"+account, true)
		if err != nil {
			t.Fatal(err)
		}
		_, stop := claim.Keep(t.Context())
		begun := time.Now()
		go func() {
			time.Sleep(10 * time.Minute)
			stop()
			if err := claim.Release(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		if settled, err := d.handle(t, t.Context(), j); !settled || err != nil {
			t.Fatalf("%v %v", settled, err)
		}
		if waited := time.Since(begun); waited < 10*time.Minute {
			t.Errorf("it began after %s, while another was in the account", waited)
		}
	})
}
