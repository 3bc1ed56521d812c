package respond_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
	"github.com/freezeframe-ir/freezeframe/playbooks/tabletop"
	"github.com/freezeframe-ir/freezeframe/test/scratch"
	"github.com/freezeframe-ir/freezeframe/test/stages"
)

func TestMain(m *testing.M) { os.Exit(scratch.Main(m)) }

const account = "123456789012"

// desk is where alerts come to: an account in which something has happened, and a folder of cases.
type desk struct {
	w     *tabletop.World
	cases string
	home  string
	o     respond.Options

	mu   sync.Mutex
	made map[string]evidence.Signer // cases
	tell func(playbooks.StepReport) // nil: nobody listens
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	sc, err := tabletop.Find(stages.Base)
	if err != nil {
		t.Fatal(err)
	}
	w, err := tabletop.Play(t.Context(), sc, tabletop.Options{Seed: 1, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	w.Live()
	d := &desk{w: w, cases: t.TempDir(), home: t.TempDir(), made: map[string]evidence.Signer{}}
	d.o = respond.Options{
		Case: d.open,
		Session: func(ctx context.Context, _ *evidence.Case, in string) (*awsapi.Session, error) {
			if in != account {
				return nil, errors.New("no role there")
			}
			return w.Session(ctx, true, nil)
		},
		Env: func() *playbooks.Env {
			return &playbooks.Env{Operator: "respond", Host: "h", Now: time.Now, Tool: evidence.Tool{Name: "test"}, Say: func(string) {},
				Tell: func(r playbooks.StepReport) {
					if d.tell != nil {
						d.tell(r)
					}
				}}
		},
		Now: time.Now,
	}
	return d
}

func (d *desk) open(ctx context.Context, id, title string) (*evidence.Case, error) {
	v, err := vault.NewFolder(filepath.Join(d.cases, id))
	if err != nil {
		return nil, err
	}
	c, made, err := respond.OpenCase(ctx, v, evidence.CaseOptions{Title: title, Authority: "alert", Operator: "respond", Home: d.home})
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if made {
		d.made[id] = c.Signer
	}
	c.Signer = d.made[id]
	return c, nil
}

// sample is an alert of the test's account, seen ago before now.
func sample(t *testing.T, name string, ago time.Duration) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "internal", "alert", "testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	b = bytes.ReplaceAll(b, []byte("111122223333"), []byte(account))
	return bytes.ReplaceAll(b, []byte("2026-11-27"), []byte(time.Now().Add(-ago).UTC().Format(time.DateOnly)))
}

func (d *desk) one(t *testing.T, message []byte) respond.Outcome {
	t.Helper()
	all, err := respond.Respond(t.Context(), bytes.NewReader(message), d.o)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d outcomes of one alert: %v", len(all), err)
	}
	return all[0]
}

// intact verifies every case that there is.
func (d *desk) intact(t *testing.T) {
	t.Helper()
	all, err := os.ReadDir(d.cases)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range all {
		v, err := vault.OpenFolder(filepath.Join(d.cases, x.Name()))
		if err != nil {
			t.Fatal(err)
		}
		c, err := evidence.OpenCase(t.Context(), v)
		if err != nil {
			t.Fatal(err)
		}
		for p, err := range evidence.Verify(t.Context(), c.Vault(), evidence.VerifyOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			t.Errorf("case %s: %+v", x.Name(), p)
		}
	}
}

const day = 24 * time.Hour

