package conformance

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestExerciseByAWSCLI plays the exercise outside-grant on a served account with the AWS CLI
// alone, to containment: both doors are shut, the shop's own traffic goes on. Without a
// collection the evidence's points are lost, and that it was changed first costs something.
func TestExerciseByAWSCLI(t *testing.T) {
	aws, dir := tool(t, "FREEZEFRAME_AWS"), t.TempDir()
	control, kase := filepath.Join(dir, "control.json"), filepath.Join(dir, "case")
	home := append(os.Environ(), "FREEZEFRAME_HOME="+filepath.Join(dir, "home"))
	cmd := exec.Command(built.freezeframe, "tabletop", "serve", "outside-grant", "--port", "0", "--control", control, "--json")
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
		Env   map[string]string `json:"env"`
		Unset []string          `json:"unset"`
	}
	if err := json.NewDecoder(out).Decode(&served); err != nil {
		t.Fatal(err)
	}
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "FREEZEFRAME_HOME=" + filepath.Join(dir, "home")}
	for k, v := range served.Env {
		env = append(env, k+"="+v)
	}
	for wait := 0; wait < 100; wait++ { // it is written once the account answers
		if _, err := os.Stat(control); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	must(t, 0, env, built.freezeframe, "case", "open", kase, "--title", "t", "--authority", "exercise", "--operator", "o")
	must(t, 0, env, aws, "lambda", "get-policy", "--function-name", "payments")
	must(t, 0, env, aws, "lambda", "get-policy", "--function-name", "payments", "--qualifier", "live")
	must(t, 0, env, aws, "lambda", "remove-permission", "--function-name", "payments", "--statement-id", "partner-integration")
	must(t, 0, env, aws, "lambda", "remove-permission", "--function-name", "payments", "--qualifier", "live", "--statement-id", "partner-integration-live")
	var score struct {
		Objectives []struct {
			ID  string `json:"id"`
			Got int    `json:"got"`
			Of  int    `json:"of"`
		} `json:"objectives"`
		Costs   []struct{ ID string }
		Metrics struct {
			Left       []string `json:"attacker_access_left"`
			Collateral []string `json:"collateral"`
		} `json:"metrics"`
	}
	r := must(t, 0, env, built.freezeframe, "tabletop", "score", "--control", control, "--case", kase, "--json")
	if err := json.Unmarshal([]byte(r.out), &score); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, o := range score.Objectives {
		got[o.ID] = o.Got * 100 / o.Of
	}
	if got["contain"] != 100 || got["preserve"] != 0 || len(score.Metrics.Left) != 0 || len(score.Metrics.Collateral) != 0 {
		t.Errorf("%s", r.out)
	}
	if len(score.Costs) != 1 || score.Costs[0].ID != "hasty" {
		t.Errorf("costs %v: changing the account before anything is sealed has its price", score.Costs)
	}
}
