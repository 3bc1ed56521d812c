package playbooks_test

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/test/stages"
)

// clean is what a playbook comes to when nothing fails.
type clean struct {
	steps   []playbooks.StepReport // that ran a verb
	inForce int
}

// inForce counts the acts of the case that are in force in the account, and names the others.
func (th *theater) inForce(t *testing.T) (int, []string) {
	t.Helper()
	all, err := contain.Standings(t.Context(), contain.StatusInput{Session: th.env.Session, Case: th.env.Case})
	if err != nil {
		t.Fatal(err)
	}
	n, others := 0, []string{}
	for _, s := range all {
		if s.State == contain.InForce {
			n++
		} else {
			others = append(others, fmt.Sprintf("%s on %s is %s", s.Act, s.Resource, s.State))
		}
	}
	return n, others
}

func verbs() map[string]playbooks.Verb {
	out := map[string]playbooks.Verb{}
	for _, v := range playbooks.Verbs() {
		out[v.Name] = v
	}
	return out
}

// cleanRun plays a playbook to its end, which is "succeeded", with what was planned in force.
func cleanRun(t *testing.T, pb *playbooks.Playbook) (c clean) {
	t.Helper()
	known := verbs()
	synctest.Test(t, func(t *testing.T) {
		th := open(t, pb)
		run := th.run(t)
		best := stages.All()[pb.Name].Ends
		if best == "" {
			best = playbooks.Succeeded
		}
		if run.Status != best {
			for _, s := range run.Steps {
				t.Logf("  %s: %s %s %s %v", s.ID, s.Status, s.Summary, s.Error, s.Left)
			}
			t.Fatalf("%s ended as %s: %v", pb.Name, run.Status, run.Err())
		}
		var others []string
		if c.inForce, others = th.inForce(t); c.inForce == 0 || len(others) > 0 {
			t.Errorf("%s succeeded, and %d acts are in force, not so: %v", pb.Name, c.inForce, others)
		}
		for p, err := range th.env.Case.Verify(t.Context()) {
			t.Errorf("%s: the case does not verify: %v %v", pb.Name, p, err)
		}
		for _, s := range run.Steps {
			if _, verb := known[s.Verb]; verb && s.Status != playbooks.Skipped {
				c.steps = append(c.steps, s)
			}
		}
	})
	return c
}

// TestLibraryRuns runs every built-in playbook on a simulated account, to "succeeded".
func TestLibraryRuns(t *testing.T) {
	all := library(t)
	if len(all) != len(stages.All()) {
		t.Errorf("%d playbooks, %d worlds", len(all), len(stages.All()))
	}
	for i, pb := range all {
		if testing.Short() && i%6 != 1 {
			continue
		}
		c := cleanRun(t, pb)
		t.Logf("%s: %d steps ran, %d acts in force", pb.Name, len(c.steps), c.inForce)
	}
}

// faultsOf are the ways in which a step can fail.
func faultsOf(v playbooks.Verb, left bool) []string {
	switch {
	case left: // a line on a list cannot fail
		return nil
	case v.Class == playbooks.Asks:
		return []string{"no"}
	case v.Class == playbooks.Changes:
		return []string{"denied", "writes denied", "dropped"}
	case v.Needs != nil:
		return []string{"denied", "dropped"}
	}
	return []string{"damaged"}
}

// inject lets the step fail, once it has begun.
func (th *theater) inject(t *testing.T, v playbooks.Verb, fault string) {
	t.Helper()
	if fault == "damaged" {
		th.damage(t)
		return
	}
	f := awssim.Fail{Denied: true, Code: "AccessDeniedException", Status: 403, Message: "injected"}
	if fault == "dropped" {
		f = awssim.Fail{Drop: true}
	}
	calls := map[string]bool{}
	for _, n := range v.Needs() {
		if fault != "writes denied" || awsapi.Mutating(n.Call) {
			calls[n.Call] = true
		}
	}
	for _, call := range slices.Sorted(maps.Keys(calls)) {
		th.w.Cloud.Inject(awssim.Fault{Op: call, Fail: f})
	}
}

// damage cuts every file of evidence of the case in half.
func (th *theater) damage(t *testing.T) {
	t.Helper()
	n := 0
	err := filepath.WalkDir(th.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(filepath.ToSlash(path), "/data/") {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		n++
		return os.WriteFile(path, make([]byte, info.Size()/2), 0o600)
	})
	if err != nil || n == 0 {
		t.Fatalf("%d files damaged, %v", n, err)
	}
}

