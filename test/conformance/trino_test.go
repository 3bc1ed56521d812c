package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// What Athena is asked runs here on the engine that it is made of: a Trino, in process, over the
// records of the corpus in a table of the columns that our DDL has. Its answers are held against
// those of timeline pivot, and the simulated Athena's against them.

const trinoAccount, trinoRegion = "111122223333", "us-east-1"

// trinoCorpus are records with what SQL, JSON and regular expressions may be broken out of with.
var trinoTexts = []string{"it's", "''", `say "x"`, `back\slash`, `two\\`, "new\nline", "100%", "a_b", "a%b", "x' OR '1'='1", "東京", "é", "😀", "a😀b", "\u2028", "\x7f", "\x01bell", "()[]{}.*+?^$|", `\E\Q`,
	"payments", "payments2", "my-payments", "payments_", "pay", "function:payments:live", "\npayments", `\payments`, `npayments`, "😀payments", "payments😀", "épayments"}

func trinoRecords(t *testing.T) (out []map[string]any) {
	t.Helper()
	files, err := filepath.Glob(shared(t) + "/data/cloudtrail/stratus/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var all []map[string]any
		if json.Unmarshal(data, &all) != nil {
			continue
		}
		for _, r := range all {
			if _, is := r["eventID"].(string); is {
				out = append(out, r)
			}
		}
	}
	for i, text := range trinoTexts {
		for j, place := range []map[string]any{
			{"userAgent": text}, {"requestParameters": map[string]any{"name": text, "deep": []any{map[string]any{"x": text}}}}, {"requestParameters": map[string]any{text: 1}},
			{"resources": []any{map[string]any{"ARN": text, "type": "AWS::Lambda::Function"}}}, {"errorMessage": "at " + text + " end"},
			{"userIdentity": map[string]any{"type": "AssumedRole", "inScopeOf": map[string]any{"issuerType": "AWS::Lambda::Function", "credentialsIssuedTo": text}}},
			{"responseElements": map[string]any{"policy": fmt.Sprintf(`{"a":%q}`, text)}},
		} {
			r := map[string]any{"eventVersion": "1.11", "eventTime": fmt.Sprintf("2026-03-01T10:%02d:%02dZ", i, j), "eventID": fmt.Sprintf("h-%d-%d", i, j), "eventName": "Hostile", "readOnly": true, "eventSource": "x.amazonaws.com"}
			for k, v := range place {
				r[k] = v
			}
			out = append(out, r)
		}
	}
	return out
}

// hive is a column of the DDL: its name and type.
type hive struct{ name, kind string }

func columnsOf(t *testing.T, ddl string) (out []hive) {
	t.Helper()
	for line := range strings.SplitSeq(ddl[strings.Index(ddl, "(\n")+2:strings.Index(ddl, "\n)\n")], ",\n") {
		name, kind, found := strings.Cut(strings.TrimSpace(line), " ")
		if !found {
			t.Fatalf("column %q", line)
		}
		out = append(out, hive{strings.Trim(name, "`"), kind})
	}
	return out
}

// documents are STRING columns in which records have objects: CloudTrail's input format makes text of them.
var documents = []string{"requestparameters", "responseelements", "additionaleventdata", "serviceeventdetails", "edgedevicedetails"}

// trinoType is a Hive type in Trino's words.
func trinoType(kind string) string {
	kind = strings.NewReplacer("struct<", "row(", "array<", "array(", "map<", "map(", ">", ")", "string", "varchar").Replace(kind)
	return regexp.MustCompile(`([a-z0-9]+):`).ReplaceAllString(kind, `"$1" `)
}

