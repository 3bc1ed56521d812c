package timeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// namesPlainly is what a pivot is: read with encoding/json, a string of the record at any depth
// holds the value as a whole word.
func namesPlainly(t *testing.T, record []byte, value string) bool {
	t.Helper()
	var v any
	if err := json.Unmarshal(record, &v); err != nil {
		t.Fatalf("%v in %s", err, record)
	}
	var walk func(v any) bool
	walk = func(v any) bool {
		switch v := v.(type) {
		case string:
			return wholeWord(v, value)
		case []any:
			return slices.ContainsFunc(v, walk)
		case map[string]any:
			for k, x := range v {
				if wholeWord(k, value) || walk(x) {
					return true
				}
			}
		}
		return false
	}
	return walk(v)
}

func wholeWord(s, value string) bool {
	const word = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	goesOn := func(b byte) bool { return b >= 0x80 || strings.IndexByte(word, b) >= 0 }
	for i := 0; i+len(value) <= len(s); i++ {
		if s[i:i+len(value)] != value {
			continue
		}
		before := i > 0 && goesOn(s[i-1]) && goesOn(value[0])
		after := i+len(value) < len(s) && goesOn(s[i+len(value)]) && goesOn(value[len(value)-1])
		if !before && !after {
			return true
		}
	}
	return false
}

// forms are the ways in which the same records are written to a file.
func forms() map[string]func(records []string) []byte {
	gz := func(parts ...string) []byte {
		var out bytes.Buffer
		for _, p := range parts { // a member each
			w := gzip.NewWriter(&out)
			_, _ = w.Write([]byte(p)) // a buffer takes everything
			_ = w.Close()
		}
		return out.Bytes()
	}
	trail := func(r []string) string { return `{"Records":[` + strings.Join(r, ",") + `]}` }
	return map[string]func([]string) []byte{
		"trail.json.gz":   func(r []string) []byte { return gz(trail(r)) },
		"members.json.gz": func(r []string) []byte { return gz(trail(r[:len(r)/2])+"\n", trail(r[len(r)/2:])) },
		"lines.jsonl":     func(r []string) []byte { return []byte(strings.Join(r, "\n") + "\n") },
		"array.json":      func(r []string) []byte { return []byte("[" + strings.Join(r, " ,\n ") + "]") },
		"pretty.json": func(r []string) []byte {
			var out bytes.Buffer
			if err := json.Indent(&out, []byte(trail(r)), "", "  "); err != nil {
				panic(err)
			}
			return out.Bytes()
		},
		"lookup.json": func(r []string) []byte {
			var events []map[string]string
			for i, x := range r {
				events = append(events, map[string]string{"EventId": fmt.Sprint(i), "CloudTrailEvent": x})
			}
			b, err := json.Marshal(map[string]any{"Events": events, "NextToken": "payments"})
			if err != nil {
				panic(err)
			}
			return b
		},
	}
}

// pivotRecords are records that name the value, nearly name it, or hide it.
func pivotRecords(r *rand.Rand, plain string) []string {
	inString := func(s string) string {
		b, err := json.Marshal(s)
		if err != nil {
			panic(err)
		}
		return strings.Trim(string(b), `"`)
	}
	value, escaped := inString(plain), ""
	for i, c := range plain {
		switch {
		case i%2 == 1:
			escaped += fmt.Sprintf(`\u%04x`, c)
		case c == '/':
			escaped += `\/`
		default:
			escaped += inString(string(c))
		}
	}
	inner, err := json.Marshal(`{"Resource":"arn:aws:lambda:eu-west-1:111122223333:function:` + value + `"}`)
	if err != nil {
		panic(err)
	}
	texts := []string{
		value, escaped, value + "2", "x" + value, value + "-canary", "arn:aws:lambda:eu-west-1:111122223333:function:" + value + ":live",
		"assumed-role/r/" + value, `a line\n` + value + ` here`, `tab\t` + value, `\\` + value, `\\n` + value, `quote \"` + value + `\"`, "é" + value, value + "é", "nothing", "",
		inString(strings.ToUpper(plain)), "(" + value + ")", value + "." + value + "2",
	}
	var all []string
	for i, text := range texts {
		members := []string{
			fmt.Sprintf(`"eventID":"id-%d-%d"`, i, r.IntN(1000)), `"eventTime":"2026-03-01T00:00:00Z"`, `"eventName":"Invoke"`, `"eventSource":"lambda.amazonaws.com"`,
			`"requestParameters":{"a":[1,{"b":"` + text + `"}],"c":null,"d":"}{][\\"}`,
		}
		r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		all = append(all, "{"+strings.Join(members, ",")+"}")
	}
	return append(all,
		`{"eventID":"k","eventTime":"2026-03-01T00:00:00Z","eventName":"K","`+value+`":1}`,
		`{"eventID":"p","eventTime":"2026-03-01T00:00:00Z","eventName":"P","policy":`+string(inner)+`}`,
		`{"eventID":"n","eventTime":"2026-03-01T00:00:00Z","eventName":"N","count":12345}`)
}

