package report

import (
	"bytes"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/test/canaries"
	"github.com/freezeframe-ir/freezeframe/test/strictpage"
)

// masked are the members whose texts a report never shows, each for what it is.
func masked(member string) string {
	for suffix, why := range map[string]string{
		"Environment.Variables.{value}":       "a value of the environment",
		"AuthenticateOidcConfig.ClientSecret": "a secret by its name",
		"methodIntegration.credentials":       "a secret by its name, unless it is an ARN",
		"items[].authorizerCredentials":       "a secret by its name, unless it is an ARN",
	} {
		if strings.HasSuffix(member, suffix) {
			return why
		}
	}
	return ""
}

var whole = regexp.MustCompile(`<img src=x onerror=alert\(([0-9]{6})\)>canary([0-9]{6})`)

// told are the canaries that a page says as text, whole, and never as markup: strictpage
// refuses that.
func told(t *testing.T, page string, policy string) map[int]bool {
	t.Helper()
	p, err := strictpage.Read(page)
	if err != nil {
		t.Fatal(err)
	}
	if what := p.Policy(policy); what != "" {
		t.Error(what)
	}
	out := map[int]bool{}
	for _, text := range p.Texts {
		for _, m := range whole.FindAllStringSubmatch(text, -1) {
			if n, _ := strconv.Atoi(m[1]); m[1] == m[2] {
				out[n] = true
			}
		}
	}
	return out
}

// TestCanaries: a canary stands in every text of every answer that is collected, by the simulated
// account and by AWS's shapes, and the page says each of them, as text; what it does not say is
// a secret, or a record beyond those that are listed, and `report serve` says that.
func TestCanaries(t *testing.T) {
	if testing.Short() {
		t.Skip("twenty thousand texts are said once, without the race detector")
	}
	shared := os.Getenv("FREEZEFRAME_SHARED")
	if shared == "" {
		t.Skip("SKIPPED LOUDLY: FREEZEFRAME_SHARED names no folder with AWS's API models")
	}
	dir := t.TempDir()
	m, err := canaries.Write(t.Context(), filepath.Join(dir, "case"), filepath.Join(dir, "home"), canaries.Models(shared))
	if err != nil {
		t.Fatal(err)
	}
	d, err := Gather(t.Context(), Input{Case: m.Case, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if err := d.HTML(&page); err != nil {
		t.Fatal(err)
	}
	shown := told(t, page.String(), policy("'none'"))
	s := NewServer(d, m.Case, "TOKEN", "127.0.0.1:4711")
	s.rows = 1 << 20 // what the file has of records is their beginning; this is all of them
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/TOKEN/answers?q=cloudtrail.lookup+canary", nil)
	r.Host = s.Host
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	served := told(t, w.Body.String(), policy("'self'"))
	members, inFile, inServe, kept := map[string]bool{}, 0, 0, map[string]int{}
	for _, c := range m.Canaries {
		switch why := masked(c.Member); {
		case shown[c.N] && why != "" && !c.Key:
			t.Errorf("the report shows %s, %s: %s", c.Of, c.Member, why)
		case shown[c.N]:
			inFile++
			members[c.Of+" "+c.Artefact+" "+c.Member] = true
		case why != "":
			kept[c.Of+" "+c.Member+": "+why]++
		case served[c.N] && c.Artefact == "cloudtrail.lookup":
			inServe++
		default:
			t.Errorf("canary %d of %s %s, %s, is said nowhere", c.N, c.Artefact, c.Of, c.Member)
		}
	}
	t.Logf("%d operations by AWS's shapes, %d answers of the account; %d canaries: %d in the page (%d distinct members), %d records more in report serve; %d texts stay sealed; 0 skipped", m.Ops, m.Answers, len(m.Canaries), inFile, len(members), inServe, m.Sealed)
	for _, k := range slices.Sorted(maps.Keys(kept)) {
		t.Logf("in the case alone: %s (%d)", k, kept[k])
	}
	if m.Ops < 125 || len(members) < 3000 || inServe == 0 || page.Len() > 5<<20 {
		t.Errorf("%d operations, %d members, a page of %d bytes", m.Ops, len(members), page.Len())
	}
}
