package alert

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestBadInput: each is kept, named with its reason and the hash of its bytes, and resolves nothing.
func TestBadInput(t *testing.T) {
	good := string(sample(t, "guardduty-lambda-bare"))
	hub, ocsf, trail, sns := string(sample(t, "guardduty-lambda-asff-bare")), string(sample(t, "guardduty-lambda-ocsf-bare")), string(sample(t, "cloudtrail-code-bare")), string(sample(t, "guardduty-lambda-sns"))
	alarm := string(sample(t, "alarm-event"))
	swap := func(text, from, to string) string {
		if !strings.Contains(text, from) {
			t.Fatalf("%q is not there", from)
		}
		return strings.Replace(text, from, to, 1)
	}
	deep := strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100)
	wrapped := good
	for range 6 {
		b, _ := json.Marshal(wrapped)
		wrapped = `{"Type":"Notification","TopicArn":"x","Message":` + string(b) + `}`
	}
	for _, c := range []struct {
		name, text string
		reason     Reason
	}{
		{"nothing", "", Empty},
		{"blanks", " \n\t", Empty},
		{"no JSON", "ALARM: payments", NotJSON},
		{"cut off", good[:len(good)/2], NotJSON},
		{"two values", good + good, NotJSON},
		{"bad UTF-8", swap(good, "payments", "pay\xffments"), NotUTF8},
		{"lone surrogate", swap(good, "takes payments", `takes \ud800`), NotJSON},
		{"NaN", swap(good, `"severity": 8`, `"severity": NaN`), NotJSON},
		{"member twice", swap(good, `"severity": 8`, `"severity": 8, "severity": 1`), Twice},
		{"member twice, escaped", swap(good, `"severity": 8`, `"severity": 8, "sever\u0069ty": 1`), Twice},
		{"member in two spellings", swap(good, `"functionArn"`, `"FunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:orders", "functionArn"`), Twice},
		{"resource in two spellings", swap(good, `"resource": {`, `"Resource": {"ResourceType": "Lambda"}, "resource": {`), Twice},
		{"too deep", deep, TooDeep},
		{"too many values", "[" + strings.Repeat("0,", 300_000) + "0]", TooMany},
		{"too large", `"` + strings.Repeat("a", 10<<20) + `"`, TooLarge},
		{"too many envelopes", wrapped, TooDeep},
		{"a list", "[" + good + "]", NoForm},
		{"a text", `"alert"`, NoForm},
		{"null", "null", NoForm},
		{"a function's ARN alone", `"` + payments + `"`, NoForm},
		{"an empty object", "{}", NoForm},
		{"an envelope of nothing", `{"detail-type":"GuardDuty Finding","detail":{}}`, NoForm},
		{"an envelope of text", `{"detail-type":"GuardDuty Finding","detail":"x"}`, WrongType},
		{"no findings", `{"detail-type":"Findings Imported V2","detail":{"findings":[]}}`, Missing},
		{"findings that are none", `{"detail-type":"Findings Imported V2","detail":{"findings":[1]}}`, NoForm},
		{"too many findings", `{"findings":[` + strings.Repeat("{},", 100) + `{}]}`, TooMany},
		{"a subscription to confirm", swap(sns, `"Notification"`, `"SubscriptionConfirmation"`), NoForm},
		{"a message that is no text", `{"Type":"Notification","TopicArn":"x","Message":{}}`, WrongType},
		{"a message that is no JSON", `{"Type":"Notification","TopicArn":"x","Message":"{"}`, NotJSON},
		{"two forms", swap(good, `"schemaVersion": "2.0"`, `"schemaVersion": "2.0", "eventName": "x", "eventSource": "y"`), SeveralForms},
		{"no account", swap(good, `"accountId": "111122223333",`, ""), Missing},
		{"account as a number", swap(good, `"accountId": "111122223333"`, `"accountId": 111122223333`), WrongType},
		{"account of eleven digits", swap(good, `"accountId": "111122223333"`, `"accountId": "11112222333"`), BadValue},
		{"account of other digits", swap(good, `"accountId": "111122223333"`, `"accountId": "１１１１２２２２３３３３"`), BadValue},
		{"no id", swap(good, `"id": "1ab92989eaf0e742df4a014d5c3b8a01"`, `"id": ""`), Missing},
		{"an id that is not of its ARN", swap(good, `"id": "1ab92989eaf0e742df4a014d5c3b8a01"`, `"id": "1"`), BadValue},
		{"an endless id", swap(good, `"id": "1ab92989eaf0e742df4a014d5c3b8a01"`, `"id": "`+strings.Repeat("a", 4000)+`"`), TooLong},
		{"an id that is an object", swap(good, `"id": "1ab92989eaf0e742df4a014d5c3b8a01"`, `"id": {"a":1}`), WrongType},
		{"no type", swap(good, `"type": "Backdoor:Lambda/C&CActivity.B"`, `"type": ""`), Missing},
		{"ARN that is a list", swap(good, `"functionArn": "`+payments+`"`, `"functionArn": ["`+payments+`"]`), WrongType},
		{"an endless ARN", swap(good, payments, payments+strings.Repeat("a", 4000)), TooLong},
		{"ASFF without Id", swap(hub, `"Id": "arn:aws:guardduty`, `"Ident": "arn:aws:guardduty`), Missing},
		{"OCSF of another class", swap(ocsf, `"class_uid": 2004`, `"class_uid": 2002`), NoForm},
		{"OCSF without account", swap(ocsf, `"cloud": {`, `"clouds": {`), Missing},
		{"record without id", swap(trail, `"eventID"`, `"eventId"`), Missing},
		{"alarm of nobody", swap(alarm, `"arn:aws:cloudwatch:eu-west-1:111122223333:alarm:payments-errors"`, ""), Missing},
		{"alarm with the ARN of another", swap(alarm, `:alarm:payments-errors"`, `:alarm:orders-errors"`), Missing},
		{"alarm without time", swap(alarm, `"2026-11-27T03:00:05.399+0000"`, `"yesterday"`), Missing},
		{"timeline without rules", `{"schema":"freezeframe.timeline.event/1","kind":"cloudtrail","account":"111122223333","event_id":"x"}`, Missing},
		{"timeline of another schema", `{"schema":"freezeframe.timeline.event/2","kind":"rule","event_id":"x","rules":["high: x"]}`, NoForm},
	} {
		all, err := Read(strings.NewReader(c.text))
		if err != nil || len(all) != 1 {
			t.Errorf("%s: %d alerts, %v", c.name, len(all), err)
			continue
		}
		a := all[0]
		if a.Kind != Unknown || a.Refused == nil || a.Refused.Reason != c.reason || !errors.Is(a.Err(), ErrUnknown) {
			t.Errorf("%s: %s %v, want %s", c.name, a.Kind, a.Refused, c.reason)
			continue
		}
		if a.Target != nil || a.Candidates != nil || len(a.Message.SHA256) != 64 || a.Message.Bytes != int64(len(c.text)) || !a.Message.Whole {
			t.Errorf("%s: %+v", c.name, a)
		}
		if len(a.Refused.Detail) > maxRefusal+3 || !utf8.ValidString(a.Refused.Detail) {
			t.Errorf("%s: %d bytes of detail", c.name, len(a.Refused.Detail))
		}
		t.Logf("%-32s %s: %.90s", c.name, a.Refused.Reason, a.Refused.Detail)
	}
}

