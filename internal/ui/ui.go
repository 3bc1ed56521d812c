// Package ui is how the commands speak: results to stdout as text or JSON from
// one value, progress and warnings to stderr, one table of exit codes, one place
// for hints, and one sink through which every string passes that could have been
// written by an attacker. Only cmd imports it.
package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

// Streams are where a command reads and speaks, and how.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	OutTTY   bool // a person looks at Out
	ErrTTY   bool
	InTTY    bool
	Width    int // of the terminal; 0 is unknown
	JSON     bool
	Quiet    bool
	Color    bool
}

// Show prints a result: v as JSON with --json, otherwise what human prints.
// Both come from the same value, and neither can do anything to a terminal.
func (s *Streams) Show(v any, human func(*Printer)) error {
	if s.JSON {
		enc := json.NewEncoder(safetext.JSON(s.Out))
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
	p := &Printer{w: s.Out, color: s.Color && s.OutTTY, width: s.Width}
	human(p)
	return p.err
}

// ShowLine is Show for one of many results: with --json each is one line.
func (s *Streams) ShowLine(v any, human func(*Printer)) error {
	if !s.JSON {
		return s.Show(v, human)
	}
	var line bytes.Buffer
	enc := json.NewEncoder(safetext.JSON(&line))
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := s.Out.Write(line.Bytes()) // at once: others write lines too
	return err
}

// Person prints for the one at the terminal: to stdout, or to stderr when stdout carries JSON.
func (s *Streams) Person(human func(*Printer)) {
	p := &Printer{w: s.Out, color: s.Color && s.OutTTY, width: s.Width}
	if s.JSON {
		p.w, p.color = s.Err, s.Color && s.ErrTTY
	}
	human(p)
}

// Aside prints for the one at the terminal what is no part of the result: to stderr, and not
// with --quiet.
func (s *Streams) Aside(human func(*Printer)) {
	if !s.Quiet {
		human(&Printer{w: s.Err, color: s.Color && s.ErrTTY, width: s.Width})
	}
}

// Warn prints a line to stderr that --quiet does not silence.
func (s *Streams) Warn(format string, args ...any) {
	p := &Printer{w: s.Err, color: s.Color && s.ErrTTY}
	p.Line("%s %s", p.Bold("warning:"), fmt.Sprintf(format, escaped(args)...))
}

// Printer writes lines for people. Arguments are escaped; formats are ours.
type Printer struct {
	w     io.Writer
	color bool
	width int
	err   error
}

// styled is text that the Printer itself made and must not escape again.
type styled string

// Line prints one line.
func (p *Printer) Line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", escaped(args)...)
	}
}

// Block prints text of several lines, each escaped and indented.
func (p *Printer) Block(indent, text string) {
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		p.Line("%s%s", indent, line)
	}
}

// Bold and the others mark text where the terminal can show it.
func (p *Printer) Bold(s string) any { return p.style("1", s) }

// Good is green, Bad is red, Dim is faint.
func (p *Printer) Good(s string) any { return p.style("32", s) }

// Bad is for what needs attention.
func (p *Printer) Bad(s string) any { return p.style("31", s) }

// Dim is for what can be passed over.
func (p *Printer) Dim(s string) any { return p.style("2", s) }

func (p *Printer) style(code, s string) any {
	s = safetext.Escape(s)
	if p.color {
		s = "\x1b[" + code + "m" + s + "\x1b[0m"
	}
	return styled(s)
}

func escaped(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		switch v := a.(type) {
		case styled:
			out[i] = string(v)
		case string:
			out[i] = safetext.Escape(v)
		case error:
			out[i] = safetext.Escape(v.Error())
		case fmt.Stringer:
			out[i] = safetext.Escape(v.String())
		case []byte:
			out[i] = safetext.Escape(string(v))
		default:
			out[i] = a
		}
	}
	return out
}

// maxColumn is how wide a cell may make its column: one long name must not blow up all rows.
const maxColumn = 100

// Table prints columns: heads first, cells escaped, the last column unbounded.
func (p *Printer) Table(heads []string, rows [][]string) {
	width := make([]int, len(heads))
	clean := make([][]string, 0, len(rows)+1)
	for _, row := range append([][]string{heads}, rows...) {
		cells := make([]string, len(heads))
		for i := range heads {
			if i < len(row) {
				cells[i] = safetext.Escape(row[i])
			}
			width[i] = max(width[i], min(utf8.RuneCountInString(cells[i]), maxColumn))
		}
		clean = append(clean, cells)
	}
	for n, cells := range clean {
		var b strings.Builder
		for i, cell := range cells {
			if i == len(cells)-1 {
				b.WriteString(cell)
				break
			}
			b.WriteString(cell + strings.Repeat(" ", max(0, width[i]-utf8.RuneCountInString(cell))+2))
		}
		line := strings.TrimRight(b.String(), " ")
		if n == 0 {
			p.Line("%s", p.Bold(line))
			continue
		}
		p.Line("%s", styled(line))
	}
}

// Bytes is a size for people: 1536 is "1.5 KiB".
func Bytes(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	f, i := float64(n)/unit, 0
	for f >= unit && i < 4 {
		f, i = f/unit, i+1
	}
	return fmt.Sprintf("%.1f %ciB", f, "KMGTP"[i])
}

// Clock is a time for people and for sorting: UTC, to the second.
func Clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// Plural is "1 gap", "2 gaps".
func Plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	if strings.HasSuffix(one, "y") && !strings.HasSuffix(one, "ey") {
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(one, "y"))
	}
	return fmt.Sprintf("%d %ss", n, one)
}
