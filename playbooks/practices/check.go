package practices

import (
	"fmt"
	"slices"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Area is one of the nine.
type Area string

// The nine areas.
const (
	LeastPrivilege       Area = "least-privilege"
	SecureCode           Area = "secure-code"
	VPCIsolation         Area = "vpc-isolation"
	APIGateway           Area = "api-gateway"
	LoggingMonitoring    Area = "logging-monitoring"
	SecretsManagement    Area = "secrets-management"
	Ephemerality         Area = "ephemerality"
	TestingUpdate        Area = "testing-update"
	ComplianceGovernance Area = "compliance-governance"
)

// Areas are all nine, in the order of reports.
func Areas() []Area {
	return []Area{LeastPrivilege, SecureCode, VPCIsolation, APIGateway, LoggingMonitoring, SecretsManagement, Ephemerality, TestingUpdate, ComplianceGovernance}
}

// Severity of a check that fails.
type Severity string

// Severities, the gravest last.
const (
	Low      Severity = "low"
	Medium   Severity = "medium"
	High     Severity = "high"
	Critical Severity = "critical"
)

// Severities are all, the gravest last.
func Severities() []Severity { return []Severity{Low, Medium, High, Critical} }

// AtLeast says whether s is as grave as the other.
func (s Severity) AtLeast(other Severity) bool {
	return slices.Index(Severities(), s) >= slices.Index(Severities(), other)
}

// Verdict of a check on one target.
type Verdict string

// Verdicts.
const (
	Pass          Verdict = "pass"
	Fail          Verdict = "fail"
	Unknown       Verdict = "unknown"        // the evidence has a gap, which the result names
	NotApplicable Verdict = "not_applicable" // there is nothing that it could be true of
)

// Reference is what others call the same.
type Reference struct {
	Framework string `json:"framework"`
	ID        string `json:"id"`
}

// Frameworks of references.
const (
	FSBP    = "Security Hub FSBP"
	Prowler = "Prowler"
	CIS     = "CIS AWS Foundations"
	CSF     = "NIST CSF 2.0"
	ATTACK  = "MITRE ATT&CK"
)

// Check is one question that the evidence of a function answers.
type Check struct {
	ID         string // AREA/NAME, for ever
	Area       Area
	Title      string // what is so when it passes
	Why        string // what an attacker has of it when it does not
	Severity   Severity
	References []Reference
	// Reads are the artefacts that Look may read; others are gaps to it.
	Reads []string
	Look  func(*Facts) []Finding
	// Traces are the calls by which what fails is used: what the case's timeline is asked for.
	Traces []string
}

// Part says what a Text consists of: Foreign is from the account, where an attacker writes.
type Part struct {
	Text    string `json:"text"`
	Foreign bool   `json:"foreign,omitempty"`
}

// Text is a sentence about the account. Parts of it that are foreign have to be escaped for
// wherever they are shown; String leaves that to the sink.
type Text []Part

func (t Text) String() string {
	s := ""
	for _, p := range t {
		s += p.Text
	}
	return s
}

// say puts values in the places of a format, each as "%s".
func say(format string, values ...string) Text {
	var t Text
	rest := format
	for _, v := range values {
		before, after, ok := cutVerb(rest)
		if !ok {
			panic(fmt.Sprintf("practices: %q has fewer places than values", format)) // a check's own mistake: TestTable runs them all
		}
		if before != "" {
			t = append(t, Part{Text: before})
		}
		t, rest = append(t, Part{Text: v, Foreign: true}), after
	}
	if rest != "" {
		t = append(t, Part{Text: rest})
	}
	return t
}

// Gap is why something is not known: what was wanted, by which call, and what came of it.
type Gap struct {
	Artefact string          `json:"artefact"`
	Source   evidence.Source `json:"source"`
	State    evidence.State  `json:"state"`
	Call     string          `json:"call,omitempty"`
	Error    string          `json:"error,omitempty"`
	Note     string          `json:"note,omitempty"`
	Bag      string          `json:"bag,omitempty"` // that has the gap; "" where no collection asked
}

// Finding is what a check saw at one target.
type Finding struct {
	Verdict  Verdict        `json:"verdict"`
	Target   string         `json:"target"` // ARN of the function, with a qualifier, or of a resource
	Seen     Text           `json:"seen"`
	Evidence []evidence.Ref `json:"evidence"` // what it rests on
	Gap      *Gap           `json:"gap,omitempty"`
	Repair   *Repair        `json:"repair,omitempty"`
}

// Repair is how to make a check pass. Both are to be read before they are run: names in them
// are quoted, and not vouched for. The tests run each CLI text on a simulated account; the
// Terraform is parsed, and tried by nobody.
type Repair struct {
	CLI       string `json:"cli,omitempty"` // AWS CLI, for a shell
	Terraform string `json:"terraform,omitempty"`
}

// Origin is where something that was read stands.
type Origin struct {
	Artefact string
	Source   evidence.Source
	Ref      *evidence.Ref
}

func (o Origin) refs() []evidence.Ref {
	if o.Ref == nil {
		return nil
	}
	return []evidence.Ref{*o.Ref}
}

func pass(target string, at Origin, format string, values ...string) Finding {
	return Finding{Verdict: Pass, Target: target, Seen: say(format, values...), Evidence: at.refs()}
}

func fail(target string, at Origin, format string, values ...string) Finding {
	return Finding{Verdict: Fail, Target: target, Seen: say(format, values...), Evidence: at.refs()}
}

func notApplicable(target string, format string, values ...string) Finding {
	return Finding{Verdict: NotApplicable, Target: target, Seen: say(format, values...)}
}

// unknown says which gap keeps the check from an answer.
func unknown(target string, g *Gap) Finding {
	return Finding{Verdict: Unknown, Target: target, Seen: say("%s of %s is %s", g.Artefact, resourceOf(g.Source), string(g.State)), Gap: g}
}

func resourceOf(s evidence.Source) string {
	if s.ARN == "" {
		return s.Account + " " + s.Region
	}
	if s.Qualifier != "" {
		return s.ARN + " " + s.Qualifier
	}
	return s.ARN
}

// untried opens every Terraform text: it is parsed by tests, and never applied.
const untried = "# not applied by freezeframe or its tests: compare it with your own configuration, and plan it first\n"

// fix adds how to repair it.
func (x Finding) fix(cli, terraform string) Finding {
	x.Repair = &Repair{CLI: cli, Terraform: untried + terraform}
	return x
}

// also cites further evidence.
func (x Finding) also(all ...Origin) Finding {
	for _, o := range all {
		x.Evidence = append(x.Evidence, o.refs()...)
	}
	return x
}
