package timeline

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

const testTrail = "arn:aws:cloudtrail:eu-west-1:111122223333:trail/audit"

// doc is an artefact of a case; without a body it is a gap in that state.
type doc struct {
	artefact, arn, body string
	state               evidence.State
}

func trailCase(t *testing.T, docs ...doc) *evidence.Case {
	t.Helper()
	ctx := context.Background()
	folder, err := vault.NewFolder(filepath.Join(t.TempDir(), "case"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := evidence.CreateCase(ctx, folder, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "o", Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	w, err := c.Begin(ctx, evidence.Header{Kind: "collection", Operator: "o", Account: "111122223333", Targets: []string{testFn}})
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range docs {
		src := evidence.Source{ARN: d.arn, Region: "eu-west-1", Account: "111122223333"}
		if d.body == "" {
			err = w.Gap(evidence.Gap{Artefact: d.artefact, Source: src, State: d.state, At: time.Now()})
		} else {
			m := evidence.Meta{Artefact: d.artefact, Name: fmt.Sprint(i, ".json"), Source: src, Started: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Params: map[string]string{
				"StartTime": "2026-02-22T11:00:00Z", "EndTime": "2026-03-01T11:00:00Z", "Bucket": "b", "Key": strings.TrimPrefix(d.arn, "arn:aws:s3:::b/")}}
			_, err = w.Put(ctx, m, func(out io.Writer) error { _, err := io.WriteString(out, d.body); return err })
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Seal(ctx, evidence.StatusComplete); err != nil {
		t.Fatal(err)
	}
	return c
}

func recordOf(at, action, params string) string {
	return fmt.Sprintf(`{"eventVersion":"1.11","eventTime":%q,"eventSource":"cloudtrail.amazonaws.com","eventName":%q,"awsRegion":"eu-west-1","recipientAccountId":"111122223333","eventID":%q,"userIdentity":{"type":"IAMUser","userName":"mallory"},"requestParameters":%s}`,
		at, action, action+at, params)
}

func unseenOf(t *testing.T, o Options, docs ...doc) (Summary, []string) {
	t.Helper()
	o.Validate = true
	sum, err := Events(context.Background(), o, Input{Case: trailCase(t, docs...)}, func(*Event) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, u := range sum.Unseen {
		if !strings.HasPrefix(u.Text, "cannot see ") {
			t.Errorf("worded otherwise: %q", u.Text)
		}
		lines = append(lines, string(u.Kind)+": "+u.Text)
	}
	return sum, lines
}

func wantLine(t *testing.T, name string, lines []string, want bool, parts ...string) {
	t.Helper()
	got := slices.ContainsFunc(lines, func(l string) bool {
		return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(l, p) })
	})
	if got != want {
		t.Errorf("%s: %v is there: %v, in\n%s", name, parts, got, strings.Join(lines, "\n"))
	}
}

// TestUnseenDataEvents: what the trails' selectors leave out, and what the case lacks of it.
func TestUnseenDataEvents(t *testing.T) {
	trails := doc{artefact: "cloudtrail.trails", body: `{"trailList":[{"TrailARN":"` + testTrail + `","Name":"audit"}]}`}
	selectors := func(s string) doc { return doc{artefact: "cloudtrail.trails.selectors", arn: testTrail, body: s} }
	file := doc{artefact: "cloudtrail.log", arn: "arn:aws:s3:::b/AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/01/x.json.gz", body: `{"Records":[]}`}
	management := selectors(`{"EventSelectors":[{"ReadWriteType":"All","IncludeManagementEvents":true,"DataResources":[]}]}`)
	every := selectors(`{"EventSelectors":[{"DataResources":[{"Type":"AWS::Lambda::Function","Values":["arn:aws:lambda"]},{"Type":"AWS::S3::Object","Values":["arn:aws:s3"]}]}]}`)
	one := selectors(`{"EventSelectors":[{"DataResources":[{"Type":"AWS::Lambda::Function","Values":["` + testFn + `"]}]}]}`)
	advanced := selectors(`{"AdvancedEventSelectors":[{"FieldSelectors":[{"Field":"eventCategory","Equals":["Data"]},{"Field":"resources.type","Equals":["AWS::Lambda::Function"]}]}]}`)
	narrowed := selectors(`{"AdvancedEventSelectors":[{"FieldSelectors":[{"Field":"eventCategory","Equals":["Data"]},{"Field":"resources.type","Equals":["AWS::Lambda::Function"]},{"Field":"resources.ARN","StartsWith":["x"]}]}]}`)
	cells := 0
	for _, c := range []struct {
		name   string
		docs   []doc
		o      Options
		lambda string // "" is: nothing is said of it
	}{
		{"management events alone", []doc{trails, management, file}, Options{}, "cannot see Invoke calls: no trail selects"},
		{"all functions", []doc{trails, every, file}, Options{}, ""},
		{"all functions, no files", []doc{trails, every}, Options{}, "cannot see Invoke calls: they are data events, which are in trails' files alone"},
		{"one function", []doc{trails, one, file}, Options{}, "cannot see all Invoke calls: trail audit selects data events of some"},
		{"the function asked for", []doc{trails, one, file}, Options{Filter: Filter{Function: testFn}}, ""},
		{"advanced", []doc{trails, advanced, file}, Options{}, ""},
		{"advanced and narrowed", []doc{trails, narrowed, file}, Options{}, "cannot see all Invoke calls"},
		{"selectors unknown", []doc{trails, {artefact: "cloudtrail.trails.selectors", arn: testTrail, state: evidence.Denied}, file}, Options{}, "cannot see whether all Invoke calls are there"},
		{"no trail", []doc{{artefact: "cloudtrail.trails", state: evidence.Absent}}, Options{}, "cannot see Invoke calls: no trail selects"},
	} {
		_, lines := unseenOf(t, c.o, c.docs...)
		if c.lambda == "" {
			wantLine(t, c.name, lines, false, "Invoke calls")
		} else {
			wantLine(t, c.name, lines, true, c.lambda)
		}
		cells++
	}
	t.Logf("%d cells, 0 skipped", cells)
}

// TestUnseenTrails: trails that did not log, by their status and by the calls in the records,
// whatever the filter keeps of those.
func TestUnseenTrails(t *testing.T) {
	lookup := doc{artefact: "cloudtrail.lookup", body: `{"Records":[` + strings.Join([]string{
		recordOf("2026-02-25T10:00:00Z", "StopLogging", `{"name":"`+testTrail+`"}`),
		recordOf("2026-02-25T11:00:00Z", "DeleteTrail", `{"name":"other"}`),
		recordOf("2026-02-25T12:00:00Z", "StartLogging", `{"name":"audit"}`),
		recordOf("2026-02-25T13:00:00Z", "PutEventSelectors", `{"trailName":"audit"}`),
		recordOf("2026-02-25T14:00:00Z", "UpdateTrail", `{"name":"audit"}`),
		recordOf("2026-02-25T15:00:00Z", "DeleteEventDataStore", `{"eventDataStore":"arn:aws:cloudtrail:eu-west-1:111122223333:eventdatastore/e"}`),
	}, ",") + `]}`}
	twice := lookup // another lookup finds the same records
	twice.arn = testFn
	status := doc{artefact: "cloudtrail.trails.status", arn: testTrail, body: `{"IsLogging":false,"StopLoggingTime":"2026-02-28T10:00:00Z","LatestDeliveryError":"AccessDenied"}`}
	sum, lines := unseenOf(t, Options{Filter: Filter{Function: "payments"}}, lookup, twice, status)
	if sum.ByOutcome["success"] != 0 {
		t.Fatalf("%d calls pass the filter", sum.ByOutcome["success"])
	}
	wantLine(t, "stopped", lines, true, "stopped: ", "trail audit", "from 2026-02-25T10:00:00Z on: mallory called StopLogging; mallory called StartLogging at 2026-02-25T12:00:00Z")
	wantLine(t, "deleted", lines, true, "stopped: ", "trail other", "from 2026-02-25T11:00:00Z on: mallory called DeleteTrail")
	wantLine(t, "store", lines, true, "stopped: ", "event data store", "DeleteEventDataStore")
	wantLine(t, "selectors", lines, true, "changed: ", "trail audit", "mallory called PutEventSelectors")
	wantLine(t, "updated", lines, true, "changed: ", "mallory called UpdateTrail")
	wantLine(t, "status", lines, true, "not-logging: ", "had been stopped at 2026-02-28T10:00:00Z")
	wantLine(t, "delivery", lines, true, "not-logging: ", "AccessDenied")
	wantLine(t, "regions", lines, true, "other regions than eu-west-1")
	wantLine(t, "before", lines, true, "before 2026-02-22T11:00:00Z")
	if n := strings.Count(strings.Join(lines, "\n"), "StopLogging"); n != 1 {
		t.Errorf("StopLogging is told %d times", n)
	}
	i := slices.IndexFunc(sum.Unseen, func(u Unseen) bool { return u.Where == "audit" && u.Kind == UnseenStopped })
	if u := sum.Unseen[i]; u.To.Sub(u.From) != 2*time.Hour || len(u.Events) != 2 {
		t.Errorf("%+v", u)
	}
	// What ended before the time asked for does not hide anything of it.
	_, lines = unseenOf(t, Options{Filter: Filter{Since: time.Date(2026, 2, 26, 0, 0, 0, 0, time.UTC)}}, lookup)
	wantLine(t, "ended", lines, false, "StopLogging")
	wantLine(t, "goes on", lines, true, "DeleteTrail")
}

// TestUnseenBegins: table and story begin with what cannot be seen, and hostile names in it
// are escaped.
func TestUnseenBegins(t *testing.T) {
	lookup := doc{artefact: "cloudtrail.lookup", body: `{"Records":[` + recordOf("2026-02-25T10:00:00Z", "StopLogging", `{"name":"\u001b[31mx"}`) + `]}`}
	c := trailCase(t, lookup)
	var out bytes.Buffer
	if _, err := Build(context.Background(), Options{}, Input{Case: c}, &out); err != nil {
		t.Fatal(err)
	}
	if first, _, _ := strings.Cut(out.String(), "\n"); !strings.HasPrefix(first, `! cannot see what trail \x1b[31mx would have recorded`) {
		t.Errorf("the table begins with %q", first)
	}
	story, err := Tell(context.Background(), Options{Filter: Filter{Function: "payments"}}, Input{Case: c})
	if err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if err := story.Text(&out, 80); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(out.String(), "\n"); !strings.HasPrefix(lines[1], `  ! cannot see what trail \x1b[31mx would have recorded`) {
		t.Errorf("the story begins with %q", lines)
	}
}

// TestUnseenDamage: a log file that no digest vouches for is not called good, and one that is
// not as a digest says makes the timeline incomplete.
func TestUnseenDamage(t *testing.T) {
	key := "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/03/01/111122223333_CloudTrail-Digest_eu-west-1_audit_eu-west-1_20260301T100000Z.json.gz"
	log := doc{artefact: "cloudtrail.log", arn: "arn:aws:s3:::b/AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/01/111122223333_CloudTrail_eu-west-1_20260301T0905Z_abcdefghijklmnop.json.gz", body: `{"Records":[]}`}
	sum, lines := unseenOf(t, Options{}, log)
	wantLine(t, "no digest", lines, true, "unvouched: cannot see whether 1 log files are as CloudTrail delivered them")
	if sum.DamagedFiles != 0 {
		t.Errorf("%d damaged", sum.DamagedFiles)
	}
	sum, lines = unseenOf(t, Options{}, log, doc{artefact: "cloudtrail.digest", arn: "arn:aws:s3:::b/" + key, body: "not gzip"})
	wantLine(t, "damaged digest", lines, true, "damaged: cannot see whether the log files of trail audit in eu-west-1", "("+"s3://b/"+key+")")
	if sum.DamagedFiles != 1 || sum.Complete() {
		t.Errorf("%d damaged, complete %v", sum.DamagedFiles, sum.Complete())
	}
}
