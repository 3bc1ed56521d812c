package practices

import (
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestRepairs runs the repair of every failing check as it is printed: a shell runs it, with the
// real AWS CLI, on the simulated account that has the failing fixture. Then the function is
// collected whole and assessed again: the check passes, and every other says what it said where
// all is well, but for those that repairsOf explains. Variables that a person has to fill in are
// filled with what is there in the account.
//
// A start of the AWS CLI takes a second of a processor: FREEZEFRAME_REPAIRS=all runs all of them
// (.ci/long repairs), and otherwise a sample is run.
func TestRepairs(t *testing.T) {
	cli := os.Getenv("FREEZEFRAME_AWS")
	if cli == "" {
		if os.Getenv("FREEZEFRAME_CI") != "" {
			t.Fatal("FREEZEFRAME_AWS is not set: run .ci/tools")
		}
		t.Skip("SKIPPED LOUDLY: FREEZEFRAME_AWS is not set: eval \"$(.ci/tools)\"")
	}
	if testing.Short() {
		t.Skip("SKIPPED: repairs by the AWS CLI are processes, which the race detector does not see")
	}
	all, known := fixtures(), repairsOf()
	for check := range known {
		if !slices.ContainsFunc(all, func(x fixture) bool { return x.check == check }) {
			t.Errorf("%s is no check", check)
		}
	}
	whole, b, bin := os.Getenv("FREEZEFRAME_REPAIRS") == "all", newBase(t), cliPath(t, cli)
	var mu sync.Mutex
	tried, commands := 0, 0
	t.Run("cells", func(t *testing.T) {
		for i, x := range all {
			if !whole && i%13 != 0 {
				continue
			}
			t.Run(x.check, func(t *testing.T) {
				t.Parallel()
				n := b.repair(t, x, known[x.check], bin)
				mu.Lock()
				defer mu.Unlock()
				tried, commands = tried+1, commands+n
			})
		}
	})
	t.Logf("%d of %d checks repaired by what they print, %d commands of the AWS CLI; %d skipped", tried, len(all), commands, len(all)-tried)
}

// repaired is what a repair takes beyond its text.
type repaired struct {
	ready  func(*world)                   // makes what a variable names
	values func(*world) map[string]string // of variables, where they are not the usual ones
	after  func(*world)                   // what AWS does by itself in the hour after
	then   map[string]string              // checks that say something else afterwards than where all is well, each with the reason
}

// cliPath is a folder for PATH: the AWS CLI, with the clock of the simulated account, and a sleep
// that does not.
func cliPath(t *testing.T, cli string) string {
	t.Helper()
	dir := t.TempDir()
	const clock = "import datetime, os, botocore.compat\nat = datetime.datetime.fromisoformat(os.environ['SIMULATED_CLOCK'])\n" +
		"botocore.compat.get_current_datetime = lambda remove_tzinfo=True: at.replace(tzinfo=None) if remove_tzinfo else at\n"
	// The endpoint is an option too: of SQS this AWS CLI has an address of its own otherwise.
	for name, text := range map[string]string{"sitecustomize.py": clock, "sleep": "#!/bin/sh\n", "aws": "#!/bin/sh\nexec env PYTHONPATH=" + dir + " " + cli + " --endpoint-url \"$AWS_ENDPOINT_URL\" \"$@\"\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// repair breaks the account, repairs it, and counts the commands that it took.
func (b *base) repair(t *testing.T, x fixture, how repaired, bin string) (commands int) {
	function, dir := functionARN(x.function()), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		x.fail(w)
		m, targets := b.vault.over(), append([]string{x.function()}, x.with...)
		time.Sleep(time.Hour) // the collection that began last counts
		w.collect(reopened(t, m), targets)
		broken := assessed(t, m)
		if got := verdicts(broken, function)[x.check]; got != Fail {
			t.Fatalf("broken: %q%s", got, seen(broken, x.check))
		}
		if how.ready != nil {
			how.ready(w)
		}
		values := w.usual(dir)
		if how.values != nil {
			maps.Copy(values, how.values(w))
		}
		text := ""
		for _, r := range broken.Results {
			if r.Check != x.check || r.Function != function || r.Verdict != Fail || r.Repair.CLI == text {
				continue
			}
			text = r.Repair.CLI
			commands += w.shell(t, bin, filledIn(t, text, values))
		}
		if how.after != nil {
			how.after(w)
		}
		time.Sleep(time.Hour)
		w.collect(reopened(t, m), targets)
		b.compare(t, x, how, verdicts(broken, function), assessed(t, m))
	})
	return commands
}

// compare holds the account after a repair against the one in which all pass.
func (b *base) compare(t *testing.T, x fixture, how repaired, before map[string]Verdict, after *Report) {
	t.Helper()
	function := functionARN(x.function())
	now, was := verdicts(after, function), b.verdicts[function]
	if now[x.check] != Pass {
		t.Errorf("%s is %q after its repair%s", x.check, now[x.check], seen(after, x.check))
	}
	for _, check := range slices.Sorted(maps.Keys(now)) {
		_, explained := how.then[check]
		switch {
		case now[check] == Fail && before[check] != Fail:
			t.Errorf("the repair of %s makes %s fail%s", x.check, check, seen(after, check))
		case (now[check] != was[check]) != explained:
			t.Errorf("after the repair of %s: %s is %q, was %q where all is well, explained: %v%s", x.check, check, now[check], was[check], explained, seen(after, check))
		}
	}
}

// filledIn puts values where a person is to, and wants a sentence above each variable.
func filledIn(t *testing.T, text string, values map[string]string) string {
	t.Helper()
	return assignment.ReplaceAllStringFunc(text, func(line string) string {
		name := strings.TrimSuffix(line, "=''")
		v, ok := values[name]
		if !ok || !strings.Contains(text, "# "+name+": ") {
			t.Errorf("%s: a value: %v; a sentence has to say what it is\n%s", name, ok, text)
		}
		return name + "='" + v + "'"
	})
}

// shell serves the account and runs a text, and says how many commands of the AWS CLI it took.
func (w *world) shell(t *testing.T, bin, text string) int {
	t.Helper()
	calls := 0
	served := httptest.NewServer(w.beyond(&calls))
	defer served.Close()
	cmd := exec.Command("sh", "-c", text)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + cmd.Dir, "AWS_ENDPOINT_URL=" + served.URL, "AWS_ACCESS_KEY_ID=" + w.keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + w.keys.SecretAccessKey,
		"AWS_DEFAULT_REGION=" + region, "AWS_CONFIG_FILE=/nonexistent", "AWS_SHARED_CREDENTIALS_FILE=/nonexistent", "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=", "AWS_MAX_ATTEMPTS=1", "SIMULATED_CLOCK=" + time.Now().UTC().Format("2006-01-02T15:04:05+00:00")}
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\nby\n%s", err, said, text)
	}
	if calls == 0 {
		t.Errorf("no call was made by\n%s", text)
	}
	return calls
}

