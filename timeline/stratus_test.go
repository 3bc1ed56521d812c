package timeline

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// stratus finds the recorded attacks, named by technique.
func stratus(t testing.TB) string {
	root := os.Getenv("FREEZEFRAME_SHARED")
	if root == "" {
		root = "../../shared"
	}
	dir := filepath.Join(root, "data", "cloudtrail", "stratus")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("SKIPPED LOUDLY: no recorded attacks at %s", dir)
	}
	return dir
}

// collectEvents runs the engine and keeps copies of all events.
func collectEvents(t testing.TB, o Options, paths ...string) ([]Event, Summary) {
	t.Helper()
	var all []Event
	sum, err := Events(context.Background(), o, Input{Paths: paths}, func(e *Event) error {
		c := *e
		c.Tags, c.Resources = append([]string(nil), e.Tags...), append([]string(nil), e.Resources...)
		all = append(all, c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, sum
}

// TestStratusComplete: every recorded event comes out, in order, with what makes it one.
func TestStratusComplete(t *testing.T) {
	dir := stratus(t)
	want := map[string]int{}
	files, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	if len(files) < 30 {
		t.Fatalf("only %d files", len(files))
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var records []struct{ EventID string }
		if err := json.Unmarshal(b, &records); err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			want[r.EventID]++
		}
	}
	got, sum := collectEvents(t, Options{}, dir)
	if sum.Skips != 0 || len(got) != len(want) {
		t.Fatalf("%d events of %d, %d skips %v", len(got), len(want), sum.Skips, sum.Skipped)
	}
	for i, e := range got {
		if want[e.ID] == 0 {
			t.Errorf("event %q was not in the input", e.ID)
		}
		if i > 0 && e.Time.Before(got[i-1].Time) {
			t.Errorf("event %d is earlier than the one before", i)
		}
		if e.Time.IsZero() || e.Action == "" || e.Service == "" || e.Outcome == "" || e.Region == "" || e.Message == "" || e.Principal.String() == "unknown" {
			t.Errorf("%s: incomplete: %+v", e.Raw.Path, e)
		}
	}
}

// TestStratusTruth: what each technique did is what the events say.
func TestStratusTruth(t *testing.T) {
	dir := stratus(t)
	for _, c := range []struct {
		file  string
		check func(e Event) bool
	}{
		{"aws.persistence.lambda-overwrite-code", func(e Event) bool {
			return e.Action == "UpdateFunctionCode" && e.RawAction == "UpdateFunctionCode20150331v2" && e.Outcome == Success &&
				e.Function == "arn:aws:lambda:ap-westeast-2r:266106314375:function:stratus-red-team-olc-func-vayhjqkdav" &&
				e.Change.CodeHash == "Pt1c8vVaBygmNtAeSyjlpdy7r8nHRqJAAL++HEGlQkc=" && e.Qualifier == "1" && e.Tagged(TagNewCode) &&
				e.Principal.String() == "christophe" && e.Address == "253.8.50.132" && e.AccessKey == "AKIAKHYV6FI4F4CJQMDV"
		}},
		{"aws.persistence.lambda-backdoor-function", func(e Event) bool {
			return e.Action == "AddPermission" && e.Tagged(TagPublicGrant) && e.Tagged(TagGrant) && e.Change.Grantee == "*" &&
				e.Change.Allows == "lambda:InvokeFunction" && e.Change.Sid == "backdoor" &&
				strings.HasSuffix(e.Function, ":880896431042:function:stratus-red-team-backdoor-f-func")
		}},
		{"aws.persistence.lambda-layer-extension", func(e Event) bool {
			return e.Action == "UpdateFunctionConfiguration" && !e.Tagged(TagNewCode) &&
				strings.HasSuffix(e.Change.Layers, ":layer:stratus-red-team-lambda-layer-my-lambda-extension:1") &&
				strings.HasSuffix(e.Change.Role, ":role/stratus-red-team-lambda-layer-lambda-role")
		}},
		{"aws.persistence.sts-federation-token", func(e Event) bool {
			return e.Action == "GetFederationToken" && e.Tagged(TagNewKey) && strings.HasPrefix(e.Change.NewKey, "ASIA")
		}},
		{"aws.defense-evasion.organizations-leave", func(e Event) bool {
			return e.Action == "LeaveOrganization" && e.Outcome == Denied && e.Principal.Type == "AssumedRole" && e.Principal.Session != ""
		}},
	} {
		events, _ := collectEvents(t, Options{}, filepath.Join(dir, c.file+".json"))
		found := false
		for _, e := range events {
			found = found || c.check(e)
		}
		if !found {
			b, _ := json.MarshalIndent(events, "", " ")
			t.Errorf("%s: no event is as expected among %s", c.file, b)
		}
	}
}

// TestStratusSameBytes: neither the number of readers, nor runs on disk, nor the order
// of paths shows in the output.
func TestStratusSameBytes(t *testing.T) {
	dir := stratus(t)
	for _, f := range Formats() {
		format := f.Name
		var want []byte
		for i, o := range []Options{{Workers: 1}, {Workers: 4}, {Workers: 2, RunEvents: 1}, {Workers: 3, RunEvents: 7}} {
			o.Format, o.TempDir = format, t.TempDir()
			var out bytes.Buffer
			sum, err := Build(context.Background(), o, Input{Paths: []string{dir}}, &out)
			if err != nil {
				t.Fatal(err)
			}
			if o.RunEvents == 1 && sum.Runs < maxFanIn+1 {
				t.Errorf("only %d runs: merging in groups is not exercised", sum.Runs)
			}
			if left, _ := os.ReadDir(o.TempDir); len(left) > 0 {
				t.Errorf("%v is left behind", left)
			}
			if i == 0 {
				want = bytes.Clone(out.Bytes())
			} else if !bytes.Equal(want, out.Bytes()) {
				t.Errorf("%s: options %+v give other bytes", format, o)
			}
		}
	}
}
