package kill

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
	"github.com/freezeframe-ir/freezeframe/test/scratch"
)

// arena is one account on which commands are killed at a call that changes it.
type arena struct {
	doing       string // what is being tried, for messages
	binary, dir string
	acct        *bench.Account
	url         string
	cases       int
	stranger    bool // commands run without what the user keeps: keys and identities
	bucket      bool // cases lie in a bucket of the account

	server *httptest.Server
	busy   sync.RWMutex // held for reading while a call is answered

	mu    sync.Mutex
	onPut func(key, body string, serve func()) // in the bucket; nil lets it be
	calls []string                             // that change something, in order
	on    func(call string)
	at    string // the call at which the command dies
	kill  func()
}

func newArena(t *testing.T, binary string) *arena {
	t.Helper()
	a := &arena{binary: binary, dir: t.TempDir()}
	a.acct = a.newAccount(t)
	a.server = httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(a.server.Close)
	a.url = a.server.URL
	return a
}

func (a *arena) newAccount(t *testing.T) *bench.Account {
	t.Helper()
	acct, err := bench.NewAccount(context.Background(), awssim.Config{Tell: a.told}, 2, 1<<10)
	if err == nil {
		err = acct.AddContainables(context.Background())
	}
	if err != nil {
		t.Fatal(err)
	}
	return acct
}

// settle returns when the calls of a command that is dead have had their effect, or never
// will: some were on their way beside the one at which it died.
func (a *arena) settle() {
	a.server.CloseClientConnections()
	a.busy.Lock()
	defer a.busy.Unlock()
}

// serve passes on to the account; what is put into the bucket may be where a command dies.
func (a *arena) serve(rw http.ResponseWriter, r *http.Request) {
	a.busy.RLock()
	defer a.busy.RUnlock()
	a.mu.Lock()
	on := a.onPut
	a.mu.Unlock()
	key, ok := strings.CutPrefix(r.URL.Path, "/"+bucketName+"/")
	if !ok || r.Method != http.MethodPut || on == nil {
		a.acct.Cloud.ServeHTTP(rw, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	on(key, string(body), func() { a.acct.Cloud.ServeHTTP(rw, r) })
}

// where is the case that commands work on.
func (a *arena) where() string {
	if a.bucket {
		return fmt.Sprintf("s3://%s/case%d", bucketName, a.cases)
	}
	return filepath.Join(a.dir, fmt.Sprint("case", a.cases))
}

// told is called for every call, before it is answered: that is the moment of death.
func (a *arena) told(service, operation, _ string, _ map[string]any) {
	call := strings.ReplaceAll(service, " ", "") + ":" + operation
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.on != nil {
		a.on(call)
	}
	if !awsapi.Mutating(call) {
		return
	}
	a.calls = append(a.calls, call)
	if call == a.at && a.kill != nil {
		a.kill()
		a.kill = nil
	}
}

// changed are the calls since it was last asked, each once.
func (a *arena) changed() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var once []string
	seen := map[string]bool{}
	for _, c := range a.calls {
		if !seen[c] {
			once = append(once, c)
		}
		seen[c] = true
	}
	a.calls = nil
	return once
}

func (a *arena) command(args ...string) *exec.Cmd {
	cmd := exec.Command(a.binary, args...)
	cmd.Dir = a.dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + a.dir, "TMPDIR=" + a.dir, "FREEZEFRAME_HOME=" + filepath.Join(a.dir, map[bool]string{false: "home", true: "stranger"}[a.stranger]),
		"FREEZEFRAME_CASE=" + a.where(), "AWS_ENDPOINT_URL=" + a.url, "AWS_REGION=" + bench.Region,
		"AWS_ACCESS_KEY_ID=" + a.acct.Keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + a.acct.Keys.SecretAccessKey, "AWS_EC2_METADATA_DISABLED=true", scratch.Process,
	}
	return cmd
}

func (a *arena) run(t *testing.T, want int, args ...string) {
	t.Helper()
	out, err := a.command(args...).CombinedOutput()
	code := 0
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // os/exec's own, as it comes
		code = exit.ExitCode()
	}
	if code != want {
		t.Fatalf("%s%s: exit code %d, want %d\n%s", a.doing, strings.Join(args, " "), code, want, out)
	}
}

// die runs a command that is killed at a call: before the account hears of it, or when it
// has done it and the answer is on its way.
func (a *arena) die(t *testing.T, call string, effect bool, args ...string) {
	t.Helper()
	cmd := a.command(args...)
	var err error
	started, dead := make(chan struct{}), make(chan struct{})
	// All is set before it starts: on a busy machine it may be far before this goroutine goes on.
	a.acct.Cloud.Inject(awssim.Fault{Op: call, Nth: 1, AfterEffect: effect, Fail: awssim.Fail{Drop: true}})
	a.mu.Lock()
	a.at, a.kill = call, func() {
		<-started
		_ = cmd.Process.Kill()
		<-dead // it is gone before the call is answered
	}
	a.mu.Unlock()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	close(started)
	go func() { defer close(dead); err = cmd.Wait() }()
	<-dead
	a.mu.Lock()
	a.at, a.kill = "", nil
	a.mu.Unlock()
	a.settle()
	a.acct.Cloud.ClearFaults()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != -1 { //nolint:errorlint // as above
		t.Errorf("%s%s was not killed at %s: %v", a.doing, args[1], call, err)
	}
}

