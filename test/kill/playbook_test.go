package kill

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/freezeframe-ir/freezeframe/bench"
)

// book is a playbook whose run is killed.
type book struct {
	name, text string
	code       int // what its run exits with
}

// books have every kind of step between them.
func books() []book {
	const head = "inputs:\n  function: {type: string, required: true}\nsteps:\n"
	const contains = `  - {id: collect, run: collect, with: {function: '${inputs.function}', scope: containment}}
  - {id: plan, run: contain.plan, with: {function: '${inputs.function}', level: stop, accept_shared_role: true}}
  - {id: approve, run: approve, with: {question: 'Stop it?', plan: '${steps.plan.plan}'}}
`
	return []book{
		{"account", "playbook: account\ntitle: t\n" + head + contains + `  - id: ways
    branch:
      - when: steps.plan.calls != 0
        steps:
          - {id: apply, run: contain.apply, with: {plan: '${steps.plan.plan}'}}
    else:
      - {id: idle, run: notify, with: {text: nothing to do, to: stdout}}
  - {id: watch, run: contain.watch, with: {function: '${inputs.function}', for: 1ms}}
  - {id: story, run: timeline.story, with: {function: '${inputs.function}'}}
  - {id: timeline, run: timeline, with: {function: '${inputs.function}'}}
  - {id: verify, run: verify}
  - {id: report, run: report, with: {function: '${inputs.function}'}}
`, 0},
		{"flows", "playbook: flows\ntitle: t\n" + head + `  - {id: ask, run: approve, with: {question: 'Go on?'}}
  - id: both
    parallel:
      - steps: [{id: one, run: notify, with: {text: one, to: one.told}}, {id: pause, run: wait, with: {for: 1ms}}]
      - steps: [{id: two, run: notify, with: {text: two, to: two.told}}]
    limit: 2
  - id: turn
    each: [ada, bob]
    most: 2
    steps: [{id: tell, run: notify, with: {text: '${each.turn}', to: turns.told}}]
  - {id: use, playbook: greets, with: {who: eve}}
  - {id: later, run: manual, with: {do: call them, later: true}}
  - {id: bad, run: notify, on_failure: {goto: last}, with: {text: x, to: nowhere/at/all}}
  - {id: never, run: notify, with: {text: never, to: never.told}}
  - {id: last, run: notify, with: {text: last, to: last.told}}
`, 1},
		{"undoes", "playbook: undoes\ntitle: t\n" + head + contains + `  - {id: apply, run: contain.apply, with: {plan: '${steps.plan.plan}'}}
  - {id: bad, run: notify, on_failure: undo, with: {text: x, to: nowhere/at/all}}
`, 1},
	}
}

const greets = "playbook: greets\ntitle: t\ninputs:\n  who: {type: string, required: true}\nsteps:\n  - {id: hello, run: notify, with: {text: '${inputs.who}', to: used.told}}\n"

// stage is an account in whose bucket cases lie, and the files of the playbooks.
func stage(t *testing.T, binary string) *arena {
	t.Helper()
	a := newArena(t, binary)
	a.bucket = true
	a.makeBucket(t)
	check(t, os.WriteFile(filepath.Join(a.dir, "greets.yaml"), []byte(greets), 0o600))
	for _, b := range books() {
		check(t, os.WriteFile(filepath.Join(a.dir, b.name+".yaml"), []byte(b.text), 0o600))
	}
	return a
}

// renew gives a new account of the same kind. One that has seen many runs is slow: a bucket with all
// their cases is long to list.
func (a *arena) renew(t *testing.T) {
	t.Helper()
	acct := a.newAccount(t)
	a.busy.Lock()
	a.acct = acct
	a.busy.Unlock()
	a.makeBucket(t)
}

func (a *arena) makeBucket(t *testing.T) {
	t.Helper()
	cfg := aws.Config{Region: bench.Region, BaseEndpoint: aws.String(bench.Endpoint), HTTPClient: a.acct.Cloud.Client(),
		Credentials: credentials.NewStaticCredentialsProvider(a.acct.Keys.AccessKeyID, a.acct.Keys.SecretAccessKey, "")}
	_, err := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: aws.String(bucketName), ObjectLockEnabledForBucket: aws.Bool(true),
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(bench.Region)}})
	check(t, err)
}

