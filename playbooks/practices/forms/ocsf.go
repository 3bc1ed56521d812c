package forms

import (
	"cmp"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
	"github.com/freezeframe-ir/freezeframe/playbooks/practices"
)

// ocsfVersion is that of the schema that these events are of.
const ocsfVersion = "1.8.0"

type ocsfFinding struct {
	ActivityID   int              `json:"activity_id"`
	ActivityName string           `json:"activity_name"`
	CategoryUID  int              `json:"category_uid"`
	CategoryName string           `json:"category_name"`
	ClassUID     int              `json:"class_uid"`
	ClassName    string           `json:"class_name"`
	TypeUID      int              `json:"type_uid"`
	TypeName     string           `json:"type_name"`
	Time         int64            `json:"time"`
	SeverityID   int              `json:"severity_id"`
	Severity     string           `json:"severity"`
	StatusID     int              `json:"status_id"`
	Status       string           `json:"status"`
	Message      string           `json:"message"`
	Comment      string           `json:"comment,omitempty"`
	Metadata     ocsfMetadata     `json:"metadata"`
	Cloud        ocsfCloud        `json:"cloud"`
	FindingInfo  ocsfInfo         `json:"finding_info"`
	Compliance   ocsfCompliance   `json:"compliance"`
	Remediation  *ocsfDescription `json:"remediation,omitempty"`
	Resources    []ocsfResource   `json:"resources"`
	Evidences    []ocsfEvidence   `json:"evidences,omitempty"`
	Unmapped     map[string]any   `json:"unmapped,omitempty"`
}

type ocsfDescription struct {
	Desc string `json:"desc"`
}

type ocsfMetadata struct {
	Version  string      `json:"version"`
	Product  ocsfProduct `json:"product"`
	Profiles []string    `json:"profiles"`
	UID      string      `json:"uid"`
	Group    string      `json:"correlation_uid"`
}

type ocsfProduct struct {
	Name    string `json:"name"`
	Vendor  string `json:"vendor_name"`
	Version string `json:"version,omitempty"`
}

type ocsfCloud struct {
	Provider  string       `json:"provider"`
	Region    string       `json:"region,omitempty"`
	Partition string       `json:"cloud_partition,omitempty"`
	Account   *ocsfAccount `json:"account,omitempty"`
}

type ocsfAccount struct {
	UID    string `json:"uid"`
	TypeID int    `json:"type_id"`
	Type   string `json:"type"`
}

type ocsfInfo struct {
	UID     string       `json:"uid"`
	Title   string       `json:"title"`
	Desc    string       `json:"desc,omitempty"`
	Created int64        `json:"created_time"`
	Types   []string     `json:"types"`
	Attacks []ocsfAttack `json:"attacks,omitempty"`
	Sources []string     `json:"data_sources,omitempty"`
}

type ocsfID struct {
	UID string `json:"uid"`
}

type ocsfAttack struct {
	Technique    ocsfID  `json:"technique"`
	SubTechnique *ocsfID `json:"sub_technique,omitempty"`
}

type ocsfCompliance struct {
	Control      string   `json:"control"`
	Category     string   `json:"category"`
	Desc         string   `json:"desc"`
	Standards    []string `json:"standards,omitempty"`
	Requirements []string `json:"requirements,omitempty"`
	StatusID     int      `json:"status_id"`
	Status       string   `json:"status"`
	Detail       string   `json:"status_detail"`
}

type ocsfResource struct {
	UID       string `json:"uid"`
	Name      string `json:"name,omitempty"`
	Namespace string `json:"namespace,omitempty"` // AWS's service
	Region    string `json:"region,omitempty"`
	Partition string `json:"cloud_partition,omitempty"`
	Role      string `json:"role"`
	RoleID    int    `json:"role_id"`
}

type ocsfEvidence struct {
	UID  string         `json:"uid,omitempty"`
	Name string         `json:"name,omitempty"`
	File *ocsfFile      `json:"file,omitempty"`
	Data *practices.Gap `json:"data,omitempty"`
}

type ocsfFile struct {
	Name   string     `json:"name"`
	Path   string     `json:"path"`
	Type   string     `json:"type"`
	TypeID int        `json:"type_id"`
	Hashes []ocsfHash `json:"hashes"`
}

type ocsfHash struct {
	Algorithm   string `json:"algorithm"`
	AlgorithmID int    `json:"algorithm_id"`
	Value       string `json:"value"`
}

func writeOCSF(w io.Writer, d Doc) error {
	checks, prints := d.checks(), fingerprints(d.Report)
	for i, x := range d.Report.Results {
		if err := encode(w, ocsfOf(d, x, checks[x.Check], prints[i]), ""); err != nil {
			return err
		}
	}
	return nil
}

// captioned is one value of an enumeration of OCSF's.
type captioned struct {
	id      int
	caption string
}

// ocsfVerdict: OCSF's Warning is a check that gave no result for want of information.
func ocsfVerdict(v practices.Verdict) captioned {
	switch v {
	case practices.Pass:
		return captioned{1, "Pass"}
	case practices.Fail:
		return captioned{3, "Fail"}
	case practices.NotApplicable:
		return captioned{99, "Not Applicable"}
	}
	return captioned{2, "Warning"}
}

