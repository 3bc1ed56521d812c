package practices

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// The account in which every check passes: the function "till", which has all that a check
// could be true of but an image, and "till-image", which is one.
const (
	account  = "123456789012"
	stranger = "999999999999"
	region   = "eu-central-1"
	till     = "till"
	image    = "till-image"
	endpoint = "http://aws.invalid" // answered in process
	allowAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)

func arn(service, resource string) string {
	return "arn:aws:" + service + ":" + region + ":" + account + ":" + resource
}

func functionARN(name string) string { return arn("lambda", "function:"+name) }

func roleARN(name string) string { return "arn:aws:iam::" + account + ":role/" + name }

// today is when the account is made and assessed.
func today() time.Time { return time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC) }

// world is the simulated account while it is made.
type world struct {
	t     *testing.T
	cloud *awssim.Cloud
	keys  awssim.Credentials
	ids   map[string]string // what AWS names itself: kept by those who make it
	net   awssim.Network    // as it is staged
	make  map[string]obj    // CreateFunction of each function, by name: areas add members before it is made
}

// part is what an area adds to the account: before the functions are made, because published
// versions keep what they were made with, and after.
type worldPart struct{ before, after func(*world) }

// parts of all areas. To add an area: a line here and in fixtures.
func parts() []worldPart {
	return []worldPart{
		{leastPrivilegeBefore, leastPrivilegeAfter},
		{secureCodeBefore, secureCodeAfter},
		{vpcIsolationBefore, func(*world) {}},
		{func(*world) {}, apiGatewayAfter},
		{loggingMonitoringBefore, loggingMonitoringAfter},
		{secretsManagementBefore, func(*world) {}},
		{func(*world) {}, ephemeralityAfter},
		{func(*world) {}, testingUpdateAfter},
		{func(*world) {}, complianceGovernanceAfter},
	}
}

// set gives functions a member of CreateFunction.
func (w *world) set(member string, value any, functions ...string) {
	if len(functions) == 0 {
		functions = []string{till, image}
	}
	for _, f := range functions {
		w.make[f][member] = value
	}
}

// variable gives both functions a variable of the environment.
func (w *world) variable(name, value string) {
	for _, f := range []string{till, image} {
		env, _ := w.make[f]["Environment"].(obj)
		if env == nil {
			env = obj{"Variables": obj{}}
			w.make[f]["Environment"] = env
		}
		env["Variables"].(obj)[name] = value
	}
}

// configure changes $LATEST of till.
func configure(in obj) func(*world) {
	return func(w *world) {
		in["FunctionName"] = till
		w.do("Lambda:UpdateFunctionConfiguration", in)
	}
}

// obj is an input or output by the API's member names.
type obj = map[string]any

// do makes a call as the administrator, and gives its answer.
func (w *world) do(call string, in obj) obj { w.t.Helper(); return w.as(w.keys, call, in) }

func (w *world) as(by awssim.Credentials, call string, in obj) obj {
	w.t.Helper()
	data, err := json.Marshal(in)
	if err != nil {
		w.t.Fatal(err)
	}
	answer, err := w.cloud.Act(awssim.Act{By: by, Address: "10.0.0.1", Call: call, With: data})
	if err != nil {
		w.t.Fatalf("%s: %v", call, err)
	}
	var out obj
	if len(answer) > 0 {
		if err := json.Unmarshal(answer, &out); err != nil {
			w.t.Fatal(err)
		}
	}
	return out
}

// text is a member of an answer, down a path: "Role.Arn".
func text(o obj, path string) string {
	var v any = o
	for p := range strings.SplitSeq(path, ".") {
		m, _ := v.(obj)
		v = m[p]
	}
	s, _ := v.(string)
	return s
}

