package timeline

import (
	"bufio"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

// tableFormat writes one line an event for people. It streams, so columns have fixed
// widths; on a narrow terminal the last column is cut.
func tableFormat() Format {
	return Format{Name: "table", About: "one line an event, for people",
		New: func(w io.Writer, o Options) EventWriter {
			return &tableWriter{w: bufio.NewWriterSize(w, 64<<10), width: o.Width}
		}}
}

type tableWriter struct {
	w     *bufio.Writer
	width int
	begun bool
}

// widths of TIME, OUTCOME, PRINCIPAL, FROM, ACTION; WHAT takes the rest.
func (t *tableWriter) widths() [5]int {
	if t.width > 0 && t.width < 120 {
		return [5]int{19, 9, 18, 15, 22}
	}
	return [5]int{19, 9, 30, 18, 32}
}

func (t *tableWriter) Close() error { return t.w.Flush() }

func (t *tableWriter) Event(e *Event) error {
	if !t.begun {
		t.begun = true
		if err := t.line([6]string{"TIME (UTC)", "OUTCOME", "PRINCIPAL", "FROM", "ACTION", "WHAT"}); err != nil {
			return err
		}
	}
	outcome := string(e.Outcome)
	if outcome == "" {
		outcome = "-"
	}
	from := e.Address
	if from == "" {
		from = "-"
	}
	who, action := e.Principal.String(), e.Service+":"+e.Action
	if e.Kind == KindRule { // nobody's act
		who, action = "-", "-"
	}
	return t.line([6]string{
		e.Time.UTC().Format("2006-01-02T15:04:05"), outcome, who, from,
		action, tableWhat(e),
	})
}

// tableWhat is the tags, what was touched, and what changed.
func tableWhat(e *Event) string {
	var parts []string
	if len(e.Tags) > 0 { // first: they must not be what a narrow terminal cuts off
		parts = append(parts, "["+strings.Join(e.Tags, " ")+"]")
	}
	switch e.Kind {
	case KindCloudTrail:
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

func (t *tableWriter) line(cells [6]string) error {
	var b strings.Builder
	used := 0
	for i, w := range t.widths() {
		cell := fit(safetext.Escape(cells[i]), w)
		b.WriteString(cell)
		b.WriteString(strings.Repeat(" ", w-utf8.RuneCountInString(cell)+2))
		used += w + 2
	}
	last := safetext.Escape(cells[5])
	if t.width > 0 {
		last = fit(last, max(t.width-used, 20))
	}
	b.WriteString(last)
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
