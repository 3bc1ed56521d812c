package timeline

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/freezeframe-ir/freezeframe/internal/filter"
	spelling "github.com/freezeframe-ir/freezeframe/internal/nearest"
)

var (
	// ErrFilter: the filter expression is not one. It wraps a *filter.Error.
	ErrFilter = errors.New("the filter cannot be read")
	// ErrView: no such column, or a format that has fixed ones, or no local times.
	ErrView = errors.New("the timeline cannot be shown so")
)

// Field is one of what is told of an event, under the name that it has in a jsonl line.
// The same names stand in filters and as columns. What an event lacks is left out.
type Field struct {
	filter.Field
	About string

	text   func(*Event) string
	append func([]byte, *Event) []byte // what text gives, where that has to be put together; may be nil
	list   func(*Event) []string
	number func(*Event) int64
	truth  func(*Event) bool
	time   func(*Event) time.Time

	member []byte  // ,"name":
	quoted []byte  // the same, and the quote that opens a text
	clear  clarity // what must be clear of an event for the text to need no escape; 0: it may always need one
	place  uintptr // of the text in an event; 0: it has none of its own
}

// clarity says of which of an event's texts it is known that they need no escape.
type clarity byte

const (
	clearRecord  clarity = 1 << iota // what is of the record itself
	clearMessage                     // what is made of it
	clearOrigin                      // where it was read
	clearOurs                        // words of ours
)

func textField(name, about string, of func(*Event) string) Field {
	return Field{Field: filter.Field{Name: name, Type: filter.Text}, About: about, text: of}
}

func listField(name, about string, of func(*Event) []string) Field {
	return Field{Field: filter.Field{Name: name, Type: filter.List}, About: about, list: of}
}

func numberField(name, about string, of func(*Event) int64) Field {
	return Field{Field: filter.Field{Name: name, Type: filter.Number}, About: about, number: of}
}

func truthField(name, about string, of func(*Event) bool) Field {
	return Field{Field: filter.Field{Name: name, Type: filter.Truth}, About: about, truth: of}
}

func timeField(name, about string, of func(*Event) time.Time) Field {
	return Field{Field: filter.Field{Name: name, Type: filter.Time}, About: about, time: of}
}

// recordField is a text that is always one of the record itself, or one of a few of ours, so that
// it needs no escape where the record has none. A text that is put together, or that other events
// or files have, is not.
func recordField(name, about string, of func(*Event) *string) Field {
	return placed(name, about, of).clearIf(clearRecord)
}

// placed is a text that an event has a place of its own for: most of a line is, and looking there
// is quicker than to ask.
func placed(name, about string, of func(*Event) *string) Field {
	var e Event
	f := textField(name, about, func(e *Event) string { return *of(e) })
	f.place = uintptr(unsafe.Pointer(of(&e))) - uintptr(unsafe.Pointer(&e))
	return f
}

// clearIf says what must be clear for the text to need no escape.
func (f Field) clearIf(c clarity) Field {
	f.clear = c
	return f
}

func (f Field) appended(by func([]byte, *Event) []byte) Field {
	f.append = by
	return f
}

// oneOf limits what a filter may compare the field with.
func (f Field) oneOf(values ...string) Field {
	f.Values = values
	return f
}

// Fields lists all fields, in the order of a jsonl line.
func Fields() []Field {
	var all []Field
	for _, part := range [][]Field{eventFields(), principalFields(), callFields(), changeFields(), placeFields()} {
		all = append(all, part...)
	}
	for i := range all {
		all[i].member = fmt.Appendf(nil, ",%q:", all[i].Name)
		all[i].quoted = fmt.Appendf(nil, ",%q:\"", all[i].Name)
	}
	return all
}

