package timeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// call is a record; more replaces or adds members.
func call(id string, at time.Time, more ...string) string {
	m := map[string]any{
		"eventVersion": "1.08", "eventTime": at.Format(time.RFC3339), "eventSource": "s3.amazonaws.com", "eventName": "GetObject", "awsRegion": "eu-west-1", "eventID": id, "readOnly": true,
		"sourceIPAddress": "203.0.113.9", "userAgent": "aws-cli/2", "userIdentity": map[string]any{"type": "IAMUser", "userName": "mallory", "accessKeyId": "AKIAEXAMPLE"},
	}
	for i := 0; i+1 < len(more); i += 2 {
		m[more[i]] = more[i+1]
		if strings.HasPrefix(more[i+1], "{") {
			m[more[i]] = json.RawMessage(more[i+1])
		}
	}
	b, _ := json.Marshal(m)
	return string(b) + "\n"
}

type collapsedLine struct {
	Time, Message, Action, Until string
	EventID                      string `json:"event_id"`
	LastID                       string `json:"last_event_id"`
	Repeats, Copies              int64
	RawLine                      int64  `json:"raw_line"`
	LastPath                     string `json:"last_raw_path"`
	LastLine                     int64  `json:"last_raw_line"`
	LastOffset                   int64  `json:"last_raw_offset"`
}

func collapsed(t *testing.T, o Options, body string) ([]collapsedLine, Summary) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f.jsonl")
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	o.Format = "jsonl"
	var out bytes.Buffer
	sum, err := Build(t.Context(), o, Input{Paths: []string{path}}, &out)
	if err != nil {
		t.Fatal(err)
	}
	var all []collapsedLine
	for line := range bytes.Lines(out.Bytes()) {
		var l collapsedLine
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	return all, sum
}

// TestCollapse: what repeats has one line, and each difference that must not be lost its own.
func TestCollapse(t *testing.T) {
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	sec := func(n int) time.Time { return at.Add(time.Duration(n) * time.Second) }
	who := func(name, key string) string {
		return `{"type":"IAMUser","userName":"` + name + `","accessKeyId":"` + key + `"}`
	}
	for name, x := range map[string]struct {
		window time.Duration
		body   string
		want   string // id+repeats
	}{
		"not asked for":          {0, call("a", sec(0)) + call("b", sec(1)), "a b"},
		"repeats":                {time.Minute, call("a", sec(0)) + call("b", sec(1)) + call("c", sec(60)), "a+2"},
		"longer than the window": {time.Minute, call("a", sec(0)) + call("b", sec(59)) + call("c", sec(61)) + call("d", sec(121)), "a+1 c+1"},
		"another call between":   {time.Minute, call("a", sec(0)) + call("b", sec(1), "eventName", "PutObject") + call("c", sec(2)), "a b c"},
		"others between":         {time.Minute, call("a", sec(0)) + call("b", sec(1), "userIdentity", who("olive", "AKIA2")) + call("c", sec(2)) + call("d", sec(3), "userIdentity", who("olive", "AKIA2")), "a+1 b+1"},
		"another key":            {time.Minute, call("a", sec(0)) + call("b", sec(1), "userIdentity", who("mallory", "AKIA2")), "a b"},
		"another address":        {time.Minute, call("a", sec(0)) + call("b", sec(1), "sourceIPAddress", "203.0.113.10"), "a b"},
		"another agent":          {time.Minute, call("a", sec(0)) + call("b", sec(1), "userAgent", "curl"), "a b"},
		"another outcome":        {time.Minute, call("a", sec(0)) + call("b", sec(1), "errorCode", "AccessDenied"), "a b"},
		"another error":          {time.Minute, call("a", sec(0), "errorCode", "X") + call("b", sec(1), "errorCode", "Y"), "a b"},
		"another region":         {time.Minute, call("a", sec(0)) + call("b", sec(1), "awsRegion", "us-east-1"), "a b"},
		"another function":       {time.Minute, call("a", sec(0), "eventSource", "lambda.amazonaws.com", "eventName", "Invoke", "requestParameters", `{"functionName":"x"}`) + call("b", sec(1), "eventSource", "lambda.amazonaws.com", "eventName", "Invoke", "requestParameters", `{"functionName":"y"}`), "a b"},
		"another change":         {time.Minute, call("a", sec(0), "eventSource", "lambda.amazonaws.com", "eventName", "AddPermission", "requestParameters", `{"functionName":"x","principal":"1"}`) + call("b", sec(1), "eventSource", "lambda.amazonaws.com", "eventName", "AddPermission", "requestParameters", `{"functionName":"x","principal":"2"}`), "a b"},
		"another tag":            {time.Minute, call("a", sec(0)) + call("a", sec(1), "eventCategory", "NetworkActivity") + call("c", sec(2)), "a a c"},
		"copies are counted":     {time.Minute, call("a", sec(0)) + call("b", sec(1)) + call("b", sec(1)), "a+1"},
	} {
		for _, runs := range []int{0, 1} {
			got, sum := collapsed(t, Options{Collapse: x.window, RunEvents: runs}, x.body)
			var ids []string
			further := int64(0)
			for _, l := range got {
				id := l.EventID
				if l.Repeats > 0 {
					id += fmt.Sprintf("+%d", l.Repeats)
				}
				further += l.Repeats
				ids = append(ids, id)
			}
			if strings.Join(ids, " ") != x.want || sum.Collapsed != further || sum.Events != int64(len(got))+further || sum.Events+sum.Duplicates != sum.Read {
				t.Errorf("%s: %q, want %q; %d collapsed, %d events of %d", name, ids, x.want, sum.Collapsed, sum.Events, sum.Read)
			}
		}
	}
}

