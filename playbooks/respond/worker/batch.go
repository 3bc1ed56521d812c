package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/queue"
)

// Batch deals with what an event source mapping hands to a Lambda function: messages that Lambda has
// received, keeps from others and takes out of the queue, but for those that the answer names. So the
// mapping has to have ReportBatchItemFailures, or what is named there is taken out too.
type Batch struct {
	Handlers []Handler
	Parallel int
	// Minute is called for a scheduled event; nil: nothing.
	Minute func(ctx context.Context) error
	Tell   func(Report) // one call at a time
}

// ErrEvent: the event is neither messages of a queue nor a schedule's.
var ErrEvent = errors.New("no event of SQS or of a schedule")

// ErrDeadline is why work stops before the function's time is over.
var ErrDeadline = errors.New("the time of this invocation is nearly over")

// margin is how long before its end an invocation stops: closing a journal and handing messages back
// is a second's work, a refused connection may take longer.
const margin = 20 * time.Second

// Failed names a message that is to come again.
type Failed struct {
	ID string `json:"itemIdentifier"`
}

// Answer is what Lambda wants to know of a batch.
type Answer struct {
	Failures []Failed `json:"batchItemFailures"`
}

type event struct {
	Records []struct {
		ID         string `json:"messageId"`
		Body       string `json:"body"`
		Source     string `json:"eventSource"`
		Attributes struct {
			Received string `json:"ApproximateReceiveCount"`
			Sent     string `json:"SentTimestamp"`
		} `json:"attributes"`
	} `json:"Records"`
	Type string `json:"detail-type"`
}

// Handle deals with one event. It stops a margin before ctx ends, and hands back what is left.
func (b *Batch) Handle(ctx context.Context, raw json.RawMessage) (Answer, error) {
	none := Answer{Failures: []Failed{}}
	var e event
	if err := json.Unmarshal(raw, &e); err != nil {
		return none, fmt.Errorf("%w: %w", ErrEvent, err)
	}
	working, cancel := early(ctx)
	defer cancel()
	if len(e.Records) == 0 {
		switch {
		case e.Type != "Scheduled Event":
			return none, ErrEvent
		case b.Minute == nil:
			return none, nil
		}
		return none, b.Minute(working)
	}
	messages := make([]*queue.Message, 0, len(e.Records))
	for _, r := range e.Records {
		if r.Source != "aws:sqs" {
			return none, fmt.Errorf("%w: a record of %q", ErrEvent, r.Source)
		}
		m := &queue.Message{ID: r.ID, Body: r.Body}
		m.Received, _ = strconv.Atoi(r.Attributes.Received)
		if ms, err := strconv.ParseInt(r.Attributes.Sent, 10, 64); err == nil {
			m.Sent = time.UnixMilli(ms).UTC()
		}
		messages = append(messages, m)
	}
	return b.all(working, messages), nil
}

// early ends a margin before ctx does, of a short time a quarter before.
func early(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadlineCause(ctx, end.Add(-min(margin, time.Until(end)/4)), ErrDeadline)
}

func (b *Batch) all(ctx context.Context, messages []*queue.Message) Answer {
	var mu sync.Mutex
	var working sync.WaitGroup
	failed := map[string]bool{}
	free := make(chan struct{}, max(b.Parallel, 1))
	for _, m := range messages {
		free <- struct{}{}
		working.Go(func() {
			defer func() { <-free }()
			r := b.one(ctx, m)
			mu.Lock()
			defer mu.Unlock()
			failed[m.ID] = r.Fate != Done
			b.Tell(r)
		})
	}
	working.Wait()
	out := Answer{Failures: []Failed{}}
	for _, m := range messages {
		if failed[m.ID] && !slices.Contains(out.Failures, Failed{m.ID}) {
			out.Failures = append(out.Failures, Failed{m.ID})
		}
	}
	return out
}

func (b *Batch) one(ctx context.Context, m *queue.Message) Report {
	r := Report{ID: m.ID, SHA256: sum(m.Body), Received: m.Received, Fate: Back}
	if ctx.Err() != nil {
		r.Err = context.Cause(ctx)
		return r
	}
	var settled bool
	if settled, r.Err = dispatch(ctx, b.Handlers, m); settled {
		r.Fate = Done
	}
	return r
}