func eventFields() []Field {
	return []Field{
		textField("schema", "the shape of the line: "+Schema, func(*Event) string { return Schema }),
		timeField("time", "when, in UTC", func(e *Event) time.Time { return e.Time }),
		recordField("timestamp_desc", "what the time is that of: Event Time, Window Start, Log Event Time, ...", func(e *Event) *string { return &e.TimestampDesc }),
		placed("kind", "what sort of source told it: cloudtrail, log, configuration, responder, finding, trace; rule: a correlation of rules", func(e *Event) *string { return (*string)(&e.Kind) }).clearIf(clearOurs).
			oneOf(string(KindCloudTrail), string(KindLog), string(KindState), string(KindResponder), string(KindFinding), string(KindTrace), string(KindRule)),
		placed("source", "the artefact or form of file: cloudtrail.lookup, cloudtrail.file, logs.events, ...", func(e *Event) *string { return &e.Source }).clearIf(clearOrigin),
		recordField("category", "CloudTrail's eventCategory", func(e *Event) *string { return &e.Category }),
		placed("message", "one line for people", func(e *Event) *string { return &e.Message }).clearIf(clearMessage),
		placed("outcome", "success, denied, throttled, not_found or error; absent where nothing was called", func(e *Event) *string { return (*string)(&e.Outcome) }).clearIf(clearOurs).
			oneOf(string(Success), string(Denied), string(Throttled), string(NotFound), string(Failed)),
		recordField("error_code", "as logged", func(e *Event) *string { return &e.ErrorCode }),
		recordField("error_message", "as logged", func(e *Event) *string { return &e.ErrorText }),
	}
}

func principalFields() []Field {
	return []Field{
		textField("principal", "who: a user, role/session, root, or a service", who).
			appended(func(b []byte, e *Event) []byte {
				if e.Kind == KindRule {
					return b
				}
				return e.Principal.append(b)
			}),
		recordField("principal_type", "IAMUser, AssumedRole, Root, AWSService, ...", func(e *Event) *string { return &e.Principal.Type }),
		recordField("principal_arn", "its ARN", func(e *Event) *string { return &e.Principal.ARN }),
		recordField("principal_id", "its principalId", func(e *Event) *string { return &e.Principal.ID }),
		recordField("principal_account", "its account", func(e *Event) *string { return &e.Principal.Account }),
		recordField("role", "ARN of a session's role", func(e *Event) *string { return &e.Principal.Role }),
		recordField("session", "name of a role session", func(e *Event) *string { return &e.Principal.Session }),
		timeField("session_created", "when the session began", func(e *Event) time.Time { return e.Principal.Created }),
		placed("issued_to_function", "function that the credentials were issued to", func(e *Event) *string { return &e.Principal.Function }),
		recordField("issued_to_version", "its version", func(e *Event) *string { return &e.Principal.Version }),
		truthField("issued_to_by_aws", "AWS said so in the record; otherwise the configurations of the case do", func(e *Event) bool { return e.Principal.Scoped }),
		recordField("invoked_by", "AWS service that called on the principal's behalf", func(e *Event) *string { return &e.Principal.Via }),
		recordField("access_key", "access key id of the call", func(e *Event) *string { return &e.AccessKey }),
	}
}

func callFields() []Field {
	return []Field{
		recordField("source_address", "IP address, or AWS service, that the call came from", func(e *Event) *string { return &e.Address }),
		recordField("user_agent", "as logged; the caller writes it", func(e *Event) *string { return &e.UserAgent }),
		truthField("lambda_marker", "the user agent has the marker of Lambda's execution environment", func(e *Event) bool { return e.InLambda }),
		recordField("vpc_endpoint", "id of the VPC endpoint", func(e *Event) *string { return &e.VPCE }),
		recordField("service", "lambda, iam, s3, ...", func(e *Event) *string { return &e.Service }),
		recordField("action", "API name, without Lambda's date", func(e *Event) *string { return &e.Action }),
		textField("action_logged", "the name as logged, where it is another one", func(e *Event) string {
			if e.RawAction == e.Action {
				return ""
			}
			return e.RawAction
		}).clearIf(clearRecord),
		truthField("read_only", "CloudTrail says that the call only reads", func(e *Event) bool { return e.ReadOnly }),
		recordField("region", "AWS region", func(e *Event) *string { return &e.Region }),
		recordField("account", "account that the event was recorded in", func(e *Event) *string { return &e.Account }),
		recordField("function", "ARN of the function, or its name", func(e *Event) *string { return &e.Function }),
		recordField("qualifier", "version or alias", func(e *Event) *string { return &e.Qualifier }),
		listField("resources", "ARNs and names that the call was about, at most 16", func(e *Event) []string { return e.Resources }).clearIf(clearRecord),
	}
}

