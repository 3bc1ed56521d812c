package awssim

import (
	"crypto/md5" // SQS answers with MD5 digests of bodies
	"strconv"
	"time"
)

// sqsState is SQS in one account and region.
type sqsState struct{ queues map[string]*queue }

func newSQSState() *sqsState { return &sqsState{queues: map[string]*queue{}} }

type queue struct {
	name, arn  string
	attributes map[string]string // as set: VisibilityTimeout, RedrivePolicy, Policy, ...
	tags       map[string]string
	messages   []*message
	created    time.Time
	modified   time.Time
	next       int
}

type message struct {
	id, body, receipt string
	sent              time.Time
	visible           time.Time // not before
	received          int
	first             time.Time
}

// deliver puts a body into a queue of this account and region, as a service does.
func (s *sqsState) deliver(queueARN, body string) bool {
	for _, q := range s.queues {
		if q.arn == queueARN {
			q.add("service-"+strconv.Itoa(q.next), body, time.Time{}, 0)
			return true
		}
	}
	return false
}

func (q *queue) add(id, body string, now time.Time, delay time.Duration) *message {
	m := &message{id: id, body: body, sent: now, visible: now.Add(delay)}
	q.next++
	q.messages = append(q.messages, m)
	return m
}

func md5Hex(s string) string {
	sum := md5.Sum([]byte(s)) // see above
	return hexOf(sum[:])
}

// seconds reads a numeric attribute.
func (q *queue) seconds(name string, otherwise int) time.Duration {
	n, err := strconv.Atoi(q.attributes[name])
	if err != nil {
		n = otherwise
	}
	return time.Duration(n) * time.Second
}

func (s *sqsState) objects(account, region string, put putObject) {
	for name, q := range s.queues {
		bodies := []string{}
		for _, m := range q.messages {
			bodies = append(bodies, m.body)
		}
		put("sqs/"+account+"/"+region+"/"+name, map[string]any{"attributes": q.attributes, "tags": q.tags, "messages": bodies}, q.created.UTC())
	}
}
