package brief

import (
	"strings"
	"testing"
	"time"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

// TestDocuments: what each kind of document says about an end, and what it says when it does
// not tell, or lies.
func TestDocuments(t *testing.T) {
	m := moments{hostile: at("2026-01-30T23:00:00Z"), asked: at("2026-01-31T03:00:00Z")}
	none := moments{asked: m.asked}
	const key = `{"KeyMetadata":{"Arn":"arn:aws:kms:eu-west-1:1:key/k","KeyState":"`
	const group = `{"logGroups":[{"logGroupName":"/aws/lambda/pay"`
	const queue = `{"Attributes":{"QueueArn":"arn:aws:sqs:eu-west-1:1:q"`
	const stream = `{"EventSourceMappings":[{"UUID":"u","EventSourceArn":"arn:aws:`
	for _, c := range []struct {
		name, artefact, doc string
		m                   moments
		at, says, stop      string // at "": no time; says "": no deadline
		fails               string
	}{
		{"retention from the first turn", "logs.group", group + `,"retentionInDays":3}]}`, m, "2026-02-02T23:00:00Z", "retention of 3 days; expired events may linger", "--log-group-name /aws/lambda/pay", ""},
		{"no story to count from", "logs.group", group + `,"retentionInDays":1}]}`, none, "", "no turn of a story", "put-retention-policy", ""},
		{"never expires", "logs.group", group + `}]}`, m, "", "", "", ""},
		{"delivery class passes through", "logs.group", group + `,"logGroupClass":"DELIVERY"}]}`, m, "2026-01-31T23:00:00Z", "retention of 1 day;", "", ""},
		{"a name that is no name", "logs.group", `{"logGroups":[{"logGroupName":"a;rm -rf /","retentionInDays":3}]}`, m, "2026-02-02T23:00:00Z", "log events of a;rm", "none", ""},
		{"a retention that cannot be", "logs.group", group + `,"retentionInDays":0}]}`, m, "", "", "", "retention of 0 days"},
		{"half a document", "logs.group", group, m, "", "", "", "unexpected end"},

		{"messages from the first turn", "sqs.queue", queue + `,"MessageRetentionPeriod":"345600","ApproximateNumberOfMessages":"2","ApproximateNumberOfMessagesNotVisible":"1"}}`, m, "2026-02-03T23:00:00Z", "about 3 messages in arn:aws:sqs:eu-west-1:1:q", "", ""},
		{"an empty queue: later ones", "sqs.queue", queue + `,"MessageRetentionPeriod":"3600","ApproximateNumberOfMessages":"0"}}`, m, "2026-01-31T04:00:00Z", "kept for 1 hour from when it was asked", "", ""},
		{"messages without a story", "sqs.queue", queue + `,"MessageRetentionPeriod":"90"}}`, none, "2026-01-31T03:01:30Z", "kept for 1m30s from when it was asked", "", ""},
		{"no retention told", "sqs.queue", queue + `}}`, m, "", "the answer names no retention", "", ""},
		{"a retention that is no number", "sqs.queue", queue + `,"MessageRetentionPeriod":"for ever"}}`, m, "", "", "", `MessageRetentionPeriod "for ever"`},
		{"a retention beyond SQS's", "sqs.queue", queue + `,"MessageRetentionPeriod":"99999999999"}}`, m, "", "", "", "MessageRetentionPeriod"},

		{"a key on its way out", "kms.key", key + `PendingDeletion","DeletionDate":"2026-02-07T00:00:00Z"}}`, m, "2026-02-07T00:00:00Z", "with it all that it encrypted", "cancel-key-deletion --key-id arn:aws:kms:eu-west-1:1:key/k", ""},
		{"a key that waits for replicas", "kms.key", key + `PendingReplicaDeletion","PendingDeletionWindowInDays":7}}`, m, "", "its 7 days begin when the last replica is gone", "", ""},
		{"a key in use", "kms.key", key + `Enabled"}}`, m, "", "", "", ""},
		{"a key without material", "kms.key", key + `PendingImport"}}`, m, "", "", "", ""},
		{"a date that is none", "kms.key", key + `PendingDeletion","DeletionDate":"soon"}}`, m, "", "", "", "its deletion date"},

		{"a secret with a date to come", "secretsmanager.secret", `{"ARN":"arn:s","DeletedDate":"2026-02-20T00:00:00Z"}`, m, "2026-02-20T00:00:00Z", "scheduled for deletion", "restore-secret --secret-id arn:s", ""},
		{"a secret deleted before it was asked", "secretsmanager.secret", `{"ARN":"arn:s","DeletedDate":"2026-01-30T23:30:00Z"}`, m, "2026-02-06T23:30:00Z", "the recovery window is 7 to 30 days", "restore-secret", ""},
		{"a secret in use", "secretsmanager.secret", `{"ARN":"arn:s"}`, m, "", "", "", ""},
		{"a secret with a date that is none", "secretsmanager.secret", `{"ARN":"arn:s","DeletedDate":"x"}`, m, "", "", "", "its deletion date"},

		{"a DynamoDB stream", "lambda.mappings", stream + `dynamodb:eu-west-1:1:table/t/stream/s"}]}`, m, "2026-01-31T23:00:00Z", "keep 24 hours", "", ""},
		{"a Kinesis stream", "lambda.mappings", stream + `kinesis:eu-west-1:1:stream/s"}]}`, m, "", "its retention is not in the case", "", ""},
		{"a queue tells of itself", "lambda.mappings", stream + `sqs:eu-west-1:1:q"}]}`, m, "", "", "", ""},
		{"self-managed Kafka names no source", "lambda.mappings", `{"EventSourceMappings":[{"UUID":"u"}]}`, m, "", "", "", ""},
		{"not a document", "lambda.mappings", `[]`, m, "", "", "", "cannot unmarshal"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := documents()[c.artefact]([]byte(c.doc), c.m)
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Fatalf("error %v, want %q", err, c.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.says == "" {
				if len(got) > 0 {
					t.Fatalf("told %+v", got)
				}
				return
			}
			if len(got) != 1 {
				t.Fatalf("told %+v", got)
			}
			d := got[0]
			if c.at != "" && !d.At.Equal(at(c.at)) || c.at == "" && !d.At.IsZero() {
				t.Errorf("at %s, want %q", d.At, c.at)
			}
			if text := d.What + ": " + d.Basis; !strings.Contains(text, c.says) {
				t.Errorf("says %q, want %q", text, c.says)
			}
			if c.stop == "none" && d.Stop != "" || c.stop != "none" && !strings.Contains(d.Stop, c.stop) {
				t.Errorf("proposes %q, want %q", d.Stop, c.stop)
			}
		})
	}
}

func TestExpiry(t *testing.T) {
	want := at("2026-01-31T04:05:06Z")
	for _, s := range []string{"Jan 31, 2026 4:05:06 AM", "Jan 31, 2026, 4:05:06 AM", "Jan 31, 2026, 4:05:06\u202fAM", "2026-01-31T04:05:06Z"} {
		if got, err := expiry(s); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
	if got, err := expiry("tomorrow"); err == nil || !got.IsZero() {
		t.Errorf("tomorrow is %v", got)
	}
}

// TestLife: how long a session lives, by the best that the records say.
func TestLife(t *testing.T) {
	issued, used := at("2026-01-31T00:00:00Z"), at("2026-01-31T01:00:00Z")
	for _, c := range []struct {
		l     life
		until string
		says  string
	}{
		{life{expires: at("2026-01-31T02:00:00Z"), issued: issued, used: used}, "2026-01-31T02:00:00Z", "by the answer"},
		{life{issued: issued, used: used}, "2026-02-01T12:00:00Z", "up to 36 h from issue, 01-31 00:00:00"},
		{life{used: used}, "2026-02-01T13:00:00Z", "before its first use"},
		{life{}, "", "do not say"},
	} {
		got := ""
		if u := c.l.until(); !u.IsZero() {
			got = u.Format(time.RFC3339)
		}
		if got != c.until || !strings.Contains(c.l.basis(), c.says) {
			t.Errorf("%+v ends %s (%s), want %s (%s)", c.l, got, c.l.basis(), c.until, c.says)
		}
	}
}