func (b book) running() []string {
	return []string{"playbook", "run", b.name + ".yaml", "--yes", "--set", "function=" + bench.Function}
}

// TestPlaybookKills kills the run of a playbook at each write of its record and of the ledger, and
// at each call that changes the account, before the effect and after it. Going on then repeats
// nothing and leaves nothing out. Cases lie in a bucket: that a write is on its way is seen, on a
// slow machine and on a quick one, before the command can know what becomes of it.
func TestPlaybookKills(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY under -short: the binary that is killed is built without the race detector; the plain run has it")
	}
	all := os.Getenv("FREEZEFRAME_PLAYBOOK_KILLS") == "all" // or the name of a playbook, or NAME/WRITE
	random := rand.New(rand.NewPCG(3, 9))                   //nolint:gosec // a sample, the same each time
	binary := build(t)
	a := stage(t, binary)
	cells, fates := 0, []fate{}
	for _, b := range books() {
		want, writes, calls := a.undisturbed(t, b)
		for n := range 2 * (writes + len(calls)) {
			cells++
			if only := os.Getenv("FREEZEFRAME_PLAYBOOK_KILLS"); only == "" && random.IntN(70) != 0 || only != "" && only != "all" && only != b.name && only != fmt.Sprintf("%s/%d", b.name, n/2+1) {
				continue
			}
			d := death{nth: n/2 + 1, effect: n%2 == 1}
			if d.nth > writes {
				d.call = calls[d.nth-writes-1]
			}
			fates = append(fates, fate{b, d, want})
		}
	}
	killed := meet(t, a, binary, fates)
	tried, absent := 0, killed[""]
	delete(killed, "")
	for _, where := range slices.Sorted(maps.Keys(killed)) {
		t.Logf("killed at %-40s %d", where, killed[where])
		tried += killed[where]
	}
	t.Logf("%d playbooks, %d kills of %d, %d of writes that were not made this time, 0 skipped, all of them: %v", len(books()), tried, cells, absent, all)
	if tried == 0 || absent > 6 {
		t.Errorf("%d were killed, %d not", tried, absent)
	}
}

// fate is one run, how it dies, and what it is to come to.
type fate struct {
	b    book
	d    death
	want outcome
}

// meet has runs die, on the account that is there or, where they are many, on four beside each other:
// a command waits about as long as it works.
func meet(t *testing.T, a *arena, binary string, fates []fate) map[string]int {
	t.Helper()
	var mu sync.Mutex
	killed, arenas := map[string]int{}, 1
	if len(fates) > 40 {
		arenas = 4
	}
	t.Run("kills", func(t *testing.T) {
		for k := range arenas {
			t.Run(fmt.Sprint(k), func(t *testing.T) {
				t.Parallel()
				at := a
				if k > 0 {
					at = stage(t, binary)
				}
				for i := k; i < len(fates); i += arenas {
					if i/arenas%20 == 19 {
						at.renew(t)
					}
					f := fates[i]
					where := at.killedRun(t, f.b, f.d, f.want)
					t.Logf("%s, %s, %q: went on to %s", f.b.name, f.d, where, f.want.status)
					mu.Lock()
					killed[where]++
					mu.Unlock()
				}
			})
		}
	})
	return killed
}

// death is when a run is killed: at the nth write of its record and the ledger, or at a call.
type death struct {
	nth    int
	call   string
	effect bool // the write, or the call, has taken effect
}

func (d death) String() string {
	at := d.call
	if at == "" {
		at = fmt.Sprintf("write %d", d.nth)
	}
	return at + map[bool]string{false: ", before its effect", true: ", after its effect"}[d.effect]
}

