package collect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

var payments = Target{Account: fakeAccount, Region: "eu-central-1", Function: "payments", ARN: "arn:aws:lambda:eu-central-1:123456789012:function:payments"}

func collectFrom(t *testing.T, f *fake, o Options) (*memory, Summary) {
	t.Helper()
	in, _ := f.session(t)
	m := newMemory()
	sum, err := Run(t.Context(), in, []Target{payments}, m, scripted(o))
	if err != nil {
		t.Fatal(err)
	}
	return m, sum
}

func TestRunCollectsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, sum := collectFrom(t, newFake(), Options{})
		if !sum.Complete || sum.Status() != evidence.StatusComplete {
			t.Errorf("not complete: %+v\n%v", sum, m.states())
		}
		absent := []string{"lambda.policy payments 2", "lambda.layers.policy 3", "lambda.concurrency payments", "lambda.urls payments", "lambda.provisioned payments"}
		for k, s := range m.states() {
			if want := evidence.Collected; s != want && !slices.Contains(absent, k) {
				t.Errorf("%s: %s", k, s)
			}
		}
		for _, k := range []string{
			"lambda.configuration payments $LATEST", "lambda.configuration payments 3", "lambda.configuration.versions payments",
			"lambda.code payments $LATEST", "lambda.code payments 3", "lambda.environment payments 2", "lambda.policy payments", "lambda.policy payments live",
			"lambda.policy.resource payments 3", "lambda.layers.content 3", "lambda.signing.config csc-1", "iam.role role/service/payments-role",
			"iam.role.inline.document role/service/payments-role inline", "iam.policy.document policy/app v2", "iam.policy.document policy/edge v2",
			"cloudtrail.lookup payments ResourceName=payments @eu-central-1", "cloudtrail.lookup payments Username=payments @us-east-1",
			"cloudtrail.lookup  EventSource=lambda.amazonaws.com @eu-central-1", "cloudtrail.lookup role/service/payments-role ResourceName=payments-role @us-east-1",
			"cloudtrail.lookup role/service/payments-role AccessKeyId=ASIAEXAMPLEEXAMPLE77 @us-east-1", "logs.events /aws/lambda/payments s", "logs.streams /aws/lambda/payments",
		} {
			if m.states()[k] != evidence.Collected {
				t.Errorf("%s: %q", k, m.states()[k])
			}
		}
		for k, want := range map[string]string{
			"logs.group /aws/lambda/payments":                                `{"logGroups":[{"logGroupName":"/aws/lambda/payments","retentionInDays":14}]}` + "\n",
			"lambda.environment payments $LATEST":                            fmt.Sprintf(`{"Variables":{"DB_PASSWORD":"[sealed:%s]","STAGE":"[sealed:%s]"}}`, m.MAC([]byte(fakeSecret)), m.MAC([]byte("prod"))),
			"logs.events /aws/lambda/payments s":                             `{"eventId":"1","ingestionTime":2,"logStreamName":"s","message":"START","timestamp":1}` + "\n" + `{"eventId":"2","ingestionTime":4,"logStreamName":"s","message":"END","timestamp":3}` + "\n",
			"cloudtrail.lookup payments ResourceName=payments @eu-central-1": `{"Events":[{"EventId":"e1","EventTime":"2026-09-21T14:13:20Z"}]}` + "\n" + `{"Events":[]}` + "\n",
		} {
			if got := string(unpacked(t, m.bytes[k])); got != want {
				t.Errorf("%s:\ngot  %swant %s", k, got, want)
			}
		}
		if got := string(m.bytes["lambda.mappings payments"]); strings.Count(got, `"FilterCriteria"`) != 2 || strings.Contains(got, "33333333") || !strings.Contains(got, "22222222") {
			t.Errorf("mappings: %s", got)
		}
		for k, b := range m.bytes {
			if bytes.Contains(b, []byte(fakeSecret)) || bytes.Contains(b, []byte("c0ffee")) {
				t.Errorf("%s holds a secret in clear", k)
			}
		}
	})
}

func TestScopeContainmentIsSmall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		m, sum := collectFrom(t, f, Options{Scope: Containment})
		if !sum.Complete {
			t.Errorf("%+v", sum)
		}
		small := map[string]bool{}
		for _, c := range Catalogue() {
			small[c.Name] = c.Small
		}
		for _, e := range m.entries {
			if !small[e.Artefact] && !strings.HasPrefix(e.Artefact, "iam.") && !strings.HasPrefix(e.Artefact, "autoscaling.") && !strings.HasPrefix(e.Artefact, "lambda.capacity") && !strings.HasPrefix(e.Artefact, "lambda.policy") && e.Artefact != "lambda.configuration.versions" {
				t.Errorf("%s is not small", e.Artefact)
			}
		}
		n := 0
		for _, c := range f.calls {
			if strings.HasPrefix(c, "Lambda:GetFunction ") {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d GetFunction calls", n)
		}
	})
}