// reduced is a record as far as the columns carry it; what is null or empty is left out.
func reduced(v any, kind string) any {
	switch x := v.(type) {
	case nil:
		return nil
	case map[string]any:
		if !strings.HasPrefix(kind, "struct<") {
			if len(x) == 0 {
				return nil
			}
			return x
		}
		out := map[string]any{}
		for name, inner := range x {
			if k, is := memberOf(kind, strings.ToLower(name)); is {
				if r := reduced(inner, k); r != nil {
					out[name] = r
				}
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case []any:
		if !strings.HasPrefix(kind, "array<") {
			return x
		}
		out := []any{}
		for _, inner := range x {
			out = append(out, reduced(inner, kind[len("array<"):len(kind)-1]))
		}
		return out
	}
	return v
}

// memberOf is the type of a structure's member.
func memberOf(kind, name string) (string, bool) {
	rest := kind[len("struct<") : len(kind)-1]
	depth, start := 0, 0
	for i := 0; i <= len(rest); i++ {
		switch {
		case i < len(rest) && rest[i] == '<':
			depth++
		case i < len(rest) && rest[i] == '>':
			depth--
		case i == len(rest) || rest[i] == ',' && depth == 0:
			n, k, _ := strings.Cut(rest[start:i], ":")
			if start = i + 1; n == name {
				return k, true
			}
		}
	}
	return "", false
}

func quoteSQL(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// loading makes the table of the corpus, some records a statement.
func loading(t *testing.T, columns []hive, records []map[string]any) string {
	t.Helper()
	var types, picked []string
	for _, c := range columns {
		kind := trinoType(c.kind)
		value := fmt.Sprintf(`r.%q`, c.name)
		if slices.Contains(documents, c.name) {
			kind, value = "json", "nullif(json_format("+value+"), 'null')"
		}
		types, picked = append(types, fmt.Sprintf("%q %s", c.name, kind)), append(picked, fmt.Sprintf("%s AS %q", value, c.name))
	}
	// In three steps: a planner takes minutes over a cast of constants that every column repeats.
	var out strings.Builder
	var parts []string
	for chunk := range slices.Chunk(records, 60) {
		var values []string
		for _, r := range chunk {
			text, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, fmt.Sprintf("(%s, '%s')", quoteSQL(string(text)), dayOf(r)))
		}
		name := fmt.Sprint("part", len(parts))
		parts = append(parts, "SELECT j, d FROM "+name)
		fmt.Fprintf(&out, "CREATE TABLE %s AS SELECT j, d FROM (VALUES %s) AS v(j, d);\n", name, strings.Join(values, ",\n"))
	}
	fmt.Fprintf(&out, "CREATE TABLE whole AS SELECT CAST(json_parse(j) AS row(%s)) AS r, d FROM (%s) AS u;\n", strings.Join(types, ", "), strings.Join(parts, " UNION ALL "))
	fmt.Fprintf(&out, "CREATE TABLE trail AS SELECT '%s' AS account, '%s' AS region, d AS day, %s FROM whole;\n", trinoAccount, trinoRegion, strings.Join(picked, ", "))
	return out.String()
}

func dayOf(r map[string]any) string {
	return strings.ReplaceAll(r["eventTime"].(string)[:len("2026-03-01")], "-", "/")
}

// trino runs statements and gives the rows of each, which are JSON arrays of one column.
func trino(t *testing.T, statements string) [][][]*string {
	t.Helper()
	home := tool(t, "FREEZEFRAME_TRINO")
	path, classes := filepath.Join(t.TempDir(), "all.sql"), ""
	data, err := os.ReadFile(home + "/cp.txt")
	if err == nil {
		classes = home + "/target/classes:" + strings.TrimSpace(string(data))
		err = os.WriteFile(path, []byte(statements), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("java", "-XX:TieredStopAtLevel=1", "-cp", classes, "Check", path)
	var said, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, lastLines(said.String(), 5), lastLines(errs.String(), 20))
	}
	var out [][][]*string
	for line := range strings.Lines(said.String()) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "-- ") {
			out = append(out, [][]*string{})
			continue
		}
		var row []*string
		if err := json.Unmarshal([]byte(line[1:len(line)-1]), &row); len(out) > 0 && err == nil { // of CREATE TABLE it is a count
			out[len(out)-1] = append(out[len(out)-1], row)
		}
	}
	return out
}

