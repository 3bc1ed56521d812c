package kill

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/freezeframe-ir/freezeframe/bench"
)

// TestContainTrouble is trouble met head-on, by the built binary and real sessions; with the
// simulated delays of AWS, test/attackers does the same in process.
func TestContainTrouble(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY under -short: the binary that is run is built without the race detector; the plain run has it")
	}
	binary, tried := build(t), 0
	for name, meet := range map[string]func(*arena, *testing.T){
		"concurrency 0 is deleted by the CI role": (*arena).undoneByTheActor,
		"chained roles and warm sessions":         (*arena).chained,
		"the alias is still on the bad version":   (*arena).stillOnTheBadVersion,
	} {
		t.Run(name, func(t *testing.T) {
			tried++
			a := newArena(t, binary)
			a.cases++
			a.run(t, 0, "case", "open", filepath.Join(a.dir, fmt.Sprint("case", a.cases)), "--title", "t", "--authority", "a", "--operator", "o")
			meet(a, t)
		})
	}
	t.Logf("%d kinds of trouble, 0 skipped", tried)
}

// want runs a command and judges its end and what it says; "!" before a pattern is: not said.
func (a *arena) want(t *testing.T, code int, says []string, args ...string) {
	t.Helper()
	got, said := ended(a.command(args...))
	if got != code {
		t.Errorf("%s: exit code %d, want %d\n%s", strings.Join(args, " "), got, code, said)
	}
	for _, re := range says {
		not := strings.HasPrefix(re, "!")
		if regexp.MustCompile(strings.TrimPrefix(re, "!")).MatchString(said) == not {
			t.Errorf("%s: not as wanted: %s\n%s", strings.Join(args, " "), re, said)
		}
	}
}

func roleARN(name string) string { return "arn:aws:iam::" + bench.AccountID + ":role/" + name }

// role makes one that whoever is named may take, and that may do everything.
func (a *arena) role(t *testing.T, name, by string) {
	t.Helper()
	c := iam.NewFromConfig(a.config())
	_, err := c.CreateRole(context.Background(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + by + `"},"Action":"sts:AssumeRole"}]}`)})
	check(t, err)
	_, err = c.PutRolePolicy(context.Background(), &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("work"), PolicyDocument: aws.String(everything)})
	check(t, err)
}

func (a *arena) session(t *testing.T, by aws.Config, role string) aws.Config {
	t.Helper()
	out, err := sts.NewFromConfig(by).AssumeRole(context.Background(), &sts.AssumeRoleInput{RoleArn: aws.String(roleARN(role)), RoleSessionName: aws.String("build")})
	check(t, err)
	cfg := a.config()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	return cfg
}

func unfreeze(cfg aws.Config) error {
	_, err := lambda.NewFromConfig(cfg).DeleteFunctionConcurrency(context.Background(), &lambda.DeleteFunctionConcurrencyInput{FunctionName: aws.String(bench.Function)})
	return err
}

func buckets(cfg aws.Config) error {
	_, err := s3.NewFromConfig(cfg).ListBuckets(context.Background(), &s3.ListBucketsInput{})
	return err
}