// TestNeedsAreTheCallsMade also shows, through the guard, that no call is
// undeclared and none mutates: the session is read-only.
func TestNeedsAreTheCallsMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		made := map[string]map[string]bool{}
		f := newFake()
		// One code address has expired, so that asking again is seen too.
		var once sync.Once
		f.faults[downloadCall] = func() (r *http.Response) {
			once.Do(func() {
				r = response(403, `<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>`)
			})
			return r
		}
		_, sum := collectFrom(t, f, Options{Parallel: 1, Record: func(c string, x awsapi.Exchange) {
			mu.Lock()
			defer mu.Unlock()
			if made[c] == nil {
				made[c] = map[string]bool{}
			}
			made[c][x.Call] = true
		}})
		if !sum.Complete {
			t.Errorf("%+v", sum)
		}
		names := map[string]bool{}
		for _, c := range Catalogue() {
			if names[c.Name] || c.About == "" {
				t.Errorf("%s: not unique, or says nothing about itself", c.Name)
			}
			names[c.Name] = true
			declared := map[string]bool{}
			for _, n := range c.Needs {
				declared[n.Call] = true
				if n.Mutates || awsapi.Mutating(n.Call) && n.Call != downloadCall {
					t.Errorf("%s declares %s, which changes the account", c.Name, n.Call)
				}
				if n.Call != downloadCall && len(n.IAM) == 0 {
					t.Errorf("%s: %s needs no permission?", c.Name, n.Call)
				}
				if n.When != "" {
					declared[n.Call] = made[c.Name][n.Call] || n.Call == "Lambda:GetFunction"
				}
			}
			for call := range made[c.Name] {
				if !declared[call] {
					t.Errorf("%s made %s, undeclared", c.Name, call)
				}
			}
			for call, owed := range declared {
				if owed && slices.Contains(scriptedCollectors, c.Name) && !made[c.Name][call] && !(c.Name == "lambda.code" && call == "Lambda:GetFunction") {
					t.Errorf("%s declares %s and never made it", c.Name, call)
				}
			}
		}
	})
}

// dependants are the artefacts that a denied call takes with it besides its own.
var dependants = map[string][]string{
	"Lambda:GetFunction":            {"lambda.code"},
	"Lambda:ListVersionsByFunction": {"lambda.configuration", "lambda.policy", "lambda.policy.resource", "lambda.code", "lambda.environment", "lambda.runtime", "lambda.layers", "logs.group", "logs.events"},
	"Lambda:ListAliases":            {"lambda.policy", "lambda.policy.resource"},
	"Lambda:GetLayerVersionByArn":   {"lambda.layers.content"},
	"Lambda:GetEventSourceMapping":  {"lambda.mappings.detail"},
	"IAM:GetPolicy":                 {"iam.policy.document"},
	downloadCall:                    {"lambda.layers.content"},
}

// own is the artefact that a call gives.
var own = map[string]string{
	"Lambda:GetFunction": "lambda.configuration", "Lambda:ListVersionsByFunction": "lambda.configuration.versions",
	"Lambda:GetPolicy": "lambda.policy", "Lambda:GetResourcePolicy": "lambda.policy.resource",
	"Lambda:ListAliases": "lambda.aliases", "Lambda:GetFunctionConcurrency": "lambda.concurrency",
	"Lambda:ListProvisionedConcurrencyConfigs": "lambda.provisioned", "Lambda:ListEventSourceMappings": "lambda.mappings",
	"Lambda:GetEventSourceMapping": "lambda.mappings.detail", "Lambda:ListFunctionEventInvokeConfigs": "lambda.invoke-config",
	"Lambda:ListFunctionUrlConfigs": "lambda.urls", "Lambda:GetRuntimeManagementConfig": "lambda.runtime",
	"Lambda:GetFunctionRecursionConfig": "lambda.recursion", "Lambda:GetFunctionCodeSigningConfig": "lambda.signing",
	"Lambda:GetCodeSigningConfig": "lambda.signing.config", "Lambda:ListTags": "lambda.tags",
	"Lambda:GetLayerVersionByArn": "lambda.layers", "Lambda:GetLayerVersionPolicy": "lambda.layers.policy",
	"IAM:GetRole": "iam.role", "IAM:ListRolePolicies": "iam.role.inline", "IAM:GetRolePolicy": "iam.role.inline.document",
	"IAM:ListAttachedRolePolicies": "iam.role.attached", "IAM:GetPolicy": "iam.policy", "IAM:GetPolicyVersion": "iam.policy.document",
	"IAM:ListPolicyVersions": "iam.policy.versions", "CloudTrail:LookupEvents": "cloudtrail.lookup",
	"CloudWatchLogs:DescribeLogGroups": "logs.group", "CloudWatchLogs:DescribeSubscriptionFilters": "logs.group.subscriptions",
	"CloudWatchLogs:DescribeLogStreams": "logs.streams", "CloudWatchLogs:FilterLogEvents": "logs.events", downloadCall: "lambda.code",
}