func policy(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

// zipped is a package in base64, of files that hold no secrets.
func zipped(seed string) string { return base64.StdEncoding.EncodeToString(bench.Pack(seed, 2<<10)) }

// newWorld makes the account. In a bubble of synctest its clock is ours.
func newWorld(t *testing.T) *world {
	t.Helper()
	time.Sleep(time.Until(today().AddDate(-1, 0, -35)))
	w := &world{t: t, ids: map[string]string{}, make: map[string]obj{till: {"FunctionName": till, "Publish": true}, image: {"FunctionName": image, "Publish": true, "PackageType": "Image"}}, cloud: awssim.New(awssim.Config{AccountID: account, Region: region})}
	w.keys = w.cloud.Bootstrap(account, "olivia", allowAll)
	oldWorld(w)
	time.Sleep(time.Until(today().AddDate(0, 0, -60))) // old enough to have settled in
	for _, p := range parts() {
		p.before(w)
	}
	w.makeFunctions()
	for _, p := range parts() {
		p.after(w)
	}
	time.Sleep(time.Until(today().Add(-2 * time.Hour)))
	return w
}

// makeFunctions makes both, till with two versions and an alias on the second.
func (w *world) makeFunctions() {
	for _, f := range []string{till, image} {
		w.do("Lambda:CreateFunction", w.make[f])
	}
	w.do("Lambda:UpdateFunctionCode", obj{"FunctionName": till, "ZipFile": zipped("2"), "Publish": true, "SourceKMSKeyArn": w.ids["key"]})
	w.do("Lambda:CreateAlias", obj{"FunctionName": till, "Name": "live", "FunctionVersion": "2"})
	w.do("Lambda:CreateAlias", obj{"FunctionName": image, "Name": "live", "FunctionVersion": "1"})
}

// session is the responder's.
func (w *world) session() *awsapi.Session {
	w.t.Helper()
	s, err := awsapi.Connect(w.t.Context(), awsapi.Options{Region: region, EndpointURL: endpoint, HTTPClient: w.cloud.Client(), ReadOnly: true,
		Credentials: credentials.NewStaticCredentialsProvider(w.keys.AccessKeyID, w.keys.SecretAccessKey, "")})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// collect runs the collector on functions into the case: all of it, or what is named.
func (w *world) collect(c *evidence.Case, functions []string, only ...string) {
	w.t.Helper()
	if len(only) > 0 { // what the others ask for first
		for _, owner := range []string{"lambda.configuration", "lambda.aliases"} {
			if !slices.Contains(only, owner) {
				only = append(only, owner)
			}
		}
	}
	w.into(c, functions, collect.Options{Unpaced: true, Only: only})
}

func (w *world) into(c *evidence.Case, functions []string, o collect.Options) *evidence.Bag {
	w.t.Helper()
	var targets []collect.Target
	for _, f := range functions {
		target, err := collect.ParseTarget(account, region, f)
		if err != nil {
			w.t.Fatal(err)
		}
		targets = append(targets, target)
	}
	bag, _, err := collect.Into(w.t.Context(), w.session(), c, evidence.Header{Operator: "o"}, targets, o)
	if err != nil {
		w.t.Fatal(err)
	}
	return bag
}

func newCase(t *testing.T, m *memory) *evidence.Case {
	t.Helper()
	c, err := evidence.CreateCase(t.Context(), m, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "o", Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// reopened is the case as one cell of the matrix goes on with it.
func reopened(t *testing.T, m *memory) *evidence.Case {
	t.Helper()
	c, err := evidence.OpenCase(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// verdicts are the worst of each check for a function.
func verdicts(r *Report, function string) map[string]Verdict {
	worst := []Verdict{Fail, Unknown, Pass, NotApplicable}
	out := map[string]Verdict{}
	for _, x := range r.Results {
		if x.Function == function && (out[x.Check] == "" || slices.Index(worst, x.Verdict) < slices.Index(worst, out[x.Check])) {
			out[x.Check] = x.Verdict
		}
	}
	return out
}

// seen is what a report says of a check.
func seen(r *Report, check string) string {
	var b strings.Builder
	for _, x := range r.Results {
		if x.Check == check {
			fmt.Fprintf(&b, "\n  %s %s: %s", x.Verdict, x.Target, x.Seen)
			if x.Gap != nil {
				fmt.Fprintf(&b, " (%s %s %s)", x.Gap.Call, x.Gap.Error, x.Gap.Note)
			}
		}
	}
	return b.String()
}
