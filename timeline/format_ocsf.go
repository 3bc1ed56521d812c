package timeline

import (
	"bufio"
	"io"
	"net/netip"
	"strings"
)

// ocsfFormat writes OCSF 1.8.0 with the cloud profile: a ConsoleLogin is an Authentication
// (3002), a change of an IAM user, group, role or credential an Account Change (3001), and
// everything else an API Activity (6003). What is no call (a log line, a collected
// configuration, a note of the responder) is an API Activity of type Other, so that nothing
// is missing. What the classes have no place for stands under unmapped, by its jsonl name.
func ocsfFormat() Format {
	return Format{Name: "ocsf", About: "OCSF 1.8 (API Activity, Authentication, Account Change), one JSON object a line", Ext: ".jsonl",
		New: func(w io.Writer, _ Options) EventWriter {
			o := &ocsfWriter{w: bufio.NewWriterSize(w, 64<<10)}
			for _, f := range Fields() {
				if ocsfUnmapped[f.Name] {
					o.unmapped = append(o.unmapped, f)
				}
			}
			return o
		}}
}

const ocsfVersion = "1.8.0"

// ocsfUnmapped are the fields without a place of their own.
var ocsfUnmapped = map[string]bool{
	"kind": true, "source": true, "timestamp_desc": true, "category": true, "outcome": true, "principal_type": true, "issued_to_function": true, "issued_to_version": true, "issued_to_by_aws": true,
	"lambda_marker": true, "action": true, "function": true, "qualifier": true, "code_sha256": true, "code_sha256_before": true, "version": true, "changed_role": true, "layers": true,
	"granted_to": true, "granted_action": true, "statement_id": true, "auth_type": true, "function_url": true, "issued_key": true, "policy": true, "setting": true, "package": true, "package_path": true,
	"linked_to": true, "copies": true, "last_event_id": true, "last_raw_item": true, "last_raw_path": true, "last_raw_line": true, "last_raw_offset": true,
	"raw_bag": true, "raw_item": true, "raw_path": true, "raw_sha256": true, "raw_line": true, "raw_offset": true,
}

type ocsfWriter struct {
	w        *bufio.Writer
	m        members
	unmapped []Field
}

func (o *ocsfWriter) Close() error { return o.w.Flush() }

func (o *ocsfWriter) Event(e *Event) error {
	m := &o.m
	c := ocsfClassOf(e)
	m.open()
	c.put(m)
	m.integer("time", e.Time.UnixMilli())
	m.integer("severity_id", 1) // a sign is no verdict
	m.text("severity", "Informational")
	m.text("message", e.Message)
	if e.Repeats > 0 {
		m.integer("count", e.Repeats+1)
		m.integer("start_time", e.Time.UnixMilli())
		m.integer("end_time", e.Until.UnixMilli())
	}
	ocsfStatus(m, e)
	ocsfMetadata(m, e)
	ocsfCloud(m, e)
	m.within("actor", func() { ocsfActor(m, e) })
	m.within("api", func() { ocsfAPI(m, e) })
	m.within("src_endpoint", func() { ocsfEndpoint(m, e) })
	m.within("http_request", func() { m.text("user_agent", e.UserAgent) })
	switch c.uid {
	case ocsfAPIActivity:
		ocsfResources(m, e)
	case ocsfAuthentication:
		m.within("user", func() { ocsfUser(m, e) })
		m.within("session", func() { ocsfSession(m, e) })
		m.within("service", func() { m.text("name", ocsfService(e)) })
	case ocsfAccountChange:
		m.within("user", func() { ocsfTarget(m, e) })
		ocsfPolicies(m, e)
	}
	m.within("unmapped", func() {
		for i := range o.unmapped {
			o.unmapped[i].put(m, e)
		}
		if c.uid != ocsfAPIActivity {
			m.list("resources", e.Resources)
		}
	})
	_, err := o.w.Write(m.close())
	return err
}

func ocsfStatus(m *members, e *Event) {
	switch e.Outcome {
	case NotApplicable:
		return
	case Success:
		m.integer("status_id", 1)
		m.text("status", "Success")
	default:
		m.integer("status_id", 2)
		m.text("status", "Failure")
	}
	m.text("status_code", e.ErrorCode)
	m.text("status_detail", e.ErrorText)
}

func ocsfMetadata(m *members, e *Event) {
	m.within("metadata", func() {
		m.text("version", ocsfVersion)
		m.within("product", func() {
			name, vendor := ocsfProduct(e)
			m.text("name", name)
			m.text("vendor_name", vendor)
		})
		m.list("profiles", []string{"cloud"})
		m.text("uid", e.ID)
		m.text("correlation_uid", e.SharedID)
		m.text("log_name", e.Source)
		m.list("labels", e.Tags)
	})
}

