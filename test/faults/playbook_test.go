package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/tabletop"
	"github.com/freezeframe-ir/freezeframe/test/stages"
)

// stage is one playbook's account, before a run of the built binary on it.
type stage struct {
	w      *tabletop.World
	pb     *playbooks.Playbook
	binary string
	dir    string
	url    string
	inputs map[string]any
}

func setStage(t *testing.T, binary string, pb *playbooks.Playbook) *stage {
	t.Helper()
	s, known := stages.All()[pb.Name]
	if !known {
		t.Fatalf("no world is staged for %s", pb.Name)
	}
	sc, err := tabletop.Find(stages.Base)
	check(t, err)
	w, err := tabletop.Play(t.Context(), sc, tabletop.Options{Seed: 1, Now: time.Now().Add(-stages.Later)})
	check(t, err)
	_, err = s.Set(t.Context(), w)
	check(t, err)
	check(t, w.Wait(t.Context(), time.Since(w.Now())))
	w.Live()
	st := &stage{w: w, pb: pb, binary: binary, dir: t.TempDir(), inputs: maps.Clone(s.Inputs)}
	if st.inputs == nil {
		st.inputs = map[string]any{}
	}
	tabletop.Fill(pb, st.inputs, sc)
	if _, ok := st.inputs["watch"]; ok {
		st.inputs["watch"] = time.Millisecond
	}
	server := httptest.NewServer(w.Cloud)
	t.Cleanup(server.Close)
	st.url = server.URL
	if code, said := st.process("case", "open", filepath.Join(st.dir, "case"), "--title", "t", "--authority", "a", "--operator", "rita"); code != 0 {
		t.Fatalf("opening the case: exit code %d\n%s", code, said)
	}
	return st
}

func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "freezeframe")
	// go run keeps the linked program in the build cache, which go build does not: linking it is
	// ten seconds of a processor.
	if out, err := exec.Command("go", "run", "-exec", "cp", "../../cmd/freezeframe", path).CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	return path
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *stage) process(args ...string) (int, string) {
	cmd := exec.Command(s.binary, args...)
	cmd.Dir = s.dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "TMPDIR=" + s.dir, "FREEZEFRAME_HOME=" + filepath.Join(s.dir, "home"), "FREEZEFRAME_CASE=" + filepath.Join(s.dir, "case"),
		"AWS_ENDPOINT_URL=" + s.url, "AWS_REGION=" + s.w.Scenario.Region, "AWS_ACCESS_KEY_ID=" + s.w.Responder.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + s.w.Responder.SecretAccessKey, "AWS_EC2_METADATA_DISABLED=true",
	}
	out, err := cmd.Output()
	exit, ok := errors.AsType[*exec.ExitError](err)
	switch {
	case ok && len(out) > 0:
		return exit.ExitCode(), string(out)
	case ok:
		return exit.ExitCode(), string(exit.Stderr)
	case err != nil:
		return -1, err.Error()
	}
	return 0, string(out)
}

// played is what a run said of itself.
type played struct {
	Status string `json:"status"`
	Steps  []struct {
		ID      string    `json:"id"`
		Verb    string    `json:"verb"`
		Status  string    `json:"status"`
		Error   string    `json:"error"`
		Gaps    int       `json:"gaps"`
		Started time.Time `json:"started"`
		Ended   time.Time `json:"ended"`
	} `json:"steps"`
}

// play runs the playbook, every approval answered with yes.
func (s *stage) play(t *testing.T) (int, played) {
	t.Helper()
	args := []string{"playbook", "run", s.pb.Name, "--yes", "--json"}
	for name, v := range s.inputs {
		args = append(args, "--set", name+"="+literal(v))
	}
	code, said := s.process(args...)
	var p played
	if err := json.Unmarshal([]byte(said), &p); err != nil {
		t.Fatalf("%s: exit code %d, and no account of the run: %v\n%s", s.pb.Name, code, err, said)
	}
	return code, p
}

func literal(v any) string {
	if list, ok := v.([]string); ok {
		return strings.Join(list, ",")
	}
	return fmt.Sprint(v)
}

// target is a call of a step: the nth of its operation in a run that nothing disturbs.
type target struct {
	step, verb, op string
	nth            int
	writes         bool
}

// targets are the calls of an undisturbed run by step: each operation once.
func (s *stage) targets(p played, calls []awssim.Call, ahead time.Duration) []target {
	known := map[string]bool{}
	for _, v := range playbooks.Verbs() {
		known[v.Name] = v.Needs != nil
	}
	var out []target
	for _, step := range p.Steps {
		if !known[step.Verb] || step.Status == "skipped" {
			continue
		}
		nth, seen := map[string]int{}, map[string]bool{}
		for _, c := range calls {
			nth[c.API]++
			at := c.Time.Add(-ahead)
			if at.Before(step.Started) || at.After(step.Ended) || seen[c.API] {
				continue
			}
			seen[c.API] = true
			out = append(out, target{step.ID, step.Verb, c.API, nth[c.API], !c.ReadOnly})
		}
	}
	return out
}

// playbookFaults are the ways in which a call fails; those behind it fail with it where it says on.
func playbookFaults(writes bool) map[string]awssim.Fault {
	out := map[string]awssim.Fault{
		"denied":    {On: true, Fail: awssim.Fail{Denied: true, Code: "AccessDeniedException", Status: 403, Message: "injected"}},
		"throttled": {On: true, Fail: awssim.Fail{Throttled: true}},
		"dropped":   {On: true, Fail: awssim.Fail{Drop: true}},
	}
	if writes {
		out["dropped once"] = awssim.Fault{Fail: awssim.Fail{Drop: true}}
		out["done, and the reply lost"] = awssim.Fault{AfterEffect: true, Fail: awssim.Fail{Drop: true}}
	}
	return out
}

