package timeline

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"

	"github.com/freezeframe-ir/freezeframe/internal/inspect/hostile"
)

// plain is an event with something in every field.
func plain() Event {
	e := Event{Time: time.Date(2026, 3, 1, 10, 5, 0, 123456789, time.UTC), Kind: KindCloudTrail, Outcome: Failed, Resources: []string{"one", "two"}, Tags: []string{"a-tag"}, AlsoSeen: 2}
	for _, f := range textsOf(reflect.ValueOf(&e).Elem(), "") {
		if f.v.String() == "" {
			f.v.SetString("plain")
		}
	}
	e.Principal.Created = e.Time.Add(-time.Hour)
	e.Raw.Line, e.Raw.Offset = 7, 4711
	e.Repeats, e.Until = 3, e.Time.Add(time.Minute)
	e.InLambda, e.ReadOnly, e.Principal.Scoped = true, true, true
	return e
}

type namedText struct {
	name string
	v    reflect.Value
}

// textsOf are all strings of an event, by path: those that will be added later too.
func textsOf(v reflect.Value, name string) []namedText {
	switch v.Kind() {
	case reflect.String:
		return []namedText{{name, v}}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return nil
		}
		var all []namedText
		for i := range v.NumField() {
			all = append(all, textsOf(v.Field(i), name+"."+v.Type().Field(i).Name)...)
		}
		return all
	case reflect.Slice:
		var all []namedText
		for i := range v.Len() {
			all = append(all, textsOf(v.Index(i), name+"[]")...)
		}
		return all
	}
	return nil
}

// formulas are beginnings of cells that some spreadsheet evaluates.
var formulas = []string{
	"=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "=cmd|' /C calc'!A0", `=HYPERLINK("http://evil.example")`, " =1", "  +1", `"=1`, `'=1`, "\u00a0=1", "＝1", "＋1", "－1", "＠x",
	";=1", "x;=1", "x; @y", `x";"=1`, "x,=1", "=", "-", "--", "\x00=1", "\ufeff=1", "%0A=1",
}

// hostileEvents have each hostile text in each field alone, and each in all fields at once.
func hostileEvents(t *testing.T) (all []Event, where []string) {
	t.Helper()
	n := 0
	for _, text := range append(hostile.Texts(), formulas...) {
		text = cut(text, MaxField) // as every source does
		everywhere := plain()
		for i, f := range textsOf(reflect.ValueOf(&everywhere).Elem(), "") {
			if f.name == ".Kind" || f.name == ".Outcome" || f.name == ".TimestampDesc" {
				continue // ours, whatever the evidence says
			}
			f.v.SetString(text)
			alone := plain()
			textsOf(reflect.ValueOf(&alone).Elem(), "")[i].v.SetString(text)
			alone.Kind = []Kind{KindCloudTrail, KindLog, KindState, KindResponder, KindFinding, KindTrace}[n%6]
			all, where = append(all, alone), append(where, f.name)
			n++
		}
		all, where = append(all, everywhere), append(where, "everywhere")
	}
	if n < 45*len(formulas) {
		t.Fatalf("only %d fields were filled", n)
	}
	return all, where
}