// usual are values of variables that a person has to fill in.
func (w *world) usual(dir string) map[string]string {
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			w.t.Fatal(err)
		}
		return path
	}
	return map[string]string{
		"POLICY": file("policy.json", tillPolicy(till)), "POLICY_NAME": "own", "BOUNDARY_ARN": "arn:aws:iam::" + account + ":policy/edge", "CONFIG_ARN": w.ids["signing"], "KEY_ARN": w.ids["key"],
		"PACKAGE": file("package.zip", unzipped("mended")), "SUBNET_IDS": subnetA + "," + subnetB, "GROUP_IDS": groupID, "SITE": "https://shop.example", "STAGE": "prod", "VALIDATOR_ID": w.ids["validator"], "RATE": "100", "BURST": "50",
		"WEB_ACL_ARN": arn("wafv2", "regional/webacl/front/a1b2"), "LOG_GROUP_ARN": arn("logs", "log-group:access"), "TOPIC_ARN": arn("sns", "orders"), "BUCKET_ARN": "arn:aws:s3:::flows", "OWNER": "shop", "CONCURRENCY": "10", "COLLECTED": "yes",
		"NEW_VALUE": file("value", "y"), "ROLE_ARN_1": roleARN(helperRole), "ENDPOINT_POLICY": file("endpoint.json", policy(fmt.Sprintf(`{"Effect":"Allow","Principal":"*","Action":"sqs:SendMessage","Resource":%q}`, arn("sqs", "till-failed")))),
		"ENDPOINT_GROUP_ID": groupID, "IMAGE_URI": w.ids["second"],
	}
}