// TestPivot: in every form of file, and for values of every kind, a pivot gives the records that
// a plain reading with encoding/json gives, as they were written.
func TestPivot(t *testing.T) {
	cells := 0
	for _, value := range []string{"payments", "AKIAIOSFODNN7EXAMPLE", "arn:aws:iam::111122223333:role/service/app", "203.0.113.7", "12345", "a&b<c", "Zürich", `back\slash`, "eventID"} {
		r := rand.New(rand.NewPCG(3, uint64(len(value))))
		records := pivotRecords(r, value)
		r.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
		var want []string
		for _, x := range records {
			if namesPlainly(t, []byte(x), value) {
				want = append(want, x)
			}
		}
		for name, form := range forms() {
			cells++
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, name), form(records), 0o600); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			sum, err := Pivot(t.Context(), Options{}, Input{Paths: []string{dir}}, value, &out)
			got := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
			if len(want) == 0 {
				want = []string{""}
			}
			if err != nil || !sum.Complete() || !slices.Equal(got, want) {
				t.Errorf("%s in %s: %v, %+v\ngot  %q\nwant %q", value, name, err, sum, got, want)
			}
		}
	}
	t.Logf("%d cells of values and forms of files; 0 skipped", cells)
}

// TestPivotOrder: many files, many readers: the records come in the order of the files.
func TestPivotOrder(t *testing.T) {
	dir := t.TempDir()
	var want strings.Builder
	for i := range 300 {
		x := fmt.Sprintf(`{"eventID":"%d","eventTime":"2026-03-01T00:00:00Z","eventName":"E","f":"payments"}`, i)
		if i%3 != 0 {
			want.WriteString(x + "\n")
		} else {
			x = strings.Replace(x, "payments", "other", 1)
		}
		name := fmt.Sprintf("111122223333_CloudTrail_eu-west-1_20260301T%02d%02dZ_%04d.json", i/60, i%60, i)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(`{"Records":[`+x+`]}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	sum, err := Pivot(t.Context(), Options{Workers: 7}, Input{Paths: []string{dir}}, "payments", &out)
	if err != nil || out.String() != want.String() {
		t.Errorf("%v: %d bytes, want %d", err, out.Len(), want.Len())
	}
	if sum.Files != 300 || sum.Named != 200 || sum.Records != 200 || len(sum.Covered) != 1 || sum.Covered[0].Files != 300 || sum.Covered[0].To.Sub(sum.Covered[0].From).Minutes() != 299 {
		t.Errorf("%+v", sum)
	}
}

// TestPivotDamaged: what comes before the damage is found, and the damage is said.
func TestPivotDamaged(t *testing.T) {
	whole := forms()["trail.json.gz"](pivotRecords(rand.New(rand.NewPCG(1, 1)), "payments"))
	for name, b := range map[string][]byte{
		"cut":      whole[:len(whole)-20],
		"appended": append(slices.Clone(whole), "more"...),
		"flipped":  append(append(slices.Clone(whole[:len(whole)-6]), whole[len(whole)-6]^1), whole[len(whole)-5:]...),
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "a.json.gz"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		sum, err := Pivot(t.Context(), Options{}, Input{Paths: []string{dir}}, "payments", &out)
		if err != nil || sum.Complete() || sum.Records == 0 || len(sum.Skipped) == 0 || sum.Skipped[0].Path != "a.json.gz" {
			t.Errorf("%s: %v, %+v", name, err, sum)
		}
	}
}

// TestPivotMalformed: a record that is no JSON is not passed on, and is reported: what is written
// may be printed.
func TestPivotMalformed(t *testing.T) {
	good := `{"eventID":"1","eventTime":"2026-03-01T00:00:00Z","eventName":"E","f":"payments"}`
	for _, bad := range []string{
		`{"eventVersion":"1","eventName":"E","f":"payments` + "\x1b[31m" + `"}`, `{"eventVersion":"1","f":"payments","g":tru}`, `{"eventVersion":"1","f":"payments" "g":1}`, `{"eventVersion":"1","f":"payments",}`,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "a.json"), []byte(`{"Records":[`+bad+`,`+good+`]}`), 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		sum, err := Pivot(t.Context(), Options{}, Input{Paths: []string{dir}}, "payments", &out)
		if err != nil || out.String() != good+"\n" || sum.Skips == 0 {
			t.Errorf("%q: %v, %+v, %q", bad, err, sum, out.String())
		}
	}
}

// TestPivotStratus: on real logs, for values that stand in them.
func TestPivotStratus(t *testing.T) {
	dir := stratus(t)
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var all []json.RawMessage
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var records []json.RawMessage
		if err := json.Unmarshal(b, &records); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		all = append(all, records...)
	}
	for _, value := range []string{"lambda.amazonaws.com", "us-east-1", "AssumeRole", "AWSLambdaBasicExecutionRole"} {
		want := 0
		for _, r := range all {
			if namesPlainly(t, r, value) {
				want++
			}
		}
		var out bytes.Buffer
		sum, err := Pivot(t.Context(), Options{}, Input{Paths: []string{dir}}, value, &out)
		if err != nil || sum.Records != int64(want) || bytes.Count(out.Bytes(), []byte("\n")) != want {
			t.Errorf("%s: %v, %d records, want %d", value, err, sum.Records, want)
		}
		t.Logf("%s: %d of %d records", value, want, len(all))
	}
}