// ocsfStatus is where the finding stands with those who look after findings.
func ocsfStatus(x practices.Result) captioned {
	switch {
	case x.Suppressed != nil:
		return captioned{3, "Suppressed"}
	case x.Verdict == practices.Fail || x.Verdict == practices.Unknown:
		return captioned{1, "New"}
	}
	return captioned{4, "Resolved"}
}

// ocsfSeverity is the check's where it fails, or might; what passes is for information.
func ocsfSeverity(x practices.Result) captioned {
	if x.Verdict != practices.Fail && x.Verdict != practices.Unknown {
		return captioned{1, "Informational"}
	}
	switch x.Severity {
	case practices.Critical:
		return captioned{5, "Critical"}
	case practices.High:
		return captioned{4, "High"}
	case practices.Medium:
		return captioned{3, "Medium"}
	}
	return captioned{2, "Low"}
}

func ocsfOf(d Doc, x practices.Result, k practices.Check, fingerprint string) ocsfFinding {
	at := d.Report.At.UnixMilli()
	severity, status, verdict := ocsfSeverity(x), ocsfStatus(x), ocsfVerdict(x.Verdict)
	f := ocsfFinding{
		ActivityID: 1, ActivityName: "Create", CategoryUID: 2, CategoryName: "Findings", ClassUID: 2003, ClassName: "Compliance Finding", TypeUID: 200301, TypeName: "Compliance Finding: Create",
		Time: at, SeverityID: severity.id, Severity: severity.caption, StatusID: status.id, Status: status.caption, Message: plain(x.Seen),
		Metadata:    ocsfMetadata{ocsfVersion, ocsfProduct{"freezeframe", "freezeframe", d.Version}, []string{"cloud"}, fingerprint + "@" + d.Report.At.UTC().Format("20060102T150405.000Z"), d.Report.Case},
		Cloud:       ocsfCloud{Provider: "AWS", Region: partOf(x.Function, 3), Partition: partOf(x.Function, 1)},
		FindingInfo: ocsfInfo{UID: fingerprint, Title: x.Title, Desc: k.Why, Created: at, Types: []string{string(x.Area)}, Sources: k.Reads},
		Compliance:  ocsfCompliance{Control: x.Check, Category: string(x.Area), Desc: x.Title, StatusID: verdict.id, Status: verdict.caption, Detail: plain(x.Seen)},
		Resources:   ocsfResources(x),
		Unmapped:    map[string]any{"verdict": x.Verdict, "function": x.Function},
	}
	if account := partOf(x.Function, 4); account != "" {
		f.Cloud.Account = &ocsfAccount{account, 10, "AWS Account"}
	}
	if x.Repair != nil {
		f.Remediation = &ocsfDescription{repair(x.Repair)}
	}
	if x.Suppressed != nil {
		f.Comment = accepted(x.Suppressed)
	}
	if x.Used != nil {
		f.Unmapped["used"] = x.Used
	}
	ocsfReferences(&f, x.References)
	ocsfEvidences(&f, x)
	return f
}

func ocsfResources(x practices.Result) []ocsfResource {
	of := func(arn, role string, id int) ocsfResource {
		return ocsfResource{UID: arn, Name: safetext.Escape(lastOf(arn)), Namespace: safetext.Escape(partOf(arn, 2)), Region: safetext.Escape(partOf(arn, 3)), Partition: safetext.Escape(partOf(arn, 1)), Role: role, RoleID: id}
	}
	out := []ocsfResource{of(x.Target, "Target", 1)}
	if x.Function != x.Target {
		out = append(out, of(x.Function, "Affected", 3))
	}
	return out
}

func ocsfReferences(f *ocsfFinding, all []practices.Reference) {
	for _, r := range all {
		f.Compliance.Requirements = append(f.Compliance.Requirements, r.Framework+" "+r.ID)
		if !slices.Contains(f.Compliance.Standards, r.Framework) {
			f.Compliance.Standards = append(f.Compliance.Standards, r.Framework)
		}
		if r.Framework == practices.ATTACK {
			technique, _, sub := strings.Cut(r.ID, ".")
			a := ocsfAttack{Technique: ocsfID{technique}}
			if sub {
				a.SubTechnique = &ocsfID{r.ID}
			}
			f.FindingInfo.Attacks = append(f.FindingInfo.Attacks, a)
		}
	}
}

func ocsfEvidences(f *ocsfFinding, x practices.Result) {
	for _, ref := range x.Evidence {
		f.Evidences = append(f.Evidences, ocsfEvidence{UID: cmp.Or(ref.Item, ref.Path), Name: "document of the case",
			File: &ocsfFile{Name: safetext.Escape(path.Base(ref.Path)), Path: safetext.Escape(ref.Path), Type: "Regular File", TypeID: 1, Hashes: []ocsfHash{{"SHA-256", 3, ref.SHA256}}}})
	}
	if x.Gap != nil {
		f.Evidences = append(f.Evidences, ocsfEvidence{Name: "gap of the case", Data: x.Gap})
	}
}