// write gives events to a format.
func write(t *testing.T, name string, o Options, events []Event) []byte {
	t.Helper()
	f, err := FormatNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	if o, err = o.ready(f); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := f.New(&out, o)
	for i := range events {
		if err := w.Event(&events[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// unseen finds a character that a terminal obeys or hides, other than the end of a line.
func unseen(s string) (rune, bool) {
	for _, r := range s {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) || r == utf8.RuneError) {
			return r, true
		}
	}
	return 0, false
}

// formula says whether a spreadsheet may take a cell, or a part of it where the semicolon
// separates, for a formula.
func formula(cell string) bool {
	for part := range strings.SplitSeq(cell, ";") {
		part = strings.TrimLeft(part, " \"\u00a0")
		if part != "" && strings.ContainsRune("=+-@\t\r＝＋－＠", []rune(part)[0]) {
			return true
		}
	}
	return false
}

// TestHostileText: whatever an event says, in whatever field, each format stays whole: one
// line an event, no character that a terminal obeys, no formula, valid JSON.
func TestHostileText(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY under -short: one writer, which shares nothing, of much text; the plain run has it")
	}
	events, where := hostileEvents(t)
	for _, f := range Formats() {
		if f.Binary {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			out := write(t, f.Name, Options{}, events)
			if !utf8.Valid(out) {
				t.Error("not UTF-8")
			}
			if f.Document {
				hostileDocument(t, f, out, events, where)
				return
			}
			lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
			if f.Ext != ".jsonl" {
				lines = lines[1:] // the header
			}
			if len(lines) != len(events) {
				t.Fatalf("%d lines, %d events", len(lines), len(events))
			}
			for i, line := range lines {
				if r, bad := unseen(line); bad && f.Ext != ".jsonl" {
					t.Errorf("%U comes through %s: %.200q", r, where[i], line)
				}
				switch f.Ext {
				case ".jsonl":
					if !json.Valid([]byte(line)) || strings.ContainsAny(line, "\x1b\x00\x07\u2028") {
						t.Errorf("%s: not JSON: %.200q", where[i], line)
					}
				case ".csv":
					row, err := csv.NewReader(strings.NewReader(line)).Read()
					if err != nil {
						t.Fatalf("%s: %v: %.200q", where[i], err, line)
					}
					for j, c := range row {
						if formula(c) && !(f.Name == "l2tcsv" && c == "-") && len(c) <= maxCell {
							t.Errorf("%s, column %d: %.80q is a formula", where[i], j, c)
						}
						if len(c) > maxCell {
							t.Errorf("%s, column %d has %d bytes", where[i], j, len(c))
						}
					}
				}
			}
		})
	}
	t.Logf("%d cells: %d texts in %d fields, 0 skipped", len(events), len(hostile.Texts())+len(formulas), len(events)/(len(hostile.Texts())+len(formulas)))
}

// TestHostileParquet: what is read back is what was in the event, bytes that are no UTF-8 replaced.
func TestHostileParquet(t *testing.T) {
	events, where := hostileEvents(t)
	rows := readParquet(t, write(t, "parquet", Options{}, events))
	if len(rows) != len(events) {
		t.Fatalf("%d rows, %d events", len(rows), len(events))
	}
	for i, r := range rows {
		e := &events[i]
		for name, pair := range map[string][2]string{
			"message": {r.Message, e.Message}, "useragent": {r.UserAgent, e.UserAgent}, "arn": {r.Identity.ARN, e.Principal.ARN}, "session": {r.Identity.Session.Name, e.Principal.Session},
			"resources": {strings.Join(r.Resources, "|"), strings.Join(e.Resources, "|")}, "tags": {strings.Join(r.Tags, "|"), strings.Join(e.Tags, "|")}, "raw_path": {r.RawPath, e.Raw.Path},
		} {
			if want := string([]rune(pair[1])); pair[0] != want {
				t.Errorf("%s: %s is %.80q, want %.80q", where[i], name, pair[0], want)
			}
		}
		if r.EventTime != e.Time.UnixMicro() || r.RawOffset != 4711 || !r.ReadOnly || r.Copies != 2 || r.Kind != string(e.Kind) {
			t.Errorf("%s: %+v", where[i], r)
		}
		var detail map[string]string
		if err := json.Unmarshal([]byte(r.Detail), &detail); err != nil || detail["setting"] != string([]rune(e.Change.Setting)) {
			t.Errorf("%s: detail %.100q, %v", where[i], r.Detail, err)
		}
	}
}

func readParquet(t testing.TB, b []byte) []parquetRow {
	t.Helper()
	rows, err := parquet.Read[parquetRow](bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func reflectEvent(e *Event) reflect.Value { return reflect.ValueOf(e).Elem() }

// noise is text that does not compress, the same for the same seed.
func noise(seed, n int) string {
	r := rand.New(rand.NewPCG(uint64(seed), 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(' ' + r.Uint32()%95)
	}
	return string(b)
}

type group struct{ rows, bytes int64 }

func groupsOf(t *testing.T, path string) []group {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	var all []group
	for _, g := range f.Metadata().RowGroups {
		all = append(all, group{g.NumRows, g.TotalByteSize})
	}
	return all
}
