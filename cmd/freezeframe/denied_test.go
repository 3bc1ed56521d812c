package main

import (
	"context"
	"encoding/json"
	"errors"
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

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/test/scratch"
)

// deniedShare is the share of the reads that go test denies to a process of its own: collect's
// tests deny all of them in process, and .ci/long denials all of them here.
const deniedShare = 8

// TestDeniedReads denies reads in turn: the process ends with 'incomplete', the call
// stands in the coverage as a gap, with it only what cannot be asked for without its answer,
// the case verifies, and the code in it is byte for byte what an undenied collection holds.
func TestDeniedReads(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	needs := slices.DeleteFunc(collect.Needs(collect.All), func(n awsapi.Need) bool {
		return strings.HasPrefix(n.Call, "Presigned:") // a presigned URL asks for no permission
	})
	all := len(needs)
	if os.Getenv("FREEZEFRAME_DENIALS") != "all" {
		share := deniedShare
		if testing.Short() { // the race detector
			share *= 24
		}
		for i := range needs {
			if i%share == 0 {
				needs[i/share] = needs[i]
			}
		}
		needs = needs[:(all+share-1)/share]
	}
	t.Logf("%d of %d reads; FREEZEFRAME_DENIALS=all denies every one", len(needs), all)
	functions := bench.Functions()
	if testing.Short() { // those that a denial is compared with
		functions = slices.DeleteFunc(functions, func(f string) bool {
			return !slices.ContainsFunc(needs, func(n awsapi.Need) bool { return bench.Occasion(n.Call) == f })
		})
	}
	runs, undenied := make([]deniedRun, len(needs)), make([]deniedRun, len(functions))
	var wg sync.WaitGroup
	slots := make(chan struct{}, 8) // they mostly wait for their own pace
	inSlot := func(f func()) {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			f()
		})
	}
	for i, n := range needs {
		inSlot(func() { runs[i] = collectDenied(dir, n.Call, bench.Occasion(n.Call)) })
	}
	for i, function := range functions {
		inSlot(func() { undenied[i] = collectDenied(dir, "", function) })
	}
	wg.Wait()
	whole := map[string]deniedRun{}
	for i, function := range functions {
		if r := undenied[i]; r.err != nil || r.code != ui.ExitOK || len(r.code256) == 0 {
			t.Fatalf("nothing denied of %s: %+v", function, r)
		}
		whole[function] = undenied[i]
	}
	for i, n := range needs {
		t.Run(n.Call, func(t *testing.T) { runs[i].check(t, n.Call, whole[bench.Occasion(n.Call)]) })
	}
}

// deniedRun is what one collection under a denial left.
type deniedRun struct {
	err            error
	code, verified int             // exit codes of collect and verify
	made           map[string]bool // calls that the account answered
	gaps           []evidence.Gap
	code256        map[string]string // artefact and source -> SHA-256
}

func (d deniedRun) check(t *testing.T, call string, whole deniedRun) {
	if d.err != nil {
		t.Fatal(d.err)
	}
	if !whole.made[strings.ToLower(call)] {
		t.Fatal("this account gives no occasion for the call")
	}
	if d.code != ui.ExitIncomplete || d.verified != ui.ExitOK {
		t.Errorf("exit code %d of collect and %d of verify", d.code, d.verified)
	}
	denied := map[string]bool{} // artefacts
	for _, g := range d.gaps {
		// The answer to a HEAD has no body that could name the code.
		if g.Call == call && g.State == evidence.Denied && (strings.Contains(g.Error, "AccessDenied") || call == "S3:HeadBucket" && strings.Contains(g.Error, "Forbidden")) {
			denied[g.Artefact] = true
		}
	}
	// Two artefacts may rest on one call: a group's subscriptions, and those of other groups
	// that call the function; layers and configurations of images; an image and a tag; packages of
	// functions and of layers that lie in a bucket, and trails' files and digests.
	shared := map[string]int{"CloudWatchLogs:DescribeSubscriptionFilters": 2, "ECR:GetDownloadUrlForLayer": 2, "ECR:DescribeImages": 2, "S3:GetObject": 4}
	if len(denied) != max(1, shared[call]) {
		t.Errorf("denied: %v of %+v", denied, d.gaps)
	}
	for _, g := range d.gaps {
		needsIt := func(artefact string) bool {
			return g.State == evidence.NotAttempted && strings.Contains(g.Note, artefact)
		}
		if !denied[g.Artefact] && !slices.ContainsFunc(slices.Collect(maps.Keys(denied)), needsIt) {
			t.Errorf("a gap of something else: %+v", g)
		}
	}
	for key, sum := range d.code256 {
		if whole.code256[key] != sum {
			t.Errorf("%s is not what it was without the denial", key)
		}
	}
	t.Logf("%d gaps; %d files of code, of %d without the denial", len(d.gaps), len(d.code256), len(whole.code256))
}

