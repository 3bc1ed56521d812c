// Package queue takes messages from an SQS queue, one at a time, and keeps each from others for as
// long as the work on it lasts.
//
// SQS gives a message at least once, and to somebody else when its visibility ends. So who works on
// one must be able to do the same work twice; this package sees to it that it seldom happens, and
// that whoever has lost a message is told while working on it.
//
// Facts: visibility lasts 12 hours at most, counted from the receipt; a receipt handle is that of
// the last receipt; a dead-letter queue takes what was received more often than its source's
// maxReceiveCount says (SQS API Reference: ReceiveMessage, ChangeMessageVisibility).
package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	qt "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// Errors that callers branch on.
var (
	// ErrGone: there is no such queue, or it is no more.
	ErrGone = errors.New("no such queue")
	// ErrLost: somebody else has the message by now, or will get it; work on it must stop.
	ErrLost = errors.New("the message is not held any more")
	// ErrURL: what was given is no URL of a queue.
	ErrURL = errors.New("not the URL of a queue")
)

const (
	// Poll is how long a receive waits for a message, at most what SQS allows.
	Poll = 20 * time.Second
	// longest is how long a message can be kept from others, less what a call may take.
	longest = 12*time.Hour - 5*time.Minute
	// defaultVisibility is SQS's own.
	defaultVisibility = 30 * time.Second
)

// Needs are the calls on a queue. They are on what is the responders' own, in none of the accounts
// under investigation.
func Needs() []awsapi.Need {
	need := func(op string, mutates bool) awsapi.Need {
		return awsapi.Need{Call: "SQS:" + op, Class: awsapi.Plumbing, Mutates: mutates, When: "with --queue", IAM: []awsapi.Grant{{Action: "sqs:" + op, Resource: "queue ARN"}}}
	}
	return []awsapi.Need{need("GetQueueAttributes", false), need("ReceiveMessage", true), need("DeleteMessage", true), need("ChangeMessageVisibility", true)}
}

// SendNeeds are the calls of who fills a queue.
func SendNeeds() []awsapi.Need {
	return []awsapi.Need{{Call: "SQS:SendMessage", Class: awsapi.Plumbing, Mutates: true, When: "with --enqueue", IAM: []awsapi.Grant{{Action: "sqs:SendMessage", Resource: "queue ARN"}}}}
}

// Queue is one queue.
type Queue struct {
	client *sqs.Client
	url    string

	ARN        string
	Visibility time.Duration // for which a receipt keeps a message
	MaxBytes   int           // of a message; 0 where SQS did not say
	DeadLetter string        // ARN; "" where what fails for ever comes back for ever
	MaxReceive int           // after which the dead-letter queue takes it; 0 where there is none, or no number
}

// Message is one receipt of a message.
type Message struct {
	ID       string
	Body     string
	Received int       // how often, with this one; 0 where SQS did not say
	Sent     time.Time // zero where SQS did not say
	taken    time.Time
	receipt  string
}

// RegionOf is the region that a queue's URL names, "" where it names none.
func RegionOf(queueURL string) (string, error) {
	u, err := url.Parse(queueURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || len(strings.Split(strings.Trim(u.Path, "/"), "/")) != 2 {
		return "", fmt.Errorf("%w: %q (https://sqs.REGION.amazonaws.com/ACCOUNT/NAME)", ErrURL, queueURL)
	}
	for _, form := range []struct{ head, tail string }{{"sqs.", ".amazonaws.com"}, {"sqs.", ".amazonaws.com.cn"}, {"", ".queue.amazonaws.com"}} {
		if region, ok := strings.CutPrefix(u.Hostname(), form.head); ok {
			if region, ok = strings.CutSuffix(region, form.tail); ok {
				return region, nil
			}
		}
	}
	return "", nil
}

// Open asks what kind of queue it is. needs are Needs, SendNeeds or both.
func Open(ctx context.Context, s *awsapi.Session, queueURL string, needs []awsapi.Need) (*Queue, error) {
	q, err := Sender(s, queueURL, needs)
	if err != nil {
		return nil, err
	}
	out, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &q.url, AttributeNames: []qt.QueueAttributeName{qt.QueueAttributeNameAll}})
	if err != nil {
		return nil, fmt.Errorf("asking about the queue %s: %w", queueURL, gone(err))
	}
	a := out.Attributes
	q.ARN, q.Visibility = a["QueueArn"], defaultVisibility
	if n, err := strconv.Atoi(a["VisibilityTimeout"]); err == nil { // of less, most would go into holding it
		q.Visibility = max(time.Duration(n)*time.Second, defaultVisibility)
	}
	q.MaxBytes, _ = strconv.Atoi(a["MaximumMessageSize"])
	var redrive struct {
		Target string      `json:"deadLetterTargetArn"`
		Most   json.Number `json:"maxReceiveCount"` // AWS answers with a number or with its text
	}
	if policy := a["RedrivePolicy"]; policy != "" {
		if err := json.Unmarshal([]byte(policy), &redrive); err != nil {
			return nil, fmt.Errorf("the redrive policy of %s: %w", queueURL, err)
		}
		q.DeadLetter = redrive.Target
		q.MaxReceive, _ = strconv.Atoi(redrive.Most.String())
	}
	return q, nil
}

