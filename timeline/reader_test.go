package timeline

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

func record(id string) string {
	return `{"eventVersion":"1.08","eventTime":"2026-03-01T10:00:00Z","eventSource":"s3.amazonaws.com","eventName":"ListBuckets","userIdentity":{"type":"Root","accountId":"1"},"eventID":"` + id + `"}`
}

func gz(parts ...string) string {
	var b bytes.Buffer
	for _, p := range parts {
		w := gzip.NewWriter(&b)
		_, _ = w.Write([]byte(p))
		_ = w.Close()
	}
	return b.String()
}

// zst compresses with a window, so that a stream can ask for more memory than it gets.
func zst(t testing.TB, s string, window int) string {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithWindowSize(window), zstd.WithSingleSegment(false))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write([]byte(s[:1]))
	_ = w.Flush() // a stream of known size would declare a window no larger than itself
	_, _ = w.Write([]byte(s[1:]))
	_ = w.Close()
	return b.String()
}

// TestForms: every form gives its events, and says which it could not give.
func TestForms(t *testing.T) {
	a, b, c := record("a"), record("b"), record("c")
	deep := strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200)
	huge := `{"eventID":"h","x":"` + strings.Repeat("y", maxRecord+10) + `"}`
	inner, _ := json.Marshal(b)
	for name, x := range map[string]struct {
		body  string
		want  string // ids
		skips []string
	}{
		"records":            {`{"Records":[` + a + "," + b + `]}`, "ab", nil},
		"empty records":      {`{"Records":[]}`, "", nil},
		"empty file":         {"", "", nil},
		"bom":                {"\ufeff" + a, "a", nil},
		"bare array":         {" [\n" + a + " ,\n" + b + "]\n", "ab", nil},
		"one event":          {a, "a", nil},
		"pretty event":       {strings.ReplaceAll(a, ",", ",\n  "), "a", nil},
		"jsonl":              {a + "\r\n" + b + "\n" + c, "abc", nil},
		"slurped pages":      {`[{"Records":[` + a + `]},{"NextToken":"x","Events":[{"CloudTrailEvent":` + string(inner) + `}]}]`, "ab", nil},
		"two wrappers":       {`{"Records":[` + a + `]}` + "\n" + `{"Records":[` + b + `]}`, "ab", nil},
		"lookup":             {`{"Events":[{"EventId":"b","CloudTrailEvent":` + string(inner) + `}],"NextToken":"x"}`, "b", nil},
		"lookup without":     {`{"Events":[{"EventId":"b","EventName":"X"},{"CloudTrailEvent":"{\"a\":"}]}` + "\n" + a, "a", []string{"missing or malformed", "missing or malformed"}},
		"gzip members":       {gz(a+"\n", b+"\n", c), "abc", nil},
		"gzip and rubbish":   {gz(a+"\n") + "rubbish", "a", []string{"cannot be read to its end"}},
		"gzip cut":           {gz(a + "\n" + strings.Repeat(" ", 100) + b)[:120], "", []string{"cannot be read to its end"}},
		"zstd":               {zst(t, a+"\n"+b, 1<<20), "ab", nil},
		"zstd window":        {zst(t, strings.Repeat(a+"\n", 2), 512<<20), "", []string{"window"}},
		"zip":                {"PK\x03\x04....", "", []string{"directory cannot be read"}},
		"malformed line":     {a + "\n" + `{"eventID": nope}` + "\n" + b, "ab", []string{"malformed JSON; reading goes on at line 3"}},
		"cut line":           {a + "\n" + b[:60] + "\n" + c, "ac", []string{"malformed JSON; reading goes on at line 3"}},
		"cut at the end":     {a + "\n" + b[:60], "a", []string{"the file ends in the middle"}},
		"malformed record":   {`{"Records":[` + a + `,{"eventID":"x","y":tru},` + b + `]}`, "ab", []string{"malformed JSON"}},
		"unbalanced record":  {`{"Records":[` + a + `,{"eventVersion":"1","x":{"y":1},` + b + `]}`, "ab", []string{"malformed JSON"}},
		"unbalanced quote":   {`{"Records":[` + a + `,{"eventVersion":"1.08","x":"y},` + b + `,` + c + `]}`, "abc", []string{"malformed JSON"}},
		"wrapper cut":        {`{"Records":[` + a + `,` + b, "ab", []string{"the file ends in the middle"}},
		"not objects":        {`[1, "x", ` + a + `, null, [2]]`, "a", []string{"not an object", "not an object", "not an object", "not an object"}},
		"foreign object":     {`{"hello":"world"}` + "\n" + a, "a", []string{"not a CloudTrail record"}},
		"no time":            {strings.Replace(a, "2026-03", "2026-13", 1) + "\n" + b, "b", []string{"readable eventTime"}},
		"far time":           {strings.Replace(a, "2026", "0001", 1) + "\n" + strings.Replace(b, "2026", "9999", 1) + "\n" + c, "c", []string{"readable eventTime", "readable eventTime"}},
		"binary":             {"\x00\x01\x02\xff" + strings.Repeat("\xfe", 5000), "", []string{"nothing readable follows"}},
		"too deep":           {deep + "\n" + a, "a", []string{"nested too deep"}},
		"deep in request":    {strings.Replace(a, `"eventID"`, `"requestParameters":`+deep+`,"eventID"`, 1) + "\n" + b, "b", []string{"nested too deep"}},
		"oversize line":      {a + "\n" + huge + "\n" + b, "ab", []string{"more than"}},
		"oversize record":    {`{"Records":[` + a + `,` + huge + `,` + b + `]}`, "ab", []string{"more than"}},
		"digest":             {`{"digestStartTime":"x","logFiles":[]}`, "", nil},
		"odd types":          {`{"eventTime":"2026-03-01T10:00:00Z","eventName":7,"eventID":"o","userIdentity":"x","requestParameters":"x","resources":{},"userAgent":null,"errorCode":[1]}`, "o", nil},
		"escapes":            {strings.Replace(a, `"a"`, `"\u0061"`, 1), "a", nil},
		"key with an escape": {strings.Replace(a, `"eventID"`, `"event\u0049D"`, 1), "a", nil},
		"invalid utf-8":      {strings.Replace(a, "ListBuckets", "L\xff\xfe", 1), "a", nil},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "f.json")
			if err := os.WriteFile(path, []byte(x.body), 0o600); err != nil {
				t.Fatal(err)
			}
			events, sum := collectEvents(t, Options{}, path)
			got := ""
			for _, e := range events {
				got += e.ID
			}
			if got != x.want {
				t.Errorf("events %q, want %q", got, x.want)
			}
			if int(sum.Skips) != len(x.skips) || len(sum.Skipped) != len(x.skips) {
				t.Fatalf("skips: %+v, want %q", sum.Skipped, x.skips)
			}
			for i, want := range x.skips {
				if s := sum.Skipped[i]; !strings.Contains(s.Reason, want) || s.Path == "" {
					t.Errorf("skip %+v, want %q", s, want)
				}
			}
		})
	}
}

