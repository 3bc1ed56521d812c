package contain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// field is the bench account with something of every act, and a session at it. Used inside
// a bubble of synctest: waiting costs nothing.
type field struct {
	cloud   *awssim.Cloud
	session *awsapi.Session
	kase    *evidence.Case
	store   *memory

	account   *bench.Account
	good      *memory           // a case with a collection from before Intrude
	home      string            // where its identity lies
	packages  map[string][]byte // by version
	enforcing string            // code-signing configuration
	named     map[string]string // ARNs

	mu    sync.Mutex
	calls []string // made since it was last taken
}

// leaping is a clock on which much time passes while the account is made, so that
// nothing in it is still on its way.
type leaping struct {
	mu    sync.Mutex
	ahead time.Duration
	done  bool
}

func (l *leaping) Now() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.done {
		l.ahead += 10 * time.Second
	}
	return time.Now().Add(l.ahead)
}

func (l *leaping) catchUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	time.Sleep(l.ahead + time.Minute)
	l.ahead, l.done = 0, true
}

func newField(t *testing.T) *field {
	t.Helper()
	clock := &leaping{}
	a, err := bench.NewAccount(t.Context(), awssim.Config{Seed: 7, Clock: clock, Settle: 3 * time.Second, IAMDelay: 5 * time.Second}, 2, 1<<10)
	must(t, err)
	must(t, a.AddContainables(t.Context()))
	clock.catchUp()
	f := &field{account: a, cloud: a.Cloud, enforcing: a.Enforcing, named: a.Named}
	f.session, err = awsapi.Connect(t.Context(), awsapi.Options{
		Region: bench.Region, EndpointURL: bench.Endpoint, HTTPClient: a.Cloud.Client(), Record: f.record,
		Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, ""),
	})
	must(t, err)
	f.download(t)
	return f
}

func (f *field) record(x awsapi.Exchange) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, x.Call)
}

// made are the calls since it was last asked, each once, in order.
func (f *field) made() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var once []string
	seen := map[string]bool{}
	for _, c := range f.calls {
		if !seen[c] {
			once = append(once, c)
		}
		seen[c] = true
	}
	f.calls = nil
	return once
}

// newCase begins anew, with everything sealed that the plan asks for.
func (f *field) newCase(t *testing.T, p *Plan) {
	t.Helper()
	if f.good != nil {
		f.openGood(t)
		(&fakeBench{c: f.kase}).preserve(t, p)
		return
	}
	var err error
	f.store = &memory{objs: map[string][]byte{}}
	f.kase, err = evidence.CreateCase(t.Context(), f.store, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "alice", Home: t.TempDir()})
	must(t, err)
	(&fakeBench{c: f.kase}).preserve(t, p)
	f.keepCode(t)
}

// intrude lets the account be collected, and changed afterwards.
func (f *field) intrude(t *testing.T) {
	t.Helper()
	if f.good != nil {
		return
	}
	f.home = t.TempDir()
	f.good = &memory{objs: map[string][]byte{}}
	c, err := evidence.CreateCase(t.Context(), f.good, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "alice", Home: f.home})
	must(t, err)
	target, err := collect.ParseTarget(bench.AccountID, bench.Region, bench.Function)
	must(t, err)
	_, _, err = collect.Into(t.Context(), f.session.ReadOnly(), c, evidence.Header{Operator: "alice"}, []collect.Target{target},
		collect.Options{Unpaced: true, Only: []string{"lambda.configuration", "lambda.environment", "lambda.tags", "iam.role"}})
	must(t, err)
	time.Sleep(time.Minute)
	must(t, f.account.Intrude(t.Context()))
	time.Sleep(time.Minute)
	f.openGood(t)
	f.made()
}

// openGood begins with a copy of that case.
func (f *field) openGood(t *testing.T) {
	t.Helper()
	f.store = &memory{objs: maps.Clone(f.good.objs)}
	var err error
	f.kase, err = evidence.OpenCase(t.Context(), f.store)
	must(t, err)
	text, err := os.ReadFile(evidence.IdentityPath(f.home, f.kase.ID))
	must(t, err)
	f.kase.SecretIdentities, err = evidence.ParseIdentities(text)
	must(t, err)
}

// keepCode seals the packages of all versions: what acts put back comes from the case.
func (f *field) keepCode(t *testing.T) {
	t.Helper()
	w, err := f.kase.Begin(t.Context(), evidence.Header{Kind: evidence.KindCollection})
	must(t, err)
	for q, b := range f.packages {
		_, err := w.Put(t.Context(), evidence.Meta{Artefact: "lambda.code", Name: "code.zip", Started: time.Now(),
			Source: evidence.Source{ARN: "arn:aws:lambda:" + bench.Region + ":" + bench.AccountID + ":function:" + bench.Function, Qualifier: q}}, writes(b))
		must(t, err)
	}
	_, err = w.Seal(t.Context(), evidence.StatusComplete)
	must(t, err)
}

// download gets the packages as a collection does.
func (f *field) download(t *testing.T) {
	t.Helper()
	f.packages = map[string][]byte{}
	for _, q := range []string{"$LATEST", "1", "2"} {
		out, err := lambda.NewFromConfig(f.session.Config("", []awsapi.Need{on("Lambda:GetFunction", "*", false)})).GetFunction(t.Context(),
			&lambda.GetFunctionInput{FunctionName: aws.String(bench.Function), Qualifier: aws.String(q)})
		must(t, err)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, aws.ToString(out.Code.Location), nil)
		must(t, err)
		res, err := f.cloud.Client().Do(req)
		must(t, err)
		b, err := io.ReadAll(res.Body)
		must(t, errors.Join(err, res.Body.Close()))
		f.packages[q] = b
	}
	f.made()
}