// pivotCase is one question: records of the window that name one of the values.
type pivotCase struct {
	name, since, until string
	values             []string
}

// pivotCases: each is a plan of its own for Trino, which takes a second; so all of the texts
// are asked for at once too, and those that are the worst alone.
func pivotCases() []pivotCase {
	const from, to = "2020-01-01", "2026-03-03"
	all := []pivotCase{
		{"function name", from, to, []string{"payments"}}, {"role", from, to, []string{"stratus-red-team-ec2-steal-credentials-role"}}, {"address", from, to, []string{"AWS Internal"}},
		{"window", "2026-03-01T10:20:00Z", "2026-03-01T10:25:03Z", []string{"payments"}}, {"zero hits", from, to, []string{"nobody-of-this-name"}}, {"everything", "2026-03-01", "2026-03-02", nil},
		{"every text at once", from, to, trinoTexts},
	}
	for _, text := range []string{"it's", `back\slash`, "new\nline", "a_b", "a😀b", "npayments"} {
		all = append(all, pivotCase{fmt.Sprintf("hostile %q", text), from, to, []string{text}})
	}
	return all
}

func printed(t *testing.T, what string, args ...string) string {
	t.Helper()
	return must(t, 0, nil, built.freezeframe, append([]string{"timeline", "build", "--source", "athena", "--table", "default.trail", what, "--account", trinoAccount, "--in-region", trinoRegion}, args...)...).out
}

