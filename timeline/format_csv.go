package timeline

import (
	"encoding/csv"
	"io"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

// csvFormat writes the fields of a jsonl line as columns, safe to open in a spreadsheet.
func csvFormat() Format {
	return Format{Name: "csv", About: "for spreadsheets: no cell is a formula", Ext: ".csv", Columns: true,
		New: func(w io.Writer, o Options) EventWriter {
			c := &csvWriter{w: csv.NewWriter(w)}
			for i := range o.fields {
				c.columns = append(c.columns, csvColumn{o.fields[i].Name, o.fields[i].string})
			}
			return c
		}}
}

// csvColumn is a column of a CSV file; value is made a safe cell.
type csvColumn struct {
	head  string
	value func(*Event) string
}

// csvWriter writes a header and a row an event. The header stands also where there are no
// events: an empty file is one that broke off.
type csvWriter struct {
	w       *csv.Writer
	columns []csvColumn
	row     []string
	begun   bool
}

func (c *csvWriter) header() error {
	if c.begun {
		return nil
	}
	c.begun = true
	c.row = c.row[:0]
	for _, col := range c.columns {
		c.row = append(c.row, col.head)
	}
	return c.w.Write(c.row)
}

func (c *csvWriter) Event(e *Event) error {
	if err := c.header(); err != nil {
		return err
	}
	c.row = c.row[:0]
	for _, col := range c.columns {
		c.row = append(c.row, cell(col.value(e)))
	}
	return c.w.Write(c.row)
}

func (c *csvWriter) Close() error {
	if err := c.header(); err != nil {
		return err
	}
	c.w.Flush()
	return c.w.Error()
}

// maxCell is what a spreadsheet and Timesketch's keyword index hold of one value.
const maxCell = 32766

// cell makes text that an attacker may have written safe in a spreadsheet and a terminal.
func cell(s string) string { return cut(noFormula(safetext.Escape(s)), maxCell) }

// noFormula puts an apostrophe before what a spreadsheet would take for a formula: = + - @
// (also in full width) at the beginning, behind spaces, and behind a semicolon, which
// separates cells where the comma is the decimal sign. Tab and CR, which hide such a
// beginning, are spelled out before.
func noFormula(s string) string {
	if !strings.ContainsAny(s, "=+-@\t\r＝＋－＠") {
		return s
	}
	parts := strings.SplitAfter(s, ";")
	for i, p := range parts {
		if strings.IndexAny(strings.TrimLeft(p, " \"'\u00a0"), "=+-@\t\r＝＋－＠") == 0 {
			parts[i] = "'" + p
		}
	}
	return strings.Join(parts, "")
}