// Sender is a queue of which nothing is asked.
func Sender(s *awsapi.Session, queueURL string, needs []awsapi.Need) (*Queue, error) {
	region, err := RegionOf(queueURL)
	if err != nil {
		return nil, err
	}
	return &Queue{client: sqs.NewFromConfig(s.Config(region, needs)), url: queueURL}, nil
}

// Send puts a body into the queue.
func (q *Queue) Send(ctx context.Context, body string) error {
	if _, err := q.client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: &body}); err != nil {
		return fmt.Errorf("sending to the queue: %w", gone(err))
	}
	return nil
}

// Receive waits for a message, for wait at most (20 s is the most that SQS does); nil: there is none.
func (q *Queue) Receive(ctx context.Context, wait time.Duration) (*Message, error) {
	began := time.Now()
	out, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &q.url, MaxNumberOfMessages: 1, WaitTimeSeconds: int32(min(wait, Poll) / time.Second), VisibilityTimeout: int32(q.Visibility / time.Second),
		MessageSystemAttributeNames: []qt.MessageSystemAttributeName{qt.MessageSystemAttributeNameApproximateReceiveCount, qt.MessageSystemAttributeNameSentTimestamp},
	})
	if err != nil {
		return nil, fmt.Errorf("receiving from the queue: %w", gone(err))
	}
	if len(out.Messages) == 0 {
		return nil, nil
	}
	m := messageOf(&out.Messages[0])
	m.taken = began
	return m, nil
}

// Done takes the message out of the queue.
func (q *Queue) Done(ctx context.Context, m *Message) error {
	_, err := q.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &q.url, ReceiptHandle: &m.receipt})
	if err != nil {
		return fmt.Errorf("taking a message out of the queue: %w", lost(err))
	}
	return nil
}

// Later gives the message back: it is to be had again after a while (0 s to 12 h).
func (q *Queue) Later(ctx context.Context, m *Message, after time.Duration) error {
	return q.hide(ctx, m, after)
}

func (q *Queue) hide(ctx context.Context, m *Message, d time.Duration) error {
	_, err := q.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &q.url, ReceiptHandle: &m.receipt, VisibilityTimeout: int32(d / time.Second)})
	if err != nil {
		return fmt.Errorf("holding a message: %w", lost(err))
	}
	return nil
}

// Hold keeps the message from others while work on it goes on. The context that it gives is
// cancelled, with the cause ErrLost, when that is no longer so. stop ends holding, and gives what
// went wrong with it; the message is then hidden for as long as a receipt lasts at most.
func (q *Queue) Hold(ctx context.Context, m *Message) (held context.Context, stop func() error) {
	held, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cancel(q.hold(held, m))
	}()
	return held, func() error {
		cancel(nil)
		<-ended
		if cause := context.Cause(held); errors.Is(cause, ErrLost) {
			return cause
		}
		return nil
	}
}

// hold prolongs every third of the time for which the message is kept, so that two calls may fail
// before it is lost. It returns when the context ends, or with why the message is not held.
func (q *Queue) hold(ctx context.Context, m *Message) error {
	every, until := max(q.Visibility/3, time.Second), m.taken.Add(q.Visibility)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
		}
		began := time.Now()
		if began.Add(q.Visibility).After(m.taken.Add(longest)) {
			return fmt.Errorf("%w: SQS keeps none from others for more than 12 hours", ErrLost)
		}
		switch err := q.hide(ctx, m, q.Visibility); {
		case err == nil:
			until = began.Add(q.Visibility)
		case errors.Is(err, ErrLost) || errors.Is(err, ErrGone):
			return fmt.Errorf("%w: %w", ErrLost, err)
		case ctx.Err() == nil && !time.Now().Add(every).Before(until):
			return fmt.Errorf("%w: it could not be kept: %w", ErrLost, err)
		}
	}
}

// gone tells of a queue that is not there.
func gone(err error) error {
	if api, ok := errors.AsType[smithy.APIError](err); ok && (strings.HasSuffix(api.ErrorCode(), "QueueDoesNotExist") || strings.HasSuffix(api.ErrorCode(), "NonExistentQueue")) {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	return err
}

// lost tells of a message that is another's.
func lost(err error) error {
	if api, ok := errors.AsType[smithy.APIError](err); ok && (strings.HasSuffix(api.ErrorCode(), "MessageNotInflight") || api.ErrorCode() == "ReceiptHandleIsInvalid" || api.ErrorCode() == "InvalidParameterValue") {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	return gone(err)
}