func asText(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestTrinoAnswers: the SELECTs that are printed give, on a real Trino, the records that the
// local pivot gives, rebuilt to what their columns carry; and the simulated Athena gives the same rows.
func TestTrinoAnswers(t *testing.T) {
	tool(t, "FREEZEFRAME_TRINO")
	records := trinoRecords(t)
	ddl := printed(t, "--print-ddl", "--trail-bucket", "s3://audit-logs")
	columns := columnsOf(t, ddl)
	var types []string
	for _, c := range columns {
		types = append(types, c.name+":"+c.kind)
	}
	whole := "struct<" + strings.Join(types, ",") + ">"
	key := mostUsedKey(records)
	cases := append(pivotCases(), pivotCase{"key", "2020-01-01", "2026-03-03", []string{key}})
	if key == "" {
		t.Fatal("no access key in the corpus")
	}
	corpus := map[string]any{}
	local := filepath.Join(t.TempDir(), "reduced.jsonl")
	var lines strings.Builder
	for _, r := range records {
		small := reduced(r, whole)
		corpus[r["eventID"].(string)] = small
		lines.WriteString(asText(t, small) + "\n")
	}
	if err := os.WriteFile(local, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	sqls := make([]string, len(cases))
	statements := loading(t, columns, records)
	for i, c := range cases {
		args := []string{"--since", c.since, "--until", c.until}
		for _, v := range c.values {
			args = append(args, "--about", v)
		}
		sqls[i] = strings.TrimSpace(printed(t, "--print-sql", args...))
		statements += "SELECT json_format(CAST(ARRAY[" + strings.Join(header(sqls[i]), ", ") + "] AS JSON)) FROM (\n" + sqls[i] + "\n) AS q;\n"
	}
	began := time.Now()
	answers := trino(t, statements)
	took := time.Since(began)
	answers = answers[len(answers)-len(cases):]
	sim := simulatedRows(t, ddl, records, sqls)
	hits := 0
	for i, c := range cases {
		want := pivoted(t, local, c)
		got := rebuilt(t, answers[i])
		if len(got) != len(want) {
			t.Errorf("%s: Trino finds %d records, the pivot %d: %s", c.name, len(got), len(want), differing(got, want))
		}
		for id, record := range got {
			if was := reduced(corpus[id], whole); asText(t, reduced(record, whole)) != asText(t, was) { // its members in order, its numbers as text
				t.Errorf("%s: %s was rebuilt as\n%s\nof\n%s", c.name, id, asText(t, record), asText(t, was))
			}
		}
		hits += len(got)
		if a, b := sortedRows(t, answers[i]), sortedRows(t, sim[i]); !slices.Equal(a, b) {
			t.Errorf("%s: the simulated Athena gives %d rows, Trino %d, or other ones", c.name, len(b), len(a))
		}
	}
	if hits < 500 {
		t.Errorf("only %d hits", hits)
	}
	t.Logf("%d questions over %d records, %d hits on Trino (%s), 0 skipped", len(cases), len(records), hits, took.Round(time.Second))
}

// header are the names of a printed query's columns.
func header(sql string) (out []string) {
	head, _, _ := strings.Cut(strings.TrimPrefix(sql, "SELECT "), "\nFROM")
	for _, m := range regexp.MustCompile(`(?m)(?: AS |^|, )([a-z0-9_]+)(?:,$|$|, )`).FindAllStringSubmatch(strings.ReplaceAll(head, ", ", ",\n"), -1) {
		out = append(out, m[1])
	}
	return out
}

func mostUsedKey(records []map[string]any) (key string) {
	uses := map[string]int{}
	for _, r := range records {
		if u, is := r["userIdentity"].(map[string]any); is {
			if k, _ := u["accessKeyId"].(string); k != "" {
				if uses[k]++; uses[k] > uses[key] || uses[k] == uses[key] && k < key {
					key = k
				}
			}
		}
	}
	return key
}

// pivoted is what the local pivot finds in the window.
func pivoted(t *testing.T, path string, c pivotCase) map[string]any {
	t.Helper()
	var text string
	for _, v := range c.values {
		text += must(t, 0, nil, built.freezeframe, "timeline", "pivot", "--", v, path).out
	}
	if c.values == nil {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text = string(data)
	}
	out := map[string]any{}
	for line := range strings.Lines(text) {
		var r map[string]any
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if at := r["eventTime"].(string); at >= c.since && at < c.until {
			out[r["eventID"].(string)] = r
		}
	}
	return out
}

func athenarows(t *testing.T, in any) (out struct {
	Records []map[string]any
	Rows    [][][]*string
}) {
	t.Helper()
	cmd := exec.Command(built.athenarows)
	cmd.Stdin, cmd.Stderr = strings.NewReader(asText(t, in)), os.Stderr
	data, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func rebuilt(t *testing.T, rows [][]*string) map[string]any {
	t.Helper()
	out := map[string]any{}
	if len(rows) == 0 {
		return out
	}
	for _, r := range athenarows(t, map[string]any{"Rows": rows}).Records {
		out[r["eventID"].(string)] = r
	}
	return out
}

func simulatedRows(t *testing.T, ddl string, records []map[string]any, sqls []string) [][][]*string {
	t.Helper()
	objects := map[string][]map[string]any{}
	for _, r := range records {
		key := fmt.Sprintf("AWSLogs/%s/CloudTrail/%s/%s/x.json.gz", trinoAccount, trinoRegion, dayOf(r))
		objects[key] = append(objects[key], r)
	}
	return athenarows(t, map[string]any{"Bucket": "audit-logs", "Objects": objects, "DDL": ddl, "Queries": sqls}).Rows
}

// sortedRows are rows as text, their JSON in one form.
func sortedRows(t *testing.T, rows [][]*string) (out []string) {
	t.Helper()
	for _, row := range rows {
		cells := make([]any, len(row))
		for i, v := range row {
			if v == nil {
				continue
			}
			cells[i] = *v
			if strings.HasPrefix(*v, "{") || strings.HasPrefix(*v, "[") {
				var parsed any
				if json.Unmarshal([]byte(*v), &parsed) == nil {
					cells[i] = parsed
				}
			}
		}
		out = append(out, asText(t, cells))
	}
	slices.Sort(out)
	return out
}

func differing(a, b map[string]any) string {
	var out []string
	for id := range a {
		if b[id] == nil {
			out = append(out, "+"+id)
		}
	}
	for id := range b {
		if a[id] == nil {
			out = append(out, "-"+id)
		}
	}
	slices.Sort(out)
	return strings.Join(out[:min(len(out), 8)], " ")
}
