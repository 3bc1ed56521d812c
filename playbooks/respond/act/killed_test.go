package act_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/mandate"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/act"
	"github.com/freezeframe-ir/freezeframe/playbooks/tabletop"
)

var errDead = errors.New("the process is dead")

// mortal dies at its nth step: a step is a write into the case or on the board, or a call to the
// account. From then on nothing of it reaches either.
type mortal struct {
	mu   sync.Mutex
	left int
	died bool
	stop context.CancelFunc
}

// step says whether it is dead before the step, and whether it dies after it.
func (m *mortal) step() (dead, last bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.died {
		return true, false
	}
	m.left--
	if m.left == 0 {
		m.died = true
		m.stop()
		return false, true
	}
	return false, false
}

type mortalVault struct {
	vault.Vault
	m *mortal
}

func (v mortalVault) Create(ctx context.Context, name string, body io.ReadSeeker, size int64, sum [32]byte) (vault.Entry, error) {
	dead, last := v.m.step()
	if dead {
		return vault.Entry{}, errDead
	}
	e, err := v.Vault.Create(context.WithoutCancel(ctx), name, body, size, sum)
	if last {
		return e, errDead
	}
	return e, err
}

type mortalClient struct {
	c *http.Client
	m *mortal
}

func (c mortalClient) Do(r *http.Request) (*http.Response, error) {
	dead, last := c.m.step()
	if dead {
		return nil, errDead
	}
	resp, err := c.c.Do(r.WithContext(context.WithoutCancel(r.Context())))
	if last && err == nil {
		_ = resp.Body.Close()
		return nil, errDead
	}
	return resp, err
}

// as are the options of a worker that is mortal.
func (m *mortal) as(t *testing.T, s *stage) act.Options {
	o := s.o
	v, err := vault.OpenFolder(s.cases)
	if err != nil {
		t.Fatal(err)
	}
	o.Board = board.On(mortalVault{v, m}, "worker 0")
	enter := func(readOnly bool) func(context.Context, *evidence.Case, string) (*awsapi.Session, error) {
		return func(ctx context.Context, _ *evidence.Case, _ string) (*awsapi.Session, error) {
			return awsapi.Connect(ctx, awsapi.Options{Region: region, EndpointURL: tabletop.Endpoint, ReadOnly: readOnly, HTTPClient: mortalClient{s.w.Cloud.Client(), m},
				Credentials: credentials.NewStaticCredentialsProvider(s.w.Responder.AccessKeyID, s.w.Responder.SecretAccessKey, s.w.Responder.SessionToken)})
		}
	}
	o.Session, o.Contain = enter(true), enter(false)
	return o
}

// sweeps lets a worker look, and die at a step.
func (s *stage) sweeps(t *testing.T, at int) bool {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	m := &mortal{left: at, stop: stop}
	o := m.as(t, s)
	o.Case = func(ctx context.Context, id string) (*evidence.Case, error) {
		c, err := s.open(ctx, id)
		if err != nil {
			return nil, err
		}
		dying, err := evidence.OpenCase(ctx, mortalVault{c.Vault(), m})
		if err == nil {
			dying.Signer = c.Signer
		}
		return dying, err
	}
	if err := act.New(o).Sweep(ctx); err == nil && m.died {
		t.Logf("died at step %d, which was the last", at)
	}
	return m.died
}

// TestEndKilled: wherever a worker is killed that lifts what has run out, another one ends it.
func TestEndKilled(t *testing.T) {
	every, cells := 7, 0
	switch {
	case testing.Short():
		every = 29
	case os.Getenv("FREEZEFRAME_ACT_CELLS") == "all":
		every = 1
	}
	for at := 1; ; at += every {
		came := true
		synctest.Test(t, func(t *testing.T) {
			s := contained(t)
			time.Sleep(4*time.Hour + time.Minute)
			if came = s.sweeps(t, at); !came {
				return
			}
			time.Sleep(5 * time.Minute)
			s.sweep()
			time.Sleep(time.Hour) // where it was put off
			s.sweep()
			if open, err := act.New(s.o).Due(t.Context(), ""); s.stopped() || s.denied() || err != nil || len(open) > 0 || !s.tells("containment", act.Released) {
				t.Errorf("killed at step %d: it has not ended: %v %v %v", at, open, err, s.told)
			}
			s.verifies(true)
		})
		if !came {
			break
		}
		cells++
	}
	if cells == 0 {
		t.Error("nobody was killed")
	}
	t.Logf("%d cells, every %d. step; 0 skipped", cells, every)
}

// dies lets a worker deal with the alert, and die at a step. It says whether it came that far.
func (s *stage) dies(t *testing.T, at int) bool {
	t.Helper()
	a := alert.Parse(s.message)[0]
	c, err := s.openTitled(t.Context(), a.Case, "t")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	m := &mortal{left: at, stop: stop}
	o := m.as(t, s)
	dying, err := evidence.OpenCase(t.Context(), mortalVault{c.Vault(), m})
	if err != nil {
		t.Fatal(err)
	}
	dying.Signer = c.Signer
	env := s.env()
	env.Case = dying
	if env.Session, err = o.Session(ctx, nil, account); err != nil {
		return m.died
	}
	_, err = act.New(o).Act(ctx, env, &a)
	if m.died && err == nil && at > 0 && m.left < 0 {
		t.Error("it is dead and all is well")
	}
	return m.died
}

// TestKilled: wherever a worker is killed, another one ends at its time what was contained, and nothing
// stays in force; or it goes on when the message comes again, which counts once.
func TestKilled(t *testing.T) {
	every := 13
	switch {
	case testing.Short():
		every = 24 // the steps at which the function is stopped are more than that: some are among them
	case os.Getenv("FREEZEFRAME_ACT_CELLS") == "all":
		every = 1
	}
	cells, acted := 0, 0
	for at := 1; ; at += every {
		came := true
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t)
			s.stageFinding()
			if came = s.dies(t, at); !came {
				return
			}
			if s.stopped() {
				acted++
			}
			time.Sleep(4*time.Hour + 10*time.Minute)
			s.sweep()
			if s.stopped() || s.denied() {
				t.Errorf("killed at step %d: it stays in force: %v %v", at, s.told, s.names(""))
			}
			if open, err := act.New(s.o).Due(t.Context(), ""); err != nil || len(open) > 0 {
				t.Errorf("killed at step %d: still due: %v %v", at, open, err)
			}
			s.verifies(true)
		})
		if !came {
			break
		}
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t)
			s.stageFinding()
			s.dies(t, at)
			out, err := s.acting(t.Context(), nil)
			if err != nil || out.Decision.Outcome != mandate.DoAct || !s.stopped() || len(s.names("acted/")) != 1 {
				t.Errorf("killed at step %d, and again: %+v %v, notes %v", at, out, err, s.names("acted/"))
			}
			time.Sleep(4*time.Hour + 10*time.Minute)
			s.sweep()
			if s.stopped() || s.denied() {
				t.Errorf("killed at step %d, and again: it stays in force: %v", at, s.told)
			}
			s.intact()
		})
		cells += 2
	}
	if acted == 0 {
		t.Error("none was killed after it had acted")
	}
	t.Logf("%d cells, every %d. step; %d killed with the function stopped; 0 skipped", cells, every, acted)
}
