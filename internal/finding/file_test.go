package finding

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

func example() File {
	at := time.Date(2026, 3, 1, 10, 5, 2, 0, time.UTC)
	return File{Schema: Schema, Case: "01J", Of: "AKIAEXAMPLE", LeftOut: 2, Findings: []Finding{
		{Kind: "access-key", Change: "created", Action: "iam:CreateAccessKey", Name: "key/AKIA\x1b[31m\u202e<&>", ARN: "arn", Detail: "d", Admits: []string{"everyone"}, Account: "1", Region: "r",
			By: "n", Who: "mallory", From: "203.0.113.9", At: at, Event: "e", Bag: "b", Path: "p", State: Standing},
		{Kind: "rule", Change: "granted", Action: "events:PutRule", Name: "nightly", By: "n", Who: "m", At: at, Path: "p", State: Undone, UndoneE: "e2", UndoneW: "olive", UndoneB: "b"},
	}}
}

func written(t testing.TB, f File) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestRoundTrip: what is written is read, whole.
func TestRoundTrip(t *testing.T) {
	for _, f := range []File{example(), {Schema: Schema, Findings: []Finding{}}} {
		got, err := Read(strings.NewReader(written(t, f)))
		if err != nil || !reflect.DeepEqual(got, f) {
			t.Errorf("%+v, %v\nwant %+v", got, err, f)
		}
	}
	// Every member is in the example, so that none can be lost unseen.
	for i := range reflect.TypeFor[Finding]().NumField() {
		all := example().Findings
		if reflect.ValueOf(all[0]).Field(i).IsZero() && reflect.ValueOf(all[1]).Field(i).IsZero() {
			t.Errorf("%s is in no example", reflect.TypeFor[Finding]().Field(i).Name)
		}
	}
}

// TestRefused: each with what it says, one line for each thing that is wrong, and nothing in
// it that a terminal obeys.
func TestRefused(t *testing.T) {
	good := written(t, example())
	for _, c := range []struct{ from, to, says string }{
		{Schema, "freezeframe.findings/2", `its schema is "freezeframe.findings/2"`},
		{`"schema": "` + Schema + `",`, "", `its schema is ""`},
		{`"of":`, `"off":`, `unknown field "off"`},
		{`"kind": "rule"`, `"kind": "rule", "verdict": "guilty"`, `unknown field "verdict"`},
		{`"kind": "rule"`, `"kind": "rule", "Kind": "user"`, `unknown member "Kind"`},
		{`"kind": "rule"`, `"kind": "rule", "\u017ftate": "standing"`, `unknown member "\u017ftate"`},
		{`"kind": "rule"`, `"kind": "rule", "kind": "user"`, `member "kind" is there twice`},
		{`"schema": `, `"schema": "` + Schema + `", "schema": `, `member "schema" is there twice`},
		{`"kind": "rule"`, `"kind": ""`, "finding 2 (\"\" \"nightly\"): kind is missing"},
		{`"state": "undone"`, `"state": "gone"`, `state "gone" is none of`},
		{`"state": "undone"`, `"state": "standing"`, "it stands, and a record ended it"},
		{`"change": "granted"`, `"change": "\u001b[2J"`, `change "\x1b[2J" is none of`},
		{`"at": "2026-03-01T10:05:02Z"`, `"at": "yesterday"`, "parsing time"},
		{`"left_out": 2`, `"left_out": -2`, "left_out is -2"},
		{`"left_out": 2`, `"left_out": "2"`, "cannot unmarshal string"},
		{`"name": "nightly"`, `"name": "` + strings.Repeat("x", maxText+1) + `"`, "a text of 32769 bytes"},
		{`"name": "nightly"`, "\"name\": \"\xff\"", "no UTF-8"},
	} {
		bad := strings.Replace(good, c.from, c.to, 1)
		if bad == good {
			t.Fatalf("there is no %s", c.from)
		}
		_, err := Read(strings.NewReader(bad))
		if !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), c.says) || strings.ContainsAny(err.Error(), "\x1b\u202e") {
			t.Errorf("%s: %v, want %s", c.to, err, c.says)
		}
	}
	for _, bad := range []string{"", "null", "[]", "7", good + "{}", good[:len(good)/2], good + "x", `{"schema":"` + Schema + `","of":"x","left_out":0}`, `{"schema":"` + Schema + `","findings":null}`} {
		if _, err := Read(strings.NewReader(bad)); !errors.Is(err, ErrFile) {
			t.Errorf("%.40q: %v", bad, err)
		}
	}
	two := strings.NewReplacer(`"state": "undone"`, `"state": "x"`, `"change": "granted"`, `"change": "y"`).Replace(good)
	if _, err := Read(strings.NewReader(two)); err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("two mistakes: %v", err)
	}
}

// endless is text without an end.
type endless struct{ n int64 }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.n += int64(len(p))
	return len(p), nil
}

// TestBounded: not more is read than a file may have, and not more findings are taken.
func TestBounded(t *testing.T) {
	var e endless
	if _, err := Read(&e); !errors.Is(err, ErrFile) || e.n > 2*MaxBytes {
		t.Errorf("%v after %d bytes", err, e.n)
	}
	f := example()
	for len(f.Findings) <= MaxFindings {
		f.Findings = append(f.Findings, f.Findings[1])
	}
	if err := Write(&bytes.Buffer{}, f); !errors.Is(err, ErrFile) {
		t.Errorf("written: %v", err)
	}
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Read(bytes.NewReader(b)); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), "16385 findings") {
		t.Errorf("read: %.200v", err)
	}
	for i := range f.Findings {
		f.Findings[i].Kind = ""
	}
	f.Findings = f.Findings[:1000]
	if err := f.check(); err == nil || strings.Count(err.Error(), "\n") != maxProblems {
		t.Errorf("problems: %.300v", err)
	}
}

// TestDocumented: docs/findings.md has each member, and no other.
func TestDocumented(t *testing.T) {
	b, err := os.ReadFile("../../docs/findings.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, of := range []reflect.Type{reflect.TypeFor[File](), reflect.TypeFor[Finding]()} {
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			if n++; strings.Count(string(b), "\n| `"+name+"` |") != 1 {
				t.Errorf("%s is not in docs/findings.md", name)
			}
		}
	}
	if have := strings.Count(string(b), "\n| `"); have != n || !strings.Contains(string(b), Schema) {
		t.Errorf("docs/findings.md has %d members, the form has %d", have, n)
	}
}

// FuzzFindings: what is read is written and read again as the same; what is refused is refused in lines.
func FuzzFindings(f *testing.F) {
	f.Add([]byte(written(f, example())))
	f.Add([]byte(`{"schema":"` + Schema + `","of":"","left_out":0,"findings":[]}`))
	f.Add([]byte(`{"schema":"` + Schema + `","findings":[{"admits":[],"at":"2026-03-01T10:05:02.5+23:59"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := Read(bytes.NewReader(b))
		if err != nil {
			if !errors.Is(err, ErrFile) || strings.ContainsAny(err.Error(), "\x1b\x00\r") {
				t.Fatalf("%q", err)
			}
			return
		}
		var out bytes.Buffer
		if err := Write(&out, got); err != nil {
			t.Fatal(err)
		}
		again, err := Read(bytes.NewReader(out.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		var twice bytes.Buffer
		if err := Write(&twice, again); err != nil || !bytes.Equal(out.Bytes(), twice.Bytes()) {
			t.Fatalf("%v: %q, then %q", err, out.Bytes(), twice.Bytes())
		}
	})
}
