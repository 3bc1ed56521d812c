package tabletop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

func everyScenario(t *testing.T) []*Scenario {
	t.Helper()
	all, err := Scenarios()
	if err != nil {
		t.Fatal(strings.ReplaceAll(err.Error(), "; ", "\n"))
	}
	return all
}

// sampled is every scenario, or under -short every third one; the rest is said to be skipped.
func sampled(t *testing.T) []*Scenario {
	t.Helper()
	all := everyScenario(t)
	if !testing.Short() {
		return all
	}
	var out []*Scenario
	for i := 0; i < len(all); i += 3 {
		out = append(out, all[i])
	}
	t.Logf("%d scenarios, %d skipped", len(out), len(all)-len(out))
	return out
}

// thorough asks for every cell of what is otherwise a sample.
func thorough() bool { return os.Getenv("FREEZEFRAME_TABLETOP_ALL") != "" }

func attempt(t *testing.T, s *Scenario, seed uint64, moves []Move) *Score {
	t.Helper()
	score, err := s.Attempt(t.Context(), seed, lintMoment(), moves, t.TempDir())
	if score == nil {
		t.Fatalf("%s: %v", s.Name, err)
	}
	return score
}

func lost(s *Score) string {
	var out []string
	for _, e := range s.Earned {
		if e.Got < e.Points {
			out = append(out, e.ID)
		}
	}
	for _, c := range s.Costs {
		out = append(out, fmt.Sprintf("%s -%d", c.ID, c.Points))
	}
	return strings.Join(out, ", ")
}

// TestScenariosAreFair: every scenario can be won by its reference solution, nothing is won by doing
// nothing, containing before anything is sealed costs, and the same seed gives the same report.
func TestScenariosAreFair(t *testing.T) {
	for _, s := range sampled(t) {
		t.Run(s.Name, func(t *testing.T) {
			trials, err := Lint(t.Context(), s, t.TempDir())
			if err != nil {
				t.Fatal(strings.ReplaceAll(err.Error(), "; ", "\n"))
			}
			for _, trial := range trials {
				t.Logf("%s: %s: %d", s.Name, trial.Name, trial.Score)
				if !trial.Fair {
					t.Errorf("%s: %s scores %d, wanted %s; lost: %s; %v", s.Name, trial.Name, trial.Score, trial.Wanted, lost(trial.Result), trial.Err)
				}
			}
			sameAgain(t, s, trials[0].Result)
		})
	}
}

// sameAgain plays the reference solution once more: the same score and the same papers, byte for byte,
// but for what RandomByNature names.
func sameAgain(t *testing.T, s *Scenario, first *Score) {
	t.Helper()
	second := attempt(t, s, 1, s.Solution)
	if a, b := plain(t, first), plain(t, second); !bytes.Equal(a, b) {
		t.Errorf("%s: same seed, another report:\n%s\n%s", s.Name, a, b)
	}
	for _, form := range PaperForms() {
		if a, b := afterAction(t, first, form), afterAction(t, second, form); !bytes.Equal(a, b) {
			t.Errorf("%s: same seed, another after-action report:\n%s\n%s", s.Name, a, b)
		}
	}
	second.Score--
	if bytes.Equal(afterAction(t, first, "html"), afterAction(t, second, "html")) {
		t.Errorf("%s: another score, the same report: it says nothing", s.Name)
	}
}

func afterAction(t *testing.T, s *Score, form string) []byte {
	t.Helper()
	p, err := s.AfterAction(nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := p.Render(form)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// plain is a score without what is random by nature.
func plain(t *testing.T, score *Score) []byte {
	t.Helper()
	data, err := json.Marshal(score)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]any{}
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	for _, k := range RandomByNature() {
		if m[k] == nil {
			t.Errorf("the list of what is random names %s, which a score does not have", k)
		}
		delete(m, k)
	}
	data, _ = json.Marshal(m)
	return data
}
