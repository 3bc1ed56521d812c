package collect

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// again is a store that has a part of what an earlier one came to.
type again struct {
	*memory
	kept  map[slot]evidence.Entry
	bytes map[slot][]byte
}

func (a *again) Kept(artefact string, source evidence.Source) (evidence.Entry, bool) {
	e, ok := a.kept[slot{artefact, source}]
	return e, ok
}

func (a *again) KeptGaps() []evidence.Gap { return nil }

func (a *again) OpenKept(_ context.Context, it evidence.Item) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(a.bytes[slot{it.Artefact, it.Source}])), nil
}

// TestResumedFromAnyPart: whatever part of a collection survived, going on from it ends with
// the states of an undisturbed one: nothing that hangs on a kept list is forgotten, and
// nothing is called absent that was only not looked at again.
func TestResumedFromAnyPart(t *testing.T) {
	a := simAccount(t, awssim.Config{})
	s := sessionAs(t, a, "resumer", allowAll)
	target, err := ParseTarget(bench.AccountID, bench.Region, bench.Function)
	if err != nil {
		t.Fatal(err)
	}
	// A fixed window: what the runs themselves do is not in it.
	o := Options{Unpaced: true, Until: a.Cloud.Now()}
	run := func(w Artefacts) {
		t.Helper()
		if _, err := Run(t.Context(), Inputs{Connect: s.ConfigRecorded, HTTP: s.HTTPClient(), Endpoint: s.Endpoint}, []Target{target}, w, o); err != nil {
			t.Fatal(err)
		}
	}
	whole := newMemory()
	run(whole)
	want := statesOf(whole.entries)
	resumed, seeds := 0, uint64(40)
	if testing.Short() {
		seeds = 4
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 3))
		share := []float64{0.05, 0.3, 0.7, 0.95}[seed%4]
		m := &again{memory: newMemory(), kept: map[slot]evidence.Entry{}, bytes: map[slot][]byte{}}
		for _, e := range whole.entries {
			if at := (slot{e.Artefact, e.Source}); e.State.Complete() && r.Float64() < share {
				m.kept[at], m.bytes[at] = e, whole.bytes[key(e)]
			}
		}
		run(m)
		got := statesOf(m.entries)
		for at, e := range m.kept {
			if state, twice := got[at]; twice && state != e.State {
				t.Errorf("seed %d: %s %s was kept as %s and is now %s", seed, at.artefact, at.src.ARN, e.State, state)
			}
			got[at] = e.State
			resumed++
		}
		for at, state := range want {
			if got[at] != state {
				t.Errorf("seed %d: %s %s %s is %q, undisturbed %q", seed, at.artefact, at.src.ARN, at.src.Qualifier, got[at], state)
			}
		}
		for at, state := range got {
			if want[at] == "" {
				t.Errorf("seed %d: %s %s %s is %s, and there was none", seed, at.artefact, at.src.ARN, at.src.Qualifier, state)
			}
		}
	}
	if resumed == 0 || slices.IndexFunc(whole.entries, func(e evidence.Entry) bool { return e.Artefact == "secrets.references" && e.Item != nil }) < 0 {
		t.Fatal("nothing was resumed, or the account names no secret")
	}
	t.Logf("%d entries; %d parts of them resumed, %d entries kept in all", len(want), seeds, resumed)
}

func statesOf(entries []evidence.Entry) map[slot]evidence.State {
	out := map[slot]evidence.State{}
	for _, e := range entries {
		out[slot{e.Artefact, e.Source}] = e.State
	}
	return out
}
