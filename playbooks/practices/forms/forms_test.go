package forms_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
	"github.com/freezeframe-ir/freezeframe/playbooks/practices"
	"github.com/freezeframe-ir/freezeframe/playbooks/practices/forms"
	"github.com/freezeframe-ir/freezeframe/test/assessments"
	"github.com/freezeframe-ir/freezeframe/test/ocsfcheck"
)

func written(t *testing.T, format string, d forms.Doc) string {
	t.Helper()
	var b bytes.Buffer
	if err := forms.WriteAs(&b, format, d); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestOCSF: every line satisfies the schema of its makers.
func TestOCSF(t *testing.T) {
	s := ocsfcheck.Load(t, "1.8.0")
	n := 0
	for line := range strings.Lines(written(t, "ocsf", assessments.Sample())) {
		n++
		for _, problem := range s.Validate(line) {
			t.Fatalf("%s\nin %.1500s", problem, line)
		}
	}
	if n < 100 {
		t.Errorf("%d lines", n)
	}
	t.Logf("%d findings are valid", n)
}

// TestOCSFBites: what is planted is refused.
func TestOCSFBites(t *testing.T) {
	s := ocsfcheck.Load(t, "1.8.0")
	d := assessments.Sample()
	d.Report.Results = []practices.Result{assessments.Result(practices.Catalogue()[0], practices.Fail, "arn:aws:iam::123456789012:role/r", "x", false)}
	line := written(t, "ocsf", d)
	if p := s.Validate(line); len(p) > 0 {
		t.Fatal(p)
	}
	for _, c := range [][3]string{
		{`"class_uid":2003`, `"class_uid":2999`, "no class"},
		{`"type_uid":200301`, `"type_uid":200302`, "type_uid is 200302"},
		{`"status_id":3,"status":"Fail"`, `"status_id":1,"status":"Fail"`, "beside status_id"},
		{`"status_id":3,"status":"Fail"`, `"status_id":7,"status":"Fail"`, "none of"},
		{`"finding_info":{"uid"`, `"finding_info":{"id"`, "finding_info.uid is required"},
		{`"compliance":{`, `"complianse":{`, "compliance is required"},
		{`"algorithm_id":3,`, ``, "algorithm_id is required"},
		{`"desc":"AWS CLI`, `"text":"AWS CLI`, "remediation.desc is required"},
		{`"provider":"AWS"`, `"zone":"x"`, "cloud.provider is required"},
	} {
		broken := strings.Replace(line, c[0], c[1], 1)
		if said := strings.Join(s.Validate(broken), "\n"); broken == line || !strings.Contains(said, c[2]) {
			t.Errorf("%s for %s: %q, want %q", c[1], c[0], said, c[2])
		}
	}
}

// TestVerdicts holds each form to the table of docs/practices.md.
func TestVerdicts(t *testing.T) {
	cells := 0
	for _, c := range []struct {
		v                                  practices.Verdict
		accepted                           bool
		sarif, ocsf, junit, findingHasMark string
	}{
		{practices.Pass, false, `"kind": "pass",\s+"level": "none"`, `"status_id":1,"status":"Pass"`, `<testcase [^>]*></testcase>`, `"status_id":4,"status":"Resolved"`},
		{practices.Fail, false, `"kind": "fail",\s+"level": "error"`, `"status_id":3,"status":"Fail"`, `<failure [^>]*type="critical"`, `"status_id":1,"status":"New"`},
		{practices.Fail, true, `"suppressions": \[\s+\{\s+"kind": "external",\s+"status": "accepted",\s+"justification": "accepted by x until 2027-01-01: x"`, `"status_id":3,"status":"Fail"`, `<skipped message="accepted by x`, `"status_id":3,"status":"Suppressed"`},
		{practices.Unknown, false, `"kind": "open",\s+"level": "none"`, `"status_id":2,"status":"Warning"`, `<error [^>]*type="unknown"`, `"status_id":1,"status":"New"`},
		{practices.NotApplicable, false, `"kind": "notApplicable",\s+"level": "none"`, `"status_id":99,"status":"Not Applicable"`, `<skipped message="not applicable`, `"status_id":4,"status":"Resolved"`},
	} {
		d := assessments.Sample()
		k := practices.Check{ID: "area/name", Area: practices.LeastPrivilege, Severity: practices.Critical, Title: "t", References: []practices.Reference{}}
		d.Report.Results = []practices.Result{assessments.Result(k, c.v, "arn:aws:iam::1:role/r", "x", c.accepted)}
		for format, want := range map[string]string{"sarif": c.sarif, "ocsf": c.ocsf, "junit": c.junit} {
			cells++
			if out := written(t, format, d); !regexp.MustCompile(want).MatchString(out) || format == "ocsf" && !strings.Contains(out, c.findingHasMark) {
				t.Errorf("%s %v as %s is not %s:\n%s", c.v, c.accepted, format, want, out)
			}
		}
	}
	t.Logf("%d cells, 0 skipped", cells)
}

// TestHostile: nothing that is written moves, hides or turns what is read, and nothing becomes
// markup, a link or a place to be filled.
func TestHostile(t *testing.T) {
	d := assessments.Sample()
	for _, f := range forms.Formats() {
		out := written(t, f.Name, d)
		if safetext.Hides(out) {
			t.Errorf("%s hides something", f.Name)
		}
		if again := written(t, f.Name, assessments.Sample()); again != out {
			t.Errorf("%s differs between two runs", f.Name)
		}
	}
	outside := regexp.MustCompile("(?ms)^(```+)(shell|hcl)\n.*?\n`{3,}\n").ReplaceAllString(written(t, "markdown", d), "")
	if at := regexp.MustCompile(`(^|[^\\])(<|\]\()`).FindString(outside); at != "" {
		t.Errorf("Markdown has %q", at)
	}
	var log struct {
		Runs []struct {
			Results []struct {
				Message struct{ Text, Markdown string }
			}
		}
	}
	if err := json.Unmarshal([]byte(written(t, "sarif", d)), &log); err != nil {
		t.Fatal(err)
	}
	for _, r := range log.Runs[0].Results {
		for _, text := range []string{r.Message.Text, r.Message.Markdown} {
			if strings.ContainsAny(strings.NewReplacer("{{", "", "}}", "").Replace(text), "{}") {
				t.Errorf("a brace stands alone in %q", text)
			}
		}
		if regexp.MustCompile(`(^|[^\\])\]\(`).MatchString(r.Message.Text) {
			t.Errorf("a link in %q", r.Message.Text)
		}
	}
}

// TestJUnitCounts: the document is XML, and its counts are those of its tests.
func TestJUnitCounts(t *testing.T) {
	d := xml.NewDecoder(strings.NewReader(written(t, "junit", assessments.Sample())))
	n := map[string]int{}
	want := map[string]int{}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		n[e.Name.Local]++
		for _, a := range e.Attr {
			var v int
			if _, err := fmt.Sscan(a.Value, &v); err == nil && e.Name.Local == "testsuite" {
				want[a.Name.Local] += v
			}
		}
	}
	if n["testcase"] != want["tests"] || n["failure"] != want["failures"] || n["error"] != want["errors"] || n["skipped"] != want["skipped"] || n["failure"] == 0 || n["error"] == 0 {
		t.Errorf("%v, said %v", n, want)
	}
}

// TestFingerprints: neither when nor what was seen changes how a result is known.
func TestFingerprints(t *testing.T) {
	prints := func(d forms.Doc) string {
		return strings.Join(regexp.MustCompile(`checkFunctionTarget/v1": "[0-9a-f]+:\d+"`).FindAllString(written(t, "sarif", d), -1), "\n")
	}
	d := assessments.Sample()
	was := prints(d)
	d.Report.At = d.Report.At.AddDate(0, 1, 0)
	for i := range d.Report.Results {
		d.Report.Results[i].Seen = practices.Text{{Text: "something else"}}
	}
	if now := prints(d); now != was || strings.Count(was, "\n") < 50 {
		t.Error("fingerprints changed")
	}
	d.Report.Results[0].Target += "x"
	if prints(d) == was {
		t.Error("another target has the same fingerprint")
	}
}

func TestUnknownForm(t *testing.T) {
	if err := forms.WriteAs(io.Discard, "pdf", assessments.Sample()); err == nil || !strings.Contains(err.Error(), "sarif") {
		t.Errorf("%v", err)
	}
}