// TestAlerts: alerts of each kind come to the state that is theirs, and the account stays as it is.
func TestAlerts(t *testing.T) {
	cells := []struct {
		name, alert string
		change      func([]byte) []byte
		before      func(*testing.T, *desk)
		want        respond.State
		function    bool
	}{
		{name: "GuardDuty through EventBridge", alert: "guardduty-lambda", want: respond.Collected, function: true},
		{name: "GuardDuty, as its API has it", alert: "guardduty-lambda-api", want: respond.Collected, function: true},
		{name: "ASFF", alert: "guardduty-lambda-asff", want: respond.Collected, function: true},
		{name: "OCSF", alert: "guardduty-lambda-ocsf", want: respond.Collected, function: true},
		{name: "a role's credentials: the function is looked up", alert: "guardduty-accesskey", want: respond.Collected, function: true},
		{name: "a user's credentials", alert: "guardduty-user", want: respond.Unresolved},
		{name: "a bucket", alert: "guardduty-bucket", want: respond.Unresolved},
		{name: "another partition", alert: "guardduty-china", want: respond.Abroad},
		{name: "an account without a role", alert: "guardduty-lambda", want: respond.NoEntry,
			change: func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(account), []byte("444455556666")) }},
		{name: "cut short", alert: "guardduty-lambda", want: respond.Unreadable, change: func(b []byte) []byte { return b[:len(b)/2] }},
		{name: "10 MB", alert: "guardduty-lambda", want: respond.Unreadable, change: func(b []byte) []byte { return append(b, bytes.Repeat([]byte(" "), 10<<20)...) }},
		{name: "empty", alert: "guardduty-lambda", want: respond.Unreadable, change: func([]byte) []byte { return nil }},
		{name: "a function deleted meanwhile", alert: "guardduty-lambda", want: respond.WithGaps, function: true, before: func(t *testing.T, d *desk) {
			keys := d.w.Cloud.Bootstrap(account, "owner", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
			c := lambda.NewFromConfig(aws.Config{Region: "eu-west-1", BaseEndpoint: aws.String(tabletop.Endpoint), HTTPClient: d.w.Cloud.Client(), Credentials: credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, "")})
			if _, err := c.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("payments")}); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "hostile text in every field", alert: "guardduty-lambda", want: respond.Collected, function: true,
			change: func(b []byte) []byte {
				return bytes.ReplaceAll(b, []byte("The Lambda function payments"), []byte(`\u001b[2J\u202e<script>alert(1)</script>=HYPERLINK`))
			}},
	}
	for i, c := range cells {
		if testing.Short() && i%4 != 0 { // for the race detector some do
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t)
				if c.before != nil {
					c.before(t, d)
				}
				message := sample(t, c.alert, 0)
				if c.change != nil {
					message = c.change(message)
				}
				was := d.w.Cloud.Digest()
				out := d.one(t, message)
				if out.State != c.want || (out.Function != "") != c.function {
					t.Errorf("%s, %q (%v), function %q; wanted %s", out.State, out.Why, out.Err, out.Function, c.want)
					if r := out.Ran(); r != nil {
						t.Logf("%+v", r.Steps)
					}
				}
				if d.w.Cloud.Digest() != was {
					t.Error("the account was changed")
				}
				if out.Why == "" && !c.function {
					t.Error("it does not say why")
				}
				d.holds(t, out, message)
				d.intact(t)
			})
		})
	}
	t.Logf("%d cells; 0 skipped", len(cells))
}

// TestOneFindingOneCase: by whatever way a finding comes, and however often, it is one case, whose
// evidence is collected once; what came is kept each time.
func TestOneFindingOneCase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		for i, name := range []string{"guardduty-lambda", "guardduty-lambda", "guardduty-lambda-asff", "guardduty-lambda-ocsf", "guardduty-lambda-sns", "guardduty-lambda-repeat"} {
			want := respond.Known
			if i == 0 {
				want = respond.Collected
			}
			if out := d.one(t, sample(t, name, 0)); out.State != want {
				t.Errorf("%s: %s %q", name, out.State, out.Why)
			}
		}
		if len(d.made) != 1 {
			t.Errorf("cases: %v", d.made)
		}
		if n := d.count(t, evidence.KindAlert); n != 5 { // one came twice
			t.Errorf("%d messages are kept", n)
		}
		if n := d.count(t, evidence.KindPlaybook); n != 1 {
			t.Errorf("%d runs", n)
		}
		// What is seen after the evidence was taken is worth another look, an hour later.
		time.Sleep(2*time.Hour + day)
		if out := d.one(t, sample(t, "guardduty-lambda-repeat", 0)); out.State != respond.Collected {
			t.Errorf("a day later: %s %q", out.State, out.Why)
		}
		if n := d.count(t, evidence.KindPlaybook); n != 2 {
			t.Errorf("%d runs", n)
		}
		d.intact(t)
	})
}

