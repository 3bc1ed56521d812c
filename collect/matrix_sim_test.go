package collect

import (
	"encoding/csv"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

// TestEvidenceMatrix holds docs/evidence-matrix.csv: what it calls covered is called by some
// collection of the account that has everything, what collectors declare stands in it, and
// what is not covered has a reason.
func TestEvidenceMatrix(t *testing.T) {
	f, err := os.Open("../docs/evidence-matrix.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]bool{}
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		before := len(a.Cloud.Calls()) // those that made the account
		s := sessionAs(t, a, "reader", allowAll)
		for _, function := range bench.Functions() {
			collectFunction(t, s, function, Options{Unpaced: true, TrailBuckets: []string{AutoTrailBucket}})
		}
		Asked{Account: bench.AccountID, Regions: []string{bench.Region}, Patterns: []string{"pay*"}}.find(t.Context(), s, a.Cloud.Now)
		for _, c := range a.Cloud.Calls()[before:] {
			made[strings.ToLower(c.API)] = true
		}
	})
	declared := map[string]bool{}
	for _, n := range Needs(All) {
		declared[n.Call] = true
	}
	covered, not := 0, 0
	listed := map[string]bool{}
	for _, r := range rows[1:] {
		op, state, collectors, reason := r[0], r[1], r[2], r[3]
		if listed[op] {
			t.Errorf("%s stands there twice", op)
		}
		listed[op] = true
		switch {
		case state == "covered":
			covered++
			if !made[strings.ToLower(op)] || collectors == "" {
				t.Errorf("%s is called covered, and nobody called it", op)
			}
		case state != "not covered" || reason == "":
			t.Errorf("%s: %q without a reason", op, state)
		case declared[op]:
			t.Errorf("%s is called not covered, and a collector declares it", op)
		default:
			not++
		}
	}
	for call := range declared {
		if !listed[call] && call != downloadCall {
			t.Errorf("%s is declared and not listed", call)
		}
	}
	if covered < 85 {
		t.Errorf("only %d operations covered", covered)
	}
	t.Logf("%d operations seen in the account's record, %d not covered with a reason; 0 skipped", covered, not)
}
