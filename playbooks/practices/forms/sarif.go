package forms

import (
	"cmp"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/safetext"
	"github.com/freezeframe-ir/freezeframe/playbooks/practices"
)

const sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool struct {
		Driver sarifDriver `json:"driver"`
	} `json:"tool"`
	OriginalURIBaseIDs map[string]sarifBase `json:"originalUriBaseIds"`
	AutomationDetails  struct {
		ID string `json:"id"`
	} `json:"automationDetails"`
	Artifacts  []sarifArtifact `json:"artifacts"`
	Results    []sarifResult   `json:"results"`
	Properties map[string]any  `json:"properties"`
}

type sarifBase struct {
	Description sarifText `json:"description"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"version,omitempty"`
	Rules   []sarifRule `json:"rules"`
}

type sarifText struct {
	Text     string `json:"text"`
	Markdown string `json:"markdown,omitempty"`
}

type sarifRule struct {
	ID                   string    `json:"id"`
	ShortDescription     sarifText `json:"shortDescription"`
	FullDescription      sarifText `json:"fullDescription"`
	Help                 sarifText `json:"help"`
	DefaultConfiguration struct {
		Level string `json:"level"`
	} `json:"defaultConfiguration"`
	Properties map[string]any `json:"properties"`
}

type sarifArtifact struct {
	Location sarifPlace        `json:"location"`
	Hashes   map[string]string `json:"hashes"`
}

type sarifPlace struct {
	URI       string `json:"uri"`
	URIBaseID string `json:"uriBaseId"`
	Index     *int   `json:"index,omitempty"`
}

type sarifLocation struct {
	Physical *struct {
		ArtifactLocation sarifPlace `json:"artifactLocation"`
	} `json:"physicalLocation,omitempty"`
	Logical []sarifLogical `json:"logicalLocations,omitempty"`
}

type sarifLogical struct {
	Name               string `json:"name"`
	FullyQualifiedName string `json:"fullyQualifiedName"`
	Kind               string `json:"kind"`
}

type sarifSuppression struct {
	Kind          string            `json:"kind"`
	Status        string            `json:"status"`
	Justification string            `json:"justification"`
	Properties    map[string]string `json:"properties"`
}

type sarifResult struct {
	RuleID              string             `json:"ruleId"`
	RuleIndex           int                `json:"ruleIndex"`
	Kind                string             `json:"kind"`
	Level               string             `json:"level"`
	Message             sarifText          `json:"message"`
	Locations           []sarifLocation    `json:"locations"`
	RelatedLocations    []sarifLocation    `json:"relatedLocations,omitempty"`
	PartialFingerprints map[string]string  `json:"partialFingerprints"`
	BaselineState       string             `json:"baselineState,omitempty"`
	Suppressions        []sarifSuppression `json:"suppressions,omitempty"`
	Properties          map[string]any     `json:"properties"`
}

// sarifWriter numbers rules and documents while results are made.
type sarifWriter struct {
	run       sarifRun
	rules     map[string]int
	artifacts map[string]int
	checks    map[string]practices.Check
}

func writeSARIF(w io.Writer, d Doc) error {
	s := &sarifWriter{rules: map[string]int{}, artifacts: map[string]int{}, checks: d.checks()}
	run := &s.run
	run.Tool.Driver = sarifDriver{Name: "freezeframe", Version: d.Version, Rules: []sarifRule{}}
	run.OriginalURIBaseIDs = map[string]sarifBase{"CASE": {sarifText{Text: "the root of the case that was assessed"}}}
	run.AutomationDetails.ID = "freezeframe/assess/" // of all runs: results are told apart by their fingerprints
	run.Artifacts, run.Results = []sarifArtifact{}, []sarifResult{}
	run.Properties = map[string]any{"case": d.Report.Case, "at": d.Report.At, "schema": d.Report.Schema}
	if d.Readiness != nil {
		run.Properties["readiness"] = d.Readiness.Score
	}
	prints := fingerprints(d.Report)
	for i, x := range d.Report.Results {
		rule := s.rule(x)
		if d.All || x.Verdict == practices.Fail || x.Verdict == practices.Unknown {
			run.Results = append(run.Results, s.result(x, rule, prints[i], d.Changes))
		}
	}
	return encode(w, sarifLog{sarifSchema, "2.1.0", []sarifRun{s.run}}, " ")
}

// sarifLevel of a failing check.
func sarifLevel(s practices.Severity) string {
	switch s {
	case practices.Critical, practices.High:
		return "error"
	case practices.Medium:
		return "warning"
	}
	return "note"
}

// sarifScore is what code scanning sorts by: the middle of the severity's band of CVSS.
func sarifScore(s practices.Severity) string {
	switch s {
	case practices.Critical:
		return "9.5"
	case practices.High:
		return "8.0"
	case practices.Medium:
		return "5.5"
	}
	return "2.0"
}

// sarifKind: unknown is what SARIF calls open: evaluated, and there was not enough to decide.
func sarifKind(v practices.Verdict) string {
	switch v {
	case practices.Pass:
		return "pass"
	case practices.Fail:
		return "fail"
	case practices.NotApplicable:
		return "notApplicable"
	}
	return "open"
}

