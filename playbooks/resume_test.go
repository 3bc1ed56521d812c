package playbooks

import (
	"errors"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// TestCutOffBeforeItsEndWasSigned: how a run ended is signed by resume, and written once.
func TestCutOffBeforeItsEndWasSigned(t *testing.T) {
	env, _ := offline(t)
	signer := env.Case.Signer
	env.Case.Signer = nil
	run, err := Execute(t.Context(), parsed(t, steps(say("one", "1"))), nil, env)
	if err != nil && !errors.Is(err, evidence.ErrNotSigned) {
		t.Fatal(run, err)
	}
	env.Case.Signer = signer
	told := func() (n int) {
		for e, err := range env.Case.Ledger(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Type == evidence.EventDecide {
				n++
			}
		}
		return n
	}
	b, before := bagOf(t, env.Case, run.ID), told()
	if run, err = Resume(t.Context(), b, env); err != nil || run.Status != Succeeded || told() != before {
		t.Errorf("going on: %v %v, the ledger has %d events of it, had %d", run, err, told(), before)
	}
	if _, err := Resume(t.Context(), b, env); !errors.Is(err, ErrNoRun) {
		t.Errorf("once more: %v", err)
	}
	verified(t, env.Case)
}