// fixture is what an act is planned on.
func (f *field) fixture(act Act) PlanInput {
	in := PlanInput{Session: f.session, Acts: []string{act.Name}, AcceptSharedRole: true}
	switch fx := act.Fixture; {
	case fx.Finding != nil:
		in.Acts, in.Findings = nil, []finding.Finding{*fx.Finding}
	case fx.Actor != "":
		in.Actors = []string{fx.Actor}
	case fx.Resource != "" || fx.Named != "":
		in.Resources = []string{first(fx.Resource, f.named[fx.Named])}
	default:
		in.Functions = []string{bench.Function}
	}
	if act.Fixture.Kept {
		in.Case = f.kase
		if act.Fixture.Locked {
			var err error
			if in.Case, err = evidence.OpenCase(context.Background(), f.store); err != nil {
				panic(err)
			}
		}
	}
	if act.Fixture.Good != "" {
		in.GoodVersion = []string{act.Fixture.Good}
	}
	if act.Fixture.Signing {
		in.SigningConfig = f.enforcing
	}
	in.QuarantineGroup, in.StopDurable, in.RotateSecrets = act.Fixture.Group, act.Fixture.StopDurable, act.Fixture.Rotate
	return in
}

// unchanged holds that what only looks leaves the account as it is: equal digests.
func (f *field) unchanged(t *testing.T, what string, look func()) {
	t.Helper()
	before := f.cloud.Digest()
	if look(); f.cloud.Digest() != before {
		t.Errorf("%s has changed the account", what)
	}
}

// plan on the act's fixture; one on which there is nothing to do is a fixture that is missing.
func (f *field) plan(t *testing.T, act Act) *Plan {
	t.Helper()
	if act.Fixture.Kept {
		f.intrude(t)
	}
	var p *Plan
	var err error
	f.unchanged(t, "planning", func() { p, err = NewPlan(t.Context(), f.fixture(act)) })
	must(t, err)
	for _, u := range p.Unplanned {
		if u.Act == act.Name {
			t.Fatalf("not planned on its fixture: %+v", u)
		}
	}
	for _, m := range p.Moves {
		for _, e := range m.Edits {
			if e.Act == act.Name && len(m.Calls) > 0 {
				return p
			}
		}
	}
	t.Fatalf("%s finds nothing on its fixture: add something to bench/account_contain.go, or name it in Edit.Fixture", act.Name)
	return nil
}

// inForce says whether what was planned for the act is as wanted, by reading it.
func (f *field) inForce(t *testing.T, p *Plan, act Act) bool {
	t.Helper()
	for i := range p.Moves {
		m := &p.Moves[i]
		edits, err := p.placed(m)
		must(t, err)
		var of []placed
		for _, e := range edits {
			if e.Act == act.Name {
				of = append(of, e)
			}
		}
		if len(of) == 0 {
			continue
		}
		at := of[0].place
		now, _, err := act.doc.read(withCase(t.Context(), f.kase), f.session.Config(act.doc.region(at), act.doc.needs), at)
		must(t, err)
		next, err := fold(now, of, "")
		must(t, err)
		if !act.doc.equal(now, next) {
			return false
		}
	}
	return true
}

// tells is where a case, or a plan, holds a secret of the account in the clear.
func (f *field) tells(t *testing.T, p *Plan) []string {
	t.Helper()
	plan, err := json.Marshal(p)
	must(t, err)
	var all []string
	if bytes.Contains(plan, []byte(bench.Secret)) {
		all = append(all, "the plan")
	}
	f.store.mu.Lock()
	defer f.store.mu.Unlock()
	for _, name := range sortedKeys(f.store.objs) {
		if bytes.Contains(f.store.objs[name], []byte(bench.Secret)) {
			all = append(all, name)
		}
	}
	return all
}

// fields is the account's logical state, object by object.
func (f *field) fields() map[string]json.RawMessage { return f.cloud.Objects() }

// flat are all members of one object: "object#member.member".
func flat(key string, b json.RawMessage) map[string]string {
	out := map[string]string{}
	var v any
	if len(b) > 0 && json.Unmarshal(b, &v) == nil {
		spread(out, key+"#", v)
	}
	return out
}

func spread(out map[string]string, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			spread(out, path+"."+k, x)
		}
		out[path] = "{}"
	case []any:
		for i, x := range v {
			spread(out, fmt.Sprintf("%s.%d", path, i), x)
		}
		out[path] = fmt.Sprint(len(v))
	default:
		out[path] = fmt.Sprint(v)
	}
}

// lost are the fields that differ, with what they were and are.
func lost(before, after map[string]json.RawMessage) map[string]string {
	all := map[string]string{}
	for _, keys := range [][]string{sortedKeys(before), sortedKeys(after)} {
		for _, key := range keys {
			if bytes.Equal(before[key], after[key]) {
				continue
			}
			was, is := flat(key, before[key]), flat(key, after[key])
			for _, fields := range []map[string]string{was, is} {
				for field := range fields {
					if was[field] != is[field] {
						all[field] = was[field] + " -> " + is[field]
					}
				}
			}
		}
	}
	return all
}

// undeclared are the fields that differ and that the act does not declare as lost.
func undeclared(act Act, before, after map[string]json.RawMessage) []string {
	all := lost(before, after)
	var odd []string
	for _, field := range sortedKeys(all) {
		if !declaredLost(act, field) {
			odd = append(odd, field+": "+all[field])
		}
	}
	return odd
}

func declaredLost(act Act, field string) bool {
	for _, pattern := range act.LosesState {
		if wild(pattern, field) {
			return true
		}
	}
	return false
}
