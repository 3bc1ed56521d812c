package kill

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/internal/vault/s3vault"
	"github.com/freezeframe-ir/freezeframe/playbooks"
)

// outcome is what a run came to, and what it left.
type outcome struct {
	status string
	steps  []string       // with how they ended, sorted: lanes end in any order
	bags   map[string]int // sealed ones, by kind
	acts   []string
	told   map[string][2]int // how often: plainly, and as perhaps for the second time
	calls  string            // that changed the account
}

// ran is what the record of a run says of it.
type ran struct {
	Status string
	Steps  []playbooks.StepReport
}

// opened is the case, read without the command: what a run has left is asked for far more often than
// commands are killed.
func (a *arena) opened(t *testing.T) (*evidence.Case, *awsapi.Session) {
	t.Helper()
	s, err := awsapi.Connect(t.Context(), awsapi.Options{Region: bench.Region, EndpointURL: bench.Endpoint, HTTPClient: a.acct.Cloud.Client(),
		Credentials: credentials.NewStaticCredentialsProvider(a.acct.Keys.AccessKeyID, a.acct.Keys.SecretAccessKey, "")})
	check(t, err)
	var v vault.Vault
	if a.bucket {
		o := s3vault.Options{Bucket: bucketName, Prefix: fmt.Sprint("case", a.cases)}
		v, err = s3vault.New(s.Config("", s3vault.Needs(o)), o)
	} else {
		v, err = vault.OpenFolder(a.where())
	}
	check(t, err)
	c, err := evidence.OpenCase(t.Context(), v)
	check(t, err)
	return c, s
}

// lastRun is the last run of the case, step by step; nil if there is none.
func (a *arena) lastRun(t *testing.T) *ran {
	t.Helper()
	c, _ := a.opened(t)
	var last *ran
	for b, err := range c.Bags(t.Context()) {
		check(t, err)
		if b.Header().Kind != evidence.KindPlaybook {
			continue
		}
		rec, err := playbooks.ReadRecord(t.Context(), b)
		check(t, err)
		run := rec.Run()
		last = &ran{string(run.Status), run.Steps}
	}
	return last
}

// bags counts the case's bags by kind.
func (a *arena) bags(t *testing.T, sealed bool) map[string]int {
	t.Helper()
	c, _ := a.opened(t)
	kinds := map[string]int{}
	for b, err := range c.Bags(t.Context()) {
		check(t, err)
		if b.Sealed() || !sealed {
			kinds[b.Header().Kind]++
		}
	}
	return kinds
}

// verified holds the case to be whole, with nothing unfinished.
func (a *arena) verified(t *testing.T) {
	t.Helper()
	c, _ := a.opened(t)
	for p, err := range c.Verify(t.Context()) {
		t.Errorf("%sthe case: %s: %s %v", a.doing, p.Path, p.What, err)
	}
}

func (a *arena) toldFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(a.dir, "*.told"))
	check(t, err)
	return files
}

// outcome reads what the run of the case left.
func (a *arena) outcome(t *testing.T) outcome {
	t.Helper()
	o := outcome{bags: a.bags(t, true), told: map[string][2]int{}}
	if run := a.lastRun(t); run != nil {
		o.status = run.Status
		for _, s := range run.Steps {
			o.steps = append(o.steps, s.ID+"="+string(s.Status))
		}
	}
	slices.Sort(o.steps)
	c, session := a.opened(t)
	standing, err := contain.Standings(t.Context(), contain.StatusInput{Session: session, Case: c})
	check(t, err)
	for _, s := range standing {
		o.acts = append(o.acts, s.Act+" "+string(s.State))
	}
	slices.Sort(o.acts)
	for _, f := range a.toldFiles(t) {
		told, err := os.ReadFile(f)
		check(t, err)
		for line := range strings.Lines(string(told)) {
			_, text, _ := strings.Cut(line, " ")
			text, _, _ = strings.Cut(text, " (case")
			n := o.told[text]
			if strings.Contains(line, "perhaps for the second time") {
				n[1]++
			} else {
				n[0]++
			}
			o.told[text] = n
		}
	}
	return o
}