// TestOddButKnown: what an alert says badly and nothing hangs on is named, and the rest is read.
func TestOddButKnown(t *testing.T) {
	good := string(sample(t, "guardduty-lambda-bare"))
	for _, c := range []struct {
		from, to string
		target   bool
		says     string // among gaps and doubts
	}{
		{`"severity": 8`, `"severity": "8"`, true, ""},
		{`"severity": 8`, `"severity": "a lot"`, true, "severity is no number"},
		{`"severity": 8`, `"severity": 1e300`, true, "severity is none"},
		{`"count": 3`, `"count": "3"`, true, ""},
		{`"count": 3`, `"count": -3`, true, "count is no count"},
		{`"region": "eu-west-1"`, `"region": "../../etc"`, true, "region is no region"},
		{`"eventLastSeen": "2026-11-27T02:58:41.000Z"`, `"eventLastSeen": "soon"`, true, "eventLastSeen is no time"},
		{`"eventLastSeen": "2026-11-27T02:58:41.000Z"`, `"eventLastSeen": "2020-01-01T00:00:00Z"`, true, "before it was first seen"},
		{`"title": "The`, `"title": 3, "titles": "The`, true, "a text for people is none"},
		{payments, "arn:aws:lambda:eu-west-1:444455556666:function:payments", false, "its ARN is of account 444455556666"},
		{payments, "arn:aws-cn:lambda:eu-west-1:111122223333:function:payments", false, "several partitions"},
		{payments, "arn:aws:s3:::payments", false, "none of a function"},
		{payments, payments + ":live:7", false, "none of a function"},
		{`"functionName": "payments"`, `"functionName": "orders"`, false, "named orders, and its ARN is of payments"},
		{`"functionArn": "` + payments + `",`, ``, true, ""},
		{`"functionName": "payments"`, `"functionName": ""`, true, ""},
		{payments, strings.Replace(payments, "eu-west-1", "eu-west-3", 1), true, "the function is in eu-west-3"},
		{`"resourceType": "Lambda"`, `"resourceType": "LambdaTwo"`, false, "its resource is of type LambdaTwo"},
		{`"partition": "aws"`, `"partition": "aws-nowhere"`, false, "of several"},
		{`/finding/`, `/finding/x/`, true, "arn is no ARN of a finding"},
	} {
		if !strings.Contains(good, c.from) {
			t.Fatalf("%q is not there", c.from)
		}
		a := Parse([]byte(strings.Replace(good, c.from, c.to, 1)))[0]
		said := strings.Join(a.Doubts, "; ")
		for _, g := range a.Unresolved {
			said += "; " + g.Why
		}
		if a.Kind != GuardDuty || (a.Target != nil) != c.target || !strings.Contains(said, c.says) {
			t.Errorf("%s: %s (%v), target %v, it says %q, want %q", c.to, a.Kind, a.Err(), a.Target, said, c.says)
		}
		if c.says == "" && said != "" {
			t.Errorf("%s: it says %q", c.to, said)
		}
	}
}