// vanished are artefacts that cannot even be planned when a listing is denied.
var vanished = map[string][]string{
	"Lambda:ListVersionsByFunction":       {"lambda.configuration", "lambda.policy", "lambda.policy.resource", "lambda.code", "lambda.environment", "lambda.runtime"},
	"Lambda:ListAliases":                  {"lambda.policy", "lambda.policy.resource"},
	"Lambda:GetFunctionCodeSigningConfig": {"lambda.signing.config"},
	"IAM:ListRolePolicies":                {"iam.role.inline.document"},
	"IAM:ListAttachedRolePolicies":        {"iam.policy", "iam.policy.versions", "iam.policy.document"},
	"IAM:GetRole":                         {"iam.policy", "iam.policy.versions", "iam.policy.document"},
	"IAM:GetPolicy":                       {"iam.policy.document"},
	"CloudTrail:LookupEvents":             {"cloudtrail.lookup"},
	"CloudWatchLogs:DescribeLogStreams":   {"logs.events"}, // the group is read as a whole
}

func TestEachDeniedReadIsExactlyThatGap(t *testing.T) {
	var whole *memory
	synctest.Test(t, func(t *testing.T) { whole, _ = collectFrom(t, newFake(), Options{Unpaced: true}) })
	for _, n := range scriptedNeeds() {
		t.Run(n.Call, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.faults[n.Call] = func() *http.Response { return denied(n.Call) }
				m, sum := collectFrom(t, f, Options{Unpaced: true})
				if sum.Complete || sum.Status() != evidence.StatusPartial {
					t.Errorf("complete though %s was denied", n.Call)
				}
				if own[n.Call] == "" {
					t.Fatalf("the test does not know the artefact of %s", n.Call)
				}
				allowed := append([]string{own[n.Call]}, dependants[n.Call]...)
				seenDenied := false
				for _, e := range m.entries {
					if e.State.Complete() {
						continue
					}
					if !slices.Contains(allowed, e.Artefact) {
						t.Errorf("%s is a gap too: %s %+v", key(e), e.State, e.Gap)
					}
					seenDenied = seenDenied || e.State == evidence.Denied && e.Artefact == own[n.Call] && e.Gap.Call != ""
				}
				if !seenDenied {
					t.Errorf("no denied %s in %v", own[n.Call], m.states())
				}
				had := m.states()
				for k, state := range whole.states() {
					artefact, _, _ := strings.Cut(k, " ")
					if _, ok := had[k]; !ok && !slices.Contains(vanished[n.Call], artefact) {
						t.Errorf("%s is not even in the coverage", k)
					}
					if had[k] == state && !bytes.Equal(m.bytes[k], whole.bytes[k]) && artefact != "lambda.mappings" {
						t.Errorf("%s changed:\n%s", k, cmp.Diff(string(whole.bytes[k]), string(m.bytes[k])))
					}
				}
			})
		})
	}
}

func TestThrottledReadIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		left := 3
		var mu sync.Mutex
		f.faults["Lambda:GetPolicy"] = func() *http.Response {
			mu.Lock()
			defer mu.Unlock()
			if left--; left < 0 {
				return nil
			}
			r := response(429, `{"Reason":"CallerRateLimitExceeded","message":"Rate exceeded"}`)
			r.Header.Set("X-Amzn-Errortype", "TooManyRequestsException")
			return r
		}
		if _, sum := collectFrom(t, f, Options{}); !sum.Complete {
			t.Errorf("%+v", sum)
		}
	})
}

func TestThrottledForEverIsAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.faults["CloudTrail:LookupEvents"] = func() *http.Response {
			return response(400, `{"__type":"ThrottlingException","message":"Rate exceeded"}`)
		}
		m, _ := collectFrom(t, f, Options{})
		if s := m.states()["cloudtrail.lookup payments ResourceName=payments @eu-central-1"]; s != evidence.Throttled {
			t.Errorf("state %s", s)
		}
	})
}

func TestHTMLAnswersAreGaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		for _, op := range []string{"Lambda:GetFunctionRecursionConfig", "CloudTrail:LookupEvents", "IAM:GetRole"} {
			f.faults[op] = func() *http.Response { return response(501, "<!doctype html><p>no") }
		}
		m, sum := collectFrom(t, f, Options{})
		if got := m.states()["lambda.recursion payments"]; got != evidence.Failed || sum.Complete {
			t.Errorf("state %s, complete %v", got, sum.Complete)
		}
	})
}

func TestFunctionDeletedMidway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		for _, n := range scriptedNeeds() {
			if strings.HasPrefix(n.Call, "Lambda:Get") && n.Call != "Lambda:GetFunction" {
				f.faults[n.Call] = func() *http.Response {
					s, b := notFound("Function not found: payments")
					r := response(s, b)
					r.Header.Set("X-Amzn-Errortype", "ResourceNotFoundException")
					return r
				}
			}
		}
		m, sum := collectFrom(t, f, Options{})
		if sum.Complete {
			t.Error("complete, though the function went away")
		}
		if s := m.states()["lambda.code payments 1"]; s != evidence.Collected {
			t.Errorf("code: %s", s)
		}
		for _, e := range m.entries {
			if e.Artefact == "lambda.recursion" && (e.State != evidence.Absent || e.Gap.Note == "") {
				t.Errorf("%+v", e.Gap)
			}
		}
	})
}

func TestCancelledRunLeavesNothingOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.latency = 10 * time.Millisecond
		in, _ := f.session(t)
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Millisecond)
		defer cancel()
		m := newMemory()
		sum, err := Run(ctx, in, []Target{payments}, m, scripted(Options{}))
		if !errors.Is(err, context.DeadlineExceeded) || sum.Complete {
			t.Errorf("error %v, %+v", err, sum)
		}
		seen := map[string]bool{}
		for _, e := range m.entries {
			seen[e.Artefact] = true
		}
		for _, c := range scriptedCatalogue() {
			if !seen[c.Name] {
				t.Errorf("%s is not in the coverage", c.Name)
			}
		}
		if sum.States[evidence.NotAttempted] == 0 || sum.States[evidence.Collected] == 0 {
			t.Errorf("%+v", sum)
		}
	})
}

func TestStoreErrorStopsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		in, _ := f.session(t)
		m := newMemory()
		m.fail = errors.New("no space left")
		sum, err := Run(t.Context(), in, []Target{payments}, m, scripted(Options{}))
		if !errors.Is(err, m.fail) || sum.Complete {
			t.Errorf("error %v, %+v", err, sum)
		}
	})
}

func TestTwoTargetsShareTheSweepAndTheRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		in, _ := f.session(t)
		m := newMemory()
		other := payments
		other.Function, other.ARN = "payments-b", payments.ARN+"-b"
		if _, err := Run(t.Context(), in, []Target{payments, other}, m, scripted(Options{})); err != nil {
			t.Fatal(err)
		}
		seen := map[string]int{}
		for _, e := range m.entries {
			seen[key(e)]++
		}
		for k, n := range seen {
			if n != 1 {
				t.Errorf("%s: %d times", k, n)
			}
		}
		if seen["lambda.code payments-b 3"] != 1 || seen["cloudtrail.lookup payments-b Username=payments-b @us-east-1"] != 1 {
			t.Errorf("%v", seen)
		}
	})
}

func TestQuotasAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.versions = 60
		var mu sync.Mutex
		at := map[string][]time.Duration{}
		start := time.Now()
		f.before = func(op string) {
			q, ok := quotaOf(op)
			if !ok {
				return
			}
			mu.Lock()
			at[q.name] = append(at[q.name], time.Since(start))
			mu.Unlock()
		}
		if _, sum := collectFrom(t, f, Options{}); !sum.Complete {
			t.Fatalf("%+v", sum)
		}
		var longest, took time.Duration
		for name, most := range map[string]int{"lambda.GetFunction": 100, "lambda.GetPolicy": 15, "lambda.control": 15} {
			calls := at[name]
			slices.Sort(calls)
			// Token buckets as AWS's allow a burst of one second's worth beside the rate.
			for i := range calls {
				n := 0
				for n = i; n < len(calls) && calls[n]-calls[i] < time.Second; n++ {
				}
				if n-i > most+5 {
					t.Errorf("%s: %d calls in the second from %s", name, n-i, calls[i])
				}
			}
			longest = max(longest, time.Duration(len(calls))*time.Second/time.Duration(most))
			took = max(took, calls[len(calls)-1])
		}
		if took > longest*12/10 {
			t.Errorf("the calls to Lambda took %s, more than 1.2 times the quota's %s", took, longest)
		}
	})
}
