package forms

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
	"github.com/freezeframe-ir/freezeframe/playbooks/practices"
)

type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Package    string          `xml:"package,attr"`
	ID         int             `xml:"id,attr"`
	Name       string          `xml:"name,attr"`
	Timestamp  string          `xml:"timestamp,attr"`
	Hostname   string          `xml:"hostname,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
	Out        string          `xml:"system-out"`
	Err        string          `xml:"system-err"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Name      string     `xml:"name,attr"`
	ClassName string     `xml:"classname,attr"`
	Time      string     `xml:"time,attr"`
	Skipped   *junitSays `xml:"skipped,omitempty"`
	Error     *junitSays `xml:"error,omitempty"`
	Failure   *junitSays `xml:"failure,omitempty"`
}

type junitSays struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// writeJUnit makes a suite of each function's area and a test of each result. What is unknown is an
// error, so that a pipeline does not take it for passed; what is accepted is skipped.
func writeJUnit(w io.Writer, d Doc) error {
	prints := fingerprints(d.Report)
	var all junitSuites
	at := map[string]int{}
	for i, x := range d.Report.Results {
		name := x.Function + " " + string(x.Area)
		n, ok := at[name]
		if !ok {
			n = len(all.Suites)
			at[name] = n
			all.Suites = append(all.Suites, junitSuite{Package: "freezeframe.assess", ID: n, Name: safetext.Escape(name), Timestamp: d.Report.At.UTC().Format("2006-01-02T15:04:05"), Hostname: "localhost", Time: "0",
				Properties: []junitProperty{{"case", safetext.Escape(d.Report.Case)}, {"function", safetext.Escape(x.Function)}}})
		}
		all.Suites[n].add(x, prints[i])
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", " ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *junitSuite) add(x practices.Result, fingerprint string) {
	s.Tests++
	_, nth, _ := strings.Cut(fingerprint, ":")
	c := junitCase{Name: safetext.Escape(x.Check + " " + x.Target), ClassName: "freezeframe." + string(x.Area), Time: "0"}
	if nth != "1" {
		c.Name += " (" + nth + ")"
	}
	seen := plain(x.Seen)
	switch {
	case x.Suppressed != nil:
		s.Skipped++
		c.Skipped = &junitSays{Message: accepted(x.Suppressed), Text: seen}
	case x.Verdict == practices.Fail:
		s.Failures++
		c.Failure = &junitSays{Message: seen, Type: string(x.Severity), Text: junitDetail(x)}
	case x.Verdict == practices.Unknown:
		s.Errors++
		c.Error = &junitSays{Message: seen, Type: "unknown", Text: junitDetail(x)}
	case x.Verdict == practices.NotApplicable:
		s.Skipped++
		c.Skipped = &junitSays{Message: "not applicable: " + seen}
	}
	s.Cases = append(s.Cases, c)
}

func junitDetail(x practices.Result) string {
	var b strings.Builder
	if x.Gap != nil {
		fmt.Fprintf(&b, "%s\n", missing(x.Gap))
	}
	for _, ref := range x.Evidence {
		fmt.Fprintf(&b, "%s SHA-256 %s\n", safetext.Escape(ref.Path), safetext.Escape(ref.SHA256))
	}
	if x.Repair != nil {
		fmt.Fprintf(&b, "Repair, to be read before it is run; contain first:\n%s\n", repair(x.Repair))
	}
	return b.String()
}
