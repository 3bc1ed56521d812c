package awssim

import (
	"context"
	"encoding/json"
	"strings"
	"time"
)

// pollEvery is how often a call that waits for messages looks again.
const pollEvery = 50 * time.Millisecond

// await keeps a ReceiveMessage back that asks to wait, until there is a message or its time is
// over: outside of the lock, or nobody could send one meanwhile.
func (c *Cloud) await(ctx context.Context, t target, body *bodyOf) {
	if t.service.name != "sqs" || t.opName != "ReceiveMessage" || body == nil {
		return
	}
	var in struct {
		QueueURL string `json:"QueueUrl"`
		Wait     *int   `json:"WaitTimeSeconds"`
	}
	if json.Unmarshal(body.bytes, &in) != nil {
		return
	}
	for until := time.Now().Add(c.waits(t.region, in.QueueURL, in.Wait)); time.Now().Before(until); {
		select {
		case <-time.After(pollEvery):
		case <-ctx.Done():
			return
		}
		if c.waits(t.region, in.QueueURL, in.Wait) == 0 {
			return
		}
	}
}

// waits is how long a receive may wait: not at all while there is a message, or no such queue.
func (c *Cloud) waits(region, url string, asked *int) time.Duration {
	part := strings.Split(url, "/")
	if len(part) < 2 {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	q := c.sqs.at(part[len(part)-2], region, newSQSState).queues[part[len(part)-1]]
	if q == nil {
		return 0
	}
	now := c.cfg.Clock.Now()
	for _, m := range q.messages {
		if !m.visible.After(now) {
			return 0
		}
	}
	if asked != nil {
		return time.Duration(min(max(*asked, 0), 20)) * time.Second
	}
	return q.seconds("ReceiveMessageWaitTimeSeconds", 0)
}