// TestHostileTexts: every text that may be anything is bounded, and every alert is JSON that can be
// read back.
func TestHostileTexts(t *testing.T) {
	nasty := []string{"\x1b[31m\u202e", "<script>", "=cmd()", "\u0000", strings.Repeat("ä", 3000), "$(reboot)", "a\nb", `"`, `\`, "../../x"}
	tried := 0
	for _, c := range expected {
		n, f := parse(sample(t, c.name))
		if f != nil {
			t.Fatal(f)
		}
		var texts []*node
		var walk func(*node)
		walk = func(n *node) {
			if n.kind == '"' {
				texts = append(texts, n)
			}
			for _, m := range n.members {
				walk(m.value)
			}
			for _, x := range n.items {
				walk(x)
			}
		}
		walk(n)
		for i, x := range texts {
			if testing.Short() && i%41 != 0 {
				continue
			}
			was := x.text
			for _, bad := range nasty {
				x.text = bad
				tried++
				for _, a := range (Alert{}).unwrap(n, 0) {
					bounded(t, c.name, a)
				}
			}
			x.text = was
		}
	}
	t.Logf("%d texts spoiled; 0 skipped", tried)
}

func bounded(t testing.TB, name string, a Alert) {
	t.Helper()
	data, err := json.Marshal(a)
	if err != nil || !utf8.Valid(data) {
		t.Fatalf("%s: %v", name, err)
	}
	if len(data) > 256<<10 || len(a.Title) > maxProse+3 || len(a.Doubts) > maxList {
		t.Errorf("%s: %d bytes, a title of %d, %d doubts", name, len(data), len(a.Title), len(a.Doubts))
	}
	if a.Schema != Schema || a.Case == "" || (a.Kind == Unknown) != (a.Refused != nil) {
		t.Errorf("%s: schema %q, case %q, kind %s, refused %v", name, a.Schema, a.Case, a.Kind, a.Refused)
	}
	if a.Target != nil {
		if back, ok := functionARN(a.Target.ARN); !ok || back.Name != a.Target.Name || a.Basis == "" {
			t.Errorf("%s: the target is %+v by %q", name, a.Target, a.Basis)
		}
	} else if a.Kind != Unknown && len(a.Unresolved) == 0 {
		t.Errorf("%s: no target, and no reason", name)
	}
	if a.Kind != Unknown && a.Account != "" && !accountForm.MatchString(a.Account) {
		t.Errorf("%s: account %q", name, a.Account)
	}
}

// endless gives as many bytes as anybody takes, and counts them.
type endless struct{ taken int64 }

func (e *endless) Read(p []byte) (int, error) {
	clear(p)
	e.taken += int64(len(p))
	return len(p), nil
}

// TestEndless: what never ends is refused by name, with the hash of its beginning.
func TestEndless(t *testing.T) {
	var e endless
	all, err := Read(&e)
	if err != nil || len(all) != 1 || all[0].Refused.Reason != TooLarge || all[0].Message.Whole || all[0].Message.Bytes != maxHashed || e.taken > maxHashed+1<<20 {
		t.Errorf("%v %+v, %d bytes taken", err, all, e.taken)
	}
	broken := io.MultiReader(bytes.NewReader([]byte("{")), errReader{})
	if _, err := Read(broken); err == nil || errors.Is(err, ErrUnknown) {
		t.Errorf("a reader that breaks: %v", err)
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("disk") }

// FuzzAlert: whatever comes, there is an alert, bounded, with its case or its reason, and the same
// bytes give the same.
func FuzzAlert(f *testing.F) {
	for _, c := range expected {
		f.Add(sample(f, c.name))
	}
	f.Add([]byte(`{"Type":"Notification","TopicArn":"x","Message":"{\"Type\":\"Notification\",\"Message\":\"{}\"}"}`))
	f.Add([]byte(`{"findings":[{"class_uid":2004,"finding_info":{"uid":"x"}},{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		all := Parse(data)
		if len(all) == 0 {
			t.Fatal("no alert")
		}
		again := Parse(data)
		for i, a := range all {
			bounded(t, "fuzz", a)
			if again[i].Case != a.Case {
				t.Errorf("%s and %s", a.Case, again[i].Case)
			}
		}
	})
}