// undisturbed is what a run comes to that nobody kills, how many writes of its record and the
// ledger it makes, and which calls that change the account.
func (a *arena) undisturbed(t *testing.T, b book) (outcome, int, []string) {
	t.Helper()
	a.newRun(t, b.name+", undisturbed: ")
	writes := 0
	stop := a.watchPuts(func(string) (func(func()), bool) { writes++; return nil, false })
	a.run(t, b.code, b.running()...)
	stop()
	calls := a.changes()
	want := a.outcome(t)
	want.calls = strings.Join(calls, " ")
	a.verified(t)
	a.lift(t)
	if contains := strings.Contains(b.text, "contain.apply"); writes < 20 || len(want.steps) < 5 || contains != (len(calls) > 0) || contains && b.code == 0 && len(want.acts) == 0 {
		t.Fatalf("%s: %d writes, %+v", b.name, writes, want)
	}
	return want, writes, slices.Compact(slices.Clone(calls))
}

func (a *arena) newRun(t *testing.T, doing string) {
	t.Helper()
	a.doing = doing
	a.cases++
	a.run(t, 0, "case", "open", a.where(), "--title", "t", "--authority", "a", "--operator", "o")
	for _, f := range a.toldFiles(t) {
		check(t, os.Remove(f))
	}
	a.changes()
}

// lift brings the account back for the next run, whatever this one left.
func (a *arena) lift(t *testing.T) {
	t.Helper()
	if out, err := a.command(lifting...).CombinedOutput(); err != nil && !strings.Contains(string(out), "nothing") {
		t.Fatalf("%slifting: %v\n%s", a.doing, err, out)
	}
}

// changes are the calls that changed the account (not the vault) since it was last asked, sorted.
func (a *arena) changes() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := slices.DeleteFunc(a.calls, func(c string) bool { return strings.HasPrefix(c, "S3:") })
	a.calls = nil
	slices.Sort(out)
	return out
}

var written = regexp.MustCompile(`"kind":"(\w+)"(?:.*?"step":"([^"]+)")?`)

// watchPuts hands each write of the run's record and of the ledger to see, with what it is, one at
// a time. If see says so, the write is its to serve.
func (a *arena) watchPuts(see func(what string) (func(serve func()), bool)) (stop func()) {
	var mu sync.Mutex
	record := ""
	a.mu.Lock()
	defer a.mu.Unlock()
	a.onPut = func(key, body string, serve func()) {
		mu.Lock()
		_, key, _ = strings.Cut(key, "/")
		if bag, ok := strings.CutPrefix(key, "collections/"); ok && record == "" {
			record, _, _ = strings.Cut(bag, "/") // the first bag that a run begins is its record
		}
		what := filepath.Base(key)
		if m := written.FindStringSubmatch(body); m != nil {
			what = strings.TrimSpace(m[1] + " " + m[2])
		} else if strings.HasPrefix(key, "ledger/") {
			what = "ledger " + strings.TrimPrefix(filepath.Ext(what), ".")
		}
		var take func(func())
		ours := false
		if strings.HasPrefix(key, "ledger/") || record != "" && strings.HasPrefix(key, "collections/"+record) {
			take, ours = see(what)
		}
		mu.Unlock()
		if ours {
			take(serve)
			return
		}
		serve()
	}
	return func() { a.mu.Lock(); a.onPut = nil; a.mu.Unlock() }
}

// dieAtPut runs a command that is killed at the nth write, and says which that was: "" if it made fewer.
func (a *arena) dieAtPut(t *testing.T, d death, args ...string) (where string) {
	t.Helper()
	cmd := a.command(args...)
	started, dead := make(chan struct{}), make(chan struct{})
	n := 0
	stop := a.watchPuts(func(what string) (func(func()), bool) {
		if n++; n != d.nth {
			return nil, false
		}
		where = what
		return func(serve func()) {
			if d.effect {
				serve() // the answer leaves when this function has returned
			}
			<-started
			_ = cmd.Process.Kill()
			<-dead
		}, true
	})
	defer stop()
	check(t, cmd.Start())
	close(started)
	err := cmd.Wait()
	close(dead)
	a.settle()
	if n < d.nth { // how many writes there are differs by one or two: what is signed together does
		return ""
	}
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != -1 { //nolint:errorlint // os/exec's own, as it comes
		t.Errorf("%snot killed at write %d of %d: %v", a.doing, d.nth, n, err)
	}
	return where
}