// TestCutOff: a process that is told to stop at any step leaves a run that the next goes on with.
func TestCutOff(t *testing.T) {
	steps := []string{"first", "collect", "timeline", "story", "assess", "report"}
	if testing.Short() {
		steps = steps[1:3]
	}
	for _, step := range steps {
		t.Run(step, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t)
				message := sample(t, "guardduty-lambda", 0)
				ctx, stop := context.WithCancel(t.Context())
				d.tell = func(r playbooks.StepReport) {
					if r.ID == step && r.Status == playbooks.Running {
						stop()
					}
				}
				all, err := respond.Respond(ctx, bytes.NewReader(message), d.o)
				if err != nil || all[0].State != respond.CutOff {
					t.Fatalf("%v %v", all, err)
				}
				d.tell = nil
				if out := d.one(t, message); out.State != respond.Busy || out.State.Settled() {
					t.Errorf("while it is not known whether somebody is at it: %s %q", out.State, out.Why)
				}
				d.o.Resume = true
				if out := d.one(t, message); out.State != respond.Collected {
					t.Errorf("gone on with: %s %q", out.State, out.Why)
				}
				if n := d.count(t, evidence.KindPlaybook); n != 1 {
					t.Errorf("%d runs", n)
				}
				d.intact(t)
			})
		})
	}
}

// TestOthersRuns: what people run in the case of an alert is theirs: it is not gone on with, and the
// alert has evidence of its own.
func TestOthersRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		message := sample(t, "guardduty-lambda", 0)
		if out := d.one(t, message); out.State != respond.Collected {
			t.Fatalf("%s %q", out.State, out.Why)
		}
		id := ""
		for id = range d.made {
		}
		c, err := d.open(t.Context(), id, "")
		if err != nil {
			t.Fatal(err)
		}
		pb, err := playbooks.Parse("theirs.yaml", []byte("playbook: theirs\ntitle: t\nsteps:\n  - {id: pause, run: wait, with: {for: 5h}}\n"))
		if err != nil {
			t.Fatal(err)
		}
		env := d.o.Env()
		env.Case = c
		ctx, stop := context.WithTimeout(t.Context(), 2*time.Hour)
		defer stop()
		theirs, err := playbooks.Execute(ctx, pb, nil, env)
		if err != nil || theirs.Status != playbooks.Interrupted {
			t.Fatalf("%v %v", theirs, err)
		}
		d.o.Resume = true
		if out := d.one(t, sample(t, "guardduty-lambda-repeat", 0)); out.State != respond.Collected || out.Run == theirs.ID {
			t.Errorf("%s %q, run %s; theirs is %s", out.State, out.Why, out.Run, theirs.ID)
		}
	})
}

// TestStates: each state is settled or not, and has a name of its own.
func TestStates(t *testing.T) {
	seen := map[respond.State]bool{}
	for _, s := range respond.States() {
		if seen[s] || s == "" {
			t.Errorf("%q twice", s)
		}
		seen[s] = true
	}
	for _, s := range []respond.State{respond.Busy, respond.CutOff, respond.NoEntry, respond.Failed} {
		if s.Settled() {
			t.Errorf("%s is settled: its message would be thrown away", s)
		}
	}
}

// holds looks for the message and the decision in the case.
func (d *desk) holds(t *testing.T, out respond.Outcome, message []byte) {
	t.Helper()
	v, err := vault.OpenFolder(out.Case)
	if err != nil {
		t.Fatal(err)
	}
	c, err := evidence.OpenCase(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	kept := false
	for b, err := range c.Bags(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if b.Header().Kind != evidence.KindAlert {
			continue
		}
		for it, err := range b.Items(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if it.Artefact == "alert.message" {
				r, err := b.Open(t.Context(), it)
				if err != nil {
					t.Fatal(err)
				}
				data, err := io.ReadAll(r)
				if err != nil {
					t.Fatal(err)
				}
				kept = bytes.Equal(data, message[:min(len(message), alert.MaxSize)]) && (len(message) <= alert.MaxSize) == (it.Note == "")
			}
		}
	}
	if !kept {
		t.Error("the case does not have the message as it came")
	}
	told := false
	for e, err := range c.Ledger(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		told = told || e.Type == evidence.EventDecide && e.Data["alert"] == out.Alert && e.Data["state"] == string(out.State)
	}
	if !told {
		t.Error("the ledger does not say what became of the alert")
	}
	if strings.ContainsAny(out.Why, "\x1b\u202e") {
		t.Error("escapes in why are for whoever prints it") // nothing of the title is repeated there
	}
}

// count counts the bags of a kind in all cases.
func (d *desk) count(t *testing.T, kind string) int {
	t.Helper()
	n := 0
	for id := range d.made {
		v, err := vault.OpenFolder(filepath.Join(d.cases, id))
		if err != nil {
			t.Fatal(err)
		}
		c, err := evidence.OpenCase(t.Context(), v)
		if err != nil {
			t.Fatal(err)
		}
		for b, err := range c.Bags(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if b.Header().Kind == kind {
				n++
			}
		}
	}
	return n
}
