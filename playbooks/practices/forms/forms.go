// Package forms writes an assessment in the forms that others read: JSON, SARIF 2.1.0 for code
// scanning, OCSF 1.8.0 Compliance Findings for security lakes, JUnit for pipelines, Markdown for
// people. Nothing is decided here: each form says the same verdicts, by the table of
// docs/practices.md.
//
// To add a form: a function that writes a Doc and a line in Formats. A form escapes what is from
// the account for whoever renders it; its judge is the schema that its makers publish.
package forms

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
	"github.com/freezeframe-ir/freezeframe/playbooks/practices"
)

// Doc is an assessment, and what was asked for beside it.
type Doc struct {
	Report    *practices.Report
	Changes   *practices.Changes   // against another case's; nil: not asked for
	Readiness *practices.Readiness // nil: not asked for
	Checks    []practices.Check    // that it was made with; empty: practices.Catalogue
	Version   string               // of this program
	// All is whether SARIF and Markdown list what passes and what does not apply too: viewers
	// of SARIF that know no kinds would show them as findings.
	All bool
}

// Format is one of the forms.
type Format struct {
	Name, About, Ext string
	write            func(w io.Writer, d Doc) error
}

// Formats are all of them.
func Formats() []Format {
	return []Format{
		{"json", "the report as data", ".json", writeJSON},
		{"sarif", "SARIF 2.1.0, for code scanning", ".sarif", writeSARIF},
		{"ocsf", "OCSF 1.8.0 Compliance Finding, one JSON object a line", ".jsonl", writeOCSF},
		{"junit", "JUnit XML, a test for each result", ".xml", writeJUnit},
		{"markdown", "for people and tickets", ".md", writeMarkdown},
	}
}

// WriteAs writes the assessment in the form of that name. The same assessment gives the same bytes.
func WriteAs(w io.Writer, format string, d Doc) error {
	names := make([]string, 0, len(Formats()))
	for _, f := range Formats() {
		if f.Name == format {
			if err := f.write(w, d); err != nil {
				return fmt.Errorf("writing the assessment as %s: %w", format, err)
			}
			return nil
		}
		names = append(names, f.Name)
	}
	return fmt.Errorf("no form is called %q: one of %s", format, strings.Join(names, ", "))
}

func (d Doc) checks() map[string]practices.Check {
	all := d.Checks
	if len(all) == 0 {
		all = practices.Catalogue()
	}
	out := make(map[string]practices.Check, len(all))
	for _, k := range all {
		out[k.ID] = k
	}
	return out
}

// document is the report's own, with what was asked for beside it as further members.
type document struct {
	*practices.Report
	Changes   *practices.Changes   `json:"changes,omitempty"`
	Readiness *practices.Readiness `json:"readiness,omitempty"`
}

// JSON is what `--json` shows: the report, and beside its members changes and readiness.
func (d Doc) JSON() any { return document{d.Report, d.Changes, d.Readiness} }

// encode writes a value as JSON that a terminal may be shown.
func encode(w io.Writer, v any, indent string) error {
	e := json.NewEncoder(safetext.JSON(w))
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	return e.Encode(v)
}

// fingerprints name results across runs: by check, function and target, and by their order where
// one target has several. Neither times nor what was seen is in them.
func fingerprints(r *practices.Report) []string {
	seen := map[string]int{}
	out := make([]string, 0, len(r.Results))
	for _, x := range r.Results {
		sum := sha256.Sum256([]byte(x.Check + "\x00" + x.Function + "\x00" + x.Target))
		id := hex.EncodeToString(sum[:16])
		seen[id]++
		out = append(out, fmt.Sprintf("%s:%d", id, seen[id]))
	}
	return out
}

// written fills a text in for a form: foreign parts through its escape, our own through the
// other.
func written(t practices.Text, own, foreign func(string) string) string {
	var b strings.Builder
	for _, p := range t {
		if p.Foreign {
			b.WriteString(foreign(p.Text))
		} else {
			b.WriteString(own(p.Text))
		}
	}
	return b.String()
}

func same(s string) string { return s }

// plain is a text on one line that shows nothing but itself.
func plain(t practices.Text) string { return written(t, same, safetext.Escape) }

// lines is text of several lines, such as commands, each of which shows nothing but itself.
func lines(s string) string {
	all := strings.Split(s, "\n")
	for i, l := range all {
		all[i] = safetext.Escape(l)
	}
	return strings.Join(all, "\n")
}

// missing says which gap keeps a result from an answer.
func missing(g *practices.Gap) string {
	var parts []string
	for _, s := range []string{g.Artefact, string(g.State), g.Call, g.Error, g.Note} {
		if s != "" {
			parts = append(parts, safetext.Escape(s))
		}
	}
	return strings.Join(parts, ": ")
}

// repair is how to make it pass, for where only text can stand.
func repair(r *practices.Repair) string {
	var parts []string
	if r.CLI != "" {
		parts = append(parts, "AWS CLI:\n"+lines(r.CLI))
	}
	if r.Terraform != "" {
		parts = append(parts, "Terraform, not applied by anybody:\n"+lines(r.Terraform))
	}
	return strings.Join(parts, "\n\n")
}

func accepted(s *practices.Suppression) string {
	return fmt.Sprintf("accepted by %s until %s: %s", safetext.Escape(s.Owner), safetext.Escape(s.Expires), safetext.Escape(s.Reason))
}

// lastOf is the last part of an ARN.
func lastOf(arn string) string { return arn[strings.LastIndexAny(arn, ":/")+1:] }

// partOf is the nth part of an ARN, "" where there is none.
func partOf(arn string, n int) string {
	p := strings.SplitN(arn, ":", 6)
	if len(p) != 6 || n >= len(p) {
		return ""
	}
	return p[n]
}