func ocsfProduct(e *Event) (name, vendor string) {
	switch e.Kind {
	case KindCloudTrail:
		return "CloudTrail", "AWS"
	case KindLog:
		return "CloudWatch Logs", "AWS"
	case KindState:
		if e.Service == "config" {
			return "Config", "AWS"
		}
		return "Lambda", "AWS"
	case KindFinding:
		return findingProduct(e.Service), "AWS"
	case KindTrace:
		return "X-Ray", "AWS"
	}
	return "freezeframe", "freezeframe"
}

func findingProduct(service string) string {
	switch service {
	case "guardduty":
		return "GuardDuty"
	case "inspector2":
		return "Inspector"
	}
	return "IAM Access Analyzer"
}

func ocsfCloud(m *members, e *Event) {
	m.within("cloud", func() {
		m.text("provider", "AWS")
		m.text("region", e.Region)
		if e.Region != "" {
			m.text("cloud_partition", partitionOf(e.Region))
		}
		ocsfAccount(m, e.Account)
	})
}

func ocsfAccount(m *members, id string) {
	if id == "" {
		return
	}
	m.within("account", func() {
		m.text("uid", id)
		m.integer("type_id", 10)
		m.text("type", "AWS Account")
	})
}

func ocsfActor(m *members, e *Event) {
	m.within("user", func() { ocsfUser(m, e) })
	m.within("session", func() { ocsfSession(m, e) })
	m.text("invoked_by", e.Principal.Via)
}

// ocsfUser is who acted.
func ocsfUser(m *members, e *Event) {
	p := &e.Principal
	m.text("name", orElse(p.Name, p.String()))
	m.text("uid", p.ID)
	m.text("uid_alt", p.ARN)
	id, kind := ocsfUserType(p.Type)
	m.integer("type_id", id)
	m.text("type", kind)
	ocsfAccount(m, p.Account)
	m.text("credential_uid", e.AccessKey)
	if e.AccessKey != "" {
		m.each("programmatic_credentials", 1, func(int) { m.text("uid", e.AccessKey) })
	}
}

// ocsfUserType is OCSF's type with its caption; of Other, the caption is the source's.
func ocsfUserType(t string) (int64, string) {
	switch t {
	case "":
		return 0, "Unknown"
	case "IAMUser", "SAMLUser", "WebIdentityUser", "IdentityCenterUser":
		return 1, "User"
	case "Root":
		return 2, "Admin"
	case "AWSService", "Function":
		return 4, "Service"
	}
	return 99, t
}

func ocsfSession(m *members, e *Event) {
	p := &e.Principal
	m.text("uid", p.Session)
	m.text("issuer", p.Role)
	if !p.Created.IsZero() {
		m.integer("created_time", p.Created.UnixMilli())
	}
	if p.Session != "" || p.Role != "" {
		m.text("credential_uid", e.AccessKey)
	}
}

// ocsfService is CloudTrail's eventSource; normalising took off what all have.
func ocsfService(e *Event) string {
	if e.Service == "" || e.Kind == KindResponder || strings.Contains(e.Service, ".") {
		return orElse(e.Service, "unknown")
	}
	return e.Service + ".amazonaws.com"
}

func ocsfAPI(m *members, e *Event) {
	m.text("operation", orElse(orElse(e.RawAction, e.Action), "unknown")) // required
	m.within("service", func() { m.text("name", ocsfService(e)) })
	m.within("request", func() { m.text("uid", e.RequestID) })
	m.within("response", func() {
		m.text("error", e.ErrorCode)
		m.text("error_message", e.ErrorText)
	})
}

// ocsfEndpoint is where it came from: an address, an AWS service, or a name that says so.
func ocsfEndpoint(m *members, e *Event) {
	ip, err := netip.ParseAddr(e.Address)
	switch {
	case err == nil && ip.Zone() == "" && len(e.Address) <= 40:
		m.text("ip", e.Address)
	case strings.HasSuffix(e.Address, ".amazonaws.com"):
		m.text("svc_name", e.Address)
	default:
		m.text("name", orElse(e.Address, "unknown"))
	}
	m.text("uid", e.VPCE)
}

// ocsfResources are what it was about, the function first.
func ocsfResources(m *members, e *Event) {
	all := e.Resources
	first := 0
	if e.Function != "" {
		first = 1
	}
	var others []string
	for _, r := range all {
		if r != "" && r != e.Function {
			others = append(others, r)
		}
	}
	m.each("resources", first+len(others), func(i int) {
		if i < first {
			m.text("uid", e.Function)
			m.text("name", functionName(e.Function))
			m.text("type", "AWS::Lambda::Function")
			m.text("version", e.Qualifier)
			return
		}
		m.text("uid", others[i-first])
	})
}