func changeFields() []Field {
	return []Field{
		recordField("code_sha256", "code hash after the call, base64", func(e *Event) *string { return &e.Change.CodeHash }),
		placed("code_sha256_before", "code hash known before, where it was another one", func(e *Event) *string { return &e.Change.WasHash }),
		recordField("version", "version that was published, or that the hash is of", func(e *Event) *string { return &e.Change.Version }),
		recordField("changed_role", "execution role after the call, or the role acted on", func(e *Event) *string { return &e.Change.Role }),
		recordField("layers", "layer ARNs after the call, joined by commas", func(e *Event) *string { return &e.Change.Layers }),
		recordField("granted_to", "principal that a policy admits", func(e *Event) *string { return &e.Change.Grantee }),
		recordField("granted_action", "what it may do", func(e *Event) *string { return &e.Change.Allows }),
		recordField("statement_id", "of the policy statement", func(e *Event) *string { return &e.Change.Sid }),
		recordField("auth_type", "of a function URL; NONE is everyone", func(e *Event) *string { return &e.Change.AuthType }),
		recordField("function_url", "address of a function URL", func(e *Event) *string { return &e.Change.URL }),
		recordField("issued_key", "access key id that the call returned", func(e *Event) *string { return &e.Change.NewKey }),
		recordField("policy", "name or ARN of a policy", func(e *Event) *string { return &e.Change.Policy }),
		placed("setting", "another telling parameter: ReservedConcurrentExecutions=0", func(e *Event) *string { return &e.Change.Setting }),
		placed("package", "of a collected version: match or mismatch, its package is in the case and has the declared hash or another one; missing; image, there is none", func(e *Event) *string { return &e.Change.Package }).
			oneOf(PackageMatch, PackageMismatch, PackageMissing, PackageImage),
		placed("package_path", "where that package lies in the case", func(e *Event) *string { return &e.Change.PackagePath }),
	}
}

func placeFields() []Field {
	return []Field{
		recordField("event_id", "CloudTrail's eventID; of other kinds an id that stays the same", func(e *Event) *string { return &e.ID }),
		recordField("request_id", "AWS request id", func(e *Event) *string { return &e.RequestID }),
		recordField("shared_event_id", "ties records of one act in several accounts", func(e *Event) *string { return &e.SharedID }),
		placed("linked_to", "event_id of another record of the same act, or of the call that a document names", func(e *Event) *string { return &e.LinkedTo }),
		numberField("copies", "further copies of the record, left out", func(e *Event) int64 { return int64(e.AlsoSeen) }),
		numberField("repeats", "further events alike that --collapse put into this line", func(e *Event) int64 { return e.Repeats }),
		timeField("until", "when the last of them was", func(e *Event) time.Time { return e.Until }),
		placed("last_event_id", "its event_id", func(e *Event) *string { return &e.LastID }),
		listField("tags", "signs, never verdicts", func(e *Event) []string { return e.Tags }),
		listField("rules", "Sigma rules that it hit, with their levels: high: Title", (*Event).ruleNames),
		listField("rule_ids", "their ids", (*Event).ruleIDs),
		listField("cites", "of a correlation: event_id of the events that it rests on, the last of them; of a recorded configuration: of the calls that it names", func(e *Event) []string { return e.Cites }),
		placed("raw_bag", "bag that the record stands in", func(e *Event) *string { return &e.Raw.Bag }).clearIf(clearOrigin),
		placed("raw_item", "id of the artefact", func(e *Event) *string { return &e.Raw.Item }).clearIf(clearOrigin),
		placed("raw_path", "file, in the case or in the folder that was read", func(e *Event) *string { return &e.Raw.Path }).clearIf(clearOrigin),
		placed("raw_sha256", "hash of the stored artefact", func(e *Event) *string { return &e.Raw.SHA256 }).clearIf(clearOrigin),
		numberField("raw_line", "line of the inflated text, from 1", func(e *Event) int64 { return e.Raw.Line }),
		numberField("raw_offset", "byte of the inflated text at which the record begins", func(e *Event) int64 { return e.Raw.Offset }),
		placed("last_raw_item", "of the last that was collapsed: id of the artefact", func(e *Event) *string { return &e.LastRaw.Item }),
		placed("last_raw_path", "its file", func(e *Event) *string { return &e.LastRaw.Path }),
		numberField("last_raw_line", "its line", func(e *Event) int64 { return e.LastRaw.Line }),
		numberField("last_raw_offset", "its first byte", func(e *Event) int64 { return e.LastRaw.Offset }),
	}
}

