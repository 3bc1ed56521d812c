package brief

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// documents are the collected documents that tell of an end, by artefact. To add one: a
// function, a line here.
func documents() map[string]func(data []byte, m moments) ([]Deadline, error) {
	return map[string]func([]byte, moments) ([]Deadline, error){
		"logs.group":            logRetention,
		"sqs.queue":             queueRetention,
		"kms.key":               keyDeletion,
		"secretsmanager.secret": secretDeletion,
		"lambda.mappings":       streamRetention,
	}
}

// plain is what may stand in a command that somebody pastes: names come from the account.
var plain = regexp.MustCompile(`^[A-Za-z0-9_.:/#+=@-]+$`)

// command is one to paste, or "" where a name is not fit for that.
func command(format, name string) string {
	if !plain.MatchString(name) {
		return ""
	}
	return fmt.Sprintf(format, name)
}

func logRetention(data []byte, m moments) ([]Deadline, error) {
	var doc struct {
		LogGroups []struct {
			LogGroupName, LogGroupClass string
			RetentionInDays             *int64
		}
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	var out []Deadline
	for _, g := range doc.LogGroups {
		days := g.RetentionInDays
		if g.LogGroupClass == "DELIVERY" {
			one := int64(1) // whatever is set: events only pass through
			days = &one
		}
		if days == nil {
			continue // never expires
		}
		if *days < 1 || *days > 36500 {
			return nil, fmt.Errorf("log group %s: retention of %d days", g.LogGroupName, *days)
		}
		d := Deadline{
			What: "log events of " + g.LogGroupName, Held: m.held,
			Basis: fmt.Sprintf("retention of %s; expired events may linger up to about 72 h", plural(*days, "day")),
			Stop:  command("aws logs put-retention-policy --retention-in-days 3653 --log-group-name %s", g.LogGroupName),
		}
		if m.hostile.IsZero() {
			d.Basis += "; no turn of a story to count from: events go as they grow older than that"
		} else {
			d.At, d.What = m.hostile.Add(time.Duration(*days)*day), d.What+" from the first turn that matters on"
		}
		out = append(out, d)
	}
	return out, nil
}

func plural(n int64, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// queueRetention: messages are never received here, that would change the queue.
func queueRetention(data []byte, m moments) ([]Deadline, error) {
	var doc struct{ Attributes map[string]string }
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	arn := doc.Attributes["QueueArn"]
	text, ok := doc.Attributes["MessageRetentionPeriod"]
	if !ok {
		return []Deadline{{What: "messages in " + arn, Basis: "the answer names no retention"}}, nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 60 || seconds > 1209600 { // what SQS allows: a minute to 14 days
		return nil, fmt.Errorf("queue %s: MessageRetentionPeriod %q", arn, text)
	}
	keeps := time.Duration(seconds) * time.Second
	waiting, counted := int64(0), true
	for _, of := range []string{"", "NotVisible", "Delayed"} {
		n, err := strconv.ParseInt(doc.Attributes["ApproximateNumberOfMessages"+of], 10, 64)
		waiting, counted = waiting+n, counted && (err == nil || of != "")
	}
	d := Deadline{What: "messages in " + arn, Basis: "kept for " + span(keeps)}
	if counted {
		d.What = fmt.Sprintf("about %s in %s", plural(waiting, "message"), arn)
	}
	from, since := m.hostile, "the first turn that matters; older ones go earlier"
	if from.IsZero() || counted && waiting == 0 { // those that came later
		from, since = m.asked, "when it was asked"
	}
	if !from.IsZero() {
		d.At, d.Basis = from.Add(keeps), d.Basis+" from "+since
	}
	return []Deadline{d}, nil
}

// span is a duration in the largest unit that tells it whole.
func span(d time.Duration) string {
	switch {
	case d >= day && d%day == 0:
		return plural(int64(d/day), "day")
	case d >= time.Hour && d%time.Hour == 0:
		return plural(int64(d/time.Hour), "hour")
	}
	return d.String()
}

func keyDeletion(data []byte, _ moments) ([]Deadline, error) {
	var doc struct {
		KeyMetadata struct {
			Arn, KeyState, DeletionDate string
			PendingDeletionWindowInDays int64
		}
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	k := doc.KeyMetadata
	if !strings.HasPrefix(k.KeyState, "Pending") || k.KeyState == "PendingImport" {
		return nil, nil
	}
	d := Deadline{
		What: "KMS key " + k.Arn + ": with it all that it encrypted", Basis: "scheduled for deletion",
		Stop: command("aws kms cancel-key-deletion --key-id %s", k.Arn),
	}
	if k.DeletionDate == "" { // a multi-Region key that waits for its replicas
		d.Basis = fmt.Sprintf("state %s: its %d days begin when the last replica is gone", k.KeyState, k.PendingDeletionWindowInDays)
		return []Deadline{d}, nil
	}
	at, err := time.Parse(time.RFC3339, k.DeletionDate)
	if err != nil {
		return nil, fmt.Errorf("key %s: its deletion date: %w", k.Arn, err)
	}
	d.At = at.UTC()
	return []Deadline{d}, nil
}

// secretDeletion: AWS documents DeletedDate both as the scheduled date (DescribeSecret) and
// as the moment of the request (ListSecrets). What lies before the answer is read as a request.
func secretDeletion(data []byte, m moments) ([]Deadline, error) {
	var doc struct{ ARN, Name, DeletedDate string }
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	if doc.DeletedDate == "" {
		return nil, nil
	}
	at, err := time.Parse(time.RFC3339, doc.DeletedDate)
	if err != nil {
		return nil, fmt.Errorf("secret %s: its deletion date: %w", doc.ARN, err)
	}
	d := Deadline{
		At: at.UTC(), What: "secret " + doc.ARN, Basis: "scheduled for deletion",
		Stop: command("aws secretsmanager restore-secret --secret-id %s", doc.ARN),
	}
	if !at.After(m.asked) {
		d.At = at.Add(7 * day).UTC()
		d.Basis = "deleted " + stamp(at) + "; the recovery window is 7 to 30 days, which the answer does not say: 7 are counted"
	}
	return []Deadline{d}, nil
}

// streamRetention: what a stopped mapping does not read runs out in the stream.
func streamRetention(data []byte, m moments) ([]Deadline, error) {
	var doc struct {
		EventSourceMappings []struct{ UUID, EventSourceArn, State string }
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	var out []Deadline
	for _, e := range doc.EventSourceMappings {
		part := strings.SplitN(e.EventSourceArn, ":", 6)
		if len(part) < 6 || part[2] == "sqs" { // the queue tells of itself
			continue
		}
		d := Deadline{What: "records of " + e.EventSourceArn, Basis: "its retention is not in the case: ask the stream's owner; a stopped mapping does not hold it"}
		switch part[2] {
		case "kinesis":
			d.Basis += " (Kinesis: 24 hours unless raised)"
		case "dynamodb":
			d.Basis = "DynamoDB streams keep 24 hours"
			if !m.hostile.IsZero() {
				d.At = m.hostile.Add(day)
			}
		}
		out = append(out, d)
	}
	return out, nil
}
