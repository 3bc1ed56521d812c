package timeline

import (
	"bufio"
	"io"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

// l2tcsvFormat writes plaso's l2tcsv: 17 fields, unquoted. As in plaso, commas in values
// become spaces and what is absent is "-"; quotes become apostrophes, so that readers with
// and without an idea of quoting see the same fields.
func l2tcsvFormat() Format {
	return Format{Name: "l2tcsv", About: "plaso's 17 fields", Ext: ".csv",
		New: func(w io.Writer, _ Options) EventWriter { return &l2tWriter{w: bufio.NewWriterSize(w, 64<<10)} }}
}

const l2tHeader = "date,time,timezone,MACB,source,sourcetype,type,user,host,short,desc,version,filename,inode,notes,format,extra"

type l2tWriter struct {
	w     *bufio.Writer
	begun bool
}

func (l *l2tWriter) header() error {
	if l.begun {
		return nil
	}
	l.begun = true
	_, err := l.w.WriteString(l2tHeader + "\n")
	return err
}

func (l *l2tWriter) Close() error {
	if err := l.header(); err != nil {
		return err
	}
	return l.w.Flush()
}

func (l *l2tWriter) Event(e *Event) error {
	if err := l.header(); err != nil {
		return err
	}
	at := e.Time.UTC()
	source, sourceType := l2tSource(e.Kind)
	cells := [...]string{
		at.Format("01/02/2006"), at.Format("15:04:05"), "UTC", "....", // of a file's four times it is none
		source, sourceType, l2tCell(e.TimestampDesc),
		l2tCell(e.Principal.String()),
		l2tCell(e.Address),
		l2tCell(l2tShort(e.Message)), l2tCell(e.Message),
		"2",
		l2tCell(place(e.Raw)), "-",
		l2tCell(strings.Join(e.Tags, " ")),
		"freezeframe/" + string(e.Kind),
		l2tCell(l2tExtra(e)),
	}
	_, err := l.w.WriteString(strings.Join(cells[:], ",") + "\n")
	return err
}

// maxShort is where plaso cuts its short description, in characters.
const maxShort = 80

func l2tShort(s string) string {
	short := []rune(safetext.Escape(s)) // first: runes know no broken bytes
	if len(short) > maxShort {
		return string(short[:maxShort-3]) + "..."
	}
	return string(short)
}

func l2tSource(k Kind) (short, long string) {
	switch k {
	case KindCloudTrail:
		return "LOG", "AWS CloudTrail"
	case KindLog:
		return "LOG", "AWS Lambda log"
	case KindState:
		return "META", "AWS Lambda configuration"
	case KindFinding:
		return "LOG", "AWS finding"
	case KindTrace:
		return "LOG", "AWS X-Ray trace"
	}
	return "META", "Incident response"
}

// l2tExtra is the rest as plaso writes it: "name: value; name: value", by name.
func l2tExtra(e *Event) string {
	var b strings.Builder
	for _, x := range [...]struct{ name, value string }{
		{"access_key", e.AccessKey}, {"aws_account", e.Account}, {"aws_region", e.Region}, {"code_sha256", e.Change.CodeHash},
		{"data_type", dataType(e.Kind)}, {"error_code", e.ErrorCode}, {"event_id", e.ID}, {"function", e.Function}, {"function_version", e.Qualifier},
		{"issued_to_function", e.Principal.Function}, {"outcome", string(e.Outcome)}, {"request_id", e.RequestID}, {"service", e.Service},
		{"user_agent", e.UserAgent}, {"user_arn", e.Principal.ARN},
	} {
		if x.value == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.WriteString(x.name + ": " + x.value)
	}
	return b.String()
}

// l2tCell is a safe cell that needs no quotes.
func l2tCell(s string) string {
	if s == "" {
		return "-"
	}
	s = strings.NewReplacer(",", " ", `"`, "'").Replace(safetext.Escape(s))
	return cut(noFormula(s), maxCell)
}
