package conformance

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// servedExercise is an exercise that runs, with the environment of its responders.
type servedExercise struct {
	control, kase, dir string
	env                []string
}

// scored is what the tests look at of a score.
type scored struct {
	Score      int
	Objectives []struct {
		ID  string
		Got int
		Of  int
	}
	Expected []struct {
		ID          string
		Got, Points int
	}
	Costs   []struct{ ID string }
	Metrics struct {
		Left       []string `json:"attacker_access_left"`
		Collateral []string `json:"collateral"`
	}
}

// serveExercise serves a scenario, and opens a case in its environment.
func serveExercise(t *testing.T, scenario string) *servedExercise {
	t.Helper()
	dir := t.TempDir()
	x := &servedExercise{control: filepath.Join(dir, "control.json"), kase: filepath.Join(dir, "case"), dir: dir}
	players := filepath.Join(dir, "players.json")
	home := append(os.Environ(), "FREEZEFRAME_HOME="+filepath.Join(dir, "home"))
	cmd := exec.Command(built.freezeframe, "tabletop", "serve", scenario, "--port", "0", "--control", x.control, "--players", players, "--json")
	out, err := cmd.StdoutPipe()
	cmd.Env, cmd.Stderr = home, os.Stderr
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Signal(os.Interrupt); _ = cmd.Wait() })
	var served struct {
		Env map[string]string `json:"env"`
	}
	if err := json.NewDecoder(out).Decode(&served); err != nil {
		t.Fatal(err)
	}
	x.env = []string{"HOME=" + dir, "FREEZEFRAME_HOME=" + filepath.Join(dir, "home"), "FREEZEFRAME_CASE=" + x.kase, "AWS_PAGER="}
	for k, v := range served.Env {
		x.env = append(x.env, k+"="+v)
	}
	for wait := 0; wait < 100; wait++ { // it is written once the account answers
		if _, err := os.Stat(players); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	must(t, 0, x.path(), built.freezeframe, "case", "open", x.kase, "--title", "t", "--authority", "exercise", "--operator", "o")
	return x
}

// path is the environment with a path.
func (x *servedExercise) path() []string {
	return append(slices.Clone(x.env), "PATH="+os.Getenv("PATH"))
}

func (x *servedExercise) score(t *testing.T) (s scored, text string) {
	t.Helper()
	r := must(t, 0, x.path(), built.freezeframe, "tabletop", "score", "--control", x.control, "--case", x.kase, "--json")
	if err := json.Unmarshal([]byte(r.out), &s); err != nil {
		t.Fatal(err)
	}
	return s, r.out
}

// TestExerciseByAWSCLI plays the exercise outside-grant on a served account with the AWS CLI
// alone, to containment: both doors are shut, the shop's own traffic goes on. Without a
// collection the evidence's points are lost, and that it was changed first costs something.
func TestExerciseByAWSCLI(t *testing.T) {
	aws := tool(t, "FREEZEFRAME_AWS")
	x := serveExercise(t, "outside-grant")
	must(t, 0, x.path(), aws, "lambda", "get-policy", "--function-name", "payments")
	must(t, 0, x.path(), aws, "lambda", "remove-permission", "--function-name", "payments", "--statement-id", "partner-integration")
	must(t, 0, x.path(), aws, "lambda", "remove-permission", "--function-name", "payments", "--qualifier", "live", "--statement-id", "partner-integration-live")
	score, text := x.score(t)
	got := map[string]int{}
	for _, o := range score.Objectives {
		got[o.ID] = o.Got * 100 / o.Of
	}
	if got["contain"] != 100 || got["preserve"] != 0 || len(score.Metrics.Left) != 0 || len(score.Metrics.Collateral) != 0 {
		t.Errorf("%s", text)
	}
	if len(score.Costs) != 1 || score.Costs[0].ID != "hasty" {
		t.Errorf("costs %v: changing the account before anything is sealed has its price", score.Costs)
	}
}

// TestExercisesByAWSCLI plays every scenario by a script of exercises: what is asked of the account
// and changed in it is asked by the AWS CLI, in another order than the reference solution's;
// sealing, notes and decisions, for which AWS has no call, are freezeframe's. The facilitator gives
// the decisions at once. Each scores 90 or more: there is more than one way, and none needs ours.
func TestExercisesByAWSCLI(t *testing.T) {
	aws := tool(t, "FREEZEFRAME_AWS")
	scripts, err := filepath.Glob("exercises/*.sh")
	if err != nil {
		t.Fatal(err)
	}
	var list []struct{ Name string }
	if err := json.Unmarshal(output(t, nil, built.freezeframe, "tabletop", "list", "--json"), &list); err != nil || len(list) != len(scripts) || len(list) < 13 {
		t.Fatalf("%d scenarios, %d scripts, %v", len(list), len(scripts), err)
	}
	bin := t.TempDir()
	for name, to := range map[string]string{"aws": aws, "freezeframe": built.freezeframe} {
		if err := os.Symlink(to, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	table := map[string]string{}
	all := len(list)
	if testing.Short() {
		list = slices.DeleteFunc(list, func(s struct{ Name string }) bool { return len(s.Name)%4 > 0 })
	}
	t.Run("scenario", func(t *testing.T) {
		for _, s := range list {
			t.Run(s.Name, func(t *testing.T) {
				t.Parallel()
				line := playScript(t, s.Name, bin)
				mu.Lock()
				defer mu.Unlock()
				table[s.Name] = line
			})
		}
	})
	for _, s := range list {
		t.Logf("%-18s %s", s.Name, table[s.Name])
	}
	t.Logf("%d scenarios by the AWS CLI; %d skipped", len(table), all-len(list))
}

// playScript plays one scenario and answers its line of the table.
func playScript(t *testing.T, scenario, bin string) string {
	script, err := filepath.Abs(filepath.Join("exercises", scenario+".sh"))
	if err != nil {
		t.Fatal(err)
	}
	x := serveExercise(t, scenario)
	var state struct {
		Pending []struct{ ID string }
	}
	r := must(t, 0, x.path(), built.freezeframe, "tabletop", "status", "--control", x.control, "--json")
	if err := json.Unmarshal([]byte(r.out), &state); err != nil {
		t.Fatal(err)
	}
	for _, n := range state.Pending {
		if strings.HasPrefix(n.ID, "D") {
			must(t, 0, x.path(), built.freezeframe, "tabletop", "inject", n.ID, "--control", x.control)
		}
	}
	cmd := exec.Command("sh", "-ex", script)
	cmd.Dir, cmd.Env = x.dir, append(slices.Clone(x.env), "PATH="+bin+":"+os.Getenv("PATH"))
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, lastLines(string(said), 30))
	}
	score, text := x.score(t)
	missed := []string{}
	for _, e := range score.Expected {
		if e.Got < e.Points {
			missed = append(missed, e.ID)
		}
	}
	if score.Score < 90 || len(score.Metrics.Left) > 0 || len(score.Metrics.Collateral) > 0 {
		t.Errorf("scores %d: missed %v: %s", score.Score, missed, text)
	}
	return fmt.Sprintf("%3d of 100, missed %v, costs %d", score.Score, missed, len(score.Costs))
}
