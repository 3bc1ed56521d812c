package timeline

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/filter"
)

// build writes a timeline of files.
func build(t *testing.T, o Options, paths ...string) (string, Summary) {
	t.Helper()
	var out bytes.Buffer
	sum, err := Build(context.Background(), o, Input{Paths: paths}, &out)
	if err != nil {
		t.Fatalf("%s: %v", o.Format, err)
	}
	return out.String(), sum
}

// eventsIn counts the events of a file.
func eventsIn(t *testing.T, f Format, out string) int {
	t.Helper()
	out = events(out)
	n := strings.Count(out, "\n")
	switch {
	case f.Binary:
		return len(readParquet(t, []byte(out)))
	case f.Document:
		return len(documentEvents(t, f, []byte(out)))
	case f.Ext == ".jsonl":
		return n
	}
	return n - 1
}

// TestFormatsAgree: over recorded attacks each format has every event, once, and in the same order.
func TestFormatsAgree(t *testing.T) {
	dir := stratus(t)
	lines, _ := build(t, Options{Format: "jsonl"}, dir)
	var ids []string
	for line := range strings.Lines(lines) {
		var e struct {
			ID string `json:"event_id"`
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.ID == "" {
			t.Fatalf("%v: %s", err, line)
		}
		ids = append(ids, e.ID)
	}
	if len(ids) < 50 {
		t.Fatalf("only %d events", len(ids))
	}
	for _, f := range Formats() {
		out, sum := build(t, Options{Format: f.Name}, dir)
		if n := eventsIn(t, f, out); n != len(ids) || sum.Events != int64(n) || sum.LeftOut != 0 || sum.Read != sum.Events+sum.Duplicates {
			t.Errorf("%s: %d events, jsonl has %d; %+v", f.Name, n, len(ids), sum)
		}
		if f.Name == "table" {
			continue // it has no ids
		}
		if f.Binary {
			for i, r := range readParquet(t, []byte(out)) {
				if r.EventID != ids[i] {
					t.Fatalf("%s: event %d is %s, want %s", f.Name, i, r.EventID, ids[i])
				}
			}
			continue
		}
		at := 0
		for i, id := range ids {
			n := strings.Index(out[at:], id)
			if n < 0 {
				t.Fatalf("%s: event %d, %s, is missing or out of order", f.Name, i, id)
			}
			at += n
		}
	}
	t.Logf("%d formats, %d events each, 0 skipped", len(Formats()), len(ids))
}

// TestCSVReadBack: what a CSV reader gets is what a jsonl line says, but for the apostrophes.
func TestCSVReadBack(t *testing.T) {
	lines, _ := build(t, Options{Format: "jsonl"}, "testdata/attack")
	out, _ := build(t, Options{Format: "csv"}, "testdata/attack")
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 18 || len(rows[0]) != len(Fields()) {
		t.Fatalf("%d rows of %d cells", len(rows), len(rows[0]))
	}
	row, cells := 0, 0
	for line := range strings.Lines(lines) {
		row++
		d := json.NewDecoder(strings.NewReader(line))
		d.UseNumber()
		var m map[string]any
		if err := d.Decode(&m); err != nil {
			t.Fatal(err)
		}
		for i, name := range rows[0] {
			want := ""
			switch v := m[name].(type) {
			case string:
				want = v
			case json.Number:
				want = v.String()
			case bool:
				want = "true"
			case []any:
				for j, x := range v {
					if j > 0 {
						want += " "
					}
					want += x.(string)
				}
			}
			delete(m, name)
			cells++
			if got := rows[row][i]; got != cell(want) || !formula(want) && !strings.ContainsAny(want, "\x1b\u202e\r\n") && got != want {
				t.Errorf("row %d, %s: %q, want %q", row, name, got, want)
			}
		}
		if len(m) > 0 {
			t.Errorf("row %d lacks %v", row, slices.Collect(maps.Keys(m)))
		}
	}
	if cells < 1000 {
		t.Fatalf("only %d cells compared", cells)
	}
	empty, _ := build(t, Options{Format: "csv", Where: "kind = log"}, "testdata/attack")
	if strings.Count(empty, "\n") != 1 || !strings.HasPrefix(empty, "schema,time,") {
		t.Errorf("without events: %q", empty)
	}
}

// TestNoFormula: what is one is defused, what is none stays as it is.
func TestNoFormula(t *testing.T) {
	for _, f := range formulas {
		got := cell(f)
		if formula(got) {
			t.Errorf("%q becomes %q, a formula", f, got)
		}
		if formula(f) && got == f {
			t.Errorf("%q stays", f)
		}
	}
	for _, plain := range []string{"", "a=b", "arn:aws:iam::1:role/x", "user@example.com", "a - b", "1-2", "Mozilla/5.0 (X11; Linux x86_64)", "x;y=1"} {
		if got := cell(plain); got != plain {
			t.Errorf("%q becomes %q", plain, got)
		}
	}
}

// TestTimesketchCSV holds the file to what Timesketch's importer does with it: a tag that
// is no JSON list is split at commas, an empty one becomes "nan".
func TestTimesketchCSV(t *testing.T) {
	out, _ := build(t, Options{Format: "timesketch-csv"}, "testdata/attack")
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	jsonl, _ := build(t, Options{Format: "timesketch"}, "testdata/attack")
	i := 0
	for line := range strings.Lines(jsonl) {
		i++
		var want map[string]any
		if err := json.Unmarshal([]byte(line), &want); err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for j, name := range rows[0] {
			got[name] = rows[i][j]
			if strings.HasPrefix(name, "_") || len(rows[i][j]) > 32766 {
				t.Errorf("%s: reserved, or %d bytes", name, len(rows[i][j]))
			}
		}
		for _, must := range []string{"message", "datetime", "timestamp_desc"} {
			if got[must] == "" {
				t.Errorf("row %d has no %s", i, must)
			}
		}
		at, err := time.Parse("2006-01-02T15:04:05.000000-07:00", got["datetime"])
		if err != nil || got["datetime"] != want["datetime"] || at.UnixMicro() != int64(want["timestamp"].(float64)) {
			t.Errorf("row %d: %v, %s, want %v", i, err, got["datetime"], want["datetime"])
		}
		var tags []any
		if err := json.Unmarshal([]byte(got["tag"]), &tags); err != nil {
			t.Errorf("row %d: tag %q: %v", i, got["tag"], err)
		}
		if list, _ := want["tag"].([]any); len(list) != len(tags) {
			t.Errorf("row %d: tags %v, want %v", i, tags, list)
		}
		for name, v := range want {
			if s, ok := v.(string); ok && got[name] != cell(s) {
				t.Errorf("row %d: %s is %q, want %q", i, name, got[name], s)
			}
		}
	}
	if i != 17 || len(rows) != 18 {
		t.Errorf("%d events, %d rows", i, len(rows))
	}
}

// TestL2T: plaso's header, 17 fields for readers with and without an idea of quoting.
func TestL2T(t *testing.T) {
	events, _ := hostileEvents(t)
	out := string(write(t, "l2tcsv", Options{}, events))
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if lines[0] != "date,time,timezone,MACB,source,sourcetype,type,user,host,short,desc,version,filename,inode,notes,format,extra" {
		t.Errorf("header %q", lines[0])
	}
	for i, line := range lines {
		naive := strings.Split(line, ",")
		row, err := csv.NewReader(strings.NewReader(line)).Read()
		if err != nil || len(naive) != 17 || !slices.Equal(naive, row) {
			t.Fatalf("line %d: %d fields, %d by the book, %v: %.300q", i, len(naive), len(row), err, line)
		}
		if slices.Contains(naive, "") {
			t.Errorf("line %d has an empty field; plaso writes -: %.300q", i, line)
		}
		if i == 0 {
			continue
		}
		if _, err := time.Parse("01/02/2006 15:04:05", naive[0]+" "+naive[1]); err != nil || naive[2] != "UTC" || len(naive[3]) != 4 || naive[11] != "2" || len([]rune(naive[9])) > 90 {
			t.Errorf("line %d: %q, %v", i, naive[:12], err)
		}
	}
}

// TestWhere: the filter chooses among finished events: what comes out are the same lines, what is a copy
// or in conflict stays so, and everything read is accounted for.
func TestWhere(t *testing.T) {
	all, whole := build(t, Options{Format: "jsonl"}, "testdata/attack")
	lines := slices.Collect(strings.Lines(all))
	for expr, want := range map[string]func(e *Event) bool{
		`outcome = denied`:                        func(e *Event) bool { return e.Outcome == Denied },
		`tags = new-code-version`:                 func(e *Event) bool { return e.Tagged(TagNewCode) },
		`tags ~ outside and not outcome = denied`: func(e *Event) bool { return (e.Tagged(TagOutside) || e.Tagged(TagBothSides)) && e.Outcome != Denied },
		`copies != 0`:                             func(e *Event) bool { return e.AlsoSeen > 0 },
		`lambda_marker = false`:                   func(e *Event) bool { return !e.InLambda },
		`action_logged ~ "\d{8}"`:                 func(e *Event) bool { return e.RawAction != e.Action },
		`principal in (mallory, olive)`:           func(e *Event) bool { s := e.Principal.String(); return s == "mallory" || s == "olive" },
		`time = 2026-03-01T10:05:00Z`:             func(e *Event) bool { return e.Time.Equal(time.Date(2026, 3, 1, 10, 5, 0, 0, time.UTC)) },
		`resources = "" and function = ""`:        func(e *Event) bool { return len(e.Resources) == 0 && e.Function == "" },
	} {
		events, _ := collectEvents(t, Options{}, "testdata/attack")
		n := 0
		for i := range events {
			if want(&events[i]) {
				n++
			}
		}
		out, sum := build(t, Options{Format: "jsonl", Where: expr}, "testdata/attack")
		if got := strings.Count(out, "\n"); got != n || n == 0 || sum.Events != int64(n) {
			t.Errorf("%s: %d events, want %d", expr, got, n)
		}
		if sum.Duplicates != whole.Duplicates || sum.Conflicts != whole.Conflicts || sum.Read != sum.Events+sum.Duplicates+sum.LeftOut || sum.LeftOut != whole.Events-sum.Events {
			t.Errorf("%s: %+v", expr, sum)
		}
		for line := range strings.Lines(out) {
			if !slices.Contains(lines, line) {
				t.Errorf("%s: another line than without: %s", expr, line)
			}
		}
	}
	// Of two records of one id that differ, the one that is left still says so.
	dir := t.TempDir()
	for name, body := range map[string]string{"1.json": record("a"), "2.json": strings.Replace(record("a"), "ListBuckets", "DeleteBucket", 1)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	left, sum := collectEvents(t, Options{Where: "action = DeleteBucket"}, dir)
	if len(left) != 1 || !left[0].Tagged(TagConflict) || sum.Conflicts != 2 || sum.LeftOut != 1 {
		t.Errorf("of a conflict: %d events, %+v", len(left), sum)
	}
	day := func(s string) time.Time { at, _ := parseTime("2026-03-01T" + s + "Z"); return at }
	_, sum = build(t, Options{Filter: Filter{Since: day("10:05:00"), Until: day("10:10:00")}, Where: "outcome = success"}, "testdata/attack")
	if sum.Read != whole.Read || sum.Read != sum.Events+sum.Duplicates+sum.LeftOut || sum.Events == 0 {
		t.Errorf("with times: %+v", sum)
	}
	_, err := Events(t.Context(), Options{Where: "acton = x"}, Input{Paths: []string{"testdata/attack"}}, func(*Event) error { t.Error("called"); return nil })
	bad, ok := errors.AsType[*filter.Error](err)
	if !errors.Is(err, ErrFilter) || !ok || bad.Column != 1 || !strings.Contains(err.Error(), "did you mean action?") {
		t.Errorf("a misspelt field: %v", err)
	}
}

// events is a table without what stands before it: what cannot be seen.
func events(table string) string {
	for strings.HasPrefix(table, "! ") {
		_, table, _ = strings.Cut(table, "\n")
	}
	return table
}

// TestColumns: chosen columns, in the order asked for, where a format lets them be chosen.
func TestColumns(t *testing.T) {
	columns := []string{"outcome", "time", "tags", "principal"}
	for format, want := range map[string]string{
		"csv":   "outcome,time,tags,principal\nsuccess,2026-03-01T08:00:00Z,,olive\n",
		"jsonl": `{"schema":"` + Schema + `","outcome":"success","time":"2026-03-01T08:00:00Z","principal":"olive"}` + "\n",
		"table": "outcome         TIME (UTC)           tags                      principal\nsuccess         2026-03-01T08:00:00  -                         olive\n",
	} {
		out, sum := build(t, Options{Format: format, Columns: columns}, "testdata/attack")
		if out = events(out); !strings.HasPrefix(out, want) || sum.Events != 17 {
			t.Errorf("%s: %.300s\nwant\n%s", format, out, want)
		}
	}
	for _, c := range []struct {
		o    Options
		says string
	}{
		{Options{Format: "csv", Columns: []string{"tme"}}, `no field "tme" (did you mean time?)`},
		{Options{Format: "csv", Columns: []string{""}}, `no field ""`},
		{Options{Format: "csv", Columns: []string{"time", "time"}}, "named twice"},
		{Options{Format: "ocsf", Columns: columns}, "columns of its own"},
		{Options{Format: "parquet", Columns: columns}, "columns of its own"},
		{Options{Format: "csv", Local: time.UTC}, "for the table alone"},
	} {
		var out bytes.Buffer
		_, err := Build(t.Context(), c.o, Input{Paths: []string{"testdata/attack"}}, &out)
		if !errors.Is(err, ErrView) || !strings.Contains(err.Error(), c.says) || out.Len() > 0 || c.o.Check() == nil {
			t.Errorf("%+v: %v, %d bytes", c.o, err, out.Len())
		}
	}
}

// TestLocalTime: a table in local time says how far that is from UTC, in each line.
func TestLocalTime(t *testing.T) {
	zone := time.FixedZone("X", -(3*3600 + 1800))
	out, _ := build(t, Options{Local: zone}, "testdata/attack")
	if out = events(out); !strings.HasPrefix(out, "TIME (LOCAL)") || !strings.Contains(out, "\n2026-03-01T04:30:00-03:30  ") || strings.Contains(out, "T08:00:00") {
		t.Errorf("%.400s", out)
	}
	out, _ = build(t, Options{Local: zone, Columns: []string{"session_created", "time"}}, "testdata/attack")
	if !strings.Contains(out, "2026-03-01T05:30:00-03:30  2026-03-01T05:30:05-03:30\n") {
		t.Errorf("%.400s", out)
	}
}

// TestFieldsDocumented: docs/timeline.md has each field once, in order, with its type, and each format.
func TestFieldsDocumented(t *testing.T) {
	b, err := os.ReadFile("../docs/timeline.md")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, f := range Fields() {
		want = append(want, "| `"+f.Name+"` | "+string(f.Type)+" | "+f.About+" |")
	}
	if !strings.Contains(string(b), strings.Join(want, "\n")) {
		t.Errorf("the table of fields is another one; it should be\n%s", strings.Join(want, "\n"))
	}
	for _, f := range Formats() {
		if strings.Count(string(b), "| `"+f.Name+"` |") != 1 {
			t.Errorf("format %s is not in its table", f.Name)
		}
	}
	seen := map[string]bool{}
	for _, f := range Fields() {
		if seen[f.Name] {
			t.Errorf("%s is there twice", f.Name)
		}
		seen[f.Name] = true
	}
}

// TestParquetGroups: memory holds one row group, however many events come, and however large they are.
func TestParquetGroups(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY: one reader of much text; run without -short")
	}
	f, err := FormatNamed("parquet")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "f.parquet")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w := f.New(file, Options{})
	e := plain()
	texts := textsOf(reflectEvent(&e), "")
	const events = 1300
	before, most := live(), uint64(0)
	for i := range events {
		for j, x := range texts {
			if x.name != ".Kind" && x.name != ".Outcome" {
				x.v.SetString(noise(i*len(texts)+j, MaxField))
			}
		}
		if err := w.Event(&e); err != nil {
			t.Fatal(err)
		}
		if i%100 == 99 {
			most = max(most, live())
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	groups := groupsOf(t, path)
	total, size := int64(0), int64(0)
	for _, g := range groups {
		total += g.rows
		size += g.bytes
		if g.bytes > 2*groupBytes {
			t.Errorf("a row group of %d bytes", g.bytes)
		}
	}
	if total != events || len(groups) < 3 {
		t.Errorf("%d rows in %d groups", total, len(groups))
	}
	if held := int64(most) - int64(before); held > 5*groupBytes || size < 6*groupBytes {
		t.Errorf("%d MiB in memory, of %d", held>>20, size>>20)
	} else {
		t.Logf("%d MiB in %d row groups, at most %d in memory", size>>20, len(groups), held>>20)
	}
}

// live is the memory that is in use.
func live() uint64 {
	runtime.GC()
	runtime.GC() // pools give up what they hold at the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// caseIn is the timeline of a case with every kind of event.
func caseIn(t *testing.T, format string) string {
	t.Helper()
	var out bytes.Buffer
	if _, err := Build(t.Context(), Options{Format: format}, Input{Case: newCase(t)}, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestFormatsOfACase: logs, configurations and the responder's notes are in every format too.
func TestFormatsOfACase(t *testing.T) {
	c := newCase(t)
	want := 0
	for _, f := range append([]Format{jsonlFormat()}, Formats()...) {
		var out bytes.Buffer
		sum, err := Build(t.Context(), Options{Format: f.Name}, Input{Case: c}, &out)
		if err != nil {
			t.Fatal(err)
		}
		n := eventsIn(t, f, out.String())
		if want == 0 {
			want = n
		}
		if n != want || n < 20 || sum.Events != int64(n) {
			t.Errorf("%s: %d events, want %d", f.Name, n, want)
		}
	}
}