// cell runs the playbook with one step's verb failing: whatever it ends as, it says so, and where.
// What is wrong is handed back: an error within a bubble would end the whole test.
func cell(t *testing.T, pb *playbooks.Playbook, c clean, s playbooks.StepReport, fault string) (ending, where string, wrong []string) {
	t.Helper()
	v := verbs()[s.Verb]
	errorf := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	synctest.Test(t, func(t *testing.T) {
		th := open(t, pb)
		name := fmt.Sprintf("%s, step %s (%s) %s", pb.Name, s.ID, s.Verb, fault)
		yes := th.env.Ask
		struck := 0
		th.tell = func(r playbooks.StepReport) {
			switch {
			case r.ID != s.ID:
			case r.Status == playbooks.Running && fault == "no":
				th.env.Ask = func(context.Context, playbooks.Question) (playbooks.Answer, error) {
					return playbooks.Answer{Who: "carol", Reason: "no"}, nil
				}
			case r.Status == playbooks.Running:
				th.inject(t, v, fault)
			default:
				th.env.Ask = yes
				struck += len(th.w.Cloud.Struck())
				th.w.Cloud.ClearFaults()
			}
		}
		run := th.run(t)
		th.w.Cloud.ClearFaults()
		at := playbooks.Status("")
		for _, r := range run.Steps {
			if r.ID == s.ID {
				at = r.Status
			}
		}
		n, others := th.inForce(t)
		ending = string(run.Status)
		if run.Status != playbooks.Succeeded {
			where = fmt.Sprintf(" (step %s: %s)", s.ID, at)
		}
		switch run.Status {
		case playbooks.Succeeded: // it did not need what failed: then all is as it should be
			if n != c.inForce || len(others) > 0 {
				errorf("%s: succeeded with %d acts in force of %d; %v", name, n, c.inForce, others)
			}
			if struck == 0 && v.Class == playbooks.Changes { // what it would write is in force already
				ending += ", for it made no such call"
			} else if v.Class != playbooks.Reads {
				errorf("%s: succeeded", name)
			}
		case stages.All()[pb.Name].Ends:
			if n != c.inForce && at == playbooks.Succeeded {
				errorf("%s: ended as ever with %d acts in force of %d; %v", name, n, c.inForce, others)
			}
		case playbooks.Failed, playbooks.Aborted, playbooks.WithGaps:
			if at != playbooks.Failed && at != playbooks.Aborted && at != playbooks.WithGaps {
				errorf("%s: the run ended as %s, and its step as %s", name, run.Status, at)
			}
			if at != playbooks.WithGaps && (run.Err() == nil || !strings.Contains(run.Err().Error(), s.ID)) {
				errorf("%s: ended as %s, and does not say where: %v", name, run.Status, run.Err())
			}
		default:
			errorf("%s: ended as %s", name, run.Status)
		}
	})
	return ending, where, wrong
}

// TestLibraryCells lets each verb of each built-in playbook fail in each way. A seeded eighth of the
// cells by default; FREEZEFRAME_PLAYBOOK_CELLS=all is all of them.
func TestLibraryCells(t *testing.T) {
	all := os.Getenv("FREEZEFRAME_PLAYBOOK_CELLS") == "all"
	part := map[bool]int{false: 8, true: 270}[testing.Short()]
	random := rand.New(rand.NewPCG(7, 11)) //nolint:gosec // a sample, the same each time
	cells, tried, books, steps := 0, 0, 0, 0
	endings := map[string]int{}
	for _, pb := range library(t) {
		if pb.Name == "lambda-compromise" && !all {
			continue // its steps are those of the playbook that it picks
		}
		var c clean
		books++
		for _, s := range planned(t, pb, &c) {
			steps++
			for _, fault := range faultsOf(verbs()[s.Verb], strings.HasPrefix(s.Summary, "left to people")) {
				cells++
				if !all && random.IntN(part) != 0 {
					continue
				}
				if c.inForce == 0 {
					c = cleanRun(t, pb)
				}
				if !slices.ContainsFunc(c.steps, func(r playbooks.StepReport) bool { return r.ID == s.ID }) {
					continue // not reached in this world
				}
				tried++
				ending, where, wrong := cell(t, pb, c, s, fault)
				t.Logf("%s, %s (%s), %s: %s%s", pb.Name, s.ID, s.Verb, fault, ending, where)
				endings[ending]++
				for _, w := range wrong {
					t.Error(w)
				}
			}
		}
	}
	t.Logf("%d playbooks x %d steps x faults = %d cells, %d tried, 0 skipped; ended: %v", books, steps, cells, tried, endings)
	if tried == 0 {
		t.Error("no cell was tried")
	}
}

// planned are the steps of a playbook that run a verb, with what is said of those left to people.
// All of them are run first where all cells are wanted: turns of loops have ids of their own.
func planned(t *testing.T, pb *playbooks.Playbook, c *clean) []playbooks.StepReport {
	t.Helper()
	if os.Getenv("FREEZEFRAME_PLAYBOOK_CELLS") == "all" {
		*c = cleanRun(t, pb)
		return c.steps
	}
	var out []playbooks.StepReport
	pb.Walk(func(s *playbooks.Step, depth int) {
		if s.Verb.Name == "" || depth > 0 {
			return
		}
		r := playbooks.StepReport{ID: s.ID, Verb: s.Verb.Name}
		if later, _ := s.With["later"].Literal.(bool); later {
			r.Summary = "left to people"
		}
		out = append(out, r)
	})
	return out
}
