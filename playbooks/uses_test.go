package playbooks_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/practices"
)

// TestUses asks the case of an incident what was used in it, and holds the answers against what the
// attacker is known to have done; the assessment that the run kept has the same.
func TestUses(t *testing.T) {
	all := library(t)
	pb := all[slices.IndexFunc(all, func(p *playbooks.Playbook) bool { return p.Name == "code-tampering" })]
	synctest.Test(t, func(t *testing.T) {
		th := open(t, pb)
		run := th.run(t)
		const payments = "arn:aws:lambda:eu-west-1:123456789012:function:payments"
		asked := []practices.Use{
			{Function: payments, Target: payments, Calls: []string{"UpdateFunctionCode", "DeleteFunction"}},
			{Function: payments, Target: payments, Calls: []string{"DeleteFunction"}},
			{Function: payments + "-nobody", Target: payments + "-nobody", Calls: []string{"UpdateFunctionCode"}},
			{Function: payments, Target: payments + ":nowhere", Calls: []string{"UpdateFunctionCode"}},
		}
		used, err := playbooks.CaseUses(th.env.Case)(t.Context(), asked)
		if err != nil {
			t.Fatal(err)
		}
		if u := used[0]; u.Events == 0 || len(u.Cites) == 0 || !slices.Equal(u.Calls, []string{"UpdateFunctionCode"}) || u.First.IsZero() || u.Last.Before(u.First) || u.Partial {
			t.Errorf("the code was overwritten, and: %+v", u)
		}
		for i, u := range used[1:] {
			if u.Events != 0 {
				t.Errorf("%+v: %+v", asked[i+1], u)
			}
		}
		at := slices.IndexFunc(run.Steps, func(s playbooks.StepReport) bool { return s.ID == "assess" })
		if at < 0 || run.Steps[at].Status != playbooks.Succeeded || !strings.Contains(run.Steps[at].Summary, "readiness") {
			t.Fatalf("no assessment: %+v", run.Steps)
		}
		_, path, _ := strings.Cut(run.Steps[at].Summary, "of 100: ")
		data, err := os.ReadFile(filepath.Join(th.dir, filepath.FromSlash(path)))
		if err != nil {
			t.Fatal(err)
		}
		var kept practices.Report
		if err := json.Unmarshal(data, &kept); err != nil || kept.Schema != practices.Schema || !slices.Equal(kept.Functions, []string{payments}) || len(kept.Results) < 20 {
			t.Errorf("%v: %.300s", err, data)
		}
		for _, x := range kept.Results {
			if x.Verdict == practices.Fail && x.Check == "least-privilege/escalation-path" && x.Used == nil {
				t.Errorf("nobody asked whether this was used: %+v", x)
			}
		}
	})
}
