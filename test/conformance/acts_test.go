package conformance

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// refusals are the acts that an emulator does not support, each with its own words for it:
// they stand in what the emulator answers, be it to boto3 when what the act needs is made, or
// to the act. An act that is not listed and is not applied and undone fails; so does one that
// is listed and is, or is refused with other words.
type refusals map[string]string

// TestActsOnMoto applies and undoes every act of the catalogue on moto, whose state boto3 reads.
func TestActsOnMoto(t *testing.T) { t.Parallel(); acts(t, moto(t), motoRefusals()) }

// TestActsOnMinistack does the same on ministack.
func TestActsOnMinistack(t *testing.T) { t.Parallel(); acts(t, ministack(t), ministackRefusals()) }

func motoRefusals() refusals {
	return refusals{
		"destinations-clear":   "unexpected string value for float: 20", // its answer has LastModified as text
		"deadletter-clear":     "UpdateFunctionConfiguration: DeadLetterConfig is not kept",
		"provisioned-delete":   "PutProvisionedConcurrencyConfig: 404",
		"instances-zero":       "CreateCapacityProvider: 404",
		"recursion-end":        "PutFunctionRecursionConfig: 404",
		"grants-remove":        "PutResourcePolicy: 404",
		"policy-deny":          "PutResourcePolicy: 404",
		"url-iam":              "ListFunctionUrlConfigs, https response error StatusCode: 404",
		"log-group-protection": "PutLogGroupDeletionProtection",
		"code-signing-enforce": "CreateCodeSigningConfig: 404",
		"durable-stop":         "ListDurableExecutionsByFunction: 404",
		"edge-detach":          "CreateDistribution: LambdaFunctionAssociations are not kept",
		"secret-rotate":        "ResponseParserError: Unable to parse response", // it answers SimulatePrincipalPolicy with an HTML page
		"code-back":            "is not sealed in the case",                     // its Code.Location names a host of AWS: no package can be collected
		"network-quarantine":   "the function is in vpc-123abc",                 // which is what it says of every function's subnets
	}
}

func ministackRefusals() refusals {
	return refusals{
		"durable-stop":         "Invoke: begins no durable execution",
		"rule-targets-park":    "does not exist", // it lists no targets, and no error, for a rule that is not there
		"destinations-clear":   "UpdateFunctionEventInvokeConfig: ResourceNotFoundException: Function not found: /2019-09-25",
		"deadletter-clear":     "The dead letter queue ARN arn:aws:sqs:us-east-1:999988887777:theirs is invalid",
		"autoscaling-suspend":  "RegisterScalableTarget: 400",
		"provisioned-delete":   "No Provisioned Concurrency Config found for function", // it lists as if one qualifier had been asked for
		"instances-zero":       "CreateCapacityProvider: ResourceNotFoundException: Function not found: /2025-11-30/capacity-providers",
		"grants-remove":        "PutResourcePolicy: ResourceNotFoundException",
		"policy-deny":          "PutResourcePolicy: ResourceNotFoundException",
		"log-group-protection": "PutLogGroupDeletionProtection",
		"code-signing-enforce": "its answer has no 'CodeSigningConfig'",
	}
}

// staying are the acts that undo leaves alone, since taking them back would destroy what they saved.
var staying = []string{"key-deletion-cancel", "secret-restore", "logging-start", "secret-rotate"}

// aimed says what an act is planned on, beside the function: made is what seeding named.
func aimed(act string, made map[string]string) []string {
	arn := func(what string) string { return "arn:aws:iam::" + account + ":" + what }
	switch act {
	case "key-inactive", "user-quarantine", "user-deny-all", "user-revoke":
		return []string{"--actor", arn("user/mallory")}
	case "trust-outsiders":
		return []string{"--actor", arn("role/lent")}
	case "provider-distrust", "key-deletion-cancel", "secret-restore", "logging-start", "data-events-on", "retention-longer", "log-group-protection":
		return []string{"--resource", made[act]}
	case "alias-back", "configuration-back", "environment-back", "variables-remove":
		return []string{"--function", "payments", "--good-version", "1"}
	case "code-back":
		return []string{"--function", "payments", "--good-version", "2"}
	case "durable-stop":
		return []string{"--function", "steps", "--stop-durable"}
	case "network-quarantine":
		return []string{"--function", "inside", "--quarantine-group", made[act]}
	case "secret-rotate":
		return []string{"--function", "leaky", "--rotate-secrets"}
	case "code-signing-enforce":
		return []string{"--function", "payments", "--signing-config", made[act]}
	}
	return []string{"--function", "payments", "--accept-shared-role"}
}

