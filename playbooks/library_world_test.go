package playbooks_test

import (
	"context"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/tabletop"
	"github.com/freezeframe-ir/freezeframe/test/stages"
)

// theater is one world and one case, with a run in it.
type theater struct {
	w    *tabletop.World
	env  *playbooks.Env
	pb   *playbooks.Playbook
	in   map[string]any
	dir  string
	tell func(playbooks.StepReport)
}

// open stages the playbook's world. Time is that of a bubble of synctest.
func open(t *testing.T, pb *playbooks.Playbook) *theater {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s, known := stages.All()[pb.Name]
	if !known {
		t.Fatalf("no world is staged for %s: add it to stages.All()", pb.Name)
	}
	sc, err := tabletop.Find(stages.Base)
	must(err)
	w, err := tabletop.Play(t.Context(), sc, tabletop.Options{Seed: 1, Now: time.Now()})
	must(err)
	w.Live()
	added, err := s.Set(t.Context(), w)
	must(err)
	if added {
		time.Sleep(stages.Later)
	}
	th := &theater{w: w, pb: pb, in: map[string]any{}, dir: t.TempDir()}
	for name, v := range s.Inputs {
		th.in[name] = v
	}
	tabletop.Fill(pb, th.in, sc)
	v, err := vault.NewFolder(th.dir)
	must(err)
	c, err := evidence.CreateCase(t.Context(), v, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "rita", Home: t.TempDir()})
	must(err)
	session, err := w.Session(t.Context(), false, nil)
	must(err)
	th.env = &playbooks.Env{Session: session, Case: c, Operator: "rita", Host: "h", Now: time.Now, Tool: evidence.Tool{Name: "test"}, Say: func(string) {},
		Tell: func(r playbooks.StepReport) {
			if th.tell != nil {
				th.tell(r)
			}
		},
		Ask: func(context.Context, playbooks.Question) (playbooks.Answer, error) {
			return playbooks.Answer{Approved: true, Who: "carol", Reason: "a test"}, nil
		}}
	return th
}

func (th *theater) run(t *testing.T) *playbooks.Run {
	t.Helper()
	run, err := playbooks.Execute(t.Context(), th.pb, th.in, th.env)
	if err != nil {
		t.Fatal(err)
	}
	return run
}
