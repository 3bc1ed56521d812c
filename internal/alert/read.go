package alert

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxHashed bounds what is read of a message that is too large, to have its hash.
const maxHashed = 64 << 20

// Read reads one message. A message that is too large is not held: it becomes an alert of kind
// Unknown with the hash of its bytes, or of the first 64 MiB of them. An error means that the
// reader failed, not the message.
func Read(r io.Reader) ([]Alert, error) {
	head, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read alert: %w", err)
	}
	if len(head) <= MaxSize {
		return Parse(head), nil
	}
	h := sha256.New()
	h.Write(head)
	n, err := io.Copy(h, io.LimitReader(r, maxHashed-int64(len(head))))
	if err != nil {
		return nil, fmt.Errorf("read alert: %w", err)
	}
	m := Message{SHA256: hex.EncodeToString(h.Sum(nil)), Bytes: int64(len(head)) + n}
	more, err := io.CopyN(io.Discard, r, 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read alert: %w", err)
	}
	m.Whole = more == 0
	return []Alert{unknown(Alert{Message: m}, faulty(TooLarge, "larger than %d bytes; only hashed", MaxSize))}, nil
}

// Parse reads one message, which may hold several findings. It gives at least one alert: what
// cannot be read is of kind Unknown. data is not kept.
func Parse(data []byte) []Alert {
	sum := sha256.Sum256(data)
	base := Alert{Message: Message{SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(data)), Whole: true}}
	n, f := parse(data)
	if f != nil {
		return []Alert{unknown(base, f)}
	}
	return base.unwrap(n, 0)
}

// unknown names what could not be read. Its case is made of its bytes, and of which part of them.
func unknown(a Alert, f *fault) Alert {
	a.Schema, a.Kind = Schema, Unknown
	a.Refused = &Refusal{f.reason, f.detail}
	a.Target, a.Basis, a.Candidates = nil, "", nil
	a.Case = caseID(string(Unknown), "", "", a.Message.SHA256+" "+a.Part)
	return a
}

// unwrap takes off envelopes.
func (base Alert) unwrap(n *node, depth int) []Alert {
	if depth > maxWraps {
		return []Alert{unknown(base, faulty(TooDeep, "more than %d envelopes", maxWraps))}
	}
	if n.kind != '{' {
		return []Alert{unknown(base, faulty(NoForm, "no JSON object: one message is wanted"))}
	}
	if isSNS(n) {
		return base.unwrapSNS(n, depth)
	}
	if n.member("detail-type") != nil {
		return base.unwrapEvent(n, depth)
	}
	for _, name := range []string{"findings", "Findings"} {
		if list := n.member(name); list.is('[') {
			return base.several(name, list.items)
		}
	}
	return []Alert{base.one(n, nil)}
}

// isSNS: with raw delivery off, this is what SNS puts around a body. A subscription that waits for
// confirmation looks the same, with another type.
func isSNS(n *node) bool {
	return n.get("Type").is('"') && n.get("Message") != nil && (n.get("TopicArn") != nil || n.get("Type").text == "Notification")
}

func (base Alert) unwrapSNS(n *node, depth int) []Alert {
	base.Through = append(base.Through[:len(base.Through):len(base.Through)], "sns")
	if t := n.get("Type").str(); t != "Notification" {
		return []Alert{unknown(base, faulty(NoForm, "an SNS message of type %q: a Notification is wanted", cut(t, 40)))}
	}
	if !n.get("Message").is('"') {
		return []Alert{unknown(base, faulty(WrongType, "the Message of an SNS notification is no text"))}
	}
	inner, f := parse([]byte(n.get("Message").text))
	if f != nil {
		return []Alert{unknown(base, faulty(f.reason, "the Message of an SNS notification: %s", f.detail))}
	}
	return base.unwrap(inner, depth+1)
}

func (base Alert) unwrapEvent(n *node, depth int) []Alert {
	base.Through = append(base.Through[:len(base.Through):len(base.Through)], "eventbridge")
	detail := n.get("detail")
	if !detail.is('{') {
		return []Alert{unknown(base, faulty(WrongType, "the detail of an EventBridge event is no object"))}
	}
	word := func(name string) string { return cut(n.get(name).str(), 256) }
	at, _ := instant(n.get("time"))
	base.Envelope = &Envelope{ID: word("id"), Source: word("source"), DetailType: word("detail-type"), Account: word("account"), Region: word("region"), Time: at}
	if list := detail.member("findings"); list.is('[') {
		return base.several("findings", list.items)
	}
	if detail.member("detail-type") != nil || isSNS(detail) {
		return base.unwrap(detail, depth+1)
	}
	return []Alert{base.one(detail, n)}
}

func (base Alert) several(name string, items []*node) []Alert {
	switch {
	case len(items) == 0:
		return []Alert{unknown(base, faulty(Missing, "%s is an empty list", name))}
	case len(items) > maxParts:
		return []Alert{unknown(base, faulty(TooMany, "%d findings in one message, at most %d", len(items), maxParts))}
	}
	var all []Alert
	for i, item := range items {
		a := base
		if len(items) > 1 {
			a.Part = fmt.Sprintf("%s[%d]", name, i)
		}
		all = append(all, a.one(item, nil))
	}
	return all
}

// form is one way in which alerts are written.
type form struct {
	name string
	is   func(n *node) bool
	read func(l *look, n *node)
}

// forms are all that are read. Each is told by members that it must have, and no message may be two.
func forms() []form {
	return []form{
		{"guardduty", isGuardDuty, readGuardDuty},
		{"asff", func(n *node) bool { return n.get("ProductArn") != nil && n.get("AwsAccountId") != nil }, readASFF},
		{"ocsf", func(n *node) bool { return n.get("class_uid") != nil && n.get("finding_info") != nil }, readOCSF},
		{"cloudtrail", func(n *node) bool { return n.get("eventName") != nil && n.get("eventSource") != nil }, readCloudTrail},
		{"alarm", func(n *node) bool { return n.get("alarmName") != nil && n.get("state") != nil }, readAlarmEvent},
		{"alarm-sns", func(n *node) bool { return n.get("AlarmName") != nil && n.get("NewStateValue") != nil }, readAlarmMessage},
		{"timeline", func(n *node) bool { return strings.HasPrefix(n.get("schema").str(), "freezeframe.timeline.event/") }, readRule},
	}
}

// one reads one alert; event is the EventBridge event around it, or nil.
func (base Alert) one(n, event *node) Alert {
	if n.kind != '{' {
		return unknown(base, faulty(NoForm, "no JSON object"))
	}
	var fits []form
	for _, f := range forms() {
		if f.is(n) {
			fits = append(fits, f)
		}
	}
	switch len(fits) {
	case 0:
		return unknown(base, faulty(NoForm, "none of the forms that are read; its members are %s", names(n)))
	case 1:
	default:
		return unknown(base, faulty(SeveralForms, "it could be %s and %s", fits[0].name, fits[1].name))
	}
	base.Schema, base.Form = Schema, fits[0].name
	l := &look{a: base, event: event}
	fits[0].read(l, n)
	return l.finish()
}

// names are the first members of an object, for people.
func names(n *node) string {
	var b bytes.Buffer
	for i, m := range n.members {
		if i == 8 {
			b.WriteString(", ...")
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", cut(m.name, 40))
	}
	if b.Len() == 0 {
		return "none"
	}
	return b.String()
}
