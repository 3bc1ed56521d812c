package act_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	guardtypes "github.com/aws/aws-sdk-go-v2/service/guardduty/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/mandate"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/act"
	"github.com/freezeframe-ir/freezeframe/playbooks/tabletop"
	"github.com/freezeframe-ir/freezeframe/test/scratch"
	"github.com/freezeframe-ir/freezeframe/test/stages"
)

func TestMain(m *testing.M) { os.Exit(scratch.Main(m)) }

const (
	account  = "123456789012"
	region   = "eu-west-1"
	payments = "arn:aws:lambda:eu-west-1:123456789012:function:payments"
)

// rules is a mandate that lets the alert of the stage be acted on.
const rules = `mandate: freezeframe.mandate/1
name: night-shift
valid: {from: FROM, until: UNTIL}
approvers:
APPROVERS
rules:
  - name: stop-what-calls-out
    alerts:
      kinds: [guardduty]
      types: ["Backdoor:Lambda/*"]
      severity: high
    functions:
      accounts: ["123456789012"]
      regions: [eu-west-1]
      names: ["payments*"]
      tags: {env: [prod]}
      except_tags: {hands-off: ["*"]}
      shared_role: 2
    acts: {level: stop}
    limits: {per_function: 1, per_day: 3}
    expires: 4h
    approvals: 0
`

// stage is a simulated account in which GuardDuty has found something of payments, a mandate that
// says what may be done about it, and people with keys.
type stage struct {
	t     *testing.T
	w     *tabletop.World
	cases string
	home  string
	board *board.Board
	owner aws.Config
	o     act.Options

	text    string // of the mandate
	signers []*evidence.LocalKey
	trusted []*ecdsa.PublicKey
	none    bool // no mandate
	spoil   func(signatures []mandate.Signature)

	message []byte
	finding guardtypes.Finding
	told    []act.Notice
	change  func(a *alert.Alert) // of the alert as it was read; nil: none

	waits, alone, late bool
	approving          []string

	mu   sync.Mutex
	made map[string]evidence.Signer
}

// people are keys that cost time to make.
var people = sync.OnceValue(func() map[string]*evidence.LocalKey {
	all := map[string]*evidence.LocalKey{}
	for _, name := range []string{"boss", "olive", "pat", "mallory"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			panic(err)
		}
		if all[name], err = evidence.ParseLocalKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
			panic(err)
		}
	}
	return all
})

func newStage(t *testing.T) *stage {
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
	s := &stage{t: t, w: w, cases: t.TempDir(), home: t.TempDir(), made: map[string]evidence.Signer{}}
	keys := w.Cloud.Bootstrap(account, "owner", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	s.owner = aws.Config{Region: region, BaseEndpoint: aws.String(tabletop.Endpoint), HTTPClient: w.Cloud.Client(),
		Credentials: credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, "")}
	v, err := vault.NewFolder(s.cases)
	if err != nil {
		t.Fatal(err)
	}
	s.board = board.On(v, "worker 1")
	s.signers, s.trusted = []*evidence.LocalKey{people()["boss"]}, []*ecdsa.PublicKey{people()["boss"].Public()}
	s.text = rules
	s.swap("FROM", time.Now().Add(-time.Hour).UTC().Format(time.RFC3339))
	s.swap("UNTIL", time.Now().Add(30*24*time.Hour).UTC().Format(time.RFC3339))
	s.swap("APPROVERS", approver(t, "olive")+approver(t, "pat"))
	s.o = act.Options{Board: s.board, Mandate: s.held, Case: s.open, Session: s.session(true), Contain: s.session(false), Env: s.env,
		Regions: []string{region}, Now: time.Now, Notify: func(_ context.Context, n act.Notice) { s.told = append(s.told, n) }}
	s.find("guardduty-lambda")
	s.must(guardduty.NewFromConfig(s.owner).CreateDetector(t.Context(), &guardduty.CreateDetectorInput{Enable: aws.Bool(true)}))
	s.tag(map[string]string{"env": "prod"})
	return s
}

func approver(t *testing.T, name string) string {
	t.Helper()
	p, err := evidence.EncodePublicKey(people()[name].Public())
	if err != nil {
		t.Fatal(err)
	}
	return "  - name: " + name + "\n    key: |\n      " + strings.ReplaceAll(strings.TrimSpace(string(p)), "\n", "\n      ") + "\n"
}

func (s *stage) swap(from, to string) {
	s.t.Helper()
	if !strings.Contains(s.text, from) {
		s.t.Fatalf("%q is not in the mandate", from)
	}
	s.text = strings.Replace(s.text, from, to, 1)
}

func (s *stage) must(_ any, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) tag(tags map[string]string) {
	s.t.Helper()
	s.must(s.lambda().TagResource(s.t.Context(), &lambda.TagResourceInput{Resource: aws.String(payments), Tags: tags}))
}

func (s *stage) lambda() *lambda.Client { return lambda.NewFromConfig(s.owner) }

// sample is one of the alerts, of this account and of now.
func (s *stage) sample(name string) []byte {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "internal", "alert", "testdata", name+".json"))
	if err != nil {
		s.t.Fatal(err)
	}
	b = bytes.ReplaceAll(b, []byte("111122223333"), []byte(account))
	return bytes.ReplaceAll(b, []byte("2026-11-27T"), []byte(time.Now().Add(-24*time.Hour).UTC().Format(time.DateOnly)+"T"))
}