// string is the value as text: what jsonl writes, "" for what it leaves out; the elements of
// a list joined by spaces.
func (f *Field) string(e *Event) string {
	switch {
	case f.text != nil:
		return f.text(e)
	case f.list != nil:
		return strings.Join(f.list(e), " ")
	case f.number != nil:
		if n := f.number(e); n != 0 {
			return strconv.FormatInt(n, 10)
		}
	case f.truth != nil:
		if f.truth(e) {
			return "true"
		}
	case f.time != nil:
		if t := f.time(e); !t.IsZero() {
			return t.UTC().Format(filter.TimeLayout)
		}
	}
	return ""
}

// put writes the field as a member.
func (f *Field) put(m *members, e *Event) {
	switch {
	case f.text != nil:
		m.text(f.Name, f.text(e))
	case f.list != nil:
		m.list(f.Name, f.list(e))
	case f.number != nil:
		m.number(f.Name, f.number(e))
	case f.truth != nil:
		m.truth(f.Name, f.truth(e))
	case f.time != nil:
		m.time(f.Name, filter.TimeLayout, f.time(e))
	}
}

// fieldsNamed are the fields of those names, in that order; all of them for none.
func fieldsNamed(names []string) ([]Field, error) {
	all := Fields()
	if len(names) == 0 {
		return all, nil
	}
	var known []string
	for i := range all {
		known = append(known, all[i].Name)
	}
	var chosen []Field
	seen := map[string]bool{}
	for _, name := range names {
		i := slices.Index(known, name)
		switch {
		case i < 0 && spelling.Word(name, known) != "":
			return nil, fmt.Errorf("%w: there is no field %q (did you mean %s?)", ErrView, name, spelling.Word(name, known))
		case i < 0:
			return nil, fmt.Errorf("%w: there is no field %q", ErrView, name)
		case seen[name]:
			return nil, fmt.Errorf("%w: %s is named twice", ErrView, name)
		}
		seen[name] = true
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// where is a parsed filter expression over events.
type where struct {
	expr   *filter.Filter
	fields []Field
	event  *Event
}

// newWhere parses an expression; "" is one that lets everything through.
func newWhere(text string) (*where, error) {
	if text == "" {
		return nil, nil
	}
	w := &where{fields: Fields()}
	names := make([]filter.Field, len(w.fields))
	for i := range w.fields {
		names[i] = w.fields[i].Field
	}
	var err error
	if w.expr, err = filter.Parse(text, names); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFilter, err)
	}
	return w, nil
}

// match is called by one goroutine.
func (w *where) match(e *Event) bool {
	if w == nil {
		return true
	}
	w.event = e
	return w.expr.Match(w)
}

// Text gives a field to the filter.
func (w *where) Text(i int) string {
	v, f := w.fields[i].string(w.event), &w.fields[i]
	switch f.Type {
	case filter.Number:
		return cmp.Or(v, "0")
	case filter.Truth:
		return cmp.Or(v, "false")
	}
	return v
}

// List gives the elements of a field to the filter.
func (w *where) List(i int) []string { return w.fields[i].list(w.event) }
