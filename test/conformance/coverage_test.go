package conformance

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// unjudged are simulated operations whose answer no client here gets, each with the reason.
func unjudged() map[string]string {
	return map[string]string{
		"s3:GetBucketWebsite": "no bucket here is a website: it always answers NoSuchWebsiteConfiguration",
		"s3:PutBucketAcl":     "buckets here have ACLs disabled, as AWS's have by default: it is always refused",
		"s3:PutObjectAcl":     "as PutBucketAcl",
	}
}

// TestCoverage: AWS's shapes have judged a successful answer of every simulated operation:
// of the script of comparison, of a sweep through the rest, or of the simulator's own tests.
func TestCoverage(t *testing.T) {
	python := tool(t, "FREEZEFRAME_PYTHON")
	var all []string
	if err := json.Unmarshal([]byte(must(t, 0, nil, built.simserver, "-operations").out), &all); err != nil || len(all) == 0 {
		t.Fatalf("%d operations: %v", len(all), err)
	}
	covered := map[string]bool{}
	for _, script := range [][]string{{"compare/script.py", allServices}, {"compare/sweep.py"}} {
		x, end := simulator(t)
		r := must(t, 0, x.env(), python, append([]string{script[0], x.endpoint, account}, script[1:]...)...)
		if script[0] == "compare/sweep.py" && r.out != "" {
			t.Errorf("refused in the sweep:\n%s", r.out)
		}
		v := end()
		for _, p := range v.Problems {
			t.Errorf("%s: the shapes' judge: %s", script[0], p)
		}
		for name := range v.Covered {
			covered[name] = true
		}
	}
	byClients := len(covered)
	for _, name := range ownTests(t) {
		covered[name] = true
	}
	known := unjudged()
	for _, name := range all {
		switch {
		case !covered[name] && known[name] == "":
			t.Errorf("no shape has judged an answer of %s", name)
		case covered[name] && known[name] != "":
			t.Errorf("%s is judged, and still among the unjudged", name)
		}
	}
	t.Logf("%d operations simulated: %d judged with boto3, the others in the simulator's own tests, %d listed as unjudged", len(all), byClients, len(known))
}

// ownTests are the operations that internal/awssim's tests have judged.
func ownTests(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("go", "test", "-count=1", "./internal/awssim")
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "FREEZEFRAME_COVERED="+dir, "FREEZEFRAME_SHARED="+shared(t), "GOWORK=")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("internal/awssim: %v\n%s", err, lastLines(string(text), 20))
	}
	files, err := filepath.Glob(dir + "/covered-*")
	if err != nil || len(files) == 0 {
		t.Fatalf("internal/awssim judged nothing: %v", err)
	}
	var out []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, strings.Fields(string(text))...)
	}
	return out
}
