package conformance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// findingOf is a sample's first finding, without its envelope.
func findingOf(t *testing.T, sample string) json.RawMessage {
	t.Helper()
	data, err := os.ReadFile("../../internal/alert/testdata/" + sample + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var event struct {
		Detail json.RawMessage
	}
	decode(t, string(data), &event)
	var several struct{ Findings []json.RawMessage }
	decode(t, string(event.Detail), &several)
	if len(several.Findings) > 0 {
		return several.Findings[0]
	}
	return event.Detail
}

// told is what `respond resolve` says of an alert.
type told struct {
	Case, Kind, Type, Account, Region string
	Sample, Archived, Resolved        bool
	Role, Session                     string
	AccessKey                         string `json:"access_key"`
	Target                            struct{ ARN string }
}

func resolved(t *testing.T, file string) told {
	t.Helper()
	r := runIn(t, nil, built.freezeframe, "respond", "resolve", "--json", "--alert", file)
	if r.code != 0 && r.code != 3 {
		t.Fatalf("%s: %d %s", file, r.code, r.err)
	}
	var out struct{ Alerts []told }
	decode(t, r.out, &out)
	if len(out.Alerts) != 1 {
		t.Fatalf("%s: %d alerts", file, len(out.Alerts))
	}
	return out.Alerts[0]
}

// TestAlertsThroughCLI: a finding as EventBridge writes it, and the same as AWS's own CLI prints it
// that reads it from the API, are one case, of one function. Between the two spellings stands AWS's
// model, not our reader: a server gives the CLI the wire's form, and the CLI makes its own of it.
func TestAlertsThroughCLI(t *testing.T) {
	cases := map[string]bool{}
	for _, c := range []struct {
		sample string
		args   []string
	}{
		{"guardduty-lambda", []string{"guardduty", "get-findings", "--detector-id", "d", "--finding-ids", "f"}},
		{"guardduty-accesskey", []string{"guardduty", "get-findings", "--detector-id", "d", "--finding-ids", "f"}},
		{"guardduty-sequence", []string{"guardduty", "get-findings", "--detector-id", "d", "--finding-ids", "f"}},
		{"guardduty-sample", []string{"guardduty", "get-findings", "--detector-id", "d", "--finding-ids", "f"}},
		{"guardduty-lambda-asff", []string{"securityhub", "get-findings"}},
		{"guardduty-lambda-ocsf", []string{"securityhub", "get-findings-v2"}},
		{"securityhub-control-ocsf", []string{"securityhub", "get-findings-v2"}},
	} {
		member := map[string]string{"guardduty": "findings", "securityhub": "Findings"}[c.args[0]]
		body := fmt.Sprintf(`{%q:[%s]}`, member, findingOf(t, c.sample))
		asked := []string{}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.URL.Path)
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(body))
		}))
		x := target{endpoint: server.URL, key: "AKIAEXAMPLE", secret: "x"}
		printed := must(t, 0, x.env(), tool(t, "FREEZEFRAME_AWS"), append(c.args, "--output", "json", "--no-paginate")...)
		server.Close()
		if len(asked) != 1 {
			t.Errorf("%s: asked %v", c.sample, asked)
		}
		file := filepath.Join(t.TempDir(), "cli.json")
		if err := os.WriteFile(file, []byte(printed.out), 0o600); err != nil {
			t.Fatal(err)
		}
		event, cli := resolved(t, "../../internal/alert/testdata/"+c.sample+".json"), resolved(t, file)
		if event != cli || event.Case == "" || event.Kind == "unknown" {
			t.Errorf("%s:\nevent %+v\n  CLI %+v", c.sample, event, cli)
		}
		if strings.HasPrefix(c.args[0], "guardduty") && !strings.Contains(printed.out, `"ResourceType"`) {
			t.Errorf("%s: the CLI did not spell it otherwise", c.sample)
		}
		cases[event.Case] = true
	}
	t.Logf("7 findings through the AWS CLI, %d cases; 0 skipped", len(cases))
	if len(cases) != 5 {
		t.Errorf("%d cases of 5 findings", len(cases))
	}
}