// newCase begins a case, with what the act needs of it.
func (a *arena) newCase(t *testing.T, act contain.Act) {
	t.Helper()
	a.cases++
	a.run(t, 0, "case", "open", a.where(), "--title", "t", "--authority", "a", "--operator", "o")
	if act.Fixture.Collected {
		a.run(t, 3, "collect", "--function", bench.Function) // of a queue abroad, which is not there, a gap remains
	}
	if act.Fixture.Kept {
		if err := a.acct.Intrude(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

// planned writes a plan of the act on its fixture.
func (a *arena) planned(t *testing.T, act contain.Act) string {
	t.Helper()
	path := filepath.Join(a.dir, fmt.Sprint(act.Name, a.cases, ".json"))
	args := []string{"contain", "plan", "--out", path, "--accept-shared-role"}
	switch fx := act.Fixture; {
	case fx.Finding != nil:
		list := filepath.Join(a.dir, act.Name+".findings.json")
		var b bytes.Buffer
		err := finding.Write(&b, finding.File{Of: "fixture", Findings: []finding.Finding{*fx.Finding}})
		if err == nil {
			err = os.WriteFile(list, b.Bytes(), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, "--from-timeline", list)
	case fx.Actor != "":
		args = append(args, "--act", act.Name, "--actor", fx.Actor)
	case fx.Resource != "":
		args = append(args, "--act", act.Name, "--resource", fx.Resource)
	case fx.Named != "":
		args = append(args, "--act", act.Name, "--resource", a.acct.Named[fx.Named])
	default:
		args = append(args, "--act", act.Name, "--function", bench.Function)
	}
	if act.Fixture.Good != "" {
		args = append(args, "--good-version", act.Fixture.Good)
	}
	if act.Fixture.Group != "" {
		args = append(args, "--quarantine-group", act.Fixture.Group)
	}
	if act.Fixture.StopDurable {
		args = append(args, "--stop-durable")
	}
	if act.Fixture.Rotate {
		args = append(args, "--rotate-secrets")
	}
	if act.Fixture.Signing {
		args = append(args, "--signing-config", a.acct.Enforcing)
	}
	a.stranger = act.Fixture.Locked
	a.run(t, 0, args...)
	a.stranger = false
	return path
}

var lifting = []string{"contain", "undo", "--all", "--reason", "test", "--accept-risk", "test"}

// TestContainKills kills apply, and then undo, at each call that changes the account,
// before its effect and after it: status knows, and undo brings the account back.
func TestContainKills(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY under -short: the binary that is killed is built without the race detector; the plain run has it")
	}
	all := os.Getenv("FREEZEFRAME_CONTAIN_KILLS") == "all"
	binary := build(t)
	a := newArena(t, binary)
	cells, killed := 0, 0
	for i, act := range contain.All() {
		if !all && i%4 != 0 { // a sample of acts, each with all its kills
			continue
		}
		anew := act.Stays || act.Fixture.Named != "" // what undo leaves as it is, or brings back under another name, has to be made anew
		a.doing = act.Name + ", undisturbed: "
		if anew || act.Fixture.Kept { // what is collected as good must not be what another act's intruder left
			a = newArena(t, binary)
		}
		a.newCase(t, act)
		plan := a.planned(t, act)
		before := a.acct.Cloud.Objects()
		apply := []string{"contain", "apply", plan, "--override", "test"}
		a.changed()
		a.run(t, 0, apply...)
		applying := a.changed()
		a.run(t, 0, lifting...)
		undoing := a.changed()
		if len(applying) == 0 || (len(undoing) == 0) != act.Stays {
			t.Fatalf("%s changes nothing on its fixture", act.Name)
		}
		for phase, calls := range map[string][]string{"apply": applying, "undo": undoing} {
			for _, call := range calls {
				for _, effect := range []bool{false, true} {
					cells++
					if anew {
						a = newArena(t, binary)
						a.newCase(t, act)
						apply[2], before = a.planned(t, act), a.acct.Cloud.Objects()
					}
					a.newCase(t, act)
					if act.Fixture.Kept && act.Fixture.Good != "" { // such a plan is bound to what its own case has sealed
						apply[2] = a.planned(t, act)
					}
					a.doing = fmt.Sprintf("%s killed in %s at %s (effect %v): ", act.Name, phase, call, effect)
					if phase == "apply" {
						a.die(t, call, effect, apply...)
					} else {
						a.run(t, 0, apply...)
						a.die(t, call, effect, lifting...)
					}
					killed++
					a.run(t, 0, "contain", "status")
					a.run(t, 0, lifting...)
					if odd := differing(act, before, a.acct.Cloud.Objects()); odd != "" {
						t.Errorf("%s killed in %s at %s (effect %v), undone, and not as before: %s", act.Name, phase, call, effect, odd)
					}
				}
			}
		}
	}
	t.Logf("%d kills in %d cells, 0 skipped; sample of acts: %v", killed, cells, !all)
}

// differing are the objects that are not as they were, of an act that loses nothing.
func differing(act contain.Act, before, after map[string]json.RawMessage) string {
	if len(act.LosesState) > 0 {
		return "" // the matrix of faults in contain compares field by field
	}
	var odd []string
	for key := range after {
		if string(before[key]) != string(after[key]) {
			odd = append(odd, key)
		}
	}
	for key := range before {
		if after[key] == nil {
			odd = append(odd, key)
		}
	}
	return strings.Join(odd, ", ")
}