// undoneByTheActor: watch tells of it and by whom, its exit code says so, the plan for the
// actor says that CI breaks, and then he cannot do it again.
func (a *arena) undoneByTheActor(t *testing.T) {
	a.role(t, "ci-deploy", "arn:aws:iam::"+bench.AccountID+":root")
	ci := a.session(t, a.config(), "ci-deploy")
	plan, function := filepath.Join(a.dir, "plan.json"), []string{"--function", bench.Function, "--accept-shared-role", "--act", "concurrency-zero"}
	a.run(t, 0, append([]string{"contain", "plan", "--out", plan}, function...)...)
	a.run(t, 0, "contain", "apply", plan, "--override", "a test")
	var once sync.Once
	var done sync.WaitGroup
	var err error
	a.mu.Lock()
	a.on = func(call string) { // when watch has looked for the first time
		if call == "Lambda:GetFunctionConcurrency" {
			once.Do(func() { done.Go(func() { err = unfreeze(ci) }) })
		}
	}
	a.mu.Unlock()
	a.want(t, 7, []string{"REVERSED concurrency-zero", "(?s)still in:.*DeleteFunctionConcurrency", "still in: .*ci-deploy/build"}, "contain", "watch", "--for", "3s", "--every", "1s")
	done.Wait()
	check(t, err)
	both := filepath.Join(a.dir, "both.json")
	a.want(t, 0, []string{"ci-deploy", "where that is your CI, deployments fail until this is lifted"},
		append([]string{"contain", "plan", "--out", both, "--actor", roleARN("ci-deploy"), "--act", "role-quarantine", "--act", "revoke-sessions"}, function...)...)
	a.run(t, 0, "contain", "apply", both, "--override", "a test")
	for who, cfg := range map[string]aws.Config{"his session": ci, "a new one": a.session(t, a.config(), "ci-deploy")} {
		if err := unfreeze(cfg); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
			t.Errorf("contained, and %s takes it back: %v", who, err)
		}
	}
	a.want(t, 0, []string{"concurrency-zero .*in force", "!REVERSED"}, "contain", "watch", "--for", "1ms")
}

// chained: both hops end; what was taken before stays dead after release, a new session lives.
func (a *arena) chained(t *testing.T) {
	a.role(t, "first-hop", "arn:aws:iam::"+bench.AccountID+":root")
	a.role(t, "second-hop", roleARN("first-hop"))
	first := a.session(t, a.config(), "first-hop")
	second := a.session(t, first, "second-hop")
	plan := filepath.Join(a.dir, "plan.json")
	dead := func(when string, want bool) {
		t.Helper()
		for hop, cfg := range map[string]aws.Config{"first": first, "second": second} {
			if err := buckets(cfg); (err != nil) != want {
				t.Errorf("%s, the session of the %s hop: %v", when, hop, err)
			}
		}
	}
	dead("before", false)
	a.want(t, 0, []string{"live on: contain those roles too"}, "contain", "plan", "--out", plan, "--actor", roleARN("first-hop"), "--actor", roleARN("second-hop"), "--act", "role-quarantine", "--act", "revoke-sessions")
	a.run(t, 0, "contain", "apply", plan, "--override", "a test")
	applied := time.Now()
	dead("contained", true)
	a.run(t, 0, "contain", "release", "--reason", "a test")
	dead("released", true)
	// Issue times have whole seconds, and those of the second of apply are denied too: a fast
	// release has to wait for the next one.
	time.Sleep(time.Until(applied.Truncate(time.Second).Add(time.Second)))
	again := a.session(t, a.config(), "first-hop")
	if err := buckets(again); err != nil {
		t.Errorf("released, and a new session is denied: %v", err)
	}
	if err := buckets(a.session(t, again, "second-hop")); err != nil {
		t.Errorf("released, and a new session of the second hop is denied: %v", err)
	}
}

// stillOnTheBadVersion: an act that leaves a road to bad code is not enough, and the exit code
// says so; one that closes them all is.
func (a *arena) stillOnTheBadVersion(t *testing.T) {
	live, err := lambda.NewFromConfig(a.config()).GetAlias(context.Background(), &lambda.GetAliasInput{FunctionName: aws.String(bench.Function), Name: aws.String("live")})
	check(t, err)
	bad := aws.ToString(live.FunctionVersion)
	half, whole := filepath.Join(a.dir, "half.json"), filepath.Join(a.dir, "whole.json")
	a.want(t, 0, []string{"still reaches version " + bad + ", whose code is bad"}, "contain", "plan", "--out", half, "--function", bench.Function, "--act", "url-iam", "--bad-version", bad)
	a.want(t, 3, []string{"ok url-iam: done", "still open: .*version " + bad, "what was done is not enough: [0-9]+ roads? to bad code still open", "next: freezeframe contain plan .*--bad-version"}, "contain", "apply", half, "--override", "a test")
	a.run(t, 0, "contain", "plan", "--out", whole, "--function", bench.Function, "--act", "concurrency-zero", "--bad-version", bad)
	a.want(t, 0, []string{"ok concurrency-zero: done", "!still open"}, "contain", "apply", whole, "--override", "a test")
}
