package main

import (
	"bytes"
	"flag"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

var updateReadme = flag.Bool("update-readme", false, "write the plan that README.md shows")

// shownAs are the ids of a run, and what README.md has in their place.
var shownAs = []struct {
	id *regexp.Regexp
	as string
}{
	{regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`), "MAPPING-ID"},
	{regexp.MustCompile(`https://[a-z0-9]+\.lambda-url`), "https://URL-ID.lambda-url"},
}

// TestReadmePlan holds the plan that README.md shows to what the command prints.
func TestReadmePlan(t *testing.T) {
	const begin, end = "<!-- plan: written by go test ./cmd/freezeframe -run TestReadmePlan -update-readme -->\n", "<!-- end of plan -->\n"
	path, err := filepath.Abs("../../README.md") // planning goes elsewhere
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(b), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("README.md has lost the marks of its plan")
	}
	want := head + begin + "```\n" + plannedForReadme(t) + "```\n" + end + tail
	if *updateReadme {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil { //nolint:gosec // a document for everybody
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(want, string(b)); diff != "" {
		t.Errorf("README.md shows another plan than the command prints (-update-readme):\n%s", diff)
	}
	if n := strings.Count(want, "\n"); n >= 250 {
		t.Errorf("README.md has %d lines", n)
	}
}

func plannedForReadme(t *testing.T) string {
	t.Helper()
	w, err := staged()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w.Cloud)
	defer server.Close()
	dir := t.TempDir()
	for k, v := range map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": w.Scenario.Region, "AWS_ACCESS_KEY_ID": w.Responder.AccessKeyID, "AWS_SECRET_ACCESS_KEY": w.Responder.SecretAccessKey,
		"AWS_SESSION_TOKEN": "", "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
		"FREEZEFRAME_HOME": filepath.Join(dir, "home"), "FREEZEFRAME_CASE": filepath.Join(dir, "case")} {
		t.Setenv(k, v)
	}
	t.Chdir(dir)
	var out string
	for _, args := range [][]string{
		{"case", "open", filepath.Join(dir, "case"), "--title", "t", "--authority", "a", "--operator", "o"},
		{"contain", "plan", "--function", "payments", "--act", "concurrency-zero"},
	} {
		var o, e bytes.Buffer
		if code := run(t.Context(), append([]string{"freezeframe"}, args...), &ui.Streams{In: strings.NewReader(""), Out: &o, Err: &e, Width: 100}); code != 0 {
			t.Fatalf("%v: exit code %d\n%s%s", args, code, o.String(), e.String())
		}
		out = o.String()
	}
	for _, s := range shownAs {
		out = s.id.ReplaceAllString(out, s.as)
	}
	return out
}