// twins are acts that keep away for good what others hold back: what an emulator does not support
// of the one it does not of the other.
var twins = map[string]string{
	"mappings-evict": "mappings-off", "rules-evict": "rules-off", "rule-targets-evict": "rule-targets-park", "schedules-evict": "schedules-off", "subscriptions-evict": "subscriptions-off",
	"log-filters-evict": "log-filters-off", "pipes-evict": "pipes-stop", "autoscaling-evict": "autoscaling-suspend", "provisioned-evict": "provisioned-delete", "instances-evict": "instances-zero", "recursion-evict": "recursion-end",
}

// onTriggers are those of them that are made on the triggers themselves, which are named.
var onTriggers = []string{"mappings-evict", "rules-evict", "schedules-evict", "subscriptions-evict", "log-filters-evict", "pipes-evict"}

// intruded are acts that put back what was collected before an intruder came.
var intruded = []string{"environment-back", "variables-remove", "tags-back", "role-tags-back"}

// catalogue is the names of the acts, by docs/containment.md, which a test holds to the catalogue.
func catalogue(t *testing.T) []string {
	t.Helper()
	doc, err := os.ReadFile("../../docs/containment.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(doc), "| act | kind |")
	var all []string
	for _, line := range strings.Split(table, "\n")[1:] {
		cells := strings.Split(line, " | ")
		if len(cells) >= 4 && strings.HasPrefix(line, "| ") {
			all = append(all, strings.TrimPrefix(cells[0], "| "))
		}
	}
	if len(all) < 41 {
		t.Fatalf("only %d acts in docs/containment.md", len(all))
	}
	return all
}

// world is the emulator's account as boto3 makes and sees it.
type world struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Reader
}

