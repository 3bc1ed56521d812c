package timeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// nodes are the objects of a document, in order.
func nodes(t testing.TB, f Format, out []byte) []map[string]any {
	t.Helper()
	var doc struct {
		Graph   []map[string]any `json:"@graph"`
		Objects []map[string]any `json:"objects"`
	}
	d := json.NewDecoder(bytes.NewReader(out))
	if err := d.Decode(&doc); err != nil {
		t.Fatalf("%s: %v: %.300q", f.Name, err, out)
	}
	if d.More() {
		t.Fatalf("%s: more than one document", f.Name)
	}
	return append(doc.Graph, doc.Objects...)
}

// documentEvents are a document's events.
func documentEvents(t testing.TB, f Format, out []byte) (events []map[string]any) {
	t.Helper()
	observed := 0
	for _, n := range nodes(t, f, out) {
		switch {
		case n["@type"] == "uco-core:Event", n["type"] == stixEventType:
			events = append(events, n)
		case n["@type"] == "uco-observable:EventRecord", n["type"] == "observed-data":
			observed++
		}
	}
	if observed != len(events) {
		t.Fatalf("%s: %d events, observed %d", f.Name, len(events), observed)
	}
	return events
}

// hostileDocument holds a document to what the events had in their fields.
func hostileDocument(t *testing.T, f Format, out []byte, events []Event, where []string) {
	t.Helper()
	if r, bad := unseen(string(out)); bad {
		t.Errorf("%U comes through", r)
	}
	got := documentEvents(t, f, out)
	if len(got) != len(events) {
		t.Fatalf("%d events, want %d", len(got), len(events))
	}
	fields := Fields()
	for i := range events {
		said := map[string]string{}
		for k, v := range got[i] {
			if k == stixAction {
				k = "action"
			}
			switch v := v.(type) {
			case []any:
				said[k] = strings.Trim(fmt.Sprint(v), "[]")
			case float64, bool, string:
				said[k] = fmt.Sprint(v)
			}
		}
		if d, ok := got[i]["uco-core:eventAttribute"].(map[string]any); ok {
			for _, e := range d["uco-types:entry"].([]any) {
				e := e.(map[string]any)
				said[e["uco-types:key"].(string)] = e["uco-types:value"].(string)
			}
			said["message"], _ = got[i]["uco-core:name"].(string)
		}
		for j := range fields {
			name := fields[j].Name
			if name == "schema" || name == "time" || strings.HasPrefix(f.Name, "case") && (name == "event_id" || name == "tags") || fields[j].list != nil {
				continue
			}
			if want := string([]rune(fields[j].string(&events[i]))); said[name] != want {
				t.Errorf("%s: %s is %.80q, want %.80q", where[i], name, said[name], want)
			}
		}
	}
}

// linked says whether all that is pointed at is there; of STIX, also that each id is there once.
func linked(t testing.TB, f Format, out []byte) {
	t.Helper()
	defined, used := map[string]int{}, map[string]bool{}
	var walk func(name string, v any)
	walk = func(name string, v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(name, e)
			}
		case map[string]any:
			id, _ := v["@id"].(string)
			if _, ok := v["@type"]; ok && id != "" {
				defined[id]++
			} else if id != "" {
				used[id] = true
			}
			if id, ok := v["id"].(string); ok && f.Name == "stix" {
				defined[id]++
			}
			for k, e := range v {
				if k == "extensions" {
					for x := range e.(map[string]any) {
						used[x] = true
					}
				}
				walk(k, e)
			}
		case string:
			if f.Name == "stix" && (strings.HasSuffix(name, "_ref") || strings.HasSuffix(name, "_refs")) {
				used[v] = true
			}
		}
	}
	for _, n := range nodes(t, f, out) {
		walk("", n)
	}
	for id := range used {
		if defined[id] == 0 {
			t.Errorf("%s: %s is pointed at, and not there", f.Name, id)
		}
	}
	for id, n := range defined {
		if n != 1 {
			t.Errorf("%s: %s is there %d times", f.Name, id, n)
		}
	}
	if len(used) == 0 {
		t.Errorf("%s: nothing points at anything", f.Name)
	}
}