// TestCollapsedLine: the line says how often, until when, and where the last of them stands.
func TestCollapsedLine(t *testing.T) {
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	first := call("a", at, "requestParameters", `{"bucketName":"one"}`)
	got, _ := collapsed(t, Options{Collapse: CollapseWindow}, first+call("b", at.Add(time.Minute), "requestParameters", `{"bucketName":"one"}`)+call("c", at.Add(2*time.Minute), "requestParameters", `{"bucketName":"two"}`))
	if len(got) != 1 {
		t.Fatalf("%+v", got)
	}
	l := got[0]
	if l.Repeats != 2 || l.Until != "2026-03-01T10:02:00Z" || l.LastID != "c" || l.LastPath == "" || l.LastLine != 3 || l.LastOffset <= int64(len(first)) || l.RawLine != 1 ||
		!strings.HasSuffix(l.Message, " [3 alike until 2026-03-01T10:02:00Z, on other resources too]") {
		t.Errorf("%+v", l)
	}
}

// TestCollapseBound: what is held back is bounded, and lines stay in order.
func TestCollapseBound(t *testing.T) {
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	var given []time.Time
	most := 0
	var c *collapser
	c = newCollapser(time.Hour, func(e *Event) error {
		most = max(most, len(c.held))
		given = append(given, e.Time)
		return nil
	})
	const n = 3 * maxHeldLines
	for i := range n {
		e := Event{Kind: KindCloudTrail, Time: at.Add(time.Duration(i) * time.Millisecond), ID: fmt.Sprint(i), AccessKey: fmt.Sprint(i), UserAgent: strings.Repeat("x", i%MaxField)}
		if err := c.event(&e); err != nil {
			t.Fatal(err)
		}
		if c.bytes > maxHeldBytes+64<<10 || len(c.held) > maxHeldLines+1 || len(c.open) > maxHeldLines+1 {
			t.Fatalf("%d lines, %d bytes are held", len(c.held), c.bytes)
		}
	}
	if err := c.end(); err != nil {
		t.Fatal(err)
	}
	if len(given) != n || c.bytes != 0 || len(c.open) != 0 {
		t.Errorf("%d of %d given out, %d bytes and %d lines left", len(given), n, c.bytes, len(c.open))
	}
	for i := 1; i < len(given); i++ {
		if given[i].Before(given[i-1]) {
			t.Fatal("out of order")
		}
	}
}