// collectDenied collects a fresh account in a process of its own, with one call denied.
func collectDenied(dir, call, function string) deniedRun {
	d := deniedRun{made: map[string]bool{}, code256: map[string]string{}}
	d.err = func() error {
		a, err := bench.NewAccount(context.Background(), awssim.Config{}, 3, 32<<10)
		if err != nil {
			return err
		}
		server := httptest.NewServer(a.Cloud)
		defer server.Close()
		at := filepath.Join(dir, strings.ReplaceAll("denied "+call+" "+function, ":", "-"))
		if err := os.Mkdir(at, 0o700); err != nil {
			return err
		}
		if code, out, err := process(a, server.URL, at, "case", "open", "case", "--title", "t", "--authority", "a", "--operator", "o"); err != nil || code != ui.ExitOK {
			return fmt.Errorf("opening the case: %d %s %w", code, out, err)
		}
		earlier := len(a.Cloud.Calls())
		if call != "" {
			a.Cloud.Inject(awssim.Fault{Op: call, Fail: awssim.Fail{Code: "AccessDeniedException", Message: "injected", Status: 403}})
		}
		var out []byte
		if d.code, out, err = process(a, server.URL, at, "collect", "--function", function, "--trail-bucket", "auto", "--json"); err != nil {
			return err
		}
		for _, c := range a.Cloud.Calls()[earlier:] {
			d.made[strings.ToLower(c.API)] = true
		}
		if d.verified, _, err = process(a, server.URL, at, "verify"); err != nil {
			return err
		}
		var said struct{ Path string }
		if err := json.Unmarshal(out, &said); err != nil {
			return fmt.Errorf("%w in %s", err, out)
		}
		return d.read(filepath.Join(at, "case", filepath.FromSlash(said.Path), "coverage.json"))
	}()
	return d
}

func (d *deniedRun) read(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var coverage struct{ Entries []evidence.Entry }
	if err := json.Unmarshal(b, &coverage); err != nil {
		return err
	}
	for _, e := range coverage.Entries {
		if e.Gap != nil && !e.State.Complete() {
			d.gaps = append(d.gaps, *e.Gap)
		}
		if e.Item != nil && (e.Artefact == "lambda.code" || e.Artefact == "lambda.layers.content" || e.Artefact == "ecr.layer") {
			d.code256[e.Artefact+" "+e.Source.ARN+" "+e.Source.Qualifier] = e.Item.SHA256
		}
	}
	return nil
}

// process runs the built binary with nothing of this process's environment but PATH.
func process(a *bench.Account, endpoint, dir string, args ...string) (code int, out []byte, err error) {
	path, err := exec.LookPath("freezeframe")
	if err != nil {
		return 0, nil, err
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	cmd.Env = append(environ(a.Keys, endpoint, bench.Region, dir), "FREEZEFRAME_CASE="+filepath.Join(dir, "case"))
	out, err = cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), out, nil
	}
	return 0, out, err
}

// environ is the environment of a process that works on a simulated account: nothing of this one's but PATH.
func environ(keys awssim.Credentials, endpoint, region, home string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "FREEZEFRAME_HOME=" + filepath.Join(home, "home"),
		"AWS_ENDPOINT_URL=" + endpoint, "AWS_REGION=" + region, "AWS_ACCESS_KEY_ID=" + keys.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + keys.SecretAccessKey, "AWS_EC2_METADATA_DISABLED=true", scratch.Process,
	}
}
