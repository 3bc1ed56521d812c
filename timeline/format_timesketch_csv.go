package timeline

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
)

// timesketchCSVFormat writes what Timesketch imports as .csv, with the fields of its .jsonl.
// Timesketch reads a tag that is a JSON list as one, and an absent one as the tag "nan":
// so the list always stands there.
func timesketchCSVFormat() Format {
	return Format{Name: "timesketch-csv", About: "for Timesketch, as .csv", Ext: ".csv", ByExt: true,
		New: func(w io.Writer, _ Options) EventWriter {
			c := &csvWriter{w: csv.NewWriter(w)}
			for _, f := range timesketchFields() {
				c.columns = append(c.columns, csvColumn{f.name, f.of})
			}
			c.columns = append(c.columns, csvColumn{"tag", func(e *Event) string {
				b := []byte{'['}
				for i, t := range e.Tags {
					if i > 0 {
						b = append(b, ',')
					}
					b = appendJSON(b, t)
				}
				return string(append(b, ']'))
			}})
			return c
		}}
}

// timesketchField is one of the few, flat fields that Timesketch gets.
type timesketchField struct {
	name string
	of   func(*Event) string
}

// timesketchFields are all but the tag, which is a list. timestamp is a number in JSON.
func timesketchFields() []timesketchField {
	return []timesketchField{
		{"message", func(e *Event) string { return orElse(e.Message, "(empty)") }}, // mandatory
		{"datetime", func(e *Event) string { return e.Time.UTC().Format("2006-01-02T15:04:05.000000+00:00") }},
		{"timestamp", func(e *Event) string { return strconv.FormatInt(e.Time.UnixMicro(), 10) }},
		{"timestamp_desc", func(e *Event) string { return orElse(e.TimestampDesc, "Event Time") }}, // mandatory
		{"data_type", func(e *Event) string { return dataType(e.Kind) }},
		{"user", func(e *Event) string { return e.Principal.String() }},
		{"user_arn", func(e *Event) string { return e.Principal.ARN }},
		{"access_key", func(e *Event) string { return e.AccessKey }},
		{"src_ip", func(e *Event) string { return e.Address }},
		{"user_agent", func(e *Event) string { return e.UserAgent }},
		{"service", func(e *Event) string { return e.Service }},
		{"action", func(e *Event) string { return e.Action }},
		{"outcome", func(e *Event) string { return string(e.Outcome) }},
		{"error_code", func(e *Event) string { return e.ErrorCode }},
		{"function", func(e *Event) string { return e.Function }},
		{"function_version", func(e *Event) string { return e.Qualifier }},
		{"issued_to_function", func(e *Event) string { return e.Principal.Function }},
		{"resource", func(e *Event) string { return strings.Join(e.Resources[:min(len(e.Resources), 4)], " ") }},
		{"code_sha256", func(e *Event) string { return e.Change.CodeHash }},
		{"granted_to", func(e *Event) string { return e.Change.Grantee }},
		{"aws_region", func(e *Event) string { return e.Region }},
		{"aws_account", func(e *Event) string { return e.Account }},
		{"event_id", func(e *Event) string { return e.ID }},
		{"request_id", func(e *Event) string { return e.RequestID }},
		{"evidence", func(e *Event) string { return place(e.Raw) }},
	}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
