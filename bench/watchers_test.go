package bench

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

// TestTimelineOfWatchers: what is collected of the account that has everything is told by the
// timeline, each kind of document by at least one event, and nothing of it is unreadable.
func TestTimelineOfWatchers(t *testing.T) {
	a, err := NewAccount(t.Context(), awssim.Config{}, 2, 1<<10)
	if err != nil {
		t.Fatal(err)
	}
	s, err := awsapi.Connect(t.Context(), awsapi.Options{
		Region: Region, EndpointURL: Endpoint, HTTPClient: a.Cloud.Client(), ReadOnly: true,
		Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.NewFolder(filepath.Join(t.TempDir(), "case"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := evidence.CreateCase(t.Context(), v, evidence.CaseOptions{Title: "t", Authority: "t", Operator: "t", Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	target, err := collect.ResolveTarget(t.Context(), s.Config("", collect.ResolveNeeds()), AccountID, Region, Function)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := collect.Into(t.Context(), s, c, evidence.Header{}, []collect.Target{target}, collect.Options{Unpaced: true}); err != nil {
		t.Fatal(err)
	}
	bySource, packages, linked := map[string]int{}, map[string]int{}, 0
	var changed []string
	sum, err := timeline.Events(t.Context(), timeline.Options{Filter: timeline.Filter{Function: Function}}, timeline.Input{Case: c}, func(e *timeline.Event) error {
		bySource[e.Source]++
		if e.Change.Package != "" {
			packages[e.Change.Package]++
			if e.LinkedTo != "" {
				linked++
			}
		}
		if e.Source == "config.history" {
			changed = append(changed, e.Change.Setting)
		}
		if strings.Contains(e.Message+e.Change.Setting, Secret) {
			t.Errorf("a secret is told: %s", e.Message)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{"config.history", "guardduty.findings", "xray.summaries", "xray.traces", "inspector2.findings", "accessanalyzer.findings", "lambda.configuration"} {
		if bySource[source] == 0 {
			t.Errorf("nothing of %s: %v", source, bySource)
		}
	}
	if bySource["xray.summaries"] != 7 || bySource["guardduty.findings"] != 2 {
		t.Errorf("by source: %v", bySource)
	}
	if packages[timeline.PackageMatch] < 3 || packages[timeline.PackageMismatch] != 0 || linked == 0 {
		t.Errorf("packages: %v, %d linked", packages, linked)
	}
	if !strings.Contains(strings.Join(changed, " "), "changed=timeout") {
		t.Errorf("changes that Config recorded: %q", changed)
	}
	for _, x := range sum.Skipped {
		t.Errorf("not read: %+v", x)
	}
	t.Logf("%v; packages %v, %d linked; 0 skipped", bySource, packages, linked)
}
