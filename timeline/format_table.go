package timeline

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/freezeframe-ir/freezeframe/internal/filter"
	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

// tableFormat writes one line an event for people. It streams, so columns have fixed
// widths; on a narrow terminal the last column is cut.
func tableFormat() Format {
	return Format{Name: "table", About: "one line an event, for people", Ext: ".txt", Columns: true, Local: true,
		New: func(w io.Writer, o Options) EventWriter {
			t := &tableWriter{w: bufio.NewWriterSize(w, 64<<10), width: o.Width, local: o.Local}
			t.columns = t.usual()
			if len(o.Columns) > 0 {
				t.columns = t.chosen(o.fields)
			}
			return t
		}}
}

type tableWriter struct {
	w       *bufio.Writer
	width   int
	local   *time.Location
	columns []tableColumn
	begun   bool
}

// tableColumn is one column; the last one takes the rest of the line.
type tableColumn struct {
	head  string
	width int
	value func(*Event) string
}

func (t *tableWriter) usual() []tableColumn {
	principal, from, action := 30, 18, 32
	if t.width > 0 && t.width < 120 {
		principal, from, action = 18, 15, 22
	}
	return []tableColumn{
		t.time(),
		{"OUTCOME", 9, func(e *Event) string { return dash(string(e.Outcome)) }},
		{"PRINCIPAL", principal, func(e *Event) string { return dash(who(e)) }},
		{"FROM", from, func(e *Event) string { return dash(e.Address) }},
		{"ACTION", action, actionText},
		{"WHAT", 0, tableWhat},
	}
}

// who is the one who acted: nobody, where a correlation of rules held.
func who(e *Event) string {
	if e.Kind == KindRule {
		return ""
	}
	return e.Principal.String()
}

func actionText(e *Event) string {
	if e.Kind == KindRule {
		return "-"
	}
	return e.Service + ":" + e.Action
}

// time is in UTC, or local and with its offset: clocks are put back.
func (t *tableWriter) time() tableColumn {
	if t.local == nil {
		return tableColumn{"TIME (UTC)", 19, func(e *Event) string { return e.Time.UTC().Format("2006-01-02T15:04:05") }}
	}
	return tableColumn{"TIME (LOCAL)", 25, func(e *Event) string { return e.Time.In(t.local).Format("2006-01-02T15:04:05-07:00") }}
}

func (t *tableWriter) chosen(fields []Field) []tableColumn {
	var all []tableColumn
	for i := range fields {
		f := &fields[i]
		switch {
		case f.Name == "time":
			all = append(all, t.time())
			continue
		case f.Type == filter.Time && t.local != nil:
			all = append(all, tableColumn{f.Name, 25, func(e *Event) string {
				if at := f.time(e); !at.IsZero() {
					return at.In(t.local).Format("2006-01-02T15:04:05-07:00")
				}
				return "-"
			}})
			continue
		}
		all = append(all, tableColumn{f.Name, max(tableWidth(f), len(f.Name)), func(e *Event) string { return dash(f.string(e)) }})
	}
	return all
}

func tableWidth(f *Field) int {
	switch f.Name {
	case "outcome", "kind", "region":
		return 14
	case "principal", "action", "event_id", "request_id", "raw_path", "error_code":
		return 36
	case "message", "user_agent", "function", "error_message", "resources", "principal_arn":
		return 60
	case "source_address":
		return 18
	}
	switch f.Type {
	case filter.Number:
		return 8
	case filter.Truth:
		return 5
	case filter.Time:
		return 20
	}
	return 24
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (t *tableWriter) Close() error { return t.w.Flush() }

func (t *tableWriter) Event(e *Event) error {
	if !t.begun {
		t.begun = true
		if err := t.line(func(c tableColumn) string { return c.head }); err != nil {
			return err
		}
	}
	return t.line(func(c tableColumn) string { return c.value(e) })
}

// tableWhat is the tags, what was touched, and what changed.
func tableWhat(e *Event) string {
	var parts []string
	if len(e.Tags) > 0 { // first: they must not be what a narrow terminal cuts off
		parts = append(parts, "["+strings.Join(e.Tags, " ")+"]")
	}
	switch e.Kind {
	case KindCloudTrail:
		if e.Repeats > 0 {
			parts = append(parts, fmt.Sprintf("[%d until %s]", e.Repeats+1, e.Until.Format("15:04:05Z07:00")))
		}
		if w := whatOf(e); w != "" {
			parts = append(parts, w)
		}
		if c := changeText(e); c != "" {
			parts = append(parts, "("+c+")")
		}
		if e.ErrorCode != "" {
			parts = append(parts, e.ErrorCode)
		}
		if len(e.Rules) > 0 {
			parts = append(parts, "rules: "+strings.Join(e.ruleNames(), "; "))
		}
	default:
		parts = append(parts, cut(e.Message, 300))
	}
	return strings.Join(parts, " ")
}

func (t *tableWriter) line(value func(tableColumn) string) error {
	var b strings.Builder
	used, last := 0, len(t.columns)-1
	for _, c := range t.columns[:last] {
		cell := fit(safetext.Escape(value(c)), c.width)
		b.WriteString(cell)
		b.WriteString(strings.Repeat(" ", c.width-utf8.RuneCountInString(cell)+2))
		used += c.width + 2
	}
	cell := safetext.Escape(value(t.columns[last]))
	if t.width > 0 {
		cell = fit(cell, max(t.width-used, 20))
	}
	b.WriteString(cell)
	_, err := t.w.WriteString(strings.TrimRight(b.String(), " ") + "\n")
	return err
}

// fit cuts s to n characters.
func fit(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	r := []rune(s)
	return string(r[:n-1]) + "…"
}

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }
