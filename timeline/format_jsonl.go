package timeline

import (
	"bufio"
	"io"
)

// Schema names the shape of a jsonl line. A reader that meets another one should stop.
const Schema = "freezeframe.timeline.event/1"

// jsonlFormat writes one event a line with everything that is known of it, and where it
// can be read again. It is the authoritative form; the others are views.
func jsonlFormat() Format {
	return Format{Name: "jsonl", About: "one JSON object a line, everything, for programs",
		New: func(w io.Writer, _ Options) EventWriter { return &jsonlWriter{w: bufio.NewWriterSize(w, 64<<10)} }}
}

type jsonlWriter struct {
	w *bufio.Writer
	m members
}

func (j *jsonlWriter) Close() error { return j.w.Flush() }

func (j *jsonlWriter) Event(e *Event) error {
	m := &j.m
	m.open()
	m.text("schema", Schema)
	m.time("time", "2006-01-02T15:04:05.999999999Z", e.Time)
	m.text("timestamp_desc", e.TimestampDesc)
	m.text("kind", string(e.Kind))
	m.text("source", e.Source)
	m.text("category", e.Category)
	m.text("message", e.Message)
	m.text("outcome", string(e.Outcome))
	m.text("error_code", e.ErrorCode)
	m.text("error_message", e.ErrorText)
	writePrincipal(m, e)
	m.text("source_address", e.Address)
	m.text("user_agent", e.UserAgent)
	m.truth("lambda_marker", e.InLambda)
	m.text("vpc_endpoint", e.VPCE)
	m.text("service", e.Service)
	m.text("action", e.Action)
	if e.RawAction != e.Action {
		m.text("action_logged", e.RawAction)
	}
	m.truth("read_only", e.ReadOnly)
	m.text("region", e.Region)
	m.text("account", e.Account)
	m.text("function", e.Function)
	m.text("qualifier", e.Qualifier)
	m.list("resources", e.Resources)
	writeChange(m, &e.Change)
	m.text("event_id", e.ID)
	m.text("request_id", e.RequestID)
	m.text("shared_event_id", e.SharedID)
	m.text("linked_to", e.LinkedTo)
	m.number("copies", int64(e.AlsoSeen))
	m.list("tags", e.Tags)
	writeRules(m, e)
	m.text("raw_bag", e.Raw.Bag)
	m.text("raw_item", e.Raw.Item)
	m.text("raw_path", e.Raw.Path)
	m.text("raw_sha256", e.Raw.SHA256)
	m.number("raw_line", e.Raw.Line)
	m.number("raw_offset", e.Raw.Offset)
	_, err := j.w.Write(m.close())
	return err
}

// writeRules tells the rules that hit, and the events that a correlation rests on.
func writeRules(m *members, e *Event) {
	if len(e.Rules) == 0 {
		return
	}
	m.name("rules")
	m.b = append(m.b, '[')
	for i, r := range e.Rules {
		if i > 0 {
			m.b = append(m.b, ',')
		}
		m.b = append(m.b, '{')
		m.text("id", r.ID)
		m.text("title", r.Title)
		m.text("level", r.Level)
		m.b = append(m.b, '}')
	}
	m.b = append(m.b, ']')
	m.list("events", e.Cites)
}

func writePrincipal(m *members, e *Event) {
	p := &e.Principal
	if e.Kind != KindRule {
		m.text("principal", p.String())
	}
	m.text("principal_type", p.Type)
	m.text("principal_arn", p.ARN)
	m.text("principal_id", p.ID)
	m.text("principal_account", p.Account)
	m.text("role", p.Role)
	m.text("session", p.Session)
	m.time("session_created", "2006-01-02T15:04:05Z", p.Created)
	m.text("issued_to_function", p.Function)
	m.text("issued_to_version", p.Version)
	m.truth("issued_to_by_aws", p.Scoped)
	m.text("invoked_by", p.Via)
	m.text("access_key", e.AccessKey)
}

func writeChange(m *members, c *Change) {
	m.text("code_sha256", c.CodeHash)
	m.text("code_sha256_before", c.WasHash)
	m.text("version", c.Version)
	m.text("changed_role", c.Role)
	m.text("layers", c.Layers)
	m.text("granted_to", c.Grantee)
	m.text("granted_action", c.Allows)
	m.text("statement_id", c.Sid)
	m.text("auth_type", c.AuthType)
	m.text("function_url", c.URL)
	m.text("issued_key", c.NewKey)
	m.text("policy", c.Policy)
	m.text("setting", c.Setting)
}