// chosen are the targets of which cells are made: of a step that changes the account each call
// that does, of another one of its calls.
func chosen(all []target, random *rand.Rand) []target {
	var out []target
	byStep := map[string][]target{}
	var order []string
	for _, c := range all {
		if byStep[c.step] == nil {
			order = append(order, c.step)
		}
		byStep[c.step] = append(byStep[c.step], c)
	}
	for _, step := range order {
		writes := slices.DeleteFunc(slices.Clone(byStep[step]), func(c target) bool { return !c.writes })
		if len(writes) > 0 {
			out = append(out, writes...)
			continue
		}
		out = append(out, byStep[step][random.IntN(len(byStep[step]))])
	}
	return out
}

// TestPlaybookFaults lets calls of each step of each built-in playbook fail under the built binary.
// However a run ends, its exit code and its status say the same and name the step, and where it
// says "succeeded" the account is judged by what is in it: see wrong.
func TestPlaybookFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY under -short: the binary that runs is built without the race detector; the plain run has it")
	}
	want := os.Getenv("FREEZEFRAME_PLAYBOOK_FAULTS") // "", "all", or names of playbooks
	binary := build(t)
	all, err := playbooks.BuiltIn()
	check(t, err)
	var mu sync.Mutex
	cells, tried, endings := 0, 0, map[string]int{}
	// A run waits more than it works: collecting keeps below AWS's quotas.
	t.Run("cells", func(t *testing.T) {
		for i, pb := range all {
			if want == "" && pb.Name != "public-exposure" || want != "" && want != "all" && !slices.Contains(strings.Split(want, ","), pb.Name) {
				continue
			}
			t.Run(pb.Name, func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(5, uint64(i))) //nolint:gosec // a sample, the same each time
				for n, c := range chosen(setStage(t, binary, pb).undisturbed(t), random) {
					faults := playbookFaults(c.writes)
					for _, fault := range slices.Sorted(maps.Keys(faults)) {
						mu.Lock()
						cells++
						mu.Unlock()
						if want == "" && (c.verb != "contain.apply" || n%5 != 0 || fault == "throttled") {
							continue
						}
						t.Run(fmt.Sprintf("%s %s %s", c.step, c.op, fault), func(t *testing.T) {
							t.Parallel()
							ending := faultCell(t, binary, pb, c, fault, faults[fault])
							mu.Lock()
							defer mu.Unlock()
							tried++
							endings[ending]++
						})
					}
				}
			})
		}
	})
	t.Logf("%d cells (playbook, call of a step, fault), %d tried, 0 skipped; ended: %v", cells, tried, endings)
	if tried == 0 {
		t.Error("no cell was tried")
	}
}

// undisturbed runs the playbook: it ends as well as it can, and the account is as it should be then,
// and was not before.
func (s *stage) undisturbed(t *testing.T) []target {
	t.Helper()
	if before := s.wrong(); len(before) == 0 {
		t.Fatalf("%s: nothing is wrong with the account before the run: it could not fail", s.pb.Name)
	}
	from := len(s.w.Cloud.Calls())
	code, p := s.play(t)
	best := stages.All()[s.pb.Name].Ends
	if best == "" {
		best = playbooks.Succeeded
	}
	if p.Status != string(best) {
		t.Fatalf("%s, undisturbed: exit code %d, %+v", s.pb.Name, code, p)
	}
	calls, ahead := s.w.Cloud.Calls()[from:], time.Until(s.w.Now())
	if odd := append(s.wrong(), s.roads(t)...); len(odd) > 0 {
		t.Fatalf("%s, undisturbed: %s, and %s", s.pb.Name, p.Status, strings.Join(odd, "; "))
	}
	return s.targets(p, calls, ahead)
}

// faultCell is one run with one fault.
func faultCell(t *testing.T, binary string, pb *playbooks.Playbook, c target, fault string, f awssim.Fault) string {
	t.Helper()
	s := setStage(t, binary, pb)
	f.Op, f.Nth = c.op, c.nth
	s.w.Cloud.Inject(f)
	code, p := s.play(t)
	struck := len(s.w.Cloud.Struck())
	s.w.Cloud.ClearFaults()
	at := ""
	for _, step := range p.Steps {
		if at == "" && (step.Status == "failed" || step.Status == "aborted" || step.Status == "succeeded with gaps") {
			at = step.ID
		}
	}
	t.Logf("%s, %s (%s), %s %s: exit %d, %s %s", pb.Name, c.step, c.verb, c.op, fault, code, p.Status, at)
	name := fmt.Sprintf("%s, step %s, %s, the %d., %s", pb.Name, c.step, c.op, c.nth, fault)
	if struck == 0 {
		t.Errorf("%s: the fault struck nothing", name)
	}
	// A failed run exits with 4 where it was refused: without the evidence nothing is contained.
	codes := map[string][]int{"succeeded": {0}, "succeeded with gaps": {3}, "failed": {1, 4}, "aborted": {4}}
	if !slices.Contains(codes[p.Status], code) {
		t.Errorf("%s: status %q and exit code %d", name, p.Status, code)
	}
	ends := stages.All()[pb.Name].Ends
	switch odd := append(s.wrong(), s.roads(t)...); {
	case (p.Status == string(playbooks.Succeeded) || p.Status == string(ends)) && at == "" && len(odd) > 0:
		t.Errorf("%s: it says %q, and %s", name, p.Status, strings.Join(odd, "; "))
	case p.Status != string(playbooks.Succeeded) && at == "":
		t.Errorf("%s: it says %q, and not where", name, p.Status)
	}
	if code, said := s.process("verify"); code != 0 {
		t.Errorf("%s: verify: exit code %d\n%s", name, code, said)
	}
	return p.Status
}