// find makes the message, and what GuardDuty itself says.
func (s *stage) find(name string) {
	s.t.Helper()
	s.message = s.sample(name)
	api := bytes.ReplaceAll(s.sample("guardduty-lambda-api"), []byte(`"LastModifiedAt": 1795252364.0,`), nil)
	if err := json.Unmarshal(api, &s.finding); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) held(context.Context) (*mandate.Held, error) {
	data := []byte(s.text)
	if s.none {
		data = nil
	}
	var signatures []mandate.Signature
	for _, k := range s.signers {
		x, err := mandate.Sign(context.Background(), k, data)
		if err != nil {
			return nil, err
		}
		signatures = append(signatures, x)
	}
	if s.spoil != nil {
		s.spoil(signatures)
	}
	return mandate.Hold("m.yaml", data, act.Acts(), signatures, s.trusted)
}

func (s *stage) session(readOnly bool) func(context.Context, *evidence.Case, string) (*awsapi.Session, error) {
	return func(ctx context.Context, _ *evidence.Case, in string) (*awsapi.Session, error) {
		if in != account {
			return nil, errors.New("no role there")
		}
		return s.w.Session(ctx, readOnly, nil)
	}
}

func (s *stage) env() *playbooks.Env {
	return &playbooks.Env{Operator: "respond", Host: "h", Now: time.Now, Tool: evidence.Tool{Name: "test"}, Say: func(string) {}, Unpaced: true}
}

func (s *stage) open(ctx context.Context, id string) (*evidence.Case, error) {
	return s.openTitled(ctx, id, "")
}

func (s *stage) openTitled(ctx context.Context, id, title string) (*evidence.Case, error) {
	v, err := vault.NewFolder(filepath.Join(s.cases, id))
	if err != nil {
		return nil, err
	}
	c, made, err := respond.OpenCase(ctx, v, evidence.CaseOptions{Title: title, Authority: "alert", Operator: "respond", Home: s.home})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if made {
		s.made[id] = c.Signer
	}
	c.Signer = s.made[id]
	return c, nil
}

// stageFinding lets GuardDuty say what it found.
func (s *stage) stageFinding() { s.w.Cloud.StageGuardDutyFinding(account, region, s.finding) }

// acting is what the alert comes to, without the playbook that collects.
func (s *stage) acting(ctx context.Context, change func(*alert.Alert)) (*respond.Acted, error) {
	a := alert.Parse(s.message)[0]
	if change != nil {
		change(&a)
	}
	return s.actingOn(ctx, s.o, &a)
}

// actingFor is acting, of one of several workers.
func (s *stage) actingFor(ctx context.Context, o act.Options, message []byte) (*respond.Acted, error) {
	a := alert.Parse(message)[0]
	return s.actingOn(ctx, o, &a)
}

func (s *stage) actingOn(ctx context.Context, o act.Options, a *alert.Alert) (*respond.Acted, error) {
	c, err := s.openTitled(ctx, a.Case, "t")
	if err != nil {
		return nil, err
	}
	env := s.env()
	env.Case = c
	if env.Session, err = s.w.Session(ctx, true, nil); err != nil {
		return nil, err
	}
	return act.New(o).Act(ctx, env, a)
}

// stopped says whether the function's concurrency is 0.
func (s *stage) stopped() bool {
	s.t.Helper()
	out, err := s.lambda().GetFunctionConcurrency(context.Background(), &lambda.GetFunctionConcurrencyInput{FunctionName: aws.String("payments")})
	if err != nil {
		s.t.Fatal(err)
	}
	return out.ReservedConcurrentExecutions != nil && *out.ReservedConcurrentExecutions == 0
}

// changes are the calls since n that change the account.
func (s *stage) changes(n int) []string {
	var all []string
	for _, c := range s.w.Cloud.Calls()[n:] {
		if !c.ReadOnly {
			all = append(all, c.Operation)
		}
	}
	return all
}

// decided are the decisions that the ledger of the alert's case tells of, newest last.
func (s *stage) decided() []evidence.Event {
	s.t.Helper()
	var all []evidence.Event
	for id := range s.made {
		c, err := s.open(context.Background(), id)
		if err != nil {
			s.t.Fatal(err)
		}
		for e, err := range c.Ledger(context.Background()) {
			if err != nil {
				s.t.Fatal(err)
			}
			if e.Type == evidence.EventDecide {
				all = append(all, e)
			}
		}
	}
	return all
}

// intact verifies every case.
func (s *stage) intact() { s.verifies(false) }

// verifies lets records be unfinished that somebody who was killed had begun.
func (s *stage) verifies(unfinished bool) {
	s.t.Helper()
	for id := range s.made {
		c, err := s.open(context.Background(), id)
		if err != nil {
			s.t.Fatal(err)
		}
		for p, err := range evidence.Verify(context.Background(), c.Vault(), evidence.VerifyOptions{}) {
			if err != nil {
				s.t.Fatal(err)
			}
			if !p.Unfinished || !unfinished {
				s.t.Errorf("case %s: %+v", id, p)
			}
		}
	}
}

// denied says whether the role of payments has a deny of ours.
func (s *stage) denied() bool {
	s.t.Helper()
	f, err := s.lambda().GetFunctionConfiguration(context.Background(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("payments")})
	if err != nil {
		s.t.Fatal(err)
	}
	role := aws.ToString(f.Role)
	out, err := iam.NewFromConfig(s.owner).ListRolePolicies(context.Background(), &iam.ListRolePoliciesInput{RoleName: aws.String(role[strings.LastIndexByte(role, '/')+1:])})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, name := range out.PolicyNames {
		if strings.Contains(strings.ToLower(name), "freezeframe") {
			return true
		}
	}
	return false
}
