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
// nothing, and containing before anything is sealed costs.
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
		})
	}
}

// TestSameSeedSameReport: byte for byte, but for what RandomByNature names.
func TestSameSeedSameReport(t *testing.T) {
	s, err := Find("code-overwrite")
	if err != nil {
		t.Fatal(err)
	}
	plain := func(score *Score) []byte {
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
	a, b := plain(attempt(t, s, 7, s.Solution)), plain(attempt(t, s, 7, s.Solution))
	if !bytes.Equal(a, b) {
		t.Errorf("same seed, another report:\n%s\n%s", a, b)
	}
}
