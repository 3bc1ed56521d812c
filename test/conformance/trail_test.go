package conformance

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// Where we name more than the AWS CLI does, and why we are right. It names nothing that we do not.
var moreThanTheCLI = map[string]struct {
	kinds []string
	why   string
}{
	"log-added":             {[]string{"log-unnamed"}, "the CLI looks only at files that a digest names: what was put beside them it cannot see"},
	"log-renamed":           {[]string{"log-renamed"}, "the CLI reports the old name; that the file lies there under another one it cannot see"},
	"log-trailer-cut":       {[]string{"log-unreadable"}, "the CLI hashes what inflates and never asks whether the stream ended: the records are whole, the object is not"},
	"digest-appended-bytes": {[]string{"digest-trailing"}, "the CLI refuses such bytes behind a log file, and ignores them behind a digest"},
	"digest-renamed":        {[]string{"digest-misnamed"}, "the CLI reports the old name; what lies there under a name that is none it does not list"},
	"digest-newest-removed": {nil, "nothing names them, so both find no damage; the CLI ends well, we say that the hours are not covered"},
}

type validated struct {
	Verdict string
	Chains  []struct {
		Trail, Region string
		Problems      []problem
	}
	Problems []problem
}

type problem struct{ Kind, File, Why string }

// damage of one trail, by file; what belongs to no trail is among it.
func (v validated) damage(trail string) map[string]string {
	out := map[string]string{}
	all := slices.Clone(v.Problems)
	for _, c := range v.Chains {
		if c.Trail == trail {
			all = append(all, c.Problems...)
		}
	}
	for _, p := range all {
		if !slices.Contains([]string{"no-public-keys", "no-digest", "not-collected", "unproven", "log-uncovered", "unreadable", "unplaced"}, p.Kind) {
			out[p.File] = p.Kind
		}
	}
	return out
}

var invalidFile = regexp.MustCompile(`(?m)^(?:\(backfill\) )?(?:Digest|Log) file\t(s3://\S+)\tINVALID: (.*)$`)

// TestValidateLogs: of the trail's bucket as it was delivered, and of each kind of tampering
// in it, the AWS CLI's validate-logs and our offline validation of the collected case say the
// same of the same files; where we say more, the table above says why.
func TestValidateLogs(t *testing.T) {
	aws := tool(t, "FREEZEFRAME_AWS")
	list, err := exec.Command(built.simserver, "-tamperings").Output()
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	if err := json.Unmarshal(list, &kinds); err != nil || len(kinds) < 20 {
		t.Fatalf("%d kinds of tampering: %v", len(kinds), err)
	}
	cells, differ := 0, 0
	for _, kind := range append([]string{"untouched"}, kinds...) {
		t.Run(kind, func(t *testing.T) {
			flags, regions := []string{"-trails"}, []string{"eu-central-1", "us-east-1"}
			if kind != "untouched" {
				flags, regions = append(flags, "-tamper", kind), regions[:1] // where it is done
			}
			x, end := simulator(t, flags...)
			cli, code := validateLogs(t, aws, x, regions)
			got, exit := validateCase(t, x)
			for _, p := range end().Problems {
				t.Errorf("the shapes' judge: %s", p)
			}
			ours := got.damage("audit")
			var more []string
			for file, why := range cli {
				if ours[file] == "" {
					t.Errorf("the CLI alone names %s: %s", file, why)
				}
			}
			for file, k := range ours {
				if cli[file] == "" {
					more = append(more, k)
				}
			}
			slices.Sort(more)
			known, differs := moreThanTheCLI[kind]
			if !slices.Equal(more, known.kinds) {
				t.Errorf("we alone name %v, and %v was known: ours %v, the CLI's %v", more, known.kinds, ours, cli)
			}
			if (code == 0) != (len(cli) == 0) || exit == 0 && kind != "untouched" || exit != 0 && kind == "untouched" || (exit == 5) != (len(ours) > 0) {
				t.Errorf("exit codes: the CLI's %d, ours %d: %v, %v", code, exit, cli, ours)
			}
			cells++
			verdict := "agreed"
			if differs {
				differ++
				verdict = "we say more: " + known.why
			}
			t.Logf("%-26s CLI %d files, we %d (%s): %s", kind, len(cli), len(ours), got.Verdict, verdict)
		})
	}
	t.Logf("%d cells, %d with a known difference, %d skipped", cells, differ, len(kinds)+1-cells)
}

// validateLogs lets the AWS CLI validate the first trail's files of some regions.
func validateLogs(t *testing.T, aws string, x target, regions []string) (invalid map[string]string, code int) {
	t.Helper()
	invalid = map[string]string{}
	start := time.Now().UTC().Add(-12 * time.Hour).Format(time.RFC3339)
	for _, region := range regions {
		r := runIn(t, x.env(), aws, "--region", region, "cloudtrail", "validate-logs", "--trail-arn", "arn:aws:cloudtrail:eu-central-1:"+account+":trail/audit", "--start-time", start)
		if !strings.Contains(r.out, "digest files valid") {
			t.Fatalf("%s: %d %s %s", region, r.code, r.out, r.err)
		}
		for _, m := range invalidFile.FindAllStringSubmatch(r.err, -1) {
			invalid[m[1]] = m[2]
		}
		code = max(code, r.code)
	}
	return invalid, code
}

// validateCase collects a case from the account, and validates it when the account is not asked any more.
func validateCase(t *testing.T, x target) (validated, int) {
	t.Helper()
	dir := t.TempDir()
	env := append(x.env(), "AWS_REGION=eu-central-1", "FREEZEFRAME_HOME="+filepath.Join(dir, "home"), "FREEZEFRAME_CASE="+filepath.Join(dir, "case"))
	must(t, 0, env, built.freezeframe, "case", "open", filepath.Join(dir, "case"), "--title", "t", "--authority", "a", "--operator", "o")
	must(t, 0, env, built.freezeframe, "collect", "--function", "payments", "--only", "cloudtrail.trails", "--only", "cloudtrail.objects", "--trail-bucket", "auto", "--since", "12h", "--quiet")
	r := runIn(t, append(env, "AWS_ENDPOINT_URL=http://127.0.0.1:1"), built.freezeframe, "timeline", "validate", "--json")
	var v validated
	decode(t, r.out, &v)
	return v, r.code
}
