package queue

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	qt "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// LookNeeds are the calls of who looks at a queue and into its dead letters. A message that is looked
// at is received, for SQS knows no other way: it is given back.
func LookNeeds() []awsapi.Need {
	need := func(op string, mutates bool) awsapi.Need {
		return awsapi.Need{Call: "SQS:" + op, Class: awsapi.Plumbing, Mutates: mutates, When: "with --queue", IAM: []awsapi.Grant{{Action: "sqs:" + op, Resource: "ARN of the queue, and of its dead-letter queue"}}}
	}
	return []awsapi.Need{need("GetQueueAttributes", false), need("ReceiveMessage", true), need("ChangeMessageVisibility", true)}
}

// Counts are what SQS says of how many messages there are: approximately, a minute late at times.
type Counts struct {
	Visible  int `json:"visible"`   // to be had
	InFlight int `json:"in_flight"` // somebody has them
	Delayed  int `json:"delayed"`   // to be had later
}

// Counts asks.
func (q *Queue) Counts(ctx context.Context) (Counts, error) {
	out, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &q.url, AttributeNames: []qt.QueueAttributeName{
		qt.QueueAttributeNameApproximateNumberOfMessages, qt.QueueAttributeNameApproximateNumberOfMessagesNotVisible, qt.QueueAttributeNameApproximateNumberOfMessagesDelayed}})
	if err != nil {
		return Counts{}, fmt.Errorf("asking how many messages %s has: %w", q.url, gone(err))
	}
	var c Counts
	for name, into := range map[string]*int{"ApproximateNumberOfMessages": &c.Visible, "ApproximateNumberOfMessagesNotVisible": &c.InFlight, "ApproximateNumberOfMessagesDelayed": &c.Delayed} {
		if *into, err = strconv.Atoi(out.Attributes[name]); err != nil {
			return Counts{}, fmt.Errorf("asking how many messages %s has: %s is %.40q", q.url, name, out.Attributes[name])
		}
	}
	return c, nil
}

// DeadLetterURL is that of the dead-letter queue, which is of the same account and region at the same
// endpoint; "" where there is none.
func (q *Queue) DeadLetterURL() (string, error) {
	if q.DeadLetter == "" {
		return "", nil
	}
	a, err := arn.Parse(q.DeadLetter)
	if err != nil || a.Service != "sqs" || a.AccountID == "" || a.Resource == "" || strings.Contains(a.Resource, "/") {
		return "", fmt.Errorf("the dead-letter queue %.200q is none", q.DeadLetter)
	}
	u, err := url.Parse(q.url)
	if err != nil {
		return "", fmt.Errorf("%w: %q", ErrURL, q.url)
	}
	u.Path = "/" + a.AccountID + "/" + a.Resource
	return u.String(), nil
}

const (
	// hidden is for how long messages that are looked at are kept from others, if they could not be
	// given back.
	hidden = 30 * time.Second
	atOnce = 10 // what SQS gives at most
)

// Peek looks at messages, at most so many, and gives them back. all: there are no others that could be
// had. Each look counts as one receipt.
func (q *Queue) Peek(ctx context.Context, most int) (seen []Message, all bool, err error) {
	known := map[string]bool{}
	defer func() {
		back := context.WithoutCancel(ctx)
		for i := range seen {
			if e := q.Later(back, &seen[i], 0); e != nil && !errors.Is(e, ErrLost) {
				err = errors.Join(err, fmt.Errorf("giving back a message that was looked at (it comes back by itself in %s): %w", hidden, e))
				return
			}
		}
	}()
	for len(seen) < most {
		out, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &q.url, MaxNumberOfMessages: int32(min(most-len(seen), atOnce)), WaitTimeSeconds: 1, VisibilityTimeout: int32(hidden / time.Second), // a wait of any length asks all of SQS's servers
			MessageSystemAttributeNames: []qt.MessageSystemAttributeName{qt.MessageSystemAttributeNameApproximateReceiveCount, qt.MessageSystemAttributeNameSentTimestamp},
		})
		if err != nil {
			return seen, false, fmt.Errorf("looking into the queue %s: %w", q.url, gone(err))
		}
		fresh := false
		for i := range out.Messages {
			m := messageOf(&out.Messages[i])
			if !known[m.ID] {
				known[m.ID], fresh = true, true
				seen = append(seen, *m)
			}
		}
		if !fresh {
			return seen, true, nil
		}
	}
	return seen, false, nil
}

// messageOf is a message as SQS gives it.
func messageOf(in *qt.Message) *Message {
	m := &Message{ID: aws.ToString(in.MessageId), Body: aws.ToString(in.Body), receipt: aws.ToString(in.ReceiptHandle)}
	m.Received, _ = strconv.Atoi(in.Attributes["ApproximateReceiveCount"])
	if ms, err := strconv.ParseInt(in.Attributes["SentTimestamp"], 10, 64); err == nil {
		m.Sent = time.UnixMilli(ms).UTC()
	}
	return m
}
