package practices

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const accepted = `suppressions:
  - check: least-privilege/policy-public
    target: arn:aws:lambda:eu-central-1:123456789012:function:till:live
    owner: olivia
    reason: a shop window
    expires: 2026-11-27
  - check: least-privilege/policy-public
    target: arn:aws:lambda:eu-central-1:123456789012:function:till:nowhere
    owner: olivia
    reason: it was there once
    expires: 2027-01-01
`

// TestSuppressions: one holds on its last day and no longer, and one that matches nothing is said.
func TestSuppressions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		putGrant("live", obj{"StatementId": "all", "Principal": "*"})(w)
		m := &memory{own: map[string][]byte{}}
		w.collect(newCase(t, m), []string{till})
		all, problems := ReadSuppressions("accepted.yaml", []byte(accepted))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		for day, failed := range map[int]int{0: 0, 1: 1} {
			r, err := Assess(t.Context(), reopened(t, m), Options{Now: today().AddDate(0, 0, day), Suppressions: all})
			if err != nil {
				t.Fatal(err)
			}
			s := r.Suppressions
			if r.Failed(Critical) != failed || len(s) != 2 || s[0].Matches != 1 || s[0].Expired != (day == 1) || s[1].Matches != 0 || s[1].Expired {
				t.Errorf("day %d: %d fail, %+v", day, r.Failed(Critical), s)
			}
			if r.Areas[0].Suppressed+r.Areas[0].Fail != 1 {
				t.Errorf("day %d: %+v", day, r.Areas[0])
			}
		}
	})
}

func TestReadSuppressions(t *testing.T) {
	for what, c := range map[string][2]string{
		"an unknown check":     {"check: least-privilege/policy-public", "check: least-privilege/none"},
		"no owner":             {"    owner: olivia\n", ""},
		"an empty reason":      {"reason: a shop window", `reason: " "`},
		"an odd day":           {"expires: 2026-11-27", "expires: soon"},
		"a key that is none":   {"owner: olivia", "owner: olivia\n    until: 2026"},
		"the same twice":       {"till:nowhere", "till:live"},
		"no target":            {"    target: arn:aws:lambda:eu-central-1:123456789012:function:till:live\n", ""},
		"no list at all":       {"suppressions:", "suppress:"},
		"a day of no calendar": {"expires: 2027-01-01", "expires: 2027-02-30"},
	} {
		if _, problems := ReadSuppressions("f", []byte(strings.Replace(accepted, c[0], c[1], 1))); len(problems) == 0 {
			t.Errorf("%s is taken", what)
		}
	}
}

// TestOrder: the same case and day give the same report.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		m := &memory{own: map[string][]byte{}}
		w.collect(newCase(t, m), []string{till})
		first := assessed(t, m)
		time.Sleep(time.Hour)
		for range 3 {
			again := assessed(t, m)
			for i, x := range again.Results {
				if y := first.Results[i]; x.Check != y.Check || x.Target != y.Target || x.Verdict != y.Verdict || x.Seen.String() != y.Seen.String() {
					t.Fatalf("result %d: %+v, then %+v", i, y, x)
				}
			}
		}
	})
}
