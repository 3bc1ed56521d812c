package practices

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// inCase makes the world, and a case that nothing is collected into.
func inCase(t *testing.T, do func(t *testing.T, w *world, m *memory, c *evidence.Case)) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{own: map[string][]byte{}}
		do(t, newWorld(t), m, newCase(t, m))
	})
}

func unknowns(r *Report) (out []string) {
	for _, x := range r.Results {
		if x.Verdict == Unknown {
			out = append(out, x.Check+" "+x.Target)
		}
	}
	return out
}

// TestResumed: what a resumed collection brought later fills the gaps of the one that it goes on with.
func TestResumed(t *testing.T) {
	inCase(t, func(t *testing.T, w *world, m *memory, c *evidence.Case) {
		w.cloud.Inject(awssim.Fault{Op: "Lambda:GetResourcePolicy", Fail: awssim.Fail{Denied: true}}, awssim.Fault{Op: "Lambda:ListAliases", Fail: awssim.Fail{Denied: true}})
		bag := w.into(c, []string{till}, collect.Options{Unpaced: true})
		before := unknowns(assessed(t, m))
		if len(before) < 5 {
			t.Fatalf("the gaps are not unknown: %v", before)
		}
		w.cloud.ClearFaults()
		time.Sleep(time.Minute)
		bag, sum, err := collect.Resume(t.Context(), w.session(), c, bag, evidence.Header{Operator: "o"}, collect.Options{Unpaced: true})
		if err != nil || !sum.Complete {
			entries, _ := bag.Coverage(t.Context())
			for _, e := range entries {
				if !e.State.Complete() {
					t.Errorf("%+v", e.Gap)
				}
			}
			t.Fatalf("resuming: %v, %+v", err, sum)
		}
		if after := unknowns(assessed(t, m)); len(after) > 0 {
			t.Errorf("after resuming: %v", after)
		}
	})
}

// TestContainmentScope: a small collection before an act says nothing of published versions, and
// takes nothing away of what is known of them.
func TestContainmentScope(t *testing.T) {
	inCase(t, func(t *testing.T, w *world, m *memory, c *evidence.Case) {
		w.collect(c, []string{till})
		before := assessed(t, m)
		time.Sleep(time.Minute)
		w.into(c, []string{till}, collect.Options{Unpaced: true, Scope: collect.Containment})
		after := assessed(t, m)
		if len(after.Results) != len(before.Results) {
			t.Fatalf("%d results, and %d after a small collection", len(before.Results), len(after.Results))
		}
		for i, x := range after.Results {
			if y := before.Results[i]; x.Verdict != y.Verdict || x.Target != y.Target {
				t.Errorf("%s %s %s, and %s %s before", x.Check, x.Target, x.Verdict, y.Target, y.Verdict)
			}
		}
	})
}

// TestOlderRole: a published version runs with the role that it was published with, which nobody
// collected: that is a gap, not a pass.
func TestOlderRole(t *testing.T) {
	inCase(t, func(t *testing.T, w *world, m *memory, c *evidence.Case) {
		w.makeRole("new-role", tillPolicy(till))
		configure(obj{"Role": roleARN("new-role")})(w)
		w.collect(c, []string{till})
		r := assessed(t, m)
		found := false
		for _, x := range r.Results {
			found = found || x.Check == "least-privilege/admin-role" && x.Verdict == Unknown && x.Target == roleARN(tillRole) && strings.Contains(x.Gap.Note, "no sealed collection")
		}
		if !found {
			t.Errorf("nothing is said of the role of versions 1 and 2:%s", seen(r, "least-privilege/admin-role"))
		}
	})
}

// TestEveryQualifier: what is wrong with one version or alias is said of it, and of no other.
func TestEveryQualifier(t *testing.T) {
	inCase(t, func(t *testing.T, w *world, m *memory, c *evidence.Case) {
		environment("LD_PRELOAD")(w)
		w.do("Lambda:PublishVersion", obj{"FunctionName": till})
		configure(obj{"Environment": obj{"Variables": obj{"STAGE": "prod"}}})(w)
		w.collect(c, []string{till})
		for _, x := range assessed(t, m).Results {
			want := Pass
			if x.Target == functionARN(till+":3") {
				want = Fail
			}
			if x.Check == "secure-code/loader-variables" && x.Verdict != want {
				t.Errorf("%s: %s", x.Target, x.Verdict)
			}
			if x.Check == "secure-code/loader-variables" && x.Verdict == Fail && !strings.Contains(x.Repair.CLI, "# version 3 never changes") {
				t.Errorf("the repair does not say what becomes of a version: %s", x.Repair.CLI)
			}
		}
	})
}

// TestUncollected: a case without a document says so, for every check.
func TestUncollected(t *testing.T) {
	inCase(t, func(t *testing.T, w *world, m *memory, c *evidence.Case) {
		w.into(c, []string{till}, collect.Options{Unpaced: true, Only: []string{"lambda.configuration"}})
		r := assessed(t, m)
		for check, v := range verdicts(r, functionARN(till)) {
			reads := false
			for _, k := range Catalogue() {
				for _, a := range k.Reads {
					reads = reads || k.ID == check && a != "lambda.configuration" && a != "lambda.configuration.versions" && a != "ecr.repository" && a != "ecr.tag"
				}
			}
			if (v == Pass || v == Fail) && reads {
				t.Errorf("%s: %s from a configuration alone%s", check, v, seen(r, check))
			}
		}
		wellFormed(t, r)
	})
}