// differs says in what an outcome differs from that of a run that nobody killed. Whoever was to be
// told when the run died may be told again, and is told so.
func (o outcome) differs(want outcome, inDoubt []string) string {
	var odd []string
	say := func(what string, got, want any) {
		if fmt.Sprint(got) != fmt.Sprint(want) {
			odd = append(odd, fmt.Sprintf("%s: %v\n  want %v", what, got, want))
		}
	}
	say("status", o.status, want.status)
	say("steps", o.steps, want.steps)
	say("bags", o.bags, want.bags)
	say("acts", o.acts, want.acts)
	say("calls", o.calls, want.calls)
	for text, n := range o.told {
		doubt := n[1] == 1 && n[0] <= 1 && len(inDoubt) > 0
		if _, known := want.told[text]; !known || n != [2]int{1, 0} && !doubt {
			odd = append(odd, fmt.Sprintf("told %q %d times, and %d times as perhaps the second; in doubt were the steps %v", text, n[0], n[1], inDoubt))
		}
	}
	for text := range want.told {
		if _, ok := o.told[text]; !ok {
			odd = append(odd, fmt.Sprintf("%q was told to nobody", text))
		}
	}
	return strings.Join(odd, "\n")
}

// killedRun kills a run, lets it go on, and compares. It says where the run was killed.
func (a *arena) killedRun(t *testing.T, b book, d death, want outcome) (where string) {
	t.Helper()
	a.newRun(t, fmt.Sprintf("%s, killed at %s: ", b.name, d))
	if d.call != "" {
		where = d.call
		a.die(t, d.call, d.effect, b.running()...)
	} else {
		where = a.dieAtPut(t, d, b.running()...)
		if where == "" {
			a.changes()
			a.lift(t)
			return ""
		}
		a.doing = fmt.Sprintf("%s, killed at %s, %q: ", b.name, d, where)
	}
	at := a.lastRun(t)
	var begun []string // and without a result
	if at != nil {
		for _, s := range at.Steps {
			if s.Status == playbooks.Running {
				begun = append(begun, s.ID)
			}
		}
	}
	cut := a.bags(t, false)
	code, said := a.goOn(b, at)
	if at != nil && len(at.Steps) == 0 && code == 2 { // cut off before it had begun: its empty record stays
		a.run(t, 0, "verify")
		code, said = a.goOn(b, nil)
		want.bags = maps.Clone(want.bags)
		want.bags["playbook"]++
	}
	got := a.outcome(t)
	got.calls = strings.Join(a.changes(), " ")
	want.bags = bagsAfter(want.bags, cut, got.bags, begun)
	if d.call != "" && !d.effect { // asked for twice, done once
		calls := append(strings.Fields(want.calls), d.call)
		slices.Sort(calls)
		want.calls = strings.Join(calls, " ")
	}
	if code == 2 && where == "ledger sig" && d.effect && at.Status == want.status { // it had ended: nothing was left to go on with
		code = b.code
	}
	if odd := got.differs(want, begun); code != b.code || odd != "" {
		t.Errorf("%swent on from %v with exit code %d, want %d\n%s\ngoing on it said\n%s", a.doing, at, code, b.code, odd, said)
	}
	a.verified(t)
	a.lift(t)
	return where
}

// goOn resumes a run that was killed, as a person would: one that had not begun is begun.
func (a *arena) goOn(b book, at *ran) (int, string) {
	args := []string{"playbook", "resume", "--yes"}
	if at == nil {
		args = b.running()
	}
	return ended(a.command(args...))
}

// bagsAfter are the sealed bags that are to be there in the end: the record of an application that
// was cut off is a bag of its own, sealed when the run goes on, and so may be that of an act that
// was being taken back.
func bagsAfter(want, cut, got map[string]int, begun []string) map[string]int {
	out := maps.Clone(want)
	for _, s := range begun {
		if s == "apply" && cut["containment"] > 0 || s == "undo/apply" && got["containment"] == want["containment"]+1 {
			out["containment"]++
		}
	}
	return out
}