// TestDocumentsLinked: over recorded attacks, a case and nothing at all, what is pointed at is there, once.
func TestDocumentsLinked(t *testing.T) {
	shape := regexp.MustCompile(`--[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	for _, f := range Formats() {
		if !f.Document {
			continue
		}
		attack, _ := build(t, Options{Format: f.Name}, "testdata/attack")
		none, sum := build(t, Options{Format: f.Name, Where: "kind = responder"}, "testdata/attack")
		if sum.Events != 0 {
			t.Fatal("the filter let something through")
		}
		for _, out := range []string{attack, none, caseIn(t, f.Name)} {
			linked(t, f, []byte(out))
			if f.Name != "stix" {
				continue
			}
			for _, n := range nodes(t, f, []byte(out)) {
				if !shape.MatchString(n["id"].(string)) {
					t.Errorf("id %v", n["id"])
				}
			}
		}
	}
}

// TestObservableIDs: the example of STIX 2.1 (2.9), and what others compute by its rule.
func TestObservableIDs(t *testing.T) {
	for want, got := range map[string]string{
		"ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4": stixObservable("ipv4-addr", []Said{{"value", "198.51.100.3"}}),
		"ipv6-addr--6469e3a9-b053-5e34-a025-9396ae051d26": stixObservable("ipv6-addr", []Said{{"value", "2001:db8::1"}}),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := string(appendCanonical(nil, "a\"\\\b\f\n\r\t\x01\x1f\x7f\u2028é\xff")); got != `"a\"\\\b\f\n\r\t\u0001\u001f`+"\x7f\u2028é\ufffd"+`"` {
		t.Errorf("canonical: %q", got)
	}
}

// TestStixBound: accounts and addresses beyond the bound stand in their events, and the bundle says so.
func TestStixBound(t *testing.T) {
	var out bytes.Buffer
	x := stixFormat().New(&out, Options{}).(*stixWriter)
	x.limit = 2
	for i := range 50 {
		e := plain()
		e.ID, e.Address, e.Principal.ARN = fmt.Sprint("event-", i), fmt.Sprint("192.0.2.", i), fmt.Sprint("arn:aws:iam::111122223333:user/", i)
		if err := x.Event(&e); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	linked(t, stixFormat(), out.Bytes())
	if n := len(documentEvents(t, stixFormat(), out.Bytes())); n != 50 || len(x.seen) != 2 {
		t.Errorf("%d events, %d remembered", n, len(x.seen))
	}
	if !strings.Contains(out.String(), "accounts and addresses beyond 2 are in the events alone: 98 references") {
		t.Errorf("it does not say so: %s", out.Bytes()[out.Len()-600:])
	}
}

// TestConflictingIdentity: two records of one id that differ are two objects; a record keeps
// its identity when its folder moves.
func TestConflictingIdentity(t *testing.T) {
	a, b := plain(), plain()
	b.Raw.Path = "elsewhere"
	if !slices.Equal(a.identity(), b.identity()) {
		t.Error("a record is another one in another folder")
	}
	a.Tag(TagConflict)
	b.Tag(TagConflict)
	if stixEventID(&a) == stixEventID(&b) {
		t.Error("two records that differ are one")
	}
	a.ID, a.Tags = "", nil
	if slices.Equal(a.identity(), b.identity()) {
		t.Error("a record without an id is one with")
	}
}

// TestToldInDocuments: what a story found is in every format that has a place for it; a
// quote in a name does not end the pattern.
func TestToldInDocuments(t *testing.T) {
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	told := &Told{Function: testFn, Limits: []string{"a limit of it"},
		Suspects: []Accused{{Node: "n", Who: `mall'o\ry`, ARN: `arn:aws:iam::111122223333:user/mall'o\ry`, Keys: []string{"AKIAEXAMPLEMALLORY"}, Address: "203.0.113.9", First: at, Last: at.Add(time.Hour),
			Reasons: []string{"a reason for it"}, Events: []string{"00000000-0000-4000-8000-000000000006", "not-in-the-timeline"}}},
		Standing: []finding.Finding{{Kind: "access-key", Change: "created", Name: "AKIALEFT", By: "n", From: "203.0.113.9", Who: "mallory", At: at, Event: "e", State: finding.Standing}, {Kind: "user", Name: "of-nobody", State: finding.Standing}}}
	n := 0
	for _, f := range Formats() {
		out, _ := build(t, Options{Format: f.Name, Told: told}, "testdata/attack")
		if !f.Story {
			continue
		}
		n++
		linked(t, f, []byte(out))
		for _, want := range []string{"a reason for it", "AKIALEFT", "of-nobody", "a limit of it", "no verdict"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s: %q is not told", f.Name, want)
			}
		}
		if f.Name != "stix" {
			continue
		}
		types := map[any]int{}
		for _, x := range nodes(t, f, []byte(out)) {
			types[x["type"]]++
			if want := `[user-account:user_id = 'arn:aws:iam::111122223333:user/mall\'o\\ry'] AND [x-freezeframe-event:access_key = 'AKIAEXAMPLEMALLORY'] AND [ipv4-addr:value = '203.0.113.9']`; x["type"] == "indicator" && x["pattern"] != want {
				t.Errorf("pattern %v", x["pattern"])
			}
		}
		if types["indicator"] != 1 || types["relationship"] != 1 || types["grouping"] != 1 || types["note"] != 3 {
			t.Errorf("%v", types)
		}
	}
	if n != 2 {
		t.Errorf("%d formats tell the story", n)
	}
}