func openWorld(t *testing.T, x target) *world {
	t.Helper()
	cmd := exec.Command(tool(t, "FREEZEFRAME_PYTHON"), "compare/contained.py", x.endpoint, account)
	cmd.Env = append(os.Environ(), x.env()...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	return &world{t, in, bufio.NewReader(out)}
}

func (w *world) ask(what string) string {
	w.t.Helper()
	if _, err := fmt.Fprintln(w.in, what); err != nil {
		w.t.Fatal(err)
	}
	line, err := w.out.ReadString('\n')
	if err != nil {
		w.t.Fatal(err)
	}
	return line
}

func acts(t *testing.T, x target, listed refusals) {
	must(t, 0, x.env(), tool(t, "FREEZEFRAME_PYTHON"), "compare/seed.py", x.endpoint, account)
	w := openWorld(t, x)
	var seeded struct{ Found, Refused map[string]string }
	if err := json.Unmarshal([]byte(w.ask("seed")), &seeded); err != nil {
		t.Fatal(err)
	}
	all := catalogue(t)
	tried := someActs(t, all)
	var applied, refused []string
	for _, act := range tried {
		why, is := seeded.Refused[act]
		if twin := twins[act]; twin != "" {
			if why, is = seeded.Refused[twin]; listed[twin] != "" {
				listed[act] = listed[twin]
			}
		}
		if !is {
			why = tryAct(t, x, w, act, seeded.Found)
		}
		words, known := listed[act]
		switch {
		case why == "" && known:
			t.Errorf("%s: %s is listed as not supported (%s), and is applied and undone", x.name, act, words)
		case why != "" && (!known || !strings.Contains(why, words)):
			t.Errorf("%s: %s is neither applied and undone, nor refused as listed (%q): %s", x.name, act, words, why)
		case why != "":
			refused = append(refused, act)
			t.Logf("%s does not support %s: %.300s", x.name, act, why)
		default:
			applied = append(applied, act)
		}
	}
	for _, names := range []map[string]string{listed, seeded.Refused} {
		for name := range names {
			if !slices.Contains(all, name) {
				t.Errorf("%s is listed or seeded, and no act", name)
			}
		}
	}
	untried := len(tried) - len(applied) - len(refused)
	t.Logf("%s: %d acts, of which %d were to be tried: %d applied and undone, %d not supported (%s), %d not tried", x.name, len(all), len(tried), len(applied), len(refused), strings.Join(refused, ", "), untried)
	if untried != 0 {
		t.Errorf("%d acts came to neither end", untried)
	}
}

// someActs are those that this run tries: a third of them, by a new seed each time, for each is
// several processes. FREEZEFRAME_ACTS=all tries all (.ci/long acts).
func someActs(t *testing.T, all []string) []string {
	t.Helper()
	if os.Getenv("FREEZEFRAME_ACTS") == "all" {
		return all
	}
	const share = 3
	turn := rand.IntN(share)
	t.Logf("one of %d acts is tried, from number %d on", share, turn)
	var some []string
	for i := turn; i < len(all); i += share {
		some = append(some, all[i])
	}
	return some
}

type planned struct {
	Moves []struct {
		Resource string
		Calls    []json.RawMessage
		Edits    []struct{ Act string }
	}
	Unplanned []struct{ Act, What, Error string }
}

// does says whether a call of the plan is the act's.
func (p planned) does(act string) bool {
	for _, m := range p.Moves {
		for _, e := range m.Edits {
			if e.Act == act && len(m.Calls) > 0 {
				return true
			}
		}
	}
	return false
}

// resources are those of the calls that are the act's.
func (p planned) resources(act string) []string {
	var all []string
	for _, m := range p.Moves {
		for _, e := range m.Edits {
			if e.Act == act && !slices.Contains(all, m.Resource) {
				all = append(all, m.Resource)
			}
		}
	}
	return all
}

// aim says what an act is planned on. Triggers are those that the act's twin finds; what is put
// back for a finding is named by one.
func aim(t *testing.T, w *world, env []string, dir, act string, made map[string]string) (on []string, why string) {
	t.Helper()
	payments := "arn:aws:lambda:us-east-1:" + account + ":function:payments"
	if f, ok := map[string][]string{ // kind, change, action, name, ARN, detail
		"tags-back":          {"function-tags", "changed", "lambda:TagResource", "payments", payments, ""},
		"role-tags-back":     {"role-tags", "changed", "iam:TagRole", "payments-role", "arn:aws:iam::" + account + ":role/payments-role", ""},
		"rule-targets-evict": {"rule-target", "created", "events:PutTargets", "shared/targets", "arn:aws:events:us-east-1:" + account + ":rule/shared", "to " + payments},
	}[act]; ok {
		found := fmt.Sprintf(`{"schema":"freezeframe.findings/1","of":"payments","left_out":0,"findings":[{"kind":%q,"change":%q,"action":%q,"name":%q,"arn":%q,"detail":%q,"account":%q,"region":"us-east-1","by":"key","who":"mallory","at":%q,"event":"e","state":"standing"}]}`,
			f[0], f[1], f[2], f[3], f[4], f[5], account, time.Now().UTC().Add(time.Hour).Format(time.RFC3339))
		if err := os.WriteFile(dir+"/findings.json", []byte(strings.Replace(found, `"detail":"",`, "", 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{"--from-timeline", dir + "/findings.json"}, ""
	}
	on = append([]string{"--act", act}, aimed(act, made)...)
	if !slices.Contains(onTriggers, act) {
		return on, ""
	}
	r := runIn(t, env, built.freezeframe, "contain", "plan", "--json", "--act", twins[act], "--function", "payments", "--out", dir+"/twin.json")
	var p planned
	if err := json.Unmarshal([]byte(r.out), &p); err != nil {
		return nil, "no plan: " + lastLines(r.err, 1)
	}
	for _, u := range p.Unplanned {
		if u.Act == twins[act] {
			return nil, u.What + ": " + u.Error
		}
	}
	on = []string{"--act", act}
	for _, arn := range p.resources(twins[act]) {
		if act == "subscriptions-evict" { // which has an ARN of its own, another one each time it is made
			arn = strings.Trim(strings.TrimSpace(w.ask("subscription")), `"`)
		}
		on = append(on, "--resource", arn)
	}
	if len(on) == 2 {
		return nil, "nothing to do is found there: " + r.out
	}
	return on, ""
}

// tryAct says why the act cannot be applied and undone there, or "".
func tryAct(t *testing.T, x target, w *world, act string, made map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	env := append(x.env(), "FREEZEFRAME_HOME="+dir+"/home", "FREEZEFRAME_CASE="+dir+"/case")
	must(t, 0, env, built.freezeframe, "case", "open", dir+"/case", "--title", "t", "--authority", "a", "--operator", "o")
	if act == "code-back" { // packages come from the case: the good one, and for undo the other
		runIn(t, env, built.freezeframe, "collect", "--function", "payments", "--quiet")
		w.ask("overwrite")
		runIn(t, env, built.freezeframe, "collect", "--function", "payments", "--quiet")
	}
	if slices.Contains(intruded, act) {
		runIn(t, env, built.freezeframe, "collect", "--function", "payments", "--quiet")
		if why := w.ask("intrude"); strings.TrimSpace(why) != `""` {
			return "intruding: " + why
		}
		defer w.ask("forget")
	}
	on, why := aim(t, w, env, dir, act, made)
	if why != "" {
		return why
	}
	before := w.ask("state")
	planning := env
	if act == "variables-remove" { // it is for whoever has not got what opens the case
		planning = append(slices.Clone(env), "FREEZEFRAME_HOME="+dir+"/stranger")
	}
	r := runIn(t, planning, built.freezeframe, append([]string{"contain", "plan", "--json", "--out", dir + "/plan.json"}, on...)...)
	var p planned
	if err := json.Unmarshal([]byte(r.out), &p); err != nil {
		return "no plan: " + lastLines(r.err, 1)
	}
	for _, u := range p.Unplanned {
		if u.Act == act {
			return u.What + ": " + u.Error
		}
	}
	if !p.does(act) {
		return "nothing to do is found there: " + r.out
	}
	r = runIn(t, env, built.freezeframe, "contain", "apply", dir+"/plan.json", "--override", "an emulator")
	done, during := strings.Contains(r.out, "ok "+act+": done"), w.ask("state")
	undo := runIn(t, env, built.freezeframe, "contain", "undo", "--all", "--accept-risk", "a test", "--reason", "a test")
	after, want := w.ask("state"), before
	if slices.Contains(staying, act) {
		want = during
	}
	switch {
	case !done:
		return "applied: " + failed(r)
	case during == before:
		return "applied, and boto3 sees no difference"
	case undo.code != 0:
		return "undone: " + failed(undo)
	case after != want:
		return "not as it has to be when undone: " + strings.Join(moved(t, want, after), "; ")
	}
	return ""
}

// failed are the lines that say what went wrong, in the emulator's words.
func failed(r result) string {
	var all []string
	for _, line := range strings.Split(r.out, "\n") {
		if strings.HasPrefix(line, "!!") {
			all = append(all, line)
		}
	}
	return strings.Join(append(all, lastLines(r.err, 2)), "; ")
}

// moved are the members of two states that are not the same, with both values.
func moved(t *testing.T, a, b string) []string {
	t.Helper()
	var x, y any
	if err := errors.Join(json.Unmarshal([]byte(a), &x), json.Unmarshal([]byte(b), &y)); err != nil {
		t.Fatal(err)
	}
	var all []string
	var walk func(path string, x, y any)
	walk = func(path string, x, y any) {
		was, isMap := x.(map[string]any)
		is, both := y.(map[string]any)
		if !isMap || !both {
			if !reflect.DeepEqual(x, y) {
				all = append(all, fmt.Sprintf("%s: %v -> %v", path, x, y))
			}
			return
		}
		for k := range was {
			walk(path+"."+k, was[k], is[k])
		}
		for k := range is {
			if _, ok := was[k]; !ok {
				walk(path+"."+k, nil, is[k])
			}
		}
	}
	walk("", x, y)
	slices.Sort(all)
	return all
}