func (s *sarifWriter) rule(x practices.Result) int {
	if i, ok := s.rules[x.Check]; ok {
		return i
	}
	k := s.checks[x.Check]
	why := cmp.Or(k.Why, x.Title)
	r := sarifRule{ID: x.Check, ShortDescription: sarifText{Text: braces(x.Title)}, FullDescription: sarifText{Text: braces(why)}}
	help := "Passes when: " + x.Title + ". Otherwise: " + why + " Each failing result says how to repair it; contain first, a repair overwrites evidence."
	r.Help = sarifText{Text: braces(help), Markdown: sarifMarkdown(help)}
	r.DefaultConfiguration.Level = sarifLevel(x.Severity)
	tags := []string{"security", string(x.Area)}
	for _, ref := range x.References {
		tags = append(tags, ref.Framework+" "+ref.ID)
	}
	slices.Sort(tags)
	r.Properties = map[string]any{"tags": slices.Compact(tags), "security-severity": sarifScore(x.Severity), "problem.severity": string(x.Severity), "reads": k.Reads}
	s.rules[x.Check] = len(s.run.Tool.Driver.Rules)
	s.run.Tool.Driver.Rules = append(s.run.Tool.Driver.Rules, r)
	return s.rules[x.Check]
}

func (s *sarifWriter) result(x practices.Result, rule int, fingerprint string, changes *practices.Changes) sarifResult {
	r := sarifResult{RuleID: x.Check, RuleIndex: rule, Kind: sarifKind(x.Verdict), Level: "none",
		PartialFingerprints: map[string]string{"checkFunctionTarget/v1": fingerprint}, Properties: map[string]any{"function": x.Function, "verdict": x.Verdict, "severity": x.Severity}}
	if x.Verdict == practices.Fail {
		r.Level = sarifLevel(x.Severity)
	}
	r.Message = sarifMessage(x)
	here := sarifLocation{Logical: []sarifLogical{{Name: safetext.Escape(cmp.Or(lastOf(x.Target), x.Target)), FullyQualifiedName: safetext.Escape(x.Target), Kind: "resource"}}}
	for i, ref := range x.Evidence {
		at := s.artifact(ref)
		if i == 0 {
			here.Physical = at.Physical
			continue
		}
		r.RelatedLocations = append(r.RelatedLocations, at)
	}
	r.Locations = []sarifLocation{here}
	if len(x.Evidence) > 0 {
		r.Properties["evidence"] = x.Evidence
	}
	if x.Gap != nil {
		r.Properties["gap"] = x.Gap
	}
	if x.Repair != nil {
		r.Properties["repair"] = x.Repair
	}
	if x.Used != nil {
		r.Properties["used"] = x.Used
	}
	if a := x.Suppressed; a != nil {
		r.Suppressions = []sarifSuppression{{"external", "accepted", accepted(a), map[string]string{"owner": a.Owner, "expires": a.Expires}}}
	}
	r.BaselineState = sarifBaseline(changes, x)
	return r
}

// sarifBaseline is how a result stands against the other case's.
func sarifBaseline(changes *practices.Changes, x practices.Result) string {
	if changes == nil {
		return ""
	}
	switch changes.Of(x) {
	case practices.New:
		return "new"
	case practices.Unchanged:
		return "unchanged"
	}
	return "updated"
}

func sarifMessage(x practices.Result) sarifText {
	text := written(x.Seen, braces, sarifForeign)
	md := written(x.Seen, sarifMarkdown, sarifMarkdown)
	if x.Gap != nil {
		why := missing(x.Gap)
		text, md = text+". "+sarifForeign(why), md+". "+sarifMarkdown(why)
	}
	if x.Repair != nil {
		text += "\n\nRepair, to be read before it is run:\n" + sarifLines(repair(x.Repair))
		md += "\n\nRepair, to be read before it is run:\n\n" + braces(fenced("shell", x.Repair.CLI)+fenced("hcl", x.Repair.Terraform))
	}
	return sarifText{Text: text, Markdown: md}
}

// braces: SARIF's messages take {0} for a place to be filled, so that braces that mean themselves are doubled.
func braces(s string) string { return strings.NewReplacer("{", "{{", "}", "}}").Replace(s) }

// sarifForeign is text in which brackets, which make links of [text](target), are escaped.
func sarifForeign(s string) string { return sarifLines(safetext.Escape(s)) }

// sarifLines is the same of text whose lines are escaped already.
func sarifLines(s string) string {
	return braces(strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`).Replace(s))
}

func sarifMarkdown(s string) string { return braces(safetext.Markdown(s)) }

func (s *sarifWriter) artifact(ref evidence.Ref) (at sarifLocation) {
	uri := (&url.URL{Path: ref.Path}).EscapedPath()
	i, ok := s.artifacts[ref.Path]
	if !ok {
		i = len(s.run.Artifacts)
		s.artifacts[ref.Path] = i
		s.run.Artifacts = append(s.run.Artifacts, sarifArtifact{sarifPlace{URI: uri, URIBaseID: "CASE"}, map[string]string{"sha-256": ref.SHA256}})
	}
	at.Physical = &struct {
		ArtifactLocation sarifPlace `json:"artifactLocation"`
	}{sarifPlace{uri, "CASE", &i}}
	return at
}