// TestSkipPlace: a skip says where; the list is bounded and its count is not.
func TestSkipPlace(t *testing.T) {
	dir := t.TempDir()
	for f := range 3 {
		body := record("a") + "\n" + strings.Repeat("{\"x\":}\n", 500)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.json", f)), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var first []Skip
	for workers := 1; workers <= 3; workers++ {
		_, sum := collectEvents(t, Options{MaxSkips: 10, Workers: workers}, dir)
		if sum.Skips != 1500 || len(sum.Skipped) != 10 {
			t.Fatalf("%d skips, %d listed", sum.Skips, len(sum.Skipped))
		}
		if s := sum.Skipped[1]; s.Path != "0.json" || s.Line != 3 || s.Offset != int64(len(record("a"))+1+7) {
			t.Errorf("second skip: %+v", s)
		}
		if first == nil {
			first = sum.Skipped
		} else if fmt.Sprint(first) != fmt.Sprint(sum.Skipped) {
			t.Error("the list depends on the number of readers")
		}
	}
}

// TestConflict: two records of one id that differ both come out; equal copies do not.
func TestConflict(t *testing.T) {
	dir := t.TempDir()
	other := strings.Replace(record("a"), "ListBuckets", "DeleteBucket", 1)
	for name, body := range map[string]string{"1.json": record("a"), "2.json": other, "3.json": record("a")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	events, sum := collectEvents(t, Options{RunEvents: 1}, dir)
	if len(events) != 2 || sum.Duplicates != 1 || sum.Conflicts != 2 {
		t.Fatalf("%d events, %+v", len(events), sum)
	}
	for _, e := range events {
		if !e.Tagged(TagConflict) {
			t.Errorf("not tagged: %+v", e)
		}
	}
}

func TestFoldAction(t *testing.T) {
	for in, want := range map[string]string{
		"UpdateFunctionCode20150331v2": "UpdateFunctionCode", "CreateFunction20150331": "CreateFunction",
		"TagResource20170331v2": "TagResource", "CreateFunctionUrlConfig": "CreateFunctionUrlConfig",
		"Invoke": "Invoke", "20150331": "20150331", "v2": "v2", "X12345678": "X12345678", "": "",
	} {
		if got := foldAction("lambda", in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	if got := foldAction("cloudfront", "CreateDistribution20200531"); got != "CreateDistribution20200531" {
		t.Errorf("another service's name was folded: %s", got)
	}
}

func TestOutcome(t *testing.T) {
	for code, want := range map[string]Outcome{
		"": Success, "AccessDenied": Denied, "Client.UnauthorizedOperation": Denied, "AccessDeniedException": Denied,
		"UnauthorizedOperation": Denied, "ThrottlingException": Throttled, "TooManyRequestsException": Throttled,
		"NoSuchBucket": NotFound, "ResourceNotFoundException": NotFound, "Client.InvalidInstanceID.NotFound": NotFound, "ValidationException": Failed,
	} {
		if got := outcomeOf(code, false); got != want {
			t.Errorf("%s: %s, want %s", code, got, want)
		}
	}
}

// FuzzCloudTrail: no input makes the reader panic, lose count, or read the same bytes
// differently through another window; whatever comes out is valid JSON.
func FuzzCloudTrail(f *testing.F) {
	for _, s := range []string{record("a"), `{"Records":[` + record("a") + `]}`, `{"Events":[{"CloudTrailEvent":"{\"eventID\":\"x\",\"eventTime\":\"2026-03-01T10:00:00Z\"}"}]}`,
		`[1,{"eventTime":"2026-03-01T10:00:00Z","errorMessage":"on resource: arn:aws:lambda:a:b:function:c:d"}]`, "{\"a\":\"\\u\n{}", `{"Records":[{"eventVersion":"1`, "\xef\xbb\xbf[]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, body, 0o600); err != nil {
			t.Fatal(err)
		}
		format := Formats()[len(body)%len(Formats())]
		var out bytes.Buffer
		sum, err := Build(context.Background(), Options{Format: format.Name, Workers: 1, RunEvents: 2, TempDir: t.TempDir()}, Input{Paths: []string{path}}, &out)
		if err != nil {
			t.Fatal(err)
		}
		if sum.Events+sum.Duplicates != sum.Read {
			t.Fatalf("%d read, %d written, %d copies", sum.Read, sum.Events, sum.Duplicates)
		}
		if format.Binary {
			if n := len(readParquet(t, out.Bytes())); int64(n) != sum.Events {
				t.Fatalf("%d rows, %d events", n, sum.Events)
			}
			return
		}
		if format.Document {
			if n := len(documentEvents(t, format, out.Bytes())); int64(n) != sum.Events {
				t.Fatalf("%d events in the document, %d written", n, sum.Events)
			}
			linked(t, format, out.Bytes())
		}
		for line := range bytes.Lines(out.Bytes()) {
			if format.Ext == ".jsonl" && !json.Valid(line) {
				t.Fatalf("not JSON: %q", line)
			}
			if r, bad := unseen(string(line)); bad && format.Ext != ".jsonl" {
				t.Fatalf("%U survives: %q", r, line)
			}
		}
	})
}

// FuzzScan: where encoding/json finds a value valid, so do we, and we end where it ends.
func FuzzScan(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e3,"x\n",null,true]}`, `[{},[],""]`, `"\ud83d\ude00"`, `{"a":1,}`, `-0`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := scan{b: []byte(text + "\n")}
		err := s.skip()
		rest := s.peek() == 0 && s.i == len(s.b)
		if json.Valid([]byte(text)) && (err != nil || !rest) && strings.Count(text, "[")+strings.Count(text, "{") < maxDepth {
			t.Fatalf("valid JSON is refused: %q: %v at %d", text, err, s.i)
		}
		if err == nil && rest && len(text) > 1 && text[0] == '"' {
			raw, _, _ := (&scan{b: []byte(text)}).rawString()
			got, err := unescape(nil, raw)
			var want string
			if json.Unmarshal([]byte(text), &want) == nil && (err != nil || strings.ToValidUTF8(string(got), "\ufffd") != strings.ToValidUTF8(want, "\ufffd") && !strings.Contains(want, "\ufffd")) {
				t.Fatalf("%q: %q, want %q (%v)", text, got, want, err)
			}
		}
	})
}

// TestHostileTime: files made to be slow to recover from take time in proportion to their size.
func TestHostileTime(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY: one reader of much text; run without -short")
	}
	for name, unit := range map[string]string{
		"objects that never close": "\n{\"a\":[{},", "broken elements": "\n{", "quotes": "\n{\"", "arrays": "[", "backslashes": "\\\"",
	} {
		for _, head := range []string{"", `{"Records":[`} {
			path := filepath.Join(t.TempDir(), "f.json")
			if err := os.WriteFile(path, []byte(head+strings.Repeat(unit, 1<<20/len(unit))), 0o600); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			collectEvents(t, Options{}, path)
			if d := time.Since(start); d > 10*time.Second {
				t.Errorf("%s after %q: %s for 1 MiB", name, head, d)
			} else {
				t.Logf("%s after %q: %s", name, head, d)
			}
		}
	}
}
